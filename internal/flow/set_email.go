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

func (setEmail) Answer(_ context.Context, _ Turn, a Answer) (Effect, error) {
	email, ok := core.ParseEmail(a.Email)
	if !ok {
		return nil, core.Invalid(core.Problem{Code: core.ProblemEmail, Pointer: "/data/email", Detail: "This is not an e-mail address."})
	}
	return func(tx *store.Tx, t *Turn) error {
		t.Facts.Email = email
		user, err := tx.UserByEmail(email.Key)
		if core.Is(err, core.CodeNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if !t.Facts.Concealed && !t.Facts.Allows(core.FlowSignin) {
			return taken("/data/email", "This e-mail address is taken.")
		}
		return t.identify(tx, user.ID)
	}, nil
}

func (setEmail) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }
