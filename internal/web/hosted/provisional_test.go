package hosted_test

import (
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Whoever was made by an application sets up how they sign in: behind a mail, in
// the browser in which they read it, and without a script.
func TestSetUpAnAccount(t *testing.T) {
	s := newSite(t, map[string]any{"signin.primary": []string{"password", "sms_otp"}, "link.resend_after": "30s"}, nil)
	ana := s.person("ana@example.org", "")
	b, phones := s.browser(), s.browser()
	p := b.open(start("email", "ana@example.org")).shows(200, "Enter your password")
	p = b.click(p, "Set up an account that was made for you").shows(200, "Set up your account").says("ana@example.org")
	if list := s.mails(); len(list) != 0 {
		t.Errorf("looking at the page sent %v", list)
	}
	p = b.press(p, "Send the link").shows(200, "Check your mail").says("If an account was made for ana@example.org")
	p = b.press(p, "Continue").shows(200, "Check your mail").says("has not been opened yet")
	p = b.press(p, "Send it again").shows(200, "Check your mail").says("a moment ago")
	link := s.mail("set_up_account", "ana@example.org").Values["link"]

	page := phones.open(link).shows(200, "Set up your account")
	here := phones.press(page, "Set up my account").shows(200, "Choose a password")
	b.press(p, "Continue").shows(404, "This page has expired")
	phones.press(page, "Set up my account").shows(410, "This link no longer works")
	here = phones.press(here, "Continue", "password", "x").shows(400, "Choose a password").says("at least 8 characters")
	here = phones.click(here, "Get a code by text message instead").shows(200, "Get a code by text message")
	here = phones.press(here, "Send the code", "phone", phone).shows(200, "Enter the code").says(phone)
	code, state := phones.press(here, "Continue", "code", s.mail("sms_code", phone).Values["code"]).arrives()
	if user := s.enters(code); user.ID != ana.ID || !user.EmailVerified || state != "s&1" {
		t.Errorf("who came in is %+v, with the state %q", user, state)
	}

	// Now they have a way in: the page is the same, and no mail leaves.
	p = b.open(start("email", "ana@example.org")).shows(200, "Enter your password")
	p = b.click(p, "Set up an account that was made for you")
	b.press(p, "Send the link").shows(200, "Check your mail").says("If an account was made for ana@example.org")
	if list := s.mails(); len(list) != 0 {
		t.Errorf("who has a way in got %v", list)
	}
}

// Where a forgotten password leads to the same, there is no second page for it.
func TestSetUpByTheForgottenPassword(t *testing.T) {
	s := newSite(t, nil, nil)
	s.person("ana@example.org", "")
	b := s.browser()
	p := b.open(start("email", "ana@example.org")).shows(200, "Enter your password")
	if links := words(p, "a"); len(links) != 2 {
		t.Errorf("the page leads to %q", links)
	}
	b.press(p, "Forgot your password?").shows(200, "Check your mail")
	p = b.press(b.open(s.mail("reset_password", "ana@example.org").Values["link"]), "Choose a new password").shows(200, "Choose a new password")
	b.press(p, "Save and sign in", "password", newPassword).arrives()
}

// Whoever asks to set up their account gets the same pages (A4): a mail leaves
// for those alone who are there, may come in, and have nothing.
func TestSettingUpTellsNothing(t *testing.T) {
	s := newSite(t, map[string]any{"signin.primary": []string{"password", "totp"}, "lockout.failures": 2, "lockout.first_delay": "10m"}, nil)
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
		p := note("start", who.email, b.open(start("email", who.email)))
		p = note("page", who.email, b.click(p, "Set up an account that was made for you"))
		p = note("send", who.email, b.press(p, "Send the link"))
		p = note("again", who.email, b.press(p, "Send it again"))
		note("continue", who.email, b.press(p, "Continue"))
		sent := s.mails()
		if mailed := len(sent) == 1 && sent[0].To == who.email && sent[0].Template == "set_up_account"; mailed != (who.email == "empty@example.org") || len(sent) > 1 {
			t.Errorf("%s: the mails are %v", who.email, sent)
		}
	}
	for step, answers := range steps {
		same(t, step, answers)
	}
	if after := s.accounts(); after != before {
		t.Errorf("asking to set up an account changed one:\n%s\n%s", before, after)
	}
}

// Where nothing but a text message lets people in, the page of somebody without a
// telephone leads to the only way there is.
func TestSetUpWhereOnlyTextMessagesLetIn(t *testing.T) {
	s := newSite(t, map[string]any{"signin.primary": []string{string(core.AuthenticatorSMSOTP)}}, nil)
	ana := s.person("ana@example.org", "")
	b := s.browser()
	p := b.press(b.open(start("email", "ana@example.org")), "Send the code").shows(200, "Enter the code").says("If a telephone belongs to this account")
	if list := s.mails(); len(list) != 0 {
		t.Errorf("to no telephone %v left", list)
	}
	b.press(b.click(p, "Set up an account that was made for you"), "Send the link")
	p = b.press(b.open(s.mail("set_up_account", "ana@example.org").Values["link"]), "Set up my account").shows(200, "Get a code by text message")
	p = b.press(p, "Send the code", "phone", phone).shows(200, "Enter the code")
	code, _ := b.press(p, "Continue", "code", s.mail("sms_code", phone).Values["code"]).arrives()
	if user := s.enters(code); user.ID != ana.ID || user.Phone != phone {
		t.Errorf("who came in is %+v", user)
	}
}
