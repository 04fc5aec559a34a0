package hosted

import (
	"html/template"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// choice is how one of the machine's choices is shown, by the template of its
// name, and answered.
type choice struct {
	name   core.ChoiceName
	fields []string // of its form; with a dot at the end: all that begin so
	answer func(form) flow.Answer
	begin  []string // fields of the form that begins it, or begins it again
}

// choices is every choice. Where several are on offer, the first of these is
// shown; the page of one leads to the others.
func choices() []choice {
	nothing := func(form) flow.Answer { return flow.Answer{} }
	password := func(f form) flow.Answer { return flow.Answer{Password: secret.Text(f["password"])} }
	code := func(f form) flow.Answer { return flow.Answer{Code: digits(f["code"])} }
	return []choice{
		{name: core.ChoiceSetEmail, fields: []string{"email"}, answer: func(f form) flow.Answer { return flow.Answer{Email: strings.TrimSpace(f["email"])} }},
		{name: core.ChoiceSetUsername, fields: []string{"username"}, answer: func(f form) flow.Answer { return flow.Answer{Username: strings.TrimSpace(f["username"])} }},
		{name: core.ChoiceCaptcha, fields: append([]string{"code"}, captchaFields()...), answer: captchaAnswer},
		{name: core.ChoiceSetPassword, fields: []string{"password"}, answer: password},
		{name: core.ChoicePassword, fields: []string{"password"}, answer: password},
		{name: core.ChoiceVerifyEmail, answer: nothing},
		{name: core.ChoiceEmailOTP, fields: []string{"code"}, answer: code},
		{name: core.ChoiceSMSOTP, fields: []string{"code"}, answer: code, begin: []string{"phone"}},
		{name: core.ChoiceMagicLink, answer: nothing},
		{name: core.ChoiceTOTP, fields: []string{"code"}, answer: code},
		{name: core.ChoiceRecoveryCode, fields: []string{"code"}, answer: func(f form) flow.Answer { return flow.Answer{Code: f["code"]} }},
		{name: core.ChoicePasskey, fields: []string{"passkey"}, answer: func(f form) flow.Answer { return flow.Answer{Passkey: []byte(f["passkey"])} }},
		{name: core.ChoiceProfile, fields: []string{"profile."}, answer: func(f form) flow.Answer { return flow.Answer{Profile: f.under("profile.")} }},
		{name: core.ChoiceResetPassword, answer: nothing},
		{name: core.ChoiceSocial, answer: nothing}, // its links answer it
		{name: core.ChoiceSAML, answer: nothing},   // the same
		{name: core.ChoiceProvisional, answer: nothing},
		{name: core.ChoiceAgreements, fields: []string{agreedPrefix}, answer: agreedOf},
		{name: core.ChoiceConsent, fields: []string{scopePrefix}, answer: consentOf},
		{name: core.ChoiceSetPhone, fields: []string{"phone"}, answer: func(f form) flow.Answer { return flow.Answer{Phone: strings.TrimSpace(f["phone"])} }},
	}
}

// choiceNamed finds a choice by what a form calls it.
func choiceNamed(name string) (choice, bool) {
	for _, c := range choices() {
		if string(c.name) == name {
			return c, true
		}
	}
	return choice{}, false
}

// digits takes out what people put between the digits of a code.
func digits(code string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return r
	}, code)
}

// others is what else a page of a factor leads to.
func others() map[core.ChoiceName]string {
	return map[core.ChoiceName]string{
		core.ChoicePassword:     "Use a password instead",
		core.ChoiceEmailOTP:     "Get a code by e-mail instead",
		core.ChoiceMagicLink:    "Get a link by e-mail instead",
		core.ChoiceSMSOTP:       "Get a code by text message instead",
		core.ChoiceTOTP:         "Use an authenticator app instead",
		core.ChoiceRecoveryCode: "Use a recovery code instead",
		core.ChoicePasskey:      "Use a passkey instead",
		core.ChoiceSetPhone:     "Add a telephone number",
		core.ChoiceSocial:       "Go on with an account elsewhere",
		core.ChoiceSAML:         "Go on with an account of your organisation",
		core.ChoiceProvisional:  "Set up an account that was made for you",
	}
}

// under returns the filled fields whose names begin with prefix, without it.
func (f form) under(prefix string) map[string]string {
	filled := map[string]string{}
	for name, value := range f {
		if short, ok := strings.CutPrefix(name, prefix); ok && value != "" {
			filled[short] = value
		}
	}
	return filled
}

// pick says which prompt to show: the one asked for if it is on offer, else
// the first. Who may set a new password by now is asked for nothing else.
func pick(prompts []flow.Prompt, asked core.ChoiceName) (flow.Prompt, bool) {
	for _, c := range choices() {
		if c.name != asked || offers(prompts, core.ChoiceSetPassword) {
			continue
		}
		if prompt, ok := find(prompts, c.name); ok {
			return prompt, true
		}
	}
	for _, c := range choices() {
		if prompt, ok := find(prompts, c.name); ok {
			return prompt, true
		}
	}
	return flow.Prompt{}, false
}

func find(prompts []flow.Prompt, name core.ChoiceName) (flow.Prompt, bool) {
	for _, prompt := range prompts {
		if prompt.Choice == name {
			return prompt, true
		}
	}
	return flow.Prompt{}, false
}

func offers(prompts []flow.Prompt, name core.ChoiceName) bool {
	_, ok := find(prompts, name)
	return ok
}

// screen is what the template of a choice shows, flat for all of them.
type screen struct {
	Action  string // the path that its forms are sent to
	Choice  core.ChoiceName
	Signup  bool
	Enroll  bool // password, totp, recovery_code: it is new
	Forgot  bool // password: reset_password is on offer too
	Back    bool // reset_password: password is on offer too
	Due     bool // set_password: the one before was right, and will not do any more
	Email   string
	Name    string   // what the person goes by, if that is no address
	Phone   bool     // and it is a telephone number
	Ways    []onward // what else is on offer
	Second  bool     // email_otp, sms_otp, totp: it is the second factor
	Keep    string   // a second factor: for how long the browser may be remembered; empty: it may not
	Kept    bool     // and that was asked for
	Number  string   // sms_otp: the telephone number that was given here; empty: none was
	NoPhone bool     // sms_otp: a number has to be given
	Other   string   // leads to sign-up from sign-in and back; empty: sign-up is closed
	Restart string   // leads to the same for another address; empty: it is for this one alone
	Sent    bool     // a link or a code: it was sent
	Wait    string   // a link or a code: how long until it may be sent again; empty: now
	Hint    string   // a new password: what it must be
	Fields  []input
	// agreements: the texts, with a box to tick below each
	Agreements []agreementField
	Seed       *seed             // totp, while it is new
	Codes      []string          // recovery_code, while they are new
	Providers  []onward          // set_email, set_username, social: where else somebody may come in by
	Passkey    bool              // set_email, set_username: a passkey may say who it is
	Options    string            // passkey: what the browser is to be asked, as JSON; empty: it was not begun
	Offer      bool              // passkey: nobody has to take it
	Captcha    *captcha          // captcha
	Client     string            // oauth_consent: the application that asks
	Scopes     []scopeField      // oauth_consent: what it asks for
	Notice     string            // what has just happened
	Alert      string            // what went wrong with all of it
	Errors     map[string]string // what went wrong, by field
	Values     form              // what was filled in; never a password
	texts      map[string]string // the pool's own words, by place
}

// seed is what a program for one-time passwords is given.
type seed struct {
	Image   template.URL // empty: there is only the text
	Text    string
	Issuer  string
	Account string
}

// newSeed draws the code. The address of the image is of our own making.
func newSeed(p *flow.SeedPrompt) *seed {
	if p == nil {
		return nil
	}
	var groups []string
	for group := range slices.Chunk([]byte(p.Secret.Reveal()), 4) {
		groups = append(groups, string(group))
	}
	return &seed{Image: template.URL(web.QRImage(p.Address())), Text: strings.Join(groups, " "), Issuer: p.Issuer, Account: p.Account}
}

// said is what a screen says about what has just happened.
type said struct {
	notice string
	err    error
	values form
}

// sentTo reports whether a choice's link or code was sent, and until when no
// other is.
func sentTo(prompt flow.Prompt) (sent bool, resend time.Time) {
	switch {
	case prompt.Link != nil:
		return prompt.Link.Sent, prompt.Link.ResendAt
	case prompt.Code != nil:
		return prompt.Code.Sent, prompt.Code.ResendAt
	}
	return false, time.Time{}
}

func newScreen(v *visit, s flow.State, prompt flow.Prompt, said said, start again) screen {
	signup := len(s.Types) == 1 && s.Types[0] == core.FlowSignup
	sc := screen{
		Action: v.flowPath(s.ID), Choice: prompt.Choice, Signup: signup, Enroll: prompt.Enrollment,
		Forgot: offers(s.Prompts, core.ChoiceResetPassword), Back: offers(s.Prompts, core.ChoicePassword),
		Due:    s.Phase == core.PhaseSetPassword,
		Number: s.Phone, NoPhone: prompt.NeedPhone,
		Email: s.Email, Second: s.Phase == core.PhaseSecondary, Phone: s.Pool.Settings.UsernameFormat == core.UsernamePhone, Notice: said.notice, Values: said.values, Errors: map[string]string{},
	}
	mine, other := core.FlowSignin, core.FlowSignup
	if signup {
		mine, other = other, mine
	}
	if !s.Invited {
		sc.Restart = start.link(mine, "")
	}
	if signup || s.Pool.Settings.SignupPossible() {
		sc.Other = start.link(other, s.Email)
	}
	if s.Pool.Settings.UsernameFormat != core.UsernameEmail {
		sc.Name = s.Username
	}
	for _, c := range choices() {
		if text, ok := others()[c.name]; ok && c.name != prompt.Choice && offers(s.Prompts, c.name) {
			sc.Ways = append(sc.Ways, onward{web.WithQuery(sc.Action, "choice", string(c.name)), text})
		}
	}
	if passkey, ok := find(s.Prompts, core.ChoicePasskey); ok {
		sc.Passkey, sc.Options, sc.Offer = true, string(passkey.Passkey.Options), s.Phase == core.PhaseCompleted
	}
	if life := s.Pool.Settings.RememberDeviceLife; sc.Second && s.Pool.Settings.SigninRememberDevice != core.DeviceOff {
		sc.Keep, sc.Kept = spell(time.Duration(life)), sc.Values["keep"] != ""
	}
	var resend time.Time
	sc.Sent, resend = sentTo(prompt)
	if wait := time.Until(resend); wait > 0 {
		sc.Wait = spell(wait)
	}
	if prompt.Policy {
		sc.Hint = passwordHint(s.Pool.Settings)
	}
	sc.Seed, sc.Captcha = newSeed(prompt.Seed), newCaptcha(prompt.Captcha)
	for _, code := range prompt.Codes {
		sc.Codes = append(sc.Codes, code.Reveal())
	}
	sc.Client, sc.Scopes = s.Application.Name, scopeFields(prompt.Scopes)
	sc.Errors, sc.Alert = fieldErrors(prompt, said.err)
	sc.Fields = inputs(prompt.Fields, sc.Values, sc.Errors)
	sc.texts = s.Pool.Settings.BrandTexts
	return sc
}
