package store

import "testing"

// Rows share the first parameters of a statement, and have their own beside.
func TestRowsOfParameters(t *testing.T) {
	for want, got := range map[string]string{
		"($1)":                                   rowsOf(0, 1, 1, numbered),
		"($1, $2), ($3, $4)":                     rowsOf(0, 2, 2, numbered),
		"($1, $2, $3), ($1, $4, $5)":             rowsOf(1, 2, 2, numbered),
		"($1, $2, $3), ($1, $2, $4)":             rowsOf(2, 1, 2, numbered),
		"($1, $2), ($1, $3), ($1, $4), ($1, $5)": rowsOf(1, 1, 4, numbered),
		"($1, $2, ?, ?), ($1, $2, ?, ?)":         rowsOf(2, 2, 2, (&sqliteEngine{}).parameter),
	} {
		if got != want {
			t.Errorf("the rows are %s, want %s", got, want)
		}
	}
}
