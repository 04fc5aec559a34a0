package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// keySize is the length of every symmetric key here, in bytes.
const keySize = 32

// ErrSealed is returned when a sealed value does not open: another key, other
// words of context, or bytes that were changed.
var ErrSealed = errors.New("the sealed value does not open with this key")

// Master is the key that an operator keeps outside the database. It seals the
// keys that live inside it, and nothing else, so that changing it re-seals a
// handful of rows. The first key seals; the others only open, which is how a
// key is replaced.
type Master struct {
	ciphers []cipher.AEAD
}

// ParseMaster reads one or more 32-byte keys, in hexadecimal or base64,
// separated by commas or white space. The first one seals.
func ParseMaster(text string) (Master, error) {
	var m Master
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' }) {
		key, err := decodeKey(word)
		if err != nil {
			return Master{}, err
		}
		m.ciphers = append(m.ciphers, newAEAD(key))
	}
	if len(m.ciphers) == 0 {
		return Master{}, errors.New("the master key is empty")
	}
	return m, nil
}

// NewMasterText makes a new master key in the form that [ParseMaster] reads.
func NewMasterText() string {
	return base64.StdEncoding.EncodeToString(randomKey())
}

func decodeKey(word string) ([]byte, error) {
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawURLEncoding.DecodeString, base64.RawStdEncoding.DecodeString, base64.URLEncoding.DecodeString,
	} {
		if key, err := decode(word); err == nil && len(key) == keySize {
			return key, nil
		}
	}
	return nil, fmt.Errorf("a master key is %d bytes in hexadecimal or base64", keySize)
}

// Seal encrypts plain; it opens only with the same context words.
func (m Master) Seal(plain []byte, context ...string) []byte {
	return m.ciphers[0].Seal(nil, nil, plain, joined(context))
}

// Open decrypts what Seal made, with any of the keys. It returns [ErrSealed]
// if none fits.
func (m Master) Open(sealed []byte, context ...string) ([]byte, error) {
	for _, c := range m.ciphers {
		if plain, err := c.Open(nil, nil, sealed, joined(context)); err == nil {
			return plain, nil
		}
	}
	return nil, ErrSealed
}

// SealedByFirst reports whether it was the first of the keys that sealed this.
// What another one sealed is lost when that one is taken out.
func (m Master) SealedByFirst(sealed []byte, context ...string) bool {
	_, err := m.ciphers[0].Open(nil, nil, sealed, joined(context))
	return err == nil
}

func newAEAD(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // only a wrong key size, which decodeKey and randomKey rule out
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}

func randomKey() []byte {
	key := make([]byte, keySize)
	rand.Read(key)
	return key
}

// joined writes words so that no two different lists give the same bytes.
func joined(words []string) []byte {
	var b []byte
	for _, w := range words {
		b = appendWord(b, w)
	}
	return b
}

// appendWord writes a word with its length before it.
func appendWord(b []byte, word string) []byte {
	b = strconv.AppendInt(b, int64(len(word)), 10)
	b = append(b, ':')
	b = append(b, word...)
	return append(b, ',')
}
