package secret

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// SAMLKey is the key pair with which a pool signs what it asks SAML identity
// providers, and the certificate by which they know it. It serves nothing else,
// and decrypts nothing.
type SAMLKey struct {
	private     *rsa.PrivateKey
	certificate []byte // DER
}

const (
	samlKeyBits = 2048
	// samlKeyLife is how long the certificate says that it is good. Providers
	// that were given it would have to be given another one by then; nobody but
	// them looks at it.
	samlKeyLife = 20 * 365 * 24 * time.Hour
)

// NewSAMLKey makes a key pair with a certificate that it signs itself, of this
// name, good from a day ago. It takes from tenths of a second to seconds.
func NewSAMLKey(name string, now time.Time) (*SAMLKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, samlKeyBits)
	if err != nil {
		return nil, fmt.Errorf("cannot make a SAML key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("cannot make a SAML key: %w", err)
	}
	from := now.UTC().Truncate(24 * time.Hour).Add(-24 * time.Hour)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: from, NotAfter: from.Add(samlKeyLife),
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, fmt.Errorf("cannot make a SAML key: %w", err)
	}
	return &SAMLKey{private: private, certificate: der}, nil
}

// ParseSAMLKey reads what Private and Certificate gave.
func ParseSAMLKey(der []byte, certificate string) (*SAMLKey, error) {
	private, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("cannot read a SAML key: %w", err)
	}
	block, _ := pem.Decode([]byte(certificate))
	if block == nil {
		return nil, errors.New("cannot read a SAML key: its certificate is not PEM")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("cannot read a SAML key: %w", err)
	}
	if !private.PublicKey.Equal(parsed.PublicKey) {
		return nil, errors.New("cannot read a SAML key: its certificate is another key's")
	}
	return &SAMLKey{private: private, certificate: block.Bytes}, nil
}

// Private is the private half as PKCS#1 DER, to be sealed.
func (k *SAMLKey) Private() []byte { return x509.MarshalPKCS1PrivateKey(k.private) }

// Certificate is the certificate as PEM.
func (k *SAMLKey) Certificate() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.certificate}))
}

// DER is the certificate as X.509 has it.
func (k *SAMLKey) DER() []byte { return k.certificate }

// Signer signs digests with the key, for libraries that sign.
func (k *SAMLKey) Signer() crypto.Signer { return k.private }

// Sign signs a message by RSA-SHA256 (RFC 8017 section 8.2).
func (k *SAMLKey) Sign(message []byte) ([]byte, error) {
	digest := sha256.Sum256(message)
	return rsa.SignPKCS1v15(rand.Reader, k.private, crypto.SHA256, digest[:])
}
