package source

import (
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// SAML is a pool as a SAML 2.0 service provider, towards one identity provider:
// it asks by [SAML.Ask] and reads the answer by [SAML.Read].
type SAML struct {
	// Provider is who is asked; its kind is SAML.
	Provider core.Provider
	// EntityID is what we are called.
	EntityID string
	// ACS is where answers arrive: our assertion consumer service.
	ACS string
	// Key signs what we ask. Reading needs none.
	Key *secret.SAMLKey
}

// NewSAML is the pool whose pages are below this address, towards a provider.
func NewSAML(pageURL string, p core.Provider, key *secret.SAMLKey) SAML {
	s := SAML{Provider: p, EntityID: p.ClientID, ACS: pageURL + "/flow/saml/" + p.Name + "/acs", Key: key}
	if s.EntityID == "" {
		s.EntityID = s.MetadataURL()
	}
	return s
}

// MetadataURL is where our metadata is.
func (s SAML) MetadataURL() string { return strings.TrimSuffix(s.ACS, "/acs") + "/metadata" }

// Assertion is what an identity provider said of somebody, after every check
// but two: whether it answers the flow that it is brought to, and whether it was
// taken before.
type Assertion struct {
	Identity Identity
	// ID is what the provider calls it. It is taken once.
	ID string
	// InResponseTo is the request that it answers; empty: nobody asked.
	InResponseTo string
	// ExpiresAt is from when on it is not taken any more, however fast our
	// clock or theirs.
	ExpiresAt time.Time
}

// Refusal is an answer that is not taken, and why, in words of our own: nothing
// that the message says is in it.
type Refusal struct {
	Reason string
	// Cause is for the log; nil where the reason says all.
	Cause error
}

// Error gives the reason.
func (r *Refusal) Error() string { return "the provider's answer is refused: " + r.Reason }

// Unwrap gives the cause.
func (r *Refusal) Unwrap() error { return r.Cause }

func refuse(reason string) error { return &Refusal{Reason: reason} }

// assertionLife is how long after it was issued an assertion is taken at most,
// whatever it says itself: so long it has to be remembered.
const assertionLife = time.Hour

// The names of SAML 2.0 that are used in more than one place.
const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"

	bindingPost     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
	bindingRedirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"

	formatPersistent  = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	formatTransient   = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
	formatEntity      = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity"
	formatEmail       = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
	formatUnspecified = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"

	methodBearer  = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	statusSuccess = "urn:oasis:names:tc:SAML:2.0:status:Success"

	signatureRSASHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
)
