package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

const (
	// captchaTimeout is how long a service may take to check a captcha, from the
	// first byte to the last. A person waits for it.
	captchaTimeout = 3 * time.Second
	// captchaParallel is how many captchas are checked at one service at a time.
	// A service that hangs holds up so many requests and no more.
	captchaParallel = 32
)

// Captchas has the captchas of services checked by them: reCAPTCHA, hCaptcha
// and Turnstile, which all take the same form.
type Captchas struct {
	store  *store.Store
	url    string // empty: each service's own
	client *http.Client
}

// NewCaptchas makes the checker. address is where captchas are checked in place
// of each service's own address; empty: there.
func NewCaptchas(st *store.Store, address string) *Captchas {
	client := newClient()
	client.Timeout = captchaTimeout
	client.Transport.(*http.Transport).MaxConnsPerHost = captchaParallel
	return &Captchas{store: st, url: address, client: client}
}

// captchaURLs is where each service checks captchas.
func captchaURLs() map[string]string {
	return map[string]string{
		core.CaptchaRecaptcha: "https://www.google.com/recaptcha/api/siteverify",
		core.CaptchaHcaptcha:  "https://api.hcaptcha.com/siteverify",
		core.CaptchaTurnstile: "https://challenges.cloudflare.com/turnstile/v0/siteverify",
	}
}

// verdictOfCaptcha is what a service says. All three have these names.
type verdictOfCaptcha struct {
	Success  *bool    `json:"success"`
	Hostname string   `json:"hostname"`
	Action   string   `json:"action"`
	Score    *float64 `json:"score"`
	Errors   []string `json:"error-codes"`
}

// Check asks the pool's service whether somebody solved its captcha. It returns
// [core.CodeCaptchaRefused] if not, or not for this pool, and
// [core.CodeServiceDown] if nobody can tell: nobody passes because of that. The
// person's address does not leave.
func (c *Captchas) Check(ctx context.Context, pool core.PoolID, s core.Settings, answer string) error {
	v, err := c.ask(ctx, pool, s, answer)
	if err != nil {
		return &core.Error{Code: core.CodeServiceDown, Detail: "The captcha cannot be checked just now. Try again in a moment.", RetryAfter: time.Second, Cause: fmt.Errorf("%s: %w", s.SignupCaptcha, err)}
	}
	switch {
	case !*v.Success:
		return captchaRefused(strings.Join(v.Errors, " "))
	case len(s.CaptchaHostnames) > 0 && !slices.ContainsFunc(s.CaptchaHostnames, func(host string) bool { return strings.EqualFold(host, v.Hostname) }):
		return captchaRefused("it was solved on another host")
	case s.CaptchaAction != "" && v.Action != s.CaptchaAction:
		return captchaRefused("it was solved for another action")
	case s.CaptchaMinScore > 0 && (v.Score == nil || *v.Score < float64(s.CaptchaMinScore)/100):
		return captchaRefused("its score is too low, or missing")
	}
	return nil
}

func captchaRefused(why string) error {
	refused := core.Fail(core.CodeCaptchaRefused, "The captcha was not solved, or its answer is for something else, too old, or used.")
	if why != "" {
		refused.Cause = errors.New(why)
	}
	return refused
}

// aboutTheAnswer are the words by which services say that it is the person's
// answer that will not do, and not what we sent beside it.
func aboutTheAnswer() []string {
	return []string{"missing-input-response", "invalid-input-response", "timeout-or-duplicate", "expired-input-response", "already-seen-response", "invalid-or-already-seen-response", "browser-error"}
}

func (c *Captchas) ask(ctx context.Context, pool core.PoolID, s core.Settings, answer string) (verdictOfCaptcha, error) {
	key, err := givenSecret(ctx, c.store, pool, core.SecretCaptcha)
	if err == nil && key == "" {
		err = fmt.Errorf("the pool has no %s: see `gatehouse pool secret`", core.SecretCaptcha)
	}
	if err != nil {
		return verdictOfCaptcha{}, err
	}
	address := c.url
	if address == "" {
		address = captchaURLs()[s.SignupCaptcha]
	}
	form := url.Values{"secret": {key.Reveal()}, "response": {answer}}
	if s.SignupCaptcha == core.CaptchaHcaptcha {
		// Else it takes an answer to any site key of the account.
		form.Set("sitekey", s.CaptchaSiteKey)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		return verdictOfCaptcha{}, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	status, body, err := post(c.client, request)
	if err != nil {
		return verdictOfCaptcha{}, err
	}
	return readVerdict(status, body)
}

// readVerdict reads an answer of a service, and takes none that does not say
// plainly what it means. Turnstile says with 400 that an answer is none.
func readVerdict(status int, body []byte) (verdictOfCaptcha, error) {
	if status != http.StatusOK && status != http.StatusBadRequest {
		return verdictOfCaptcha{}, fmt.Errorf("it answered %d", status)
	}
	var v verdictOfCaptcha
	if err := json.Unmarshal(body, &v); err != nil || v.Success == nil || *v.Success && status != http.StatusOK {
		return verdictOfCaptcha{}, fmt.Errorf("it answered %d with something else than a verdict", status)
	}
	if *v.Success {
		return v, nil
	}
	for _, word := range v.Errors {
		if !slices.Contains(aboutTheAnswer(), word) {
			return verdictOfCaptcha{}, fmt.Errorf("it does not take what was sent: %q", v.Errors)
		}
	}
	return v, nil
}

// givenSecret opens a secret that was given to a pool; empty: none was.
func givenSecret(ctx context.Context, st *store.Store, pool core.PoolID, name core.SecretName) (secret.Text, error) {
	var found secret.Text
	caller := core.Caller{Pool: pool, Actor: core.Actor{Kind: core.ActorSystem, ID: "deliver"}}
	err := st.As(caller).View(ctx, func(tx *store.Tx) error {
		all, err := tx.PoolSecrets()
		for _, s := range all {
			if s.Name == string(name) {
				found = secret.Text(s.Plain)
			}
		}
		return err
	})
	return found, err
}
