package core

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

func between(n, least, most int) error {
	if n < least || n > most {
		return fmt.Errorf("must be from %d to %d", least, most)
	}
	return nil
}

func within(d Duration, least, most time.Duration) error {
	if time.Duration(d) < least || time.Duration(d) > most {
		return fmt.Errorf("must be from %s to %s", least, most)
	}
	return nil
}

// checkProvedTwice refuses to let one proof stand for two factors: who has the
// mailbox, or the seed of the codes, has both.
func (s *Settings) checkProvedTwice() error {
	for _, first := range s.SigninPrimary {
		another := func(second AuthenticatorKind) bool { return !second.SameProof(first) }
		if !slices.Contains(s.SigninSkipSecondary, first) && len(s.SigninSecondary) > 0 && !slices.ContainsFunc(s.SigninSecondary, another) {
			return fmt.Errorf("must name %s, because every second factor of this pool is the same proof once more", first)
		}
	}
	return nil
}

// checkTwilioAccount wants the id of an account, which becomes part of a path.
func checkTwilioAccount(id string) error {
	digits, ok := strings.CutPrefix(id, "AC")
	if id != "" && (!ok || len(digits) != 32 || strings.Trim(digits, "0123456789abcdefABCDEF") != "") {
		return errors.New("must be AC and 32 hexadecimal digits")
	}
	return nil
}

// checkWebhook wants an address to which secrets may be sent.
func checkWebhook(address string) error {
	if address == "" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Hostname() == "" || u.User != nil || u.Fragment != "" || len(address) > 2048 || !isPlain(address) ||
		u.Scheme != "https" && (u.Scheme != "http" || !IsLoopback(u.Hostname())) {
		return errors.New("must be an https address without user and fragment, or an http address on this machine")
	}
	return nil
}

func plainLines(s string, most int) error {
	if len(s) > most || !isPlain(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", " "), "\n", " ")) {
		return fmt.Errorf("must be at most %d bytes of plain text", most)
	}
	return nil
}

func oneOf[T comparable](value T, allowed ...T) error { return someOf([]T{value}, allowed) }

// someOf refuses a value that is not allowed, and one that stands there twice.
func someOf[T comparable](values, allowed []T) error {
	for i, v := range values {
		if !slices.Contains(allowed, v) {
			return fmt.Errorf("has %v, and may have %s", v, strings.Trim(fmt.Sprint(allowed), "[]"))
		}
		if slices.Contains(values[:i], v) {
			return fmt.Errorf("has %v twice", v)
		}
	}
	return nil
}

func plainText(s string, most int) error {
	if len(s) > most || !isPlain(s) {
		return fmt.Errorf("must be at most %d bytes of plain text on one line", most)
	}
	return nil
}
