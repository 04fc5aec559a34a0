package storetest_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// oldMaster is the key of [storetest.Master].
const oldMaster = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// openWith opens a database under master keys; the caller closes it.
func openWith(t *testing.T, database, masters string) (*store.Store, error) {
	t.Helper()
	return store.Open(t.Context(), store.Options{Database: database, Master: masterOf(t, masters), UnsafeDurability: true})
}

// opened is openWith for what must open.
func opened(t *testing.T, database, masters string) *store.Store {
	t.Helper()
	s, err := openWith(t, database, masters)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// older counts the keys that a master key sealed which is not the first.
func older(t *testing.T, s *store.Store) (n int) {
	t.Helper()
	keys, err := s.Across().WorkingKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		if k.Older {
			n++
		}
	}
	return n
}

// alike reports whether two nodes have the same keys, those that a query can
// tell.
func alike(a, b *store.Store) bool {
	_, err := a.Keys().Open(b.Keys().Seal([]byte("x"), "c"), "c")
	return err == nil && bytes.Equal(a.Keys().Lookup("p", "t"), b.Keys().Lookup("p", "t")) && a.Keys().Derive("p", "t") == b.Keys().Derive("p", "t") &&
		slices.EqualFunc(a.Keys().Peppers().All(), b.Keys().Peppers().All(), func(a, b secret.Pepper) bool { return a.ID == b.ID })
}

func TestMasterKeyIsReplaced(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		running := storetest.Open(t, database)
		f := fill(t, running)
		fresh := secret.NewMasterText()
		both := opened(t, database, fresh+","+oldMaster)
		total := len(secret.KeyNames())
		if n := older(t, both); n != total {
			t.Errorf("law: before, all keys are sealed by the older master key; %d of %d are", n, total)
		}
		if n := older(t, running); n != 0 {
			t.Errorf("law: where the old master key is the first, nothing is to be done; it is for %d", n)
		}
		if n, err := both.Across().Reseal(t.Context()); n != total || err != nil {
			t.Errorf("law: all %d keys are sealed anew; %d were (%v)", total, n, err)
		}
		if n, err := both.Across().Reseal(t.Context()); n != 0 || err != nil || older(t, both) != 0 {
			t.Errorf("law: a second time there is nothing to do; %d were sealed (%v)", n, err)
		}
		if s, err := openWith(t, database, oldMaster); !errors.Is(err, store.ErrWrongMaster) {
			t.Errorf("law: the old master key opens nothing any more; got %v", errors.Join(err, s.Close()))
		}
		alone := opened(t, database, fresh)
		if !alike(alone, running) || !alike(alone, both) {
			t.Error("law: the working keys do not change with the master key")
		}
		view(t, alone.As(storetest.Caller(f.pool.ID)), func(tx *store.Tx) error {
			plain, err := tx.ShowKey(f.key.Kind)
			if plain.Reveal() != plainKey {
				t.Error("law: what was sealed before opens after")
			}
			return err
		})
		fill(t, running) // which knows nothing of it, and goes on
	})
}

// TestResealIsWholeOrNothing breaks the transaction in its middle, as a process
// that is killed does: a row in the middle cannot be written.
func TestResealIsWholeOrNothing(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		storetest.Open(t, database)
		db := storetest.Raw(t, database)
		run := func(statements ...string) {
			for _, statement := range statements {
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
		}
		rows := func() []string { return dumpKeys(t, db) }
		before := rows()
		if strings.HasPrefix(database, "sqlite:") {
			run(`CREATE TRIGGER broken BEFORE UPDATE ON deployment_keys WHEN NEW.name = 'pepper' BEGIN SELECT RAISE(ABORT, 'broken off'); END`)
		} else {
			run(`CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken off'; END $$`,
				`CREATE TRIGGER broken BEFORE UPDATE ON deployment_keys FOR EACH ROW WHEN (NEW.name = 'pepper') EXECUTE FUNCTION broken()`)
		}
		fresh := secret.NewMasterText()
		both := opened(t, database, fresh+","+oldMaster)
		if n, err := both.Across().Reseal(t.Context()); err == nil {
			t.Fatalf("this test breaks the transaction; %d keys were sealed", n)
		}
		if after := rows(); !slices.Equal(before, after) {
			t.Errorf("law: a resealing that is broken off changes nothing; the rows are\n%v\nin place of\n%v", after, before)
		}
		opened(t, database, oldMaster)
		if strings.HasPrefix(database, "sqlite:") {
			run(`DROP TRIGGER broken`)
		} else {
			run(`DROP TRIGGER broken ON deployment_keys`)
		}
		if n, err := both.Across().Reseal(t.Context()); n != len(before) || err != nil {
			t.Errorf("law: it can be begun again; %d keys were sealed (%v)", n, err)
		}
		opened(t, database, fresh)
	})
}

func dumpKeys(t *testing.T, db *sql.DB) (all []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT name, sealed FROM deployment_keys ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var sealed []byte
		if err := rows.Scan(&name, &sealed); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%s %x", name, sealed))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestParallelReseals lets many reseal while as many make peppers.
func TestParallelReseals(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		storetest.Open(t, database)
		fresh := secret.NewMasterText()
		nodes := []*store.Store{opened(t, database, fresh+","+oldMaster), opened(t, database, fresh+","+oldMaster)}
		var made, sealed atomic.Int64
		storetest.Together(16, func(i int) {
			if i%2 == 0 {
				n, err := nodes[i/2%2].Across().Reseal(context.Background())
				sealed.Add(int64(n))
				if err != nil && !core.Is(err, core.CodeConflict) {
					t.Errorf("law: keys are resealed by many at once; got %v", err)
				}
				return
			}
			_, err := nodes[i/2%2].Across().RotatePepper(context.Background())
			if err == nil {
				made.Add(1)
			} else if !core.Is(err, core.CodeConflict) {
				t.Errorf("law: who does not make the next pepper gets a conflict; got %v", err)
			}
		})
		if made.Load() != 1 || sealed.Load() != int64(len(secret.KeyNames())) {
			t.Errorf("law: of many one makes the next pepper, and each key is resealed once; there were %d and %d", made.Load(), sealed.Load())
		}
		alone := opened(t, database, fresh)
		if n := older(t, alone); n != 0 || len(alone.Keys().Peppers().All()) != 2 {
			t.Errorf("law: afterwards all is sealed by the first master key; %d are not, of %d peppers", n, len(alone.Keys().Peppers().All()))
		}
	})
}

// agePepper lets a pepper have been made so long ago, on every node that
// follows.
func agePepper(t *testing.T, db *sql.DB, name string, by time.Duration) {
	t.Helper()
	at := time.Now()
	for statement, args := range map[string][]any{
		`UPDATE deployment_keys SET created_at = $1 WHERE name = $2`:                              {at.Add(-by).UnixMicro(), name},
		`INSERT INTO changes (pool, kind, ref, created_at) VALUES ('', 'keys', 'deployment', $1)`: {at.UnixMicro()},
	} {
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPeppersComeAndGo(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		nodes := []*store.Store{storetest.Open(t, database), storetest.Open(t, database)}
		db := storetest.Raw(t, database)
		follow(t, nodes[0])
		follow(t, nodes[1])
		f := fill(t, nodes[0])
		first := nodes[0].Keys().Peppers().All()[0]
		hash := func(id string) string { return "$argon2id$v=19$m=64,t=1,p=1,keyid=" + id + "$c2FsdA$aGFzaA" }
		put := func(phc string) {
			update(t, f.bound, func(tx *store.Tx) error {
				return tx.PutPassword(core.Authenticator{ID: f.password.ID, User: f.user.ID, Secret: phc})
			})
		}
		forgets := func(law, id string, want core.Code) error {
			t.Helper()
			err := nodes[1].Across().ForgetPepper(t.Context(), id)
			if want == "" && err != nil || want != "" && !core.Is(err, want) {
				t.Errorf("law: %s; got %v", law, err)
			}
			return err
		}
		put(hash(first.ID))

		second, err := nodes[0].Across().RotatePepper(t.Context())
		if err != nil || second.ID == first.ID || second.Name != "pepper.2" {
			t.Fatalf("law: there is a next pepper; it is %+v (%v)", second, err)
		}
		eventually(t, "another node learns a new pepper by itself", func() bool { return alike(nodes[0], nodes[1]) && len(nodes[1].Keys().Peppers().All()) == 2 })
		for _, s := range nodes {
			if s.Keys().Peppers().InUse(time.Now()).ID != first.ID {
				t.Error("law: a new pepper is not used at once")
			}
		}
		if _, err := nodes[1].Across().RotatePepper(t.Context()); !core.Is(err, core.CodeConflict) {
			t.Errorf("law: one pepper waits to be used at most; got %v", err)
		}
		agePepper(t, db, second.Name, secret.PepperLead)
		eventually(t, "after five minutes every node uses it", func() bool {
			return nodes[0].Keys().Peppers().InUse(time.Now()).ID == second.ID && nodes[1].Keys().Peppers().InUse(time.Now()).ID == second.ID
		})
		for _, id := range []string{"", "%", "nobody", second.ID[:7]} {
			forgets("there is no such pepper", id, core.CodeNotFound)
		}
		forgets("the pepper in use stays", second.ID, core.CodeConflict)
		forgets("one that was in use until a moment ago stays", first.ID, core.CodeConflict)
		agePepper(t, db, second.Name, secret.PepperLead+5*time.Minute)
		if err := forgets("one that a hash names stays", first.ID, core.CodeConflict); !strings.Contains(fmt.Sprint(err), "1 password hash") {
			t.Errorf("law: it is said how many hashes name it; the error is %v", err)
		}
		if n, err := nodes[0].Across().PepperUses(t.Context(), first.ID); n != 1 || err != nil {
			t.Errorf("law: hashes are counted; there are %d (%v)", n, err)
		}

		// Only the hash that was verified is replaced.
		for _, c := range []struct {
			law, old, want string
		}{
			{"a hash that has changed meanwhile stays", hash("other"), hash(first.ID)},
			{"the hash that was verified is renewed", hash(first.ID), hash(second.ID)},
		} {
			before := f.authenticator(t)
			update(t, f.bound, func(tx *store.Tx) error { return tx.RenewPassword(f.user.ID, c.old, hash(second.ID)) })
			after := f.authenticator(t)
			if before.Secret = c.want; before != after {
				t.Errorf("law: %s, and nothing else changes; it is %+v in place of %+v", c.law, after, before)
			}
		}

		// A flow keeps the hash of somebody who has not signed up yet.
		flow := core.Flow{ID: core.NewFlowID(), ExpiresAt: soon(time.Hour), Version: 1, Facts: core.Facts{PasswordHash: hash(first.ID)}}
		update(t, f.bound, func(tx *store.Tx) error { return tx.PutFlow(flow) })
		forgets("one that the hash of a sign-up names stays", first.ID, core.CodeConflict)
		update(t, f.bound, func(tx *store.Tx) error { return tx.CompleteFlow(flow) })
		forgets("one that no hash names goes", first.ID, "")
		forgets("once", first.ID, core.CodeNotFound)

		eventually(t, "every node forgets it", func() bool { return alike(nodes[0], nodes[1]) && len(nodes[0].Keys().Peppers().All()) == 1 })
		again := opened(t, database, oldMaster)
		if !alike(again, nodes[0]) {
			t.Errorf("law: a pepper that was forgotten is not made again; there are %d", len(again.Keys().Peppers().All()))
		}
		if third, err := again.Across().RotatePepper(t.Context()); err != nil || third.Name != "pepper.3" {
			t.Errorf("law: the next pepper comes after the newest; it is %+v (%v)", third, err)
		}
	})
}

// authenticator is the filled person's password as it is stored.
func (f filled) authenticator(t *testing.T) (a core.Authenticator) {
	t.Helper()
	view(t, f.bound, func(tx *store.Tx) error {
		all, err := passwordsOf(tx, f.user.ID)
		if err == nil {
			a = all[0]
		}
		return err
	})
	return a
}

// A node that cannot open a new pepper goes on with the ones it has.
func TestANodeWithoutTheNewMasterKeyGoesOn(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		behind := storetest.Open(t, database)
		follow(t, behind)
		f := fill(t, behind)
		both := opened(t, database, secret.NewMasterText()+","+oldMaster)
		if _, err := both.Across().Reseal(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := both.Across().RotatePepper(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := behind.Across().RotatePepper(t.Context()); !errors.Is(err, store.ErrWrongMaster) {
			t.Errorf("law: without the master key no keys are changed; got %v", err)
		}
		if len(behind.Keys().Peppers().All()) != 1 || !bytes.Equal(behind.Keys().Lookup("p", "t"), both.Keys().Lookup("p", "t")) {
			t.Error("law: a node keeps the keys that it has")
		}
		view(t, f.bound, func(tx *store.Tx) error { _, err := tx.ShowKey(f.key.Kind); return err })
	})
}
