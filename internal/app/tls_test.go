package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-id/gatehouse/internal/config"
)

// pemPair is a new certificate for localhost, with its serial number, and its
// key.
func pemPair(t *testing.T, serial int64) (chain, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	// As tools for renewal do: what is there is whole at every moment.
	if err := errors.Join(os.WriteFile(path+".new", text, 0o600), os.Rename(path+".new", path)); err != nil {
		t.Fatal(err)
	}
}

// A server with a certificate speaks TLS itself, and takes up a new one without
// a restart; one that cannot be used changes nothing.
func TestTLSByFiles(t *testing.T) {
	defer goleak.VerifyNone(t)
	dir := t.TempDir()
	chain, key := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	put := func(serial int64) {
		c, k := pemPair(t, serial)
		write(t, chain, c)
		write(t, key, k)
	}
	put(1)
	log := &journal{}
	a := openLogging(t, Mode{}, slog.New(slog.NewJSONHandler(log, nil)), func(c *config.Config) { c.TLSCertificate, c.TLSKey = chain, key })
	r := serve(t, a, Mode{})
	serial := func(versions ...uint16) (int64, error) {
		conf := &tls.Config{InsecureSkipVerify: true, ServerName: "localhost"}
		if len(versions) > 0 {
			conf.MinVersion, conf.MaxVersion = versions[0], versions[0]
		}
		conn, err := tls.Dial("tcp", r.public, conf)
		if err != nil {
			return 0, err
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
	}
	expect := func(law string, want int64) {
		t.Helper()
		if got, err := serial(); err != nil || got != want {
			t.Errorf("law: %s; got the certificate %d, %v", law, got, err)
		}
	}
	expect("the files' certificate is shown", 1)
	for version, spoken := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		if _, err := serial(version); (err == nil) != spoken {
			t.Errorf("law: TLS 1.2 and later are spoken; of %s came %v", tls.VersionName(version), err)
		}
	}

	put(2)
	expect("a new pair is taken up without a restart", 2)
	write(t, chain, []byte("no certificate"))
	expect("what is no certificate leaves the one before it", 2)
	expect("and so it stays", 2)
	if n := strings.Count(log.String(), "the new TLS certificate cannot be used"); n != 1 {
		t.Errorf("law: the log says once why; it says so %d times", n)
	}
	c, k := pemPair(t, 3)
	write(t, chain, c)
	expect("a certificate whose key has not come yet waits for it", 2)
	write(t, key, k)
	expect("until it comes", 3)
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	expect("files that are gone leave the pair", 3)
	if strings.Contains(log.String(), "PRIVATE KEY") {
		t.Error("law: no key is in the log")
	}

	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	response, err := client.Get("https://" + r.public + "/none")
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(io.Discard, response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil || response.ProtoMajor != 2 || response.StatusCode != http.StatusNotFound {
		t.Errorf("law: over TLS, HTTP/2 is spoken to whoever can; got %s %d, %v", response.Proto, response.StatusCode, err)
	}
	client.CloseIdleConnections()
	if status, body := get(t, "http://"+r.admin+"/readyz"); status != http.StatusOK {
		t.Errorf("law: probes are HTTP, for who asks from this machine; got %d %s", status, body)
	}
	if status, _ := get(t, "http://"+r.public+"/none"); status != http.StatusBadRequest {
		t.Errorf("law: HTTP is refused where TLS is spoken; got %d", status)
	}
	r.end(t)
}

// A server does not start with files that it cannot use.
func TestTLSFilesAreReadAtTheStart(t *testing.T) {
	dir := t.TempDir()
	chain, key, other := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "other.pem")
	c, k := pemPair(t, 1)
	_, o := pemPair(t, 2)
	write(t, chain, c)
	write(t, key, k)
	write(t, other, o)
	for name, file := range map[string]string{"another's key": other, "a file that is not there": filepath.Join(dir, "none.pem")} {
		conf := open(t, Mode{}).config
		conf.Database, conf.TLSCertificate, conf.TLSKey = "sqlite:"+filepath.Join(t.TempDir(), "gatehouse.db"), chain, file
		a, err := Open(t.Context(), conf, Mode{}, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("law: %s is refused by name at the start; got %v, %v", name, a, err)
		}
	}
}
