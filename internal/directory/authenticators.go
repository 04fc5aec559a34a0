package directory

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Authenticators lists the ways in which a person proves who they are, oldest
// first. It returns [core.CodeNotFound] for nobody.
func (d *Directory) Authenticators(ctx context.Context, caller core.Caller, ref core.UserRef) ([]core.Authenticator, error) {
	var all []core.Authenticator
	err := d.store.As(caller).View(ctx, func(tx *store.Tx) error {
		user, err := Find(tx, ref)
		if err != nil {
			return err
		}
		all, err = tx.Authenticators(user.ID)
		return err
	})
	return all, err
}

// RemoveAuthenticator takes one of the ways in from a person, who enrols again
// at the next sign-in. It returns [core.CodeNotFound] for nobody, and for an
// authenticator that is not theirs.
func (d *Directory) RemoveAuthenticator(ctx context.Context, caller core.Caller, settings core.Settings, ref core.UserRef, id core.AuthenticatorID) error {
	return d.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		user, err := Find(tx, ref)
		if err != nil {
			return err
		}
		kind, err := tx.DeleteAuthenticator(user.ID, id)
		if err != nil {
			return err
		}
		// Whoever had it may have had a browser remembered with it.
		if _, err := tx.ForgetDevices(user.ID); err != nil {
			return err
		}
		if kind == core.AuthenticatorPassword {
			if err := endSessions(tx, settings, user.ID, ""); err != nil {
				return err
			}
		}
		return tx.Record(core.Event{Name: core.EventFactorRemoved, Target: string(user.ID), Data: map[string]string{"kind": string(kind), "authenticator": string(id)}})
	})
}

// ExpirePassword declares a person's password due for a change: after the next
// sign-in with it they choose another. Their sessions end if the pool says so.
// Somebody without a password chooses one anyway. It returns
// [core.CodeNotFound] for nobody.
func (d *Directory) ExpirePassword(ctx context.Context, caller core.Caller, settings core.Settings, id core.UserID) error {
	return d.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		user, err := tx.User(id)
		if err != nil {
			return err
		}
		expired, err := tx.ExpirePassword(user.ID)
		if err != nil || !expired {
			return err
		}
		if err := endSessions(tx, settings, user.ID, ""); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventPasswordExpired, Target: string(user.ID)})
	})
}

// endSessions ends a person's sessions, except for one, where the pool wants
// that of a change to the password.
func endSessions(tx *store.Tx, settings core.Settings, user core.UserID, spare core.SessionID) error {
	if !settings.PasswordEndsOthers {
		return nil
	}
	_, err := tx.EndSessionsOf(user, spare)
	return err
}
