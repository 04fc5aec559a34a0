package app

import (
	"context"
	"math"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"
)

const (
	// relaxed is how many percent of what is in use the heap may grow by before
	// it is collected: so little is in use that collecting at twice as much, as
	// is usual, is most of the work of a token check.
	relaxed = 400
	// plenty is the memory of the program, in bytes, from which on it is
	// collected sooner. A password hash takes 19 MiB, and would be counted in
	// use four times over.
	plenty = 64 << 20
	// tendEvery is how often the bound follows what is in use.
	tendEvery = 5 * time.Second
)

// tendMemory lets the collector rest while little is in use, and keeps the
// process small: it gives back what the start took, and until ctx ends bounds
// the memory by [plenty], or by twice what is in use if that is more. What the
// operator has set by GOGC or GOMEMLIMIT stays.
func tendMemory(ctx context.Context) {
	const usual = 100
	if was := debug.SetGCPercent(relaxed); was != usual {
		debug.SetGCPercent(was)
	}
	debug.FreeOSMemory()
	if debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return
	}
	tick := time.NewTicker(tendEvery)
	defer tick.Stop()
	for {
		debug.SetMemoryLimit(max(plenty, 2*inUse()))
		select {
		case <-ctx.Done():
			debug.SetMemoryLimit(math.MaxInt64)
			return
		case <-tick.C:
		}
	}
}

// inUse is what the collector last found in use, in bytes.
func inUse() int64 {
	live := []runtimemetrics.Sample{{Name: "/gc/heap/live:bytes"}}
	runtimemetrics.Read(live)
	return int64(live[0].Value.Uint64())
}
