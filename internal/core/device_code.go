package core

import (
	"strings"
	"time"
	"unicode"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// DeviceCode is what a device waits with that has no browser, until somebody
// has signed in for it elsewhere (RFC 8628). It goes by two texts, of which only
// keyed hashes are stored: the device keeps one, and shows the other to people,
// who type it in; see [NewUserCode].
type DeviceCode struct {
	Application ApplicationID
	Scopes      []string
	Flow        FlowID        // that may answer it; empty: nobody has begun
	Refused     bool          // it was answered with no
	Data        string        // who answered with yes, for the token endpoint
	Every       time.Duration // how far apart the device has to ask
	CreatedAt   time.Time
	ExpiresAt   time.Time
	AnsweredAt  time.Time // zero before
	TakenAt     time.Time // when the device got its tokens; zero before
}

const (
	// DeviceCodeLife is how long a device waits.
	DeviceCodeLife = 10 * time.Minute
	// DeviceCodeEvery is how far apart it has to ask at first, and by how much
	// further once it asked too soon (RFC 8628 section 3.5).
	DeviceCodeEvery = 5 * time.Second

	// userCodeLetters spell no words, and cannot be mistaken for digits (RFC 8628
	// section 6.1).
	userCodeLetters = "BCDFGHJKLMNPQRSTVWXZ"
	userCodeLength  = 8
	// userCodeTries is how many of them one network may guess at in a minute, if
	// the pool does not allow fewer tries.
	userCodeTries = 10
)

// NewUserCode makes what a device shows to people: one of 25,600,000,000.
func NewUserCode() string { return secret.Letters(userCodeLetters, userCodeLength) }

// SpellUserCode writes a user code as people see it: "BCDF-GHJK".
func SpellUserCode(code string) string {
	return code[:userCodeLength/2] + "-" + code[userCodeLength/2:]
}

// ReadUserCode reads a user code as people type it: in capitals or not, with or
// without dashes and spaces. Of what is none it returns "".
func ReadUserCode(text string) string {
	code := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || unicode.Is(unicode.Dash, r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, text)
	if len(code) != userCodeLength || strings.Trim(code, userCodeLetters) != "" {
		return ""
	}
	return code
}
