package source

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Asked is how a browser brings a request to a provider: it goes to an address,
// or posts a form there.
type Asked struct {
	// Address is where the browser goes. With a form it is where that goes.
	Address string
	// Form is what the form has; nil: there is none.
	Form map[string]string
}

// Ask asks the provider who the person is (SAML Core section 3.4.1), under an
// id that the answer names, with what comes back beside it (RelayState). Every
// request is signed, by RSA-SHA256: a provider that does not look at signatures
// has no harm of it.
func (s SAML) Ask(id, relay string, now time.Time) (Asked, error) {
	request := s.request(id, now)
	if !s.Provider.SAML.PostRequests {
		return s.askByAddress(request, relay)
	}
	signed, err := s.sign(request)
	if err != nil {
		return Asked{}, err
	}
	raw, err := bytesOf(signed)
	if err != nil {
		return Asked{}, err
	}
	return Asked{s.Provider.SAML.SignInURL, map[string]string{
		"SAMLRequest": base64.StdEncoding.EncodeToString(raw), "RelayState": relay,
	}}, nil
}

// request is the AuthnRequest without a signature.
func (s SAML) request(id string, now time.Time) *etree.Element {
	request := etree.NewElement("samlp:AuthnRequest")
	request.CreateAttr("xmlns:samlp", nsProtocol)
	request.CreateAttr("xmlns:saml", nsAssertion)
	request.CreateAttr("ID", id)
	request.CreateAttr("Version", "2.0")
	request.CreateAttr("IssueInstant", instant(now))
	request.CreateAttr("Destination", s.Provider.SAML.SignInURL)
	request.CreateAttr("ProtocolBinding", bindingPost)
	request.CreateAttr("AssertionConsumerServiceURL", s.ACS)
	request.CreateElement("saml:Issuer").SetText(s.EntityID)
	policy := request.CreateElement("samlp:NameIDPolicy")
	policy.CreateAttr("AllowCreate", "true")
	return request
}

// askByAddress is the binding HTTP-Redirect (SAML Bindings section 3.4.4.1):
// deflated, and signed as part of the address.
func (s SAML) askByAddress(request *etree.Element, relay string) (Asked, error) {
	raw, err := bytesOf(request)
	if err != nil {
		return Asked{}, err
	}
	var deflated bytes.Buffer
	w, err := flate.NewWriter(&deflated, flate.DefaultCompression)
	if err != nil {
		return Asked{}, err
	}
	if _, err := w.Write(raw); err != nil {
		return Asked{}, err
	}
	if err := w.Close(); err != nil {
		return Asked{}, err
	}
	query := "SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString(deflated.Bytes()))
	query += "&RelayState=" + url.QueryEscape(relay) + "&SigAlg=" + url.QueryEscape(signatureRSASHA256)
	signature, err := s.Key.Sign([]byte(query))
	if err != nil {
		return Asked{}, fmt.Errorf("cannot sign a request: %w", err)
	}
	query += "&Signature=" + url.QueryEscape(base64.StdEncoding.EncodeToString(signature))
	address := s.Provider.SAML.SignInURL
	if strings.Contains(address, "?") {
		return Asked{Address: strings.TrimRight(address, "&") + "&" + query}, nil
	}
	return Asked{Address: address + "?" + query}, nil
}

// sign puts a signature behind the issuer, where the schema has it.
func (s SAML) sign(el *etree.Element) (*etree.Element, error) {
	signing, err := dsig.NewSigningContext(s.Key.Signer(), [][]byte{s.Key.DER()})
	if err != nil {
		return nil, fmt.Errorf("cannot sign a request: %w", err)
	}
	signing.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	signature, err := signing.ConstructSignature(el, true)
	if err != nil {
		return nil, fmt.Errorf("cannot sign a request: %w", err)
	}
	el.InsertChildAt(1, signature)
	return el, nil
}

func bytesOf(el *etree.Element) ([]byte, error) {
	return etree.NewDocumentWithRoot(el).WriteToBytes()
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
