package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// A pair that could not be read is tried again, though its files look the same:
// only who may read them changed, or there were too many files open.
func TestCertificateIsTriedAgain(t *testing.T) {
	dir := t.TempDir()
	chain, key := filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	write := func(path string, text []byte) {
		t.Helper()
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	put := func(serial int64) []byte {
		t.Helper()
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(serial), NotBefore: at, NotAfter: at.AddDate(1, 0, 0)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
		if err != nil {
			t.Fatal(err)
		}
		own, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		write(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: own})
	}
	synctest.Test(t, func(t *testing.T) {
		write(key, put(1))
		c, err := ReadCertificate(chain, key, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		expect := func(law string, want int64) {
			t.Helper()
			pair, err := c.get(nil)
			if err != nil || pair.Leaf.SerialNumber.Int64() != want {
				t.Errorf("law: %s; got %v, %v", law, pair.Leaf.SerialNumber, err)
			}
		}
		at = at.Add(time.Hour)
		good := put(2)
		write(key, make([]byte, len(good))) // what cannot be read
		expect("a pair that cannot be read leaves the one before it", 1)
		write(key, good) // of the same size and time
		expect("it is not tried again at once", 1)
		time.Sleep(again + time.Second)
		expect("but after a while, though the files look the same", 2)
	})
}
