package deliver

import (
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// The pause doubles from one second to an hour, is spread over its second
// half, and leaves time for another try.
func TestPause(t *testing.T) {
	const forever = 1000 * time.Hour
	for _, c := range []struct {
		tries int
		left  time.Duration
		most  time.Duration
	}{
		{1, forever, time.Second}, {2, forever, 2 * time.Second}, {5, forever, 16 * time.Second}, {12, forever, 2048 * time.Second},
		{13, forever, time.Hour}, {1_000_000, forever, time.Hour},
		{12, 10 * time.Minute, 5 * time.Minute}, {12, time.Second, time.Second}, {12, -time.Hour, time.Second},
	} {
		seen := make(map[time.Duration]bool)
		for range 100 {
			got := pause(core.NewMessageID(), c.tries, c.left)
			if got <= c.most/2 || got > c.most {
				t.Fatalf("after %d tries with %s left: %s, not from %s to %s", c.tries, c.left, got, c.most/2, c.most)
			}
			seen[got] = true
		}
		if len(seen) < 10 {
			t.Errorf("after %d tries with %s left all wait alike", c.tries, c.left)
		}
	}
}
