package app

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// opens says what a good credential of which kind opens which class of route. A
// route's class is what its own table declares of it, and what stands beside its
// path in behind and classes.
func opens() map[string][]kind {
	return map[string][]kind{
		"serviceKey": {serviceKey},
		"anyKey":     {serviceKey, clientKey},
		"person":     {opaqueToken, signedToken},
		"token":      {opaqueToken, signedToken, appToken}, // what tells of a token, or ends its session
		"refresh":    {refreshToken},
		"oauthCode":  {appCode},
		"oauthToken": {appRefresh},
		"deviceCode": {deviceCode},
		"oauthAny":   {appToken, ownToken},
		"openid":     {appToken},
		"code":       {loginCode},
		"flow":       {flowID},
		"link":       {}, // nothing but what a mail brings
		"invitation": {},
		"password":   {}, // nothing but the password
		"browser":    {}, // nothing but the cookie of the browser that began
		"provider":   {}, // nothing but what a provider answers
	}
}

// bodied is what a route asks for beside what its table declares.
type bodied struct {
	class, body string // no class: it is there for anybody
	past        bool   // a token past its time will do: it can still be ended
	passed      string // in what it answers when it got what it asks for
}

// behind is what a route that any key opens asks for in its body, with a body in
// which that is CREDENTIAL. What it answers when it got that is 200, unless it
// says otherwise.
func behind() map[string]bodied {
	return map[string]bodied{
		"/v2/flow/start":                {},
		"/v2/flow/update":               {class: "flow", body: `{"flow_id":"CREDENTIAL","data":{}}`},
		"/v2/flow/restart":              {class: "flow", body: `{"flow_id":"CREDENTIAL","choice":"reset_password","data":{}}`},
		"/v2/flow/complete":             {class: "flow", body: `{"flow_id":"CREDENTIAL"}`, passed: "BadState"},
		"/v2/client/userinfo":           {class: "code", body: `{"code":"CREDENTIAL"}`},
		"/v2/client/jwks":               {},
		"/v2/client/token/check":        {class: "token", body: `{"token":"CREDENTIAL"}`},
		"/v2/client/password/change":    {class: "person", body: `{"token":"CREDENTIAL","old_password":"correct horse 7 staple","new_password":"another horse 8 staple"}`},
		"/v2/client/session/invalidate": {class: "person", body: `{"token":"CREDENTIAL","session_id":"SESSION"}`},
		"/v2/client/session/list":       {class: "person", body: `{"token":"CREDENTIAL"}`},
		"/v2/client/session/logout":     {class: "token", body: `{"token":"CREDENTIAL"}`, past: true},
		"/v2/client/session/refresh":    {class: "refresh", body: `{"refresh_token":"CREDENTIAL"}`},
		"/request/{request_id}":         {},
	}
}

// classes are those of the routes whose tables declare none.
func classes() map[string]bodied {
	return map[string]bodied{
		"GET /api/v2/users/me":    {class: "person"},
		"GET /api/v2/logout":      {class: "token", past: true},
		"GET /api/v2/.well-known": {},
		"registerByEmail":         {class: "password", body: `mutation { registerByEmail(input: {email: "ana@example.org", password: "correct horse 7 staple"}) { id } }`},
		"loginByEmail":            {class: "password", body: `mutation { loginByEmail(input: {email: "ana@example.org", password: "wrong"}) { id } }`},
		"checkLoginStatus":        {class: "person", body: `query { checkLoginStatus { status } }`},
		"user":                    {class: "person", body: `query { user { id } }`},

		"/{$}":       {},
		"/authorize": {},
		"/flow/{id}": {class: "browser"},

		"/flow/oauth/{provider}":          {class: "browser"},
		"/flow/oauth/{provider}/callback": {class: "provider"},
		"/flow/saml/{provider}":           {class: "browser"},
		"/flow/saml/{provider}/acs":       {class: "provider"},
		"/flow/saml/{provider}/return":    {class: "provider"},
		"/flow/saml/{provider}/begin":     {class: "provider"},
		"/flow/saml/{provider}/metadata":  {class: "provider"}, // and nobody needs it for a provider that is not there

		"/link":                  {class: "link"},
		"/invitation":            {class: "invitation"},
		"/device":                {},
		"POST /device":           {class: "link"}, // nothing but what a device shows
		"/device/again":          {class: "browser"},
		"/device/done":           {},
		"/device/refused":        {},
		"/login-success":         {},
		"/logout":                {},
		"/.well-known/jwks.json": {},
		"/brand.css":             {},
		"/assets/{file}":         {},
		"/dev/inbox":             {class: "browser"}, // it is not there
		"/dev/inbox.json":        {class: "browser"},
	}
}

// cell is one request of the matrix.
type cell struct {
	name    string // of the route
	class   string
	place   string // where the credential stands
	request func(text, session string) *http.Request
	passed  func(w *httptest.ResponseRecorder) bool // whether it got further than its credential
	past    bool
	pool    string // whose credentials open it; empty: each opens its own
}

// lets says what the table says: whether a credential opens the cell.
func (c cell) lets(k credential) bool {
	good := k.state == "good" || c.past && k.state == "expired" && k.kind != refreshToken
	return good && (c.pool == "" || c.pool == k.pool) && slices.Contains(opens()[c.class], k.kind)
}

// TestO21EveryRouteAndEveryCredential sends to each route of every face each kind
// of credential, of its pool and of another one, in each of its states and in
// each place: what the table above does not let in is refused, by no fault of
// ours, and has changed nothing; what it lets in gets in. A route that is in a
// face's table and not in ours fails (O16, O21, O22, O26, T1, T3).
func TestO21EveryRouteAndEveryCredential(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		a := open(t, Mode{}, func(c *config.Config) { c.Database = database })
		defer a.Close()
		handler, err := a.Handler(Mode{})
		if err != nil {
			t.Fatal(err)
		}
		m := newMaker(t, a)
		all := m.all()
		cells := slices.Concat(cellsOfPangea(t, m), cellsOfAuthing(t, m), cellsOfHosted(t, m), cellsOfOAuth(t, m))
		raw := storetest.Raw(t, database)
		dump := func() (d [2]map[string][]string) {
			for i, pool := range []string{"own", "other"} {
				d[i] = storetest.Dump(t, raw, m.grounds[pool].caller.Pool)
			}
			return d
		}
		refused := 0
		refuse := func(c cell) {
			for _, k := range all {
				if c.lets(k) {
					continue
				}
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, c.request(k.text, k.session))
				if refused++; c.passed(w) || w.Code >= 500 {
					t.Errorf("law: %s does not open by %s at %s; it answers %d %s", c.name, k, c.place, w.Code, w.Body)
				}
			}
		}
		before := dump()
		for _, c := range cells {
			if c.class != "password" { // a wrong one is tried in a flow, which is there then
				refuse(c)
			}
		}
		for i, after := range dump() {
			for _, table := range slices.Sorted(maps.Keys(after)) {
				for _, row := range difference(before[i][table], after[table]) {
					if table != "events" || !strings.Contains(row, ".refused ") {
						t.Errorf("law: what is refused changes nothing, and leaves an event at most; a row of %s came, went or changed: %s", table, row)
					}
				}
			}
		}
		for _, c := range cells {
			if c.class == "password" {
				refuse(c)
			}
		}
		let := 0
		for _, c := range cells {
			for _, k := range all {
				if !c.lets(k) {
					continue
				}
				k = m.credential(k.kind, k.pool, k.state) // another one: it may be used up
				if k.state == "expired" {
					time.Sleep(longAgo)
				}
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, c.request(k.text, k.session))
				if let++; !c.passed(w) {
					t.Errorf("law: %s opens by %s at %s; it answers %d %s", c.name, k, c.place, w.Code, w.Body)
				}
			}
		}
		if len(cells) < 80 || refused < 5000 || let < 100 {
			t.Errorf("%d cells, of which %d requests were refused and %d let in: this is no matrix", len(cells), refused, let)
		}
		t.Logf("%d routes and places, %d credentials: %d requests refused, %d let in", len(cells), len(all), refused, let)
	})
}

// difference is the rows that only one of two has.
func difference(was, is []string) (rows []string) {
	for _, row := range append(slices.Clone(was), is...) {
		if slices.Contains(was, row) != slices.Contains(is, row) {
			rows = append(rows, row)
		}
	}
	return rows
}

func ask(method, path, body string, header map[string]string) *http.Request {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for name, value := range header {
		r.Header[http.CanonicalHeaderKey(name)] = []string{value}
	}
	return r
}

// cellsOfPangea reads the face's table: the door of each route, and what stands
// in the body behind it.
func cellsOfPangea(t *testing.T, m *maker) (cells []cell) {
	known := behind()
	for _, line := range lines(t, "../web/pangea/routes.go", `\{(post|get), "([^"]+)", (\w+), `) {
		method, path, who := strings.ToUpper(line[1]), line[2], line[3]
		within, listed := behind()[path]
		delete(known, path)
		if _, declared := opens()[who]; !declared || listed != (who == "anyKey") {
			t.Errorf("law: each route has a class; %s, which is for %s, has none", path, who)
			continue
		}
		send := func(key, body string) *http.Request {
			at := strings.Replace(path, "{request_id}", "prq_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 1)
			return ask(method, at, body, map[string]string{"Authorization": "Bearer " + key, "Content-Type": "application/json"})
		}
		cells = append(cells, cell{
			name: path, class: who, place: "the door",
			request: func(text, _ string) *http.Request { return send(text, "{}") },
			passed: func(w *httptest.ResponseRecorder) bool {
				return w.Code != http.StatusUnauthorized && w.Code != http.StatusForbidden
			},
		})
		if within.class == "" {
			continue
		}
		for _, pool := range []string{"own", "other"} {
			cells = append(cells, cell{
				name: path, class: within.class, place: "the body, with a key of the " + pool + " pool", past: within.past, pool: pool,
				request: func(text, session string) *http.Request {
					quoted, err := json.Marshal(text)
					if err != nil {
						panic(err) // a string has a JSON form
					}
					body := strings.Replace(within.body, `"CREDENTIAL"`, string(quoted), 1)
					return send(m.grounds[pool].client, strings.Replace(body, "SESSION", session, 1))
				},
				passed: func(w *httptest.ResponseRecorder) bool {
					if within.passed != "" {
						return strings.Contains(w.Body.String(), within.passed)
					}
					return w.Code < 300
				},
			})
		}
	}
	for path := range known {
		t.Errorf("law: what is listed is a route; %s is none", path)
	}
	return cells
}

func cellsOfAuthing(t *testing.T, m *maker) (cells []cell) {
	add := func(name, method, path, body string) {
		c, listed := classes()[name]
		if !listed {
			t.Errorf("law: each route has a class; %s has none", name)
		}
		if c.class == "" {
			return
		}
		cells = append(cells, cell{
			name: name, class: c.class, place: "the header", past: c.past, pool: "own",
			request: func(text, _ string) *http.Request {
				return ask(method, path, body, map[string]string{"Authorization": "Bearer " + text, "Content-Type": "application/json", "X-Authing-App-Id": m.grounds["own"].app})
			},
			passed: func(w *httptest.ResponseRecorder) bool {
				var got struct {
					Code   int
					Errors []any
					Data   struct{ CheckLoginStatus *struct{ Status bool } }
				}
				if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
					t.Errorf("%s answers %q", name, w.Body)
				}
				if status := got.Data.CheckLoginStatus; status != nil {
					return status.Status
				}
				return w.Code == http.StatusOK && len(got.Errors) == 0 && (got.Code == http.StatusOK || method == http.MethodPost)
			},
		})
	}
	for _, line := range lines(t, "../web/authing/routes.go", `\{(post|get), "([^"]+)", `) {
		add(strings.ToUpper(line[1])+" "+line[2], strings.ToUpper(line[1]), line[2], "")
	}
	for _, line := range lines(t, "../web/authing/fields.go", `"(\w+)":\s+\{run: `) {
		body, err := json.Marshal(map[string]string{"query": classes()[line[1]].body})
		if err != nil {
			t.Fatal(err)
		}
		add(line[1], http.MethodPost, "/graphql/v2", string(body))
	}
	return cells
}

// hostedRoute is a line of the pages' table.
type hostedRoute struct {
	path            string
	methods         []string // of those that may be sent by a page: GET, POST
	global, develop bool
}

// hostedRoutes reads the table of the pages. Each path stands there as it is, so
// that none is passed over here.
func hostedRoutes(t *testing.T) []hostedRoute {
	t.Helper()
	var all []hostedRoute
	for _, line := range lines(t, "../web/hosted/routes.go", `\{path: ([^\n]+)\}`) {
		parts := regexp.MustCompile(`^"([^"]+)"(, get: [^,}]+)?(, post: [^,}]+)?(.*)$`).FindStringSubmatch(line[1])
		if parts == nil {
			t.Fatalf("law: the path of a page stands in its table; %s", line[1])
		}
		r := hostedRoute{path: parts[1], global: strings.Contains(parts[4], "global"), develop: strings.Contains(parts[4], "develop")}
		for i, method := range []string{http.MethodGet, http.MethodPost} {
			if parts[2+i] != "" {
				r.methods = append(r.methods, method)
			}
		}
		all = append(all, r)
	}
	return all
}

// cellsOfHosted puts each credential where a page could take it for its own: in
// the path, the query, the form, the header and the cookie.
func cellsOfHosted(t *testing.T, m *maker) (cells []cell) {
	for _, route := range hostedRoutes(t) {
		c, listed := classes()[route.path]
		if !listed {
			t.Errorf("law: each route has a class; %s has none", route.path)
		}
		for _, method := range route.methods {
			c := c
			if own, ok := classes()[method+" "+route.path]; ok {
				c = own
			}
			if c.class == "" {
				continue
			}
			cells = append(cells, cell{
				name: method + " " + route.path, class: c.class, place: "a page",
				request: func(text, _ string) *http.Request {
					escaped := escape(text)
					path := strings.NewReplacer("{id}", escaped, "{provider}", escaped).Replace(route.path)
					if !route.global {
						path = "/p/own" + path
					}
					form := "code=" + escaped
					switch route.path {
					case "/link":
						form += "&for=verify_email"
					case "/device":
						form = "user_code=" + escaped
					case "/device/again":
						form = "flow=" + escaped
					}
					header := map[string]string{"Authorization": "Bearer " + text, "Cookie": "gatehouse=" + escaped}
					if method == http.MethodPost {
						header["Content-Type"] = "application/x-www-form-urlencoded"
						return ask(method, path, form, header)
					}
					return ask(method, path+"?"+form, "", header)
				},
				// 307 leads to the same path without its dots.
				passed: func(w *httptest.ResponseRecorder) bool { return w.Code < 400 && w.Code != http.StatusTemporaryRedirect },
			})
		}
	}
	if len(cells) < 6 {
		t.Fatal("the table of pages has another form")
	}
	return cells
}

// oauthRoute is what a route of the OAuth server asks for, by its handler.
type oauthRoute struct {
	class, form string // the form has CREDENTIAL; no class: it is there for anybody
	passed      string // in what it answers when it got what it asks for
}

func oauthRoutes() map[string][]oauthRoute {
	return map[string][]oauthRoute{
		"metadata": {{}}, "keys": {{}}, "authorize": {{}}, "device": {{}},
		"token": {
			{"oauthCode", "grant_type=authorization_code&code=CREDENTIAL&code_verifier=" + matrixVerifier + "&client_id=PAGE", "access_token"},
			{"oauthToken", "grant_type=refresh_token&refresh_token=CREDENTIAL&client_id=PAGE", "access_token"},
			{"deviceCode", "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=CREDENTIAL&client_id=PAGE", "access_token"},
			{"link", "grant_type=client_credentials&client_id=SHOP&client_secret=CREDENTIAL", "access_token"}, // nothing but its secret
		},
		"introspect": {{"oauthAny", "token=CREDENTIAL&client_id=SHOP&client_secret=SECRET", `"active":true`}},
		"userInfo":   {{"openid", "", `"sub"`}},
		// They answer alike whatever they are given, and end what is theirs to end:
		// TestO19RevokedTokens and its neighbours (oidc) look at what becomes of it.
		"revoke": {{}}, "logout": {{}},
	}
}

// pathOfOAuth is the path of a route, which its table names by a field or writes
// out.
func pathOfOAuth(t *testing.T, written string) string {
	t.Helper()
	if field, ok := strings.CutPrefix(written, "p."); ok {
		return reflect.ValueOf(oauthWords().Paths).FieldByName(field).String()
	}
	return strings.Trim(written, `"`)
}

const oauthLine = `\{path: (p\.\w+|"[^"]+"), methods: (\w+), run: \(\*Server\)\.(\w+)(, page: true)?(, anySite: true)?`

// cellsOfOAuth puts each credential into the form, or into the header.
func cellsOfOAuth(t *testing.T, m *maker) (cells []cell) {
	known := oauthRoutes()
	for _, line := range lines(t, "../web/oidc/routes.go", oauthLine) {
		routes, listed := oauthRoutes()[line[3]]
		if delete(known, line[3]); !listed {
			t.Errorf("law: each route has a class; %s has none", line[1])
		}
		for _, rt := range routes {
			if rt.class == "" {
				continue
			}
			for _, pool := range []string{"own", "other"} {
				g := m.grounds[pool]
				path := "/p/" + pool + pathOfOAuth(t, line[1])
				cells = append(cells, cell{
					name: path + " " + rt.class, class: rt.class, place: "the form or the header, of the " + pool + " pool", pool: pool,
					request: func(text, _ string) *http.Request {
						form := strings.NewReplacer("CREDENTIAL", escape(text), "PAGE", pangea.ClientID(g.page.ID), "SHOP", pangea.ClientID(g.shop.ID), "SECRET", escape(g.secret)).Replace(rt.form)
						header := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
						if rt.form == "" {
							header["Authorization"] = "Bearer " + text
						}
						return ask(http.MethodPost, path, form, header)
					},
					passed: func(w *httptest.ResponseRecorder) bool {
						return w.Code == http.StatusOK && strings.Contains(w.Body.String(), rt.passed)
					},
				})
			}
		}
	}
	for name := range known {
		t.Errorf("law: what is listed is a route; %s is none", name)
	}
	return cells
}

// TestX21EveryRouteTakesItsOwnMethods sends each route every other method, with
// a credential that opens it: it is refused, and changes nothing.
func TestX21EveryRouteTakesItsOwnMethods(t *testing.T) {
	database := storetest.SQLite(t)
	a := open(t, Mode{}, func(c *config.Config) { c.Database = database })
	defer a.Close()
	handler, err := a.Handler(Mode{})
	if err != nil {
		t.Fatal(err)
	}
	m := newMaker(t, a)
	key, token := m.credential(serviceKey, "own", "good").text, m.credential(opaqueToken, "own", "good").text
	takes := make(map[string][]string) // by path
	header := make(map[string]map[string]string)
	add := func(path, bearer string, methods ...string) {
		takes[path] = append(takes[path], methods...)
		header[path] = map[string]string{"Authorization": "Bearer " + bearer, "Content-Type": "application/json", "X-Authing-App-Id": m.grounds["own"].app}
	}
	for _, line := range lines(t, "../web/pangea/routes.go", `\{(post|get), "([^"]+)", `) {
		// What a browser asks before it sends the request.
		add(strings.Replace(line[2], "{request_id}", "prq_x", 1), key, strings.ToUpper(line[1]), http.MethodOptions)
	}
	for _, line := range lines(t, "../web/authing/routes.go", `\{(post|get), "([^"]+)", `) {
		add(line[2], token, strings.ToUpper(line[1]))
	}
	add("/graphql/v2", token, http.MethodPost)
	for _, route := range hostedRoutes(t) {
		if route.develop {
			continue
		}
		path := strings.NewReplacer("{$}", "", "{id}", "flw_x", "{file}", "style.css", "{provider}", "acme").Replace(route.path)
		if !route.global {
			path = "/p/own" + path
		}
		add(path, token, route.methods...)
		if slices.Contains(route.methods, http.MethodGet) {
			add(path, token, http.MethodHead)
		}
	}
	for _, line := range lines(t, "../web/oidc/routes.go", oauthLine) {
		methods := map[string][]string{"get": {http.MethodGet, http.MethodHead}, "post": {http.MethodPost}, "both": {http.MethodGet, http.MethodHead, http.MethodPost}}[line[2]]
		if line[5] != "" {
			methods = append(methods, http.MethodOptions)
		}
		add("/p/own"+pathOfOAuth(t, line[1]), token, methods...)
	}
	raw := storetest.Raw(t, database)
	before := storetest.Dump(t, raw, m.grounds["own"].caller.Pool)
	for path, own := range takes {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "post", "GETS"} {
			if slices.Contains(own, method) {
				continue
			}
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, ask(method, path, "{}", header[path]))
			if w.Code != http.StatusMethodNotAllowed {
				t.Errorf("law: a route takes its own methods; %s %s answers %d %s", method, path, w.Code, w.Body)
			}
		}
	}
	for table, rows := range storetest.Dump(t, raw, m.grounds["own"].caller.Pool) {
		if rows := difference(before[table], rows); len(rows) > 0 {
			t.Errorf("law: another method changes nothing; in %s it did: %v", table, rows)
		}
	}
	if len(takes) < 55 {
		t.Errorf("%d routes were asked: where are the others?", len(takes))
	}
}

// TestT3UnlistedPathsAnswerNothing asks the public address for what is in no
// table, with every key and token that there is: nothing is there, administration
// and probes least of all (W14), and nothing has changed.
func TestT3UnlistedPathsAnswerNothing(t *testing.T) {
	database := storetest.SQLite(t)
	a := open(t, Mode{}, func(c *config.Config) { c.Database = database })
	defer a.Close()
	handler, err := a.Handler(Mode{})
	if err != nil {
		t.Fatal(err)
	}
	m := newMaker(t, a)
	var bearers []string
	for _, k := range []kind{serviceKey, clientKey, opaqueToken, signedToken} {
		bearers = append(bearers, m.credential(k, "own", "good").text)
	}
	raw := storetest.Raw(t, database)
	before := storetest.Dump(t, raw, m.grounds["own"].caller.Pool)
	for _, path := range []string{
		"/livez", "/readyz", "/healthz", "/health", "/metrics", "/debug/pprof/", "/debug/vars", "/admin", "/admin/", "/api", "/api/", "/api/v1/users", "/api/v3/users/me", "/api/v2", "/internal/", "/v1/user/list", "/v3/user/list",
		"/v2", "/v2/", "/v2/user", "/v2/user/list/", "/v2/user/list/x", "/v2/user/List", "/v2/pool/list", "/v2/key/create", "/v2/settings/update", "/v2/audit/log", "/request/", "/request/a/b", "/requests/a",
		"/api/v2/users", "/api/v2/users/me/", "/api/v2/users/me/x", "/api/v2/userpools", "/api/v2/", "/graphql", "/graphql/", "/graphql/v1", "/graphql/v2/", "/graphql/v2/x", "/oauth/token", "/oauth2/authorize", "/.well-known/openid-configuration",
		"/.env", "/.git/config", "/gatehouse.db", "/assets/", "/assets/../gatehouse.db", "/assets/%2e%2e%2fgatehouse.db", "/assets/style.css/x", "/p", "/p/", "/p/own/none", "/p/own/dev/inbox", "/p/own/assets/style.css", "/p/none/authorize", "/dev/inbox", "/dev/inbox.json", "/dev/",
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			for _, bearer := range bearers {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, ask(method, path, "{}", map[string]string{"Authorization": "Bearer " + bearer, "Content-Type": "application/json", "X-Authing-App-Id": m.grounds["own"].app}))
				var got struct{ Code int }
				// One vendor answers 200 with the refusal's number within; another path
				// to the same place is led there, and refused then.
				refused := json.Unmarshal(w.Body.Bytes(), &got) == nil && got.Code >= 400
				if w.Code != http.StatusNotFound && w.Code != http.StatusTemporaryRedirect && w.Code != http.StatusMethodNotAllowed && !refused || w.Code >= 500 {
					t.Errorf("law: nothing is at a path that is in no table; %s %s answers %d %s", method, path, w.Code, w.Body)
				}
			}
		}
	}
	for table, rows := range storetest.Dump(t, raw, m.grounds["own"].caller.Pool) {
		if rows := difference(before[table], rows); len(rows) > 0 {
			t.Errorf("law: a path that is in no table changes nothing; in %s it did: %v", table, rows)
		}
	}
}
