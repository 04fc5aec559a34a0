package directory

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// read reads all rows of a file of these columns.
func read(file rows) (all []row, err error) {
	for {
		r, err := file.next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		r.values = slices.Clone(r.values)
		all = append(all, r)
	}
}

// TestRowsGoOn reads files from the end of each row: what follows is the same
// as if they had been read from the beginning.
func TestRowsGoOn(t *testing.T) {
	long := strings.Repeat("x", maxRow)
	text := "a,b\r\n1,2\n\n\"3\n4\",5\r\n\"6,7\n8,9\n" + long + ",1\n10,\"" + long[:100] + "\"\"\"\n\xff,1\n11,12"
	lines := "{\"a\":1,\"b\":{\"c\":null}}\n\n[1]\n{\"a\":\"" + long + "\"}\n{\"a\":\"x\",\"a\":\"y\"}\n{\"b\":{\"c\":true},\"z\":[1,{}]}"
	for name, c := range map[string]struct {
		text string
		open func(in io.Reader, at, number int64) rows
		rows int
	}{
		"csv":   {text, func(in io.Reader, at, number int64) rows { return csvFrom(in, []string{"a", "b"}, at, number) }, 8},
		"jsonl": {lines, func(in io.Reader, at, number int64) rows { return jsonFrom(in, []string{"a", "b.c"}, at, number) }, 5},
	} {
		t.Run(name, func(t *testing.T) {
			whole, err := read(c.open(strings.NewReader(c.text), 0, 0))
			if err != nil || len(whole) != c.rows || whole[len(whole)-1].end != int64(len(c.text)) {
				t.Fatalf("law: a file is read to its end, whatever is in it; there are %d rows: %+v (%v)", len(whole), whole, err)
			}
			for i, r := range whole {
				if r.number != int64(i+1) {
					t.Errorf("law: rows are numbered from 1; the %d. has number %d", i+1, r.number)
				}
				rest, err := read(c.open(strings.NewReader(c.text[r.end:]), r.end, r.number))
				if err != nil || !slices.EqualFunc(rest, whole[i+1:], sameRow) {
					t.Errorf("law: a file is gone on with where it was left; behind row %d come %+v in place of %+v (%v)", r.number, rest, whole[i+1:], err)
				}
			}
			slow, err := read(c.open(iotest.OneByteReader(strings.NewReader(c.text)), 0, 0))
			if err != nil || !slices.EqualFunc(slow, whole, sameRow) {
				t.Errorf("law: it does not matter in which pieces a file comes; got %+v (%v)", slow, err)
			}
		})
	}
}

func sameRow(a, b row) bool {
	return a.number == b.number && a.end == b.end && a.fault == b.fault && a.long == b.long && slices.Equal(a.values, b.values)
}

// FuzzCSV compares with the standard library's reader, where both take a file;
// and nothing is taken that it refuses.
func FuzzCSV(f *testing.F) {
	for _, text := range []string{"a,b\n1,2\n", "a,b\r\n\"x\"\"y\",\"\n\"\r\n", "a,b\n\"x\"y,2\n3,4\n", "a,b\nx\"y,2\n", "a,b\n\"x", "a,b\n'=x,''+\n", "a,b\n\n,\n", "a,b\n\r,\r\r\n"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > maxRow {
			return
		}
		ours, err := read(csvFrom(strings.NewReader("a,b\n"+text), []string{"a", "b"}, 0, 0))
		if err != nil {
			t.Fatalf("law: any bytes can be read as rows; got %v", err)
		}
		var good [][]string
		whole := true
		for _, r := range ours {
			if r.fault == "" {
				good = append(good, r.values)
			} else {
				whole = false
			}
		}
		if !whole || strings.Contains(text, "'") || strings.Contains(text, "\r") {
			return // a cell of ours may be another one, and lone carriage returns are read in more than one way
		}
		theirs := csv.NewReader(strings.NewReader(text))
		theirs.FieldsPerRecord = 2
		want, err := theirs.ReadAll()
		if err != nil || !slices.EqualFunc(good, want, slices.Equal[[]string]) {
			t.Errorf("law: what is taken as CSV is CSV; of %q came %q in place of %q (%v)", text, good, want, err)
		}
	})
}

// FuzzJSONLines reads any bytes as rows, in a fixed memory.
func FuzzJSONLines(f *testing.F) {
	f.Add("{\"a\":1}\n{\"a\":{\"b\":{\"c\":{\"d\":{}}}}}\n")
	f.Add("[]\nnull\n{\"a\":\"\xff\"}\n{\"a\":1}{\"a\":2}")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := read(jsonFrom(strings.NewReader(text), []string{"a", "a.b"}, 0, 0))
		if err != nil {
			t.Fatalf("law: any bytes can be read as rows; got %v", err)
		}
		if lines := bytes.Count([]byte(text), []byte("\n")) + 1; len(all) > lines {
			t.Errorf("law: a line is a row at most; of %d came %d", lines, len(all))
		}
		for _, r := range all {
			if (r.fault == "") != (len(r.values) == 2) {
				t.Errorf("law: a row has values, or what is wrong with it; there is %+v", r)
			}
		}
	})
}

// TestX19FormulasAreText writes cells as an export does. None begins as a
// formula does, and each is read back as it was.
func TestX19FormulasAreText(t *testing.T) {
	cells := []string{"=cmd()", "+1", "-1", "@x", "\tx", "\rx", "'=x", "''=x", "'x", "''", "", "x=1", " =x", "+49151", "=\"a\",b\n"}
	var file bytes.Buffer
	w := csv.NewWriter(&file)
	for _, cell := range cells {
		guarded := GuardCell(cell)
		if strings.TrimLeft(guarded, "=+-@\t\r") != guarded {
			t.Errorf("law: no cell of an export begins as a formula does; %q becomes %q", cell, guarded)
		}
		if err := w.Write([]string{guarded, "x"}); err != nil {
			t.Fatal(err)
		}
	}
	if w.Flush(); w.Error() != nil {
		t.Fatal(w.Error())
	}
	all, err := read(csvFrom(io.MultiReader(strings.NewReader("a,b\n"), &file), []string{"a", "b"}, 0, 0))
	if err != nil || len(all) != len(cells) {
		t.Fatalf("%d rows of %d: %v", len(all), len(cells), err)
	}
	for i, r := range all {
		if r.fault != "" || r.values[0] != cells[i] {
			t.Errorf("law: what is exported is imported as it was; of %q came %q (%s)", cells[i], r.values, r.fault)
		}
	}
}
