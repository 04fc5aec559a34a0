package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
)

// progress says how far something long is: on a terminal by a bar that stays on
// its line, elsewhere by a line now and then.
type progress struct {
	out      io.Writer
	terminal bool
	noun     string // what is counted
	size     int64  // of all there is, in bytes
	first    int64  // bytes and things that had been dealt with before
	before   int64
	began    time.Time
	told     time.Time // when something was said last
	now      func() time.Time
}

// newProgress begins with what had been dealt with before.
func (c *console) newProgress(noun string, size, first, before int64) *progress {
	f, ok := c.Err.(*os.File)
	p := &progress{out: c.Err, terminal: ok && isatty.IsTerminal(f.Fd()), noun: noun, size: size, first: first, before: before, now: time.Now}
	p.began = p.now()
	p.told = p.began
	return p
}

const (
	barEvery  = 100 * time.Millisecond
	lineEvery = 10 * time.Second
	barWidth  = 30
)

// tell says how far it is, if it is time to.
func (p *progress) tell(bytes, count int64) {
	every := lineEvery
	if p.terminal {
		every = barEvery
	}
	if now := p.now(); now.Sub(p.told) >= every {
		p.told = now
		p.write(bytes, count)
	}
}

// end says how far it is for the last time.
func (p *progress) end(bytes, count int64) {
	p.write(bytes, count)
	if p.terminal {
		p.print("\n")
	}
}

func (p *progress) write(bytes, count int64) {
	done := 1.0
	if p.size > 0 {
		done = min(1, float64(bytes)/float64(p.size))
	}
	took := p.now().Sub(p.began).Seconds()
	text := fmt.Sprintf("%3.0f%%  %d %s", 100*done, count, p.noun)
	if took > 0 && count > p.before {
		text += fmt.Sprintf("  %.0f/s", float64(count-p.before)/took)
	}
	if rest := p.size - bytes; took > 0 && bytes > p.first && rest > 0 {
		left := time.Duration(took * float64(rest) / float64(bytes-p.first) * float64(time.Second))
		text += "  " + left.Round(time.Second).String() + " left"
	}
	if !p.terminal {
		p.print(text + "\n")
		return
	}
	full := int(done * barWidth)
	// The line before may have been longer: what is behind is cleared (ECMA-48,
	// section 8.3.41).
	p.print("\r[" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "] " + text + "\x1b[K")
}

func (p *progress) print(text string) {
	_, _ = io.WriteString(p.out, text) // there is nobody else to tell
}
