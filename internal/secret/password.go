package secret

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Cost is what one argon2id hash (RFC 9106) takes.
type Cost struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}

// DefaultCost is the first choice of the OWASP password storage cheat sheet:
// 19 MiB, two passes, one thread.
func DefaultCost() Cost { return Cost{Memory: 19 * 1024, Passes: 2, Threads: 1} }

// The largest cost that is verified. A stored hash that asks for more was not
// made here, and would be a way to exhaust the machine.
const (
	maxMemory  = 256 * 1024 // KiB
	maxPasses  = 16
	maxThreads = 16
)

// paramsForm is how a PHC string writes a [Cost].
const paramsForm = "m=%d,t=%d,p=%d"

// errHash is returned for a stored hash that cannot be read.
var errHash = errors.New("the stored password hash is not one that can be verified")

// head is how a PHC string of a cost and a pepper begins.
func head(cost Cost, pepper Pepper) string {
	return fmt.Sprintf("$argon2id$v=%d$"+paramsForm+",keyid=%s$", argon2.Version, cost.Memory, cost.Passes, cost.Threads, pepper.ID)
}

// hashPassword returns a PHC string: $argon2id$v=19$m=,t=,p=,keyid=$salt$hash.
func hashPassword(password string, cost Cost, pepper Pepper) string {
	salt := make([]byte, 16)
	rand.Read(salt)
	key := argon2.IDKey(pepper.mix(password), salt, cost.Passes, cost.Memory, cost.Threads, keySize)
	return head(cost, pepper) + base64.RawStdEncoding.EncodeToString(salt) + "$" + base64.RawStdEncoding.EncodeToString(key)
}

// verifyPassword compares in constant time, with a hash that was made here. Its
// error says that the hash itself is broken; a wrong password is false and no
// error.
func verifyPassword(password, phc string, peppers *Peppers) (bool, error) {
	var cost Cost
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return false, errHash
	}
	params, id, _ := strings.Cut(parts[3], ",keyid=")
	if _, err := fmt.Sscanf(params, paramsForm, &cost.Memory, &cost.Passes, &cost.Threads); err != nil {
		return false, errHash
	}
	// Scanning stops where the form ends; what reads the same when it is
	// written again has nothing behind it.
	if params != fmt.Sprintf(paramsForm, cost.Memory, cost.Passes, cost.Threads) {
		return false, errHash
	}
	if cost.Memory == 0 || cost.Memory > maxMemory || cost.Passes == 0 || cost.Passes > maxPasses || cost.Threads == 0 || cost.Threads > maxThreads {
		return false, errHash
	}
	salt, err := base64.RawStdEncoding.DecodeString(parts[4])
	if err != nil || len(salt) < 8 {
		return false, errHash
	}
	want, err := base64.RawStdEncoding.DecodeString(parts[5])
	if err != nil || len(want) < 16 || len(want) > 64 {
		return false, errHash
	}
	pepper, known := peppers.find(id)
	if !known {
		return false, fmt.Errorf("the password hash was made with the pepper %q, which is not here", id)
	}
	got := argon2.IDKey(pepper.mix(password), salt, cost.Passes, cost.Memory, cost.Threads, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1, nil
}
