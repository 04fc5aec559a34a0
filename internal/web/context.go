package web

import (
	"context"
	"sync"
	"time"
)

type requestKey struct{}

// requestContext is a request's context: what is known of it, and by when it
// must be done. Most requests are answered from memory, so the timer behind
// the deadline is only started for who waits on Done.
type requestContext struct {
	context.Context
	request  Request
	route    *Route
	deadline time.Time

	once   sync.Once
	timed  context.Context
	cancel context.CancelFunc
}

// Value implements [context.Context].
func (c *requestContext) Value(key any) any {
	if key == (requestKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// Deadline implements [context.Context].
func (c *requestContext) Deadline() (time.Time, bool) { return c.deadline, true }

// Done implements [context.Context].
func (c *requestContext) Done() <-chan struct{} { return c.start().Done() }

// Err implements [context.Context].
func (c *requestContext) Err() error { return c.start().Err() }

func (c *requestContext) start() context.Context {
	c.once.Do(func() { c.timed, c.cancel = context.WithDeadline(c.Context, c.deadline) })
	return c.timed
}

// end stops the timer, and keeps one from being started for nobody.
func (c *requestContext) end() {
	c.once.Do(func() { c.timed, c.cancel = c.Context, func() {} })
	c.cancel()
}
