package deliver_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/outbound"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// relying is an application that is told of logouts. It answers what a script
// says, and then 200.
type relying struct {
	*httptest.Server
	app core.Application

	mu    sync.Mutex
	calls []seen
}

func newRelying(t *testing.T, st *store.Store, pool core.PoolID, script ...http.HandlerFunc) *relying {
	t.Helper()
	r := &relying{}
	r.Server = httptest.NewServer(r.handler(t, script...))
	t.Cleanup(r.Close)
	r.app = logoutApp(t, st, pool, r.URL+"/out?a=b")
	return r
}

func (r *relying) handler(t *testing.T, script ...http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if err := q.ParseForm(); err != nil {
			t.Error(err)
		}
		r.mu.Lock()
		r.calls = append(r.calls, seen{q, q.PostForm.Encode(), time.Now()})
		n := len(r.calls)
		r.mu.Unlock()
		if n <= len(script) {
			script[n-1](w, q)
		}
	})
}

// told lists the logouts that the application was told of, by their tokens.
func (r *relying) told() (tokens []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, call := range r.calls {
		tokens = append(tokens, call.r.PostForm.Get("logout_token"))
	}
	return tokens
}

// logoutApp adds an application with an address for logouts; empty: without.
func logoutApp(t *testing.T, st *store.Store, pool core.PoolID, address string) core.Application {
	t.Helper()
	app := core.Application{ID: core.NewApplicationID(), Name: "Shop", CreatedAt: time.Now(), Version: 1, Client: core.Client{BackchannelLogout: address}}
	err := st.As(storetest.Caller(pool)).Update(t.Context(), func(tx *store.Tx) error { return tx.PutApplication(app, nil) })
	if err != nil {
		t.Fatal(err)
	}
	return app
}

// aLogout puts a logout of an application in line.
func aLogout(t *testing.T, st *store.Store, pool core.PoolID, app core.Application) core.Logout {
	t.Helper()
	l := core.Logout{ID: core.NewMessageID(), Application: app.ID, Session: core.NewSessionID(), User: core.NewUserID()}
	queue(t, st, pool, l.Message(time.Now()))
	return l
}

// tokenOf stands for what signs: deliver's tests have no sessions.
func tokenOf(l core.Logout) string { return "CANARY-" + core.Tail(l.ID) + "." + core.Tail(l.Session) }

// runLogouts starts a worker for logouts; the log is what it returns.
func runLogouts(t *testing.T, st *store.Store, o deliver.LogoutOptions) *lockedBuffer {
	t.Helper()
	log := new(lockedBuffer)
	if o.Outbound == nil {
		o.Outbound = here(t)
	}
	if o.Token == nil {
		o.Token = func(_ context.Context, _ core.Pool, l core.Logout) (secret.Text, error) {
			return secret.Text(tokenOf(l)), nil
		}
	}
	o.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		deliver.NewLogoutWorker(st, o).Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if strings.Contains(log.String(), "CANARY") || strings.Contains(log.String(), "/out") {
			t.Errorf("law: the log holds nothing of the token, the address or the answer; it has\n%s", log)
		}
	})
	return log
}

// logoutEnds tells how many logouts of a pool wait, and how the others ended.
func logoutEnds(t *testing.T, st *store.Store, pool core.PoolID) (waiting int64, ends []string) {
	t.Helper()
	err := st.As(storetest.Caller(pool)).View(t.Context(), func(tx *store.Tx) error {
		var err error
		if waiting, err = tx.Waiting(); err != nil {
			return err
		}
		all, err := tx.Events(10_000)
		for _, e := range slices.Backward(all) {
			switch e.Name {
			case core.EventLogoutSent:
				ends = append(ends, "sent")
			case core.EventLogoutDropped:
				ends = append(ends, e.Reason)
			default:
				continue
			}
			if e.Data["application"] == "" || e.Data["session"] == "" || e.Data["attempts"] == "" || strings.Contains(fmt.Sprint(e), "CANARY") {
				t.Errorf("law: the event names the application, the session and the tries, and no token; it is %+v", e)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return waiting, ends
}

// The request is the one of section 2.5, and what an application answers decides
// what becomes of it.
func TestWhatApplicationsAnswerToALogout(t *testing.T) {
	elsewhere := newStandIn(t)
	says := func(status int) http.HandlerFunc { return http.HandlerFunc(answers(status, `CANARY-answer`)) }
	for name, c := range map[string]struct {
		first http.HandlerFunc
		want  string
		tries int
	}{
		"200": {says(200), "sent", 1}, "204": {says(204), "sent", 1}, "400": {says(400), "refused", 1},
		"201": {says(201), "sent", 2}, "401": {says(401), "sent", 2}, "403": {says(403), "sent", 2}, "404": {says(404), "sent", 2}, "410": {says(410), "sent", 2}, "429": {says(429), "sent", 2},
		"500": {says(500), "sent", 2}, "501": {says(501), "sent", 2}, "503": {says(503), "sent", 2},
		"redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+"/out", http.StatusTemporaryRedirect)
		}, "sent", 2},
		"cut": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				err = conn.Close()
			}
			if err != nil {
				t.Error(err)
			}
		}, "sent", 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := storetest.New(t)
			pool := storetest.Pool(t, st, "demo", nil)
			shop := newRelying(t, st, pool, c.first)
			l := aLogout(t, st, pool, shop.app)
			runLogouts(t, st, deliver.LogoutOptions{})
			eventually(t, func() bool { waiting, _ := waitingOf(t, st, pool); return waiting == 0 })
			if _, ends := logoutEnds(t, st, pool); !slices.Equal(ends, []string{c.want}) {
				t.Errorf("it ended %v, want %s", ends, c.want)
			}
			if n := len(shop.told()); n != c.tries {
				t.Errorf("there were %d tries, want %d", n, c.tries)
			}
			for _, call := range shop.calls {
				want := url.Values{"logout_token": {tokenOf(l)}}.Encode()
				if call.r.Method != http.MethodPost || call.r.URL.RequestURI() != "/out?a=b" || call.r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || call.body != want {
					t.Errorf("law: the token is posted as a form, and nothing beside it; there was %s %s %s %q", call.r.Method, call.r.URL, call.r.Header, call.body)
				}
			}
		})
	}
	t.Cleanup(func() {
		if n := len(elsewhere.requests()); n != 0 {
			t.Errorf("law: no redirect is followed; %d were", n)
		}
	})
}

// An application that is down is told when it is up again.
func TestApplicationThatWasDownIsTold(t *testing.T) {
	st := storetest.New(t)
	pool := storetest.Pool(t, st, "demo", nil)
	at, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := at.Addr().String()
	if err := at.Close(); err != nil {
		t.Fatal(err)
	}
	r := &relying{app: logoutApp(t, st, pool, "http://"+address+"/out")}
	l := aLogout(t, st, pool, r.app)
	log := runLogouts(t, st, deliver.LogoutOptions{})
	eventually(t, func() bool { return strings.Contains(log.String(), "cannot reach it") })
	if at, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	r.Server = &httptest.Server{Listener: at, Config: &http.Server{Handler: r.handler(t)}}
	r.Start()
	t.Cleanup(r.Close)
	eventually(t, func() bool { waiting, _ := waitingOf(t, st, pool); return waiting == 0 })
	if told := r.told(); !slices.Equal(told, []string{tokenOf(l)}) {
		t.Errorf("law: it is told once it answers; it was told %d times", len(told))
	}
}

// One application that does not answer holds up no other, of the same pool or of
// another, however many logouts wait for it.
func TestR9ApplicationThatHangs(t *testing.T) {
	st := storetest.New(t)
	pool, other := storetest.Pool(t, st, "demo", nil), storetest.Pool(t, st, "other", nil)
	release := make(chan struct{})
	hang := func(http.ResponseWriter, *http.Request) { <-release }
	slow := newRelying(t, st, pool, slices.Repeat([]http.HandlerFunc{hang}, 100)...)
	t.Cleanup(func() { close(release) })
	for range 40 {
		aLogout(t, st, pool, slow.app)
	}
	quick, there := newRelying(t, st, pool), newRelying(t, st, other)
	for range 20 {
		aLogout(t, st, pool, quick.app)
		aLogout(t, st, other, there.app)
	}
	runLogouts(t, st, deliver.LogoutOptions{})
	eventually(t, func() bool { return len(quick.told()) == 20 && len(there.told()) == 20 })
	if n := len(slow.told()); n > 10 {
		t.Errorf("law: an application that does not answer is left alone; it was called %d times meanwhile", n)
	}
	waiting, _ := waitingOf(t, st, pool)
	if waiting < 40 {
		t.Errorf("law: what it was not told of waits; %d do", waiting)
	}
}

// An application inside of the server's own network is not called, unless the
// operator allows it.
func TestX16LogoutsStayOutside(t *testing.T) {
	st := storetest.New(t)
	pool := storetest.Pool(t, st, "demo", nil)
	shop := newRelying(t, st, pool)
	aLogout(t, st, pool, shop.app)
	log := runLogouts(t, st, deliver.LogoutOptions{Outbound: outbound.New(outbound.Allowed{})})
	eventually(t, func() bool { return strings.Contains(log.String(), outbound.ErrRefused.Error()) })
	if waiting, _ := waitingOf(t, st, pool); waiting != 1 || len(shop.told()) != 0 {
		t.Errorf("law: nothing inside is called; %d wait and %d were told", waiting, len(shop.told()))
	}
}

// What nobody is there for is given up, with its reason; what cannot be signed
// waits.
func TestHopelessLogoutsAreDropped(t *testing.T) {
	st := storetest.New(t)
	pool := storetest.Pool(t, st, "demo", nil)
	shop := newRelying(t, st, pool)
	late := core.Logout{ID: core.NewMessageID(), Application: shop.app.ID, Session: core.NewSessionID()}
	queue(t, st, pool, late.Message(time.Now().Add(-2*time.Hour)))
	aLogout(t, st, pool, core.Application{ID: core.NewApplicationID()})
	aLogout(t, st, pool, logoutApp(t, st, pool, ""))
	runLogouts(t, st, deliver.LogoutOptions{})
	eventually(t, func() bool { waiting, _ := waitingOf(t, st, pool); return waiting == 0 })
	_, ends := logoutEnds(t, st, pool)
	slices.Sort(ends)
	if want := []string{string(deliver.DropExpired), string(deliver.DropNoAddress), string(deliver.DropNoAddress)}; !slices.Equal(ends, want) || len(shop.told()) != 0 {
		t.Errorf("they ended %v, want %v; %d were told", ends, want, len(shop.told()))
	}

	elsewhere := storetest.New(t)
	pool = storetest.Pool(t, elsewhere, "demo", nil)
	shop = newRelying(t, elsewhere, pool)
	l := aLogout(t, elsewhere, pool, shop.app)
	var mu sync.Mutex
	tries := 0
	runLogouts(t, elsewhere, deliver.LogoutOptions{Token: func(_ context.Context, p core.Pool, got core.Logout) (secret.Text, error) {
		mu.Lock()
		defer mu.Unlock()
		if tries++; tries == 1 {
			return "", errors.New("no key")
		}
		if p.ID != pool || got != l {
			t.Errorf("law: what is signed is what was put in line; it is %+v of %s", got, p.ID)
		}
		return secret.Text(tokenOf(got)), nil
	}})
	eventually(t, func() bool { waiting, _ := waitingOf(t, elsewhere, pool); return waiting == 0 })
	if told := shop.told(); !slices.Equal(told, []string{tokenOf(l)}) {
		t.Errorf("law: a logout that could not be signed is told later; it was told %d times", len(told))
	}
}

// However many servers share a database, each logout is told once.
func TestManyServersTellOnce(t *testing.T) {
	const logouts = 60
	storetest.Engines(t, func(t *testing.T, database string) {
		st := storetest.Open(t, database)
		pool := storetest.Pool(t, st, "demo", nil)
		shops := []*relying{newRelying(t, st, pool), newRelying(t, st, pool)}
		want := make(map[string]bool)
		for i := range logouts {
			want[tokenOf(aLogout(t, st, pool, shops[i%2].app))] = true
		}
		for range 3 {
			runLogouts(t, storetest.Open(t, database), deliver.LogoutOptions{})
		}
		eventually(t, func() bool { waiting, _ := waitingOf(t, st, pool); return waiting == 0 })
		got := slices.Concat(shops[0].told(), shops[1].told())
		for _, token := range got {
			if !want[token] {
				t.Error("law: nothing is told twice, and nothing that was not in line; this was")
			}
			delete(want, token)
		}
		if len(got) != logouts {
			t.Errorf("law: each logout is told once; of %d there were %d calls", logouts, len(got))
		}
	})
}
