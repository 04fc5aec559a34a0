package oidc_test

import (
	"html"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// An application is sent a code for who signed in, with its state and with who
// says so (RFC 9207); by GET and by POST alike.
func TestAuthorize(t *testing.T) {
	s := newSite(t, nil)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		v := s.visitor()
		begun := v.do(method, "/o/authorize", request(s.shop, "login_hint", "bob@example.org"))
		if page := v.follow(begun); !strings.Contains(page.body, `value="bob@example.org"`) {
			t.Errorf("%s: the address of the hint is not filled in: %s", method, page.body)
		}
	}
	a := s.visitor().signIn(request(s.shop))
	q := a.location.Query()
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location.String(), callback+"&") || q.Get("state") != "s&1" || q.Get("iss") != issuer || !strings.HasPrefix(q.Get("code"), "code-") {
		t.Errorf("the application is sent %d %s", a.status, a.location)
	}
	// Where there is one address, none has to be named.
	if a := s.visitor().signIn(request(s.shop, "redirect_uri", "-", "state", "-")); !strings.HasPrefix(a.location.String(), callback) || a.location.Query().Has("state") {
		t.Errorf("without an address and a state the application is sent %s", a.location)
	}
	// What scripts write for a value that they do not have is none.
	if a := s.visitor().signIn(request(s.shop, "scope", "undefined", "nonce", "null", "state", "undefined", "prompt", "null")); a.location == nil || a.location.Query().Has("state") || a.location.Query().Get("code") == "" {
		t.Errorf("with values that are none: %d %v %s", a.status, a.location, a.body)
	}
	// Who would rather sign up begins anew for the same application.
	page := s.visitor()
	shown := page.follow(page.do(http.MethodGet, "/o/authorize", request(s.shop, "prompt", "consent")))
	i := strings.Index(shown.body, "/p/demo/o/authorize?")
	if i < 0 {
		t.Fatalf("the page leads to no sign-up for the application: %s", shown.body)
	}
	link, err := url.Parse(html.UnescapeString(shown.body[i : i+strings.IndexByte(shown.body[i:], '"')]))
	must(t, err)
	for name, want := range map[string]string{"client_id": id(s.shop), "redirect_uri": callback, "scope": "openid email", "state": "s&1", "nonce": "n1", "code_challenge": challengeOf(verifier), "code_challenge_method": "S256", "prompt": "create consent"} {
		if got := link.Query().Get(name); got != want {
			t.Errorf("law: who begins anew does so for the same request; %s is %q, want %q", name, got, want)
		}
	}
	if again := page.follow(page.do(http.MethodGet, link.RequestURI(), nil)); again.status != http.StatusOK || !strings.Contains(again.body, "Create") && !strings.Contains(again.body, "account") {
		t.Errorf("the sign-up is %d %s", again.status, again.body)
	}
}

// TestO3ErrorsLeadToNoUnregisteredAddress: as long as it is not sure who asks,
// and for which of its addresses, what is wrong is said on a page.
func TestO3ErrorsLeadToNoUnregisteredAddress(t *testing.T) {
	s := newSite(t, nil)
	cases := map[string]url.Values{
		"no client":                request(s.shop, "client_id", "-"),
		"an unknown client":        request(s.shop, "client_id", "client-"+strings.Repeat("a", 32)),
		"a client of no sign-in":   request(s.robot, "redirect_uri", callback),
		"an address of another's":  request(s.shop, "redirect_uri", "https://other.example/cb"),
		"an address of the pool's": request(s.shop, "redirect_uri", "https://pool.example/cb"),
		"no address of two":        request(s.other, "redirect_uri", "-"),
	}
	for _, uri := range []string{
		"https://evil.example/cb", "javascript:alert(1)", "data:text/html,x", callback + "x", callback + "#x", strings.ToUpper(callback), "https://shop.example/cb", "https://shop.example:444/cb?from=login",
		"https://shop.example.evil/cb?from=login", "https://user@shop.example/cb?from=login", "//shop.example/cb?from=login", "https://shop.example/x/../cb?from=login", callback + "&more=1", " " + callback,
	} {
		cases[uri] = request(s.shop, "redirect_uri", uri)
	}
	for name, f := range cases {
		f.Set("response_type", "nonsense") // and a mistake that would be told to the application
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			a := s.visitor().do(method, "/o/authorize", f)
			if a.location != nil || a.status != http.StatusBadRequest || !strings.HasPrefix(a.header.Get("Content-Type"), "text/html") || !strings.Contains(a.header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				t.Errorf("law: with %s the answer is a page and leads nowhere; it is %d, %v", name, a.status, a.location)
			}
		}
	}
	if a := s.visitor().do(http.MethodGet, "/o/authorize?"+request(s.shop).Encode()+"&redirect_uri="+url.QueryEscape("https://evil.example"), nil); a.location != nil || a.status != http.StatusBadRequest {
		t.Errorf("law: an address that stands there twice leads nowhere; it is %d, %v", a.status, a.location)
	}
}

// TestO9PKCE: of a client that keeps no secret a challenge is wanted, by the one
// method that is safe; a code that was asked for with one works with its verifier
// alone, and one that was not works without any.
func TestO9PKCE(t *testing.T) {
	s := newSite(t, nil)
	right := challengeOf(verifier)
	for name, c := range map[string]struct {
		app               core.Application
		challenge, method string
		begins            bool
	}{
		"public, S256":                       {s.page, right, "S256", true},
		"public, none":                       {s.page, "-", "-", false},
		"public, plain":                      {s.page, verifier, "plain", false},
		"public, no method":                  {s.page, right, "-", false},
		"public, a method alone":             {s.page, "-", "S256", false},
		"public, another method":             {s.page, right, "s256", false},
		"public, no hash":                    {s.page, right[:42], "S256", false},
		"public, no base64url":               {s.page, right[:42] + "=", "S256", false},
		"keeps a secret, none":               {s.shop, "-", "-", true},
		"keeps a secret, S256":               {s.shop, right, "S256", true},
		"keeps a secret, plain":              {s.shop, verifier, "plain", false},
		"keeps a secret, no method":          {s.shop, right, "-", false},
		"keeps a secret, a method alone":     {s.shop, "-", "S256", false},
		"keeps a secret, an empty challenge": {s.shop, "", "S256", false},
	} {
		a := s.visitor().do(http.MethodGet, "/o/authorize", request(c.app, "code_challenge", c.challenge, "code_challenge_method", c.method))
		if got := a.location.Host == ""; got != c.begins || !got && a.location.Query().Get("error") != "invalid_request" {
			t.Errorf("law: %s begins: %v; it leads to %s", name, c.begins, a.location)
		}
	}
	with, without := request(s.shop), request(s.shop, "code_challenge", "-", "code_challenge_method", "-")
	for name, c := range map[string]struct {
		request  url.Values
		verifier string
		given    bool
	}{
		"a challenge and its verifier": {with, verifier, true}, "a challenge and no verifier": {with, "-", false}, "a challenge and another verifier": {with, verifier + "x", false},
		"a challenge and itself": {with, right, false}, "no challenge and no verifier": {without, "-", true}, "no challenge and a verifier": {without, verifier, false},
	} {
		v := s.visitor()
		f := fields("grant_type", "authorization_code", "code", v.code(c.request), "redirect_uri", callback)
		if c.verifier != "-" {
			f.Set("code_verifier", c.verifier)
		}
		if a := v.do(http.MethodPost, "/o/token", f, basic(s.shop, s.key)); (a.status == http.StatusOK) != c.given || !c.given && a.text("error") != "invalid_grant" {
			t.Errorf("law: %s gives tokens: %v; it is %d %s", name, c.given, a.status, a.body)
		}
	}
}

// What is wrong with a request is told to the application, with its state and
// with who says so.
func TestErrorsOfRequests(t *testing.T) {
	s := newSite(t, nil)
	for name, c := range map[string]struct {
		more []string
		want string
	}{
		"no response_type":        {[]string{"response_type", "-"}, "invalid_request"},
		"the implicit grant":      {[]string{"response_type", "token"}, "unsupported_response_type"},
		"the hybrid flow":         {[]string{"response_type", "code id_token"}, "unsupported_response_type"},
		"a fragment":              {[]string{"response_mode", "fragment"}, "invalid_request"},
		"a scope of another's":    {[]string{"scope", "openid admin"}, "invalid_scope"},
		"an unknown scope":        {[]string{"scope", "openid root"}, "invalid_scope"},
		"nobody asked":            {[]string{"prompt", "none"}, "login_required"},
		"nobody and somebody":     {[]string{"prompt", "none login"}, "invalid_request"},
		"an unknown prompt":       {[]string{"prompt", "dance"}, "invalid_request"},
		"an age that is none":     {[]string{"max_age", "old"}, "invalid_request"},
		"a long nonce":            {[]string{"nonce", strings.Repeat("n", 513)}, "invalid_request"},
		"a request object":        {[]string{"request", "e30.e30."}, "request_not_supported"},
		"a registration":          {[]string{"registration", "{}"}, "registration_not_supported"},
		"a request object by URL": {[]string{"request_uri", "https://shop.example/request"}, "request_uri_not_supported"},
	} {
		a := s.visitor().do(http.MethodGet, "/o/authorize", request(s.shop, c.more...))
		if a.status != http.StatusSeeOther || !strings.HasPrefix(a.location.String(), callback+"&error=") || a.location.Query().Get("error") != c.want || a.location.Query().Get("state") != "s&1" || a.location.Query().Get("iss") != issuer {
			t.Errorf("law: %s is told to the application as %s; it is sent %d %v", name, c.want, a.status, a.location)
		}
	}
	if a := s.visitor().do(http.MethodGet, "/o/authorize", request(s.shop, "state", strings.Repeat("s", 1025))); a.location.Query().Get("error") != "invalid_request" || a.location.Query().Has("state") {
		t.Errorf("a state that is too long: %v", a.location)
	}
}

// TestO29RequestsWithoutEnd: scopes and other parameters are bounded, and a
// request that is beyond is refused before anything is done with it.
func TestO29RequestsWithoutEnd(t *testing.T) {
	s := newSite(t, nil)
	many := strings.TrimSpace(strings.Repeat("a ", 1000))
	for i := range 51 {
		many += " x" + strings.Repeat("y", i)
	}
	for name, scope := range map[string]string{"51 scopes": many, "2 kB and one": strings.Repeat("a", 2049)} {
		if a := s.visitor().do(http.MethodPost, "/o/authorize", request(s.shop, "scope", scope)); a.location == nil || a.location.Query().Get("error") != "invalid_scope" {
			t.Errorf("law: %s are an invalid scope; it is %d %v", name, a.status, a.location)
		}
		if a := s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "client_credentials", "scope", scope), basic(s.shop, s.key)); a.text("error") != "invalid_scope" {
			t.Errorf("law: %s are an invalid scope; of tokens it is %d %s", name, a.status, a.body)
		}
	}
	for _, name := range []string{"scope", "acr_values", "claims", "state"} {
		if a := s.visitor().do(http.MethodPost, "/o/authorize", request(s.shop, name, strings.Repeat("a ", 1<<19))); a.location != nil || a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("law: a request of 1 MB is refused; with %s it is %d %v", name, a.status, a.location)
		}
	}
	// All at their longest together are more than a flow keeps.
	longest := strings.Repeat("plain ", 341)
	if a := s.visitor().do(http.MethodPost, "/o/authorize", request(s.shop, "scope", longest, "nonce", strings.Repeat("n", 512), "state", strings.Repeat("s", 1024))); a.location == nil || a.status != http.StatusSeeOther {
		t.Errorf("a request at its longest: %d %v", a.status, a.location)
	}
}

// TestO37RequestObjectsAreNotFetched: whatever address a request names, nothing
// is fetched from there.
func TestO37RequestObjectsAreNotFetched(t *testing.T) {
	s := newSite(t, nil)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	dialled := make(chan struct{}, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				close(dialled)
				return
			}
			_ = conn.Close() // nobody asked
			dialled <- struct{}{}
		}
	}()
	at := "http://" + listener.Addr().String() + "/x"
	for _, name := range []string{"request_uri", "registration", "id_token_hint", "login_hint", "claims", "acr_values", "sector_identifier_uri", "jwks_uri", "logo_uri", "client_uri", "policy_uri"} {
		s.visitor().do(http.MethodGet, "/o/authorize", request(s.shop, name, at))
	}
	s.visitor().do(http.MethodGet, "/o/authorize", request(s.shop, "client_id", at))
	s.visitor().do(http.MethodGet, "/o/logout", fields("post_logout_redirect_uri", at, "id_token_hint", at))
	must(t, listener.Close())
	for range dialled {
		t.Error("law: nothing is fetched for a request; something was")
	}
}

// TestO4RedirectsAreSeeOther: what was posted travels nowhere on.
func TestO4RedirectsAreSeeOther(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor()
	for name, a := range map[string]answer{
		"beginning": v.do(http.MethodPost, "/o/authorize", request(s.shop)), "an error": v.do(http.MethodPost, "/o/authorize", request(s.shop, "prompt", "none")),
		"the end":     s.visitor().signIn(request(s.shop)),
		"signing out": v.do(http.MethodPost, "/o/logout", fields("client_id", id(s.shop), "post_logout_redirect_uri", bye, "confirm", "yes")),
	} {
		if a.status != http.StatusSeeOther {
			t.Errorf("law: every redirect is 303; %s is %d", name, a.status)
		}
	}
}

// People are asked what an application may have, on a page that works without
// JavaScript and leads to the application either way.
func TestConsentPage(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor()
	page := v.signIn(request(s.shop, "scope", "openid reports"))
	for _, want := range []string{"May Shop &amp; Co have this?", "Reports", "Read &lt;your&gt; reports.", "<strong>" + email + "</strong>", ">Allow</button>", ">Deny</button>"} {
		if !strings.Contains(page.body, want) {
			t.Errorf("the page lacks %s:\n%s", want, page.body)
		}
	}
	if policy := page.header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https://shop.example;") {
		t.Errorf("the page's forms may lead to %s", policy)
	}
	denied := v.do(http.MethodPost, page.action(), fields("choice", "oauth_consent", "action", "deny"))
	if q := denied.location.Query(); denied.status != http.StatusSeeOther || q.Get("error") != "access_denied" || q.Get("state") != "s&1" || q.Get("iss") != issuer || q.Has("code") {
		t.Errorf("a denied application is sent %v", denied.location)
	}
	if again := v.do(http.MethodPost, page.action(), fields("choice", "oauth_consent", "scope.reports", "allow")); again.location != nil {
		t.Errorf("law: what was denied is over; it leads to %v", again.location)
	}
	v = s.visitor()
	page = v.signIn(request(s.shop, "scope", "openid reports"))
	if more := v.do(http.MethodPost, page.action(), fields("choice", "oauth_consent", "scope.admin", "allow")); more.status != http.StatusBadRequest {
		t.Errorf("law: nothing is allowed that is not asked for; it is %d", more.status)
	}
	allowed := v.do(http.MethodPost, page.action(), fields("choice", "oauth_consent", "scope.reports", "allow"))
	if allowed.location == nil || allowed.location.Query().Get("code") == "" {
		t.Fatalf("an allowed application is sent %v", allowed.location)
	}
	if a := s.visitor().signIn(request(s.shop, "scope", "openid reports")); a.location == nil {
		t.Error("law: what was allowed is not asked for again")
	}
	if a := s.visitor().signIn(request(s.shop, "scope", "openid reports", "prompt", "consent")); a.location != nil || !strings.Contains(a.body, "Reports") {
		t.Error("law: prompt=consent asks again")
	}
}
