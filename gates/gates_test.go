package gates_test

import (
	"context"
	crand "crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/gates"
	"github.com/gatehouse-id/gatehouse/internal/app"
	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/web/authing"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

const (
	// people is how many there are of each class: each is asked about again
	// and again, and may be wrong a hundred times.
	people   = 100
	password = "a phrase for the gates 5"
	// Two thousand of each class, after as many as warm the server up.
	full, warm = 2000, 200
)

// gate is a request that must not tell its classes apart: neither by the answer
// nor by its time.
type gate struct {
	name    string
	classes []string
	workers int // how many ask at once
	// prepare does all that comes before, and returns the request to measure.
	prepare func(h *house, class, i int) *http.Request
}

func table() []gate {
	who := []string{"known", "unknown"}
	forms := func(query url.Values, fields url.Values) func(*house, int, int) *http.Request {
		return func(h *house, class, i int) *http.Request { return h.page(class, i, query, fields) }
	}
	wrong := func(choice, field, value string, more ...string) url.Values {
		v := url.Values{"choice": {choice}}
		if field != "" {
			v.Set(field, value)
		}
		for i := 0; i < len(more); i += 2 {
			v.Set(more[i], more[i+1])
		}
		return v
	}
	return []gate{
		{"hosted: who is it", who, 24, forms(url.Values{}, wrong("set_email", "email", "EMAIL"))},
		{"hosted: a wrong password", who, 5, forms(url.Values{"email": {"EMAIL"}}, wrong("password", "password", "wrong but long enough"))},
		{"hosted: a forgotten password", who, 24, forms(url.Values{"email": {"EMAIL"}}, wrong("reset_password", "", "", "action", "restart"))},
		{"hosted: sign-up", who, 24, forms(url.Values{"screen": {"signup"}}, wrong("set_email", "email", "EMAIL"))},
		{"concealed API: who is it", who, 24, func(h *house, class, i int) *http.Request {
			return h.api("/v2/flow/start", map[string]any{"email": address(class, i)})
		}},
		{"concealed API: a wrong password", who, 5, func(h *house, class, i int) *http.Request {
			return h.api("/v2/flow/update", map[string]any{"flow_id": h.flow(class, i), "choice": "password", "data": map[string]string{"password": "wrong but long enough"}})
		}},
		{"concealed API: a forgotten password", who, 24, func(h *house, class, i int) *http.Request {
			return h.api("/v2/flow/restart", map[string]any{"flow_id": h.flow(class, i), "choice": "reset_password", "data": map[string]string{}})
		}},
		{"encrypted passwords, concealed: a wrong one", who, 3, func(h *house, class, i int) *http.Request {
			return h.graphql(h.hidden, address(class, i), h.encrypt("wrong but long enough"))
		}},
		{"encrypted passwords: ciphertexts that are none", []string{"a wrong password", "bad padding", "not base64", "wrong length"}, 2, func(h *house, class, i int) *http.Request {
			return h.graphql(h.open, address(0, i), h.ciphertext(class))
		}},
	}
}

// TestGates measures every gate. The bounds are those of a reader who sees
// 2,000 answers of each class, one by one and in means of twenty.
func TestGates(t *testing.T) {
	if os.Getenv("GATES") == "" {
		t.Skip("GATES is not set: `make gates` measures these at the real cost of passwords, for a quarter of an hour")
	}
	n := full
	if text := os.Getenv("GATES_N"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	fmt.Println("| gate | class | median | rank (0.45 to 0.55) | rank of means of 20 (0.35 to 0.65) |")
	fmt.Println("|---|---|---|---|---|")
	for _, g := range table() {
		t.Run(g.name, func(t *testing.T) {
			h := newHouse(t)
			times, answers := h.measure(t, g, n)
			for class, name := range g.classes {
				if len(answers[class]) != 1 || !equal(answers[0], answers[class]) {
					t.Errorf("law: the answers are the same; %s gets\n%s\nand %s\n%s", g.classes[0], list(answers[0]), name, list(answers[class]))
				}
				one, means := gates.AUC(times[0], times[class]), gates.AUC(gates.Means(times[0], 20), gates.Means(times[class], 20))
				fmt.Printf("| %s | %s | %s | %.3f | %.3f |\n", g.name, name, median(times[class]).Round(10*time.Microsecond), one, means)
				if one < 0.45 || one > 0.55 {
					t.Errorf("law: the time tells nobody apart; %s against %s has the rank %.3f", name, g.classes[0], one)
				}
				if means < 0.35 || means > 0.65 {
					t.Errorf("law: the time of many tells nobody apart; %s against %s has the rank %.3f", name, g.classes[0], means)
				}
			}
		})
	}
}

// house is a server with a pool that conceals who is there, and one that does
// not.
type house struct {
	t            *testing.T
	url          string
	hidden, open core.ApplicationID
	client       string
	public       *rsa.PublicKey
	http         *http.Client
}

func newHouse(t *testing.T) *house {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	a, err := app.Open(t.Context(), config.Config{
		Database: "sqlite:" + filepath.Join(t.TempDir(), "gates.db"), MasterKey: secret.Text(secret.NewMasterText()), PublicURL: "http://localhost:8400", Migrate: true,
	}, app.Mode{Development: true}, log)
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); a.Run(ctx) }()
	handler, err := a.Handler(app.Mode{})
	must(t, err)
	server := httptest.NewServer(handler)
	t.Cleanup(func() {
		server.Close()
		stop()
		<-ended
		must(t, a.Store.Close())
	})
	h := &house{t: t, url: server.URL, http: &http.Client{
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	h.open, _, _ = h.pool(a, "open", false)
	h.hidden, h.client, h.public = h.pool(a, "hidden", true)
	return h
}

// pool makes a pool in which a person may be asked about without end, with
// everybody who is known.
func (h *house) pool(a *app.App, name string, conceal bool) (core.ApplicationID, string, *rsa.PublicKey) {
	h.t.Helper()
	overrides := core.Overrides{
		"accounts.conceal": json.RawMessage(strconv.FormatBool(conceal)), "signup.verify_email": json.RawMessage(`false`),
		"lockout.enabled": json.RawMessage(`false`), "link.resend_after": json.RawMessage(`"0s"`),
	}
	for _, line := range core.SettingsTable() {
		if strings.HasPrefix(line.Key, "budget.") {
			overrides[line.Key] = json.RawMessage(`0`)
		}
	}
	created, err := a.Pools.Create(h.t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorSystem}}, pool.NewPool{Name: name, Overrides: overrides})
	must(h.t, err)
	caller := core.Caller{Pool: created.Pool.ID, Actor: core.Actor{Kind: core.ActorSystem}}
	phc, err := a.Passwords.Hash(h.t.Context(), created.Pool.Settings, password, "/password")
	must(h.t, err)
	for i := range people {
		user, err := a.Directory.Create(h.t.Context(), caller, directory.NewUser{Email: address(0, i)})
		must(h.t, err)
		must(h.t, a.Store.As(caller).Update(h.t.Context(), func(tx *store.Tx) error {
			return tx.PutPassword(core.Authenticator{ID: core.NewAuthenticatorID(), User: user.ID, Secret: phc})
		}))
	}
	keys, err := a.Pools.PasswordKeys(h.t.Context(), caller)
	must(h.t, err)
	block, _ := pem.Decode([]byte(keys.Given().Public))
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	must(h.t, err)
	h.public = public.(*rsa.PublicKey)
	return created.Application.ID, pangea.ClientToken(created.ClientKey.Reveal()), h.public
}

// measure asks n times for each class, in turns, and returns how long each
// answer took and which answers there were.
func (h *house) measure(t *testing.T, g gate, n int) ([][]time.Duration, []map[string]int) {
	t.Helper()
	times, answers := make([][]time.Duration, len(g.classes)), make([]map[string]int, len(g.classes))
	for class := range g.classes {
		answers[class] = map[string]int{}
	}
	var mu sync.Mutex
	var next int
	var workers sync.WaitGroup
	for range g.workers {
		workers.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= n+warm || t.Failed() {
					return
				}
				for _, class := range rand.Perm(len(g.classes)) {
					took, answer := h.ask(g.prepare(h, class, i), address(class, i))
					mu.Lock()
					if i >= warm {
						times[class] = append(times[class], took)
						answers[class][answer]++
					}
					mu.Unlock()
				}
			}
		})
	}
	workers.Wait()
	return times, answers
}

// ask sends a request and returns how long it took, and the answer without what
// is random, about the clock, or the address itself.
func (h *house) ask(r *http.Request, email string) (time.Duration, string) {
	started := time.Now()
	res, err := h.http.Do(r)
	if err != nil {
		h.t.Error(err)
		return 0, ""
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	took := time.Since(started)
	if err != nil {
		h.t.Error(err)
	}
	text := fmt.Sprint(res.StatusCode, " ", res.Header.Get("Location"), " ", string(body))
	for _, spelling := range []string{email, url.QueryEscape(email), strings.ReplaceAll(email, "@", "&#64;")} {
		text = strings.ReplaceAll(text, spelling, "EMAIL")
	}
	for _, m := range []struct{ pattern, to string }{
		{`(flw|p[a-z]{2})_[a-z2-7]{32}`, "ID"}, {`"20\d\d-[0-9T:.-]+Z"`, "TIME"}, {`\d+ seconds?`, "SECONDS"},
	} {
		text = regexp.MustCompile(m.pattern).ReplaceAllString(text, m.to)
	}
	return took, text
}

// address is somebody's: class 0 are the known ones.
func address(class, i int) string {
	return fmt.Sprintf("%s%03d@example.org", []string{"known", "never", "never", "never"}[class], i%people)
}

// page begins a flow on the hosted pages and returns the form to send.
func (h *house) page(class, i int, query, fields url.Values) *http.Request {
	email := address(class, i)
	fill := func(v url.Values) url.Values {
		out := url.Values{}
		for name, list := range v {
			out.Set(name, strings.ReplaceAll(list[0], "EMAIL", email))
		}
		return out
	}
	req := h.request(http.MethodGet, "/p/hidden/authorize?"+fill(query).Encode(), "")
	res, err := h.http.Do(req)
	must(h.t, err)
	_, err = io.Copy(io.Discard, res.Body)
	must(h.t, err)
	must(h.t, res.Body.Close())
	if res.StatusCode != http.StatusSeeOther {
		h.t.Fatalf("a flow began with %d", res.StatusCode)
	}
	form := h.request(http.MethodPost, res.Header.Get("Location"), fill(fields).Encode())
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range res.Cookies() {
		form.AddCookie(c)
	}
	return form
}

func (h *house) request(method, path, body string) *http.Request {
	r, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	must(h.t, err)
	return r
}

func (h *house) api(path string, body any) *http.Request {
	text, err := json.Marshal(body)
	must(h.t, err)
	r := h.request(http.MethodPost, path, string(text))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+h.client)
	return r
}

// flow begins a flow over the API and returns its id.
func (h *house) flow(class, i int) string {
	res, err := h.http.Do(h.api("/v2/flow/start", map[string]any{"email": address(class, i)}))
	must(h.t, err)
	defer res.Body.Close()
	var answer struct {
		Result struct {
			ID string `json:"flow_id"`
		} `json:"result"`
	}
	must(h.t, json.NewDecoder(res.Body).Decode(&answer))
	return answer.Result.ID
}

func (h *house) graphql(application core.ApplicationID, email, ciphertext string) *http.Request {
	text, err := json.Marshal(map[string]any{
		"query":     `mutation loginByEmail($input: LoginByEmailInput!) { loginByEmail(input: $input) { id token } }`,
		"variables": map[string]any{"input": map[string]string{"email": email, "password": ciphertext}},
	})
	must(h.t, err)
	r := h.request(http.MethodPost, "/graphql/v2", string(text))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Authing-App-Id", authing.ApplicationID(application))
	return r
}

func (h *house) encrypt(password string) string {
	ciphertext, err := rsa.EncryptPKCS1v15(crand.Reader, h.public, []byte(password)) //nolint:staticcheck // SA1019: it is what the SDKs do
	must(h.t, err)
	return base64.StdEncoding.EncodeToString(ciphertext)
}

// ciphertext is one of each class.
func (h *house) ciphertext(class int) string {
	random := make([]byte, h.public.Size())
	_, err := crand.Read(random)
	must(h.t, err)
	random[0] = 0 // below the modulus
	switch class {
	case 0:
		return h.encrypt("wrong but long enough")
	case 1:
		return base64.StdEncoding.EncodeToString(random)
	case 2:
		return strings.Repeat("*", base64.StdEncoding.EncodedLen(len(random)))
	default:
		return base64.StdEncoding.EncodeToString(random[:100])
	}
}

func median(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	return slices.Sorted(slices.Values(times))[len(times)/2]
}

func equal(a, b map[string]int) bool {
	for answer := range a {
		if b[answer] == 0 {
			return false
		}
	}
	return len(a) == len(b)
}

func list(answers map[string]int) string {
	var b strings.Builder
	for answer, n := range answers {
		fmt.Fprintf(&b, "%d times: %.600s\n", n, answer)
	}
	return b.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
