package directory

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/trustelem/zxcvbn/frequency"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Blocklist knows the passwords that everybody tries first (NIST SP 800-63B-4
// section 3.1.1.2): common ones, common words and names, and what these become
// when somebody is asked for a digit or a sign. It is exact: what it refuses
// stands in its lists, or is made of one entry by the rules beside [forms]. It is
// immutable.
type Blocklist struct {
	// words has every entry, folded. True: with an ending it is refused as well.
	words map[string]bool
}

// shortestWord is how many characters an entry has at least.
const shortestWord = 3

// sources are the lists that the entries come from, and how many of each, from
// the most frequent on, are refused with an ending too. The rest is refused by
// itself: it stands in dictionaries, but few think of it first.
func sources() map[string]int {
	return map[string]int{
		"passwords": 30_000, "male_names": 10_000, "female_names": 10_000, "surnames": 10_000,
		"english_wikipedia": 10_000, "us_tv_and_film": 10_000,
	}
}

// NewBlocklist builds the list from zxcvbn's frequency lists.
func NewBlocklist() *Blocklist {
	b := &Blocklist{words: make(map[string]bool, 100_000)}
	for name, first := range sources() {
		for rank, word := range frequency.FrequencyLists[name] {
			if utf8.RuneCountInString(word) >= shortestWord {
				word = folded(word)
				b.words[word] = b.words[word] || rank < first
			}
		}
	}
	return b
}

// Len is how many entries the list has, and how many of them are refused with
// an ending too.
func (b *Blocklist) Len() (all, dressed int) {
	for _, withEnding := range b.words {
		if withEnding {
			dressed++
		}
	}
	return len(b.words), dressed
}

// Has reports whether a whole password, whatever its case and its spelling in
// Unicode, is a common one, or made of a common one or of one of the words in a
// common way. Words are a person's names and the pool's; of an e-mail address
// the part before the @ counts by itself too.
func (b *Blocklist) Has(password string, words ...string) bool {
	password = folded(password)
	if _, listed := b.words[password]; listed {
		return true
	}
	own := map[string]bool{}
	for _, word := range words {
		for _, part := range parts(word) {
			own[part] = true
		}
	}
	if own[password] || own[letters(password)] || own[plainly(letters(password), 'i')] || own[plainly(letters(password), 'l')] {
		return true
	}
	for _, form := range forms(password) {
		if b.words[form] || own[form] {
			return true
		}
	}
	return false
}

// parts are the spellings of a person's or pool's name that count: the whole,
// its letters alone, and each word of it.
func parts(name string) []string {
	name = folded(name)
	if name == "" {
		return nil
	}
	local, _, _ := strings.Cut(name, "@")
	all := []string{name}
	words := strings.FieldsFunc(local, func(r rune) bool { return !unicode.IsLetter(r) })
	for _, part := range append(words, local, letters(name), letters(local), strings.Join(words, "")) {
		if utf8.RuneCountInString(part) >= shortestWord {
			all = append(all, part)
		}
	}
	return all
}

// marks are the signs that people put behind a word, and joints those that they
// put between a word and a number.
const (
	marks  = "!?.*#$@"
	joints = "@_.#-"
)

// forms are the words that a folded password may be made of: it less an ending,
// and the same with letters in place of the digits and signs that look like
// them. An ending is a joint or none, a number or none, and a mark once or twice or
// none; which numbers, [usual] says.
func forms(password string) []string {
	var all []string
	add := func(word string) {
		if utf8.RuneCountInString(word) >= shortestWord {
			all = append(all, word, plainly(word, 'i'), plainly(word, 'l'))
		}
	}
	mark := marks
	for range 3 {
		add(password)
		digits := len(password) - len(strings.TrimRight(password, "0123456789"))
		for n := 1; n <= digits; n++ {
			word, number := password[:len(password)-n], password[len(password)-n:]
			if !usual(number) {
				continue
			}
			add(word)
			if last := len(word) - 1; last > 0 && strings.IndexByte(joints, word[last]) >= 0 {
				add(word[:last])
			}
		}
		last := len(password) - 1
		if last < 0 || strings.IndexByte(mark, password[last]) < 0 {
			break
		}
		password, mark = password[:last], password[last:]
	}
	return all
}

// usual reports whether people put this number behind a word: up to three
// digits, a year from 1900 to 2099, digits that follow one another upwards or
// downwards, or one digit again and again.
func usual(number string) bool {
	year := len(number) == 4 && (strings.HasPrefix(number, "19") || strings.HasPrefix(number, "20"))
	return len(number) <= 3 || year || strings.Contains("01234567890", number) || strings.Contains("09876543210", number) ||
		strings.Trim(number, number[:1]) == ""
}

// plainly puts letters in place of the digits and signs that look like them.
// A 1 and a ! are read as one, which is i or l.
func plainly(word string, one rune) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '0':
			return 'o'
		case '1', '!':
			return one
		case '3':
			return 'e'
		case '4', '@':
			return 'a'
		case '5', '$':
			return 's'
		case '7', '+':
			return 't'
		}
		return r
	}, word)
}

// folded is [core.Fold], at once for plain ASCII.
func folded(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return core.Fold(s)
	}
	return strings.ToLower(s)
}

// letters trims what is not a letter from both ends.
func letters(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
}
