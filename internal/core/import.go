package core

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// Import brings people over from elsewhere, out of one file. Who is there
// already stays as they are.
type Import struct {
	ID      ImportID
	Name    string
	Source  ImportSourceID // empty: the file is in an operator's hands
	File    string         // by what such a file is known again
	Mapping ImportMapping
	Dry     bool // nobody is stored: it finds out what would become of each row

	Status     ImportStatus
	Reason     string // why it failed as a whole
	Position   int64  // bytes of the file that have been dealt with
	Successful int64
	Failed     int64
	Skipped    int64 // of people who are there already

	CreatedAt time.Time
	UpdatedAt time.Time
}

// Total is how many rows have been dealt with.
func (i Import) Total() int64 { return i.Successful + i.Failed + i.Skipped }

// ImportStatus says how far an import is.
type ImportStatus string

// The statuses of an import.
const (
	ImportPending ImportStatus = "pending" // it waits, or is under way
	ImportDone    ImportStatus = "success" // every row was dealt with, whatever became of it
	ImportFailed  ImportStatus = "failed"  // it could not go on; what was done before stays
)

// ImportOutcome says what became of a row.
type ImportOutcome string

// The outcomes.
const (
	OutcomeSuccess ImportOutcome = "success"
	OutcomeFailed  ImportOutcome = "failed"  // it is no person, Reason says why
	OutcomeSkipped ImportOutcome = "skipped" // they are there already
)

// ImportDetail is what became of one row.
type ImportDetail struct {
	Outcome ImportOutcome
	Row     int64  // from 1; a heading does not count
	User    UserID // who came of it, or who stood in the way; empty where nobody did
	Reason  string // a sentence without anything of the row
	At      time.Time
}

// MaxImportDetails is how many rows of each outcome an import tells of. The
// others are counted.
const MaxImportDetails = 10_000

// ImportSource is a file of people that was uploaded.
type ImportSource struct {
	ID        ImportSourceID
	Columns   []ImportColumn
	Size      int64 // bytes
	Rows      int64
	ExpiresAt time.Time // when it is forgotten, if nobody has used it
}

// ImportColumn is a column of a file.
type ImportColumn struct {
	Name string     `json:"name"`
	Type ImportType `json:"type"`
}

// ImportMapping says what the columns of a file are.
type ImportMapping struct {
	Fields []MappedColumn `json:"fields"`
	// Hash says how password hashes were made. It is used where a column is
	// mapped to [ImportHash].
	Hash secret.ForeignParams `json:"hash"`
}

// MappedColumn is one column and the field that it goes into.
type MappedColumn struct {
	Column  string `json:"column"`
	Field   string `json:"field"`             // of [ImportFields], or of the profile
	Profile bool   `json:"profile,omitempty"` // Field is one of the profile
}

// The fields of a person, beside those of the profile, that a column can be
// mapped to.
const (
	ImportEmail     = "email"
	ImportUsername  = "username"
	ImportPhone     = "phone"
	ImportUserID    = "id"
	ImportVerified  = "verified"
	ImportDisabled  = "disabled"
	ImportCreatedAt = "created_at"
	ImportHash      = "password_hash"
	ImportSalt      = "password_salt"
)

// ImportField is something of a person that a column can be mapped to.
type ImportField struct {
	Name     string
	Type     ImportType
	Required bool
	Profile  bool
}

// ImportFields is what the columns of a file can be mapped to, in a pool of
// these settings.
func ImportFields(s Settings) []ImportField {
	fields := []ImportField{
		{ImportEmail, TypeEmail, true, false},
		{ImportUsername, TypeText, false, false},
		{ImportPhone, TypePhone, false, false},
		{ImportUserID, TypeText, false, false},
		{ImportVerified, TypeBool, false, false},
		{ImportDisabled, TypeBool, false, false},
		{ImportCreatedAt, TypeTime, false, false},
		{ImportHash, TypeText, false, false},
		{ImportSalt, TypeText, false, false},
	}
	for _, f := range s.ProfileFields {
		fields = append(fields, ImportField{f.ID, importTypeOf(f.Type), false, true})
	}
	return fields
}

// MappedByName maps the columns that are called like a field. Those of the
// profile begin with "profile.".
func MappedByName(columns []string, s Settings) []MappedColumn {
	var mapped []MappedColumn
	for _, column := range columns {
		name, profile := strings.CutPrefix(column, "profile.")
		if slices.ContainsFunc(ImportFields(s), func(f ImportField) bool { return f.Name == name && f.Profile == profile }) {
			mapped = append(mapped, MappedColumn{Column: column, Field: name, Profile: profile})
		}
	}
	return mapped
}

// Check returns what is wrong with a mapping of these columns, with pointers
// such as /0/column and /0/field.
func (m ImportMapping) Check(columns []ImportColumn, s Settings) []Problem {
	var problems []Problem
	add := func(code ProblemCode, i int, key, detail string) {
		problems = append(problems, Problem{code, "/" + strconv.Itoa(i) + key, detail})
	}
	there := make(map[string]bool, len(columns))
	for _, c := range columns {
		there[c.Name] = true
	}
	known := make(map[ImportField]bool)
	for _, f := range ImportFields(s) {
		known[ImportField{Name: f.Name, Profile: f.Profile}] = true
	}
	taken := make(map[ImportField]bool)
	for i, c := range m.Fields {
		if !there[c.Column] {
			add(ProblemNotThere, i, "/column", fmt.Sprintf("The file has no column %q.", clip(c.Column)))
		}
		field := ImportField{Name: c.Field, Profile: c.Profile}
		switch {
		case !known[field] && c.Profile:
			add(ProblemNotThere, i, "/field", fmt.Sprintf("The pool has no field of the profile %q: it must be added to the pool's settings first.", clip(c.Field)))
		case !known[field]:
			add(ProblemNotThere, i, "/field", fmt.Sprintf("There is no field %q.", clip(c.Field)))
		case taken[field]:
			add(ProblemTaken, i, "/field", "Another column is mapped to this field already.")
		}
		taken[field] = true
	}
	if !taken[ImportField{Name: ImportEmail}] {
		problems = append(problems, Problem{ProblemRequired, "", "A column must be mapped to email."})
	}
	if hash := taken[ImportField{Name: ImportHash}]; hash && m.Hash.Algorithm == "" {
		problems = append(problems, Problem{ProblemRequired, "", "It must be said by which algorithm the password hashes were made."})
	} else if hash && !slices.Contains(secret.ForeignAlgorithms(), m.Hash.Algorithm) {
		problems = append(problems, Problem{ProblemChoice, "", "The algorithm of password hashes is one of " + strings.Join(secret.ForeignAlgorithms(), ", ") + "."})
	} else if !hash && taken[ImportField{Name: ImportSalt}] {
		problems = append(problems, Problem{ProblemRequired, "", "A column of salts needs one of password hashes beside it."})
	}
	return problems
}

// clip keeps a stranger's word short enough for a sentence.
func clip(word string) string {
	const most = 64
	if runes := []rune(word); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return word
}
