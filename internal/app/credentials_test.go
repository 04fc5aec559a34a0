package app

import (
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/web/authing"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// kind is a kind of credential.
type kind string

const (
	serviceKey   kind = "service key"
	clientKey    kind = "client key"
	opaqueToken  kind = "token"
	signedToken  kind = "signed token"
	refreshToken kind = "refresh token"
	loginCode    kind = "login code"
	appToken     kind = "application's token"
	appRefresh   kind = "application's refresh token"
	appCode      kind = "application's code"
	deviceCode   kind = "device's code"
	ownToken     kind = "application's own token"
	flowID       kind = "flow"
	nothing      kind = "nothing"
	rubbish      kind = "rubbish"
)

// states are those in which a credential of each kind may be, beside how its
// text may be spoilt.
func states() map[kind][]string {
	return map[kind][]string{
		serviceKey:   {"good", "expired", "revoked"},
		clientKey:    {"good", "expired", "revoked"},
		opaqueToken:  {"good", "expired", "revoked", "disabled", "deleted"},
		signedToken:  {"good", "expired", "revoked", "disabled", "deleted"},
		refreshToken: {"good", "expired", "revoked", "disabled", "deleted", "spent"},
		loginCode:    {"good", "expired", "disabled", "deleted", "spent"},
		appToken:     {"good", "expired", "revoked", "disabled", "deleted"},
		appRefresh:   {"good", "expired", "revoked", "disabled", "deleted", "spent"},
		appCode:      {"good", "expired", "disabled", "deleted", "spent"},
		deviceCode:   {"good", "expired", "disabled", "deleted", "spent"},
		ownToken:     {"good", "expired", "revoked"},
		flowID:       {"expired", "good", "spent"},
	}
}

// spoilt are the ways in which a good text is spoilt.
func spoilt() map[string]func(string) string {
	return map[string]func(string) string{
		"truncated":              func(s string) string { return s[:len(s)-1] },
		"extended":               func(s string) string { return s + "a" },
		"without its prefix":     func(s string) string { return s[min(4, len(s)):] },
		"nothing but its prefix": func(s string) string { return s[:4] },
		"in capitals":            func(s string) string { return "PTU_" + s[4:] },
		"spelt as a service key": func(s string) string { return "pts_" + s[4:] },
		"spelt as a client key":  func(s string) string { return "pcl_" + s[4:] },
		"spelt as a token":       func(s string) string { return "ptu_" + s[4:] },
		"spelt as a refresh":     func(s string) string { return "ptr_" + s[4:] },
		"spelt as a code":        func(s string) string { return "pmc_" + s[4:] },
		"spelt as an own token":  func(s string) string { return "pti_" + s[4:] },
		"spelt as a flow":        func(s string) string { return "pfl_" + s[4:] },
	}
}

// longAgo is after the time of whatever has one.
const longAgo = 400 * 24 * time.Hour

// credential is one text that somebody may show.
type credential struct {
	kind        kind
	pool, state string
	text        string
	session     string // of a token, as the vendor spells it
}

// String names a credential without showing it.
func (c credential) String() string {
	return fmt.Sprintf("%s, %s, of the %s pool", c.kind, c.state, c.pool)
}

// ground is a pool of the matrix.
type ground struct {
	caller core.Caller
	client string // a client key
	app    string // the application's id

	page, shop core.Application // OAuth clients: one that keeps no secret, and one that does
	secret     string           // of the latter
}

// maker makes credentials in two pools of one server.
type maker struct {
	t       *testing.T
	house   *flowtest.House
	grounds map[string]ground
	people  int
}

func newMaker(t *testing.T, a *App) *maker {
	t.Helper()
	m := &maker{t: t, grounds: make(map[string]ground), house: &flowtest.House{
		Store: a.Store, Pools: a.Pools, Directory: a.Directory, Invitations: a.Invitations, Agreements: a.Agreements, Groups: a.Groups, Passwords: a.Passwords, Sessions: a.Sessions, Flows: a.Flows,
		Hasher: secret.NewHasher(secret.Cost{Memory: 8, Passes: 1, Threads: 1}, a.Store.Keys().Peppers()),
	}}
	for _, name := range []string{"own", "other"} {
		created, err := a.Pools.Create(t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorOperator}}, pool.NewPool{Name: name, Overrides: flowtest.Settings(t, map[string]any{
			"signup.verify_email": false, "redirects.allowed": []string{"https://app.example.org/"}, "redirects.default": "https://app.example.org/", "login_code.life": "10m",
			"budget.flows_per_minute": 0, "budget.tries_per_minute": 0, "budget.tries_per_hour": 0, "lockout.enabled": false,
		})})
		if err != nil {
			t.Fatal(err)
		}
		m.grounds[name] = ground{
			caller: core.Caller{Pool: created.Pool.ID, Actor: core.Actor{Kind: core.ActorService, ID: "key_test"}, Address: "127.0.0.1"},
			client: pangea.ClientToken(created.ClientKey.Reveal()), app: authing.ApplicationID(created.Application.ID),
		}
		m.house.Person(t, m.grounds[name].caller, "ana@example.org")
		m.addClients(name)
	}
	return m
}

// all is every credential: of each kind, of each pool, in each state, and spoilt.
// Those past their time are made first, and then it passes.
func (m *maker) all() (list []credential) {
	for _, past := range []bool{true, false} {
		for _, pool := range []string{"own", "other"} {
			for kind, known := range states() {
				for _, state := range known {
					if (state == "expired") == past {
						list = append(list, m.credential(kind, pool, state))
					}
				}
			}
		}
		if past {
			time.Sleep(longAgo)
		}
	}
	for _, good := range list {
		if good.state != "good" {
			continue
		}
		for how, spoil := range spoilt() {
			// What is spelt as what it is, is not spoilt.
			if text := spoil(good.text); text != good.text {
				list = append(list, credential{good.kind, good.pool, how, text, good.session})
			}
		}
	}
	for _, text := range []string{"x", "pts_", "null", "Bearer", "..", "a.b.c", "' OR 1=1 --", "\u00e9", "pts_" + secret.Random(), "ptu_" + secret.Random(), "ptr_" + secret.Random(), "pfl_" + secret.Random(), "pmc_" + secret.Random()} {
		list = append(list, credential{rubbish, "no", "made up", text, ""})
	}
	return append(list, credential{nothing, "no", "empty", "", ""})
}

// credential makes one credential and brings it into a state.
func (m *maker) credential(k kind, where, state string) credential {
	m.t.Helper()
	g, h, ctx := m.grounds[where], m.house, m.t.Context()
	c := credential{kind: k, pool: where, state: state}
	must := func(err error) {
		m.t.Helper()
		if err != nil {
			m.t.Fatalf("making a %s: %v", c, err)
		}
	}
	if k == serviceKey || k == clientKey {
		wanted, spell := pool.NewKey{Kind: core.KeyService, Name: "matrix"}, pangea.ServiceToken
		if k == clientKey {
			wanted.Kind, spell = core.KeyClient, pangea.ClientToken
		}
		if state == "expired" {
			wanted.Life = time.Hour
		}
		key, text, err := h.Pools.CreateKey(ctx, g.caller, wanted)
		must(err)
		if c.text = spell(text.Reveal()); state == "revoked" {
			must(h.Pools.RevokeKey(ctx, g.caller, key.ID))
		}
		return c
	}
	if k == ownToken {
		text, _, err := h.Sessions.GiveClientToken(ctx, g.caller, core.DefaultSettings(), g.shop, []string{"openid"})
		must(err)
		if c.text = pangea.AppToken(text); state == "revoked" {
			must(h.Sessions.RevokeClientToken(ctx, g.caller, g.shop.ID, text))
		}
		return c
	}
	m.people++
	email := fmt.Sprintf("p%d@example.org", m.people)
	user := h.Person(m.t, g.caller, email)
	format := "opaque"
	if k == signedToken {
		format = "jwt"
	}
	h.Set(m.t, g.caller, map[string]any{"token.format": format})
	p, err := h.Pools.Get(ctx, g.caller.Pool)
	must(err)
	var id core.FlowID
	caller := g.caller
	begin := func() {
		start := flow.Start{Email: email}
		if k == appToken || k == appRefresh || k == appCode {
			start.OAuth = &core.Authorization{Application: g.page.ID, Challenge: matrixChallenge}
		}
		if k == deviceCode {
			wait, err := h.Sessions.GiveDeviceCode(ctx, g.caller, p.Settings, g.page, []string{"openid"})
			must(err)
			c.text, start.UserCode, caller.Browser = wait.Code, wait.UserCode, []byte("a browser")
		}
		s, err := h.Flows.Start(ctx, caller, start)
		must(err)
		id = s.ID
	}
	prove := func() {
		_, err := h.Flows.Answer(ctx, caller, id, flow.Answer{Choice: core.ChoicePassword, Password: flowtest.Password})
		must(err)
	}
	begin()
	var end func() // uses it up, or ends what it is of
	switch k {
	case flowID:
		c.text = "pfl_" + core.Tail(id)
		end = func() {
			prove()
			_, err := h.Flows.Complete(ctx, g.caller, id)
			must(err)
		}
	case loginCode:
		prove()
		done, err := h.Flows.CompleteWithCode(ctx, g.caller, id)
		must(err)
		c.text = pangea.LoginCode(done.Code)
		end = func() {
			_, err := h.Sessions.ExchangeCode(ctx, g.caller, p.Settings, done.Code, "")
			must(err)
			time.Sleep(11 * time.Second) // past the time of a page that was loaded twice
			// Whoever shows it now ends the session, once.
			if _, err := h.Sessions.ExchangeCode(ctx, g.caller, p.Settings, done.Code, ""); !core.Is(err, core.CodeTicketInvalid) {
				m.t.Fatalf("a login code that was used gives %v", err)
			}
		}
	case appCode:
		prove()
		done, err := h.Flows.CompleteWithCode(ctx, g.caller, id)
		must(err)
		c.text = pangea.LoginCode(done.Code)
		end = func() {
			_, err := h.Sessions.ExchangeAuthorization(ctx, g.caller, p.Settings, g.page, done.Code, "", matrixVerifier)
			must(err)
			// Whoever shows it now ends the session, once.
			if _, err := h.Sessions.ExchangeAuthorization(ctx, g.caller, p.Settings, g.page, done.Code, "", matrixVerifier); !core.Is(err, core.CodeTicketInvalid) {
				m.t.Fatalf("a code that was used gives %v", err)
			}
		}
	case deviceCode:
		prove()
		_, err := h.Flows.CompleteWithCode(ctx, caller, id)
		must(err)
		end = func() {
			_, err := h.Sessions.ExchangeDevice(ctx, g.caller, p.Settings, g.page, c.text)
			must(err)
		}
	case appToken, appRefresh:
		prove()
		grant, err := h.Flows.Complete(ctx, g.caller, id)
		must(err)
		if c.text = pangea.UserToken(grant.Access.Token); k == appRefresh {
			c.text = pangea.RefreshToken(grant.Refresh.Token)
		}
		end = func() { must(h.Sessions.EndFor(ctx, g.caller, g.page.ID, grant.Access.Token, "")) }
		if state == "spent" {
			end = func() {
				_, err := h.Sessions.RefreshFor(ctx, g.caller, p.Settings, g.page, grant.Refresh.Token, nil)
				must(err)
				time.Sleep(time.Minute) // past the grace
				// Whoever shows it now ends the session, once.
				if _, err := h.Sessions.RefreshFor(ctx, g.caller, p.Settings, g.page, grant.Refresh.Token, nil); !core.Is(err, core.CodeTokenInvalid) {
					m.t.Fatalf("a spent refresh token gives %v", err)
				}
			}
		}
	default:
		prove()
		grant, err := h.Flows.Complete(ctx, g.caller, id)
		must(err)
		c.session = "pmt_" + core.Tail(core.SessionID(grant.Refresh.ID))
		c.text = grant.Access.Token
		if k == opaqueToken {
			c.text = "ptu_" + c.text
		}
		if k == refreshToken {
			c.text = "ptr_" + grant.Refresh.Token
		}
		end = func() { must(h.Sessions.SignOut(ctx, g.caller, grant.Access.Token)) }
		if state == "spent" {
			end = func() {
				_, err := h.Sessions.Refresh(ctx, g.caller, p.Settings, grant.Refresh.Token, grant.Access.Token)
				must(err)
				time.Sleep(time.Minute) // past the grace
				// Whoever shows it now ends the session, once.
				if _, err := h.Sessions.Refresh(ctx, g.caller, p.Settings, grant.Refresh.Token, ""); !core.Is(err, core.CodeTokenInvalid) {
					m.t.Fatalf("a spent refresh token gives %v", err)
				}
			}
		}
	}
	switch state {
	case "revoked", "spent":
		end()
	case "disabled":
		yes := true
		_, err := h.Directory.Change(ctx, g.caller, core.UserRef{ID: user.ID}, directory.UserChange{Disabled: &yes})
		must(err)
	case "deleted":
		must(h.Directory.Delete(ctx, g.caller, core.UserRef{ID: user.ID}))
	case "good", "expired":
	default:
		m.t.Fatalf("there is no state %q", state)
	}
	return c
}

// escape makes a text part of a path, a query or a form.
func escape(text string) string { return url.QueryEscape(text) }

// The verifier of every code of the matrix, and its challenge (RFC 7636 appendix
// B).
const (
	matrixVerifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	matrixChallenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
)

// addClients adds the OAuth clients of a pool.
func (m *maker) addClients(name string) {
	m.t.Helper()
	g := m.grounds[name]
	add := func(auth core.ClientAuth, grants ...core.GrantKind) core.Application {
		app, err := m.house.Pools.AddApplication(m.t.Context(), g.caller, core.Application{Name: "Client", Client: core.Client{
			Grants: grants, Auth: auth, Redirects: []string{"https://app.example.org/"}, Scopes: []string{"openid"}, DefaultScopes: []string{"openid"},
		}})
		if err != nil {
			m.t.Fatal(err)
		}
		return app
	}
	g.page, g.shop = add(core.ClientAuthNone, core.GrantCode, core.GrantRefresh, core.GrantDevice), add(core.ClientAuthPost, core.GrantKinds()...)
	_, text, err := m.house.Pools.AddSecret(m.t.Context(), g.caller, g.shop.ID, pool.NewSecret{})
	if err != nil {
		m.t.Fatal(err)
	}
	g.secret = pangea.ClientSecret(text).Reveal()
	m.grounds[name] = g
}
