package core

import "time"

// Device is a browser that a person asked to be remembered: from there they
// come in with the first factor alone.
type Device struct {
	User        UserID
	Hash        []byte // the keyed hash of what the browser keeps
	Address     string // from where it was remembered
	Credentials int64  // the person's number of that name then; with another one it counts no more
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// The values of signin.remember_device.
const (
	DeviceOff       = "off"
	DeviceByItself  = "device"
	DeviceAtAddress = "device_and_address"
)

// Knows reports whether the pool takes a device for one that makes a second
// factor needless: it was remembered with the credentials that the person has
// now and, if the pool is strict, at the address where it is now.
func (s Settings) Knows(d Device, user User, address string) bool {
	switch s.SigninRememberDevice {
	case DeviceByItself:
		return d.Credentials == user.Credentials
	case DeviceAtAddress:
		return d.Credentials == user.Credentials && d.Address == address
	default:
		return false
	}
}
