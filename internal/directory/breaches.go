package directory

import (
	"context"
	"crypto/sha1" //nolint:gosec // what lists of breached passwords are made of; it keeps nothing secret
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// Breaches knows the passwords that others have lost: from a file that the
// operator brings, and, of pools that want it, from a service. Either part may
// be missing.
type Breaches struct {
	File *BreachFile
	// Range returns what a service has of hashes that begin with these five
	// hexadecimal digits: lines of the 35 that follow, a colon, and how often
	// the password was seen.
	Range func(ctx context.Context, prefix string) (string, error)
}

// errUnchecked is returned where a service does not say whether it knows a
// password.
var errUnchecked = errors.New("it is not known whether the password is known")

// has reports whether a password is known. It returns an error that wraps
// errUnchecked if the service does not answer as it should: the file may know
// it all the same, and is asked first.
func (b Breaches) has(ctx context.Context, settings core.Settings, password secret.Text) (bool, error) {
	if !settings.PasswordBreached && !settings.PasswordBreachedService {
		return false, nil
	}
	sum := sha1.Sum([]byte(norm.NFC.String(password.Reveal()))) //nolint:gosec // see above
	if settings.PasswordBreached && b.File != nil {
		if known, err := b.File.Has(sum); err != nil || known {
			return known, err
		}
	}
	if !settings.PasswordBreachedService || b.Range == nil {
		return false, nil
	}
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	lines, err := b.Range(ctx, digits[:breachPrefix])
	if err == nil {
		var known bool
		if known, err = inRange(lines, digits[breachPrefix:]); err == nil {
			return known, nil
		}
	}
	return false, fmt.Errorf("%w: %w", errUnchecked, err)
}

// breachPrefix is how many hexadecimal digits of a hash are told to a service:
// of each such beginning there are some thousand hashes.
const breachPrefix = 5

// inRange looks for a hash's last 35 digits in what a service has. Lines that
// are there to hide how many there are have the count 0.
func inRange(lines, suffix string) (known bool, err error) {
	for line := range strings.Lines(lines) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		digits, times, _ := strings.Cut(line, ":")
		n, err := strconv.ParseUint(times, 10, 63)
		if err != nil || len(digits) != len(suffix) || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
			return false, errors.New("it answered with something else than hashes")
		}
		known = known || n > 0 && strings.EqualFold(digits, suffix)
	}
	return known, nil
}

// refuseBreached says why a new password that others have lost will not do. If
// nobody can tell, the pool says whether it will.
func (p *Passwords) refuseBreached(ctx context.Context, settings core.Settings, password secret.Text, pointer string) error {
	known, err := p.breaches.has(ctx, settings, password)
	switch {
	case errors.Is(err, errUnchecked) && settings.PasswordBreachedUnchecked == core.UncheckedAccept:
		return nil // whoever asked the service has said so in the log
	case errors.Is(err, errUnchecked):
		return &core.Error{Code: core.CodeServiceDown, Detail: "The password cannot be compared with those known from breaches just now. Try again in a moment.", RetryAfter: time.Second, Cause: err}
	case err != nil:
		return err
	case known:
		return core.Invalid(core.Problem{Code: core.ProblemPolicy, Pointer: pointer, Detail: "This password is known from a breach elsewhere, and is among the first that others try. Choose another."})
	}
	return nil
}

// Breached reports whether a password that was right has to be changed because
// others have lost it, where the pool wants that. If nobody can tell, it has
// not: nobody is kept out by a service that is away.
func (p *Passwords) Breached(ctx context.Context, settings core.Settings, password secret.Text) (bool, error) {
	if !settings.PasswordBreachedSignin {
		return false, nil
	}
	known, err := p.breaches.has(ctx, settings, password)
	if errors.Is(err, errUnchecked) {
		return false, nil
	}
	return known, err
}
