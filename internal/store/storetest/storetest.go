// Package storetest gives tests a real store, on both engines, and states the
// laws that the store obeys. Only tests import it.
package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// PostgresVariable names the environment variable with the URL of a PostgreSQL
// server in which tests may create databases. `make test` starts one.
const PostgresVariable = "TEST_POSTGRES_URL"

// RoundsVariable names the environment variable that says how often a race is
// run. A longer hunt sets it higher.
const RoundsVariable = "ROUNDS"

// Rounds is how often a test of a race runs it: 5 times where nothing else is
// asked for.
func Rounds(t testing.TB) int {
	t.Helper()
	text := os.Getenv(RoundsVariable)
	if text == "" {
		return 5
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, not a number of rounds", RoundsVariable, text)
	}
	return n
}

// Together runs fn n times at once, lets all begin at the same moment, and
// waits for them. fn gets its number, from 0.
func Together(n int, fn func(i int)) {
	var ready, done sync.WaitGroup
	begin := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-begin
			fn(i)
		})
	}
	ready.Wait()
	close(begin)
	done.Wait()
}

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
func SQLite(t testing.TB) string {
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
func New(t testing.TB) *store.Store {
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
func Open(t testing.TB, database string) *store.Store {
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
func Pool(t testing.TB, s *store.Store, name string, overrides core.Overrides) core.PoolID {
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

// Raw opens a database beside the store, to look at rows and to age them.
func Raw(t *testing.T, database string) *sql.DB {
	t.Helper()
	driver := "pgx"
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, database = "sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, database)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("closing the database: %v", err)
		}
	})
	return db
}

// Tables lists the tables of the schema with the column that names the pool,
// which is "" for a table that belongs to none.
func Tables(t *testing.T, db *sql.DB) map[string]string {
	t.Helper()
	query := `SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'`
	var version string
	if err := db.QueryRowContext(t.Context(), `SELECT sqlite_version()`).Scan(&version); err == nil {
		query = `SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%'`
	}
	tables := make(map[string]string)
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(table, "goose") {
			continue
		}
		if column == "pool" || table == "pools" && column == "id" {
			tables[table] = column
		} else if _, known := tables[table]; !known {
			tables[table] = ""
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if len(tables) < 15 || tables["users"] != "pool" || tables["pools"] != "id" {
		t.Fatalf("these are not the tables of a store: %v", tables)
	}
	return tables
}

// Dump returns the rows of a pool, as text by table, in an order of their own.
func Dump(t *testing.T, db *sql.DB, pool core.PoolID) map[string][]string {
	t.Helper()
	dump := make(map[string][]string)
	for table, column := range Tables(t, db) {
		if column != "" {
			dump[table] = texts(t, db, `SELECT * FROM `+table+` WHERE `+column+` = $1`, string(pool))
		}
	}
	return dump
}

func texts(t *testing.T, db *sql.DB, query string, args ...any) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprintf("%v", values))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// Backup takes a backup of a database of the master key [Master].
func Backup(t testing.TB, database string) *bytes.Reader {
	t.Helper()
	var file bytes.Buffer
	if _, err := store.Backup(t.Context(), store.Options{Database: database, Master: Master()}, &file); err != nil {
		t.Fatalf("taking a backup: %v", err)
	}
	return bytes.NewReader(file.Bytes())
}
