package cli

import (
	"context"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
)

type signingKeyAnswer struct {
	ID         core.SigningKeyID    `json:"kid"`
	State      core.SigningKeyState `json:"state"` // next, active, retired, past
	CreatedAt  time.Time            `json:"created_at"`
	ActiveFrom time.Time            `json:"active_from"`
	RetiresAt  time.Time            `json:"retires_at,omitzero"`
}

func newSigningKeyAnswer(k core.SigningKey) signingKeyAnswer {
	return signingKeyAnswer{k.ID, k.State(time.Now()), k.CreatedAt, k.ActiveFrom, k.RetiresAt}
}

func (c *console) signingKey() *cobra.Command {
	return c.group("signing-key", "Manage the keys with which a pool signs tokens (token.format=jwt).", "gatehouse signing-key list demo",
		c.signingKeyList(), c.signingKeyRotate())
}

func (c *console) signingKeyList() *cobra.Command {
	return c.command("list POOL", "List a pool's signing keys and since when, or from when, they sign.", "gatehouse signing-key list demo",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				_, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				keys, err := session.New(d.store, session.Spelling{}).Keys(ctx, caller)
				if err != nil {
					return err
				}
				answers := []signingKeyAnswer{}
				rows := [][]string{{"KEY", "STATE", "CREATED", "SIGNS FROM", "SIGNS UNTIL"}}
				for _, k := range keys {
					a := newSigningKeyAnswer(k)
					answers = append(answers, a)
					rows = append(rows, []string{string(a.ID), string(a.State), when(a.CreatedAt), when(a.ActiveFrom), when(a.RetiresAt)})
				}
				return c.answer(answers, func(w io.Writer) error { return table(w, rows) })
			})
		})
}

func (c *console) signingKeyRotate() *cobra.Command {
	var atOnce bool
	cmd := c.command("rotate POOL", "Make a pool's next signing key; it is published now and signs a day later.", "gatehouse signing-key rotate demo",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				sessions := session.New(d.store, session.Spelling{})
				rotate := sessions.RotateKey
				if atOnce {
					rotate = sessions.ReplaceKeys
				}
				key, err := rotate(ctx, caller, p.Settings)
				if err != nil {
					return err
				}
				a := newSigningKeyAnswer(key)
				return c.answer(a, func(w io.Writer) error {
					if atOnce {
						c.say("All other keys are forgotten: what they signed is refused, and people get new tokens by their refresh tokens.")
					}
					return pairs(w, [][2]string{{"key", string(a.ID)}, {"state", string(a.State)}, {"signs from", when(a.ActiveFrom)}})
				})
			})
		})
	cmd.Flags().BoolVar(&atOnce, "at-once", false, "sign with the new key at once and forget all others: for keys that have come into wrong hands")
	return cmd
}
