package core

import (
	"fmt"
	"strings"
	"time"
)

// Duration is a length of time that reads and writes as text: 90s, 5h30m, 48h.
type Duration time.Duration

// MarshalText writes the shortest form.
func (d Duration) MarshalText() ([]byte, error) {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return []byte(s), nil
}

// UnmarshalText reads the form of [time.ParseDuration].
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is not a duration such as 90s, 5h30m or 48h", text)
	}
	*d = Duration(v)
	return nil
}
