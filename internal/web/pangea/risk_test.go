package pangea_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/risk"
	"github.com/gatehouse-id/gatehouse/internal/risk/risktest"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// places gives a server's flows the file of places of tests.
func (s *server) places(t *testing.T) {
	t.Helper()
	data, err := risk.Open(risk.Files{Places: risktest.Places(t)}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.Flows.Knowing(data)
	s.Face.Risk = data
}

// from is a call of somebody at an address, as an application's server or a
// proxy would tell it.
func (s *server) from(t *testing.T, token, path, body string, headers map[string]string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	return s.do(t, r)
}

// signInFrom begins a flow, gives the password and ends the flow, as far as it
// gets.
func (s *server) signInFrom(t *testing.T, token, email string, headers map[string]string) (answer, string) {
	t.Helper()
	begun := s.from(t, token, "/v2/flow/start", fmt.Sprintf(`{"email":%q}`, email), headers)
	id := begun.field(t, "flow_id")
	a := s.from(t, token, "/v2/flow/update", fmt.Sprintf(`{"flow_id":%q,"choice":"password","data":{"password":%q}}`, id, flowtest.Password), headers)
	if a.status == http.StatusOK {
		a = s.from(t, token, "/v2/flow/complete", fmt.Sprintf(`{"flow_id":%q}`, id), headers)
	}
	return a, id
}

func endUser(address string) map[string]string {
	return map[string]string{"X-End-User-Address": address}
}

func TestRefusalsByRules(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newServer(t, st, map[string]any{
			"signup.verify_email": false, "risk.travel": "block", "risk.embargo_signin": "block", "risk.embargo_signup": "block", "risk.embargo_countries": []string{"IR"},
			"risk.addresses": "block", "risk.addresses_denied": []string{"203.0.113.192/26"}, "risk.domains_signup": "block",
		})
		s.places(t)
		s.Person(t, s.app, "ana@example.org")
		if a, _ := s.signInFrom(t, s.service, "ana@example.org", endUser(risktest.Berlin)); a.status != http.StatusOK {
			t.Fatalf("law: a sign-in to which no rule applies goes on; got %s", a.body)
		}
		for _, c := range []struct{ law, email, address, status string }{
			{"impossible travel has the vendor's status", "ana@example.org", risktest.Sydney, "TravelDistanceExceeded"},
			{"an embargoed country is answered like an address", "ana@example.org", risktest.Tehran, "Unauthorized"},
			{"a listed address has the status of addresses", "ana@example.org", risktest.Nowhere, "Unauthorized"},
			{"a sign-up from an embargoed country too", "new@example.org", risktest.Tehran, "Unauthorized"},
			{"and a domain for throwing away", "new@mailinator.com", risktest.Berlin, "Unauthorized"},
		} {
			a, id := s.signInFrom(t, s.service, c.email, endUser(c.address))
			if a.status != http.StatusForbidden || a.Status != c.status || a.Sum == "" || string(a.Result) != "null" && a.errors() != "" {
				t.Errorf("law: %s, 403; got %d %s", c.law, a.status, a.body)
			}
			again := s.from(t, s.service, "/v2/flow/update", fmt.Sprintf(`{"flow_id":%q,"choice":"","data":{}}`, id), endUser(c.address))
			if again.status != http.StatusOK || again.field(t, "flow_phase") != "phase_primary" {
				t.Errorf("law: the flow is there still; %s: got %s", c.law, again.body)
			}
			var all []core.RiskDecision
			request := core.RequestID("req_" + strings.TrimPrefix(a.header.Get("X-Request-Id"), "prq_"))
			err := st.As(s.app).View(t.Context(), func(tx *store.Tx) (err error) {
				all, err = tx.RiskDecisions(request)
				return err
			})
			if err != nil || len(all) != 1 || !all[0].Outcome.Refused() || all[0].Address != c.address {
				t.Errorf("law: why is found by the request's id that the answer bears; %s has %+v, %v", request, all, err)
			}
		}
	})
}

// TestW8RulesBelieveNoHeader is abuse case W8 for the rules: an address that
// the client made up is no address.
func TestW8RulesBelieveNoHeader(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newServer(t, st, map[string]any{
			"signup.verify_email": false, "lockout.enabled": false, "budget.tries_per_minute": 0, "risk.addresses": "block", "risk.addresses_denied": []string{"127.0.0.0/8", "::1"},
		})
		s.Person(t, s.app, "ana@example.org")
		headers := []string{"X-End-User-Address", "X-Forwarded-For", "Forwarded", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X_Forwarded_For"}
		for _, name := range headers {
			a, _ := s.signInFrom(t, s.client, "ana@example.org", map[string]string{name: risktest.Berlin})
			if a.status != http.StatusForbidden || a.Status != "Unauthorized" {
				t.Errorf("law: who comes from a listed address cannot say otherwise by %s; got %d %s", name, a.status, a.body)
			}
		}
		s.Set(t, s.app, map[string]any{"risk.addresses_denied": []string{risktest.Berlin}})
		for _, name := range headers {
			if a, _ := s.signInFrom(t, s.client, "ana@example.org", map[string]string{name: risktest.Berlin}); a.status != http.StatusOK {
				t.Errorf("law: nor can somebody be put there by %s; got %d %s", name, a.status, a.body)
			}
		}
		if a, _ := s.signInFrom(t, s.service, "ana@example.org", endUser("::ffff:"+risktest.Berlin)); a.status != http.StatusForbidden {
			t.Errorf("law: an application's server is believed; got %d %s", a.status, a.body)
		}
		if a, _ := s.signInFrom(t, s.service, "ana@example.org", map[string]string{"X-Forwarded-For": risktest.Berlin}); a.status != http.StatusOK {
			t.Errorf("law: by that one header; got %d %s", a.status, a.body)
		}
	})
}

func TestPlacesOfPeople(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newServer(t, st, map[string]any{"signup.verify_email": false})
		s.Person(t, s.app, "ana@example.org")
		for _, c := range []struct{ address, city, country string }{
			{risktest.Berlin, "Berlin", "Germany"}, {risktest.Country, "", "France"}, {risktest.Nowhere, "", ""},
		} {
			a, _ := s.signInFrom(t, s.service, "ana@example.org", endUser(c.address))
			if a.status != http.StatusOK {
				t.Fatal(string(a.body))
			}
			for _, known := range []bool{false, true} {
				if s.Face.Risk = nil; known {
					s.places(t)
				}
				a = s.post(t, "/v2/user/profile/get", `{"email":"ana@example.org"}`)
				body := string(a.body)
				if want := fmt.Sprintf(`"last_login_ip":%q`, c.address); !strings.Contains(body, want) {
					t.Errorf("law: a person has the address of their last sign-in; got %s", body)
				}
				for name, value := range map[string]string{"last_login_city": c.city, "last_login_country": c.country} {
					if told := strings.Contains(body, fmt.Sprintf(`%q:%q`, name, value)); told != (known && value != "") || !told && strings.Contains(body, name) {
						t.Errorf("law: and its place if that is known, else none; of %s got %s", c.address, body)
					}
				}
				if strings.Contains(body, "intelligence") {
					t.Errorf("law: an incomplete intelligence block is left out; got %s", body)
				}
			}
		}
	})
}
