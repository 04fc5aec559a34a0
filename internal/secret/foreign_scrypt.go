package secret

import (
	"cmp"
	"crypto/subtle"
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"

	"golang.org/x/crypto/scrypt"
)

// scryptNanos is what scrypt takes for one of the N r p times 128 bytes, there
// and back.
const scryptNanos = 520

// scryptHash is a hash of scrypt (RFC 7914).
type scryptHash struct {
	scryptCost
	salt, key []byte
}

// scryptCost is what scrypt takes. N is 2^ln.
type scryptCost struct {
	ln, r, p int
}

func scryptValue(p ForeignParams, value string, salt []byte) (foreign, error) {
	// Django writes scrypt$N$salt$r$p$hash.
	if rest, ok := strings.CutPrefix(value, "scrypt$"); ok {
		parts := strings.Split(rest, "$")
		if len(parts) != 5 {
			return nil, errors.New("the password hash is not written as Django writes those of scrypt")
		}
		for i, into := range map[int]*int{0: &p.CostFactor, 2: &p.BlockSize, 3: &p.Parallelism} {
			n, err := strconv.ParseUint(parts[i], 10, 31)
			if err != nil {
				return nil, errors.New("the password hash does not say what costs of scrypt it had")
			}
			*into = int(n)
		}
		salt, value = []byte(parts[1]), parts[4]
	}
	if p.CostFactor < 2 || bits.OnesCount(uint(p.CostFactor)) != 1 {
		return nil, errors.New("the cost factor of scrypt is not a power of two")
	}
	key, err := keyOf(value, p.KeyLength)
	if err != nil {
		return nil, err
	}
	cost := scryptCost{ln: bits.Len(uint(p.CostFactor)) - 1, r: cmp.Or(p.BlockSize, maxForeignBlockSize), p: cmp.Or(p.Parallelism, 1)}
	return scryptHash{cost, salt, key}, nil
}

func scryptPHC(text string) (foreign, error) {
	p, err := readPHC(text)
	if err != nil {
		return nil, err
	}
	return scryptHash{scryptCost{p.number("ln"), p.number("r"), p.number("p")}, p.salt, p.key}, p.only("ln", "r", "p")
}

func (h scryptHash) String() string {
	return fmt.Sprintf("$scrypt$ln=%d,r=%d,p=%d$%s$%s", h.ln, h.r, h.p, b64(h.salt), b64(h.key))
}

func (h scryptHash) check() error {
	return within(h, h.scryptCost.check(), checkSalt(h.salt), checkKey(h.key))
}

func (c scryptCost) check() error {
	err := cmp.Or(
		between("the cost factor of scrypt, as a power of two,", c.ln, 1, 20),
		between("the block size of scrypt", c.r, 1, maxForeignBlockSize),
		between("the parallelism of scrypt", c.p, 1, maxForeignThreads))
	if err == nil && 128*c.r<<c.ln > maxForeignBlocks {
		err = fmt.Errorf("scrypt would take more than %d MiB of memory with this cost factor and block size", maxForeignBlocks>>20)
	}
	return err
}

func (c scryptCost) work(string) int64 { return int64(c.r) * int64(c.p) << c.ln * scryptNanos }

func (c scryptCost) key(password string, salt []byte, length int) ([]byte, error) {
	return scrypt.Key([]byte(password), salt, 1<<c.ln, c.r, c.p, length)
}

func (h scryptHash) matches(password string) (bool, error) {
	key, err := h.scryptCost.key(password, h.salt, len(h.key))
	return err == nil && subtle.ConstantTimeCompare(key, h.key) == 1, err
}
