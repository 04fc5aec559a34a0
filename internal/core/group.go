package core

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Group is a set of a pool's people, which its applications make for ends of
// their own: nothing here depends on who is in one.
type Group struct {
	ID          GroupID
	Name        string // two groups may have the same: the id names one
	Type        string // a word of the application's own
	Description string
	Attributes  map[string]string // the application's own, as text by name
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Version     int64 // grows with each change
}

// MaxGroupsAtOnce is how many groups somebody can be put in by one request.
const MaxGroupsAtOnce = 32

// Limits of a group, in bytes but for the number of its attributes.
const (
	maxGroupName        = 128
	maxGroupType        = 128
	maxGroupDescription = 1000
	maxGroupAttributes  = 50
	maxAttributeName    = 64
	maxAttributeValue   = 1024
)

// groupName is what a group may be called.
func groupName() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9_-]+$`) }

// Check returns what is wrong with what an application says of a group, with
// pointers to the keys name, type, description and attributes.
func (g Group) Check() []Problem {
	var problems []Problem
	add := func(code ProblemCode, pointer, detail string) {
		problems = append(problems, Problem{code, pointer, detail})
	}
	switch {
	case g.Name == "":
		add(ProblemRequired, "/name", "This is required.")
	case len(g.Name) > maxGroupName:
		add(ProblemTooLong, "/name", "A group's name has at most 128 characters.")
	case !groupName().MatchString(g.Name):
		add(ProblemFormat, "/name", "A group's name has letters without accents, digits, _ and - only.")
	}
	switch {
	case strings.TrimSpace(g.Type) == "":
		add(ProblemRequired, "/type", "This is required.")
	case len(g.Type) > maxGroupType:
		add(ProblemTooLong, "/type", "A group's type has at most 128 bytes.")
	case !isPlain(g.Type):
		add(ProblemFormat, "/type", "A group's type is plain text on one line.")
	}
	switch {
	case len(g.Description) > maxGroupDescription:
		add(ProblemTooLong, "/description", "A group's description has at most 1000 bytes.")
	case !isText(g.Description):
		add(ProblemFormat, "/description", "A group's description is valid UTF-8 without NUL characters.")
	}
	if len(g.Attributes) > maxGroupAttributes {
		add(ProblemTooLarge, "/attributes", "A group has at most 50 attributes.")
	}
	for _, name := range slices.Sorted(maps.Keys(g.Attributes)) {
		value, pointer := g.Attributes[name], "/attributes/"+PointerToken(name)
		switch {
		case name == "" || len(name) > maxAttributeName || !isPlain(name):
			add(ProblemFormat, pointer, "An attribute's name has 1 to 64 bytes and no control characters.")
		case len(value) > maxAttributeValue:
			add(ProblemTooLong, pointer, "An attribute has at most 1024 bytes.")
		case !isText(value):
			add(ProblemFormat, pointer, "An attribute is valid UTF-8 without NUL characters.")
		}
	}
	return problems
}

// isText reports whether a text can be stored.
func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
