package store

import (
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Change says that something was written which other nodes may remember
// otherwise. The command line is a node too.
type Change struct {
	Pool core.PoolID
	Kind ChangeKind
	Ref  string
}

// ChangeKind says what sort of thing changed.
type ChangeKind string

// The kinds of change.
const (
	ChangePool    ChangeKind = "pool"    // settings or hosts; ref is the pool
	ChangeKey     ChangeKind = "key"     // an API key; ref is its id
	ChangeUser    ChangeKind = "user"    // a person; ref is the id
	ChangeSession ChangeKind = "session" // a session; ref is the id
	ChangeSigning ChangeKind = "signing" // the signing keys; ref is the pool
	ChangeKeys    ChangeKind = "keys"    // the deployment's keys; of no pool

	ChangeApplication ChangeKind = "application" // an application or a secret of it; ref is its id
)

// changed puts a change in line for every node, in the same transaction as
// what changed. The same is said once.
func (tx *Tx) changed(kind ChangeKind, ref string) error {
	if slices.Contains(tx.changes, Change{tx.pool, kind, ref}) {
		return nil
	}
	_, err := tx.exec(`INSERT INTO changes (pool, kind, ref, created_at) VALUES ($1, $2, $3, $4)`, string(kind), ref, micros(tx.now))
	if err == nil {
		tx.changes = append(tx.changes, Change{tx.pool, kind, ref})
	}
	return err
}

const (
	// pollEvery is how often a node asks for the changes of others, and
	// warnEvery how often it says that it cannot.
	pollEvery = 250 * time.Millisecond
	warnEvery = time.Minute
	// settleAfter is how long a number is kept open: on PostgreSQL a lower
	// one may be committed after a higher one, but not later than its
	// transaction may run.
	settleAfter = 15 * time.Second
	// readWithin is how long one reading may take.
	readWithin = 3 * time.Second
	// trustFor is how long memories are trusted when no changes can be read
	// because the database is down: then nobody else can make any.
	trustFor = 30 * time.Second
	// trustInSilence is the same when the database may be up, and only out of
	// this node's reach.
	trustInSilence = 5 * time.Second
)

// feed hands changes, this node's own and the others', to whoever remembers.
type feed struct {
	store *Store

	mu        sync.Mutex
	listeners []func(Change)
	queued    map[core.Channel]chan struct{}

	floor  int64 // every number up to here was handed on
	seen   map[int64]bool
	marks  []mark
	born   time.Time    // by whose monotonic reading time is counted here: a clock may be set meanwhile
	readAt atomic.Int64 // when the last successful reading began, in nanoseconds since born; 0 before Follow
	down   atomic.Bool  // the last reading failed because the database is down
}

// mark remembers how far the numbers had come at a time.
type mark struct {
	at  time.Time
	seq int64
}

func newFeed(s *Store) *feed {
	f := &feed{store: s, born: time.Now(), seen: make(map[int64]bool), queued: make(map[core.Channel]chan struct{})}
	for _, channel := range core.Channels() {
		f.queued[channel] = make(chan struct{}, 1)
	}
	return f
}

// Watch calls fn for every change from now on, before the Update that made it
// returns if it was made here. The empty Change says that some may have been
// missed: whatever is remembered has to go. fn must be quick.
func (s *Store) Watch(fn func(Change)) {
	s.feed.mu.Lock()
	defer s.feed.mu.Unlock()
	s.feed.listeners = append(s.feed.listeners, fn)
}

// Queued receives after messages of a channel were put in line on this node.
func (s *Store) Queued(channel core.Channel) <-chan struct{} {
	return s.feed.queued[channel]
}

// Follow reads the changes of other nodes until ctx ends, and with them the
// peppers. Without it nothing is remembered.
func (s *Store) Follow(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	compared := time.Now()
	var warned time.Time // zero while all is well
	for {
		err := s.feed.read(ctx)
		s.feed.down.Store(s.engine.down(err))
		if err == nil {
			warned = time.Time{}
		}
		if err != nil && ctx.Err() == nil {
			if time.Since(warned) >= warnEvery {
				warned = time.Now()
				s.log.Warn("cannot read the changes of other nodes", "error", err)
			}
		} else if time.Since(compared) >= clockEvery {
			compared = time.Now()
			if err := s.clock.compare(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("cannot read the database's clock", "error", err)
			}
		}
		s.followKeys(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// fresh reports whether what is remembered may still be trusted.
func (f *feed) fresh() bool { return f.age(time.Now()) < f.limit() }

// limit is how old the last reading may be.
func (f *feed) limit() time.Duration {
	if f.down.Load() {
		return trustFor
	}
	return trustInSilence
}

// age is how long ago changes were last read; forever if they never were.
func (f *feed) age(now time.Time) time.Duration {
	readAt := f.readAt.Load()
	if readAt == 0 {
		return math.MaxInt64
	}
	return now.Sub(f.born) - time.Duration(readAt)
}

// committed hands on what a transaction of this node changed.
func (f *feed) committed(tx *Tx) {
	for _, c := range tx.changes {
		f.tell(c)
	}
	for _, channel := range tx.queued {
		wake(f.queued[channel])
	}
}

// wake tells whoever waits, or will next look.
func wake(waiting chan<- struct{}) {
	select {
	case waiting <- struct{}{}:
	default:
	}
}

func (f *feed) tell(c Change) {
	f.mu.Lock()
	listeners := f.listeners
	f.mu.Unlock()
	for _, fn := range listeners {
		fn(c)
	}
}

// catchUp begins at the newest change: what is older was never remembered.
func (f *feed) catchUp(ctx context.Context) error {
	row := f.store.engine.follower().QueryRowContext(ctx, `SELECT COALESCE(MAX(seq), 0) FROM changes`)
	var top int64
	if err := row.Scan(&top); err != nil {
		return err
	}
	f.marks = []mark{{time.Now(), top}}
	// Numbers below the top may still be in a transaction: read them once more.
	f.floor = max(0, top-1000)
	return nil
}

// read hands on what is new. Numbers are read again until they have settled,
// and each is handed on once.
func (f *feed) read(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	started := time.Now()
	type numbered struct {
		seq int64
		Change
	}
	var fresh []numbered
	rows, err := f.store.engine.follower().QueryContext(ctx, `SELECT seq, pool, kind, ref FROM changes WHERE seq > $1 ORDER BY seq`, f.floor)
	err = each(rows, err, func(row scanner) error {
		var n numbered
		err := row.Scan(&n.seq, &n.Pool, &n.Kind, &n.Ref)
		if err == nil && !f.seen[n.seq] {
			fresh = append(fresh, n)
		}
		return err
	})
	if err != nil {
		return err
	}
	if f.readAt.Load() != 0 && f.age(started) >= trustFor {
		// Changes are swept after a while, and this node may have been cut off
		// for longer.
		f.tell(Change{})
	}
	top := f.floor
	for _, n := range fresh {
		f.tell(n.Change)
		f.seen[n.seq] = true
		top = max(top, n.seq)
	}
	if last := f.marks[len(f.marks)-1]; top > last.seq {
		f.marks = append(f.marks, mark{started, top})
	}
	for len(f.marks) > 1 && started.Sub(f.marks[0].at) > settleAfter {
		f.floor = f.marks[0].seq
		f.marks = f.marks[1:]
		for seq := range f.seen {
			if seq <= f.floor {
				delete(f.seen, seq)
			}
		}
	}
	f.readAt.Store(max(1, int64(started.Sub(f.born))))
	return nil
}
