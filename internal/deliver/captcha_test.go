package deliver_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

const captchaSecret = "CANARY-captcha-secret"

func captchaSettings(provider string) core.Settings {
	s := core.DefaultSettings()
	s.SignupCaptcha, s.CaptchaSiteKey = provider, "site-key"
	return s
}

// Each service is asked in the form that it documents: secret and response, and
// of hCaptcha the site key too. Nothing else leaves.
func TestCaptchaServicesAreAskedAsTheyDocument(t *testing.T) {
	st := storetest.New(t)
	pool := storetest.Pool(t, st, "demo", nil)
	give(t, st, pool, map[core.SecretName]string{core.SecretCaptcha: captchaSecret})
	for provider, answer := range map[string]string{
		core.CaptchaRecaptcha: `{"success":true,"challenge_ts":"2026-11-22T09:00:00Z","hostname":"example.org"}`,
		core.CaptchaHcaptcha:  `{"success":true,"challenge_ts":"2026-11-22T09:00:00Z","hostname":"example.org","credit":false}`,
		core.CaptchaTurnstile: `{"success":true,"challenge_ts":"2026-11-22T09:00:00.123Z","hostname":"example.org","error-codes":[],"action":"","cdata":""}`,
	} {
		service := newStandIn(t, answers(200, answer))
		if err := deliver.NewCaptchas(st, service.URL).Check(t.Context(), pool, captchaSettings(provider), "the+answer/=&x"); err != nil {
			t.Errorf("%s: a captcha that was solved is refused: %v", provider, err)
		}
		all := service.requests()
		if len(all) != 1 {
			t.Fatalf("%s: there were %d requests", provider, len(all))
		}
		want := url.Values{"secret": {captchaSecret}, "response": {"the+answer/=&x"}}
		if provider == core.CaptchaHcaptcha {
			want.Set("sitekey", "site-key")
		}
		if r := all[0].r; r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
			t.Errorf("%s: the request is %s %s with %v", provider, r.Method, r.URL, r.Header)
		}
		if all[0].body != want.Encode() {
			t.Errorf("%s: the form is %s, want %s", provider, all[0].body, want.Encode())
		}
	}
}

// What a service says counts as it says it, and what it does not say plainly
// counts for nothing.
func TestCaptchaVerdicts(t *testing.T) {
	st := storetest.New(t)
	pool := storetest.Pool(t, st, "demo", nil)
	give(t, st, pool, map[core.SecretName]string{core.SecretCaptcha: captchaSecret})
	strict := captchaSettings(core.CaptchaRecaptcha)
	strict.CaptchaHostnames, strict.CaptchaAction, strict.CaptchaMinScore = []string{"login.example.org", "localhost"}, "signup", 50
	plain := captchaSettings(core.CaptchaTurnstile)
	for _, c := range []struct {
		s      core.Settings
		status int
		answer string
		want   core.Code
	}{
		{plain, 200, `{"success":true}`, ""},
		{plain, 200, `{"success":false}`, core.CodeCaptchaRefused},
		{plain, 200, `{"success":false,"error-codes":["invalid-input-response"]}`, core.CodeCaptchaRefused},
		{plain, 400, `{"success":false,"error-codes":["timeout-or-duplicate"]}`, core.CodeCaptchaRefused},
		// What is about us is not for the person to hear.
		{plain, 200, `{"success":false,"error-codes":["invalid-input-secret"]}`, core.CodeServiceDown},
		{plain, 200, `{"success":false,"error-codes":["timeout-or-duplicate","internal-error"]}`, core.CodeServiceDown},
		// Lies, and half of the truth.
		{plain, 400, `{"success":true}`, core.CodeServiceDown},
		{plain, 201, `{"success":true}`, core.CodeServiceDown},
		{plain, 302, `{"success":true}`, core.CodeServiceDown},
		{plain, 403, `{"success":true}`, core.CodeServiceDown},
		{plain, 500, `{"success":true}`, core.CodeServiceDown},
		{plain, 200, ``, core.CodeServiceDown},
		{plain, 200, `{}`, core.CodeServiceDown},
		{plain, 200, `null`, core.CodeServiceDown},
		{plain, 200, `[true]`, core.CodeServiceDown},
		{plain, 200, `{"success":1}`, core.CodeServiceDown},
		{plain, 200, `{"success":"true"}`, core.CodeServiceDown},
		{plain, 200, `{"success":true`, core.CodeServiceDown},
		{plain, 200, `{"padding":"` + strings.Repeat("x", 64<<10) + `","success":true}`, core.CodeServiceDown},
		// Where and what for.
		{strict, 200, `{"success":true,"hostname":"login.example.org","action":"signup","score":0.5}`, ""},
		{strict, 200, `{"success":true,"hostname":"LOGIN.example.org","action":"signup","score":1}`, ""},
		{strict, 200, `{"success":true,"hostname":"evil.example","action":"signup","score":0.9}`, core.CodeCaptchaRefused},
		{strict, 200, `{"success":true,"hostname":"login.example.org.evil.example","action":"signup","score":0.9}`, core.CodeCaptchaRefused},
		{strict, 200, `{"success":true,"action":"signup","score":0.9}`, core.CodeCaptchaRefused},
		{strict, 200, `{"success":true,"hostname":"localhost","action":"login","score":0.9}`, core.CodeCaptchaRefused},
		{strict, 200, `{"success":true,"hostname":"localhost","score":0.9}`, core.CodeCaptchaRefused},
		{strict, 200, `{"success":true,"hostname":"localhost","action":"signup","score":0.49}`, core.CodeCaptchaRefused},
		{strict, 200, `{"success":true,"hostname":"localhost","action":"signup"}`, core.CodeCaptchaRefused},
	} {
		service := newStandIn(t, answers(c.status, c.answer))
		err := deliver.NewCaptchas(st, service.URL).Check(t.Context(), pool, c.s, "token")
		if c.want == "" && err != nil || c.want != "" && !core.Is(err, c.want) {
			t.Errorf("%d %.80s gives %v, want %q", c.status, c.answer, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "CANARY") {
			t.Errorf("law: no error holds the secret; %v does", err)
		}
		service.Close()
	}
}

// A service that is away, hangs or sends one elsewhere is waited for a bounded
// time, and its answer is that nobody can tell.
func TestCaptchaServiceThatIsAway(t *testing.T) {
	st := storetest.New(t)
	pool := storetest.Pool(t, st, "demo", nil)
	other := newStandIn(t, answers(200, `{"success":true}`))
	away := newStandIn(t)
	away.Close()
	release := make(chan struct{})
	hangs := newStandIn(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	drips := newStandIn(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = w.Write([]byte(" "))
			w.(http.Flusher).Flush()
			select {
			case <-release:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	t.Cleanup(func() { close(release) })
	redirects := newStandIn(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	})
	check := func(address string) error {
		return deliver.NewCaptchas(st, address).Check(t.Context(), pool, captchaSettings(core.CaptchaHcaptcha), "token")
	}
	if err := check(other.URL); !core.Is(err, core.CodeServiceDown) || len(other.requests()) != 0 {
		t.Errorf("law: without the pool's secret nobody is asked; %v", err)
	}
	give(t, st, pool, map[core.SecretName]string{core.SecretCaptcha: captchaSecret})
	for why, address := range map[string]string{"is away": away.URL, "hangs": hangs.URL, "drips": drips.URL, "redirects": redirects.URL, "is nowhere": "http://127.0.0.1:1"} {
		if err := check(address); !core.Is(err, core.CodeServiceDown) {
			t.Errorf("law: of a service that %s nobody passes; %v", why, err)
		}
	}
	if n := len(other.requests()); n != 0 {
		t.Errorf("law: no redirect is followed; %d were", n)
	}
}
