package pool_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestPoolsAndTheirKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		pools := pool.New(s)
		operator := core.Caller{Actor: core.Actor{Kind: core.ActorOperator}}
		c, err := pools.Create(t.Context(), operator, pool.NewPool{Name: "shop", Hosts: []string{"Login.Example.org"}, Overrides: core.Overrides{"display_name": json.RawMessage(`"Shop"`)}})
		must(t, err)

		if p, err := pools.AtApplication(t.Context(), c.Application.ID); err != nil || p.ID != c.Pool.ID || p.Settings.DisplayName != "Shop" {
			t.Errorf("the application is %+v's (%v)", p, err)
		}
		if _, err := pools.AtApplication(t.Context(), core.NewApplicationID()); !core.Is(err, core.CodeNotFound) {
			t.Errorf("an unknown application: %v", err)
		}
		for _, find := range []func() (core.Pool, error){
			func() (core.Pool, error) { return pools.Find(t.Context(), "shop") },
			func() (core.Pool, error) { return pools.Find(t.Context(), string(c.Pool.ID)) },
			func() (core.Pool, error) { return pools.Get(t.Context(), c.Pool.ID) },
			func() (core.Pool, error) { return pools.AtHost(t.Context(), "login.example.org") },
		} {
			if p, err := find(); err != nil || p.ID != c.Pool.ID || p.Settings.DisplayName != "Shop" {
				t.Errorf("found %+v (%v)", p, err)
			}
		}
		for _, n := range []pool.NewPool{{Name: "shop"}, {Name: "other", ID: c.Pool.ID}, {Name: "third", Hosts: []string{"login.example.org"}}} {
			if _, err := pools.Create(t.Context(), operator, n); !core.Is(err, core.CodeTaken) {
				t.Errorf("%+v: %v", n, err)
			}
		}
		for _, n := range []pool.NewPool{{Name: ""}, {Name: "Shop"}, {Name: "-x"}, {Name: "a/b"}, {Name: "ok", Hosts: []string{"no host"}}, {Name: "ok", Overrides: core.Overrides{"x": nil}}} {
			if _, err := pools.Create(t.Context(), operator, n); !core.Is(err, core.CodeInvalid) {
				t.Errorf("%+v: %v", n, err)
			}
		}

		service, err := pools.Authenticate(t.Context(), core.KeyService, c.ServiceKey.Reveal())
		must(t, err)
		if service.Pool != c.Pool.ID || service.Kind != core.KeyService {
			t.Errorf("the service key is %+v", service)
		}
		for _, wrong := range []struct {
			kind core.KeyKind
			text string
		}{{core.KeyClient, c.ServiceKey.Reveal()}, {core.KeyService, c.ClientKey.Reveal()}, {core.KeyService, ""}, {core.KeyService, c.ServiceKey.Reveal()[1:]}, {core.KeyService, c.PoolSecret.Reveal()}} {
			if _, err := pools.Authenticate(t.Context(), wrong.kind, wrong.text); !core.Is(err, core.CodeUnauthenticated) {
				t.Errorf("%s %q: %v", wrong.kind, wrong.text, err)
			}
		}
		operator.Pool = c.Pool.ID
		must(t, pools.RevokeKey(t.Context(), operator, service.ID))
		if _, err := pools.Authenticate(t.Context(), core.KeyService, c.ServiceKey.Reveal()); !core.Is(err, core.CodeUnauthenticated) {
			t.Errorf("after it was revoked: %v", err)
		}

		// A key that applications hold already is kept, and is one pool's only.
		kept := c.PoolSecret // any text of that form
		_, _, err = pools.CreateKey(t.Context(), operator, pool.NewKey{Kind: core.KeyService, Text: kept, Life: time.Hour})
		must(t, err)
		if _, err := pools.Authenticate(t.Context(), core.KeyService, kept.Reveal()); err != nil {
			t.Errorf("the kept key: %v", err)
		}
		stranger := storetest.Caller(storetest.Pool(t, s, "stranger", nil))
		if _, _, err := pools.CreateKey(t.Context(), stranger, pool.NewKey{Kind: core.KeyService, Text: kept}); !core.Is(err, core.CodeTaken) {
			t.Errorf("another pool takes the same key: %v", err)
		}
		if _, _, err := pools.CreateKey(t.Context(), operator, pool.NewKey{Kind: core.KeyService, Text: "short"}); !core.Is(err, core.CodeInvalid) {
			t.Errorf("a short key: %v", err)
		}
	})
}

func TestChangeOfSettings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		pools := pool.New(s)
		app := storetest.Caller(storetest.Pool(t, s, "demo", nil))
		before, err := pools.Get(t.Context(), app.Pool)
		must(t, err)
		after, err := pools.Change(t.Context(), app, core.Overrides{"password.min_length": json.RawMessage(`12`)})
		must(t, err)
		if after.Settings.PasswordMinLength != 12 || before.Settings.PasswordMinLength == 12 {
			t.Errorf("from %d to %d", before.Settings.PasswordMinLength, after.Settings.PasswordMinLength)
		}
		if _, err := pools.Change(t.Context(), app, core.Overrides{"password.min_length": json.RawMessage(`0`), "flow.life": json.RawMessage(`"1h"`)}); !core.Is(err, core.CodeInvalid) {
			t.Errorf("an impossible value: %v", err)
		}
		now, err := pools.Get(t.Context(), app.Pool)
		must(t, err)
		if now.Settings.PasswordMinLength != 12 || now.Settings.FlowLife != before.Settings.FlowLife {
			t.Errorf("a refused change changed something: %+v", now.Settings)
		}
		if _, err := pools.Change(t.Context(), app, core.Overrides{"password.min_length": json.RawMessage(`null`)}); err != nil {
			t.Errorf("back to the default: %v", err)
		}
	})
}
