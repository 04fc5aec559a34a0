package core

import (
	"slices"
	"time"
)

// Flow is a sign-up or sign-in under way.
type Flow struct {
	ID        FlowID
	Facts     Facts
	Completed bool
	Version   int64 // grows with each change; a change names the version it saw
	CreatedAt time.Time
	ExpiresAt time.Time
}

// FlowType says what a flow may turn out to be.
type FlowType string

// The types of flow.
const (
	FlowSignup FlowType = "signup"
	FlowSignin FlowType = "signin"
	// FlowOneTime checks something that is about no person; see [OneTime].
	FlowOneTime FlowType = "one_time"
)

// Phase is how far a flow has come. It is derived from the facts, never
// stored.
type Phase string

// The phases, in the order in which they are passed.
const (
	PhaseOneTime     Phase = "one_time"     // of a one-time flow: one of its proofs
	PhasePrimary     Phase = "primary"      // who is it, and the first proof
	PhaseCaptcha     Phase = "captcha"      // somebody new shows that they are no program
	PhaseProfile     Phase = "profile"      // what the pool asks of new people
	PhaseCreateUser  Phase = "create_user"  // passed by itself: the person comes to be
	PhaseVerifyEmail Phase = "verify_email" // the mailbox is proved
	PhaseSetPassword Phase = "set_password" // a new password is due
	PhaseSecondary   Phase = "secondary"    // the second proof
	PhaseAgreements  Phase = "agreements"   // what the pool asks people to accept
	PhaseConsent     Phase = "consent"      // what an application asks people to let it have
	PhaseCompleted   Phase = "completed"    // nothing is left
)

// ChoiceName names one way to go on in a flow.
type ChoiceName string

// The choices.
const (
	ChoiceSetEmail      ChoiceName = "set_email"
	ChoiceSetUsername   ChoiceName = "set_username"
	ChoiceSetPhone      ChoiceName = "set_phone"
	ChoicePassword      ChoiceName = "password"
	ChoiceEmailOTP      ChoiceName = "email_otp"
	ChoiceMagicLink     ChoiceName = "magic_link"
	ChoiceSMSOTP        ChoiceName = "sms_otp"
	ChoiceResetPassword ChoiceName = "reset_password"
	ChoiceSetPassword   ChoiceName = "set_password"
	ChoiceVerifyEmail   ChoiceName = "verify_email"
	ChoiceProfile       ChoiceName = "profile"
	ChoiceAgreements    ChoiceName = "agreements"
	ChoiceTOTP          ChoiceName = "totp"
	ChoiceRecoveryCode  ChoiceName = "recovery_code"
	ChoicePasskey       ChoiceName = "passkey"
	ChoiceCaptcha       ChoiceName = "captcha"
	ChoiceProvisional   ChoiceName = "provisional_enrollment"
	ChoiceSocial        ChoiceName = "social"
	ChoiceSAML          ChoiceName = "saml"
	ChoiceConsent       ChoiceName = "oauth_consent"
)

// Facts is all that a flow knows, from which phase and choices are derived.
// Nothing here is an opinion about what comes next.
type Facts struct {
	// Allowed is what the flow may be, as asked for.
	Allowed []FlowType `json:"allowed,omitempty"`
	// Redirect is where the application asked to go on, already matched with
	// the registered ones; empty if it named none.
	Redirect string `json:"redirect,omitempty"`
	// State is what the application gave to recognise its own request.
	State string `json:"state,omitempty"`
	// OAuth is what an application asks for to which people sign in; nil: none
	// does, and the session is the person's own.
	OAuth *Authorization `json:"oauth,omitempty"`
	// Concealed: the flow answers alike for people who are there and who are
	// not, until a mailbox or a credential is proved.
	Concealed bool `json:"concealed,omitempty"`
	// Browser is the keyed hash of the cookie of the browser that began the
	// flow; empty for flows begun over an API.
	Browser []byte `json:"browser,omitempty"`

	// Invitation is what the flow was begun with: its address is the flow's, and
	// it opens sign-up where that is closed. Empty: none.
	Invitation InvitationID `json:"invitation,omitempty"`
	// Email is the address that was claimed.
	Email Email `json:"email,omitzero"`
	// Username is the name that was claimed, where people go by one.
	Username Username `json:"username,omitzero"`
	// Phone is the number that was given in this flow, E.164.
	Phone string `json:"phone,omitempty"`
	// User is who that is; empty for somebody new, and for somebody unknown.
	User UserID `json:"user,omitempty"`
	// Created: the person came to be in this flow.
	Created bool `json:"created,omitempty"`

	// Primary is how the first factor was proved or chosen; empty before.
	Primary AuthenticatorKind `json:"primary,omitempty"`
	// Secondary is how the second factor was proved; empty before.
	Secondary AuthenticatorKind `json:"secondary,omitempty"`
	// PrimaryBy and SecondaryBy are which ones of the person's ways in these
	// were: another of the same kind proves nothing. Empty for a password,
	// which Credentials tells from the next one.
	PrimaryBy   AuthenticatorID `json:"primary_by,omitempty"`
	SecondaryBy AuthenticatorID `json:"secondary_by,omitempty"`
	// Device is the keyed hash of what the browser keeps to be remembered by;
	// nil for one that keeps nothing.
	Device []byte `json:"device,omitempty"`
	// KeepDevice: the person asked to have the browser remembered.
	KeepDevice bool `json:"keep_device,omitempty"`
	// Credentials is the person's number of that name when the first factor
	// was proved; with another one the proof counts no more.
	Credentials int64 `json:"credentials,omitempty"`
	// PasswordHash is the password that somebody new has chosen.
	PasswordHash string `json:"password_hash,omitempty"`
	// Breached: the password that proved the first factor is known to others.
	Breached bool `json:"breached,omitempty"`
	// PasskeyChallenge is what a passkey is to sign, issued last and not used.
	PasskeyChallenge *PasskeyChallenge `json:"passkey_challenge,omitempty"`
	// NewUser is the id that somebody new will have, once their authenticator
	// was told it.
	NewUser UserID `json:"new_user,omitempty"`
	// NewPasskey is the passkey that somebody new has chosen.
	NewPasskey *NewPasskey `json:"new_passkey,omitempty"`
	// NewIdentity is who somebody new is in the words of the provider through
	// which they come.
	NewIdentity *ProviderIdentity `json:"new_identity,omitempty"`
	// Trips says how many answers of each provider were taken so far, by its
	// name: each of them may be brought once, and the next is another one.
	Trips map[string]int `json:"trips,omitempty"`
	// Unsolicited is what a provider said before this flow began, where that is
	// what it was begun with.
	Unsolicited *Unsolicited `json:"unsolicited,omitempty"`
	// PasskeyAdded: a passkey was added once all was proved.
	PasskeyAdded bool `json:"passkey_added,omitempty"`
	// UserVerified: the passkey that proved the first factor made sure of who
	// holds it, so that it stands for two (NIST SP 800-63B-4 section 3.1.7.2).
	UserVerified bool `json:"user_verified,omitempty"`
	// EmailProved is the key of the address whose mailbox was proved here.
	EmailProved string `json:"email_proved,omitempty"`
	// PhoneProved is the number whose telephone was proved here.
	PhoneProved string `json:"phone_proved,omitempty"`
	// ResetProved: the mailbox was proved in order to choose a new password.
	ResetProved bool `json:"reset_proved,omitempty"`
	// CaptchaPassed: the captcha of the pool was solved in this flow.
	CaptchaPassed bool `json:"captcha_passed,omitempty"`
	// Profile is what was filled in; nil before.
	Profile Profile `json:"profile,omitempty"`
	// ProfileDone: the profile form was answered.
	ProfileDone bool `json:"profile_done,omitempty"`

	// Seeds is how many other seeds for one-time passwords were asked for; each
	// is computed from the flow and this number, and kept nowhere.
	Seeds int `json:"seeds,omitempty"`
	// Enrolling is what was proved and is not yet stored with its person.
	Enrolling *Enrolment `json:"enrolling,omitempty"`
	// Recovery is what the recovery codes that were made in this flow are
	// computed from, for as long as they are shown; empty: they are not.
	Recovery string `json:"recovery,omitempty"`

	// Shown is which version of each agreement the flow last showed, so that a
	// person accepts what they have read and nothing that has taken its place.
	Shown map[AgreementID]int64 `json:"shown,omitempty"`

	// Judged is what the rules about where somebody comes from said last; nil
	// before.
	Judged *Judged `json:"judged,omitempty"`

	// Links are the links that may be sent in this flow, by choice.
	Links map[ChoiceName]Link `json:"links,omitempty"`
	// OneTime is what a one-time flow is about; nil: it is a sign-up or sign-in.
	OneTime *OneTime `json:"one_time,omitempty"`

	// Codes are the newest codes that were sent and not used, by choice.
	Codes map[ChoiceName]SentCode `json:"codes,omitempty"`
}

// Unsolicited is what a provider said of somebody whom nobody had asked about.
type Unsolicited struct {
	Provider string `json:"provider"` // its name
	Ticket   []byte `json:"ticket"`   // the hash of the ticket that keeps it
}

// Authorization is what an application asks for to which a person signs in (RFC
// 6749 section 4.1.1), once it was checked.
type Authorization struct {
	Application ApplicationID `json:"application"`
	// Redirect is the address as the application named it; empty: it named none.
	Redirect string   `json:"redirect,omitempty"`
	Scopes   []string `json:"scopes,omitempty"`
	// Challenge is the base64url of a SHA-256 (RFC 7636 section 4.2); empty for a
	// client that proves otherwise that the code is its own.
	Challenge string `json:"challenge,omitempty"`
	Nonce     string `json:"nonce,omitempty"`
	// Device is the keyed hash of the user code of the device that waits for this;
	// nil: the browser takes a code back to the application.
	Device []byte `json:"device,omitempty"`
	// Ask: the person is asked again, whatever they granted before.
	Ask bool `json:"ask,omitempty"`
	// Granted and Refused are what they said in this flow.
	Granted []string `json:"granted,omitempty"`
	Refused []string `json:"refused,omitempty"`
}

// Given is what the application gets of what it asks for.
func (a Authorization) Given() []string {
	return slices.DeleteFunc(slices.Clone(a.Scopes), func(scope string) bool { return slices.Contains(a.Refused, scope) })
}

// Judged is whom the rules about where somebody comes from were asked about. Of
// another person, or from elsewhere, they are asked again.
type Judged struct {
	User    UserID `json:"user,omitempty"` // empty for somebody new
	Email   string `json:"email,omitempty"`
	Address string `json:"address,omitempty"`
	// Mailbox: the mailbox was proved on the way to the first factor, so that it
	// is no second one.
	Mailbox bool `json:"mailbox,omitempty"`
	// Second: a second factor is asked for, whatever else makes one needless.
	Second bool `json:"second,omitempty"`
}

// Enrolment is a way in that was proved, as it will be stored.
type Enrolment struct {
	ID      AuthenticatorID `json:"id"`
	Secret  string          `json:"secret"` // sealed
	Counter int64           `json:"counter"`
}

// SentCode is a code that a flow sent. Only its keyed hash is stored.
type SentCode struct {
	Hash      []byte    `json:"hash"`
	ExpiresAt time.Time `json:"expires"`
	ResendAt  time.Time `json:"resend"` // before this time no other is sent
	// Before is the last code that left, where no later one did; nil: it is
	// this one, or there is none.
	Before *CodeBefore `json:"before,omitempty"`
}

// CodeBefore is a code that is still good, because none left in its place.
type CodeBefore struct {
	Hash      []byte    `json:"hash"`
	ExpiresAt time.Time `json:"expires"`
}

// Link is a link that a flow sends by mail.
type Link struct {
	State    string    `json:"state"`           // what the application recognises the link by
	Sent     bool      `json:"sent,omitempty"`  // at least once
	ResendAt time.Time `json:"resend,omitzero"` // before this time it is not sent again
}

// Allows reports whether the flow may be of this type.
func (f Facts) Allows(t FlowType) bool {
	for _, a := range f.Allowed {
		if a == t {
			return true
		}
	}
	return false
}
