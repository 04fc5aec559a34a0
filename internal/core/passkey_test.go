package core_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Passkeys are for the host of the pool's pages, unless the pool says otherwise;
// an address is no host.
func TestRelyingParty(t *testing.T) {
	for _, c := range []struct {
		set   string
		pages []string
		id    string
	}{
		{"", []string{"https://login.example.org/p/demo"}, "login.example.org"},
		{"", []string{"https://Login.Example.org:8443"}, "login.example.org"},
		{"", []string{"http://localhost:8400/p/demo"}, "localhost"},
		{"", []string{"http://authn.localhost:8400"}, "authn.localhost"},
		{"", []string{"https://a.example.org", "https://b.example.org"}, "a.example.org"},
		{"example.org", []string{"https://a.example.org", "https://b.example.org"}, "example.org"},
		{"", []string{"http://127.0.0.1:8400", "http://[::1]:8400"}, ""},
		{"", []string{"http://intranet"}, ""},
		{"", []string{"", "::"}, ""},
	} {
		rp := core.Settings{PasskeyRPID: c.set}.RelyingParty(c.pages...)
		if rp.ID != c.id {
			t.Errorf("%q and %q give %q, want %q", c.set, c.pages, rp.ID, c.id)
		}
	}
	rp := core.Settings{}.RelyingParty("https://login.example.org/p/demo", "https://other.example.org:8443")
	if !slices.Equal(rp.Pages, []string{"https://login.example.org", "https://other.example.org:8443"}) {
		t.Errorf("the pages are %q", rp.Pages)
	}
}

// A page may ask for the passkeys of its own domain and of those above.
func TestRelyingPartyCovers(t *testing.T) {
	rp := core.RelyingParty{ID: "example.org"}
	for origin, want := range map[string]bool{
		"https://example.org": true, "https://app.example.org": true, "https://a.b.example.org:8443": true, "https://app.example.org/cb": true,
		"https://badexample.org": false, "https://example.org.evil.example": false, "https://org": false, "": false, "null": false, "https://evil.example/example.org": false,
		"https://example.org@evil.example": false, "https://evil.example#.example.org": false, "https://evil.example?.example.org": false, "com.example.app:/cb": false,
	} {
		if rp.Covers(origin) != want {
			t.Errorf("%q: got %v", origin, !want)
		}
	}
	if (core.RelyingParty{}).Covers("https://example.org") {
		t.Error("law: where there is no domain, no page may ask")
	}
}
