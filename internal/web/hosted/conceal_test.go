package hosted_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// mask leaves out of an answer what is random or about the clock, and nothing
// else: ids, cookies, the date, and times to wait.
func mask(p shown, email string) string {
	var b strings.Builder
	fmt.Fprintln(&b, p.status)
	var names []string
	for name := range p.header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if name != "Date" && name != "Set-Cookie" {
			fmt.Fprintln(&b, name, p.header[name])
		}
	}
	for _, c := range p.cookies {
		fmt.Fprintln(&b, "cookie", c.Name, len(c.Value), c.MaxAge)
	}
	out := b.String() + p.body
	out = strings.ReplaceAll(strings.ReplaceAll(out, email, "EMAIL"), strings.Replace(email, "@", "%40", 1), "EMAIL")
	out = regexp.MustCompile(`flw_[a-z2-7]{32}`).ReplaceAllString(out, "FLOW")
	out = regexp.MustCompile(`\d+ seconds?`).ReplaceAllString(out, "SECONDS")
	return regexp.MustCompile(`Retry-After \[\d+\]`).ReplaceAllString(out, "Retry-After")
}

// someone is one kind of person, and whether the mail goes to them.
type someone struct {
	email  string
	mailed bool
}

// everybody makes one person of each kind. Their addresses are equally long,
// so that even the lengths of the answers can be compared.
func (s *site) everybody() []someone {
	s.t.Helper()
	s.person("known@example.org", password)
	s.disabled("disab@example.org")
	s.person("locke@example.org", password)
	s.person("empty@example.org", "")
	b := s.browser()
	p := b.open(start("email", "locke@example.org"))
	for range 3 {
		p = b.press(p, "Sign in", "password", "wrong")
	}
	p.shows(429, "Enter your password")
	return []someone{{"unkno@example.org", false}, {"known@example.org", true}, {"disab@example.org", false}, {"locke@example.org", true}, {"empty@example.org", true}}
}

// same compares the answers that everybody gets, step by step.
func same(t *testing.T, step string, answers map[string]string) {
	t.Helper()
	reference := ""
	for _, email := range []string{"unkno@example.org", "known@example.org", "disab@example.org", "locke@example.org", "empty@example.org"} {
		answer, ok := answers[email]
		if !ok {
			continue
		}
		if reference == "" {
			reference = answer
		}
		if answer != reference {
			t.Errorf("%s: %s gets another answer than somebody unknown:\n%s\n--- and not\n%s", step, email, answer, reference)
		}
	}
}

// Whoever asks for a new password gets the same answers (A4): only people who
// are there and may come in get a mail, and nobody's account changes.
func TestResetTellsNothing(t *testing.T) {
	s := newSite(t, map[string]any{"lockout.failures": 2, "lockout.first_delay": "10m"}, nil)
	people := s.everybody()
	before := s.accounts()
	steps := map[string]map[string]string{}
	note := func(step, email string, p shown) shown {
		if steps[step] == nil {
			steps[step] = map[string]string{}
		}
		steps[step][email] = mask(p, email)
		return p
	}
	for _, who := range people {
		b := s.browser()
		note("start", who.email, b.get(start("email", who.email)))
		p := note("page", who.email, b.open(start()))
		p = note("email", who.email, b.press(p, "Continue", "email", who.email))
		p = note("forgot", who.email, b.press(p, "Forgot your password?"))
		p = note("again", who.email, b.press(p, "Send it again"))
		p = note("continue", who.email, b.press(p, "Continue"))
		note("back", who.email, b.click(p, "Use your password instead"))
		sent := s.mails()
		if got := len(sent) == 1 && sent[0].To == who.email && sent[0].Template == "reset_password"; got != who.mailed || len(sent) > 1 {
			t.Errorf("%s: the mails are %v", who.email, sent)
		}
	}
	for step, answers := range steps {
		same(t, step, answers)
	}
	if after := s.accounts(); after != before {
		t.Errorf("asking for a reset changed an account:\n%s\n%s", before, after)
	}
}

// accounts writes down all that a request for a reset might change.
func (s *site) accounts() string {
	s.t.Helper()
	var b strings.Builder
	err := s.store.As(s.caller()).View(s.t.Context(), func(tx *store.Tx) error {
		users, _, _, err := tx.Users(core.Query{Size: 50})
		if err != nil {
			return err
		}
		for _, u := range users {
			phc, err := tx.PasswordOf(u.ID)
			if err != nil {
				return err
			}
			until, err := tx.BlockedUntil(string(u.ID))
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%+v %s %s\n", u, phc, until)
		}
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}

// A wrong password is answered alike for everybody who is not locked out, and
// after too many tries for nobody's account as for somebody's (A1).
func TestSignInTellsNothing(t *testing.T) {
	s := newSite(t, map[string]any{"lockout.failures": 2, "lockout.first_delay": "10m"}, nil)
	people := slices.DeleteFunc(s.everybody(), func(who someone) bool { return who.email == "locke@example.org" })
	steps := map[string]map[string]string{}
	for _, who := range people {
		b := s.browser()
		p := b.open(start())
		p = b.press(p, "Continue", "email", who.email)
		for _, step := range []string{"first", "second", "locked"} {
			p = b.press(p, "Sign in", "password", "wrong")
			if steps[step] == nil {
				steps[step] = map[string]string{}
			}
			steps[step][who.email] = mask(p, who.email)
		}
		p.shows(429, "Enter your password")
	}
	for step, answers := range steps {
		same(t, step, answers)
	}
}

// Sign-up is answered alike for who is there and who is not; each gets one
// mail, of their own kind (A3).
func TestSignUpTellsNothing(t *testing.T) {
	s := newSite(t, nil, nil)
	s.person("known@example.org", password)
	pages := map[string][]string{}
	for email, template := range map[string]string{"known@example.org": "account_exists", "unkno@example.org": "verify_email"} {
		b := s.browser()
		p := b.open(start("screen", "signup"))
		for _, press := range [][]string{{"Continue", "email", email}, {"Send it again"}, {"Continue"}} {
			p = b.press(p, press[0], press[1:]...).shows(200, "Check your mail")
			pages[email] = append(pages[email], mask(p, email))
		}
		s.mail(template, email)
	}
	for i, page := range pages["known@example.org"] {
		same(t, fmt.Sprint("step ", i), map[string]string{"known@example.org": page, "unkno@example.org": pages["unkno@example.org"][i]})
	}
}
