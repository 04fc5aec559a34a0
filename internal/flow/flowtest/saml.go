package flowtest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/source"
	"github.com/gatehouse-id/gatehouse/internal/source/samltest"
)

// SAML is a SAML identity provider with the settings by which a pool knows it.
type SAML struct {
	*samltest.IdP
	Provider core.Provider
}

// NewSAML makes one of this name, which vouches for addresses.
func NewSAML(t testing.TB, name string) *SAML {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	idp := samltest.NewWith(t, "https://"+name+".example.org/metadata", key)
	return &SAML{idp, core.Provider{
		Name: name, Kind: core.ProviderSAML, Label: "SSO of " + name, Issuer: idp.EntityID, TrustEmail: true,
		SAML: &core.SAMLProvider{SignInURL: "https://" + name + ".example.org/sso", Certificates: []string{idp.Certificate}},
	}}
}

// Said is what the provider says of ana@example.org, unasked.
func (s *SAML) Said(h *House, app core.Caller, pool string) samltest.Said {
	sp := source.NewSAML(PageURL+"/p/"+pool, s.Provider, nil)
	return samltest.Said{
		ACS: sp.ACS, Audience: sp.EntityID, NameID: "u-ana", Format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
		Attributes: [][2]string{{"mail", "ana@example.org"}, {"givenName", "Ana"}}, Now: h.Store.Clock(),
	}
}

// Offered is the flow's prompt for the provider; it fails the test where there
// is none.
func (s *SAML) Offered(t testing.TB, state flow.State) flow.ProviderPrompt {
	t.Helper()
	for _, prompt := range state.Prompts {
		for _, p := range prompt.Providers {
			if p.Name == s.Provider.Name {
				return p
			}
		}
	}
	t.Fatalf("the flow does not offer %s", s.Provider.Name)
	return flow.ProviderPrompt{}
}

// Request sends a browser from a flow to the provider, and returns the id of
// what it brings there.
func (s *SAML) Request(t testing.TB, h *House, app core.Caller, state flow.State) string {
	t.Helper()
	right := func(text string) bool { return text == s.Offered(t, state).State }
	asked, err := h.Flows.AskSAML(t.Context(), app, state.ID, s.Provider.Name, right)
	if err != nil {
		t.Fatal(err)
	}
	return samltest.RequestID(t, asked.Address)
}

// Answer has a flow's browser come in by the provider, and returns what it
// brings to the flow.
func (s *SAML) Answer(t testing.TB, h *House, app core.Caller, state flow.State, change ...func(*samltest.Said)) flow.Answer {
	t.Helper()
	said := s.Said(h, app, state.Pool.Name)
	said.InResponseTo = s.Request(t, h, app, state)
	for _, c := range change {
		c(&said)
	}
	taken, err := h.Flows.TakeSAML(t.Context(), app, s.Provider.Name, s.IdP.Answer(said))
	if err != nil {
		t.Fatal(err)
	}
	return flow.Answer{Choice: core.ChoiceSAML, Provider: s.Provider.Name, State: s.Offered(t, state).State, Code: taken.Ticket}
}
