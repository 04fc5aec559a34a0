package oidc_test

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web/oidc"
)

// The metadata are at every place where the standards have clients look, and
// name what there is.
func TestMetadata(t *testing.T) {
	s := newSite(t, nil)
	var first map[string]any
	for _, path := range []string{
		"/p/demo/.well-known/openid-configuration", "/p/demo/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/p/demo", "/.well-known/openid-configuration/p/demo",
	} {
		a := s.visitor().do(http.MethodGet, path, nil)
		if a.status != http.StatusOK || a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Content-Type") != "application/json" {
			t.Fatalf("%s is %d %v", path, a.status, a.header)
		}
		if first == nil {
			first = a.said()
		}
		if !reflect.DeepEqual(first, a.said()) {
			t.Errorf("law: the metadata are the same everywhere; at %s they are %s", path, a.body)
		}
	}
	if first["issuer"] != issuer || first["token_endpoint"] != issuer+"/o/token" || !strings.HasSuffix(first["authorization_endpoint"].(string), "/authorize") {
		t.Errorf("the metadata are %v", first)
	}
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "device_authorization_endpoint", "introspection_endpoint", "revocation_endpoint", "userinfo_endpoint", "end_session_endpoint", "jwks_uri"} {
		path := strings.TrimPrefix(first[name].(string), publicURL)
		if a := s.visitor().do(http.MethodGet, path, nil); a.status == http.StatusNotFound {
			t.Errorf("law: what the metadata name is there; %s is not", path)
		}
	}
	for _, name := range []string{"backchannel_logout_supported", "backchannel_logout_session_supported"} {
		if first[name] != true {
			t.Errorf("law: libraries find that applications are told of logouts; %s is %v", name, first[name])
		}
	}
	if a := s.visitor().do(http.MethodGet, "/p/nobody/.well-known/openid-configuration", nil); a.status != http.StatusNotFound || a.text("error") != "not_found" {
		t.Errorf("another pool's are %d %s", a.status, a.body)
	}
}

// TestO36KeysArePublic: the keys are public halves, for any site, and not for
// long.
func TestO36KeysArePublic(t *testing.T) {
	s := newSite(t, nil)
	s.tokens("openid")
	a := s.visitor().do(http.MethodGet, "/o/keys", nil)
	keys, ok := a.said()["keys"].([]any)
	if !ok || len(keys) != 1 || a.header.Get("Cache-Control") != "public, max-age=300" || a.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Fatalf("the keys are %v %s", a.header, a.body)
	}
	for name := range keys[0].(map[string]any) {
		if !slices.Contains([]string{"kty", "alg", "crv", "kid", "use", "x", "y"}, name) {
			t.Errorf("law: a key is its public half; it has %s", name)
		}
	}
}

// Pages of any site may call what is called with a token or a secret, and no
// other; what is asked first is answered.
func TestCallsFromOtherSites(t *testing.T) {
	s := newSite(t, nil)
	from := func(r *http.Request) { r.Header.Set("Origin", "https://shop.example") }
	for _, path := range []string{"/o/token", "/o/introspect", "/o/revoke", "/o/logout", "/o/me", "/o/keys"} {
		a := s.visitor().do(http.MethodOptions, path, nil, from)
		if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(a.header.Get("Access-Control-Allow-Headers"), "Authorization") || a.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("what is asked before %s is answered %d %v", path, a.status, a.header)
		}
	}
	if a := s.visitor().do(http.MethodPost, "/o/token", fields(), from); a.header.Get("Access-Control-Allow-Origin") != "*" {
		t.Error("law: another site's page can read an error too")
	}
	if a := s.visitor().do(http.MethodGet, "/o/authorize", request(s.shop), from); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("law: no page begins a sign-in by itself")
	}
	if a := s.visitor().do(http.MethodOptions, "/o/authorize", nil, from); a.status != http.StatusMethodNotAllowed {
		t.Errorf("what is asked before a sign-in is answered %d", a.status)
	}
}

// A request is read strictly: one kind of body, and each name once.
func TestRequestsAreReadStrictly(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor()
	v.do(http.MethodPost, "/o/token", fields("grant_type", "client_credentials"), basic(s.shop, s.key), func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }).refuses(415, "invalid_request", "JSON")
	v.do(http.MethodPost, "/o/token", fields("grant_type", "client_credentials", "x", strings.Repeat("x", 70_000)), basic(s.shop, s.key)).refuses(413, "invalid_request", "70 kB")
	twice := fields("grant_type", "client_credentials")
	twice.Add("grant_type", "authorization_code")
	v.do(http.MethodPost, "/o/token", twice, basic(s.shop, s.key)).refuses(400, "invalid_request", "a name twice")
}

// Every error of the catalogue is spelled.
func TestEveryErrorHasAWord(t *testing.T) {
	table := oidc.Problems()
	for _, code := range core.Codes() {
		if _, ok := table[code]; !ok {
			t.Errorf("law: every error of the catalogue is spelled; %s is not", code)
		}
	}
	if len(table) != len(core.Codes()) {
		t.Error("law: the table has no lines but those of the catalogue")
	}
}
