package core

// Query asks for a page of a list.
type Query struct {
	Conditions []Condition // all must hold
	OrderBy    string      // one of the list's order fields; empty: its own default
	Descending bool
	Size       int    // at most this many
	After      string // the cursor that the page before gave; empty: from the start
}

// Condition is one thing that must hold for a row.
type Condition struct {
	Field  string // one of the list's fields
	Name   string // for the field "profile": which of its fields
	Op     Operator
	Values []any // string, int64, bool or time.Time, as the field has it
}

// Operator compares a field with values.
type Operator string

// The operators.
const (
	OpEquals      Operator = "equals"
	OpIn          Operator = "in"           // equals one of the values
	OpContains    Operator = "contains"     // has each of the values as a part
	OpContainsAny Operator = "contains_any" // has one of the values as a part
	OpGreater     Operator = "greater"
	OpAtLeast     Operator = "at_least"
	OpLess        Operator = "less"
	OpAtMost      Operator = "at_most"
	OpExists      Operator = "exists" // the one value is true or false
	OpNever       Operator = "never"  // does not hold for any row
)

// Page sizes.
const (
	DefaultPage = 100
	MaxPage     = 200
)
