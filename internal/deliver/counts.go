package deliver

import (
	"errors"
	"sync/atomic"
)

// Counts are what a worker has done since the start.
type Counts struct {
	Sent    int64
	PutOff  int64 // tries that failed, and will be made again
	Dropped int64 // messages that were given up
	Panics  int64
	// Failing: the last try to reach the mail server did not. False before the
	// first one.
	Failing bool
}

// Counts says what the worker has done.
func (w *Worker) Counts() Counts {
	c := &w.counts
	return Counts{Sent: c.sent.Load(), PutOff: c.putOff.Load(), Dropped: c.dropped.Load(), Panics: c.panics.Load(), Failing: c.failing.Load()}
}

type counts struct {
	sent, putOff, dropped, panics atomic.Int64
	failing                       atomic.Bool
}

// tried counts what came of a try.
func (c *counts) tried(failure error) {
	gone, isDropped := errors.AsType[dropped](failure)
	switch {
	case isDropped:
		c.dropped.Add(1)
		if gone.reason == DropRefused {
			c.failing.Store(false) // by a server that answers
		}
	case failure != nil:
		c.putOff.Add(1)
		c.failing.Store(true)
	default:
		c.sent.Add(1)
		c.failing.Store(false)
	}
}
