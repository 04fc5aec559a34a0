package hosted_test

import "testing"

// Where a list of domains says who may sign up, the page tells so at the field,
// for everybody of a domain alike, and nothing is sent.
func TestI13SignUpByDomain(t *testing.T) {
	s := newSite(t, map[string]any{"signup.domains_mode": "deny", "signup.domains": []string{"*.example.org", "example.org"}}, nil)
	s.person("known@example.org", password)
	answers := map[string]string{}
	for _, email := range []string{"unkno@example.org", "known@example.org"} {
		b := s.browser()
		p := b.press(b.open(start("screen", "signup")), "Continue", "email", email).shows(403, "Create an account").says("of this domain cannot sign up")
		answers[email] = mask(p, email)
	}
	same(t, "signing up", answers)
	if list := s.mails(); len(list) != 0 {
		t.Errorf("mails left for a domain that may not sign up: %v", list)
	}
	b := s.browser()
	b.press(b.open(start("screen", "signup")), "Continue", "email", "ana@example.net").shows(200, "Check your mail")
	b.press(b.open(start("email", "known@example.org")), "Sign in", "password", password).arrives()
}
