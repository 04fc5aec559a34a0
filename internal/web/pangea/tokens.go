package pangea

import (
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
)

// credential is a token with what it stands for. A check of a token answers
// the same without the token.
type credential struct {
	Token     string            `json:"token,omitempty"`
	ID        string            `json:"id"`
	Type      string            `json:"type"`
	Life      int64             `json:"life"` // remaining seconds, 1 at least
	Expire    string            `json:"expire"`
	Enabled   bool              `json:"enabled"`
	Identity  string            `json:"identity"`
	Email     string            `json:"email"`
	Owner     string            `json:"owner"` // the username, where the React package looks for it
	Scopes    []string          `json:"scopes"`
	Profile   map[string]string `json:"profile"`
	CreatedAt string            `json:"created_at"`
	ClientID  string            `json:"client_id,omitempty"` // of the application that it was given to
}

// tokenPair is what a completed sign-in or a refresh gives.
type tokenPair struct {
	RefreshToken credential `json:"refresh_token"`
	ActiveToken  credential `json:"active_token"`
}

// The vendor's types of token.
const (
	typeUser    = "user"
	typeSession = "session"
)

func credentials(g core.Grant) tokenPair {
	return tokenPair{
		RefreshToken: newCredential(g.User, g.Refresh, typeSession, prefixRefresh),
		ActiveToken:  newCredential(g.User, g.Access, typeUser, prefixUserTok),
	}
}

func newCredential(u core.User, c core.Credential, kind, prefix string) credential {
	shown := describe(u, kind, c.ID, c.CreatedAt, c.ExpiresAt)
	shown.Token = c.Token
	if c.Token != "" && !session.LooksSigned(c.Token) { // an application may have none to refresh with
		shown.Token = prefix + c.Token
	}
	return shown
}

func describe(u core.User, kind, id string, created, expires time.Time) credential {
	return credential{
		ID: show(prefixTokenID, id), Type: kind, Life: remaining(expires), Expire: showTime(expires), Enabled: !u.Disabled,
		Identity: UserID(u.ID), Email: u.Email, Owner: u.Username, Scopes: []string{}, Profile: u.Profile, CreatedAt: showTime(created),
	}
}

// remains reports whether a time is still to come.
func remains(until time.Time) bool { return time.Now().Before(until) }

// remaining is in seconds, rounded up, and never 0: the Python SDK refuses that.
func remaining(until time.Time) int64 {
	return max(1, int64((time.Until(until)+time.Second-1)/time.Second))
}
