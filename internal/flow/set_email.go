package flow

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// setEmail asks who it is. It is not asked again: another person is another
// flow.
type setEmail struct{}

func (setEmail) Prompt(t Turn) *Prompt {
	if t.Facts.Email.Key != "" || t.identified() || (t.byName() && !t.signupOnly()) {
		return nil
	}
	return &Prompt{RequiredFor: t.requireIdentifier()}
}

func (setEmail) Answer(_ context.Context, t Turn, a Answer) (Effect, error) {
	email, ok := core.ParseEmail(a.Email)
	if !ok {
		return nil, core.Invalid(core.Problem{Code: core.ProblemEmail, Pointer: "/data/email", Detail: "This is not an e-mail address."})
	}
	// In a flow that can only be a sign-up, the domain alone is looked at: the
	// refusal says nothing about who is there, concealed or not.
	if t.keepsOut(email) && !t.Facts.Allows(core.FlowSignin) {
		return nil, wrongDomain()
	}
	return func(tx *store.Tx, t *Turn) error {
		t.Facts.Email = email
		user, err := tx.UserByEmail(email.Key)
		if core.Is(err, core.CodeNotFound) {
			if t.keepsOut(email) && t.Facts.Allows(core.FlowSignup) && !t.Facts.Concealed {
				return wrongDomain()
			}
			return nil
		}
		if err != nil {
			return err
		}
		if !t.Facts.Concealed && !t.Facts.Allows(core.FlowSignin) {
			return taken("/data/email", "This e-mail address is taken.")
		}
		return t.identify(tx, user)
	}, nil
}

// keepsOut reports whether the domain of an address, and nothing else, keeps
// somebody with it from signing up: by the pool's list, or because sign-up is
// closed to it and open to others.
func (t Turn) keepsOut(email core.Email) bool {
	if t.Facts.Invitation != "" {
		return false
	}
	if s := t.Pool.Settings.For(email); s.SignupEnabled {
		return !s.TakesDomain(email)
	}
	return email.Key != "" && t.Pool.Settings.SignupPossible()
}

// wrongDomain refuses an address whose domain is kept out.
func wrongDomain() error {
	const detail = "People with an e-mail address of this domain cannot sign up by themselves here."
	return &core.Error{Code: core.CodeSignupClosed, Detail: detail, Fields: []core.Problem{{Code: core.ProblemPolicy, Pointer: "/data/email", Detail: detail}}}
}

func (setEmail) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }
