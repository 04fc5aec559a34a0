package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// sqliteEngine is SQLite in the process: one connection that writes, and some
// that read, in write-ahead mode.
type sqliteEngine struct {
	read   *sql.DB
	reads  *preparer
	write  *sql.DB
	writer *writer
}

func openSQLite(ctx context.Context, path string, unsafe bool) (engine, error) {
	if path == "" {
		return nil, errors.New("the database sqlite: needs a path")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the folder of the database: %w", err)
	}
	// The files are the owner's alone; SQLite gives those beside it the same
	// mode.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the database: %w", err)
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	write, err := sql.Open("sqlite", sqliteDSN(path, unsafe, writerCache))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	conn, err := write.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot open the database %s: %w", path, errors.Join(err, write.Close()))
	}
	if _, err := conn.ExecContext(ctx, `PRAGMA busy_timeout = 0`); err != nil { // the writer waits by itself
		return nil, errors.Join(err, conn.Close(), write.Close())
	}
	read, err := sql.Open("sqlite", sqliteDSN(path, unsafe, readerCache)+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, conn.Close(), write.Close())
	}
	readers := max(4, 2*runtime.GOMAXPROCS(0))
	read.SetMaxOpenConns(readers)
	read.SetMaxIdleConns(readers)
	return &sqliteEngine{read: read, reads: newPreparer(read), write: write, writer: newWriter(conn)}, nil
}

// writerCache and readerCache are how many KiB of pages a connection keeps. In
// memory they take more than twice as much. Who lacks a page asks the operating
// system, which has it.
const writerCache, readerCache = 8000, 1000

// sqliteDSN sets the pragmas on every connection: synchronous=FULL keeps an
// acknowledged write through a power failure, and case_sensitive_like lets
// LIKE compare bytes as PostgreSQL does (sqlite.org/pragma.html).
func sqliteDSN(path string, unsafe bool, cache int) string {
	synchronous := "FULL"
	if unsafe {
		synchronous = "OFF"
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(" + synchronous +
		")&_pragma=foreign_keys(1)&_pragma=cache_size(-" + strconv.Itoa(cache) + ")&_pragma=case_sensitive_like(1)"
}

func (e *sqliteEngine) name() string { return "sqlite" }

func (e *sqliteEngine) reader() querier { return e.reads }

func (e *sqliteEngine) follower() querier { return e.reads }

// down is never so: a file does not run.
func (e *sqliteEngine) down(error) bool { return false }

func (e *sqliteEngine) update(ctx context.Context, fn transaction) error {
	return e.writer.do(ctx, fn)
}

// snapshot holds a read mark in the write-ahead log, which grows until it is
// let go.
func (e *sqliteEngine) snapshot(ctx context.Context, fn transaction) error {
	tx, err := e.read.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	err = guarded(ctx, fn, tx)
	// There is nothing to take back; a context that has ended did so already.
	_ = tx.Rollback()
	return err
}

// rowsAtOnce is one: there is no way to the server to be saved, and of a
// statement with more rows SQLite keeps every page as it was before, to take
// back a half of it.
func (e *sqliteEngine) rowsAtOnce() int { return 1 }

// parameter has no number. To SQLite "$5" is a name, and its driver has the list
// of names gone through for each parameter: of statements with hundreds of them
// that is a good part of the time.
func (e *sqliteEngine) parameter(int) string { return "?" }

// countFrom has nothing to do: AUTOINCREMENT remembers the highest number that
// there ever was.
func (e *sqliteEngine) countFrom(context.Context, querier, string, string, int64) error { return nil }

func (e *sqliteEngine) close() error {
	return errors.Join(e.writer.close(), e.write.Close(), e.reads.close(), e.read.Close())
}

func (e *sqliteEngine) check(ctx context.Context) error {
	return e.writer.do(ctx, func(ctx context.Context, q querier) error {
		var synchronous int
		var journal string
		if err := q.QueryRowContext(ctx, `PRAGMA synchronous`).Scan(&synchronous); err != nil {
			return err
		}
		if err := q.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&journal); err != nil {
			return err
		}
		if synchronous < 2 || journal != "wal" {
			return fmt.Errorf("%w: synchronous is %d and journal_mode is %s, where 2 (FULL) and wal are needed", ErrUnsafe, synchronous, journal)
		}
		return nil
	})
}

func (e *sqliteEngine) now(context.Context) (time.Time, error) { return stored(time.Now()), nil }

func (e *sqliteEngine) distant() bool { return false }

func (e *sqliteEngine) noTable(err error) bool {
	// SQLite has one code for all that is wrong with a statement.
	fault, ok := errors.AsType[*sqlite.Error](err)
	return ok && fault.Code() == sqlite3.SQLITE_ERROR && strings.Contains(fault.Error(), "no such table")
}

func (e *sqliteEngine) orphan(err error) bool {
	fault, ok := errors.AsType[*sqlite.Error](err)
	return ok && fault.Code() == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY
}

func (e *sqliteEngine) connections() Connections { return connectionsOf(e.read) }

func (e *sqliteEngine) classify(err error) error {
	fault, ok := errors.AsType[*sqlite.Error](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), errors.Is(err, errClosed):
		return unavailable(err)
	case !ok:
		return err
	}
	switch fault.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return full(err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return unavailable(err)
	}
	return err
}

// busy reports that another process holds the lock that a writer needs.
func busy(err error) bool {
	fault, ok := errors.AsType[*sqlite.Error](err)
	return ok && fault.Code()&0xff == sqlite3.SQLITE_BUSY
}

// unavailable says that the database cannot do it now.
func unavailable(cause error) error {
	return &core.Error{Code: core.CodeUnavailable, Detail: "The database cannot do this just now.", RetryAfter: time.Second, Cause: cause}
}

// full says that there is no room to write to. Reading goes on.
func full(cause error) error {
	return &core.Error{Code: core.CodeUnavailable, Detail: "The storage is full: nothing can be changed until there is room again.", RetryAfter: 5 * time.Second, Cause: cause}
}
