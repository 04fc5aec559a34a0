package core

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// Limits of identifiers, in bytes (RFC 5321 section 4.5.3.1).
const (
	maxEmail    = 254
	maxLocal    = 64
	maxUsername = 320
)

// shortestTail is how long the tail of an id is at least: those brought in from
// elsewhere have 24 characters, our own 32.
const shortestTail = 24

// Email is an e-mail address in two spellings: how it is shown and written to,
// and the key by which it is the same address as another.
type Email struct {
	Text string
	Key  string
}

// ParseEmail reads an address by a strict grammar: one @, a dot-atom before it
// (RFC 5322 section 3.2.3, with UTF-8 letters by RFC 6531), a domain name of
// at least two labels after it (IDNA 2008). Quoted local parts, comments,
// display names, encoded words and address literals are refused, because two
// programs may read them differently. Text is normalised to NFC with the
// domain in lower-case ASCII; Key also folds the case of the local part.
// It returns false for anything else.
func ParseEmail(s string) (Email, bool) {
	if len(s) > maxEmail || !utf8.ValidString(s) {
		return Email{}, false
	}
	s = norm.NFC.String(s)
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || len(local) > maxLocal || strings.Contains(domain, "@") {
		return Email{}, false
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isAtom(r) }) {
			return Email{}, false
		}
	}
	host, ok := ParseDomain(domain)
	if !ok {
		return Email{}, false
	}
	email := Email{Text: local + "@" + host, Key: Fold(local) + "@" + host}
	// Two spellings that a reader, or a mail server that folds, takes for one
	// must not be two accounts: what compatibility mapping changes is refused.
	if !norm.NFKC.IsNormalString(local) || Fold(local) != Fold(norm.NFKC.String(Fold(local))) || len(email.Text) > maxEmail || len(email.Key) > maxEmail {
		return Email{}, false
	}
	return email, true
}

// Username is a name that people go by, in two spellings: how it is shown, and
// the key by which it is the same name as another.
type Username struct {
	Text string
	Key  string
}

// UsernameFormat says what the people of a pool go by.
type UsernameFormat string

// The formats of usernames.
const (
	UsernameEmail  UsernameFormat = "email"  // their e-mail address
	UsernameString UsernameFormat = "string" // a name of their own
	UsernamePhone  UsernameFormat = "phone"  // their telephone number
)

// ParseDomain reads a domain name of at least two labels, as ASCII or in
// Unicode, and returns it in lower-case ASCII.
func ParseDomain(domain string) (string, bool) {
	if strings.HasSuffix(domain, ".") || strings.ContainsFunc(domain, func(r rune) bool {
		// The full-width and ideographic stops that IDNA maps to a dot.
		return r == '。' || r == '．' || r == '｡' || r == 0
	}) {
		return "", false
	}
	host, err := idna.Lookup.ToASCII(domain)
	if err != nil || len(host) > 253 || !strings.Contains(host, ".") {
		return "", false
	}
	// IDNA 2008 has letters, digits and hyphens only; the library follows
	// UTS 46, which lets symbols through.
	if name, err := idna.Lookup.ToUnicode(host); err != nil || strings.ContainsFunc(name, func(r rune) bool { return r != '.' && r != '-' && !isLetter(r) }) {
		return "", false
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") ||
			strings.ContainsFunc(label, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }) {
			return "", false
		}
	}
	// A name whose last label is a number is an address in disguise.
	if !strings.ContainsFunc(labels[len(labels)-1], func(r rune) bool { return r < '0' || r > '9' }) {
		return "", false
	}
	return host, true
}

// ParseUsername reads a name that is neither an e-mail address nor a phone
// number with its country code: 2 to 320 letters, digits and . _ + -. It returns the text and the key by which it is the same
// name as another.
func ParseUsername(s string) (text, key string, ok bool) {
	if len(s) < 2 || len(s) > maxUsername {
		return "", "", false
	}
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && !strings.ContainsRune("._+-", r) {
			return "", "", false
		}
	}
	number := s[0] == '+' && !strings.ContainsFunc(s[1:], func(r rune) bool { return r < '0' || r > '9' })
	if s == "." || s == ".." || number || isReserved(Fold(s)) {
		return "", "", false
	}
	return s, Fold(s), true
}

// isReserved lists names that mean something of their own in paths, roles and
// addresses, and so may not be a person's name. Whatever reads as an id is
// reserved too: a tail behind any prefix of three letters, or a tail alone.
func isReserved(key string) bool {
	switch key {
	case "admin", "administrator", "root", "system", "operator", "service", "client", "me", "self", "null", "undefined", "nobody", "anonymous", "everyone", "gatehouse":
		return true
	}
	prefix, tail, found := strings.Cut(key, "_")
	return found && len(prefix) == 3 && len(tail) >= shortestTail || secret.IsText(key)
}

// Fold gives the form in which two spellings of a word are compared: NFKC and
// full case folding, in that order until nothing changes.
func Fold(s string) string {
	fold := cases.Fold()
	for range 3 {
		next := norm.NFKC.String(strings.Map(capitalCherokee, fold.String(norm.NFKC.String(s))))
		if next == s {
			break
		}
		s = next
	}
	return s
}

// capitalCherokee folds Cherokee, whose letters fold to capitals (Unicode's
// CaseFolding.txt): the library exchanges the two, so that its outcome would
// change each time.
func capitalCherokee(r rune) rune {
	switch {
	case r >= 0xAB70 && r <= 0xABBF:
		return r - 0xAB70 + 0x13A0
	case r >= 0x13F8 && r <= 0x13FD:
		return r - 8
	}
	return r
}

// isAtom reports whether r may stand in an unquoted local part.
func isAtom(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	case r < utf8.RuneSelf:
		return strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
	default:
		// An i or j that differs from the plain one by its dot is folded to it
		// by some programs and not by others; a dot that NFC leaves on its own
		// can stand on an i.
		return isLetter(r) && !strings.ContainsRune("ıİȷ\u0307", r)
	}
}

// isLetter reports whether r is a letter, a digit or a mark of these, of any
// script, and leaves a trace on the page: no control, direction, zero-width,
// filling, private or unassigned character.
func isLetter(r rune) bool {
	return unicode.In(r, unicode.L, unicode.Mn, unicode.Mc, unicode.Nd) &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// isPlain reports whether s is printable text without control or format
// characters.
func isPlain(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Cf)
	})
}
