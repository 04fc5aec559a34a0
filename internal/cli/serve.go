package cli

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/app"
	"github.com/gatehouse-id/gatehouse/internal/config"
)

func (c *console) serve() *cobra.Command {
	cmd := c.command("serve", "Start a server. It needs a master key and a public URL.", "GATEHOUSE_MASTER_KEY_FILE=/etc/gatehouse/master.key gatehouse serve --public-url https://id.example.org",
		func(cmd *cobra.Command, _ []string) error {
			loaded, err := c.load(cmd, config.ForServe)
			if err != nil {
				return err
			}
			if err := loaded.FindMasterKey(config.ForServe); err != nil {
				return err
			}
			if err := loaded.CheckServe(); err != nil {
				return err
			}
			log := c.logger(loaded.Config)
			for _, warning := range loaded.Warnings {
				log.Warn(warning)
			}
			for _, line := range loaded.Show() {
				log.Info("configuration", "key", line.Key, "value", line.Value, "env", line.Env, "from", line.From)
			}
			public, admin, err := listen(cmd.Context(), loaded)
			if err != nil {
				return err
			}
			ctx, stop := c.untilSignal(cmd.Context())
			defer stop()
			a, err := app.Open(ctx, loaded.Config, app.Mode{Version: c.Version}, log)
			if err != nil {
				return closing(err, public, admin)
			}
			log.Info("ready", "listen", public.Addr().String(), "admin_listen", admin.Addr().String(), "public_url", loaded.PublicURL, "version", c.Version)
			if c.json {
				if err := c.line(map[string]string{"url": loaded.PublicURL, "listen": public.Addr().String(), "admin_url": adminURL(admin)}); err != nil {
					return closing(err, public, admin, a)
				}
			}
			defer tendCores(a.Passwords.Load)()
			return a.Serve(ctx, app.Mode{}, public, admin)
		})
	serverFlags(cmd)
	return cmd
}

// serverFlags are the flags of both kinds of server; their values are read by
// [console.load].
func serverFlags(cmd *cobra.Command) {
	cmd.Flags().String("listen", "", "the `ADDRESS` for applications and browsers (GATEHOUSE_LISTEN)")
	cmd.Flags().String("admin-listen", "", "the `ADDRESS` for probes and metrics (GATEHOUSE_ADMIN_LISTEN)")
	cmd.Flags().String("public-url", "", "the `URL` by which browsers reach the server (GATEHOUSE_PUBLIC_URL)")
	cmd.Flags().String("log-level", "", "the `LEVEL`: debug, info, warn or error (GATEHOUSE_LOG_LEVEL)")
	cmd.Flags().Bool("migrate", true, "bring the schema up to date at the start (GATEHOUSE_MIGRATE)")
	cmd.Flags().Bool("unsafe-durability", false, "let the database acknowledge what a power failure can take back (GATEHOUSE_UNSAFE_DURABILITY)")
}

// logger writes the log as the configuration says.
func (c *console) logger(conf config.Config) *slog.Logger {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	options := &slog.HandlerOptions{Level: levels[conf.LogLevel]}
	if conf.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(c.Err, options))
	}
	return slog.New(slog.NewTextHandler(c.Err, options))
}

// untilSignal ends at the first signal to stop. The second one ends the
// process at once. Both are waited for here, so that none is lost in between.
func (c *console) untilSignal(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	finished := make(chan struct{})
	go func() {
		defer signal.Stop(signals)
		for range 2 {
			select {
			case <-finished:
				return
			case <-signals:
			}
			if ctx.Err() != nil {
				c.say("gatehouse: stopped at once, without finishing what was under way")
				os.Exit(exitFailed)
			}
			cancel()
		}
	}()
	return ctx, sync.OnceFunc(func() { cancel(); close(finished) })
}
