package flow

import (
	"context"
	"slices"

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
	var needed []core.ChoiceName
	if slices.Contains(t.Settings.SigninPrimary, core.AuthenticatorSMSOTP) || slices.Contains(t.Settings.SigninSecondary, core.AuthenticatorSMSOTP) {
		needed = []core.ChoiceName{core.ChoiceSMSOTP}
	}
	return &Prompt{RequiredFor: needed}
}

func (setPhone) Answer(_ context.Context, t Turn, a Answer) (Effect, error) {
	phone, err := t.readPhone(a.Phone)
	if err != nil {
		return nil, err
	}
	return func(_ *store.Tx, t *Turn) error {
		t.Facts.Phone = phone
		return nil
	}, nil
}

func (setPhone) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }
