package hosted_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

const (
	phone      = "+442079460000"
	otherPhone = "+18085550173"
)

// Somebody signs up with a telephone: the mailbox first, as the pages have it,
// then the number, which they may correct, and the code.
func TestSignUpByTextMessage(t *testing.T) {
	s := newSite(t, map[string]any{"signin.primary": []string{"sms_otp"}, "profile.fields": []any{}}, nil)
	b := s.browser()
	p := b.open(start("screen", "signup"))
	p = b.press(p, "Continue", "email", "new@example.org").shows(200, "Check your mail")
	link := s.mail("verify_email", "new@example.org").Values["link"]
	b.press(b.open(link), "Confirm my e-mail address").shows(200, "Get a code by text message")
	p = b.press(p, "Continue").shows(200, "Get a code by text message")
	if list := s.mails(); len(list) != 0 {
		t.Errorf("before a number is given %v left", list)
	}
	p = b.press(p, "Send the code", "phone", "").shows(400, "Get a code by text message").says("A telephone number must be given.")
	p = b.press(p, "Send the code", "phone", "+44 909 879 0000").shows(400, "Get a code by text message").says("This is not a telephone number of a person")
	p = b.press(p, "Send the code", "phone", " +1 808 555 0173 ").shows(200, "Enter the code").says(otherPhone)
	s.mail("sms_code", otherPhone)
	p = b.press(p, "Send another code", "phone", "+44 20 7946 0000").shows(200, "Enter the code").says("We sent a code to " + phone)
	code := s.mail("sms_code", phone).Values["code"]
	p = b.press(p, "Send another code", "phone", phone).shows(200, "Enter the code").says("left only a moment ago")
	if list := s.mails(); len(list) != 0 {
		t.Errorf("at once another left: %v", list)
	}
	p = b.press(p, "Continue", "code", "00000x").shows(400, "Enter the code").says("This is not the code that we sent last.")
	code, _ = b.press(p, "Continue", "code", code[:3]+" "+code[3:]).arrives()
	if user := s.enters(code); user.Phone != phone || !user.EmailVerified {
		t.Errorf("who came in is %+v", user)
	}
}

// Whoever signs in by text message is told the same, whether a telephone belongs
// to the account or not (A2), and never the number.
func TestSignInByTextMessageTellsNothing(t *testing.T) {
	s := newSite(t, map[string]any{"signin.primary": []string{"password", "sms_otp"}, "lockout.failures": 2, "lockout.first_delay": "10m"}, nil)
	people := s.everybody()
	steps := map[string]map[string]string{}
	for i, who := range people {
		if who.email == "known@example.org" {
			user := s.find(who.email)
			s.enrol(core.Authenticator{User: user.ID, Kind: core.AuthenticatorSMSOTP, Handle: phone})
		}
		people[i].mailed = who.email == "known@example.org"
	}
	for _, who := range people {
		b := s.browser()
		note := func(step string, p shown) shown {
			if steps[step] == nil {
				steps[step] = map[string]string{}
			}
			steps[step][who.email] = mask(p, who.email)
			if strings.Contains(p.body, phone) {
				t.Errorf("%s: the page tells the number", step)
			}
			return p
		}
		p := note("email", b.press(b.open(start()), "Continue", "email", who.email))
		p = note("offer", b.click(p, "Get a code by text message instead"))
		p = note("sent", b.press(p, "Send the code")).shows(200, "Enter the code")
		p = note("again", b.press(p, "Send another code"))
		if who.email != "locke@example.org" {
			note("wrong", b.press(p, "Continue", "code", "00000x"))
		}
		sent := s.mails()
		if got := len(sent) == 1 && sent[0].To == phone; got != who.mailed || len(sent) > 1 {
			t.Errorf("%s: %v left", who.email, sent)
		}
	}
	for step, answers := range steps {
		same(t, step, answers)
	}
}

// A text message follows upon the password, and is enrolled there.
func TestTextMessageAsSecondFactor(t *testing.T) {
	s := newSite(t, map[string]any{"signin.secondary": []string{"sms_otp"}, "signin.require_secondary": true, "code.resend_after": "0s"}, nil)
	s.person("ana@example.org", password)
	for round := range 2 {
		b := s.browser()
		p := b.press(b.open(start("email", "ana@example.org")), "Sign in", "password", password)
		if round == 0 {
			p = b.press(p.shows(200, "Get a code by text message"), "Send the code", "phone", phone)
		} else if p = p.shows(200, "Enter the code").says("we sent a code to your telephone"); strings.Contains(p.body, phone) {
			t.Error("behind the password alone the number is told")
		}
		code, _ := b.press(p, "Continue", "code", s.mail("sms_code", phone).Values["code"]).arrives()
		if user := s.enters(code); user.Phone != phone {
			t.Errorf("who came in is %+v", user)
		}
	}
}

func (s *site) find(email string) (user core.User) {
	s.t.Helper()
	err := s.store.As(s.caller()).View(s.t.Context(), func(tx *store.Tx) (err error) { user, err = tx.UserByEmail(email); return err })
	if err != nil {
		s.t.Fatal(err)
	}
	return user
}

func (s *site) enrol(a core.Authenticator) {
	s.t.Helper()
	a.ID = core.NewAuthenticatorID()
	err := s.store.As(s.caller()).Update(s.t.Context(), func(tx *store.Tx) error { _, err := tx.PutAuthenticator(a); return err })
	if err != nil {
		s.t.Fatal(err)
	}
}
