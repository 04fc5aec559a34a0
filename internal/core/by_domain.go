package core

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// byDomain are the keys that a domain may have settings of its own for.
func byDomain() []string {
	return []string{
		"signup.enabled", "signup.verify_email", "signup.captcha",
		"signin.primary", "signin.secondary", "signin.skip_secondary", "signin.require_secondary", "passkey.allow_fallback",
	}
}

// For returns the settings for people with this address: the pool's, with those
// of the address's domain laid over them. A domain counts as it is written; of
// *.example.org and the like, the longest that fits. Without an address they
// are the pool's.
func (s Settings) For(email Email) Settings {
	if len(s.ByDomain) == 0 {
		return s
	}
	_, domain, _ := strings.Cut(email.Key, "@")
	own, found := s.ByDomain[domain]
	for rest := domain; !found; {
		var more bool
		if _, rest, more = strings.Cut(rest, "."); !more {
			return s
		}
		own, found = s.ByDomain["*."+rest]
	}
	// They were checked when they were made; what cannot be read changes
	// nothing.
	_ = own.over(&s)
	return s
}

// over lays settings of a domain over a pool's, without a change to what both
// share. It returns what is wrong with one of them.
func (o Overrides) over(s *Settings) error {
	for _, line := range SettingsTable() {
		raw, ok := o[line.Key]
		if !ok || !slices.Contains(byDomain(), line.Key) {
			continue
		}
		var scratch Settings
		if err := decodeSetting(raw, line.field(&scratch)); err != nil {
			return fmt.Errorf("%s: %w", line.Key, err)
		}
		reflect.ValueOf(line.field(s)).Elem().Set(reflect.ValueOf(line.field(&scratch)).Elem())
	}
	return nil
}

// SignupPossible reports whether people of any domain may sign up by
// themselves.
func (s Settings) SignupPossible() bool {
	if s.SignupEnabled {
		return true
	}
	for _, own := range s.ByDomain {
		one := Settings{}
		if own.over(&one) == nil && one.SignupEnabled {
			return true
		}
	}
	return false
}

// checkByDomain refuses what no domain may have of its own, and settings that
// would be impossible for a pool.
func (s *Settings) checkByDomain() error {
	if len(s.ByDomain) > 1000 {
		return errors.New("must be at most 1000 domains")
	}
	for _, domain := range slices.Sorted(maps.Keys(s.ByDomain)) {
		bare := strings.TrimPrefix(domain, "*.")
		if host, ok := ParseDomain(bare); !ok || host != bare {
			return fmt.Errorf("has %q, which is neither a domain such as example.org, in lower case and ASCII, nor one such as *.example.org", domain)
		}
		own := s.ByDomain[domain]
		for _, key := range slices.Sorted(maps.Keys(own)) {
			if !slices.Contains(byDomain(), key) {
				return fmt.Errorf("has %s for %s, and a domain may have %s", key, domain, strings.Join(byDomain(), ", "))
			}
			if bytes.Equal(bytes.TrimSpace(own[key]), []byte("null")) {
				return fmt.Errorf("has null for %s of %s: leave it out", key, domain)
			}
		}
		laid := *s
		if err := own.over(&laid); err != nil {
			return fmt.Errorf("for %s: %w", domain, err)
		}
		for _, line := range SettingsTable() {
			if line.check == nil || !slices.Contains(byDomain(), line.Key) {
				continue
			}
			if err := line.check(&laid); err != nil {
				return fmt.Errorf("for %s: %s %w", domain, line.Key, err)
			}
		}
	}
	return nil
}
