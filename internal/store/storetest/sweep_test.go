package storetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestALongSessionKeepsOneExpiredToken says what becomes of the tokens that a
// session had before: one that goes on for years must not keep them all.
func TestALongSessionKeepsOneExpiredToken(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		f := fill(t, s)
		long := core.Session{ID: core.NewSessionID(), User: f.user.ID, CreatedAt: soon(-96 * time.Hour), ExpiresAt: soon(96 * time.Hour)}
		ends := []time.Duration{-72 * time.Hour, -25 * time.Hour, -23 * time.Hour, -49 * time.Hour} // the last one is the newest
		update(t, f.bound, func(tx *store.Tx) error {
			if err := tx.PutSession(long); err != nil {
				return err
			}
			for i, end := range ends {
				token := core.AccessToken{ID: core.NewTokenID(), Session: long.ID, CreatedAt: long.CreatedAt, ExpiresAt: soon(end)}
				if err := tx.PutAccess(fmt.Append(nil, "token ", i), token); err != nil {
					return err
				}
			}
			return nil
		})
		if _, err := s.Across().Sweep(t.Context(), 100); err != nil {
			t.Fatal(err)
		}
		for i, there := range []bool{false, false, true, true} {
			err := f.bound.View(t.Context(), func(tx *store.Tx) error { _, err := tx.AccessToken(fmt.Append(nil, "token ", i)); return err })
			if (err == nil) != there {
				t.Errorf("law: of a living session's tokens those go that expired more than a day ago, but for the newest; of number %d came %v", i, err)
			}
		}
		if n := count(t, db, "access_tokens"); n != 3 { // one is of the pool that was filled
			t.Errorf("law: swept tokens are gone; %d are there in place of 3", n)
		}
	})
}
