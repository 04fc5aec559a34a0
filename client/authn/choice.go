package authn

import (
	"encoding/json"
	"fmt"
	"time"
)

// Choice names something that a flow can ask for.
type Choice string

// The choices that this client knows. A server may offer others: see
// [OtherChoice].
const (
	ChoiceSetEmail      Choice = "set_email"
	ChoiceSetUsername   Choice = "set_username"
	ChoiceSetPhone      Choice = "set_phone"
	ChoicePassword      Choice = "password"
	ChoiceEmailOTP      Choice = "email_otp"
	ChoiceMagicLink     Choice = "magiclink"
	ChoiceSMSOTP        Choice = "sms_otp"
	ChoiceSetPassword   Choice = "set_password"
	ChoiceResetPassword Choice = "reset_password"
	ChoiceVerifyEmail   Choice = "verify_email"
	ChoiceProfile       Choice = "profile"
	ChoiceAgreements    Choice = "agreements"
	ChoiceTOTP          Choice = "totp"
	ChoiceRecoveryCode  Choice = "recovery_code"
	ChoicePasskey       Choice = "passkey"
	ChoiceCaptcha       Choice = "captcha"
	ChoiceSocial        Choice = "social"
	ChoiceSAML          Choice = "saml"

	ChoiceProvisionalEnrollment Choice = "provisional_enrollment"
	ChoiceOAuthConsent          Choice = "oauth_consent"
)

// FlowChoice is one thing that a flow asks for, with what is to be shown for
// it: one of the types here whose names end in Choice.
type FlowChoice interface {
	Choice() Choice
}

// FlowAnswer is what is said to a choice: one of the types here whose names
// end in Answer.
type FlowAnswer interface {
	Answers() Choice
}

// SetEmailChoice asks for the e-mail address.
type SetEmailChoice struct {
	RequiredFor []Choice `json:"required_for"` // what is offered once it is known
}

// SetEmailAnswer gives the e-mail address.
type SetEmailAnswer struct {
	Email string `json:"email"`
}

// SetUsernameChoice asks for the username, where people go by something else
// than their e-mail address.
type SetUsernameChoice struct {
	RequiredFor []Choice `json:"required_for"` // what is offered once it is known
}

// SetUsernameAnswer gives the username.
type SetUsernameAnswer struct {
	Username string `json:"username"`
}

// SetPhoneChoice asks for the number of the phone.
type SetPhoneChoice struct {
	RequiredFor []Choice `json:"required_for"` // what is offered once it is known
}

// SetPhoneAnswer gives the number of the phone, with country code.
type SetPhoneAnswer struct {
	Phone string `json:"phone"`
}

// PasswordChoice asks for the password.
type PasswordChoice struct {
	Enrollment bool           `json:"enrollment"` // a new one is to be chosen
	Policy     PasswordPolicy `json:"password_policy"`
	NeedEmail  bool           `json:"need_email,omitempty"` // the answer must have the e-mail address with it
}

// PasswordPolicy is what a new password must be.
type PasswordPolicy struct {
	CharsMin  int `json:"chars_min"`
	CharsMax  int `json:"chars_max"`
	LowerMin  int `json:"lower_min"`
	UpperMin  int `json:"upper_min"`
	PunctMin  int `json:"punct_min"`
	NumberMin int `json:"number_min"`
}

// PasswordAnswer gives the password.
type PasswordAnswer struct {
	Password string `json:"password"`
	Email    string `json:"email,omitempty"` // if PasswordChoice.NeedEmail
}

// EmailOTPChoice asks for a code that is sent by mail. [FlowService.Restart]
// sends it: nothing is sent for being listed.
type EmailOTPChoice struct {
	Sent       bool      `json:"sent"`
	Enrollment bool      `json:"enrollment"`           // it becomes a way in that the person has
	ResendTime time.Time `json:"resend_time"`          // from when on it can be sent again; zero before it was sent
	NeedEmail  bool      `json:"need_email,omitempty"` // the restart must have the e-mail address with it
}

// EmailOTPAnswer gives the code. A wrong one is [StatusAuthenticationFailure],
// one that has run out [StatusMfaCodeExpired]; either way another can be sent.
// The empty answer sends the code if that was not done yet.
type EmailOTPAnswer struct {
	Code string `json:"code,omitempty"`
}

// SMSOTPChoice asks for a code that is sent by text message.
// [FlowService.Restart] sends it: nothing is sent for being listed.
type SMSOTPChoice struct {
	Sent       bool      `json:"sent"`
	Enrollment bool      `json:"enrollment"`           // it becomes a way in that the person has
	ResendTime time.Time `json:"resend_time"`          // from when on it can be sent again; zero before it was sent
	NeedPhone  bool      `json:"need_phone,omitempty"` // the restart must have the telephone number with it
	NeedEmail  bool      `json:"need_email,omitempty"` // and the e-mail address
}

// SMSOTPAnswer gives the code. A wrong one is [StatusAuthenticationFailure],
// one that has run out [StatusMfaCodeExpired]; either way another can be sent.
// The empty answer sends the code if that was not done yet and the number is
// known.
type SMSOTPAnswer struct {
	Code string `json:"code,omitempty"`
}

// MagicLinkChoice offers to come in by a link in a mail. [FlowService.Restart]
// sends it: nothing is sent for being listed.
type MagicLinkChoice struct {
	Sent       bool      `json:"sent"`
	ResendTime time.Time `json:"resend_time"`          // from when on it can be sent again; zero before it was sent
	State      string    `json:"state"`                // comes back with the link
	NeedEmail  bool      `json:"need_email,omitempty"` // the restart must have the e-mail address with it
}

// MagicLinkAnswer gives what the link in the mail has brought back to the
// application. The empty answer sends the link if that was not done yet.
type MagicLinkAnswer struct {
	State string `json:"state,omitempty"`
	Code  string `json:"code,omitempty"`
}

// SetPasswordChoice asks for a new password in place of the old one.
type SetPasswordChoice struct {
	Enrollment bool           `json:"enrollment"`
	Policy     PasswordPolicy `json:"password_policy"`
}

// SetPasswordAnswer gives the new password.
type SetPasswordAnswer struct {
	Password string `json:"password"`
}

// ResetPasswordChoice offers somebody who forgot their password to choose a
// new one by mail. [FlowService.Restart] sends the link.
type ResetPasswordChoice struct {
	Sent       bool      `json:"sent"`
	ResendTime time.Time `json:"resend_time"` // from when on it can be sent again; zero before it was sent
	State      string    `json:"state"`       // comes back with the link
}

// ResetPasswordAnswer gives what the link in the mail has brought back to the
// application. The empty answer sends the link if that was not done yet.
type ResetPasswordAnswer struct {
	State string `json:"state,omitempty"`
	Code  string `json:"code,omitempty"`
}

// ProvisionalEnrollmentChoice offers somebody who exists and has no way in yet
// to choose one by mail. [FlowService.Restart] sends the link; behind it the
// flow offers the pool's first factors, to be enrolled.
type ProvisionalEnrollmentChoice struct {
	Sent       bool      `json:"sent"`
	ResendTime time.Time `json:"resend_time"` // from when on it can be sent again; zero before it was sent
	State      string    `json:"state"`       // comes back with the link
}

// ProvisionalEnrollmentAnswer gives what the link in the mail has brought back
// to the application. The empty answer sends the link if that was not done yet.
type ProvisionalEnrollmentAnswer struct {
	State string `json:"state,omitempty"`
	Code  string `json:"code,omitempty"`
}

// VerifyEmailChoice asks for the proof of the mailbox. [FlowService.Restart]
// sends the link.
type VerifyEmailChoice struct {
	Sent       bool      `json:"sent"`
	ResendTime time.Time `json:"resend_time"` // from when on it can be sent again; zero before it was sent
	State      string    `json:"state"`       // comes back with the link
}

// VerifyEmailAnswer gives what the link in the mail has brought back to the
// application. The empty answer sends the link if that was not done yet.
type VerifyEmailAnswer struct {
	State string `json:"state,omitempty"`
	Code  string `json:"code,omitempty"`
}

// ProfileChoice asks for a profile.
type ProfileChoice struct {
	Fields []ProfileField `json:"fields"`
}

// ProfileField is one field of a profile that is asked for.
type ProfileField struct {
	ID              string `json:"id"` // the name in a Profile
	Name            string `json:"name"`
	Label           string `json:"label"` // what people are shown
	Type            string `json:"type"`  // string, integer, date, boolean, phone or email; the value is text all the same
	Required        bool   `json:"required"`
	ShowOnSignup    bool   `json:"show_on_signup"`
	Builtin         bool   `json:"builtin"`
	DisplayDisabled bool   `json:"display_disabled"`
}

// ProfileAnswer gives the profile, which may be nil.
type ProfileAnswer struct {
	Profile Profile `json:"profile"`
}

// MarshalJSON writes a profile that is nil as an empty one.
func (a ProfileAnswer) MarshalJSON() ([]byte, error) {
	if a.Profile == nil {
		a.Profile = Profile{}
	}
	type plain ProfileAnswer
	return json.Marshal(plain(a))
}

// AgreementsChoice asks to accept what is in force and was not accepted yet.
type AgreementsChoice struct {
	Agreements map[AgreementType]Agreement `json:"agreements"`
}

// AgreementsAnswer accepts agreements. They may be accepted one by one: the
// flow goes on asking for the rest.
type AgreementsAnswer struct {
	Agreed []string `json:"agreed"` // the ids
}

// OtherChoice is a choice that this client has no type for.
type OtherChoice struct {
	Name Choice
	Data json.RawMessage
}

// OtherAnswer answers a choice that this client has no type for. Data is
// anything that encodes as a JSON object; nil is an empty one.
type OtherAnswer struct {
	Name Choice
	Data any
}

// Choice returns [ChoiceSetEmail].
func (SetEmailChoice) Choice() Choice { return ChoiceSetEmail }

// Answers returns [ChoiceSetEmail].
func (SetEmailAnswer) Answers() Choice { return ChoiceSetEmail }

// Choice returns [ChoiceSetUsername].
func (SetUsernameChoice) Choice() Choice { return ChoiceSetUsername }

// Answers returns [ChoiceSetUsername].
func (SetUsernameAnswer) Answers() Choice { return ChoiceSetUsername }

// Choice returns [ChoiceSetPhone].
func (SetPhoneChoice) Choice() Choice { return ChoiceSetPhone }

// Answers returns [ChoiceSetPhone].
func (SetPhoneAnswer) Answers() Choice { return ChoiceSetPhone }

// Choice returns [ChoicePassword].
func (PasswordChoice) Choice() Choice { return ChoicePassword }

// Answers returns [ChoicePassword].
func (PasswordAnswer) Answers() Choice { return ChoicePassword }

// Choice returns [ChoiceEmailOTP].
func (EmailOTPChoice) Choice() Choice { return ChoiceEmailOTP }

// Answers returns [ChoiceEmailOTP].
func (EmailOTPAnswer) Answers() Choice { return ChoiceEmailOTP }

// Choice returns [ChoiceSMSOTP].
func (SMSOTPChoice) Choice() Choice { return ChoiceSMSOTP }

// Answers returns [ChoiceSMSOTP].
func (SMSOTPAnswer) Answers() Choice { return ChoiceSMSOTP }

// Choice returns [ChoiceMagicLink].
func (MagicLinkChoice) Choice() Choice { return ChoiceMagicLink }

// Answers returns [ChoiceMagicLink].
func (MagicLinkAnswer) Answers() Choice { return ChoiceMagicLink }

// Choice returns [ChoiceSetPassword].
func (SetPasswordChoice) Choice() Choice { return ChoiceSetPassword }

// Answers returns [ChoiceSetPassword].
func (SetPasswordAnswer) Answers() Choice { return ChoiceSetPassword }

// Choice returns [ChoiceResetPassword].
func (ResetPasswordChoice) Choice() Choice { return ChoiceResetPassword }

// Answers returns [ChoiceResetPassword].
func (ResetPasswordAnswer) Answers() Choice { return ChoiceResetPassword }

// Choice returns [ChoiceProvisionalEnrollment].
func (ProvisionalEnrollmentChoice) Choice() Choice { return ChoiceProvisionalEnrollment }

// Answers returns [ChoiceProvisionalEnrollment].
func (ProvisionalEnrollmentAnswer) Answers() Choice { return ChoiceProvisionalEnrollment }

// Choice returns [ChoiceVerifyEmail].
func (VerifyEmailChoice) Choice() Choice { return ChoiceVerifyEmail }

// Answers returns [ChoiceVerifyEmail].
func (VerifyEmailAnswer) Answers() Choice { return ChoiceVerifyEmail }

// Choice returns [ChoiceProfile].
func (ProfileChoice) Choice() Choice { return ChoiceProfile }

// Answers returns [ChoiceProfile].
func (ProfileAnswer) Answers() Choice { return ChoiceProfile }

// Choice returns [ChoiceAgreements].
func (AgreementsChoice) Choice() Choice { return ChoiceAgreements }

// Answers returns [ChoiceAgreements].
func (AgreementsAnswer) Answers() Choice { return ChoiceAgreements }

// Choice returns the name that the server gave.
func (c OtherChoice) Choice() Choice { return c.Name }

// Answers returns the name that was given.
func (a OtherAnswer) Answers() Choice { return a.Name }

// Offered returns the choice of a type that a flow offers now:
//
//	if password, ok := authn.Offered[authn.PasswordChoice](state); ok { ... }
func Offered[C FlowChoice](s *FlowState) (C, bool) {
	for _, offered := range s.Choices {
		if c, ok := offered.(C); ok {
			return c, true
		}
	}
	var none C
	return none, false
}

// FlowChoices is what a flow offers, in the server's order.
type FlowChoices []FlowChoice

// choiceItem is a choice on the wire.
type choiceItem struct {
	Choice Choice          `json:"choice"`
	Data   json.RawMessage `json:"data"`
}

// choices is how each choice is read.
func choices() map[Choice]func(json.RawMessage) (FlowChoice, error) {
	return map[Choice]func(json.RawMessage) (FlowChoice, error){
		ChoiceSetEmail:      readChoice[SetEmailChoice],
		ChoiceSetUsername:   readChoice[SetUsernameChoice],
		ChoiceSetPhone:      readChoice[SetPhoneChoice],
		ChoicePassword:      readChoice[PasswordChoice],
		ChoiceEmailOTP:      readChoice[EmailOTPChoice],
		ChoiceMagicLink:     readChoice[MagicLinkChoice],
		ChoiceSMSOTP:        readChoice[SMSOTPChoice],
		ChoiceSetPassword:   readChoice[SetPasswordChoice],
		ChoiceResetPassword: readChoice[ResetPasswordChoice],
		ChoiceVerifyEmail:   readChoice[VerifyEmailChoice],
		ChoiceProfile:       readChoice[ProfileChoice],
		ChoiceAgreements:    readChoice[AgreementsChoice],
		ChoiceTOTP:          readChoice[TOTPChoice],
		ChoiceRecoveryCode:  readChoice[RecoveryCodeChoice],
		ChoicePasskey:       readChoice[PasskeyChoice],
		ChoiceCaptcha:       readChoice[CaptchaChoice],
		ChoiceSocial:        readChoice[SocialChoice],
		ChoiceSAML:          readChoice[SAMLChoice],

		ChoiceProvisionalEnrollment: readChoice[ProvisionalEnrollmentChoice],
		ChoiceOAuthConsent:          readChoice[OAuthConsentChoice],
	}
}

func readChoice[C FlowChoice](data json.RawMessage) (FlowChoice, error) {
	var c C
	err := json.Unmarshal(data, &c)
	return c, err
}

// UnmarshalJSON reads choices as the server writes them. One that has no type
// here becomes an [OtherChoice].
func (c *FlowChoices) UnmarshalJSON(text []byte) error {
	var items []choiceItem
	if err := json.Unmarshal(text, &items); err != nil {
		return err
	}
	known := choices()
	*c = make(FlowChoices, 0, len(items))
	for _, item := range items {
		read := known[item.Choice]
		if read == nil {
			*c = append(*c, OtherChoice{item.Choice, item.Data})
			continue
		}
		one, err := read(item.Data)
		if err != nil {
			return fmt.Errorf("the choice %s: %w", item.Choice, err)
		}
		*c = append(*c, one)
	}
	return nil
}

// MarshalJSON writes choices as the server does.
func (c FlowChoices) MarshalJSON() ([]byte, error) {
	items := make([]choiceItem, 0, len(c))
	for _, one := range c {
		item := choiceItem{Choice: one.Choice()}
		var err error
		if other, ok := one.(OtherChoice); ok {
			item.Data = other.Data
		} else if item.Data, err = json.Marshal(one); err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	return json.Marshal(items)
}
