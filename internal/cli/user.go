package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

type userAnswer struct {
	ID          core.UserID  `json:"id"`
	Email       string       `json:"email"`
	Username    string       `json:"username"`
	Phone       string       `json:"phone"`
	Profile     core.Profile `json:"profile"`
	Verified    bool         `json:"verified"`
	Disabled    bool         `json:"disabled"`
	LoginCount  int64        `json:"login_count"`
	LastLoginAt time.Time    `json:"last_login_at,omitzero"`
	CreatedAt   time.Time    `json:"created_at"`
	UpdatedAt   time.Time    `json:"updated_at"`

	Import core.ImportID `json:"import,omitempty"` // by which they came; shown of one person alone
}

func newUserAnswer(u core.User) userAnswer {
	if u.Profile == nil {
		u.Profile = core.Profile{}
	}
	return userAnswer{u.ID, u.Email, u.Username, u.Phone, u.Profile, u.EmailVerified, u.Disabled, u.LoginCount, u.LastLoginAt, u.CreatedAt, u.UpdatedAt, ""}
}

// state is in a word whether the person can come in.
func (a userAnswer) state() string {
	switch {
	case a.Disabled:
		return "disabled"
	case a.Verified:
		return "verified"
	}
	return "unverified"
}

func (a userAnswer) print(w io.Writer) error {
	rows := [][2]string{
		{"id", string(a.ID)}, {"email", a.Email}, {"username", a.Username}, {"phone", a.Phone}, {"state", a.state()},
		{"sign-ins", strconv.FormatInt(a.LoginCount, 10)}, {"last sign-in", when(a.LastLoginAt)}, {"created", when(a.CreatedAt)},
	}
	if a.Import != "" {
		rows = append(rows, [2]string{"import", string(a.Import)})
	}
	for _, name := range slices.Sorted(maps.Keys(a.Profile)) {
		// Quoted: a profile may hold anything, and this may be a terminal.
		rows = append(rows, [2]string{"profile " + strconv.Quote(name), strconv.Quote(a.Profile[name])})
	}
	return pairs(w, rows)
}

func (c *console) user() *cobra.Command {
	return c.group("user", "Manage the people of a pool.", "gatehouse user list demo", c.userCreate(), c.userGet(), c.userList(), c.userUnlock(), c.userDelete(),
		c.userImport(), c.userExport())
}

func (c *console) userCreate() *cobra.Command {
	var n directory.NewUser
	var profile []string
	cmd := c.command("create POOL", "Create a person. Nothing is sent to them.", "gatehouse user create demo --email ada@example.org --profile first_name=Ada",
		func(cmd *cobra.Command, args []string) error {
			if n.Email == "" {
				return usage(cmd, "%sneeds --email", path(cmd))
			}
			n.Profile = core.Profile{}
			for _, pair := range profile {
				name, value, ok := strings.Cut(pair, "=")
				if _, twice := n.Profile[name]; !ok || name == "" || twice {
					return usage(cmd, "--profile %q is not a NAME=VALUE of its own", pair)
				}
				n.Profile[name] = value
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				_, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				u, err := d.directory.Create(ctx, caller, n)
				if err != nil {
					return err
				}
				a := newUserAnswer(u)
				return c.answer(a, a.print)
			})
		})
	cmd.Flags().StringVar(&n.Email, "email", "", "the e-mail `ADDRESS`")
	cmd.Flags().StringVar(&n.Username, "username", "", "the `NAME` to sign in with; without it, the e-mail address")
	cmd.Flags().StringArrayVar(&profile, "profile", nil, "a field of the profile as `NAME=VALUE`; may be repeated")
	return cmd
}

func (c *console) userGet() *cobra.Command {
	return c.command("get POOL USER", "Show a person, by id, e-mail address or username.", "gatehouse user get demo ada@example.org",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				u, err := d.person(ctx, p, caller, args[1])
				if err != nil {
					return err
				}
				a := newUserAnswer(u)
				if a.Import, err = d.directory.Origin(ctx, caller, u.ID); err != nil {
					return err
				}
				return c.answer(a, a.print)
			})
		})
}

// person finds somebody by an id, in either spelling, an e-mail address or a
// username.
func (d *desk) person(ctx context.Context, p core.Pool, caller core.Caller, text string) (core.User, error) {
	refs := []core.UserRef{{ID: core.UserID(text)}}
	if tail, ok := strings.CutPrefix(text, pangea.UserID("")); ok {
		refs = append(refs, core.UserRef{ID: core.UserID("usr_" + tail)})
	}
	refs = append(refs, core.UserRef{Email: text}, core.UserRef{Username: text})
	for _, ref := range refs {
		u, err := d.directory.Get(ctx, caller, ref)
		if !core.Is(err, core.CodeNotFound) {
			return u, err
		}
	}
	return core.User{}, fail("`gatehouse user list "+p.Name+"` shows them.", "there is nobody called %q in the pool %s", text, p.Name)
}

func (c *console) userList() *cobra.Command {
	var q core.Query
	var contains string
	cmd := c.command("list POOL", "List a pool's people, oldest first, a page at a time.", "gatehouse user list demo --email-contains @example.org",
		func(cmd *cobra.Command, args []string) error {
			if q.Size < 1 || q.Size > core.MaxPage {
				return usage(cmd, "--size is from 1 to %d", core.MaxPage)
			}
			if contains != "" {
				q.Conditions = []core.Condition{{Field: "email", Op: core.OpContains, Values: []any{contains}}}
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				_, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				users, total, next, err := d.directory.List(ctx, caller, q)
				if err != nil {
					return err
				}
				answers := []userAnswer{}
				rows := [][]string{{"USER", "EMAIL", "USERNAME", "STATE", "CREATED"}}
				for _, u := range users {
					a := newUserAnswer(u)
					answers = append(answers, a)
					rows = append(rows, []string{string(a.ID), a.Email, a.Username, a.state(), when(a.CreatedAt)})
				}
				return c.answer(map[string]any{"users": answers, "count": total, "next": next}, func(w io.Writer) error {
					err := table(w, rows)
					if next != "" {
						c.say("%d of %d; the next page: --after %s", len(users), total, next)
					}
					return err
				})
			})
		})
	cmd.Flags().IntVar(&q.Size, "size", core.DefaultPage, "at most this `NUMBER`")
	cmd.Flags().StringVar(&q.After, "after", "", "the `CURSOR` that the page before gave")
	cmd.Flags().StringVar(&contains, "email-contains", "", "only people with this `TEXT` in their e-mail address")
	return cmd
}

func (c *console) userUnlock() *cobra.Command {
	return c.command("unlock POOL USER", "Lift a person's lockout, and forget their wrong tries.", "gatehouse user unlock demo ada@example.org",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				u, err := d.person(ctx, p, caller, args[1])
				if err != nil {
					return err
				}
				locked, err := d.directory.Locked(ctx, caller, u.ID)
				if err != nil {
					return err
				}
				if _, err := d.directory.Change(ctx, caller, core.UserRef{ID: u.ID}, directory.UserChange{Unlock: true}); err != nil {
					return err
				}
				return c.answer(map[string]any{"id": u.ID, "unlocked": true, "was_locked": locked}, func(w io.Writer) error {
					if !locked {
						c.say("They were not locked out; their wrong tries are forgotten.")
					}
					_, err := fmt.Fprintln(w, "unlocked", u.ID)
					return err
				})
			})
		})
}

func (c *console) userDelete() *cobra.Command {
	var yes bool
	cmd := c.command("delete POOL USER", "Delete a person with all that is theirs, and end their sessions.", "gatehouse user delete demo ada@example.org --yes",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				u, err := d.person(ctx, p, caller, args[1])
				if err != nil {
					return err
				}
				if !yes {
					if err := c.confirm("Delete " + u.Email + " (" + string(u.ID) + ") from the pool " + p.Name + " for good?"); err != nil {
						return err
					}
				}
				if err := d.directory.Delete(ctx, caller, core.UserRef{ID: u.ID}); err != nil {
					return err
				}
				return c.answer(map[string]any{"id": u.ID, "deleted": true}, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, "deleted", u.ID)
					return err
				})
			})
		})
	cmd.Flags().BoolVar(&yes, "yes", false, "delete without asking")
	return cmd
}
