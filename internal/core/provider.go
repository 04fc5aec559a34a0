package core

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// Provider is somebody else's service whose word a pool takes for who somebody
// is: an identity provider, in the words of OpenID Connect and of SAML.
type Provider struct {
	// Name is what addresses and applications call it, and what the people who
	// came by it are known under: it stays as it is.
	Name string `json:"name"`
	// Kind says how it is spoken to.
	Kind ProviderKind `json:"kind"`
	// Label is what people see on its button; empty: the name.
	Label string `json:"label,omitempty"`
	// Disabled: nobody comes in by it, and nothing of it is forgotten.
	Disabled bool `json:"disabled,omitempty"`
	// Domains are the only ones with whose e-mail addresses people come in by
	// it, as in signup.domains; empty: all. Until an address is known, a provider
	// that has some is not offered.
	Domains []string `json:"domains,omitempty"`

	// ClientID is what it knows us by; for SAML our entity id. Empty, for SAML:
	// the address of our metadata. The secret that goes with it is the pool's
	// secret [ProviderSecret].
	ClientID string `json:"client_id,omitempty"`
	// Issuer is whose tokens are taken: for OpenID the issuer whose
	// configuration is read, for SAML the entity id. Empty: the usual one of the
	// kind, where it has one.
	Issuer string `json:"issuer,omitempty"`
	// Scopes are asked for besides those that are needed.
	Scopes []string `json:"scopes,omitempty"`
	// TrustEmail: an address that it calls verified, is. Without, nobody is known
	// by an address that it gives.
	TrustEmail bool `json:"trust_email,omitempty"`
	// Profile says which claims or attributes of it fill which fields of the
	// profile of somebody new, by the field's id.
	Profile map[string]string `json:"profile,omitempty"`
	// SAML is what only a SAML provider has; nil for others.
	SAML *SAMLProvider `json:"saml,omitempty"`
}

// SAMLProvider is how a SAML identity provider is spoken to (SAML 2.0 Bindings
// and Profiles, web browser single sign-on).
type SAMLProvider struct {
	// SignInURL is where requests go.
	SignInURL string `json:"sign_in_url"`
	// Certificates are those whose keys sign its answers, PEM. None other is
	// believed, whatever a message brings.
	Certificates []string `json:"certificates"`
	// PostRequests: requests go in a form in place of the address (HTTP-POST
	// binding).
	PostRequests bool `json:"post_requests,omitempty"`
	// EmailAttribute is the attribute that has the address; empty: the name
	// identifier, where it is one, and the usual attributes.
	EmailAttribute string `json:"email_attribute,omitempty"`
	// Unsolicited: people may begin at the provider, without a request of ours.
	Unsolicited bool `json:"unsolicited,omitempty"`
	// UnsolicitedURL is the page of the application to which they come then, one
	// of redirects.allowed, which begins a flow with the ticket that it is
	// brought. Empty: our own pages sign them in.
	UnsolicitedURL string `json:"unsolicited_url,omitempty"`
}

// ProviderKind says how a provider is spoken to.
type ProviderKind string

// The kinds of provider.
const (
	ProviderGoogle    ProviderKind = "google"
	ProviderGitHub    ProviderKind = "github"
	ProviderFacebook  ProviderKind = "facebook"
	ProviderMicrosoft ProviderKind = "microsoft"
	ProviderGitLab    ProviderKind = "gitlab"
	ProviderLinkedIn  ProviderKind = "linkedin"
	ProviderOpenID    ProviderKind = "oidc"
	ProviderSAML      ProviderKind = "saml"
)

// ProviderKinds lists them.
func ProviderKinds() []ProviderKind {
	return []ProviderKind{ProviderGoogle, ProviderGitHub, ProviderFacebook, ProviderMicrosoft, ProviderGitLab, ProviderLinkedIn, ProviderOpenID, ProviderSAML}
}

// Title is what people see of the provider: its label, or else its name, as
// everybody writes it if it is that of its kind.
func (p Provider) Title() string {
	return cmp.Or(p.Label, titles()[p.Name], p.Name)
}

// titles are how the kinds are written that are one provider each.
func titles() map[string]string {
	return map[string]string{
		string(ProviderGoogle): "Google", string(ProviderGitHub): "GitHub", string(ProviderFacebook): "Facebook", string(ProviderMicrosoft): "Microsoft", string(ProviderGitLab): "GitLab", string(ProviderLinkedIn): "LinkedIn",
	}
}

// Tail is by what faces call a provider that show ids and not names: 32
// characters of a-z2-7, always the same for a name in a pool.
func (p Provider) Tail(pool PoolID) string {
	sum := sha256.Sum256([]byte(string(pool) + "\n" + p.Name))
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum[:20]))
}

// Takes reports whether people with this address may come in by the provider.
func (p Provider) Takes(email Email) bool {
	if len(p.Domains) == 0 {
		return true
	}
	_, listed := ListedDomain(p.Domains, email.Domain())
	return email.Key != "" && listed
}

// Provider finds a provider of the settings that is not disabled.
func (s Settings) Provider(name string) (Provider, bool) {
	for _, p := range s.Providers {
		if p.Name == name && !p.Disabled {
			return p, true
		}
	}
	return Provider{}, false
}

// providerName is what a provider may be called: it is part of addresses and of
// identities.
func providerName() *regexp.Regexp { return regexp.MustCompile(`^[a-z][0-9a-z_-]{0,31}$`) }

func checkProviders(list []Provider, fields []ProfileField) error {
	if len(list) > 100 {
		return errors.New("must be at most 100 providers")
	}
	seen := make(map[string]bool)
	for _, p := range list {
		if !providerName().MatchString(p.Name) {
			return fmt.Errorf("has the name %q, which is not a letter and up to 31 characters of a-z, 0-9, _ and -", p.Name)
		}
		if seen[p.Name] {
			return fmt.Errorf("has two providers %q", p.Name)
		}
		seen[p.Name] = true
		if err := p.check(fields); err != nil {
			return fmt.Errorf("has the provider %q, which %w", p.Name, err)
		}
	}
	return nil
}

func (p Provider) check(fields []ProfileField) error {
	if err := oneOf(p.Kind, ProviderKinds()...); err != nil {
		return fmt.Errorf("as its kind %w", err)
	}
	if err := plainText(p.Label, 64); err != nil {
		return fmt.Errorf("as its label %w", err)
	}
	if err := plainText(p.ClientID, 1024); err != nil {
		return fmt.Errorf("as its client_id %w", err)
	}
	if err := checkDomains(p.Domains); err != nil {
		return fmt.Errorf("as its domains %w", err)
	}
	for _, scope := range p.Scopes {
		if !isToken(scope) {
			return fmt.Errorf("has the scope %q, which has other characters than a scope may have (RFC 6749 section 3.3)", scope)
		}
	}
	for id, claim := range p.Profile {
		if !hasField(fields, id) {
			return fmt.Errorf("fills %q, which is no field of the profile", id)
		}
		if err := plainText(claim, 256); err != nil || claim == "" {
			return fmt.Errorf("fills %q with nothing that could be a claim", id)
		}
	}
	if p.Kind == ProviderSAML {
		return p.checkSAML()
	}
	switch {
	case p.SAML != nil:
		return errors.New("is no SAML provider and says how to speak to one")
	case p.ClientID == "":
		return errors.New("needs the client_id that it knows us by")
	case p.Kind == ProviderOpenID && p.Issuer == "":
		return errors.New("needs its issuer")
	case p.Issuer != "" && checkWebhook(p.Issuer) != nil:
		return errors.New("needs as its issuer an https address without user and fragment, or an http address on this machine")
	}
	return nil
}

func (p Provider) checkSAML() error {
	if p.SAML == nil || p.Issuer == "" || p.SAML.SignInURL == "" || len(p.SAML.Certificates) == 0 {
		return errors.New("needs its issuer (entity id), saml.sign_in_url and saml.certificates, which its metadata has")
	}
	if err := plainText(p.Issuer, 1024); err != nil {
		return fmt.Errorf("as its issuer %w", err)
	}
	if u, err := url.Parse(p.SAML.SignInURL); err != nil || checkWebhook(p.SAML.SignInURL) != nil || u.Host == "" {
		return errors.New("needs as its saml.sign_in_url an https address without user and fragment, or an http address on this machine")
	}
	if err := plainText(p.SAML.EmailAttribute, 256); err != nil {
		return fmt.Errorf("as its saml.email_attribute %w", err)
	}
	if p.SAML.UnsolicitedURL != "" && (!p.SAML.Unsolicited || checkWebhook(p.SAML.UnsolicitedURL) != nil) {
		return errors.New("has a saml.unsolicited_url that is no https address (or http on this machine), or people may not begin there")
	}
	for _, text := range p.SAML.Certificates {
		block, rest := pem.Decode([]byte(text))
		if block == nil || block.Type != "CERTIFICATE" || strings.TrimSpace(string(rest)) != "" {
			return errors.New("has in saml.certificates what is not one certificate as PEM")
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return errors.New("has in saml.certificates a certificate that cannot be read")
		}
		switch key := certificate.PublicKey.(type) {
		case *rsa.PublicKey:
			if key.N.BitLen() < 2048 {
				return errors.New("has in saml.certificates an RSA key of less than 2048 bits")
			}
		case *ecdsa.PublicKey:
		default:
			return errors.New("has in saml.certificates a key that is neither RSA nor ECDSA")
		}
	}
	return nil
}

func hasField(fields []ProfileField, id string) bool {
	for _, f := range fields {
		if f.ID == id {
			return true
		}
	}
	return false
}

// isToken reports whether a text may be a scope (RFC 6749 section 3.3).
func isToken(text string) bool {
	for _, r := range text {
		if r < '!' || r > '~' || r == '"' || r == '\\' {
			return false
		}
	}
	return text != "" && len(text) <= 256
}
