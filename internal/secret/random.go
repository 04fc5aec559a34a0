package secret

import (
	"crypto/rand"
	"encoding/base32"
	"math/big"
)

// textLength is the length of [Random] in characters: 160 bits at five bits
// a character, so that it fills up evenly and needs no padding.
const textLength = 32

var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Random returns 160 random bits as 32 characters of a-z2-7. It is the text
// of every id, token, code and link.
func Random() string {
	var bits [20]byte
	rand.Read(bits[:]) // never fails: crypto/rand ends the program instead
	return alphabet.EncodeToString(bits[:])
}

// IsText reports whether s has the form that [Random] gives. A truncated or
// empty secret has not, and is refused before anything is looked up.
func IsText(s string) bool {
	if len(s) != textLength {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// Digits returns a code of n decimal digits, each of them drawn evenly.
func Digits(n int) string { return Letters("0123456789", n) }

// Letters returns a code of n characters of an alphabet of one byte each, each
// of them drawn evenly.
func Letters(from string, n int) string {
	code := make([]byte, n)
	for i := range code {
		drawn, err := rand.Int(rand.Reader, big.NewInt(int64(len(from))))
		if err != nil {
			panic(err) // never: crypto/rand ends the program instead
		}
		code[i] = from[drawn.Int64()]
	}
	return string(code)
}
