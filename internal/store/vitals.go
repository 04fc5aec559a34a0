package store

import (
	"context"
	"database/sql"
	"math"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Connections are this node's connections to the database: with SQLite those
// that read, beside the one that writes.
type Connections struct {
	InUse  int
	Most   int
	Waited time.Duration // by all who found none free, since the start
}

// Connections says how busy the connections are.
func (s *Store) Connections() Connections { return s.engine.connections() }

func connectionsOf(db *sql.DB) Connections {
	stats := db.Stats()
	return Connections{InUse: stats.InUse, Most: stats.MaxOpenConnections, Waited: stats.WaitDuration}
}

// ChangesAge is how long ago this node last read the changes of others, or was
// opened.
func (s *Store) ChangesAge() time.Duration {
	now := time.Now()
	if age := s.feed.age(now); age != math.MaxInt64 {
		return age
	}
	return now.Sub(s.feed.born)
}

// InTouch reports whether this node has read the changes of others lately
// enough to trust what it remembers. One that has not is as slow as its
// database, and the others may be better off.
func (s *Store) InTouch() bool { return s.ChangesAge() < s.feed.limit() }

// Backlog is what waits in the outbox.
type Backlog struct {
	Waiting int64         // messages in line, of all pools
	Oldest  time.Duration // for how long the first of them has waited; 0: there is none
	// Overdue is for how long a mail or a text message could be sent and nobody
	// has taken it; 0: there is none. Logouts do not count: those of an
	// application that is away wait their turn.
	Overdue time.Duration
}

// Backlog counts what waits to leave.
func (a Across) Backlog(ctx context.Context) (Backlog, error) {
	at := a.store.now()
	var b Backlog
	var created, due int64
	row := a.q().QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(MIN(created_at), 0), COALESCE(MIN(CASE WHEN channel <> $1 THEN due_at END), 0) FROM outbox`, string(core.ChannelLogout))
	if err := row.Scan(&b.Waiting, &created, &due); err != nil {
		return Backlog{}, a.failed(err)
	}
	if created > 0 {
		b.Oldest = max(0, at.Sub(moment(created)))
	}
	if due > 0 {
		b.Overdue = max(0, at.Sub(moment(due)))
	}
	return b, nil
}
