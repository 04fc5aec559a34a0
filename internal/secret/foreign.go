package secret

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ForeignParams is what an import says about its password hashes, beside the
// values themselves. What an algorithm has no use for is not read, and what a
// value says of itself goes before it.
type ForeignParams struct {
	Algorithm     string // one of [ForeignAlgorithms]
	Iterations    int    // rounds, passes or chained digests, as the algorithm calls them
	Memory        int    // of argon2, KiB
	Parallelism   int
	BlockSize     int    // scrypt's r
	CostFactor    int    // scrypt's N, a power of two; Firebase's mem_cost
	KeyLength     int    // bytes; 0 is as many as the value has
	Digest        string // of PBKDF2: sha1, sha256 or sha512
	Salt          string // where all have the same one
	SaltEncoding  string // how salts are written: text, which is "" too, hex or base64
	SaltOrder     string // of a digest: prefix, which is "" too, or suffix
	SignerKey     string // of Firebase, base64
	SaltSeparator string // of Firebase, base64
}

// What is taken at most, when a hash comes and each time it is compared. A hash
// is as hostile as who wrote the file: one that takes minutes or all memory is a
// way to hold up everybody's sign-in.
const (
	maxForeignIterations = 1_500_000
	maxForeignMemory     = 64 * 1024 // KiB, of argon2
	maxForeignBlocks     = 128 << 20 // bytes, of scrypt: N = 2^17 with blocks of 8
	maxForeignThreads    = 4
	maxForeignBlockSize  = 8
	minForeignKey        = 16  // bytes
	maxForeignKey        = 512 // bytes
	maxForeignSalt       = 512 // bytes
	maxForeignValue      = 4096
	// maxForeignWork is in nanoseconds of one core, as far as they can be told
	// beforehand: see work. bcrypt at cost 14 comes close to it.
	maxForeignWork = 1_500_000_000
)

// argonNanos is what argon2 takes to fill one KiB once. It and its like beside
// the other algorithms were measured on one machine, and are good for comparing
// with one another.
const argonNanos = 930

// foreign is a password hash that another program made.
type foreign interface {
	// String is how it is stored.
	String() string
	// check says why it is not compared with anything: it would cost too much,
	// or prove too little.
	check() error
	// work is what comparing a password takes, in about so many nanoseconds.
	work(password string) int64
	// matches compares, in constant time. It goes by the password's bytes as
	// they were typed, as the other program did.
	matches(password string) (bool, error)
}

// format is an algorithm of imports: how values are read that are no PHC
// string, and how PHC strings are read and how they begin, between the first
// two dollars.
type format struct {
	algorithm string
	heads     []string
	value     func(p ForeignParams, value string, salt []byte) (foreign, error)
	phc       func(text string) (foreign, error)
}

// formats are the algorithms. What is stored is the spelling that is usual for
// a format, where there is one:
//
//	$2a$, $2b$, $2y$COST$...                       bcrypt
//	$argon2id$v=19$m=,t=,p=$SALT$HASH              argon2, also argon2i and argon2d
//	$scrypt$ln=,r=,p=$SALT$HASH                    scrypt, N being 2^ln
//	$pbkdf2-sha256$i=$SALT$HASH                    PBKDF2, also sha1 and sha512
//
// The others have none, and have one of this house:
//
//	$digest-md5$i=,o=prefix$SALT$HASH              md5, sha1, sha256 or sha512 of
//	                                               salt and password, o=suffix of
//	                                               password and salt; of that again
//	                                               until there were i of them
//	$firebase-scrypt$ln=,r=,sep=,key=$SALT$HASH    Firebase's changed scrypt
//
// SALT, HASH, sep and key are base64 without padding. None of them names a pepper
// (keyid=), for none was mixed in; that is how ours are told from these.
func formats() []format {
	return []format{
		{"md5", []string{"digest-md5"}, digestValue, digestPHC},
		{"sha1", []string{"digest-sha1"}, digestValue, digestPHC},
		{"sha256", []string{"digest-sha256"}, digestValue, digestPHC},
		{"sha512", []string{"digest-sha512"}, digestValue, digestPHC},
		{"bcrypt", []string{"2a", "2b", "2y", "2x"}, bcryptValue, bcryptPHC},
		{"pbkdf2", []string{"pbkdf2", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512"}, pbkdf2Value, pbkdf2PHC},
		{"argon2", []string{"argon2id", "argon2i", "argon2d"}, argon2Value, argon2PHC},
		{"scrypt", []string{"scrypt"}, scryptValue, scryptPHC},
		{"firebase-scrypt", []string{"firebase-scrypt"}, firebaseValue, firebasePHC},
	}
}

// ForeignAlgorithms are the algorithms whose hashes can be brought along.
func ForeignAlgorithms() []string {
	var names []string
	for _, f := range formats() {
		names = append(names, f.algorithm)
	}
	return names
}

// EncodeForeign reads a password hash that another program made and returns it
// as it is stored and as [Slot.Verify] knows it. value is the hash as the
// export writes it: hexadecimal, base64 of either alphabet, a PHC string, or
// the spelling of passlib or Django. salt is this one's own; where it is "", it
// stands in the value, or in p for all of them.
//
// Its error is a sentence for who imports, without a part of the hash. A hash
// that would cost too much to compare is one, see decision 0029.
func EncodeForeign(p ForeignParams, value, salt string) (string, error) {
	i := slices.IndexFunc(formats(), func(f format) bool { return f.algorithm == p.Algorithm })
	if i < 0 {
		return "", fmt.Errorf("the algorithm is none of %s", strings.Join(ForeignAlgorithms(), ", "))
	}
	f := formats()[i]
	if value == "" {
		return "", errors.New("the password hash is empty")
	}
	if len(value) > maxForeignValue {
		return "", fmt.Errorf("the password hash is longer than %d bytes", maxForeignValue)
	}
	h, err := f.read(p, value, salt)
	if err != nil {
		return "", err
	}
	if err := h.check(); err != nil {
		return "", err
	}
	return h.String(), nil
}

func (f format) read(p ForeignParams, value, salt string) (foreign, error) {
	value = phcOf(value)
	if head, ok := headOf(value); ok {
		if !slices.Contains(f.heads, head) {
			return nil, fmt.Errorf("the password hash is written as one of another algorithm than %s", f.algorithm)
		}
		return f.phc(value)
	}
	if salt == "" {
		salt = p.Salt
	}
	raw, err := saltOf(salt, p.SaltEncoding)
	if err != nil {
		return nil, err
	}
	return f.value(p, value, raw)
}

// parseForeign reads a stored hash of another program; false for one that is
// none.
func parseForeign(stored string) (foreign, bool) {
	head, ok := headOf(stored)
	if !ok {
		return nil, false
	}
	for _, f := range formats() {
		if !slices.Contains(f.heads, head) {
			continue
		}
		h, err := f.phc(stored)
		// What was stored here reads the same when it is written again.
		if err != nil || h.check() != nil || h.String() != stored {
			return nil, false
		}
		return h, true
	}
	return nil, false
}

// headOf is the name of a PHC string's format.
func headOf(text string) (string, bool) {
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return "", false
	}
	head, _, ok := strings.Cut(rest, "$")
	return head, ok && head != ""
}

// within is the first of a hash's bounds that it breaks. What is within each may
// still be too much together, which is asked last.
func within(h foreign, bounds ...error) error {
	if err := cmp.Or(bounds...); err != nil {
		return err
	}
	if h.work("") > maxForeignWork {
		return errors.New("comparing a password with this hash would take too long: its costs are too high together")
	}
	return nil
}

// between says what a parameter has to be.
func between(name string, n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("%s must be from %d to %d", name, least, most)
	}
	return nil
}
