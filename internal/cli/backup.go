package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// toOutput is the name of standard output among files.
const toOutput = "-"

// backupAnswer is what a backup says of itself, and where it is.
type backupAnswer struct {
	store.BackupInfo
	File  string `json:"file"`
	Bytes int64  `json:"bytes"`
}

func (a backupAnswer) print(w io.Writer) error {
	return pairs(w, [][2]string{
		{"file", a.File}, {"bytes", strconv.FormatInt(a.Bytes, 10)}, {"taken at", when(a.TakenAt)}, {"taken from", a.Engine}, {"schema", strconv.FormatInt(a.Schema, 10)},
		{"pools", strconv.FormatInt(a.Rows["pools"], 10)}, {"users", strconv.FormatInt(a.Rows["users"], 10)}, {"events", strconv.FormatInt(a.Rows["events"], 10)},
	})
}

func (c *console) backup() *cobra.Command {
	var force bool
	cmd := c.command("backup FILE", "Write all that the database holds to a file (- for standard output), while servers go on.", "gatehouse backup gatehouse.backup",
		func(cmd *cobra.Command, args []string) error {
			options, err := c.storeOptions(cmd, mustExist)
			if err != nil {
				return err
			}
			ctx, stop := c.untilSignal(cmd.Context())
			defer stop()
			if args[0] == toOutput {
				return c.backupToOutput(ctx, options)
			}
			a := backupAnswer{File: args[0]}
			err = writeWhole(args[0], force, func(w io.Writer) (err error) {
				counted := &counter{w: w}
				a.BackupInfo, err = store.Backup(ctx, options, counted)
				a.Bytes = counted.n
				return err
			})
			if err != nil {
				return err
			}
			return c.answer(a, a.print)
		})
	cmd.Flags().BoolVar(&force, "force", false, "take the place of a file that is there already")
	return cmd
}

// backupToOutput leaves standard output to the backup alone.
func (c *console) backupToOutput(ctx context.Context, options store.Options) error {
	if f, ok := c.Out.(*os.File); ok && isatty.IsTerminal(f.Fd()) {
		return fail("`gatehouse backup - >FILE` writes it to a file.", "a backup is nothing to read on a terminal")
	}
	a := backupAnswer{File: toOutput}
	counted := &counter{w: c.Out}
	var err error
	if a.BackupInfo, err = store.Backup(ctx, options, counted); err != nil {
		return err
	}
	a.Bytes = counted.n
	return a.print(c.Err)
}

// storeOptions is the database of a command that does not open it as a server
// does. If only the master key is missing, the rest comes with the error.
func (c *console) storeOptions(cmd *cobra.Command, m missing) (store.Options, error) {
	loaded, err := c.load(cmd, config.ForCommand)
	if err != nil {
		return store.Options{}, err
	}
	if err := refuseMissing(loaded.Database, m); err != nil {
		return store.Options{}, err
	}
	options := store.Options{Database: loaded.Database, UnsafeDurability: loaded.UnsafeDurability}
	if err := loaded.FindMasterKey(config.ForCommand); err != nil {
		return options, err
	}
	for _, warning := range loaded.Warnings {
		c.say("gatehouse: warning: %s", warning)
	}
	options.Master, err = secret.ParseMaster(loaded.MasterKey.Reveal())
	return options, err
}

// counter counts what it passes on.
type counter struct {
	w io.Writer
	n int64
}

// Write passes on.
func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// writeWhole makes a file that is there whole or not at all, and only its
// owner may read. It takes the place of another only by force.
func writeWhole(path string, force bool, write func(io.Writer) error) error {
	if err := refuseTaken(path, force); err != nil {
		return err
	}
	dir := filepath.Dir(path)
	draft, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("cannot write to %s: %w", dir, err)
	}
	defer os.Remove(draft.Name()) // it is gone already when all is well
	err = write(draft)
	if err == nil {
		err = draft.Sync()
	}
	if err = errors.Join(err, draft.Close()); err != nil {
		return err
	}
	if err := refuseTaken(path, force); err != nil {
		return err // it came meanwhile
	}
	if err := os.Rename(draft.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func refuseTaken(path string, force bool) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fail("Name a file, or - for standard output.", "%s is no file that can be replaced", path)
	case !force:
		return fail("Choose another name, or say --force to take its place.", "%s is there already", path)
	}
	return nil
}
