package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// defaultSecret is what an application is given first.
func defaultSecret() pool.NewSecret { return pool.NewSecret{Name: "default"} }

// applicationSecretAnswer is a secret of an application, without the secret but
// when it is made.
type applicationSecretAnswer struct {
	ID           core.ApplicationSecretID `json:"secret_id"`
	Name         string                   `json:"name"`
	Description  string                   `json:"description"`
	Metadata     map[string]string        `json:"metadata"`
	State        string                   `json:"state"` // alive, expired, revoked
	CreatedAt    time.Time                `json:"created_at"`
	ExpiresAt    time.Time                `json:"expires_at,omitzero"`
	RevokedAt    time.Time                `json:"revoked_at,omitzero"`
	ClientSecret string                   `json:"client_secret,omitempty"` // this once
}

func newApplicationSecretAnswer(s core.ApplicationSecret) applicationSecretAnswer {
	a := applicationSecretAnswer{ID: s.ID, Name: s.Name, Description: s.Description, Metadata: s.Metadata, State: "alive", CreatedAt: s.CreatedAt, ExpiresAt: s.ExpiresAt, RevokedAt: s.RevokedAt}
	if a.Metadata == nil {
		a.Metadata = map[string]string{}
	}
	switch {
	case !s.RevokedAt.IsZero():
		a.State = "revoked"
	case !s.Alive(time.Now()):
		a.State = "expired"
	}
	return a
}

func (c *console) applicationSecret() *cobra.Command {
	return c.group("secret", "Manage the secrets by which an application proves who it is. It may have several, so that one takes over from another.", "gatehouse app secret list demo Shop",
		c.applicationSecretAdd(), c.applicationSecretList(), c.applicationSecretRevoke())
}

func (c *console) applicationSecretAdd() *cobra.Command {
	var n pool.NewSecret
	var metadata []string
	cmd := c.command("add POOL APP", "Make another secret and show it this once. Those before go on working.", "gatehouse app secret add demo Shop --name 2027 --life 8760h",
		func(cmd *cobra.Command, args []string) error {
			if n.Life < 0 {
				return usage(cmd, "--life is not negative")
			}
			n.Metadata = map[string]string{}
			for _, entry := range metadata {
				name, value, ok := strings.Cut(entry, "=")
				if _, twice := n.Metadata[name]; !ok || name == "" || twice {
					return usage(cmd, "%q is not a NAME=VALUE of its own", entry)
				}
				n.Metadata[name] = value
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				a, caller, err := d.findApplication(ctx, args[0], args[1])
				if err != nil {
					return err
				}
				s, text, err := d.pools.AddSecret(ctx, caller, a.ID, n)
				if err != nil {
					return err
				}
				answer := newApplicationSecretAnswer(s)
				answer.ClientSecret = pangea.ClientSecret(text).Reveal()
				return c.answer(answer, func(w io.Writer) error {
					c.say("The secret is not shown again. Keep it as what it is.")
					return pairs(w, [][2]string{{"secret id", string(answer.ID)}, {"name", plain(answer.Name)}, {"expires", when(answer.ExpiresAt)}, {"client secret", answer.ClientSecret}})
				})
			})
		})
	cmd.Flags().StringVar(&n.Name, "name", "", "a `NAME` that says which one it is")
	cmd.Flags().StringVar(&n.Description, "description", "", "a `TEXT` that says more")
	cmd.Flags().StringArrayVar(&metadata, "metadata", nil, "a `NAME=VALUE` of your own; may be repeated")
	cmd.Flags().DurationVar(&n.Life, "life", 0, "how long it works, as a `DURATION` such as 8760h; without it, as oauth.secret_life says")
	return cmd
}

func (c *console) applicationSecretList() *cobra.Command {
	return c.command("list POOL APP", "List an application's secrets, without the secrets themselves.", "gatehouse app secret list demo Shop",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				a, caller, err := d.findApplication(ctx, args[0], args[1])
				if err != nil {
					return err
				}
				all, err := d.pools.ApplicationSecrets(ctx, caller, a.ID)
				if err != nil {
					return err
				}
				answers := []applicationSecretAnswer{}
				rows := [][]string{{"SECRET ID", "NAME", "STATE", "CREATED", "EXPIRES", "DESCRIPTION"}}
				for _, s := range all {
					a := newApplicationSecretAnswer(s)
					answers = append(answers, a)
					rows = append(rows, []string{string(a.ID), plain(shorten(a.Name, 40)), a.State, when(a.CreatedAt), when(a.ExpiresAt), plain(shorten(a.Description, 60))})
				}
				return c.answer(answers, func(w io.Writer) error { return table(w, rows) })
			})
		})
}

func (c *console) applicationSecretRevoke() *cobra.Command {
	return c.command("revoke POOL APP SECRET_ID", "End a secret of an application, on every running server too. Tokens that it got go on until their end.", "gatehouse app secret revoke demo Shop sec_3xk...",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				a, caller, err := d.findApplication(ctx, args[0], args[1])
				if err != nil {
					return err
				}
				id := core.ApplicationSecretID(args[2])
				if err := d.pools.RevokeSecret(ctx, caller, a.ID, id); err != nil {
					if core.Is(err, core.CodeNotFound) {
						return fail("`gatehouse app secret list` shows them.", "the application %s has no secret %q", a.Name, args[2])
					}
					return err
				}
				return c.answer(map[string]any{"secret_id": id, "state": "revoked"}, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, "revoked", id)
					return err
				})
			})
		})
}
