package storetest_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// waits stores what a device waits with, under a name for either text.
func waits(t *testing.T, f filled, name string, life time.Duration) {
	t.Helper()
	c := f.waiting
	c.ExpiresAt = soon(life)
	update(t, f.bound, func(tx *store.Tx) error {
		return added(tx.PutDeviceCode([]byte("device "+name), []byte("user "+name), c))
	})
}

// TestO30DeviceCodesAreClaimedAndTakenOnce has 64 of each kind come at once, on
// two nodes.
func TestO30DeviceCodesAreClaimedAndTakenOnce(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		f := fill(t, s)
		nodes := []*store.Store{s, s}
		if !strings.HasPrefix(database, "sqlite:") {
			nodes[1] = storetest.Open(t, database)
		}
		// race lets 64 try, and returns the one who succeeded.
		race := func(what string, try func(tx *store.Tx, i int) error) int {
			t.Helper()
			var n, winner atomic.Int64
			storetest.Together(64, func(i int) {
				err := nodes[i%2].As(storetest.Caller(f.pool.ID)).Update(t.Context(), func(tx *store.Tx) error { return try(tx, i) })
				if err == nil {
					n.Add(1)
					winner.Store(int64(i))
				} else if !core.Is(err, core.CodeTicketInvalid) {
					t.Error(err)
				}
			})
			if n.Load() != 1 {
				t.Fatalf("law: of any number, one %s a device code; %d did", what, n.Load())
			}
			return int(winner.Load())
		}
		flows := make([]core.FlowID, 64)
		for i := range flows {
			flows[i] = core.NewFlowID()
		}
		waits(t, f, "raced", time.Minute)
		device, user := []byte("device raced"), []byte("user raced")
		first := flows[race("claims", func(tx *store.Tx, i int) error { return tx.ClaimDeviceCode(user, "", flows[i]) })]
		second := flows[race("claims in place of another", func(tx *store.Tx, i int) error { return tx.ClaimDeviceCode(user, first, flows[i]) })]
		for name, flow := range map[string]core.FlowID{"nobody": "", "the one before": first, "a stranger": core.NewFlowID()} {
			err := f.bound.Update(t.Context(), func(tx *store.Tx) error { return tx.AnswerDeviceCode(user, flow, "data") })
			if flow != second && !core.Is(err, core.CodeTicketInvalid) {
				t.Errorf("law: the flow that has a device code answers it, and %s does not; got %v", name, err)
			}
		}
		err := f.bound.Update(t.Context(), func(tx *store.Tx) error { _, err := tx.TakeDeviceCode(device); return err })
		if !core.Is(err, core.CodeTicketInvalid) {
			t.Errorf("law: a device code is taken once it was answered; got %v", err)
		}
		race("answers", func(tx *store.Tx, i int) error { return tx.AnswerDeviceCode(user, second, "yes") })
		race("takes", func(tx *store.Tx, i int) error {
			c, err := tx.TakeDeviceCode(device)
			if err == nil && (c.Data != "yes" || c.Application != f.app.ID || c.Flow != second || !slices.Equal(c.Scopes, f.waiting.Scopes)) {
				t.Errorf("what was taken is %+v", c)
			}
			return err
		})
		for name, try := range map[string]func(tx *store.Tx) error{
			"looked for by what the device shows": func(tx *store.Tx) error { _, err := tx.WaitingDevice(user); return err },
			"claimed":                             func(tx *store.Tx) error { return tx.ClaimDeviceCode(user, second, flows[0]) },
			"answered":                            func(tx *store.Tx) error { return tx.AnswerDeviceCode(user, second, "") },
		} {
			if err := f.bound.Update(t.Context(), try); !core.Is(err, core.CodeTicketInvalid) {
				t.Errorf("law: a device code that was taken is not %s any more; got %v", name, err)
			}
		}
	})
}

// A device code that was refused, or is past its time, opens nothing; and one
// that asks too often has to leave more time.
func TestDeviceCodes(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		f := fill(t, s)
		waits(t, f, "refused", time.Minute)
		waits(t, f, "late", -time.Second)
		waits(t, f, "asking", time.Minute)
		update(t, f.bound, func(tx *store.Tx) error { return tx.AnswerDeviceCode([]byte("user refused"), "", "") })
		for _, name := range []string{"refused", "late", "asking", "unknown"} {
			err := f.bound.Update(t.Context(), func(tx *store.Tx) error { _, err := tx.TakeDeviceCode([]byte("device " + name)); return err })
			if !core.Is(err, core.CodeTicketInvalid) {
				t.Errorf("law: what is %s is not taken; got %v", name, err)
			}
		}
		update(t, f.bound, func(tx *store.Tx) error {
			c, err := tx.DeviceCode([]byte("device refused"))
			if !c.Refused || c.AnsweredAt.IsZero() || c.Data != "" {
				t.Errorf("what was refused is %+v", c)
			}
			return err
		})
		for _, name := range []string{"refused", "late"} {
			for what, try := range map[string]func(tx *store.Tx) error{
				"found":    func(tx *store.Tx) error { _, err := tx.WaitingDevice([]byte("user " + name)); return err },
				"claimed":  func(tx *store.Tx) error { return tx.ClaimDeviceCode([]byte("user "+name), "", f.flow.ID) },
				"answered": func(tx *store.Tx) error { return tx.AnswerDeviceCode([]byte("user "+name), "", "yes") },
			} {
				if err := f.bound.Update(t.Context(), try); !core.Is(err, core.CodeTicketInvalid) {
					t.Errorf("law: what is %s is not %s any more; got %v", name, what, err)
				}
			}
		}
		poll := func(want bool, every time.Duration, what string) {
			t.Helper()
			update(t, f.bound, func(tx *store.Tx) error {
				soon, err := tx.PollDeviceCode([]byte("device asking"))
				if err == nil && soon != want {
					t.Errorf("law: %s: too soon is %v, want %v", what, soon, want)
				}
				if c, err := tx.DeviceCode([]byte("device asking")); err != nil || c.Every != every {
					t.Errorf("law: %s it may ask every %v; it is %v (%v)", what, every, c.Every, err)
				}
				return err
			})
		}
		pass := func(d time.Duration) {
			t.Helper()
			if _, err := db.Exec(`UPDATE device_codes SET polled_at = polled_at - $1`, d.Microseconds()); err != nil {
				t.Fatal(err)
			}
		}
		poll(false, 5*time.Second, "the first time")
		poll(true, 10*time.Second, "at once again")
		pass(6 * time.Second)
		poll(true, 15*time.Second, "after six seconds of ten")
		pass(15 * time.Second)
		poll(false, 15*time.Second, "after the time that it was told")
		// Of any number who ask at once, one is in time.
		pass(15 * time.Second)
		var early atomic.Int64
		storetest.Together(16, func(int) {
			err := f.bound.Update(t.Context(), func(tx *store.Tx) error {
				soon, err := tx.PollDeviceCode([]byte("device asking"))
				if err == nil && !soon {
					early.Add(1)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
		if early.Load() != 1 {
			t.Errorf("law: of any number who ask at once, one is in time; %d were", early.Load())
		}
		update(t, f.bound, func(tx *store.Tx) error {
			for _, other := range []string{"user refused", "another"} {
				made, err := tx.PutDeviceCode([]byte("device "+other), []byte("user refused"), f.waiting)
				if err != nil || made {
					t.Errorf("law: two devices never show the same code; it was stored (%v)", err)
				}
			}
			return tx.DeleteApplication(f.app.ID)
		})
		update(t, f.bound, func(tx *store.Tx) error {
			if _, err := tx.DeviceCode([]byte("device asking")); !core.Is(err, core.CodeTicketInvalid) {
				t.Errorf("law: with an application go its devices; got %v", err)
			}
			return nil
		})
	})
}
