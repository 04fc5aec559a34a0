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
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

type keyAnswer struct {
	ID        core.KeyID   `json:"key_id"`
	Pool      core.PoolID  `json:"pool_id"`
	Kind      core.KeyKind `json:"kind"`
	Name      string       `json:"name"`
	State     string       `json:"state"` // alive, expired, revoked
	CreatedAt time.Time    `json:"created_at"`
	ExpiresAt time.Time    `json:"expires_at,omitzero"`
	RevokedAt time.Time    `json:"revoked_at,omitzero"`
	Token     string       `json:"token,omitempty"` // this once
}

func newKeyAnswer(k core.Key) keyAnswer {
	a := keyAnswer{ID: k.ID, Pool: k.Pool, Kind: k.Kind, Name: k.Name, State: "alive", CreatedAt: k.CreatedAt, ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt}
	switch {
	case !k.RevokedAt.IsZero():
		a.State = "revoked"
	case !k.Alive(time.Now()):
		a.State = "expired"
	}
	return a
}

// token spells a key as applications hold it.
func token(kind core.KeyKind, key secret.Text) string {
	if kind == core.KeyClient {
		return pangea.ClientToken(key.Reveal())
	}
	return pangea.ServiceToken(key.Reveal())
}

func (c *console) key() *cobra.Command {
	return c.group("key", "Manage the API tokens of a pool's applications.", "gatehouse key list demo", c.keyCreate(), c.keyList(), c.keyRevoke())
}

func (c *console) keyCreate() *cobra.Command {
	var kind, name string
	var life time.Duration
	var fromInput bool
	cmd := c.command("create POOL", "Create an API token and show it this once.", "gatehouse key create demo --kind service --name backend --life 720h",
		func(cmd *cobra.Command, args []string) error {
			n := pool.NewKey{Kind: core.KeyKind(kind), Name: name, Life: life}
			if n.Kind != core.KeyService && n.Kind != core.KeyClient {
				return usage(cmd, "--kind is service or client, not %q", kind)
			}
			if life < 0 {
				return usage(cmd, "--life is not negative")
			}
			if fromInput {
				text, err := c.readToken(cmd, n.Kind)
				if err != nil {
					return err
				}
				n.Text = text
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				if n.Kind == core.KeyService && !cmd.Flags().Changed("life") {
					n.Life = time.Duration(p.Settings.KeyServiceLife)
				}
				key, text, err := d.pools.CreateKey(ctx, caller, n)
				if err != nil {
					return err
				}
				a := newKeyAnswer(key)
				a.Token = token(key.Kind, text)
				return c.answer(a, func(w io.Writer) error {
					c.say("This token is not shown again. Keep it as the secret that it is.")
					return pairs(w, [][2]string{{"key", string(a.ID)}, {"kind", string(a.Kind)}, {"expires", when(a.ExpiresAt)}, {"token", a.Token}})
				})
			})
		})
	cmd.Flags().StringVar(&kind, "kind", "", "the `KIND`: service (for servers, may do everything in the pool) or client (public, for browsers and devices)")
	cmd.Flags().StringVar(&name, "name", "", "a `NAME` that says what it is for")
	cmd.Flags().DurationVar(&life, "life", 0, "how long it works, as a `DURATION` such as 720h; 0: until it is revoked, as without it unless key.service_life says otherwise")
	cmd.Flags().BoolVar(&fromInput, "token-stdin", false, "read a token that applications hold already from standard input")
	return cmd
}

// readToken reads a token of a kind from standard input. It never repeats it.
func (c *console) readToken(cmd *cobra.Command, kind core.KeyKind) (secret.Text, error) {
	const most = 4096 // far more than a token and its white space
	text, err := io.ReadAll(io.LimitReader(c.In, most))
	if err != nil {
		return "", fmt.Errorf("cannot read the token from standard input: %w", err)
	}
	given, key, ok := pangea.ReadKey(strings.TrimSpace(string(text)))
	if !ok {
		return "", fail("It begins with pts_ (service) or pcl_ (client): printf %s \"$TOKEN\" | gatehouse key create POOL --kind service --token-stdin", "what came on standard input is no token")
	}
	if given != kind {
		return "", usage(cmd, "the token is one of kind %s, and --kind is %s", given, kind)
	}
	return secret.Text(key), nil
}

func (c *console) keyList() *cobra.Command {
	return c.command("list POOL", "List a pool's API tokens, without the tokens themselves.", "gatehouse key list demo",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				_, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				keys, err := d.pools.Keys(ctx, caller)
				if err != nil {
					return err
				}
				answers := []keyAnswer{}
				rows := [][]string{{"KEY", "KIND", "NAME", "STATE", "CREATED", "EXPIRES"}}
				for _, k := range keys {
					a := newKeyAnswer(k)
					answers = append(answers, a)
					rows = append(rows, []string{string(a.ID), string(a.Kind), shorten(a.Name, 40), a.State, when(a.CreatedAt), when(a.ExpiresAt)})
				}
				return c.answer(answers, func(w io.Writer) error { return table(w, rows) })
			})
		})
}

func (c *console) keyRevoke() *cobra.Command {
	return c.command("revoke POOL KEY_ID", "End an API token, on every running server too.", "gatehouse key revoke demo key_3xk...",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				id := core.KeyID(args[1])
				if err := d.pools.RevokeKey(ctx, caller, id); err != nil {
					if core.Is(err, core.CodeNotFound) {
						return fail("`gatehouse key list "+p.Name+"` shows them.", "the pool %s has no key %q", p.Name, args[1])
					}
					return err
				}
				return c.answer(map[string]any{"key_id": id, "state": "revoked"}, func(w io.Writer) error {
					_, err := fmt.Fprintln(w, "revoked", id)
					return err
				})
			})
		})
}
