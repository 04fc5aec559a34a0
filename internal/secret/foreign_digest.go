package secret

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// digest is a hash function.
type digest struct {
	name  string
	new   func() hash.Hash
	size  int
	nanos int64 // what one block takes
}

func digests() []digest {
	return []digest{
		{"md5", md5.New, md5.Size, 280},
		{"sha1", sha1.New, sha1.Size, 240},
		{"sha256", sha256.New, sha256.Size, 210},
		{"sha512", sha512.New, sha512.Size, 730},
	}
}

func digestOf(name string) (digest, bool) {
	i := slices.IndexFunc(digests(), func(d digest) bool { return d.name == name })
	if i < 0 {
		return digest{}, false
	}
	return digests()[i], true
}

// digestHash is a password that a hash function was applied to, with a salt
// before or behind it, once or several times.
type digestHash struct {
	digest     digest
	iterations int
	order      string // prefix or suffix: where the salt stood
	salt, key  []byte
}

func digestValue(p ForeignParams, value string, salt []byte) (foreign, error) {
	d, _ := digestOf(p.Algorithm) // one line of formats is one of digests
	h := digestHash{digest: d, iterations: max(p.Iterations, 1), order: p.SaltOrder, salt: salt}
	if h.order == "" {
		h.order = "prefix"
	}
	if p.Iterations < 0 {
		return nil, errors.New("the number of iterations is negative")
	}
	// Django writes md5$salt$hash.
	if parts := strings.Split(value, "$"); len(parts) == 3 && parts[0] == d.name {
		h.order, h.salt, value = "prefix", []byte(parts[1]), parts[2]
	}
	var ok bool
	if h.key, ok = bytesOf(value, d.size); !ok {
		return nil, fmt.Errorf("the password hash is not one of %s: %d bytes in hexadecimal digits or base64", d.name, d.size)
	}
	return h, nil
}

func digestPHC(text string) (foreign, error) {
	p, err := readPHC(text)
	if err != nil {
		return nil, err
	}
	d, _ := digestOf(strings.TrimPrefix(p.head, "digest-"))
	h := digestHash{digest: d, iterations: p.number("i"), order: p.params["o"], salt: p.salt, key: p.key}
	if len(h.key) != d.size {
		return nil, errPHC
	}
	return h, nil
}

func (h digestHash) String() string {
	return fmt.Sprintf("$digest-%s$i=%d,o=%s$%s$%s", h.digest.name, h.iterations, h.order, b64(h.salt), b64(h.key))
}

func (h digestHash) check() error {
	if h.order != "prefix" && h.order != "suffix" {
		return errors.New("the salt's order is neither prefix nor suffix")
	}
	return within(h, between("the number of iterations", h.iterations, 1, maxForeignIterations), checkSalt(h.salt))
}

func (h digestHash) work(string) int64 { return int64(h.iterations) * h.digest.nanos }

func (h digestHash) matches(password string) (bool, error) {
	first, second := h.salt, []byte(password)
	if h.order == "suffix" {
		first, second = second, first
	}
	f := h.digest.new()
	f.Write(first)
	f.Write(second)
	sum := f.Sum(nil)
	for range h.iterations - 1 {
		f.Reset()
		f.Write(sum)
		sum = f.Sum(sum[:0])
	}
	return subtle.ConstantTimeCompare(sum, h.key) == 1, nil
}
