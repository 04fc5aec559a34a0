package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresEngine is a PostgreSQL server, 15 or later, shared by any number of
// nodes.
type postgresEngine struct {
	db   *sql.DB
	own  *sql.DB       // for the feed and probes, which do not queue with requests
	turn chan struct{} // held by a transaction that is run again after it was overtaken
}

const (
	// connectTime is how long a connection may take to be made. Nobody waits
	// for those that the pool makes by itself: without an end, one that hangs
	// would keep all after it from being made.
	connectTime = 3 * time.Second
	// longest is how long a transaction may take whose caller sets no end, and
	// commitTime how much longer than its caller a commit is waited for.
	longest    = 10 * time.Second
	commitTime = 500 * time.Millisecond
)

// tries is how often a transaction is run that the server broke off for the
// sake of another, or that another overtook.
const tries = 20

func openPostgres(ctx context.Context, dsn string) (engine, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		// pgx hides the password in its message.
		return nil, fmt.Errorf("cannot read the database URL: %w", err)
	}
	for name, value := range map[string]string{
		"application_name": "gatehouse",
		// In milliseconds. A transaction that goes on for longer could commit a
		// change under a number that the feed has passed: see settleAfter.
		"statement_timeout":                   "10000",
		"idle_in_transaction_session_timeout": "10000",
	} {
		if _, set := config.RuntimeParams[name]; !set {
			config.RuntimeParams[name] = value
		}
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTime
	}
	db, own := stdlib.OpenDB(*config), stdlib.OpenDB(*config)
	own.SetMaxOpenConns(2)
	own.SetMaxIdleConns(2)
	conns := max(16, 8*runtime.GOMAXPROCS(0))
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := db.PingContext(ctx); err != nil {
		return nil, fmt.Errorf("cannot reach the database: %w", errors.Join(err, db.Close(), own.Close()))
	}
	return &postgresEngine{db: db, own: own, turn: make(chan struct{}, 1)}, nil
}

func (e *postgresEngine) name() string { return "postgres" }

func (e *postgresEngine) reader() querier { return e.db }

func (e *postgresEngine) follower() querier { return e.own }

func (e *postgresEngine) update(ctx context.Context, fn transaction) error {
	err := e.once(ctx, fn)
	for try := 1; try < tries; try++ {
		switch {
		case errors.Is(err, errOvertaken):
			err = e.inTurn(ctx, fn)
		case brokenOff(err):
			// Whoever met once waits for different lengths, not to meet again.
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(anyPart(time.Duration(min(try*try, 100)) * time.Millisecond)):
			}
			err = e.once(ctx, fn)
		default:
			return err
		}
	}
	return err
}

// anyPart is a random part of a time.
func anyPart(d time.Duration) time.Duration {
	var b [1]byte
	rand.Read(b[:]) // never fails
	return d * time.Duration(b[0]) / 256
}

// inTurn is once for a transaction that was overtaken. Of these only one runs
// at a time, else a crowd around one row keeps overtaking each other.
func (e *postgresEngine) inTurn(ctx context.Context, fn transaction) error {
	select {
	case e.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-e.turn }()
	return e.once(ctx, fn)
}

// once runs fn in one transaction. A context that ends before the commit rolls
// it back, and the server is told to end the statement that is under way. The
// commit itself does not see the context: cut off half-way it would leave open
// whether it happened. Only for a server that falls silent the wait has an end.
func (e *postgresEngine) once(ctx context.Context, fn transaction) error {
	conn, err := e.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() // gives it back; it fails only for one that is back already
	end := time.Now().Add(longest)
	if deadline, ok := ctx.Deadline(); ok {
		end = deadline.Add(commitTime)
	}
	// The transaction's own context ends with the caller's until they part
	// before the commit.
	own, cancel := context.WithDeadline(context.WithoutCancel(ctx), end)
	defer cancel()
	part := context.AfterFunc(ctx, cancel)
	defer part()
	tx, err := conn.BeginTx(own, nil)
	if err != nil {
		return cmp.Or(ctx.Err(), err)
	}
	err = guarded(ctx, fn, tx)
	if !part() {
		err = ctx.Err() // the cause of whatever a statement says
	}
	if err != nil {
		// The cause is what the caller needs; a rollback that fails closes
		// the connection, which rolls back too.
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

// brokenOff reports a serialisation failure or a deadlock (PostgreSQL appendix
// A, class 40).
func brokenOff(err error) bool {
	fault, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (fault.Code == "40001" || fault.Code == "40P01")
}

// snapshot takes away the limits that keep other transactions short: it writes
// nothing, and lasts as long as whoever reads it.
func (e *postgresEngine) snapshot(ctx context.Context, fn transaction) error {
	tx, err := e.db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return err
	}
	err = func() error {
		for _, limit := range []string{`SET LOCAL statement_timeout = 0`, `SET LOCAL idle_in_transaction_session_timeout = 0`} {
			if _, err := tx.ExecContext(ctx, limit); err != nil {
				return err
			}
		}
		return guarded(ctx, fn, tx)
	}()
	// There is nothing to take back, and a connection that is gone has let go.
	_ = tx.Rollback()
	return err
}

func (e *postgresEngine) rowsAtOnce() int { return 200 }

func (e *postgresEngine) parameter(number int) string { return numbered(number) }

func (e *postgresEngine) countFrom(ctx context.Context, q querier, table, column string, number int64) error {
	_, err := q.ExecContext(ctx, `SELECT setval(pg_get_serial_sequence($1, $2), $3)`, table, column, number)
	return err
}

func (e *postgresEngine) close() error { return errors.Join(e.db.Close(), e.own.Close()) }

func (e *postgresEngine) check(ctx context.Context) error {
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		var value string
		if err := e.db.QueryRowContext(ctx, `SELECT current_setting($1)`, name).Scan(&value); err != nil {
			return err
		}
		if value == "off" {
			return fmt.Errorf("%w: %s is off in PostgreSQL, and must be on", ErrUnsafe, name)
		}
	}
	return nil
}

func (e *postgresEngine) now(ctx context.Context) (time.Time, error) {
	var t time.Time
	err := e.own.QueryRowContext(ctx, `SELECT clock_timestamp()`).Scan(&t)
	return t.UTC(), err
}

func (e *postgresEngine) noTable(err error) bool {
	fault, ok := errors.AsType[*pgconn.PgError](err)
	return ok && fault.Code == "42P01"
}

func (e *postgresEngine) orphan(err error) bool {
	fault, ok := errors.AsType[*pgconn.PgError](err)
	return ok && fault.Code == "23503"
}

func (e *postgresEngine) connections() Connections { return connectionsOf(e.db) }
func (e *postgresEngine) distant() bool            { return true }

func (e *postgresEngine) classify(err error) error {
	if err == nil {
		return nil
	}
	// First, because the database's own reason may lie within: that the role may
	// not sign in, or that there is no such database.
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return unavailable(err)
	}
	if fault, ok := errors.AsType[*pgconn.PgError](err); ok {
		if fault.Code == "53100" { // disk full
			return full(err)
		}
		switch fault.Code[:2] {
		case "08", "53", "57", "40", "55": // connection, resources, operator, rollback, lock
			return unavailable(err)
		}
		if fault.Code == "25006" { // read-only: a standby
			return unavailable(err)
		}
		if fault.Code == "22021" { // bytes that are no text
			return notText()
		}
		return err
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return unavailable(err)
	}
	for _, passing := range []error{
		context.DeadlineExceeded, context.Canceled, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, driver.ErrBadConn, sql.ErrConnDone, sql.ErrTxDone, pgconn.ErrConnClosed,
	} {
		if errors.Is(err, passing) {
			return unavailable(err)
		}
	}
	return err
}

// down reports that nothing listens, or that the server is on its way down or
// up (PostgreSQL appendix A, class 57).
func (e *postgresEngine) down(err error) bool {
	if fault, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fault.Code == "57P01" || fault.Code == "57P02" || fault.Code == "57P03"
	}
	return errors.Is(err, syscall.ECONNREFUSED)
}
