package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// follow lets a store read the changes of others until the test ends, and
// waits until it may remember.
func follow(t *testing.T, s *store.Store) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Follow(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	m := store.NewMemo[int](s, 1)
	eventually(t, "a store that follows remembers", func() bool {
		get(t, m, "probe", 1, store.Change{Kind: "probe"})
		return m.Len() == 1
	})
}

func get[V any](t *testing.T, m *store.Memo[V], key string, value V, needs ...store.Change) V {
	t.Helper()
	got, err := m.Get(key, func() (V, []store.Change, error) { return value, needs, nil })
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// told collects the changes that a store hears of.
type told struct {
	mu  sync.Mutex
	all []store.Change
}

func (w *told) hear(c store.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, c)
}

func (w *told) heard(c store.Change) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := 0
	for _, other := range w.all {
		if other == c {
			n++
		}
	}
	return n
}

// changing is everything that others must hear of, by what they hear.
func changing(f filled) map[store.Change]func(tx *store.Tx) error {
	pool := f.pool.ID
	return map[store.Change]func(tx *store.Tx) error{
		{Pool: pool, Kind: store.ChangeSession, Ref: string(f.session.ID)}: func(tx *store.Tx) error { _, err := tx.EndSession(f.session.ID); return err },
		{Pool: pool, Kind: store.ChangeUser, Ref: string(f.user.ID)}: func(tx *store.Tx) error {
			u, err := tx.User(f.user.ID)
			if err != nil {
				return err
			}
			u.Disabled = true
			return tx.UpdateUser(u)
		},
		{Pool: pool, Kind: store.ChangePool, Ref: string(pool)}: func(tx *store.Tx) error {
			p, err := tx.Pool()
			if err != nil {
				return err
			}
			return tx.UpdateSettings(nil, p.Version)
		},
		{Pool: pool, Kind: store.ChangeKey, Ref: string(f.key.ID)}: func(tx *store.Tx) error { return tx.RevokeKey(f.key.ID) },
		{Pool: pool, Kind: store.ChangeSigning, Ref: string(pool)}: func(tx *store.Tx) error {
			return tx.LengthenSigningKey(f.signing.ID, 9*time.Hour, 9*time.Hour)
		},
	}
}

func TestOtherNodesHearOfChanges(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		here, there := storetest.Open(t, database), storetest.Open(t, database)
		f := fill(t, here)
		var mine, theirs told
		here.Watch(mine.hear)
		there.Watch(theirs.hear)
		follow(t, there)
		created := store.Change{Pool: f.pool.ID, Kind: store.ChangePool, Ref: string(f.pool.ID)}
		eventually(t, "another node hears of a new pool", func() bool { return theirs.heard(created) == 1 })
		for change, fn := range changing(f) {
			before := theirs.heard(change)
			update(t, f.bound, fn)
			if mine.heard(change) != 1 {
				t.Errorf("law: this node hears of its change before the update returns; %v was heard %d times", change, mine.heard(change))
			}
			eventually(t, fmt.Sprintf("another node hears of a change of %s", change.Kind), func() bool { return theirs.heard(change) == before+1 })
		}
		// Deletion and the end of all sessions are changes of the person.
		person := store.Change{Pool: f.pool.ID, Kind: store.ChangeUser, Ref: string(f.user.ID)}
		second := core.Session{ID: core.NewSessionID(), User: f.user.ID, ExpiresAt: soon(time.Hour)}
		update(t, f.bound, func(tx *store.Tx) error { return tx.PutSession(second) })
		before := theirs.heard(person)
		update(t, f.bound, func(tx *store.Tx) error { _, err := tx.EndSessionsOf(f.user.ID, ""); return err })
		eventually(t, "another node hears of the end of all sessions", func() bool { return theirs.heard(person) > before })
		before = theirs.heard(person)
		update(t, f.bound, func(tx *store.Tx) error { return tx.DeleteUser(f.user.ID) })
		eventually(t, "another node hears of a deletion", func() bool { return theirs.heard(person) > before })
	})
}

func TestMemoForgetsExactlyWhatChanged(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		here, there := storetest.Open(t, database), storetest.Open(t, database)
		f, other := fill(t, here), fill(t, here)
		follow(t, there)
		var quiet told
		there.Watch(quiet.hear)
		m := store.NewMemo[string](there, 100)
		mine, theirs := changing(f), changing(other)
		key := func(c store.Change) string { return string(c.Kind) + c.Ref }
		both := store.Change{Pool: f.pool.ID, Kind: store.ChangeUser, Ref: string(f.user.ID)}
		for _, changes := range []map[store.Change]func(*store.Tx) error{mine, theirs} {
			for c := range changes {
				get(t, m, key(c), "old", c)
			}
		}
		get(t, m, "several", "old", both, store.Change{Pool: f.pool.ID, Kind: store.ChangePool, Ref: string(f.pool.ID)})
		if want := 1 + len(mine) + len(theirs); m.Len() != want {
			t.Fatalf("law: what a quiet node reads is remembered; %d of %d values are", m.Len(), want)
		}
		update(t, f.bound, mine[both])
		eventually(t, "a change is heard of", func() bool { return quiet.heard(both) > 0 })
		for c := range mine {
			want := "old"
			if c == both {
				want = "new"
			}
			if got := get(t, m, key(c), "new", c); got != want {
				t.Errorf("law: a change drops what depends on it and nothing else; after one of the person, %s is %s", c.Kind, got)
			}
		}
		for c := range theirs {
			if got := get(t, m, key(c), "new", c); got != "old" {
				t.Errorf("law: a change in one pool drops nothing of another; %s is %s", c.Kind, got)
			}
		}
		if got := get(t, m, "several", "new", both); got != "new" {
			t.Errorf("law: what depends on several is dropped with any of them; it is %s", got)
		}
	})
}

func TestMemoRules(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := fill(t, s)
		needs := store.Change{Pool: f.pool.ID, Kind: store.ChangeUser, Ref: string(f.user.ID)}
		change := func() {
			update(t, f.bound, func(tx *store.Tx) error {
				u, err := tx.User(f.user.ID)
				if err != nil {
					return err
				}
				return tx.UpdateUser(u)
			})
		}
		idle := store.NewMemo[int](s, 10)
		for n := range 3 {
			if got := get(t, idle, "k", n, needs); got != n || idle.Len() != 0 {
				t.Errorf("law: without following, nothing is remembered; got %d and %d values", got, idle.Len())
			}
		}

		follow(t, s)
		m := store.NewMemo[int](s, 10)
		// Following may still hand on what came before; wait until it is quiet.
		eventually(t, "a value is remembered", func() bool { get(t, m, "k", 1, needs); return m.Len() == 1 })
		change()
		if m.Len() != 0 {
			t.Error("law: a change on this node is forgotten before the update returns")
		}

		// A fill that raced: the value was read, then somebody changed it.
		got, err := m.Get("raced", func() (int, []store.Change, error) {
			change()
			return 7, []store.Change{needs}, nil
		})
		if err != nil || got != 7 {
			t.Errorf("law: a value that raced with a change is still answered; got %d, %v", got, err)
		}
		if again := get(t, m, "raced", 8, needs); again != 8 {
			t.Errorf("law: a value that raced with a change is not remembered; got %d", again)
		}

		failed := errors.New("no")
		if _, err := m.Get("failed", func() (int, []store.Change, error) { return 0, []store.Change{needs}, failed }); !errors.Is(err, failed) {
			t.Errorf("law: the error of a load comes back; got %v", err)
		}
		before := m.Len()
		get(t, m, "free", 1)
		if _, err := m.Get("failed", func() (int, []store.Change, error) { return 2, []store.Change{needs}, nil }); err != nil || m.Len() > before+1 {
			t.Errorf("law: neither errors nor what depends on nothing are remembered; there are %d values (%v)", m.Len(), err)
		}

		small := store.NewMemo[int](s, 3)
		eventually(t, "a small memo fills up", func() bool {
			for n := range 20 {
				get(t, small, fmt.Sprint(n), n, needs)
				if small.Len() > 3 {
					t.Fatalf("law: a memo keeps no more than it may; it has %d", small.Len())
				}
			}
			return small.Len() == 3
		})
		for n := range 20 {
			small.Forget(fmt.Sprint(n))
		}
		if small.Len() != 0 {
			t.Errorf("law: what is forgotten by name is gone; there are %d values", small.Len())
		}
	})
}

// TestMemoNeverOutlivesAChange reads through a memo while the person changes:
// what a reader gets after an update returned is not older than it.
func TestMemoNeverOutlivesAChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := fill(t, s)
		follow(t, s)
		m := store.NewMemo[int64](s, 10)
		read := func() int64 {
			v, err := m.Get("user", func() (version int64, needs []store.Change, err error) {
				err = f.bound.View(context.Background(), func(tx *store.Tx) error {
					u, err := tx.User(f.user.ID)
					version = u.Version
					return err
				})
				return version, []store.Change{{Pool: f.pool.ID, Kind: store.ChangeUser, Ref: string(f.user.ID)}}, err
			})
			if err != nil {
				t.Errorf("reading: %v", err)
			}
			return v
		}
		var done sync.WaitGroup
		var acknowledged atomic.Int64
		stop := make(chan struct{})
		for range 4 {
			done.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if least, v := acknowledged.Load(), read(); v < least {
						t.Errorf("law: after an update nobody here reads what was before; version %d came after %d", v, least)
						return
					}
				}
			})
		}
		for range 100 {
			var version int64
			update(t, f.bound, func(tx *store.Tx) error {
				u, err := tx.User(f.user.ID)
				if err != nil {
					return err
				}
				version = u.Version + 1
				return tx.UpdateUser(u)
			})
			acknowledged.Store(version)
		}
		close(stop)
		done.Wait()
	})
}

func TestNoChangeIsMissedOrTwice(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		here, there := storetest.Open(t, database), storetest.Open(t, database)
		f := fill(t, here)
		var theirs told
		there.Watch(theirs.hear)
		follow(t, there)
		// Many writers at once: numbers may be committed out of order.
		storetest.Together(16, func(i int) {
			for n := range 20 {
				id := core.SessionID(fmt.Sprintf("ses_%d_%d", i, n))
				err := f.bound.Update(context.Background(), func(tx *store.Tx) error {
					if err := tx.PutSession(core.Session{ID: id, User: f.user.ID, ExpiresAt: soon(time.Hour)}); err != nil {
						return err
					}
					_, err := tx.EndSession(id)
					return err
				})
				if err != nil {
					t.Errorf("writing: %v", err)
				}
			}
		})
		eventually(t, "of many changes at once none is missed", func() bool {
			theirs.mu.Lock()
			defer theirs.mu.Unlock()
			seen := make(map[string]bool)
			for _, c := range theirs.all {
				if c.Kind == store.ChangeSession {
					seen[c.Ref] = true
				}
			}
			return len(seen) == 16*20
		})
		theirs.mu.Lock()
		defer theirs.mu.Unlock()
		times := make(map[store.Change]int)
		for _, c := range theirs.all {
			if times[c]++; times[c] > 1 {
				t.Errorf("law: each change is handed on once; %v was %d times", c, times[c])
			}
		}
	})
}

// TestBusyConnectionsDoNotDeafen holds every connection that requests have: what
// others change is read all the same, and the clock and the peppers with it.
func TestBusyConnectionsDoNotDeafen(t *testing.T) {
	s := storetest.Open(t, storetest.Postgres(t))
	b := demo(t, s)
	follow(t, s)
	var held, done sync.WaitGroup
	free := make(chan struct{})
	for range s.Connections().Most {
		held.Add(1)
		done.Go(func() {
			if err := b.Update(t.Context(), func(*store.Tx) error { held.Done(); <-free; return nil }); err != nil {
				t.Error(err)
			}
		})
	}
	held.Wait()
	oldest := time.Duration(0)
	for until := time.Now().Add(3 * time.Second); time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
		oldest = max(oldest, s.ChangesAge())
	}
	close(free)
	done.Wait()
	if oldest > time.Second {
		t.Errorf("law: requests that have all connections keep nobody from reading the changes; the last reading was %s ago", oldest)
	}
}
