package oidc

import (
	"net/http"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// metadata says what there is (RFC 8414 section 2, OpenID Connect Discovery 1.0
// section 3).
func (s *Server) metadata(w http.ResponseWriter, v *visit) error {
	settings := v.at.Pool.Settings
	at := func(path string) string { return s.Places.PageURL(v.at.Pool) + path }
	var scopes []string
	for _, scope := range settings.AllScopes() {
		scopes = append(scopes, scope.Name)
	}
	claims := []string{"iss", "sub", "aud", "azp", "exp", "iat", "auth_time", "nonce", "at_hash", "sid", "email", "email_verified", "preferred_username", "name", "updated_at"}
	for _, claim := range settings.OAuthClaims {
		claims = append(claims, claim.Name)
	}
	p := s.Words.Paths
	w.Header().Set("Cache-Control", "public, max-age=300")
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                 s.Sessions.Issuer(v.at.Pool),
		"authorization_endpoint": at(p.Authorize), "token_endpoint": at(p.Token), "device_authorization_endpoint": at(p.DeviceAuthorization), "introspection_endpoint": at(p.Introspect), "revocation_endpoint": at(p.Revoke),
		"userinfo_endpoint": at(p.UserInfo), "end_session_endpoint": at(p.Logout), "jwks_uri": at(p.Keys),
		"response_types_supported": []string{"code"}, "response_modes_supported": []string{"query"}, "grant_types_supported": core.GrantKinds(),
		"code_challenge_methods_supported": []string{challengeMethod}, "authorization_response_iss_parameter_supported": true,
		"subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"ES256"},
		"token_endpoint_auth_methods_supported": core.ClientAuths(), "introspection_endpoint_auth_methods_supported": core.ClientAuths(), "revocation_endpoint_auth_methods_supported": core.ClientAuths(),
		"backchannel_logout_supported": true, "backchannel_logout_session_supported": true,
		"scopes_supported": scopes, "claims_supported": claims, "prompt_values_supported": promptValues(),
		"claims_parameter_supported": false, "request_parameter_supported": false, "request_uri_parameter_supported": false,
	})
	return nil
}

// keys shows the pool's public keys.
func (s *Server) keys(w http.ResponseWriter, v *visit) error {
	keys, err := s.Sessions.KeySet(v.r.Context(), v.caller, v.at.Pool.Settings)
	if err != nil {
		return err
	}
	return web.WriteKeySet(w, keys)
}
