package source

import (
	"regexp"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// kind is a line of the table of providers: how one is spoken to, and whether
// its word for an address is taken.
type kind struct {
	name   core.ProviderKind
	issuer string   // its own; empty: each pool names one
	scopes []string // that are needed
	// trusted: an address that it calls verified is one whose mailbox the person
	// reads. It holds for the kind's own issuer only; else the pool has to say so.
	trusted bool
	why     string // trusted or not
	oauth   *oauth // nil: it speaks OpenID Connect
	// issues reports whether a token may have this issuer, where the
	// configuration has that one. Nil: they are the same.
	issues func(configured, token string, claims claims) bool
	// verified reads from the claims whether the address is verified. Nil:
	// email_verified is the boolean true.
	verified func(claims claims) bool
	// noNonce: its tokens do not repeat a nonce. Then none is sent.
	noNonce bool
}

// kinds is every kind that is asked over OAuth 2.0.
func kinds() []kind {
	openid := []string{"openid", "email", "profile"}
	return []kind{
		{name: core.ProviderGoogle, issuer: "https://accounts.google.com", scopes: openid, trusted: true,
			why: "verifies each address before it says so"},
		{name: core.ProviderMicrosoft, issuer: "https://login.microsoftonline.com/common/v2.0", scopes: openid, issues: tenantIssues, verified: domainOwned,
			why: "an address is what the administrator of any tenant writes; only the claim xms_edov says that its domain is the tenant's"},
		{name: core.ProviderGitLab, issuer: "https://gitlab.com", scopes: openid, trusted: true,
			why: "gitlab.com takes no account into use before its address is confirmed; installations of others need not"},
		{name: core.ProviderLinkedIn, issuer: "https://www.linkedin.com/oauth", scopes: openid, trusted: true, noNonce: true,
			why: "says of each address whether it is verified"},
		{name: core.ProviderOpenID, scopes: openid,
			why: "anybody can run one and say anything"},
		{name: core.ProviderGitHub, issuer: "https://github.com", scopes: []string{"read:user", "user:email"}, trusted: true, oauth: gitHub(),
			why: "lists addresses with whether they are verified, and the primary one is taken if it is"},
		{name: core.ProviderFacebook, issuer: "https://www.facebook.com", scopes: []string{"email", "public_profile"}, oauth: facebook(),
			why: "does not say whether an address is verified"},
	}
}

// kindOf finds the line of a provider. false for one that is not asked so.
func kindOf(p core.Provider) (kind, bool) {
	for _, k := range kinds() {
		if k.name == p.Kind {
			return k, true
		}
	}
	return kind{}, false
}

// issuerOf is whose tokens are taken.
func (k kind) issuerOf(p core.Provider) string {
	if p.Issuer != "" {
		return p.Issuer
	}
	return k.issuer
}

// trusts reports whether the provider is believed where it calls an address
// verified.
func (k kind) trusts(p core.Provider) bool {
	return p.TrustEmail || k.trusted && k.issuerOf(p) == k.issuer
}

// tenantIssues is for a configuration that stands for many tenants: the token
// names its own, by an id that nobody chooses.
func tenantIssues(configured, token string, c claims) bool {
	tenant := c.text("tid")
	return token != "" && regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`).MatchString(tenant) &&
		strings.ReplaceAll(configured, "{tenantid}", tenant) == token
}

// domainOwned reads xms_edov, which some tenants send as a number.
func domainOwned(c claims) bool { return c["xms_edov"] == true || c["xms_edov"] == float64(1) }
