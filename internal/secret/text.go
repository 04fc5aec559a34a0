package secret

import "log/slog"

// Text is a string that must not be printed: a password, a token, a key.
// Every way of formatting it gives the same mask; Reveal gives the value.
type Text string

const mask = "[secret]"

// Reveal returns the value itself. Its callers are the places to look at when
// a secret turns up somewhere.
func (t Text) Reveal() string { return string(t) }

// String masks the value for fmt.
func (t Text) String() string { return mask }

// GoString masks the value for %#v.
func (t Text) GoString() string { return mask }

// LogValue masks the value for log/slog.
func (t Text) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalText masks the value for encoders that print structs.
func (t Text) MarshalText() ([]byte, error) { return []byte(mask), nil }
