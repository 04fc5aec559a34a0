package authn

// CaptchaChoice asks somebody new to show that they are no program. It is there
// before anything is sent, and at the latest in [PhaseCaptcha].
type CaptchaChoice struct {
	SiteKey string `json:"site_key"` // of the pool at a service; empty for a proof of work
	// Provider says whose captcha it is: altcha, recaptcha, hcaptcha, turnstile.
	// The vendor leaves it out.
	Provider  string            `json:"provider,omitempty"`
	Action    string            `json:"action,omitempty"`    // what the page is to name to the service; empty: anything
	Challenge *CaptchaChallenge `json:"challenge,omitempty"` // of altcha
}

// CaptchaChallenge is a proof of work as ALTCHA's widgets take it, version 1:
// the number from 0 to MaxNumber is to be found that, in decimal digits behind
// Salt, has Challenge for its SHA-256 in hexadecimal.
type CaptchaChallenge struct {
	Algorithm string `json:"algorithm"`
	Challenge string `json:"challenge"`
	MaxNumber int64  `json:"maxnumber"`
	Salt      string `json:"salt"`
	Signature string `json:"signature"`
}

// CaptchaAnswer gives what the captcha gave the browser: the service's response,
// or ALTCHA's payload, which is the base64 of a JSON object with algorithm,
// challenge, number, salt and signature. One that will not do is
// [StatusAuthenticationFailure]; a service that does not answer is
// [StatusServiceNotAvailable].
type CaptchaAnswer struct {
	Code string `json:"code"`
}

// Choice returns [ChoiceCaptcha].
func (CaptchaChoice) Choice() Choice { return ChoiceCaptcha }

// Answers returns [ChoiceCaptcha].
func (CaptchaAnswer) Answers() Choice { return ChoiceCaptcha }
