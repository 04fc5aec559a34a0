package hosted_test

import (
	"strings"
	"testing"
)

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

// Who comes from an address that the pool does not list sees a page that says
// so, whichever page they ask for, and no flow begins.
func TestAddressesFromWherePeopleMayCome(t *testing.T) {
	s := newSite(t, map[string]any{"access.addresses": []string{"192.0.2.0/24"}}, nil)
	b := s.browser()
	for _, path := range []string{start(), "/p/demo/", "/p/demo/flow/flw_x", "/p/demo/link?for=verify_email&code=x", "/p/demo/invitation?code=x", "/p/demo/login-success", "/p/demo/logout"} {
		if p := b.open(path).shows(403, "Not from here"); len(p.cookies) != 0 || len(p.all("form")) != 0 {
			t.Errorf("%s begins something for somebody from elsewhere:\n%s", path, p.body)
		}
	}
	for _, path := range []string{"/p/demo/flow/flw_x", "/p/demo/link", "/p/demo/invitation", "/p/demo/logout"} {
		b.post(path, nil).shows(403, "Not from here")
	}
	s.newPool("open", nil, map[string]any{"access.addresses": []string{"127.0.0.0/8", "::1"}})
	b.open("/p/open/authorize").shows(200, "Sign in")
}

// The pool's disclaimer stands on each page of a flow, escaped, with links that
// open elsewhere; on other pages it does not.
func TestDisclaimerIsShown(t *testing.T) {
	s := newSite(t, map[string]any{"disclaimer": "By going on you accept the [terms & more](https://example.org/terms?a=1&b=2).\n\n<script>x</script>"}, nil)
	b := s.browser()
	p := b.open(start("screen", "signup")).shows(200, "Create an account")
	for step := range 2 {
		p.says("you accept the terms & more.").says("<script>x</script>")
		found := 0
		for _, a := range p.all("a") {
			if attribute(a, "href") == "https://example.org/terms?a=1&b=2" && attribute(a, "rel") == "noopener noreferrer" && text(a) == "terms & more" {
				found++
			}
		}
		if found != 1 || len(p.all("script")) != 0 {
			t.Errorf("%d links and %d scripts are on the page:\n%s", found, len(p.all("script")), p.body)
		}
		if step == 0 {
			p = b.press(p, "Continue", "email", "ana@example.org").shows(200, "Check your mail")
		}
	}
	if p := b.open("/p/demo/login-success").shows(200, "You are signed in"); len(p.all("div")) != 0 {
		t.Errorf("a page that is of no flow has a disclaimer:\n%s", p.body)
	}
}

// Where the application names no address, the pages end where the pool says for
// each kind of visit, and changing from one kind to the other changes that.
func TestDefaultRedirectsOfThePages(t *testing.T) {
	const up, in, out = "https://app.example.org/up", "https://app.example.org/in", "https://app.example.org/out?x=1"
	s := newSite(t, map[string]any{
		"redirects.allowed": []string{up, in, out}, "redirects.default_signup": up, "redirects.default_signin": in, "redirects.default_logout": out,
	}, nil)
	s.person("ana@example.org", password)
	b := s.browser()
	p := b.click(b.open("/p/demo/authorize?screen=signup").shows(200, "Create an account"), "Sign in instead").shows(200, "Sign in")
	p = b.press(p, "Continue", "email", "ana@example.org").shows(200, "Enter your password")
	if p = b.press(p, "Sign in", "password", password); !strings.HasPrefix(p.location, in+"?code=") {
		t.Errorf("a sign-in ends at %q", p.location)
	}
	p = b.press(b.open("/p/demo/authorize?screen=signup"), "Continue", "email", "eve@example.org").shows(200, "Check your mail")
	p = b.open(s.mail("verify_email", "eve@example.org").Values["link"])
	p = b.press(p, "Confirm my e-mail address").shows(200, "Choose a password")
	if p = b.press(p, "Continue", "password", password); !strings.HasPrefix(p.location, up+"?code=") {
		t.Errorf("a sign-up ends at %q", p.location)
	}
	if p := b.get("/p/demo/logout?state=s1"); p.status != 303 || p.location != out+"&state=s1" {
		t.Errorf("signing out ends at %d %q", p.status, p.location)
	}
}

// Where sign-up is open to a domain alone, there is a page for it, which sends
// everybody else away.
func TestI13SignUpOfOneDomain(t *testing.T) {
	s := newSite(t, map[string]any{"signup.enabled": false, "signin.by_domain": map[string]any{"open.example": map[string]any{"signup.enabled": true}}}, nil)
	b := s.browser()
	p := b.click(b.open(start()), "Create an account").shows(200, "Create an account")
	p = b.press(p, "Continue", "email", "eve@evil.example").shows(403, "Create an account").says("cannot sign up by themselves here")
	b.press(p, "Continue", "email", "ana@open.example").shows(200, "Check your mail")
	s.mail("verify_email", "ana@open.example")
}
