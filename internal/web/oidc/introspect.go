package oidc

import (
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
)

// Whose a token is: the name of a client is never that of a person, and this
// says which of them it is.
const (
	subjectPerson = "user"
	subjectClient = "client"
)

// introspect says what a token is (RFC 7662). A client that keeps a secret is
// told of every access token that a client of the pool was given; a public one,
// which anybody can be, of those that it brings and was given itself.
func (s *Server) introspect(w http.ResponseWriter, v *visit) error {
	app, err := s.client(v)
	if err != nil {
		return err
	}
	v.caller.Actor.ID = string(app.ID)
	token := v.given.of("token")
	if token == "" {
		return refuse("invalid_request", "The token is missing.")
	}
	said, err := s.said(v, app, token)
	switch {
	case core.Is(err, core.CodeTokenInvalid) || core.Is(err, core.CodeTokenExpired):
		said = nil
	case err != nil:
		return err
	}
	if said == nil {
		writeJSON(w, http.StatusOK, map[string]any{"active": false})
		return nil
	}
	said["active"], said["iss"] = true, s.Sessions.Issuer(v.at.Pool)
	writeJSON(w, http.StatusOK, said)
	return nil
}

// said is what is told of a token; nil for nothing.
func (s *Server) said(v *visit, by core.Application, token string) (map[string]any, error) {
	ctx, settings := v.r.Context(), v.at.Pool.Settings
	mayKnow := func(id core.ApplicationID) bool { return id != "" && (id == by.ID || !by.Client.Public()) }
	if text := s.Words.ReadRefresh(token); text != "" {
		// For who uses it alone.
		found, user, until, err := s.Sessions.LookRefresh(ctx, v.caller, text)
		if err != nil || found.Application != by.ID {
			return nil, err
		}
		return s.describe(found.Application, s.Sessions.Subject(user.ID), subjectPerson, found.Scopes, found.CreatedAt, until), nil
	}
	if text := s.Words.ReadClient(token); text != "" {
		t, err := s.Sessions.ClientToken(ctx, v.caller, text)
		if err != nil || !mayKnow(t.Application) {
			return nil, err
		}
		said := s.describe(t.Application, s.Words.ClientID(t.Application), subjectClient, t.Scopes, t.CreatedAt, t.ExpiresAt)
		said["token_type"] = tokenType
		return said, s.audience(said, v, t.Application)
	}
	t, err := s.Sessions.Look(ctx, v.caller, s.Words.ReadAccess(token))
	if err != nil || !mayKnow(t.Application) {
		return nil, err
	}
	claims, user := settings.ClaimsFor(t.User, t.Scopes, core.ClaimInAccess), t.User.For(t.Scopes)
	said := map[string]any{}
	for name, value := range claims {
		said[name] = value
	}
	for name, value := range s.Words.More(user, claims) {
		said[name] = value
	}
	if user.Username != "" {
		said["username"] = user.Username
	}
	for name, value := range s.describe(t.Application, s.Sessions.Subject(t.User.ID), subjectPerson, t.Scopes, t.CreatedAt, t.ExpiresAt) {
		said[name] = value
	}
	said["token_type"] = tokenType
	return said, s.audience(said, v, t.Application)
}

func (s *Server) describe(app core.ApplicationID, subject, kind string, scopes []string, created, expires time.Time) map[string]any {
	return map[string]any{
		"sub": subject, "sub_type": kind, "client_id": s.Words.ClientID(app), "scope": strings.Join(scopes, " "), "iat": created.Unix(), "exp": expires.Unix(),
	}
}

// audience says for whom an access token is.
func (s *Server) audience(said map[string]any, v *visit, id core.ApplicationID) error {
	app, err := s.Pools.Application(v.r.Context(), v.caller, id)
	if core.Is(err, core.CodeNotFound) {
		return core.Fail(core.CodeTokenInvalid, "The application is not there any more.")
	}
	if err == nil {
		said["aud"] = session.Audience(v.at.Pool.Settings, app, s.Sessions.Issuer(v.at.Pool))
	}
	return err
}

// revoke ends a token and the session that it belongs to (RFC 7009). What is no
// token is no error.
func (s *Server) revoke(w http.ResponseWriter, v *visit) error {
	app, err := s.client(v)
	if err != nil {
		return err
	}
	v.caller.Actor.ID = string(app.ID)
	token := v.given.of("token")
	if token == "" {
		return refuse("invalid_request", "The token is missing.")
	}
	if err := s.end(v, app, token); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, struct{}{})
	return nil
}

// end ends what a token of a client stands for. Another's is refused.
func (s *Server) end(v *visit, app core.Application, token string) error {
	ctx := v.r.Context()
	var err error
	switch {
	case s.Words.ReadClient(token) != "":
		err = s.Sessions.RevokeClientToken(ctx, v.caller, app.ID, s.Words.ReadClient(token))
	case s.Words.ReadRefresh(token) != "":
		err = s.Sessions.EndFor(ctx, v.caller, app.ID, "", s.Words.ReadRefresh(token))
	default:
		if access := s.Words.ReadAccess(token); access != "" {
			err = s.Sessions.EndFor(ctx, v.caller, app.ID, access, "")
		}
	}
	if core.Is(err, core.CodeTokenInvalid) || core.Is(err, core.CodeTokenExpired) {
		return nil
	}
	return err
}
