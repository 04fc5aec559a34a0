// Package samltest is a SAML identity provider for tests. It signs whatever it is
// told to sign, which is what a real one does not do: those tests that need one
// that behaves start SimpleSAMLphp.
package samltest

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net/url"
	"testing"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// The namespaces of SAML and of its signatures.
const (
	Protocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	Assertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	Signature = "http://www.w3.org/2000/09/xmldsig#"
)

// IdP is an identity provider with a key of its own.
type IdP struct {
	EntityID    string
	Certificate string // PEM
	t           testing.TB
	key         crypto.Signer
	der         []byte
}

// New makes a provider of this name.
func New(t testing.TB, entityID string) *IdP {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return NewWith(t, entityID, key)
}

// NewWith makes a provider that signs with this key.
func NewWith(t testing.TB, entityID string, key crypto.Signer) *IdP {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a provider of tests"},
		NotBefore: time.Now().Add(-48 * time.Hour), NotAfter: time.Now().Add(48 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return &IdP{EntityID: entityID, Certificate: string(certificate), t: t, key: key, der: der}
}

// Said is what an answer says.
type Said struct {
	ID           string // of the assertion; empty: a new one
	ACS          string // where it is brought
	Audience     string // for whom it is
	InResponseTo string // empty: nobody asked
	NameID       string
	Format       string // of the name; empty: none is named
	Attributes   [][2]string
	Now          time.Time
}

// Response makes an answer that nobody has signed.
func (i *IdP) Response(s Said) *etree.Element {
	at := func(d time.Duration) string { return s.Now.Add(d).UTC().Format("2006-01-02T15:04:05Z") }
	if s.ID == "" {
		s.ID = NewID()
	}
	r := etree.NewElement("samlp:Response")
	r.CreateAttr("xmlns:samlp", Protocol)
	r.CreateAttr("xmlns:saml", Assertion)
	r.CreateAttr("ID", NewID())
	r.CreateAttr("Version", "2.0")
	r.CreateAttr("IssueInstant", at(0))
	r.CreateAttr("Destination", s.ACS)
	if s.InResponseTo != "" {
		r.CreateAttr("InResponseTo", s.InResponseTo)
	}
	r.CreateElement("saml:Issuer").SetText(i.EntityID)
	r.CreateElement("samlp:Status").CreateElement("samlp:StatusCode").CreateAttr("Value", "urn:oasis:names:tc:SAML:2.0:status:Success")
	a := r.CreateElement("saml:Assertion")
	a.CreateAttr("xmlns:saml", Assertion) // so that it can be signed by itself
	a.CreateAttr("ID", s.ID)
	a.CreateAttr("Version", "2.0")
	a.CreateAttr("IssueInstant", at(0))
	a.CreateElement("saml:Issuer").SetText(i.EntityID)
	subject := a.CreateElement("saml:Subject")
	name := subject.CreateElement("saml:NameID")
	name.SetText(s.NameID)
	if s.Format != "" {
		name.CreateAttr("Format", s.Format)
	}
	confirmation := subject.CreateElement("saml:SubjectConfirmation")
	confirmation.CreateAttr("Method", "urn:oasis:names:tc:SAML:2.0:cm:bearer")
	data := confirmation.CreateElement("saml:SubjectConfirmationData")
	data.CreateAttr("NotOnOrAfter", at(5*time.Minute))
	data.CreateAttr("Recipient", s.ACS)
	if s.InResponseTo != "" {
		data.CreateAttr("InResponseTo", s.InResponseTo)
	}
	conditions := a.CreateElement("saml:Conditions")
	conditions.CreateAttr("NotBefore", at(-30*time.Second))
	conditions.CreateAttr("NotOnOrAfter", at(5*time.Minute))
	conditions.CreateElement("saml:AudienceRestriction").CreateElement("saml:Audience").SetText(s.Audience)
	statement := a.CreateElement("saml:AuthnStatement")
	statement.CreateAttr("AuthnInstant", at(0))
	statement.CreateAttr("SessionNotOnOrAfter", at(8*time.Hour))
	statement.CreateElement("saml:AuthnContext").CreateElement("saml:AuthnContextClassRef").SetText("urn:oasis:names:tc:SAML:2.0:ac:classes:Password")
	if len(s.Attributes) > 0 {
		list := a.CreateElement("saml:AttributeStatement")
		for _, pair := range s.Attributes {
			attribute := list.CreateElement("saml:Attribute")
			attribute.CreateAttr("Name", pair[0])
			attribute.CreateElement("saml:AttributeValue").SetText(pair[1])
		}
	}
	return r
}

// Sign signs an element in place: the signature stands behind the issuer.
func (i *IdP) Sign(el *etree.Element) {
	i.SignBy(el, crypto.SHA256)
}

// SignBy is Sign with another digest.
func (i *IdP) SignBy(el *etree.Element, hash crypto.Hash) {
	i.t.Helper()
	signing, err := dsig.NewSigningContext(i.key, [][]byte{i.der})
	if err != nil {
		i.t.Fatal(err)
	}
	signing.Hash = hash
	signing.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	signature, err := signing.ConstructSignature(el, true)
	if err != nil {
		i.t.Fatal(err)
	}
	el.InsertChildAt(1, signature)
}

// Answer makes an answer as providers usually do: its assertion is signed.
func (i *IdP) Answer(s Said) string {
	r := i.Response(s)
	i.Sign(Find(r, "Assertion"))
	return Encode(i.t, r)
}

// Find returns the first element of this name, wherever it stands.
func Find(el *etree.Element, tag string) *etree.Element {
	if el.Tag == tag {
		return el
	}
	for _, child := range el.ChildElements() {
		if found := Find(child, tag); found != nil {
			return found
		}
	}
	return nil
}

// Bytes is an element as XML.
func Bytes(t testing.TB, el *etree.Element) []byte {
	t.Helper()
	raw, err := etree.NewDocumentWithRoot(el.Copy()).WriteToBytes()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Encode is an element as a browser brings it.
func Encode(t testing.TB, el *etree.Element) string {
	t.Helper()
	return base64.StdEncoding.EncodeToString(Bytes(t, el))
}

// NewID makes an id that no other message has.
func NewID() string {
	return "_" + rand.Text()
}

// RequestID reads the id of a request out of the address that a browser is sent
// to with it.
func RequestID(t testing.TB, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	deflated, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(flate.NewReader(bytes.NewReader(deflated)))
	if err != nil {
		t.Fatal(err)
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil || doc.Root() == nil {
		t.Fatalf("%s brings no request: %v", address, err)
	}
	return doc.Root().SelectAttrValue("ID", "")
}
