package storetest_test

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// injections are texts that mean something to a database, to a pattern, or to
// whoever forgets to quote.
func injections() []string {
	all := []string{
		`'`, `''`, `"`, "`", `\`, `\'`, `';`, `'--`, `' --`, `'#`, `'/*`, `*/`, `%27`, `%2527`, `%`, `%%`, `_%`, `$1`, `$2`, `$1'`, `?`, `??`, `:1`, `:name`, `@p1`, `{}`, `%s`, `%d%n`,
		`' OR '1'='1`, `' OR 1=1 --`, `' OR 1=1 #`, `" OR ""="`, `') OR ('1'='1`, `')) OR 1=1 --`, `1 OR 1=1`, `1) OR (1=1`, `' OR 'x' LIKE '%`, `x' AND 1=0 UNION SELECT 1 --`, `admin'--`, `admin' /*`,
		`' UNION SELECT * FROM users --`, `' UNION ALL SELECT pool, id, hash FROM api_keys --`, `') UNION SELECT name, sealed FROM deployment_keys --`, `1 UNION SELECT NULL,NULL,NULL`,
		`'; DROP TABLE users; --`, `'; DELETE FROM users; --`, `'; UPDATE users SET disabled = TRUE; --`, `'; INSERT INTO users VALUES (1); --`, `'; TRUNCATE users; --`, `; DROP TABLE pools`, `'); DROP TABLE users CASCADE; --`,
		`'; ATTACH DATABASE '/x' AS x; --`, `'; PRAGMA writable_schema=1; --`, `'; VACUUM INTO '/x'; --`, `'; COPY users TO '/x'; --`, `'; SELECT pg_sleep(30); --`, `' || pg_sleep(30) || '`, `' AND (SELECT pg_sleep(30)) IS NULL --`,
		`' || (SELECT sealed FROM deployment_keys LIMIT 1) || '`, `' AND load_extension('x') --`, `' AND randomblob(1000000000) --`, `' || current_user || '`, `' AND 1=CAST((SELECT version()) AS int) --`, `' AND ascii(substr((SELECT name FROM pools),1,1))>64 --`,
		`id; --`, `id DESC, (SELECT 1)`, `(CASE WHEN 1=1 THEN id ELSE email END)`, `1`, `id, email`, `users.id`, `"id"`, `id COLLATE NOCASE`, `created_at DESC`, `rowid`, `ctid`, `oid`, `_rowid_`, `pool`, `email_key`, `secret`, `random()`, `pg_sleep(30)`, `NULL`, `null`, `true`,
		"a\nb' OR 1=1", "a\rb'", "a\tb'", "'\u2028--", "ʼ OR 1=1 --", "＇ OR 1=1 --", "\u02b9", "\ufe68'", "\\\u0027", "\xbf\x27 OR 1=1 --", "\xbf\\' OR 1=1", "\xff\xfe", "\xed\xa0\x80'", "a\x00' OR 1=1 --", "\x00", `a\u0000b'`, `\x27`, `\047`, `$$; DROP TABLE users; $$`, `$tag$ x $tag$`, `E'\''`, `U&'\0027'`,
		strings.Repeat("'", 1000), strings.Repeat("%", 30_000), strings.Repeat("_", 60_000), strings.Repeat("(", 5000), strings.Repeat("a' OR ", 20_000), strings.Repeat("\u0130\ufdfa'", 5000), strings.Repeat("\\", 25_000),
	}
	return all
}

// head is the beginning of a text, without cutting a character.
func head(text string) string {
	n := min(len(text), 60)
	for n < len(text) && n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// TestX6SQLInjection is abuse case X6: no text that comes from outside is read
// as a part of a statement.
func TestX6SQLInjection(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		f, other := fill(t, s), fill(t, s)
		all := injections()
		if len(all) < 60 {
			t.Fatalf("the corpus has %d texts in place of 60", len(all))
		}
		tables := storetest.Tables(t, db)
		before, theirs := storetest.Dump(t, db, f.pool.ID), storetest.Dump(t, db, other.pool.ID)

		for _, text := range all {
			shown := head(text)
			// calm states that the text found nothing and broke nothing.
			calm := func(where string, err error, found bool) {
				t.Helper()
				if found {
					t.Errorf("law: a hostile text finds nothing; as %s %q did", where, shown)
				}
				if !coded(err) {
					t.Errorf("law: a hostile text is no fault of ours; as %s %q gave %v", where, shown, err)
				}
			}
			ask := func(where string, q core.Query) {
				t.Helper()
				q.Size = 10
				err := f.bound.View(context.Background(), func(tx *store.Tx) error {
					users, n, _, err := tx.Users(q)
					calm(where, err, len(users) > 0 || n > 0)
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			for name, c := range columns() {
				ops := []core.Operator{core.OpEquals, core.OpContains}
				switch {
				case name == "email":
					ops = append(ops, core.OpIn, core.OpContainsAny)
				case len(text) > 1000:
					continue // one column shows what length does
				}
				for _, op := range ops {
					// Parts of what is there are found rightly.
					if value, isText := c.value(f.user).(string); isText && strings.Contains(value, core.Fold(text)) {
						continue
					}
					ask(fmt.Sprintf("a value of %s (%s)", name, op), core.Query{Conditions: []core.Condition{{Field: name, Op: op, Values: []any{text}}}})
				}
			}
			for _, op := range []core.Operator{core.OpEquals, core.OpIn, core.OpContains, core.OpContainsAny, core.OpGreater, core.OpLess} {
				ask("a profile field's name", core.Query{Conditions: []core.Condition{{Field: "profile", Name: text, Op: op, Values: []any{"ana"}}}})
			}
			ask("a profile field's name", core.Query{Conditions: []core.Condition{{Field: "profile", Name: text, Op: core.OpExists, Values: []any{true}}}})
			ask("a profile value", core.Query{Conditions: []core.Condition{{Field: "profile", Name: "first_name", Op: core.OpEquals, Values: []any{text}}}})
			ask("an order", core.Query{OrderBy: text})
			ask("a cursor", core.Query{After: text})

			for where, look := range map[string]func(tx *store.Tx) error{
				"a user's id":    func(tx *store.Tx) error { _, err := tx.User(core.UserID(text)); return err },
				"an e-mail":      func(tx *store.Tx) error { _, err := tx.UserByEmail(text); return err },
				"a username":     func(tx *store.Tx) error { _, err := tx.UserByUsername(text); return err },
				"a flow's id":    func(tx *store.Tx) error { _, err := tx.Flow(core.FlowID(text)); return err },
				"a session's id": func(tx *store.Tx) error { _, _, err := tx.LiveSession(core.SessionID(text)); return err },
				"a purpose":      func(tx *store.Tx) error { _, err := tx.Ticket(core.TicketPurpose(text), f.hash); return err },
				"a hash":         func(tx *store.Tx) error { _, err := tx.AccessToken([]byte(text)); return err },
				"a refresh hash": func(tx *store.Tx) error { _, err := tx.RefreshToken([]byte(text)); return err },
				"a note's name":  func(tx *store.Tx) error { _, err := tx.Note("face", text); return err },
				"a face":         func(tx *store.Tx) error { _, err := tx.Note(text, f.note); return err },
				"a key's kind":   func(tx *store.Tx) error { _, err := tx.ShowKey(core.KeyKind(text)); return err },
				"a pool's id":    func(*store.Tx) error { _, err := s.Across().Pool(context.Background(), core.PoolID(text)); return err },
				"a pool's name":  func(*store.Tx) error { _, err := s.Across().PoolNamed(context.Background(), text); return err },
				"a host":         func(*store.Tx) error { _, err := s.Across().PoolAt(context.Background(), text); return err },
				"an application": func(*store.Tx) error {
					_, _, err := s.Across().Application(context.Background(), core.ApplicationID(text))
					return err
				},
				"a key's hash": func(*store.Tx) error { _, err := s.Across().Key(context.Background(), []byte(text)); return err },
			} {
				err := f.bound.View(context.Background(), look)
				calm(where, err, err == nil)
			}
			for where, write := range map[string]func(tx *store.Tx) error{
				"a user to delete": func(tx *store.Tx) error { return tx.DeleteUser(core.UserID(text)) },
				"a pool's secret":  func(tx *store.Tx) error { return tx.DeletePoolSecret(text) },
				"a hash to renew":  func(tx *store.Tx) error { return tx.RenewPassword(f.user.ID, text, text) },
				"a key to revoke":  func(tx *store.Tx) error { return tx.RevokeKey(core.KeyID(text)) },
				"a session to end": func(tx *store.Tx) error { _, err := tx.EndSession(core.SessionID(text)); return err },
				"sessions to end": func(tx *store.Tx) error {
					_, err := tx.EndSessionsOf(core.UserID(text), core.SessionID(text))
					return err
				},
				"a ticket's subject":  func(tx *store.Tx) error { return tx.VoidTickets(core.TicketPurpose(text), text) },
				"somebody to forgive": func(tx *store.Tx) error { return tx.Forgive(text) },
				"a user to update": func(tx *store.Tx) error {
					return tx.UpdateUser(core.User{ID: core.UserID(text), Phone: text, Version: 1})
				},
			} {
				calm(where, f.bound.Update(context.Background(), write), false)
			}
			calm("a pepper", s.Across().ForgetPepper(context.Background(), text), false)
		}
		if after := storetest.Dump(t, db, f.pool.ID); !reflect.DeepEqual(before, after) {
			t.Errorf("law: looking changes nothing; the rows are\n%v\nin place of\n%v", after, before)
		}

		// What is stored is stored as it is, or not at all.
		for i, text := range all {
			storable := utf8.ValidString(text) && !strings.ContainsRune(text, 0)
			u := person(fmt.Sprint("u", i))
			u.Username, u.Phone, u.LastLoginAddress, u.AcceptedTerms = fmt.Sprint(i, head(text)), text, text, text
			u.Profile = core.Profile{text: text}
			note := fmt.Sprint(i, head(text))
			err := f.bound.Update(context.Background(), func(tx *store.Tx) error {
				if err := tx.CreateUser(u); err != nil {
					return err
				}
				if err := tx.Record(core.Event{Name: core.EventName(text), Target: text, Reason: text, Data: map[string]string{text: text}}); err != nil {
					return err
				}
				if err := tx.PutNote("face", note, text, soon(time.Hour)); err != nil {
					return err
				}
				return tx.PutSession(core.Session{ID: core.SessionID(note), User: u.ID, Address: text, UserAgent: text, ExpiresAt: soon(time.Hour)})
			})
			if !coded(err) || (err == nil) != storable {
				t.Errorf("law: a text is stored if and only if it is UTF-8 without NUL; %q gave %v", head(text), err)
				continue
			}
			if err != nil {
				continue
			}
			view(t, f.bound, func(tx *store.Tx) error {
				session, user, err := tx.LiveSession(core.SessionID(note))
				if err != nil {
					return err
				}
				data, err := tx.Note("face", note)
				if err != nil {
					return err
				}
				events, err := tx.Events(1)
				if err != nil {
					return err
				}
				for _, got := range []string{user.Username[len(fmt.Sprint(i)):], user.Phone, user.LastLoginAddress, user.AcceptedTerms, user.Profile[text], session.Address, session.UserAgent, data, events[0].Target, events[0].Reason, events[0].Data[text]} {
					if got != text && got != head(text) {
						t.Errorf("law: what is stored comes back as it was; %q came back as %.60q", head(text), got)
					}
				}
				return nil
			})
		}
		if after := storetest.Dump(t, db, other.pool.ID); !reflect.DeepEqual(theirs, after) {
			t.Errorf("law: no text reaches another pool; its rows are\n%v\nin place of\n%v", after, theirs)
		}
		if after := storetest.Tables(t, db); !reflect.DeepEqual(tables, after) {
			t.Errorf("law: no text changes the tables; they are %v in place of %v", after, tables)
		}
	})
}
