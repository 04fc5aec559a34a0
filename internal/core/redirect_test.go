package core_test

import (
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// hostile are addresses that must not be taken for a registered one.
func hostile() []string {
	return []string{
		// Another host, by every trick of reading.
		"https://evil.example/cb", "//evil.example/cb", "///evil.example/cb", "////evil.example", "https:evil.example", "https:/evil.example/cb", "https:///evil.example/cb",
		`\\evil.example/cb`, `/\evil.example/cb`, `\/evil.example`, `https:\\evil.example\cb`, `https://app.example.org\@evil.example/cb`, `https://app.example.org\.evil.example/cb`,
		"https://app.example.org@evil.example/cb", "https://app.example.org:443@evil.example/cb", "https://app.example.org%40evil.example/cb", "https://evil.example@app.example.org/cb",
		"https://@app.example.org/cb", "https://:@app.example.org/cb", "https://app.example.org.evil.example/cb", "https://app.example.orgevil.example/cb", "https://evil-app.example.org/cb",
		"https://evilapp.example.org/cb", "https://app-example.org/cb", "https://example.org/cb", "https://sub.app.example.org/cb", "https://*.example.org/cb", "https://app.example.org,evil.example/cb",
		"https://app.example.org;evil.example/cb", "https://app.example.org%00.evil.example/cb", "https://app.example.org%2eevil.example/cb", "https://app.example.org%2f@evil.example/cb",
		"https://app.example.org%23@evil.example/cb", "https://app.example.org#@evil.example/cb", "https://app.example.org?@evil.example/cb", "https://evil.example#@app.example.org/cb",
		"https://evil.example/?x=https://app.example.org/cb", "https://evil.example\thttps://app.example.org/cb", "https://evil.example%2f%2fapp.example.org/cb", "%2f%2fevil.example/cb", "/%2fevil.example",
		// The same host, written otherwise.
		"https://APP.example.org/cb", "HTTPS://app.example.org/cb", "Https://app.example.org/cb", "https://app.example.org./cb", "https://app.example.org:443/cb", "https://app.example.org:8443/cb",
		"https://app.example.org:/cb", "https://app。example.org/cb", "https://app．example.org/cb", "https://app｡example.org/cb", "https://ａpp.example.org/cb", "https://app.examp\u200ble.org/cb",
		"https://app.example.org\u2044cb", "https://аpp.example.org/cb", "http://app.example.org/cb", "http://app.example.org:443/cb", "wss://app.example.org/cb", "ftp://app.example.org/cb",
		// The same host, another path, query or fragment.
		"https://app.example.org", "https://app.example.org/", "https://app.example.org/cb/", "https://app.example.org//cb", "https://app.example.org/cb/evil", "https://app.example.org/cbevil",
		"https://app.example.org/CB", "https://app.example.org/c%62", "https://app.example.org/%63b", "https://app.example.org/./cb", "https://app.example.org/x/../cb", "https://app.example.org/cb/..",
		"https://app.example.org/cb/../admin", "https://app.example.org/cb/%2e%2e/admin", "https://app.example.org/cb%2f..", "https://app.example.org/cb;x", "https://app.example.org/cb?", "https://app.example.org/cb?x=1",
		"https://app.example.org/cb?code=stolen", "https://app.example.org/cb&x=1", "https://app.example.org/cb#", "https://app.example.org/cb#x", "https://app.example.org/cb#@evil.example", "https://app.example.org/cb%23x",
		"https://app.example.org/cb%00", "https://app.example.org/cb%0d%0aSet-Cookie:x=1", "https://app.example.org/cb ", " https://app.example.org/cb", "https://app.example.org/ cb",
		// Control characters.
		"https://app.example.org/cb\r\nLocation: https://evil.example", "https://app.example.org/cb\n", "https://app.example.org/cb\r", "https://app.example.org/cb\x00", "\x00https://app.example.org/cb",
		"https://app.example.org/\tcb", "ht\ntps://app.example.org/cb", "\u202ehttps://app.example.org/cb", "https://app.example.org/cb\u200b", "https://app.example.org/cb\xff",
		// Schemes that a browser runs or reads.
		"javascript:alert(1)", "JavaScript:alert(1)", "javascript://app.example.org/cb%0aalert(1)", "java\nscript:alert(1)", "data:text/html,x", "data:text/html;base64,PHNjcmlwdD4=", "vbscript:x", "file:///etc/passwd",
		"blob:https://app.example.org/x", "about:blank", "filesystem:https://app.example.org/x", "view-source:https://app.example.org/cb", "intent://app.example.org/cb#Intent;end", "mailto:a@example.org",
		// Loopback: the port may vary, and nothing else.
		"http://localhost:3000/cb/", "http://localhost:3000/evil", "http://localhost:3000/cb?x=1", "http://localhost:3000/cb#x", "http://127.0.0.1:3000/cb", "http://[::1]:3000/cb", "https://localhost:3000/cb", "http://LOCALHOST:3000/cb",
		"http://localhost.evil.example:3000/cb", "http://localhost:3000.evil.example/cb", "http://localhost:3000@evil.example/cb", "http://evil@localhost:3000/cb", "http://localhost:3000:4000/cb", "http://localhost:x/cb",
		"http://localhost.:3000/cb", "http://evil.localhost:3000/cb", "http://localhost%2eevil.example:3000/cb", "http://localhost:-1/cb", "http://localhost:99999/cb", "http://localhost:/cb", "http://localhost:03000/cb", "http://localhost:0/cb",
		// An application's own scheme.
		"com.example.app:/cb/", "com.example.app://cb", "com.example.app:///cb", "com.example.app:cb", "com.example.app:/cb?x=1", "com.example.app:/cb#x", "COM.example.app:/cb", "com.example.evil:/cb", "com.example.app.evil:/cb",
		"com.example.app:/%63b", "com.example.app:/x/../cb", "com.example.app", "app:/cb",
		// Not an address.
		"/", "/cb", "cb", "?", "#", "*", "null", "undefined", ":", "://", "https://", "https:", "https://?", "https://#", "https://:443/cb", "https://[", "https://[::1", "https://%", "\x00",
	}
}

func registered(t *testing.T, list ...string) core.Settings {
	t.Helper()
	for _, uri := range list {
		if err := core.CheckRedirect(uri); err != nil {
			t.Fatalf("law: an ordinary address may be registered; %s %v", uri, err)
		}
	}
	return core.Settings{RedirectsAllowed: list, RedirectsDefault: list[0]}
}

// TestO1OpenRedirect is abuse case O1.
func TestO1OpenRedirect(t *testing.T) {
	s := registered(t, "https://app.example.org/cb", "http://localhost:3000/cb", "com.example.app:/cb")
	all := hostile()
	if len(all) < 60 {
		t.Fatalf("the corpus has %d addresses in place of 60", len(all))
	}
	for _, asked := range all {
		if to, ok := s.MatchRedirect(asked); ok || to != "" {
			t.Errorf("law: a browser is sent to registered addresses only; %+q was let through as %+q", asked, to)
		}
	}
}

func TestRedirectMatches(t *testing.T) {
	s := registered(t, "https://app.example.org/cb", "http://localhost:3000/cb", "com.example.app:/cb", "https://origin.example.org", "https://slash.example.org/",
		"http://127.0.0.1/cb", "http://[::1]:80/cb", "https://q.example.org/cb?tenant=1")
	for _, asked := range []string{
		"https://app.example.org/cb", "http://localhost:3000/cb", "com.example.app:/cb", "https://origin.example.org", "https://q.example.org/cb?tenant=1",
		"http://localhost:49152/cb", "http://localhost:65535/cb", "http://localhost:1/cb", "http://localhost/cb", "http://127.0.0.1:5000/cb", "http://[::1]:5000/cb", "http://[::1]/cb",
		"https://origin.example.org/", "https://slash.example.org",
	} {
		if to, ok := s.MatchRedirect(asked); !ok || to != asked {
			t.Errorf("law: a registered address matches as it was asked for, and so do another loopback port and a bare origin's slash; %s gave %q, %t", asked, to, ok)
		}
	}
	for _, asked := range []string{
		"https://origin.example.org//", "https://origin.example.org/?", "https://origin.example.org/.", "https://origin.example.org/#", "https://origin.example.org/%2f", "https://origin.example.org:443",
		"https://origin.example.org/x", "https://slash.example.org//", "https://q.example.org/cb", "https://q.example.org/cb?tenant=2", "https://q.example.org/cb?tenant=1&x=1", "https://q.example.org/cb?x=1&tenant=1",
	} {
		if to, ok := s.MatchRedirect(asked); ok {
			t.Errorf("law: nothing else may differ; %s gave %q", asked, to)
		}
	}
	if to, ok := s.MatchRedirect(""); !ok || to != "https://app.example.org/cb" {
		t.Errorf("law: where no address is asked for the default is meant; got %q, %t", to, ok)
	}
	if to, ok := (core.Settings{}).MatchRedirect("https://app.example.org/cb"); ok {
		t.Errorf("law: where nothing is registered nothing matches; got %q", to)
	}
	// What cannot be registered does not match by being in the list's loose form.
	if to, ok := (core.Settings{RedirectsAllowed: []string{"http://evil.example"}}).MatchRedirect("http://evil.example/"); ok {
		t.Errorf("law: the loose form is for addresses that may be registered; got %q", to)
	}
}

func TestRegisteringRedirects(t *testing.T) {
	for _, uri := range []string{
		"https://a.example", "https://a.example:8443/x?y=z", "http://localhost", "http://localhost:1", "http://127.0.0.1:1/x", "http://[::1]:1/", "http://app.localhost:3000/", "com.example.app:/cb", "com.example.app://host/cb", "org.example.x.y:cb",
	} {
		if err := core.CheckRedirect(uri); err != nil {
			t.Errorf("law: an ordinary address may be registered; %s %v", uri, err)
		}
	}
	for _, uri := range []string{
		"", "/", "/cb", "//a.example", "a.example", "http://a.example", "http://10.0.0.1/", "http://localhost.a.example", "http://127.0.0.1.a.example", "http://0.0.0.0", "https://", "https:///x", "https:a.example", "https://:443",
		"https://u@a.example", "https://u:p@a.example", "https://@a.example", "https://a.example/#", "https://a.example/#x", "https://a.example/ x", "https://a.example/\\x", "https://a.example/\"x", "https://a.example/<x>", "https://a.example/{x}",
		"https://a.example/`", "https://a.example/^", "https://a.example/|", "https://a.example/\r\n", "https://a.example/\u200b", "https://a.example/\xff", "javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///x", "blob:x",
		"about:blank", "filesystem:x", "view-source:x", "app:/cb", "myapp://cb", "mailto:a@b.example", "https://a.example/%zz", "https://[::1", "https://a.example/" + string(make([]byte, 2100)), "ht tps://a.example",
	} {
		if err := core.CheckRedirect(uri); err == nil {
			t.Errorf("law: a relative, unsafe or ambiguous address cannot be registered; %+q was", uri)
		}
	}
}

func TestOriginsAreThoseOfRedirects(t *testing.T) {
	s := core.Settings{RedirectsAllowed: []string{"https://shop.example.org/callback", "https://a.example.org:8443", "http://localhost:3000/callback", "com.example.app:/callback"}}
	for origin, want := range map[string]bool{
		"https://shop.example.org":      true,
		"https://a.example.org:8443":    true,
		"http://localhost:3000":         true,
		"http://localhost:4711":         true, // the port of a loopback address may vary
		"http://localhost":              true, // where none is given too
		"http://shop.example.org":       false,
		"https://shop.example.org:8443": false,
		"https://a.example.org":         false,
		"https://example.org":           false,
		"https://shop.example.org/":     false, // no origin has a path
		"https://shop.example.org.evil": false,
		"https://u@shop.example.org":    false,
		"https://SHOP.example.org":      false,
		"com.example.app://":            false,
		"null":                          false,
		"":                              false,
		"*":                             false,
	} {
		if got := s.AllowsOrigin(origin); got != want {
			t.Errorf("%q: got %v, want %v", origin, got, want)
		}
	}
}
