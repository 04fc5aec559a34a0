package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/trace"
)

// Store is the memory of a deployment. It is safe for use by many goroutines.
type Store struct {
	engine engine
	master secret.Master
	keys   *secret.Keys
	keysAt atomic.Int64 // when the peppers were last read, in Unix nanoseconds; 0: they are due
	feed   *feed
	flood  *flood
	clock  *clock
	log    *slog.Logger
}

// Options say which database to open, and how.
type Options struct {
	// Database is sqlite:PATH or postgres://...
	Database string
	// Master seals the working keys that live in the database.
	Master secret.Master
	// UnsafeDurability lets a write be acknowledged before the disk has it:
	// for tests and throw-away data.
	UnsafeDurability bool
	// Log gets faults that have no caller to go to. Nil: slog.Default().
	Log *slog.Logger
}

// ErrWrongMaster is returned by [Open] when the database was made under
// another master key.
var ErrWrongMaster = errors.New("the master key does not open this database")

// ErrUnsafe is returned by [Open] when the database acknowledges writes that a
// power failure can take back, and Options did not allow it.
var ErrUnsafe = errors.New("the database does not keep what it acknowledges")

// errOvertaken is returned inside a transaction that read a row which somebody
// else changed before it wrote; the transaction is run again. Where writers
// queue, as with SQLite, it does not happen. A caller who brings a row that was
// read outside of the transaction is overtaken every time, and gets
// [core.CodeConflict].
var errOvertaken = errors.New("the row was changed in between")

// engine is what differs between the databases. It has two values, one per
// file of that name.
type engine interface {
	// update runs fn in a writing transaction and returns once it is durable.
	// The context that fn is given is the one for its statements.
	update(ctx context.Context, fn transaction) error
	// reader gives what queries outside of a transaction run on.
	reader() querier
	// snapshot runs fn with what is committed at its first query, and goes on
	// for as long as fn does.
	snapshot(ctx context.Context, fn transaction) error
	// rowsAtOnce is how many rows one statement writes best.
	rowsAtOnce() int
	// parameter writes a parameter that follows on all that have numbers and on
	// those written so before.
	parameter(number int) string
	// countFrom lets a column that counts up by itself go on after a number.
	countFrom(ctx context.Context, q querier, table, column string, number int64) error
	// noTable reports an error of a query that names a table which is not there.
	noTable(err error) bool
	// follower gives what the feed and probes run on, which no request can
	// keep them from.
	follower() querier
	// orphan reports an error of a write that refers to a row which is not
	// there, or not any more.
	orphan(err error) bool
	// down reports whether err says that the database is not running, so that
	// no other node can write either.
	down(err error) bool
	// classify tells a failure that passes (the database is busy, full or
	// gone) from a fault.
	classify(err error) error
	close() error
	// check says whether acknowledged writes are kept, in words.
	check(ctx context.Context) error
	now(ctx context.Context) (time.Time, error)
	connections() Connections
	// distant reports whether the database has a clock of its own.
	distant() bool
	name() string
}

// transaction is what runs in one. Its statements take the context that it is
// given, and no other: the caller's may roll back what others have written.
type transaction func(ctx context.Context, q querier) error

// querier is a database, a connection or a transaction.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Open opens the database, whose schema must be up to date: see [Migrate].
// The first time it makes the working keys.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	e, err := openEngine(ctx, o)
	if err != nil {
		return nil, err
	}
	if !o.UnsafeDurability {
		if err := e.check(ctx); err != nil {
			return nil, errors.Join(err, e.close())
		}
	}
	s := &Store{engine: e, master: o.Master, flood: newFlood(), clock: &clock{engine: e, log: o.Log}, log: o.Log}
	if err := s.clock.compare(ctx); err != nil {
		return nil, errors.Join(err, e.close())
	}
	if s.keys, err = loadKeys(ctx, e, o.Master); err != nil {
		return nil, errors.Join(err, e.close())
	}
	s.feed = newFeed(s)
	s.Watch(func(c Change) {
		if c.Kind == ChangeKeys || c == (Change{}) {
			s.keysAt.Store(0)
		}
	})
	if err := s.feed.catchUp(ctx); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return s, nil
}

func openEngine(ctx context.Context, o Options) (engine, error) {
	switch {
	case strings.HasPrefix(o.Database, "sqlite:"):
		return openSQLite(ctx, strings.TrimPrefix(o.Database, "sqlite:"), o.UnsafeDurability)
	case strings.HasPrefix(o.Database, "postgres://"), strings.HasPrefix(o.Database, "postgresql://"):
		return openPostgres(ctx, o.Database)
	}
	return nil, fmt.Errorf("the database is given as sqlite:PATH or postgres://..., not as %q", scheme(o.Database))
}

// scheme keeps a mistyped database URL, and the password in it, out of messages.
func scheme(database string) string {
	before, _, _ := strings.Cut(database, ":")
	return before + ":..."
}

// Close ends the store after the writes that are under way.
func (s *Store) Close() error { return s.engine.close() }

// Keys are the deployment's working keys.
func (s *Store) Keys() *secret.Keys { return s.keys }

// Engine names the database: sqlite or postgres.
func (s *Store) Engine() string { return s.engine.name() }

// Ping asks the database something, to learn whether it answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	err := s.engine.follower().QueryRowContext(ctx, `SELECT 1`).Scan(&one)
	return s.engine.classify(err)
}

// Now asks the database for the time.
func (s *Store) Now(ctx context.Context) (time.Time, error) { return s.engine.now(ctx) }

// CheckDurability returns [ErrUnsafe], with what to change, if the database
// acknowledges writes before the disk has them.
func (s *Store) CheckDurability(ctx context.Context) error { return s.engine.check(ctx) }

// Bound is the store in the hands of one caller.
type Bound struct {
	store  *Store
	caller core.Caller
}

// As binds a caller: its pool to every query, its actor to every event.
func (s *Store) As(caller core.Caller) Bound {
	return Bound{store: s, caller: caller}
}

// View runs fn with a Tx to read from. Each query sees what is committed when
// it runs. Errors that fn returns come back as they are; a database that does
// not answer is [core.CodeUnavailable].
func (b Bound) View(ctx context.Context, fn func(*Tx) error) error {
	ctx, span := trace.Begin(ctx, "store.view")
	defer span.End()
	tx := b.begin(ctx, b.store.engine.reader())
	return traced(span, b.store.engine.classify(fn(tx)))
}

// Update runs fn in a transaction and returns once what it wrote is durable.
// If fn returns an error, nothing of it is written and the error comes back.
//
// fn may run more than once, and must touch nothing but its Tx: ids, codes and
// hashes are made before. Waiting Updates may share one commit, so fn is short
// and does nothing slow. Whatever must happen once is one conditional write
// inside; the isolation is READ COMMITTED. A row that others keep changing
// between reading and writing gives [core.CodeConflict] in the end.
//
// A ctx that ends before the commit leaves nothing written, and is
// [core.CodeUnavailable]. On PostgreSQL it ends a statement that is under way;
// on SQLite only the wait for a turn, because there all share one connection.
func (b Bound) Update(ctx context.Context, fn func(*Tx) error) error {
	ctx, span := trace.Begin(ctx, "store.update")
	defer span.End()
	var done *Tx
	err := b.store.engine.update(ctx, func(ctx context.Context, q querier) error {
		tx := b.begin(ctx, q)
		done = tx
		return fn(tx)
	})
	if err == nil && done != nil {
		b.store.feed.committed(done)
		b.store.flood.committed(done)
	}
	if errors.Is(err, errOvertaken) {
		return &core.Error{Code: core.CodeConflict, Detail: "The same was changed by another request at the same time.", Cause: err}
	}
	return traced(span, b.store.engine.classify(err))
}

// traced marks the span of what the database could not do, and returns err.
func traced(span trace.Span, err error) error {
	if core.Is(err, core.CodeUnavailable) || core.Is(err, core.CodeInternal) {
		span.Failed(string(core.CodeOf(err)))
	}
	return err
}

func (b Bound) begin(ctx context.Context, q querier) *Tx {
	return &Tx{ctx: ctx, q: q, store: b.store, caller: b.caller, pool: b.caller.Pool, now: b.store.now()}
}

// Tx is one transaction of one caller.
type Tx struct {
	ctx    context.Context
	q      querier
	store  *Store
	caller core.Caller
	pool   core.PoolID
	now    time.Time

	changes  []Change
	queued   []core.Channel   // of which messages were put in line
	refusals int              // events of refusals that were written
	untold   []core.EventName // those that were only counted
}

// Now is the time of the transaction, the same throughout it, in UTC
// microseconds.
func (tx *Tx) Now() time.Time { return tx.now }

// Caller is who the transaction is for.
func (tx *Tx) Caller() core.Caller { return tx.caller }

// exec runs a statement whose $1 is the pool, and returns how many rows it
// touched.
func (tx *Tx) exec(query string, args ...any) (int64, error) {
	all, err := tx.args(args)
	if err != nil {
		return 0, err
	}
	result, err := tx.q.ExecContext(tx.ctx, query, all...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// rowsOf writes n rows of parameters as VALUES has them. Each begins with the
// statement's first ones, which all share, and goes on with some of its own:
// rowsOf(1, 2, 2, numbered) is "($1, $2, $3), ($1, $4, $5)". Their own are
// written by parameter.
func rowsOf(shared, own, n int, parameter func(number int) string) string {
	var text strings.Builder
	next := shared
	for row := range n {
		if row > 0 {
			text.WriteString("), ")
		}
		for i := range shared + own {
			if i == 0 {
				text.WriteString("(")
			} else {
				text.WriteString(", ")
			}
			if i < shared {
				text.WriteString(numbered(i + 1))
				continue
			}
			next++
			text.WriteString(parameter(next))
		}
	}
	return text.String() + ")"
}

// numbered writes a parameter as both databases understand it.
func numbered(number int) string { return "$" + strconv.Itoa(number) }

// row runs a query for one row whose $1 is the pool.
func (tx *Tx) row(query string, args ...any) scanner {
	all, err := tx.args(args)
	if err != nil {
		return refused{err}
	}
	return tx.q.QueryRowContext(tx.ctx, query, all...)
}

// rows runs a query whose $1 is the pool, and calls scan for each row.
func (tx *Tx) rows(scan func(scanner) error, query string, args ...any) error {
	all, err := tx.args(args)
	if err != nil {
		return err
	}
	rows, err := tx.q.QueryContext(tx.ctx, query, all...)
	return each(rows, err, scan)
}

// args puts the pool before the parameters. It refuses text that PostgreSQL
// cannot hold and SQLite would, so that both hold the same.
func (tx *Tx) args(args []any) ([]any, error) {
	for _, arg := range args {
		if text, ok := arg.(string); ok && (strings.ContainsRune(text, 0) || !utf8.ValidString(text)) {
			return nil, notText()
		}
	}
	return append([]any{string(tx.pool)}, args...), nil
}

func notText() error {
	return core.Fail(core.CodeInvalid, "A text is not valid UTF-8, or holds a NUL character.")
}

// refused is the row of a query that was not asked.
type refused struct{ err error }

// Scan returns why.
func (r refused) Scan(...any) error { return r.err }

// scanner is *sql.Row, *sql.Rows, or a refusal in their place.
type scanner interface {
	Scan(into ...any) error
}

func each(rows *sql.Rows, err error, scan func(scanner) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// found turns "no row" into the error that says what is not there.
func found(err error, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return core.Fail(core.CodeNotFound, "There is no such "+what+".")
	}
	return err
}

// micros writes a time for the database; zero is 0.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment reads a time from the database.
func moment(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}
