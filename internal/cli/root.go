// Package cli is the command line: it reads arguments, calls what the server
// calls, and writes for people or, with --json, for programs.
//
// Start reading at [Run]. Each noun has a file of its own.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/app"
	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Process is what the command line has of the process that it runs in.
type Process struct {
	Args    []string // without the program's name
	In      io.Reader
	Out     io.Writer // answers
	Err     io.Writer // messages and the log
	Version string
	Commit  string // empty: as Go has stamped the program, if it has
	Started time.Time
}

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// Run runs one command and returns the exit status: 0 only on success, 2 if
// the command line itself is wrong.
func Run(ctx context.Context, p Process) int {
	c := &console{Process: p}
	root := c.root()
	root.SetArgs(p.Args)
	root.SetIn(p.In)
	root.SetOut(p.Out)
	root.SetErr(p.Err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errReported) {
		return exitFailed
	}
	c.report(err)
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

// console is one run of the command line.
type console struct {
	Process
	json bool
	file string // of the configuration
}

// commands is every command at the top, in the order of the help.
func (c *console) commands() []*cobra.Command {
	return []*cobra.Command{
		c.dev(), c.serve(), c.migrate(), c.pool(), c.key(), c.application(), c.signingKey(), c.passwordKey(), c.workingKey(), c.user(), c.session(), c.audit(), c.risk(), c.provider(),
		c.backup(), c.restore(), c.doctor(), c.healthcheck(), c.version(),
	}
}

func (c *console) root() *cobra.Command {
	root := c.group("gatehouse", "Keep an application's users and sign them in.", "gatehouse dev", c.commands()...)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return usage(cmd, "%s", err) })
	flags := root.PersistentFlags()
	flags.StringVar(&c.file, "config", "", "the configuration `FILE` (GATEHOUSE_CONFIG)")
	flags.String("database", "", "the `DATABASE`: sqlite:PATH or postgres://... (GATEHOUSE_DATABASE)")
	flags.String("master-key-file", "", "the `FILE` with the master key (GATEHOUSE_MASTER_KEY_FILE)")
	flags.BoolVar(&c.json, "json", false, "answer with one JSON document on standard output")
	return root
}

// group is a command that only holds others.
func (c *console) group(use, short, example string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short, Example: "  " + example,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage(cmd, "there is no command %s", path(cmd)+args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.HasParent() {
				return cmd.Help()
			}
			return usage(cmd, "%sneeds a command behind it", path(cmd))
		},
	}
	cmd.AddCommand(children...)
	return cmd
}

// command is one that does something. The words in capitals of its use are its
// arguments; one that ends in "..." may be repeated, one in brackets left out.
func (c *console) command(use, short, example string, run func(cmd *cobra.Command, args []string) error) *cobra.Command {
	names := strings.Fields(use)[1:]
	most := len(names)
	names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, "[") })
	if len(names) > 0 && strings.HasSuffix(names[len(names)-1], "...") {
		most = int(^uint(0) >> 1)
	}
	return &cobra.Command{
		Use: use, Short: short, Example: "  " + example,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < len(names) {
				return usage(cmd, "%sneeds %s", path(cmd), names[len(args)])
			}
			if len(args) > most {
				return usage(cmd, "%sdoes not take %q", path(cmd), args[most])
			}
			return nil
		},
		RunE:                  run,
		DisableFlagsInUseLine: true,
	}
}

// load reads the configuration, overlaid by the flags that every command has
// and those of one, by their keys.
func (c *console) load(cmd *cobra.Command, p config.Purpose) (*config.Loaded, error) {
	flags := make(map[string]string)
	for flag, key := range flagKeys() {
		if f := cmd.Flags().Lookup(flag); f != nil && f.Changed {
			flags[key] = f.Value.String()
		}
	}
	return config.Load(p, c.file, flags)
}

// flagKeys is the keys of configuration that have a flag.
func flagKeys() map[string]string {
	return map[string]string{
		"database": "database", "master-key-file": "master_key_file", "listen": "listen", "admin-listen": "admin_listen",
		"public-url": "public_url", "migrate": "migrate", "unsafe-durability": "unsafe_durability", "log-level": "log.level",
	}
}

// desk is what a command works with.
type desk struct {
	config    *config.Loaded
	store     *store.Store
	pools     *pool.Pools
	directory *directory.Directory
}

// missing says what a command does about a database that is not there.
type missing bool

const (
	mustExist missing = false
	mayCreate missing = true
)

// with opens the database for the length of a command. A server may be running
// on it: the command line is another node.
func (c *console) with(cmd *cobra.Command, m missing, work func(ctx context.Context, d *desk) error) error {
	loaded, err := c.load(cmd, config.ForCommand)
	if err != nil {
		return err
	}
	if err := refuseMissing(loaded.Database, m); err != nil {
		return err
	}
	if err := loaded.FindMasterKey(config.ForCommand); err != nil {
		return err
	}
	for _, warning := range loaded.Warnings {
		c.say("gatehouse: warning: %s", warning)
	}
	ctx := cmd.Context()
	st, err := app.OpenStore(ctx, loaded.Config, slog.New(slog.NewTextHandler(c.Err, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	d := &desk{config: loaded, store: st, pools: pool.New(st), directory: directory.New(st)}
	return errors.Join(work(ctx, d), st.Close())
}

// refuseMissing keeps a mistyped path from becoming an empty database.
func refuseMissing(database string, m missing) error {
	path, isSQLite := strings.CutPrefix(database, "sqlite:")
	if !isSQLite || m == mayCreate {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return fail("Check --database and GATEHOUSE_DATABASE; `gatehouse migrate up` makes a new one.", "there is no database at %s", path)
	}
	return nil
}

// find returns the pool of an argument and the operator as a caller in it.
func (d *desk) find(ctx context.Context, idOrName string) (core.Pool, core.Caller, error) {
	p, err := d.pools.Find(ctx, idOrName)
	if core.Is(err, core.CodeNotFound) {
		return core.Pool{}, core.Caller{}, fail("`gatehouse pool list` shows them.", "there is no pool %q", idOrName)
	}
	return p, operator(p.ID), err
}

// operator is whoever runs the command line, by their name on this machine.
func operator(p core.PoolID) core.Caller {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return core.Caller{Pool: p, Actor: core.Actor{Kind: core.ActorOperator, ID: name}, Request: core.NewRequestID()}
}

// usageError is a command line that cannot be read.
type usageError struct {
	sentence string
	command  string
}

// Error gives the sentence.
func (e *usageError) Error() string { return e.sentence }

func usage(cmd *cobra.Command, format string, args ...any) error {
	return &usageError{sentence: fmt.Sprintf(format, args...), command: cmd.CommandPath()}
}

// path is a command as it is typed, without the program's name and with a
// blank behind it.
func path(cmd *cobra.Command) string {
	_, words, _ := strings.Cut(cmd.CommandPath()+" ", " ")
	return words
}
