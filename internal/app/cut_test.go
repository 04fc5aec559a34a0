package app

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestNodeWithAWorseWay has a node whose way to the database is slow, breaks,
// and falls silent, beside one whose way is whole. The one goes on as far as its
// memory may be trusted, fails closed after, and comes back by itself.
func TestNodeWithAWorseWay(t *testing.T) {
	database, master := storetest.Postgres(t), secret.NewMasterText()
	way, through := newCable(t, database)
	here, there := newNode(t, database, master), newNode(t, through, master)
	d := newDoor(t, here, "demo", core.TokenOpaque)
	remembers(t, storetest.Raw(t, database), there, d)
	holder, ended := d.signIn(t, "ana@example.org", ""), d.signIn(t, "bob@example.org", "")
	time.Sleep(2 * promised) // until nothing is heard of any more that would drop them
	for range 2 {
		if a, b := holder.check(there), ended.check(there); a != "Success" || b != "Success" {
			t.Fatalf("before anything went wrong the tokens are %s and %s", a, b)
		}
	}
	w := &worse{door: d, node: there, way: way}

	way.turn(lagging)
	began := time.Now()
	if a := holder.check(there); a != "Success" {
		t.Errorf("law: a slow way to the database does not matter to what is remembered; got %s", a)
	}
	t.Logf("slow by %v: a remembered token is checked in %v", 2*slowness, time.Since(began).Round(10*time.Microsecond))
	if status, _ := w.write(); status != http.StatusOK {
		t.Errorf("law: a slow way to the database is a way; a write answers %d", status)
	}

	way.turn(broken)
	if a := holder.check(there); a != "Success" {
		t.Errorf("law: for a while a node goes on with what it remembers; got %s", a)
	}
	for range 20 { // as many as to meet every connection that was there
		w.refused(t)
	}
	w.recovers(t, "it was broken")

	storetest.Together(clients, func(int) { w.write() }) // makes all the connections that there may be
	quiet := runtime.NumGoroutine()
	way.turn(silent)
	began = time.Now()
	w.silence(t, holder, ended, began, quiet)
	w.recovers(t, "it was silent")
	if a := ended.check(there); a != "InvalidToken" {
		t.Errorf("law: what was revoked in the silence is refused after it; got %s", a)
	}
	for end := time.Now().Add(time.Minute); runtime.NumGoroutine() > quiet+10; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("law: a silence leaves nothing behind; there are %d goroutines in place of %d", runtime.NumGoroutine(), quiet)
		}
	}
}

// clients is how many keep a node busy at once.
const clients = 32

// worse is a node behind a cable.
type worse struct {
	door
	node *node
	way  *cable
	next atomic.Int64
}

// write creates somebody, and returns the status and in how many seconds to
// come back.
func (w *worse) write() (status int, retry string) {
	a := w.node.ask(http.MethodPost, "/v2/user/create", w.service, "", fmt.Sprintf(`{"email":"new%d@example.org","profile":{}}`, w.next.Add(1)))
	return a.Code, a.Header().Get("Retry-After")
}

// refused wants that a write is answered with "not now".
func (w *worse) refused(t *testing.T) {
	t.Helper()
	status, retry := w.write()
	if seconds, err := strconv.Atoi(retry); status != http.StatusServiceUnavailable || err != nil || seconds < 1 {
		t.Errorf("law: without a database a write answers 503 and when to come back; got %d and %q", status, retry)
	}
}

// ready asks what a balancer asks.
func (w *worse) ready() int {
	a := httptest.NewRecorder()
	w.node.app.probes(new(atomic.Bool)).ServeHTTP(a, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/readyz", nil))
	return a.Code
}

// recovers mends the way, and waits until all is well again.
func (w *worse) recovers(t *testing.T, what string) {
	t.Helper()
	w.way.turn(whole)
	began := time.Now()
	well := 0 // in a row, so that no connection is left that is not
	for well < 40 {
		if status, _ := w.write(); status == http.StatusOK && w.ready() == http.StatusOK {
			well++
		} else {
			well = 0
		}
		if time.Since(began) > givenUp {
			t.Fatalf("law: a node comes back by itself; after %s it did not", what)
		}
	}
	t.Logf("%s: all is well %v after", what, time.Since(began).Round(time.Millisecond))
}

// silence keeps a silent node busy for some seconds, and ends a session
// elsewhere.
func (w *worse) silence(t *testing.T, holder, ended *bearer, began time.Time, quiet int) {
	t.Helper()
	const long = 8 * time.Second
	var longest, trusted atomic.Int64
	var running sync.WaitGroup
	keep := func(most *atomic.Int64, d time.Duration) {
		for was := most.Load(); int64(d) > was && !most.CompareAndSwap(was, int64(d)); was = most.Load() {
		}
	}
	for range clients {
		running.Go(func() {
			for time.Since(began) < long {
				asked := time.Now()
				w.refused(t)
				keep(&longest, time.Since(asked))
			}
		})
	}
	if a := w.here.post("/v2/session/invalidate", w.service, `{"session_id":"`+ended.session+`"}`); a != "Success" {
		t.Errorf("the other node does not end a session: %s", a)
	}
	for _, b := range []*bearer{holder, ended} {
		running.Go(func() {
			for time.Since(began) < long {
				switch answer := b.check(w.node); answer {
				case "Success":
					keep(&trusted, time.Since(began))
				case "ServiceNotAvailable":
				default:
					t.Errorf("law: a node that cannot know says so; it says %s", answer)
				}
				time.Sleep(askEvery)
			}
		})
	}
	if status := w.ready(); status != http.StatusServiceUnavailable {
		t.Errorf("law: a node out of its database's reach is not ready; it says %d", status)
	}
	unready, most := time.Since(began), 0
	for time.Since(began) < long {
		most = max(most, runtime.NumGoroutine())
		time.Sleep(50 * time.Millisecond)
	}
	running.Wait()
	// The clients, what each waits by, and connections that are being given up.
	if bound := quiet + 8*clients; most > bound {
		t.Errorf("law: requests that wait for a silent database do not pile up; there were %d goroutines, from %d", most, quiet)
	}
	if d := time.Duration(trusted.Load()); d == 0 || d > givenUp {
		t.Errorf("law: in a silence what is remembered is trusted for a while and no longer; it was for %v", d)
	}
	if d := time.Duration(longest.Load()); d > givenUp {
		t.Errorf("law: a request ends whatever the database does; one took %v", d)
	}
	t.Logf("silent: not ready after %v, what is remembered trusted for %v, the longest request %v, goroutines %d before and %d at most",
		unready.Round(time.Millisecond), time.Duration(trusted.Load()).Round(time.Millisecond), time.Duration(longest.Load()).Round(time.Millisecond), quiet, most)
}
