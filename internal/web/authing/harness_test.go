package authing_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
	"github.com/gatehouse-id/gatehouse/internal/web"
	"github.com/gatehouse-id/gatehouse/internal/web/authing"
)

// keyPair is the password key of every pool of these tests: making one takes
// long, and which one it is does not matter.
var keyPair = sync.OnceValues(secret.NewPasswordKey)

// server is the face on a loopback address, with two pools.
type server struct {
	*flowtest.House
	face   *authing.Face
	url    string
	pool   core.Caller
	app    string // the id of the pool's application
	other  string // that of another pool
	key    *secret.PasswordKey
	public *rsa.PublicKey
}

func newServer(t testing.TB, st *store.Store, values map[string]any) *server {
	t.Helper()
	key, err := keyPair()
	must(t, err)
	block, _ := pem.Decode([]byte(key.Public()))
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	must(t, err)
	s := &server{House: flowtest.New(st), key: key, public: public.(*rsa.PublicKey)}
	s.face = authing.New(authing.Deps{
		Pools: s.Pools, Directory: s.Directory, Sessions: s.Sessions, Flows: s.Flows, ReadToken: func(text string) string { return text },
	})
	http := httptest.NewServer(web.NewServer(s.face, nil, slog.New(slog.DiscardHandler)))
	t.Cleanup(http.Close)
	s.url = http.URL
	s.pool, s.app = s.newPool(t, "demo", values)
	_, s.other = s.newPool(t, "other", nil)
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (s *server) newPool(t testing.TB, name string, values map[string]any) (core.Caller, string) {
	t.Helper()
	overrides := authing.Preset()
	for key, value := range values {
		raw, err := json.Marshal(value)
		must(t, err)
		overrides[key] = raw
	}
	created, err := s.Pools.Create(t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorOperator}}, pool.NewPool{Name: name, Overrides: overrides})
	must(t, err)
	caller := core.Caller{Pool: created.Pool.ID, Actor: core.Actor{Kind: core.ActorService, ID: "key_test"}}
	must(t, s.Store.As(caller).Update(t.Context(), func(tx *store.Tx) error {
		return tx.PutPoolSecret(store.PoolSecret{Name: "password_key", Plain: s.key.Private(), Public: s.key.Public()})
	}))
	return caller, authing.ApplicationID(created.Application.ID)
}

// each runs a test of the face on both engines.
func each(t *testing.T, values map[string]any, test func(t *testing.T, s *server)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, st *store.Store) { test(t, newServer(t, st, values)) })
}

// encrypt does with a password what the SDKs do.
func (s *server) encrypt(t testing.TB, password string) string {
	t.Helper()
	ciphertext, err := rsa.EncryptPKCS1v15(rand.Reader, s.public, []byte(password)) //nolint:staticcheck // SA1019: it is what the SDKs do
	must(t, err)
	return base64.StdEncoding.EncodeToString(ciphertext)
}

// refusal is an error as the vendor spells it.
type refusal struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte

	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
	Errors  []struct {
		Message   refusal          `json:"message"`
		Locations []map[string]int `json:"locations"`
		Path      []string         `json:"path"`
	} `json:"errors"`
}

// code is the number of the first error of a GraphQL answer, or 200.
func (a answer) code() int {
	if len(a.Errors) == 0 {
		return 200
	}
	return a.Errors[0].Message.Code
}

// at digs a value out of the data.
func (a answer) at(t testing.TB, path ...string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal(a.Data, &value); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	for _, key := range path {
		object, ok := value.(map[string]any)
		if !ok {
			t.Fatalf("no %v in %s", path, a.body)
		}
		value = object[key]
	}
	return value
}

// ask is a request to the face; what is empty is not sent.
type ask struct {
	method, path, app, pool, token, language, media, origin string
	body                                                    []byte
}

func (s *server) do(t testing.TB, q ask) answer {
	t.Helper()
	if q.method == "" {
		q.method = http.MethodGet
	}
	r, err := http.NewRequestWithContext(t.Context(), q.method, s.url+q.path, bytes.NewReader(q.body))
	must(t, err)
	for name, value := range map[string]string{
		"X-Authing-App-Id": q.app, "X-Authing-Userpool-Id": q.pool, "X-Authing-Lang": q.language, "Content-Type": q.media, "Origin": q.origin,
	} {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	if q.token != "" {
		r.Header.Set("Authorization", "Bearer "+q.token)
	}
	response, err := http.DefaultClient.Do(r)
	must(t, err)
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	a.body, err = io.ReadAll(response.Body)
	must(t, err)
	if err := json.Unmarshal(a.body, &a); err != nil && len(a.body) > 0 {
		t.Fatalf("%s %s answered %d and no JSON: %q", q.method, q.path, a.status, a.body)
	}
	return a
}

// query runs an operation for the application, in English.
func (s *server) query(t testing.TB, token, query string, variables map[string]any) answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	must(t, err)
	return s.do(t, ask{method: http.MethodPost, path: "/graphql/v2", app: s.app, token: token, language: "en-US", media: "application/json", body: body})
}

// get asks a REST path for the application, in English.
func (s *server) get(t testing.TB, token, path string) answer {
	t.Helper()
	return s.do(t, ask{path: path, app: s.app, token: token, language: "en-US"})
}

const (
	registering = `mutation registerByEmail($input: RegisterByEmailInput!) { registerByEmail(input: $input) { id arn email emailVerified username token nickname company loginsCount newlyCreated customData { key value dataType label } } }`
	logging     = `mutation loginByEmail($input: LoginByEmailInput!) { loginByEmail(input: $input) { id email token tokenExpiredAt loginsCount newlyCreated nickname customData { key value dataType label } } }`
	checking    = `query checkLoginStatus($token: String) { checkLoginStatus(token: $token) { code message status exp iat data { id userPoolId arn } } }`
)

// input is the variables of a sign-up or sign-in, with more.
func (s *server) input(t testing.TB, email, password string, more map[string]any) map[string]any {
	t.Helper()
	in := map[string]any{"email": email, "password": s.encrypt(t, password)}
	for key, value := range more {
		in[key] = value
	}
	return map[string]any{"input": in}
}

func (s *server) register(t testing.TB, email, password string, more map[string]any) answer {
	t.Helper()
	return s.query(t, "", registering, s.input(t, email, password, more))
}

func (s *server) login(t testing.TB, email, password string, more map[string]any) answer {
	t.Helper()
	return s.query(t, "", logging, s.input(t, email, password, more))
}

// token signs somebody up and in.
func (s *server) token(t testing.TB, email string) string {
	t.Helper()
	a := s.register(t, email, flowtest.Password, map[string]any{"forceLogin": true})
	token, ok := a.at(t, "registerByEmail", "token").(string)
	if !ok || token == "" {
		t.Fatalf("no token in %s", a.body)
	}
	return token
}

func newUser(email string) directory.NewUser {
	return directory.NewUser{Email: email, Profile: core.Profile{}}
}

func change(t testing.TB, s *server, id core.UserID, disabled *bool) {
	t.Helper()
	_, err := s.Directory.Change(t.Context(), s.pool, core.UserRef{ID: id}, directory.UserChange{Disabled: disabled})
	must(t, err)
}

func compact(t testing.TB, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	must(t, err)
	return string(raw)
}
