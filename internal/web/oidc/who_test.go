package oidc_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// set changes settings of the pool.
func (s *site) set(values map[string]any) {
	s.t.Helper()
	changes := core.Overrides{}
	for key, value := range values {
		raw, err := json.Marshal(value)
		must(s.t, err)
		changes[key] = raw
	}
	_, err := s.pools.Change(s.t.Context(), s.caller(), changes)
	must(s.t, err)
}

// TestO16RefreshOfWhoMayNot: whatever was taken since, from the person or from
// the application, a refresh finds out.
func TestO16RefreshOfWhoMayNot(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(s *site)
		want    string
	}{
		"the person is disabled": {func(s *site) {
			yes := true
			_, err := s.people.Change(t.Context(), s.caller(), core.UserRef{ID: s.user.ID}, directory.UserChange{Disabled: &yes})
			must(t, err)
		}, "invalid_grant"},
		"the person is deleted": {func(s *site) { must(t, s.people.Delete(t.Context(), s.caller(), core.UserRef{ID: s.user.ID})) }, "invalid_grant"},
		"all sessions ended":    {func(s *site) { must(t, s.sessions.EndAll(t.Context(), s.caller(), s.user.ID)) }, "invalid_grant"},
		"the application may refresh no more": {func(s *site) {
			_, err := s.pools.ChangeApplication(t.Context(), s.caller(), s.shop.ID, func(a *core.Application) []string { a.Client.Grants = []core.GrantKind{core.GrantCode}; return nil })
			must(t, err)
		}, "unauthorized_client"},
		"the application is none any more": {func(s *site) {
			_, err := s.pools.ChangeApplication(t.Context(), s.caller(), s.shop.ID, func(a *core.Application) []string { a.Client.Grants = nil; return nil })
			must(t, err)
		}, "invalid_client"},
		"its secret was revoked": {func(s *site) {
			all, err := s.pools.ApplicationSecrets(t.Context(), s.caller(), s.shop.ID)
			must(t, err)
			must(t, s.pools.RevokeSecret(t.Context(), s.caller(), s.shop.ID, all[0].ID))
		}, "invalid_client"},
		"the application was removed": {func(s *site) { must(t, s.pools.RemoveApplication(t.Context(), s.caller(), s.shop.ID)) }, "invalid_client"},
	} {
		s := newSite(t, nil)
		given := s.tokens("openid")
		code := s.visitor().code(request(s.shop))
		c.happens(s)
		status := http.StatusBadRequest
		if c.want == "invalid_client" {
			status = http.StatusUnauthorized
		}
		s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "refresh_token", "refresh_token", given.text("refresh_token")), basic(s.shop, s.key)).refuses(status, c.want, "a refresh after "+name)
		if name == "all sessions ended" || name == "the application may refresh no more" {
			continue // a code that is under way goes on
		}
		if c.want == "invalid_grant" || c.want == "invalid_client" {
			s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier), basic(s.shop, s.key)).refuses(status, c.want, "a code after "+name)
		}
	}
}

// Every setting about applications does what it says.
func TestSettings(t *testing.T) {
	s := newSite(t, map[string]any{"redirects.default_oauth": "https://other.example/cb", "oauth.client_token_life": "10m", "oauth.code_life": "10m", "oauth.audience": []string{"https://a.example", "https://b.example"}})
	// Where a client names none of several addresses, the pool's default is one of its own.
	if a := s.visitor().signIn(request(s.other, "redirect_uri", "-")); a.location == nil || a.location.Host != "other.example" {
		t.Errorf("redirects.default_oauth: the browser is sent to %v", a.location)
	}
	if a := s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "client_credentials", "client_id", id(s.robot), "client_secret", s.oil)); a.said()["expires_in"] != 600.0 {
		t.Errorf("oauth.client_token_life: %s", a.body)
	}
	if said := s.visitor().do(http.MethodPost, "/o/introspect", fields("token", s.tokens("openid").text("access_token")), basic(s.shop, s.key)).said(); len(said["aud"].([]any)) != 2 {
		t.Errorf("oauth.audience: %v", said["aud"])
	}
	code := s.visitor().code(request(s.shop))
	must(t, s.store.As(s.caller()).View(t.Context(), func(tx *store.Tx) error {
		ticket, err := tx.Ticket(core.TicketOAuth, s.store.Keys().Lookup("authorization code", words().ReadCode(code)))
		if life := ticket.ExpiresAt.Sub(ticket.CreatedAt); err == nil && life != 10*time.Minute {
			t.Errorf("oauth.code_life: the code works for %v", life)
		}
		return err
	}))
	_, err := s.pools.ChangeApplication(t.Context(), s.caller(), s.shop.ID, func(a *core.Application) []string {
		a.Client.Audience, a.Client.TokenLife = []string{"https://c.example"}, core.Duration(5*time.Minute)
		return nil
	})
	must(t, err)
	given := s.tokens("openid")
	if life, ok := given.said()["expires_in"].(float64); !ok || life > 300 || life < 290 {
		t.Errorf("the application's own life: %v", given.said()["expires_in"])
	}
	if said := s.visitor().do(http.MethodPost, "/o/introspect", fields("token", given.text("access_token")), basic(s.shop, s.key)).said(); len(said["aud"].([]any)) != 3 {
		t.Errorf("the application's own audience: %v", said["aud"])
	}
	// Who may not come does not, and who signs up may begin there.
	s.set(map[string]any{"access.addresses": []string{"192.0.2.1"}})
	if a := s.visitor().do(http.MethodGet, "/o/authorize", request(s.shop)); a.status != http.StatusForbidden || a.location != nil {
		t.Errorf("access.addresses: a sign-in from elsewhere is %d %v", a.status, a.location)
	}
	s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "refresh_token", "refresh_token", "x", "client_id", id(s.page))).refuses(403, "access_denied", "a page from elsewhere")
	s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "refresh_token", "refresh_token", "x"), basic(s.shop, s.key)).refuses(400, "invalid_grant", "a server from elsewhere")
	s.set(map[string]any{"access.addresses": []string{}, "signup.enabled": false})
	v := s.visitor()
	if a := v.follow(v.do(http.MethodGet, "/o/authorize", request(s.shop, "prompt", "create"))); a.status != http.StatusOK || strings.Contains(a.body, "prompt=create") {
		t.Errorf("where nobody signs up, prompt=create is %d %s", a.status, a.body)
	}
}

// An application's secret is tried as often as a
// password from one network, and then no more.
func TestWrongSecretsAreCounted(t *testing.T) {
	s := newSite(t, map[string]any{"budget.tries_per_minute": 3})
	for range 3 {
		s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "client_credentials"), basic(s.shop, s.lock)).refuses(401, "invalid_client", "a wrong secret")
	}
	a := s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "client_credentials"), basic(s.shop, s.lock))
	if a.refuses(429, "temporarily_unavailable", "one more"); a.header.Get("Retry-After") == "" {
		t.Error("law: who tries too often is told until when to wait")
	}
	if a := s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "client_credentials", "scope", "plain"), basic(s.shop, s.key)); a.status != http.StatusOK {
		t.Errorf("law: who has the secret is let in all the same; it is %d %s", a.status, a.body)
	}
}
