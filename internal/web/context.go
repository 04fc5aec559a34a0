package web

import (
	"context"
	"errors"
	"net/http"
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
	answer   *answer
	long     bool // it may take its time

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

// Unhurried lets a request take longer than others. It returns the context
// without the deadline: it ends when the client goes. more gives the client so
// long, from now on, for what it sends or takes next: who calls it whenever
// something came keeps a slow client, and not one that does nothing.
func Unhurried(ctx context.Context) (unhurried context.Context, more func(time.Duration) error) {
	c, ok := ctx.Value(requestKey{}).(*requestContext)
	if !ok {
		return ctx, func(time.Duration) error { return nil }
	}
	c.long = true
	control := http.NewResponseController(c.answer)
	return context.WithValue(c.Context, requestKey{}, c), func(d time.Duration) error {
		until := time.Now().Add(d)
		err := errors.Join(control.SetReadDeadline(until), control.SetWriteDeadline(until.Add(d)))
		if errors.Is(err, http.ErrNotSupported) {
			return nil // there is no connection
		}
		return err
	}
}
