package pangea

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
)

// liveSession is a session as the vendor lists it: its refresh token, and the
// newest user token while that is good, both without what opens anything.
type liveSession struct {
	credential
	ActiveToken *credential `json:"active_token,omitempty"`
}

func newSession(s core.LiveSession) liveSession {
	u := s.Token.User
	shown := liveSession{credential: describe(u, typeSession, string(s.Session.ID), s.Session.CreatedAt, s.Session.ExpiresAt).forApplication(s.Session.Application, s.Session.Scopes)}
	if remains(s.Token.ExpiresAt) {
		token := describe(u, typeUser, string(s.Token.ID), s.Token.CreatedAt, s.Token.ExpiresAt).forApplication(s.Session.Application, s.Session.Scopes)
		shown.ActiveToken = &token
	}
	return shown
}

func newSessions(all []core.LiveSession) []liveSession {
	shown := make([]liveSession, 0, len(all))
	for _, s := range all {
		shown = append(shown, newSession(s))
	}
	return shown
}

// sessionOrders is what sessions can be ordered by. Every one has the same
// type, so that the order by it is the one by id.
func sessionOrders() map[string]string {
	return map[string]string{
		"id": "id", "created_at": "created_at", "type": "id", "identity": "user", "email": "email", "expire": "expires_at", "active_token_id": "token",
	}
}

// sessionFilters is what sessions can be searched by.
func sessionFilters() map[string]filterField {
	return map[string]filterField{
		"id":              {field: "id", kind: filterID, prefix: prefixTokenID, ours: "ses_"},
		"active_token_id": {field: "token", kind: filterID, prefix: prefixTokenID, ours: "tok_"},
		"identity":        {field: "user", kind: filterID, prefix: prefixUser, ours: "usr_"},
		"email":           {field: "email", kind: filterText},
		"username":        {field: "username", kind: filterText},
		"created_at":      {field: "created_at", kind: filterTime},
		"expire":          {field: "expires_at", kind: filterTime},
		"enabled":         {field: "enabled", kind: filterBool},
		"type":            {kind: filterFixed, fixed: typeSession},
		"profile":         {kind: filterProfile},
		"scopes":          {kind: filterNone},
	}
}

type sessionList struct {
	common
	listRequest

	query core.Query
}

func (in *sessionList) check(p *problems) { in.query = in.read(p, sessionFilters(), sessionOrders()) }

// sessionListResult always has "last": the Python SDK cannot read a list of
// sessions without.
type sessionListResult struct {
	Sessions []liveSession `json:"sessions"`
	Count    int64         `json:"count"`
	Last     string        `json:"last"`
}

func (f *Face) sessionList(ctx context.Context, caller core.Caller, in sessionList) (any, error) {
	all, total, next, err := f.Sessions.List(ctx, caller, in.query)
	if err != nil {
		return nil, err
	}
	return sessionListResult{Sessions: newSessions(all), Count: total, Last: next}, nil
}

type sessionInvalidate struct {
	common
	SessionID     string `json:"session_id"`
	UserInitiated *bool  `json:"user_initiated"`
}

func (in *sessionInvalidate) check(p *problems) { p.session(in.SessionID) }

func (f *Face) sessionInvalidate(ctx context.Context, caller core.Caller, in sessionInvalidate) (any, error) {
	return empty{}, f.Sessions.End(ctx, caller, sessionID(in.SessionID), in.UserInitiated != nil && *in.UserInitiated)
}

type sessionLogout struct {
	common
	UserID string `json:"user_id"`
}

func (in *sessionLogout) check(p *problems) {
	if p.required("/user_id", in.UserID) && !session.LooksSigned(in.UserID) {
		p.identity("/user_id", in.UserID)
	}
}

// sessionLogout succeeds for an id that is nobody's: the vendor's suites pass
// the id of a token, and a token of either kind, and expect success.
func (f *Face) sessionLogout(ctx context.Context, caller core.Caller, in sessionLogout) (any, error) {
	return empty{}, f.Sessions.EndAll(ctx, caller, userID(in.UserID))
}

type clientSessionList struct {
	common
	listRequest
	Token string `json:"token"`

	query core.Query
}

func (in *clientSessionList) check(p *problems) {
	p.userToken(in.Token)
	in.query = in.read(p, sessionFilters(), sessionOrders())
}

type clientSessionListResult struct {
	Sessions []liveSession `json:"sessions"`
	Last     string        `json:"last"`
}

func (f *Face) clientSessionList(ctx context.Context, caller core.Caller, in clientSessionList) (any, error) {
	all, next, err := f.Sessions.ListOwn(ctx, caller, ReadUserToken(in.Token), in.query)
	if err != nil {
		return nil, err
	}
	return clientSessionListResult{Sessions: newSessions(all), Last: next}, nil
}

type clientSessionInvalidate struct {
	common
	Token     string `json:"token"`
	SessionID string `json:"session_id"`
}

func (in *clientSessionInvalidate) check(p *problems) {
	p.userToken(in.Token)
	p.session(in.SessionID)
}

func (f *Face) clientSessionInvalidate(ctx context.Context, caller core.Caller, in clientSessionInvalidate) (any, error) {
	return empty{}, f.Sessions.EndOwn(ctx, caller, ReadUserToken(in.Token), sessionID(in.SessionID))
}

// userToken wants a person's token.
func (p *problems) userToken(token string) {
	if p.required("/token", token) {
		p.token("/token", token, prefixUserTok)
	}
}

// session wants the id of a session.
func (p *problems) session(id string) {
	if p.required("/session_id", id) {
		p.secret("/session_id", id, prefixTokenID)
	}
}
