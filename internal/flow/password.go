package flow

import (
	"context"
	"slices"

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
	offered, enroll := t.offersFirst(core.AuthenticatorPassword)
	if !offered {
		return nil
	}
	return &Prompt{Enrollment: enroll, Policy: true, NeedEmail: t.needsEmail()}
}

func (c password) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	if t.signingUp() {
		return c.choose(ctx, t, a)
	}
	if t.enrolsFirst() {
		return c.enrol(ctx, t, a)
	}
	settle, err := c.passwords.Check(ctx, t.Caller, t.Settings, t.person(), a.Password)
	if err != nil {
		return nil, err
	}
	if t.User.Disabled {
		return nil, core.Fail(core.CodeDisabled, "This account is disabled.")
	}
	breached, err := c.passwords.Breached(ctx, t.Settings, a.Password)
	if err != nil {
		return nil, err
	}
	return func(tx *store.Tx, t *Turn) error {
		t.Facts.Primary, t.Facts.Credentials, t.Facts.Breached, t.settling = core.AuthenticatorPassword, t.User.Credentials, breached, settle
		return t.stillHolds(tx)
	}, nil
}

func (c password) choose(ctx context.Context, t Turn, a Answer) (Effect, error) {
	take, err := t.takeEmail(a)
	if err != nil {
		return nil, err
	}
	phc, err := c.passwords.Hash(ctx, t.Settings, a.Password, "/data/password", append(directory.OwnWords(core.User{Email: t.Facts.Email.Text, Username: t.Facts.Username.Text, Profile: t.Facts.Profile}, t.Settings), a.Email)...)
	if err != nil {
		return nil, err
	}
	return func(tx *store.Tx, t *Turn) error {
		if take != nil {
			if err := take(tx, t); err != nil {
				return err
			}
		}
		t.Facts.Primary, t.Facts.PasswordHash = core.AuthenticatorPassword, phc
		return nil
	}, nil
}

// enrol chooses the first password of somebody who has none, and has proved
// their mailbox.
func (c password) enrol(ctx context.Context, t Turn, a Answer) (Effect, error) {
	phc, err := c.passwords.Hash(ctx, t.Settings, a.Password, "/data/password", directory.OwnWords(*t.User, t.Settings)...)
	if err != nil {
		return nil, err
	}
	if t.User.Disabled {
		return nil, core.Fail(core.CodeDisabled, "This account is disabled.")
	}
	put := core.Authenticator{ID: core.NewAuthenticatorID(), User: t.User.ID, Secret: phc}
	return func(tx *store.Tx, t *Turn) error {
		if err := t.enrolOnce(tx); err != nil {
			return err
		}
		t.Facts.Primary = core.AuthenticatorPassword
		t.Factors = append(slices.Clone(t.Factors), Factor{Kind: core.AuthenticatorPassword})
		if err := tx.PutPassword(put); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventFactorAdded, Target: string(t.User.ID), Data: map[string]string{"kind": string(core.AuthenticatorPassword), "factor": "first"}})
	}, nil
}

func (password) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }
