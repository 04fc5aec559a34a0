package hosted

import (
	"github.com/go-json-experiment/json"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
)

// captcha is what the page of a captcha shows: a proof of work, for a script of
// ours, or a service's box, for its own.
type captcha struct {
	Work    string // a challenge as JSON; empty: it is a service's
	Class   string // of the element that the service's script fills
	SiteKey string
	Action  string
	Service string // its name
}

// service is what a page needs that shows a service's captcha.
type service struct {
	name   string
	script string
	class  string // of the element that the script fills
	field  string // that the script adds to the form around it
	policy string // what the page has to allow, as the service documents it
	styles string // the same, of styles
}

func services() map[string]service {
	return map[string]service{
		core.CaptchaRecaptcha: {
			name: "reCAPTCHA", script: "https://www.google.com/recaptcha/api.js", class: "g-recaptcha", field: "g-recaptcha-response",
			policy: "; script-src https://www.google.com/recaptcha/ https://www.gstatic.com/recaptcha/; frame-src https://www.google.com/recaptcha/ https://recaptcha.google.com/recaptcha/; connect-src https://www.google.com/recaptcha/",
		},
		core.CaptchaHcaptcha: {
			name: "hCaptcha", script: "https://js.hcaptcha.com/1/api.js", class: "h-captcha", field: "h-captcha-response",
			policy: "; script-src https://hcaptcha.com https://*.hcaptcha.com; frame-src https://hcaptcha.com https://*.hcaptcha.com; connect-src https://hcaptcha.com https://*.hcaptcha.com",
			styles: " https://hcaptcha.com https://*.hcaptcha.com",
		},
		core.CaptchaTurnstile: {
			name: "Turnstile", script: "https://challenges.cloudflare.com/turnstile/v0/api.js", class: "cf-turnstile", field: "cf-turnstile-response",
			policy: "; script-src https://challenges.cloudflare.com; frame-src https://challenges.cloudflare.com",
		},
	}
}

// captchaFields are the fields that the services' scripts add to a form.
func captchaFields() []string {
	var fields []string
	for _, s := range services() {
		fields = append(fields, s.field)
	}
	return fields
}

// captchaAnswer takes the answer from the field that has one. The script of
// hCaptcha fills reCAPTCHA's field too, with the same.
func captchaAnswer(f form) flow.Answer {
	answer := flow.Answer{Code: f["code"]}
	for _, name := range captchaFields() {
		if answer.Code == "" {
			answer.Code = f[name]
		}
	}
	return answer
}

func newCaptcha(p *flow.CaptchaPrompt) *captcha {
	if p == nil {
		return nil
	}
	if p.Work == nil {
		s := services()[p.Provider]
		return &captcha{Class: s.class, SiteKey: p.SiteKey, Action: p.Action, Service: s.name}
	}
	work, err := json.Marshal(map[string]any{
		"algorithm": p.Work.Algorithm, "challenge": p.Work.Challenge, "salt": p.Work.Salt, "signature": p.Work.Signature, "maxnumber": p.Work.MaxNumber,
	}, json.Deterministic(true))
	if err != nil {
		panic(err) // texts and a number have a JSON form
	}
	return &captcha{Work: string(work)}
}

// allowCaptcha lets a page run what shows its captcha, and no other page.
func (p *Pages) allowCaptcha(page *view, prompt *flow.CaptchaPrompt) {
	if prompt == nil {
		return
	}
	if prompt.Work != nil {
		page.Script = p.captchaScript.path
		return
	}
	s := services()[prompt.Provider]
	page.Script, page.policy, page.styles = s.script, s.policy, s.styles
}
