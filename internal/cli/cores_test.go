package cli

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// There is room for more goroutines while people wait for a hash, and not
// before and not long after.
func TestCoresFollowTheQueue(t *testing.T) {
	usual := runtime.GOMAXPROCS(0)
	synctest.Test(t, func(t *testing.T) {
		var waiting atomic.Int64
		stop := tendCores(func() secret.Load { return secret.Load{Slots: 3, Waiting: waiting.Load()} })
		look := func(when string, after time.Duration, want int) {
			time.Sleep(after)
			synctest.Wait()
			if got := runtime.GOMAXPROCS(0); got != want {
				t.Errorf("%s %d run at a time, want %d", when, got, want)
			}
		}
		look("while nobody waits", time.Minute, usual)
		waiting.Store(1)
		look("once somebody waits", lookEvery, usual+3)
		waiting.Store(0)
		look("a moment without anybody later", calmFor-lookEvery, usual+3)
		look("when it is over", 3*lookEvery, usual)
		waiting.Store(1)
		look("the next time", lookEvery, usual+3)
		stop()
		look("at the end", 0, usual)
	})
}
