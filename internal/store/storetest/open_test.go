package storetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

func masterOf(t *testing.T, text string) secret.Master {
	t.Helper()
	m, err := secret.ParseMaster(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMasterKeyOpensItsDatabase(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		f := fill(t, s)
		options := store.Options{Database: database, UnsafeDurability: true}

		options.Master = masterOf(t, secret.NewMasterText())
		if other, err := store.Open(t.Context(), options); !errors.Is(err, store.ErrWrongMaster) || other != nil {
			t.Errorf("law: another master key gives ErrWrongMaster; got %v", err)
		}
		const known = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
		options.Master = masterOf(t, secret.NewMasterText()+","+known)
		rotated, err := store.Open(t.Context(), options)
		if err != nil {
			t.Fatalf("law: a master key that is being replaced still opens; got %v", err)
		}
		defer rotated.Close()
		if !bytes.Equal(rotated.Keys().Lookup("p", "t"), s.Keys().Lookup("p", "t")) {
			t.Error("law: the working keys do not change with the master key")
		}
		plain := secret.Text("")
		view(t, rotated.As(storetest.Caller(f.pool.ID)), func(tx *store.Tx) error { plain, err = tx.ShowKey(f.key.Kind); return err })
		if plain.Reveal() != plainKey {
			t.Error("law: what was sealed before opens after")
		}
	})
}

func TestWorkingKeysAreMadeOnce(t *testing.T) {
	const nodes = 8
	storetest.Engines(t, func(t *testing.T, database string) {
		if _, err := store.Migrate(t.Context(), database); err != nil {
			t.Fatal(err)
		}
		stores := make([]*store.Store, nodes)
		storetest.Together(nodes, func(i int) {
			var err error
			stores[i], err = store.Open(context.Background(), store.Options{Database: database, Master: storetest.Master(), UnsafeDurability: true})
			if err != nil {
				t.Errorf("law: nodes may start at once; number %d got %v", i, err)
			}
		})
		for _, s := range stores {
			if s == nil {
				continue
			}
			defer s.Close()
			if !bytes.Equal(s.Keys().Lookup("p", "t"), stores[0].Keys().Lookup("p", "t")) || s.Keys().Derive("p", "t") != stores[0].Keys().Derive("p", "t") || s.Keys().Peppers().All()[0].ID != stores[0].Keys().Peppers().All()[0].ID {
				t.Error("law: nodes that start at once have the same keys")
			}
			if _, err := s.Keys().Open(stores[0].Keys().Seal([]byte("x"), "c"), "c"); err != nil {
				t.Errorf("law: what one node seals another opens; got %v", err)
			}
		}
		var n int
		if err := storetest.Raw(t, database).QueryRowContext(t.Context(), `SELECT COUNT(*) FROM deployment_keys`).Scan(&n); err != nil || n != len(secret.KeyNames()) {
			t.Errorf("law: each key is made once; there are %d (%v)", n, err)
		}
	})
}

// TestSecretsAreSealedAtRest looks for the plain text of what is secret in
// every table.
func TestSecretsAreSealedAtRest(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		f := fill(t, s)
		for table, rows := range storetest.Dump(t, db, f.pool.ID) {
			for _, row := range rows {
				for _, plain := range []string{plainKey, "private", f.message.To, f.message.Values["link"]} {
					asBytes := strings.Trim(fmt.Sprint([]byte(plain)), "[]") // as a dump shows bytes
					if strings.Contains(row, plain) || strings.Contains(row, asBytes) {
						t.Errorf("law: keys and messages are stored sealed; %q is in %s", plain, table)
					}
				}
			}
		}
		// A sealed value opens in its own row only.
		other := fill(t, s)
		move(t, db, `UPDATE api_keys SET sealed = (SELECT k.sealed FROM api_keys k WHERE k.pool = $1) WHERE pool = $2`, string(f.pool.ID), string(other.pool.ID))
		err := other.bound.View(context.Background(), func(tx *store.Tx) error { _, err := tx.ShowKey(other.key.Kind); return err })
		if !errors.Is(err, secret.ErrSealed) {
			t.Errorf("law: a sealed value that was moved to another row does not open; got %v", err)
		}
	})
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	ctx := context.Background()
	for database, secretPart := range map[string]string{
		"": "", "sqlite:": "", "mysql://u:hunter2@h/db": "hunter2", "postgres//u:hunter2@h/db": "hunter2", "hunter2": "", "postgres://u:hunter2@127.0.0.1:1/db?sslmode=disable": "hunter2",
		"postgres://u:hunter2@[::bad/db": "hunter2", "sqlite:/proc/nowhere/x.db": "",
	} {
		s, err := store.Open(ctx, store.Options{Database: database, Master: storetest.Master(), UnsafeDurability: true})
		if err == nil {
			s.Close()
			t.Errorf("law: %q is no database", database)
		} else if secretPart != "" && strings.Contains(err.Error(), secretPart) {
			t.Errorf("law: an error never shows the database's password; it says %q", err)
		}
	}
	// The words of a path mean nothing to SQLite.
	for _, name := range []string{"with space.db", "q?mode=ro.db", "hash#tag.db", "per%20cent.db", "ümlaut.db", "plus+and&.db", "deep/er/x.db"} {
		path := filepath.Join(t.TempDir(), filepath.FromSlash(name))
		s := storetest.Open(t, "sqlite:"+path)
		fill(t, s)
		if found, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*.db")); err != nil || len(found) != 1 || found[0] != path {
			t.Errorf("law: the database is in the file that was named; for %q there are %q (%v)", name, found, err)
		}
	}
}

func TestDurabilityIsChecked(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		unsafe := storetest.Open(t, database)
		if unsafe.Engine() == "sqlite" {
			if err := unsafe.CheckDurability(t.Context()); !errors.Is(err, store.ErrUnsafe) {
				t.Errorf("law: a store that does not wait for the disk is called unsafe; got %v", err)
			}
		}
		safe, err := store.Open(t.Context(), store.Options{Database: database, Master: storetest.Master()})
		if err != nil {
			t.Fatalf("law: a database as it comes keeps what it acknowledges; got %v", err)
		}
		defer safe.Close()
		if err := safe.CheckDurability(t.Context()); err != nil {
			t.Errorf("law: a store that waits for the disk is safe; got %v", err)
		}
		if unsafe.Engine() == "postgres" {
			u, err := url.Parse(database)
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			q.Set("synchronous_commit", "off")
			u.RawQuery = q.Encode()
			if s, err := store.Open(t.Context(), store.Options{Database: u.String(), Master: storetest.Master()}); !errors.Is(err, store.ErrUnsafe) {
				if err == nil {
					s.Close()
				}
				t.Errorf("law: a database that does not wait for the disk is refused; got %v", err)
			}
		}
	})
}

func TestPingAndTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if err := s.Ping(t.Context()); err != nil {
			t.Errorf("law: an open database answers; got %v", err)
		}
		there, err := s.Now(t.Context())
		if err != nil || there.Location() != time.UTC || time.Since(there).Abs() > time.Minute {
			t.Errorf("law: a database on this machine has this machine's time, in UTC; got %v, %v", there, err)
		}
		b := demo(t, s)
		view(t, b, func(tx *store.Tx) error {
			if tx.Now() != tx.Now().Truncate(time.Microsecond) || tx.Caller().Actor.Kind != core.ActorOperator {
				t.Errorf("law: a transaction has one time, in microseconds, and one caller; got %v and %+v", tx.Now(), tx.Caller())
			}
			return nil
		})
	})
}
