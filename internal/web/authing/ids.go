package authing

import (
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// show spells an id of ours as its tail; one that was brought in from elsewhere
// stays as it is.
func show[ID ~string](prefix string, id ID) string {
	if tail, ok := strings.CutPrefix(string(id), prefix); ok && secret.IsText(tail) {
		return tail
	}
	return string(id)
}

// read takes an id with or without our prefix, or one from elsewhere.
func read[ID ~string](prefix, text string) ID {
	if secret.IsText(text) {
		return ID(prefix + text)
	}
	return ID(text)
}

// Our prefixes.
const (
	prefixPool        = "pol_"
	prefixApplication = "app_"
	prefixUser        = "usr_"
)

// UserID spells a person's id as applications hold it.
func UserID(id core.UserID) string { return show(prefixUser, id) }

// PoolID spells a pool's id as applications hold it.
func PoolID(id core.PoolID) string { return show(prefixPool, id) }

// ApplicationID spells an application's id as applications hold it.
func ApplicationID(id core.ApplicationID) string { return show(prefixApplication, id) }

// resourceName is the name of a person among all that the vendor names.
func resourceName(pool core.PoolID, user core.UserID) string {
	return "arn:cn:authing:" + PoolID(pool) + ":user:" + UserID(user)
}
