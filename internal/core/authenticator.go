package core

import "time"

// Authenticator is one way in which a person proves who they are.
type Authenticator struct {
	ID        AuthenticatorID
	User      UserID
	Kind      AuthenticatorKind
	Secret    string // for a password its PHC string; never leaves the server
	CreatedAt time.Time
	UpdatedAt time.Time
	ExpiredAt time.Time // when it was declared due for a change; zero while it is not
}

// AuthenticatorKind says what sort of proof it is.
type AuthenticatorKind string

// The kinds of authenticator.
const (
	AuthenticatorPassword AuthenticatorKind = "password"
)

// AuthenticatorKinds lists them, for the tests that each face's table is
// complete.
func AuthenticatorKinds() []AuthenticatorKind { return []AuthenticatorKind{AuthenticatorPassword} }
