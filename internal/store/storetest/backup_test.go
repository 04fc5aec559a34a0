package storetest_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// engines makes a new database of each kind.
func engines() map[string]func(t *testing.T) string {
	return map[string]func(t *testing.T) string{
		"sqlite": func(t *testing.T) string { return storetest.SQLite(t) }, "postgres": storetest.Postgres,
	}
}

// options are those of a test store.
func options(database string) store.Options {
	return store.Options{Database: database, Master: storetest.Master(), UnsafeDurability: true}
}

// contents is every row of every table, with the type of each value, in an
// order of their own.
func contents(t *testing.T, database string) map[string][]string {
	t.Helper()
	db := storetest.Raw(t, database)
	all := make(map[string][]string)
	for table := range storetest.Tables(t, db) {
		all[table] = rowsOf(t, db, table)
	}
	return all
}

func rowsOf(t *testing.T, db *sql.DB, table string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT * FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.ColumnTypes()
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
		fields := make([]string, len(columns))
		for i, v := range values {
			if n, ok := v.(int64); ok && columns[i].DatabaseTypeName() == "BOOLEAN" {
				v = n == 1 // SQLite has no other way
			}
			fields[i] = fmt.Sprintf("%s=%T %q", columns[i].Name(), v, fmt.Sprint(v))
		}
		slices.Sort(fields)
		all = append(all, strings.Join(fields, " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// oddRows fills in what fill does not: the largest numbers, bytes that are none,
// nothing at all, texts that formats trip over, and more rows than one
// statement takes.
func oddRows(t *testing.T, database string, pool core.PoolID) {
	t.Helper()
	tx, err := storetest.Raw(t, database).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	insert := func(query string, args ...any) {
		t.Helper()
		if _, err := tx.ExecContext(t.Context(), query, append([]any{string(pool)}, args...)...); err != nil {
			t.Fatal(err)
		}
	}
	texts := []string{"", "\"\\\n\r\t\x01\x7f", "<&>\u2028\u2029\u00a0", "é\u0301 密 \U0001F600 \uFFFD", strings.Repeat("long ü", 40_000), "null", "[1]", "1e3"}
	for i, text := range texts {
		insert(`INSERT INTO notes (pool, face, name, data, expires_at) VALUES ($1, 'odd', $2, $3, $4)`, fmt.Sprint(i), text, int64(math.MaxInt64-i))
	}
	insert(`INSERT INTO attempts (pool, subject, failures, blocked_until, updated_at) VALUES ($1, 'most', $2, $3, $4)`, int64(math.MinInt64), int64(math.MaxInt64), int64(1<<53+1))
	everyByte := make([]byte, 256)
	for i := range everyByte {
		everyByte[i] = byte(i)
	}
	for i, b := range [][]byte{{}, {0}, everyByte} {
		insert(`INSERT INTO pool_secrets (pool, name, hash, sealed, public, created_at) VALUES ($1, $2, $3, $3, '', 0)`, fmt.Sprint("odd", i), b)
	}
	insert(`INSERT INTO signing_keys (pool, id, public, sealed, created_at, active_from, retires_at, token_life, refresh_life) VALUES ($1, 'key_past', $2, NULL, 0, 0, 1, 0, 0)`, []byte("p"))
	for i := range 601 {
		insert(`INSERT INTO user_profile_values (pool, user_id, name, value_key) VALUES ($1, $2, 'x', $3)`, fmt.Sprint("usr_", i), strings.Repeat("v", i))
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// TestRestoredIsTheSame restores each engine's backup into each.
func TestRestoredIsTheSame(t *testing.T) {
	for from, source := range engines() {
		for to, target := range engines() {
			t.Run(from+" to "+to, func(t *testing.T) {
				database, other := source(t), target(t)
				s := storetest.Open(t, database)
				filled := []filled{fill(t, s), fill(t, s)}
				oddRows(t, database, filled[0].pool.ID)
				before := contents(t, database)
				for table, rows := range before {
					if len(rows) == 0 {
						t.Fatalf("this test has rows in every table; %s has none", table)
					}
				}
				file := storetest.Backup(t, database)
				if after := contents(t, database); !reflect.DeepEqual(before, after) {
					t.Error("law: a backup changes nothing")
				}
				checked, err := store.CheckBackup(file, storetest.Master())
				if err != nil {
					t.Fatalf("law: what was taken is whole; got %v", err)
				}
				rewind(t, file)
				info, err := store.Restore(t.Context(), options(other), file, true)
				if err != nil || !reflect.DeepEqual(info, checked) {
					t.Fatalf("law: what is whole is restored; got %+v and %v in place of %+v", info, err, checked)
				}
				restored := contents(t, other)
				for table, rows := range before {
					if table == "changes" {
						continue // for the nodes of the other database
					}
					if int64(len(rows)) != info.Rows[table] {
						t.Errorf("law: a backup says how many rows it has; of %s these are %d and not %d", table, info.Rows[table], len(rows))
					}
					if !reflect.DeepEqual(rows, restored[table]) {
						t.Errorf("law: every row comes back as it was; those of %s differ:\n%.2000q\n%.2000q", table, rows, restored[table])
					}
				}
				goesOn(t, storetest.Open(t, other), filled[1])
			})
		}
	}
}

// goesOn requires a restored database to be one to work with.
func goesOn(t *testing.T, s *store.Store, f filled) {
	t.Helper()
	b := s.As(storetest.Caller(f.pool.ID))
	update(t, b, func(tx *store.Tx) error {
		user, err := tx.UserByEmail("ana.é@example.org")
		same(t, "a restored person", []any{user.ID, user.Profile, err}, []any{f.user.ID, f.user.Profile, nil})
		kept, err := tx.PoolSecrets()
		same(t, "the sealed secrets", []any{len(kept), err}, []any{1, nil})
		same(t, "a sealed secret", kept[0].Plain, f.secret.Plain)
		_, err = tx.AccessToken(f.hash)
		same(t, "a token that was kept", err, error(nil))
		if err := tx.CreateUser(person("new")); err != nil {
			return err
		}
		// Rows that count up by themselves go on.
		return errors.Join(tx.Record(core.Event{Name: core.EventUserCreated, Target: "x"}), tx.RevokeKey(f.key.ID))
	})
}

func rewind(t *testing.T, file io.Seeker) {
	t.Helper()
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
}

// TestR17RestoredSessionsHaveEnded holds that nothing that was revoked or used
// after a backup comes alive again with it.
func TestR17RestoredSessionsHaveEnded(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		source := storetest.SQLite(t)
		f := fill(t, storetest.Open(t, source))
		file := storetest.Backup(t, source)
		if _, err := store.Restore(t.Context(), options(database), file, false); err != nil {
			t.Fatal(err)
		}
		s := storetest.Open(t, database)
		b := s.As(storetest.Caller(f.pool.ID))
		view(t, b, func(tx *store.Tx) error {
			if _, _, err := tx.LiveSession(f.session.ID); !core.Is(err, core.CodeTokenInvalid) {
				t.Errorf("law: a restored session has ended; got %v", err)
			}
			if _, err := tx.AccessToken(f.hash); !core.Is(err, core.CodeTokenInvalid) {
				t.Errorf("law: a token from before the backup stands for nobody; got %v", err)
			}
			if _, err := tx.RefreshToken(f.hash); !core.Is(err, core.CodeTokenInvalid) {
				t.Errorf("law: a refresh token from before the backup is none; got %v", err)
			}
			if _, err := tx.Ticket(f.ticket.Purpose, f.hash); !core.Is(err, core.CodeTicketInvalid) {
				t.Errorf("law: a ticket from before the backup is none; got %v", err)
			}
			if _, err := tx.Flow(f.flow.ID); !core.Is(err, core.CodeFlowEnded) {
				t.Errorf("law: a flow from before the backup has ended; got %v", err)
			}
			_, err := tx.User(f.user.ID)
			return err
		})
		if due, err := s.Across().ClaimMessages(t.Context(), core.ChannelMail, 10, 1); err != nil || len(due) != 0 {
			t.Errorf("law: a mail that may have left since the backup does not leave again; got %v, %v", due, err)
		}
	})
}

// TestBackupIsOneMoment takes a backup while people are created, each with an
// event in the same transaction.
func TestBackupIsOneMoment(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		b := demo(t, s)
		var stop atomic.Bool
		var next, acknowledged atomic.Int64
		var running sync.WaitGroup
		for range 8 {
			running.Go(func() {
				for !stop.Load() {
					u := person(fmt.Sprint("writer", next.Add(1)))
					err := b.Update(context.Background(), func(tx *store.Tx) error {
						return errors.Join(tx.CreateUser(u), tx.Record(core.Event{Name: core.EventUserCreated, Target: string(u.ID)}))
					})
					if err != nil {
						t.Errorf("law: a backup disturbs nobody; got %v", err)
						return
					}
					acknowledged.Add(1)
				}
			})
		}
		defer running.Wait()
		defer stop.Store(true)
		eventually(t, "people are created", func() bool { return acknowledged.Load() > 100 })
		for range 3 {
			before := acknowledged.Load()
			file := storetest.Backup(t, database)
			other := storetest.SQLite(t)
			info, err := store.Restore(t.Context(), options(other), file, false)
			if err != nil {
				t.Fatal(err)
			}
			var people, counted, pairs int64
			db := storetest.Raw(t, other)
			for query, into := range map[string]*int64{
				`SELECT COUNT(*) FROM users`: &people, `SELECT SUM(n) FROM counters`: &counted,
				`SELECT COUNT(*) FROM users u JOIN events e ON e.target = u.id AND e.name = 'user.created'`: &pairs,
			} {
				if err := db.QueryRowContext(t.Context(), query).Scan(into); err != nil {
					t.Fatal(err)
				}
			}
			if people < before || people != counted || people != pairs || info.Rows["users"] != people {
				t.Errorf("law: a backup has all that was acknowledged before, and no halves; of %d it has %d people, counts %d, and %d have their event", before, people, counted, pairs)
			}
		}
	})
}

// reread lets a test write a backup's lines anew, as somebody would who does
// not have the master key.
func reread(t *testing.T, file io.Reader, change func(lines []string) []string) []byte {
	t.Helper()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	lines := change(slices.Collect(strings.Lines(string(text))))
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := io.WriteString(w, strings.Join(lines, "")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestBrokenBackupsChangeNothing tries files that are no whole backups.
func TestBrokenBackupsChangeNothing(t *testing.T) {
	source := storetest.SQLite(t)
	fill(t, storetest.Open(t, source))
	file := storetest.Backup(t, source)
	whole, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	truth, err := store.CheckBackup(bytes.NewReader(whole), storetest.Master())
	if err != nil {
		t.Fatal(err)
	}
	replace := func(old, with string) func([]string) []string {
		return func(lines []string) []string {
			text := strings.Join(lines, "")
			if !strings.Contains(text, old) {
				t.Fatalf("the backup has no %s", old)
			}
			return []string{strings.Replace(text, old, with, 1)}
		}
	}
	rewritten := func(change func([]string) []string) []byte { return reread(t, bytes.NewReader(whole), change) }
	for name, c := range map[string]struct {
		file []byte
		want error
	}{
		"nothing":                {nil, store.ErrNoBackup},
		"a text":                 {[]byte("-- a dump of another kind\n"), store.ErrNoBackup},
		"something compressed":   {rewritten(func([]string) []string { return []string{"[1]\n"} }), store.ErrNoBackup},
		"a newer format":         {rewritten(replace(`{"gatehouse_backup":1`, `{"gatehouse_backup":2`)), store.ErrNewer},
		"a newer schema":         {rewritten(replace(`"schema":`, `"schema":9`)), store.ErrNewer},
		"two of them":            {append(slices.Clone(whole), whole...), store.ErrBroken},
		"a row less":             {rewritten(func(l []string) []string { return slices.Delete(l, 2, 3) }), store.ErrBroken},
		"no end":                 {rewritten(func(l []string) []string { return l[:len(l)-1] }), store.ErrBroken},
		"a changed row":          {rewritten(replace("Ana", "Eve")), store.ErrBroken},
		"a table of no database": {rewritten(replace(`{"table":"users"`, `{"table":"sqlite_master"`)), store.ErrBroken},
		"a first line without an end": {rewritten(func([]string) []string {
			return []string{`{"gatehouse_backup":1,"rows":{` + strings.Repeat(`"a":1,`, 20_000) + `"b":1}}` + "\n"}
		}), store.ErrNoBackup},
		"a table with more columns than memory": {rewritten(func(l []string) []string {
			return []string{l[0], `{"table":"users","columns":[` + strings.Repeat(`{},`, 30_000) + `{}]}` + "\n"}
		}), store.ErrBroken},
		"a key of great length": {rewritten(func(l []string) []string {
			return []string{l[0], `{"table":"deployment_keys","columns":[]}` + "\n", `[` + strings.Repeat(`0,`, 40_000) + `0]` + "\n"}
		}), store.ErrBroken},
		"keys without an end": {rewritten(func(l []string) []string {
			lines := []string{l[0], `{"table":"deployment_keys","columns":[{"name":"name","kind":"text"}]}` + "\n"}
			for i := range 20_000 {
				lines = append(lines, fmt.Sprintf("[\"%d\"]\n", i))
			}
			return lines
		}), store.ErrBroken},
		"a changed row with the right checksum": {rewritten(func(l []string) []string {
			text := strings.Replace(strings.Join(l[:len(l)-1], ""), "Ana", "Eve", 1)
			before, sums := sha256.Sum256([]byte(strings.Join(l[:len(l)-1], ""))), sha256.Sum256([]byte(text))
			return []string{text, strings.Replace(l[len(l)-1], hex.EncodeToString(before[:]), hex.EncodeToString(sums[:]), 1)}
		}), store.ErrBroken},
	} {
		refusedWhole(t, name, c.file, storetest.Master(), c.want)
	}
	other, err := secret.ParseMaster(secret.NewMasterText())
	if err != nil {
		t.Fatal(err)
	}
	refusedWhole(t, "another master key", whole, other, store.ErrWrongMaster)

	for n := 0; n < len(whole); n += 1 + len(whole)/200 {
		if _, err := store.CheckBackup(bytes.NewReader(whole[:n]), storetest.Master()); !errors.Is(err, store.ErrBroken) && !errors.Is(err, store.ErrNoBackup) {
			t.Errorf("law: a backup that was cut short is not whole; with %d of %d bytes came %v", n, len(whole), err)
		}
	}
	refusedWhole(t, "a file without its last byte", whole[:len(whole)-1], storetest.Master(), store.ErrBroken)
	// Some bits of gzip mean nothing, such as those of its header's time.
	flipped, harmless := slices.Clone(whole), 0
	for at := 0; at < len(whole); at += 3 {
		bit := byte(1) << (at % 8)
		flipped[at] ^= bit
		if info, err := store.CheckBackup(bytes.NewReader(flipped), storetest.Master()); err == nil {
			if harmless++; !reflect.DeepEqual(info, truth) {
				t.Errorf("law: a damaged backup is refused, or says the same; with a bit of byte %d it says %+v", at, info)
			}
		} else if !known(err) {
			t.Errorf("law: a damaged backup is called so; with a bit of byte %d came %v", at, err)
		}
		flipped[at] ^= bit
	}
	if harmless > 12 {
		t.Errorf("law: a damaged backup is refused; of %d bytes %d could be changed", len(whole), harmless)
	}
}

// known reports whether an error says what is wrong with a backup.
func known(err error) bool {
	return slices.ContainsFunc([]error{store.ErrNoBackup, store.ErrBroken, store.ErrNewer, store.ErrWrongMaster}, func(e error) bool { return errors.Is(err, e) })
}

// refusedWhole requires a file to be refused before a database is made.
func refusedWhole(t *testing.T, name string, file []byte, master secret.Master, want error) {
	t.Helper()
	database := storetest.SQLite(t)
	_, err := store.Restore(t.Context(), store.Options{Database: database, Master: master}, bytes.NewReader(file), true)
	if !errors.Is(err, want) {
		t.Errorf("law: %s is refused with %q; got %v", name, want, err)
	}
	if _, err := os.Stat(strings.TrimPrefix(database, "sqlite:")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("law: of %s nothing is written; there is a database (%v)", name, err)
	}
}

// TestOnlyEmptyDatabasesAreRestored holds for people, and for the keys that a
// server makes when it is started on an empty database.
func TestOnlyEmptyDatabasesAreRestored(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		source := storetest.SQLite(t)
		fill(t, storetest.Open(t, source))
		file := storetest.Backup(t, source)
		s := storetest.Open(t, database)
		for _, state := range []string{"a server was started", "there are people"} {
			before := contents(t, database)
			if _, err := store.Restore(t.Context(), options(database), file, true); !errors.Is(err, store.ErrFilled) {
				t.Errorf("law: a database on which %s is not restored; got %v", state, err)
			}
			if after := contents(t, database); !reflect.DeepEqual(before, after) {
				t.Errorf("law: a refused restore changes nothing; where %s it did", state)
			}
			rewind(t, file)
			fill(t, s)
		}
	})
}

// dying is a file that cannot be read to its end the second time.
type dying struct {
	*bytes.Reader
	again bool
}

// Seek begins the second reading.
func (d *dying) Seek(offset int64, whence int) (int64, error) {
	d.again = true
	return d.Reader.Seek(offset, whence)
}

// Read fails in the midst of it.
func (d *dying) Read(p []byte) (int, error) {
	if d.again && d.Reader.Len() < int(d.Reader.Size())/2 {
		return 0, errWanted
	}
	return d.Reader.Read(p[:min(len(p), 512)])
}

// TestHalfARestoreIsNone breaks off a restore in the midst of its rows.
func TestHalfARestoreIsNone(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		source := storetest.SQLite(t)
		f := fill(t, storetest.Open(t, source))
		oddRows(t, source, f.pool.ID)
		file := storetest.Backup(t, source)
		if _, err := store.Restore(t.Context(), options(database), &dying{Reader: file}, true); !errors.Is(err, errWanted) {
			t.Fatalf("law: a file that cannot be read is not restored; got %v", err)
		}
		for table, rows := range contents(t, database) {
			if len(rows) != 0 {
				t.Errorf("law: a restore that was broken off leaves no rows; there are %d in %s", len(rows), table)
			}
		}
		rewind(t, file)
		if _, err := store.Restore(t.Context(), options(database), file, true); err != nil {
			t.Errorf("law: after a restore that was broken off, another succeeds; got %v", err)
		}
		if got, want := maps.Clone(contents(t, database)), contents(t, source); !reflect.DeepEqual(got["users"], want["users"]) {
			t.Errorf("law: and it is whole; got %v", got["users"])
		}
	})
}

// slow is a file whose second reading begins with naps.
type slow struct {
	*bytes.Reader
	naps  int
	again bool
}

// Seek begins the second reading.
func (s *slow) Seek(offset int64, whence int) (int64, error) {
	s.again = true
	return s.Reader.Seek(offset, whence)
}

// Read naps for less than a connection may be idle.
func (s *slow) Read(p []byte) (int, error) {
	if s.again && s.naps > 0 {
		s.naps--
		time.Sleep(4 * time.Second)
	}
	return s.Reader.Read(p[:min(len(p), 512)])
}

// TestRestoreTakesItsTime restores a backup that takes longer than any request's
// transaction may.
func TestRestoreTakesItsTime(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes 12 seconds")
	}
	for engine, database := range engines() {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			from := database(t)
			s := storetest.Open(t, from)
			f := fill(t, s)
			oddRows(t, from, f.pool.ID)
			if _, err := store.Restore(t.Context(), options(database(t)), &slow{Reader: storetest.Backup(t, from), naps: 3}, false); err != nil {
				t.Errorf("law: a restore takes as long as it takes; got %v", err)
			}
		})
	}
}

// TestBackupIntoNowhere has a writer that fails.
func TestBackupIntoNowhere(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		if _, err := store.Backup(t.Context(), options(database), io.Discard); !errors.Is(err, store.ErrNoSchema) {
			t.Errorf("law: of nothing there is no backup; got %v", err)
		}
		fill(t, storetest.Open(t, database))
		r, w := io.Pipe()
		if err := r.CloseWithError(errWanted); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Backup(t.Context(), options(database), w); !errors.Is(err, errWanted) {
			t.Errorf("law: a backup that cannot be written says so; got %v", err)
		}
		other, err := secret.ParseMaster(secret.NewMasterText())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Backup(t.Context(), store.Options{Database: database, Master: other}, io.Discard); !errors.Is(err, store.ErrWrongMaster) {
			t.Errorf("law: a backup that its owner could not open is not taken; got %v", err)
		}
	})
}
