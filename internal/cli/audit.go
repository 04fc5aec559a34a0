package cli

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// eventAnswer is an event as `audit tail` and `audit export` write it.
type eventAnswer struct {
	Place     int64             `json:"place"` // in the chain
	Link      string            `json:"link"`
	At        time.Time         `json:"at"`
	Name      core.EventName    `json:"event"`
	Result    core.Result       `json:"result"`
	Reason    string            `json:"reason,omitempty"`
	Actor     core.ActorKind    `json:"actor"`
	ActorID   string            `json:"actor_id,omitempty"`
	Target    string            `json:"target,omitempty"`
	Address   string            `json:"address,omitempty"`
	RequestID core.RequestID    `json:"request_id,omitempty"`
	Data      map[string]string `json:"data,omitempty"`
}

func newEventAnswer(r store.Recorded) eventAnswer {
	return eventAnswer{r.Place, r.Link, r.At, r.Name, r.Name.Result(), r.Reason, r.Actor.Kind, r.Actor.ID, r.Target, r.Address, r.Request, r.Data}
}

// write writes the event on one line. Texts that may come from outside are
// quoted: this may be a terminal.
func (a eventAnswer) write(w io.Writer) error {
	line := when(a.At) + "  " + string(a.Name)
	if a.Reason != "" {
		line += " (" + a.Reason + ")"
	}
	for _, part := range []struct{ name, value string }{
		{"target", a.Target}, {"actor", string(a.Actor) + " " + a.ActorID}, {"address", a.Address}, {"request", string(a.RequestID)},
	} {
		if part.value != "" {
			line += "  " + part.name + "=" + plain(part.value)
		}
	}
	_, err := fmt.Fprintln(w, line)
	return err
}

// plain is a text as it is, or quoted if a terminal could take it for more.
func plain(text string) string {
	if quoted := strconv.Quote(text); quoted != `"`+text+`"` {
		return quoted
	}
	return text
}

func (c *console) audit() *cobra.Command {
	return c.group("audit", "Read, export and verify the audit trail of a pool.", "gatehouse audit tail demo", c.auditTail(), c.auditExport(), c.auditVerify())
}

// choose is which events of a trail are wanted.
type choose struct {
	target, actor, address string
	names                  []string
	since, until           string

	from, to time.Time
}

func (f *choose) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.target, "target", "", "only what is about this `ID`")
	cmd.Flags().StringVar(&f.actor, "actor", "", "only what this `ID` did")
	cmd.Flags().StringVar(&f.address, "address", "", "only what came from this `ADDRESS`")
	cmd.Flags().StringSliceVar(&f.names, "event", nil, "only events of this `NAME`; may be repeated (docs/events.md has them all)")
	cmd.Flags().StringVar(&f.since, "since", "", "only from this `TIME` on: 2026-01-31, 2026-01-31T08:00:00Z, or 24h for so long ago")
	cmd.Flags().StringVar(&f.until, "until", "", "only before this `TIME`")
}

// read checks the flags.
func (f *choose) read(cmd *cobra.Command) error {
	for _, name := range f.names {
		if !slices.ContainsFunc(core.EventNames(), func(e core.EventMeaning) bool { return string(e.Name) == name }) {
			return usage(cmd, "there is no event %q", name)
		}
	}
	for _, t := range []struct {
		flag, text string
		into       *time.Time
	}{{"--since", f.since, &f.from}, {"--until", f.until, &f.to}} {
		if t.text == "" {
			continue
		}
		at, ok := readTime(t.text)
		if !ok {
			return usage(cmd, "%s is a time such as 2026-01-31, 2026-01-31T08:00:00Z or 24h, not %q", t.flag, t.text)
		}
		*t.into = at
	}
	return nil
}

func readTime(text string) (time.Time, bool) {
	if ago, err := time.ParseDuration(text); err == nil {
		return time.Now().Add(-ago), ago >= 0
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(form, text); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

func (f *choose) wants(r store.Recorded) bool {
	return (f.target == "" || r.Target == f.target) && (f.actor == "" || r.Actor.ID == f.actor) && (f.address == "" || r.Address == f.address) &&
		(len(f.names) == 0 || slices.Contains(f.names, string(r.Name))) &&
		!r.At.Before(f.from) && (f.to.IsZero() || r.At.Before(f.to))
}

// begin is behind which place the last so many wanted events surely stand.
func (f *choose) begin(ctx context.Context, d *desk, caller core.Caller, lines int) (int64, error) {
	if err := seal(ctx, d.store); err != nil {
		return 0, err
	}
	head, err := d.store.Across().AuditHead(ctx, caller.Pool)
	if core.Is(err, core.CodeNotFound) {
		return 0, nil
	}
	if f.target+f.actor+f.address+f.since+f.until != "" || len(f.names) > 0 {
		return 0, err
	}
	return max(0, head.Place-int64(lines)), err
}

// trailPage is how many events are read at a time, and followEvery how often
// new ones are looked for.
const (
	trailPage   = 1000
	followEvery = time.Second
)

// seal puts what was recorded so far into the chains, as a server does: there
// may be none running.
func seal(ctx context.Context, st *store.Store) error {
	for {
		if n, err := st.Across().Seal(ctx, trailPage); err != nil || n < trailPage {
			return err
		}
	}
}

// trail hands on every event behind a place, and returns the last place.
func trail(ctx context.Context, d *desk, caller core.Caller, after int64, each func(store.Recorded) error) (int64, error) {
	if err := seal(ctx, d.store); err != nil {
		return after, err
	}
	for {
		var page []store.Recorded
		err := d.store.As(caller).View(ctx, func(tx *store.Tx) (err error) {
			page, err = tx.Trail(after, trailPage)
			return err
		})
		if err != nil {
			return after, err
		}
		for _, r := range page {
			after = r.Place
			if err := each(r); err != nil {
				return after, err
			}
		}
		if len(page) < trailPage {
			return after, nil
		}
	}
}

func (c *console) auditTail() *cobra.Command {
	var f choose
	var lines int
	var follow bool
	cmd := c.command("tail POOL", "Show the newest events, and with --follow those that come.", "gatehouse audit tail demo --follow --event password.refused",
		func(cmd *cobra.Command, args []string) error {
			if lines < 0 {
				return usage(cmd, "--lines is not negative")
			}
			if err := f.read(cmd); err != nil {
				return err
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				_, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				begin, err := f.begin(ctx, d, caller, lines)
				if err != nil {
					return err
				}
				var last []store.Recorded
				after, err := trail(ctx, d, caller, begin, func(r store.Recorded) error {
					if f.wants(r) {
						last = append(last, r)
						if len(last) > 2*lines {
							last = slices.Delete(last, 0, len(last)-lines)
						}
					}
					return nil
				})
				if err != nil {
					return err
				}
				for _, r := range last[max(0, len(last)-lines):] {
					if err := c.event(r); err != nil {
						return err
					}
				}
				ctx, stop := c.untilSignal(ctx)
				defer stop()
				for follow {
					select {
					case <-ctx.Done():
						return nil
					case <-time.After(followEvery):
					}
					after, err = trail(ctx, d, caller, after, func(r store.Recorded) error {
						if !f.wants(r) {
							return nil
						}
						return c.event(r)
					})
					if err != nil && ctx.Err() == nil {
						return err
					}
				}
				return nil
			})
		})
	f.flags(cmd)
	cmd.Flags().IntVar(&lines, "lines", 20, "at most this `NUMBER` of the newest")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on until interrupted")
	return cmd
}

// event writes an event on a line of its own.
func (c *console) event(r store.Recorded) error {
	a := newEventAnswer(r)
	if c.json {
		return c.line(a)
	}
	return a.write(c.Out)
}

func (c *console) auditExport() *cobra.Command {
	var f choose
	cmd := c.command("export POOL", "Write a pool's events on standard output, one JSON document on each line, oldest first.", "gatehouse audit export demo --since 24h > events.jsonl",
		func(cmd *cobra.Command, args []string) error {
			if err := f.read(cmd); err != nil {
				return err
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				_, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				_, err = trail(ctx, d, caller, 0, func(r store.Recorded) error {
					if !f.wants(r) {
						return nil
					}
					return c.line(newEventAnswer(r))
				})
				return err
			})
		})
	f.flags(cmd)
	return cmd
}

// trailAnswer is what a check of a pool's trail found.
type trailAnswer struct {
	Pool    string `json:"pool"`
	State   string `json:"state"` // whole, or what is wrong
	Checked int64  `json:"checked"`
	Deleted int64  `json:"deleted_as_old"`
	Before  bool   `json:"head_before_beginning,omitempty"` // the head that was given can say nothing any more
	Head    string `json:"head,omitempty"`
	Place   int64  `json:"place,omitempty"`
	Event   int64  `json:"event,omitempty"`
	fault   store.AuditFaultKind
}

// saying is what is wrong, in words.
func (a trailAnswer) saying() string {
	switch a.fault {
	case store.AuditAltered:
		return fmt.Sprintf("the event at place %d (number %d) was altered, or does not belong there", a.Place, a.Event)
	case store.AuditRemoved:
		return fmt.Sprintf("the event at place %d is missing", a.Place)
	case store.AuditAdded:
		return fmt.Sprintf("an event (number %d) stands at place %d, where there is none", a.Event, a.Place)
	case store.AuditHeadBad:
		return "where the chain begins or ends was altered"
	case store.AuditSetBack:
		return fmt.Sprintf("the chain does not contain the head that was given, at place %d: it was set back, or written anew", a.Place)
	}
	if a.Before {
		return fmt.Sprintf("%d events are whole; the head that was given lies before the first of them, and so says nothing: note down %s", a.Checked, a.Head)
	}
	return fmt.Sprintf("%d events are whole", a.Checked)
}

func (c *console) auditVerify() *cobra.Command {
	var known string
	cmd := c.command("verify POOL", "Check that no event of a pool was altered, removed or moved since it was sealed.", "gatehouse audit verify demo --head 1207:9f86d081884c7d65...",
		func(cmd *cobra.Command, args []string) error {
			var head store.AuditHead
			if known != "" {
				var err error
				if head, err = store.ParseAuditHead(known); err != nil {
					return usage(cmd, "--head %s", err)
				}
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				// What waits is sealed before, if the chain lets it: where it
				// was tampered with, the check says so, and better.
				sealing := seal(ctx, d.store)
				var report store.AuditReport
				err = d.store.As(caller).View(ctx, func(tx *store.Tx) (err error) {
					report, err = tx.VerifyAudit(head)
					return err
				})
				if err != nil {
					return err
				}
				a := trailAnswer{Pool: p.Name, State: "whole", Checked: report.Checked, Deleted: report.Head.Trimmed, Before: head.Place != 0 && head.Place < report.Head.Trimmed, Head: report.Head.String()}
				if f := report.Fault; f != nil {
					a.State, a.fault, a.Place, a.Event = string(f.Kind), f.Kind, f.Place, f.Seq
				} else if sealing != nil {
					return sealing
				}
				if err := c.answer(a, func(w io.Writer) error {
					return pairs(w, [][2]string{{"pool", a.Pool}, {"found", a.saying()}, {"deleted as old", strconv.FormatInt(a.Deleted, 10)}, {"head", a.Head}})
				}); err != nil {
					return err
				}
				if report.Fault != nil {
					return errReported
				}
				return nil
			})
		})
	cmd.Flags().StringVar(&known, "head", "", "a `HEAD` that was noted down elsewhere, as this command and the hourly line of the log show it: the chain must contain it")
	return cmd
}
