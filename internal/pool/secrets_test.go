package pool_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// A secret that an operator gives is kept sealed, for its own pool; the newest
// one counts, and nothing shows it again.
func TestSecretsOfAPool(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		pools := pool.New(s)
		shop, other := storetest.Caller(storetest.Pool(t, s, "shop", nil)), storetest.Caller(storetest.Pool(t, s, "other", nil))
		stored := func(caller core.Caller) (plain string) {
			must(t, s.As(caller).View(t.Context(), func(tx *store.Tx) error {
				all, err := tx.PoolSecrets()
				for _, one := range all {
					if one.Name == string(core.SecretTwilioToken) {
						plain += string(one.Plain)
					}
				}
				return err
			}))
			return plain
		}
		for _, value := range []secret.Text{"CANARY-first", "CANARY-second"} {
			must(t, pools.SetSecret(t.Context(), shop, core.SecretTwilioToken, value))
			if got := stored(shop); got != value.Reveal() {
				t.Errorf("law: the newest secret counts; it is %q", got)
			}
		}
		if got := stored(other); got != "" {
			t.Errorf("law: a secret is of one pool; another has %q", got)
		}
		for name, value := range map[core.SecretName]secret.Text{core.SecretTwilioToken: "two words", core.SecretWebhook: "CANARY-no-key", "pool": "x", "password_key": "x", "": "x"} {
			if err := pools.SetSecret(t.Context(), shop, name, value); !core.Is(err, core.CodeInvalid) || strings.Contains(err.Error(), "CANARY") {
				t.Errorf("law: what is no secret of the catalogue is refused, and not repeated; %q gives %v", name, err)
			}
		}
		given, err := pools.Secrets(t.Context(), shop)
		must(t, err)
		for _, one := range given {
			if one.Given != (one.Name == core.SecretTwilioToken) {
				t.Errorf("law: what was given is known; of %s it is %v", one.Name, one.Given)
			}
		}
		dump := fmt.Sprint(storetest.Dump(t, storetest.Raw(t, database), shop.Pool))
		if strings.Contains(dump, "CANARY") || !strings.Contains(dump, string(core.SecretTwilioToken)) {
			t.Errorf("law: a secret is stored sealed, and an event tells that it was given:\n%s", dump)
		}
		must(t, pools.SetSecret(t.Context(), shop, core.SecretTwilioToken, ""))
		if got := stored(shop); got != "" {
			t.Errorf("law: a secret can be taken away; there is %q", got)
		}
		if err := pools.SetSecret(t.Context(), shop, core.SecretTwilioToken, ""); !core.Is(err, core.CodeNotFound) {
			t.Errorf("taking it away once more gives %v", err)
		}
	})
}

// The secret of a provider leaves for nobody but whom it was given for: with
// another address it has to be given anew.
func TestT11SecretsOfProvidersStayWhereTheyWereGiven(t *testing.T) {
	s := storetest.New(t)
	pools := pool.New(s)
	shop := storetest.Caller(storetest.Pool(t, s, "shop", nil))
	given := func() bool {
		all, err := pools.Secrets(t.Context(), shop)
		must(t, err)
		for _, one := range all {
			if one.Name == core.ProviderSecret("acme") {
				return one.Given
			}
		}
		return false
	}
	set := func(providers string) {
		_, err := pools.Change(t.Context(), shop, core.Overrides{"signin.providers": []byte(providers)})
		must(t, err)
	}
	const base = `{"name":"acme","kind":"oidc","issuer":"https://a.example","client_id":"x","label":"A"}`
	for changed, stays := range map[string]bool{
		`[` + base + `]`: true,
		`[{"name":"acme","kind":"oidc","issuer":"https://a.example","client_id":"x","disabled":true,"trust_email":true}]`: true,
		`[` + base + `,{"name":"other","kind":"google","client_id":"y"}]`:                                                 true,
		`[{"name":"acme","kind":"oidc","issuer":"https://b.example","client_id":"x"}]`:                                    false,
		`[{"name":"acme","kind":"gitlab","issuer":"https://a.example","client_id":"x"}]`:                                  false,
		`[{"name":"acme","kind":"oidc","issuer":"https://a.example","client_id":"y"}]`:                                    false,
		`[]`: false,
	} {
		set(`[` + base + `]`)
		must(t, pools.SetSecret(t.Context(), shop, core.ProviderSecret("acme"), "CANARY"))
		set(changed)
		set(`[` + base + `]`)
		if given() != stays {
			t.Errorf("law: a secret stays with the address that it was given for; after %s it is there: %v", changed, given())
		}
	}
}
