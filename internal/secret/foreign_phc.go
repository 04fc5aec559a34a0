package secret

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// errPHC is returned for a PHC string that does not hold what its format needs.
var errPHC = errors.New("the password hash cannot be read: it is not written as its first characters say")

// phc is a PHC string, taken apart: $head$v=version$name=value,...$salt$key.
type phc struct {
	head      string
	version   string
	params    map[string]string
	salt, key []byte
}

func readPHC(text string) (phc, error) {
	parts := strings.Split(text, "$")
	if len(parts) < 5 || len(parts) > 6 || parts[0] != "" {
		return phc{}, errPHC
	}
	p := phc{head: parts[1], params: map[string]string{}}
	if len(parts) == 6 {
		var ok bool
		if p.version, ok = strings.CutPrefix(parts[2], "v="); !ok {
			return phc{}, errPHC
		}
		parts = append(parts[:2], parts[3:]...)
	}
	for _, param := range strings.Split(parts[2], ",") {
		name, value, named := strings.Cut(param, "=")
		if !named { // passlib writes PBKDF2's iterations without a name
			name, value = "i", name
		}
		if _, twice := p.params[name]; twice {
			return phc{}, errPHC
		}
		p.params[name] = value
	}
	var saltOK, keyOK bool
	p.salt, saltOK = unb64(parts[3])
	p.key, keyOK = unb64(parts[4])
	if !saltOK || !keyOK {
		return phc{}, errPHC
	}
	return p, nil
}

// number is a parameter that is a number; -1, which no format takes, for one
// that is missing or none.
func (p phc) number(name string) int {
	n, err := strconv.ParseUint(p.params[name], 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}

// only refuses a PHC string with parameters that would not be heeded.
func (p phc) only(names ...string) error {
	known := 0
	for _, name := range names {
		if _, ok := p.params[name]; ok {
			known++
		}
	}
	if known != len(p.params) {
		return errPHC
	}
	return nil
}

// phcOf takes off what Django writes before hashes that have a spelling of their
// own.
func phcOf(value string) string {
	for _, name := range []string{"bcrypt$", "argon2"} {
		if rest, ok := strings.CutPrefix(value, name); ok && strings.HasPrefix(rest, "$") {
			return rest
		}
	}
	return value
}

func b64(raw []byte) string { return base64.RawStdEncoding.EncodeToString(raw) }

// unb64 reads base64 of either alphabet, and of passlib's, which has a full stop
// in place of the plus; padded or not.
func unb64(text string) ([]byte, bool) {
	text = strings.NewReplacer("-", "+", ".", "+", "_", "/", "\r", "!", "\n", "!").Replace(strings.TrimRight(text, "="))
	raw, err := base64.RawStdEncoding.Strict().DecodeString(text)
	return raw, err == nil
}

// bytesOf reads bytes as exports write them, in hexadecimal digits or base64.
// size is how many there have to be, or 0 if nobody says; then what could be
// both is hexadecimal, which base64 of 16 bytes and more is never by chance.
func bytesOf(text string, size int) ([]byte, bool) {
	raw, err := hex.DecodeString(text)
	if err == nil && (size == 0 || len(raw) == size) {
		return raw, true
	}
	raw, ok := unb64(text)
	return raw, ok && (size == 0 || len(raw) == size)
}

// saltOf is a salt's bytes.
func saltOf(text, encoding string) ([]byte, error) {
	switch encoding {
	case "", "text":
		return []byte(text), nil
	case "hex":
		raw, err := hex.DecodeString(text)
		if err != nil {
			return nil, errors.New("the salt is not made of hexadecimal digits, two for each byte")
		}
		return raw, nil
	case "base64":
		raw, ok := unb64(text)
		if !ok {
			return nil, errors.New("the salt is not base64")
		}
		return raw, nil
	}
	return nil, errors.New("the salt's encoding is neither text nor hex nor base64")
}

func checkSalt(salt []byte) error {
	if len(salt) > maxForeignSalt {
		return fmt.Errorf("the salt is longer than %d bytes", maxForeignSalt)
	}
	return nil
}

func checkKey(key []byte) error {
	return between("the length of the hash in bytes", len(key), minForeignKey, maxForeignKey)
}

// keyOf reads a hash whose length is the import's affair; 0 says nothing of it.
func keyOf(value string, length int) ([]byte, error) {
	if length < 0 {
		return nil, errors.New("the key length is negative")
	}
	key, ok := bytesOf(value, length)
	if !ok && length > 0 {
		return nil, fmt.Errorf("the password hash is not %d bytes in hexadecimal digits or base64", length)
	}
	if !ok {
		return nil, errors.New("the password hash is neither hexadecimal digits nor base64")
	}
	return key, nil
}
