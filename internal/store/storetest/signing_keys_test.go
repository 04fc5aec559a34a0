package storetest_test

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestOneNewestSigningKey lets a crowd of nodes want a pool's first signing
// key, and each next one, at the same moment.
func TestOneNewestSigningKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		keys := func() (all []store.SigningKey) {
			view(t, b, func(tx *store.Tx) (err error) { all, err = tx.SigningKeys(); return err })
			return all
		}
		made := make([][]store.SigningKey, storetest.Rounds(t))
		begin := soon(0)
		for round := range made {
			made[round] = make([]store.SigningKey, crowd)
			for i := range made[round] {
				made[round][i] = signingKey(t, "")
				made[round][i].ActiveFrom = begin.Add(time.Duration(round) * time.Hour)
			}
		}
		after := make([]core.SigningKeyID, len(made))
		race(t, "a pool has one newest signing key, and each has one successor", core.CodeConflict, func(round, i int) error {
			err := b.Update(context.Background(), func(tx *store.Tx) error { return tx.PutSigningKey(made[round][i], after[round]) })
			if err == nil && round+1 < len(after) {
				after[round+1] = made[round][i].ID
			}
			return err
		})
		all := keys()
		if len(all) != len(made) {
			t.Fatalf("law: who lost left no key; there are %d in place of %d", len(all), len(made))
		}
		for i, k := range all {
			if last := i == len(all)-1; k.RetiresAt.IsZero() != last || !last && !k.RetiresAt.Equal(all[i+1].ActiveFrom) {
				t.Errorf("law: a key signs until its successor does; number %d retires at %v", i, k.RetiresAt)
			}
		}
		for hour := range len(made) {
			at, signing := begin.Add(time.Duration(hour)*time.Hour), 0
			for _, k := range all {
				if k.Signs(at) {
					signing++
				}
			}
			if signing != 1 {
				t.Errorf("law: at any time one key signs; at %v there are %d", at, signing)
			}
		}
		// The first key of a pool that has some, and a successor of what is not
		// the newest, are refused.
		for _, wrong := range []core.SigningKeyID{"", all[0].ID, core.NewSigningKeyID()} {
			err := b.Update(context.Background(), func(tx *store.Tx) error { return tx.PutSigningKey(signingKey(t, ""), wrong) })
			if len(made) > 1 && !core.Is(err, core.CodeConflict) {
				t.Errorf("law: a key follows the newest; one after %q gave %v", wrong, err)
			}
		}
		update(t, b, func(tx *store.Tx) error {
			if err := tx.LengthenSigningKey(all[0].ID, 5*time.Hour, time.Minute); err != nil {
				return err
			}
			return tx.LengthenSigningKey(all[0].ID, time.Minute, 7*time.Hour)
		})
		if k := keys()[0]; k.TokenLife != 5*time.Hour || k.RefreshLife != 7*time.Hour {
			t.Errorf("law: a key remembers the longest lives that it signed for; they are %v and %v", k.TokenLife, k.RefreshLife)
		}
		update(t, b, func(tx *store.Tx) error {
			if err := tx.ForgetSigningKeys(); err != nil {
				return err
			}
			return tx.PutSigningKey(made[0][0], "")
		})
		if all = keys(); len(all) != 1 || all[0].ID != made[0][0].ID {
			t.Errorf("law: after all keys were forgotten there is a new first one; there are %d", len(all))
		}
	})
}

// TestO36PrivateKeysAreSealedAndGo is the half of abuse case O36 that lies in
// the database: private keys are sealed, and go when they sign no more.
func TestO36PrivateKeysAreSealedAndGo(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		f := fill(t, s)
		der, err := x509.MarshalPKCS8PrivateKey(f.signing.Private)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := f.signing.Private.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		asBytes := func(b []byte) string { return strings.Trim(fmt.Sprint(b), "[]") }
		for table, rows := range storetest.Dump(t, db, f.pool.ID) {
			for _, row := range rows {
				if strings.Contains(row, asBytes(der)) || strings.Contains(row, asBytes(raw)) {
					t.Errorf("law: the private half of a key is stored sealed; it is in %s", table)
				}
			}
		}
		next := signingKey(t, f.pool.ID)
		update(t, f.bound, func(tx *store.Tx) error { return tx.PutSigningKey(next, f.signing.ID) })
		for _, c := range []struct {
			law     string
			retired time.Duration // ago
			keys    int
			private bool
		}{
			{"a key that signs until later keeps its private half", -time.Hour, 2, true},
			{"a key that has just retired can sign again for a grace", time.Minute, 2, true},
			{"a retired key has no private half", 61 * time.Minute, 2, false},
			{"a retired key is known as long as a refresh token may come with what it signed", 25 * time.Hour, 2, false},
			{"after that it goes", 27 * time.Hour, 1, true},
		} {
			if _, err := db.ExecContext(t.Context(), `UPDATE signing_keys SET retires_at = $1 WHERE id = $2`, time.Now().Add(-c.retired).UnixMicro(), string(f.signing.ID)); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Across().Sweep(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
			view(t, f.bound, func(tx *store.Tx) error {
				all, err := tx.SigningKeys()
				if err == nil && (len(all) != c.keys || (all[0].Private != nil) != c.private) {
					t.Errorf("law: %s; there are %d, private %t", c.law, len(all), all[0].Private != nil)
				}
				return err
			})
		}
	})
}
