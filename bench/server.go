package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
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
	binary, database string
	url, token       string
	process          *exec.Cmd
	pids             []int         // of the server, and of its database if that is another process
	started          time.Duration // from its start until it was ready
}

// bench measures one server, on one database, from empty to full.
type bench struct {
	*server
	engine   string
	requests int
	imports  int // people to bring over
	floor    row // the bare handler
	hash     row // one password hash of the default cost
	rows     []row
}

// people is how many sign in at once, and pageOf how many a page lists.
const (
	people = 4
	pageOf = 100
)

func measureServer(ctx context.Context, binary, database string, n amounts, floor, hash row) ([]row, error) {
	s, err := startServer(ctx, binary, database, cheapHash())
	if err != nil {
		return nil, err
	}
	engine, _, _ := strings.Cut(database, ":")
	b := &bench{server: s, engine: engine, requests: n.requests, imports: n.imports, floor: floor, hash: hash}
	defer func() { stop(b.process) }()
	measures := []func(context.Context) error{
		b.idle, b.create, b.list, b.check, b.signIn, b.second, b.loaded, b.bringOver, b.million, b.restart, b.realSignIn,
	}
	if n.onlyImport {
		measures = []func(context.Context) error{b.bringOver}
	}
	for _, measure := range measures {
		if err := measure(ctx); err != nil {
			return nil, err
		}
	}
	return b.rows, nil
}

func (b *bench) add(r row, what, ratio, aim string) {
	r.what, r.engine, r.ratio, r.aim = what, b.engine, ratio, aim
	b.rows = append(b.rows, r)
}

func (b *bench) idle(context.Context) error {
	return b.memory("resident memory, idle", "40 MB")
}

func (b *bench) loaded(context.Context) error {
	return b.memory("resident memory, after the measures above", "120 MB")
}

func (b *bench) memory(what, aim string) error {
	used, err := resident(b.process.Process.Pid)
	b.rows = append(b.rows, row{what: what, engine: b.engine, instead: fmt.Sprintf("%d MB", used>>20), aim: aim})
	return err
}

func (b *bench) create(ctx context.Context) error {
	r, err := measure(ctx, b.pids, 64, b.requests/3, b.url, request{path: "/v2/user/create", token: b.token, body: func(i int) []byte {
		return fmt.Appendf(nil, `{"email":"user%d@example.org","profile":{"first_name":"Joe","last_name":"User"}}`, i)
	}})
	b.add(r, "create a user, durable, 64 writers", times(r.cpu, b.floor.cpu), "2,000/s, 0.4 ms")
	return err
}

func (b *bench) list(ctx context.Context) error { return b.page(ctx, b.requests/3) }

func (b *bench) page(ctx context.Context, users int) error {
	r, err := measure(ctx, b.pids, 8, b.requests/30, b.url, request{path: "/v2/user/list", token: b.token, body: always(fmt.Sprintf(`{"size":%d}`, pageOf))})
	b.add(r, fmt.Sprintf("a page of %d of %d users", pageOf, users), times(r.cpu, b.floor.cpu), "1.5 ms")
	return err
}

func (b *bench) check(ctx context.Context) error {
	token, err := b.signUp(ctx, "check@example.org")
	if err != nil {
		return err
	}
	r, err := measure(ctx, b.pids, 32, b.requests, b.url, request{path: "/v2/client/token/check", token: b.token, body: always(fmt.Sprintf(`{"token":%q}`, token))})
	b.add(r, "check a token", times(r.cpu, b.floor.cpu), "1.60x")
	return err
}

// signIn measures the three calls of a sign-in, by several people at once and
// by one after the other.
func (b *bench) signIn(ctx context.Context) error {
	for i := range people {
		if _, err := b.signUp(ctx, fmt.Sprintf("person%d@example.org", i)); err != nil {
			return err
		}
	}
	for _, c := range []struct {
		at   int
		what string
	}{{people, fmt.Sprintf("sign in with a password (three calls, cheap hash), %d at once", people)}, {1, "the same, one after the other"}} {
		r, err := b.signIns(ctx, c.at, b.requests/20)
		if err != nil {
			return err
		}
		b.add(r, c.what, times(r.cpu, b.floor.cpu), "1 ms")
	}
	return nil
}

// realSignIn measures the same on a server whose hashes cost what they cost by
// default. It is beside the cost of such a hash that a sign-in is judged.
func (b *bench) realSignIn(ctx context.Context) error {
	if err := b.again(ctx, nil); err != nil {
		return err
	}
	if _, err := b.signUp(ctx, "person0@really.example.org"); err != nil {
		return err
	}
	r, err := b.signInsOf(ctx, 1, 100, "person%d@really.example.org")
	b.add(r, "sign in with a password, hash of the default cost", times(r.cpu, b.hash.cpu)+" the hash", "1.1x the hash")
	return err
}

// second measures the other vendor's two ways to ask whose token it is.
func (b *bench) second(ctx context.Context) error {
	pool, err := b.createPool(ctx, "bench-authing", "authing")
	if err != nil {
		return err
	}
	header := map[string]string{"X-Authing-App-Id": pool.App, "X-Authing-Userpool-Id": pool.ID}
	sealed, err := pool.encrypt(password)
	if err != nil {
		return err
	}
	input := fmt.Sprintf(`{"email":"ana@example.org","password":%q,"generateToken":true}`, sealed)
	register := request{path: "/graphql/v2", header: header, body: always(`{"query":"mutation($i: RegisterByEmailInput!){registerByEmail(input:$i){token}}","variables":{"i":` + input + `}}`)}
	text, err := register.send(ctx, http.DefaultClient, b.url, 0)
	if err != nil {
		return err
	}
	var answer struct {
		Data struct {
			Registered struct {
				Token string `json:"token"`
			} `json:"registerByEmail"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Data.Registered.Token == "" {
		return fmt.Errorf("%w: %s", errors.Join(err, errRefused), text)
	}
	token := answer.Data.Registered.Token
	for _, c := range []struct {
		what string
		request
	}{
		{"Authing: users/me", request{method: http.MethodGet, path: "/api/v2/users/me", header: header, token: token}},
		{"Authing: checkLoginStatus", request{path: "/graphql/v2", header: header, body: always(`{"query":"query($t: String){checkLoginStatus(token:$t){code message status exp iat data{id userPoolId arn}}}","variables":{"t":"` + token + `"}}`)}},
	} {
		r, err := measure(ctx, b.pids, 32, b.requests/3, b.url, c.request)
		if err != nil {
			return err
		}
		b.add(r, c.what, times(r.cpu, b.floor.cpu), "2x")
	}
	return nil
}

// million fills the pool by SQL, as no API could, and lists a page again.
func (b *bench) million(ctx context.Context) error {
	if err := fill(ctx, b.database, million); err != nil {
		return fmt.Errorf("filling the database: %w", err)
	}
	return b.page(ctx, million)
}

const million = 1_000_000

// restart measures how long a server takes from its start until it is ready,
// on the database that is full now.
func (b *bench) restart(ctx context.Context) error {
	if err := b.again(ctx, cheapHash()); err != nil {
		return err
	}
	b.rows = append(b.rows, row{what: "start until ready, 1,000,000 users there", engine: b.engine, instead: b.started.Round(time.Millisecond).String(), aim: "300 ms"})
	return nil
}

// cheapHash makes passwords cost as little as can be: what is measured is the
// rest.
func cheapHash() []string { return []string{"GATEHOUSE_HASH_MEMORY=8", "GATEHOUSE_HASH_PASSES=1"} }

func startServer(ctx context.Context, binary, database string, hash []string) (*server, error) {
	s := &server{binary: binary, database: database}
	if !strings.HasPrefix(database, "sqlite:") {
		pid, err := strconv.Atoi(os.Getenv("TEST_POSTGRES_PID"))
		if err != nil {
			return nil, errors.New("TEST_POSTGRES_PID does not name the database's process: run `make bench`")
		}
		s.pids = []int{0, pid}
	} else {
		s.pids = []int{0}
	}
	pool, err := s.createPool(ctx, "bench", "pangea")
	if err != nil {
		return nil, err
	}
	s.token = pool.Token
	return s, s.start(ctx, hash)
}

// again ends the server and starts it anew.
func (s *server) again(ctx context.Context, hash []string) error {
	stop(s.process)
	return s.start(ctx, hash)
}

func (s *server) env(more ...string) []string {
	return append(append(os.Environ(), "GATEHOUSE_DATABASE="+s.database, "GATEHOUSE_MASTER_KEY=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		"GATEHOUSE_ADMIN_LISTEN=127.0.0.1:0", "GATEHOUSE_LOG_LEVEL=warn"), more...)
}

func (s *server) start(ctx context.Context, hash []string) error {
	listen, err := freeAddress()
	if err != nil {
		return err
	}
	s.url = "http://" + listen
	s.process = exec.CommandContext(ctx, s.binary, "serve")
	s.process.Env, s.process.Stderr = s.env(append(hash, "GATEHOUSE_LISTEN="+listen, "GATEHOUSE_PUBLIC_URL="+s.url)...), os.Stderr
	began := time.Now()
	if err := s.process.Start(); err != nil {
		return err
	}
	s.pids[0] = s.process.Process.Pid
	err = ready(ctx, s.url, request{path: "/v2/user/list", token: s.token, body: always(`{"size":1}`)})
	s.started = time.Since(began)
	return err
}

// benchPool is a pool with what programs know it by.
type benchPool struct {
	ID        string `json:"pool_id"`
	App       string `json:"app_id"`
	Token     string `json:"service_token"`
	PublicKey string `json:"public_key"`
}

func (s *server) createPool(ctx context.Context, name, preset string) (benchPool, error) {
	create := exec.CommandContext(ctx, s.binary, "pool", "create", name, "--preset", preset, "--json")
	create.Env = s.env()
	var complaint bytes.Buffer
	create.Stderr = &complaint
	out, err := create.Output()
	if err != nil {
		return benchPool{}, fmt.Errorf("creating the pool: %w\n%s", err, &complaint)
	}
	var pool benchPool
	return pool, json.Unmarshal(out, &pool)
}

// encrypt encrypts a password as the vendor's programs do: RSA with PKCS#1
// v1.5 under the pool's key, in base64.
func (p benchPool) encrypt(text string) (string, error) {
	block, _ := pem.Decode([]byte(p.PublicKey))
	if block == nil {
		return "", errors.New("the pool's public key is not PEM")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return "", err
	}
	public, ok := key.(*rsa.PublicKey)
	if !ok {
		return "", errors.New("the pool's public key is not RSA")
	}
	sealed, err := rsa.EncryptPKCS1v15(rand.Reader, public, []byte(text)) //nolint:staticcheck // SA1019: it is what those programs send
	return base64.StdEncoding.EncodeToString(sealed), err
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

// signIns signs the people in, n times in all and so many at once.
func (s *server) signIns(ctx context.Context, at, n int) (row, error) {
	return s.signInsOf(ctx, at, n, "person%d@example.org")
}

func (s *server) signInsOf(ctx context.Context, at, n int, email string) (row, error) {
	free := make(chan int, at)
	for i := range at {
		free <- i
	}
	before, err := used(s.pids)
	if err != nil {
		return row{}, err
	}
	took, err := together(at, n, func(int) error {
		person := <-free
		defer func() { free <- person }()
		id, err := s.text(ctx, "/v2/flow/start", map[string]any{"email": fmt.Sprintf(email, person)}, "flow_id")
		if err != nil {
			return err
		}
		if _, err := s.call(ctx, "/v2/flow/update", map[string]any{"flow_id": id, "choice": "password", "data": map[string]any{"password": password}}); err != nil {
			return err
		}
		_, err = s.call(ctx, "/v2/flow/complete", map[string]any{"flow_id": id})
		return err
	})
	if err != nil {
		return row{}, err
	}
	after, err := used(s.pids)
	return row{perSecond: float64(n) / took.Seconds(), cpu: (after - before) / time.Duration(n)}, err
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
	if text, err = (request{path: path, token: s.token, body: always(string(text))}).send(ctx, http.DefaultClient, s.url, 0); err != nil {
		return nil, err
	}
	var answer struct {
		Result map[string]any `json:"result"`
	}
	err = json.Unmarshal(text, &answer)
	return answer.Result, err
}

// measure loads a server, after a tenth as much to warm up, and returns what
// one request cost.
func measure(ctx context.Context, pids []int, connections, n int, base string, r request) (row, error) {
	warm := n / 10
	if _, err := load(ctx, connections, warm, base, r); err != nil {
		return row{}, err
	}
	before, err := used(pids)
	if err != nil {
		return row{}, err
	}
	shifted := r
	if r.body != nil {
		shifted.body = func(i int) []byte { return r.body(warm + i) }
	}
	took, err := load(ctx, connections, n, base, shifted)
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

// ready waits until a server answers a request.
func ready(ctx context.Context, base string, r request) error {
	var err error
	for range 5000 {
		if _, err = r.send(ctx, http.DefaultClient, base, 0); err == nil {
			return nil
		}
		time.Sleep(2 * time.Millisecond)
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
