package store

import (
	"bufio"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// A backup is lines of JSON, compressed with gzip, and the same for both
// engines: a [BackupInfo], then for each table its [section] and one array for
// each row, then a [backupEnd]. Bytes are in base64. The lines before the end
// are summed up there, and the sum is signed with a working key, which only the
// master key opens: a file that was cut short, damaged or altered is none.

// BackupInfo is what a backup says of itself.
type BackupInfo struct {
	Format  int              `json:"gatehouse_backup"` // [backupFormat]
	Schema  int64            `json:"schema"`           // the newest step that the database had
	TakenAt time.Time        `json:"taken_at"`         // all that was committed before is in it
	Engine  string           `json:"engine"`           // that it was taken from: sqlite or postgres
	Rows    map[string]int64 `json:"rows,omitempty"`   // by table; told by the end of the file
}

// section begins a table.
type section struct {
	Table   string   `json:"table"`
	Columns []column `json:"columns"`
}

// column is a column of a table, and what is in it.
type column struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
}

// The kinds of columns.
const (
	kindText    = "text"
	kindInteger = "integer"
	kindBoolean = "boolean"
	kindBytes   = "bytes"
)

// backupEnd ends a backup.
type backupEnd struct {
	Rows   map[string]int64 `json:"rows"`
	SHA256 string           `json:"sha256"` // of the lines before
	Seal   string           `json:"seal"`   // of the sum, by the deployment's keys
}

// backupFormat is the number of this format. It grows when a program from
// before could no longer read it.
const backupFormat = 1

// longestLine is how long a row may be, in bytes, so that a file that is none
// of ours cannot fill the memory.
const longestLine = 64 << 20

// ErrNoSchema is returned for a backup of a database that no server has used.
var ErrNoSchema = errors.New("the database is empty: there is nothing to back up")

// Backup writes all that a database holds, as it is at one moment, while
// servers go on writing to it. The schema may be older than the program's, so
// that a backup can be taken before an upgrade; it is not changed. It returns
// [ErrWrongMaster] if the master key does not open the database: it would not
// open the backup either.
func Backup(ctx context.Context, o Options, w io.Writer) (BackupInfo, error) {
	info := BackupInfo{Format: backupFormat, Rows: make(map[string]int64)}
	e, err := openEngine(ctx, o)
	if err != nil {
		return info, err
	}
	info.Engine = e.name()
	err = e.snapshot(ctx, func(ctx context.Context, q querier) error {
		// The schema too is that of this moment.
		err := q.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&info.Schema)
		if e.noTable(err) || err == nil && info.Schema == 0 {
			return ErrNoSchema
		}
		if err != nil {
			return err
		}
		return info.write(ctx, q, o.Master, w)
	})
	return info, errors.Join(e.classify(err), e.close())
}

// write writes the backup of what q sees.
func (info *BackupInfo) write(ctx context.Context, q querier, master secret.Master, w io.Writer) error {
	info.TakenAt = stored(time.Now())
	if newest := newestStep(); info.Schema > newest {
		return fmt.Errorf("%w: it has step %d, and this program knows %d", ErrSchema, info.Schema, newest)
	}
	raw, err := openKeys(ctx, q, master)
	if err != nil {
		return err
	}
	if len(raw) == 0 {
		return ErrNoSchema
	}
	keys, err := secret.NewKeys(raw)
	if err != nil {
		return err
	}
	b := newBackupWriter(w)
	if err := b.value(BackupInfo{Format: info.Format, Schema: info.Schema, TakenAt: info.TakenAt, Engine: info.Engine}); err != nil {
		return err
	}
	for _, t := range tablesAt(info.Schema) {
		if t.fate == unkept {
			continue
		}
		rows, err := q.QueryContext(ctx, `SELECT * FROM `+t.name)
		if err != nil {
			return err
		}
		if info.Rows[t.name], err = b.table(t.name, rows); err != nil {
			return fmt.Errorf("the table %s: %w", t.name, err)
		}
	}
	return b.end(info.Rows, keys)
}

// backupWriter writes the lines of a backup.
type backupWriter struct {
	gzip *gzip.Writer
	out  *bufio.Writer
	sum  hash.Hash
	line []byte
}

func newBackupWriter(w io.Writer) *backupWriter {
	z := gzip.NewWriter(w)
	return &backupWriter{gzip: z, out: bufio.NewWriterSize(z, 1<<16), sum: sha256.New()}
}

// value writes a line that is no row.
func (b *backupWriter) value(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	b.line = append(b.line[:0], line...)
	return b.flush()
}

// flush writes the line, and sums it up.
func (b *backupWriter) flush() error {
	if len(b.line) >= longestLine {
		return fmt.Errorf("a row of %d bytes is too long for a backup", len(b.line))
	}
	b.line = append(b.line, '\n')
	b.sum.Write(b.line) // never fails
	_, err := b.out.Write(b.line)
	return err
}

// table writes a table and returns how many rows it has.
func (b *backupWriter) table(name string, rows *sql.Rows) (n int64, err error) {
	defer rows.Close()
	columns, err := columnsOf(rows)
	if err != nil {
		return 0, err
	}
	if err := b.value(section{name, columns}); err != nil {
		return 0, err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for ; rows.Next(); n++ {
		if err := rows.Scan(into...); err != nil {
			return n, err
		}
		b.line = append(b.line[:0], '[')
		for i, v := range values {
			if i > 0 {
				b.line = append(b.line, ',')
			}
			if b.line, err = appendValue(b.line, columns[i].Kind, v); err != nil {
				return n, fmt.Errorf("the column %s: %w", columns[i].Name, err)
			}
		}
		b.line = append(b.line, ']')
		if err := b.flush(); err != nil {
			return n, err
		}
	}
	return n, rows.Err()
}

// columnsOf names the columns of a query and what is in them. The engines have
// different words for it.
func columnsOf(rows *sql.Rows) ([]column, error) {
	types, err := rows.ColumnTypes()
	if err != nil {
		return nil, err
	}
	kinds := map[string]string{
		"TEXT": kindText, "BYTEA": kindBytes, "BOOLEAN": kindBoolean, "BOOL": kindBoolean, "BIGINT": kindInteger, "INTEGER": kindInteger, "INT8": kindInteger,
	}
	var columns []column
	for _, t := range types {
		kind, ok := kinds[t.DatabaseTypeName()]
		if !ok {
			return nil, fmt.Errorf("the column %s is of the type %s, which backups do not know", t.Name(), t.DatabaseTypeName())
		}
		columns = append(columns, column{t.Name(), kind})
	}
	return columns, nil
}

// appendValue writes a value as JSON. A value of another kind than its column
// is refused: what cannot be restored exactly is no backup.
func appendValue(line []byte, kind string, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(line, "null"...), nil
	case int64:
		switch {
		case kind == kindInteger:
			return strconv.AppendInt(line, v, 10), nil
		case kind == kindBoolean && v>>1 == 0: // as SQLite has it
			return strconv.AppendBool(line, v == 1), nil
		}
	case bool:
		if kind == kindBoolean {
			return strconv.AppendBool(line, v), nil
		}
	case []byte:
		if kind == kindBytes {
			line = append(line, '"')
			line = base64.StdEncoding.AppendEncode(line, v)
			return append(line, '"'), nil
		}
	case string:
		if kind == kindText {
			return appendText(line, v)
		}
	}
	return nil, fmt.Errorf("a value of the type %T is no %s", v, kind)
}

func appendText(line []byte, text string) ([]byte, error) {
	if !utf8.ValidString(text) {
		return nil, errors.New("a text is not valid UTF-8")
	}
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c >= utf8.RuneSelf {
			quoted, err := json.Marshal(text)
			return append(line, quoted...), err
		}
	}
	line = append(line, '"')
	line = append(line, text...)
	return append(line, '"'), nil
}

// end writes the last line and what is held back.
func (b *backupWriter) end(rows map[string]int64, keys *secret.Keys) error {
	sum := hex.EncodeToString(b.sum.Sum(nil))
	if err := b.value(backupEnd{rows, sum, backupSeal(keys, sum)}); err != nil {
		return err
	}
	return errors.Join(b.out.Flush(), b.gzip.Close())
}

// backupSeal signs the sum of a backup.
func backupSeal(keys *secret.Keys, sum string) string { return keys.Derive("backup", sum) }
