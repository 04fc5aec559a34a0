package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/outbound"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/risk"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/source"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/web"
	"github.com/gatehouse-id/gatehouse/internal/web/authing"
	"github.com/gatehouse-id/gatehouse/internal/web/hosted"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// App is a server with all its parts.
type App struct {
	Store       *store.Store
	Pools       *pool.Pools
	Directory   *directory.Directory
	Invitations *directory.Invitations
	Agreements  *directory.Agreements
	Groups      *directory.Groups
	Imports     *directory.Imports
	Passwords   *directory.Passwords
	Sessions    *session.Sessions
	Flows       *flow.Machine
	Risk        *risk.Data
	Inbox       *deliver.Inbox // nil outside of development

	config      config.Config
	limits      web.Limits
	public      *url.URL
	worker      *deliver.Worker
	texter      *deliver.Worker
	teller      *deliver.Worker       // of logouts
	breaches    *directory.BreachFile // nil: there is none
	mails       *deliver.SMTP         // nil: none is configured
	certificate *web.Certificate      // nil: TLS is for a proxy to speak
	log         *slog.Logger

	version     string
	traffic     *web.Traffic
	traces      traces
	panics      atomic.Int64 // of workers
	connections atomic.Pointer[web.Connections]
	warnedFull  atomic.Int64 // in Unix nanoseconds
}

// Mode says what kind of server is built.
type Mode struct {
	// Development catches mail in an inbox page and serves the pool "demo" at
	// the bare host.
	Development bool
	// Version is the program's, for metrics and traces.
	Version string
}

// DemoPool is the pool that a development server begins with.
const DemoPool = "demo"

// Open opens the database, bringing its schema up to date if the configuration
// says so, and wires the parts. Nothing runs yet.
func Open(ctx context.Context, c config.Config, m Mode, log *slog.Logger) (*App, error) {
	public, err := url.Parse(c.PublicURL)
	if err != nil || (public.Scheme != "http" && public.Scheme != "https") || public.Host == "" || (public.Path != "" && public.Path != "/") {
		return nil, fmt.Errorf("the public URL %q is not of the form https://host", c.PublicURL)
	}
	st, err := OpenStore(ctx, c, log)
	if err != nil {
		return nil, err
	}
	a := &App{Store: st, config: c, limits: web.DefaultLimits(), public: public, log: log, version: m.Version, traffic: new(web.Traffic)}
	if err := a.wire(ctx, c, m); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// OpenStore opens the database of a configuration, for a server or for the
// command line.
func OpenStore(ctx context.Context, c config.Config, log *slog.Logger) (*store.Store, error) {
	master, err := secret.ParseMaster(c.MasterKey.Reveal())
	if err != nil {
		return nil, err
	}
	if c.Migrate {
		applied, err := store.Migrate(ctx, c.Database)
		if err != nil {
			return nil, fmt.Errorf("cannot bring the database's schema up to date: %w", err)
		}
		for _, step := range applied {
			log.Info("applied a migration", "name", step.Name)
		}
	} else if err := store.CheckSchema(ctx, c.Database); err != nil {
		return nil, err
	}
	return store.Open(ctx, store.Options{Database: c.Database, Master: master, UnsafeDurability: c.UnsafeDurability, Log: log})
}

func (a *App) wire(ctx context.Context, c config.Config, m Mode) error {
	var err error
	if a.traces, err = openTraces(ctx, m.Version, a.log); err != nil {
		return err
	}
	if c.TLSCertificate != "" {
		if a.certificate, err = web.ReadCertificate(c.TLSCertificate, c.TLSKey, a.log); err != nil {
			return err
		}
	}
	allowed, err := outbound.ParseAllowed(c.OutboundAllow)
	if err != nil {
		return fmt.Errorf("outbound_allow: %w", err)
	}
	calls := outbound.New(allowed)
	cost := secret.DefaultCost()
	if c.HashMemory > 0 && c.HashPasses > 0 {
		cost.Memory, cost.Passes = uint32(c.HashMemory), uint32(c.HashPasses)
	}
	breaches := directory.Breaches{Range: deliver.NewRanges(strings.TrimSuffix(c.BreachesURL, "/"), a.log).Get}
	if c.BreachesFile != "" {
		if breaches.File, err = directory.OpenBreachFile(c.BreachesFile); err != nil {
			return err
		}
		a.breaches = breaches.File
	}
	a.Pools = pool.New(a.Store)
	a.Directory = directory.New(a.Store)
	a.Passwords = directory.NewPasswords(a.Store, secret.NewHasher(cost, a.Store.Keys().Peppers()).By(a.Store.Clock)).Against(breaches)
	a.Agreements = directory.NewAgreements(a.Store)
	a.Groups = directory.NewGroups(a.Store)
	limits := directory.DefaultImportLimits()
	limits.Size = int64(c.ImportSize) << 20
	a.Imports = directory.NewImports(a.Store, limits, a.log)
	a.Invitations = directory.NewInvitations(a.Store, a.PageURL)
	a.Sessions = session.New(a.Store, session.Spelling{
		Issuer: a.PageURL, Claims: pangea.Claims, Application: pangea.ClientID, Access: pangea.UserToken, Custom: pangea.CustomClaims,
	})
	if a.Risk, err = risk.Open(risk.Files{Places: c.GeoIPFile, Domains: c.DisposableFile}, a.log); err != nil {
		return err
	}
	a.Flows = flow.New(a.Store, a.Pools, a.Passwords, a.Sessions, deliver.NewCaptchas(a.Store, c.CaptchaURL), a.PageURL).Knowing(a.Risk).Asking(source.NewProviders(a.Store, calls))

	var sender deliver.Sender
	switch {
	case c.SMTP != "":
		smtp, err := deliver.NewSMTP(c.SMTP)
		if err != nil {
			return err
		}
		sender, a.mails = smtp, smtp
	case m.Development:
		a.Inbox = deliver.NewInbox()
		sender = a.Inbox
	}
	a.worker = deliver.NewWorker(a.Store, sender, deliver.Options{FromAddress: c.MailFromAddress, FromName: c.MailFromName, Dial: deliver.DialMail(allowed), Log: a.log, Tracer: a.traces.tracer})
	a.texter = deliver.NewTextWorker(a.Store, deliver.TextOptions{
		Options: deliver.Options{Log: a.log, Tracer: a.traces.tracer}, Inbox: a.Inbox, TwilioURL: c.TwilioURL, Outbound: calls,
	})
	a.teller = deliver.NewLogoutWorker(a.Store, deliver.LogoutOptions{
		Options: deliver.Options{Log: a.log, Tracer: a.traces.tracer}, Outbound: calls,
		Token: func(ctx context.Context, p core.Pool, l core.Logout) (secret.Text, error) {
			token, err := a.Sessions.LogoutToken(ctx, p, l)
			return secret.Text(token), err
		},
	})
	return nil
}

// PageURL is the public address of a pool's hosted pages, without a slash at
// its end. It comes from the configuration, never from a request.
func (a *App) PageURL(p core.Pool) string { return PageURL(a.public, p) }

// PageURL is the same for a server at a public address.
func PageURL(public *url.URL, p core.Pool) string {
	if len(p.Hosts) > 0 {
		u := url.URL{Scheme: public.Scheme, Host: p.Hosts[0]}
		if port := public.Port(); port != "" {
			u.Host += ":" + port
		}
		return u.String()
	}
	return (&url.URL{Scheme: public.Scheme, Host: public.Host}).String() + "/p/" + p.Name
}

// even is how long it takes to answer where nobody may learn who is there: more
// than to look somebody up, compare a password and put a mail in line does.
const even = 100 * time.Millisecond

// Handler is all that the server answers on its public address.
func (a *App) Handler(m Mode) (http.Handler, error) {
	proxies, err := web.ParseProxies(a.config.TrustedProxies)
	if err != nil {
		return nil, err
	}
	first := pangea.New(pangea.Deps{
		Store: a.Store, Pools: a.Pools, Directory: a.Directory, Invitations: a.Invitations, Agreements: a.Agreements, Groups: a.Groups, Imports: a.Imports, Passwords: a.Passwords, Sessions: a.Sessions, Flows: a.Flows, Risk: a.Risk,
		URL: strings.TrimSuffix(a.public.String(), "/"), Even: even, Traffic: a.traffic,
	})
	second := authing.New(authing.Deps{Pools: a.Pools, Directory: a.Directory, Sessions: a.Sessions, Flows: a.Flows, ReadToken: pangea.ReadUserToken, Even: even, Traffic: a.traffic})
	bare := ""
	if m.Development {
		bare = DemoPool
	}
	pages := hosted.New(hosted.Deps{
		Store: a.Store, Pools: a.Pools, Sessions: a.Sessions, Flows: a.Flows, PageURL: a.PageURL, Secure: a.public.Scheme == "https", BarePool: bare, Inbox: a.Inbox,
		Code: pangea.LoginCode, LinkState: pangea.LinkState, Authorize: authorizeLink, Even: even, Traffic: a.traffic,
	})
	standards := a.oauth(pages, bare)
	face := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case pangea.Serves(path):
			first.ServeHTTP(w, r)
		case authing.Serves(path):
			second.ServeHTTP(w, r)
		case standards.Serves(r):
			standards.ServeHTTP(w, r)
		default:
			pages.ServeHTTP(w, r)
		}
	})
	return web.NewServer(face, proxies, a.log).Watched(a.traffic, a.traces.tracer), nil
}

// Run keeps the server's own work going until ctx ends: reading other nodes'
// changes, sending mail, telling of logouts, deleting what has passed, chaining the audit trail,
// bringing people over.
func (a *App) Run(ctx context.Context) {
	var running sync.WaitGroup
	for name, work := range map[string]func(context.Context){
		"follow": a.Store.Follow, "deliver": a.deliver, "text": a.texter.Run, "tell": a.teller.Run, "sweep": a.sweep, "seal": a.seal, "import": a.Imports.Run, "places": a.Risk.Follow,
	} {
		running.Go(func() { a.guard(ctx, name, work) })
	}
	running.Wait()
}

// guard starts work again that panicked: one bad row must not end a node.
func (a *App) guard(ctx context.Context, name string, work func(context.Context)) {
	for ctx.Err() == nil {
		func() {
			defer func() {
				if v := recover(); v != nil {
					a.panics.Add(1)
					a.log.Error("panic in a worker", "worker", name, "panic", fmt.Sprint(v))
				}
			}()
			work(ctx)
		}()
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

func (a *App) deliver(ctx context.Context) {
	if a.mails == nil && a.Inbox == nil {
		a.log.Warn("no mail server is configured: mails of pools without one of their own wait in line", "setting", "mail.smtp")
	}
	var looking sync.WaitGroup
	defer looking.Wait()
	if a.mails != nil {
		looking.Go(func() {
			if err := a.mails.Reach(ctx); err != nil && ctx.Err() == nil {
				a.log.Warn("the mail server does not answer: mail waits in line until it does", "error", err)
			}
		})
	}
	a.worker.Run(ctx)
}

// sweepEvery is how often what has passed is deleted, and sweepRows how many
// rows of each kind at a time. keptCounters is how many counters of strangers'
// doings there may be of each kind.
const (
	sweepEvery   = time.Minute
	sweepRows    = 1000
	keptCounters = 1_000_000
)

func (a *App) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	var clock steadyClock
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !clock.steady(a.Store.Clock()) {
			a.log.Warn("the clock has jumped: nothing is deleted for being old until it has been steady for an hour")
			continue
		}
		for {
			gone, err := a.Store.Across().Sweep(ctx, sweepRows)
			if err == nil {
				var trimmed int64
				trimmed, err = a.Store.Across().Trim(ctx, keptCounters, sweepRows)
				gone += trimmed
			}
			if err != nil && ctx.Err() == nil {
				a.log.Warn("cannot delete what has passed", "error", err)
			}
			if err != nil || gone < sweepRows {
				break
			}
		}
	}
}

// Close closes the database, after Run has ended, and sends what is left of
// traces.
func (a *App) Close() error {
	if err := a.traces.close(); err != nil {
		a.log.Warn("the last traces could not be sent", "error", err)
	}
	if a.breaches != nil {
		return errors.Join(a.breaches.Close(), a.Store.Close())
	}
	return a.Store.Close()
}
