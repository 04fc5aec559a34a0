package session_test

import (
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// wait has a device of an application wait.
func (h *house) wait(t testing.TB, app core.Application, scopes ...string) session.DeviceWait {
	t.Helper()
	w, err := h.sessions.GiveDeviceCode(t.Context(), h.app, h.settings, app, scopes)
	must(t, err)
	return w
}

// approve signs the house's person in for a device.
func (h *house) approve(t testing.TB, w session.DeviceWait, a core.Authorization) {
	t.Helper()
	a.Device = h.sessions.UserCodeHash(w.UserCode)
	flow := core.NewFlowID()
	must(t, h.store.As(h.app).Update(t.Context(), func(tx *store.Tx) error {
		if err := tx.ClaimDeviceCode(a.Device, "", flow); err != nil {
			return err
		}
		return h.sessions.AnswerDevice(tx, flow, h.user, a)
	}))
}

// A device waits for ten minutes, has to ask five seconds apart, and is told
// for an hour that it is late.
func TestDeviceCodeLife(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, storetest.Open(t, database))
		app := h.application(t, core.GrantKinds(), "openid")
		poll := func(w session.DeviceWait, want error, what string) {
			t.Helper()
			if _, err := h.sessions.ExchangeDevice(t.Context(), h.app, h.settings, app, w.Code); !core.Is(err, core.CodeTicketInvalid) || !errors.Is(err, want) {
				t.Errorf("law: %s the cause is %v; it is %v", what, want, err)
			}
		}
		w, answered := h.wait(t, app), h.wait(t, app)
		h.approve(t, answered, asks(app))
		poll(w, session.ErrPending, "the first time")
		time.Sleep(5 * time.Second)
		poll(w, session.ErrPending, "after five seconds")
		time.Sleep(4 * time.Second)
		poll(w, session.ErrTooSoon, "after four seconds")
		time.Sleep(9 * time.Second)
		poll(w, session.ErrTooSoon, "after nine seconds of ten")
		time.Sleep(15 * time.Second)
		poll(w, session.ErrPending, "after fifteen seconds")
		time.Sleep(core.DeviceCodeLife - 33*time.Second - time.Millisecond)
		poll(w, session.ErrPending, "just before its end")
		time.Sleep(time.Millisecond)
		poll(w, session.ErrLate, "at its end")
		poll(answered, session.ErrLate, "at its end, answered or not,")
		for _, sweep := range []time.Duration{59 * time.Minute, 2 * time.Minute} {
			time.Sleep(sweep)
			_, err := h.store.Across().Sweep(t.Context(), 100)
			must(t, err)
			_, err = h.sessions.ExchangeDevice(t.Context(), h.app, h.settings, app, w.Code)
			if late := errors.Is(err, session.ErrLate); late != (sweep > 2*time.Minute) {
				t.Errorf("law: a device is told for an hour that it is late, and then it is gone; got %v", err)
			}
		}
	})
}

// Of any number who ask at once, one gets tokens: with what the application may
// have still of what was allowed, from where the person came.
func TestDeviceCodeIsTakenOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newSignedHouse(t, s)
		app, other := h.application(t, core.GrantKinds(), "openid", "email", "profile"), h.application(t, core.GrantKinds(), "openid")
		for range storetest.Rounds(t) {
			w := h.wait(t, app, "openid", "email", "profile")
			h.approve(t, w, core.Authorization{Application: app.ID, Scopes: []string{"openid", "email", "profile"}, Refused: []string{"profile"}})
			if _, err := h.sessions.ExchangeDevice(t.Context(), h.app, h.settings, other, w.Code); !core.Is(err, core.CodeTicketInvalid) {
				t.Errorf("law: another application gets nothing; got %v", err)
			}
			var n atomic.Int64
			storetest.Together(16, func(int) {
				g, err := h.sessions.ExchangeDevice(t.Context(), h.app, h.settings, app, w.Code)
				if err == nil {
					n.Add(1)
					if !slices.Equal(g.Scopes, []string{"openid", "email"}) || g.User.ID != h.user.ID || g.IDToken == "" {
						t.Errorf("the grant is %+v", g)
					}
				} else if !core.Is(err, core.CodeTicketInvalid) || errors.Is(err, session.ErrPending) {
					t.Error(err)
				}
			})
			if n.Load() != 1 {
				t.Errorf("law: of any number who ask, one gets tokens; %d did", n.Load())
			}
		}
	})
}
