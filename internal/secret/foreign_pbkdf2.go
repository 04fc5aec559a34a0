package secret

import (
	"crypto/pbkdf2"
	"crypto/subtle"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// pbkdf2Hash is a hash of PBKDF2 (RFC 8018 section 5.2).
type pbkdf2Hash struct {
	digest     digest
	iterations int
	salt, key  []byte
}

// pbkdf2Digest is a function that PBKDF2 is used with.
func pbkdf2Digest(name string) (digest, error) {
	d, ok := digestOf(name)
	if !ok || d.name == "md5" {
		return digest{}, errors.New("the digest of PBKDF2 is neither sha1 nor sha256 nor sha512")
	}
	return d, nil
}

func pbkdf2Value(p ForeignParams, value string, salt []byte) (foreign, error) {
	// Django writes pbkdf2_sha256$iterations$salt$hash.
	if rest, ok := strings.CutPrefix(value, "pbkdf2_"); ok {
		parts := strings.Split(rest, "$")
		if len(parts) != 4 {
			return nil, errors.New("the password hash is not written as Django writes those of PBKDF2")
		}
		iterations, err := strconv.ParseUint(parts[1], 10, 31)
		if err != nil {
			return nil, errors.New("the password hash does not say how many iterations of PBKDF2 it had")
		}
		p.Digest, p.Iterations, salt, value = parts[0], int(iterations), []byte(parts[2]), parts[3]
	}
	d, err := pbkdf2Digest(p.Digest)
	if err != nil {
		return nil, err
	}
	key, err := keyOf(value, p.KeyLength)
	if err != nil {
		return nil, err
	}
	return pbkdf2Hash{digest: d, iterations: p.Iterations, salt: salt, key: key}, nil
}

func pbkdf2PHC(text string) (foreign, error) {
	p, err := readPHC(text)
	if err != nil {
		return nil, err
	}
	name := "sha1" // as passlib means it
	if rest, ok := strings.CutPrefix(p.head, "pbkdf2-"); ok {
		name = rest
	}
	d, err := pbkdf2Digest(name)
	if err != nil {
		return nil, err
	}
	if _, said := p.params["l"]; said && p.number("l") != len(p.key) {
		return nil, errPHC
	}
	return pbkdf2Hash{digest: d, iterations: p.number("i"), salt: p.salt, key: p.key}, p.only("i", "l")
}

func (h pbkdf2Hash) String() string {
	return fmt.Sprintf("$pbkdf2-%s$i=%d$%s$%s", h.digest.name, h.iterations, b64(h.salt), b64(h.key))
}

func (h pbkdf2Hash) check() error {
	return within(h, between("the number of iterations of PBKDF2", h.iterations, 1, maxForeignIterations), checkSalt(h.salt), checkKey(h.key))
}

// work counts the blocks too: each that the key is longer than the digest takes
// all of the iterations again.
func (h pbkdf2Hash) work(string) int64 {
	blocks := (len(h.key) + h.digest.size - 1) / h.digest.size
	return int64(h.iterations) * int64(blocks) * h.digest.nanos
}

func (h pbkdf2Hash) matches(password string) (bool, error) {
	key, err := pbkdf2.Key(h.digest.new, password, h.salt, h.iterations, len(h.key))
	return err == nil && subtle.ConstantTimeCompare(key, h.key) == 1, err
}
