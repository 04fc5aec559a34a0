package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Text is a string that must not be printed: a password, a token, a key.
// Every way of formatting it gives the same mask; Reveal gives the value.
// Packages that print by reflection ask for no method of an unexported field:
// a struct that is printed keeps its Text in an exported one.
type Text string

const mask = "[secret]"

// Reveal returns the value itself. Its callers are the places to look at when
// a secret turns up somewhere.
func (t Text) Reveal() string { return string(t) }

// String masks the value where a [fmt.Stringer] is asked for.
func (t Text) String() string { return mask }

// Format masks the value for the verbs of fmt, also those that do not fit a
// string: fmt explains these by printing the value. Only %p asks nobody; vet
// refuses it.
func (t Text) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) }

// LogValue masks the value for log/slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalText masks the value for encoders that print structs.
func (t Text) MarshalText() ([]byte, error) { return []byte(mask), nil }
