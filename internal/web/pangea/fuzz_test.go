package pangea_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// asker sends requests to a face without a network between.
func asker(s *server) func(t testing.TB, path, token, body string) answer {
	door := web.NewServer(s.face, nil, slog.New(slog.DiscardHandler))
	return func(t testing.TB, path, token, body string) answer {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header["Authorization"] = []string{"Bearer " + token}
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		a := answer{status: w.Code, header: w.Header(), body: w.Body.Bytes()}
		if err := json.Unmarshal(a.body, &a); err != nil || a.Status == "" || a.status >= 500 {
			t.Errorf("law: whatever is asked is answered in an envelope, and is no fault of ours; %q at %s is answered by %d %q", body, path, a.status, a.body)
		}
		return a
	}
}

// FuzzFlowUpdate answers flows with anything, where FLOW stands for the id: what
// is refused leaves the flow as it was, and good for the right answer; nobody
// comes in without the password (F1, F2).
func FuzzFlowUpdate(f *testing.F) {
	for kind := range byte(6) {
		for _, body := range []string{
			`{"flow_id":"FLOW","choice":"password","data":{"password":"correct horse 7 staple"}}`, `{"flow_id":"FLOW","choice":"password","data":{"password":"wrong"}}`, `{"flow_id":"FLOW","choice":"password","data":{"password":""}}`,
			`{"flow_id":"FLOW","choice":"set_email","data":{"email":"ana@example.org"}}`, `{"flow_id":"FLOW","choice":"set_password","data":{"password":"correct horse 7 staple"}}`, `{"flow_id":"FLOW","choice":"profile","data":{"profile":{"first_name":"A"}}}`,
			`{"flow_id":"FLOW","choice":"reset_password","data":{}}`, `{"flow_id":"FLOW","choice":"verify_email","data":{"state":"pcb_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","code":"pmc_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}`,
			`{"flow_id":"FLOW","choice":"agreements","data":{"agreed":["peu_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]}}`, `{"flow_id":"FLOW","choice":"email_otp","data":{"code":"000000"}}`, `{"flow_id":"FLOW","choice":"totp","data":{"code":"000000","email":"a@b.example"}}`, `{"flow_id":"FLOW","choice":"recovery_code","data":{"code":"aaaa"}}`, `{"flow_id":"FLOW","choice":"social","data":{}}`,
			`{"flow_id":"FLOW"}`, `{"flow_id":"FLOW","data":{}}`, `{"flow_id":"FLOW","choice":"","data":{"x":1}}`, `{"flow_id":"pfl_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","choice":"password","data":{"password":"x"}}`, `null`, ``, `{"flow_id":"FLOW","choice":"password","data":[]}`,
			`{"flow_id":"FLOW","choice":"password","data":{"password":"\u0000","email":"x"}}`, `{"flow_id":"FLOW","choice":"set_username","data":{"username":"root"}}`, `{"flow_id":"FLOW","choice":"set_phone","data":{"phone":"+18085550173"}}`,
		} {
			f.Add(kind, body)
		}
	}
	s := newServer(f, storetest.New(f), map[string]any{
		"lockout.enabled": false, "budget.flows_per_minute": 0, "budget.tries_per_minute": 0, "budget.tries_per_hour": 0, "budget.mails_per_hour": 0, "budget.mails_per_day": 0,
		"budget.mails_to_one_per_hour": 0, "budget.mails_to_one_per_day": 0,
	})
	ask := asker(s)
	s.Person(f, s.app, "ana@example.org")
	n := 0
	f.Fuzz(func(t *testing.T, kind byte, body string) {
		n++
		begin := []flow.Start{{Email: "ana@example.org"}, {Email: fmt.Sprintf("new%d@example.org", n)}, {}}[kind%3]
		path := []string{"/v2/flow/update", "/v2/flow/restart"}[kind/3%2]
		state, err := s.Flows.Start(t.Context(), s.app, begin)
		if err != nil {
			t.Fatal(err)
		}
		id := "pfl_" + core.Tail(state.ID)
		if state, err = s.Flows.State(t.Context(), s.app, state.ID); err != nil {
			t.Fatal(err)
		}
		body = strings.ReplaceAll(body, "FLOW", id)
		a := ask(t, path, s.client, body)
		after, err := s.Flows.State(t.Context(), s.app, state.ID)
		if err != nil {
			t.Fatalf("law: no answer ends a flow; after %q it is gone: %v", body, err)
		}
		if a.status != http.StatusOK && !reflect.DeepEqual(state, after) {
			t.Errorf("law: what is refused leaves the flow as it was; %q left\n%+v\nof\n%+v", body, after, state)
		}
		var said struct{ Data struct{ Password string } }
		known := json.Unmarshal([]byte(body), &said) == nil && said.Data.Password == flowtest.Password
		if after.Phase == core.PhaseCompleted && (a.status != http.StatusOK || !known) {
			t.Errorf("law: nobody comes in without the password; %q completes a flow", body)
		}
		if kind%3 != 0 || after.Phase == core.PhaseCompleted || after.Email != "ana@example.org" {
			if after.Phase == core.PhaseCompleted && s.done(t, state.ID) != nil {
				t.Errorf("law: a complete flow gives tokens; after %q it does not", body)
			}
			return
		}
		if err := s.done(t, state.ID); !core.Is(err, core.CodeFlowIncomplete) {
			t.Fatalf("law: nobody comes in before the flow is complete; after %q: %v", body, err)
		}
		if a := ask(t, "/v2/flow/update", s.client, `{"flow_id":"`+id+`","choice":"password","data":{"password":"`+flowtest.Password+`"}}`); a.status != http.StatusOK || s.done(t, state.ID) != nil {
			t.Errorf("law: a flow stays good for the right answer; after %q that is answered by %s", body, a.body)
		}
	})
}

// done completes a flow.
func (s *server) done(t *testing.T, id core.FlowID) error {
	t.Helper()
	_, err := s.Flows.Complete(t.Context(), s.app, id)
	return err
}

// FuzzKeysAndTokens alters API keys and people's tokens of two pools, at the door
// and in a body: each opens its own place, letter by letter (O21, O22, O26).
func FuzzKeysAndTokens(f *testing.F) {
	for _, with := range []string{"", "a", "A", "\x00", "é", "pts_", "pcl_", "ptu_", " ", ".", "..", "\"", "Bearer ", strings.Repeat("a", 32), strings.Repeat("a.", 20_000)} {
		for how := range byte(3) {
			for _, at := range []uint16{0, 1, 4, 20, 35, 65535} {
				f.Add(how, at, with)
			}
		}
	}
	s := newServer(f, storetest.New(f), nil)
	ask := asker(s)
	s.Person(f, s.app, "ana@example.org")
	ana := s.signIn(f, "ana@example.org")
	own := map[string]bool{s.service: true, s.client: false} // whether it opens what is for servers
	f.Fuzz(func(t *testing.T, how byte, at uint16, with string) {
		for _, real := range []string{s.service, s.client, s.other, ana.user, ana.refresh} {
			text := storetest.Alter(real, how, at, with)
			server, ours := own[strings.TrimSpace(text)]
			want := http.StatusUnauthorized
			if server {
				want = http.StatusOK
			} else if ours {
				want = http.StatusForbidden
			}
			if strings.TrimSpace(text) != s.other {
				if a := ask(t, "/v2/user/list", text, "{}"); a.status != want {
					t.Errorf("law: a key opens what it is for, and nothing else is a key; %q is answered by %d %s", text, a.status, a.body)
				}
			}
			body, err := json.Marshal(map[string]string{"token": text})
			if err != nil {
				t.Fatal(err)
			}
			if a := ask(t, "/v2/client/token/check", s.client, string(body)); (a.status == http.StatusOK) != (text == ana.user) || a.status != http.StatusOK && a.status != http.StatusBadRequest {
				t.Errorf("law: a person's token is one, and nothing else is; %q is answered by %d %s", text, a.status, a.body)
			}
			if text == ana.refresh {
				continue
			}
			if body, err = json.Marshal(map[string]string{"refresh_token": text}); err != nil {
				t.Fatal(err)
			}
			if a := ask(t, "/v2/client/session/refresh", s.client, string(body)); a.status != http.StatusBadRequest {
				t.Errorf("law: a refresh token is one, and nothing else is; %q is answered by %d %s", text, a.status, a.body)
			}
		}
	})
}
