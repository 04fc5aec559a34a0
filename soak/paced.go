package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// times are how long requests took.
type times struct {
	mu     sync.Mutex
	all    []time.Duration
	faults int
	fault  error // the first of them
}

func (t *times) add(d time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		if t.faults++; t.fault == nil {
			t.fault = err
		}
		return
	}
	t.all = append(t.all, d)
}

// part is the time that so many of a thousand took at most.
func (t *times) part(thousandth int) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.all) == 0 {
		return 0
	}
	slices.Sort(t.all)
	return t.all[min(len(t.all)*thousandth/1000, len(t.all)-1)]
}

func (t *times) String() string {
	return fmt.Sprintf("%d, p50 %s, p99 %s, longest %s, %d failed", len(t.all)+t.faults, short(t.part(500)), short(t.part(990)), short(t.part(1000)), t.faults)
}

func short(d time.Duration) string { return d.Round(10 * time.Microsecond).String() }

// paced does something so often a second until ctx ends, and then waits for
// what is under way. How long each takes is counted from when it was due: a
// server that is slow does not slow down those who ask it.
func paced(ctx context.Context, perSecond float64, do func(i int, due time.Time)) {
	var running sync.WaitGroup
	defer running.Wait()
	started, every := time.Now(), time.Duration(float64(time.Second)/perSecond)
	for i := 0; ; i++ {
		due := started.Add(time.Duration(i) * every)
		if wait := time.Until(due); wait > 0 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(wait):
			}
		} else if ctx.Err() != nil {
			return
		}
		running.Go(func() { do(i, due) })
	}
}

// closed does something over and over, so many at once, until ctx ends, and
// returns how many succeeded a second.
func closed(ctx context.Context, workers int, do func(i int) error) (float64, error) {
	var running sync.WaitGroup
	var mu sync.Mutex
	var done int
	var fault error
	started := time.Now()
	for w := range workers {
		running.Go(func() {
			for i := w; ctx.Err() == nil; i += workers {
				err := do(i)
				mu.Lock()
				if err == nil {
					done++
				} else {
					fault = err
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	running.Wait()
	return float64(done) / time.Since(started).Seconds(), fault
}
