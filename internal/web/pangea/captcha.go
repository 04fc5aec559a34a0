package pangea

import "github.com/gatehouse-id/gatehouse/internal/flow"

// captchaData is what a captcha gave the person's browser.
type captchaData struct {
	Code string `json:"code"`
}

func (d captchaData) answer(p *problems) flow.Answer {
	p.required("/data/code", d.Code)
	return flow.Answer{Code: d.Code}
}

// altchaChallenge is a proof of work as ALTCHA's widgets take it.
type altchaChallenge struct {
	Algorithm string `json:"algorithm"`
	Challenge string `json:"challenge"`
	MaxNumber int64  `json:"maxnumber"`
	Salt      string `json:"salt"`
	Signature string `json:"signature"`
}

// captchaPrompt spells what is to be solved. The document has the site key
// alone; the rest is ours, for pages that know more than one captcha.
func captchaPrompt(data map[string]any, prompt flow.CaptchaPrompt) {
	data["site_key"] = prompt.SiteKey
	data["provider"] = prompt.Provider
	if prompt.Action != "" {
		data["action"] = prompt.Action
	}
	if w := prompt.Work; w != nil {
		data["challenge"] = altchaChallenge{w.Algorithm, w.Challenge, w.MaxNumber, w.Salt, w.Signature}
	}
}
