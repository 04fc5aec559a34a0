package secret_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

// FuzzPasswordKey decrypts anything, and what a client encrypted after it was
// altered: there is an answer to everything, the same each time, that tells of
// no error; and the password comes of its own ciphertext alone (X1).
func FuzzPasswordKey(f *testing.F) {
	key, public := passwordPair(f)
	const password = "correct horse 7 staple"
	real := encrypted(f, public, password)
	ciphertext, err := base64.StdEncoding.DecodeString(real)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("", uint16(0))
	f.Add(real, uint16(0))
	for _, with := range []string{"A", "=", "\n", "\r\n", "-", "_", " ", "\x00", "AAAA", strings.Repeat("A", 344), strings.Repeat("A", 1<<16)} {
		for _, at := range []uint16{0, 1, 171, 342, 344} {
			f.Add(with, at)
		}
	}
	for _, block := range badPadding(public.Size()) {
		f.Add(raw(public, block), uint16(0))
	}
	f.Fuzz(func(t *testing.T, with string, at uint16) {
		place := int(at) % (len(real) + 1)
		for _, text := range []string{with, real[:place] + with + real[place:], real[:place] + with} {
			got, formed := decrypt(text, key)
			if again, _ := decrypt(text, key); again != got {
				t.Fatalf("law: a ciphertext has one answer; %q has %q and %q", text, got, again)
			}
			if len(got) > 245 {
				t.Fatalf("law: no answer is longer than a ciphertext may hold; %q gave %d bytes", text, len(got))
			}
			plain, err := base64.StdEncoding.Strict().DecodeString(text)
			if formed != (err == nil && len(plain) == 256) {
				t.Fatalf("law: the form is 256 bytes in base64; of %q it is said to be %t", text, formed)
			}
			if (got == password) != (formed && bytes.Equal(plain, ciphertext)) {
				t.Fatalf("law: the password comes of its ciphertext, and of no other; %q gave %q", text, got)
			}
		}
	})
}
