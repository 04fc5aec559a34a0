package pangea_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
	"github.com/gatehouse-id/gatehouse/internal/web"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// server is the face on a loopback address, with two pools.
type server struct {
	*flowtest.House
	Face    *pangea.Face
	face    http.Handler
	url     string
	service string
	client  string
	other   string // a service token of another pool
	app     core.Caller
	log     *bytes.Buffer
}

// newServer starts the face over a store.
func newServer(t testing.TB, st *store.Store, values map[string]any) *server {
	t.Helper()
	s := &server{House: flowtest.NewSpelling(st, pangea.Claims), log: &bytes.Buffer{}}
	face := pangea.New(pangea.Deps{
		Store: st, Pools: s.Pools, Directory: s.Directory, Invitations: s.Invitations, Agreements: s.Agreements, Groups: s.Groups, Imports: s.Imports, Passwords: s.Passwords, Sessions: s.Sessions, Flows: s.Flows,
	})
	s.Face, s.face = face, face
	log := slog.New(slog.NewJSONHandler(&lockedWriter{w: s.log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	http := httptest.NewServer(web.NewServer(face, nil, log))
	t.Cleanup(http.Close)
	s.url = http.URL
	overrides := pangea.Preset()
	for key, value := range flowtest.Settings(t, values) {
		overrides[key] = value
	}
	overrides["redirects.allowed"] = json.RawMessage(`["https://someurl.com/callbacklink"]`)
	s.app = core.Caller{Pool: storetest.Pool(t, st, "demo", overrides), Actor: core.Actor{Kind: core.ActorService, ID: "key_test"}}
	stranger := core.Caller{Pool: storetest.Pool(t, st, "other", overrides), Actor: s.app.Actor}
	s.service, s.client = s.key(t, s.app, core.KeyService), s.key(t, s.app, core.KeyClient)
	s.other = s.key(t, stranger, core.KeyService)
	return s
}

func (s *server) key(t testing.TB, caller core.Caller, kind core.KeyKind) string {
	t.Helper()
	_, text, err := s.Pools.CreateKey(t.Context(), caller, pool.NewKey{Kind: kind, Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if kind == core.KeyService {
		return pangea.ServiceToken(text.Reveal())
	}
	return pangea.ClientToken(text.Reveal())
}

// answer is what came back, decoded.
type answer struct {
	status int
	header http.Header
	body   []byte
	Status string          `json:"status"`
	Result json.RawMessage `json:"result"`
	Sum    string          `json:"summary"`
}

// errors are the codes and sources of a validation error.
func (a answer) errors() string {
	var result struct {
		Errors []struct{ Code, Source string } `json:"errors"`
	}
	if err := json.Unmarshal(a.Result, &result); err != nil {
		return ""
	}
	var all []string
	for _, e := range result.Errors {
		all = append(all, e.Code+" "+e.Source)
	}
	return strings.Join(all, ", ")
}

// field digs a text out of the result.
func (a answer) field(t *testing.T, path ...string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal(a.Result, &value); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	for _, key := range path {
		switch inner := value.(type) {
		case map[string]any:
			value = inner[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(inner) {
				t.Fatalf("no %v in %s", path, a.body)
			}
			value = inner[i]
		default:
			t.Fatalf("no %v in %s", path, a.body)
		}
	}
	text, ok := value.(string)
	if !ok {
		t.Fatalf("no text %v in %s", path, a.body)
	}
	return text
}

// post calls with the service token.
func (s *server) post(t *testing.T, path, body string) answer {
	t.Helper()
	return s.call(t, http.MethodPost, path, s.service, "application/json", []byte(body))
}

func (s *server) call(t *testing.T, method, path, token, media string, body []byte) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return s.do(t, r)
}

func (s *server) do(t *testing.T, r *http.Request) answer {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	if a.body, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	if len(a.body) > 0 {
		if err := json.Unmarshal(a.body, &a); err != nil {
			t.Fatalf("%s %s answered %d and no JSON: %q", r.Method, r.URL.Path, a.status, a.body)
		}
	}
	return a
}

// signedIn is a person's tokens.
type signedIn struct{ user, refresh string }

func (s *server) signIn(t testing.TB, email string) signedIn {
	t.Helper()
	grant := s.SignIn(t, s.app, email, flowtest.Password)
	return signedIn{"ptu_" + grant.Access.Token, "ptr_" + grant.Refresh.Token}
}

// other is somebody's secret that was never given out.
func unknown(prefix string) string { return prefix + secret.Random() }
