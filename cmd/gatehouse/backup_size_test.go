package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// manyPeople is SQL for both engines that fills a pool: $1 is the pool, $2 how
// many people. Their ids are in no order, as those that are made at random.
func manyPeople() []string {
	const numbers = `WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $2),
		p(i, id) AS (SELECT i, 'usr_' || CAST((i * 48271) % 2147483647 AS TEXT) || 'abcdefghijklmnopqrstuv' FROM n) `
	return []string{
		`INSERT INTO users (pool, id, email, email_key, username, username_key, phone, profile, email_verified, disabled, login_count, last_login_at,
			last_login_address, accepted_terms, accepted_privacy, credentials, version, created_at, updated_at) ` + numbers + `
			SELECT $1, id, 'Person.' || i || '@example.org', 'person.' || i || '@example.org', 'person.' || i, 'person.' || i, '',
				'{"first_name":"Person ' || i || '","last_name":"User"}', TRUE, FALSE, 3, 1795309821072553, '192.0.2.1', '', '', 0, 1, 1795309821072553 + i, 1795309821072553 FROM p`,
		`INSERT INTO user_profile_values (pool, user_id, name, value_key) ` + numbers + ` SELECT $1, id, 'first_name', 'person ' || i FROM p`,
		`INSERT INTO user_profile_values (pool, user_id, name, value_key) ` + numbers + ` SELECT $1, id, 'last_name', 'user' FROM p`,
		`INSERT INTO authenticators (pool, id, user_id, kind, secret, created_at, updated_at, expired_at, second) ` + numbers + `
			SELECT $1, 'aut_' || id, id, 'password', '$argon2id$v=19$m=19456,t=2,p=1,keyid=0f3b9a6c$c29tZXNhbHR' || id || '$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ', 1795309821072553, 1795309821072553, 0, FALSE FROM p`,
		`INSERT INTO sessions (pool, id, user_id, address, user_agent, created_at, expires_at, ended_at, token_id, token_created_at, token_expires_at) ` + numbers + `
			SELECT $1, 'ses_' || id, id, '192.0.2.1', 'Mozilla/5.0 (X11; Linux x86_64)', 1795309821072553 + i, 1995309821072553, 0, 'tok_' || id, 1795309821072553, 1795309821072553 FROM p`,
		`INSERT INTO events (pool, name, actor_kind, actor_id, target, reason, data, address, request_id, created_at) ` + numbers + `
			SELECT $1, 'session.started', 'person', id, id, '', '{"session":"ses_' || id || '"}', '192.0.2.1', 'req_' || id, 1795309821072553 FROM p`,
		`INSERT INTO counters (pool, name, shard, n) SELECT $1, 'users', 0, $2`,
	}
}

// mostMemory is what a backup or a restore may take, however many people there
// are.
const mostMemory = 200 << 20

// TestR17ManyPeople takes and restores a backup with the built command, and
// says how long that takes and how much memory. PEOPLE says of how many people.
func TestR17ManyPeople(t *testing.T) {
	people := int64(2_000)
	if text := os.Getenv("PEOPLE"); text != "" {
		var err error
		if people, err = strconv.ParseInt(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	binary := buildServer(t)
	targets := map[string]func(t *testing.T) string{
		"sqlite": func(t *testing.T) string { return storetest.SQLite(t) }, "postgres": storetest.Postgres,
	}
	for engine, database := range targets {
		t.Run(engine, func(t *testing.T) {
			k := newKilled(t, binary, database(t))
			db := storetest.Raw(t, k.database)
			var pool string
			if err := db.QueryRowContext(t.Context(), `SELECT id FROM pools`).Scan(&pool); err != nil {
				t.Fatal(err)
			}
			for _, statement := range manyPeople() {
				if _, err := db.ExecContext(t.Context(), statement, pool, people); err != nil {
					t.Fatalf("%v\n%s", err, statement)
				}
			}
			file := filepath.Join(t.TempDir(), "gatehouse.backup")
			k.measure(t, "backup", "backup", file)
			if info, err := os.Stat(file); err == nil {
				t.Logf("the file has %.1f MB", float64(info.Size())/1e6)
			}
			k.measure(t, "check", "restore", file, "--verify")
			other := k.at(database(t))
			other.measure(t, "restore", "restore", file)
			var there int64
			if err := storetest.Raw(t, other.database).QueryRowContext(t.Context(), `SELECT COUNT(*) FROM users`).Scan(&there); err != nil || there != people {
				t.Errorf("law: everybody is there; of %d people %d are (%v)", people, there, err)
			}
		})
	}
}

// measure runs a command and says what it took.
func (k *killed) measure(t *testing.T, what string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), k.binary, args...)
	cmd.Env = k.env
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", what, err, out)
	}
	took := time.Since(began)
	memory := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10 // Linux counts in kB
	t.Logf("%s: %.1f s, %.1f s of CPU, %d MB at most", what, took.Seconds(), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), memory>>20)
	if memory > mostMemory {
		t.Errorf("law: the memory of a %s does not grow with the people; it took %d MB", what, memory>>20)
	}
}
