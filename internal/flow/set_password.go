package flow

import (
	"context"
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// setPassword chooses a new password, once the mailbox was proved for that, or
// once the one that is due for a change was given. It counts as the first
// factor and as no other.
type setPassword struct {
	passwords *directory.Passwords
}

func (setPassword) Prompt(t Turn) *Prompt {
	if t.User == nil || (!t.Facts.ResetProved && !needsNewPassword(t)) {
		return nil
	}
	return &Prompt{Policy: true}
}

func (c setPassword) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	event := core.EventPasswordReset
	if needsNewPassword(t) {
		event = core.EventPasswordChanged
		if err := c.passwords.Differ(ctx, t.Caller, t.User.ID, a.Password, "/data/password"); err != nil {
			return nil, err
		}
	}
	phc, err := c.passwords.Hash(ctx, t.Settings, a.Password, "/data/password", directory.OwnWords(*t.User, t.Settings)...)
	if err != nil {
		return nil, err
	}
	if t.User.Disabled {
		return nil, core.Fail(core.CodeDisabled, "This account is disabled.")
	}
	put := core.Authenticator{ID: core.NewAuthenticatorID(), User: t.User.ID, Secret: phc}
	notice := core.Message{ID: core.NewMessageID(), Template: "password_changed", To: t.User.Email, Values: map[string]string{"email": t.User.Email}}
	return func(tx *store.Tx, t *Turn) error {
		if err := t.stillHolds(tx); err != nil {
			return err
		}
		seen := t.Facts.Credentials
		if !t.has(core.AuthenticatorPassword, false) {
			t.Factors = append(slices.Clone(t.Factors), Factor{Kind: core.AuthenticatorPassword})
		}
		t.Facts.Primary, t.Due, t.Facts.Breached = core.AuthenticatorPassword, false, false
		t.Facts.Credentials, t.User.Credentials = seen+1, seen+1
		if t.Facts.ResetProved {
			// Who recovered is not locked out any more, whatever comes next.
			if err := tx.Forgive(string(t.User.ID)); err != nil {
				return err
			}
		}
		return directory.Replace(tx, t.Settings, put, seen, "", notice, event)
	}, nil
}

func (setPassword) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }
