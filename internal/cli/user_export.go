package cli

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
)

// exported is a person as an export has them: under the names by which they can
// be imported again.
type exported struct {
	ID        core.UserID  `json:"id"`
	Email     string       `json:"email"`
	Username  string       `json:"username"`
	Phone     string       `json:"phone"`
	Verified  bool         `json:"verified"`
	Disabled  bool         `json:"disabled"`
	CreatedAt time.Time    `json:"created_at"`
	Profile   core.Profile `json:"profile"`
}

func newExported(u core.User) exported {
	if u.Profile == nil {
		u.Profile = core.Profile{}
	}
	return exported{u.ID, u.Email, u.Username, u.Phone, u.EmailVerified, u.Disabled, u.CreatedAt, u.Profile}
}

// cells are the person's, under these fields of the profile.
func (e exported) cells(profile []string) []string {
	cells := []string{
		string(e.ID), e.Email, e.Username, e.Phone, strconv.FormatBool(e.Verified), strconv.FormatBool(e.Disabled), e.CreatedAt.Format(time.RFC3339Nano),
	}
	for _, name := range profile {
		cells = append(cells, e.Profile[name])
	}
	for i := range cells {
		cells[i] = directory.GuardCell(cells[i])
	}
	return cells
}

type exportAnswer struct {
	File   string `json:"file"`
	People int64  `json:"people"`
}

func (c *console) userExport() *cobra.Command {
	var pool, format, output string
	var force bool
	cmd := c.command("export", "Write a pool's people to standard output or a file, without their passwords.", "gatehouse user export --pool demo --format jsonl --output people.jsonl",
		func(cmd *cobra.Command, _ []string) error {
			if pool == "" {
				return usage(cmd, "user export needs --pool")
			}
			if format != string(directory.FormatCSV) && format != string(directory.FormatJSON) {
				return usage(cmd, "--format is csv or jsonl")
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				_, caller, err := d.find(ctx, pool)
				if err != nil {
					return err
				}
				ctx, stop := c.untilSignal(ctx)
				defer stop()
				a := exportAnswer{File: output}
				write := func(w io.Writer) (err error) {
					a.People, err = export(ctx, d, caller, directory.FileFormat(format), w)
					return err
				}
				if output == toOutput {
					return write(c.Out)
				}
				if err := writeWhole(output, force, write); err != nil {
					return err
				}
				return c.answer(a, func(w io.Writer) error {
					return pairs(w, [][2]string{{"file", a.File}, {"people", strconv.FormatInt(a.People, 10)}})
				})
			})
		})
	cmd.Flags().StringVar(&pool, "pool", "", "the `POOL` whose people it is about")
	cmd.Flags().StringVar(&format, "format", string(directory.FormatCSV), "csv or jsonl")
	cmd.Flags().StringVar(&output, "output", toOutput, "the `FILE` to write; - is standard output")
	cmd.Flags().BoolVar(&force, "force", false, "take the place of a file that is there already")
	return cmd
}

// export writes everybody of a pool, those first who have been there the
// longest, page by page, and returns how many there were.
func export(ctx context.Context, d *desk, caller core.Caller, format directory.FileFormat, w io.Writer) (people int64, err error) {
	out := bufio.NewWriterSize(w, 1<<16)
	person := func(e exported) error {
		line := json.NewEncoder(out)
		line.SetEscapeHTML(false)
		return line.Encode(e)
	}
	finish := out.Flush
	if format == directory.FormatCSV {
		names, err := d.directory.ProfileNames(ctx, caller)
		if err != nil {
			return 0, err
		}
		table := csv.NewWriter(out)
		table.UseCRLF = true // RFC 4180
		heading := []string{"id", "email", "username", "phone", "verified", "disabled", "created_at"}
		for _, name := range names {
			heading = append(heading, "profile."+name)
		}
		if err := table.Write(heading); err != nil {
			return 0, err
		}
		person = func(e exported) error { return table.Write(e.cells(names)) }
		finish = func() error {
			table.Flush()
			if err := table.Error(); err != nil {
				return err
			}
			return out.Flush()
		}
	}
	for q := (core.Query{Size: core.MaxPage}); ; {
		users, _, next, err := d.directory.List(ctx, caller, q)
		if err != nil {
			return people, err
		}
		for _, u := range users {
			if err := person(newExported(u)); err != nil {
				return people, err
			}
			people++
		}
		if q.After = next; next == "" {
			return people, finish()
		}
	}
}
