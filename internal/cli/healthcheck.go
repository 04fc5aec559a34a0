package cli

import (
	"fmt"
	"io"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/app"
	"github.com/gatehouse-id/gatehouse/internal/config"
)

// healthcheck asks the server that this configuration is for. It is for images
// without a shell or curl.
func (c *console) healthcheck() *cobra.Command {
	cmd := c.command("healthcheck", "Ask the server of this configuration whether it is ready: status 0 if it is, 1 if not.", "gatehouse healthcheck",
		func(cmd *cobra.Command, _ []string) error {
			loaded, err := c.load(cmd, config.ForCommand)
			if err != nil {
				return err
			}
			address, err := adminAddress(loaded)
			if err != nil {
				return err
			}
			if err := app.AskReady(cmd.Context(), address); err != nil {
				return fail("The server's log says more; `gatehouse doctor` looks for what keeps it from working.", "%s", err)
			}
			return c.answer(map[string]string{"admin_url": "http://" + address, "state": string(fine)}, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, fine)
				return err
			})
		})
	cmd.Flags().String("listen", "", "the `ADDRESS` for applications and browsers (GATEHOUSE_LISTEN)")
	cmd.Flags().String("admin-listen", "", "the `ADDRESS` for probes and metrics (GATEHOUSE_ADMIN_LISTEN)")
	return cmd
}

// adminAddress is where a server of this configuration answers probes.
func adminAddress(l *config.Loaded) (string, error) {
	const hint = "Set GATEHOUSE_ADMIN_LISTEN to the address at which the server answers probes."
	host, port, err := net.SplitHostPort(l.AdminListen)
	if l.AdminListen == "" {
		host = "127.0.0.1"
		_, port, err = net.SplitHostPort(l.Listen)
		if number, e := strconv.Atoi(port); err == nil && e == nil && number > 0 {
			port = strconv.Itoa(number + 1)
		}
	}
	if number, e := strconv.Atoi(port); err != nil || e != nil || number <= 0 {
		return "", fail(hint, "the configuration does not say on which port the server answers probes")
	}
	switch host {
	case "", "0.0.0.0":
		host = "127.0.0.1"
	case "::":
		host = "::1"
	}
	return net.JoinHostPort(host, port), nil
}
