package core

import "time"

// Key is an API key of an application, without its secret.
type Key struct {
	ID        KeyID
	Pool      PoolID
	Kind      KeyKind
	Name      string
	CreatedAt time.Time
	ExpiresAt time.Time // zero: does not expire
	RevokedAt time.Time // zero: not revoked
}

// Alive reports whether the key opens anything at this time.
func (k Key) Alive(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// KeyKind says whose hands a key is made for.
type KeyKind string

// The kinds of key.
const (
	KeyService KeyKind = "service" // a server application: may do everything in its pool
	KeyClient  KeyKind = "client"  // a browser or device: public, may run flows and use people's own tokens
)
