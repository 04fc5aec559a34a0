package hosted_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

// work is what the page's script is given to solve.
func (p shown) work() flow.Work {
	p.t.Helper()
	for _, n := range p.all("form") {
		if attribute(n, "id") != "captcha" {
			continue
		}
		var w flow.Work
		if err := json.Unmarshal([]byte(attribute(n, "data-work")), &w); err != nil {
			p.t.Fatal(err)
		}
		return w
	}
	p.t.Fatalf("the page has no captcha:\n%s", p.body)
	return flow.Work{}
}

func scripts(p shown) (list []string) {
	for _, n := range p.all("script") {
		list = append(list, attribute(n, "src"))
	}
	return list
}

// Who signs up has a proof of work before them, before a mail is sent. Its page
// may run our script and nothing else, and the others may run none.
func TestProofOfWork(t *testing.T) {
	s := newSite(t, map[string]any{"signup.captcha": "altcha", "signup.captcha_cost": 1000}, nil)
	b := s.browser()
	p := b.press(b.open(start("screen", "signup")), "Continue", "email", "new@example.org")
	p.shows(http.StatusOK, "One moment, please").says("This needs JavaScript in this browser.")
	if mails := s.mails(); len(mails) != 0 {
		t.Errorf("law: nothing is sent before the captcha; %v was", mails)
	}
	if got := scripts(p); len(got) != 1 || !strings.HasPrefix(got[0], "/assets/captcha-") {
		t.Errorf("the page runs %v", got)
	}
	if policy := p.header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; ") || !strings.HasSuffix(policy, "; script-src 'self'") {
		t.Errorf("the page's policy is %q", policy)
	}
	script := s.browser().get(scripts(p)[0])
	if script.status != http.StatusOK || !strings.HasPrefix(script.header.Get("Content-Type"), "text/javascript") || !strings.Contains(script.body, "crypto.subtle.digest") {
		t.Errorf("the script is %d %s", script.status, script.header)
	}
	if !strings.Contains(p.body, " data-begin>") {
		t.Error("the script is not told to begin")
	}
	solution := flowtest.Solve(t, p.work())
	p = b.press(p, "Continue").shows(http.StatusBadRequest, "One moment, please")
	p = b.press(p, "Continue", "code", "nothing").shows(http.StatusBadRequest, "One moment, please").says("That was not solved, or was too late.")
	if strings.Contains(p.body, "data-begin") {
		t.Error("law: a page whose answer was refused does not send itself again")
	}
	p = b.press(p, "Continue", "code", solution).shows(http.StatusOK, "Check your mail")
	if got := scripts(p); len(got) != 0 || strings.Contains(p.header.Get("Content-Security-Policy"), "script-src") {
		t.Errorf("law: the other pages run no script; this one %v", got)
	}
	s.mail("verify_email", "new@example.org")

	// Who is there already sees the same, and who signs in no captcha at all.
	s.person("ana@example.org", password)
	b = s.browser()
	p = b.press(b.open(start("screen", "signup")), "Continue", "email", "ana@example.org").shows(http.StatusOK, "One moment, please")
	b.press(p, "Continue", "code", flowtest.Solve(t, p.work())).shows(http.StatusOK, "Check your mail")
	s.mail("account_exists", "ana@example.org")
	p = s.browser().open(start("email", "ana@example.org"))
	p.shows(http.StatusOK, "Enter your password")
	if strings.Contains(p.body, "captcha") {
		t.Error("law: who signs in has no captcha")
	}
}

// A service's page may run what the service needs, and no other page may.
func TestCaptchaServicesPages(t *testing.T) {
	for provider, c := range map[string]struct{ class, field, script, frame string }{
		"recaptcha": {"g-recaptcha", "g-recaptcha-response", "https://www.google.com/recaptcha/api.js", "https://www.google.com/recaptcha/"},
		"hcaptcha":  {"h-captcha", "h-captcha-response", "https://js.hcaptcha.com/1/api.js", "https://*.hcaptcha.com"},
		"turnstile": {"cf-turnstile", "cf-turnstile-response", "https://challenges.cloudflare.com/turnstile/v0/api.js", "https://challenges.cloudflare.com"},
	} {
		s := newSite(t, map[string]any{"signup.captcha": provider, "signup.captcha_site_key": "site-key", "signup.captcha_action": "signup"}, nil)
		b := s.browser()
		p := b.press(b.open(start("screen", "signup")), "Continue", "email", "new@example.org").shows(http.StatusOK, "One moment, please")
		if !strings.Contains(p.body, "<noscript>") || !strings.Contains(p.body, "needs JavaScript in this browser") {
			t.Errorf("%s: the page does not say that it needs JavaScript:\n%s", provider, p.body)
		}
		var box *html.Node
		for _, n := range p.all("div") {
			if attribute(n, "class") == c.class {
				box = n
			}
		}
		if box == nil || attribute(box, "data-sitekey") != "site-key" || attribute(box, "data-action") != "signup" {
			t.Fatalf("%s: the page has no box:\n%s", provider, p.body)
		}
		if got := scripts(p); len(got) != 1 || got[0] != c.script {
			t.Errorf("%s: the page runs %v", provider, got)
		}
		policy := p.header.Get("Content-Security-Policy")
		for _, directive := range []string{"script-src", "frame-src"} {
			_, rest, _ := strings.Cut(policy, "; "+directive+" ")
			sources, _, _ := strings.Cut(rest, ";")
			if !strings.Contains(sources, c.frame) && !strings.Contains(sources, strings.TrimSuffix(c.script, "api.js")) || strings.Contains(sources, "'") {
				t.Errorf("%s: %s is %q", provider, directive, sources)
			}
		}
		if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %q", provider, policy)
		}
		// The field is the one that the service's script adds. The pool has no
		// secret, so nobody can tell, and the page is still there.
		form := url.Values{"choice": {"captcha"}, c.field: {"token"}}
		p = b.post(strings.TrimSuffix(p.address, "?"), form).shows(http.StatusServiceUnavailable, "One moment, please").says("This cannot be checked just now.")
		if p.header.Get("Retry-After") == "" || len(s.mails()) != 0 {
			t.Errorf("%s: %v", provider, p.header)
		}
		b.post(p.address, url.Values{"choice": {"captcha"}}).shows(http.StatusBadRequest, "One moment, please")
		if p = b.open(start("screen", "signin")); strings.Contains(p.header.Get("Content-Security-Policy"), "script-src") {
			t.Errorf("%s: another page may run scripts", provider)
		}
	}
}
