package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// restoreAnswer is what was restored, or checked.
type restoreAnswer struct {
	backupAnswer
	Restored bool   `json:"restored"` // else it was only checked
	Sessions string `json:"sessions,omitempty"`
}

// What became of the sessions, as answers and events tell it.
const (
	sessionsEnded = "ended"
	sessionsKept  = "kept"
)

func (c *console) restore() *cobra.Command {
	var verify, keep bool
	cmd := c.command("restore FILE", "Read a backup into an empty database, of either kind, and end all sessions.", "gatehouse restore gatehouse.backup --database sqlite:data/restored.db",
		func(cmd *cobra.Command, args []string) error {
			if verify && keep {
				return usage(cmd, "--verify restores nothing, so there are no sessions to keep")
			}
			if args[0] == toOutput {
				return usage(cmd, "a backup is read twice, so it must be a file")
			}
			options, err := c.storeOptions(cmd, mayCreate)
			if e, ok := errors.AsType[*config.Error](err); ok && options.Database != "" {
				return fail("A backup is opened with the master key that its database had: GATEHOUSE_MASTER_KEY, GATEHOUSE_MASTER_KEY_FILE or --master-key-file.", "%s", e.Sentence)
			}
			if err != nil {
				return err
			}
			file, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer file.Close()
			a := restoreAnswer{backupAnswer: backupAnswer{File: args[0]}}
			if status, err := file.Stat(); err == nil {
				a.Bytes = status.Size()
			}
			if verify {
				if a.BackupInfo, err = store.CheckBackup(file, options.Master); err != nil {
					return fmt.Errorf("%s: %w", args[0], err)
				}
				return c.answer(a, func(w io.Writer) error {
					return errors.Join(a.print(w), note(w, "the backup is whole, and the master key opens it; nothing was written"))
				})
			}
			ctx, stop := c.untilSignal(cmd.Context())
			defer stop()
			if a.BackupInfo, err = store.Restore(ctx, options, file, keep); err != nil {
				return fmt.Errorf("cannot restore %s: %w", args[0], err)
			}
			a.Restored, a.Sessions = true, sessionsEnded
			if keep {
				a.Sessions = sessionsKept
				c.say("gatehouse: warning: what was revoked, used or sent after %s is as it was before: sessions, links, codes, and mail in line.", when(a.TakenAt))
			}
			if err := c.recordRestore(ctx, options, a); err != nil {
				return fmt.Errorf("all was restored, but the audit trail could not be told: %w", err)
			}
			return c.answer(a, func(w io.Writer) error {
				return errors.Join(a.print(w), note(w, "restored; all sessions were "+a.Sessions))
			})
		})
	cmd.Flags().BoolVar(&verify, "verify", false, "only read the file to its end: is it whole, and does the master key open it? No database is touched")
	cmd.Flags().BoolVar(&keep, "keep-sessions", false, "keep sessions, flows, links and mail in line: for a move, when no server has run since the backup")
	return cmd
}

func note(w io.Writer, text string) error {
	_, err := fmt.Fprintln(w, text)
	return err
}

// recordRestore tells the audit trail of each pool that what came after the
// backup is lost. It opens the database as a server does.
func (c *console) recordRestore(ctx context.Context, options store.Options, a restoreAnswer) error {
	options.Log = slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	st, err := store.Open(ctx, options)
	if err != nil {
		return err
	}
	err = func() error {
		pools, err := st.Across().Pools(ctx)
		if err != nil {
			return err
		}
		for _, p := range pools {
			err := st.As(operator(p.ID)).Update(ctx, func(tx *store.Tx) error {
				return tx.Record(core.Event{Name: core.EventPoolRestored, Target: string(p.ID), Data: map[string]string{
					"taken_at": a.TakenAt.Format(time.RFC3339), "sessions": a.Sessions,
				}})
			})
			if err != nil {
				return err
			}
		}
		return nil
	}()
	return errors.Join(err, st.Close())
}
