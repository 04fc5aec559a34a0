package app

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
	"github.com/gatehouse-id/gatehouse/internal/web/authing"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// revocation is a way in which a token that works comes to an end.
type revocation struct {
	name   string
	revoke func(t *testing.T, b *bearer)
	answer string // what another node answers from then on
}

// revocations is every way in which a token that works comes to an end, for
// tokens of a format. The password is changed in another session of the person.
func revocations(format string) []revocation {
	all := []revocation{
		{"logout", post("/v2/client/session/logout", `{"token":"$token"}`), "InvalidToken"},
		{"logout through the other face", func(t *testing.T, b *bearer) {
			b.must(t, b.here.ask(http.MethodGet, "/api/v2/logout", b.token, b.app, ""))
		}, "InvalidToken"},
		{"session invalidated", post("/v2/session/invalidate", `{"session_id":"$session"}`), "InvalidToken"},
		{"all sessions ended", post("/v2/session/logout", `{"user_id":"$user"}`), "InvalidToken"},
		{"person disabled", post("/v2/user/update", `{"id":"$user","disabled":true}`), "InvalidToken"},
		{"person deleted", post("/v2/user/delete", `{"id":"$user"}`), "InvalidToken"},
		{"password changed", post("/v2/client/password/change", `{"token":"$other","old_password":"`+flowtest.Password+`","new_password":"another horse 8 staple"}`), "InvalidToken"},
		{"password expired", post("/v2/user/password/expire", `{"id":"$user"}`), "InvalidToken"},
		{"refreshed", post("/v2/client/session/refresh", `{"refresh_token":"$refresh"}`), "ExpiredToken"},
		{"refresh token used again", func(t *testing.T, b *bearer) {
			if a := b.here.post("/v2/client/session/refresh", b.service, `{"refresh_token":"`+b.spent+`"}`); a != "InvalidToken" {
				t.Errorf("a spent refresh token answers %s", a)
			}
		}, "InvalidToken"},
		{"API key revoked", func(t *testing.T, b *bearer) {
			if err := b.here.app.Pools.RevokeKey(t.Context(), b.caller, b.key); err != nil {
				t.Error(err)
			}
		}, "Unauthorized"},
	}
	if format == core.TokenSigned {
		all = append(all, revocation{"signing keys replaced", func(t *testing.T, b *bearer) {
			p, err := b.here.app.Pools.Get(t.Context(), b.caller.Pool)
			if err == nil {
				_, err = b.here.app.Sessions.ReplaceKeys(t.Context(), b.caller, p.Settings)
			}
			if err != nil {
				t.Error(err)
			}
		}, "InvalidToken"})
	}
	return all
}

const (
	// askEvery is how often the other node is asked.
	askEvery = 10 * time.Millisecond
	// promised is within what a revocation reaches every node, and givenUp when
	// the test says that it does not: a loaded machine may take its time.
	promised, givenUp = time.Second, 15 * time.Second
)

// TestO18RevokedOnAnotherNode is abuse case O18: two servers share a database,
// a token is in the second one's memory, and the first one ends it. The second
// is asked every 10 ms, and the log says how long it took to refuse. How long it
// may take is no law here, because machines that run tests are slow at times.
func TestO18RevokedOnAnotherNode(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		master := secret.NewMasterText()
		here, there := newNode(t, database, master), newNode(t, database, master)
		for _, format := range []string{core.TokenOpaque, core.TokenSigned} {
			t.Run(format, func(t *testing.T) {
				measure(t, storetest.Raw(t, database), here, there, format)
			})
		}
	})
}

// measure runs all revocations at once, round by round, each in a pool of its
// own.
func measure(t *testing.T, raw *sql.DB, here, there *node, format string) {
	t.Helper()
	table := revocations(format)
	n := len(table)
	doors := make([]door, n)
	for i := range doors {
		doors[i] = newDoor(t, here, fmt.Sprint(format, i), format)
	}
	remembers(t, raw, there, newDoor(t, here, format+"-control", format))
	var all []time.Duration
	for round := range storetest.Rounds(t) {
		bearers := make([]*bearer, n)
		for i := range bearers {
			bearers[i] = doors[i].signIn(t, fmt.Sprintf("ana%d@example.org", round), table[i].name)
		}
		for range 2 {
			for i, b := range bearers {
				if a := b.check(there); a != "Success" {
					t.Fatalf("%s: on another node the token is %s before it was revoked", table[i].name, a)
				}
			}
		}
		// At another moment between two readings in each round.
		time.Sleep(time.Duration(round*37%250) * time.Millisecond)
		took := make([]time.Duration, n)
		storetest.Together(n, func(i int) {
			table[i].revoke(t, bearers[i])
			took[i] = bearers[i].refused(t, there, table[i].name, table[i].answer)
		})
		all = append(all, took...)
	}
	slices.Sort(all)
	late := 0
	for _, d := range all {
		if d > promised {
			late++
		}
	}
	at := func(percent int) time.Duration { return all[(len(all)*percent+99)/100-1].Round(time.Millisecond) }
	t.Logf("%s: %d revocations seen on another node after: median %v, p99 %v, longest %v; %d after more than %v", format, len(all), at(50), at(99), at(100), late, promised)
}

// node is a server with its own work going on.
type node struct {
	app     *App
	house   *flowtest.House
	handler http.Handler
}

func newNode(t *testing.T, database, master string, allow ...string) *node {
	t.Helper()
	a, err := Open(t.Context(), config.Config{
		Database: database, MasterKey: secret.Text(master), PublicURL: "http://localhost:8400", Migrate: true, UnsafeDurability: true, HashMemory: 64, HashPasses: 1, OutboundAllow: allow,
	}, Mode{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	handler, err := a.Handler(Mode{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		a.Run(ctx)
	}()
	t.Cleanup(func() {
		stop()
		<-ended
		if err := a.Close(); err != nil {
			t.Errorf("closing the server: %v", err)
		}
	})
	return &node{a, &flowtest.House{
		Store: a.Store, Hasher: secret.NewHasher(secret.Cost{Memory: 64, Passes: 1, Threads: 1}, a.Store.Keys().Peppers()),
		Pools: a.Pools, Directory: a.Directory, Passwords: a.Passwords, Sessions: a.Sessions, Flows: a.Flows,
	}, handler}
}

func (n *node) ask(method, path, token, application, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("X-Authing-App-Id", application)
	w := httptest.NewRecorder()
	n.handler.ServeHTTP(w, r)
	return w
}

// post returns the status that the first face puts into its answers.
func (n *node) post(path, token, body string) string {
	w := n.ask(http.MethodPost, path, token, "", body)
	text, err := io.ReadAll(w.Result().Body)
	var answer struct{ Status string }
	if err != nil || json.Unmarshal(text, &answer) != nil {
		return fmt.Sprintf("%d %s (%v)", w.Code, text, err)
	}
	return answer.Status
}

// door is a pool of the first node, with who calls it.
type door struct {
	here    *node
	caller  core.Caller
	app     string
	service string
}

func newDoor(t *testing.T, here *node, name, format string) door {
	t.Helper()
	created, err := here.app.Pools.Create(t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorSystem}}, pool.NewPool{
		Name: name, Overrides: flowtest.Settings(t, map[string]any{"token.format": format, "token.refresh_grace": "0s", "signup.verify_email": false}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return door{
		here: here, caller: core.Caller{Pool: created.Pool.ID, Actor: core.Actor{Kind: core.ActorService, ID: "key_test"}},
		app: authing.ApplicationID(created.Application.ID), service: pangea.ServiceToken(created.ServiceKey.Reveal()),
	}
}

// bearer is somebody with a token, and an application with a key of its own.
type bearer struct {
	door
	user, session, token, refresh string
	other, spent                  string // the token of another session; a refresh token that was used
	key                           core.KeyID
	client                        string
}

func (d door) signIn(t *testing.T, email, name string) *bearer {
	t.Helper()
	user := d.here.house.Person(t, d.caller, email)
	key, text, err := d.here.app.Pools.CreateKey(t.Context(), d.caller, pool.NewKey{Kind: core.KeyClient, Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	grant, other := d.here.house.SignIn(t, d.caller, email, flowtest.Password), d.here.house.SignIn(t, d.caller, email, flowtest.Password)
	b := &bearer{door: d, user: pangea.UserID(user.ID), key: key.ID, client: pangea.ClientToken(text.Reveal())}
	if name == "refresh token used again" {
		p, err := d.here.app.Pools.Get(t.Context(), d.caller.Pool)
		if err != nil {
			t.Fatal(err)
		}
		b.spent = "ptr_" + grant.Refresh.Token
		if grant, err = d.here.app.Sessions.Refresh(t.Context(), d.caller, p.Settings, grant.Refresh.Token, ""); err != nil {
			t.Fatal(err)
		}
	}
	written := func(token string) string {
		if strings.Contains(token, ".") {
			return token
		}
		return "ptu_" + token
	}
	b.token, b.other, b.refresh, b.session = written(grant.Access.Token), written(other.Access.Token), "ptr_"+grant.Refresh.Token, "pmt_"+core.Tail(core.SessionID(grant.Refresh.ID))
	return b
}

// post calls the first face of the first node, which succeeds.
func post(path, body string) func(t *testing.T, b *bearer) {
	return func(t *testing.T, b *bearer) {
		filled := strings.NewReplacer("$token", b.token, "$session", b.session, "$user", b.user, "$other", b.other, "$refresh", b.refresh).Replace(body)
		if a := b.here.post(path, b.service, filled); a != "Success" {
			t.Errorf("%s answers %s", path, a)
		}
	}
}

func (b *bearer) must(t *testing.T, w *httptest.ResponseRecorder) {
	if w.Code != http.StatusOK {
		t.Errorf("answered %d %s", w.Code, w.Body)
	}
}

// check is what a node answers to the application that asks for the token.
func (b *bearer) check(n *node) string {
	return n.post("/v2/client/token/check", b.client, `{"token":"`+b.token+`"}`)
}

// refused asks a node for the token until it is refused, and returns how long
// that took. A token that is refused stays so, by whichever face.
func (b *bearer) refused(t *testing.T, n *node, name, want string) time.Duration {
	began := time.Now()
	for {
		answer := b.check(n)
		took := time.Since(began)
		switch {
		case answer == want:
			if shown := n.ask(http.MethodGet, "/api/v2/users/me", b.token, b.app, ""); want != "Unauthorized" && strings.Contains(shown.Body.String(), `"email"`) {
				t.Errorf("law: what one face refuses the other refuses too; %s: %s", name, shown.Body)
			}
			if again := b.check(n); again != want {
				t.Errorf("law: what is revoked stays revoked; %s: %s", name, again)
			}
			return took
		case answer != "Success":
			t.Errorf("law: a revoked token is %s; %s: %s", want, name, answer)
			return took
		case took > givenUp:
			t.Errorf("law: what is revoked on one node is revoked on another; %s: not seen after %v", name, took)
			return took
		}
		time.Sleep(askEvery)
	}
}

// remembers waits until a node answers from memory: a session that is ended
// behind its back goes on there. Without, nothing would be measured.
func remembers(t *testing.T, raw *sql.DB, n *node, d door) {
	t.Helper()
	for round := range 200 {
		b := d.signIn(t, fmt.Sprintf("control%d@example.org", round), "")
		b.check(n)
		if _, err := raw.ExecContext(t.Context(), `UPDATE sessions SET ended_at = 1 WHERE id = $1`, "ses_"+strings.TrimPrefix(b.session, "pmt_")); err != nil {
			t.Fatal(err)
		}
		remembered := b.check(n)
		if fromDatabase := b.check(d.here); fromDatabase != "InvalidToken" {
			t.Fatalf("the control was not ended: %s", fromDatabase)
		}
		if remembered == "Success" {
			return
		}
		time.Sleep(askEvery)
	}
	t.Fatal("the other node remembers nothing")
}
