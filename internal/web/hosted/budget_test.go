package hosted_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/web/hosted"
)

// Too many wrong tries from one address end in a page of their own, which says
// for how long and leads back; nothing is compared any more, whoever is tried
// (B5).
func TestB5OneAddressTriesManyAccounts(t *testing.T) {
	s := newSite(t, map[string]any{"budget.tries_per_minute": 3}, nil)
	s.person("ana@example.org", password)
	b := s.browser()
	sign := func(email, password string) shown {
		return b.press(b.open(start("email", email)), "Sign in", "password", password)
	}
	for _, email := range []string{"one@example.org", "two@example.org", "ana@example.org"} {
		sign(email, "wrong").shows(400, "Enter your password")
	}
	before := s.hasher.Evaluated()
	p := sign("ana@example.org", password).shows(429, "Too many requests").says("Please try again in ")
	if wait, err := strconv.Atoi(p.header.Get("Retry-After")); err != nil || wait < 1 || wait > 60 {
		t.Errorf("Retry-After is %q", p.header.Get("Retry-After"))
	}
	b.click(p, "Go back").shows(200, "Enter your password")
	if n := s.hasher.Evaluated() - before; n != 0 {
		t.Errorf("%d passwords were compared over budget", n)
	}
}

// Beginning without end is refused alike (F13).
func TestF13OneAddressBeginsWithoutEnd(t *testing.T) {
	s := newSite(t, map[string]any{"budget.flows_per_minute": 2}, nil)
	b := s.browser()
	b.open(start()).shows(200, "Sign in")
	b.open(start("screen", "signup")).shows(200, "Create an account")
	p := b.open(start()).shows(429, "Too many requests")
	if p.header.Get("Retry-After") == "" || len(p.cookies) != 0 {
		t.Errorf("over budget the answer has the headers %v", p.header)
	}
}

// Who signed in from this browser before comes in at the first try, though
// somebody else has used up their tries (B7). The cookie for that says nothing
// of them, and signs nobody in.
func TestB7TheVictimsOwnBrowser(t *testing.T) {
	for _, secure := range []bool{true, false} {
		s := newSite(t, map[string]any{"lockout.enabled": false, "lockout.most": 6, "budget.tries_per_minute": 7}, func(d *hosted.Deps) { d.Secure = secure })
		s.person("ana@example.org", password)
		// The test's server has no TLS, so that a browser sends no secure cookie
		// back: it is put in by hand.
		var device *http.Cookie
		sign := func(b *browser, password string) shown {
			t.Helper()
			p := b.get(start("email", "ana@example.org"))
			cookies := p.cookies
			if device != nil {
				cookies = append(cookies, device)
			}
			r, err := http.NewRequest(http.MethodPost, s.here(p.location), strings.NewReader("choice=password&password="+password))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for _, c := range cookies {
				r.AddCookie(c)
			}
			return b.do(r)
		}
		p := sign(s.browser(), "correct+horse+7+staple")
		for _, c := range p.cookies {
			device = c
		}
		name := map[bool]string{true: "__Host-gatehouse-device", false: "gatehouse-device"}[secure]
		if p.status != http.StatusSeeOther || len(p.cookies) != 1 || device.Name != name || device.Secure != secure || !device.HttpOnly ||
			device.SameSite != http.SameSiteLaxMode || device.Path != "/" || device.Domain != "" || device.MaxAge != 400*24*60*60 || len(device.Value) != 64 {
			t.Fatalf("secure %v: %d with the cookies %q", secure, p.status, p.header["Set-Cookie"])
		}
		mine := device
		device = nil
		for range 6 {
			sign(s.browser(), "wrong").shows(400, "Enter your password")
		}
		s.mail("password_locked", "ana@example.org")
		sign(s.browser(), "correct+horse+7+staple").shows(429, "Enter your password").says("Please ask for a new one.")
		device = mine
		if p := sign(s.browser(), "correct+horse+7+staple"); p.status != http.StatusSeeOther || len(p.cookies) != 1 || p.cookies[0].Value == mine.Value {
			t.Errorf("secure %v: from her own browser ana gets %d with %q", secure, p.status, p.header["Set-Cookie"])
		}
		// Alone, the cookie opens nothing.
		r, err := http.NewRequest(http.MethodGet, s.here(start("email", "ana@example.org")), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.AddCookie(mine)
		b := s.browser()
		if p := b.do(r); p.status != http.StatusSeeOther || len(p.cookies) != 1 {
			t.Errorf("a browser with that cookie alone gets %d with %q", p.status, p.header["Set-Cookie"])
		}
	}
}
