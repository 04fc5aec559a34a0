package session

import (
	"context"
	"crypto"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-json-experiment/json"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Spelling is how signed tokens name things, which is for a face to say. The
// zero value names them as we do.
type Spelling struct {
	// Issuer is who issues a pool's tokens where the pool does not say.
	Issuer func(core.Pool) string
	// Claims names the person and the token, and adds what the face's clients
	// look for. It gives one name to one token, always.
	Claims func(core.User, core.TokenID) Claims
	// Application names an application, as it knows itself.
	Application func(core.ApplicationID) string
	// Access is an opaque access token as its holder has it.
	Access func(string) string
	// Custom names the claim that holds all claims of the pool's own once more;
	// empty: none does.
	Custom string
}

// Claims is what a face says in a signed token.
type Claims struct {
	Subject string         // the person
	ID      string         // of the token
	More    map[string]any // by name; our own names are not for it
}

// Form is what a face asks of the token that a sign-in through it gives. The
// zero value leaves that to the pool and to the [Spelling].
type Form struct {
	Signed   bool   // whatever kind the pool's tokens are
	Audience string // whom a signed token is for ("aud"); empty: not said
	// Claims stands in for the spelling's, for this one token.
	Claims func(core.User, core.TokenID) Claims
}

const (
	// MaxSigned is the length, in bytes, beyond which no signed token is looked at.
	MaxSigned = 16 << 10
	// maxClaim is the length of a claim's JSON beyond which it is left out: a
	// token travels in headers and storage that are small.
	maxClaim = 4 << 10
	// signedType is the "typ" of our tokens (RFC 7519 section 5.1), and accessType
	// that of access tokens for applications, so that nobody takes another token
	// for one (RFC 9068 section 2.1). logoutType is that of logout tokens (OpenID
	// Connect Back-Channel Logout 1.0 section 2.4), of which we read none.
	signedType = "JWT"
	accessType = "at+jwt"
	logoutType = "logout+jwt"
)

// LooksSigned reports whether a text has the form of a signed token, and of no
// other: three parts of base64url with dots between (RFC 7515 section 7.1).
func LooksSigned(token string) bool {
	if len(token) > MaxSigned || strings.Count(token, ".") != 2 {
		return false
	}
	for part := range strings.SplitSeq(token, ".") {
		if part == "" {
			return false
		}
		for _, c := range []byte(part) {
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

// signingKey is a key with what signs and what verifies by it.
type signingKey struct {
	core.SigningKey
	signer jose.Signer // nil for a key that has signed its last
	access jose.Signer // the same for access tokens of applications
	logout jose.Signer // the same for logout tokens
}

func newSigningKey(k store.SigningKey) (signingKey, error) {
	key := signingKey{SigningKey: k.SigningKey}
	if k.Private == nil {
		return key, nil
	}
	with := jose.SigningKey{Algorithm: jose.ES256, Key: steady{k}}
	for kind, signer := range map[jose.ContentType]*jose.Signer{signedType: &key.signer, accessType: &key.access, logoutType: &key.logout} {
		var err error
		if *signer, err = jose.NewSigner(with, (&jose.SignerOptions{}).WithType(kind)); err != nil {
			return key, err
		}
	}
	return key, nil
}

// steady signs by RFC 6979: the same text gets the same signature, so that a
// refresh that is asked for again answers the same token.
type steady struct{ key store.SigningKey }

// Public implements [jose.OpaqueSigner].
func (s steady) Public() *jose.JSONWebKey {
	return &jose.JSONWebKey{Key: s.key.Public, KeyID: string(s.key.ID), Algorithm: string(jose.ES256), Use: "sig"}
}

// Algs implements [jose.OpaqueSigner].
func (s steady) Algs() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{jose.ES256} }

// SignPayload implements [jose.OpaqueSigner]. The signature has the form of
// RFC 7518 section 3.4.
func (s steady) SignPayload(payload []byte, alg jose.SignatureAlgorithm) ([]byte, error) {
	if alg != jose.ES256 {
		return nil, jose.ErrUnsupportedAlgorithm
	}
	sum := sha256.Sum256(payload)
	der, err := s.key.Private.Sign(nil, sum[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	var pair struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &pair); err != nil || len(rest) > 0 {
		return nil, errors.New("the signature has another form")
	}
	out := make([]byte, 64)
	pair.R.FillBytes(out[:32])
	pair.S.FillBytes(out[32:])
	return out, nil
}

// spell gives the claims of a person's token.
func (s *Sessions) spell(user core.User, id core.TokenID) Claims {
	if s.spelling.Claims == nil {
		return Claims{Subject: string(user.ID), ID: string(id)}
	}
	return s.spelling.Claims(user, id)
}

// sign writes a person's token, for a client if there is one, with the key of
// the time at which it was made, and returns it with the hash under which it is
// kept. Names of our own are written last, so that nothing stands in their place.
func (s *Sessions) sign(key signingKey, issuer string, form Form, client *recipient, settings core.Settings, user core.User, c core.Credential) (token string, hash []byte, err error) {
	signer, spell := key.signer, s.spell
	if form.Claims != nil {
		spell = form.Claims
	}
	var own map[string]string
	if client != nil {
		own = settings.ClaimsFor(user, client.scopes, core.ClaimInAccess)
		user, signer = user.For(client.scopes), key.access
	}
	spelled := spell(user, core.TokenID(c.ID))
	claims := make(map[string]any, len(spelled.More)+len(own)+12)
	for name, value := range own {
		claims[name] = value
	}
	for name, value := range spelled.More {
		claims[name] = value
	}
	if s.spelling.Custom != "" && client != nil {
		claims[s.spelling.Custom] = own
	}
	claims["email"], claims["username"], claims["profile"] = user.Email, user.Username, user.Profile
	for name, value := range claims {
		text, err := json.Marshal(value)
		if err != nil {
			return "", nil, err
		}
		if len(text) > maxClaim {
			delete(claims, name)
		}
	}
	claims["sub"], claims["jti"] = spelled.Subject, spelled.ID
	claims["iat"], claims["exp"] = c.CreatedAt.Unix(), c.ExpiresAt.Unix()
	delete(claims, "nbf")
	delete(claims, "aud")
	delete(claims, "iss")
	if form.Audience != "" {
		claims["aud"] = form.Audience
	}
	if issuer != "" {
		claims["iss"] = issuer
	}
	if client != nil {
		for _, name := range []string{"email", "username"} {
			if claims[name] == "" {
				delete(claims, name)
			}
		}
		if len(user.Profile) == 0 {
			delete(claims, "profile")
		}
		claims["scope"], claims["client_id"] = strings.Join(client.scopes, " "), s.applicationName(client.app.ID)
		claims["aud"] = oneOrMore(client.audience(settings, issuer))
	}
	token, err = signClaims(signer, claims)
	return token, s.signedHash(spelled.ID), err
}

func signClaims(signer jose.Signer, claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims, json.Deterministic(true))
	if err != nil {
		return "", err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", err
	}
	return signed.CompactSerialize()
}

// verified is what a signed token says of itself, and who signed it.
type verified struct {
	Issuer  string `json:"iss"`
	ID      string `json:"jti"`
	Expires int64  `json:"exp"`
	Before  int64  `json:"nbf"`

	key    signingKey
	client bool   // it says that it was made for an application
	hash   []byte // under which it is kept
}

// maxVerified is how many signed tokens are remembered as verified.
const maxVerified = 20_000

// readSigned is verify, which is asked once for each token in use. Only what
// was verified is remembered, so that nobody can fill the memory with tokens of
// his own.
func (s *Sessions) readSigned(ctx context.Context, caller core.Caller, token string) (verified, error) {
	if len(token) > MaxSigned {
		return s.verify(ctx, caller, token)
	}
	sum := sha256.Sum256([]byte(token))
	return s.verified.Get(string(caller.Pool)+string(sum[:]), func() (verified, []store.Change, error) {
		claims, err := s.verify(ctx, caller, token)
		return claims, ringNeeds(caller), err
	})
}

// verify reads a signed access token. It returns what one of the caller's pool
// says, past its time or not, and [core.CodeTokenInvalid] for any other.
func (s *Sessions) verify(ctx context.Context, caller core.Caller, token string) (verified, error) {
	u, err := s.unseal(ctx, caller, token, signedType, accessType)
	if err != nil {
		return verified{}, err
	}
	claims := verified{key: u.key, client: u.kind == accessType}
	if json.Unmarshal(u.payload, &claims) != nil || claims.ID == "" || claims.Expires <= 0 || claims.Issuer != u.issuer ||
		time.Unix(claims.Before, 0).After(s.store.Clock().Add(core.ClockSlack)) {
		return verified{}, core.Fail(core.CodeTokenInvalid, "This token is unknown or was revoked.")
	}
	claims.hash = s.signedHash(claims.ID)
	return claims, nil
}

// unsealed is what a signed token says, who signed it, and whose it has to be.
type unsealed struct {
	payload []byte
	key     signingKey
	kind    string // its "typ"
	issuer  string // of the pool
}

// unseal is the one way to read what was signed: it returns what a token of
// the caller's pool says that is of one of these types, and [core.CodeTokenInvalid] for any other. The key decides the
// algorithm (RFC 8725 section 3.1): a header may name a key of ours, and nothing
// else that we do not write.
func (s *Sessions) unseal(ctx context.Context, caller core.Caller, token string, types ...string) (unsealed, error) {
	invalid := core.Fail(core.CodeTokenInvalid, "This token is unknown or was revoked.")
	if !LooksSigned(token) {
		return unsealed{}, invalid
	}
	var header struct {
		Algorithm string `json:"alg"`
		Key       string `json:"kid"`
		Type      string `json:"typ"`
	}
	first, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil || json.Unmarshal(text, &header, json.RejectUnknownMembers(true)) != nil {
		return unsealed{}, invalid
	}
	tail, ours := strings.CutPrefix(header.Key, "sig_")
	if header.Algorithm != string(jose.ES256) || !slices.Contains(types, header.Type) || !ours || !secret.IsText(tail) {
		return unsealed{}, invalid
	}
	r, err := s.ring(ctx, caller)
	if err != nil {
		return unsealed{}, err
	}
	key, known := r.key(header.Key)
	if !known {
		// Another node may have made the pool's first key a moment ago.
		if r, err = s.loadRing(ctx, caller); err != nil {
			return unsealed{}, err
		}
		if key, known = r.key(header.Key); !known {
			return unsealed{}, invalid
		}
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return unsealed{}, invalid
	}
	payload, err := signed.Verify(key.Public)
	if err != nil {
		return unsealed{}, invalid
	}
	return unsealed{payload, key, header.Type, r.issuer}, nil
}

// findSigned is find for a signed token. What it says is believed only as far
// as the session's own record of it goes.
func (s *Sessions) findSigned(ctx context.Context, caller core.Caller, token string) (core.AccessToken, error) {
	claims, err := s.readSigned(ctx, caller, token)
	if err != nil {
		return core.AccessToken{}, err
	}
	t, err := s.kept(ctx, caller, claims.hash)
	if err != nil {
		return core.AccessToken{}, err
	}
	if claims.client != (t.Application != "") {
		return core.AccessToken{}, core.Fail(core.CodeTokenInvalid, "This token is unknown or was revoked.")
	}
	if retires := claims.key.RetiresAt; !retires.IsZero() && t.CreatedAt.After(retires.Add(core.ClockSlack)) {
		// The key had retired when this token was made, and so did not sign it.
		return core.AccessToken{}, core.Fail(core.CodeTokenInvalid, "This token is unknown or was revoked.")
	}
	if expires := time.Unix(claims.Expires, 0); expires.Before(t.ExpiresAt) {
		t.ExpiresAt = expires.UTC()
	}
	return t, nil
}

// hash returns under what a person's token is kept. What cannot be read gets
// the hash of nothing that is kept.
func (s *Sessions) hash(ctx context.Context, caller core.Caller, token string) ([]byte, error) {
	if secret.IsText(token) {
		return s.accessHash(token), nil
	}
	claims, err := s.verify(ctx, caller, token)
	if core.Is(err, core.CodeTokenInvalid) || err == nil && claims.client {
		return s.signedHash(""), nil
	}
	return claims.hash, err
}

// signedHash is under which a signed token is kept: its id is no secret, and
// opens nothing without a signature. The pool is beside it.
func (s *Sessions) signedHash(id string) []byte { return s.store.Keys().Lookup("signed token", id) }
