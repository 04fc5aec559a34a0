package config

import "fmt"

// Error is a configuration that cannot be used: what is wrong in a sentence,
// and what to do about it. It holds no secret.
type Error struct {
	Sentence string
	Hint     string
}

// Error gives the sentence.
func (e *Error) Error() string { return e.Sentence }

func fail(hint, format string, args ...any) error {
	return &Error{Sentence: fmt.Sprintf(format, args...), Hint: hint}
}
