package core

import "time"

// Authenticator is one way in which a person proves who they are.
type Authenticator struct {
	ID        AuthenticatorID
	User      UserID
	Kind      AuthenticatorKind
	Second    bool   // it counts as a second factor, and not on its own
	Secret    string // for a password its PHC string, for a seed of codes what it is sealed in; never leaves the server
	Handle    string // what it is known by beside its person: a passkey's credential or a provider's identity, which no two of a pool share, or a telephone number
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
	AuthenticatorSMSOTP    AuthenticatorKind = "sms_otp"    // a code sent to the telephone number that is its handle
	AuthenticatorTOTP      AuthenticatorKind = "totp"       // a code that a program computes (RFC 6238)
	AuthenticatorPasskey   AuthenticatorKind = "passkey"    // a key in the person's device (WebAuthn); several per person
	AuthenticatorSocial    AuthenticatorKind = "social"     // the word of an OpenID or OAuth provider; several per person
	AuthenticatorSAML      AuthenticatorKind = "saml"       // the word of a SAML identity provider; several per person
)

// AuthenticatorKinds lists them, for the tests that each face's table is
// complete.
func AuthenticatorKinds() []AuthenticatorKind {
	return []AuthenticatorKind{
		AuthenticatorPassword, AuthenticatorEmailOTP, AuthenticatorMagicLink, AuthenticatorSMSOTP, AuthenticatorTOTP, AuthenticatorPasskey,
		AuthenticatorSocial, AuthenticatorSAML,
	}
}

// PrimaryKinds lists what a pool may name as a first factor. Those of providers
// are not among them: signin.providers names each of them.
func PrimaryKinds() []AuthenticatorKind {
	return []AuthenticatorKind{AuthenticatorPassword, AuthenticatorEmailOTP, AuthenticatorMagicLink, AuthenticatorSMSOTP, AuthenticatorTOTP, AuthenticatorPasskey}
}

// SecondaryKinds lists what a pool may take as a second factor.
func SecondaryKinds() []AuthenticatorKind {
	return []AuthenticatorKind{AuthenticatorEmailOTP, AuthenticatorSMSOTP, AuthenticatorTOTP}
}

// ByMailbox reports whether a proof of this kind says no more than that
// somebody reads the mailbox.
func (k AuthenticatorKind) ByMailbox() bool {
	return k == AuthenticatorEmailOTP || k == AuthenticatorMagicLink
}

// ByProvider reports whether a proof of this kind is the word of a provider.
func (k AuthenticatorKind) ByProvider() bool {
	return k == AuthenticatorSocial || k == AuthenticatorSAML
}

// Sends reports whether a proof of this kind begins with a message to the
// person.
func (k AuthenticatorKind) Sends() bool { return k.ByMailbox() || k == AuthenticatorSMSOTP }

// SameProof reports whether who can give a proof of the one kind can give one
// of the other: two such proofs are one factor.
func (k AuthenticatorKind) SameProof(other AuthenticatorKind) bool {
	return k == other || k.ByMailbox() && other.ByMailbox()
}

// Strong reports whether a proof of this kind takes what a person holds in
// their hands, and may lose: as a second factor it comes with recovery codes.
func (k AuthenticatorKind) Strong() bool { return k == AuthenticatorTOTP }
