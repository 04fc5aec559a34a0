package core

import "time"

// Authenticator is one way in which a person proves who they are.
type Authenticator struct {
	ID        AuthenticatorID
	User      UserID
	Kind      AuthenticatorKind
	Second    bool   // it counts as a second factor, and not on its own
	Secret    string // for a password its PHC string; never leaves the server
	Handle    string // what it is known by beside its person; of a kind that has one, no two of a pool are alike
	Counter   int64  // only grows
	Data      string // what else its kind keeps, as JSON; empty: nothing
	CreatedAt time.Time
	UpdatedAt time.Time
	ExpiredAt time.Time // when it was declared due for a change; zero while it is not
}

// Due reports whether a password is due for a change: because somebody said
// so, or because it is older than passwords of the pool may be. 0: they may
// have any age.
func (a Authenticator) Due(maxAge time.Duration, now time.Time) bool {
	return a.Kind == AuthenticatorPassword && (!a.ExpiredAt.IsZero() || (maxAge > 0 && now.Sub(a.UpdatedAt) >= maxAge))
}

// AuthenticatorKind says what sort of proof it is.
type AuthenticatorKind string

// The kinds of authenticator.
const (
	AuthenticatorPassword  AuthenticatorKind = "password"
	AuthenticatorEmailOTP  AuthenticatorKind = "email_otp"  // a code sent to the mailbox
	AuthenticatorMagicLink AuthenticatorKind = "magic_link" // a link sent to the mailbox
	AuthenticatorPasskey   AuthenticatorKind = "passkey"    // a key in the person's device (WebAuthn); several per person
)

// AuthenticatorKinds lists them, for the tests that each face's table is
// complete.
func AuthenticatorKinds() []AuthenticatorKind {
	return []AuthenticatorKind{AuthenticatorPassword, AuthenticatorEmailOTP, AuthenticatorMagicLink, AuthenticatorPasskey}
}

// PrimaryKinds lists what a pool may take as a first factor.
func PrimaryKinds() []AuthenticatorKind {
	return []AuthenticatorKind{AuthenticatorPassword, AuthenticatorEmailOTP, AuthenticatorMagicLink, AuthenticatorPasskey}
}

// SecondaryKinds lists what a pool may take as a second factor.
func SecondaryKinds() []AuthenticatorKind { return []AuthenticatorKind{AuthenticatorEmailOTP} }

// ByMailbox reports whether a proof of this kind says no more than that
// somebody reads the mailbox.
func (k AuthenticatorKind) ByMailbox() bool {
	return k == AuthenticatorEmailOTP || k == AuthenticatorMagicLink
}
