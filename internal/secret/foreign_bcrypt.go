package secret

import (
	"errors"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	// maxBcryptCost takes more than a second already. At 15 it would be three,
	// in which no other password is compared on that core.
	maxBcryptCost = 14
	// maxBcryptPassword is what bcrypt reads of a password, in bytes; what is
	// behind would not count.
	maxBcryptPassword = 72
	bcryptNanos       = 80_000 // of one of the 2^cost rounds
	bcryptLength      = 60
	bcryptAlphabet    = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

// bcryptHash is a hash of bcrypt, whose spelling is the same everywhere.
type bcryptHash struct {
	cost int
	text string
}

func bcryptValue(ForeignParams, string, []byte) (foreign, error) {
	return nil, errors.New("the password hash is not written as bcrypt hashes are: $2b$, the cost, and 53 characters")
}

func bcryptPHC(text string) (foreign, error) {
	// The letter x marks hashes of a library that read characters beyond ASCII
	// wrongly. The right comparison refuses their passwords, and the wrong one
	// takes others for them.
	if strings.HasPrefix(text, "$2x$") {
		return nil, errors.New("bcrypt hashes that begin with $2x$ were made by a faulty library, and are not taken")
	}
	if len(text) != bcryptLength || text[6] != '$' || strings.Trim(text[7:], bcryptAlphabet) != "" {
		return bcryptValue(ForeignParams{}, "", nil)
	}
	cost, err := strconv.ParseUint(text[4:6], 10, 8)
	if err != nil {
		return bcryptValue(ForeignParams{}, "", nil)
	}
	return bcryptHash{int(cost), text}, nil
}

func (h bcryptHash) String() string { return h.text }

func (h bcryptHash) check() error {
	return within(h, between("the cost of bcrypt", h.cost, bcrypt.MinCost, maxBcryptCost))
}

// reads reports whether all of a password would count. bcrypt reads 72 bytes,
// and repeats a shorter password with a NUL behind it until it has as many: one
// that holds a NUL may be equal to another that way.
func (h bcryptHash) reads(password string) bool {
	return len(password) <= maxBcryptPassword && !strings.Contains(password, "\x00")
}

func (h bcryptHash) work(password string) int64 {
	if !h.reads(password) {
		return 0
	}
	return bcryptNanos << h.cost
}

func (h bcryptHash) matches(password string) (bool, error) {
	if !h.reads(password) {
		return false, nil
	}
	err := bcrypt.CompareHashAndPassword([]byte(h.text), []byte(password))
	if errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
		return false, nil
	}
	return err == nil, err
}
