package hosted_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

func profileFields() []core.ProfileField {
	return []core.ProfileField{
		{ID: "first_name", Label: "First name", Type: core.ProfileText, Required: true, AtSignup: true},
		{ID: "born", Label: "Date of birth", Type: core.ProfileDate, AtSignup: true},
		{ID: "age", Label: "Age", Type: core.ProfileInteger, AtSignup: true},
		{ID: "phone", Label: "Phone", Type: core.ProfilePhone, AtSignup: true},
		{ID: "other", Label: "Other address", Type: core.ProfileEmail, AtSignup: true},
		{ID: "news", Label: "News by mail", Type: core.ProfileBoolean, Required: true, AtSignup: true},
		{ID: "note", Label: "Not asked for", Type: core.ProfileText},
	}
}

// Somebody new comes in through the pages alone, and the application gets a
// code that is worth tokens of a person with all that was filled in.
func TestSignUp(t *testing.T) {
	s := newSite(t, map[string]any{"profile.fields": profileFields()}, nil)
	b := s.browser()
	p := b.open(start()).shows(200, "Sign in")
	p = b.click(p, "Create an account").shows(200, "Create an account")
	p = b.press(p, "Continue", "email", "ana@").shows(400, "Create an account").says("Enter an e-mail address")
	p = b.press(p, "Continue", "email", "Ana@Example.org").shows(200, "Check your mail").says("Ana@example.org")

	// The mail left without another click, and nobody is there yet.
	link := s.mail("verify_email", "Ana@example.org").Values["link"]
	if !strings.HasPrefix(link, publicURL+"/p/demo/link?") {
		t.Fatalf("the link is %q", link)
	}
	if _, err := s.people.Get(t.Context(), s.caller(), core.UserRef{Email: "ana@example.org"}); !core.Is(err, core.CodeNotFound) {
		t.Fatalf("somebody is there before the mailbox was proved: %v", err)
	}
	p = b.press(p, "Continue").shows(200, "Check your mail").says("has not been opened yet")
	b.press(p, "Send it again").shows(200, "Check your mail").says("left only a moment ago")
	if more := s.mails(); len(more) != 0 {
		t.Fatalf("%d more mails were sent within the time to wait", len(more))
	}

	p = b.open(link).shows(200, "Confirm your e-mail address")
	p = b.press(p, "Confirm my e-mail address").shows(200, "Choose a password").says("at least 8 characters")
	p = b.press(p, "Continue", "password", "short").shows(400, "Choose a password").says("A password has at least 8 characters.")
	if strings.Contains(p.body, `value="short"`) {
		t.Error("the page brings back the password that was typed")
	}
	p = b.press(p, "Continue", "password", password).shows(200, "About you")
	if strings.Contains(p.body, "Not asked for") {
		t.Error("a field is asked for that is not for sign-up")
	}
	p = b.press(p, "Continue", "profile.born", "31.12.2001", "profile.age", "old", "profile.phone", "x", "profile.other", "y", "profile.news", "maybe").
		shows(400, "About you").says("Please fill this in.").says("Enter a date").says("Enter a whole number").says("Enter a phone number").
		says("Enter an e-mail address").says("Choose yes or no.")
	if !strings.Contains(p.body, `value="31.12.2001"`) {
		t.Error("what was typed is gone from the page")
	}
	done := b.press(p, "Continue", "profile.first_name", "Ana", "profile.born", "2001-12-31", "profile.age", "23", "profile.phone", "+44 20 7946 0000",
		"profile.other", "", "profile.news", "true")
	code, state := done.arrives()
	if state != "s&1" {
		t.Errorf("the state came back as %q", state)
	}
	user := s.enters(code)
	want := core.Profile{"first_name": "Ana", "born": "2001-12-31", "age": "23", "phone": "+44 20 7946 0000", "news": "true"}
	if user.Email != "Ana@example.org" || !user.EmailVerified {
		t.Errorf("who came in is %+v", user)
	}
	for name, value := range want {
		if user.Profile[name] != value {
			t.Errorf("%s is %q, want %q", name, user.Profile[name], value)
		}
	}
	if len(user.Profile) != len(want) {
		t.Errorf("the profile is %v", user.Profile)
	}
}

// The link may be opened anywhere; the sign-up goes on where it was begun, and
// nowhere else.
func TestSignUpWithTheLinkOpenedElsewhere(t *testing.T) {
	s := newSite(t, nil, nil)
	b, phone := s.browser(), s.browser()
	p := b.open(start("screen", "signup"))
	p = b.press(p, "Continue", "email", "ana@example.org").shows(200, "Check your mail")
	l := phone.open(s.mail("verify_email", "ana@example.org").Values["link"])
	l = phone.press(l, "Confirm my e-mail address").shows(200, "Done").says("Go back to the window where you began")
	if len(l.cookies) != 0 || strings.Contains(l.body, "/flow/") {
		t.Errorf("the other browser was given something: %v\n%s", l.cookies, l.body)
	}
	p = b.press(p, "Continue").shows(200, "Choose a password")
	code, _ := b.press(p, "Continue", "password", password).arrives()
	s.enters(code)
}

// An address that is given to sign up with is filled in; nothing is sent for
// a mere visit.
func TestAnAddressToSignUpWithIsFilledIn(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	p := b.open(start("screen", "signup", "email", "ana@example.org")).shows(200, "Create an account")
	if !strings.Contains(p.body, `value="ana@example.org"`) {
		t.Error("the address is not filled in")
	}
	if sent := s.mails(); len(sent) != 0 {
		t.Errorf("a visit sent %v", sent)
	}
}

// Who has an account already is told by mail, and nowhere else.
func TestSignUpOfSomebodyWhoIsThere(t *testing.T) {
	s := newSite(t, nil, nil)
	before := s.person("ana@example.org", password)
	b := s.browser()
	p := b.open(start("screen", "signup"))
	p = b.press(p, "Continue", "email", "ana@example.org").shows(200, "Check your mail")
	// The mail leads to signing in, for the same application.
	s.browser().open(strings.TrimPrefix(s.mail("account_exists", "ana@example.org").Values["link"], publicURL)).shows(200, "Enter your password")
	b.press(p, "Continue").shows(200, "Check your mail")
	after, err := s.people.Get(t.Context(), s.caller(), core.UserRef{ID: before.ID})
	if err != nil || after.Version != before.Version+1 { // one more for the mailbox that the test proved
		t.Errorf("the account has changed: %+v, %+v, %v", before, after, err)
	}
}

// A pool that is closed to new people says so, and leads to sign-in.
func TestSignUpClosed(t *testing.T) {
	s := newSite(t, map[string]any{"signup.enabled": false}, nil)
	b := s.browser()
	if p := b.open(start()).shows(200, "Sign in"); strings.Contains(p.body, "Create an account") {
		t.Error("the page leads to a sign-up that is closed")
	}
	p := b.open(start("screen", "signup")).shows(403, "Sign-up is closed")
	b.click(p, "Sign in").shows(200, "Sign in")
}

// Two windows sign up with one address: the second is told on its page, behind
// the proof of the mailbox, that the account is there.
func TestSignUpTwice(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	p := b.open(start("screen", "signup"))
	b.press(p, "Continue", "email", "ana@example.org")
	link := s.mail("verify_email", "ana@example.org").Values["link"]
	s.person("ana@example.org", password)
	p = b.press(b.open(link), "Confirm my e-mail address").shows(200, "Choose a password")
	b.press(p, "Continue", "password", password).shows(409, "Choose a password").says("There is an account with this address already.")
}

// A flow that no application waits for ends at a page of ours.
func TestSignUpWithoutRedirect(t *testing.T) {
	s := newSite(t, nil, nil)
	s.person("ana@example.org", password)
	b := s.browser()
	p := b.open("/p/demo/")
	p = b.press(p, "Continue", "email", "ana@example.org")
	b.press(p, "Sign in", "password", password).shows(200, "You are signed in")
}

// The default redirect is where a browser ends that named none.
func TestDefaultRedirect(t *testing.T) {
	s := newSite(t, map[string]any{"redirects.default": callback}, nil)
	s.person("ana@example.org", password)
	b := s.browser()
	p := b.open("/p/demo/authorize?email=ana@example.org").shows(200, "Enter your password")
	done := b.press(p, "Sign in", "password", password)
	code, state := done.arrives()
	if state != "" || strings.Contains(done.location, "state") {
		t.Errorf("a state came back that was never given: %q", done.location)
	}
	s.enters(code)
}

// Who signs in with a mailbox that was never proved proves it then; the link
// leaves unasked.
func TestSignInProvesTheMailbox(t *testing.T) {
	s := newSite(t, nil, nil)
	user := s.person("ana@example.org", password)
	err := s.store.As(s.caller()).Update(t.Context(), func(tx *store.Tx) error {
		u, err := tx.User(user.ID)
		if err != nil {
			return err
		}
		u.EmailVerified = false
		return tx.UpdateUser(u)
	})
	if err != nil {
		t.Fatal(err)
	}
	b, phone := s.browser(), s.browser()
	p := b.open(start("email", "ana@example.org"))
	p = b.press(p, "Sign in", "password", password).shows(200, "Check your mail")
	link := s.mail("verify_email", "ana@example.org").Values["link"]
	phone.press(phone.open(link), "Confirm my e-mail address").shows(200, "Done")
	// A window that is only looked at again shows that nothing is left; it is
	// the button that ends the flow.
	if again := b.open(p.address).shows(200, "All done"); again.location != "" {
		t.Error("a GET has ended the flow")
	}
	code, _ := b.press(p, "Continue").arrives()
	s.enters(code)
}
