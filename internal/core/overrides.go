package core

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
)

// Overrides is the settings of a pool that differ from the defaults, as JSON
// values by key. It is what is stored, so that a new default reaches every
// pool that did not choose otherwise.
type Overrides map[string]json.RawMessage

// Settings builds the settings. Keys that this program does not know are left
// out: they come from a newer one that shares the database.
func (o Overrides) Settings() (Settings, error) {
	s := DefaultSettings()
	for _, line := range SettingsTable() {
		if raw, ok := o[line.Key]; ok {
			if err := decodeSetting(raw, line.field(&s)); err != nil {
				return Settings{}, fmt.Errorf("setting %s: %w", line.Key, err)
			}
		}
	}
	return s, nil
}

// With returns the overrides with changes laid over them; a null value goes
// back to the default. The outcome is checked as a whole: it returns an
// [Error] with a problem for each key that is unknown or has an impossible
// value, and changes nothing then.
func (o Overrides) With(changes Overrides) (Overrides, Settings, error) {
	table := make(map[string]Setting)
	for _, line := range SettingsTable() {
		table[line.Key] = line
	}
	next := maps.Clone(o)
	if next == nil {
		next = Overrides{}
	}
	var problems []Problem
	for _, key := range slices.Sorted(maps.Keys(changes)) {
		line, known := table[key]
		if !known {
			problems = append(problems, Problem{ProblemUnknown, "/" + PointerToken(key), "There is no setting " + key + "."})
			continue
		}
		if bytes.Equal(bytes.TrimSpace(changes[key]), []byte("null")) {
			delete(next, key)
			continue
		}
		var scratch Settings
		if err := decodeSetting(changes[key], line.field(&scratch)); err != nil {
			problems = append(problems, Problem{ProblemType, "/" + PointerToken(key), fmt.Sprintf("%s is of the type %s: %s.", key, line.Type, err)})
			continue
		}
		next[key] = line.value(&scratch)
	}
	if len(problems) > 0 {
		return nil, Settings{}, Invalid(problems...)
	}
	s, err := next.Settings()
	if err != nil {
		return nil, Settings{}, err
	}
	for _, line := range SettingsTable() {
		if line.check == nil {
			continue
		}
		if err := line.check(&s); err != nil {
			problems = append(problems, Problem{ProblemPolicy, "/" + PointerToken(line.Key), fmt.Sprintf("%s %s.", line.Key, err)})
		}
	}
	if len(problems) > 0 {
		return nil, Settings{}, Invalid(problems...)
	}
	return next, s, nil
}

// Value returns the setting's value in s as JSON.
func (line Setting) Value(s Settings) json.RawMessage { return line.value(&s) }

// Default returns the setting's default as JSON.
func (line Setting) Default() json.RawMessage {
	s := DefaultSettings()
	return line.value(&s)
}

func (line Setting) value(s *Settings) json.RawMessage {
	raw, err := json.Marshal(line.field(s))
	if err != nil {
		panic(err) // every field of Settings has a JSON form
	}
	if string(raw) == "null" {
		// An empty list or table is one, not the absence of one.
		switch line.field(s).(type) {
		case *map[string]MailTemplate, *map[string]Overrides, *map[string]string:
			return json.RawMessage("{}")
		}
		return json.RawMessage("[]")
	}
	return raw
}

func decodeSetting(raw []byte, into any) error {
	// Nothing of a default is left in what takes its place, as the decoder would
	// have it in the elements of a list.
	reflect.ValueOf(into).Elem().SetZero()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return errors.New("this value is of another type")
		}
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is more than one value")
	}
	return nil
}
