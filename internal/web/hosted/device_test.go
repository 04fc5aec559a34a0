package hosted_test

import (
	"strings"
	"testing"
)

// Who ticks the box is asked for no second factor in this browser the next
// time, and in no other.
func TestRememberedBrowser(t *testing.T) {
	s := newSite(t, map[string]any{
		"signin.secondary": []string{"email_otp"}, "signin.require_secondary": true, "signin.remember_device": "device", "code.resend_after": "0s", "link.resend_after": "0s",
	}, nil)
	s.person("ana@example.org", password)
	secondIn := func(b *browser) shown {
		p := b.open(start("email", "ana@example.org"))
		return b.follow(b.press(p, "Sign in", "password", password)).shows(200, "Enter the code")
	}
	b := s.browser()
	p := secondIn(b)
	if !strings.Contains(p.body, "Do not ask again in this browser for 30 days") {
		t.Errorf("there is no box to tick:\n%s", p.body)
	}
	p = b.press(p, "Continue", "code", "000000x", "keep", "on").shows(400, "Enter the code")
	for _, input := range p.all("input") {
		if attribute(input, "name") == "keep" && !isTicked(input) {
			t.Error("law: what was ticked stays ticked behind a wrong code")
		}
	}
	b.press(p, "Continue", "code", s.mail("email_code", "ana@example.org").Values["code"], "keep", "on").arrives()

	p = b.open(start("email", "ana@example.org"))
	b.press(p, "Sign in", "password", password).arrives()
	secondIn(s.browser())
	s.mails()

	// Without the tick nothing is kept.
	other := s.browser()
	p = secondIn(other)
	other.press(p, "Continue", "code", s.mail("email_code", "ana@example.org").Values["code"]).arrives()
	secondIn(other)
}
