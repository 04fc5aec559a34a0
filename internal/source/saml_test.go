package source_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/source"
	"github.com/gatehouse-id/gatehouse/internal/source/samltest"
)

const (
	page       = "https://login.example.com"
	issuer     = "https://idp.example.org/metadata"
	persistent = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
	byEmail    = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
)

// service is a service provider towards a provider of the test.
func service(idp *samltest.IdP) source.SAML {
	return source.NewSAML(page, core.Provider{
		Name: "acme", Kind: core.ProviderSAML, Issuer: idp.EntityID, TrustEmail: true,
		SAML: &core.SAMLProvider{SignInURL: "https://idp.example.org/sso", Certificates: []string{idp.Certificate}},
	}, nil)
}

// good is what an answer says that is taken.
func good(s source.SAML, now time.Time) samltest.Said {
	return samltest.Said{
		ACS: s.ACS, Audience: s.EntityID, InResponseTo: "_request", NameID: "u-4711", Format: persistent, Now: now,
		Attributes: [][2]string{{"mail", "ada@example.org"}, {"givenName", "Ada"}},
	}
}

func TestAnswersOfProvidersAreRead(t *testing.T) {
	now := time.Now()
	idp := samltest.New(t, issuer)
	s := service(idp)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other := samltest.NewWith(t, issuer, curve)
	both := service(idp)
	both.Provider.SAML.Certificates = []string{other.Certificate, idp.Certificate}
	for name, c := range map[string]struct {
		s      source.SAML
		answer func() string
	}{
		"a signed assertion": {s, func() string { return idp.Answer(good(s, now)) }},
		"a signed response": {s, func() string {
			r := idp.Response(good(s, now))
			idp.Sign(r)
			return samltest.Encode(t, r)
		}},
		"both signed": {s, func() string {
			r := idp.Response(good(s, now))
			idp.Sign(samltest.Find(r, "Assertion"))
			idp.Sign(r)
			return samltest.Encode(t, r)
		}},
		"by SHA-512": {s, func() string {
			r := idp.Response(good(s, now))
			idp.SignBy(samltest.Find(r, "Assertion"), crypto.SHA512)
			return samltest.Encode(t, r)
		}},
		"by a curve, one of two certificates": {both, func() string { return other.Answer(good(s, now)) }},
		"by the second of two certificates":   {both, func() string { return idp.Answer(good(s, now)) }},
		"in lines of 76 characters": {s, func() string {
			text, lines := idp.Answer(good(s, now)), ""
			for len(text) > 76 {
				lines, text = lines+text[:76]+"\r\n", text[76:]
			}
			return lines + text
		}},
		"a clock that is 50 seconds fast": {s, func() string { return idp.Answer(good(s, now.Add(50*time.Second))) }},
	} {
		a, err := c.s.Read(c.answer(), now)
		if err != nil {
			t.Errorf("law: %s is taken: %v", name, reason(err))
			continue
		}
		want := source.Identity{Issuer: issuer, Subject: "persistent:u-4711", Email: "ada@example.org", EmailVerified: true}
		got := a.Identity
		if got.Claims["givenName"] != "Ada" || a.InResponseTo != "_request" || a.ID == "" || a.ExpiresAt.After(now.Add(8*time.Minute)) {
			t.Errorf("law: %s says what the provider said; it says %+v", name, a)
		}
		got.Claims = nil
		if got.Issuer != want.Issuer || got.Subject != want.Subject || got.Email != want.Email || got.EmailVerified != want.EmailVerified {
			t.Errorf("law: %s says who it is; got %+v", name, got)
		}
	}
}

func TestAddressesOfProviders(t *testing.T) {
	now := time.Now()
	idp := samltest.New(t, issuer)
	for name, c := range map[string]struct {
		change   func(*core.Provider)
		said     func(*samltest.Said)
		email    string
		verified bool
	}{
		"an attribute of the usual names": {email: "ada@example.org", verified: true},
		"the name, where it is one": {said: func(s *samltest.Said) { s.Format, s.NameID = byEmail, "grace@example.org" },
			email: "grace@example.org", verified: true},
		"the attribute that the settings name, and no other": {change: func(p *core.Provider) { p.SAML.EmailAttribute = "contact" }},
		"the same, when it is there": {change: func(p *core.Provider) { p.SAML.EmailAttribute = "contact" },
			said:  func(s *samltest.Said) { s.Attributes = append(s.Attributes, [2]string{"contact", "c@example.org"}) },
			email: "c@example.org", verified: true},
		"nothing that is no address":                    {said: func(s *samltest.Said) { s.Attributes = [][2]string{{"mail", "ada"}} }},
		"one that is not believed":                      {change: func(p *core.Provider) { p.TrustEmail = false }, email: "ada@example.org"},
		"one of a domain that the provider is not for":  {change: func(p *core.Provider) { p.Domains = []string{"example.com"} }, email: "ada@example.org"},
		"one of a domain that the provider is for":      {change: func(p *core.Provider) { p.Domains = []string{"example.org"} }, email: "ada@example.org", verified: true},
		"not believed, whatever domain it is for":       {change: func(p *core.Provider) { p.TrustEmail, p.Domains = false, []string{"example.org"} }, email: "ada@example.org"},
		"no name in place of the attribute that is due": {change: func(p *core.Provider) { p.SAML.EmailAttribute = "contact" }, said: func(s *samltest.Said) { s.Format, s.NameID = byEmail, "grace@example.org" }},
	} {
		s := service(idp)
		if c.change != nil {
			c.change(&s.Provider)
		}
		said := good(s, now)
		if c.said != nil {
			c.said(&said)
		}
		a, err := s.Read(idp.Answer(said), now)
		if err != nil || a.Identity.Email != c.email || a.Identity.EmailVerified != c.verified {
			t.Errorf("law: the address is %s; got %+v, %v", name, a.Identity, reason(err))
		}
	}
}

func TestRequestsAndMetadata(t *testing.T) {
	now := time.Now()
	key, err := secret.NewSAMLKey("acme", now)
	if err != nil {
		t.Fatal(err)
	}
	s := service(samltest.New(t, issuer))
	s.Key = key
	metadata, err := s.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	for _, says := range []string{s.EntityID, s.ACS, base64.StdEncoding.EncodeToString(key.DER())} {
		if !bytes.Contains(metadata, []byte(says)) {
			t.Errorf("law: our metadata says what we are called, where answers go and our certificate; it does not say %s", says)
		}
	}
	named := source.NewSAML(page, core.Provider{Name: "acme", ClientID: "urn:us", SAML: &core.SAMLProvider{}}, nil)
	if named.EntityID != "urn:us" {
		t.Errorf("law: we are called what the settings say, not %s", named.EntityID)
	}
	certificate, err := x509.ParseCertificate(key.DER())
	if err != nil {
		t.Fatal(err)
	}

	// By an address: deflated, and signed as part of it.
	for _, at := range []string{"https://idp.example.org/sso", "https://idp.example.org/sso?tenant=1"} {
		s.Provider.SAML.SignInURL = at
		asked, err := s.Ask("_request", "state & more", now)
		if err != nil || asked.Form != nil || !strings.HasPrefix(asked.Address, at) {
			t.Fatalf("law: a request goes to the provider's address %s: %+v, %v", at, asked, err)
		}
		_, signed, _ := strings.Cut(asked.Address, "SAMLRequest=")
		signed, encoded, _ := strings.Cut("SAMLRequest="+signed, "&Signature=")
		text, err := url.QueryUnescape(encoded)
		if err != nil {
			t.Fatal(err)
		}
		signature, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := certificate.CheckSignature(x509.SHA256WithRSA, []byte(signed), signature); err != nil {
			t.Errorf("law: a request is signed as part of its address: %v", err)
		}
		query, err := url.ParseQuery(signed)
		if err != nil || query.Get("RelayState") != "state & more" {
			t.Fatalf("law: what comes back goes with the request: %v, %v", query, err)
		}
		deflated, err := base64.StdEncoding.DecodeString(query.Get("SAMLRequest"))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(flate.NewReader(bytes.NewReader(deflated)))
		if err != nil {
			t.Fatal(err)
		}
		checkRequest(t, s, raw)
	}

	// By a form: signed as XML is, which the same library verifies.
	s.Provider.SAML.PostRequests = true
	asked, err := s.Ask("_request", "state", now)
	if err != nil || asked.Address != s.Provider.SAML.SignInURL || asked.Form["RelayState"] != "state" {
		t.Fatalf("law: a request goes to the provider's address in a form: %+v, %v", asked, err)
	}
	raw, err := base64.StdEncoding.DecodeString(asked.Form["SAMLRequest"])
	if err != nil {
		t.Fatal(err)
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil {
		t.Fatal(err)
	}
	check := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}})
	signed, err := check.Validate(doc.Root())
	if err != nil {
		t.Fatalf("law: a request in a form is signed: %v", err)
	}
	checkRequest(t, s, samltest.Bytes(t, signed))
}

// checkRequest reads what we ask a provider.
func checkRequest(t *testing.T, s source.SAML, raw []byte) {
	t.Helper()
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil {
		t.Fatal(err)
	}
	request := doc.Root()
	for name, want := range map[string]string{
		"ID": "_request", "Version": "2.0", "Destination": s.Provider.SAML.SignInURL, "AssertionConsumerServiceURL": s.ACS,
		"ProtocolBinding": "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST",
	} {
		if got := request.SelectAttrValue(name, ""); got != want {
			t.Errorf("law: a request says what it is; its %s is %q in place of %q", name, got, want)
		}
	}
	if got := samltest.Find(request, "Issuer").Text(); request.Tag != "AuthnRequest" || got != s.EntityID {
		t.Errorf("law: a request says whose it is; it is a %s by %q", request.Tag, got)
	}
}

func TestMetadataOfProviders(t *testing.T) {
	now := time.Now()
	idp := samltest.New(t, issuer)
	block, _ := pem.Decode([]byte(idp.Certificate))
	certificate := base64.StdEncoding.EncodeToString(block.Bytes)
	metadata := func(change ...string) []byte {
		text := `<?xml version="1.0"?>
<!-- of a provider -->
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="` + issuer + `" validUntil="2099-01-01T00:00:00Z">
 <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
  <md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>
   ` + certificate[:76] + "\n   " + certificate[76:] + `
  </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
  <md:KeyDescriptor use="encryption"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
  <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example.org/post"/>
  <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.org/redirect"/>
  <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:SOAP" Location="https://idp.example.org/soap"/>
 </md:IDPSSODescriptor>
</md:EntityDescriptor>`
		for i := 0; i+1 < len(change); i += 2 {
			if !strings.Contains(text, change[i]) {
				t.Fatalf("the metadata has no %q", change[i])
			}
			text = strings.ReplaceAll(text, change[i], change[i+1])
		}
		return []byte(text)
	}
	name, p, err := source.ReadMetadata(metadata(), now)
	if err != nil || name != issuer || p.SignInURL != "https://idp.example.org/redirect" || p.PostRequests || len(p.Certificates) != 1 || p.Certificates[0] != idp.Certificate {
		t.Errorf("law: metadata says what a provider is called, where it is asked and by which certificates it signs: %q, %+v, %v", name, p, reason(err))
	}
	_, p, err = source.ReadMetadata(metadata("HTTP-Redirect", "HTTP-Artifact"), now)
	if err != nil || p.SignInURL != "https://idp.example.org/post" || !p.PostRequests {
		t.Errorf("law: who cannot be asked by an address is asked by a form: %+v, %v", p, reason(err))
	}
	for what, raw := range map[string][]byte{
		"a document type":          append([]byte("<!DOCTYPE a>"), metadata()[22:]...),
		"many providers":           metadata("md:EntityDescriptor", "md:EntitiesDescriptor"),
		"no provider of identity":  metadata("IDPSSODescriptor", "SPSSODescriptor"),
		"another version":          metadata("SAML:2.0:protocol", "SAML:1.1:protocol"),
		"no name":                  metadata(`entityID="`+issuer+`"`, ""),
		"past its time":            metadata("2099", "2009"),
		"no certificate":           metadata(`use="signing"`, `use="encryption"`, "AAAA", ""),
		"a broken certificate":     metadata(certificate[:8], "AAAABBBB"),
		"no address":               metadata("bindings:HTTP-", "bindings:other-"),
		"nothing":                  nil,
		"something else":           []byte("<html/>"),
		"a comment in its content": metadata(certificate[:76], certificate[:30]+"<!-- -->"+certificate[30:76]),
	} {
		if _, p, err := source.ReadMetadata(raw, now); err == nil {
			t.Errorf("law: metadata is refused that is %s; it was read as %+v", what, p)
		}
	}
}

func FuzzSAMLMetadata(f *testing.F) {
	f.Add([]byte(`<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="a"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor/></md:IDPSSODescriptor></md:EntityDescriptor>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		name, p, err := source.ReadMetadata(raw, time.Now())
		if err == nil && (name == "" || p.SignInURL == "" || len(p.Certificates) == 0) {
			t.Errorf("law: metadata that is taken says all: %q, %+v", name, p)
		}
	})
}

// reason is why an answer was refused, with what is for the log.
func reason(err error) string {
	if err == nil {
		return "no error"
	}
	if cause := errors.Unwrap(err); cause != nil {
		return err.Error() + ": " + cause.Error()
	}
	return err.Error()
}
