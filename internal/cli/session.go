package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

type sessionAnswer struct {
	ID        core.SessionID `json:"session_id"`
	User      core.UserID    `json:"user_id"`
	Email     string         `json:"email"`
	Address   string         `json:"address"`
	UserAgent string         `json:"user_agent"`
	CreatedAt time.Time      `json:"created_at"`
	ExpiresAt time.Time      `json:"expires_at"`
}

func newSessionAnswer(s core.LiveSession) sessionAnswer {
	return sessionAnswer{s.Session.ID, s.Session.User, s.Token.User.Email, s.Session.Address, s.Session.UserAgent, s.Session.CreatedAt, s.Session.ExpiresAt}
}

func (c *console) session() *cobra.Command {
	return c.group("session", "Look at the sessions of a pool's people, and end them.", "gatehouse session list demo", c.sessionList(), c.sessionRevoke())
}

func (c *console) sessionList() *cobra.Command {
	var q core.Query
	var who string
	cmd := c.command("list POOL", "List a pool's living sessions, oldest first, a page at a time.", "gatehouse session list demo --user ada@example.org",
		func(cmd *cobra.Command, args []string) error {
			if q.Size < 1 || q.Size > core.MaxPage {
				return usage(cmd, "--size is from 1 to %d", core.MaxPage)
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				if who != "" {
					u, err := d.person(ctx, p, caller, who)
					if err != nil {
						return err
					}
					q.Conditions = []core.Condition{{Field: "user", Op: core.OpEquals, Values: []any{string(u.ID)}}}
				}
				sessions, total, next, err := session.New(d.store, session.Spelling{}).List(ctx, caller, q)
				if err != nil {
					return err
				}
				answers := []sessionAnswer{}
				rows := [][]string{{"SESSION", "EMAIL", "ADDRESS", "CREATED", "EXPIRES"}}
				for _, s := range sessions {
					a := newSessionAnswer(s)
					answers = append(answers, a)
					rows = append(rows, []string{string(a.ID), a.Email, a.Address, when(a.CreatedAt), when(a.ExpiresAt)})
				}
				return c.answer(map[string]any{"sessions": answers, "count": total, "next": next}, func(w io.Writer) error {
					err := table(w, rows)
					if next != "" {
						c.say("%d of %d; the next page: --after %s", len(sessions), total, next)
					}
					return err
				})
			})
		})
	cmd.Flags().IntVar(&q.Size, "size", core.DefaultPage, "at most this `NUMBER`")
	cmd.Flags().StringVar(&q.After, "after", "", "the `CURSOR` that the page before gave")
	cmd.Flags().StringVar(&who, "user", "", "only the sessions of this `USER`: an id, e-mail address or username")
	return cmd
}

func (c *console) sessionRevoke() *cobra.Command {
	var who string
	var yes bool
	cmd := c.command("revoke POOL [SESSION]", "End a session, or with --user all that a person has, on every running server too.", "gatehouse session revoke demo --user ada@example.org",
		func(cmd *cobra.Command, args []string) error {
			if (len(args) == 2) == (who != "") {
				return usage(cmd, "%sneeds either SESSION or --user", path(cmd))
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				sessions := session.New(d.store, session.Spelling{})
				if who == "" {
					return c.revokeOne(ctx, p, caller, sessions, args[1])
				}
				u, err := d.person(ctx, p, caller, who)
				if err != nil {
					return err
				}
				if !yes {
					if err := c.confirm("End all sessions of " + u.Email + " (" + string(u.ID) + ") in the pool " + p.Name + "?"); err != nil {
						return err
					}
				}
				if err := sessions.EndAll(ctx, caller, u.ID); err != nil {
					return err
				}
				return c.answer(map[string]any{"user_id": u.ID, "state": "revoked"}, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, "revoked all sessions of", u.ID)
					return err
				})
			})
		})
	cmd.Flags().StringVar(&who, "user", "", "end all sessions of this `USER`: an id, e-mail address or username")
	cmd.Flags().BoolVar(&yes, "yes", false, "end all sessions of a person without asking")
	return cmd
}

// revokeOne ends one session, by its id in either spelling.
func (c *console) revokeOne(ctx context.Context, p core.Pool, caller core.Caller, sessions *session.Sessions, text string) error {
	id := core.SessionID(text)
	if tail, ok := strings.CutPrefix(text, pangea.SessionID("")); ok {
		id = core.SessionID("ses_" + tail)
	}
	if err := sessions.End(ctx, caller, id, false); err != nil {
		if core.Is(err, core.CodeNotFound) {
			return fail("`gatehouse session list "+p.Name+"` shows them.", "the pool %s has no living session %q", p.Name, text)
		}
		return err
	}
	return c.answer(map[string]any{"session_id": id, "state": "revoked"}, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, "revoked", id)
		return err
	})
}
