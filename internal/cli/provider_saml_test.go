package cli

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/source/samltest"
)

// samlProviders adds a SAML provider by its metadata and changes it.
func samlProviders(t *testing.T, must func(input string, args ...string) map[string]any, run func(input string, args ...string) (int, map[string]any, string)) {
	t.Helper()
	metadata := func(issuer string) string {
		block, _ := pem.Decode([]byte(samltest.New(t, issuer).Certificate))
		return fmt.Sprintf(`<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID=%q>
			<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
			<md:KeyDescriptor><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
			<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.org/sso"/>
			</md:IDPSSODescriptor></md:EntityDescriptor>`, issuer, base64.StdEncoding.EncodeToString(block.Bytes))
	}
	a := must(metadata("https://idp.example.org/one"), "provider", "add", "shop", "sso", "--saml-metadata", "-", "--label", "SSO", "--saml-email-attribute", "mail", "--saml-unsolicited")
	own, _ := a["saml"].(map[string]any)
	if a["kind"] != "saml" || a["issuer"] != "https://idp.example.org/one" || a["metadata_url"] != "https://login.example.org/p/shop/flow/saml/sso/metadata" ||
		a["callback_url"] != "https://login.example.org/p/shop/flow/saml/sso/acs" || own["sign_in_url"] != "https://idp.example.org/sso" || own["email_attribute"] != "mail" || own["unsolicited"] != true {
		t.Errorf("law: a SAML provider is what its metadata says: %v", a)
	}
	a = must(metadata("https://idp.example.org/two"), "provider", "set", "shop", "sso", "--saml-metadata", "-", "--saml-post")
	changed, _ := a["saml"].(map[string]any)
	if a["issuer"] != "https://idp.example.org/two" || changed["email_attribute"] != "mail" || changed["post_requests"] != true || fmt.Sprint(changed["certificates"]) == fmt.Sprint(own["certificates"]) {
		t.Errorf("law: with other metadata what was chosen stays: %v", a)
	}
	for _, wrong := range [][]string{
		{"set", "shop", "google", "--saml-post"}, {"set", "shop", "sso", "--saml-metadata", "nowhere.xml"}, {"add", "shop", "other", "--kind", "saml"},
		{"set", "shop", "sso", "--saml-unsolicited-url", "javascript:alert(1)"},
	} {
		if status, _, _ := run("", append([]string{"provider"}, wrong...)...); status == 0 {
			t.Errorf("law: what cannot be is refused; %v was not", wrong)
		}
	}
	if status, _, _ := run("<html/>", "provider", "set", "shop", "sso", "--saml-metadata", "-"); status == 0 {
		t.Error("law: what is no metadata is refused")
	}
}
