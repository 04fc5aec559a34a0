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

// spends is three wrong tries in a minute and five in an hour.
func spends() core.Settings {
	s := core.DefaultSettings()
	s.TriesPerMinute, s.TriesPerHour = 3, 5
	return s
}

// spend takes one from the budget of tries and returns how long to wait, if it
// was refused.
func spend(t *testing.T, b store.Bound, subject string) (wait time.Duration) {
	t.Helper()
	err := b.Update(context.Background(), func(tx *store.Tx) error { return tx.Spend(core.BudgetTries, subject, spends()) })
	var refused *core.Error
	if errors.As(err, &refused) && refused.Code == core.CodeTooMany && refused.RetryAfter >= time.Second {
		return refused.RetryAfter
	}
	if err != nil {
		t.Fatalf("law: who spends, spends or is told how long to wait; got %v", err)
	}
	return 0
}

// pass makes time pass for every budget.
func pass(t *testing.T, db *sql.DB, d time.Duration) {
	t.Helper()
	move(t, db, `UPDATE budgets SET short_began = short_began - $1, long_began = long_began - $1, short_told = short_told - $1, long_told = long_told - $1, ends_at = ends_at - $1`, d.Microseconds())
}

func budgetsTold(t *testing.T, b store.Bound) (n int) {
	t.Helper()
	view(t, b, func(tx *store.Tx) error {
		events, err := tx.Events(1000)
		for _, e := range events {
			if e.Name == core.EventBudgetSpent {
				n++
			}
		}
		return err
	})
	return n
}

// TestB6NodesShareBudgets is abuse case B6: nodes that share a database share
// its budgets, to the last one.
func TestB6NodesShareBudgets(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		nodes := []*store.Store{storetest.Open(t, database), storetest.Open(t, database), storetest.Open(t, database)}
		caller := storetest.Caller(storetest.Pool(t, nodes[0], "demo", nil))
		for round := range storetest.Rounds(t) {
			subject := fmt.Sprint("198.51.100.", round)
			var passed atomic.Int64
			storetest.Together(crowd, func(i int) {
				err := nodes[i%len(nodes)].As(caller).Update(context.Background(), func(tx *store.Tx) error { return tx.Spend(core.BudgetTries, subject, spends()) })
				switch {
				case err == nil:
					passed.Add(1)
				case !core.Is(err, core.CodeTooMany):
					t.Errorf("law: who spends, spends or is refused; got %v", err)
				}
			})
			if passed.Load() != 3 {
				t.Errorf("law: nodes together allow what one would; in round %d they allowed %d in place of 3", round, passed.Load())
			}
			if n := budgetsTold(t, nodes[0].As(caller)); n != round+1 {
				t.Errorf("law: a budget that is used up is told once, and not for each refusal; it was told %d times in %d rounds", n, round+1)
			}
		}
	})
}

func TestBudgetsComeBack(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b, other := demo(t, s), demo(t, s)
		for n := range 3 {
			if wait := spend(t, b, "a"); wait != 0 {
				t.Errorf("law: what is in the budget may be spent; number %d waits %v", n+1, wait)
			}
		}
		if wait := spend(t, b, "a"); wait < 50*time.Second || wait > time.Minute {
			t.Errorf("law: the shorter limit lasts a minute; the wait is %v", wait)
		}
		if spend(t, b, "b") != 0 || spend(t, other, "a") != 0 {
			t.Error("law: a budget is of one subject in one pool; another one's was refused")
		}
		if n := budgetsTold(t, b); n != 1 {
			t.Errorf("law: a budget that is used up is told once; it was told %d times", n)
		}
		pass(t, db, 61*time.Second)
		for range 2 {
			if wait := spend(t, b, "a"); wait != 0 {
				t.Errorf("law: after its time the shorter limit begins anew; the wait is %v", wait)
			}
		}
		if wait := spend(t, b, "a"); wait < 58*time.Minute || wait > time.Hour {
			t.Errorf("law: the longer limit holds beside the shorter; the wait is %v", wait)
		}
		if n := budgetsTold(t, b); n != 2 {
			t.Errorf("law: each limit that is reached is told; %d were", n)
		}
		apart := spends()
		apart.TriesPerMinute = 1
		update(t, other, func(tx *store.Tx) error { return tx.Spend(core.BudgetTries, "c", apart) })
		if n := budgetsTold(t, other); n != 0 {
			t.Errorf("law: a limit of one says how far apart two are, and to reach it is no news; it was told %d times", n)
		}
		pass(t, db, time.Hour)
		for range 3 {
			if wait := spend(t, b, "a"); wait != 0 {
				t.Errorf("law: after its time the longer limit begins anew; the wait is %v", wait)
			}
		}
	})
}

func TestRefundsGiveBackOne(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b := demo(t, s)
		refund := func(at time.Time) {
			update(t, b, func(tx *store.Tx) error { return tx.Refund(core.BudgetTries, "a", at) })
		}
		refund(time.Now()) // of nothing
		for range 3 {
			spend(t, b, "a")
		}
		spent := time.Now()
		refund(spent)
		if spend(t, b, "a") != 0 || spend(t, b, "a") == 0 {
			t.Error("law: a refund gives back one, and one only; it did not")
		}
		pass(t, db, 2*time.Minute)
		spend(t, b, "a")
		refund(spent.Add(-2 * time.Minute))
		for n, passes := range []bool{true, true, false} {
			if (spend(t, b, "a") == 0) != passes {
				t.Errorf("law: what was spent in a stretch of time that is over comes back in no other; of the longer one, it does; number %d was wrong", n+1)
			}
		}
	})
}

func TestNoLimitIsNoRow(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b := demo(t, s)
		half := spends()
		half.TriesPerMinute = 0
		none := half
		none.TriesPerHour = 0
		update(t, b, func(tx *store.Tx) error {
			for range 100 {
				if err := tx.Spend(core.BudgetTries, "a", none); err != nil {
					return err
				}
			}
			return nil
		})
		if n := count(t, db, "budgets"); n != 0 {
			t.Errorf("law: what has no limit is not counted; there are %d rows", n)
		}
		for n := range 6 {
			err := b.Update(context.Background(), func(tx *store.Tx) error { return tx.Spend(core.BudgetTries, "a", half) })
			if (err == nil) != (n < 5) {
				t.Errorf("law: one limit holds without the other; number %d gave %v", n+1, err)
			}
		}
	})
}

func count(t *testing.T, db *sql.DB, table string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestB22CountersAreBounded is abuse case B22: names and addresses without end
// do not make the tables grow without end.
func TestB22CountersAreBounded(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b := demo(t, s)
		lockout := core.DefaultSettings().Lockout()
		update(t, b, func(tx *store.Tx) error {
			for n := range 50 {
				if err := tx.Spend(core.BudgetTries, fmt.Sprint("network", n), spends()); err != nil {
					return err
				}
				for _, subject := range []string{"claim:", "usr_", "device:"} {
					if _, err := tx.Charge(fmt.Sprint(subject, n), lockout); err != nil {
						return err
					}
				}
			}
			return nil
		})
		// The newest is the one that must stay.
		move(t, db, `UPDATE budgets SET ends_at = ends_at - $1`, time.Second.Microseconds())
		spend(t, b, "the newest")
		for runs := 0; ; runs++ {
			gone, err := s.Across().Trim(t.Context(), 10, 7)
			if err != nil || gone > 14 || runs > 20 {
				t.Fatalf("law: trimming ends, and deletes no more of each kind at a time than it was told; %d went (%v)", gone, err)
			}
			if gone == 0 {
				break
			}
		}
		if n := count(t, db, "budgets"); n != 10 {
			t.Errorf("law: no more budgets are kept than may be; there are %d in place of 10", n)
		}
		if strangers, people := count(t, db, "attempts WHERE subject NOT LIKE 'usr_%'"), count(t, db, "attempts WHERE subject LIKE 'usr_%'"); strangers != 10 || people != 50 {
			t.Errorf("law: of the tries at nobody and from devices 10 are kept, of those at people all; there are %d and %d", strangers, people)
		}
		spend(t, b, "the newest")
		spend(t, b, "the newest")
		if spend(t, b, "the newest") == 0 {
			t.Error("law: what was used last is kept; it was forgotten")
		}
	})
}

// TestLockedForGood says how wrong tries end, and that time does not undo it.
func TestLockedForGood(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b := demo(t, s)
		for _, l := range []core.Lockout{
			{Free: 2, First: time.Second, Longest: time.Minute, Most: 7}, {Free: 0, First: time.Hour, Longest: time.Hour, Most: 7}, {Free: 1, First: time.Second, Longest: time.Second, Most: 1},
		} {
			subject := fmt.Sprint(l)
			try := func() (n int, err error) {
				err = b.Update(context.Background(), func(tx *store.Tx) (err error) { n, err = tx.Charge(subject, l); return err })
				return n, err
			}
			for n := range l.Most {
				got, err := try()
				if err != nil || got != n+1 {
					t.Errorf("law: %d tries are made in all; number %d gave %d (%v)", l.Most, n+1, got, err)
				}
				if n+1 < l.Most && l.Free > 0 {
					elapse(t, db)
				}
			}
			move(t, db, `UPDATE attempts SET updated_at = $1`, time.Now().Add(-1000*24*time.Hour).UnixMicro())
			if _, err := s.Across().Sweep(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
			var refused *core.Error
			if _, err := try(); !errors.As(err, &refused) || refused.Code != core.CodeLocked || refused.RetryAfter != 0 {
				t.Errorf("law: after the last try no waiting helps; got %v", err)
			}
			for n, want := range []bool{true, false, false} {
				update(t, b, func(tx *store.Tx) error {
					first, err := tx.TellLocked(subject)
					if first != want {
						t.Errorf("law: a lockout is told once; asked number %d it said %v", n+1, first)
					}
					return err
				})
			}
			update(t, b, func(tx *store.Tx) error { return tx.Forgive(subject) })
			if n, err := try(); n != 1 || err != nil {
				t.Errorf("law: who is forgiven begins anew; got %d (%v)", n, err)
			}
		}
	})
}
