package directory

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// csvRows reads comma-separated values by RFC 4180, with a heading. Lines may
// end without the carriage return.
type csvRows struct {
	records *records
	heading []string
	behind  bool // the heading has been read
}

// newCSV reads the heading of a file, of which nothing is read behind a row that
// is too long. It returns [core.CodeInvalid] for a heading that is none.
func newCSV(in io.Reader) (*csvRows, error) {
	c := &csvRows{records: newRecords(in, 0, -1, csvEnd), behind: true}
	c.records.strict = true
	first, err := c.records.next()
	if errors.Is(err, io.EOF) {
		return nil, badFile("The file is empty: it must begin with a line that names the columns.")
	}
	if err != nil {
		return nil, err
	}
	if fault := first.readable(); fault != "" {
		return nil, badFile("The first line, which names the columns, cannot be read. " + fault)
	}
	names, fault := splitCSV(strings.TrimPrefix(string(first.text), bom))
	if fault != "" {
		return nil, badFile("The first line, which names the columns, cannot be read. " + fault)
	}
	if len(names) > maxColumns {
		return nil, badFile("The file has more than 200 columns.")
	}
	seen := make(map[string]bool)
	for i, name := range names {
		name = strings.TrimSpace(name)
		switch {
		case name == "":
			return nil, badFile(fmt.Sprintf("Column %d has no name in the first line.", i+1))
		case len(name) > maxHeading || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
			return nil, badFile(fmt.Sprintf("The name of column %d is longer than 128 bytes, or has control characters.", i+1))
		case seen[name]:
			return nil, badFile(fmt.Sprintf("Column %d has the name of one before it.", i+1))
		}
		seen[name] = true
		c.heading = append(c.heading, name)
	}
	return c, nil
}

// csvFrom goes on with a file from a place in it, behind so many rows. From the
// beginning, it passes the heading.
func csvFrom(in io.Reader, heading []string, at, number int64) *csvRows {
	if at == 0 {
		number = -1
	}
	return &csvRows{records: newRecords(in, at, number, csvEnd), heading: heading, behind: at > 0}
}

func badFile(detail string) error { return core.Fail(core.CodeInvalid, detail) }

func (c *csvRows) next() (row, error) {
	if !c.behind {
		if _, err := c.records.next(); err != nil {
			return row{}, err
		}
		c.behind = true
	}
	record, err := c.records.next()
	if err != nil {
		return row{}, err
	}
	r := row{number: c.records.number, end: record.end, fault: record.readable(), long: record.long}
	if r.fault != "" {
		return r, nil
	}
	r.values, r.fault = splitCSV(string(record.text))
	if r.fault == "" && len(r.values) != len(c.heading) {
		r.fault = fmt.Sprintf("The row has %d columns in place of %d.", len(r.values), len(c.heading))
	}
	if r.fault != "" {
		r.values = nil
	}
	return r, nil
}

// csvEnd finds the end of a record, which may hold line breaks within quotes.
func csvEnd(text []byte) int {
	const (
		begin  = iota // of a field
		plain         // in one without quotes
		quoted        // in one with quotes
		closed        // behind what may be its last
	)
	state := begin
	for i, c := range text {
		switch {
		case state == quoted:
			if c == '"' {
				state = closed
			}
		case c == '\n':
			return i + 1
		case c == ',':
			state = begin
		case c == '"' && state != plain:
			state = quoted
		default:
			state = plain
		}
	}
	return -1
}

// splitCSV cuts a record into its fields, or says why it is none.
func splitCSV(record string) (fields []string, fault string) {
	record = strings.TrimSuffix(strings.TrimSuffix(record, "\n"), "\r")
	for {
		var field string
		if !strings.HasPrefix(record, `"`) {
			end := strings.IndexByte(record, ',')
			if end < 0 {
				end = len(record)
			}
			if field = record[:end]; strings.Contains(field, `"`) {
				return nil, "A quote stands in a field that does not begin with one."
			}
			record = record[end:]
		} else {
			end, doubled := 1, false
			for {
				i := strings.IndexByte(record[end:], '"')
				if i < 0 {
					return nil, "A quote is opened and not closed."
				}
				if end += i + 1; end == len(record) || record[end] != '"' {
					break
				}
				end, doubled = end+1, true
			}
			if field = record[1 : end-1]; doubled {
				field = strings.ReplaceAll(field, `""`, `"`)
			}
			if record = record[end:]; record != "" && record[0] != ',' {
				return nil, "Something stands behind the closing quote of a field."
			}
		}
		fields = append(fields, unguardCell(field))
		if record == "" {
			return fields, ""
		}
		record = record[1:]
	}
}

// GuardCell keeps a spreadsheet from taking a cell for a formula: one that
// begins with = + - @, a tab or a carriage return gets an apostrophe before it,
// and so does one that has such an apostrophe already, so that nothing is lost.
func GuardCell(cell string) string {
	if formula(cell) {
		return "'" + cell
	}
	return cell
}

// unguardCell takes away what GuardCell put before a cell.
func unguardCell(cell string) string {
	if strings.HasPrefix(cell, "'") && formula(cell) {
		return cell[1:]
	}
	return cell
}

func formula(cell string) bool {
	rest := strings.TrimLeft(cell, "'")
	return rest != "" && strings.IndexByte("=+-@\t\r", rest[0]) >= 0
}
