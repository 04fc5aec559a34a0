package cli

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

const (
	// lookEvery is how long people wait for a hash before it is seen that they do.
	lookEvery = 50 * time.Millisecond
	// calmFor is for how long nobody waits before that counts as over.
	calmFor = 5 * time.Second
)

// tendCores lets so many more goroutines run at a time as passwords are hashed,
// for as long as people wait for their turn: no other request waits then until
// a hash has had its turn, because the system shares the cores out sooner than
// Go does. While nobody waits, threads without work would only cost time. It is
// for a process that does nothing else. The function that it returns ends it.
func tendCores(load func() secret.Load) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		usual, wide := runtime.GOMAXPROCS(0), false
		var waited time.Time
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				if wide {
					runtime.GOMAXPROCS(usual)
				}
				return
			case now := <-tick.C:
				l := load()
				if l.Waiting > 0 {
					waited = now
				}
				if waiting := l.Waiting > 0; waiting != wide && (waiting || now.Sub(waited) > calmFor) {
					if wide = waiting; wide {
						usual = runtime.GOMAXPROCS(0)
						runtime.GOMAXPROCS(usual + l.Slots)
					} else {
						runtime.GOMAXPROCS(usual)
					}
				}
			}
		}
	})
	return func() { cancel(); running.Wait() }
}
