package authn_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/client/authn"
	"github.com/gatehouse-id/gatehouse/internal/app"
	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/risk/risktest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// callback is registered with the pool of every server here.
const callback = "https://shop.example.org/callback"

// password and newPassword are what people of tests use.
const (
	password    = "correct horse 7 staple"
	newPassword = "quite another 8 staple"
)

// server is Gatehouse, as its own command starts it, with one pool.
type server struct {
	url     string
	service string // token
	client  string // token
	login   string // where the hosted pages are
	app     *app.App
	caller  core.Caller
}

// startServer starts a server on a new database. stop ends it, and returns what
// was wrong with it. overrides are settings of the pool beside the vendor's
// preset, places the path of a file of places, or empty.
func startServer(ctx context.Context, database, places string, overrides map[string]any) (s *server, stop func() error, err error) {
	public, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, err
	}
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, nil, errors.Join(err, public.Close())
	}
	s = &server{url: "http://" + public.Addr().String()}
	development := app.Mode{Development: true}
	s.app, err = app.Open(ctx, config.Config{
		Database: database, MasterKey: secret.Text(secret.NewMasterText()), PublicURL: s.url, Migrate: true, UnsafeDurability: true,
		HashMemory: 64, HashPasses: 1, ImportSize: 64, GeoIPFile: places, OutboundAllow: []string{"127.0.0.1"}, MailFromAddress: "gatehouse@example.org",
	}, development, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, nil, errors.Join(err, public.Close(), admin.Close())
	}
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- s.app.Serve(running, development, public, admin) }()
	stop = func() error { end(); return <-ended }
	if err := s.makePool(ctx, overrides); err != nil {
		return nil, nil, errors.Join(err, stop())
	}
	return s, stop, nil
}

func (s *server) makePool(ctx context.Context, overrides map[string]any) error {
	n := pool.NewPool{Name: "shop", Overrides: pangea.Preset()}
	n.Overrides["redirects.allowed"] = json.RawMessage(`["` + callback + `"]`)
	for key, value := range overrides {
		raw, err := json.Marshal(value)
		if err != nil {
			return err
		}
		n.Overrides[key] = raw
	}
	created, err := s.app.Pools.Create(ctx, core.Caller{Actor: core.Actor{Kind: core.ActorSystem}}, n)
	if err != nil {
		return err
	}
	s.service, s.client = pangea.ServiceToken(created.ServiceKey.Reveal()), pangea.ClientToken(created.ClientKey.Reveal())
	s.login = s.app.PageURL(created.Pool)
	s.caller = core.Caller{Pool: created.Pool.ID, Actor: core.Actor{Kind: core.ActorOperator}}
	return nil
}

// onEngines runs a test against a server on each engine.
func onEngines(t *testing.T, overrides map[string]any, test func(t *testing.T, s *server)) {
	t.Helper()
	storetest.Engines(t, func(t *testing.T, database string) {
		s, stop, err := startServer(t.Context(), database, risktest.Places(t), overrides)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := stop(); err != nil {
				t.Errorf("the server ended with %v", err)
			}
		})
		test(t, s)
	})
}

// with makes a client.
func (s *server) with(t *testing.T, token string, options ...authn.Option) *authn.AuthN {
	t.Helper()
	a, err := authn.New(s.url, token, options...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// change changes settings of the pool.
func (s *server) change(t *testing.T, key string, value string) {
	t.Helper()
	if _, err := s.app.Pools.Change(t.Context(), s.caller, core.Overrides{key: json.RawMessage(value)}); err != nil {
		t.Fatal(err)
	}
}

// link waits for the mail with a kind of link and returns the code in it, as an
// application is given it.
func (s *server) link(ctx context.Context, email, kind string) (code string, err error) {
	return s.mailed(ctx, email, func(link *url.URL) string {
		if link.Query().Get("for") != kind {
			return ""
		}
		return pangea.LoginCode(link.Query().Get("code"))
	})
}

// invitation waits for the mail of an invitation and returns the ticket in it.
func (s *server) invitation(ctx context.Context, email string) (ticket string, err error) {
	return s.mailed(ctx, email, func(link *url.URL) string {
		if !strings.HasSuffix(link.Path, "/invitation") {
			return ""
		}
		return "pmi_" + link.Query().Get("code")
	})
}

// code waits for the mail with a code and returns it.
func (s *server) code(ctx context.Context, email string) (code string, err error) {
	return s.inMail(ctx, email, func(mail deliver.Caught) string {
		if len(mail.Codes) == 0 {
			return ""
		}
		return mail.Codes[0]
	})
}

// mailed waits for a mail with a link in which something is found.
func (s *server) mailed(ctx context.Context, email string, find func(link *url.URL) string) (string, error) {
	return s.inMail(ctx, email, func(mail deliver.Caught) string {
		for _, link := range mail.Links {
			if u, err := url.Parse(link); err == nil && find(u) != "" {
				return find(u)
			}
		}
		return ""
	})
}

// inMail waits for a mail in which something is found, for a minute at most.
func (s *server) inMail(ctx context.Context, email string, find func(mail deliver.Caught) string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		for _, mail := range s.app.Inbox.List(email) {
			if found := find(mail); found != "" {
				return found, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", errors.Join(ctx.Err(), errors.New("no such mail came to "+email))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// demo is a server and a client for an example. The examples of a package run
// after its tests, and have nothing to report to.
func demo(overrides map[string]any) (a *authn.AuthN, s *server, stop func()) {
	folder, err := os.MkdirTemp("", "authn")
	must(err)
	s, end, err := startServer(context.Background(), "sqlite:"+filepath.Join(folder, "gatehouse.db"), "", overrides)
	must(err)
	a, err = authn.New(s.url, s.service)
	must(err)
	return a, s, func() { must(errors.Join(end(), os.RemoveAll(folder))) }
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// signUp signs somebody up over a flow, with a profile if names are given.
func signUp(t *testing.T, a *authn.AuthN, email string, profile authn.Profile) *authn.Tokens {
	t.Helper()
	state := ok(a.Flow.Start(t.Context(), authn.FlowStartRequest{Email: email, CallbackURI: callback}))(t)
	state = answer(t, a, state, authn.PasswordAnswer{Password: password})
	state = answer(t, a, state, authn.ProfileAnswer{Profile: profile})
	return ok(a.Flow.Complete(t.Context(), authn.FlowCompleteRequest{FlowID: state.FlowID}))(t)
}

func answer(t *testing.T, a *authn.AuthN, state *authn.FlowState, with authn.FlowAnswer) *authn.FlowState {
	t.Helper()
	return ok(a.Flow.Update(t.Context(), authn.FlowUpdateRequest{FlowID: state.FlowID, Answer: with}))(t)
}

// ok is a call that must go well: ok(a.Flow.Start(...))(t).
func ok[T any](got T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
}

// refused wants an error with a status, an HTTP status and problems, written
// "code source".
func refused(t *testing.T, err error, status authn.Status, http int, problems ...string) *authn.Error {
	t.Helper()
	e, is := errors.AsType[*authn.Error](err)
	if !is {
		t.Fatalf("no *authn.Error: %v", err)
	}
	var got []string
	for _, p := range e.Problems {
		got = append(got, strings.TrimSpace(p.Code+" "+p.Source))
		if p.Detail == "" {
			t.Errorf("a problem without a sentence: %+v", p)
		}
	}
	if e.Status != status || e.HTTPStatus != http || strings.Join(got, ", ") != strings.Join(problems, ", ") {
		t.Fatalf("got %s %d %v, want %s %d %v: %v", e.Status, e.HTTPStatus, got, status, http, problems, err)
	}
	if !strings.HasPrefix(e.RequestID, "prq_") || e.Summary == "" {
		t.Fatalf("without request or summary: %+v", e)
	}
	if !authn.IsStatus(err, status) || authn.IsStatus(err, "Elsewhere") {
		t.Fatalf("IsStatus is wrong about %v", err)
	}
	return e
}
