package source_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/outbound"
	"github.com/gatehouse-id/gatehouse/internal/source"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// hostile is an OpenID provider that does what it is told.
type hostile struct {
	*httptest.Server
	key, other *ecdsa.PrivateKey

	mu       sync.Mutex
	token    func() string // the id_token of the next answer
	info     string        // what the userinfo endpoint answers; empty: there is none
	metadata map[string]any
	handler  map[string]http.HandlerFunc // in place of the usual ones, by path
	asked    map[string]int
	form     url.Values // of the last code that was exchanged
}

func newHostile(t *testing.T) *hostile {
	t.Helper()
	h := &hostile{handler: map[string]http.HandlerFunc{}, asked: map[string]int{}}
	for _, key := range []**ecdsa.PrivateKey{&h.key, &h.other} {
		made, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		*key = made
	}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	return h
}

func (h *hostile) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked[r.URL.Path]++
	if own := h.handler[r.URL.Path]; own != nil {
		own(w, r)
		return
	}
	answer := map[string]any{}
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		answer = map[string]any{
			"issuer": h.URL, "authorization_endpoint": h.URL + "/authorize", "token_endpoint": h.URL + "/token", "jwks_uri": h.URL + "/keys",
			"id_token_signing_alg_values_supported": []string{"ES256", "HS256", "none"},
		}
		if h.info != "" {
			answer["userinfo_endpoint"] = h.URL + "/info"
		}
		maps.Copy(answer, h.metadata)
	case "/keys":
		answer["keys"] = []jose.JSONWebKey{{Key: h.key.Public(), KeyID: "one", Algorithm: "ES256", Use: "sig"}}
	case "/token":
		_ = r.ParseForm()
		h.form = r.PostForm
		answer = map[string]any{"access_token": "CANARY-access", "token_type": "Bearer", "expires_in": 60}
		if token := h.token(); token != "" {
			answer["id_token"] = token
		}
	case "/info":
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(h.info))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// count is how often a path was asked.
func (h *hostile) count(path string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.asked[path]
}

func (h *hostile) set(change func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change()
}

// trip is the one of the tests.
func trip() source.Trip {
	return source.Trip{State: "the-state", Nonce: "the-nonce", Verifier: strings.Repeat("verifier", 8), Callback: "https://login.example.org/flow/oauth/acme/callback"}
}

// honest are the claims of a token that is right.
func (h *hostile) honest() map[string]any {
	now := time.Now().Unix()
	return map[string]any{
		"iss": h.URL, "sub": "24400320", "aud": "gatehouse", "exp": now + 300, "iat": now, "nonce": "the-nonce",
		"email": "ana@example.org", "email_verified": true, "given_name": "Ana", "n": 7,
	}
}

func (h *hostile) sign(c map[string]any) string {
	return signed(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: h.key, KeyID: "one"}}, c)
}

func signed(key jose.SigningKey, c map[string]any) string {
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		panic(err)
	}
	payload, err := json.Marshal(c)
	if err != nil {
		panic(err)
	}
	object, err := signer.Sign(payload)
	if err != nil {
		panic(err)
	}
	text, err := object.CompactSerialize()
	if err != nil {
		panic(err)
	}
	return text
}

// asking makes a pool and what asks providers for it.
func asking(t *testing.T) (*source.Providers, *store.Store, core.Pool) {
	t.Helper()
	allowed, err := outbound.ParseAllowed([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	st := storetest.New(t)
	return source.NewProviders(st, outbound.New(allowed)), st, core.Pool{ID: storetest.Pool(t, st, "demo", nil)}
}

func (h *hostile) provider() core.Provider {
	return core.Provider{Name: "acme", Kind: core.ProviderOpenID, ClientID: "gatehouse", Issuer: h.URL, TrustEmail: true}
}

// TestO8HostileTokens takes one thing after another from a token that is right.
func TestO8HostileTokens(t *testing.T) {
	h := newHostile(t)
	providers, _, pool := asking(t)
	identify := func() (source.Identity, error) {
		return providers.Identify(t.Context(), pool, h.provider(), trip(), source.Returned{Code: "code"})
	}
	with := func(name string, value any) func() string {
		return func() string {
			c := h.honest()
			c[name] = value
			if value == nil {
				delete(c, name)
			}
			return h.sign(c)
		}
	}
	public, err := x509.MarshalPKIXPublicKey(h.key.Public())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Unix()
	encode := base64.RawURLEncoding.EncodeToString
	bad := map[string]func() string{
		"no token":                   func() string { return "" },
		"no token at all":            func() string { return "CANARY.not.a-token" },
		"another audience":           with("aud", "somebody-else"),
		"audiences without ours":     with("aud", []string{"a", "b"}),
		"two audiences, no azp":      with("aud", []string{"gatehouse", "b"}),
		"no audience":                with("aud", nil),
		"another azp":                with("azp", "somebody-else"),
		"an azp that is no text":     with("azp", []string{"gatehouse"}),
		"another nonce":              with("nonce", "another"),
		"no nonce":                   with("nonce", nil),
		"an empty nonce":             with("nonce", ""),
		"another issuer":             with("iss", "https://accounts.google.com"),
		"an issuer with a slash":     with("iss", h.URL+"/"),
		"no issuer":                  with("iss", nil),
		"past its time":              with("exp", now-120),
		"no end":                     with("exp", nil),
		"not yet":                    with("nbf", now+120),
		"a beginning that is text":   with("nbf", "1"),
		"from the future":            with("iat", now+120),
		"from no time":               with("iat", nil),
		"an empty subject":           with("sub", ""),
		"a subject that is null":     with("sub", json.RawMessage("null")),
		"the subject \"null\"":       with("sub", "null"),
		"no subject":                 with("sub", nil),
		"a subject that is a list":   with("sub", []string{"24400320"}),
		"a subject that is a number": with("sub", 24400320),
		"a subject without end":      with("sub", strings.Repeat("1", 256)),
		"another access token":       with("at_hash", "AAAAAAAAAAAAAAAAAAAAAA"),
		"signed by nobody": func() string {
			payload, _ := json.Marshal(h.honest())
			return encode([]byte(`{"alg":"none"}`)) + "." + encode(payload) + "."
		},
		"signed with the public key": func() string {
			return signed(jose.SigningKey{Algorithm: jose.HS256, Key: pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})}, h.honest())
		},
		"signed with another key": func() string {
			return signed(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: h.other, KeyID: "one"}}, h.honest())
		},
		"signed with an unknown key": func() string {
			return signed(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: h.other, KeyID: "two"}}, h.honest())
		},
		"signed with a key of its own": func() string {
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: h.other}, &jose.SignerOptions{EmbedJWK: true})
			if err != nil {
				panic(err)
			}
			payload, _ := json.Marshal(h.honest())
			object, err := signer.Sign(payload)
			if err != nil {
				panic(err)
			}
			text, _ := object.CompactSerialize()
			return text
		},
		"changed afterwards": func() string {
			parts := strings.Split(h.sign(h.honest()), ".")
			c := h.honest()
			c["sub"] = "1"
			payload, _ := json.Marshal(c)
			return parts[0] + "." + encode(payload) + "." + parts[2]
		},
	}
	for name, token := range bad {
		h.set(func() { h.token = token })
		who, err := identify()
		if !core.Is(err, core.CodeProviderRefused) || who.Subject != "" {
			t.Errorf("law: a token with one thing wrong says nothing; %s: %+v, %v", name, who, err)
		}
		if err != nil && (strings.Contains(err.Error(), "CANARY") || strings.Contains(err.Error(), "verifier")) {
			t.Errorf("law: what a provider says is not repeated; %s: %v", name, err)
		}
	}
	for name, token := range map[string]func() string{
		"as it is": func() string { return h.sign(h.honest()) }, "azp is ours": with("azp", "gatehouse"), "a minute late": with("exp", now-30), "half a minute early": with("nbf", now+30), "the longest subject": with("sub", strings.Repeat("1", 255)),
	} {
		h.set(func() { h.token = token })
		who, err := identify()
		if err != nil || who.Issuer != h.URL || who.Email != "ana@example.org" || !who.EmailVerified || who.Claims["given_name"] != "Ana" || who.Claims["n"] != "" {
			t.Errorf("law: a token that is right says who it is; %s: %+v, %v", name, who, err)
		}
	}
	h.set(func() {
		if h.form.Get("code") != "code" || h.form.Get("code_verifier") != trip().Verifier || h.form.Get("redirect_uri") != trip().Callback || h.form.Get("grant_type") != "authorization_code" {
			t.Errorf("law: a code is exchanged with its verifier and its address; the form was %v", h.form)
		}
	})
	if n := h.count("/.well-known/openid-configuration"); n != 1 {
		t.Errorf("law: an issuer is asked for its configuration once; it was %d times", n)
	}
}

// TestI5OnlyTrueIsVerified: a provider's word for an address is the boolean, and
// counts only where the pool or its kind says so.
func TestI5OnlyTrueIsVerified(t *testing.T) {
	h := newHostile(t)
	providers, _, pool := asking(t)
	for _, value := range []any{nil, false, "true", "TRUE", 1, json.RawMessage("null"), []bool{true}, map[string]any{}, true} {
		for _, trusted := range []bool{false, true} {
			h.set(func() {
				h.token = func() string {
					c := h.honest()
					c["email_verified"] = value
					if value == nil {
						delete(c, "email_verified")
					}
					return h.sign(c)
				}
			})
			p := h.provider()
			p.TrustEmail = trusted
			who, err := providers.Identify(t.Context(), pool, p, trip(), source.Returned{Code: "code"})
			if want := value == true && trusted; err != nil || who.EmailVerified != want || who.Email != "ana@example.org" {
				t.Errorf("law: only the boolean true of who is trusted counts; %v of a provider with trust %v made %+v, %v", value, trusted, who, err)
			}
		}
	}
	for _, email := range []any{"", "x", "a b@example.org", 7, nil} {
		h.set(func() {
			h.token = func() string { c := h.honest(); c["email"] = email; return h.sign(c) }
		})
		who, err := providers.Identify(t.Context(), pool, h.provider(), trip(), source.Returned{Code: "code"})
		if err != nil || who.Email != "" || who.EmailVerified {
			t.Errorf("law: what is no address is none, and not verified; %v made %+v, %v", email, who, err)
		}
	}
}

// TestO7AnotherIssuersAnswer: the parameter iss is compared where it comes, and
// asked for where the provider announces it (RFC 9207).
func TestO7AnotherIssuersAnswer(t *testing.T) {
	for _, announced := range []bool{false, true} {
		h := newHostile(t)
		providers, _, pool := asking(t)
		h.set(func() {
			h.token = func() string { return h.sign(h.honest()) }
			h.metadata = map[string]any{"authorization_response_iss_parameter_supported": announced}
		})
		for iss, good := range map[string]bool{h.URL: true, h.URL + "/": false, "https://accounts.google.com": false, "": !announced} {
			before := h.count("/token")
			_, err := providers.Identify(t.Context(), pool, h.provider(), trip(), source.Returned{Code: "code", Issuer: iss})
			if (err == nil) != good || err != nil && !core.Is(err, core.CodeProviderRefused) {
				t.Errorf("law: an answer comes from who was asked; with iss %q, announced %v: %v", iss, announced, err)
			}
			if !good && h.count("/token") != before {
				t.Errorf("law: a code of somebody else is given to nobody; with iss %q it was", iss)
			}
		}
	}
}

// TestProvidersThatDoNotAnswer: whatever a provider does in place of an answer is
// told as one of two things, and nothing that it said is in it (X17).
func TestX17ProvidersThatDoNotAnswer(t *testing.T) {
	const canary = "CANARY-said-by-the-provider"
	say := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	redirect := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+r.Host+"/elsewhere", http.StatusFound)
	}
	huge := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"x":"%s"}`, strings.Repeat("x", 2<<20))
	}
	for name, c := range map[string]struct {
		path   string
		answer http.HandlerFunc
		want   core.Code
	}{
		"no configuration":           {"/.well-known/openid-configuration", say(404, canary), core.CodeServiceDown},
		"a configuration of nothing": {"/.well-known/openid-configuration", say(200, `{}`), core.CodeServiceDown},
		"a configuration of text":    {"/.well-known/openid-configuration", say(200, canary), core.CodeServiceDown},
		"another's configuration":    {"/.well-known/openid-configuration", say(200, `{"issuer":"https://accounts.google.com"}`), core.CodeServiceDown},
		"a redirected configuration": {"/.well-known/openid-configuration", redirect, core.CodeServiceDown},
		"a huge configuration":       {"/.well-known/openid-configuration", huge, core.CodeServiceDown},
		"a code that was used":       {"/token", say(400, `{"error":"invalid_grant","error_description":"`+canary+`"}`), core.CodeProviderRefused},
		"a client that is unknown":   {"/token", say(401, `{"error":"invalid_client"}`), core.CodeProviderRefused},
		"a fault":                    {"/token", say(500, canary), core.CodeServiceDown},
		"too many":                   {"/token", say(429, canary), core.CodeServiceDown},
		"a redirected exchange":      {"/token", redirect, core.CodeProviderRefused},
		"a huge answer":              {"/token", huge, core.CodeProviderRefused},
		"nothing":                    {"/token", say(200, ``), core.CodeProviderRefused},
		"a list":                     {"/token", say(200, `["`+canary+`"]`), core.CodeProviderRefused},
		"no keys":                    {"/keys", say(200, `{"keys":[]}`), core.CodeProviderRefused},
		"keys of text":               {"/keys", say(200, canary), core.CodeProviderRefused},
		"a hung-up line": {"/token", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = conn.Close()
			}
		}, core.CodeServiceDown},
	} {
		h := newHostile(t)
		providers, _, pool := asking(t)
		h.set(func() {
			h.token = func() string { return h.sign(h.honest()) }
			h.handler[c.path] = c.answer
		})
		_, err := providers.Identify(t.Context(), pool, h.provider(), trip(), source.Returned{Code: "code"})
		if !core.Is(err, c.want) {
			t.Errorf("law: %s is told as %s; it was %v", name, c.want, err)
		}
		var detail string
		if e, ok := errors.AsType[*core.Error](err); ok {
			detail = e.Detail
		}
		if strings.Contains(detail, canary) || len(fmt.Sprint(err)) > 1000 {
			t.Errorf("law: what a provider says reaches nobody; %s: %v", name, err)
		}
		if h.count("/elsewhere") != 0 {
			t.Errorf("law: no redirect is followed; %s was", name)
		}
	}
}

// TestMoreClaims: what the token leaves out is asked for, and has to be about the
// same person.
func TestMoreClaims(t *testing.T) {
	for info, good := range map[string]bool{
		`{"sub":"24400320","email":"bob@example.org","email_verified":true,"given_name":"Bob","family_name":"Roe"}`: true,
		`{"sub":"1","email":"bob@example.org","email_verified":true}`:                                               false,
		`{"email":"bob@example.org","email_verified":true}`:                                                         false,
		`[]`: false,
	} {
		h := newHostile(t)
		providers, _, pool := asking(t)
		h.set(func() {
			h.info = info
			h.token = func() string {
				c := h.honest()
				delete(c, "email")
				delete(c, "email_verified")
				return h.sign(c)
			}
		})
		who, err := providers.Identify(t.Context(), pool, h.provider(), trip(), source.Returned{Code: "code"})
		if (err == nil) != good || good && (who.Email != "bob@example.org" || !who.EmailVerified || who.Claims["given_name"] != "Ana" || who.Claims["family_name"] != "Roe") {
			t.Errorf("law: both answers speak of one person, and the signed one counts; %s made %+v, %v", info, who, err)
		}
	}
}

// TestT12NothingOfAProviderIsKept: a provider's tokens are used and forgotten.
func TestT12NothingOfAProviderIsKept(t *testing.T) {
	h := newHostile(t)
	database := storetest.SQLite(t)
	st := storetest.Open(t, database)
	allowed, err := outbound.ParseAllowed([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	pool := core.Pool{ID: storetest.Pool(t, st, "demo", nil)}
	h.set(func() { h.token = func() string { return h.sign(h.honest()) } })
	who, err := source.NewProviders(st, outbound.New(allowed)).Identify(t.Context(), pool, h.provider(), trip(), source.Returned{Code: "code"})
	if err != nil {
		t.Fatal(err)
	}
	dump := fmt.Sprint(storetest.Dump(t, storetest.Raw(t, database), pool.ID), who)
	if strings.Contains(dump, "CANARY-access") || strings.Contains(dump, "eyJ") {
		t.Errorf("law: no token of a provider is kept, or handed on: %s", dump)
	}
}
