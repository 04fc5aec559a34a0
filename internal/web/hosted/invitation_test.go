package hosted_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
)

// invite invites an address and returns the link of the mail.
func (s *site) invite(email string) (core.Invitation, string) {
	s.t.Helper()
	i, err := s.invitations.Invite(s.t.Context(), s.caller(), s.pool, directory.NewInvitation{Inviter: "joe@example.net", Email: email, Callback: callback, State: "s&1=/+"})
	if err != nil {
		s.t.Fatal(err)
	}
	return i, s.mail("invitation", i.Email).Values["link"]
}

// Somebody who was invited comes in where nobody may sign up, without another
// mail, and arrives at the callback of the invitation with its state.
func TestInvitation(t *testing.T) {
	s := newSite(t, map[string]any{"signup.enabled": false, "profile.fields": profileFields()[:1]}, nil)
	_, link := s.invite("Ana@example.org")
	if !strings.HasPrefix(link, publicURL+"/p/demo/invitation?code=") {
		t.Fatalf("the link is %q", link)
	}
	for range 3 { // looking changes nothing, as mail scanners do
		s.browser().open(link).shows(200, "You are invited").says("joe@example.net").says("Ana@example.org")
	}
	// Who stops half-way begins again.
	other := s.browser()
	other.press(other.open(link), "Accept the invitation").shows(200, "Choose a password")

	b := s.browser()
	p := b.press(b.open(link), "Accept the invitation").shows(200, "Choose a password")
	for _, a := range p.all("a") {
		t.Errorf("the page of an invited person leads to %q", attribute(a, "href"))
	}
	p = b.press(p, "Continue", "password", password).shows(200, "About you")
	code, state := b.press(p, "Continue", "profile.first_name", "Ana").arrives()
	if user := s.enters(code); state != "s&1=/+" || user.Email != "Ana@example.org" || !user.EmailVerified || user.Profile["first_name"] != "Ana" {
		t.Errorf("who was invited came in as %+v, with the state %q", user, state)
	}
	if more := s.mails(); len(more) != 0 {
		t.Errorf("%d more mails were sent", len(more))
	}
	b.open(link).shows(410, "This link no longer works")
	b.post(link, url.Values{"code": {code}}).shows(410, "This link no longer works")
}

func TestInvitationsThatAreNone(t *testing.T) {
	s := newSite(t, nil, nil)
	i, link := s.invite("ana@example.org")
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	secret := u.Query().Get("code")
	b := s.browser()
	for _, code := range []string{"", "x", secret[1:], secret + "a", strings.ToUpper(secret), core.Tail(i.ID)} {
		b.get("/p/demo/invitation?code="+url.QueryEscape(code)).shows(410, "This link no longer works")
		b.post("/p/demo/invitation", url.Values{"code": {code}}).shows(410, "This link no longer works")
	}
	b.get(link+"&code="+secret).shows(400, "That did not work")
	b.post("/p/demo/invitation", url.Values{"code": {secret}, "email": {"eve@example.org"}}).shows(400, "That did not work")
	s.newPool("other", nil, nil)
	b.get("/p/other/invitation?code="+secret).shows(410, "This link no longer works")

	// An account that came to be in between is not taken over.
	s.person("ana@example.org", password)
	p := b.press(b.open(link).shows(200, "You are invited"), "Accept the invitation").shows(409, "You already have an account")
	p = b.click(p, "Sign in").shows(200, "Enter your password")
	if code, state := b.press(p, "Sign in", "password", password).arrives(); state != "s&1=/+" || s.enters(code).Email != "ana@example.org" {
		t.Errorf("signing in instead arrives with the state %q", state)
	}
	if err := s.invitations.Delete(t.Context(), s.caller(), i.ID); err != nil {
		t.Fatal(err)
	}
	b.open(link).shows(410, "This link no longer works")
}
