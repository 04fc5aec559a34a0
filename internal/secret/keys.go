package secret

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"sync"
)

// Keys are the working keys of one deployment. They are made at random once,
// are kept in the database sealed under the [Master] key, and never change
// with it.
type Keys struct {
	lookup *macs
	derive *macs
	pepper []byte
	seal   cipher.AEAD
}

// KeyNames are the names under which the raw keys of [Keys] are stored.
func KeyNames() []string { return []string{"lookup", "derive", "pepper", "seal"} }

// NewKey makes one raw key.
func NewKey() []byte { return randomKey() }

// NewKeys builds Keys from raw keys by the names of [KeyNames].
func NewKeys(raw map[string][]byte) (*Keys, error) {
	for _, name := range KeyNames() {
		if len(raw[name]) != keySize {
			return nil, fmt.Errorf("the key %q has %d bytes in place of %d", name, len(raw[name]), keySize)
		}
	}
	return &Keys{lookup: newMACs(raw["lookup"]), derive: newMACs(raw["derive"]), pepper: raw["pepper"], seal: newAEAD(raw["seal"])}, nil
}

// Lookup returns the 32-byte keyed hash under which a secret of this purpose
// is stored and found. The purpose is part of the hash: a code made for one
// thing is not found as another.
func (k *Keys) Lookup(purpose, text string) []byte {
	return k.lookup.sum(purpose, text)
}

// Derive returns a secret in the form of [Random] that only this deployment
// can compute from text, and always computes alike.
func (k *Keys) Derive(purpose, text string) string {
	return alphabet.EncodeToString(k.derive.sum(purpose, text)[:20])
}

// Seal encrypts plain with AES-256-GCM. The context says where the value
// lives (pool, table, row, column); it opens nowhere else.
func (k *Keys) Seal(plain []byte, context ...string) []byte {
	return k.seal.Seal(nil, nil, plain, joined(context))
}

// Open decrypts what Seal made under the same context, or returns [ErrSealed].
func (k *Keys) Open(sealed []byte, context ...string) ([]byte, error) {
	plain, err := k.seal.Open(nil, nil, sealed, joined(context))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// Pepper returns the key that passwords are mixed with before they are hashed,
// and the short name by which a stored hash tells which one it was.
func (k *Keys) Pepper() Pepper {
	sum := sha256.Sum256(append([]byte("pepper "), k.pepper...))
	return Pepper{Key: k.pepper, ID: hex.EncodeToString(sum[:4])}
}

// macs computes HMAC-SHA-256 under one key. The states are kept for reuse: a
// token is hashed with each request that brings it.
type macs struct {
	states sync.Pool
}

func newMACs(key []byte) *macs {
	return &macs{states: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

func (m *macs) sum(purpose, text string) []byte {
	h := m.states.Get().(hash.Hash)
	defer m.states.Put(h)
	h.Reset()
	input := make([]byte, 0, 128)
	input = appendWord(input, purpose)
	input = append(input, text...)
	h.Write(input)
	return h.Sum(input[:0])
}
