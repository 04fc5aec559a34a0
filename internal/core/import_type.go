package core

import (
	"strconv"
	"strings"
	"time"
)

// ImportType is what the values of a column, or of a field, read as.
type ImportType string

// The types. A column is never of the last two: it may be of text that reads so.
const (
	TypeText  ImportType = "string"
	TypeInt   ImportType = "int"
	TypeFloat ImportType = "float"
	TypeBool  ImportType = "bool"
	TypeDate  ImportType = "date" // 2006-01-02
	TypeTime  ImportType = "datetime"
	TypeEmail ImportType = "email"
	TypePhone ImportType = "phone"
)

// importTypeOf is the type of a field of the profile.
func importTypeOf(t ProfileFieldType) ImportType {
	switch t {
	case ProfileInteger:
		return TypeInt
	case ProfileDate:
		return TypeDate
	case ProfileBoolean:
		return TypeBool
	case ProfileEmail:
		return TypeEmail
	case ProfilePhone:
		return TypePhone
	case ProfileText:
	}
	return TypeText
}

// ColumnType gathers of what type the values of a column are. The zero value
// has seen none.
type ColumnType struct {
	seen                                        bool
	notBool, notInt, notFloat, notDate, notTime bool
}

// See looks at a value. An empty one says nothing.
func (c *ColumnType) See(value string) {
	if value == "" {
		return
	}
	c.seen = true
	if _, ok := ParseBool(value); !ok || value == "0" || value == "1" { // they are numbers first
		c.notBool = true
	}
	if _, err := strconv.ParseInt(value, 10, 64); err != nil || leadingZero(value) {
		c.notInt = true
	}
	if _, err := strconv.ParseFloat(value, 64); err != nil || leadingZero(value) || strings.ContainsAny(value, "xXpPnN_") {
		c.notFloat = true
	}
	if _, err := time.Parse(time.DateOnly, value); err != nil {
		c.notDate = true
	}
	if _, ok := parseClock(value); !ok {
		c.notTime = true
	}
}

// Type is what all values read as: text where they are of several types, or
// there were none.
func (c *ColumnType) Type() ImportType {
	switch {
	case !c.seen:
		return TypeText
	case !c.notBool:
		return TypeBool
	case !c.notInt:
		return TypeInt
	case !c.notFloat:
		return TypeFloat
	case !c.notDate:
		return TypeDate
	case !c.notTime:
		return TypeTime
	}
	return TypeText
}

// leadingZero tells numbers from what only looks like one, such as the code of a
// place: 01234 is not 1234.
func leadingZero(value string) bool {
	digits := strings.TrimLeft(value, "+-")
	return len(value) > len(digits) && strings.HasPrefix(value, "+") || len(digits) > 1 && digits[0] == '0' && digits[1] != '.'
}

// ParseBool reads a truth as programs write it: true, false, yes, no, t, f, y,
// n, 1 and 0, in any case.
func ParseBool(value string) (is, ok bool) {
	switch strings.ToLower(value) {
	case "true", "yes", "t", "y", "1":
		return true, true
	case "false", "no", "f", "n", "0":
		return false, true
	}
	return false, false
}

// ParseTime reads a time as programs write it: by RFC 3339, with a blank in
// place of the T, without a zone, which is UTC then, as a date alone, or as
// seconds or milliseconds since 1970.
func ParseTime(value string) (time.Time, bool) {
	if t, ok := parseClock(value); ok {
		return t, true
	}
	if t, err := time.Parse(time.DateOnly, value); err == nil {
		return t, true
	}
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case err != nil || n < 0 || n >= 1e14:
		return time.Time{}, false
	case n >= 1e11: // as seconds, the year 5138
		return time.UnixMilli(n).UTC(), true
	}
	return time.Unix(n, 0).UTC(), true
}

// parseClock reads a date with a time of day.
func parseClock(value string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 MST", time.DateTime, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
