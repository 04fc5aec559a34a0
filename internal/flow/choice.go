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
	Password bool       // the person has one
	Due      bool       // and it is due for a change
	Now      time.Time
	// Agreements are the active ones of the kinds that the pool requires.
	Agreements []core.Agreement
}

// Prompt is what a choice shows, in one flat shape for all choices and faces.
// Which fields a choice uses stands beside each.
type Prompt struct {
	Choice      core.ChoiceName
	RequiredFor []core.ChoiceName   // set_email
	Enrollment  bool                // password: it is chosen, not compared
	Policy      bool                // password, set_password: the pool's rules are shown
	Link        *LinkPrompt         // verify_email, reset_password
	Fields      []core.ProfileField // profile
	Agreements  []core.Agreement    // agreements: what is still to be accepted
}

// LinkPrompt is what is shown of a link that is sent by mail.
type LinkPrompt struct {
	Sent     bool
	ResendAt time.Time // zero before the first time
	State    string    // by which an application recognises the link
}

// Answer is what a person gives, in one flat shape for all choices and faces.
type Answer struct {
	Choice   core.ChoiceName
	Email    string            // set_email; elsewhere it may only repeat the flow's own
	Password secret.Text       // password, set_password
	State    string            // verify_email, reset_password: with Code, from the link
	Code     string            // verify_email, reset_password
	Profile  map[string]string // profile
	Agreed   []Agreed          // agreements
}

// signingUp reports whether the flow makes somebody new. In a concealed flow
// that is what was asked for, until a proof shows otherwise; elsewhere it also
// takes that nobody has the address.
func (t Turn) signingUp() bool {
	if t.Facts.Email.Key == "" || !t.Facts.Allows(core.FlowSignup) || !t.signupOpen() {
		return false
	}
	if t.Facts.Concealed {
		return !t.Facts.Allows(core.FlowSignin)
	}
	return t.User == nil
}

// signupOpen reports whether somebody new may come by this flow.
func (t Turn) signupOpen() bool { return t.Settings.SignupEnabled || t.Facts.Invitation != "" }

// types is what the flow may still be, as it may be told.
func (t Turn) types() []core.FlowType {
	switch {
	case t.Facts.Email.Key == "" || t.Facts.Concealed:
		return t.Facts.Allowed
	case t.signingUp() || t.Facts.Created:
		return []core.FlowType{core.FlowSignup}
	default:
		return []core.FlowType{core.FlowSignin}
	}
}

// claimed is whose password an answer is compared with.
func (t Turn) claimed() directory.Person {
	who := directory.Person{Claim: t.Facts.Email.Key}
	if t.User != nil {
		who.User, who.Credentials = t.User.ID, t.User.Credentials
	}
	return who
}

// mailboxProved reports whether the claimed address was proved in this flow.
func (t Turn) mailboxProved() bool {
	return t.Facts.EmailProved != "" && t.Facts.EmailProved == t.Facts.Email.Key
}

// sameAddress refuses an answer that brings another address than the flow is
// about: another person is another flow.
func (t Turn) sameAddress(a Answer) error {
	if a.Email == "" || a.Choice == core.ChoiceSetEmail {
		return nil
	}
	if email, ok := core.ParseEmail(a.Email); !ok || email.Key != t.Facts.Email.Key {
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
