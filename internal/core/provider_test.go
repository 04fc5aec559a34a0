package core

import (
	"fmt"
	"strings"
	"testing"
)

// idpCertificate is that of an identity provider that is none, good until 2126.
const idpCertificate = `-----BEGIN CERTIFICATE-----
MIIBizCCATGgAwIBAgIUH7tw6rkyIttxp0snfmAnow2xZAEwCgYIKoZIzj0EAwIw
GjEYMBYGA1UEAwwPaWRwLmV4YW1wbGUub3JnMCAXDTI2MTEyMjEyMDUzNloYDzIx
MjYxMDI5MTIwNTM2WjAaMRgwFgYDVQQDDA9pZHAuZXhhbXBsZS5vcmcwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAARuKUA2NAMi4bxi5pahA2OQVNCL1jTNzASdo56P
RJkn7Vwy9CcuVXy/fcZ7Rn6hwN+2kePTTvc8gFbWQCfcQUiOo1MwUTAdBgNVHQ4E
FgQUJDSkx1yNAm2kNJyCyNf+ptA9waswHwYDVR0jBBgwFoAUJDSkx1yNAm2kNJyC
yNf+ptA9waswDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBlFIRx
MO055qRnBiTqFDL3N44ti7rzZ7T0LVw/E5HdqAIhAKMWzQ4s8nIFQjYPR/rmmzQu
s0Rn5DOX8lH6+6pQyOS4
-----END CERTIFICATE-----
`

// samlProvider is a SAML provider of the settings with all that it may have.
func samlProvider() string {
	return fmt.Sprintf(`{"name":"acme","kind":"saml","label":"Acme","domains":["acme.example"],"issuer":"https://idp.acme.example/","profile":{"first_name":"givenName"},`+
		`"saml":{"sign_in_url":"https://idp.acme.example/sso?tenant=1","certificates":[%q],"post_requests":true,"email_attribute":"mail","unsolicited":true,"unsolicited_url":"https://a.example/saml"}}`, idpCertificate)
}

// weakCertificate is one with an RSA key of 1024 bits, oddCertificate one with a
// key by which nobody signs SAML messages (Ed25519).
const (
	weakCertificate = `-----BEGIN CERTIFICATE-----
MIICEjCCAXugAwIBAgIUZb9K5vg+QHM9qULG5MdeU3X0imwwDQYJKoZIhvcNAQEL
BQAwGjEYMBYGA1UEAwwPaWRwLmV4YW1wbGUub3JnMCAXDTI2MTEyMjEyMjQ0M1oY
DzIxMjYxMDI5MTIyNDQzWjAaMRgwFgYDVQQDDA9pZHAuZXhhbXBsZS5vcmcwgZ8w
DQYJKoZIhvcNAQEBBQADgY0AMIGJAoGBANpK2O51zr7d1BAzCBj6tprELELODq2E
w4C9gpk0hUj90rlHJKpm39BMaj3XredPpgDf8o+XQnRlDs5wiE7biielpK2eUszt
QlmX+yFYwaOW8IiyAB0XgkMwdKBtCTWjMDlxwRKxdl7LnjxTJOlqsK0vvBEm+vUs
Q9H0FGBB9vx1AgMBAAGjUzBRMB0GA1UdDgQWBBSZtrJGvLOWL8IYAhGO7Xt87Ya8
qTAfBgNVHSMEGDAWgBSZtrJGvLOWL8IYAhGO7Xt87Ya8qTAPBgNVHRMBAf8EBTAD
AQH/MA0GCSqGSIb3DQEBCwUAA4GBAFCb14MzbrQZaAqCB0ZcaJT24662A97Rr9bg
Xf4VLEJpLN20l+Mri0vGZ1FinYc4myTAKtU+g2KPl/ZIktlTgZRDFqvKL8YAcCyr
JghvFaQj9NcRljADH0HG9UNyqMPfCfZPcOrlMpX3THukJtWYaqKbvz94C+M5EwDF
RlXIriHb
-----END CERTIFICATE-----
`
	oddCertificate = `-----BEGIN CERTIFICATE-----
MIIBSjCB/aADAgECAhREPqdcCyfLtEWEgFP+T58sF0VY4zAFBgMrZXAwGjEYMBYG
A1UEAwwPaWRwLmV4YW1wbGUub3JnMCAXDTI2MTEyMjEyMjQ0M1oYDzIxMjYxMDI5
MTIyNDQzWjAaMRgwFgYDVQQDDA9pZHAuZXhhbXBsZS5vcmcwKjAFBgMrZXADIQAd
3GkuXc0yV4sukoKhLPBwKjB+cb3RMnR0hvq9QbEDhKNTMFEwHQYDVR0OBBYEFNvM
GpsiZ0QYS6G9kyA/XSeH7AElMB8GA1UdIwQYMBaAFNvMGpsiZ0QYS6G9kyA/XSeH
7AElMA8GA1UdEwEB/wQFMAMBAf8wBQYDK2VwA0EAgWe/sN+w7bOtSt3Qu1oP0Fdi
XjVsT0wq4VdCOKj9++QiQHXdfiKDg6TAm9U56iPats7EYEEWKm8A/m71HkJHDQ==
-----END CERTIFICATE-----
`
)

// impossibleProviders are values that signin.providers cannot have.
func impossibleProviders() []string {
	cases := []string{`"google"`, `[1]`, `[null]`, `[{}]`, `[{"name":"google","kind":"google","client_id":"a","secret":"b"}]`}
	for _, fields := range []string{
		`"name":"","kind":"google","client_id":"a"`, `"name":"Google","kind":"google","client_id":"a"`, `"name":"a/b","kind":"google","client_id":"a"`,
		`"name":"a","kind":"goggle","client_id":"a"`, `"name":"a","kind":"","client_id":"a"`, `"name":"a","kind":"google"`,
		`"name":"a","kind":"oidc","client_id":"a"`, `"name":"a","kind":"oidc","client_id":"a","issuer":"http://id.example.org"`, `"name":"a","kind":"oidc","client_id":"a","issuer":"https://u:p@id.example.org"`,
		`"name":"a","kind":"google","client_id":"a","scopes":["a b"]`, `"name":"a","kind":"google","client_id":"a","scopes":[""]`, `"name":"a","kind":"google","client_id":"a","domains":["*"]`,
		`"name":"a","kind":"google","client_id":"a","profile":{"nothing":"given_name"}`, `"name":"a","kind":"google","client_id":"a","label":"a\nb"`,
		`"name":"a","kind":"google","client_id":"a","saml":{"sign_in_url":"https://a.example","certificates":[]}`,
		`"name":"a","kind":"saml","issuer":"b"`, `"name":"a","kind":"saml","issuer":"b","saml":{"sign_in_url":"https://a.example","certificates":[]}`,
		`"name":"a","kind":"saml","issuer":"b","saml":{"sign_in_url":"javascript:alert(1)","certificates":["x"]}`, `"name":"a","kind":"saml","issuer":"b","saml":{"sign_in_url":"https://a.example","certificates":["x"]}`,
	} {
		cases = append(cases, "[{"+fields+"}]")
	}
	good := samlProvider()
	return append(cases,
		`[`+good+`,`+good+`]`,
		`[`+strings.Replace(good, `https://idp.acme.example/sso`, `http://idp.acme.example/sso`, 1)+`]`,
		`[`+strings.Replace(good, `"issuer":"https://idp.acme.example/",`, ``, 1)+`]`,
		`[`+strings.Replace(good, `-----END`, `-----EDN`, 1)+`]`,
		`[`+strings.Replace(good, `"unsolicited":true,`, ``, 1)+`]`,
		`[`+strings.Replace(good, `https://a.example/saml`, `javascript:alert(1)`, 1)+`]`,
		`[`+strings.Replace(good, fmt.Sprintf("%q", idpCertificate), fmt.Sprintf("%q", weakCertificate), 1)+`]`,
		`[`+strings.Replace(good, fmt.Sprintf("%q", idpCertificate), fmt.Sprintf("%q", oddCertificate), 1)+`]`,
	)
}

func TestTailOfAProvider(t *testing.T) {
	p := Provider{Name: "acme"}
	tail := p.Tail("pol_a")
	if len(tail) != 32 || strings.Trim(tail, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		t.Errorf("law: a provider's tail is 32 characters of a-z2-7; it is %q", tail)
	}
	if tail != (Provider{Name: "acme", Label: "Another"}).Tail("pol_a") || tail == p.Tail("pol_b") || tail == (Provider{Name: "acme2"}).Tail("pol_a") {
		t.Error("law: the tail goes with the pool and the name, and with nothing else")
	}
}

func TestWhoComesByAProvider(t *testing.T) {
	at := func(address string) Email { e, _ := ParseEmail(address); return e }
	some := Provider{Domains: []string{"acme.example", "*.acme.example"}}
	for address, want := range map[string]bool{"ana@acme.example": true, "ana@eu.ACME.example": true, "ana@notacme.example": false, "": false} {
		if some.Takes(at(address)) != want {
			t.Errorf("law: a provider takes people of its domains alone; %q: %t", address, !want)
		}
	}
	if !(Provider{}).Takes(Email{}) {
		t.Error("law: a provider without domains takes everybody, known or not")
	}
	s := Settings{Providers: []Provider{{Name: "a", Disabled: true}, {Name: "b"}}}
	if _, ok := s.Provider("a"); ok {
		t.Error("law: nobody comes in by a provider that is disabled")
	}
	if p, ok := s.Provider("b"); !ok || p.Title() != "b" {
		t.Error("law: a provider is found by its name, which people see where it has no label")
	}
	for p, want := range map[*Provider]string{{Name: "github", Kind: ProviderGitHub}: "GitHub", {Name: "second", Kind: ProviderGitHub}: "second", {Name: "github", Kind: ProviderGitHub, Label: "Work"}: "Work", {Name: "acme", Kind: ProviderSAML}: "acme"} {
		if p.Title() != want {
			t.Errorf("law: people see a provider's label, or its name as everybody writes it; %+v is %q", *p, p.Title())
		}
	}
}
