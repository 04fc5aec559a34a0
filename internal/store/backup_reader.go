package store

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// ErrNoBackup is returned for a file that is something else.
var ErrNoBackup = errors.New("this is no backup of Gatehouse")

// ErrBroken is returned for a backup that was cut short, damaged or altered.
var ErrBroken = errors.New("the backup is not whole")

// ErrNewer is returned for a backup that this program is too old for.
var ErrNewer = errors.New("the backup was made by a newer Gatehouse")

// CheckBackup reads a backup to its end, and returns what it says of itself if
// it is whole and the master key opens it. Otherwise it returns [ErrNoBackup],
// [ErrBroken], [ErrNewer] or [ErrWrongMaster].
func CheckBackup(r io.Reader, master secret.Master) (BackupInfo, error) {
	return readBackup(r, master, func(section) error { return nil }, func([]byte) error { return nil })
}

// backupReader reads the lines of a backup.
type backupReader struct {
	lines  *bufio.Reader
	sum    hash.Hash
	long   []byte // a line that is longer than the buffer
	sealed map[string][]byte
}

// readBackup calls begin for each table of a backup and row for each row, which
// must not be kept. What they are given is known to be good only when
// readBackup returns without an error: until then nothing of it may count.
func readBackup(r io.Reader, master secret.Master, begin func(section) error, row func(line []byte) error) (BackupInfo, error) {
	z, err := gzip.NewReader(r)
	if err != nil {
		if errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.EOF) {
			return BackupInfo{}, ErrNoBackup
		}
		return BackupInfo{}, broken(err)
	}
	b := &backupReader{lines: bufio.NewReaderSize(z, 1<<16), sum: sha256.New(), sealed: make(map[string][]byte)}
	info, err := b.begin()
	if err != nil {
		return info, err
	}
	end, err := b.tables(info, begin, row)
	if err != nil {
		return info, err
	}
	info.Rows = end.Rows
	return info, b.check(end, master)
}

// broken says what is wrong with a file.
func broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("%w: it was cut short", ErrBroken)
	}
	return fmt.Errorf("%w: %w", ErrBroken, err)
}

// next returns the next line, which is good until the one after.
func (b *backupReader) next() ([]byte, error) {
	line, err := b.lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		b.long = append(b.long[:0], line...)
		for errors.Is(err, bufio.ErrBufferFull) {
			if line, err = b.lines.ReadSlice('\n'); len(b.long)+len(line) > longestLine {
				return nil, fmt.Errorf("%w: it has a line of more than %d bytes", ErrBroken, longestLine)
			}
			b.long = append(b.long, line...)
		}
		line = b.long
	}
	if err != nil {
		return nil, broken(err)
	}
	return line, nil
}

// What is read before anything is known to be genuine takes no more memory than
// this: shortLine bytes for a line that is no row, or the row of a working key,
// and mostKeys of those.
const (
	shortLine = 64 << 10
	mostKeys  = 10_000
)

func short(line []byte) error {
	if len(line) > shortLine {
		return fmt.Errorf("%w: what should be a short line has %d bytes", ErrBroken, len(line))
	}
	return nil
}

// begin reads the first line.
func (b *backupReader) begin() (BackupInfo, error) {
	var info BackupInfo
	line, err := b.next()
	if err != nil {
		return info, err
	}
	if short(line) != nil {
		return BackupInfo{}, ErrNoBackup
	}
	if err := json.Unmarshal(line, &info); err != nil || info.Format == 0 {
		return BackupInfo{}, ErrNoBackup
	}
	if info.Format > backupFormat {
		return info, fmt.Errorf("%w: it is of format %d, and this program knows %d", ErrNewer, info.Format, backupFormat)
	}
	if newest := newestStep(); info.Schema > newest {
		return info, fmt.Errorf("%w: its schema has step %d, and this program knows %d", ErrNewer, info.Schema, newest)
	}
	b.sum.Write(line)
	return info, nil
}

// tables reads what is between the first line and the last, and that one too.
func (b *backupReader) tables(info BackupInfo, begin func(section) error, row func([]byte) error) (backupEnd, error) {
	expected := make(map[string]int64) // rows, by table; a table that has not begun has none here
	var at section
	for {
		line, err := b.next()
		if err != nil {
			return backupEnd{}, err
		}
		if line[0] == '[' && at.Table != "" {
			b.sum.Write(line)
			expected[at.Table]++
			if at.Table == "deployment_keys" {
				if err := b.key(at, line); err != nil {
					return backupEnd{}, err
				}
			}
			if err := row(line); err != nil {
				return backupEnd{}, err
			}
			continue
		}
		if err := short(line); err != nil {
			return backupEnd{}, err
		}
		var other struct {
			section
			backupEnd
		}
		if err := json.Unmarshal(line, &other); err != nil {
			return backupEnd{}, broken(err)
		}
		if other.Table == "" {
			if len(expected) != len(kept(info.Schema)) || !maps.Equal(expected, other.Rows) {
				return backupEnd{}, fmt.Errorf("%w: it does not have the rows that it says", ErrBroken)
			}
			return other.backupEnd, nil
		}
		b.sum.Write(line)
		at = other.section
		if _, twice := expected[at.Table]; twice || !slices.Contains(kept(info.Schema), at.Table) {
			return backupEnd{}, fmt.Errorf("%w: it has a table %q", ErrBroken, at.Table)
		}
		expected[at.Table] = 0
		if err := begin(at); err != nil {
			return backupEnd{}, err
		}
	}
}

// kept is the names of the tables that a backup of a schema has.
func kept(schema int64) []string {
	var names []string
	for _, t := range tablesAt(schema) {
		if t.fate != unkept {
			names = append(names, t.name)
		}
	}
	return names
}

// key remembers a row with a working key.
func (b *backupReader) key(at section, line []byte) error {
	if len(b.sealed) >= mostKeys {
		return fmt.Errorf("%w: it has more keys than there can be", ErrBroken)
	}
	if err := short(line); err != nil {
		return err
	}
	values, err := readRow(at.Columns, line)
	if err != nil {
		return err
	}
	var name string
	var sealed []byte
	for i, c := range at.Columns {
		switch v := values[i].(type) {
		case string:
			if c.Name == "name" {
				name = v
			}
		case []byte:
			if c.Name == "sealed" {
				sealed = v
			}
		}
	}
	b.sealed[name] = sealed
	return nil
}

// check holds what was read against the end of the backup.
func (b *backupReader) check(end backupEnd, master secret.Master) error {
	// Reading on to the end lets gzip hold its own sum against the file.
	if n, err := io.Copy(io.Discard, b.lines); err != nil {
		return broken(err)
	} else if n > 0 {
		return fmt.Errorf("%w: something follows its end", ErrBroken)
	}
	sum := hex.EncodeToString(b.sum.Sum(nil))
	if sum != end.SHA256 {
		return fmt.Errorf("%w: its checksum differs", ErrBroken)
	}
	var raw []secret.RawKey
	for name, sealed := range b.sealed {
		key, err := openKey(master, name, sealed)
		if err != nil {
			return err
		}
		raw = append(raw, secret.RawKey{Name: name, Key: key})
	}
	keys, err := secret.NewKeys(raw)
	if err != nil {
		return broken(err)
	}
	if subtle.ConstantTimeCompare([]byte(backupSeal(keys, sum)), []byte(end.Seal)) != 1 {
		return fmt.Errorf("%w: it was altered by somebody without the master key", ErrBroken)
	}
	return nil
}

// readRow reads a row's values, of the kinds of its columns.
func readRow(columns []column, line []byte) ([]any, error) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	var values []any
	if err := d.Decode(&values); err != nil {
		return nil, broken(err)
	}
	if len(values) != len(columns) {
		return nil, fmt.Errorf("%w: a row has %d values for %d columns", ErrBroken, len(values), len(columns))
	}
	for i, c := range columns {
		v, ok := readValue(c.Kind, values[i])
		if !ok {
			return nil, fmt.Errorf("%w: a value of the column %q is no %q", ErrBroken, c.Name, c.Kind)
		}
		values[i] = v
	}
	return values, nil
}

func readValue(kind string, v any) (any, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case bool:
		return v, kind == kindBoolean
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		return n, err == nil && kind == kindInteger
	case string:
		if kind == kindBytes {
			b, err := base64.StdEncoding.DecodeString(v)
			return b, err == nil
		}
		return v, kind == kindText
	}
	return nil, false
}
