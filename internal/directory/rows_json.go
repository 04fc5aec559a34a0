package directory

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// jsonRows reads JSON lines (jsonlines.org): an object in each. What is in an
// object within is a column of both names with a dot between, such as
// profile.first_name.
type jsonRows struct {
	records *records
	names   []string
	places  map[string]int
}

// jsonFrom reads a file with these columns from a place in it, behind so many
// rows. What else an object has is left out.
func jsonFrom(in io.Reader, names []string, at, number int64) *jsonRows {
	j := &jsonRows{records: newRecords(in, at, number, lineEnd), names: names, places: make(map[string]int, len(names))}
	for i, name := range names {
		j.places[name] = i
	}
	return j
}

// newJSON finds the columns of a file in its first rows, and returns them in
// the order in which they came, with the values of those rows.
func newJSON(in io.Reader) ([]string, error) {
	records := newRecords(in, 0, 0, lineEnd)
	var names []string
	for range typedRows {
		record, err := records.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if record.readable() != "" {
			continue
		}
		fault := eachValue(trimBOM(record), func(name, _ string) {
			if !slices.Contains(names, name) && len(names) <= maxColumns {
				names = append(names, name)
			}
		})
		if fault != "" && records.number == 1 {
			return nil, badFile("The first line cannot be read. " + fault)
		}
	}
	switch {
	case len(names) == 0:
		return nil, badFile("The file has no rows that can be read.")
	case len(names) > maxColumns:
		return nil, badFile("The file has more than 200 columns.")
	}
	return names, nil
}

func trimBOM(r record) []byte {
	if r.end == int64(len(r.text)) {
		return bytes.TrimPrefix(r.text, []byte(bom))
	}
	return r.text
}

func (j *jsonRows) next() (row, error) {
	record, err := j.records.next()
	if err != nil {
		return row{}, err
	}
	r := row{number: j.records.number, end: record.end, fault: record.readable(), long: record.long}
	if r.fault != "" {
		return r, nil
	}
	values := make([]string, len(j.names))
	r.fault = eachValue(trimBOM(record), func(name, value string) {
		if i, known := j.places[name]; known {
			values[i] = value
		}
	})
	if r.fault == "" {
		r.values = values
	}
	return r, nil
}

// maxNesting is how deep the objects of a row may nest.
const maxNesting = 4

const notJSON = "The row is not one object of JSON, or has a key twice."

// eachValue calls fn for each value of an object, or says why it is none. What
// is null is as if it were not there; a list is its JSON.
func eachValue(line []byte, fn func(name, value string)) (fault string) {
	d := jsontext.NewDecoder(bytes.NewBuffer(line))
	if d.PeekKind() != '{' {
		return notJSON
	}
	var object func(before string, depth int) string
	object = func(before string, depth int) string {
		if depth > maxNesting {
			return "The row nests deeper than " + strconv.Itoa(maxNesting) + " objects."
		}
		if _, err := d.ReadToken(); err != nil {
			return notJSON
		}
		for d.PeekKind() != '}' {
			token, err := d.ReadToken()
			if err != nil {
				return notJSON
			}
			name := before + token.String()
			switch d.PeekKind() {
			case '{':
				if fault := object(name+".", depth+1); fault != "" {
					return fault
				}
			case '[':
				value, err := d.ReadValue()
				if err != nil {
					return notJSON
				}
				fn(name, string(value))
			case 'n':
				if _, err := d.ReadToken(); err != nil {
					return notJSON
				}
			default:
				value, err := d.ReadToken()
				if err != nil {
					return notJSON
				}
				fn(name, value.String())
			}
		}
		if _, err := d.ReadToken(); err != nil {
			return notJSON
		}
		return ""
	}
	if fault := object("", 1); fault != "" {
		return fault
	}
	if _, err := d.ReadToken(); !errors.Is(err, io.EOF) {
		return notJSON
	}
	return ""
}
