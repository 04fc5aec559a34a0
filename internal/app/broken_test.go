package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
	"github.com/gatehouse-id/gatehouse/internal/web/authing"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// journal is a log that a test reads while a server writes it.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// cause is what the log says went wrong in a request, by the part of its id
// that clients see.
func (j *journal) cause(tail string) string {
	for line := range strings.Lines(j.String()) {
		var entry struct {
			ID    string `json:"request_id"`
			Error string `json:"error"`
		}
		if json.Unmarshal([]byte(line), &entry) == nil && tail != "" && strings.HasSuffix(entry.ID, tail) && entry.Error != "" {
			return entry.Error
		}
	}
	return ""
}

// wire is a way to a database that can be cut.
type wire struct {
	listener net.Listener
	mu       sync.Mutex
	open     []net.Conn
	talks    sync.WaitGroup
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	w := &wire{listener: listener(t)}
	w.talks.Go(func() {
		for {
			near, err := w.listener.Accept()
			if err != nil {
				return // it was cut
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			w.mu.Lock()
			w.open = append(w.open, near, far)
			w.mu.Unlock()
			for _, ends := range [][2]net.Conn{{near, far}, {far, near}} {
				w.talks.Go(func() {
					_, _ = io.Copy(ends[0], ends[1]) // either side may hang up
					_ = near.Close()
					_ = far.Close()
				})
			}
		}
	})
	t.Cleanup(w.cut)
	return w
}

// cut refuses new connections and ends those that there are.
func (w *wire) cut() {
	_ = w.listener.Close()
	w.mu.Lock()
	for _, conn := range w.open {
		_ = conn.Close()
	}
	w.open = nil
	w.mu.Unlock()
	w.talks.Wait()
}

// breakage is one way in which a database fails under a server.
type breakage struct {
	name string
	// database is where the server finds it, with the words that stand for it:
	// a path, or a role, a password, a host. Both engines have names in them
	// that are found nowhere else.
	database func(t *testing.T) (string, []string)
	happen   func(t *testing.T, a *App, database string)
	// pings: the database is there, and only what is in it is not.
	pings bool
	// away: nothing is wrong with the request, and later it will be answered.
	away bool
}

const (
	canaryPath     = "canary-path"
	canaryPassword = "canary_password"
)

func breakages() []breakage {
	sqlite := func(t *testing.T) (string, []string) {
		dir := t.TempDir() + "/" + canaryPath
		return "sqlite:" + dir + "/gatehouse.db", []string{canaryPath, "gatehouse.db", dir}
	}
	// postgres gives the server a role of its own, and a wire to the database.
	var cut func()
	postgres := func(t *testing.T) (string, []string) {
		direct := storetest.Postgres(t)
		u, err := url.Parse(direct)
		if err != nil {
			t.Fatal(err)
		}
		role, name := "canary_"+secret.Random(), strings.Trim(u.Path, "/")
		db := storetest.Raw(t, direct)
		for _, statement := range []string{`CREATE ROLE ` + role + ` LOGIN PASSWORD '` + canaryPassword + `'`, `GRANT ` + role + ` TO CURRENT_USER`, `ALTER DATABASE ` + name + ` OWNER TO ` + role} {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		server := os.Getenv(storetest.PostgresVariable)
		t.Cleanup(func() {
			for _, statement := range []string{`DROP DATABASE IF EXISTS ` + name + ` WITH (FORCE)`, `DROP ROLE ` + role} {
				if _, err := storetest.Raw(t, server).Exec(statement); err != nil {
					t.Error(err)
				}
			}
		})
		w := newWire(t, u.Host)
		cut = w.cut
		u.User, u.Host = url.UserPassword(role, canaryPassword), w.listener.Addr().String()
		return u.String(), []string{role, canaryPassword, name, u.Host, "127.0.0.1"}
	}
	renamed := func(t *testing.T, _ *App, database string) {
		db := storetest.Raw(t, database)
		for table := range storetest.Tables(t, db) {
			if _, err := db.ExecContext(t.Context(), `ALTER TABLE `+table+` RENAME TO gone_`+table); err != nil {
				t.Fatal(err)
			}
		}
	}
	return []breakage{
		{"sqlite: closed", sqlite, func(t *testing.T, a *App, _ string) {
			if err := a.Store.Close(); err != nil {
				t.Fatal(err)
			}
		}, false, false},
		{"sqlite: the tables are gone", sqlite, renamed, true, false},
		{"postgres: the tables are gone", postgres, renamed, true, false},
		{"postgres: nobody listens", postgres, func(*testing.T, *App, string) { cut() }, false, true},
		{"postgres: the role may not sign in any more", postgres, func(t *testing.T, _ *App, database string) {
			u, err := url.Parse(database)
			if err != nil {
				t.Fatal(err)
			}
			db := storetest.Raw(t, os.Getenv(storetest.PostgresVariable))
			role := u.User.Username()
			for _, statement := range []string{`ALTER ROLE ` + role + ` NOLOGIN`, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '` + role + `'`} {
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
		}, false, true},
	}
}

// inside matches what only the database, its driver and the code would say.
var inside = regexp.MustCompile(`(?i)\b(sql|sqlite|postgres|postgresql|pgx|pgconn|sqlstate|fatal|select|insert|update .* set|relation|no such table|` +
	`dial|tcp|connection refused|database is closed|unexpected eof|goroutine|panic|runtime|malformed)\b|\.go:\d|gone_|outbox|deployment_keys`)

// asked is one request to a face, and whether a server without a database may
// still answer it.
type asked struct {
	face, method, path, body string
	header                   map[string]string
	memory                   string // why it needs no database; empty: it does
	fresh                    bool   // of a key or a pool that the node has not seen before
}

// Whatever happens to the database, no answer tells of the inside: each says in
// the words of its face that something went wrong, with a number by which the
// log has the cause (X27).
func TestX27ErrorsTellNothingOfTheInside(t *testing.T) {
	for _, b := range breakages() {
		t.Run(b.name, func(t *testing.T) {
			database, words := b.database(t)
			log := &journal{}
			a := openLogging(t, Mode{}, slog.New(slog.NewJSONHandler(log, nil)), func(c *config.Config) { c.Database = database })
			requests := everything(t, a)
			r := serve(t, a, Mode{})
			for _, q := range requests {
				if !q.fresh {
					r.ask(t, q) // what a node remembers of pool and key takes a request further
				}
			}
			b.happen(t, a, database)
			for _, q := range requests {
				name := q.face + " " + q.method + " " + q.path + " " + q.body
				status, header, body := r.ask(t, q)
				for _, word := range words {
					if strings.Contains(body+fmt.Sprint(header), word) {
						t.Errorf("law: no answer names %q; %s answers %s", word, name, body)
					}
				}
				if found := inside.FindString(body); found != "" {
					t.Errorf("law: no answer has the words of the inside; %s says %q in %s", name, found, body)
				}
				id, fault := envelopes()[q.face](status, header, body)
				if !fault {
					if q.memory == "" && (q.face != "admin" || !b.pings) {
						t.Errorf("law: without a database the answer is a fault in the face's own envelope; %s answers %d %v %s", name, status, header, body)
					}
					continue
				}
				if b.away && q.face == "pangea" && (status != http.StatusServiceUnavailable || header.Get("Retry-After") == "") {
					t.Errorf("law: who asks while the database is away is told to come back; %s answers %d %s", name, status, body)
				}
				if cause := log.cause(id); cause == "" {
					t.Errorf("law: the log has the cause under the number in the answer; %s answers %d with %q: %s", name, status, id, body)
				} else if strings.Contains(body, cause) {
					t.Errorf("law: the cause stays in the log; %s answers %s", name, body)
				}
			}
			r.stop()
			<-r.ended // how a store closes that is closed, or away, is not asked here
			if strings.Contains(log.String(), canaryPassword) {
				t.Error("law: the log does not hold the database's password")
			}
		})
	}
}

// ask asks the server of the face.
func (r *running) ask(t *testing.T, q asked) (int, http.Header, string) {
	t.Helper()
	address := r.public
	if q.face == "admin" {
		address = r.admin
	}
	request, err := http.NewRequestWithContext(t.Context(), q.method, "http://"+address+q.path, strings.NewReader(q.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range q.header {
		request.Header.Set(name, value)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}

// envelopes say, for each face, whether an answer is a fault in its envelope,
// and which number it gives for it.
func envelopes() map[string]func(status int, header http.Header, body string) (id string, fault bool) {
	return map[string]func(int, http.Header, string) (string, bool){
		"pangea": func(status int, header http.Header, body string) (string, bool) {
			var e struct {
				ID     string `json:"request_id"`
				Status string `json:"status"`
			}
			err := json.Unmarshal([]byte(body), &e)
			known := e.Status == "InternalError" || e.Status == "ServiceNotAvailable"
			return core.Tail(core.RequestID(e.ID)), err == nil && known && status >= 500 && header.Get("X-Request-Id") == e.ID
		},
		"authing": func(_ int, header http.Header, body string) (string, bool) {
			var e struct {
				Code    int    `json:"code"`
				Message string `json:"message"`
				Errors  []struct {
					Message struct {
						Code    int    `json:"code"`
						Message string `json:"message"`
					} `json:"message"`
				} `json:"errors"`
			}
			err := json.Unmarshal([]byte(body), &e)
			if len(e.Errors) > 0 {
				e.Code, e.Message = e.Errors[0].Message.Code, e.Errors[0].Message.Message
			}
			return header.Get("X-Request-Id"), err == nil && (e.Code == 500 || e.Code == 1000) && e.Message != ""
		},
		"hosted": func(status int, header http.Header, body string) (string, bool) {
			number := regexp.MustCompile(`<code>req_([a-z2-7]+)</code>`).FindStringSubmatch(body)
			html := strings.HasPrefix(header.Get("Content-Type"), "text/html") && strings.HasPrefix(body, "<!doctype html>") && header.Get("Content-Security-Policy") != ""
			if number == nil {
				return "", false
			}
			return number[1], html && status >= 500
		},
		"oauth": func(status int, header http.Header, body string) (string, bool) {
			var e struct {
				Error string `json:"error"`
			}
			err := json.Unmarshal([]byte(body), &e)
			return header.Get("X-Request-Id"), err == nil && status >= 500 && (e.Error == "server_error" || e.Error == "temporarily_unavailable")
		},
		"admin": func(status int, header http.Header, body string) (string, bool) {
			return header.Get("X-Request-Id"), status == http.StatusServiceUnavailable && strings.HasPrefix(header.Get("Content-Type"), "text/plain") && body != ""
		},
	}
}

// lines finds in a source file what its table of routes has, so that a new line
// of the table cannot be forgotten here.
func lines(t *testing.T, file, pattern string) [][]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(pattern).FindAllStringSubmatch(string(text), -1)
	if len(found) < 3 {
		t.Fatalf("%s has another form", file)
	}
	return found
}

// everything is a request to each route of every face, which gets as far as to
// the database, and what else a server answers.
func everything(t *testing.T, a *App) []asked {
	t.Helper()
	operator := core.Caller{Actor: core.Actor{Kind: core.ActorOperator}}
	var all []asked
	var key string
	for _, name := range []string{"known", "fresh"} {
		created, err := a.Pools.Create(t.Context(), operator, pool.NewPool{Name: name, Overrides: core.Overrides{
			"redirects.allowed": []byte(`["https://app.example.org/"]`), "redirects.default": []byte(`"https://app.example.org/"`),
			"budget.flows_per_minute": []byte(`0`), "budget.tries_per_minute": []byte(`0`), "budget.tries_per_hour": []byte(`0`),
		}})
		if err != nil {
			t.Fatal(err)
		}
		caller := core.Caller{Pool: created.Pool.ID, Actor: operator.Actor}
		if _, err := a.Directory.Create(t.Context(), caller, directory.NewUser{Email: "ana@example.org", Profile: core.Profile{}}); err != nil {
			t.Fatal(err)
		}
		page, err := a.Pools.AddApplication(t.Context(), caller, core.Application{Name: "Page", Client: core.Client{
			Grants: []core.GrantKind{core.GrantCode, core.GrantRefresh}, Auth: core.ClientAuthNone, Redirects: []string{"https://app.example.org/"}, Scopes: []string{"openid"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		mine := slices.Concat(ofAuthing(t, authing.ApplicationID(created.Application.ID)), ofHosted(t, name), ofOAuth(t, name, pangea.ClientID(page.ID)))
		for i := range mine {
			if mine[i].fresh = name == "fresh"; mine[i].fresh && mine[i].path == "/api/v2/.well-known" {
				mine[i].memory = ""
			}
		}
		all = append(all, mine...)
		if name == "fresh" {
			all = append(all, ofPangea(t, key, pangea.ServiceToken(created.ServiceKey.Reveal()))...)
		}
		key = pangea.ServiceToken(created.ServiceKey.Reveal())
	}
	return append(all,
		asked{face: "admin", method: http.MethodGet, path: "/readyz"},
		asked{face: "admin", method: http.MethodGet, path: "/livez", memory: "it says that the process lives"},
		asked{face: "admin", method: http.MethodGet, path: "/elsewhere", memory: "there is no such path"})
}

// ofPangea asks each path twice: with a key that the node remembers, and with
// one that it has never seen.
func ofPangea(t *testing.T, known, never string) []asked {
	t.Helper()
	id := func(prefix string) string { return prefix + secret.Random() }
	user, flow, session, text, group := id("pui_"), id("pfl_"), id("pmt_"), id("peu_"), id("pgi_")
	importing := `{"name":"x","source_id":"` + id("pus_") + `","field_mappings":[{"source_field":{"source_field_name":"a","source_field_type":"string"},"pangea_field":{"pangea_field_name":"email","pangea_field_type":"email"}}]}`
	const uploading = "--x\r\nContent-Disposition: form-data; name=upload\r\n\r\nemail\r\n--x--"
	bodies := map[string]string{
		"/v2/flow/start":                 `{"email":"ana@example.org"}`,
		"/v2/flow/update":                `{"flow_id":"` + flow + `","choice":"password","data":{"password":"correct horse 7 staple"}}`,
		"/v2/flow/restart":               `{"flow_id":"` + flow + `","choice":"reset_password","data":{}}`,
		"/v2/flow/complete":              `{"flow_id":"` + flow + `"}`,
		"/v2/client/userinfo":            `{"code":"` + id("pmc_") + `"}`,
		"/v2/client/jwks":                `{}`,
		"/v2/client/token/check":         `{"token":"` + id("ptu_") + `"}`,
		"/v2/client/password/change":     `{"token":"` + id("ptu_") + `","old_password":"correct horse 7 staple","new_password":"another horse 8 staple"}`,
		"/v2/client/session/invalidate":  `{"token":"` + id("ptu_") + `","session_id":"` + session + `"}`,
		"/v2/client/session/list":        `{"token":"` + id("ptu_") + `"}`,
		"/v2/client/session/logout":      `{"token":"` + id("ptu_") + `"}`,
		"/v2/client/session/refresh":     `{"refresh_token":"` + id("ptr_") + `"}`,
		"/v2/session/invalidate":         `{"session_id":"` + session + `"}`,
		"/v2/session/list":               `{}`,
		"/v2/session/logout":             `{"user_id":"` + user + `"}`,
		"/v2/user/create":                `{"email":"bob@example.org","profile":{}}`,
		"/v2/user/delete":                `{"email":"ana@example.org"}`,
		"/v2/user/list":                  `{}`,
		"/v2/user/update":                `{"email":"ana@example.org","disabled":true}`,
		"/v2/user/profile/get":           `{"email":"ana@example.org"}`,
		"/v2/user/profile/update":        `{"email":"ana@example.org","profile":{"first_name":"Ana"}}`,
		"/v2/user/password/expire":       `{"id":"` + user + `"}`,
		"/v2/user/authenticators/delete": `{"email":"ana@example.org","authenticator_id":"` + id("pau_") + `"}`,
		"/v2/user/authenticators/list":   `{"email":"ana@example.org"}`,
		"/v2/user/invite":                `{"inviter":"joe@example.org","email":"guest@example.org","callback":"https://app.example.org/","state":"12345678"}`,
		"/v2/user/invite/delete":         `{"id":"` + id("pmi_") + `"}`,
		"/v2/user/invite/list":           `{}`,
		"/v2/agreements/create":          `{"type":"eula","name":"Terms","text":"Be kind."}`,
		"/v2/agreements/delete":          `{"type":"eula","id":"` + text + `"}`,
		"/v2/agreements/list":            `{}`,
		"/v2/agreements/update":          `{"type":"eula","id":"` + text + `","name":"Terms"}`,
		"/request/{request_id}":          ``,
		"/v2/group/create":               `{"name":"admins","type":"team"}`, "/v2/group/update": `{"id":"` + group + `","name":"others"}`,
		"/v2/group/get": `{"id":"` + group + `"}`, "/v2/group/delete": `{"id":"` + group + `"}`,
		"/v2/group/list": `{}`, "/v2/group/user/list": `{"id":"` + group + `"}`, "/v2/user/group/list": `{"id":"` + user + `"}`,
		"/v2/user/group/assign": `{"id":"` + user + `","group_ids":["` + group + `"]}`, "/v2/user/group/remove": `{"id":"` + user + `","group_id":"` + group + `"}`,
		"/v2/users/import": importing, "/v2/users/import/validate": importing, "/v2/users/import/get": `{"id":"` + id("pum_") + `"}`, "/v2/users/import/list": `{}`, "/v2/users/sources/upload": uploading,
	}
	var all []asked
	for _, line := range lines(t, "../web/pangea/routes.go", `\{(post|get), "([^"]+)", .*, (nil|.*\S)\},`) {
		q := asked{face: "pangea", method: strings.ToUpper(line[1]), path: strings.Replace(line[2], "{request_id}", id("prq_"), 1), body: bodies[line[2]]}
		if _, there := bodies[line[2]]; there == (line[3] == "nil") {
			t.Errorf("law: each path that is served has a request here, and no other; %s has %v", line[2], there)
		}
		if line[3] == "nil" {
			q.memory = "it is not built yet"
		}
		if line[2] == "/v2/client/jwks" {
			q.memory = "a pool whose tokens are not signed has no keys"
		}
		media := "application/json"
		if q.body == uploading {
			media = "multipart/form-data; boundary=x"
		}
		q.header = map[string]string{"Authorization": "Bearer " + known, "Content-Type": media}
		all = append(all, q)
		q.fresh, q.memory, q.header = true, "", map[string]string{"Authorization": "Bearer " + never, "Content-Type": media}
		all = append(all, q)
	}
	return append(all, asked{face: "pangea", method: http.MethodPost, path: "/v2/none", memory: "there is no such path"})
}

// ofAuthing asks each path, and each operation of GraphQL.
func ofAuthing(t *testing.T, app string) []asked {
	t.Helper()
	queries := map[string]string{
		"registerByEmail":  `mutation { registerByEmail(input: {email: "bob@example.org", password: "correct horse 7 staple"}) { id } }`,
		"loginByEmail":     `mutation { loginByEmail(input: {email: "ana@example.org", password: "correct horse 7 staple"}) { id } }`,
		"checkLoginStatus": `query { checkLoginStatus(token: "ptu_` + secret.Random() + `") { code status } }`,
		"user":             `query { user { id } }`,
	}
	header := map[string]string{"X-Authing-App-Id": app, "Authorization": "Bearer ptu_" + secret.Random(), "Content-Type": "application/json"}
	var all []asked
	for _, line := range lines(t, "../web/authing/fields.go", `"(\w+)":\s+\{run: `) {
		body, err := json.Marshal(map[string]string{"query": queries[line[1]]})
		if err != nil || queries[line[1]] == "" {
			t.Fatalf("law: each operation that is served has a request here; %s has none (%v)", line[1], err)
		}
		all = append(all, asked{face: "authing", method: http.MethodPost, path: "/graphql/v2", body: string(body), header: header})
	}
	for _, line := range lines(t, "../web/authing/routes.go", `\{(post|get), "([^"]+)", `) {
		q := asked{face: "authing", method: strings.ToUpper(line[1]), path: line[2], header: header}
		if q.path == "/api/v2/.well-known" {
			q.memory = "it is the pool's own, which is remembered"
		}
		all = append(all, q)
	}
	return append(all, asked{face: "authing", method: http.MethodGet, path: "/api/v2/none", memory: "there is no such path"})
}

// ofHosted asks each page, by each of its methods, in a browser that has been
// there before.
func ofHosted(t *testing.T, pool string) []asked {
	t.Helper()
	var all []asked
	for _, line := range lines(t, "../web/hosted/routes.go", `\{path: "([^"]+)", get: [^,}]+(, post: )?([^}\n]*)\}`) {
		if strings.Contains(line[3], "global") {
			continue // a style sheet, and the inbox of a development server
		}
		code := secret.Random()
		path := "/p/" + pool + strings.NewReplacer("{$}", "", "{id}", "flw_"+secret.Random()).Replace(line[1]) + "?code=" + code + "&invitation=" + code
		header := map[string]string{"Cookie": "gatehouse=" + secret.Random()}
		all = append(all, asked{face: "hosted", method: http.MethodGet, path: path, header: header})
		if line[2] != "" {
			header = map[string]string{"Cookie": header["Cookie"], "Content-Type": "application/x-www-form-urlencoded"}
			all = append(all, asked{face: "hosted", method: http.MethodPost, path: path, header: header, body: "choice=password&password=correct&code=" + code})
		}
	}
	return append(all, asked{face: "hosted", method: http.MethodGet, path: "/none", memory: "there is no such page"})
}

// ofOAuth asks each endpoint of the OAuth server. Where people come with a
// browser, they see a page.
func ofOAuth(t *testing.T, pool, client string) []asked {
	t.Helper()
	form := "client_id=" + client + "&redirect_uri=" + escape("https://app.example.org/")
	forms := map[string]string{
		"metadata": "", "keys": "", "userInfo": "", "authorize": form + "&response_type=code&code_challenge_method=S256&code_challenge=" + matrixChallenge,
		"token": form + "&grant_type=authorization_code&code=pmc_" + secret.Random(), "device": form, "introspect": form + "&token=ptu_" + secret.Random(), "revoke": form + "&token=ptr_" + secret.Random(),
		"logout": form + "&post_logout_redirect_uri=" + escape("https://app.example.org/"),
	}
	var all []asked
	for _, line := range lines(t, "../web/oidc/routes.go", oauthLine) {
		sent, listed := forms[line[3]]
		if !listed {
			t.Errorf("law: each endpoint has a request here; %s has none", line[3])
		}
		q := asked{face: "oauth", method: http.MethodPost, path: "/p/" + pool + pathOfOAuth(t, line[1]), body: sent, header: map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Authorization": "Bearer ptu_" + secret.Random()}}
		if line[2] == "get" {
			q.method = http.MethodGet
		}
		if line[3] != "userInfo" {
			delete(q.header, "Authorization")
		}
		if line[4] != "" {
			q.face = "hosted"
		}
		all = append(all, q)
	}
	return all
}
