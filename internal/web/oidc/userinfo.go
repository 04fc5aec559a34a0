package oidc

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
)

// userInfo says of a person what the scopes of their token let it (OpenID
// Connect Core 1.0 section 5.3).
func (s *Server) userInfo(w http.ResponseWriter, v *visit) error {
	scheme, token, ok := strings.Cut(v.r.Header.Get("Authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		w.Header().Set("WWW-Authenticate", "Bearer")
		return &problem{http.StatusUnauthorized, "invalid_request", "The access token stands in the Authorization header."}
	}
	t, err := s.Sessions.Look(v.r.Context(), v.caller, s.Words.ReadAccess(strings.TrimSpace(token)))
	if core.Is(err, core.CodeTokenInvalid) || core.Is(err, core.CodeTokenExpired) || err == nil && t.Application == "" {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		return &problem{http.StatusUnauthorized, "invalid_token", "This access token is unknown, past its time, or was revoked."}
	}
	if err != nil {
		return err
	}
	if !slices.Contains(t.Scopes, core.ScopeOpenID) {
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="openid"`)
		return &problem{http.StatusForbidden, "insufficient_scope", "This access token was not granted openid."}
	}
	said := session.About(v.at.Pool.Settings, t.User, t.Scopes)
	said["sub"] = s.Sessions.Subject(t.User.ID)
	writeJSON(w, http.StatusOK, said)
	return nil
}
