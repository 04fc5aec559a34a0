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
