package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestKillLosesNothing kills a server under write load, again and again, with
// the signal that it cannot see coming. What it had acknowledged must be there
// afterwards, whole; what it had not may be there or not. `make test` kills
// twenty times on each engine, KILLS sets another number, and WRITES how many
// are acknowledged between two of them at least.
func TestKillLosesNothing(t *testing.T) {
	kills, least, binary := number(t, "KILLS", 20), number(t, "WRITES", 1), buildServer(t)
	storetest.Engines(t, func(t *testing.T, database string) {
		k := newKilled(t, binary, database)
		for range kills {
			k.round(t, least)
		}
		k.start(t)
		k.audit(t)
		k.kill(t)
		t.Logf("%d kills, %d acknowledged writes, 0 lost", kills, len(k.acknowledged))
	})
}

// number reads a number from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// buildServer builds the program and returns where it is. RACE in the
// environment builds it with the race detector, as `make race-load` does.
func buildServer(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gatehouse")
	args := []string{"build", "-o", binary, "."}
	if os.Getenv("RACE") != "" {
		args = slices.Insert(args, 1, "-race")
	}
	if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
	return binary
}

// killed is a server that is killed, with a record of what it acknowledged.
type killed struct {
	binary, database, url, listen, token string
	env                                  []string
	process                              *exec.Cmd
	log                                  journal
	next                                 atomic.Int64

	mu           sync.Mutex
	acknowledged []string
}

func newKilled(t *testing.T, binary, database string) *killed {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &killed{binary: binary, database: database, listen: listener.Addr().String()}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	k.url = "http://" + k.listen
	t.Cleanup(func() {
		if k.log.has("DATA RACE") {
			t.Errorf("law: the race detector has nothing to report; it says\n%s", &k.log)
		}
	})
	k.env = append(os.Environ(), "GATEHOUSE_DATABASE="+database, "GATEHOUSE_MASTER_KEY="+secret.NewMasterText(),
		"GATEHOUSE_LISTEN="+k.listen, "GATEHOUSE_ADMIN_LISTEN=127.0.0.1:0", "GATEHOUSE_PUBLIC_URL="+k.url, "GATEHOUSE_LOG_LEVEL=warn",
		"GATEHOUSE_HASH_MEMORY=64", "GATEHOUSE_HASH_PASSES=1")
	create := exec.CommandContext(t.Context(), binary, "pool", "create", "demo", "--json")
	create.Env = k.env
	create.Stderr = &k.log
	out, err := create.Output()
	if err != nil {
		t.Fatalf("creating the pool: %v\n%s", err, &k.log)
	}
	var created struct {
		Token string `json:"service_token"`
	}
	if err := json.Unmarshal(out, &created); err != nil || created.Token == "" {
		t.Fatalf("creating the pool printed %s (%v)", out, err)
	}
	k.token = created.Token
	return k
}

// set changes settings of the pool.
func (k *killed) set(t *testing.T, values ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), k.binary, append([]string{"pool", "set", "demo"}, values...)...)
	cmd.Env = k.env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("setting %v: %v\n%s", values, err, out)
	}
}

func (k *killed) start(t *testing.T) {
	t.Helper()
	k.process = exec.CommandContext(context.Background(), k.binary, "serve")
	k.process.Env, k.process.Stderr = k.env, &k.log
	if err := k.process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.process.Process.Kill() }) // it is dead already unless the test failed
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := k.post("/v2/user/list", map[string]any{"size": 1}); err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server did not come back:\n%s", &k.log)
		}
	}
}

func (k *killed) kill(t *testing.T) {
	t.Helper()
	if err := k.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = k.process.Wait() // says that it was killed
}

// round starts the server, writes, and kills it in the midst of it, once so
// many writes were acknowledged.
func (k *killed) round(t *testing.T, least int) {
	t.Helper()
	k.start(t)
	k.mu.Lock()
	least += len(k.acknowledged)
	k.mu.Unlock()
	var running sync.WaitGroup
	var dead atomic.Bool
	for range 16 {
		running.Go(func() {
			for !dead.Load() {
				email := fmt.Sprintf("user%d@example.org", k.next.Add(1))
				if _, err := k.post("/v2/user/create", map[string]any{"email": email, "profile": map[string]string{"first_name": email, "last_name": "User"}}); err != nil {
					return // not acknowledged
				}
				k.mu.Lock()
				k.acknowledged = append(k.acknowledged, email)
				k.mu.Unlock()
			}
		})
	}
	time.Sleep(time.Duration(100+k.next.Load()%200) * time.Millisecond)
	for deadline := time.Now().Add(time.Minute); !k.wrote(least); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("a minute was too short for the writes:\n%s", &k.log)
			break
		}
	}
	k.kill(t)
	dead.Store(true)
	running.Wait()
}

// wrote reports whether so many writes were acknowledged so far.
func (k *killed) wrote(n int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.acknowledged) >= n
}

// audit looks for every acknowledged person, and for halves.
func (k *killed) audit(t *testing.T) {
	t.Helper()
	if len(k.acknowledged) == 0 {
		t.Fatal("nothing was written")
	}
	there := map[string]bool{}
	last, count := "", 0
	for {
		body := map[string]any{"size": 200, "filter": map[string]any{}}
		if last != "" {
			body["last"] = last
		}
		answer, err := k.post("/v2/user/list", body)
		if err != nil {
			t.Fatal(err)
		}
		var page struct {
			Users []struct {
				Email   string
				Profile map[string]string
			}
			Count int
			Last  string
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			t.Fatal(err)
		}
		for _, user := range page.Users {
			there[user.Email] = true
			if user.Profile["first_name"] != user.Email || user.Profile["last_name"] != "User" {
				t.Errorf("%s is there by half: %v", user.Email, user.Profile)
			}
		}
		if last, count = page.Last, page.Count; last == "" {
			break
		}
	}
	lost := 0
	for _, email := range k.acknowledged {
		if !there[email] {
			lost++
		}
	}
	if lost > 0 {
		t.Errorf("%d of %d acknowledged writes are lost", lost, len(k.acknowledged))
	}
	if count != len(there) {
		t.Errorf("the kept count is %d, and there are %d", count, len(there))
	}
	// The values to search by are written with the person.
	answer, err := k.post("/v2/user/list", map[string]any{"size": 1, "filter": map[string]any{"profile_last_name": "User"}})
	if err != nil || !bytes.Contains(answer, []byte(fmt.Sprintf(`"count":%d`, len(there)))) {
		t.Errorf("searching finds %s (%v), want %d", answer, err, len(there))
	}
}

// post returns the result of a call that was answered with success.
func (k *killed) post(path string, body any) (json.RawMessage, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, k.url+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+k.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	text, err = io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Status string
		Result json.RawMessage
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, err
	}
	if answer.Status != "Success" {
		return nil, fmt.Errorf("%d %s", response.StatusCode, text)
	}
	return answer.Result, nil
}
