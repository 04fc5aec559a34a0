package directory

import (
	"bytes"
	"errors"
	"io"
	"unicode/utf8"
)

// Limits of a file of people.
const (
	maxRow     = 64 << 10 // bytes of a row
	maxColumns = 200
	maxHeading = 128 // bytes of a column's name
	// bom is the byte order mark that a file in UTF-8 may begin with.
	bom = "\xef\xbb\xbf"
)

// row is one record of a file of people.
type row struct {
	number int64    // from 1; a heading does not count
	end    int64    // of the row, in bytes from the beginning of the file
	values []string // by column
	fault  string   // why it cannot be read, a sentence without anything of it; values is nil then
	long   bool     // the fault is that it is too long
}

// rows reads a file of people row by row. It has a value for each format.
type rows interface {
	// next returns the next row. At the end it returns io.EOF.
	next() (row, error)
}

// records cuts a stream into records, whatever is in it, within a fixed memory.
type records struct {
	in     io.Reader
	whole  [4 * maxRow]byte
	buffer []byte // of whole: what was read and not yet given
	at     int64  // offset of the buffer's first byte
	number int64  // of the record given last
	failed error  // of in
	strict bool   // what is too long ends it: nothing behind is read
	// end finds the end of the first record, behind its line break, or returns
	// -1 where the bytes hold none.
	end func(bytes []byte) int
}

// record is one of them, good until the next. The line break is part of it.
type record struct {
	text []byte
	end  int64
	long bool // it is longer than is read, and only its end is there
	cut  bool // it goes on behind its line, as far as can be seen
}

func newRecords(in io.Reader, at, number int64, end func([]byte) int) *records {
	return &records{in: in, at: at, number: number, end: end}
}

// fill reads more behind what is there. It reports whether there is more.
func (r *records) fill() bool {
	if r.failed != nil {
		return false
	}
	r.buffer = r.whole[:copy(r.whole[:], r.buffer)]
	n, err := io.ReadFull(r.in, r.whole[len(r.buffer):])
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	r.buffer, r.failed = r.whole[:len(r.buffer)+n], err
	return n > 0
}

// next returns the next record that is no empty line. Of one that is too long,
// the line is passed that it begins with.
func (r *records) next() (record, error) {
	for {
		n := r.end(r.buffer)
		for n < 0 && len(r.buffer) <= maxRow && r.fill() {
			n = r.end(r.buffer)
		}
		switch {
		case n > maxRow || n < 0 && len(r.buffer) > maxRow:
			return r.pass()
		case n < 0 && !errors.Is(r.failed, io.EOF):
			return record{}, r.failed
		case n < 0 && len(r.buffer) == 0:
			return record{}, io.EOF
		case n < 0 && bytes.IndexByte(r.buffer, '\n') >= 0:
			return r.pass() // a quote that is never closed takes no other lines along
		case n < 0:
			n = len(r.buffer) // the last line need not end with a break
		}
		taken := r.take(n)
		if len(bytes.TrimRight(taken.text, "\r\n")) > 0 {
			r.number++
			return taken, nil
		}
	}
}

func (r *records) take(n int) record {
	text := r.buffer[:n]
	r.buffer, r.at = r.buffer[n:], r.at+int64(n)
	return record{text: text, end: r.at}
}

// pass goes to the next line.
func (r *records) pass() (record, error) {
	r.number++
	for passed := false; ; passed = true {
		if i := bytes.IndexByte(r.buffer, '\n'); i >= 0 {
			taken := r.take(i + 1)
			taken.long, taken.cut = len(taken.text) > maxRow || passed, true
			return taken, nil
		}
		if r.strict {
			return record{long: true}, nil
		}
		r.take(len(r.buffer))
		if !r.fill() {
			if !errors.Is(r.failed, io.EOF) {
				return record{}, r.failed
			}
			return record{end: r.at, long: true, cut: true}, nil
		}
	}
}

// lineEnd finds the end of a line.
func lineEnd(text []byte) int {
	if i := bytes.IndexByte(text, '\n'); i >= 0 {
		return i + 1
	}
	return -1
}

// readable says why a record cannot be read, whatever its format.
func (r record) readable() string {
	switch {
	case r.long:
		return "The row is longer than 64 KiB."
	case r.cut:
		return "A quote is opened and not closed within 64 KiB."
	case !utf8.Valid(r.text):
		return "The row is not in UTF-8."
	case bytes.IndexByte(r.text, 0) >= 0:
		return "The row holds a NUL character."
	}
	return ""
}
