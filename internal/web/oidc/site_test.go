package oidc_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
	"github.com/gatehouse-id/gatehouse/internal/web"
	"github.com/gatehouse-id/gatehouse/internal/web/hosted"
	"github.com/gatehouse-id/gatehouse/internal/web/oidc"
)

// What tests use again and again.
const (
	publicURL = "https://login.example.net"
	issuer    = publicURL + "/p/demo"
	callback  = "https://shop.example/cb?from=login"
	bye       = "https://shop.example/bye"
	password  = "correct horse 7 staple"
	verifier  = "a-verifier-that-is-43-characters-long-at-least"
	email     = "ana@example.org"
)

// site is the server with the hosted pages over a real store, behind a real
// HTTP server.
type site struct {
	t        *testing.T
	database string
	store    *store.Store
	pools    *pool.Pools
	sessions *session.Sessions
	people   *directory.Directory
	pool     core.Pool
	user     core.User
	server   *httptest.Server
	log      *buffer

	shop  core.Application // keeps a secret
	key   string           // its secret
	page  core.Application // keeps none
	other core.Application // another that keeps one
	lock  string           // its secret
	robot core.Application // is nobody
	oil   string           // its secret
	tv    core.Application // has no browser, and keeps no secret
}

// buffer is a log that several write to.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// prefixed spells what travels as a face does: a prefix before what we have.
func prefixed(prefix string) (func(string) string, func(string) string) {
	return func(s string) string { return prefix + s }, func(s string) string {
		if tail, ok := strings.CutPrefix(s, prefix); ok && secret.IsText(tail) {
			return tail
		}
		return ""
	}
}

func words() oidc.Words {
	w := oidc.Words{
		Paths:    oidc.Paths{Authorize: "/o/authorize", Token: "/o/token", Introspect: "/o/introspect", Revoke: "/o/revoke", Logout: "/o/logout", UserInfo: "/o/me", Keys: "/o/keys", DeviceAuthorization: "/o/device_authorization", Device: hosted.DevicePath},
		ClientID: func(id core.ApplicationID) string { return "client-" + core.Tail(id) },
		ReadClientID: func(s string) core.ApplicationID {
			return core.ApplicationID("app_" + strings.TrimPrefix(s, "client-"))
		},
		ReadSecret: func(s string) secret.Text { return secret.Text(strings.TrimPrefix(s, "secret-")) },
		More: func(u core.User, claims map[string]string) map[string]any {
			return map[string]any{"more": claims, "sub": "forged", "active": "forged"}
		},
	}
	_, w.ReadCode = prefixed("code-")
	w.Access, w.ReadAccess = prefixed("access-")
	opaque := w.ReadAccess
	w.ReadAccess = func(s string) string {
		if session.LooksSigned(s) {
			return s
		}
		return opaque(s)
	}
	w.Refresh, w.ReadRefresh = prefixed("refresh-")
	w.Client, w.ReadClient = prefixed("own-")
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newSite(t *testing.T, settings map[string]any) *site {
	t.Helper()
	database := storetest.SQLite(t)
	st := storetest.Open(t, database)
	pageURL := func(p core.Pool) string { return publicURL + "/p/" + p.Name }
	w := words()
	s := &site{t: t, database: database, store: st, pools: pool.New(st), people: directory.New(st), log: &buffer{}}
	s.sessions = session.New(st, session.Spelling{Issuer: pageURL, Application: w.ClientID, Access: w.Access, Custom: "own.claims"})
	passwords := directory.NewPasswords(st, secret.NewHasher(secret.Cost{Memory: 64, Passes: 1, Threads: 1}, st.Keys().Peppers()))
	flows := flow.New(st, s.pools, passwords, s.sessions, deliver.NewCaptchas(st, ""), pageURL)
	values := map[string]any{
		"display_name": "Acme", "redirects.allowed": []string{"https://pool.example/cb"}, "signup.verify_email": false,
		"oauth.scopes": []core.Scope{{Name: "reports", Label: "Reports", Description: "Read <your> reports.", Consent: true}, {Name: "plain"}, {Name: "admin"}},
	}
	for key, value := range settings {
		values[key] = value
	}
	overrides := core.Overrides{}
	for key, value := range values {
		raw, err := json.Marshal(value)
		must(t, err)
		overrides[key] = raw
	}
	made, err := s.pools.Create(t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorOperator}}, pool.NewPool{Name: "demo", Overrides: overrides})
	must(t, err)
	s.pool = made.Pool
	scopes := []string{"openid", "profile", "email", "reports", "plain"}
	s.shop, s.key = s.client("Shop & Co", core.Client{Grants: core.GrantKinds(), Auth: core.ClientAuthBasic, Redirects: []string{callback}, LogoutRedirects: []string{bye}, Scopes: scopes, DefaultScopes: []string{"openid"}})
	s.other, s.lock = s.client("Other", core.Client{Grants: core.GrantKinds(), Auth: core.ClientAuthPost, Redirects: []string{callback, "https://other.example/cb"}, Scopes: scopes})
	s.page, _ = s.client("Page", core.Client{Grants: []core.GrantKind{core.GrantCode, core.GrantRefresh}, Auth: core.ClientAuthNone, Redirects: []string{callback}, LogoutRedirects: []string{bye}, Scopes: scopes, DefaultScopes: []string{"openid", "email"}})
	s.robot, s.oil = s.client("Robot", core.Client{Grants: []core.GrantKind{core.GrantClient}, Auth: core.ClientAuthPost, Scopes: []string{"plain"}, DefaultScopes: []string{"plain"}})

	s.tv, _ = s.client("TV & Co", core.Client{Grants: []core.GrantKind{core.GrantDevice, core.GrantRefresh}, Auth: core.ClientAuthNone, Scopes: scopes, DefaultScopes: []string{"openid"}})

	s.user, err = s.people.Create(t.Context(), s.caller(), directory.NewUser{Email: email, Profile: core.Profile{"first_name": "Ana", "last_name": "Roe"}})
	must(t, err)
	phc, err := passwords.Hash(t.Context(), s.pool.Settings, password, "")
	must(t, err)
	must(t, st.As(s.caller()).Update(t.Context(), func(tx *store.Tx) error {
		return tx.PutPassword(core.Authenticator{ID: core.NewAuthenticatorID(), User: s.user.ID, Secret: phc})
	}))

	pages := hosted.New(hosted.Deps{
		Store: st, Pools: s.pools, Sessions: s.sessions, Flows: flows, PageURL: pageURL, Code: func(c string) string { return "code-" + c }, LinkState: func(c string) string { return c },
		Authorize: func(base string, f flow.State, t core.FlowType, email string) string {
			return w.AuthorizeLink(base, *f.OAuth, f.AppState, t == core.FlowSignup, email)
		},
	})
	server := oidc.New(oidc.Deps{
		Pools: s.pools, Sessions: s.sessions, Places: web.Places{Pools: s.pools, PageURL: pageURL}, Words: w,
		Pages: oidc.Pages{Begin: pages.Begin, Refuse: pages.Refuse, AskToLeave: pages.AskToLeave, Leave: pages.Leave},
	})
	face := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if server.Serves(r) {
			server.ServeHTTP(w, r)
			return
		}
		pages.ServeHTTP(w, r)
	})
	s.server = httptest.NewServer(web.NewServer(face, nil, slog.New(slog.NewTextHandler(s.log, nil))))
	t.Cleanup(s.server.Close)
	return s
}

func (s *site) caller() core.Caller {
	return core.Caller{Pool: s.pool.ID, Actor: core.Actor{Kind: core.ActorService, ID: "test"}, Request: core.NewRequestID()}
}

// client adds an application, with a secret if it keeps one.
func (s *site) client(name string, c core.Client) (core.Application, string) {
	s.t.Helper()
	app, err := s.pools.AddApplication(s.t.Context(), s.caller(), core.Application{Name: name, Client: c})
	must(s.t, err)
	if c.Public() {
		return app, ""
	}
	_, text, err := s.pools.AddSecret(s.t.Context(), s.caller(), app.ID, pool.NewSecret{})
	must(s.t, err)
	return app, "secret-" + text.Reveal()
}

func id(app core.Application) string { return words().ClientID(app.ID) }

func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// answer is what came back.
type answer struct {
	t        *testing.T
	status   int
	header   http.Header
	body     string
	location *url.URL // nil: none
}

// said is the body as JSON.
func (a answer) said() map[string]any {
	a.t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(a.body), &out); err != nil {
		a.t.Fatalf("%d is no JSON: %s", a.status, a.body)
	}
	return out
}

// text is a member of the body.
func (a answer) text(name string) string {
	a.t.Helper()
	text, _ := a.said()[name].(string)
	return text
}

// visitor is a browser, or a program.
type visitor struct {
	s      *site
	client *http.Client
}

func (s *site) visitor() *visitor {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	must(s.t, err)
	return &visitor{s, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// do sends a request to a path below the pool's; change alters it.
func (v *visitor) do(method, path string, form url.Values, change ...func(*http.Request)) answer {
	v.s.t.Helper()
	if !strings.HasPrefix(path, "/p/") && !strings.HasPrefix(path, "/.well-known") {
		path = "/p/demo" + path
	}
	var body io.Reader
	if form != nil && method == http.MethodPost {
		body = strings.NewReader(form.Encode())
	} else if form != nil {
		path += "?" + form.Encode()
	}
	r, err := http.NewRequest(method, v.s.server.URL+path, body)
	must(v.s.t, err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, f := range change {
		f(r)
	}
	res, err := v.client.Do(r)
	must(v.s.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	must(v.s.t, err)
	a := answer{t: v.s.t, status: res.StatusCode, header: res.Header, body: string(text)}
	if location := res.Header.Get("Location"); location != "" {
		a.location, err = url.Parse(location)
		must(v.s.t, err)
	}
	return a
}

// basic proves a client by the header.
func basic(app core.Application, key string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id(app)), url.QueryEscape(key)) }
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// fields are the parameters of a request: names and values in turn.
func fields(pairs ...string) url.Values {
	f := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		f.Set(pairs[i], pairs[i+1])
	}
	return f
}

// request is what an application asks for; more alters it, and takes a
// parameter away where the value is "-".
func request(app core.Application, more ...string) url.Values {
	f := fields("client_id", id(app), "redirect_uri", callback, "response_type", "code", "scope", "openid email", "state", "s&1", "nonce", "n1",
		"code_challenge", challengeOf(verifier), "code_challenge_method", "S256")
	for i := 0; i < len(more); i += 2 {
		if f.Set(more[i], more[i+1]); more[i+1] == "-" {
			f.Del(more[i])
		}
	}
	return f
}

// signIn goes through the pages with a request, as far as the application's
// address or another question.
func (v *visitor) signIn(f url.Values) answer {
	v.s.t.Helper()
	a := v.do(http.MethodGet, "/o/authorize", f)
	for _, step := range [][]string{{"choice", "set_email", "email", email}, {"choice", "password", "password", password}} {
		a = v.follow(a)
		if a.location != nil {
			return a
		}
		a = v.do(http.MethodPost, a.action(), fields(step...))
	}
	return v.follow(a)
}

// follow goes on within the site.
func (v *visitor) follow(a answer) answer {
	v.s.t.Helper()
	for a.location != nil && a.location.Host == "" {
		if a.status != http.StatusSeeOther {
			v.s.t.Fatalf("law: every redirect is 303 (O4); %s is %d", a.location, a.status)
		}
		a = v.do(http.MethodGet, a.location.RequestURI(), nil)
	}
	return a
}

// action is where the first form of a page goes.
func (a answer) action() string {
	a.t.Helper()
	found := regexp.MustCompile(`action="([^"]+)"`).FindStringSubmatch(a.body)
	if found == nil {
		a.t.Fatalf("%d has no form: %s", a.status, a.body)
	}
	return html.UnescapeString(found[1])
}

// code signs in, and returns the code.
func (v *visitor) code(f url.Values) string {
	v.s.t.Helper()
	a := v.signIn(f)
	if a.location == nil || a.location.Query().Get("code") == "" {
		v.s.t.Fatalf("there is no code: %d %v %s", a.status, a.location, a.body)
	}
	return a.location.Query().Get("code")
}

// tokens signs somebody in to the shop.
func (s *site) tokens(scope string) answer {
	s.t.Helper()
	v := s.visitor()
	a := v.do(http.MethodPost, "/o/token", fields("grant_type", "authorization_code", "code", v.code(request(s.shop, "scope", scope)), "redirect_uri", callback, "code_verifier", verifier), basic(s.shop, s.key))
	if a.status != http.StatusOK {
		s.t.Fatalf("there are no tokens: %d %s", a.status, a.body)
	}
	return a
}

// pageTokens signs somebody in to the page.
func (s *site) pageTokens() answer {
	s.t.Helper()
	v := s.visitor()
	a := v.do(http.MethodPost, "/o/token", fields("grant_type", "authorization_code", "code", v.code(request(s.page)), "redirect_uri", callback, "code_verifier", verifier, "client_id", id(s.page)))
	if a.status != http.StatusOK {
		s.t.Fatalf("there are no tokens: %d %s", a.status, a.body)
	}
	return a
}

// active says whether the shop is told that a token is good.
func (s *site) active(token string) bool {
	s.t.Helper()
	a := s.visitor().do(http.MethodPost, "/o/introspect", fields("token", token), basic(s.shop, s.key))
	active, ok := a.said()["active"].(bool)
	if !ok || a.status != http.StatusOK {
		s.t.Fatalf("an introspection answers %d %s", a.status, a.body)
	}
	return active
}

// refuses fails the test unless an answer is this error.
func (a answer) refuses(status int, code, what string) {
	a.t.Helper()
	if a.status != status || a.text("error") != code || a.header.Get("Cache-Control") != "no-store" {
		a.t.Errorf("law: %s is %d %s; it is %d %s", what, status, code, a.status, a.body)
	}
}
