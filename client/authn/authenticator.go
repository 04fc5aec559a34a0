package authn

import (
	"context"
	"time"
)

// AuthenticatorsService lists and removes the ways in which people prove who
// they are. It needs a service token.
type AuthenticatorsService struct{ t *transport }

// Authenticator is one way in which a person proves who they are.
type Authenticator struct {
	ID      string             `json:"id"`
	Type    AuthenticatorType  `json:"type"`
	Enabled bool               `json:"enabled"`
	Phase   AuthenticatorPhase `json:"phase"`
	RPID    string             `json:"rpid,omitempty"` // the domain that a passkey is for
	// Provider is whose word it is, of the types social and saml, and ProviderName
	// what people see of that.
	Provider     string    `json:"provider,omitempty"`
	ProviderName string    `json:"provider_name,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`
}

// AuthenticatorType says what sort of proof an authenticator is.
type AuthenticatorType string

// The types of authenticator that this client knows. A server may have others.
const (
	AuthenticatorPassword  AuthenticatorType = "password"
	AuthenticatorEmailOTP  AuthenticatorType = "email_otp" // a code sent to the mailbox
	AuthenticatorMagicLink AuthenticatorType = "magiclink" // a link sent to the mailbox
	AuthenticatorTOTP      AuthenticatorType = "totp"      // a code that a program computes
	AuthenticatorSMSOTP    AuthenticatorType = "sms_otp"   // a code sent to the telephone
	AuthenticatorPasskey   AuthenticatorType = "passkey"   // a key in a device of theirs
	AuthenticatorSocial    AuthenticatorType = "social"    // the word of another provider
	AuthenticatorSAML      AuthenticatorType = "saml"      // the word of a SAML identity provider
)

// AuthenticatorPhase says where an authenticator counts.
type AuthenticatorPhase string

// Where authenticators count.
const (
	AuthenticatorPrimary   AuthenticatorPhase = "primary"   // as the first proof
	AuthenticatorSecondary AuthenticatorPhase = "secondary" // as the second one
)

// List returns the authenticators of a person, oldest first. Somebody who has
// never signed up has none. It calls /v2/user/authenticators/list.
func (s AuthenticatorsService) List(ctx context.Context, who UserRef) ([]Authenticator, error) {
	all, err := result[struct {
		Authenticators []Authenticator `json:"authenticators"`
	}](ctx, s.t, "v2/user/authenticators/list", who)
	if err != nil {
		return nil, err
	}
	return all.Authenticators, nil
}

// AuthenticatorDeleteRequest removes an authenticator of a person.
type AuthenticatorDeleteRequest struct {
	UserRef
	AuthenticatorID string `json:"authenticator_id"`
}

// Delete removes an authenticator of a person, who sets up another at the next
// sign-in if none is left. One that the person does not have is
// [StatusNotFound]. It calls /v2/user/authenticators/delete.
func (s AuthenticatorsService) Delete(ctx context.Context, r AuthenticatorDeleteRequest) error {
	return s.t.post(ctx, "v2/user/authenticators/delete", r, nil)
}

// UserPasswordService keeps people's passwords for them. It needs a service
// token. A person changes their own with [ClientPasswordService].
type UserPasswordService struct{ t *transport }

// Expire declares the password of a person, who is named by id, due for a
// change: after the next sign-in with it they choose another, in
// [PhaseSetPassword]. Their sessions end if the pool says so. It calls
// /v2/user/password/expire, which the vendor's SDKs have as
// client.password.expire.
func (s UserPasswordService) Expire(ctx context.Context, userID string) error {
	return s.t.post(ctx, "v2/user/password/expire", UserRef{ID: userID}, nil)
}
