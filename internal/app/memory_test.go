package app

import (
	"context"
	"math"
	"runtime/debug"
	"testing"
	"testing/synctest"
)

// TestMemoryIsBounded says what the collector is told, and that an operator's
// word counts more.
func TestMemoryIsBounded(t *testing.T) {
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	defer func() { debug.SetGCPercent(percent); debug.SetMemoryLimit(limit) }()
	for name, c := range map[string]struct {
		percent, wantPercent int
		limit                int64
		bounded              bool
	}{
		"nothing is set":    {100, relaxed, math.MaxInt64, true},
		"GOGC is set":       {50, 50, math.MaxInt64, true},
		"GOMEMLIMIT is set": {100, relaxed, 500 << 20, false},
		"both are set":      {-1, -1, 400 << 20, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				debug.SetGCPercent(c.percent)
				debug.SetMemoryLimit(c.limit)
				ctx, stop := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() { tendMemory(ctx); close(done) }()
				synctest.Wait()
				during := debug.SetMemoryLimit(-1)
				if c.bounded && (during < plenty || during == math.MaxInt64) || !c.bounded && during != c.limit {
					t.Errorf("law: memory is bounded where nobody else did it; the bound is %d", during)
				}
				stop()
				<-done
				got := debug.SetGCPercent(100)
				if got != c.wantPercent {
					t.Errorf("law: the collector rests where nobody said otherwise; it is at %d in place of %d", got, c.wantPercent)
				}
				if after := debug.SetMemoryLimit(math.MaxInt64); after != c.limit {
					t.Errorf("law: a server that stopped leaves no bound behind; it is %d in place of %d", after, c.limit)
				}
			})
		})
	}
}
