package app

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestClockThatJumpsDeletesNothing says when a clock is believed that something
// is old.
func TestClockThatJumpsDeletesNothing(t *testing.T) {
	for name, jump := range map[string]time.Duration{"ahead": 365 * 24 * time.Hour, "back": -10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			var c steadyClock
			off := time.Duration(0)
			passes := func(d time.Duration, want bool) {
				t.Helper()
				time.Sleep(d)
				if got := c.steady(time.Now().Add(off)); got != want {
					t.Errorf("law: a clock that jumped %s is believed after an hour without a jump, and no sooner; believed: %t", name, got)
				}
			}
			passes(0, true)
			passes(time.Minute, true)
			off = 50 * time.Second // a correction, no jump
			passes(time.Minute, true)
			off += jump
			passes(time.Minute, false)
			passes(50*time.Minute, false)
			passes(11*time.Minute, true)
			off -= jump
			passes(time.Minute, false)
			passes(time.Hour, true)
		})
	}
}
