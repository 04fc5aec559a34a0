package oidc

import (
	"net/http"
	"slices"
	"strings"
)

// route is one path of the server.
type route struct {
	path    string
	methods []string
	run     func(s *Server, w http.ResponseWriter, v *visit) error
	// page: people come here with a browser, and see a page where something is
	// wrong.
	page bool
	// anySite: pages of any site may call it (CORS).
	anySite bool
	// bodiless: a POST may come without a form.
	bodiless bool
	// inserted: the path of a pool may stand behind it too (RFC 8414 section 3.1).
	inserted bool
}

// routes is every path of the server. Each is at the hosts of a pool, and for
// every pool under /p/{pool}.
func routes(p Paths) []route {
	get, post := []string{http.MethodGet, http.MethodHead}, []string{http.MethodPost}
	both := slices.Concat(get, post)
	return []route{
		{path: "/.well-known/openid-configuration", methods: get, run: (*Server).metadata, anySite: true, inserted: true},
		{path: "/.well-known/oauth-authorization-server", methods: get, run: (*Server).metadata, anySite: true, inserted: true},
		{path: p.Keys, methods: get, run: (*Server).keys, anySite: true},
		{path: p.Authorize, methods: both, run: (*Server).authorize, page: true},
		{path: p.Token, methods: post, run: (*Server).token, anySite: true},
		{path: p.DeviceAuthorization, methods: post, run: (*Server).device, anySite: true},
		{path: p.Introspect, methods: post, run: (*Server).introspect, anySite: true},
		{path: p.Revoke, methods: post, run: (*Server).revoke, anySite: true},
		{path: p.UserInfo, methods: both, run: (*Server).userInfo, anySite: true, bodiless: true},
		{path: p.Logout, methods: both, run: (*Server).logout, page: true, anySite: true},
	}
}

// allow is the methods that a route takes, as the Allow header lists them.
func (rt route) allow() string {
	methods := rt.methods
	if rt.anySite {
		methods = append([]string{http.MethodOptions}, methods...)
	}
	return strings.Join(methods, ", ")
}
