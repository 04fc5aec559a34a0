package authn

import (
	"context"
	"encoding/json"
	"iter"
)

// SessionService lists and ends the sessions of everybody in the pool. It needs
// a service token. What a person does with their own sessions is in
// [ClientSessionService].
type SessionService struct{ t *transport }

// Session is a session, from sign-in to its end. It is told by its refresh
// token, whose id is the session's, and without what opens anything.
type Session struct {
	TokenInfo              // CreatedAt is when the person signed in; Expire moves with each refresh
	ActiveToken *TokenInfo `json:"active_token,omitempty"` // the newest; nil once it has run out
}

// SessionFilter says which sessions a list is of. All that it says must hold; a
// field that is left zero says nothing.
type SessionFilter struct {
	ID            TextFilter
	ActiveTokenID TextFilter
	Identity      TextFilter // the person's id
	Email         TextFilter
	Username      TextFilter
	Type          TextFilter // TypeSession for every session
	CreatedAt     TimeFilter
	Expire        TimeFilter
	Enabled       *bool
	Scopes        []string
	Profile       map[string]ProfileFilter // by the name of a field
}

// MarshalJSON writes the filter as the server reads it: by keys such as
// "email__contains".
func (f SessionFilter) MarshalJSON() ([]byte, error) {
	keys := map[string]any{}
	for name, c := range map[string]TextFilter{
		"id": f.ID, "active_token_id": f.ActiveTokenID, "identity": f.Identity, "email": f.Email, "username": f.Username, "type": f.Type,
	} {
		c.put(keys, name)
	}
	for name, c := range map[string]TimeFilter{"created_at": f.CreatedAt, "expire": f.Expire} {
		c.put(keys, name)
	}
	put(keys, "enabled", f.Enabled, f.Enabled != nil)
	put(keys, "scopes", f.Scopes, len(f.Scopes) > 0)
	putProfile(keys, f.Profile)
	return json.Marshal(keys)
}

// SessionOrderBy is what a list of sessions is ordered by.
type SessionOrderBy string

// What sessions can be ordered by.
const (
	SessionsByID            SessionOrderBy = "id"
	SessionsByCreatedAt     SessionOrderBy = "created_at"
	SessionsByType          SessionOrderBy = "type"
	SessionsByIdentity      SessionOrderBy = "identity"
	SessionsByEmail         SessionOrderBy = "email"
	SessionsByExpire        SessionOrderBy = "expire"
	SessionsByActiveTokenID SessionOrderBy = "active_token_id"
)

// SessionListRequest asks for a page of sessions. The zero value asks for the
// first page of all.
type SessionListRequest struct {
	Filter  SessionFilter  `json:"filter"`
	Order   Order          `json:"order,omitempty"`
	OrderBy SessionOrderBy `json:"order_by,omitempty"`
	Size    int            `json:"size,omitempty"` // of a page; the server's own measure if it is 0
	Last    string         `json:"last,omitempty"` // Last of the page before
}

// SessionPage is a page of sessions.
type SessionPage struct {
	Sessions []Session `json:"sessions"`
	Count    int64     `json:"count"` // how many there are on all pages
	Last     string    `json:"last"`  // asks for the next page; empty on the last one
}

// List returns one page of the sessions that meet the filter. What has ended or
// run out is not among them. It calls /v2/session/list.
func (s SessionService) List(ctx context.Context, r SessionListRequest) (*SessionPage, error) {
	return result[SessionPage](ctx, s.t, "v2/session/list", r)
}

// All returns every session that meets the filter, asking for one page after
// the other while the loop goes on. After an error it ends.
func (s SessionService) All(ctx context.Context, r SessionListRequest) iter.Seq2[Session, error] {
	return every(r.Last, func(last string) ([]Session, string, error) {
		r.Last = last
		page, err := s.List(ctx, r)
		if err != nil {
			return nil, "", err
		}
		return page.Sessions, page.Last, nil
	})
}

// SessionInvalidateRequest ends a session.
type SessionInvalidateRequest struct {
	SessionID     string `json:"session_id"`
	UserInitiated bool   `json:"user_initiated,omitempty"` // the person asked for it, as the audit trail then says
}

// Invalidate ends a session. One that is unknown or over is [StatusNotFound].
// It calls /v2/session/invalidate.
func (s SessionService) Invalidate(ctx context.Context, r SessionInvalidateRequest) error {
	return s.t.post(ctx, "v2/session/invalidate", r, nil)
}

// Logout ends all sessions of a person, who is named by id. It succeeds
// whomever that names. It calls /v2/session/logout.
func (s SessionService) Logout(ctx context.Context, userID string) error {
	return s.t.post(ctx, "v2/session/logout", struct {
		UserID string `json:"user_id"`
	}{userID}, nil)
}

// ClientSessionService carries on and ends a session, and looks at the other
// sessions of the same person.
type ClientSessionService struct{ t *transport }

// RefreshRequest asks for new tokens.
type RefreshRequest struct {
	RefreshToken string `json:"refresh_token"`
	UserToken    string `json:"user_token,omitempty"` // may have expired; if it is given, it must be of the same session
}

// Refresh exchanges a refresh token for new tokens. The old one is spent then:
// for a short grace it gets the same successor again, and after that using it
// ends the session. It calls /v2/client/session/refresh.
func (s ClientSessionService) Refresh(ctx context.Context, r RefreshRequest) (*Tokens, error) {
	return result[Tokens](ctx, s.t, "v2/client/session/refresh", r)
}

// Logout ends the session of a user token. It calls /v2/client/session/logout.
func (s ClientSessionService) Logout(ctx context.Context, token string) error {
	return s.t.post(ctx, "v2/client/session/logout", tokenRequest{token}, nil)
}

// ClientSessionListRequest asks for a page of the sessions of a user token's
// person.
type ClientSessionListRequest struct {
	Token string `json:"token"` // a user token
	SessionListRequest
}

// ClientSessionPage is a page of one's own sessions. The server does not say
// how many there are.
type ClientSessionPage struct {
	Sessions []Session `json:"sessions"`
	Last     string    `json:"last"` // asks for the next page; empty on the last one
}

// List returns one page of the sessions of a user token's person, and nobody
// else's whatever the filter says. It calls /v2/client/session/list.
func (s ClientSessionService) List(ctx context.Context, r ClientSessionListRequest) (*ClientSessionPage, error) {
	return result[ClientSessionPage](ctx, s.t, "v2/client/session/list", r)
}

// All returns every session of a user token's person that meets the filter,
// asking for one page after the other while the loop goes on. After an error it
// ends.
func (s ClientSessionService) All(ctx context.Context, r ClientSessionListRequest) iter.Seq2[Session, error] {
	return every(r.Last, func(last string) ([]Session, string, error) {
		r.Last = last
		page, err := s.List(ctx, r)
		if err != nil {
			return nil, "", err
		}
		return page.Sessions, page.Last, nil
	})
}

// ClientSessionInvalidateRequest ends one of one's own sessions.
type ClientSessionInvalidateRequest struct {
	Token     string `json:"token"`      // a user token
	SessionID string `json:"session_id"` // may be the token's own
}

// Invalidate ends a session of a user token's person. One that is unknown, over
// or somebody else's is [StatusNotFound]. It calls
// /v2/client/session/invalidate.
func (s ClientSessionService) Invalidate(ctx context.Context, r ClientSessionInvalidateRequest) error {
	return s.t.post(ctx, "v2/client/session/invalidate", r, nil)
}
