package hosted

import "net/http"

// page answers a visit, or returns why not.
type page func(p *Pages, w http.ResponseWriter, v *visit) error

// route is one path of the pages.
type route struct {
	path    string
	get     page // and HEAD
	post    page // nil: refused
	global  bool // at this very path, and no pool's
	develop bool // only there with an inbox
	anyone  bool // it is the same for everybody, so that its time tells nothing
	foreign bool // its forms are sent from other sites, and are larger
}

// routes is every path of the pages. Each but the global ones is at the hosts
// of a pool, and for every pool under /p/{pool}.
func routes() []route {
	return []route{
		{path: "/{$}", get: (*Pages).authorize},
		{path: "/authorize", get: (*Pages).authorize},
		{path: "/flow/{id}", get: (*Pages).showFlow, post: (*Pages).answerFlow},
		{path: "/flow/oauth/{provider}", get: (*Pages).toProvider},
		{path: "/flow/oauth/{provider}/callback", get: (*Pages).fromProvider},
		{path: "/flow/saml/{provider}", get: (*Pages).toSAML},
		{path: "/flow/saml/{provider}/acs", post: (*Pages).takeSAML, foreign: true},
		{path: "/flow/saml/{provider}/return", get: (*Pages).fromSAML},
		{path: "/flow/saml/{provider}/begin", get: (*Pages).beginSAML},
		{path: "/flow/saml/{provider}/metadata", get: (*Pages).samlMetadata, anyone: true},
		{path: "/link", get: (*Pages).showLink, post: (*Pages).openLink},
		{path: "/invitation", get: (*Pages).showInvitation, post: (*Pages).acceptInvitation},
		{path: "/device", get: (*Pages).showDevice, post: (*Pages).connectDevice},
		{path: "/device/again", get: (*Pages).againForDevice},
		{path: "/device/done", get: (*Pages).deviceDone, anyone: true},
		{path: "/device/refused", get: (*Pages).deviceRefused, anyone: true},
		{path: "/login-success", get: (*Pages).loginSuccess, anyone: true},
		{path: "/logout", get: (*Pages).logout, post: (*Pages).logout},

		{path: "/.well-known/jwks.json", get: (*Pages).keySet, anyone: true},

		{path: "/brand.css", get: (*Pages).brandStyle, anyone: true},

		{path: "/assets/{file}", get: (*Pages).asset, global: true},
		{path: "/dev/inbox", get: (*Pages).inbox, global: true, develop: true},
		{path: "/dev/inbox.json", get: (*Pages).inboxJSON, global: true, develop: true},
	}
}

// allow is the methods that a route takes, as the Allow header lists them.
func (rt route) allow() string {
	if rt.get == nil {
		return "POST"
	}
	if rt.post != nil {
		return "GET, HEAD, POST"
	}
	return "GET, HEAD"
}
