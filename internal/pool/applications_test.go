package pool_test

import (
	"encoding/json"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// shop is a client that keeps a secret.
func shop() core.Application {
	return core.Application{Name: "Shop", Client: core.Client{
		Grants: core.GrantKinds(), Auth: core.ClientAuthBasic, Redirects: []string{"https://shop.example/cb"}, Scopes: []string{"openid"},
	}}
}

// Applications and their secrets come, change and go, and other pools have no
// part in them.
func TestApplications(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		pools := pool.New(s)
		caller := storetest.Caller(storetest.Pool(t, s, "demo", nil))
		stranger := storetest.Caller(storetest.Pool(t, s, "other", nil))
		app, err := pools.AddApplication(t.Context(), caller, shop())
		must(t, err)
		if _, err := pools.AddApplication(t.Context(), caller, core.Application{Name: "x", Client: core.Client{Grants: []core.GrantKind{"password"}}}); !core.Is(err, core.CodeInvalid) {
			t.Errorf("an application that cannot be: %v", err)
		}
		known := func(caller core.Caller, text secret.Text) core.Code {
			got, err := pools.AuthenticateApplication(t.Context(), caller, app.ID, text)
			if err == nil && got.ID != app.ID {
				t.Errorf("the secret is one of %+v", got)
			}
			if err == nil {
				return ""
			}
			return core.CodeOf(err)
		}
		first, text, err := pools.AddSecret(t.Context(), caller, app.ID, pool.NewSecret{Name: "first", Metadata: map[string]string{"owner": "ops"}})
		must(t, err)
		second, other, err := pools.AddSecret(t.Context(), caller, app.ID, pool.NewSecret{Name: "second", Life: time.Hour})
		must(t, err)
		for _, text := range []secret.Text{text, other} {
			if code := known(caller, text); code != "" {
				t.Errorf("law: of several secrets each is good; one is %s", code)
			}
			if code := known(stranger, text); code != core.CodeUnauthenticated {
				t.Errorf("law: a secret is one pool's; at another it is %q", code)
			}
		}
		secrets, err := pools.ApplicationSecrets(t.Context(), caller, app.ID)
		if err != nil || len(secrets) != 2 || secrets[0].ID != first.ID || !maps.Equal(secrets[0].Metadata, map[string]string{"owner": "ops"}) || !secrets[0].ExpiresAt.IsZero() || secrets[1].ExpiresAt.IsZero() {
			t.Errorf("the secrets are %+v (%v)", secrets, err)
		}
		must(t, pools.RevokeSecret(t.Context(), caller, app.ID, first.ID))
		if code := known(caller, text); code != core.CodeUnauthenticated {
			t.Errorf("law: a revoked secret opens nothing; it is %q", code)
		}
		if code := known(caller, other); code != "" {
			t.Errorf("law: another secret goes on; it is %s", code)
		}
		for _, err := range []error{
			pools.RevokeSecret(t.Context(), stranger, app.ID, second.ID), pools.RevokeSecret(t.Context(), caller, core.NewApplicationID(), second.ID), pools.RemoveApplication(t.Context(), stranger, app.ID),
		} {
			if !core.Is(err, core.CodeNotFound) {
				t.Errorf("law: what is another's is not there; got %v", err)
			}
		}
		changed, err := pools.ChangeApplication(t.Context(), caller, app.ID, func(a *core.Application) []string { a.Name = "Store"; return []string{"name"} })
		if err != nil || changed.Name != "Store" || changed.Version != 2 || changed.UpdatedAt.IsZero() {
			t.Errorf("after a change it is %+v (%v)", changed, err)
		}
		if _, err := pools.ChangeApplication(t.Context(), caller, app.ID, func(a *core.Application) []string { a.Client.Redirects = nil; return nil }); !core.Is(err, core.CodeInvalid) {
			t.Errorf("a change to what cannot be: %v", err)
		}
		must(t, pools.RemoveApplication(t.Context(), caller, app.ID))
		if _, err := pools.Application(t.Context(), caller, app.ID); !core.Is(err, core.CodeNotFound) {
			t.Errorf("after it was removed, the application is there: %v", err)
		}
		if code := known(caller, other); code != core.CodeUnauthenticated {
			t.Errorf("law: with its application a secret goes; it is %q", code)
		}
	})
}

// The application that a pool was made with has the secret that was shown then.
func TestFirstApplication(t *testing.T) {
	s := storetest.New(t)
	pools := pool.New(s)
	c, err := pools.Create(t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorOperator}}, pool.NewPool{Name: "shop"})
	must(t, err)
	caller := storetest.Caller(c.Pool.ID)
	if _, err := pools.AuthenticateApplication(t.Context(), caller, c.Application.ID, c.ApplicationSecret); !core.Is(err, core.CodeUnauthenticated) {
		t.Errorf("law: what is no client is no client, whatever its secret; got %v", err)
	}
	_, err = pools.ChangeApplication(t.Context(), caller, c.Application.ID, func(a *core.Application) []string { a.Client = shop().Client; return []string{"client"} })
	must(t, err)
	if _, err := pools.AuthenticateApplication(t.Context(), caller, c.Application.ID, c.ApplicationSecret); err != nil {
		t.Errorf("the secret that was shown is %v", err)
	}
}

// TestO35SecretsOfApplications: whatever is wrong with a secret is refused
// alike, counts against the network that tried it, and a secret works until its
// end.
func TestO35SecretsOfApplications(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		s := storetest.Open(t, database)
		pools := pool.New(s)
		caller := storetest.Caller(storetest.Pool(t, s, "demo", core.Overrides{"budget.tries_per_minute": json.RawMessage("8"), "oauth.secret_life": json.RawMessage(`"2h"`)}))
		caller.Network = "192.0.2.0/24"
		app, err := pools.AddApplication(t.Context(), caller, shop())
		must(t, err)
		another, err := pools.AddApplication(t.Context(), caller, shop())
		must(t, err)
		public := shop()
		public.Client.Auth, public.Client.Grants = core.ClientAuthNone, []core.GrantKind{core.GrantCode}
		public, err = pools.AddApplication(t.Context(), caller, public)
		must(t, err)
		if _, _, err := pools.AddSecret(t.Context(), caller, public.ID, pool.NewSecret{}); !core.Is(err, core.CodeConflict) {
			t.Errorf("law: who runs in people's hands gets no secret; got %v", err)
		}
		_, text, err := pools.AddSecret(t.Context(), caller, app.ID, pool.NewSecret{})
		must(t, err)
		right := text.Reveal()
		for name, c := range map[string]struct {
			id   core.ApplicationID
			text string
		}{
			"another's": {another.ID, right}, "an unknown application's": {core.NewApplicationID(), right}, "a public one's": {public.ID, right}, "none": {app.ID, ""},
			"the beginning": {app.ID, right[:31]}, "one that only begins alike": {app.ID, right[:31] + map[bool]string{true: "2", false: "7"}[right[31] == '7']}, "another text": {app.ID, secret.Random()}, "capitals": {app.ID, "A" + right[1:]},
		} {
			_, err := pools.AuthenticateApplication(t.Context(), caller, c.id, secret.Text(c.text))
			if !core.Is(err, core.CodeUnauthenticated) || err.Error() != "unauthenticated: The client is unknown, or has not proved who it is." {
				t.Errorf("law: a wrong secret is refused, alike whatever is wrong; %s gave %v", name, err)
			}
		}
		if _, err := pools.AuthenticateApplication(t.Context(), caller, app.ID, secret.Text(secret.Random())); !core.Is(err, core.CodeTooMany) {
			t.Errorf("law: wrong secrets are counted as wrong tries; after 8 another one gave %v", err)
		}
		if _, err := pools.AuthenticateApplication(t.Context(), caller, app.ID, text); err != nil {
			t.Errorf("law: who has the secret is let in, whoever tried from there; got %v", err)
		}
		time.Sleep(2*time.Hour - time.Second)
		if _, err := pools.AuthenticateApplication(t.Context(), caller, app.ID, text); err != nil {
			t.Errorf("a second before its end: %v", err)
		}
		time.Sleep(time.Second)
		if _, err := pools.AuthenticateApplication(t.Context(), caller, app.ID, text); !core.Is(err, core.CodeUnauthenticated) {
			t.Errorf("law: a secret works until its end; then it gave %v", err)
		}
	})
}
