package authing

import (
	"maps"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// object is a value of one of the schema's types, by the names of its fields:
// null, text, a number, a truth, an object or a list of them.
type object map[string]any

func sorted(o object) []string { return slices.Sorted(maps.Keys(o)) }

func (o object) get(key string) (any, bool) {
	value, ok := o[key]
	return value, ok
}

// MarshalJSONTo implements [json.MarshalerTo]: the same object is always the
// same text.
func (o object) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, key := range sorted(o) {
		if err := (member{key, o[key]}).write(e); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

// ordered is an object whose keys stand in an order: that in which they were
// asked for, or that of a table of ours.
type ordered []member

func (o ordered) get(key string) (any, bool) {
	for _, m := range o {
		if m.key == key {
			return m.value, true
		}
	}
	return nil, false
}

// set gives a key that is there another value.
func (o ordered) set(key string, value any) {
	for i := range o {
		if o[i].key == key {
			o[i].value = value
			return
		}
	}
	panic("there is no key " + key)
}

// MarshalJSONTo implements [json.MarshalerTo].
func (o ordered) MarshalJSONTo(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.BeginObject); err != nil {
		return err
	}
	for _, m := range o {
		if err := m.write(e); err != nil {
			return err
		}
	}
	return e.WriteToken(jsontext.EndObject)
}

type member struct {
	key   string
	value any
}

// write writes a key and its value. Most are texts or nothing, which take no
// reflection.
func (m member) write(e *jsontext.Encoder) error {
	if err := e.WriteToken(jsontext.String(m.key)); err != nil {
		return err
	}
	switch value := m.value.(type) {
	case nil:
		return e.WriteToken(jsontext.Null)
	case string:
		return e.WriteToken(jsontext.String(value))
	case bool:
		return e.WriteToken(jsontext.Bool(value))
	default:
		return json.MarshalEncode(e, value)
	}
}
