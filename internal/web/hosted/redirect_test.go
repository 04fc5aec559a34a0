package hosted_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// evil is addresses that are not registered, for all that they look like one.
func evil() []string {
	return []string{
		"https://evil.example", "//evil.example", "///evil.example", `\\evil.example`, `/\evil.example`, "https:evil.example", "https:/evil.example",
		"https:///evil.example", "/callback", "callback", ".", "?", "#", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x",
		"file:///etc/passwd", "blob:https://app.example.org/x", "http://app.example.org/callback?from=login", "https://app.example.org", "https://app.example.org/",
		"https://app.example.org/callback", "https://app.example.org/callback/?from=login", "https://app.example.org/callback?from=login&x=1",
		"https://app.example.org/callback?from=login#x", "https://app.example.org/callback?from=login#", "https://app.example.org/callback?from=Login",
		"https://app.example.org/Callback?from=login", "https://APP.example.org/callback?from=login", "https://app.example.org:443/callback?from=login",
		"https://app.example.org:8443/callback?from=login", "https://app.example.org./callback?from=login", "https://app.example.org.evil.example/callback?from=login",
		"https://evil.example/https://app.example.org/callback?from=login", "https://app.example.org@evil.example/callback?from=login",
		"https://evil.example#@app.example.org/callback?from=login", "https://evil.example?@app.example.org/callback?from=login",
		`https://evil.example\@app.example.org/callback?from=login`, "https://user@app.example.org/callback?from=login", "https://app.example.org/x/../callback?from=login",
		"https://app.example.org/./callback?from=login", "https://app.example.org//callback?from=login", "https://app.example.org/callback%2f..?from=login",
		"https://app.example.org/callback/..;/?from=login", "https://app.example.org/callback?from=login\r\nLocation: https://evil.example",
		"https://app.example.org/callback?from=login\x00", "https://app.example.org/callback?from=login%0d%0aX: y", " https://app.example.org/callback?from=login",
		"https://app.example.org/callback?from=login ", "\thttps://app.example.org/callback?from=login", "https://app\u3002example.org/callback?from=login",
		"https://app.example.org\u2044callback?from=login", "https://app.ex\u00e4mple.org/callback?from=login", "%2f%2fevil.example", "https%3a%2f%2fevil.example",
		"https://[::1]/callback?from=login", "https://127.0.0.1/callback?from=login", "https://0x7f000001/callback?from=login",
		"com.evil.app:/callback", "https://*.example.org/callback?from=login", "https://app.example.org/*", "<script>alert(1)</script>",
		"https://app.example.org/callback?from=login" + strings.Repeat("x", 4096),
	}
}

// Nobody is sent to an address that is not registered: sign-in, sign-up and
// logout show a page of ours instead (O1, O3).
func TestOpenRedirects(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	for _, address := range evil() {
		asked := url.QueryEscape(address)
		for _, path := range []string{
			"/p/demo/authorize?state=x&redirect_uri=" + asked, "/p/demo/authorize?screen=signup&redirect_uri=" + asked, "/p/demo/?redirect_uri=" + asked,
			"/p/demo/logout?redirect_uri=" + asked, "/p/demo/logout?local_redirect_uri=" + asked,
		} {
			p := b.get(path)
			if p.status != http.StatusBadRequest || p.location != "" || p.header.Get("Refresh") != "" || p.header.Get("Content-Type") != "text/html; charset=utf-8" {
				t.Errorf("%q: status %d, location %q", path, p.status, p.location)
			}
			if strings.Contains(p.body, "evil.example") {
				t.Errorf("%q: the page repeats the address", path)
			}
			if len(p.cookies) != 0 {
				t.Errorf("%q: the page gives a cookie", path)
			}
		}
		if p := b.post("/p/demo/logout", url.Values{"redirect_uri": {address}}); p.status != http.StatusBadRequest || p.location != "" {
			t.Errorf("logout by POST to %q: status %d, location %q", address, p.status, p.location)
		}
	}
	b.get("/p/demo/authorize?redirect_uri="+url.QueryEscape(callback)+"&redirect_uri=https://evil.example").shows(400, "That did not work")
	b.get("/p/demo/logout?redirect_uri="+url.QueryEscape(callback)+"&local_redirect_uri=https://evil.example").shows(400, "That did not work")
}

// Paths cannot be written so that a browser leaves for another host.
func TestPathsStayHere(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	for _, path := range []string{"//evil.example", "//evil.example/..", "/\\evil.example", "/%2f%2fevil.example", "/p/demo//evil.example", "/p/demo/..//evil.example/%2e%2e", "/p/%2f%2fevil.example/authorize", "/p/demo"} {
		r, err := http.NewRequest(http.MethodGet, s.server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.URL.Opaque = path
		p := b.do(r)
		u, err := url.Parse(p.location)
		if err != nil || u.Host != "" || strings.HasPrefix(p.location, "//") || strings.HasPrefix(p.location, `/\`) {
			t.Errorf("%q leads to %q", path, p.location)
		}
	}
}

// The state comes back as it was given, or is refused.
func TestState(t *testing.T) {
	s := newSite(t, nil, nil)
	s.person("ana@example.org", password)
	for _, state := range []string{"x", "a b+c&d=e?f#g%h/\"<>'", "\u00e9\U0001F600", strings.Repeat("x", 1024)} {
		b := s.browser()
		p := b.open(start("email", "ana@example.org", "state", state)).shows(200, "Enter your password")
		if _, got := b.press(p, "Sign in", "password", password).arrives(); got != state {
			t.Errorf("the state %q came back as %q", state, got)
		}
	}
	for _, state := range []string{strings.Repeat("x", 1025), "a\nb", "a\x00", "a\u0085b", "\xff"} {
		s.browser().get(start("state", state)).shows(400, "That did not work")
		s.browser().get("/p/demo/logout?state="+url.QueryEscape(state)).shows(400, "That did not work")
	}
	s.browser().get(start("screen", "other")).shows(400, "That did not work")
}

// What an application began with is kept from sign-in to sign-up and back.
func TestTheOtherTypeKeepsTheApplication(t *testing.T) {
	s := newSite(t, nil, nil)
	s.person("ana@example.org", password)
	b := s.browser()
	p := b.open(start("email", "ana@example.org")).shows(200, "Enter your password")
	p = b.click(p, "Create an account").shows(200, "Create an account")
	if !strings.Contains(p.body, `value="ana@example.org"`) {
		t.Error("the address was not carried along")
	}
	p = b.click(p, "Sign in instead").shows(200, "Sign in")
	p = b.press(p, "Continue", "email", "ana@example.org")
	p = b.click(p, "Change the e-mail address").shows(200, "Sign in")
	p = b.press(p, "Continue", "email", "ana@example.org")
	if _, state := b.press(p, "Sign in", "password", password).arrives(); state != "s&1" {
		t.Errorf("the state came back as %q", state)
	}
}

// Logout takes the cookie back and leads to a registered address, or to a page.
func TestLogout(t *testing.T) {
	s := newSite(t, map[string]any{"redirects.default": callback}, nil)
	for _, by := range []string{"redirect_uri", "local_redirect_uri"} {
		b := s.browser()
		b.open(start())
		p := b.get("/p/demo/logout?" + url.Values{by: {callback}, "state": {"s 1"}}.Encode())
		if p.status != http.StatusSeeOther || p.location != callback+"&state=s+1" {
			t.Errorf("%s: %d %q", by, p.status, p.location)
		}
		if len(p.cookies) != 1 || p.cookies[0].MaxAge >= 0 {
			t.Errorf("%s: the cookies are %v", by, p.cookies)
		}
		p = b.post("/p/demo/logout", url.Values{by: {callback}})
		if p.status != http.StatusSeeOther || p.location != callback {
			t.Errorf("%s by POST: %d %q", by, p.status, p.location)
		}
	}
	s.browser().get("/p/demo/logout").shows(200, "You are signed out")
	s.browser().post("/p/demo/logout", url.Values{"other": {"x"}}).shows(400, "That did not work")
}
