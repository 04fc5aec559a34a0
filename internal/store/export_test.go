package store

import (
	"context"
	"time"

	"github.com/pressly/goose/v3"
)

// MigrateDown takes every step back. No program does; the test of the way back
// does.
func MigrateDown(ctx context.Context, database string) error { return MigrateDownTo(ctx, database, 0) }

// MigrateDownTo takes the steps after a version back.
func MigrateDownTo(ctx context.Context, database string, version int64) error {
	return withProvider(ctx, database, func(p *goose.Provider) error {
		_, err := p.DownTo(ctx, version)
		return err
	})
}

// LoseTouch lets a store believe that it could not read changes for so long.
func (s *Store) LoseTouch(d time.Duration) {
	s.feed.readAt.Add(-int64(d))
}

// MigrateTo takes the steps up to one of them.
func MigrateTo(ctx context.Context, database string, step int64) error {
	return migrateTo(ctx, database, step)
}

// TablesAt names the tables that the table of tables has for a schema.
func TablesAt(schema int64) []string {
	var names []string
	for _, t := range tablesAt(schema) {
		names = append(names, t.name)
	}
	return names
}
