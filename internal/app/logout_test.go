package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// relying is an application with a server of its own, which is told of logouts.
type relying struct {
	door
	name   string // of the pool
	app    core.Application
	server *httptest.Server

	mu    sync.Mutex
	calls []string // the logout tokens
}

const relyingRedirect = "https://app.example.org/"

func newRelying(t *testing.T, here *node, name, format string) *relying {
	t.Helper()
	r := &relying{door: newDoor(t, here, name, format), name: name}
	r.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.calls = append(r.calls, q.PostFormValue("logout_token"))
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(r.server.Close)
	var err error
	r.app, err = here.app.Pools.AddApplication(t.Context(), r.caller, core.Application{Name: "Shop", Client: core.Client{
		Grants: []core.GrantKind{core.GrantCode, core.GrantRefresh}, Auth: core.ClientAuthNone, Redirects: []string{relyingRedirect}, Scopes: []string{"openid"}, DefaultScopes: []string{"openid"},
		BackchannelLogout: r.server.URL + "/out",
	}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// told is what the application was told so far.
func (r *relying) told() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.calls)
}

// call sends a form to an endpoint of the pool.
func (r *relying) call(method, path string, form url.Values) *httptest.ResponseRecorder {
	target, body := "/p/"+r.name+path, strings.NewReader(form.Encode())
	if method == http.MethodGet {
		target, body = target+"?"+form.Encode(), strings.NewReader("")
	}
	q := httptest.NewRequest(method, target, body)
	if method == http.MethodPost {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	w := httptest.NewRecorder()
	r.here.handler.ServeHTTP(w, q)
	return w
}

// stay is somebody's session with the application, beside two of their own.
type stay struct {
	*bearer
	at   *relying
	code string
	given
	sub, sid any // as the ID token has them
}

// given is what the application was given.
type given struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
}

// enter signs somebody in to the application.
func (r *relying) enter(t *testing.T, email string) *stay {
	t.Helper()
	s := &stay{bearer: r.signIn(t, email, ""), at: r, code: secret.Random()}
	user := core.UserID("usr_" + strings.TrimPrefix(s.bearer.user, "pui_"))
	p, err := r.here.app.Pools.Get(t.Context(), r.caller.Pool)
	if err == nil {
		err = r.here.app.Store.As(r.caller).Update(t.Context(), func(tx *store.Tx) error {
			u, err := tx.User(user)
			if err != nil {
				return err
			}
			a := core.Authorization{Application: r.app.ID, Redirect: relyingRedirect, Scopes: []string{"openid"}, Challenge: matrixChallenge}
			return r.here.app.Sessions.PutAuthorization(tx, s.code, core.NewFlowID(), u, a, relyingRedirect, p.Settings)
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	w := s.exchange()
	if err := json.Unmarshal(w.Body.Bytes(), &s.given); err != nil || s.given.ID == "" || s.given.Refresh == "" {
		t.Fatalf("the application was given %d %s (%v)", w.Code, w.Body, err)
	}
	claims := r.verify(t, s.given.ID, "JWT")
	s.sub, s.sid = claims["sub"], claims["sid"]
	return s
}

// exchange brings the code to the token endpoint.
func (s *stay) exchange() *httptest.ResponseRecorder {
	return s.at.call(http.MethodPost, oauthWords().Paths.Token, url.Values{
		"grant_type": {"authorization_code"}, "client_id": {pangea.ClientID(s.at.app.ID)}, "code": {pangea.LoginCode(s.code)}, "redirect_uri": {relyingRedirect}, "code_verifier": {matrixVerifier},
	})
}

// refresh brings the refresh token.
func (s *stay) refresh() *httptest.ResponseRecorder {
	return s.at.call(http.MethodPost, oauthWords().Paths.Token, url.Values{"grant_type": {"refresh_token"}, "client_id": {pangea.ClientID(s.at.app.ID)}, "refresh_token": {s.given.Refresh}})
}

// verify reads a token as a library does: by the keys that the pool publishes.
func (r *relying) verify(t *testing.T, token, kind string) map[string]any {
	t.Helper()
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(r.call(http.MethodGet, oauthWords().Paths.Keys, nil).Body.Bytes(), &keys); err != nil {
		t.Fatal(err)
	}
	read, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatalf("it is no token: %v", err)
	}
	if typ := read.Headers[0].ExtraHeaders[jose.HeaderType]; typ != kind {
		t.Errorf("law: a token says what it is; this one is %v, not %s", typ, kind)
	}
	var claims map[string]any
	if err := read.Claims(keys, &claims); err != nil {
		t.Fatalf("law: a token is verified by the published keys; got %v", err)
	}
	return claims
}

// TestO19ToldOfALogout is abuse case O19 where an application keeps a session of
// its own: it is told once of each end of what it was given, whoever ended it
// and however, by one of two servers, in a token that it can verify.
func TestO19ToldOfALogout(t *testing.T) {
	face := func(path, body string) func(t *testing.T, s *stay) {
		return func(t *testing.T, s *stay) { post(path, body)(t, s.bearer) }
	}
	answered := func(t *testing.T, want int, w *httptest.ResponseRecorder) {
		t.Helper()
		if w.Code != want {
			t.Errorf("answered %d %s", w.Code, w.Body)
		}
	}
	ways := map[string]func(t *testing.T, s *stay){
		"the session invalidated by an administrator": func(t *testing.T, s *stay) {
			post("/v2/session/invalidate", fmt.Sprintf(`{"session_id":"pmt_%v"}`, s.sid))(t, s.bearer)
		},
		"all sessions ended by an administrator": face("/v2/session/logout", `{"user_id":"$user"}`),
		"another session ends it": func(t *testing.T, s *stay) {
			post("/v2/client/session/invalidate", fmt.Sprintf(`{"token":"$other","session_id":"pmt_%v"}`, s.sid))(t, s.bearer)
		},
		"the password changed": face("/v2/client/password/change", `{"token":"$other","old_password":"`+flowtest.Password+`","new_password":"another horse 8 staple"}`),
		"the password expired": face("/v2/user/password/expire", `{"id":"$user"}`),
		"the person disabled":  face("/v2/user/update", `{"id":"$user","disabled":true}`),
		"the person deleted":   face("/v2/user/delete", `{"id":"$user"}`),
		"the application's own logout": func(t *testing.T, s *stay) {
			answered(t, http.StatusOK, s.at.call(http.MethodGet, oauthWords().Paths.Logout, url.Values{"id_token_hint": {s.given.ID}}))
		},
		"a token revoked": func(t *testing.T, s *stay) {
			answered(t, http.StatusOK, s.at.call(http.MethodPost, oauthWords().Paths.Revoke, url.Values{"client_id": {pangea.ClientID(s.at.app.ID)}, "token": {s.given.Access}}))
		},
		"the code used again": func(t *testing.T, s *stay) { answered(t, http.StatusBadRequest, s.exchange()) },
		"the refresh token used again": func(t *testing.T, s *stay) {
			answered(t, http.StatusOK, s.refresh())
			answered(t, http.StatusBadRequest, s.refresh())
		},
	}
	storetest.Engines(t, func(t *testing.T, database string) {
		master := secret.NewMasterText()
		here, there := newNode(t, database, master, "127.0.0.1"), newNode(t, database, master, "127.0.0.1")
		for _, format := range []string{core.TokenOpaque, core.TokenSigned} {
			r := newRelying(t, here, "shop-"+format, format)
			issuer := here.app.PageURL(core.Pool{Name: r.name})
			stays := make(map[any]*stay)
			names := make(map[any]string)
			for i, name := range slices.Sorted(maps.Keys(ways)) {
				s := r.enter(t, fmt.Sprintf("ana%d@example.org", i))
				stays[s.sid], names[s.sid] = s, name
			}
			quiet := r.enter(t, "bea@example.org") // whose own logout is none of the application's business
			post("/v2/client/session/logout", `{"token":"$token"}`)(t, quiet.bearer)
			for sid, s := range stays {
				ways[names[sid]](t, s)
			}
			err := eventually("all that is in line for the application leaves", func() (left bool, err error) {
				err = there.app.Store.As(r.caller).View(t.Context(), func(tx *store.Tx) error {
					events, err := tx.Events(10_000)
					queued, sent := 0, 0
					for _, e := range events {
						switch e.Name {
						case core.EventLogoutQueued:
							queued++
						case core.EventLogoutSent, core.EventLogoutDropped:
							sent++
						}
					}
					left = queued == sent
					return err
				})
				return left, err
			})
			if err != nil {
				t.Fatal(err)
			}
			calls := r.told()
			if len(calls) != len(ways) {
				t.Errorf("law: an application is told once of each logout, by one of the servers; of %d there were %d calls", len(ways), len(calls))
			}
			seen := make(map[any]bool)
			for _, token := range calls {
				claims := r.verify(t, token, "logout+jwt")
				s := stays[claims["sid"]]
				if s == nil {
					t.Errorf("law: it is told of what ended, and of nothing else; it was told of %v", claims)
					continue
				}
				events, _ := claims["events"].(map[string]any)
				if _, logout := events["http://schemas.openid.net/event/backchannel-logout"]; !logout || len(events) != 1 {
					t.Errorf("%s: the token tells of %v", names[s.sid], claims["events"])
				}
				if claims["iss"] != issuer || claims["aud"] != pangea.ClientID(r.app.ID) || claims["sub"] != s.sub || claims["nonce"] != nil || seen[claims["jti"]] || seen[s.sid] {
					t.Errorf("law: %s is told once, by the issuer, to this application, of this person; it said %v", names[s.sid], claims)
				}
				if age := time.Since(time.Unix(int64(claims["iat"].(float64)), 0)); age < -time.Minute || age > 5*time.Minute {
					t.Errorf("%s: the token is from %v ago", names[s.sid], age)
				}
				seen[claims["jti"]], seen[s.sid] = true, true
			}
			for sid, name := range names {
				if !seen[sid] {
					t.Errorf("law: an application is told of every logout; of this one it was not: %s", name)
				}
			}
		}
	})
}
