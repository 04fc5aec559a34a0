package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/web"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// running is a server under test.
type running struct {
	app           *App
	public, admin string
	stop          context.CancelFunc
	ended         chan error
}

// open makes an app over a new database, or what change makes of that.
func open(t *testing.T, m Mode, change ...func(*config.Config)) *App {
	t.Helper()
	return openLogging(t, m, slog.New(slog.DiscardHandler), change...)
}

func openLogging(t *testing.T, m Mode, log *slog.Logger, change ...func(*config.Config)) *App {
	t.Helper()
	c := config.Config{
		Database: "sqlite:" + filepath.Join(t.TempDir(), "gatehouse.db"), MasterKey: secret.Text(secret.NewMasterText()),
		PublicURL: "http://localhost:8400", Migrate: true, UnsafeDurability: true, HashMemory: 64, HashPasses: 1,
	}
	for _, alter := range change {
		alter(&c)
	}
	a, err := Open(t.Context(), c, m, log)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func listener(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func start(t *testing.T, m Mode) *running {
	t.Helper()
	return serve(t, open(t, m), m)
}

func serve(t *testing.T, a *App, m Mode) *running {
	t.Helper()
	public, admin := listener(t), listener(t)
	ctx, stop := context.WithCancel(context.Background())
	r := &running{a, public.Addr().String(), admin.Addr().String(), stop, make(chan error, 1)}
	go func() { r.ended <- a.Serve(ctx, m, public, admin) }()
	t.Cleanup(stop)
	return r
}

// get asks over a connection of its own, so that none is left.
func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, strings.TrimSpace(string(body))
}

// TestServeFinishesWhatIsUnderWay stops a server in the middle of a request.
func TestServeFinishesWhatIsUnderWay(t *testing.T) {
	defer goleak.VerifyNone(t)
	r := start(t, Mode{Development: true})
	for path, want := range map[string]string{"/livez": "200 ok", "/readyz": "200 ok", "/elsewhere": "404 404 page not found"} {
		if status, body := get(t, "http://"+r.admin+path); fmt.Sprint(status, " ", body) != want {
			t.Errorf("law: the admin listener answers %s with %s; got %d %s", path, want, status, body)
		}
	}
	if status, _ := get(t, "http://"+r.public+"/livez"); status != http.StatusNotFound {
		t.Errorf("law: probes are answered on the admin listener only; got %d", status)
	}

	created, err := r.app.Pools.Create(t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorSystem}}, pool.NewPool{Name: DemoPool})
	if err != nil {
		t.Fatal(err)
	}
	const body = `{"email":"ada@example.org","profile":{}}`
	conn, err := net.Dial("tcp", r.public)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST /v2/user/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", pangea.ServiceToken(created.ServiceKey.Reveal()), len(body))
	if err != nil {
		t.Fatal(err)
	}
	// The server asks for the body, so it is in the middle of the request.
	first := make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))
	if _, err := io.ReadFull(conn, first); err != nil || !strings.Contains(string(first), "100 Continue") {
		t.Fatalf("the server does not read the body: %q, %v", first, err)
	}
	r.stop()
	for {
		if status, text := get(t, "http://"+r.admin+"/readyz"); status == http.StatusServiceUnavailable && text == "stopping" {
			break
		}
	}
	for {
		other, err := net.Dial("tcp", r.public)
		if err != nil {
			break // law: no new connections are taken
		}
		_ = other.Close()
	}
	if _, err := io.WriteString(conn, body); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200") || !strings.Contains(string(answer), "ada@example.org") {
		t.Errorf("law: a request that was under way is answered; got %q, %v", answer, err)
	}
	if err := <-r.ended; err != nil {
		t.Errorf("law: a server that was told to stop ends without an error; got %v", err)
	}
	if err := r.app.Store.Ping(context.Background()); err == nil {
		t.Error("law: the store is closed in the end")
	}
}

func TestServeEndsWhenAListenerFails(t *testing.T) {
	defer goleak.VerifyNone(t)
	a, public, admin := open(t, Mode{}), listener(t), listener(t)
	if err := public.Close(); err != nil {
		t.Fatal(err)
	}
	err := a.Serve(context.Background(), Mode{}, public, admin)
	if err == nil || !strings.Contains(err.Error(), public.Addr().String()) {
		t.Errorf("law: a server that cannot listen ends with an error that names the address; got %v", err)
	}
	if _, err := net.DialTimeout("tcp", admin.Addr().String(), time.Second); err == nil {
		t.Error("law: the other listener is closed then")
	}
}

// A server that cannot hear what others changed is not ready, though its
// database answers, and says which of the two it is.
func TestReadinessFollowsTheChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := open(t, Mode{})
		var draining atomic.Bool
		probes := web.NewServer(a.probes(&draining), nil, slog.New(slog.DiscardHandler))
		ask := func() string {
			w := httptest.NewRecorder()
			probes.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/readyz", nil))
			return fmt.Sprint(w.Code, " ", strings.TrimSpace(w.Body.String()))
		}
		const ready, outOfTouch = "200 ok", "503 what other servers changed could not be read for too long"
		if got := ask(); got != ready {
			t.Errorf("law: a server that begins is ready; got %s", got)
		}
		time.Sleep(31 * time.Second) // nothing reads
		if got := ask(); got != outOfTouch {
			t.Errorf("law: one that has read no changes for its trust time is not; got %s", got)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); a.Store.Follow(ctx) }()
		time.Sleep(time.Second)
		if got := ask(); got != ready {
			t.Errorf("law: once it reads them again, it is; got %s", got)
		}
		stop()
		<-ended
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestReadinessFollowsTheDatabase(t *testing.T) {
	defer goleak.VerifyNone(t)
	a := open(t, Mode{})
	var draining atomic.Bool
	ask := func(path string) int {
		w := httptest.NewRecorder()
		a.probes(&draining).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code
	}
	if ask("/readyz") != http.StatusOK || ask("/livez") != http.StatusOK {
		t.Error("law: with its database a server is ready")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if ask("/readyz") != http.StatusServiceUnavailable || ask("/livez") != http.StatusOK {
		t.Error("law: without its database a server is alive and not ready")
	}
}
