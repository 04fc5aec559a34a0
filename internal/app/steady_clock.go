package app

import "time"

const (
	// steadyJump is how far a clock may move against the time that passes.
	steadyJump = time.Minute
	// steadyRest is for how long one that moved further is not believed.
	steadyRest = time.Hour
)

// steadyClock watches a clock for jumps, because what is deleted for being old
// does not come back when the clock does.
type steadyClock struct {
	wall, seen time.Time // what it said, and when by the time that passes
	until      time.Time // when it is believed again
}

// steady reports whether the clock, which says now, has gone as time passes
// for the last hour, as far as it was watched.
func (c *steadyClock) steady(now time.Time) bool {
	seen := time.Now()
	if !c.seen.IsZero() {
		// Without the monotonic readings, which do not jump.
		if jump := now.Round(0).Sub(c.wall.Round(0)) - seen.Sub(c.seen); jump.Abs() > steadyJump {
			c.until = seen.Add(steadyRest)
		}
	}
	c.wall, c.seen = now, seen
	return !seen.Before(c.until)
}
