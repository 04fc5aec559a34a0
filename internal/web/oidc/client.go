package oidc

import (
	"net/http"
	"net/url"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// client is the application that calls (RFC 6749 section 2.3): one that keeps a
// secret proves who it is, by the method that is registered; a public one says
// so.
func (s *Server) client(v *visit) (core.Application, error) {
	ctx := v.r.Context()
	id, text, method := v.given.of("client_id"), v.given.of("client_secret"), core.ClientAuthPost
	if name, password, ok := v.r.BasicAuth(); ok {
		if text != "" {
			return core.Application{}, refuse("invalid_request", "A client proves who it is in one way, not in two.")
		}
		// Both are encoded as in a form first (RFC 6749 section 2.3.1).
		name, err := url.QueryUnescape(name)
		if err == nil {
			password, err = url.QueryUnescape(password)
		}
		if err != nil || id != "" && id != name {
			return core.Application{}, refuse("invalid_request", "The Authorization header cannot be read, or names another client than the form.")
		}
		id, text, method = name, password, core.ClientAuthBasic
	} else if v.r.Header.Get("Authorization") != "" {
		return core.Application{}, core.Fail(core.CodeUnauthenticated, "The Authorization header is not one that a client proves itself by.")
	}
	if text == "" && method == core.ClientAuthPost {
		app, err := s.Pools.Application(ctx, v.caller, s.Words.ReadClientID(id))
		if err == nil && app.Client.Public() && len(app.Client.Grants) > 0 {
			return app, v.at.Pool.Settings.AdmitAddress(v.caller.Address)
		}
		if err != nil && !core.Is(err, core.CodeNotFound) {
			return core.Application{}, err
		}
	}
	app, err := s.Pools.AuthenticateApplication(ctx, v.caller, s.Words.ReadClientID(id), s.Words.ReadSecret(text))
	if err != nil {
		return core.Application{}, err
	}
	if app.Client.Auth != method {
		return core.Application{}, &problem{http.StatusUnauthorized, "invalid_client", "This client is registered to prove who it is by " + string(app.Client.Auth) + "."}
	}
	return app, nil
}
