package source_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/source"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// say answers with JSON.
func say(value any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(value)
	}
}

// TestWhereBrowsersAreSent asks every kind that needs nothing from its provider
// for the address, and an OpenID provider.
func TestWhereBrowsersAreSent(t *testing.T) {
	h := newHostile(t)
	providers, _, _ := asking(t)
	for _, c := range []struct {
		p     core.Provider
		want  string
		scope string
		nonce string
	}{
		{core.Provider{Kind: core.ProviderGitHub, ClientID: "id"}, "https://github.com/login/oauth/authorize", "read:user user:email", ""},
		{core.Provider{Kind: core.ProviderGitHub, ClientID: "id", Issuer: "https://git.example/"}, "https://git.example/login/oauth/authorize", "read:user user:email", ""},
		{core.Provider{Kind: core.ProviderFacebook, ClientID: "id"}, "https://www.facebook.com/v23.0/dialog/oauth", "email public_profile", ""},
		{core.Provider{Kind: core.ProviderOpenID, ClientID: "id", Issuer: h.URL, Scopes: []string{"phone"}}, h.URL + "/authorize", "openid email profile phone", "the-nonce"},
		{core.Provider{Kind: core.ProviderGitLab, ClientID: "id", Issuer: h.URL}, h.URL + "/authorize", "openid email profile", "the-nonce"},
		{core.Provider{Kind: core.ProviderLinkedIn, ClientID: "id", Issuer: h.URL}, h.URL + "/authorize", "openid email profile", ""},
	} {
		address, err := providers.Begin(t.Context(), c.p, trip())
		if err != nil {
			t.Errorf("%s: %v", c.p.Kind, err)
			continue
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		u.RawQuery = ""
		sum := sha256.Sum256([]byte(trip().Verifier))
		want := url.Values{
			"client_id": {"id"}, "redirect_uri": {trip().Callback}, "response_type": {"code"}, "scope": {c.scope}, "state": {"the-state"},
			"code_challenge_method": {"S256"}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
		}
		if c.nonce != "" {
			want.Set("nonce", c.nonce)
		}
		if u.String() != c.want || q.Encode() != want.Encode() {
			t.Errorf("law: a browser is sent with what the provider needs; %s:\n%s?%s\nwant\n%s?%s", c.p.Kind, u, q.Encode(), c.want, want.Encode())
		}
	}
}

// TestI5GitHubsPrimaryAddress takes the one that GitHub calls primary and
// verified, and no other.
func TestI5GitHubsPrimaryAddress(t *testing.T) {
	type email map[string]any
	for _, c := range []struct {
		id     any
		emails []email
		want   string
		good   bool
	}{
		{7, []email{{"email": "a@example.org", "primary": false, "verified": true}, {"email": "b@example.org", "primary": true, "verified": true}}, "b@example.org", true},
		{7, []email{{"email": "b@example.org", "primary": true, "verified": false}, {"email": "a@example.org", "primary": false, "verified": true}}, "", true},
		{7, []email{}, "", true},
		{0, nil, "", false}, {nil, nil, "", false}, {"7", nil, "", false}, {-7, nil, "", false}, {7.5, nil, "", false}, {json.RawMessage("1e3"), nil, "", false},
		{json.RawMessage("98765432109876543210"), []email{}, "", true},
	} {
		h := newHostile(t)
		providers, _, pool := asking(t)
		h.set(func() {
			h.token = func() string { return "" }
			h.handler["/login/oauth/access_token"] = say(map[string]any{"access_token": "CANARY-access", "token_type": "bearer"})
			h.handler["/api/v3/user"] = say(map[string]any{"id": c.id, "login": "ana", "name": "Ana Roe", "email": "public@example.org"})
			h.handler["/api/v3/user/emails"] = say(c.emails)
		})
		p := core.Provider{Name: "hub", Kind: core.ProviderGitHub, ClientID: "id", Issuer: h.URL, TrustEmail: true}
		who, err := providers.Identify(t.Context(), pool, p, trip(), source.Returned{Code: "code"})
		if (err == nil) != c.good || err != nil && !core.Is(err, core.CodeProviderRefused) || who.Email != c.want || who.EmailVerified != (c.want != "") || c.good && (who.Issuer != h.URL || who.Claims["name"] != "Ana Roe" || who.Claims["email"] != c.want) {
			t.Errorf("law: somebody at GitHub is a number, with the address that is primary and verified; %v with %v made %+v, %v", c.id, c.emails, who, err)
		}
		p.TrustEmail = false
		if who, err := providers.Identify(t.Context(), pool, p, trip(), source.Returned{Code: "code"}); c.good && (err != nil || who.EmailVerified) {
			t.Errorf("law: an installation of somebody's own is not GitHub; its word made %+v, %v", who, err)
		}
	}
}

// TestI5FacebooksAddress is never verified, and each call carries its proof.
func TestI5FacebooksAddress(t *testing.T) {
	h := newHostile(t)
	providers, st, pool := asking(t)
	caller := core.Caller{Pool: pool.ID, Actor: core.Actor{Kind: core.ActorOperator, ID: "test"}}
	err := st.As(caller).Update(t.Context(), func(tx *store.Tx) error {
		return tx.PutPoolSecret(store.PoolSecret{Name: string(core.ProviderSecret("fb")), Plain: []byte("app-secret")})
	})
	if err != nil {
		t.Fatal(err)
	}
	var proof string
	h.set(func() {
		h.handler["/oauth/access_token"] = func(w http.ResponseWriter, r *http.Request) {
			if r.FormValue("client_secret") != "app-secret" {
				t.Errorf("the secret was %q", r.FormValue("client_secret"))
			}
			say(map[string]any{"access_token": "CANARY-access", "token_type": "bearer"})(w, r)
		}
		h.handler["/me"] = func(w http.ResponseWriter, r *http.Request) {
			proof = r.URL.Query().Get("appsecret_proof")
			say(map[string]any{"id": "10158", "name": "Ana Roe", "email": "ana@example.org", "email_verified": true})(w, r)
		}
	})
	for _, trusted := range []bool{false, true} {
		p := core.Provider{Name: "fb", Kind: core.ProviderFacebook, ClientID: "id", Issuer: h.URL, TrustEmail: trusted}
		who, err := providers.Identify(t.Context(), pool, p, trip(), source.Returned{Code: "code"})
		if err != nil || who.Subject != "10158" || who.Email != "ana@example.org" || who.EmailVerified {
			t.Errorf("law: Facebook verifies no address; with trust %v it made %+v, %v", trusted, who, err)
		}
	}
	mac := hmac.New(sha256.New, []byte("app-secret"))
	mac.Write([]byte("CANARY-access"))
	if proof != hex.EncodeToString(mac.Sum(nil)) {
		t.Errorf("law: calls carry the proof that they are ours; it was %q", proof)
	}
}

// TestI5MicrosoftsTenants: the configuration that stands for all of them names
// none; a token names its own, and an address counts if its domain is the
// tenant's.
func TestI5MicrosoftsTenants(t *testing.T) {
	const tenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
	h := newHostile(t)
	h.set(func() {
		h.metadata = map[string]any{"issuer": h.URL + "/{tenantid}/v2.0"}
	})
	providers, _, pool := asking(t)
	for _, c := range []struct {
		iss, tid string
		edov     any
		trusted  bool
		good     bool
		verified bool
	}{
		{h.URL + "/" + tenant + "/v2.0", tenant, nil, true, true, false},
		{h.URL + "/" + tenant + "/v2.0", tenant, true, true, true, true},
		{h.URL + "/" + tenant + "/v2.0", tenant, 1, true, true, true},
		{h.URL + "/" + tenant + "/v2.0", tenant, "true", true, true, false},
		{h.URL + "/" + tenant + "/v2.0", tenant, true, false, true, false},
		{h.URL + "/" + tenant + "/v2.0", "", true, true, false, false},
		{h.URL + "/" + tenant + "/v2.0", "00000000-0000-0000-0000-000000000000", true, true, false, false},
		{h.URL + "/{tenantid}/v2.0", "{tenantid}", true, true, false, false},
		{h.URL + "/{tenantid}/v2.0", "", true, true, false, false},
		{"https://evil.example/" + tenant + "/v2.0", tenant, true, true, false, false},
	} {
		h.set(func() {
			h.token = func() string {
				claims := h.honest()
				claims["iss"], claims["tid"] = c.iss, c.tid
				if c.edov != nil {
					claims["xms_edov"] = c.edov
				}
				return h.sign(claims)
			}
		})
		p := core.Provider{Name: "ms", Kind: core.ProviderMicrosoft, ClientID: "gatehouse", Issuer: h.URL, TrustEmail: c.trusted}
		who, err := providers.Identify(t.Context(), pool, p, trip(), source.Returned{Code: "code"})
		if (err == nil) != c.good || who.EmailVerified != c.verified || c.good && who.Issuer != c.iss {
			t.Errorf("law: a tenant speaks for itself; %+v made %+v, %v", c, who, err)
		}
	}
}

// TestWhoShowsTheSecretHow: the secret goes as the provider says it takes it, and
// a code is never sent twice.
func TestWhoShowsTheSecretHow(t *testing.T) {
	for way, inHeader := range map[string]bool{"": true, "client_secret_basic": true, "client_secret_post": false} {
		h := newHostile(t)
		providers, st, pool := asking(t)
		caller := storetest.Caller(pool.ID)
		err := st.As(caller).Update(t.Context(), func(tx *store.Tx) error {
			return tx.PutPoolSecret(store.PoolSecret{Name: string(core.ProviderSecret("acme")), Plain: []byte("s3cret")})
		})
		if err != nil {
			t.Fatal(err)
		}
		var user, password string
		h.set(func() {
			if way != "" {
				h.metadata = map[string]any{"token_endpoint_auth_methods_supported": []string{way}}
			}
			h.handler["/token"] = func(w http.ResponseWriter, r *http.Request) {
				user, password, _ = r.BasicAuth()
				if !inHeader {
					user, password = r.FormValue("client_id"), r.FormValue("client_secret")
				}
				w.WriteHeader(http.StatusUnauthorized)
			}
		})
		_, err = providers.Identify(t.Context(), pool, h.provider(), trip(), source.Returned{Code: "code"})
		if !core.Is(err, core.CodeProviderRefused) || user != "gatehouse" || password != "s3cret" || h.count("/token") != 1 {
			t.Errorf("law: with %q the secret goes once, so; it was %s:%s, %d times, %v", way, user, password, h.count("/token"), err)
		}
	}
}
