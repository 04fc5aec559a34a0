package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// fleet is equal servers on one PostgreSQL database, behind a balancer. What is
// asked of it goes to the balancer.
type fleet struct {
	*killed
	nodes    []*server
	balancer *balancer
}

// newFleet starts n servers of a program.
func newFleet(t *testing.T, binary, database string, n int, settings ...string) *fleet {
	t.Helper()
	f := &fleet{killed: newKilled(t, binary, database), balancer: newBalancer(t)}
	f.url = f.balancer.url
	if len(settings) > 0 {
		f.set(t, settings...)
	}
	for range n {
		f.nodes = append(f.nodes, f.join(t, binary))
	}
	return f
}

// quick are the settings of a pool in which a test signs people in as it likes.
func quick(more ...string) []string {
	return append([]string{
		"signup.verify_email=false", "token.refresh_grace=0s", "budget.tries_per_minute=0", "budget.tries_per_hour=0", "budget.flows_per_minute=0", "budget.mails_per_hour=0",
	}, more...)
}

// join starts a server and puts it behind the balancer.
func (f *fleet) join(t *testing.T, binary string) *server {
	t.Helper()
	s := startServer(t, binary, append(f.env, "GATEHOUSE_LISTEN=127.0.0.1:0"))
	f.balancer.add(t, s)
	return s
}

// line runs the command line, and returns what it prints.
func (k *killed) line(t *testing.T, binary string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append(args, "--json")...)
	var complaint bytes.Buffer
	cmd.Env, cmd.Stderr = k.env, &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v: %v\n%s", args, err, &complaint)
	}
	return out
}

// command is line for what answers with one thing.
func (k *killed) command(t *testing.T, binary string, args ...string) map[string]any {
	t.Helper()
	var answer map[string]any
	if out := k.line(t, binary, args...); !t.Failed() {
		if err := json.Unmarshal(out, &answer); err != nil {
			t.Errorf("%v answers %s: %v", args, out, err)
		}
	}
	return answer
}

// server is a running server.
type server struct {
	public, admin string // URLs
	process       *exec.Cmd
	log           journal
	ended         chan struct{}
	exit          error // once it has ended
}

// startServer starts a server and waits until it answers.
func startServer(t *testing.T, binary string, env []string) *server {
	t.Helper()
	s := &server{process: exec.CommandContext(context.Background(), binary, "serve", "--json"), ended: make(chan struct{})}
	s.process.Env, s.process.Stderr = env, &s.log
	out, err := s.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	go func() {
		s.exit = s.process.Wait()
		close(s.ended)
	}()
	t.Cleanup(func() { s.kill(t) })
	var ready struct {
		Listen string
		Admin  string `json:"admin_url"`
	}
	if err != nil || json.Unmarshal(line, &ready) != nil {
		t.Fatalf("the server does not start (%v):\n%s", err, &s.log)
	}
	s.public, s.admin = "http://"+ready.Listen, ready.Admin
	return s
}

// kill ends the server by the signal that it cannot see coming.
func (s *server) kill(t *testing.T) {
	t.Helper()
	_ = s.process.Process.Kill() // it fails only for one that has ended
	<-s.ended
}

// stop asks the server to end, and waits until it has.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.ended:
	case <-time.After(time.Minute):
		t.Fatalf("law: a server that is told to stop stops:\n%s", &s.log)
	}
	if s.exit != nil {
		t.Errorf("law: a server that is told to stop ends well; it ended with %v:\n%s", s.exit, &s.log)
	}
}

// journal is a log that is written and read at once.
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

// has reports whether a text was written.
func (j *journal) has(text string) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return bytes.Contains(j.text.Bytes(), []byte(text))
}

// String is the last of what was written.
func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	text := j.text.String()
	return text[max(0, len(text)-4000):]
}

// reply is an answer of the API.
type reply struct {
	code   int
	retry  string // Retry-After
	status string
	result json.RawMessage
	text   string
}

// ask posts to a server, or to the balancer before them.
func ask(base, token, path string, body any) (reply, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return reply{}, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, bytes.NewReader(text))
	if err != nil {
		return reply{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	text, err = io.ReadAll(response.Body)
	if err != nil {
		return reply{}, err
	}
	r := reply{code: response.StatusCode, retry: response.Header.Get("Retry-After"), text: string(text)}
	var envelope struct {
		Status string
		Result json.RawMessage
	}
	if json.Unmarshal(text, &envelope) == nil {
		r.status, r.result = envelope.Status, envelope.Result
	}
	return r, nil
}

// balancer hands each request to the next server that is ready. One that
// cannot be connected to has not had the request: the next one gets it.
// Whatever else goes wrong is answered 502.
type balancer struct {
	url       string
	transport *http.Transport

	mu       sync.Mutex
	backends []*backend
	next     int
}

// backend is a server as its balancer sees it.
type backend struct {
	server *server
	url    *url.URL
	ready  bool
	aside  bool // taken out by hand
	busy   int
	had    int // requests
	failed int // of these, those that it did not answer
}

func newBalancer(t *testing.T) *balancer {
	t.Helper()
	b := &balancer{transport: &http.Transport{MaxIdleConnsPerHost: 100}}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); b.probe(ctx) }()
	front := httptest.NewServer(b)
	b.url = front.URL
	t.Cleanup(func() { stop(); <-done; front.Close(); b.transport.CloseIdleConnections() })
	return b
}

// add takes a server in, and waits until it gets requests.
func (b *balancer) add(t *testing.T, s *server) {
	t.Helper()
	u, err := url.Parse(s.public)
	if err != nil {
		t.Fatal(err)
	}
	own := &backend{server: s, url: u}
	b.mu.Lock()
	b.backends = append(b.backends, own)
	b.mu.Unlock()
	b.until(t, "a server that has started is ready", func() bool { return own.ready })
}

// take takes a server out, as somebody does before stopping it, and waits until
// it has nothing to do.
func (b *balancer) take(t *testing.T, s *server) {
	t.Helper()
	own := b.of(s)
	b.mu.Lock()
	own.aside = true
	b.mu.Unlock()
	b.until(t, "a server that gets no requests finishes those that it has", func() bool { return own.busy == 0 })
}

// drop forgets a server.
func (b *balancer) drop(s *server) {
	own := b.of(s)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends = slices.DeleteFunc(b.backends, func(other *backend) bool { return other == own })
}

func (b *balancer) of(s *server) *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.backends[slices.IndexFunc(b.backends, func(own *backend) bool { return own.server == s })]
}

// until waits for something to hold of the backends.
func (b *balancer) until(t *testing.T, law string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		b.mu.Lock()
		held := holds()
		b.mu.Unlock()
		if held {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("law: %s; after 30 seconds it still did not hold", law)
		}
	}
}

// probe asks every server whether it is ready, ten times a second.
func (b *balancer) probe(ctx context.Context) {
	client := &http.Client{Timeout: time.Second}
	for ctx.Err() == nil {
		b.mu.Lock()
		all := slices.Clone(b.backends)
		b.mu.Unlock()
		var asking sync.WaitGroup
		for _, own := range all {
			asking.Go(func() {
				ready := false
				if response, err := client.Get(own.server.admin + "/readyz"); err == nil {
					ready = response.StatusCode == http.StatusOK
					_ = response.Body.Close() // nothing more is wanted of it
				}
				b.mu.Lock()
				defer b.mu.Unlock()
				own.ready = ready
			})
		}
		asking.Wait()
		select {
		case <-ctx.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// pick is the next server that is ready and was not tried.
func (b *balancer) pick(tried []*backend) *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	for range b.backends {
		b.next++
		own := b.backends[b.next%len(b.backends)]
		if own.ready && !own.aside && !slices.Contains(tried, own) {
			own.busy++
			own.had++
			return own
		}
	}
	return nil
}

// ServeHTTP implements [http.Handler].
func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // whoever asked is gone
	}
	var tried []*backend
	for {
		own := b.pick(tried)
		if own == nil {
			http.Error(w, "no server is ready", http.StatusServiceUnavailable)
			return
		}
		tried = append(tried, own)
		if b.pass(w, r, own, body) {
			return
		}
	}
}

// pass hands a request to a server; false: it could not be connected to.
func (b *balancer) pass(w http.ResponseWriter, r *http.Request, own *backend, body []byte) bool {
	answered := false
	defer func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		own.busy--
		if !answered {
			own.failed++
		}
	}()
	// The body can be read once only, so that nothing is sent twice unasked.
	request, err := http.NewRequestWithContext(r.Context(), r.Method, own.url.String()+r.URL.RequestURI(), io.MultiReader(bytes.NewReader(body)))
	if err != nil {
		http.Error(w, "no such request", http.StatusBadRequest)
		return true
	}
	request.Header, request.ContentLength = r.Header.Clone(), int64(len(body))
	response, err := b.transport.RoundTrip(request)
	if err != nil {
		if strings.Contains(err.Error(), "connect: connection refused") {
			b.mu.Lock()
			own.ready = false
			b.mu.Unlock()
			answered = true // it was not asked
			return false
		}
		http.Error(w, "the server did not answer: "+err.Error(), http.StatusBadGateway)
		return true
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		http.Error(w, "the server broke off: "+err.Error(), http.StatusBadGateway)
		return true
	}
	answered = true
	for name, values := range response.Header {
		if name != "Connection" {
			w.Header()[name] = values
		}
	}
	w.WriteHeader(response.StatusCode)
	_, _ = w.Write(text) // whoever asked may be gone
	return true
}
