package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

// TestProgress says what people see of something long, at which time.
func TestProgress(t *testing.T) {
	for name, c := range map[string]struct {
		terminal bool
		want     string
	}{
		"on a terminal": {true, "\r[######........................]  20% 150 rows  10/s  40s left\x1b[K" +
			"\r[###############...............]  50% 300 rows  10/s  25s left\x1b[K\r[##############################] 100% 550 rows  10/s\x1b[K\n"},
		"elsewhere": {false, " 50% 300 rows  10/s  25s left\n100% 550 rows  10/s\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			now := time.Unix(0, 0)
			// It was cut off at a twentieth, behind 50 rows.
			p := &progress{out: &out, terminal: c.terminal, noun: "rows", size: 1000, first: 0, before: 50, began: now, told: now, now: func() time.Time { return now }}
			p.tell(0, 50) // at once: there is nothing to say
			now = now.Add(10*time.Second - 1)
			if c.terminal {
				p.tell(200, 150)
			}
			now = now.Add(15*time.Second + 1)
			p.tell(500, 300)
			p.tell(501, 301) // at once
			now = now.Add(25 * time.Second)
			p.end(1000, 550)
			if got := strings.ReplaceAll(out.String(), "%  ", "% "); got != c.want {
				t.Errorf("law: progress is told now and then; there is %q in place of %q", got, c.want)
			}
		})
	}
}
