package core

import (
	"crypto/ecdsa"
	"time"
)

// SigningKey is a pool's key for signed tokens (ES256: P-256 with SHA-256),
// without its private half. Its id is the "kid" of tokens and key sets. A key
// is published before it signs and until the last token that it signed has
// run out, so that whoever keeps the set of keys for a day has the right one.
type SigningKey struct {
	ID         SigningKeyID
	Pool       PoolID
	Public     *ecdsa.PublicKey
	CreatedAt  time.Time // published from here on
	ActiveFrom time.Time // signs from here on
	RetiresAt  time.Time // signs until here; zero while it has no successor

	// The longest lives of what it has signed for.
	TokenLife   time.Duration
	RefreshLife time.Duration
}

const (
	// SigningKeyLead is how long a key is published before it signs: the day
	// for which clients keep a set of keys, and an hour for what lies between.
	SigningKeyLead = 25 * time.Hour
	// ClockSlack is how far the clocks of two nodes may differ.
	ClockSlack = time.Minute
)

// Signs reports whether this is the pool's key for tokens made at a time.
func (k SigningKey) Signs(at time.Time) bool {
	return !at.Before(k.ActiveFrom) && (k.RetiresAt.IsZero() || at.Before(k.RetiresAt))
}

// Published reports whether the key stands in the pool's set of keys: a token
// of it may be good, or will be.
func (k SigningKey) Published(now time.Time) bool {
	return k.RetiresAt.IsZero() || now.Before(k.RetiresAt.Add(k.TokenLife+ClockSlack))
}

// Due reports whether it is time to make the successor of a key that signs for
// this long; 0 is for ever.
func (k SigningKey) Due(now time.Time, life time.Duration) bool {
	return life > 0 && k.RetiresAt.IsZero() && !now.Before(k.ActiveFrom.Add(life-SigningKeyLead))
}

// State says in a word where a key is in its life.
func (k SigningKey) State(now time.Time) SigningKeyState {
	switch {
	case k.Signs(now):
		return SigningKeyActive
	case now.Before(k.ActiveFrom):
		return SigningKeyNext
	case k.Published(now):
		return SigningKeyRetired
	default:
		return SigningKeyPast
	}
}

// SigningKeyState is where a key is in its life.
type SigningKeyState string

// The states of a signing key, in their order.
const (
	SigningKeyNext    SigningKeyState = "next"    // published, and signs nothing yet
	SigningKeyActive  SigningKeyState = "active"  // signs
	SigningKeyRetired SigningKeyState = "retired" // signs nothing more, and what it signed may be good
	SigningKeyPast    SigningKeyState = "past"    // nothing that it signed is good; known for refreshes only
)

// The values of the setting token.format.
const (
	TokenOpaque = "opaque"
	TokenSigned = "jwt"
)
