package secret_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// passwordKey is one key pair for all tests: making one takes long.
var passwordKey = sync.OnceValues(secret.NewPasswordKey)

func passwordPair(t testing.TB) (*secret.PasswordKey, *rsa.PublicKey) {
	t.Helper()
	key, err := passwordKey()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(key.Public()))
	if block == nil || block.Type != "PUBLIC KEY" {
		t.Fatalf("the public key is %q", key.Public())
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key, public.(*rsa.PublicKey)
}

// decrypt is the password of a ciphertext, and whether that has the form of one.
// The keys are the oldest first.
func decrypt(text string, keys ...*secret.PasswordKey) (string, bool) {
	password, formed := secret.PasswordKeys(keys).Decrypt(text)
	return password.Reveal(), formed
}

func encrypted(t testing.TB, public *rsa.PublicKey, password string) string {
	t.Helper()
	ciphertext, err := rsa.EncryptPKCS1v15(rand.Reader, public, []byte(password)) //nolint:staticcheck // SA1019: it is what clients do
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(ciphertext)
}

// raw encrypts a block as it is, well padded or not.
func raw(public *rsa.PublicKey, block []byte) string {
	c := new(big.Int).Exp(new(big.Int).SetBytes(block), big.NewInt(int64(public.E)), public.N)
	return base64.StdEncoding.EncodeToString(c.FillBytes(make([]byte, public.Size())))
}

func TestPasswordsAreDecrypted(t *testing.T) {
	key, public := passwordPair(t)
	again, err := secret.ParsePasswordKey(key.Private())
	if err != nil {
		t.Fatal(err)
	}
	for _, password := range []string{"", "x", "passw0rd", "correct horse 7 staple", "пароль 密码 🔑", "a\x00b", strings.Repeat("m", 245)} {
		text := encrypted(t, public, password)
		for _, k := range []*secret.PasswordKey{key, again} {
			if got, formed := decrypt(text, k); got != password || !formed {
				t.Errorf("%q came back as %q, %v", password, got, formed)
			}
		}
		if got, _ := decrypt(text[:40]+"\r\n"+text[40:], key); got != password {
			t.Errorf("with a line end within, %q came back as %q", password, got)
		}
	}
	for name, der := range map[string][]byte{"nothing": nil, "rubbish": []byte("rubbish"), "a smaller key": smallKey(t)} {
		if _, err := secret.ParsePasswordKey(der); err == nil {
			t.Errorf("%s is taken for a password key", name)
		}
	}
}

func smallKey(t *testing.T) []byte {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return x509.MarshalPKCS1PrivateKey(private)
}

// badPadding is blocks that are no PKCS#1 v1.5 of type 2, each in its own way.
func badPadding(size int) map[string][]byte {
	block := func(change func(b []byte)) []byte {
		b := bytes.Repeat([]byte{0xaa}, size)
		b[0], b[1], b[size-9] = 0, 2, 0
		copy(b[size-8:], "passw0rd")
		change(b)
		return b
	}
	return map[string][]byte{
		"type 1":                  block(func(b []byte) { b[1] = 1 }),
		"type 0":                  block(func(b []byte) { b[1] = 0 }),
		"no zero at the start":    block(func(b []byte) { b[0] = 1 }),
		"no end of the padding":   block(func(b []byte) { b[size-9] = 1 }),
		"seven bytes of padding":  block(func(b []byte) { b[9] = 0 }),
		"no padding":              block(func(b []byte) { b[2] = 0 }),
		"nothing but zeros":       make([]byte, size),
		"the number one":          append(make([]byte, size-1), 1),
		"a zero in every padding": block(func(b []byte) { b[4], b[6], b[8] = 0, 0, 0 }),
	}
}

// What does not decrypt gives a password all the same: one that nobody can
// foresee, the same each time, another for each ciphertext and each key (X1).
// Some clients write the ciphertext as a number, without the zeros before it.
func TestCiphertextsWithoutTheirFirstZeros(t *testing.T) {
	key, public := passwordPair(t)
	for {
		ciphertext, err := base64.StdEncoding.DecodeString(encrypted(t, public, "correct horse 7 staple"))
		if err != nil {
			t.Fatal(err)
		}
		if ciphertext[0] != 0 {
			continue
		}
		number := base64.StdEncoding.EncodeToString(bytes.TrimLeft(ciphertext, "\x00"))
		if got, formed := decrypt(number, key); got != "correct horse 7 staple" || !formed {
			t.Errorf("law: a ciphertext is the number that it spells; without its zeros it gives %q (%v)", got, formed)
		}
		// The same number of no good padding has one answer, however it is spelled.
		ciphertext[len(ciphertext)-1] ^= 1
		whole, _ := decrypt(base64.StdEncoding.EncodeToString(ciphertext), key)
		short, _ := decrypt(base64.StdEncoding.EncodeToString(bytes.TrimLeft(ciphertext, "\x00")), key)
		if whole != short {
			t.Error("law: two spellings of one number have one answer")
		}
		break
	}
	for _, length := range []int{0, 1, 8, 253, 257} {
		if _, formed := decrypt(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, length)), key); formed {
			t.Errorf("law: what lacks more than some zeros is no ciphertext; %d bytes are", length)
		}
	}
}

func TestX1WhatDoesNotDecryptGivesAPasswordAllTheSame(t *testing.T) {
	key, public := passwordPair(t)
	other, err := secret.NewPasswordKey()
	if err != nil {
		t.Fatal(err)
	}
	good := encrypted(t, public, "passw0rd")
	bad := map[string]string{
		"":                      "nothing",
		"passw0rd":              "a password in clear",
		"not base64 at all!":    "not base64",
		good[:len(good)-8]:      "four bytes short",
		good + "AAAA":           "three bytes long",
		good[:len(good)-2]:      "without its padding",
		strings.Repeat("A", 44): "33 bytes",
		base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 256)): "a number above the modulus",
		base64.StdEncoding.EncodeToString(public.N.Bytes()):                "the modulus",
		"sm2:04" + strings.Repeat("ab", 100):                               "another cipher",
		"_" + good[1:]:                                                     "another alphabet",
	}
	padded := make(map[string]bool)
	for name, block := range badPadding(public.Size()) {
		bad[raw(public, block)], padded[name] = name, true
	}
	seen := map[string]string{"passw0rd": "the password itself"}
	for text, name := range bad {
		got, formed := decrypt(text, key)
		if again, _ := decrypt(text, key); got != again {
			t.Errorf("%s: two answers to one ciphertext tell that none is true", name)
		}
		if large := strings.Contains(name, "modulus"); formed != (padded[name] || large) {
			t.Errorf("%s: it has the form of a ciphertext: %v", name, formed)
		}
		if was, twice := seen[got]; twice && len(got) > 4 {
			t.Errorf("%s gives what %s gives", name, was)
		}
		seen[got] = name
		if theirs, _ := decrypt(text, other); len(got) > 4 && got == theirs {
			t.Errorf("%s gives the same under every key", name)
		}
		if len(got) > 245 {
			t.Errorf("%s gives %d bytes, more than any ciphertext holds", name, len(got))
		}
	}
}

// A line end within a ciphertext does not make another one of it: else a bad
// one, and only that, would answer otherwise each time (X1).
func TestX1ACiphertextHasOneAnswer(t *testing.T) {
	key, public := passwordPair(t)
	for name, block := range badPadding(public.Size()) {
		text := raw(public, block)
		one, _ := decrypt(text, key)
		if other, _ := decrypt(text[:100]+"\n"+text[100:]+"\n", key); one != other {
			t.Errorf("%s: another spelling of the same bytes gives another password", name)
		}
	}
}

// What is made up is as long as what a number chosen at random holds may be,
// and is no text more often than that: a rule that refuses what is short, or no
// UTF-8, tells nothing of the padding (X1).
func TestX1WhatIsMadeUpLooksLikeWhatIsFoundByChance(t *testing.T) {
	key, public := passwordPair(t)
	const rounds = 400
	var lengths [5]int
	texts := 0
	for i := range rounds {
		block := make([]byte, public.Size())
		copy(block[2:], big.NewInt(int64(i+1)).FillBytes(make([]byte, 8)))
		block[1] = 1
		got, _ := decrypt(raw(public, block), key)
		lengths[len(got)/50]++
		if utf8.ValidString(got) {
			texts++
		}
	}
	for i, n := range lengths {
		if n < rounds/10 || n > rounds*3/10 { // 80 of 400 are expected, with a deviation of 8
			t.Errorf("%d of %d are %d to %d bytes long", n, rounds, 50*i, 50*i+49)
		}
	}
	if texts > rounds/20 { // 1 in 120 is expected
		t.Errorf("%d of %d made-up passwords are text", texts, rounds)
	}
}

// While a pool's keys take turns, what was encrypted for either is decrypted,
// and what is for neither gives a made-up password: the same before there was a
// younger key and after, so that its coming tells nothing (X1).
func TestX1KeysTakeTurns(t *testing.T) {
	older, public := passwordPair(t)
	newer, err := secret.NewPasswordKey()
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(newer.Public()))
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	newPublic := parsed.(*rsa.PublicKey)
	for _, password := range []string{"", "passw0rd", "пароль 密码 🔑", strings.Repeat("m", 245)} {
		for name, text := range map[string]string{"older": encrypted(t, public, password), "newer": encrypted(t, newPublic, password)} {
			if got, formed := decrypt(text, older, newer); got != password || !formed {
				t.Errorf("law: a password for the %s of two keys is decrypted; %q came back as %q, %v", name, password, got, formed)
			}
			only, other := older, newer
			if name == "newer" {
				only, other = newer, older
			}
			if got, _ := decrypt(text, only); got != password {
				t.Errorf("law: one key is enough; without the other %q came back as %q", password, got)
			}
			if got, _ := decrypt(text, other); got == password && password != "" {
				t.Errorf("law: a key that has gone decrypts nothing; %q was", password)
			}
		}
	}
	bad := []string{"", "passw0rd", "not base64 at all!", base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 256))}
	for _, block := range badPadding(public.Size()) {
		bad = append(bad, raw(public, block))
	}
	for _, text := range bad {
		before, formedBefore := decrypt(text, older)
		during, formed := decrypt(text, older, newer)
		if before != during || formed != formedBefore {
			t.Errorf("law: what the older key could not decrypt answers the same once there is a newer; %.20q was %q and is %q", text, before, during)
		}
		if after, _ := decrypt(text, newer); len(after) > 4 && after == during {
			t.Errorf("law: with the older key all that was encrypted for it changes; %.20q still gives %q", text, after)
		}
	}
	for name, block := range badPadding(newPublic.Size()) {
		if got, _ := decrypt(raw(newPublic, block), older, newer); got == "passw0rd" {
			t.Errorf("law: bad padding under the newer key is never decrypted: %s", name)
		}
	}
}
