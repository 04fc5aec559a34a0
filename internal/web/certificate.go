package web

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Certificate is a certificate and its key in two files, which are read anew
// when they have changed. A pair that cannot be used changes nothing: the one
// before it stays, and the log says why.
type Certificate struct {
	chain, key string
	log        *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	seen    [2]os.FileInfo // of the files when they were last read; nil: not there
	again   time.Time      // when what could not be read is tried again; zero: it could
}

// again is how long a pair that cannot be used rests. What is wrong with it may
// be righted with no trace in the files: who may read them, for one.
const again = 10 * time.Second

// ReadCertificate reads the pair for the first time. chain and key are paths of
// files in PEM form; chain has the certificate first, and those that vouch for
// it behind.
func ReadCertificate(chain, key string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{chain: chain, key: key, log: log}
	c.seen = c.look()
	return c, c.read()
}

// TLS is how a server speaks with this certificate: TLS 1.2 or later.
func (c *Certificate) TLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}
}

// get looks at the files at each handshake, which costs far more than that.
func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.look()
	changed := !same(now[0], c.seen[0]) || !same(now[1], c.seen[1])
	if changed || !c.again.IsZero() && time.Now().After(c.again) {
		c.seen, c.again = now, time.Time{}
		if err := c.read(); err != nil {
			c.again = time.Now().Add(again)
			if changed { // once
				c.log.Warn("the new TLS certificate cannot be used; the one before it stays", "error", err, "expires", c.current.Leaf.NotAfter)
			}
		} else {
			c.log.Info("read a new TLS certificate", "file", c.chain, "expires", c.current.Leaf.NotAfter)
		}
	}
	return c.current, nil
}

// read makes the files' pair the current one.
func (c *Certificate) read() error {
	pair, err := tls.LoadX509KeyPair(c.chain, c.key)
	if err != nil {
		return fmt.Errorf("cannot read the TLS certificate %s with the key %s: %w", c.chain, c.key, err)
	}
	c.current = &pair
	return nil
}

// look returns nil for a file that is not there; reading it says why.
func (c *Certificate) look() (found [2]os.FileInfo) {
	for i, path := range []string{c.chain, c.key} {
		if info, err := os.Stat(path); err == nil {
			found[i] = info
		}
	}
	return found
}

// same compares what a path led to at two times. A link may lead elsewhere by
// now.
func same(a, b os.FileInfo) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return os.SameFile(a, b) && a.Size() == b.Size() && a.ModTime().Equal(b.ModTime())
}
