package source

import (
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// signatureMethods is how an answer may be signed. SHA-1 is not among them.
func signatureMethods() []string {
	return []string{
		signatureRSASHA256,
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha384",
		"http://www.w3.org/2001/04/xmldsig-more#rsa-sha512",
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384",
		"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512",
	}
}

// digestMethods is what the digest of a signature may be.
func digestMethods() []string {
	return []string{
		"http://www.w3.org/2001/04/xmlenc#sha256",
		"http://www.w3.org/2001/04/xmldsig-more#sha384",
		"http://www.w3.org/2001/04/xmlenc#sha512",
	}
}

const (
	transformEnveloped = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"
	canonExclusive     = "http://www.w3.org/2001/10/xml-exc-c14n#"
)

// verified returns what the signature of an element covers, read anew from the
// bytes that were signed: nothing else of the message is in it. The signature
// is a child of the element and has the one form that SAML gives it (SAML Core
// section 5.4). Only the certificates of the settings are tried, whatever the
// message brings.
func (s SAML) verified(el *etree.Element, now time.Time) (*etree.Element, error) {
	id := attribute(el, "ID")
	signature, err := single(el, nsSignature, "Signature")
	if err != nil {
		return nil, err
	}
	if signature == nil || id == "" {
		return nil, refuse("it is not signed")
	}
	if err := checkSignature(signature, id); err != nil {
		return nil, err
	}
	scope, err := etreeutils.NSBuildParentContext(el)
	if err != nil {
		return nil, &Refusal{Reason: "its namespaces cannot be read", Cause: err}
	}
	alone, err := etreeutils.NSDetatch(scope, el)
	if err != nil {
		return nil, &Refusal{Reason: "its namespaces cannot be read", Cause: err}
	}
	// The key that a message says it was signed with: the library would look
	// for it among ours, and we try ours.
	for _, inner := range children(alone, nsSignature, "Signature") {
		for _, info := range children(inner, nsSignature, "KeyInfo") {
			inner.RemoveChild(info)
		}
	}
	var cause error
	for _, text := range s.Provider.SAML.Certificates {
		certificate, err := parseCertificate(text)
		if err != nil {
			return nil, err
		}
		check := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: []*x509.Certificate{certificate}})
		check.Clock = dsig.NewFakeClockAt(now)
		signed, err := check.Validate(alone)
		if err != nil {
			cause = err
			continue
		}
		if signed == nil || signed.Tag != el.Tag || signed.NamespaceURI() != el.NamespaceURI() || attribute(signed, "ID") != id {
			return nil, refuse("its signature is another element's")
		}
		return signed, nil
	}
	return nil, &Refusal{Reason: "its signature is not by a certificate of the provider", Cause: cause}
}

// checkSignature holds a signature against the one form that is taken: one
// reference, to the element that it stands in; enveloped; canonical without
// comments; by algorithms of our lists. Everything that it does not have to
// have, it must not have.
func checkSignature(signature *etree.Element, id string) error {
	parts := signature.ChildElements()
	if len(parts) != 2 && len(parts) != 3 || !is(parts[0], nsSignature, "SignedInfo") || !is(parts[1], nsSignature, "SignatureValue") ||
		len(parts) == 3 && !is(parts[2], nsSignature, "KeyInfo") {
		return refuse("its signature has another form than SAML gives it")
	}
	info := parts[0].ChildElements()
	if len(info) != 3 || !is(info[0], nsSignature, "CanonicalizationMethod") || !is(info[1], nsSignature, "SignatureMethod") || !is(info[2], nsSignature, "Reference") {
		return refuse("its signature has another form than SAML gives it")
	}
	if attribute(info[0], "Algorithm") != canonExclusive {
		return refuse("its signature is not over exclusive canonical XML")
	}
	if !slices.Contains(signatureMethods(), attribute(info[1], "Algorithm")) {
		return refuse("it is signed by an algorithm that is not taken")
	}
	if attribute(info[2], "URI") != "#"+id {
		return refuse("its signature is another element's")
	}
	parts = info[2].ChildElements()
	if len(parts) != 3 || !is(parts[0], nsSignature, "Transforms") || !is(parts[1], nsSignature, "DigestMethod") || !is(parts[2], nsSignature, "DigestValue") {
		return refuse("its signature has another form than SAML gives it")
	}
	if !slices.Contains(digestMethods(), attribute(parts[1], "Algorithm")) {
		return refuse("it is signed by an algorithm that is not taken")
	}
	transforms := parts[0].ChildElements()
	if len(transforms) != 2 || attribute(transforms[0], "Algorithm") != transformEnveloped || attribute(transforms[1], "Algorithm") != canonExclusive ||
		!is(transforms[0], nsSignature, "Transform") || !is(transforms[1], nsSignature, "Transform") {
		return refuse("its signature has other transforms than SAML gives it")
	}
	return nil
}

// parseCertificate reads one certificate in PEM.
func parseCertificate(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(strings.TrimSpace(text)))
	if block == nil {
		return nil, refuse("the provider's certificate is not PEM")
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, &Refusal{Reason: "the provider's certificate cannot be read", Cause: err}
	}
	return certificate, nil
}
