package authn

import "encoding/json"

// TOTPChoice asks for the code that a program on the person's device computes
// (RFC 6238). [FlowService.Restart] gives another secret, while it is new.
type TOTPChoice struct {
	Enrollment bool        `json:"enrollment"`            // it becomes a way in that the person has
	Secret     *TOTPSecret `json:"totp_secret,omitempty"` // for the program, while it is new; nil afterwards
	NeedEmail  bool        `json:"need_email,omitempty"`  // the answer must have the e-mail address with it
}

// TOTPSecret is what the person's program computes codes from.
type TOTPSecret struct {
	QRImage string `json:"qr_image"` // for an img element: a data URL
	Secret  string `json:"secret"`   // the same to be typed, base32
}

// TOTPAnswer gives the code. A wrong one, or one that was used, is
// [StatusAuthenticationFailure].
type TOTPAnswer struct {
	Code  string `json:"code"`
	Email string `json:"email,omitempty"` // if TOTPChoice.NeedEmail
}

// RecoveryCodeChoice takes, in [PhaseSecondary], one of the codes that somebody
// was given for the day on which they have lost their second factor. Where
// Enrollment is true it shows them, once and in [PhaseCompleted], and nothing
// waits for an answer. The vendor has no such choice.
type RecoveryCodeChoice struct {
	Enrollment bool     `json:"enrollment"`
	Codes      []string `json:"codes,omitempty"` // what the person is to keep
}

// RecoveryCodeAnswer gives a code. A wrong one, or one that was used, is
// [StatusAuthenticationFailure]. The empty answer says that new ones are kept,
// and need not be shown any more.
type RecoveryCodeAnswer struct {
	Code string `json:"code,omitempty"`
}

// PasskeyChoice asks for a passkey (WebAuthn), or offers to add one: at the end
// of a flow nobody has to take it. [FlowService.Restart] begins it, and brings
// what the browser is to be asked.
type PasskeyChoice struct {
	Enrollment bool `json:"enrollment"`           // a new one is to be made
	Started    bool `json:"started"`              // there is something to ask the browser
	Discovery  bool `json:"discovery,omitempty"`  // nobody is named: the passkey says who it is
	NeedEmail  bool `json:"need_email,omitempty"` // the restart must have the e-mail address with it
	// Registration is what credentials.create takes, if Enrollment, but that
	// publicKey.user.id is not in base64url. Once Started.
	Registration json.RawMessage `json:"registration,omitempty"`
	// Authentication is what credentials.get takes, if not Enrollment. Once
	// Started.
	Authentication json.RawMessage `json:"authentication,omitempty"`
}

// PasskeyAnswer gives what the browser has answered, as JSON. One that does not
// fit, or of a passkey that is not the person's, is
// [StatusAuthenticationFailure]. The empty answer begins the choice if that was
// not done yet.
type PasskeyAnswer struct {
	Registration   json.RawMessage `json:"registration,omitempty"`   // of credentials.create
	Authentication json.RawMessage `json:"authentication,omitempty"` // of credentials.get
}

// Choice returns [ChoiceTOTP].
func (TOTPChoice) Choice() Choice { return ChoiceTOTP }

// Answers returns [ChoiceTOTP].
func (TOTPAnswer) Answers() Choice { return ChoiceTOTP }

// Choice returns [ChoiceRecoveryCode].
func (RecoveryCodeChoice) Choice() Choice { return ChoiceRecoveryCode }

// Answers returns [ChoiceRecoveryCode].
func (RecoveryCodeAnswer) Answers() Choice { return ChoiceRecoveryCode }

// Choice returns [ChoicePasskey].
func (PasskeyChoice) Choice() Choice { return ChoicePasskey }

// Answers returns [ChoicePasskey].
func (PasskeyAnswer) Answers() Choice { return ChoicePasskey }
