package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

func TestFailedUpdateLeavesNothing(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		f := fill(t, s)
		<-s.Queued(core.ChannelMail) // of the filling
		var told []store.Change
		s.Watch(func(c store.Change) { told = append(told, c) })
		before := storetest.Dump(t, db, f.pool.ID)
		everything := func(tx *store.Tx) error {
			user := f.user
			user.Phone = "+2"
			return errors.Join(
				tx.CreateUser(person("bob")), tx.UpdateUser(user), tx.CompleteFlow(f.flow), tx.Send(core.Message{ID: core.NewMessageID()}),
				tx.Record(core.Event{Name: core.EventUserCreated}), tx.RevokeKey(f.key.ID), tx.Forgive(f.subject), tx.DeleteUser(f.user.ID),
			)
		}
		for law, fn := range map[string]func(tx *store.Tx) error{
			"an error at the end undoes everything": func(tx *store.Tx) error { return errors.Join(everything(tx), errWanted) },
			"a panic undoes everything": func(tx *store.Tx) error {
				if err := everything(tx); err != nil {
					return err
				}
				panic("wanted by the test")
			},
		} {
			err := f.bound.Update(context.Background(), fn)
			if err == nil || !strings.Contains(err.Error(), "wanted by the test") {
				t.Errorf("law: the error of a closure comes back, and a panic is one; got %v", err)
			}
			if after := storetest.Dump(t, db, f.pool.ID); !reflect.DeepEqual(before, after) {
				t.Errorf("law: %s; the rows are\n%v\nin place of\n%v", law, after, before)
			}
			if len(told) != 0 {
				t.Errorf("law: what was undone is told to nobody; %v was", told)
			}
			select {
			case <-s.Queued(core.ChannelMail):
				t.Error("law: a message that was undone wakes nobody")
			default:
			}
		}
		// The store goes on.
		update(t, f.bound, func(tx *store.Tx) error { return tx.CreateUser(person("carl")) })
	})
}

func TestGroupCommitKeepsWhatItAcknowledges(t *testing.T) {
	const writers, each = 64, 20
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		var mu sync.Mutex
		acknowledged := make(map[core.UserID]bool)
		storetest.Together(writers, func(i int) {
			for n := range each {
				u := person(fmt.Sprintf("u%d-%d", i, n))
				err := b.Update(context.Background(), func(tx *store.Tx) error {
					if err := tx.CreateUser(u); err != nil {
						return err
					}
					if n%5 == 4 {
						return errWanted
					}
					if n%7 == 6 {
						panic("wanted by the test")
					}
					return nil
				})
				mu.Lock()
				acknowledged[u.ID] = err == nil
				mu.Unlock()
			}
		})
		there := everybody(t, b)
		for id, ok := range acknowledged {
			if slices.Contains(there, id) != ok {
				t.Errorf("law: what was acknowledged is there and what was refused is not; %s was acknowledged: %t", id, ok)
			}
		}
		if len(acknowledged) != writers*each || len(there) == 0 {
			t.Errorf("this test made %d writes and %d people", len(acknowledged), len(there))
		}
	})
}

// everybody lists the ids of a pool's people by paging.
func everybody(t *testing.T, b store.Bound) []core.UserID {
	t.Helper()
	var all []core.UserID
	for q := (core.Query{Size: core.MaxPage}); ; {
		view(t, b, func(tx *store.Tx) error {
			users, _, next, err := tx.Users(q)
			for _, u := range users {
				all = append(all, u.ID)
			}
			q.After = next
			return err
		})
		if q.After == "" {
			return all
		}
	}
}

// TestCancelledCallersHurtNobody cancels at any moment: before the turn, in
// the middle, during the commit.
func TestCancelledCallersHurtNobody(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b := demo(t, s)
		var mu sync.Mutex
		outcomes := make(map[string]error)
		for round := range storetest.Rounds(t) {
			storetest.Together(64, func(i int) {
				note := fmt.Sprintf("%d-%d", round, i)
				ctx, cancel := context.WithCancel(context.Background())
				defer cancel()
				switch i % 4 {
				case 0:
					cancel()
				case 1, 2:
					time.AfterFunc(time.Duration(rand.IntN(8000))*time.Microsecond, cancel)
				}
				err := b.Update(ctx, func(tx *store.Tx) error {
					if err := tx.PutNote("one", note, "x", soon(time.Hour)); err != nil {
						return err
					}
					if i%4 == 2 {
						cancel()
					}
					return tx.PutNote("two", note, "x", soon(time.Hour))
				})
				mu.Lock()
				outcomes[note] = err
				mu.Unlock()
				if i%4 == 3 && err != nil {
					t.Errorf("law: one caller's cancelled context does not hurt another; got %v", err)
				}
				if i%4 == 0 && !errors.Is(err, context.Canceled) {
					t.Errorf("law: a caller who gave up before is told so; got %v", err)
				}
			})
		}
		written := make(map[string]int)
		rows, err := db.QueryContext(context.Background(), `SELECT name FROM notes`)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			if err := rows.Scan(&name); err != nil {
				t.Fatal(err)
			}
			written[name]++
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		for note, err := range outcomes {
			if want := map[bool]int{true: 2, false: 0}[err == nil]; written[note] != want {
				t.Errorf("law: an error means that nothing was written, and none that all was; %v and %d of 2 rows", err, written[note])
			}
		}
	})
}

// TestLostUpdate has many hands on one person: none of what they add gets lost.
func TestLostUpdate(t *testing.T) {
	const hands, each = 16, 8
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		u := person("ana")
		update(t, b, func(tx *store.Tx) error { return tx.CreateUser(u) })
		storetest.Together(hands, func(i int) {
			for n := range each {
				key, value := fmt.Sprintf("k%d_%d", i, n), "v"
				err := b.Update(context.Background(), func(tx *store.Tx) error {
					got, err := tx.User(u.ID)
					if err != nil {
						return err
					}
					got.Profile = got.Profile.Merge(map[string]*string{key: &value})
					return tx.UpdateUser(got)
				})
				if err != nil {
					t.Errorf("law: a change that was overtaken is made again; got %v", err)
				}
			}
		})
		view(t, b, func(tx *store.Tx) error {
			got, err := tx.User(u.ID)
			if err != nil {
				return err
			}
			if len(got.Profile) != hands*each || got.Version != 1+hands*each {
				t.Errorf("law: no update is lost; %d of %d keys are there, at version %d", len(got.Profile), hands*each, got.Version)
			}
			// The values to search by follow.
			_, n, _, err := tx.Users(core.Query{Size: 1, Conditions: []core.Condition{
				{Field: "profile", Name: "k0_0", Op: core.OpEquals, Values: []any{"v"}}, {Field: "profile", Name: "k15_7", Op: core.OpEquals, Values: []any{"V"}},
			}})
			if n != 1 {
				t.Errorf("law: a merged profile is found by what it holds; %d were", n)
			}
			return err
		})
	})
}

func TestKeptCountEqualsCounted(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b, other := demo(t, s), demo(t, s)
		storetest.Together(16, func(i int) {
			for n := range 12 {
				u := person(fmt.Sprintf("u%d-%d", i, n))
				for _, bound := range []store.Bound{b, other}[:1+n%2] {
					if err := bound.Update(context.Background(), func(tx *store.Tx) error { return tx.CreateUser(u) }); err != nil {
						t.Errorf("creating: %v", err)
					}
				}
				// Twice: the second one finds nobody and must not be counted.
				for range 2 {
					if n%3 == 0 {
						err := b.Update(context.Background(), func(tx *store.Tx) error { return tx.DeleteUser(u.ID) })
						if err != nil && !core.Is(err, core.CodeNotFound) {
							t.Errorf("deleting: %v", err)
						}
					}
				}
				err := b.Update(context.Background(), func(tx *store.Tx) error {
					return errors.Join(tx.CreateUser(person(fmt.Sprintf("undone%d-%d", i, n))), errWanted)
				})
				if !errors.Is(err, errWanted) {
					t.Errorf("undoing: %v", err)
				}
			}
		})
		for _, bound := range []store.Bound{b, other} {
			view(t, bound, func(tx *store.Tx) error {
				_, kept, _, err := tx.Users(core.Query{Size: 1})
				if err != nil {
					return err
				}
				var counted int64
				err = db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM users WHERE pool = $1`, string(tx.Caller().Pool)).Scan(&counted)
				if kept != counted || counted == 0 {
					t.Errorf("law: the kept count is what counting gives; it is %d in place of %d", kept, counted)
				}
				return err
			})
		}
	})
}

func TestClosedStoreRefuses(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		if _, err := store.Migrate(t.Context(), database); err != nil {
			t.Fatal(err)
		}
		s, err := store.Open(t.Context(), store.Options{Database: database, Master: storetest.Master(), UnsafeDurability: true})
		if err != nil {
			t.Fatal(err)
		}
		b := demo(t, s)
		acknowledged := make(chan string, 1000)
		done := make(chan struct{})
		go func() {
			defer close(done)
			storetest.Together(16, func(i int) {
				for n := range 50 {
					note := fmt.Sprintf("%d-%d", i, n)
					if err := b.Update(context.Background(), func(tx *store.Tx) error { return tx.PutNote("f", note, "x", soon(time.Hour)) }); err != nil {
						return
					}
					acknowledged <- note
				}
			})
		}()
		first := <-acknowledged
		if err := s.Close(); err != nil {
			t.Errorf("law: a store closes amid writes; got %v", err)
		}
		<-done
		close(acknowledged)
		if err := b.Update(context.Background(), func(*store.Tx) error { return nil }); err == nil {
			t.Error("law: a closed store takes no writes")
		}
		again := storetest.Open(t, database).As(storetest.Caller(poolOf(t, b)))
		view(t, again, func(tx *store.Tx) error {
			for note, ok := first, true; ok; note, ok = <-acknowledged {
				if _, err := tx.Note("f", note); err != nil {
					t.Errorf("law: what was acknowledged before the end is there after it; of %s came %v", note, err)
				}
			}
			return nil
		})
	})
}

// poolOf asks a bound store for its pool, without the database.
func poolOf(t *testing.T, b store.Bound) core.PoolID {
	t.Helper()
	var id core.PoolID
	view(t, b, func(tx *store.Tx) error { id = tx.Caller().Pool; return nil })
	return id
}
