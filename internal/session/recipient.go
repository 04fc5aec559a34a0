package session

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// ErrScope is the cause of what is refused because more is asked for than was
// granted (RFC 6749 section 6).
var ErrScope = errors.New("the scope is beyond what was granted")

// recipient is the application that a session's tokens are for.
type recipient struct {
	app      core.Application
	scopes   []string // of a refresh before it was looked at: those asked for, nil for all
	nonce    string
	provedAt time.Time // when the person proved who they are
}

// refreshes reports whether the application gets refresh tokens.
func (r *recipient) refreshes() bool { return r.app.Client.May(core.GrantRefresh) }

// life is how long its access tokens work.
func (r *recipient) life(s core.Settings) time.Duration {
	return time.Duration(cmp.Or(r.app.Client.TokenLife, s.AccessLife))
}

// audience is for whom its access tokens are: never nobody.
func (r *recipient) audience(s core.Settings, issuer string) []string {
	return Audience(s, r.app, issuer)
}

// Audience is for whom an application's access tokens are.
func Audience(s core.Settings, app core.Application, issuer string) []string {
	all := slices.Clone(s.OAuthAudience)
	for _, one := range app.Client.Audience {
		if !slices.Contains(all, one) {
			all = append(all, one)
		}
	}
	if len(all) == 0 {
		all = []string{issuer}
	}
	return all
}

// fits refuses a session that is not the application's, or is one's where there
// should be none, and returns the application with what it gets of the session.
func (r *recipient) fits(s core.Session) (*recipient, error) {
	invalid := core.Fail(core.CodeTokenInvalid, "This refresh token is unknown or was revoked.")
	if r == nil {
		if s.Application != "" {
			return nil, invalid
		}
		return nil, nil
	}
	if s.Application != r.app.ID {
		return nil, invalid
	}
	next := recipient{app: r.app, scopes: s.Scopes, provedAt: s.ProvedAt}
	if r.scopes != nil {
		for _, scope := range r.scopes {
			if !slices.Contains(s.Scopes, scope) {
				return nil, &core.Error{Code: core.CodeInvalid, Detail: "The scope " + scope + " was not granted.", Cause: ErrScope}
			}
		}
		next.scopes = r.scopes
	}
	next.scopes = r.may(next.scopes)
	return &next, nil
}

// may is what the application gets of scopes that it was granted: what it may no
// longer ask for, it does not get any more.
func (r *recipient) may(scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(scope string) bool { return !slices.Contains(r.app.Client.Scopes, scope) })
}

// Issuer is who issues a pool's tokens.
func (s *Sessions) Issuer(pool core.Pool) string {
	if pool.Settings.TokenIssuer != "" || s.spelling.Issuer == nil {
		return pool.Settings.TokenIssuer
	}
	return s.spelling.Issuer(pool)
}

// applicationName is what an application calls itself.
func (s *Sessions) applicationName(id core.ApplicationID) string {
	if s.spelling.Application == nil {
		return string(id)
	}
	return s.spelling.Application(id)
}

// About is what an application that was granted these scopes is told of a
// person (OpenID Connect Core 1.0 section 5.1), beside an identifier.
func About(settings core.Settings, user core.User, scopes []string) map[string]any {
	said := make(map[string]any)
	claims := settings.ClaimsFor(user, scopes, core.ClaimInID)
	for name, value := range claims {
		said[name] = value
	}
	if name := strings.TrimSpace(claims["given_name"] + " " + claims["family_name"]); name != "" && claims["name"] == "" {
		said["name"] = name
	}
	seen := user.For(scopes)
	if seen.Email != "" {
		said["email"], said["email_verified"] = seen.Email, seen.EmailVerified
	}
	if seen.Username != "" {
		said["preferred_username"] = seen.Username
	}
	if slices.Contains(scopes, core.ScopeProfile) {
		said["updated_at"] = user.UpdatedAt.Unix()
	}
	return said
}

// Subject is what applications know a person by.
func (s *Sessions) Subject(id core.UserID) string {
	return s.spell(core.User{ID: id}, "").Subject
}

// idToken writes the ID token of a grant (OpenID Connect Core 1.0 section 2), or
// nothing where none was asked for. It is kept nowhere, and so opens nothing.
func (p Pending) idToken(g core.Grant, settings core.Settings) (string, error) {
	if !slices.Contains(p.client.scopes, core.ScopeOpenID) {
		return "", nil
	}
	key, ok := p.ring.at(g.Access.CreatedAt)
	if !ok {
		return "", errNoKey
	}
	claims := About(settings, g.User, p.client.scopes)
	name := p.sessions.applicationName(p.client.app.ID)
	claims["iss"], claims["sub"], claims["aud"], claims["azp"] = p.ring.issuer, p.sessions.Subject(g.User.ID), name, name
	claims["iat"], claims["exp"] = g.Access.CreatedAt.Unix(), g.Access.ExpiresAt.Unix()
	claims["auth_time"], claims["sid"] = p.client.provedAt.Unix(), core.Tail(core.SessionID(g.Refresh.ID))
	if p.client.nonce != "" {
		claims["nonce"] = p.client.nonce
	}
	access := g.Access.Token
	if !p.signed && p.sessions.spelling.Access != nil {
		access = p.sessions.spelling.Access(access)
	}
	sum := sha256.Sum256([]byte(access))
	claims["at_hash"] = base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	return signClaims(key.signer, claims)
}

// Hint is what an ID token of ours says that somebody brings to sign out.
type Hint struct {
	Audience string         `json:"aud"` // the application, as it calls itself
	Tail     string         `json:"sid"`
	Issuer   string         `json:"iss"`
	Session  core.SessionID `json:"-"`
}

// ReadHint reads an ID token of the caller's pool, past its time or not. It
// returns [core.CodeTokenInvalid] for anything else.
func (s *Sessions) ReadHint(ctx context.Context, caller core.Caller, token string) (Hint, error) {
	u, err := s.unseal(ctx, caller, token, signedType)
	if err != nil {
		return Hint{}, err
	}
	var h Hint
	if json.Unmarshal(u.payload, &h) != nil || h.Issuer != u.issuer || h.Tail == "" || h.Audience == "" {
		return Hint{}, core.Fail(core.CodeTokenInvalid, "This is no ID token.")
	}
	h.Session = core.SessionID("ses_" + h.Tail)
	return h, nil
}

// oneOrMore spells an audience (RFC 7519 section 4.1.3).
func oneOrMore(list []string) any {
	if len(list) == 1 {
		return list[0]
	}
	return list
}
