package core

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Scope is something that an application may ask for (RFC 6749 section 3.3).
type Scope struct {
	Name string `json:"name"`
	// Label and Description are what people read of it.
	Label       string `json:"label,omitempty"`
	Description string `json:"description,omitempty"`
	// Consent: people are asked before an application gets it.
	Consent bool `json:"consent,omitempty"`
}

// The scopes that every pool has.
const (
	ScopeOpenID  = "openid"
	ScopeProfile = "profile"
	ScopeEmail   = "email"
	ScopeOffline = "offline_access"
)

// standardScopes are those of OpenID Connect (Core 1.0 sections 5.4 and 11).
// A pool may list one to word it otherwise, or to have people asked.
func standardScopes() []Scope {
	return []Scope{
		{Name: ScopeOpenID, Label: "Who you are", Description: "An identifier that stands for you."},
		{Name: ScopeProfile, Label: "Your profile", Description: "Your username, your name and what else is in your profile."},
		{Name: ScopeEmail, Label: "Your e-mail address", Description: "Your address, and whether it is proved."},
		{Name: ScopeOffline, Label: "Access while you are away", Description: "To stay signed in when you are not using it."},
	}
}

// Title is what people see of the scope.
func (s Scope) Title() string {
	if s.Label != "" {
		return s.Label
	}
	return s.Name
}

// AllScopes are the pool's scopes: its own, and the standard ones that it does
// not list itself.
func (s Settings) AllScopes() []Scope {
	all := slices.Clone(s.OAuthScopes)
	for _, standard := range standardScopes() {
		if !slices.ContainsFunc(all, func(own Scope) bool { return own.Name == standard.Name }) {
			all = append(all, standard)
		}
	}
	return all
}

// Scope finds a scope of the pool.
func (s Settings) Scope(name string) (Scope, bool) {
	all := s.AllScopes()
	if i := slices.IndexFunc(all, func(one Scope) bool { return one.Name == name }); i >= 0 {
		return all[i], true
	}
	return Scope{}, false
}

// ReadScopes takes apart the scopes of a request. It returns false for more or
// longer ones than there may be, and for what is none. One that stands there
// twice is there once.
func ReadScopes(text string) ([]string, bool) {
	if len(text) > MaxScopeText {
		return nil, false
	}
	var scopes []string
	for _, name := range strings.Fields(text) {
		if !isToken(name) {
			return nil, false
		}
		if !slices.Contains(scopes, name) {
			scopes = append(scopes, name)
		}
	}
	return scopes, len(scopes) <= MaxScopes
}

// AskedScopes returns what a client gets that asks for these scopes. It
// returns false if one of them is none of the pool's or of the client's.
func (s Settings) AskedScopes(c Client, text string) ([]string, bool) {
	scopes, ok := ReadScopes(text)
	if !ok {
		return nil, false
	}
	if len(scopes) == 0 {
		scopes = slices.Clone(c.DefaultScopes)
	}
	for _, name := range scopes {
		if _, known := s.Scope(name); !known || !slices.Contains(c.Scopes, name) {
			return nil, false
		}
	}
	return scopes, true
}

// Claim is something that tokens for applications say of a person, out of the
// profile.
type Claim struct {
	Name  string `json:"name"`
	Field string `json:"field"`
	// Scope is what an application has to have been granted; empty: any.
	Scope string `json:"scope,omitempty"`
	// Tokens are those that say it.
	Tokens []ClaimPlace `json:"tokens"`
}

// ClaimPlace is a kind of token that says claims.
type ClaimPlace string

// The places of claims.
const (
	ClaimInID     ClaimPlace = "id"     // the ID token, and the answer about the person
	ClaimInAccess ClaimPlace = "access" // the access token, and the answer about that
)

// ReservedClaims are the names that are not a pool's to give: those of RFC
// 7519, of OpenID Connect and of OAuth 2.0 that say something about a token,
// and those that say here what the server knows itself.
func ReservedClaims() []string {
	return []string{
		"iss", "sub", "aud", "exp", "nbf", "iat", "jti",
		"auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "s_hash", "sid", "sub_jwk", "events",
		"scope", "client_id", "act", "may_act", "cnf", "token_type", "active", "sub_type", "roles", "groups", "entitlements",
		"email", "email_verified", "username", "preferred_username", "profile", "updated_at", "intelligence",
	}
}

// ClaimsFor is what a token says of a person to an application that was
// granted these scopes, as the pool's settings have it.
func (s Settings) ClaimsFor(u User, scopes []string, place ClaimPlace) map[string]string {
	said := map[string]string{}
	for _, c := range s.OAuthClaims {
		value := u.Profile[c.Field]
		if value == "" || slices.Contains(ReservedClaims(), c.Name) || !slices.Contains(c.Tokens, place) || c.Scope != "" && !slices.Contains(scopes, c.Scope) {
			continue
		}
		said[c.Name] = value
	}
	return said
}

// For is the person as an application may see them that was granted these
// scopes. A username that is the e-mail address goes with that.
func (u User) For(scopes []string) User {
	email, profile := slices.Contains(scopes, ScopeEmail), slices.Contains(scopes, ScopeProfile)
	if own := u.Username != u.Email; own && !profile || !own && !email {
		u.Username = ""
	}
	if !email {
		u.Email, u.EmailVerified = "", false
	}
	if !profile {
		u.Profile = Profile{}
	}
	u.Phone = ""
	return u
}

// claimName is what a claim may be called: no more than what the documents of
// faces take.
func claimName() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`) }

func checkScopes(list []Scope) error {
	if len(list) > 200 {
		return errors.New("must be at most 200 scopes")
	}
	for i, scope := range list {
		if !isToken(scope.Name) || len(scope.Name) > 100 {
			return fmt.Errorf("has the scope %q, which is not 1 to 100 of the characters that a scope may have (RFC 6749 section 3.3)", scope.Name)
		}
		if slices.ContainsFunc(list[:i], func(before Scope) bool { return before.Name == scope.Name }) {
			return fmt.Errorf("has two scopes %q", scope.Name)
		}
		if err := plainText(scope.Label, 100); err != nil {
			return fmt.Errorf("as the label of %q %w", scope.Name, err)
		}
		if err := plainText(scope.Description, 500); err != nil {
			return fmt.Errorf("as the description of %q %w", scope.Name, err)
		}
		if scope.Name == ScopeOpenID && scope.Consent {
			return errors.New("asks for consent to openid, without which there is no signing in")
		}
	}
	return nil
}

func (s *Settings) checkClaims() error {
	if len(s.OAuthClaims) > 100 {
		return errors.New("must be at most 100 claims")
	}
	for i, c := range s.OAuthClaims {
		if !claimName().MatchString(c.Name) {
			return fmt.Errorf("has the claim %q, which is not 1 to 64 characters of A-Z, a-z, 0-9, _ and -", c.Name)
		}
		if slices.Contains(ReservedClaims(), c.Name) {
			return fmt.Errorf("has the claim %q, which says something of its own", c.Name)
		}
		if slices.ContainsFunc(s.OAuthClaims[:i], func(before Claim) bool { return before.Name == c.Name }) {
			return fmt.Errorf("has two claims %q", c.Name)
		}
		if c.Field == "" || len(c.Field) > maxProfileName || !isPlain(c.Field) {
			return fmt.Errorf("needs for %q the name of a field of the profile", c.Name)
		}
		if _, known := s.Scope(c.Scope); c.Scope != "" && !known {
			return fmt.Errorf("has for %q the scope %q, which is none of the pool's", c.Name, c.Scope)
		}
		if len(c.Tokens) == 0 {
			return fmt.Errorf("needs for %q the tokens that say it: id, access", c.Name)
		}
		if err := someOf(c.Tokens, []ClaimPlace{ClaimInID, ClaimInAccess}); err != nil {
			return fmt.Errorf("as the tokens of %q %w", c.Name, err)
		}
	}
	return nil
}

func checkAudience(list []string) error {
	if len(list) > maxAudience {
		return fmt.Errorf("must be at most %d", maxAudience)
	}
	for i, audience := range list {
		if audience == "" || plainText(audience, 200) != nil || slices.Contains(list[:i], audience) {
			return fmt.Errorf("has %q, which is empty, longer than 200 bytes, no plain text, or there twice", audience)
		}
	}
	return nil
}
