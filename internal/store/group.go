package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"modernc.org/sqlite"
)

// groupSize is how many transactions share one commit at most.
const groupSize = 128

// errClosed is returned for a write after the store was closed.
var errClosed = errors.New("the database is closed")

// writer is the one connection that writes to SQLite. A commit waits for the
// disk, so writes that arrive meanwhile are gathered: one commit serves them
// all, and every caller is answered after that commit. One goroutine owns the connection, so writers queue instead of
// colliding.
type writer struct {
	conn     *sql.Conn
	prepared *preparer
	queue    chan *write
	closing  chan struct{}
	closed   chan struct{}
	once     sync.Once
}

// write is one caller's transaction in the queue.
type write struct {
	fn    transaction
	state atomic.Int32
	err   error
	done  chan struct{}
}

// A write is waiting until the writer takes it up or the caller gives it up,
// whichever is first.
const (
	writeWaiting = iota
	writeTaken
	writeGivenUp
)

func newWriter(conn *sql.Conn) *writer {
	w := &writer{
		conn: conn, prepared: newPreparer(conn),
		queue: make(chan *write, 4*groupSize), closing: make(chan struct{}), closed: make(chan struct{}),
	}
	go w.run()
	return w
}

// do queues fn and waits for its commit. A caller whose context ends before
// its turn has written nothing; after that it waits for the outcome, so that
// an error always means that nothing was written.
func (w *writer) do(ctx context.Context, fn transaction) error {
	if err := ctx.Err(); err != nil {
		return err // else the queue and the end of the context would draw lots
	}
	item := &write{fn: fn, done: make(chan struct{})}
	select {
	case w.queue <- item:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.closing:
		return errClosed
	}
	select {
	case <-item.done:
	case <-ctx.Done():
		if item.state.CompareAndSwap(writeWaiting, writeGivenUp) {
			return ctx.Err()
		}
		<-item.done
	case <-w.closed:
		if item.state.CompareAndSwap(writeWaiting, writeGivenUp) {
			return errClosed
		}
		<-item.done
	}
	return item.err
}

// close ends the writer after what is queued.
func (w *writer) close() error {
	w.once.Do(func() { close(w.closing) })
	<-w.closed
	return errors.Join(w.prepared.close(), w.conn.Close())
}

func (w *writer) run() {
	defer close(w.closed)
	for {
		select {
		case first := <-w.queue:
			w.commit(w.gather(first))
		case <-w.closing:
			for {
				select {
				case first := <-w.queue:
					w.commit(w.gather(first))
				default:
					return
				}
			}
		}
	}
}

// gather takes what waits already, up to a group.
func (w *writer) gather(first *write) []*write {
	group := make([]*write, 0, 16)
	for next := first; ; {
		if next.state.CompareAndSwap(writeWaiting, writeTaken) {
			group = append(group, next)
		}
		if len(group) == groupSize {
			return group
		}
		select {
		case next = <-w.queue:
		default:
			return group
		}
	}
}

// commit runs a group in one transaction. The connection is never given a
// caller's context: a cancelled one would roll the whole group back.
//
// Nearly always everybody's write succeeds, so the group is tried as if it were
// one. If somebody's fails, it is taken back and run again with a savepoint for
// each, which costs more.
func (w *writer) commit(group []*write) {
	if len(group) == 0 {
		return
	}
	err := w.transaction(func(ctx context.Context) error { return w.together(ctx, group) })
	if errors.Is(err, errOneFailed) && len(group) > 1 {
		err = w.transaction(func(ctx context.Context) error { return w.apart(ctx, group) })
	}
	for _, item := range group {
		if err != nil && !errors.Is(err, errOneFailed) {
			item.err = err
		}
		close(item.done)
	}
}

// errOneFailed ends a transaction in which somebody's write failed.
var errOneFailed = errors.New("a write of the group failed")

// transaction commits what fn did, or takes all of it back.
func (w *writer) transaction(fn func(context.Context) error) error {
	ctx := context.Background()
	err := w.begin(ctx)
	if err != nil {
		return err
	}
	if err = fn(ctx); err == nil {
		err = w.step(ctx, `COMMIT`)
	}
	if err != nil {
		// Whatever the cause, nobody of the group has written. The error of a
		// rollback is the same cause once more.
		_ = w.step(ctx, `ROLLBACK`)
	}
	return err
}

// busyFor is how long the writer waits for another process that writes, the
// command line for one: less than a request may take. busyNap is the time
// between two looks.
const (
	busyFor = 4 * time.Second
	busyNap = 5 * time.Millisecond
)

// begin waits here and not in SQLite, whose wait nothing can end.
func (w *writer) begin(ctx context.Context) error {
	for started := time.Now(); ; time.Sleep(busyNap) {
		err := w.step(ctx, `BEGIN IMMEDIATE`)
		if !busy(err) || time.Since(started) > busyFor {
			return err
		}
	}
}

// together runs the writes one after the other, until one fails.
func (w *writer) together(ctx context.Context, group []*write) error {
	for _, item := range group {
		if item.err = guarded(ctx, item.fn, w.prepared); item.err != nil {
			return errOneFailed
		}
	}
	return nil
}

// apart runs the writes one by one, so that one that fails takes back nothing
// but itself. It returns an error only when the transaction as a whole cannot
// go on.
func (w *writer) apart(ctx context.Context, group []*write) error {
	for _, item := range group {
		if err := w.step(ctx, `SAVEPOINT one`); err != nil {
			return err
		}
		if item.err = guarded(ctx, item.fn, w.prepared); item.err != nil {
			if err := w.step(ctx, `ROLLBACK TO one`); err != nil {
				// SQLite has taken everything back by itself, as when the disk is
				// full. Why, the write's error says.
				if cause, ok := errors.AsType[*sqlite.Error](item.err); ok {
					return cause
				}
				return err
			}
		}
		if err := w.step(ctx, `RELEASE one`); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) step(ctx context.Context, statement string) error {
	_, err := w.prepared.ExecContext(ctx, statement)
	return err
}

// guarded turns a panic of fn into an error: the writer serves everybody.
func guarded(ctx context.Context, fn transaction, q querier) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic in a transaction: %v\n%s", v, debug.Stack())
		}
	}()
	return fn(ctx, q)
}

// preparer runs each statement prepared, remembering it by its text: the
// statements of the store are a fixed set.
type preparer struct {
	on   preparable
	mu   sync.RWMutex
	made map[string]*sql.Stmt
}

// preparable is *sql.DB or *sql.Conn.
type preparable interface {
	querier
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
}

func newPreparer(on preparable) *preparer {
	return &preparer{on: on, made: make(map[string]*sql.Stmt)}
}

// maxPrepared bounds the memory; lists with filters have many texts.
const maxPrepared = 500

// statement returns the prepared statement, or nil when there is no room for
// another: then the text runs unprepared. A statement is closed with the
// preparer only, because closing one of a connection pulls it from under the
// rows that still read from it.
func (p *preparer) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	p.mu.RLock()
	stmt, full := p.made[query], len(p.made) >= maxPrepared
	p.mu.RUnlock()
	if stmt != nil || full {
		return stmt, nil
	}
	stmt, err := p.on.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if other := p.made[query]; other != nil {
		return other, stmt.Close()
	}
	p.made[query] = stmt
	return stmt, nil
}

func (p *preparer) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	stmt, err := p.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return p.on.ExecContext(ctx, query, args...)
	}
	return stmt.ExecContext(ctx, args...)
}

func (p *preparer) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	stmt, err := p.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	if stmt == nil {
		return p.on.QueryContext(ctx, query, args...)
	}
	return stmt.QueryContext(ctx, args...)
}

func (p *preparer) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	stmt, err := p.statement(ctx, query)
	if err != nil || stmt == nil {
		// Unprepared it fails in the same way, and a Row holds that error.
		return p.on.QueryRowContext(ctx, query, args...)
	}
	return stmt.QueryRowContext(ctx, args...)
}

func (p *preparer) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, stmt := range p.made {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}
