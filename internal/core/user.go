package core

import (
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// User is a person of a pool.
type User struct {
	ID       UserID
	Email    string // as it was typed, normalised
	Username string // the e-mail address where no other was chosen
	Phone    string // E.164, or empty
	Profile  Profile

	EmailVerified bool
	Disabled      bool

	LoginCount       int64
	LastLoginAt      time.Time // zero before the first sign-in
	LastLoginAddress string

	AcceptedTerms   string // the id of the agreement, or empty
	AcceptedPrivacy string

	// Credentials grows when what the person proved before must count no more:
	// with a new password, and when they are disabled.
	Credentials int64

	CreatedAt time.Time
	UpdatedAt time.Time
	Version   int64 // grows with each change
}

// UserRef addresses a person in one of three ways; exactly one is filled.
type UserRef struct {
	ID       UserID
	Email    string
	Username string
}

// Profile is what a pool knows of a person, as text by field name.
type Profile map[string]string

// Limits of a profile.
const (
	maxProfileFields = 100
	maxProfileName   = 64
	maxProfileValue  = 4096 // bytes
)

// Check returns what is wrong with the profile, with pointers below at.
func (p Profile) Check(at string) []Problem {
	var problems []Problem
	if len(p) > maxProfileFields {
		problems = append(problems, Problem{ProblemTooLarge, at, "A profile holds at most 100 fields."})
	}
	for _, name := range slices.Sorted(maps.Keys(p)) {
		value, pointer := p[name], at+"/"+PointerToken(name)
		switch {
		case name == "" || len(name) > maxProfileName || !isPlain(name):
			problems = append(problems, Problem{ProblemFormat, pointer, "A profile field's name has 1 to 64 bytes and no control characters."})
		case len(value) > maxProfileValue:
			problems = append(problems, Problem{ProblemTooLong, pointer, "A profile value has at most 4096 bytes."})
		case strings.ContainsRune(value, 0) || !utf8.ValidString(value):
			problems = append(problems, Problem{ProblemFormat, pointer, "A profile value is valid UTF-8 without NUL characters."})
		}
	}
	return problems
}

// Merge lays changes over the profile and returns the outcome: a value
// replaces, nil removes, and what is not named stays.
func (p Profile) Merge(changes map[string]*string) Profile {
	merged := make(Profile, len(p)+len(changes))
	for name, value := range p {
		merged[name] = value
	}
	for name, value := range changes {
		if value == nil {
			delete(merged, name)
		} else {
			merged[name] = *value
		}
	}
	return merged
}

// PointerToken escapes a name for use in a JSON pointer (RFC 6901 section 3).
func PointerToken(name string) string {
	if !strings.ContainsAny(name, "~/") {
		return name
	}
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}
