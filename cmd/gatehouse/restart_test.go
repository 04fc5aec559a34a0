package main_test

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// ownPostgres is a PostgreSQL server that a test may stop as it likes.
type ownPostgres struct {
	script, folder, port, url string
	process                   *exec.Cmd
}

// newPostgres makes and starts one.
func newPostgres(t *testing.T) *ownPostgres {
	t.Helper()
	storetest.Postgres(t) // skips where tests have no PostgreSQL
	script, err := filepath.Abs("../../scripts/postgres")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), script, "init").Output()
	if err != nil {
		t.Fatalf("making a database cluster: %v", err)
	}
	p := &ownPostgres{script: script, folder: strings.TrimSpace(string(out))}
	t.Cleanup(func() {
		if p.process != nil {
			p.stop(t, syscall.SIGQUIT)
		}
		if err := os.RemoveAll(p.folder); err != nil {
			t.Error(err)
		}
	})
	secret, err := os.ReadFile(filepath.Join(p.folder, "password"))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p.port = fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	p.url = fmt.Sprintf("postgres://gatehouse:%s@127.0.0.1:%s/postgres?sslmode=disable", secret, p.port)
	p.start(t)
	return p
}

// start starts the server and waits until it answers. What a killed one left
// behind may keep it from starting for a moment.
func (p *ownPostgres) start(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; {
		p.process = exec.Command(p.script, "run", p.folder, p.port)
		if err := p.process.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			_ = p.process.Wait() // the log of the server says more
		}()
		for running := true; running; {
			if exec.CommandContext(t.Context(), p.script, "ready", p.port).Run() == nil {
				return
			}
			select {
			case <-ended:
				running = false
			case <-time.After(10 * time.Millisecond):
			}
		}
		if time.Now().After(end) {
			log, err := os.ReadFile(filepath.Join(p.folder, "server.log"))
			t.Fatalf("the database does not start: %s (%v)", log, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// stop ends the server by a signal, and waits until nobody listens any more.
func (p *ownPostgres) stop(t *testing.T, signal syscall.Signal) {
	t.Helper()
	if err := p.process.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+p.port)
		if err != nil {
			return
		}
		_ = conn.Close() // it was only to see whether somebody listens
		if time.Now().After(end) {
			t.Fatal("the database does not stop")
		}
	}
}

// TestDatabaseRestartsUnderLoad ends the database under a server that has much
// to do, in order and not. Tokens in use are checked as before; what needs the
// database is answered "not now"; and once it is back, all is well by itself,
// with everything that was acknowledged and nothing twice.
func TestDatabaseRestartsUnderLoad(t *testing.T) {
	p := newPostgres(t)
	f := newFleet(t, buildServer(t), p.url, 1, quick()...)
	// What the server says is looked at, and not what the balancer makes of it.
	f.url = f.nodes[0].public
	l := newLoad(t, f.killed)
	l.outage = func() bool { return true }
	l.begin(2, 8)
	checkers := &load{killed: f.killed, holders: l.holders, signed: map[string]int{}, unanswered: map[string]int{}, refused: map[int]int{}, outage: func() bool { return false }}
	checkers.began = l.began
	for i := range 4 {
		checkers.running.Go(func() {
			checkers.each(5*time.Millisecond, func(n int) { checkers.check(l.holders[(i+n)%len(l.holders)]) })
		})
	}
	for _, outage := range []struct {
		how    string
		signal syscall.Signal
		long   time.Duration
	}{
		{"stopped in order", syscall.SIGINT, time.Second},
		{"stopped at once", syscall.SIGQUIT, time.Second},
		// Longer than a silent database is trusted to have said nothing.
		{"killed", syscall.SIGKILL, 7 * time.Second},
	} {
		writes, entries := l.writes.Load(), l.entries.Load()
		reach(t, "there is load before the database goes", func() bool { return l.writes.Load() > writes+50 && l.entries.Load() > entries+5 })
		p.stop(t, outage.signal)
		time.Sleep(outage.long)
		if got, err := ask(f.url, f.token, "/v2/user/create", map[string]any{"email": "late@example.org", "profile": map[string]any{}}); err != nil || got.code != http.StatusServiceUnavailable || got.retry == "" {
			t.Errorf("law: without a database a write is answered 503, and when to come back; got %d %q %s (%v)", got.code, got.retry, got.text, err)
		}
		p.start(t)
		began := time.Now()
		l.recovers(t)
		t.Logf("%s: all is well %v after the database is", outage.how, time.Since(began).Round(time.Millisecond))
	}
	l.end()
	checkers.end()
	checkers.report(t, "while the database is away, tokens in use are checked as before")
	l.report(t, "while the database is away, what needs it is answered 503 and when to come back")
	f.audit(t)
	l.counted(t)
	t.Logf("%d people, %d sign-ins and %d checks acknowledged, 0 lost, 0 twice; refused by status: %v", len(f.acknowledged), l.entries.Load(), l.checks.Load()+checkers.checks.Load(), l.refused)
}

// recovers waits until nothing is refused for a while.
func (l *load) recovers(t *testing.T) {
	t.Helper()
	refused := func() (n int) {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, count := range l.refused {
			n += count
		}
		return n
	}
	before, since, writes := refused(), time.Now(), l.writes.Load()
	reach(t, "once the database is back, all is well by itself", func() bool {
		if now := refused(); now != before {
			before, since, writes = now, time.Now(), l.writes.Load()
		}
		return time.Since(since) > 300*time.Millisecond && l.writes.Load() > writes+50
	})
}
