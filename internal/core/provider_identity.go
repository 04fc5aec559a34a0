package core

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
)

// ProviderIdentity is what an authenticator that is the word of a provider keeps
// as its data: whom the provider means.
type ProviderIdentity struct {
	Provider string `json:"provider"` // its name
	Issuer   string `json:"issuer"`
	Subject  string `json:"subject"`
	Email    string `json:"email,omitempty"` // as the provider gave it last
}

// Handle is by what the identity is known: 43 characters, of which no two
// identities of a pool share all. Address and name are no part of it: a
// provider may give either to somebody else.
func (i ProviderIdentity) Handle() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", i.Provider, i.Issuer, i.Subject))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Data is the identity as an authenticator keeps it.
func (i ProviderIdentity) Data() (string, error) {
	data, err := json.Marshal(i)
	return string(data), err
}

// Identity reads what an authenticator keeps that is the word of a provider.
func (a Authenticator) Identity() (ProviderIdentity, error) {
	var i ProviderIdentity
	err := json.Unmarshal([]byte(a.Data), &i)
	return i, err
}

// AuthenticatorKind is of which kind the authenticators are by which people come
// in through the provider.
func (p Provider) AuthenticatorKind() AuthenticatorKind {
	if p.Kind == ProviderSAML {
		return AuthenticatorSAML
	}
	return AuthenticatorSocial
}
