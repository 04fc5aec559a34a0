package oidc

import (
	"net/http"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// logout signs somebody out of an application: with one of its tokens, for an
// application that calls by itself; with an ID token, or after asking, for a
// browser that an application sends (OpenID Connect RP-Initiated Logout 1.0).
func (s *Server) logout(w http.ResponseWriter, v *visit) error {
	if v.r.Method == http.MethodPost && v.given.of("token") != "" {
		if err := s.logoutByToken(w, v); err != nil {
			writeProblem(w, v.r, err)
		}
		return nil
	}
	id := s.Words.ReadClientID(v.given.of("client_id"))
	var hinted core.SessionID
	if text := v.given.of("id_token_hint"); text != "" {
		hint, err := s.Sessions.ReadHint(v.r.Context(), v.caller, text)
		if core.Is(err, core.CodeTokenInvalid) || err == nil && v.given.of("client_id") != "" && hint.Audience != v.given.of("client_id") {
			return core.Fail(core.CodeInvalid, "The id_token_hint is none of this pool, or of another client.")
		}
		if err != nil {
			return err
		}
		id, hinted = s.Words.ReadClientID(hint.Audience), hint.Session
	}
	target, err := s.afterLogout(v, id)
	if err != nil {
		return err
	}
	if hinted != "" {
		err := s.Sessions.EndSessionFor(v.r.Context(), v.caller, id, hinted)
		if err != nil && !core.Is(err, core.CodeTokenInvalid) { // it may have ended before
			return err
		}
		s.Pages.Leave(w, v.r, v.at, target)
		return nil
	}
	// Nobody is signed out by another site's link or form alone.
	if v.r.Method == http.MethodPost && v.given.of("confirm") != "" {
		if err := s.origin.Check(v.r); err != nil {
			return &core.Error{Code: core.CodeForbidden, Detail: "The form was sent by another site.", Cause: err}
		}
		s.Pages.Leave(w, v.r, v.at, target)
		return nil
	}
	fields := [][2]string{{"confirm", "yes"}}
	for _, name := range []string{"client_id", "post_logout_redirect_uri", "state"} {
		if value := v.given.of(name); value != "" {
			fields = append(fields, [2]string{name, value})
		}
	}
	s.Pages.AskToLeave(w, v.r, v.at, v.at.Base+s.Words.Paths.Logout, fields, target)
	return nil
}

// afterLogout is where a browser goes then: an address of the client, or
// nowhere.
func (s *Server) afterLogout(v *visit, id core.ApplicationID) (string, error) {
	asked := v.given.of("post_logout_redirect_uri")
	if asked == "" {
		return "", nil
	}
	app, err := s.Pools.Application(v.r.Context(), v.caller, id)
	if err != nil && !core.Is(err, core.CodeNotFound) {
		return "", err
	}
	target, ok := app.Client.MatchLogoutRedirect(asked)
	if !ok {
		return "", core.Fail(core.CodeRedirectRefused, "This address is not among those that the client has for signing out.")
	}
	state := v.given.of("state")
	if err := web.CheckState(state); err != nil {
		return "", err
	}
	if state != "" {
		return web.WithQuery(target, "state", state), nil
	}
	return web.WithQuery(target), nil
}

// logoutByToken ends the session of a client's token. One that is none has
// ended before.
func (s *Server) logoutByToken(w http.ResponseWriter, v *visit) error {
	app, err := s.client(v)
	if err != nil {
		return err
	}
	v.caller.Actor.ID = string(app.ID)
	if err := s.end(v, app, v.given.of("token")); err != nil {
		return err
	}
	writeJSON(w, http.StatusOK, struct{}{})
	return nil
}
