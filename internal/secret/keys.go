package secret

import (
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Keys are the working keys of one deployment. They are made at random, are
// kept in the database sealed under the [Master] key, and do not change with
// it. Of peppers there may be several.
type Keys struct {
	lookup  *macs
	derive  *macs
	peppers *Peppers
	seal    cipher.AEAD
}

// RawKey is one working key as it is stored, opened.
type RawKey struct {
	Name string
	Key  []byte
	Made time.Time
}

// KeyNames are the names of the keys that a deployment begins with.
func KeyNames() []string { return []string{"lookup", "derive", PepperName, "seal"} }

// NewKey makes one raw key.
func NewKey() []byte { return randomKey() }

// NewKeys builds Keys from raw keys: one by each of [KeyNames], and any number
// of further peppers. The first pepper may be gone if there is a later one.
func NewKeys(raw []RawKey) (*Keys, error) {
	peppers, err := ParsePeppers(raw)
	if err != nil {
		return nil, err
	}
	k := &Keys{peppers: NewPeppers(peppers...)}
	for name, use := range map[string]func(key []byte){
		"lookup": func(key []byte) { k.lookup = newMACs(key) },
		"derive": func(key []byte) { k.derive = newMACs(key) },
		"seal":   func(key []byte) { k.seal = newAEAD(key) },
	} {
		i := slices.IndexFunc(raw, func(r RawKey) bool { return r.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("the key %q is not there", name)
		}
		if err := raw[i].whole(); err != nil {
			return nil, err
		}
		use(raw[i].Key)
	}
	return k, nil
}

func (r RawKey) whole() error {
	if len(r.Key) != keySize {
		return fmt.Errorf("the key %q has %d bytes in place of %d", r.Name, len(r.Key), keySize)
	}
	return nil
}

// Numbered names the nth of several keys that take turns: base, base.2, base.3
// and so on.
func Numbered(base string, n int) string {
	if n == 1 {
		return base
	}
	return base + "." + strconv.Itoa(n)
}

// NumberOf reads what [Numbered] wrote. It returns 0 for any other name.
func NumberOf(base, name string) int {
	if name == base {
		return 1
	}
	n, err := strconv.Atoi(strings.TrimPrefix(name, base+"."))
	if err != nil || n < 2 || name != Numbered(base, n) {
		return 0
	}
	return n
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

// Peppers are the keys that passwords are mixed with before they are hashed.
func (k *Keys) Peppers() *Peppers { return k.peppers }

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
