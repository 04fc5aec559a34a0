package secret_test

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/secret"
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

// FuzzForeign brings anything along as the hash of any algorithm: it is refused
// with a sentence, or what is stored reads the same again, is compared without
// an error, and is not taken for a hash of ours (I21).
func FuzzForeign(f *testing.F) {
	slot := slotOf(f, secret.NewHasher(cheap(), pepper("p1")))
	digests, orders, encodings := []string{"", "sha1", "sha256", "sha512", "md5"}, []string{"", "prefix", "suffix", "x"}, []string{"", "text", "hex", "base64", "x"}
	for _, algorithm := range secret.ForeignAlgorithms() {
		for i, bad := range hostile()[algorithm] {
			f.Add(algorithm, bad, "salt", "password", i, i)
		}
		f.Add(algorithm, "md5$salt$"+md5OfABC, "salt", "password", 1, 16)
		f.Add(algorithm, strings.Repeat("ab", 64), "73616c7473616c74", "password", 2, 8)
		f.Add(algorithm, "pbkdf2_sha256$1$s$"+sha256OfABC, "", "pass\x00word", -1, -1)
	}
	f.Fuzz(func(t *testing.T, algorithm, value, salt, password string, cost, choice int) {
		// What the import says stays small, so that more can be tried; what the
		// value says is bounded by what is tested.
		of := func(list []string) string { return list[uint(choice)%uint(len(list))] }
		p := secret.ForeignParams{
			Algorithm: algorithm, Iterations: cost % 100, Memory: cost % 500, Parallelism: choice % 6, BlockSize: choice % 10, CostFactor: cost % 300, KeyLength: choice % 70,
			Digest: of(digests), Salt: "salt", SaltEncoding: of(encodings), SaltOrder: of(orders), SignerKey: firebaseSigner, SaltSeparator: "Bw==",
		}
		stored, err := secret.EncodeForeign(p, value, salt)
		if err != nil {
			if stored != "" {
				t.Fatalf("law: what is refused is not stored; %q of %s became %q (%v)", value, algorithm, stored, err)
			}
			return
		}
		if again, err := secret.EncodeForeign(secret.ForeignParams{Algorithm: algorithm}, stored, ""); again != stored || err != nil {
			t.Fatalf("law: what is stored reads the same again; %q became %q (%v)", stored, again, err)
		}
		if _, err := slot.Verify(secret.Text(password), stored); err != nil {
			t.Fatalf("law: what is stored can be compared; %q cannot: %v", stored, err)
		}
		if strings.Contains(stored, "keyid=") || slot.Renew(secret.Text(password), stored) == "" {
			t.Fatalf("law: what another program made is made anew; %q would stay", stored)
		}
	})
}
