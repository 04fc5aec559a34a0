package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/app"
	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

func (c *console) dev() *cobra.Command {
	cmd := c.command("dev", "Start a development server with the pool \"demo\", making everything that it needs.", "gatehouse dev --listen localhost:8400",
		func(cmd *cobra.Command, _ []string) error {
			loaded, err := c.load(cmd, config.ForDev)
			if err != nil {
				return err
			}
			public, admin, err := listen(cmd.Context(), loaded)
			if err != nil {
				return err
			}
			ctx, stop := c.untilSignal(cmd.Context())
			defer stop()
			if loaded.PublicURL == "" {
				// By name: an address cannot be what passkeys are bound to.
				scheme := "http"
				if loaded.TLSCertificate != "" {
					scheme = "https"
				}
				loaded.PublicURL = scheme + "://localhost:" + strconv.Itoa(portOf(public))
			}
			a, err := c.openDev(ctx, loaded, public)
			if err != nil {
				return closing(err, public, admin)
			}
			w, err := newWelcome(ctx, a, loaded.PublicURL)
			if err != nil {
				return closing(err, public, admin, a)
			}
			w.AdminURL, w.ReadyMillis = adminURL(admin), time.Since(c.Started).Milliseconds()
			if err := c.welcome(w); err != nil {
				return closing(err, public, admin, a)
			}
			defer tendCores(a.Passwords.Load)()
			return a.Serve(ctx, app.Mode{Development: true}, public, admin)
		})
	serverFlags(cmd)
	return cmd
}

// openDev makes the master key if there is none, and opens the server.
func (c *console) openDev(ctx context.Context, loaded *config.Loaded, public net.Listener) (*app.App, error) {
	if err := loaded.FindMasterKey(config.ForDev); err != nil {
		return nil, err
	}
	log := c.logger(loaded.Config)
	for _, warning := range loaded.Warnings {
		log.Warn(warning)
	}
	if a, ok := public.Addr().(*net.TCPAddr); ok && !a.IP.IsLoopback() {
		log.Warn("this development server answers beyond this machine, and shows everybody's mail", "listen", public.Addr().String())
	}
	for _, line := range loaded.Show() {
		log.Debug("configuration", "key", line.Key, "value", line.Value, "env", line.Env, "from", line.From)
	}
	a, err := app.Open(ctx, loaded.Config, app.Mode{Development: true, Version: c.Version}, log)
	if errors.Is(err, store.ErrWrongMaster) && loaded.NewKey {
		// The key made just now opens nothing; it would only mislead.
		err = errors.Join(err, os.Remove(loaded.KeyFile))
	}
	return a, err
}

// welcome is what somebody needs for their first steps.
type welcome struct {
	URL          string `json:"url"`
	AdminURL     string `json:"admin_url"`
	Pool         string `json:"pool"`
	PoolID       string `json:"pool_id"`
	SignInURL    string `json:"sign_in_url"`
	ServiceToken string `json:"service_token"`
	ClientToken  string `json:"client_token"`
	InboxURL     string `json:"inbox_url"` // empty if mail goes to a server
	Curl         string `json:"curl"`
	Python       string `json:"python"`
	ReadyMillis  int64  `json:"ready_ms"`
}

// newWelcome sees to the pool of the development server.
func newWelcome(ctx context.Context, a *app.App, public string) (welcome, error) {
	p, err := demoPool(ctx, a)
	if err != nil {
		return welcome{}, err
	}
	w := welcome{URL: public, Pool: p.Name, PoolID: string(p.ID)}
	query := url.Values{"redirect_uri": {landing(a, p)}, "state": {"hello"}}
	w.SignInURL = a.PageURL(p) + "/authorize?" + query.Encode()
	if a.Inbox != nil {
		w.InboxURL = public + "/dev/inbox"
	}
	if w.ServiceToken, err = shownToken(ctx, a, p, core.KeyService); err != nil {
		return welcome{}, err
	}
	if w.ClientToken, err = shownToken(ctx, a, p, core.KeyClient); err != nil {
		return welcome{}, err
	}
	known := w.ServiceToken
	if known == "" {
		known = pangea.ServiceToken("YOUR_TOKEN")
	}
	w.Curl = "curl -sS " + public + "/v2/user/create -H 'Authorization: Bearer " + known +
		`' -H 'Content-Type: application/json' -d '{"email":"ada@example.org","profile":{"first_name":"Ada","last_name":"Lovelace"}}'`
	w.Python = strings.Join([]string{
		`from pangea.config import PangeaConfig`,
		`from pangea.services import AuthN`,
		`config = PangeaConfig(base_url_template="` + public + `")`,
		`authn = AuthN("` + known + `", config=config)`,
		`print(authn.user.list().result)`,
	}, "\n")
	return w, nil
}

// landing is the page of our own at which a sign-in ends that no application
// asked for.
func landing(a *app.App, p core.Pool) string { return a.PageURL(p) + "/login-success" }

// demoPool finds the pool of the development server, or makes it.
func demoPool(ctx context.Context, a *app.App) (core.Pool, error) {
	p, err := a.Pools.Find(ctx, app.DemoPool)
	if core.Is(err, core.CodeNotFound) {
		n := pool.NewPool{Name: app.DemoPool, Overrides: pangea.Preset(), ShowKeys: true}
		n.Overrides["redirects.allowed"], err = json.Marshal([]string{
			landing(a, core.Pool{Name: app.DemoPool}), "http://localhost:3000", "http://localhost:3000/callback",
		})
		if err != nil {
			return core.Pool{}, err
		}
		var created pool.Created
		created, err = a.Pools.Create(ctx, operator(""), n)
		p = created.Pool
		if core.Is(err, core.CodeTaken) { // by another start at the same moment
			p, err = a.Pools.Find(ctx, app.DemoPool)
		}
	}
	if err != nil {
		return core.Pool{}, err
	}
	// The public URL may have changed since the pool was made.
	if _, ok := p.Settings.MatchRedirect(landing(a, p)); ok {
		return p, nil
	}
	allowed, err := json.Marshal(append(slices.Clone(p.Settings.RedirectsAllowed), landing(a, p)))
	if err != nil {
		return core.Pool{}, err
	}
	hosts := p.Hosts
	p, err = a.Pools.Change(ctx, operator(p.ID), core.Overrides{"redirects.allowed": allowed})
	p.Hosts = hosts
	return p, err
}

// shownToken is the pool's token of a kind. A pool that was not made by this
// command keeps none that can be shown.
func shownToken(ctx context.Context, a *app.App, p core.Pool, kind core.KeyKind) (string, error) {
	text := ""
	err := a.Store.As(operator(p.ID)).View(ctx, func(tx *store.Tx) error {
		key, err := tx.ShowKey(kind)
		if core.Is(err, core.CodeNotFound) {
			return nil
		}
		text = token(kind, key)
		return err
	})
	return text, err
}

func (c *console) welcome(w welcome) error {
	if c.json {
		return c.line(w)
	}
	inbox := w.InboxURL
	if inbox == "" {
		inbox = "none: mail goes to the mail server"
	}
	shown := func(token, kind string) string {
		if token == "" {
			return "cannot be shown; `gatehouse key create " + w.Pool + " --kind " + kind + "` makes another"
		}
		return token
	}
	_, err := fmt.Fprintf(c.Out, `Gatehouse is ready in %d ms at %s

  Sign in or up   %s
  Service token   %s
  Client token    %s
  Inbox           %s

Create a user:

%s

Or in Python, after pip install pangea-sdk:

%s

Ctrl-C ends it.
`, w.ReadyMillis, w.URL, w.SignInURL, shown(w.ServiceToken, "service"), shown(w.ClientToken, "client"), inbox, w.Curl, w.Python)
	return err
}

// closing closes what was opened before something failed.
func closing(err error, opened ...io.Closer) error {
	for _, o := range opened {
		err = errors.Join(err, o.Close())
	}
	return err
}
