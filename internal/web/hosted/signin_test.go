package hosted_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
)

// Somebody known comes in with their password, after a wrong one too.
func TestSignIn(t *testing.T) {
	s := newSite(t, nil, nil)
	ana := s.person("ana@example.org", password)
	b := s.browser()
	p := b.open(start()).shows(200, "Sign in")
	p = b.press(p, "Continue", "email", " ANA@example.org ").shows(200, "Enter your password")
	p = b.press(p, "Sign in", "password", "wrong").shows(400, "Enter your password").says("The e-mail address or the password is wrong.")
	sent := b.press(p, "Sign in", "password", password)
	if sent.status != http.StatusSeeOther {
		t.Errorf("a form was answered with %d", sent.status)
	}
	code, state := sent.arrives()
	if state != "s&1" {
		t.Errorf("the state came back as %q", state)
	}
	if user := s.enters(code); user.ID != ana.ID {
		t.Errorf("who came in is %s", user.ID)
	}
	// The cookie of before opens nothing afterwards (O31).
	b.open(p.address).shows(404, "This page has expired")
	if list := s.mails(); len(list) != 0 {
		t.Errorf("a sign-in sent %v", list)
	}
}

// Too many wrong tries are told with the time to wait, in words and for
// programs.
func TestLockout(t *testing.T) {
	s := newSite(t, map[string]any{"lockout.failures": 2, "lockout.first_delay": "20s"}, nil)
	s.person("ana@example.org", password)
	b := s.browser()
	p := b.open(start("email", "ana@example.org"))
	for range 2 {
		p = b.press(p, "Sign in", "password", "wrong").shows(400, "Enter your password")
	}
	p = b.press(p, "Sign in", "password", password).shows(429, "Enter your password").says("There were too many wrong tries. Please try again in")
	if after, err := strconv.Atoi(p.header.Get("Retry-After")); err != nil || after < 1 || after > 20 {
		t.Errorf("Retry-After is %q", p.header.Get("Retry-After"))
	}
}

// That an account is disabled is told behind the right password only.
func TestDisabled(t *testing.T) {
	s := newSite(t, nil, nil)
	s.disabled("ana@example.org")
	b := s.browser()
	p := b.open(start("email", "ana@example.org"))
	p = b.press(p, "Sign in", "password", "wrong").shows(400, "Enter your password")
	b.press(p, "Sign in", "password", password).shows(403, "Enter your password").says("This account is disabled.")
}

// A page that was left behind leads on: the step is over, the flow is not.
func TestStaleForm(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	first := b.open(start())
	b.press(first, "Continue", "email", "ana@example.org").shows(200, "Enter your password")
	b.press(first, "Continue", "email", "bob@example.org").shows(409, "Enter your password").says("That step is over already.")
}

// The forms are read strictly.
func TestForms(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	page := b.open(start())
	send := func(body, media string) shown {
		t.Helper()
		r, err := http.NewRequest(http.MethodPost, s.here(page.address), strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", media)
		return b.do(r)
	}
	const formType = "application/x-www-form-urlencoded"
	good := "choice=set_email&email=ana%40example.org"
	for _, c := range []struct {
		law, body, media string
		status           int
	}{
		{"a field that is not known", good + "&x=1", formType, 400},
		{"a field of another choice", good + "&password=x", formType, 400},
		{"a field twice", good + "&email=bob%40example.org", formType, 400},
		{"a choice that does not exist", "choice=nothing", formType, 400},
		{"a choice that is not on offer", "choice=profile", formType, 409},
		{"an action that does not exist", good + "&action=delete", formType, 400},
		{"an answer to a restart", good + "&action=restart", formType, 400},
		{"bytes that are no text", "choice=set_email&email=%FF", formType, 400},
		{"an escape that is none", "choice=set_email&email=%zz", formType, 400},
		{"a body that is no form", `{"choice":"set_email"}`, "application/json", 415},
		{"a body of parts", good, "multipart/form-data; boundary=x", 415},
		{"a body in another charset", good, formType + "; charset=utf-16", 415},
		{"a body that is too large", good + strings.Repeat("x", 64<<10), formType, 413},
	} {
		if p := send(c.body, c.media); p.status != c.status {
			t.Errorf("%s: status %d, want %d", c.law, p.status, c.status)
		}
	}
	b.follow(send(good, formType+"; charset=UTF-8")).shows(200, "Enter your password")
}

// A flow that an application began over an API is none of the pages', with a
// cookie or without; and theirs are none of the API's (F10).
func TestFlowsOfOthers(t *testing.T) {
	s := newSite(t, nil, nil)
	s.person("ana@example.org", password)
	api := s.apiFlow("ana@example.org")
	b, stranger := s.browser(), s.browser()
	p := b.open(start("email", "ana@example.org")).shows(200, "Enter your password")
	stranger.open(start())
	for law, answer := range map[string]shown{
		"another browser's flow":          stranger.get(p.address),
		"a flow of a browser, no cookie":  s.browser().get(p.address),
		"a flow of an API":                b.get("/p/demo/flow/" + string(api)),
		"a flow of an API, no cookie":     s.browser().get("/p/demo/flow/" + string(api)),
		"a form for another's flow":       stranger.post(p.address, url.Values{"choice": {"password"}, "password": {password}}),
		"a form without a cookie":         s.browser().post(p.address, url.Values{"choice": {"password"}, "password": {password}}),
		"a form for a flow of an API":     s.browser().post("/p/demo/flow/"+string(api), url.Values{"choice": {"password"}, "password": {password}}),
		"a flow that does not exist":      b.get("/p/demo/flow/flw_nothing"),
		"a flow with a name that is none": b.get("/p/demo/flow/%00%FF"),
		"a flow at the pages of no pool":  b.get(strings.Replace(p.address, "/p/demo/", "/p/none/", 1)),
		"a flow at the bare host":         b.get(strings.Replace(p.address, "/p/demo/", "/", 1)),
		"a flow at another pool's address": func() shown {
			s.newPool("other", nil, nil)
			return b.get(strings.Replace(p.address, "/p/demo/", "/p/other/", 1))
		}(),
	} {
		if answer.status != http.StatusNotFound {
			t.Errorf("%s: status %d", law, answer.status)
		}
	}
	if _, err := s.flows.State(t.Context(), s.caller(), core.FlowID(p.address[strings.LastIndex(p.address, "/")+1:])); !core.Is(err, core.CodeFlowEnded) {
		t.Errorf("an API reads a browser's flow: %v", err)
	}
	b.press(p, "Sign in", "password", password).arrives()
}

// disabled makes somebody who may not come in.
func (s *site) disabled(email string) core.User {
	s.t.Helper()
	user := s.person(email, password)
	yes := true
	user, err := s.people.Change(s.t.Context(), s.caller(), core.UserRef{ID: user.ID}, directory.UserChange{Disabled: &yes})
	if err != nil {
		s.t.Fatal(err)
	}
	return user
}
