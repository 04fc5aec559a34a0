package oidc_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// A code gives tokens, which say what they are to who may know.
func TestTokens(t *testing.T) {
	for _, format := range []string{core.TokenOpaque, core.TokenSigned} {
		s := newSite(t, map[string]any{"token.format": format, "oauth.audience": []string{"https://api.example"}})
		given := s.tokens("openid email profile")
		if given.header.Get("Cache-Control") != "no-store" || given.header.Get("Access-Control-Allow-Origin") != "*" || given.text("token_type") != "Bearer" || given.text("scope") != "openid email profile" || given.text("id_token") == "" {
			t.Errorf("%s: the tokens are %v %s", format, given.header, given.body)
		}
		if life, ok := given.said()["expires_in"].(float64); !ok || life < 172790 || life > 172800 {
			t.Errorf("the token works for %v seconds", given.said()["expires_in"])
		}
		access := given.text("access_token")
		said := s.visitor().do(http.MethodPost, "/o/introspect", fields("token", access, "token_type_hint", "access_token"), basic(s.shop, s.key)).said()
		want := map[string]any{
			"active": true, "sub": string(s.user.ID), "sub_type": "user", "client_id": id(s.shop), "scope": "openid email profile", "iss": issuer, "token_type": "Bearer", "username": email,
		}
		for name, value := range want {
			if said[name] != value {
				t.Errorf("%s: the introspection says %s: %v, want %v", format, name, said[name], value)
			}
		}
		if aud, ok := said["aud"].([]any); !ok || !slices.Equal(aud, []any{"https://api.example"}) {
			t.Errorf("the token is for %v", said["aud"])
		}
		me := s.visitor().do(http.MethodGet, "/o/me", nil, bearer(access)).said()
		for name, value := range map[string]any{"sub": string(s.user.ID), "email": email, "email_verified": false, "preferred_username": email, "given_name": "Ana", "family_name": "Roe", "name": "Ana Roe"} {
			if me[name] != value {
				t.Errorf("%s: of the person is said %s: %v, want %v", format, name, me[name], value)
			}
		}
		post := s.visitor().do(http.MethodPost, "/o/me", nil, bearer(access))
		if post.status != http.StatusOK || post.text("sub") != string(s.user.ID) {
			t.Errorf("by POST it is %d %s", post.status, post.body)
		}
		next := s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "refresh_token", "refresh_token", given.text("refresh_token")), basic(s.shop, s.key))
		if next.status != http.StatusOK || next.text("refresh_token") == given.text("refresh_token") || next.text("id_token") == "" || next.text("scope") != "openid email profile" {
			t.Errorf("%s: a refresh gives %d %s", format, next.status, next.body)
		}
	}
}

// An application sees of a person what it was granted.
func TestScopesDecideWhatIsSeen(t *testing.T) {
	s := newSite(t, map[string]any{"oauth.claims": []core.Claim{{Name: "plan", Field: "first_name", Scope: "plain", Tokens: []core.ClaimPlace{core.ClaimInAccess, core.ClaimInID}}}})
	given := s.tokens("openid")
	said := s.visitor().do(http.MethodPost, "/o/introspect", fields("token", given.text("access_token")), basic(s.shop, s.key)).said()
	me := s.visitor().do(http.MethodGet, "/o/me", nil, bearer(given.text("access_token"))).said()
	for _, name := range []string{"email", "username", "preferred_username", "name", "plan", "updated_at"} {
		if said[name] != nil || me[name] != nil {
			t.Errorf("law: without its scope %s is not said; it is %v and %v", name, said[name], me[name])
		}
	}
	plain := s.tokens("openid plain")
	said = s.visitor().do(http.MethodPost, "/o/introspect", fields("token", plain.text("access_token")), basic(s.shop, s.key)).said()
	more, _ := said["more"].(map[string]any)
	if said["plan"] != "Ana" || more["plan"] != "Ana" {
		t.Errorf("the pool's claim is %v and %v", said["plan"], more["plan"])
	}
	if a := s.visitor().do(http.MethodGet, "/o/me", nil, bearer(s.tokens("email").text("access_token"))); a.status != http.StatusForbidden || !strings.Contains(a.header.Get("WWW-Authenticate"), "insufficient_scope") {
		t.Errorf("law: without openid nothing is said of a person; it is %d %s", a.status, a.body)
	}
}

// TestO27GrantsThatThereAreNot: no other way leads to tokens, and a client comes
// to them in its own ways alone.
func TestO27GrantsThatThereAreNot(t *testing.T) {
	s := newSite(t, nil)
	given := s.tokens("openid")
	for _, grant := range []string{"password", "implicit", "urn:ietf:params:oauth:grant-type:token-exchange", "device_code", "urn:ietf:params:oauth:grant-type:device_code ", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:openid:params:grant-type:ciba", "Authorization_code"} {
		f := fields("grant_type", grant, "subject_token", given.text("access_token"), "subject_token_type", "urn:ietf:params:oauth:token-type:access_token", "assertion", given.text("id_token"), "username", email, "device_code", "x")
		s.visitor().do(http.MethodPost, "/o/token", f, basic(s.shop, s.key)).refuses(400, "unsupported_grant_type", grant)
	}
	s.visitor().do(http.MethodPost, "/o/token", fields(), basic(s.shop, s.key)).refuses(400, "invalid_request", "no grant")
	s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "client_credentials", "client_id", id(s.page))).refuses(400, "unauthorized_client", "a public client on its own")
	s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "authorization_code", "code", "x", "client_id", id(s.robot), "client_secret", s.oil)).refuses(400, "unauthorized_client", "a code for who signs nobody in")
	s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "authorization_code"), basic(s.shop, s.key)).refuses(400, "invalid_request", "no code")
	s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "refresh_token"), basic(s.shop, s.key)).refuses(400, "invalid_request", "no refresh token")
}

// TestO28NoMoreThanGranted: neither a refresh nor an application's own token has
// a scope that was not granted.
func TestO28NoMoreThanGranted(t *testing.T) {
	s := newSite(t, nil)
	refresh := s.tokens("openid email").text("refresh_token")
	for _, scope := range []string{"openid email profile", "admin", "reports"} {
		s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "refresh_token", "refresh_token", refresh, "scope", scope), basic(s.shop, s.key)).refuses(400, "invalid_scope", "a refresh for "+scope)
	}
	for _, scope := range []string{"admin", "openid", "plain admin", "root"} {
		s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "client_credentials", "scope", scope, "client_id", id(s.robot), "client_secret", s.oil)).refuses(400, "invalid_scope", "a token of its own for "+scope)
	}
	less := s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "refresh_token", "refresh_token", refresh, "scope", "email"), basic(s.shop, s.key))
	if less.text("scope") != "email" || less.text("id_token") != "" {
		t.Errorf("a refresh for less gives %s", less.body)
	}
	s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "refresh_token", "refresh_token", less.text("refresh_token"), "client_id", id(s.other), "client_secret", s.lock)).refuses(400, "invalid_grant", "a refresh by another client")
}

// TestO10ParallelExchange: of 64 who come with a code at once over HTTP, one gets
// tokens, and they are dead then: the code was in two hands.
func TestO10ParallelExchange(t *testing.T) {
	s := newSite(t, nil)
	code := s.visitor().code(request(s.shop))
	var won atomic.Int32
	var token atomic.Value
	storetest.Together(64, func(int) {
		a := s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier), basic(s.shop, s.key))
		if a.status == http.StatusOK {
			won.Add(1)
			token.Store(a.text("access_token"))
		} else {
			a.refuses(400, "invalid_grant", "a code that comes again")
		}
	})
	if won.Load() != 1 {
		t.Fatalf("law: of 64 exchanges of a code one gets tokens; %d did", won.Load())
	}
	if text, ok := token.Load().(string); !ok || s.active(text) {
		t.Error("law: a code that comes again ends what it began")
	}
}

// TestO11CodeOfAnotherClient: a code is one client's, at one address.
func TestO11CodeOfAnotherClient(t *testing.T) {
	s := newSite(t, nil)
	for name, send := range map[string]func(code string) answer{
		"another client": func(code string) answer {
			return s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier, "client_id", id(s.other), "client_secret", s.lock))
		},
		"a public client": func(code string) answer {
			return s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier, "client_id", id(s.page)))
		},
		"another address": func(code string) answer {
			return s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "authorization_code", "code", code, "redirect_uri", "https://other.example/cb", "code_verifier", verifier), basic(s.shop, s.key))
		},
	} {
		code := s.visitor().code(request(s.shop))
		send(code).refuses(400, "invalid_grant", "a code with "+name)
		s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier), basic(s.shop, s.key)).refuses(400, "invalid_grant", "a code that was with "+name)
	}
}

// TestO35SecretsOfClients: a client that keeps a secret proves itself in one way,
// the one that is registered, and never in an address; what is wrong is told
// alike, and nothing of it is in the log.
func TestO35SecretsOfClients(t *testing.T) {
	s := newSite(t, nil)
	form := func(more ...string) url.Values {
		return fields(append([]string{"grant_type", "client_credentials"}, more...)...)
	}
	ok := func(a answer, what string) {
		t.Helper()
		if a.status != http.StatusOK {
			t.Errorf("law: %s is who it says; it is %d %s", what, a.status, a.body)
		}
	}
	v := s.visitor()
	ok(v.do(http.MethodPost, "/o/token", form(), basic(s.shop, s.key)), "a client by the header")
	ok(v.do(http.MethodPost, "/o/token", form("client_id", id(s.shop)), basic(s.shop, s.key)), "a client by the header that says its name again")
	ok(v.do(http.MethodPost, "/o/token", form("client_id", id(s.robot), "client_secret", s.oil)), "a client by the form")

	v.do(http.MethodPost, "/o/token", form("client_id", id(s.shop), "client_secret", s.key)).refuses(400, "invalid_client", "the other method")
	v.do(http.MethodPost, "/o/token", form(), basic(s.robot, s.oil)).refuses(401, "invalid_client", "the other method")
	v.do(http.MethodPost, "/o/token", form("client_secret", s.key), basic(s.shop, s.key)).refuses(400, "invalid_request", "two methods")
	v.do(http.MethodPost, "/o/token", form("client_id", id(s.other)), basic(s.shop, s.key)).refuses(400, "invalid_request", "two names")
	var wrong []string
	for name, a := range map[string]answer{
		"a wrong secret": v.do(http.MethodPost, "/o/token", form(), basic(s.shop, "secret-"+secret.Random())), "another's": v.do(http.MethodPost, "/o/token", form(), basic(s.shop, s.lock)),
		"no secret": v.do(http.MethodPost, "/o/token", form(), basic(s.shop, "")), "an unknown client": v.do(http.MethodPost, "/o/token", form(), basic(core.Application{ID: core.NewApplicationID()}, s.key)),
		"a public client with a secret": v.do(http.MethodPost, "/o/token", form(), basic(s.page, s.key)),
	} {
		a.refuses(401, "invalid_client", name)
		if a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("law: who proved themselves by the header is told how to; %s is not", name)
		}
		wrong = append(wrong, a.body)
	}
	if slices.Sort(wrong); len(slices.Compact(wrong)) != 1 {
		t.Errorf("law: what is wrong with a client is told alike; it is %v", wrong)
	}
	v.do(http.MethodPost, "/o/token", form("client_id", id(s.robot))).refuses(400, "invalid_client", "a form without a secret")
	v.do(http.MethodPost, "/o/token", form()).refuses(400, "invalid_client", "nobody")
	v.do(http.MethodPost, "/o/token", form(), bearer(s.key)).refuses(401, "invalid_client", "another scheme")
	for _, name := range []string{"client_secret", "code", "refresh_token", "token", "code_verifier", "access_token"} {
		for _, path := range []string{"/o/token", "/o/introspect", "/o/revoke"} {
			v.do(http.MethodPost, path+"?"+name+"="+url.QueryEscape(s.oil), form("client_id", id(s.robot), "client_secret", s.oil)).refuses(400, "invalid_request", "a secret in the address of "+path)
		}
	}
	v.do(http.MethodGet, "/o/token", form("client_id", id(s.robot))).refuses(405, "invalid_request", "GET")
	if log := s.log.String(); strings.Contains(log, strings.TrimPrefix(s.oil, "secret-")) || strings.Contains(log, strings.TrimPrefix(s.key, "secret-")) {
		t.Errorf("law: no secret is in the log:\n%s", log)
	}
}

// TestO34ClientsAreNobody: an application's own token names the application in
// a space of its own, says that it is one, and opens nothing of a person.
func TestO34ClientsAreNobody(t *testing.T) {
	s := newSite(t, nil)
	own := s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "client_credentials", "client_id", id(s.robot), "client_secret", s.oil))
	if own.text("refresh_token") != "" || own.text("id_token") != "" || own.text("scope") != "plain" || own.said()["expires_in"] != 3600.0 {
		t.Errorf("a token of its own is %s", own.body)
	}
	token := own.text("access_token")
	said := s.visitor().do(http.MethodPost, "/o/introspect", fields("token", token), basic(s.shop, s.key)).said()
	for name, want := range map[string]any{"active": true, "sub": id(s.robot), "client_id": id(s.robot), "sub_type": "client", "scope": "plain", "username": nil, "email": nil} {
		if said[name] != want {
			t.Errorf("law: an application is no person; the introspection says %s: %v", name, said[name])
		}
	}
	if strings.HasPrefix(string(s.user.ID), "client-") || strings.HasPrefix(id(s.robot), core.UserPrefix) {
		t.Error("law: clients and people have names of their own")
	}
	a := s.visitor().do(http.MethodGet, "/o/me", nil, bearer(token))
	if a.status != http.StatusUnauthorized || a.text("error") != "invalid_token" {
		t.Errorf("law: an application is nobody of whom something is said; it is %d %s", a.status, a.body)
	}
	s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "refresh_token", "refresh_token", token), basic(s.shop, s.key)).refuses(400, "invalid_grant", "an application's own token as a refresh token")
	if _, err := s.sessions.Check(t.Context(), s.caller(), words().ReadClient(token)); !core.Is(err, core.CodeTokenInvalid) {
		t.Errorf("law: an application's token is no person's; got %v", err)
	}
}

// TestO21TokensInTheirPlaces: each kind of token is good for its own place, here
// too, and a public client is told of its own alone.
func TestO21TokensInTheirPlaces(t *testing.T) {
	s := newSite(t, nil)
	given, page := s.tokens("openid"), s.pageTokens()
	mine := s.personal()
	for name, token := range map[string]string{
		"an ID token": given.text("id_token"), "the person's own token": words().Access(mine.Access.Token), "the person's own refresh token": words().Refresh(mine.Refresh.Token),
		"another's refresh token": page.text("refresh_token"), "nothing": "x", "a code": "code-" + secret.Random(),
	} {
		if s.active(token) {
			t.Errorf("law: %s is no token of a client; an introspection says that it is good", name)
		}
		if a := s.visitor().do(http.MethodGet, "/o/me", nil, bearer(token)); a.status != http.StatusUnauthorized {
			t.Errorf("law: %s tells nothing of a person; it is %d %s", name, a.status, a.body)
		}
		if name != "another's refresh token" {
			s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "refresh_token", "refresh_token", token, "client_id", id(s.page))).refuses(400, "invalid_grant", name+" as a refresh token")
		}
	}
	public := func(token string) any {
		return s.visitor().do(http.MethodPost, "/o/introspect", fields("token", token, "client_id", id(s.page))).said()["active"]
	}
	if public(page.text("access_token")) != true || public(page.text("refresh_token")) != true {
		t.Error("a public client is not told of its own tokens")
	}
	if public(given.text("access_token")) != false || public(given.text("refresh_token")) != false {
		t.Error("law: a public client is told of its own tokens and no others")
	}
	if !s.active(given.text("access_token")) || !s.active(given.text("refresh_token")) || !s.active(page.text("access_token")) {
		t.Error("a client that keeps a secret is not told of tokens")
	}
	s.visitor().do(http.MethodPost, "/o/introspect", fields("token", given.text("access_token"))).refuses(400, "invalid_client", "an introspection by nobody")
	s.visitor().do(http.MethodPost, "/o/introspect", fields("token", given.text("access_token"), "client_id", id(s.shop))).refuses(400, "invalid_client", "an introspection by who keeps a secret and does not say it")
}
