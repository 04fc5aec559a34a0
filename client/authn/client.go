package authn

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// ClientService does what somebody who is signed in does, with their own
// tokens. A service or a client token will do for it.
type ClientService struct {
	Token    TokenService
	Session  ClientSessionService
	Password ClientPasswordService

	t *transport
}

// TokenType says what a token is for.
type TokenType string

// The types of token that a sign-in gives.
const (
	TypeUser    TokenType = "user"    // shows who somebody is
	TypeSession TokenType = "session" // gets new tokens; it stands for the session
)

// TokenInfo is what a token stands for.
type TokenInfo struct {
	ID        string    `json:"id"` // of the token; of a session token it is the session's too
	Type      TokenType `json:"type"`
	Life      int64     `json:"life"` // the seconds that were left when the server answered
	Expire    time.Time `json:"expire"`
	Enabled   bool      `json:"enabled"`
	Identity  string    `json:"identity"` // the person's id
	Email     string    `json:"email"`
	Owner     string    `json:"owner"` // the person's username
	Scopes    []string  `json:"scopes"`
	Profile   Profile   `json:"profile"`
	CreatedAt time.Time `json:"created_at"`

	// ClientID is the application that the token was given to by OAuth; "": none,
	// it is the person's own. Email and Profile are what Scopes let it see.
	ClientID string `json:"client_id,omitempty"`
}

// Token is a token with what it stands for. It prints itself without the
// token, so that it can be logged.
type Token struct {
	Token string `json:"token"` // the secret
	TokenInfo
}

// Format prints the token's id, type, person and end, whatever the verb.
func (t Token) Format(f fmt.State, _ rune) {
	// What becomes of it is the printer's own to say.
	_, _ = io.WriteString(f, string(t.Type)+" token "+t.ID+" of "+t.Identity+" until "+t.Expire.UTC().Format(time.RFC3339))
}

// LogValue is what Format prints.
func (t Token) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(t)) }

// Tokens is what a completed sign-in or a refresh gives.
type Tokens struct {
	RefreshToken Token `json:"refresh_token"` // works once, for ClientSessionService.Refresh
	ActiveToken  Token `json:"active_token"`
	FlowOAuth          // of a flow that was begun with a ClientID
}

// LogValue shows both tokens as they print themselves.
func (t Tokens) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("refresh_token", t.RefreshToken), slog.Any("active_token", t.ActiveToken))
}

// UserInfoRequest exchanges the code of a hosted sign-in.
type UserInfoRequest struct {
	Code   string `json:"code"`
	FlowID string `json:"flow_id,omitempty"` // if it is given, the code must be of this flow
}

// UserInfo exchanges the code, with which the hosted pages have sent a browser
// back to the application, for tokens. A code works once and for a short time;
// after that it is [StatusInvalidToken]. It calls /v2/client/userinfo.
func (s ClientService) UserInfo(ctx context.Context, r UserInfoRequest) (*Tokens, error) {
	return result[Tokens](ctx, s.t, "v2/client/userinfo", r)
}

// JWK is the public half of a key that signs user tokens: ES256, on the curve
// P-256.
type JWK struct {
	KeyType   string `json:"kty"`
	Algorithm string `json:"alg"`
	Curve     string `json:"crv"`
	KeyID     string `json:"kid"` // what the header of a token names
	Use       string `json:"use"`
	X         string `json:"x"` // base64url
	Y         string `json:"y"`
}

// JWKS is a set of keys.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

// JWKS returns the keys by which a signed user token is verified without
// asking the server: none in a pool whose tokens are opaque. It may be kept
// for a day, because a key is published for longer than that before it signs.
// Only [TokenService.Check] sees a revocation. It calls /v2/client/jwks.
func (s ClientService) JWKS(ctx context.Context) (*JWKS, error) {
	return result[JWKS](ctx, s.t, "v2/client/jwks", struct{}{})
}

// TokenService looks at tokens.
type TokenService struct{ t *transport }

type tokenRequest struct {
	Token string `json:"token"`
}

// Check returns what a user token, opaque or signed, stands for. One that is
// unknown or revoked is [StatusInvalidToken], one past its time
// [StatusExpiredToken]. It calls /v2/client/token/check.
func (s TokenService) Check(ctx context.Context, token string) (*TokenInfo, error) {
	return result[TokenInfo](ctx, s.t, "v2/client/token/check", tokenRequest{token})
}

// ClientPasswordService changes one's own password.
type ClientPasswordService struct{ t *transport }

// PasswordChangeRequest is a change of one's own password.
type PasswordChangeRequest struct {
	Token       string `json:"token"` // a user token
	OldPassword string `json:"old_password"`
	NewPassword string `json:"new_password"`
}

// Change changes the password of the person of a user token. A wrong old
// password is [StatusAuthenticationFailure]; a new one that breaks the rules is
// a problem at /new_password. The session goes on; the person's others end. It
// calls /v2/client/password/change.
func (s ClientPasswordService) Change(ctx context.Context, r PasswordChangeRequest) error {
	return s.t.post(ctx, "v2/client/password/change", r, nil)
}
