package flow

import (
	"bytes"
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// waiting is a device that this browser may sign in for.
type waiting struct {
	app  core.Application
	hash []byte // of its user code
	code core.DeviceCode
}

// asks is what its application asks for.
func (w waiting) asks() *core.Authorization {
	return &core.Authorization{Application: w.app.ID, Scopes: w.code.Scopes, Device: w.hash}
}

// LookDevice returns the application whose device shows a user code, before
// anybody signs in for it, or for whoever began to in this browser. A code that
// is wrong, was used by somebody else or is past its time is
// [core.CodeTicketInvalid], whichever it is, and costs the caller's network a
// try; without any left it returns [core.CodeTooMany].
func (m *Machine) LookDevice(ctx context.Context, caller core.Caller, userCode string) (core.Application, error) {
	w, err := m.waiting(ctx, caller, userCode)
	return w.app, err
}

// RefuseDevice tells the device that shows a user code that nobody will sign in
// for it. It returns as LookDevice does.
func (m *Machine) RefuseDevice(ctx context.Context, caller core.Caller, userCode string) error {
	w, err := m.waiting(ctx, caller, userCode)
	if err != nil {
		return err
	}
	return m.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		if err := tx.AnswerDeviceCode(w.hash, w.code.Flow, ""); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventDeviceRefused, Target: string(w.app.ID), Data: map[string]string{"application": string(w.app.ID)}})
	})
}

func (m *Machine) waiting(ctx context.Context, caller core.Caller, userCode string) (waiting, error) {
	p, err := m.pools.Get(ctx, caller.Pool)
	if err != nil {
		return waiting{}, err
	}
	w := waiting{hash: m.sessions.UserCodeHash(core.ReadUserCode(userCode))}
	var refused error
	err = m.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		// The try is charged for a wrong code and stays so: see the refund below.
		refused = nil
		if caller.Network != "" {
			if err := tx.Spend(core.BudgetUserCodes, caller.Network, p.Settings); err != nil {
				return err
			}
		}
		var err error
		if w.code, err = tx.WaitingDevice(w.hash); err == nil {
			w.app, err = tx.Application(w.code.Application)
		}
		if err == nil {
			err = mayGoOn(tx, w.code.Flow)
		}
		switch {
		case core.Is(err, core.CodeTicketInvalid) || core.Is(err, core.CodeNotFound) || err == nil && !w.app.Client.May(core.GrantDevice):
			refused = core.Fail(core.CodeTicketInvalid, "No device waits with this code.")
			return nil
		case err != nil || caller.Network == "":
			return err
		}
		return tx.Refund(core.BudgetUserCodes, caller.Network, tx.Now())
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return waiting{}, err
	}
	return w, nil
}

// mayGoOn reports whether the caller may sign in for a device which a flow has
// claimed, if one has: only in the browser that began it, and not once it has
// ended.
func mayGoOn(tx *store.Tx, claimed core.FlowID) error {
	if claimed == "" {
		return nil
	}
	f, err := tx.Flow(claimed)
	if core.Is(err, core.CodeFlowEnded) || err == nil && (tx.Caller().Browser == nil || !bytes.Equal(f.Facts.Browser, tx.Caller().Browser)) {
		return core.Fail(core.CodeTicketInvalid, "Somebody else has begun to sign in for this device.")
	}
	return err
}

// forDevice finds the device that a flow is begun for: by its user code, or by
// another flow of this browser, in whose place the new one is. It returns
// [core.CodeTicketInvalid] for none.
func (m *Machine) forDevice(ctx context.Context, caller core.Caller, s *Start) (*waiting, error) {
	if caller.Browser == nil {
		return nil, core.Fail(core.CodeForbidden, "People sign in for a device on the hosted pages alone.")
	}
	var w waiting
	var err error
	if s.InPlaceOf != "" {
		t, loadErr := m.turn(ctx, caller, s.InPlaceOf)
		if err = loadErr; err == nil && !t.forDevice() {
			err = core.Fail(core.CodeFlowEnded, "This flow is for no device.")
		}
		if err == nil {
			w = waiting{app: t.Application, hash: t.Facts.OAuth.Device, code: core.DeviceCode{Scopes: t.Facts.OAuth.Scopes, Flow: t.Flow.ID}}
		}
	} else {
		w, err = m.waiting(ctx, caller, s.UserCode)
	}
	if err != nil {
		return nil, err
	}
	s.Redirect, s.OAuth = "", w.asks()
	return &w, nil
}

// claim has a new flow be the one that signs in for the device.
func (w *waiting) claim(tx *store.Tx, to core.FlowID) error {
	if w == nil {
		return nil
	}
	if err := tx.ClaimDeviceCode(w.hash, w.code.Flow, to); err != nil || w.code.Flow != "" {
		return err
	}
	return tx.Record(core.Event{Name: core.EventDeviceClaimed, Target: string(w.app.ID), Data: map[string]string{"application": string(w.app.ID), "flow": string(to)}})
}

// forDevice reports whether people sign in for a device that waits.
func (t Turn) forDevice() bool { return t.Facts.OAuth != nil && t.Facts.OAuth.Device != nil }

// answerDevice lets the flow's device have its tokens.
func (m *Machine) answerDevice(tx *store.Tx, t Turn) error {
	if err := m.sessions.AnswerDevice(tx, t.Flow.ID, *t.User, t.given()); err != nil {
		return err
	}
	return tx.Record(core.Event{Name: core.EventDeviceApproved, Target: string(t.User.ID), Data: map[string]string{"application": string(t.Application.ID), "flow": string(t.Flow.ID)}})
}

// refuseDevice tells the flow's device, if it has one that waits still, that it
// gets none.
func (t Turn) refuseDevice(tx *store.Tx) error {
	if !t.forDevice() {
		return nil
	}
	err := tx.AnswerDeviceCode(t.Facts.OAuth.Device, t.Flow.ID, "")
	if core.Is(err, core.CodeTicketInvalid) {
		return nil
	}
	return err
}
