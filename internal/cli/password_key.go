package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
)

type passwordKeyAnswer struct {
	Name      string    `json:"name"`
	State     string    `json:"state"` // next, given, older, retired
	CreatedAt time.Time `json:"created_at"`
	GivenFrom time.Time `json:"given_from"`
	PublicKey string    `json:"public_key"`
}

func newPasswordKeyAnswer(k pool.PasswordKey, state string) passwordKeyAnswer {
	return passwordKeyAnswer{k.Name, state, k.CreatedAt, k.GivenFrom, k.Public}
}

func (c *console) passwordKey() *cobra.Command {
	return c.group("password-key", "Manage the key pairs with which a pool's applications encrypt passwords.", "gatehouse password-key list demo",
		c.passwordKeyList(), c.passwordKeyRotate(), c.passwordKeyRetire())
}

func (c *console) passwordKeyList() *cobra.Command {
	return c.command("list POOL", "List a pool's keys for passwords, and which of them applications are given.", "gatehouse password-key list demo --json",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				_, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				keys, err := d.pools.PasswordKeys(ctx, caller)
				if err != nil {
					return err
				}
				given := keys.Given()
				answers := []passwordKeyAnswer{}
				rows := [][]string{{"KEY", "STATE", "CREATED", "GIVEN FROM"}}
				for _, k := range keys.All() {
					state := "older"
					switch {
					case k.Name == given.Name:
						state = "given"
					case k.GivenFrom.After(time.Now()):
						state = "next"
					}
					answers = append(answers, newPasswordKeyAnswer(k, state))
					rows = append(rows, []string{k.Name, state, when(k.CreatedAt), when(k.GivenFrom)})
				}
				return c.answer(answers, func(w io.Writer) error { return table(w, rows) })
			})
		})
}

func (c *console) passwordKeyRotate() *cobra.Command {
	return c.command("rotate POOL", "Make a pool's next key for passwords; applications are given it a minute later.", "gatehouse password-key rotate demo",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				key, err := d.pools.RotatePasswordKey(ctx, caller)
				if core.Is(err, core.CodeConflict) {
					return fail("`gatehouse password-key retire "+p.Name+"` forgets the older one, once no application uses it.", "%s", sentence(err))
				}
				if err != nil {
					return err
				}
				a := newPasswordKeyAnswer(key, "next")
				return c.answer(a, func(w io.Writer) error {
					c.say("The one before goes on working until `gatehouse password-key retire %s`. Give this one to applications that keep a copy.", p.Name)
					if err := pairs(w, [][2]string{{"key", a.Name}, {"given from", when(a.GivenFrom)}}); err != nil {
						return err
					}
					_, err := fmt.Fprint(w, a.PublicKey)
					return err
				})
			})
		})
}

func (c *console) passwordKeyRetire() *cobra.Command {
	return c.command("retire POOL", "Forget a pool's older key for passwords: what is encrypted with it is a wrong password.", "gatehouse password-key retire demo",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				key, err := d.pools.RetirePasswordKey(ctx, caller)
				if core.Is(err, core.CodeConflict) {
					return fail("`gatehouse password-key list "+p.Name+"` shows them.", "%s", sentence(err))
				}
				if err != nil {
					return err
				}
				return c.answer(newPasswordKeyAnswer(key, "retired"), func(w io.Writer) error {
					_, err := fmt.Fprintln(w, "retired", key.Name)
					return err
				})
			})
		})
}
