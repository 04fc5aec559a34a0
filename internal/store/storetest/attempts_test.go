package storetest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestB4ParallelGuesses is abuse case B4 in the store: guesses that arrive
// together do not get past the limit together.
func TestB4ParallelGuesses(t *testing.T) {
	const limit = 5
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		for round := range storetest.Rounds(t) {
			subject := fmt.Sprint("subject", round)
			var passed, locked atomic.Int64
			storetest.Together(crowd, func(int) {
				err := b.Update(context.Background(), func(tx *store.Tx) error {
					_, err := tx.Charge(subject, core.Lockout{Free: limit, First: time.Hour, Longest: 24 * time.Hour, Most: endless})
					return err
				})
				switch {
				case err == nil:
					passed.Add(1)
				case core.Is(err, core.CodeLocked):
					locked.Add(1)
				default:
					t.Errorf("law: a guess passes or is locked out; got %v", err)
				}
			})
			if passed.Load() != limit || locked.Load() != crowd-limit {
				t.Errorf("law: of guesses that arrive together %d pass; in round %d %d passed and %d were locked out", limit, round, passed.Load(), locked.Load())
			}
		}
	})
}

// endless is how many wrong tries nobody makes.
const endless = 1 << 40

// elapse makes time pass for every subject, by moving its end of the lockout.
func elapse(t *testing.T, db *sql.DB) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), `UPDATE attempts SET blocked_until = 1 WHERE blocked_until > 0`); err != nil {
		t.Fatal(err)
	}
}

func TestLockoutsDouble(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b := demo(t, s)
		const first, longest = 10 * time.Second, 100 * time.Second
		for _, limit := range []int{1, 3} {
			subject := fmt.Sprint("limit", limit)
			// charge tries once and returns for how long the door is closed after it.
			charge := func() (closed time.Duration, err error) {
				err = b.Update(context.Background(), func(tx *store.Tx) error {
					if _, err := tx.Charge(subject, core.Lockout{Free: limit, First: first, Longest: longest, Most: endless}); err != nil {
						return err
					}
					until, err := tx.BlockedUntil(subject)
					if !until.IsZero() {
						closed = until.Sub(tx.Now())
					}
					return err
				})
				return closed, err
			}
			for n := range limit - 1 {
				if closed, err := charge(); closed != 0 || err != nil {
					t.Errorf("law: %d wrong tries are free; number %d closed the door for %v (%v)", limit-1, n+1, closed, err)
				}
			}
			for n, want := range []time.Duration{first, 2 * first, 4 * first, 8 * first, longest, longest, longest} {
				closed, err := charge()
				if closed != want || err != nil {
					t.Errorf("law: each lockout lasts twice as long, to the longest; number %d lasted %v in place of %v (%v)", n+1, closed, want, err)
				}
				for range 3 {
					var refused *core.Error
					if _, err := charge(); !errors.As(err, &refused) || refused.Code != core.CodeLocked || refused.RetryAfter < time.Second || refused.RetryAfter > want {
						t.Errorf("law: behind a closed door one is told for how long; got %v", err)
					}
				}
				elapse(t, db)
			}
			// Far beyond, where doubling would overflow.
			if _, err := db.ExecContext(t.Context(), `UPDATE attempts SET failures = 4000000000 WHERE subject = $1`, subject); err != nil {
				t.Fatal(err)
			}
			if closed, err := charge(); closed != longest || err != nil {
				t.Errorf("law: the longest lockout stays the longest; after very many tries it was %v (%v)", closed, err)
			}
			update(t, b, func(tx *store.Tx) error {
				if err := tx.Forgive(subject); err != nil {
					return err
				}
				return tx.Forgive("nobody")
			})
			if closed, err := charge(); err != nil || (limit > 1 && closed != 0) || (limit == 1 && closed != first) {
				t.Errorf("law: who is forgiven begins anew; the door closed for %v (%v)", closed, err)
			}
		}
		view(t, b, func(tx *store.Tx) error {
			until, err := tx.BlockedUntil("somebody else")
			if !until.IsZero() {
				t.Errorf("law: a lockout is of one subject; another is locked until %v", until)
			}
			return err
		})
	})
}

// B1: the window is no way around the end of guessing.
func TestWindowOfLockouts(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b := demo(t, s)
		const window = 10 * time.Minute
		lockout := core.Lockout{Free: 2, First: time.Hour, Longest: 4 * time.Hour, Most: 6, Window: window}
		charge := func() (failures int, closed time.Duration, err error) {
			err = b.Update(context.Background(), func(tx *store.Tx) error {
				if failures, err = tx.Charge("x", lockout); err != nil {
					return err
				}
				until, err := tx.BlockedUntil("x")
				if !until.IsZero() {
					closed = until.Sub(tx.Now())
				}
				return err
			})
			return failures, closed, err
		}
		// back moves all that was so far into the past.
		back := func(by time.Duration) {
			t.Helper()
			if _, err := db.ExecContext(t.Context(), `UPDATE attempts SET updated_at = updated_at - $1, blocked_until = CASE WHEN blocked_until > 0 THEN blocked_until - $1 ELSE 0 END`, by.Microseconds()); err != nil {
				t.Fatal(err)
			}
		}
		for i, step := range []struct {
			after  time.Duration // the one before
			closed time.Duration
			law    string
		}{
			{0, 0, "the first one is free"},
			{window - time.Minute, time.Hour, "within the window the free ones are used up"},
			{time.Hour + time.Minute, 2 * time.Hour, "the window begins when the lockout is over"},
			{2*time.Hour + window + time.Minute, 0, "after a window without any they are free again"},
			{0, time.Hour, "and used up again, with the first delay"},
		} {
			back(step.after)
			failures, closed, err := charge()
			if err != nil || closed != step.closed || failures != i+1 {
				t.Errorf("law: %s, and all are counted; number %d, counted as %d, closed the door for %v in place of %v (%v)", step.law, i+1, failures, closed, step.closed, err)
			}
		}
		back(100 * time.Hour)
		if _, _, err := charge(); err != nil {
			t.Error(err)
		}
		back(100 * time.Hour)
		if _, _, err := charge(); !core.Is(err, core.CodeLocked) {
			t.Errorf("law: with the most wrong tries the door is closed for good, whatever the window; got %v", err)
		}
	})
}

// TestLimitOnTheLongestDelays has the largest delays that settings allow.
func TestLimitOnTheLongestDelays(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b := demo(t, s)
		const day = 24 * time.Hour
		for n := range 40 {
			var closed time.Duration
			update(t, b, func(tx *store.Tx) error {
				if _, err := tx.Charge("x", core.Lockout{Free: 1, First: day, Longest: day, Most: endless}); err != nil {
					return err
				}
				until, err := tx.BlockedUntil("x")
				closed = until.Sub(tx.Now())
				return err
			})
			if closed != day {
				t.Errorf("law: a day is a day at every try; number %d closed the door for %v", n+1, closed)
			}
			elapse(t, db)
		}
	})
}
