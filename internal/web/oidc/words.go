package oidc

import (
	"net/url"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// Words is where the endpoints are, and how what travels is spelled. A reader
// returns what matches nothing for a text that is none.
type Words struct {
	Paths Paths

	ClientID     func(core.ApplicationID) string
	ReadClientID func(string) core.ApplicationID
	ReadSecret   func(string) secret.Text
	ReadCode     func(string) string

	Access      func(string) string // of an opaque token; a signed one is as it is
	ReadAccess  func(string) string // of either
	Refresh     func(string) string
	ReadRefresh func(string) string
	Client      func(string) string // of an application's own token
	ReadClient  func(string) string

	// More is what the answer about a person's token says besides the standard's
	// own, of a person as the application may see them, with the pool's claims.
	More func(core.User, map[string]string) map[string]any
}

// Paths are those of the endpoints whose places are no standard's to name, at
// the hosts of a pool and under /p/{pool}.
type Paths struct {
	Authorize, Token, DeviceAuthorization, Introspect, Revoke, Logout, UserInfo, Keys string
	// Device is the page on which people type in what a device shows.
	Device string
}

// AuthorizeLink is where people begin anew whom an application sent, with what
// it asked for: base is the path before the pool's pages. An address may be
// filled in.
func (w Words) AuthorizeLink(base string, a core.Authorization, state string, signup bool, email string) string {
	q := url.Values{"response_type": {"code"}, "client_id": {w.ClientID(a.Application)}}
	for name, value := range map[string]string{"redirect_uri": a.Redirect, "scope": strings.Join(a.Scopes, " "), "state": state, "nonce": a.Nonce, "code_challenge": a.Challenge, "login_hint": email} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if a.Challenge != "" {
		q.Set("code_challenge_method", challengeMethod)
	}
	var prompt []string
	if signup {
		prompt = append(prompt, promptCreate)
	}
	if a.Ask {
		prompt = append(prompt, promptConsent)
	}
	if len(prompt) > 0 {
		q.Set("prompt", strings.Join(prompt, " "))
	}
	return base + w.Paths.Authorize + "?" + q.Encode()
}
