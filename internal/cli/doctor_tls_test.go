package cli

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/config"
)

// pair writes a certificate for a host, valid between two times, and its key.
func pair(t *testing.T, host string, from, until time.Time) (chain, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host}, NotBefore: from, NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	chain, key = filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{chain: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return chain, key
}

func TestDoctorLooksAtTheCertificate(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Now()
	good, key := pair(t, "id.example.org", now.Add(-day), now.Add(90*day))
	_, other := pair(t, "id.example.org", now.Add(-day), now.Add(90*day))
	old, oldKey := pair(t, "id.example.org", now.Add(-90*day), now.Add(-day))
	soon, soonKey := pair(t, "id.example.org", now.Add(-day), now.Add(5*day))
	early, earlyKey := pair(t, "id.example.org", now.Add(day), now.Add(90*day))
	for _, c := range []struct {
		name, chain, key, public string
		state                    state
		found, remedy            string
	}{
		{"no TLS", "", "", "https://id.example.org", fine, "left to a proxy", ""},
		{"a good pair", good, key, "https://id.example.org", fine, "fit, until", ""},
		{"no public URL yet", good, key, "", fine, "fit, until", ""},
		{"a file that is not there", good, key + ".none", "https://id.example.org", failing, "no such file", "GATEHOUSE_TLS_KEY"},
		{"a file that is none", good, good, "https://id.example.org", failing, "are no pair", "PEM"},
		{"the key of another", good, other, "https://id.example.org", failing, "are no pair", "the key that it was made for"},
		{"another host", good, key, "https://login.example.org", failing, "not for login.example.org: it names id.example.org", "issued"},
		{"a host by http", good, key, "http://localhost:8400", doubt, "the public URL is http", "https"},
		{"past its time", old, oldKey, "https://id.example.org", failing, "expired on", "Renew"},
		{"soon past its time", soon, soonKey, "https://id.example.org", doubt, "expires on", "Renew"},
		{"before its time", early, earlyKey, "https://id.example.org", failing, "not valid before", "clock"},
	} {
		x := &exam{config: &config.Loaded{Config: config.Config{TLSCertificate: c.chain, TLSKey: c.key, PublicURL: c.public}}}
		f := examineTLS(context.Background(), x)
		if f.State != c.state || !strings.Contains(f.Found, c.found) || !strings.Contains(f.Remedy, c.remedy) {
			t.Errorf("law: of %s doctor says %s, %q, and what to do; got %s: %s; %s", c.name, c.state, c.found, f.State, f.Found, f.Remedy)
		}
	}
}

func TestAdminAddressIsFoundAsTheServerDoes(t *testing.T) {
	for _, c := range []struct{ listen, admin, want string }{
		{":8400", "", "127.0.0.1:8401"},
		{"192.0.2.1:80", "", "127.0.0.1:81"},
		{":8400", ":9000", "127.0.0.1:9000"},
		{":8400", "0.0.0.0:9000", "127.0.0.1:9000"},
		{":8400", "[::]:9000", "[::1]:9000"},
		{":8400", "10.0.0.1:9000", "10.0.0.1:9000"},
		{":8400", "localhost:9000", "localhost:9000"},
		{"127.0.0.1:0", "", ""},
		{":8400", "nowhere", ""},
	} {
		got, err := adminAddress(&config.Loaded{Config: config.Config{Listen: c.listen, AdminListen: c.admin}})
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("law: a server on %q and %q answers probes on %q; got %q, %v", c.listen, c.admin, c.want, got, err)
		}
	}
}
