package directory

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn/frequency"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Blocklist knows passwords that everybody tries first (NIST SP 800-63B-4
// section 3.1.1.2). It is immutable.
type Blocklist struct {
	common map[string]struct{}
}

// shortestListed is from how many characters on a password is kept in the
// list: shorter ones are refused for their length already.
const shortestListed = 6

// NewBlocklist builds the list from the password part of zxcvbn's frequency
// lists.
func NewBlocklist() *Blocklist {
	b := &Blocklist{common: make(map[string]struct{})}
	for _, password := range frequency.FrequencyLists["passwords"] {
		if utf8.RuneCountInString(password) >= shortestListed {
			b.common[core.Fold(password)] = struct{}{}
		}
	}
	return b
}

// Len is how many passwords the list has.
func (b *Blocklist) Len() int { return len(b.common) }

// Has reports whether a whole password, without regard to case, is a common
// one, or one of the words with nothing but digits and signs around it. Of an
// e-mail address the part before the @ counts as a word too.
func (b *Blocklist) Has(password string, words ...string) bool {
	folded := core.Fold(password)
	if _, listed := b.common[folded]; listed {
		return true
	}
	bare := letters(folded)
	for _, word := range words {
		word = core.Fold(word)
		local, _, _ := strings.Cut(word, "@")
		if word != "" && (folded == word || folded == local || bare == letters(word) || bare == letters(local)) && bare != "" {
			return true
		}
	}
	return false
}

// letters trims what is not a letter from both ends.
func letters(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
}
