package storetest_test

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// sessionColumns are the fields that sessions can be searched and sorted by,
// said once more in Go.
func sessionColumns() map[string]func(s core.LiveSession) any {
	return map[string]func(s core.LiveSession) any{
		"id":         func(s core.LiveSession) any { return string(s.Session.ID) },
		"user":       func(s core.LiveSession) any { return string(s.Session.User) },
		"token":      func(s core.LiveSession) any { return string(s.Token.ID) },
		"email":      func(s core.LiveSession) any { return core.Fold(s.Token.User.Email) },
		"username":   func(s core.LiveSession) any { return core.Fold(s.Token.User.Username) },
		"enabled":    func(s core.LiveSession) any { return !s.Token.User.Disabled },
		"created_at": func(s core.LiveSession) any { return s.Session.CreatedAt },
		"expires_at": func(s core.LiveSession) any { return s.Session.ExpiresAt },
	}
}

// sessionCrowd makes people with two sessions each, of which the second was
// refreshed, and some sessions that are over. It returns what lives.
func sessionCrowd(t *testing.T, b store.Bound) []core.LiveSession {
	t.Helper()
	begin := soon(-time.Hour)
	var live []core.LiveSession
	update(t, b, func(tx *store.Tx) error {
		live = nil
		for i, name := range []string{"ana", "Bob", "Ä1", "o'neil", "a_b", "a%b", "ж"} {
			u := person(name)
			u.Disabled = i == 3
			u.Profile = core.Profile{"colour": []string{"Red", "GREEN", "100%"}[i%3]}
			if err := tx.CreateUser(u); err != nil {
				return err
			}
			for n := range 4 {
				s := core.Session{ID: core.NewSessionID(), User: u.ID, Address: "192.0.2.1", UserAgent: "x", CreatedAt: begin.Add(time.Duration(i%3) * time.Second), ExpiresAt: soon(time.Duration(1+i%2) * time.Hour)}
				if n == 2 {
					s.ExpiresAt = begin
				}
				if err := tx.PutSession(s); err != nil {
					return err
				}
				var token core.AccessToken
				for range 1 + n%2 { // a refresh gives a second one
					token = core.AccessToken{ID: core.NewTokenID(), Pool: tx.Caller().Pool, Session: s.ID, User: u, CreatedAt: soon(0), ExpiresAt: soon(time.Hour)}
					if err := tx.PutAccess([]byte(token.ID), token); err != nil {
						return err
					}
				}
				switch n {
				case 3:
					if _, err := tx.EndSession(s.ID); err != nil {
						return err
					}
				case 0, 1:
					live = append(live, core.LiveSession{Session: s, Token: token})
				}
			}
		}
		return nil
	})
	return live
}

// pagesOf visits every page of a query.
func pagesOf(t *testing.T, b store.Bound, q core.Query) (all []core.LiveSession, total int64) {
	t.Helper()
	for n := 0; ; n++ {
		view(t, b, func(tx *store.Tx) error {
			sessions, count, next, err := tx.Sessions(q)
			all, total, q.After = append(all, sessions...), count, next
			return err
		})
		if q.After == "" {
			return all, total
		}
		if n > 1000 {
			t.Fatal("law: paging comes to an end")
		}
	}
}

func sameSessions(got, want []core.LiveSession) bool {
	return slices.EqualFunc(got, want, func(a, b core.LiveSession) bool {
		return reflect.DeepEqual(a.Session, b.Session) && a.Token.ID == b.Token.ID && a.Token.User.ID == b.Token.User.ID
	})
}

// TestPagingVisitsEverySessionOnce pages by every field in both directions, and
// compares with sorting in Go.
func TestPagingVisitsEverySessionOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		live := sessionCrowd(t, b)
		sessionCrowd(t, demo(t, s))
		for name, of := range sessionColumns() {
			for _, descending := range []bool{false, true} {
				want := slices.Clone(live)
				slices.SortFunc(want, func(x, y core.LiveSession) int {
					by := cmp.Or(order(of(x), of(y)), cmp.Compare(x.Session.ID, y.Session.ID))
					if descending {
						return -by
					}
					return by
				})
				for _, size := range []int{1, 5, 200} {
					got, total := pagesOf(t, b, core.Query{OrderBy: name, Descending: descending, Size: size})
					if !sameSessions(got, want) || total != int64(len(live)) {
						t.Errorf("law: paging visits every living session once; by %s (descending: %t) in pages of %d it gave %d and counted %d in place of %d", name, descending, size, len(got), total, len(want))
					}
				}
			}
		}
	})
}

// TestEverySessionFilter compares each filter with its meaning said in Go.
func TestEverySessionFilter(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		live := sessionCrowd(t, b)
		byID := func(x, y core.LiveSession) int { return cmp.Compare(x.Session.ID, y.Session.ID) }
		check := func(c core.Condition, holds func(s core.LiveSession) bool) {
			t.Helper()
			want := slices.DeleteFunc(slices.Clone(live), func(s core.LiveSession) bool { return !holds(s) })
			slices.SortFunc(want, byID)
			got, total := pagesOf(t, b, core.Query{Conditions: []core.Condition{c}, OrderBy: "id", Size: 3})
			if !sameSessions(got, want) || total != int64(len(want)) {
				t.Errorf("law: a filter finds what it means, and counts it; %+v found %d and counted %d in place of %d", c, len(got), total, len(want))
			}
		}
		sample := live[5]
		for name, of := range sessionColumns() {
			value := of(sample)
			for op, fits := range map[core.Operator]func(by int) bool{
				core.OpEquals: func(by int) bool { return by == 0 }, core.OpGreater: func(by int) bool { return by > 0 }, core.OpAtLeast: func(by int) bool { return by >= 0 },
				core.OpLess: func(by int) bool { return by < 0 }, core.OpAtMost: func(by int) bool { return by <= 0 },
			} {
				check(core.Condition{Field: name, Op: op, Values: []any{value}}, func(s core.LiveSession) bool { return fits(order(of(s), value)) })
			}
			check(core.Condition{Field: name, Op: core.OpIn, Values: []any{value, of(live[0])}}, func(s core.LiveSession) bool { return order(of(s), value) == 0 || order(of(s), of(live[0])) == 0 })
			text, ok := value.(string)
			if !ok {
				continue
			}
			part := text[len(text)/3 : len(text)/2]
			for _, part := range []string{part, "%", "_", "'"} {
				check(core.Condition{Field: name, Op: core.OpContains, Values: []any{part}}, func(s core.LiveSession) bool { return strings.Contains(of(s).(string), part) })
			}
		}
		for _, value := range []string{"red", "green", "100%"} {
			check(core.Condition{Field: "profile", Name: "colour", Op: core.OpEquals, Values: []any{value}}, func(s core.LiveSession) bool { return core.Fold(s.Token.User.Profile["colour"]) == value })
		}
		check(core.Condition{Field: "profile", Name: "size", Op: core.OpExists, Values: []any{true}}, func(core.LiveSession) bool { return false })
		check(core.Condition{Op: core.OpNever}, func(core.LiveSession) bool { return false })
	})
}

// TestSessionCursorIsBoundToItsPerson holds for the condition that keeps a
// person to their own sessions: another's cursor leads nowhere.
func TestSessionCursorIsBoundToItsPerson(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		live := sessionCrowd(t, b)
		of := func(u core.UserID) core.Query {
			return core.Query{Size: 1, Conditions: []core.Condition{{Field: "user", Op: core.OpEquals, Values: []any{string(u)}}}}
		}
		q := of(live[0].Session.User)
		var next string
		view(t, b, func(tx *store.Tx) (err error) { _, _, next, err = tx.Sessions(q); return err })
		if next == "" {
			t.Fatal("this test needs a second page")
		}
		for what, q := range map[string]core.Query{"another person": of(live[2].Session.User), "everybody": {Size: 1}} {
			q.After = next
			err := b.View(context.Background(), func(tx *store.Tx) error { _, _, _, err := tx.Sessions(q); return err })
			if !core.Is(err, core.CodeInvalid) {
				t.Errorf("law: a cursor of one person's sessions opens nothing of %s; got %v", what, err)
			}
		}
		err := b.View(context.Background(), func(tx *store.Tx) error {
			_, _, _, err := tx.Users(core.Query{Size: 1, After: next})
			return err
		})
		if !core.Is(err, core.CodeInvalid) {
			t.Errorf("law: a cursor of sessions opens no list of people; got %v", err)
		}
	})
}

func TestExpiredPasswords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := fill(t, s)
		state := func(tx *store.Tx) string {
			all, err := passwordsOf(tx, f.user.ID)
			if err != nil {
				t.Fatal(err)
			}
			due, expired := false, 0
			for _, a := range all {
				due = due || a.Due(time.Hour, tx.Now())
				if !a.ExpiredAt.IsZero() {
					expired++
				}
			}
			return fmt.Sprint(due, len(all), expired)
		}
		update(t, f.bound, func(tx *store.Tx) error {
			if got := state(tx); got != "false 1 0" {
				t.Errorf("law: a password is due for no change at first; got %s", got)
			}
			all, err := passwordsOf(tx, f.user.ID)
			if err != nil || !all[0].Due(time.Microsecond, tx.Now().Add(time.Second)) {
				t.Errorf("law: a password that is too old is due; got %v, %v", all, err)
			}
			for _, want := range []bool{true, false} {
				if expired, err := tx.ExpirePassword(f.user.ID); err != nil || expired != want {
					t.Errorf("law: a password expires once; got %t, %v", expired, err)
				}
			}
			if got := state(tx); got != "true 1 1" {
				t.Errorf("law: an expired password is due; got %s", got)
			}
			if err := tx.PutPassword(core.Authenticator{ID: core.NewAuthenticatorID(), User: f.user.ID, Secret: "next"}); err != nil {
				return err
			}
			if got := state(tx); got != "false 1 0" {
				t.Errorf("law: a new password is due for no change; got %s", got)
			}
			all, err = passwordsOf(tx, f.user.ID)
			if err != nil {
				return err
			}
			if _, err := tx.DeleteAuthenticator(core.NewUserID(), all[0].ID); !core.Is(err, core.CodeNotFound) {
				t.Errorf("law: an authenticator is removed from its own person; got %v", err)
			}
			if kind, err := tx.DeleteAuthenticator(f.user.ID, all[0].ID); err != nil || kind != core.AuthenticatorPassword {
				t.Errorf("law: what is removed says what it was; got %s, %v", kind, err)
			}
			if _, err := tx.DeleteAuthenticator(f.user.ID, all[0].ID); !core.Is(err, core.CodeNotFound) {
				t.Errorf("law: an authenticator is removed once; got %v", err)
			}
			if expired, err := tx.ExpirePassword(f.user.ID); err != nil || expired {
				t.Errorf("law: nobody's password expires; got %t, %v", expired, err)
			}
			if got := state(tx); got != "false 0 0" {
				t.Errorf("law: who has no password has none that is due; got %s", got)
			}
			return nil
		})
	})
}
