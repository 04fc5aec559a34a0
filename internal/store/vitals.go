package store

import (
	"database/sql"
	"time"
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
