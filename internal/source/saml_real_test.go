package source_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/source"
	"github.com/gatehouse-id/gatehouse/internal/source/samltest"
)

// SimpleSAMLphp takes our requests by our metadata, and we take its answers by
// its own.
func TestSimpleSAMLphp(t *testing.T) {
	idp := samltest.StartSimpleSAML(t)
	issuer, settings, err := source.ReadMetadata(idp.Metadata(t), time.Now())
	if err != nil || issuer != idp.EntityID || settings.SignInURL != idp.SignInURL || len(settings.Certificates) != 1 || settings.Certificates[0] != idp.Certificate {
		t.Fatalf("law: a provider's metadata says all that we need: %q, %+v, %v", issuer, settings, reason(err))
	}
	keys := make([]*secret.SAMLKey, 2)
	for i := range keys {
		if keys[i], err = secret.NewSAMLKey("shop", time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	s := source.NewSAML(page, core.Provider{Name: "acme", Kind: core.ProviderSAML, Issuer: issuer, TrustEmail: true, SAML: &settings}, keys[0])
	metadata, err := s.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	idp.Trust(t, metadata)

	for _, post := range []bool{false, true} {
		s.Provider.SAML.PostRequests = post
		id := "_" + strings.ToLower(secret.Random())
		asked, err := s.Ask(id, "state", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		to, brought := idp.Visitor(t).SignIn(asked.Address, asked.Form, "ada")
		if to != s.ACS || brought.Get("RelayState") != "state" {
			t.Errorf("law: the answer goes where our metadata says, with what we sent along: %s, %v", to, brought)
		}
		a, err := s.Read(brought.Get("SAMLResponse"), time.Now())
		if err != nil {
			t.Fatalf("law: its answer is taken (in a form: %t): %v", post, reason(err))
		}
		if a.InResponseTo != id || a.Identity.Subject != "persistent:u-ada" || a.Identity.Email != "ada@example.org" || !a.Identity.EmailVerified || a.Identity.Claims["sn"] != "Lovelace" {
			t.Errorf("law: its answer says who it is: %+v", a)
		}
		other := s
		other.Key = keys[1]
		if asked, err = other.Ask(id, "state", time.Now()); err != nil {
			t.Fatal(err)
		}
		if !idp.Visitor(t).Unsigned(asked.Address, asked.Form) {
			t.Errorf("law: it looks at our signatures; it took one of another key (in a form: %t)", post)
		}
	}

	// Who begins there is taken only where the settings say so.
	_, brought := idp.Visitor(t).SignIn(idp.SignInURL+"?"+url.Values{"spentityid": {s.EntityID}, "RelayState": {"https://evil.example"}}.Encode(), nil, "ada")
	if _, err := s.Read(brought.Get("SAMLResponse"), time.Now()); err == nil {
		t.Error("law: an answer that nobody asked for is refused")
	}
	s.Provider.SAML.Unsolicited = true
	if a, err := s.Read(brought.Get("SAMLResponse"), time.Now()); err != nil || a.InResponseTo != "" || a.Identity.Subject != "persistent:u-ada" {
		t.Errorf("law: unless the provider may begin: %+v, %v", a, reason(err))
	}
}
