package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// ErrFilled is returned by [Restore] for a database that is not empty.
var ErrFilled = errors.New("a backup is restored into an empty database only")

// restoreWithin is how long the rows may take. PostgreSQL gives a transaction
// that names no end seconds only, see longest.
const restoreWithin = 7 * 24 * time.Hour

// Restore reads a backup twice: first as [CheckBackup] does, then into an empty
// database of either engine, in one transaction. Then it brings the schema up
// to date. If it fails, the database is as empty as before, though it may have
// a schema.
//
// A backup knows nothing of what was revoked after it. So sessions come back
// ended, and tokens, flows, tickets and mail in line do not come back, unless
// underWay says that nothing has happened since the backup: a move from one
// database to another.
func Restore(ctx context.Context, o Options, file io.ReadSeeker, underWay bool) (BackupInfo, error) {
	info, err := CheckBackup(file, o.Master)
	if err != nil {
		return info, err
	}
	applied, err := appliedStep(ctx, o.Database)
	if err != nil {
		return info, err
	}
	if applied > info.Schema {
		return info, fmt.Errorf("%w: this one has a newer schema than the backup, step %d in place of %d", ErrFilled, applied, info.Schema)
	}
	e, err := openEngine(ctx, o)
	if err != nil {
		return info, err
	}
	err = func() error {
		if !o.UnsafeDurability {
			if err := e.check(ctx); err != nil {
				return err
			}
		}
		if err := refuseFilled(ctx, e.reader(), applied); err != nil {
			return err
		}
		if err := migrateTo(ctx, o.Database, info.Schema); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, restoreWithin)
		defer cancel()
		return e.update(ctx, func(ctx context.Context, q querier) error {
			// Once more, where nobody comes in between.
			if err := refuseFilled(ctx, q, info.Schema); err != nil {
				return err
			}
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				return err
			}
			l := &loader{ctx: ctx, engine: e, q: q, underWay: underWay, endedAt: micros(stored(time.Now()))}
			if _, err := readBackup(file, o.Master, l.begin, l.row); err != nil {
				return err
			}
			return l.finish()
		})
	}()
	if err = errors.Join(e.classify(err), e.close()); err != nil {
		return info, err
	}
	if _, err := Migrate(ctx, o.Database); err != nil {
		return info, fmt.Errorf("all was restored, but the schema could not be brought up to date: %w", err)
	}
	return info, nil
}

// refuseFilled returns [ErrFilled] if any table has a row. Working keys count
// too: they are those of a server that was started on the database.
func refuseFilled(ctx context.Context, q querier, schema int64) error {
	for _, t := range tablesAt(schema) {
		var filled bool
		if err := q.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM `+t.name+`)`).Scan(&filled); err != nil {
			return err
		}
		if filled {
			return fmt.Errorf("%w: this one has rows in %s", ErrFilled, t.name)
		}
	}
	return nil
}

// loader writes the rows of a backup, many in one statement.
type loader struct {
	ctx      context.Context
	engine   engine
	q        querier
	underWay bool
	endedAt  int64 // when sessions end, in microseconds

	table   table
	columns []column
	skip    bool
	number  int // the place of the column that counts up, or -1
	highest int64
	ended   int // the place of the column with the end of a session, or -1
	into    string
	args    []any
	size    int // bytes of the rows that wait
}

// loadBytes is about how many bytes one statement has at most.
const loadBytes = 4 << 20

// begin starts a table.
func (l *loader) begin(s section) error {
	if err := l.finish(); err != nil {
		return err
	}
	all := allTables()
	l.table = all[slices.IndexFunc(all, func(t table) bool { return t.name == s.Table })]
	l.skip = l.table.fate == fleeting && !l.underWay
	// What stands in a statement comes from the database, never from the file.
	rows, err := l.q.QueryContext(l.ctx, `SELECT * FROM `+l.table.name+` WHERE 1 = 0`)
	if err != nil {
		return err
	}
	there, err := columnsOf(rows)
	if err = errors.Join(err, rows.Close()); err != nil {
		return err
	}
	names := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		at := slices.Index(there, c)
		if at < 0 || slices.Contains(names[:i], c.Name) {
			return fmt.Errorf("%w: the table %s has no column %s of the kind %s", ErrBroken, l.table.name, c.Name, c.Kind)
		}
		names[i] = there[at].Name
	}
	if len(names) != len(there) {
		return fmt.Errorf("%w: it has %d columns of the table %s, which has %d", ErrBroken, len(names), l.table.name, len(there))
	}
	l.columns, l.number, l.highest, l.ended = s.Columns, -1, 0, -1
	if l.table.number != "" {
		l.number = slices.Index(names, l.table.number)
	}
	if l.table.fate == sessions && !l.underWay {
		l.ended = slices.Index(names, "ended_at")
	}
	l.into = `INSERT INTO ` + l.table.name + ` (` + strings.Join(names, ", ") + `) VALUES `
	return nil
}

// row takes a row.
func (l *loader) row(line []byte) error {
	if l.skip {
		return nil
	}
	values, err := readRow(l.columns, line)
	if err != nil {
		return err
	}
	if l.ended >= 0 && values[l.ended] == int64(0) {
		values[l.ended] = l.endedAt
	}
	if l.number >= 0 {
		n, _ := values[l.number].(int64)
		l.highest = max(l.highest, n)
	}
	l.args = append(l.args, values...)
	l.size += len(line)
	if len(l.args) >= l.engine.rowsAtOnce()*len(l.columns) || l.size >= loadBytes {
		return l.flush()
	}
	return nil
}

// flush writes the rows that wait.
func (l *loader) flush() error {
	if len(l.args) == 0 {
		return nil
	}
	_, err := l.q.ExecContext(l.ctx, l.into+rowsOf(0, len(l.columns), len(l.args)/len(l.columns), l.engine.parameter), l.args...)
	if err != nil {
		return fmt.Errorf("the table %s: %w", l.table.name, err)
	}
	clear(l.args)
	l.args, l.size = l.args[:0], 0
	return nil
}

// finish ends a table.
func (l *loader) finish() error {
	if err := l.flush(); err != nil {
		return err
	}
	if l.highest == 0 {
		return nil
	}
	return l.engine.countFrom(l.ctx, l.q, l.table.name, l.table.number, l.highest)
}
