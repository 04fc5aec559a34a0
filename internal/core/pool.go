package core

import (
	"strings"
	"time"
)

// Pool is one application's people, with everything that is set for them.
type Pool struct {
	ID        PoolID
	Name      string
	Hosts     []string // host names whose hosted pages are this pool's
	Settings  Settings
	Overrides Overrides // the settings that differ from their defaults
	Version   int64     // grows with each change
	CreatedAt time.Time
	UpdatedAt time.Time
}

// CheckPoolName returns a problem with a pool's name: it is used in paths and
// on the command line.
func CheckPoolName(name string) error {
	ok := len(name) >= 1 && len(name) <= 64
	for _, r := range name {
		ok = ok && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-')
	}
	if !ok || strings.HasPrefix(name, "-") || strings.HasSuffix(name, "-") {
		return Invalid(Problem{ProblemFormat, "/name", "A pool's name has 1 to 64 characters of a-z, 0-9 and -, and neither begins nor ends with -."})
	}
	return nil
}
