package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

type secretAnswer struct {
	Name    core.SecretName `json:"name"`
	Given   bool            `json:"given"`
	Meaning string          `json:"meaning"`
}

func (c *console) poolSecrets() *cobra.Command {
	return c.command("secrets POOL", "List the secrets that a pool can be given, and which of them it has.", "gatehouse pool secrets demo",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				_, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				secrets, err := d.pools.Secrets(ctx, caller)
				if err != nil {
					return err
				}
				answers := []secretAnswer{}
				rows := [][]string{{"SECRET", "GIVEN", "MEANING"}}
				for _, s := range secrets {
					answers = append(answers, secretAnswer{s.Name, s.Given, s.Meaning})
					given := "no"
					if s.Given {
						given = "yes"
					}
					rows = append(rows, []string{string(s.Name), given, s.Meaning})
				}
				return c.answer(answers, func(w io.Writer) error { return table(w, rows) })
			})
		})
}

func (c *console) poolSecret() *cobra.Command {
	var remove bool
	cmd := c.command("secret POOL NAME", "Give a pool a secret from standard input, for it to sign in elsewhere with. It is kept sealed and never shown.", "gatehouse pool secret demo sms.twilio_token < token.txt",
		func(cmd *cobra.Command, args []string) error {
			var value secret.Text
			if !remove {
				const most = 8192 // more than any secret
				text, err := io.ReadAll(io.LimitReader(c.In, most))
				if err != nil {
					return fmt.Errorf("cannot read the secret from standard input: %w", err)
				}
				if value = secret.Text(strings.TrimSpace(string(text))); value == "" {
					return usage(cmd, "the secret comes on standard input, and nothing did; --remove takes it away")
				}
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, caller, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				name := core.SecretName(args[1])
				if err := d.pools.SetSecret(ctx, caller, name, value); err != nil {
					return err
				}
				a := struct {
					PoolID core.PoolID     `json:"pool_id"`
					Secret core.SecretName `json:"secret"`
					Given  bool            `json:"given"`
				}{p.ID, name, !remove}
				return c.answer(a, func(w io.Writer) error {
					return pairs(w, [][2]string{{"pool", p.Name}, {"secret", string(name)}, {"given", fmt.Sprint(!remove)}})
				})
			})
		})
	cmd.Flags().BoolVar(&remove, "remove", false, "take the secret away")
	return cmd
}
