package store

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// Within two seconds of the database's clock a node's own counts, and else the
// database's. The log says so when that changes, and only then.
func TestR10ClockFollowsTheDatabase(t *testing.T) {
	var text bytes.Buffer
	c := &clock{log: slog.New(slog.NewTextHandler(&text, nil))}
	ours := time.Now()
	if !c.at(ours).Equal(ours) {
		t.Error("law: a clock that there is nothing to compare with is taken")
	}
	for _, s := range []struct {
		ahead time.Duration // of the node
		says  string        // the log, once
	}{
		{0, ""}, {time.Second, ""}, {-2 * time.Second, ""},
		{3 * time.Second, "clock is wrong"}, {time.Hour, ""}, {-time.Hour, ""}, {-10 * time.Minute, ""}, {24 * 365 * time.Hour, ""},
		{time.Second, "agrees"}, {-30 * time.Second, "clock is wrong"}, {0, "agrees"},
	} {
		text.Reset()
		ours := time.Now()
		theirs := ours.Round(0).Add(-s.ahead)
		c.take(reading{theirs, ours})
		const later = 7 * time.Second
		want := theirs.Add(later)
		if s.ahead.Abs() <= clockTrust {
			want = ours.Add(later)
		}
		if got := c.at(ours.Add(later)); distance(got, want) != 0 {
			t.Errorf("law: a clock that is %s ahead is right within %s; it is off by %s", s.ahead, clockTrust, distance(got, want))
		}
		if s.says == "" && text.Len() > 0 || !strings.Contains(text.String(), s.says) {
			t.Errorf("law: the log tells of a clock that gets out of step, once; of %s it says %q", s.ahead, text.String())
		}
	}
}
