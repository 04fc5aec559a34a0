package flowtest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/outbound"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/source"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Service is an installation of GitHub as far as signing in with it goes: a
// server of its own, whose codes are good once.
type Service struct {
	*httptest.Server

	mu        sync.Mutex
	codes     map[string]Account // that were not exchanged yet
	tokens    map[string]Account
	exchanges int
}

// Account is somebody at the service.
type Account struct {
	ID       int
	Email    string // empty: none
	Verified bool
	Name     string
}

// NewService starts one, for as long as the test.
func NewService(t testing.TB) *Service {
	s := &Service{codes: map[string]Account{}, tokens: map[string]Account{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP answers as the service does.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	account, known := s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	var answer any
	switch {
	case r.URL.Path == "/login/oauth/access_token":
		s.exchanges++
		code := r.FormValue("code")
		account, known = s.codes[code]
		if !known || len(r.FormValue("code_verifier")) < 43 || r.FormValue("redirect_uri") == "" {
			answer = map[string]any{"error": "bad_verification_code"}
			break
		}
		delete(s.codes, code)
		token := secret.Random()
		s.tokens[token] = account
		answer = map[string]any{"access_token": token, "token_type": "bearer"}
	case known && r.URL.Path == "/api/v3/user":
		answer = map[string]any{"id": account.ID, "login": "login", "name": account.Name, "email": "public@example.org"}
	case known && r.URL.Path == "/api/v3/user/emails":
		emails := []map[string]any{{"email": "another@example.org", "primary": false, "verified": true}}
		if account.Email != "" {
			emails = append(emails, map[string]any{"email": account.Email, "primary": true, "verified": account.Verified})
		}
		answer = emails
	default:
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // the test is over if it went away
}

// Provider is the service in a pool's settings.
func (s *Service) Provider(name string, trusted bool) core.Provider {
	return core.Provider{Name: name, Kind: core.ProviderGitHub, ClientID: "client", Issuer: s.URL, TrustEmail: trusted, Profile: map[string]string{}}
}

// Code is what the service sends along with somebody who has agreed there.
func (s *Service) Code(a Account) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	code := secret.Random()
	s.codes[code] = a
	return code
}

// Exchanges is how often somebody brought a code.
func (s *Service) Exchanges() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.exchanges
}

// Arrival is the answer of somebody who comes back from the provider with a
// code, in a flow that offers it.
func Arrival(t testing.TB, st flow.State, provider, code string) flow.Answer {
	t.Helper()
	for _, prompt := range st.Prompts {
		for _, p := range prompt.Providers {
			if p.Name != provider {
				continue
			}
			to := st.Redirect
			if to == "" {
				to = p.Bridge + "/callback"
			}
			return flow.Answer{Choice: prompt.Choice, Provider: provider, State: p.State, URI: to + "?" + url.Values{"state": {p.State}, "code": {code}}.Encode()}
		}
	}
	t.Fatalf("the flow does not offer %s: %+v", provider, st.Prompts)
	return flow.Answer{}
}

// Providers asks services that run in the test.
func Providers(st *store.Store) *source.Providers {
	allowed, err := outbound.ParseAllowed([]string{"127.0.0.1"})
	if err != nil {
		panic(err)
	}
	return source.NewProviders(st, outbound.New(allowed))
}
