package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// server is a Gatehouse process under measure.
type server struct {
	url, token string
	process    *exec.Cmd
	pids       []int
}

func measureServer(ctx context.Context, binary, database string, requests int, floor row) ([]row, error) {
	s, err := startServer(ctx, binary, database)
	if err != nil {
		return nil, err
	}
	defer stop(s.process)
	engine, _, _ := strings.Cut(database, ":")
	idle, err := resident(s.process.Process.Pid)
	if err != nil {
		return nil, err
	}

	create, err := measure(ctx, s.pids, 64, requests/3, s.url+"/v2/user/create", s.token, func(i int) []byte {
		return fmt.Appendf(nil, `{"email":"user%d@example.org","profile":{"first_name":"Joe","last_name":"User"}}`, i)
	})
	if err != nil {
		return nil, err
	}
	create.what, create.ratio, create.aim = "create a user, durable, 64 writers", times(create.cpu, floor.cpu), "2,000/s, 0.4 ms"

	list, err := measure(ctx, s.pids, 8, requests/30, s.url+"/v2/user/list", s.token, func(int) []byte { return []byte(`{"size":100}`) })
	if err != nil {
		return nil, err
	}
	list.what, list.ratio, list.aim = fmt.Sprintf("a page of 100 of %d users", requests/3), times(list.cpu, floor.cpu), "1.5 ms"

	token, err := s.signUp(ctx, "check@example.org")
	if err != nil {
		return nil, err
	}
	body := fmt.Appendf(nil, `{"token":%q}`, token)
	check, err := measure(ctx, s.pids, 32, requests, s.url+"/v2/client/token/check", s.token, func(int) []byte { return body })
	if err != nil {
		return nil, err
	}
	check.what, check.ratio, check.aim = "check a token", times(check.cpu, floor.cpu), "1.60x"

	signIn, err := s.measureSignIn(ctx, requests/30)
	if err != nil {
		return nil, err
	}
	signIn.ratio = times(signIn.cpu, floor.cpu)

	loaded, err := resident(s.process.Process.Pid)
	if err != nil {
		return nil, err
	}
	rows := []row{check, signIn, create, list}
	for i := range rows {
		rows[i].engine = engine
	}
	fmt.Fprintf(os.Stderr, "%s: resident %d MB idle, %d MB after load\n", engine, idle>>20, loaded>>20)
	return rows, nil
}

func startServer(ctx context.Context, binary, database string) (*server, error) {
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &server{url: "http://" + listen}
	// Passwords are hashed as cheaply as can be: what is measured is the rest.
	env := append(os.Environ(), "GATEHOUSE_DATABASE="+database, "GATEHOUSE_MASTER_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "GATEHOUSE_LISTEN="+listen,
		"GATEHOUSE_ADMIN_LISTEN=127.0.0.1:0", "GATEHOUSE_PUBLIC_URL="+s.url, "GATEHOUSE_LOG_LEVEL=warn", "GATEHOUSE_HASH_MEMORY=8", "GATEHOUSE_HASH_PASSES=1")
	create := exec.CommandContext(ctx, binary, "pool", "create", "bench", "--preset", "pangea", "--json")
	create.Env = env
	var complaint bytes.Buffer
	create.Stderr = &complaint
	out, err := create.Output()
	if err != nil {
		return nil, fmt.Errorf("creating the pool: %w\n%s", err, &complaint)
	}
	var pool struct {
		Token string `json:"service_token"`
	}
	if err := json.Unmarshal(out, &pool); err != nil {
		return nil, err
	}
	s.token = pool.Token
	s.process = exec.CommandContext(ctx, binary, "serve")
	s.process.Env, s.process.Stderr = env, os.Stderr
	if err := s.process.Start(); err != nil {
		return nil, err
	}
	s.pids = []int{s.process.Process.Pid}
	if !strings.HasPrefix(database, "sqlite:") {
		pid, err := strconv.Atoi(os.Getenv("TEST_POSTGRES_PID"))
		if err != nil {
			return nil, errors.New("TEST_POSTGRES_PID does not name the database's process: run `make bench`")
		}
		s.pids = append(s.pids, pid)
	}
	return s, ready(ctx, s.url+"/v2/user/list", s.token, []byte(`{"size":1}`))
}

// signUp makes somebody and returns a token of theirs.
func (s *server) signUp(ctx context.Context, email string) (string, error) {
	id, err := s.text(ctx, "/v2/flow/start", map[string]any{"email": email}, "flow_id")
	if err != nil {
		return "", err
	}
	for choice, data := range map[string]any{"password": map[string]any{"password": password}} {
		if _, err := s.call(ctx, "/v2/flow/update", map[string]any{"flow_id": id, "choice": choice, "data": data}); err != nil {
			return "", err
		}
	}
	profile := map[string]any{"profile": map[string]string{"first_name": "Joe", "last_name": "User"}}
	if _, err := s.call(ctx, "/v2/flow/update", map[string]any{"flow_id": id, "choice": "profile", "data": profile}); err != nil {
		return "", err
	}
	result, err := s.call(ctx, "/v2/flow/complete", map[string]any{"flow_id": id})
	if err != nil {
		return "", err
	}
	active, ok := result["active_token"].(map[string]any)
	if !ok {
		return "", errRefused
	}
	return active["token"].(string), nil
}

const password = "a phrase for the bench 4"

// measureSignIn signs somebody in n times, with the three calls that it takes.
func (s *server) measureSignIn(ctx context.Context, n int) (row, error) {
	before, err := used(s.pids)
	if err != nil {
		return row{}, err
	}
	started := time.Now()
	for range n {
		id, err := s.text(ctx, "/v2/flow/start", map[string]any{"email": "check@example.org"}, "flow_id")
		if err != nil {
			return row{}, err
		}
		if _, err := s.call(ctx, "/v2/flow/update", map[string]any{"flow_id": id, "choice": "password", "data": map[string]any{"password": password}}); err != nil {
			return row{}, err
		}
		if _, err := s.call(ctx, "/v2/flow/complete", map[string]any{"flow_id": id}); err != nil {
			return row{}, err
		}
	}
	took := time.Since(started)
	after, err := used(s.pids)
	return row{what: "sign in with a password (three calls, cheap hash)", perSecond: float64(n) / took.Seconds(), cpu: (after - before) / time.Duration(n), aim: "1 ms"}, err
}

func (s *server) text(ctx context.Context, path string, body any, key string) (string, error) {
	result, err := s.call(ctx, path, body)
	if err != nil {
		return "", err
	}
	text, ok := result[key].(string)
	if !ok {
		return "", errRefused
	}
	return text, nil
}

func (s *server) call(ctx context.Context, path string, body any) (map[string]any, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if text, err = post(ctx, http.DefaultClient, s.url+path, s.token, text); err != nil {
		return nil, err
	}
	var answer struct {
		Result map[string]any `json:"result"`
	}
	err = json.Unmarshal(text, &answer)
	return answer.Result, err
}

// measure loads a URL, after a tenth as much to warm up, and returns what one
// request cost.
func measure(ctx context.Context, pids []int, connections, n int, url, token string, body func(i int) []byte) (row, error) {
	warm := n / 10
	if _, err := load(ctx, connections, warm, url, token, body); err != nil {
		return row{}, err
	}
	before, err := used(pids)
	if err != nil {
		return row{}, err
	}
	took, err := load(ctx, connections, n, url, token, func(i int) []byte { return body(warm + i) })
	if err != nil {
		return row{}, err
	}
	after, err := used(pids)
	return row{perSecond: float64(n) / took.Seconds(), cpu: (after - before) / time.Duration(n)}, err
}

func used(pids []int) (time.Duration, error) {
	var total time.Duration
	for _, pid := range pids {
		t, err := cpu(pid)
		if err != nil {
			return 0, err
		}
		total += t
	}
	return total, nil
}

// ready waits until a server answers.
func ready(ctx context.Context, url, token string, body []byte) error {
	var err error
	for range 500 {
		if _, err = post(ctx, http.DefaultClient, url, token, body); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return err
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// stop ends a process that was started here.
func stop(process *exec.Cmd) {
	if err := process.Process.Kill(); err == nil {
		_ = process.Wait() // says that it was killed
	}
}
