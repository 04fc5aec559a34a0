package app

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// compareEvery is how often the clock is compared with the database's.
	compareEvery = 10 * time.Second
	// clockDoubt is the distance at which the log warns: tokens and codes end
	// by this machine's clock, and those of other servers by theirs.
	clockDoubt = 2 * time.Second
)

// clock is how far the database's clock is from this machine's.
type clock struct {
	ahead atomic.Pointer[time.Duration]
}

// offset is the database's time less ours, as last measured; false before the
// first time.
func (c *clock) offset() (time.Duration, bool) {
	if ahead := c.ahead.Load(); ahead != nil {
		return *ahead, true
	}
	return 0, false
}

// compareClocks measures until ctx ends. It warns when the distance becomes too
// long, and says when it no longer is.
func (a *App) compareClocks(ctx context.Context) {
	tick := time.NewTicker(compareEvery)
	defer tick.Stop()
	for far := false; ; {
		offset, err := a.compareClock(ctx)
		switch {
		case err != nil:
			if ctx.Err() == nil {
				a.log.Debug("cannot compare the clock with the database's", "error", err)
			}
		case offset.Abs() > clockDoubt && !far:
			a.log.Warn("this machine's clock is far from the database's: tokens and codes end at the wrong time", "offset", offset, "remedy", "set both clocks by NTP")
			far = true
		case offset.Abs() <= clockDoubt && far:
			a.log.Info("this machine's clock is near the database's again", "offset", offset)
			far = false
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// compareClock measures once.
func (a *App) compareClock(ctx context.Context) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	before := time.Now()
	theirs, err := a.Store.Now(ctx)
	if err != nil {
		return 0, err
	}
	// The database answered somewhere between before and now.
	offset := theirs.Sub(before.Add(time.Since(before) / 2))
	a.clock.ahead.Store(&offset)
	return offset, nil
}
