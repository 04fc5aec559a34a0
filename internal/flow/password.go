package flow

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// password is the first factor that most people have: somebody new chooses
// one, somebody known gives theirs. Where nobody is known under the address
// and nobody new may come, it is asked for all the same, and is wrong.
type password struct {
	passwords *directory.Passwords
}

func (password) Prompt(t Turn) *Prompt {
	switch {
	case t.Facts.Email.Key == "" || t.Facts.ResetProved:
		return nil
	case t.signingUp():
		if t.Facts.Concealed && !t.mailboxProved() {
			return nil
		}
		return &Prompt{Enrollment: true, Policy: true}
	case t.User != nil && !t.Password && !t.Facts.Concealed:
		return nil
	}
	return &Prompt{Policy: true}
}

func (c password) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	if t.signingUp() {
		return c.choose(ctx, t, a)
	}
	settle, err := c.passwords.Check(ctx, t.Caller, t.Settings, t.claimed(), a.Password)
	if err != nil {
		return nil, err
	}
	if t.User.Disabled {
		return nil, core.Fail(core.CodeDisabled, "This account is disabled.")
	}
	return func(tx *store.Tx, t *Turn) error {
		t.Facts.Primary, t.Facts.Credentials = core.AuthenticatorPassword, t.User.Credentials
		if err := t.stillHolds(tx); err != nil {
			return err
		}
		return settle(tx)
	}, nil
}

func (c password) choose(ctx context.Context, t Turn, a Answer) (Effect, error) {
	phc, err := c.passwords.Hash(ctx, t.Settings, a.Password, "/data/password", t.Facts.Email.Text, t.Settings.DisplayName)
	if err != nil {
		return nil, err
	}
	return func(_ *store.Tx, t *Turn) error {
		t.Facts.Primary, t.Facts.PasswordHash = core.AuthenticatorPassword, phc
		return nil
	}, nil
}

func (password) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }
