package hosted_test

import (
	"strconv"
	"testing"
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
