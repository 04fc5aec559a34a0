package flow

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// setPhone takes the telephone number of somebody new, where the pool asks for
// one. Nobody has to give it, and nothing is proved by it.
type setPhone struct{}

func (setPhone) Prompt(t Turn) *Prompt {
	if !t.Settings.SignupPhone || !t.identified() || !t.signingUp() || t.Facts.Phone != "" {
		return nil
	}
	return &Prompt{}
}

func (setPhone) Answer(_ context.Context, _ Turn, a Answer) (Effect, error) {
	phone, ok := core.ParsePhone(a.Phone)
	if !ok {
		return nil, core.Invalid(core.Problem{Code: core.ProblemFormat, Pointer: "/data/phone", Detail: "This is not a telephone number."})
	}
	return func(_ *store.Tx, t *Turn) error {
		t.Facts.Phone = phone
		return nil
	}, nil
}

func (setPhone) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }
