package session

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Why a device gets no tokens that asks with its code (RFC 8628 section 3.5):
// the causes of errors with [core.CodeTicketInvalid].
var (
	ErrPending = errors.New("nobody has signed in for the device yet")
	ErrTooSoon = errors.New("nobody has signed in for the device yet, and it asks too often")
	ErrRefused = errors.New("somebody refused the device")
	ErrLate    = errors.New("the device has waited for too long")
)

// DeviceWait is what a device is given that has no browser.
type DeviceWait struct {
	Code     string // for it to keep, and to ask for its tokens with
	UserCode string // for it to show
}

// errUserCodes is as many user codes in a row as are tried that another device
// shows.
var errUserCodes = errors.New("no user code is free")

// GiveDeviceCode has a device of an application wait for [core.DeviceCodeLife]
// until somebody has signed in for it (RFC 8628 section 3.2). It returns
// [core.CodeTooMany] if the caller's network has begun too many.
func (s *Sessions) GiveDeviceCode(ctx context.Context, caller core.Caller, settings core.Settings, app core.Application, scopes []string) (DeviceWait, error) {
	for range 4 {
		w, made := DeviceWait{secret.Random(), core.NewUserCode()}, false
		err := s.store.As(caller).Update(ctx, func(tx *store.Tx) error {
			// It may have been removed since it proved who it is.
			if _, err := tx.Application(app.ID); err != nil {
				return err
			}
			if caller.Network != "" {
				if err := tx.Spend(core.BudgetFlows, caller.Network, settings); err != nil {
					return err
				}
			}
			var err error
			made, err = tx.PutDeviceCode(s.deviceHash(w.Code), s.UserCodeHash(w.UserCode), core.DeviceCode{
				Application: app.ID, Scopes: scopes, Every: core.DeviceCodeEvery, ExpiresAt: tx.Now().Add(core.DeviceCodeLife),
			})
			return err
		})
		if err != nil || made {
			return w, err
		}
	}
	return DeviceWait{}, errUserCodes
}

// AnswerDevice lets a device have tokens for a person, as far as the
// authorization goes, for the flow that has claimed it. It returns
// [core.CodeTicketInvalid] if the device waits no more, or for another flow.
func (s *Sessions) AnswerDevice(tx *store.Tx, flow core.FlowID, user core.User, a core.Authorization) error {
	device := a.Device
	a.Device = nil
	data, err := json.Marshal(authorized{codeData: codeData{user.ID, user.Credentials, tx.Caller().Address}, Authorization: a, ProvedAt: tx.Now()})
	if err != nil {
		return err
	}
	return tx.AnswerDeviceCode(device, flow, string(data))
}

// ExchangeDevice starts the session that somebody began for a device, with the
// application whose it is. Of any number who try at once, one succeeds. It
// returns [core.CodeTicketInvalid]: with a cause as long as the code says why,
// and without one if it is none, was used, is another application's, which costs
// that nothing, or if the person comes in otherwise by now.
func (s *Sessions) ExchangeDevice(ctx context.Context, caller core.Caller, settings core.Settings, app core.Application, device string) (core.Grant, error) {
	invalid := core.Fail(core.CodeTicketInvalid, "This code is unknown, was used, or is of another client.")
	if !secret.IsText(device) {
		return core.Grant{}, invalid
	}
	pending, err := s.PrepareFor(ctx, caller, settings, app, nil)
	if err != nil {
		return core.Grant{}, err
	}
	hash := s.deviceHash(device)
	var grant core.Grant
	var refused error
	err = s.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		grant, refused = core.Grant{}, nil
		code, err := tx.DeviceCode(hash)
		if err != nil {
			return err
		}
		if code.Application != app.ID || !code.TakenAt.IsZero() {
			return invalid
		}
		var cause error
		switch {
		case !tx.Now().Before(code.ExpiresAt):
			cause = ErrLate
		case code.Refused:
			cause = ErrRefused
		case code.AnsweredAt.IsZero():
			soon, err := tx.PollDeviceCode(hash)
			if err != nil {
				return err
			}
			if cause = ErrPending; soon {
				cause = ErrTooSoon
			}
		}
		if cause != nil {
			refused = &core.Error{Code: core.CodeTicketInvalid, Detail: "There are no tokens for this code now.", Cause: cause}
			return nil
		}
		taken, err := tx.TakeDeviceCode(hash)
		if err != nil {
			return err
		}
		var data authorized
		if err := json.Unmarshal([]byte(taken.Data), &data); err != nil {
			return err
		}
		user, err := data.person(tx)
		if err != nil {
			return err
		}
		grant, err = pending.begin(tx, data, user, settings)
		return err
	})
	if err == nil {
		err = refused
	}
	return grant, err
}

// UserCodeHash is under what a device is known by that shows a user code.
func (s *Sessions) UserCodeHash(code string) []byte { return s.store.Keys().Lookup("user code", code) }

func (s *Sessions) deviceHash(code string) []byte { return s.store.Keys().Lookup("device code", code) }
