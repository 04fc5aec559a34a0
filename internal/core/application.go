package core

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Application is a program that uses a pool.
type Application struct {
	ID        ApplicationID
	Name      string
	Client    Client
	CreatedAt time.Time
	UpdatedAt time.Time // zero before the first change
	Version   int64     // grows with each change
}

// Client is what an application is to OAuth 2.0. The zero value is none.
type Client struct {
	// Grants are the ways in which it comes to tokens; empty: it is no client.
	Grants []GrantKind `json:"grants,omitempty"`
	// Auth is how it proves who it is.
	Auth ClientAuth `json:"auth,omitempty"`
	// Redirects are where people are sent back to, and LogoutRedirects where
	// those who sign out are.
	Redirects       []string `json:"redirects,omitempty"`
	LogoutRedirects []string `json:"logout_redirects,omitempty"`
	// BackchannelLogout is where it is told that a session ended which it was
	// given (OpenID Connect Back-Channel Logout 1.0); empty: it is not.
	BackchannelLogout string `json:"backchannel_logout,omitempty"`
	// Scopes are what it may ask for, and DefaultScopes what it gets where it
	// asks for none.
	Scopes        []string `json:"scopes,omitempty"`
	DefaultScopes []string `json:"default_scopes,omitempty"`
	// Audience is for whom its tokens are, besides the setting oauth.audience.
	Audience []string `json:"audience,omitempty"`
	// TokenLife is how long its access tokens work; 0: as the pool says.
	TokenLife Duration `json:"token_life,omitempty"`
}

// GrantKind is a way to tokens (RFC 6749 section 1.3).
type GrantKind string

// The kinds of grant.
const (
	GrantCode    GrantKind = "authorization_code"
	GrantRefresh GrantKind = "refresh_token"
	GrantClient  GrantKind = "client_credentials"
	GrantDevice  GrantKind = "urn:ietf:params:oauth:grant-type:device_code" // RFC 8628
)

// GrantKinds lists them.
func GrantKinds() []GrantKind {
	return []GrantKind{GrantCode, GrantRefresh, GrantClient, GrantDevice}
}

// ClientAuth is how a client proves who it is (RFC 7591 section 2).
type ClientAuth string

// The ways in which clients prove who they are.
const (
	ClientAuthBasic ClientAuth = "client_secret_basic"
	ClientAuthPost  ClientAuth = "client_secret_post"
	ClientAuthNone  ClientAuth = "none" // it cannot: it runs in people's hands
)

// ClientAuths lists them.
func ClientAuths() []ClientAuth { return []ClientAuth{ClientAuthBasic, ClientAuthPost, ClientAuthNone} }

// Public reports whether the client keeps no secret (RFC 6749 section 2.1).
func (c Client) Public() bool { return c.Auth == ClientAuthNone }

// May reports whether the client comes to tokens in this way.
func (c Client) May(grant GrantKind) bool { return slices.Contains(c.Grants, grant) }

// MatchRedirect returns the address to send a browser to: the one asked for if
// it is registered, or the only one there is where none is asked for, or
// otherwise, if that is one of them.
func (c Client) MatchRedirect(asked, otherwise string) (string, bool) {
	if asked != "" {
		return matchRedirect(c.Redirects, asked)
	}
	if len(c.Redirects) == 1 {
		return c.Redirects[0], true
	}
	return otherwise, slices.Contains(c.Redirects, otherwise)
}

// MatchLogoutRedirect is MatchRedirect for who signs out.
func (c Client) MatchLogoutRedirect(asked string) (string, bool) {
	return matchRedirect(c.LogoutRedirects, asked)
}

const (
	maxClientRedirects = 100
	maxAudience        = 20
	// MaxScopes is how many scopes one request or client may have, and
	// MaxScopeText how long they may be together, in bytes.
	MaxScopes    = 50
	MaxScopeText = 2 << 10
)

// Check returns what is wrong with an application in a pool of these settings.
func (a Application) Check(s Settings) error {
	var problems []Problem
	wrong := func(code ProblemCode, pointer, format string, args ...any) {
		problems = append(problems, Problem{code, pointer, fmt.Sprintf(format, args...)})
	}
	if a.Name == "" || plainText(a.Name, 100) != nil {
		wrong(ProblemFormat, "/name", "An application's name has 1 to 100 bytes of plain text on one line.")
	}
	c := a.Client
	if err := someOf(c.Grants, GrantKinds()); err != nil {
		wrong(ProblemChoice, "/grants", "The list %s.", err)
	}
	switch auth := oneOf(c.Auth, ClientAuths()...); {
	case len(c.Grants) == 0:
	case auth != nil:
		wrong(ProblemChoice, "/auth", "This %s.", auth)
	case c.Public() && c.May(GrantClient):
		wrong(ProblemState, "/auth", "Who comes to tokens by client_credentials alone has to have a secret.")
	}
	if c.May(GrantRefresh) && !c.May(GrantCode) && !c.May(GrantDevice) {
		wrong(ProblemState, "/grants", "refresh_token goes with authorization_code or a device code.")
	}
	if c.May(GrantCode) && len(c.Redirects) == 0 {
		wrong(ProblemRequired, "/redirects", "Who asks for an authorization_code needs an address to which people are sent back.")
	}
	for pointer, list := range map[string][]string{"/redirects": c.Redirects, "/logout_redirects": c.LogoutRedirects} {
		if len(list) > maxClientRedirects {
			wrong(ProblemTooLarge, pointer, "There are at most %d addresses.", maxClientRedirects)
		}
		for _, uri := range list {
			if err := CheckRedirect(uri); err != nil {
				wrong(ProblemFormat, pointer, "The list has %q, which %s.", uri, err)
			}
		}
	}
	if err := checkWebhook(c.BackchannelLogout); err != nil || strings.HasSuffix(c.BackchannelLogout, "#") {
		wrong(ProblemFormat, "/backchannel_logout", "The address at which it is told of logouts must be https without user and fragment, or http on this machine.")
	}
	if len(c.Scopes) > MaxScopes || len(strings.Join(c.Scopes, " ")) > MaxScopeText {
		wrong(ProblemTooLarge, "/scopes", "There are at most %d scopes, of %d bytes together.", MaxScopes, MaxScopeText)
	}
	for i, name := range c.Scopes {
		if _, known := s.Scope(name); !known || slices.Contains(c.Scopes[:i], name) {
			wrong(ProblemChoice, "/scopes", "The list has %q twice, or it is none of openid, profile, email, offline_access and the scopes of oauth.scopes.", name)
		}
	}
	if err := someOf(c.DefaultScopes, c.Scopes); err != nil {
		wrong(ProblemChoice, "/default_scopes", "The list %s.", err)
	}
	if err := checkAudience(c.Audience); err != nil {
		wrong(ProblemFormat, "/audience", "The list %s.", err)
	}
	if c.TokenLife != 0 {
		if err := within(c.TokenLife, time.Minute, 365*24*time.Hour); err != nil {
			wrong(ProblemFormat, "/token_life", "This %s.", err)
		}
	}
	if len(problems) == 0 {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return strings.Compare(a.Pointer, b.Pointer) })
	return Invalid(problems...)
}

// ApplicationSecret is one of the secrets by which an application proves who
// it is, without the secret. It may have several, so that one takes over from
// another.
type ApplicationSecret struct {
	ID          ApplicationSecretID
	Application ApplicationID
	Name        string
	Description string
	Metadata    map[string]string // the operator's own, never a secret
	CreatedAt   time.Time
	ExpiresAt   time.Time // zero: does not expire
	RevokedAt   time.Time // zero: not revoked
}

// Alive reports whether the secret opens anything at this time.
func (s ApplicationSecret) Alive(now time.Time) bool {
	return s.RevokedAt.IsZero() && (s.ExpiresAt.IsZero() || now.Before(s.ExpiresAt))
}

// Check returns what is wrong with what an operator wrote about a secret.
func (s ApplicationSecret) Check() error {
	var problems []Problem
	if plainText(s.Name, 100) != nil {
		problems = append(problems, Problem{ProblemFormat, "/name", "A secret's name has at most 100 bytes of plain text on one line."})
	}
	if plainText(s.Description, 1000) != nil {
		problems = append(problems, Problem{ProblemFormat, "/description", "A description has at most 1000 bytes of plain text on one line."})
	}
	if len(s.Metadata) > 20 {
		problems = append(problems, Problem{ProblemTooLarge, "/metadata", "There are at most 20 entries."})
	}
	for name, value := range s.Metadata {
		if name == "" || plainText(name, 64) != nil || plainText(value, 500) != nil {
			problems = append(problems, Problem{ProblemFormat, "/metadata", "An entry has a name of 1 to 64 bytes and a value of at most 500, both plain text on one line."})
			break
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return Invalid(problems...)
}

// ClientToken is what an application's own token stands for: the application,
// and no person.
type ClientToken struct {
	ID          TokenID
	Application ApplicationID
	Scopes      []string
	CreatedAt   time.Time
	ExpiresAt   time.Time
}
