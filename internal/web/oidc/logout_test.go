package oidc_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// personal is a session that is the person's own.
func (s *site) personal() core.Grant {
	s.t.Helper()
	pending, err := s.sessions.Prepare(s.t.Context(), s.caller(), s.pool.Settings)
	must(s.t, err)
	var grant core.Grant
	must(s.t, s.store.As(s.caller()).Update(s.t.Context(), func(tx *store.Tx) error {
		user, err := tx.User(s.user.ID)
		if err != nil {
			return err
		}
		grant, err = pending.Start(tx, user, s.pool.Settings)
		return err
	}))
	return grant
}

// TestO19RevokedTokens: a token that is revoked ends its session, whichever it
// is and whatever was said of its kind; another's stays.
func TestO19RevokedTokens(t *testing.T) {
	s := newSite(t, nil)
	for _, kind := range []string{"access_token", "refresh_token"} {
		for _, hint := range []string{"access_token", "refresh_token", "nonsense", ""} {
			given := s.tokens("openid")
			s.visitor().do(http.MethodPost, "/o/revoke", fields("token", given.text(kind), "client_id", id(s.other), "client_secret", s.lock)).refuses(400, "unauthorized_client", "revoking another's token")
			if !s.active(given.text("access_token")) {
				t.Fatal("law: another client revokes nothing")
			}
			if a := s.visitor().do(http.MethodPost, "/o/revoke", fields("token", given.text(kind), "token_type_hint", hint), basic(s.shop, s.key)); a.status != http.StatusOK {
				t.Errorf("revoking the %s is %d %s", kind, a.status, a.body)
			}
			if s.active(given.text("access_token")) || s.active(given.text("refresh_token")) {
				t.Errorf("law: with the %s the session ends, whatever is said of it (%q)", kind, hint)
			}
			s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "refresh_token", "refresh_token", given.text("refresh_token")), basic(s.shop, s.key)).refuses(400, "invalid_grant", "a refresh after the end")
		}
	}
	for _, token := range []string{"x", "access-" + secret.Random(), "refresh-" + secret.Random(), "own-" + secret.Random(), s.tokens("openid").text("id_token")} {
		if a := s.visitor().do(http.MethodPost, "/o/revoke", fields("token", token), basic(s.shop, s.key)); a.status != http.StatusOK {
			t.Errorf("law: what is no token is revoked already; %.20s is %d %s", token, a.status, a.body)
		}
	}
	s.visitor().do(http.MethodPost, "/o/revoke", fields("token", "x")).refuses(400, "invalid_client", "revoking by nobody")
	s.visitor().do(http.MethodPost, "/o/revoke", fields(), basic(s.shop, s.key)).refuses(400, "invalid_request", "revoking nothing")
	own := s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "client_credentials", "client_id", id(s.robot), "client_secret", s.oil)).text("access_token")
	s.visitor().do(http.MethodPost, "/o/revoke", fields("token", own, "client_id", id(s.robot), "client_secret", s.oil))
	if s.active(own) {
		t.Error("law: an application's own token can be revoked")
	}
	mine := s.personal()
	s.visitor().do(http.MethodPost, "/o/revoke", fields("token", words().Access(mine.Access.Token)), basic(s.shop, s.key)).refuses(400, "unauthorized_client", "revoking the person's own token")
}

// TestO19LogoutOfAPage: a page signs its person out with the token that it has.
func TestO19LogoutOfAPage(t *testing.T) {
	s := newSite(t, nil)
	given := s.pageTokens()
	out := fields("client_id", id(s.page), "redirectUri", "https://shop.example", "token", given.text("refresh_token"), "token_type_hint", "refresh_token")
	for range 2 { // the second time it has ended before
		a := s.visitor().do(http.MethodPost, "/o/logout", out, func(r *http.Request) { r.Header.Set("Origin", "https://shop.example") })
		if a.status != http.StatusOK || a.location != nil || a.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("signing out is %d %v %s", a.status, a.header, a.body)
		}
	}
	if s.active(given.text("access_token")) {
		t.Error("law: signing out ends the session and all of its tokens")
	}
	s.visitor().do(http.MethodPost, "/o/logout", fields("client_id", id(s.shop), "token", s.tokens("openid").text("refresh_token"))).refuses(400, "invalid_client", "signing out of who keeps a secret, without it")
}

// TestO20LogoutByAnotherSite: an ID token signs its person out, and leads to an
// address of its application; without one somebody is asked, and another site's
// form is not their answer.
func TestO20LogoutByAnotherSite(t *testing.T) {
	s := newSite(t, nil)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		given := s.tokens("openid")
		for name, f := range map[string]answer{
			"nothing":                   s.visitor().do(method, "/o/logout", fields()),
			"a client":                  s.visitor().do(method, "/o/logout", fields("client_id", id(s.shop))),
			"an address":                s.visitor().do(method, "/o/logout", fields("client_id", id(s.shop), "post_logout_redirect_uri", bye, "state", "x")),
			"a token in another's name": s.visitor().do(method, "/o/logout", fields("client_id", id(s.shop), "logout_hint", email)),
		} {
			if f.status != http.StatusOK || f.location != nil || !strings.Contains(f.body, "<h1>Sign out?</h1>") {
				t.Errorf("law: with %s by %s somebody is asked; it is %d %v", name, method, f.status, f.location)
			}
		}
		for name, f := range map[string]answer{
			"an address of nobody's":       s.visitor().do(method, "/o/logout", fields("post_logout_redirect_uri", bye)),
			"an address of another's":      s.visitor().do(method, "/o/logout", fields("client_id", id(s.other), "post_logout_redirect_uri", bye)),
			"an address for coming in":     s.visitor().do(method, "/o/logout", fields("id_token_hint", given.text("id_token"), "post_logout_redirect_uri", callback)),
			"an ID token for another":      s.visitor().do(method, "/o/logout", fields("id_token_hint", given.text("id_token"), "client_id", id(s.other))),
			"an ID token that was altered": s.visitor().do(method, "/o/logout", fields("id_token_hint", given.text("id_token")+"x")),
			"an access token":              s.visitor().do(method, "/o/logout", fields("id_token_hint", given.text("access_token"))),
		} {
			if f.status != http.StatusBadRequest || f.location != nil {
				t.Errorf("law: %s by %s is refused and leads nowhere; it is %d %v", name, method, f.status, f.location)
			}
		}
		if !s.active(given.text("access_token")) {
			t.Fatal("law: nothing of this signs anybody out")
		}
		a := s.visitor().do(method, "/o/logout", fields("id_token_hint", given.text("id_token"), "post_logout_redirect_uri", bye, "state", "x&1"))
		if a.status != http.StatusSeeOther || a.location.String() != bye+"?state=x%261" {
			t.Errorf("with an ID token it is %d %v %s", a.status, a.location, a.body)
		}
		if s.active(given.text("access_token")) {
			t.Error("law: an ID token signs its person out")
		}
		// Again, with a session that has ended.
		if a := s.visitor().do(method, "/o/logout", fields("id_token_hint", given.text("id_token"))); a.status != http.StatusOK || !strings.Contains(a.body, "You are signed out") {
			t.Errorf("once more it is %d %s", a.status, a.body)
		}
	}
	yes := fields("client_id", id(s.shop), "post_logout_redirect_uri", bye, "confirm", "yes")
	crossSite := func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }
	if a := s.visitor().do(http.MethodPost, "/o/logout", yes, crossSite); a.status != http.StatusForbidden || a.location != nil {
		t.Errorf("law: another site's form is nobody's answer; it is %d %v", a.status, a.location)
	}
	if a := s.visitor().do(http.MethodGet, "/o/logout", yes); a.status != http.StatusOK || a.location != nil {
		t.Errorf("law: a link is nobody's answer; it is %d %v", a.status, a.location)
	}
	if a := s.visitor().do(http.MethodPost, "/o/logout", yes); a.status != http.StatusSeeOther || a.location.String() != bye {
		t.Errorf("the answer leads to %d %v", a.status, a.location)
	}
}
