package secret_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

func TestSAMLKeys(t *testing.T) {
	now := time.Now()
	key, err := secret.NewSAMLKey("acme", now)
	if err != nil {
		t.Fatal(err)
	}
	other, err := secret.NewSAMLKey("acme", now)
	if err != nil {
		t.Fatal(err)
	}
	again, err := secret.ParseSAMLKey(key.Private(), key.Certificate())
	if err != nil || again.Certificate() != key.Certificate() {
		t.Fatalf("law: a key that was kept is the same: %v", err)
	}
	for what, bad := range map[string]func() ([]byte, string){
		"of another key's certificate": func() ([]byte, string) { return key.Private(), other.Certificate() },
		"that is no key":               func() ([]byte, string) { return []byte("key"), key.Certificate() },
		"without a certificate":        func() ([]byte, string) { return key.Private(), "" },
		"with a broken certificate": func() ([]byte, string) {
			return key.Private(), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))
		},
	} {
		if _, err := secret.ParseSAMLKey(bad()); err == nil {
			t.Errorf("law: a key %s is refused", what)
		}
	}
	block, _ := pem.Decode([]byte(key.Certificate()))
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil || certificate.Subject.CommonName != "acme" || certificate.NotBefore.After(now) || certificate.NotAfter.Before(now.AddDate(10, 0, 0)) {
		t.Errorf("law: the certificate is of the name, and good for years: %+v, %v", certificate, err)
	}
	signature, err := again.Sign([]byte("a request"))
	if err != nil {
		t.Fatal(err)
	}
	if err := certificate.CheckSignature(x509.SHA256WithRSA, []byte("a request"), signature); err != nil {
		t.Errorf("law: what the key signs is signed by its certificate: %v", err)
	}
	if err := certificate.CheckSignature(x509.SHA256WithRSA, []byte("another"), signature); err == nil {
		t.Errorf("law: a signature is of one message (%x)", sha256.Sum256(signature))
	}
}
