package directory

import (
	"encoding/base64"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// sealedHash is what the hash of a password begins with that came from
// elsewhere: no pepper is mixed into it, so it is sealed until the person signs
// in and it is made anew. Who reads the database alone cannot guess at it.
const sealedHash = "$sealed$"

// sealHash seals the hash of a person's password.
func sealHash(keys *secret.Keys, pool core.PoolID, user core.UserID, phc string) string {
	return sealedHash + base64.RawStdEncoding.EncodeToString(keys.Seal([]byte(phc), hashPlace(pool, user)...))
}

// openHash returns a stored hash as it is compared. One that is not sealed is
// as it is.
func openHash(keys *secret.Keys, pool core.PoolID, user core.UserID, stored string) (string, error) {
	text, is := strings.CutPrefix(stored, sealedHash)
	if !is {
		return stored, nil
	}
	sealed, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return "", err
	}
	phc, err := keys.Open(sealed, hashPlace(pool, user)...)
	return string(phc), err
}

// hashPlace is where such a hash is kept; see [secret.Keys.Seal].
func hashPlace(pool core.PoolID, user core.UserID) []string {
	return []string{string(pool), "authenticators", string(user), "password"}
}
