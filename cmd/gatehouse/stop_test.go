package main_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestR15StopDropsNothing tells a server to stop while it writes as fast as it
// can. Whatever it began it answers, so that afterwards the people who are
// there are the ones whose creation was acknowledged, no more and no fewer: a
// request that was dropped under way would have left somebody of whom nobody
// was told. It ends with status 0.
func TestR15StopDropsNothing(t *testing.T) {
	binary := buildServer(t)
	storetest.Engines(t, func(t *testing.T, database string) {
		k := newKilled(t, binary, database)
		for range 3 {
			k.start(t)
			var running sync.WaitGroup
			var stopping atomic.Bool
			var done atomic.Int64
			for range 16 {
				running.Go(func() {
					for {
						email := fmt.Sprintf("user%d@example.org", k.next.Add(1))
						status, _, text := k.create(email)
						if status == http.StatusOK {
							k.mu.Lock()
							k.acknowledged = append(k.acknowledged, email)
							k.mu.Unlock()
							done.Add(1)
							continue
						}
						if !stopping.Load() || status != 0 {
							t.Errorf("law: until a server stops it answers, and then it refuses connections; got %d %s", status, text)
						}
						return
					}
				})
			}
			for deadline := time.Now().Add(20 * time.Second); done.Load() < 100 && time.Now().Before(deadline); {
				time.Sleep(time.Millisecond)
			}
			stopping.Store(true)
			if err := k.process.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := k.process.Wait(); err != nil {
				t.Errorf("law: a server that is told to stop ends with status 0; got %v\n%s", err, &k.log)
			}
			running.Wait()
		}
		k.start(t)
		there := k.everybody(t)
		slices.Sort(there)
		slices.Sort(k.acknowledged)
		if !slices.Equal(there, k.acknowledged) {
			t.Errorf("law: what was under way is answered; %d people are there, and %d were acknowledged", len(there), len(k.acknowledged))
		}
		k.audit(t)
		k.impatient(t)
		t.Logf("3 stops, %d acknowledged writes, 0 dropped", len(k.acknowledged))
	})
}

// create creates somebody, and returns what was answered.
func (k *killed) create(email string) (int, http.Header, string) {
	return k.send("/v2/user/create", map[string]any{"email": email, "profile": map[string]string{"first_name": email, "last_name": "User"}})
}

// everybody lists the addresses of all who are there.
func (k *killed) everybody(t *testing.T) (all []string) {
	t.Helper()
	for last := ""; ; {
		body := map[string]any{"size": 200}
		if last != "" {
			body["last"] = last
		}
		text, err := k.post("/v2/user/list", body)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Users []struct{ Email string }
			Last  string
		}
		if err := json.Unmarshal(text, &page); err != nil {
			t.Fatal(err)
		}
		for _, user := range page.Users {
			all = append(all, user.Email)
		}
		if last = page.Last; last == "" {
			return all
		}
	}
}

// impatient stops a server that waits for a request, twice: the second time it
// waits no longer.
func (k *killed) impatient(t *testing.T) {
	t.Helper()
	conn, err := net.Dial("tcp", k.listen)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "POST /v2/user/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\n"+
		"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n", k.token)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(conn, make([]byte, len("HTTP/1.1 100 Continue\r\n\r\n"))); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- k.process.Wait() }()
	for signals := 0; ; signals++ {
		select {
		case err := <-ended:
			status, failed := errors.AsType[*exec.ExitError](err)
			if signals < 2 || !failed || status.ExitCode() <= 0 {
				t.Errorf("law: a server waits for a request that is under way, and a second signal ends it at once with a status of its own; after %d it ended with %v", signals, err)
			}
			return
		default:
		}
		// Of two signals at once a process may see one.
		if err := k.process.Process.Signal(syscall.SIGTERM); err != nil && signals < 2 {
			t.Fatal(err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}
