package flow

import (
	"context"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Choice is one way to go on in a flow. Each has a file of its own.
type Choice interface {
	// Prompt says what to show, or nil when the choice is not on offer. It
	// only looks at the turn.
	Prompt(t Turn) *Prompt
	// Answer checks what a person gave. It may be slow: no transaction is
	// open. What it proved is written by the effect that it returns; a nil
	// effect changes nothing.
	Answer(ctx context.Context, t Turn, a Answer) (Effect, error)
	// Restart begins the choice again, with a new link or code.
	Restart(ctx context.Context, t Turn, a Answer) (Effect, error)
}

// Effect writes what was proved. It may run more than once, each time on a
// fresh copy of the turn, whose facts and person it may change.
type Effect func(tx *store.Tx, t *Turn) error

// Turn is what a choice looks at: a flow with everything that it hangs on.
type Turn struct {
	Caller   core.Caller
	Pool     core.Pool
	Settings core.Settings
	Flow     core.Flow // without its facts, which are beside it
	Facts    core.Facts
	User     *core.User // nil for somebody new, and for somebody unknown
	Factors  []Factor   // the ways in that the person has
	Due      bool       // their password is due for a change
	Known    bool       // they had this browser remembered
	Now      time.Time
	Party    core.RelyingParty    // whom passkeys are for
	Passkeys []core.Authenticator // those that the person has for it
	// Agreements are the active ones of the kinds that the pool requires.
	Agreements []core.Agreement
	settling   directory.Settle // what forgets the tries of whoever has just proved a factor; nil: nothing does
	Recovery   int              // how many recovery codes the person has, with a factor that they stand for

	// Application is that to which they sign in by OAuth 2.0, if to any, and
	// Consents what they let it have before.
	Application core.Application
	Consents    []string
}

// Prompt is what a choice shows, in one flat shape for all choices and faces.
// Which fields a choice uses stands beside each.
type Prompt struct {
	Choice      core.ChoiceName
	RequiredFor []core.ChoiceName   // set_email, set_username, set_phone
	Given       bool                // set_email, set_phone of a one-time flow: there is one, which may be given anew
	Enrollment  bool                // password, email_otp, magic_link, sms_otp, totp, recovery_code, passkey: it is new to the person
	NeedEmail   bool                // the same: an address has to come with it
	NeedPhone   bool                // sms_otp: a number has to come with it
	Policy      bool                // password, set_password: the pool's rules are shown
	Link        *LinkPrompt         // verify_email, reset_password, magic_link, provisional_enrollment
	Code        *CodePrompt         // email_otp, sms_otp
	Fields      []core.ProfileField // profile
	Agreements  []core.Agreement    // agreements: what is still to be accepted
	Scopes      []core.Scope        // oauth_consent: what is still to be said yes or no to
	Seed        *SeedPrompt         // totp, while it is new
	Codes       []secret.Text       // recovery_code, while they are new
	Passkey     *PasskeyPrompt      // passkey
	Captcha     *CaptchaPrompt      // captcha
	Providers   []ProviderPrompt    // social, saml: one at least
}

// ProviderPrompt is one provider through which somebody may come in.
type ProviderPrompt struct {
	Name       string
	Title      string // for people
	Enrollment bool   // it is new to the person
	State      string // by which its answer is known to be one to this flow
	// Bridge is the address of the page of ours that leads there, as
	// [ProviderPage] continues it. Empty: the provider has said already who it
	// is, and the answer needs its name and the state alone.
	Bridge string
}

// CaptchaPrompt is what somebody new has to solve.
type CaptchaPrompt struct {
	Provider string // one of the values of signup.captcha
	SiteKey  string // of the pool at a service; empty for a proof of work
	Action   string // what a service is to say it was solved for; empty: anything
	Work     *Work  // nil where a service makes the captcha
}

// Work is a proof of work as ALTCHA has it, version 1: the number from 0 to
// MaxNumber is to be found that, in decimal digits behind the salt, has
// Challenge for its SHA-256 in hexadecimal.
type Work struct {
	Algorithm string
	Challenge string
	Salt      string
	Signature string
	MaxNumber int64
}

// SeedPrompt is what a person's program for one-time passwords is given.
type SeedPrompt struct {
	Secret  secret.Text // base32 (RFC 4648 section 6)
	Issuer  string      // who asks for the codes
	Account string      // what the person goes by
}

// Address is the same for a QR code.
func (p SeedPrompt) Address() string { return secret.TOTPAddress(p.Secret, p.Issuer, p.Account) }

// LinkPrompt is what is shown of a link that is sent by mail.
type LinkPrompt struct {
	Sent     bool
	ResendAt time.Time // zero before the first time
	State    string    // by which an application recognises the link
}

// PasskeyPrompt is what is shown of a passkey's ceremony.
type PasskeyPrompt struct {
	// Discovery: nobody is named yet, and the passkey says who it is.
	Discovery bool
	// Options is what a browser's credentials.create or credentials.get takes
	// as publicKey, as JSON (WebAuthn Level 3 sections 5.1.8 and 5.1.9); nil
	// before the choice was begun.
	Options []byte
	// Handle is the user handle of the options, whose id is base64url of it. A
	// face may put another prefix before it.
	Handle core.UserID
}

// CodePrompt is what is shown of a code that is sent.
type CodePrompt struct {
	Sent     bool
	ResendAt time.Time // zero before the first time
}

// Answer is what a person gives, in one flat shape for all choices and faces.
type Answer struct {
	Choice   core.ChoiceName
	Email    string            // set_email, and where the prompt needs one; else it may only repeat the flow's own
	Username string            // set_username
	Phone    string            // set_phone; sms_otp, where the prompt needs one
	Password secret.Text       // password, set_password
	State    string            // verify_email, reset_password, magic_link, provisional_enrollment: with Code, from the link
	Code     string            // the same; email_otp, sms_otp, totp, recovery_code; captcha: what solves it
	Profile  map[string]string // profile
	Agreed   []Agreed          // agreements
	Scopes   []ScopeAnswer     // oauth_consent
	Keep     bool              // with a second factor: the browser is to be remembered
	Passkey  []byte            // passkey: a PublicKeyCredential as JSON (WebAuthn Level 3 section 5.1)
	Provider string            // social, saml: its name, or its tail
	URI      string            // social: where the browser came back, with all that it brought; State is the one in it
}

// rule has the turn go by the settings for the domain of the flow's address:
// of the person's own once they may be known, else of the one that was claimed.
// It is called whenever either may have changed, and nowhere else are settings
// of a domain looked at.
func (t *Turn) rule() {
	if len(t.Pool.Settings.ByDomain) == 0 {
		return
	}
	email := t.Facts.Email
	if t.User != nil && (!t.Facts.Concealed || t.Facts.Primary != "") {
		email, _ = core.ParseEmail(t.User.Email)
	}
	t.Settings = t.Pool.Settings.For(email)
}

// byName reports whether people go by something else than their address.
func (t Turn) byName() bool { return t.Settings.UsernameFormat != core.UsernameEmail }

// signupOnly reports whether the flow was begun in order to sign up, and
// conceals who is there.
func (t Turn) signupOnly() bool { return t.Facts.Concealed && !t.Facts.Allows(core.FlowSignin) }

// claimed reports whether anything was said about who it is.
func (t Turn) claimed() bool { return t.Facts.Email.Key != "" || t.Facts.Username.Key != "" }

// identified reports whether enough was said about who it is. Where people go
// by a name, who signs up needs one; who signs in may give their address.
func (t Turn) identified() bool {
	return t.Facts.Username.Key != "" || (t.Facts.Email.Key != "" && (!t.byName() || !t.signingUp()))
}

// signingUp reports whether the flow makes somebody new. In a concealed flow
// that is what was asked for, until a proof shows otherwise; elsewhere it also
// takes that nobody goes by what was claimed.
func (t Turn) signingUp() bool {
	if !t.claimed() || !t.Facts.Allows(core.FlowSignup) || !t.signupOpen() {
		return false
	}
	if t.Facts.Concealed {
		return !t.Facts.Allows(core.FlowSignin)
	}
	return t.User == nil
}

// requireIdentifier lists the first factors that need to know who it is. A
// passkey does not, but where it is all that there is.
func (t Turn) requireIdentifier() []core.ChoiceName {
	var names []core.ChoiceName
	for _, kind := range t.Settings.SigninPrimary {
		if kind != core.AuthenticatorPasskey || len(t.Settings.SigninPrimary) == 1 {
			names = append(names, core.ChoiceName(kind))
		}
	}
	return names
}

// signupOpen reports whether somebody new may come by this flow: an invitation
// is the application's word, and passes the pool's lists.
func (t Turn) signupOpen() bool {
	return t.Facts.Invitation != "" || t.Settings.SignupEnabled && !t.keepsOut(t.Facts.Email)
}

// types is what the flow may still be, as it may be told.
func (t Turn) types() []core.FlowType {
	switch {
	case t.Facts.OneTime != nil || !t.claimed() || t.Facts.Concealed:
		return t.Facts.Allowed
	case t.signingUp() || t.Facts.Created:
		return []core.FlowType{core.FlowSignup}
	default:
		return []core.FlowType{core.FlowSignin}
	}
}

// person is whose tries are counted.
func (t Turn) person() directory.Person {
	who := directory.Person{Claim: t.Facts.Email.Key}
	if who.Claim == "" {
		who.Claim = t.Facts.Username.Key
	}
	if t.User != nil {
		who.User, who.Credentials = t.User.ID, t.User.Credentials
	}
	return who
}

// redirect is where the flow ends: where its application asked, else where the
// pool says for what it is.
func (t Turn) redirect() string {
	if t.Facts.Redirect != "" || t.forDevice() {
		return t.Facts.Redirect
	}
	return t.Settings.DefaultRedirect(t.types())
}

// linkRedirect is where a link leads that was sent to pages of the application.
func (t Turn) linkRedirect(choice core.ChoiceName) string {
	usual := map[core.ChoiceName]string{core.ChoiceVerifyEmail: t.Settings.RedirectsVerify, core.ChoiceResetPassword: t.Settings.RedirectsReset}
	if own := usual[choice]; own != "" && t.Facts.Redirect == "" {
		return own
	}
	return t.redirect()
}

// sameAddress refuses an answer that brings another address than the flow is
// about: another person is another flow.
func (t Turn) sameAddress(a Answer) error {
	if a.Email == "" || a.Choice == core.ChoiceSetEmail || t.choosesEmail() {
		return nil
	}
	if email, ok := core.ParseEmail(a.Email); !ok || email.Key != t.mailKey() {
		return core.Invalid(core.Problem{Code: core.ProblemState, Pointer: "/data/email", Detail: "The address of this flow cannot be changed."})
	}
	return nil
}

// stillHolds refuses to go on from a proof that counts no more: the person has
// chosen a new password since, or was disabled.
func (t Turn) stillHolds(tx *store.Tx) error {
	user, err := tx.User(t.User.ID)
	if core.Is(err, core.CodeNotFound) || (err == nil && user.Credentials != t.Facts.Credentials) {
		return core.Fail(core.CodeFlowEnded, "The account has changed since this flow was begun. Start a new one.")
	}
	return err
}

// nothing is the restart of a choice that has nothing to begin again.
func nothing() (Effect, error) { return nil, nil }
