package secret

import (
	"cmp"
	"crypto/subtle"
	"errors"
	"fmt"
	"strconv"

	dargon2 "github.com/go-crypt/x/argon2"
	"golang.org/x/crypto/argon2"
)

// argon2Hash is a hash of argon2 (RFC 9106) without a pepper of ours.
type argon2Hash struct {
	kind                    string // argon2id, argon2i or argon2d
	memory, passes, threads int    // KiB
	salt, key               []byte
}

func argon2Value(p ForeignParams, value string, salt []byte) (foreign, error) {
	key, err := keyOf(value, p.KeyLength)
	if err != nil {
		return nil, err
	}
	// A bare value does not say which of the three it is. RFC 9106 section 4
	// tells everybody to take this one.
	return argon2Hash{kind: "argon2id", memory: p.Memory, passes: p.Iterations, threads: cmp.Or(p.Parallelism, 1), salt: salt, key: key}, nil
}

func argon2PHC(text string) (foreign, error) {
	p, err := readPHC(text)
	if err != nil {
		return nil, err
	}
	if p.version != strconv.Itoa(argon2.Version) {
		return nil, fmt.Errorf("argon2 hashes are taken of version %d (0x%x), which is the one of RFC 9106", argon2.Version, argon2.Version)
	}
	h := argon2Hash{kind: p.head, memory: p.number("m"), passes: p.number("t"), threads: p.number("p"), salt: p.salt, key: p.key}
	return h, p.only("m", "t", "p")
}

func (h argon2Hash) String() string {
	return fmt.Sprintf("$%s$v=%d$"+paramsForm+"$%s$%s", h.kind, argon2.Version, h.memory, h.passes, h.threads, b64(h.salt), b64(h.key))
}

func (h argon2Hash) check() error {
	if len(h.salt) < 8 {
		return errors.New("the salt of an argon2 hash has 8 bytes at least")
	}
	return within(h,
		between("the memory of argon2 in KiB", h.memory, 8, maxForeignMemory),
		between("the number of iterations of argon2", h.passes, 1, maxForeignIterations),
		between("the parallelism of argon2", h.threads, 1, maxForeignThreads),
		checkSalt(h.salt), checkKey(h.key))
}

func (h argon2Hash) work(string) int64 { return int64(h.memory) * int64(h.passes) * argonNanos }

func (h argon2Hash) matches(password string) (bool, error) {
	input, passes, memory, length := []byte(password), uint32(h.passes), uint32(h.memory), uint32(len(h.key))
	var key []byte
	switch h.kind {
	case "argon2i":
		key = argon2.Key(input, h.salt, passes, memory, uint8(h.threads), length)
	case "argon2d":
		key = dargon2.DKey(input, h.salt, passes, memory, uint32(h.threads), length)
	default:
		key = argon2.IDKey(input, h.salt, passes, memory, uint8(h.threads), length)
	}
	return subtle.ConstantTimeCompare(key, h.key) == 1, nil
}
