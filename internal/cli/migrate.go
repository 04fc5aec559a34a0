package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

func (c *console) migrate() *cobra.Command {
	return c.group("migrate", "Bring the database's schema up to date.", "gatehouse migrate up", c.migrateUp(), c.migrateStatus())
}

func (c *console) migrateUp() *cobra.Command {
	return c.command("up", "Apply every step of the schema that is missing, making the database if need be.", "gatehouse migrate up --database sqlite:data/gatehouse.db",
		func(cmd *cobra.Command, _ []string) error {
			loaded, err := c.load(cmd, config.ForCommand)
			if err != nil {
				return err
			}
			applied, err := store.Migrate(cmd.Context(), loaded.Database)
			if err != nil {
				return fmt.Errorf("cannot bring the schema up to date: %w", err)
			}
			return c.answer(some(applied), func(w io.Writer) error {
				for _, step := range applied {
					if _, err := fmt.Fprintln(w, "applied", step.Name); err != nil {
						return err
					}
				}
				_, err := fmt.Fprintln(w, "the schema is up to date")
				return err
			})
		})
}

func (c *console) migrateStatus() *cobra.Command {
	return c.command("status", "List the steps of the schema and which of them the database has.", "gatehouse migrate status --json",
		func(cmd *cobra.Command, _ []string) error {
			loaded, err := c.load(cmd, config.ForCommand)
			if err != nil {
				return err
			}
			if err := refuseMissing(loaded.Database, mustExist); err != nil {
				return err
			}
			steps, err := store.Migrations(cmd.Context(), loaded.Database)
			if err != nil {
				return err
			}
			return c.answer(some(steps), func(w io.Writer) error {
				rows := [][]string{{"STEP", "STATE"}}
				for _, step := range steps {
					state := "missing"
					if step.Applied {
						state = "applied"
					}
					rows = append(rows, []string{step.Name, state})
				}
				return table(w, rows)
			})
		})
}

// some makes JSON write an empty list as one.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
