package main_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestR20StartReadsNoUsers starts a server on a database that is full of
// people, and counts what it reads until it answers: bytes of files where the
// database is SQLite, rows of the table where it is PostgreSQL. What is read of
// a hundred thousand people would be read of a million too; how long a start
// takes with those is a line of `make bench`.
func TestR20StartReadsNoUsers(t *testing.T) {
	const people = 100_000
	binary := buildServer(t)
	storetest.Engines(t, func(t *testing.T, database string) {
		k := newKilled(t, binary, database)
		k.start(t)
		if status, _, text := k.create("user0@example.org"); status != 200 {
			t.Fatal(text)
		}
		k.kill(t)
		db := storetest.Raw(t, database)
		for _, statement := range []string{
			fmt.Sprintf(`
				WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d)
				INSERT INTO users (pool, id, email, email_key, username, username_key, created_at,
					phone, profile, email_verified, disabled, login_count, last_login_at, last_login_address, accepted_terms, accepted_privacy, credentials, version, updated_at)
				SELECT pool, 'usr_fill' || n, 'fill' || n || '@example.org', 'fill' || n || '@example.org', 'fill' || n || '@example.org', 'fill' || n || '@example.org', created_at + n,
					phone, profile, email_verified, disabled, login_count, last_login_at, last_login_address, accepted_terms, accepted_privacy, credentials, version, updated_at
				FROM users, numbers WHERE email_key = 'user0@example.org'`, people),
			`UPDATE counters SET n = n + ` + strconv.Itoa(people) + ` WHERE name = 'users' AND shard = (SELECT MIN(c.shard) FROM counters c WHERE c.pool = counters.pool AND c.name = 'users')`,
		} {
			result, err := db.ExecContext(t.Context(), statement)
			if err != nil {
				t.Fatal(err)
			}
			if n, err := result.RowsAffected(); n == 0 || err != nil {
				t.Fatalf("a statement touched %d rows (%v)", n, err)
			}
		}
		rows := func() (n int64) {
			t.Helper()
			conn, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.ExecContext(t.Context(), `SELECT pg_stat_force_next_flush()`); err != nil {
				t.Fatal(err)
			}
			if err := conn.QueryRowContext(t.Context(), `SELECT seq_tup_read + COALESCE(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'users'`).Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		path, isSQLite := strings.CutPrefix(database, "sqlite:")
		if isSQLite {
			if _, err := db.ExecContext(t.Context(), `PRAGMA wal_checkpoint(TRUNCATE)`); err != nil {
				t.Fatal(err)
			}
			k.start(t)
			defer k.kill(t)
			read := k.bytesRead(t)
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d bytes were read beside a database of %d", read, info.Size())
			if read > info.Size()/10 {
				t.Errorf("law: a start reads no table of people; it read %d bytes, and the database has %d", read, info.Size())
			}
			return
		}
		before := rows()
		k.start(t)
		// What a connection counted is known when it has ended.
		if err := k.process.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := k.process.Wait(); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			var others int
			err := db.QueryRowContext(context.Background(), `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'gatehouse'`).Scan(&others)
			if err != nil {
				t.Fatal(err)
			}
			if others == 0 {
				break
			}
			time.Sleep(50 * time.Millisecond)
		}
		read := rows() - before
		t.Logf("%d rows were read of %d", read, people)
		if read > people/100 {
			t.Errorf("law: a start reads no table of people; it read %d rows of %d", read, people)
		}
	})
}

// bytesRead is what a process has read so far, from files and connections
// (proc(5), io).
func (k *killed) bytesRead(t *testing.T) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", k.process.Process.Pid))
	if err != nil {
		t.Skipf("this system does not say what a process reads: %v", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	n, err := strconv.ParseInt(strings.TrimPrefix(first, "rchar: "), 10, 64)
	if err != nil {
		t.Fatalf("%q: %v", first, err)
	}
	return n
}
