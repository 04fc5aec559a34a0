// Package storetest gives tests a real store, on both engines, and states the
// laws that the store obeys. Only tests import it.
package storetest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// PostgresVariable names the environment variable with the URL of a PostgreSQL
// server in which tests may create databases. `make test` starts one.
const PostgresVariable = "TEST_POSTGRES_URL"

// Engines runs a test once on each engine. Without a PostgreSQL server that
// half is skipped, and says so.
func Engines(t *testing.T, test func(t *testing.T, database string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// Each is Engines with an open store.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	Engines(t, func(t *testing.T, database string) { test(t, Open(t, database)) })
}

// SQLite names a new SQLite database.
func SQLite(t *testing.T) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db")
}

// Postgres makes a new PostgreSQL database and drops it after the test.
func Postgres(t *testing.T) string {
	t.Helper()
	server := os.Getenv(PostgresVariable)
	if server == "" {
		t.Skipf("%s is not set: `make test` starts a PostgreSQL server and sets it", PostgresVariable)
	}
	name := "test_" + secret.Random()
	admin(t, server, `CREATE DATABASE `+name)
	t.Cleanup(func() { admin(t, server, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`) })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func admin(t *testing.T, server, statement string) {
	t.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatal(err)
	}
}

// New returns an open store on a new SQLite database.
func New(t *testing.T) *store.Store {
	t.Helper()
	return Open(t, SQLite(t))
}

// Master is the master key of every test store, so that a database can be
// opened twice.
func Master() secret.Master {
	m, err := secret.ParseMaster("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	if err != nil {
		panic(err)
	}
	return m
}

// Open migrates and opens a database, and closes it after the test. Durability
// is off: tests of it start a server.
func Open(t *testing.T, database string) *store.Store {
	t.Helper()
	if _, err := store.Migrate(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Options{Database: database, Master: Master(), UnsafeDurability: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return s
}

// Pool creates a pool with these overrides ({} for none) and returns its id.
func Pool(t *testing.T, s *store.Store, name string, overrides core.Overrides) core.PoolID {
	t.Helper()
	id := core.NewPoolID()
	o, _, err := core.Overrides{}.With(overrides)
	if err != nil {
		t.Fatal(err)
	}
	err = s.As(Caller(id)).Update(t.Context(), func(tx *store.Tx) error {
		return tx.CreatePool(core.Pool{ID: id, Name: name, Overrides: o})
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// Caller is the operator of a pool.
func Caller(pool core.PoolID) core.Caller {
	return core.Caller{Pool: pool, Actor: core.Actor{Kind: core.ActorOperator, ID: "test"}, Address: "127.0.0.1", Request: core.NewRequestID()}
}

// User makes a person who is not stored.
func User(name string) core.User {
	email := fmt.Sprintf("%s@example.org", name)
	return core.User{ID: core.NewUserID(), Email: email, Username: email, Profile: core.Profile{}}
}
