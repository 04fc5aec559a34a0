package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// server is a Gatehouse process with the default cost of a hash.
type server struct {
	database, url, token string
	process              *exec.Cmd
	log                  locked
	race                 bool // built with the race detector, which takes memory of its own
	client               *http.Client
}

// locked is a log that is read while a process writes it.
type locked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements [io.Writer].
func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const (
	password = "a phrase for the soak 6"
	// people is how many sign in.
	people = 16
	// patience is how often somebody comes back who was told to.
	patience = 5
	// waitForServer is how long a server may take to start, or to end.
	waitForServer = time.Minute
)

func start(ctx context.Context, binary, database string) (*server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	listen := listener.Addr().String()
	if err := listener.Close(); err != nil {
		return nil, err
	}
	s := &server{database: database, url: "http://" + listen, client: &http.Client{
		Timeout: 10 * time.Second, Transport: &http.Transport{MaxIdleConns: 1000, MaxIdleConnsPerHost: 1000},
	}}
	env := append(os.Environ(), "GATEHOUSE_DATABASE="+database, "GATEHOUSE_MASTER_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"GATEHOUSE_LISTEN="+listen, "GATEHOUSE_ADMIN_LISTEN=127.0.0.1:0", "GATEHOUSE_PUBLIC_URL="+s.url, "GATEHOUSE_LOG_LEVEL=warn")
	for _, args := range [][]string{
		{"pool", "create", "soak", "--json"},
		{"pool", "set", "soak", "signup.verify_email=false", "budget.tries_per_minute=0", "budget.tries_per_hour=0", "budget.flows_per_minute=0"},
	} {
		cmd := exec.CommandContext(ctx, binary, args...)
		cmd.Env = env
		cmd.Stderr = &s.log
		out, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("%v: %w\n%s", args, err, s.log.String())
		}
		var created struct {
			Token string `json:"service_token"`
		}
		if args[1] == "create" {
			if err := json.Unmarshal(out, &created); err != nil {
				return nil, err
			}
			s.token = created.Token
		}
	}
	s.process = exec.CommandContext(ctx, binary, "serve")
	s.process.Env, s.process.Stderr = env, &s.log
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(waitForServer); ; time.Sleep(10 * time.Millisecond) {
		if _, err = s.call(ctx, "/v2/user/list", map[string]any{"size": 1}); err == nil {
			return s, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			_ = s.process.Process.Kill() // it is given up, for this reason:
			return nil, fmt.Errorf("the server did not start: %w\n%s", err, s.log.String())
		}
	}
}

// end asks the server to stop, and waits for it.
func (s *server) end() error {
	s.client.CloseIdleConnections()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	late := time.AfterFunc(waitForServer, func() { _ = s.process.Process.Kill() }) // Wait says so
	defer late.Stop()
	if err := s.process.Wait(); err != nil {
		return fmt.Errorf("a server that was told to stop ends well: %w\n%s", err, s.log.String())
	}
	return nil
}

// answer is what a server said.
type answer struct {
	status int
	after  string // Retry-After
	Status string
	Result json.RawMessage
}

func (s *server) ask(ctx context.Context, path string, body any) (answer, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return answer{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, bytes.NewReader(text))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+s.token)
	response, err := s.client.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	if text, err = io.ReadAll(response.Body); err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, after: response.Header.Get("Retry-After")}
	return a, json.Unmarshal(text, &a)
}

// call asks for something that must succeed.
func (s *server) call(ctx context.Context, path string, body any) (json.RawMessage, error) {
	a, err := s.ask(ctx, path, body)
	if err == nil && a.Status != "Success" {
		err = fmt.Errorf("%s answers %d %s", path, a.status, a.Status)
	}
	return a.Result, err
}

// begin begins a flow and returns its id.
func (s *server) begin(ctx context.Context, email, kind string) (string, error) {
	result, err := s.call(ctx, "/v2/flow/start", map[string]any{"email": email, "flow_types": []string{kind}})
	if err != nil {
		return "", err
	}
	var begun struct {
		ID string `json:"flow_id"`
	}
	return begun.ID, json.Unmarshal(result, &begun)
}

// prove answers a flow with the password.
func (s *server) prove(ctx context.Context, flow string) (answer, error) {
	return s.ask(ctx, "/v2/flow/update", map[string]any{"flow_id": flow, "choice": "password", "data": map[string]any{"password": password}})
}

// errBusy is who came back as often as is reasonable, and was refused each time.
var errBusy = errors.New("the server is busy")

// tokens are what a sign-in ends with.
type tokens struct {
	Refresh struct{ Token string } `json:"refresh_token"`
	Access  struct{ Token string } `json:"active_token"`
}

func (s *server) complete(ctx context.Context, flow string) (tokens, error) {
	result, err := s.call(ctx, "/v2/flow/complete", map[string]any{"flow_id": flow})
	if err != nil {
		return tokens{}, err
	}
	var t tokens
	return t, json.Unmarshal(result, &t)
}

// sign signs somebody up or in, from the beginning to the end. Who is told to
// come back later does so.
func (s *server) sign(ctx context.Context, email, kind string) (tokens, error) {
	flow, err := s.begin(ctx, email, kind)
	if err != nil {
		return tokens{}, err
	}
	a, err := s.prove(ctx, flow)
	for n := 0; n < patience && err == nil && a.after != ""; n++ {
		seconds, _ := strconv.Atoi(a.after) // what is no number waits for nothing
		time.Sleep(time.Duration(seconds) * time.Second)
		a, err = s.prove(ctx, flow)
	}
	if err != nil {
		return tokens{}, err
	}
	if a.after != "" {
		return tokens{}, errBusy
	}
	if a.Status != "Success" {
		return tokens{}, fmt.Errorf("the password is answered %d %s", a.status, a.Status)
	}
	return s.complete(ctx, flow)
}

func person(i int) string { return fmt.Sprintf("person%d@example.org", i%people) }

// populate signs everybody up, and returns a token of somebody's.
func (s *server) populate(ctx context.Context) (string, error) {
	for i := range people {
		if _, err := s.sign(ctx, person(i), "signup"); err != nil {
			return "", err
		}
	}
	t, err := s.sign(ctx, person(0), "signin")
	return t.Access.Token, err
}

// check asks whose token it is.
func (s *server) check(ctx context.Context, token string) error {
	_, err := s.call(ctx, "/v2/client/token/check", map[string]any{"token": token})
	return err
}

// use is what a process uses of the machine.
type use struct {
	resident       int64 // bytes
	files, threads int
}

// uses reads it from /proc (proc(5)).
func (s *server) uses() (use, error) {
	var u use
	folder := fmt.Sprintf("/proc/%d/", s.process.Process.Pid)
	text, err := os.ReadFile(folder + "status")
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		number, _, _ := strings.Cut(strings.TrimSpace(value), " ")
		switch name {
		case "VmRSS":
			if u.resident, err = strconv.ParseInt(number, 10, 64); err != nil {
				return u, err
			}
			u.resident <<= 10
		case "Threads":
			if u.threads, err = strconv.Atoi(number); err != nil {
				return u, err
			}
		}
	}
	files, err := os.ReadDir(folder + "fd")
	u.files = len(files)
	return u, err
}
