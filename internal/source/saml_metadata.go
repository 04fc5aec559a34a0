package source

import (
	"encoding/base64"
	"encoding/pem"
	"strings"
	"time"

	"github.com/beevik/etree"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Metadata is what identity providers are told of us (SAML Metadata section
// 2.4.4): what we are called, the certificate by which our requests are signed,
// and where answers arrive. It is not signed: who fetches it over TLS from our
// address knows whose it is.
func (s SAML) Metadata() ([]byte, error) {
	entity := etree.NewElement("md:EntityDescriptor")
	entity.CreateAttr("xmlns:md", nsMetadata)
	entity.CreateAttr("xmlns:ds", nsSignature)
	entity.CreateAttr("entityID", s.EntityID)
	sp := entity.CreateElement("md:SPSSODescriptor")
	sp.CreateAttr("AuthnRequestsSigned", "true")
	sp.CreateAttr("WantAssertionsSigned", "true")
	sp.CreateAttr("protocolSupportEnumeration", nsProtocol)
	key := sp.CreateElement("md:KeyDescriptor")
	key.CreateAttr("use", "signing")
	key.CreateElement("ds:KeyInfo").CreateElement("ds:X509Data").CreateElement("ds:X509Certificate").SetText(base64.StdEncoding.EncodeToString(s.Key.DER()))
	for _, format := range []string{formatPersistent, formatEmail} {
		sp.CreateElement("md:NameIDFormat").SetText(format)
	}
	acs := sp.CreateElement("md:AssertionConsumerService")
	acs.CreateAttr("Binding", bindingPost)
	acs.CreateAttr("Location", s.ACS)
	acs.CreateAttr("index", "0")
	acs.CreateAttr("isDefault", "true")
	doc := etree.NewDocumentWithRoot(entity)
	doc.Indent(2)
	return doc.WriteToBytes()
}

// ReadMetadata reads the metadata of an identity provider (SAML Metadata section
// 2.4.3): of one, not of a federation of them. What it leaves out are our own
// choices. It returns a [Refusal] for metadata that is not taken; that of
// somebody who cannot be asked by either binding is such.
//
// A signature on it is not looked at: whoever hands it in vouches for it.
func ReadMetadata(raw []byte, now time.Time) (issuer string, p core.SAMLProvider, err error) {
	defer func() {
		if r := recover(); r != nil {
			issuer, p, err = "", core.SAMLProvider{}, refuse("it cannot be read")
		}
	}()
	entity, err := readXML(raw, true)
	if err != nil {
		return "", core.SAMLProvider{}, err
	}
	if !is(entity, nsMetadata, "EntityDescriptor") {
		return "", core.SAMLProvider{}, refuse("it is not the metadata of one provider (EntityDescriptor)")
	}
	issuer = attribute(entity, "entityID")
	until, err := moment(entity, "validUntil")
	if err != nil {
		return "", core.SAMLProvider{}, err
	}
	if issuer == "" || !until.IsZero() && !now.Before(until) {
		return "", core.SAMLProvider{}, refuse("it has no entityID or is past its time")
	}
	idp, err := single(entity, nsMetadata, "IDPSSODescriptor")
	if err != nil {
		return "", core.SAMLProvider{}, err
	}
	if idp == nil || !strings.Contains(attribute(idp, "protocolSupportEnumeration"), nsProtocol) {
		return "", core.SAMLProvider{}, refuse("it is not of an identity provider for SAML 2.0 (IDPSSODescriptor)")
	}
	for _, service := range children(idp, nsMetadata, "SingleSignOnService") {
		switch attribute(service, "Binding") {
		case bindingRedirect:
			p.SignInURL, p.PostRequests = attribute(service, "Location"), false
		case bindingPost:
			if p.SignInURL == "" {
				p.SignInURL, p.PostRequests = attribute(service, "Location"), true
			}
		}
	}
	if p.SignInURL == "" {
		return "", core.SAMLProvider{}, refuse("it has no SingleSignOnService by HTTP-Redirect or HTTP-POST")
	}
	p.Certificates, err = readCertificates(idp)
	if err == nil && len(p.Certificates) == 0 {
		err = refuse("it has no certificate for signatures")
	}
	return issuer, p, err
}

func readCertificates(idp *etree.Element) ([]string, error) {
	var list []string
	for _, key := range children(idp, nsMetadata, "KeyDescriptor") {
		if use := attribute(key, "use"); use != "" && use != "signing" {
			continue
		}
		err := walk(key, func(el *etree.Element) error {
			if !is(el, nsSignature, "X509Certificate") {
				return nil
			}
			encoded, err := text(el)
			if err != nil {
				return err
			}
			der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), ""))
			if err != nil {
				return refuse("it has a certificate that is not base64")
			}
			certificate := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
			if _, err := parseCertificate(certificate); err != nil {
				return err
			}
			list = append(list, certificate)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}
