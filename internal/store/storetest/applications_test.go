package storetest_test

import (
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestApplicationsChangeAndGo says what becomes of what belongs to an application.
func TestApplicationsChangeAndGo(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f, other := fill(t, s), fill(t, s)
		changed := f.app
		changed.Name, changed.Client = "Other", core.Client{Grants: []core.GrantKind{core.GrantClient}, Auth: core.ClientAuthBasic}
		update(t, f.bound, func(tx *store.Tx) error { return tx.UpdateApplication(changed) })
		err := f.bound.Update(t.Context(), func(tx *store.Tx) error { return tx.UpdateApplication(changed) })
		if !core.Is(err, core.CodeConflict) {
			t.Errorf("law: of two changes of one version one is refused; got %v", err)
		}
		view(t, f.bound, func(tx *store.Tx) error {
			got, err := tx.Application(f.app.ID)
			same(t, "a changed application", []any{got.Name, got.Client, got.Version, got.UpdatedAt.IsZero(), err}, []any{"Other", changed.Client, int64(2), false, nil})
			return nil
		})
		update(t, f.bound, func(tx *store.Tx) error { return tx.RevokeApplicationSecret(f.app.ID, f.given.ID) })
		view(t, f.bound, func(tx *store.Tx) error {
			secret, err := tx.ApplicationSecret(f.hash)
			if err != nil || secret.Alive(tx.Now()) || secret.RevokedAt.IsZero() {
				t.Errorf("law: a revoked secret is known and not alive; got %+v, %v", secret, err)
			}
			return nil
		})
		update(t, f.bound, func(tx *store.Tx) error { return tx.DeleteApplication(f.app.ID) })
		view(t, f.bound, func(tx *store.Tx) error {
			_, app := tx.Application(f.app.ID)
			_, secret := tx.ApplicationSecret(f.hash)
			_, own := tx.ClientToken(f.hash)
			_, _, session := tx.LiveSession(f.session.ID)
			consents, err := tx.Consents(f.user.ID, f.app.ID)
			if !core.Is(app, core.CodeNotFound) || !core.Is(secret, core.CodeNotFound) || !core.Is(own, core.CodeTokenInvalid) || !core.Is(session, core.CodeTokenInvalid) || len(consents) > 0 || err != nil {
				t.Errorf("law: with an application goes what was its; left are %v, %v, %v, %v, %v (%v)", app, secret, own, session, consents, err)
			}
			return nil
		})
		view(t, other.bound, func(tx *store.Tx) error {
			_, app := tx.Application(other.app.ID)
			_, _, session := tx.LiveSession(other.session.ID)
			if app != nil || session != nil {
				t.Errorf("law: another application's stays; got %v, %v", app, session)
			}
			return nil
		})
		update(t, other.bound, func(tx *store.Tx) error { return tx.DeleteUser(other.user.ID) })
		view(t, other.bound, func(tx *store.Tx) error {
			consents, err := tx.Consents(other.user.ID, other.app.ID)
			if len(consents) > 0 || err != nil {
				t.Errorf("law: with a person goes what they let applications have; left is %v (%v)", consents, err)
			}
			return nil
		})
	})
}

// TestSweptClientTokens: an application's own token goes an hour after its time.
func TestSweptClientTokens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := fill(t, s)
		update(t, f.bound, func(tx *store.Tx) error {
			for name, end := range map[string]time.Duration{"old": -2 * time.Hour, "late": -30 * time.Minute} {
				if err := tx.PutClientToken([]byte(name), core.ClientToken{ID: core.NewTokenID(), Application: f.app.ID, ExpiresAt: soon(end)}); err != nil {
					return err
				}
			}
			return nil
		})
		if _, err := s.Across().Sweep(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
		view(t, f.bound, func(tx *store.Tx) error {
			for name, there := range map[string]bool{"old": false, "late": true} {
				if _, err := tx.ClientToken([]byte(name)); (err == nil) != there {
					t.Errorf("law: what is over for an hour is gone, and no sooner; %s gave %v", name, err)
				}
			}
			return nil
		})
	})
}
