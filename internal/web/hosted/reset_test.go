package hosted_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
)

const newPassword = "another horse 8 staple"

// Who forgot chooses a new password through a mail, in the same browser.
func TestReset(t *testing.T) {
	s := newSite(t, nil, nil)
	ana := s.person("ana@example.org", password)
	b := s.browser()
	p := b.open(start("email", "ana@example.org")).shows(200, "Enter your password")
	p = b.press(p, "Forgot your password?").shows(200, "Check your mail").says("If there is an account for ana@example.org")
	b.click(p, "Use your password instead").shows(200, "Enter your password")
	b.press(p, "Continue").shows(200, "Check your mail").says("has not been opened yet")
	link := s.mail("reset_password", "ana@example.org").Values["link"]

	p = b.press(b.open(link).shows(200, "Choose a new password"), "Choose a new password").shows(200, "Choose a new password")
	p = b.press(p, "Save and sign in", "password", "x").shows(400, "Choose a new password").says("at least 8 characters")
	code, state := b.press(p, "Save and sign in", "password", newPassword).arrives()
	if user := s.enters(code); user.ID != ana.ID || state != "s&1" {
		t.Errorf("who came in is %s, with the state %q", user.ID, state)
	}
	s.mail("password_changed", "ana@example.org")

	p = b.open(start("email", "ana@example.org"))
	p = b.press(p, "Sign in", "password", password).shows(400, "Enter your password")
	b.press(p, "Sign in", "password", newPassword).arrives()
}

// Whose password is due for a change is told so behind the right one, and not
// before, and chooses another.
func TestPasswordDue(t *testing.T) {
	s := newSite(t, nil, nil)
	ana := s.person("ana@example.org", password)
	if err := s.people.ExpirePassword(t.Context(), s.caller(), core.DefaultSettings(), ana.ID); err != nil {
		t.Fatal(err)
	}
	b := s.browser()
	p := b.open(start("email", "ana@example.org")).shows(200, "Enter your password")
	p = b.press(p, "Sign in", "password", "wrong but long").shows(400, "Enter your password")
	if strings.Contains(p.body, "due for a change") {
		t.Error("a wrong password tells that the right one is due for a change")
	}
	p = b.press(p, "Sign in", "password", password).shows(200, "Choose a new password").says("due for a change")
	p = b.press(p, "Save and sign in", "password", password).shows(400, "Choose a new password")
	code, _ := b.press(p, "Save and sign in", "password", newPassword).arrives()
	if user := s.enters(code); user.ID != ana.ID {
		t.Errorf("who came in is %s", user.ID)
	}
	b.press(b.open(start("email", "ana@example.org")), "Sign in", "password", newPassword).arrives()
}

// In another browser the link proves the mailbox and no more: the password is
// chosen, and the tokens arrive, where the reset was begun (F10).
func TestResetWithTheLinkOpenedElsewhere(t *testing.T) {
	s := newSite(t, map[string]any{"link.resend_after": "0s"}, nil)
	s.person("ana@example.org", password)
	for _, known := range []bool{true, false} { // with a cookie of its own, or none yet
		b, phone := s.browser(), s.browser()
		if known {
			phone.open(start())
		}
		p := b.press(b.open(start("email", "ana@example.org")), "Forgot your password?")
		link := s.mail("reset_password", "ana@example.org").Values["link"]
		// Who reads the mail chooses the password. The window that asked for
		// the mail may be anybody's, and gets nothing.
		here := phone.press(phone.open(link), "Choose a new password").shows(200, "Choose a new password")
		b.open(p.address).shows(404, "This page has expired")
		code, _ := phone.press(here, "Save and sign in", "password", newPassword).arrives()
		s.enters(code)
		s.mail("password_changed", "ana@example.org")
	}
}

// A link is looked at as often as one likes and works once (F16).
func TestLinkOnce(t *testing.T) {
	s := newSite(t, nil, nil)
	s.person("ana@example.org", password)
	b, scanner := s.browser(), s.browser()
	p := b.press(b.open(start("email", "ana@example.org")), "Forgot your password?")
	link := s.mail("reset_password", "ana@example.org").Values["link"]
	var page shown
	for range 2 {
		page = scanner.get(link).shows(200, "Choose a new password")
		r, err := http.NewRequest(http.MethodHead, s.here(link), nil)
		if err != nil {
			t.Fatal(err)
		}
		if head := scanner.do(r); head.status != 200 || head.body != "" {
			t.Errorf("HEAD is answered with %d and %q", head.status, head.body)
		}
		if len(page.cookies) != 0 {
			t.Error("looking at a link gives a cookie")
		}
		b.press(p, "Continue").shows(200, "Check your mail") // nothing was proved
	}
	scanner.press(page, "Choose a new password").shows(200, "Choose a new password")
	scanner.press(page, "Choose a new password").shows(410, "This link no longer works")
	scanner.get(link).shows(410, "This link no longer works")
}

// Links that never were, or are of another kind or pool, show one page.
func TestLinksThatAreNone(t *testing.T) {
	s := newSite(t, nil, nil)
	s.newPool("other", nil, nil)
	s.person("ana@example.org", password)
	b := s.browser()
	b.press(b.open(start("email", "ana@example.org")), "Forgot your password?")
	link := s.mail("reset_password", "ana@example.org").Values["link"]
	for _, address := range []string{
		"/p/demo/link", "/p/demo/link?for=reset_password", "/p/demo/link?for=reset_password&code=short", "/p/demo/link?for=nothing&code=" + strings.Repeat("a", 32),
		"/p/demo/link?for=reset_password&code=" + strings.Repeat("a", 32),
		strings.Replace(link, "for=reset_password", "for=verify_email", 1), strings.Replace(link, "for=reset_password", "for=login", 1),
		strings.Replace(link, "/p/demo/", "/p/other/", 1),
	} {
		b.get(address).shows(410, "This link no longer works")
	}
	b.get(link+"&code="+strings.Repeat("a", 32)).shows(400, "That did not work")
	b.get(link+"&utm_source=mail").shows(200, "Choose a new password")
}

// The link of a flow that an application began over an API leads to that
// application, with what it recognises the link by, and can bring it on.
func TestLinkOfAnAPIFlow(t *testing.T) {
	s := newSite(t, map[string]any{"link.resend_after": "0s"}, nil)
	s.person("ana@example.org", password)
	for _, redirect := range []string{callback, ""} {
		st, err := s.flows.Start(t.Context(), s.caller(), flow.Start{Types: []core.FlowType{core.FlowSignin}, Email: "ana@example.org", Redirect: redirect})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.flows.Restart(t.Context(), s.caller(), st.ID, flow.Answer{Choice: core.ChoiceResetPassword}); err != nil {
			t.Fatal(err)
		}
		link := s.mail("reset_password", "ana@example.org").Values["link"]
		b := s.browser()
		p := b.open(link)
		if !strings.Contains(p.header.Get("Content-Security-Policy"), "form-action 'self' https://app.example.org;") {
			t.Errorf("a browser would not let the form lead to the application: %s", p.header.Get("Content-Security-Policy"))
		}
		p = b.press(p, "Choose a new password")
		if redirect == "" {
			p.shows(200, "Done")
			continue
		}
		code, state := p.arrives()
		answer := flow.Answer{Choice: core.ChoiceResetPassword, Code: strings.TrimPrefix(code, "code_"), State: strings.TrimPrefix(state, "link_")}
		if _, err := s.flows.Answer(t.Context(), s.caller(), st.ID, answer); err != nil {
			t.Errorf("the application cannot go on with what it was given: %v", err)
		}
	}
}

// apiFlow is a flow that an application began over an API.
func (s *site) apiFlow(email string) core.FlowID {
	s.t.Helper()
	st, err := s.flows.Start(s.t.Context(), s.caller(), flow.Start{Types: []core.FlowType{core.FlowSignin}, Email: email})
	if err != nil {
		s.t.Fatal(err)
	}
	return st.ID
}
