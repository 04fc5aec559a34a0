package pangea_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// choiceData is the data of a choice as it is on the wire; empty: it is not
// offered.
func (a answer) choiceData(t *testing.T, choice string) string {
	t.Helper()
	var result struct {
		Choices []struct {
			Choice string
			Data   json.RawMessage
		} `json:"flow_choices"`
	}
	if err := json.Unmarshal(a.Result, &result); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
	for _, c := range result.Choices {
		if c.Choice == choice {
			return string(c.Data)
		}
	}
	return ""
}

// A captcha has the vendor's shape, site_key and code, and what ours needs
// beside it.
func TestCaptchaInTheVendorsShape(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newServer(t, st, map[string]any{"signup.captcha": "altcha", "signup.captcha_cost": 1000, "signup.verify_email": false, "profile.fields": []string{}})
		a := s.post(t, "/v2/flow/start", `{"email":"new@example.org"}`)
		id := a.field(t, "flow_id")
		update := func(choice, data string) answer {
			return s.post(t, "/v2/flow/update", fmt.Sprintf(`{"flow_id":%q,"choice":%q,"data":%s}`, id, choice, data))
		}
		if a.field(t, "flow_phase") != "phase_primary" || a.choiceData(t, "password") == "" {
			t.Errorf("%s", a.body)
		}
		a = update("password", `{"password":"My1s+Password"}`)
		if a.field(t, "flow_phase") != "phase_captcha" || a.choiceData(t, "password") != "" {
			t.Errorf("%s", a.body)
		}
		var data struct {
			SiteKey   *string `json:"site_key"`
			Provider  string  `json:"provider"`
			Challenge struct {
				Algorithm string `json:"algorithm"`
				Challenge string `json:"challenge"`
				MaxNumber int64  `json:"maxnumber"`
				Salt      string `json:"salt"`
				Signature string `json:"signature"`
			} `json:"challenge"`
		}
		offered := a.choiceData(t, "captcha")
		if err := json.Unmarshal([]byte(offered), &data); err != nil || data.SiteKey == nil || *data.SiteKey != "" || data.Provider != "altcha" {
			t.Fatalf("%s: %v", offered, err)
		}
		for body, want := range map[string]string{
			`{}`:                     "FieldRequired /data/code",
			`{"code":""}`:            "FieldRequired /data/code",
			`{"code":7}`:             "InvalidString /data/code",
			`{"code":"x","more":""}`: "UnexpectedProperty /data/more",
			`{"code":"` + strings.Repeat("x", 8193) + `"}`: "AboveMaxLength /data/code",
		} {
			if a := update("captcha", body); a.status != http.StatusBadRequest || a.errors() != want {
				t.Errorf("%.60s: %s", body, a.body)
			}
		}
		if a := update("captcha", `{"code":"x"}`); a.status != http.StatusBadRequest || a.Status != "AuthenticationFailure" {
			t.Errorf("law: a captcha that was not solved is a failure to authenticate: %s", a.body)
		}
		if a := s.post(t, "/v2/flow/restart", fmt.Sprintf(`{"flow_id":%q,"choice":"captcha","data":{}}`, id)); a.choiceData(t, "captcha") != offered {
			t.Errorf("law: a restart returns what is to be solved: %s", a.body)
		}
		c := data.Challenge
		code := flowtest.Solve(t, flow.Work{Algorithm: c.Algorithm, Challenge: c.Challenge, Salt: c.Salt, Signature: c.Signature, MaxNumber: c.MaxNumber})
		a = update("captcha", fmt.Sprintf(`{"code":%q}`, code))
		if a.field(t, "flow_phase") != "phase_completed" {
			t.Errorf("%s", a.body)
		}

		// A service's has its key, and no more. Without its secret nobody passes.
		s.Set(t, s.app, map[string]any{"signup.captcha": "recaptcha", "signup.captcha_site_key": "6Lexample"})
		a = s.post(t, "/v2/flow/start", `{"email":"other@example.org"}`)
		id = a.field(t, "flow_id")
		if got := a.choiceData(t, "captcha"); got != `{"provider":"recaptcha","site_key":"6Lexample"}` {
			t.Errorf("a service's captcha is %s", got)
		}
		if a := update("captcha", `{"code":"03AGd"}`); a.status != http.StatusServiceUnavailable || a.Status != "ServiceNotAvailable" || a.header.Get("Retry-After") == "" {
			t.Errorf("law: a captcha that nobody can check is not passed: %s", a.body)
		}
		if log := s.log.String(); !strings.Contains(log, "a service that a pool relies on does not answer") || !strings.Contains(log, "signup.captcha_secret") {
			t.Errorf("law: the log says what is missing:\n%s", log)
		}
	})
}
