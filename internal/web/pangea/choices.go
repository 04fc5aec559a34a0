package pangea

import (
	"errors"
	"strconv"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// choiceData is the "data" of an answer or a restart, as one choice has it.
type choiceData interface {
	answer(p *problems) flow.Answer
}

// answers is the wire shape of each choice's data in flow/update.
func answers() map[core.ChoiceName]func() choiceData {
	return map[core.ChoiceName]func() choiceData{
		core.ChoiceSetEmail:      func() choiceData { return &emailData{} },
		core.ChoiceSetUsername:   func() choiceData { return &usernameData{} },
		core.ChoiceSetPhone:      func() choiceData { return &phoneData{} },
		core.ChoicePassword:      func() choiceData { return &passwordData{} },
		core.ChoiceEmailOTP:      func() choiceData { return &codeData{} },
		core.ChoiceMagicLink:     func() choiceData { return &linkData{} },
		core.ChoiceSMSOTP:        func() choiceData { return &codeData{} },
		core.ChoiceSetPassword:   func() choiceData { return &passwordData{} },
		core.ChoiceResetPassword: func() choiceData { return &linkData{} },
		core.ChoiceVerifyEmail:   func() choiceData { return &linkData{} },
		core.ChoiceProfile:       func() choiceData { return &profileData{} },
		core.ChoiceAgreements:    func() choiceData { return &agreementsData{} },
		core.ChoiceTOTP:          func() choiceData { return &totpData{} },
		core.ChoiceRecoveryCode:  func() choiceData { return &recoveryData{} },
		core.ChoicePasskey:       func() choiceData { return &passkeyData{} },
		core.ChoiceCaptcha:       func() choiceData { return &captchaData{} },
		core.ChoiceProvisional:   func() choiceData { return &linkData{} },
		core.ChoiceSocial:        func() choiceData { return &socialData{} },
		core.ChoiceSAML:          func() choiceData { return &samlData{} },
		core.ChoiceConsent:       func() choiceData { return &consentData{} },
	}
}

// restarts is the wire shape of each choice's data in flow/restart.
func restarts() map[core.ChoiceName]func() choiceData {
	return map[core.ChoiceName]func() choiceData{
		core.ChoiceSetEmail:      func() choiceData { return &emptyData{} },
		core.ChoiceSetUsername:   func() choiceData { return &emptyData{} },
		core.ChoiceSetPhone:      func() choiceData { return &emptyData{} },
		core.ChoicePassword:      func() choiceData { return &emptyData{} },
		core.ChoiceEmailOTP:      func() choiceData { return &resendData{} },
		core.ChoiceMagicLink:     func() choiceData { return &resendData{} },
		core.ChoiceSMSOTP:        func() choiceData { return &resendTextData{} },
		core.ChoiceSetPassword:   func() choiceData { return &emptyData{} },
		core.ChoiceResetPassword: func() choiceData { return &resendData{} },
		core.ChoiceVerifyEmail:   func() choiceData { return &resendData{} },
		core.ChoiceProfile:       func() choiceData { return &emptyData{} },
		core.ChoiceAgreements:    func() choiceData { return &emptyData{} },
		core.ChoiceTOTP:          func() choiceData { return &emptyData{} },
		core.ChoiceRecoveryCode:  func() choiceData { return &emptyData{} },
		core.ChoicePasskey:       func() choiceData { return &resendData{} },
		core.ChoiceCaptcha:       func() choiceData { return &emptyData{} },
		core.ChoiceProvisional:   func() choiceData { return &resendData{} },
		core.ChoiceSocial:        func() choiceData { return &emptyData{} },
		core.ChoiceSAML:          func() choiceData { return &emptyData{} },
		core.ChoiceConsent:       func() choiceData { return &emptyData{} },
	}
}

// readAnswer decodes the data of a choice.
func readAnswer(in flowAnswer, shapes map[core.ChoiceName]func() choiceData) (flow.Answer, error) {
	name, _ := choiceName(in.Choice)
	shape := shapes[name]
	if shape == nil {
		// A choice that is not built is never on offer.
		return flow.Answer{}, core.Fail(core.CodeNotOffered, "The flow does not offer this choice now.")
	}
	data := shape()
	if err := web.Decode(in.Data, data, false); err != nil {
		return flow.Answer{}, below("/data", err)
	}
	var p problems
	answer := data.answer(&p)
	if len(p.list) > 0 {
		return flow.Answer{}, core.Invalid(p.list...)
	}
	answer.Choice = name
	return answer, nil
}

// below moves problems under a key of the request.
func below(pointer string, err error) error {
	e, ok := errors.AsType[*core.Error](err)
	if !ok {
		return err
	}
	moved := *e
	moved.Fields = nil
	for _, problem := range e.Fields {
		problem.Pointer = pointer + problem.Pointer
		moved.Fields = append(moved.Fields, problem)
	}
	return &moved
}

type emptyData struct{}

func (emptyData) answer(*problems) flow.Answer { return flow.Answer{} }

type emailData struct {
	Email string `json:"email"`
}

func (d emailData) answer(p *problems) flow.Answer {
	if p.required("/data/email", d.Email) {
		p.email("/data/email", d.Email)
	}
	return flow.Answer{Email: d.Email}
}

type usernameData struct {
	Username string `json:"username"`
}

func (d usernameData) answer(p *problems) flow.Answer {
	p.required("/data/username", d.Username)
	return flow.Answer{Username: d.Username}
}

type phoneData struct {
	Phone string `json:"phone"`
}

func (d phoneData) answer(p *problems) flow.Answer {
	p.required("/data/phone", d.Phone)
	return flow.Answer{Phone: d.Phone}
}

// codeData without a code only looks, or sends the first one.
type codeData struct {
	Code string `json:"code"`
}

func (d codeData) answer(p *problems) flow.Answer {
	p.code("/data/code", d.Code)
	return flow.Answer{Code: d.Code}
}

// totpData may bring an address with it, as passwordData may.
type totpData struct {
	Code  string `json:"code"`
	Email string `json:"email"`
}

func (d totpData) answer(p *problems) flow.Answer {
	p.required("/data/code", d.Code)
	p.code("/data/code", d.Code)
	p.email("/data/email", d.Email)
	return flow.Answer{Code: d.Code, Email: d.Email}
}

// recoveryData without a code says that new ones are kept.
type recoveryData struct {
	Code string `json:"code"`
}

func (d recoveryData) answer(*problems) flow.Answer { return flow.Answer{Code: d.Code} }

// passwordData may bring an address with it, for pools in which people have
// other usernames.
type passwordData struct {
	Password string `json:"password"`
	Email    string `json:"email"`
}

func (d passwordData) answer(p *problems) flow.Answer {
	p.required("/data/password", d.Password)
	p.email("/data/email", d.Email)
	return flow.Answer{Password: secret.Text(d.Password), Email: d.Email}
}

type linkData struct {
	State string `json:"state"`
	Code  string `json:"code"`
}

func (d linkData) answer(p *problems) flow.Answer {
	if (d.State == "") != (d.Code == "") {
		p.required("/data/state", d.State)
		p.required("/data/code", d.Code)
	}
	p.secret("/data/state", d.State, prefixState)
	p.ticket("/data/code", d.Code)
	return flow.Answer{State: read(prefixState, d.State), Code: read(prefixCode, d.Code)}
}

// resendData may name an address, where people go by something else. In a pool
// whose usernames are addresses there is only the one.
type resendData struct {
	Email string `json:"email"`
}

func (d resendData) answer(p *problems) flow.Answer {
	p.email("/data/email", d.Email)
	return flow.Answer{Email: d.Email}
}

// resendTextData may name the number, where one is enrolled. The address is our
// addition: who goes by a name has to give one somewhere.
type resendTextData struct {
	Phone string `json:"phone"`
	Email string `json:"email"`
}

func (d resendTextData) answer(p *problems) flow.Answer {
	p.phone("/data/phone", d.Phone)
	p.email("/data/email", d.Email)
	return flow.Answer{Phone: d.Phone, Email: d.Email}
}

type profileData struct {
	Profile map[string]string `json:"profile"`
}

func (d profileData) answer(p *problems) flow.Answer {
	if d.Profile == nil {
		p.add(core.ProblemRequired, "/data/profile", "This is required.")
	}
	return flow.Answer{Profile: d.Profile}
}

type agreementsData struct {
	Agreed []string `json:"agreed"`
}

func (d agreementsData) answer(p *problems) flow.Answer {
	if d.Agreed == nil {
		p.add(core.ProblemRequired, "/data/agreed", "This is required.")
	}
	var answer flow.Answer
	for i, id := range d.Agreed {
		pointer := "/data/agreed/" + strconv.Itoa(i)
		if p.required(pointer, id) {
			p.secret(pointer, id, prefixText)
		}
		answer.Agreed = append(answer.Agreed, flow.Agreed{ID: agreementID(id)})
	}
	return answer
}

// flowState is a flow as the vendor shows it. The keys behind flow_id that its
// document leaves out are in its live answers, and its UI needs them.
type flowState struct {
	FlowID         string       `json:"flow_id"`
	FlowType       []string     `json:"flow_type"`
	UsernameFormat string       `json:"username_format"`
	Username       string       `json:"username,omitempty"`
	Email          string       `json:"email,omitempty"`
	Phone          string       `json:"phone,omitempty"`
	Disclaimer     string       `json:"disclaimer,omitempty"`
	RememberUser   string       `json:"remember_user,omitempty"`
	ConditionalMFA *mfaMemory   `json:"conditional_mfa,omitempty"`
	FlowPhase      string       `json:"flow_phase"`
	FlowChoices    []choiceItem `json:"flow_choices"`
}

// mfaMemory has the UI show a box by which the browser is remembered.
type mfaMemory struct {
	StrictMode bool `json:"strict_mode"`
	Lifetime   int  `json:"lifetime"` // in days
}

type choiceItem struct {
	Choice string         `json:"choice"`
	Data   map[string]any `json:"data"`
}

func flowResult(s flow.State) flowState {
	result := flowState{
		FlowID: show(prefixFlow, s.ID), FlowType: []string{}, UsernameFormat: string(s.Pool.Settings.UsernameFormat), Username: s.Username, Email: s.Email, Phone: s.Phone,
		Disclaimer: s.Pool.Settings.Disclaimer, RememberUser: rememberWords()[s.Pool.Settings.SigninRemember],
		FlowPhase: phaseWords()[s.Phase], FlowChoices: []choiceItem{},
	}
	if s.Pool.Settings.UsernameFormat == core.UsernameEmail {
		result.Username = s.Email
	}
	if mode := s.Pool.Settings.SigninRememberDevice; mode != core.DeviceOff {
		result.ConditionalMFA = &mfaMemory{mode == core.DeviceAtAddress, int(time.Duration(s.Pool.Settings.RememberDeviceLife) / (24 * time.Hour))}
	}
	for _, t := range s.Types {
		result.FlowType = append(result.FlowType, string(t))
	}
	for _, prompt := range s.Prompts {
		if prompt.Providers != nil {
			result.FlowChoices = append(result.FlowChoices, providerItems(prompt, s)...)
			continue
		}
		result.FlowChoices = append(result.FlowChoices, choiceItem{choiceWordOf(prompt.Choice), promptData(prompt, s.Pool.Settings)})
	}
	return result
}

// rememberWords spells signin.remember_username: the UI shows a box for any
// word, and ticks it for "check".
func rememberWords() map[string]string {
	return map[string]string{core.RememberOff: "", core.RememberOffered: "uncheck", core.RememberChecked: "check"}
}

// promptData spells what a choice shows.
func promptData(prompt flow.Prompt, settings core.Settings) map[string]any {
	data := map[string]any{}
	if prompt.NeedEmail {
		data["need_email"] = true
	}
	if prompt.NeedPhone {
		data["need_phone"] = true
	}
	switch prompt.Choice {
	case core.ChoiceSetEmail, core.ChoiceSetUsername, core.ChoiceSetPhone:
		if prompt.Given {
			break
		}
		words := []string{}
		for _, name := range prompt.RequiredFor {
			words = append(words, choiceWordOf(name))
		}
		data["required_for"] = words
	case core.ChoicePassword, core.ChoiceSetPassword:
		data["enrollment"] = prompt.Enrollment
		data["password_policy"] = passwordPolicy(settings)
	case core.ChoiceEmailOTP, core.ChoiceSMSOTP:
		data["enrollment"] = prompt.Enrollment
		data["sent"] = prompt.Code.Sent
		data["resend_time"] = showTime(prompt.Code.ResendAt)
	case core.ChoiceTOTP:
		data["enrollment"] = prompt.Enrollment
		if prompt.Seed != nil {
			data["totp_secret"] = newTOTPSecret(*prompt.Seed)
		}
	case core.ChoiceRecoveryCode:
		data["enrollment"] = prompt.Enrollment
		if prompt.Enrollment {
			codes := []string{}
			for _, code := range prompt.Codes {
				codes = append(codes, code.Reveal())
			}
			data["codes"] = codes
		}
	case core.ChoiceVerifyEmail, core.ChoiceResetPassword, core.ChoiceMagicLink, core.ChoiceProvisional:
		data["sent"] = prompt.Link.Sent
		data["resend_time"] = showTime(prompt.Link.ResendAt)
		data["state"] = LinkState(prompt.Link.State)
	case core.ChoiceProfile:
		data["fields"] = profileFields(prompt.Fields)
	case core.ChoiceAgreements:
		// The document has a map and does not name its keys.
		texts := map[string]agreement{}
		for _, a := range prompt.Agreements {
			texts[agreementWords()[a.Kind]] = newAgreement(a)
		}
		data["agreements"] = texts
	case core.ChoiceConsent:
		data["scopes"] = wishedScopes(prompt.Scopes)
	case core.ChoicePasskey:
		passkeyPrompt(data, prompt)
	case core.ChoiceCaptcha:
		captchaPrompt(data, *prompt.Captcha)
	case core.ChoiceSocial, core.ChoiceSAML: // an item for each provider: see providerItems
	}
	return data
}

// totpSecret is a seed, as text and for a camera.
type totpSecret struct {
	QRImage string `json:"qr_image"`
	Secret  string `json:"secret"`
}

func newTOTPSecret(seed flow.SeedPrompt) totpSecret {
	return totpSecret{QRImage: web.QRImage(seed.Address()), Secret: seed.Secret.Reveal()}
}

// passwordPolicy has each number under two names: the document's, and the one
// that live answers and the UI have.
func passwordPolicy(s core.Settings) map[string]int {
	policy := map[string]int{
		"chars_min": s.PasswordMinLength, "chars_max": s.PasswordMaxLength, "lower_min": s.PasswordLower,
		"upper_min": s.PasswordUpper, "punct_min": s.PasswordSymbols, "number_min": s.PasswordDigits,
	}
	for name, n := range map[string]int{
		"password_chars_min": s.PasswordMinLength, "password_chars_max": s.PasswordMaxLength, "password_lower_min": s.PasswordLower,
		"password_upper_min": s.PasswordUpper, "password_punct_min": s.PasswordSymbols, "password_number_min": s.PasswordDigits,
	} {
		policy[name] = n
	}
	return policy
}

type profileField struct {
	ID              string `json:"id"`
	Name            string `json:"name"`
	Label           string `json:"label"`
	Type            string `json:"type"`
	Required        bool   `json:"required"`
	ShowOnSignup    bool   `json:"show_on_signup"`
	Builtin         bool   `json:"builtin"`
	DisplayDisabled bool   `json:"display_disabled"`
}

func profileFields(fields []core.ProfileField) []profileField {
	list := []profileField{}
	for _, f := range fields {
		list = append(list, profileField{
			ID: f.ID, Name: f.Label, Label: f.Label, Type: string(f.Type), Required: f.Required, ShowOnSignup: f.AtSignup,
			Builtin: f.ID == "first_name" || f.ID == "last_name" || f.ID == "phone",
		})
	}
	return list
}
