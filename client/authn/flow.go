package authn

import (
	"context"
	"errors"
)

// FlowService signs people up and in, in steps that the application shows. A
// service or a client token will do for it.
type FlowService struct{ t *transport }

// FlowType is what a flow can be for.
type FlowType string

// The types of flow.
const (
	FlowSignup FlowType = "signup"
	FlowSignin FlowType = "signin"

	FlowOneTime FlowType = "one_time" // checks something that is about no person: see OneTimeAuth
)

// FlowPhase is where a flow is.
type FlowPhase string

// The phases that a flow can wait in.
const (
	PhasePrimary     FlowPhase = "phase_primary"       // who somebody is, and the proof of it
	PhaseCaptcha     FlowPhase = "phase_captcha"       // somebody new shows that they are no program
	PhaseProfile     FlowPhase = "phase_profile"       // what sign-up asks for
	PhaseVerifyEmail FlowPhase = "phase_verify_email"  // the mailbox is to be proved
	PhaseSetPassword FlowPhase = "phase_set_password"  // a new password is due
	PhaseSecondary   FlowPhase = "phase_secondary"     // the second proof of who somebody is
	PhaseAgreements  FlowPhase = "phase_agreements"    // what the pool asks people to accept
	PhaseConsent     FlowPhase = "phase_oauth_consent" // what an application may have
	PhaseOneTime     FlowPhase = "phase_one_time"      // of a one-time flow: one of its proofs
	PhaseCompleted   FlowPhase = "phase_completed"     // nothing is left but FlowService.Complete
)

// FlowState is a flow, as it is after each step.
type FlowState struct {
	FlowID         string          `json:"flow_id"`
	FlowTypes      []FlowType      `json:"flow_type"` // what was asked for, and one alone once somebody is known
	UsernameFormat string          `json:"username_format"`
	Username       string          `json:"username,omitempty"` // once it is known, as Email
	Email          string          `json:"email,omitempty"`
	Phone          string          `json:"phone,omitempty"`
	Disclaimer     string          `json:"disclaimer,omitempty"`      // what people are to read; "" for nothing
	ConditionalMFA *ConditionalMFA `json:"conditional_mfa,omitempty"` // nil: browsers are not remembered
	RememberUser   string          `json:"remember_user,omitempty"`   // not "": offer to remember the username; "check": chosen from the start
	Phase          FlowPhase       `json:"flow_phase"`
	Choices        FlowChoices     `json:"flow_choices"` // what can be answered now
}

// ConditionalMFA tells that a second factor is asked for once in a browser, if
// the person wishes so: see FlowStartRequest.DeviceID.
type ConditionalMFA struct {
	StrictMode bool `json:"strict_mode"` // only while the browser comes from the same address
	Lifetime   int  `json:"lifetime"`    // for so many days
}

// FlowStartRequest begins a flow. The zero value asks for the address first.
type FlowStartRequest struct {
	Email       string     `json:"email,omitempty"`
	Username    string     `json:"username,omitempty"`
	CallbackURI string     `json:"cb_uri,omitempty"`     // where links in mails lead back to; must be registered with the pool
	FlowTypes   []FlowType `json:"flow_types,omitempty"` // both if there are none
	Invitation  string     `json:"invitation,omitempty"` // the ticket of one
	DeviceID    string     `json:"device_id,omitempty"`  // a random UUID that the browser keeps, if it was remembered by it

	// SAMLTicket is what the browser brought from a SAML provider that somebody
	// began at; see [SAMLChoice].
	SAMLTicket string `json:"saml_idp_initiated_ticket,omitempty"`

	// ClientID is the application to which somebody signs in by OAuth, if to any:
	// its redirects count for CallbackURI then, and the tokens are for it. One that
	// keeps a secret needs a service token.
	ClientID string `json:"client_id,omitempty"`

	// OneTimeAuths is what a flow of the type FlowOneTime takes, any one of
	// them. It needs a service token, as its completion does.
	OneTimeAuths []OneTimeAuth `json:"one_time_auths,omitempty"`
}

// OneTimeAuth is a proof that a one-time flow takes, such as of who opens a link
// that was shared: a mailbox, a telephone or a password.
type OneTimeAuth struct {
	AuthType AuthenticatorType `json:"auth_type"` // email_otp, sms_otp or password
	Email    string            `json:"email,omitempty"`
	Phone    string            `json:"phone,omitempty"`
	Password string            `json:"password,omitempty"`
}

// Start begins a flow. It calls /v2/flow/start.
func (s FlowService) Start(ctx context.Context, r FlowStartRequest) (*FlowState, error) {
	return result[FlowState](ctx, s.t, "v2/flow/start", r)
}

// FlowUpdateRequest answers one of the choices that a flow offers.
type FlowUpdateRequest struct {
	FlowID string
	Answer FlowAnswer // nil only looks: it changes nothing and returns the state
}

// flowStep is an update or a restart on the wire.
type flowStep struct {
	FlowID string `json:"flow_id"`
	Choice Choice `json:"choice"`
	Data   any    `json:"data"`
}

// Update answers a choice. After an error the flow is where it was and can go
// on. A choice that is not offered is the problem BadState at /choice; a wrong
// password is [StatusAuthenticationFailure]; a flow that is unknown, completed
// or too old is [StatusNotFound]. It calls /v2/flow/update.
func (s FlowService) Update(ctx context.Context, r FlowUpdateRequest) (*FlowState, error) {
	step := flowStep{FlowID: r.FlowID, Data: struct{}{}}
	if r.Answer != nil {
		step.Choice, step.Data = r.Answer.Answers(), r.Answer
		if other, ok := r.Answer.(OtherAnswer); ok {
			step.Data = other.Data
			if other.Data == nil {
				step.Data = struct{}{}
			}
		}
	}
	return result[FlowState](ctx, s.t, "v2/flow/update", step)
}

// FlowRestartRequest begins one choice again: it has a link or a code sent, for
// the first time or once more.
type FlowRestartRequest struct {
	FlowID string
	Choice Choice
	Email  string // where to send to, if it is not known from the flow
	Phone  string // the same of a text message, with country code
}

// Restart begins a choice again. One that sends nothing stays as it is, and so
// does one that has sent already, until its ResendTime. It calls
// /v2/flow/restart.
func (s FlowService) Restart(ctx context.Context, r FlowRestartRequest) (*FlowState, error) {
	return result[FlowState](ctx, s.t, "v2/flow/restart", flowStep{r.FlowID, r.Choice, struct {
		Email string `json:"email,omitempty"`
		Phone string `json:"phone,omitempty"`
	}{r.Email, r.Phone}})
}

// FlowCompleteRequest ends a flow.
type FlowCompleteRequest struct {
	FlowID string `json:"flow_id"`
	// DeviceID is a random UUID (version 4) by which the browser is remembered
	// from now on, if the person gave a second factor and wishes so. Whoever has
	// it needs none the next time. "": the browser is not remembered.
	DeviceID string `json:"device_id,omitempty"`
}

// Complete ends a flow in [PhaseCompleted] and gives the tokens, once. A one-time
// flow has none: see [FlowService.CompleteOneTime]. It calls /v2/flow/complete.
func (s FlowService) Complete(ctx context.Context, r FlowCompleteRequest) (*Tokens, error) {
	got, err := result[Tokens](ctx, s.t, "v2/flow/complete", r)
	if err == nil && got.ActiveToken.Token == "" {
		return nil, errors.New("authn: the flow gave no tokens: it was a one-time flow, which CompleteOneTime ends")
	}
	return got, err
}

// CompleteOneTime ends a flow of the type FlowOneTime in [PhaseCompleted] and
// tells which proof was given, once. It needs a service token: there is no token
// that a browser could show instead. It calls /v2/flow/complete.
func (s FlowService) CompleteOneTime(ctx context.Context, r FlowCompleteRequest) (*OneTimeAuth, error) {
	got, err := result[struct {
		OneTime *OneTimeAuth `json:"one_time"`
	}](ctx, s.t, "v2/flow/complete", FlowCompleteRequest{FlowID: r.FlowID})
	if err == nil && got.OneTime == nil {
		err = errors.New("authn: this was a sign-in, which Complete ends")
	}
	if err != nil {
		return nil, err
	}
	return got.OneTime, nil
}
