package core

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ProfileField is one thing that a pool knows of its people.
type ProfileField struct {
	ID       string           `json:"id"`
	Label    string           `json:"label"`
	Type     ProfileFieldType `json:"type"`
	Required bool             `json:"required,omitempty"`
	AtSignup bool             `json:"at_signup,omitempty"` // asked for when signing up
}

// ProfileFieldType says what a field's text must read as.
type ProfileFieldType string

// The types of profile field.
const (
	ProfileText    ProfileFieldType = "string"
	ProfileInteger ProfileFieldType = "integer"
	ProfileDate    ProfileFieldType = "date" // 2006-01-02
	ProfileBoolean ProfileFieldType = "boolean"
	ProfilePhone   ProfileFieldType = "phone"
	ProfileEmail   ProfileFieldType = "email"
)

// fieldID is what a field may be called.
func fieldID() *regexp.Regexp { return regexp.MustCompile(`^[a-z][0-9a-z_]{0,31}$`) }

func checkProfileFields(fields []ProfileField) error {
	if len(fields) > maxProfileFields {
		return fmt.Errorf("must be at most %d fields", maxProfileFields)
	}
	id := fieldID()
	seen := make(map[string]bool)
	for _, f := range fields {
		if !id.MatchString(f.ID) {
			return fmt.Errorf("has the id %q, which is not 1 to 32 characters of a-z, 0-9 and _", f.ID)
		}
		if seen[f.ID] {
			return fmt.Errorf("has two fields %q", f.ID)
		}
		seen[f.ID] = true
		if f.Label == "" || plainText(f.Label, 64) != nil {
			return fmt.Errorf("needs a label of 1 to 64 bytes for %q", f.ID)
		}
		switch f.Type {
		case ProfileText, ProfileInteger, ProfileDate, ProfileBoolean, ProfilePhone, ProfileEmail:
		default:
			return fmt.Errorf("has the type %q for %q", f.Type, f.ID)
		}
	}
	return nil
}

// CheckValue says why a value does not fit the field. An empty value fits a
// field that is not required.
func (f ProfileField) CheckValue(value string) error {
	if value == "" {
		if f.Required {
			return fmt.Errorf("%s must be filled in", f.Label)
		}
		return nil
	}
	if !isPlain(value) {
		return fmt.Errorf("%s must be plain text on one line", f.Label)
	}
	var err error
	switch f.Type {
	case ProfileInteger:
		_, err = strconv.ParseInt(value, 10, 64)
	case ProfileDate:
		_, err = time.Parse(time.DateOnly, value)
	case ProfileBoolean:
		if value != "true" && value != "false" {
			err = errors.New("neither true nor false")
		}
	case ProfileEmail:
		if _, ok := ParseEmail(value); !ok {
			err = errors.New("not an e-mail address")
		}
	case ProfilePhone:
		digits := strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(strings.TrimPrefix(value, "+"))
		if len(digits) < 5 || len(digits) > 15 || strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
			err = errors.New("not a phone number")
		}
	case ProfileText:
	}
	if err != nil {
		return fmt.Errorf("%s is not a %s", f.Label, f.Type)
	}
	return nil
}
