package store

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"
)

const (
	// clockEvery is how often a node compares its clock with the database's.
	clockEvery = time.Second
	// clockTrust is how far the two may differ for the node's own to be taken.
	clockTrust = 2 * time.Second
)

// clock is the time of a deployment: a node's own clock while it agrees with
// the database's, and else the database's as it was last read, carried on by
// what a clock that jumps does not change, the node's count of the time that
// passes. Where the database is in the process there is no other clock, and
// where it could not be read yet there is none to compare with.
type clock struct {
	engine engine
	log    *slog.Logger
	last   atomic.Pointer[reading]
	off    bool // the node's clock was, when it was last compared
}

// reading is what the database's clock said at a moment of this node.
type reading struct {
	theirs time.Time
	ours   time.Time // with the monotonic reading
}

// now is the time.
func (c *clock) now() time.Time { return c.at(time.Now()) }

// at corrects a time that was read a moment ago, if it is far off.
func (c *clock) at(ours time.Time) time.Time {
	last := c.last.Load()
	if last == nil {
		return ours
	}
	theirs := last.theirs.Add(ours.Sub(last.ours)) // by the monotonic readings
	if distance(ours, theirs).Abs() <= clockTrust {
		return ours
	}
	return theirs
}

// distance is how far ahead of a clock another one is, whatever passed
// meanwhile: monotonic readings are left out.
func distance(ahead, of time.Time) time.Duration { return ahead.Round(0).Sub(of.Round(0)) }

// compare reads the database's clock. When this node's gets out of step with
// it, and when it comes back, the log says so.
func (c *clock) compare(ctx context.Context) error {
	if !c.engine.distant() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, readWithin) // the feed waits for this
	defer cancel()
	before := time.Now()
	theirs, err := c.engine.now(ctx)
	if err != nil {
		return err
	}
	took := time.Since(before)
	if took > clockTrust {
		return nil // too slow an answer says nothing
	}
	// The database answered somewhere in between.
	c.take(reading{theirs, before.Add(took / 2)})
	return nil
}

func (c *clock) take(r reading) {
	c.last.Store(&r)
	ahead := distance(r.ours, r.theirs)
	off := ahead.Abs() > clockTrust
	switch {
	case off && !c.off:
		c.log.Error("this machine's clock is wrong: the database's is used in its place; set both by NTP", "ahead", ahead.Round(time.Millisecond).String())
	case !off && c.off:
		c.log.Info("this machine's clock agrees with the database's again")
	}
	c.off = off
}

// Clock is the time by which it is decided what has passed.
func (s *Store) Clock() time.Time { return s.clock.now() }

// ClockOffset is how far the database's clock is ahead of this machine's,
// negative for behind, as last read; false where it was not read yet.
func (s *Store) ClockOffset() (time.Duration, bool) {
	if !s.engine.distant() {
		return 0, true
	}
	last := s.clock.last.Load()
	if last == nil {
		return 0, false
	}
	return distance(last.theirs, last.ours), true
}

func (s *Store) now() time.Time { return stored(s.clock.now()) }

// stored is a time at the precision that is stored.
func stored(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
