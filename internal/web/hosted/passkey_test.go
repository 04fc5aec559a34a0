package hosted_test

import (
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

// ceremony is the form of a page that asks for a passkey; nil: it does not.
func (p shown) ceremony() *html.Node {
	p.t.Helper()
	for _, form := range p.all("form") {
		if attribute(form, "id") == "passkey" {
			return form
		}
	}
	return nil
}

// asks is what the browser is asked on a page.
func (p shown) asks(ceremony string) []byte {
	p.t.Helper()
	form := p.ceremony()
	if form == nil || attribute(form, "data-ceremony") != ceremony {
		p.t.Fatalf("the page does not ask for %q:\n%s", ceremony, p.body)
	}
	return []byte(attribute(form, "data-options"))
}

// A passkey is offered once somebody is in, and lets them in afterwards, named
// or not.
func TestPasskeyPages(t *testing.T) {
	s := newSite(t, map[string]any{"signin.primary": []string{"password", "passkey"}}, nil)
	s.person("ana@example.org", password)
	var device flowtest.Device
	authorize := "/p/demo/authorize?redirect_uri=" + strings.ReplaceAll(callback, "?", "%3F")
	signIn := func(b *browser) shown {
		t.Helper()
		p := b.press(b.open(authorize), "Continue", "email", "ana@example.org")
		return b.press(p, "Sign in", "password", password)
	}

	b := s.browser()
	p := signIn(b)
	p.shows(http.StatusOK, "Sign in faster next time")
	if p.ceremony() != nil || strings.Contains(p.header.Get("Content-Security-Policy"), "script") || len(p.all("script")) > 0 {
		t.Errorf("a page that asks nothing yet has a script:\n%s", p.body)
	}
	p = b.press(p, "Create a passkey")
	options := p.asks("create")
	script := p.all("script")
	if policy := p.header.Get("Content-Security-Policy"); len(script) != 1 || !strings.HasSuffix(policy, "; script-src 'self'") || !strings.HasPrefix(policy, "default-src 'none'; ") {
		t.Errorf("the policy of a page with %d scripts is %q", len(script), policy)
	}
	file := b.get(attribute(script[0], "src"))
	if file.status != http.StatusOK || file.header.Get("Content-Type") != "text/javascript; charset=utf-8" || !strings.Contains(file.header.Get("Cache-Control"), "immutable") {
		t.Errorf("the script comes as %d %v", file.status, file.header)
	}
	if attribute(script[0], "integrity") != "" || text(script[0]) != "" {
		t.Error("the script stands in the page")
	}
	// Without JavaScript nothing is sent, and nothing is lost.
	b.press(p, "Create a passkey").shows(http.StatusOK, "Sign in faster next time")
	p = b.press(p, "Create a passkey", "passkey", string(device.Create(t, options, "https://evil.example", nil)))
	p.shows(http.StatusBadRequest, "Sign in faster next time")
	if !strings.Contains(p.body, "This passkey was not accepted.") || strings.Contains(p.body, "data-begin") {
		t.Errorf("a refused passkey is asked for again at once:\n%s", p.body)
	}
	p = b.press(p, "Create a passkey", "passkey", string(device.Create(t, options, publicURL, nil)))
	if !strings.HasPrefix(p.location, callback) {
		t.Errorf("a new passkey leads to %q:\n%s", p.location, p.body)
	}

	// Nobody named.
	b = s.browser()
	p = b.press(b.open(authorize), "Sign in with a passkey")
	p.shows(http.StatusOK, "Use your passkey")
	if !strings.Contains(p.body, "data-begin") {
		t.Error("the browser is not asked at once")
	}
	p = b.press(p, "Continue with a passkey", "passkey", string(device.Get(t, p.asks("get"), publicURL, nil)))
	if !strings.HasPrefix(p.location, callback) {
		t.Errorf("a passkey leads to %q:\n%s", p.location, p.body)
	}
	// And back again.
	b.click(b.press(b.open(authorize), "Sign in with a passkey"), "Sign in another way").shows(http.StatusOK, "Sign in")

	// Somebody named; the page is the same for nobody.
	pages := map[string]string{}
	for _, email := range []string{"ana@example.org", "nobody@example.org"} {
		b = s.browser()
		p = b.press(b.open(authorize), "Continue", "email", email)
		p = b.press(b.click(p, "Use a passkey instead"), "Continue with a passkey")
		asked := string(p.asks("get"))
		if strings.Contains(asked, "allowCredentials") {
			t.Errorf("the browser is asked %s", asked)
		}
		main := text(p.all("main")[0])
		pages[email] = strings.ReplaceAll(main, email, "EMAIL")
		if email == "ana@example.org" {
			p = b.press(p, "Continue with a passkey", "passkey", string(device.Get(t, []byte(asked), publicURL, nil)))
			if !strings.HasPrefix(p.location, callback) {
				t.Errorf("a passkey leads to %q:\n%s", p.location, p.body)
			}
			continue
		}
		b.press(p, "Continue with a passkey", "passkey", string(device.Get(t, []byte(asked), publicURL, nil))).shows(http.StatusBadRequest, "Use your passkey")
	}
	if pages["ana@example.org"] != pages["nobody@example.org"] {
		t.Errorf("the pages tell who is there: %q", pages)
	}

	// Who wants none is not asked again in that browser for a while.
	b = s.browser()
	p = b.press(signIn(b), "Not now")
	if !strings.HasPrefix(p.location, callback) {
		t.Errorf("declining leads to %q:\n%s", p.location, p.body)
	}
	p = signIn(b)
	if !strings.HasPrefix(p.location, callback) {
		t.Errorf("after declining, a sign-in leads to %q:\n%s", p.location, p.body)
	}
	signIn(s.browser()).shows(http.StatusOK, "Sign in faster next time")
}

// Pages that are not on the domain of the passkeys do not ask for any.
func TestPasskeysOfAnotherDomain(t *testing.T) {
	s := newSite(t, map[string]any{"signin.primary": []string{"password", "passkey"}, "passkey.rp_id": "app.example.org"}, nil)
	s.person("ana@example.org", password)
	b := s.browser()
	p := b.open("/p/demo/authorize?redirect_uri=" + strings.ReplaceAll(callback, "?", "%3F"))
	if strings.Contains(p.body, "passkey") {
		t.Errorf("the page offers a passkey:\n%s", p.body)
	}
	p = b.press(b.press(p, "Continue", "email", "ana@example.org"), "Sign in", "password", password)
	if !strings.HasPrefix(p.location, callback) {
		t.Errorf("the password leads to %q:\n%s", p.location, p.body)
	}
}
