package flow

import (
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// deviceHash is under which a browser is remembered.
func (m *Machine) deviceHash(device string) []byte {
	return m.store.Keys().Lookup("remembered device", device)
}

// known reports whether a person had the flow's browser remembered.
func (t Turn) known(tx *store.Tx, user core.User) (bool, error) {
	if len(t.Facts.Device) == 0 || t.Settings.SigninRememberDevice == core.DeviceOff {
		return false, nil
	}
	d, err := tx.Device(user.ID, t.Facts.Device)
	if core.Is(err, core.CodeNotFound) {
		return false, nil
	}
	return err == nil && t.Settings.Knows(d, user, t.Caller.Address), err
}

// keeping is an effect after which the flow knows whether its browser is to be
// remembered.
func keeping(effect Effect, keep bool) Effect {
	return func(tx *store.Tx, t *Turn) error {
		t.Facts.KeepDevice = keep
		return effect(tx, t)
	}
}

// remembers reports whether the flow ends with its browser remembered: only one
// from which a second factor was given.
func (t Turn) remembers() bool {
	return t.Facts.Secondary != "" && t.Settings.SigninRememberDevice != core.DeviceOff
}

// remember remembers the flow's browser. It is good with the credentials that
// were proved, and with no others.
func (m *Machine) remember(tx *store.Tx, t Turn, device string) error {
	if !t.remembers() {
		return nil
	}
	until := tx.Now().Add(time.Duration(t.Settings.RememberDeviceLife))
	err := tx.RememberDevice(core.Device{
		User: t.User.ID, Hash: m.deviceHash(device), Address: t.Caller.Address, Credentials: t.Facts.Credentials, ExpiresAt: until,
	}, t.Settings.RememberDeviceMost)
	if err != nil {
		return err
	}
	return tx.Record(core.Event{Name: core.EventDeviceRemembered, Target: string(t.User.ID), Data: map[string]string{"until": until.UTC().Format(time.RFC3339)}})
}
