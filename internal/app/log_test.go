package app

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/web/authing"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// Whatever a person types or is given does not reach the log of a server that
// logs all that it can: through every face, to the mails and back (X26). Each
// line about a request has its id.
func TestX26TheLogOfAServerHasNoSecrets(t *testing.T) {
	log := &journal{}
	a := openLogging(t, Mode{Development: true}, slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		func(c *config.Config) { c.MailFromAddress = "us@example.org" })
	created, err := a.Pools.Create(t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorSystem}}, pool.NewPool{Name: "shop", Overrides: core.Overrides{
		"redirects.allowed": []byte(`["https://app.example.org/"]`), "redirects.default": []byte(`"https://app.example.org/"`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, a, Mode{Development: true})
	service := pangea.ServiceToken(created.ServiceKey.Reveal())
	secrets := []string{service, "CANARY-first-password", "CANARY-second-password", "CANARY-wrong-password", "CANARY-cookie", "CANARY-code"}
	// reveal remembers a secret that an answer or a mail holds.
	reveal := func(text, before, behind string) string {
		t.Helper()
		found := between(t, text, before, behind)
		secrets = append(secrets, found)
		return found
	}
	api := func(path, body string) string {
		t.Helper()
		_, _, answer := r.ask(t, asked{method: http.MethodPost, path: path, body: body, header: map[string]string{"Authorization": "Bearer " + service, "Content-Type": "application/json"}})
		return answer
	}
	mail := func(subject string) string {
		t.Helper()
		for deadline := time.Now().Add(stuck); ; time.Sleep(time.Millisecond) {
			for _, m := range a.Inbox.List("ana@example.org") {
				if strings.Contains(strings.ToLower(m.Subject), subject) {
					return m.Text
				}
			}
			if time.Now().After(deadline) {
				t.Fatalf("there is no mail about %s", subject)
			}
		}
	}

	// Signed up through one face, with a mailbox to prove.
	id := between(t, api("/v2/flow/start", `{"email":"ana@example.org"}`), `"flow_id":"`, `"`)
	api("/v2/flow/update", `{"flow_id":"`+id+`","choice":"password","data":{"password":"CANARY-first-password"}}`)
	api("/v2/flow/restart", `{"flow_id":"`+id+`","choice":"verify_email","data":{}}`)
	code := reveal(mail("confirm"), "/link?code=", "&")
	r.ask(t, asked{method: http.MethodGet, path: "/p/shop/link?for=verify_email&code=" + code, header: map[string]string{"Cookie": "gatehouse=CANARY-cookie"}})
	r.ask(t, asked{method: http.MethodPost, path: "/p/shop/link", body: "for=verify_email&code=" + code, header: map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Cookie": "gatehouse=CANARY-cookie",
	}})

	// Signed in, wrongly first.
	api("/v2/user/create", `{"email":"bob@example.org","profile":{}}`)
	start := between(t, api("/v2/flow/start", `{"email":"ana@example.org"}`), `"flow_id":"`, `"`)
	api("/v2/flow/update", `{"flow_id":"`+start+`","choice":"password","data":{"password":"CANARY-wrong-password"}}`)
	api("/v2/flow/update", `{"flow_id":"`+start+`","choice":"password","data":{"password":"CANARY-first-password"}}`)
	complete := api("/v2/flow/complete", `{"flow_id":"`+start+`"}`)
	_, active, _ := strings.Cut(complete, `"active_token"`)
	refresh, user := reveal(complete, `"token":"`, `"`), reveal(active, `"token":"`, `"`)
	api("/v2/client/token/check", `{"token":"`+user+`"}`)
	api("/v2/client/session/refresh", `{"user_token":"`+user+`","refresh_token":"`+refresh+`"}`)
	api("/v2/client/userinfo", `{"code":"CANARY-code"}`)
	r.ask(t, asked{method: http.MethodGet, path: "/p/shop/authorize?code=CANARY-code&state=CANARY-code"})

	// Through the other face.
	query, err := json.Marshal(map[string]any{
		"query": `mutation ($p: String!) { loginByEmail(input: {email: "ana@example.org", password: $p}) { id token } }`, "variables": map[string]string{"p": "CANARY-wrong-password"},
	})
	if err != nil {
		t.Fatal(err)
	}
	r.ask(t, asked{method: http.MethodPost, path: "/graphql/v2", body: string(query), header: map[string]string{
		"Content-Type": "application/json", "X-Authing-App-Id": authing.ApplicationID(created.Application.ID), "Authorization": "Bearer CANARY-code",
	}})

	// A new password by mail.
	forgot := between(t, api("/v2/flow/start", `{"email":"ana@example.org"}`), `"flow_id":"`, `"`)
	api("/v2/flow/restart", `{"flow_id":"`+forgot+`","choice":"reset_password","data":{}}`)
	reset := reveal(mail("password"), "/link?code=", "&")
	r.ask(t, asked{method: http.MethodGet, path: "/p/shop/link?for=reset_password&code=" + reset})
	api("/v2/flow/update", `{"flow_id":"`+forgot+`","choice":"reset_password","data":{"state":"x","code":"`+reset+`"}}`)
	api("/v2/flow/update", `{"flow_id":"`+forgot+`","choice":"set_password","data":{"password":"CANARY-second-password"}}`)
	r.end(t)

	for _, secret := range secrets {
		if _, bare, ok := strings.Cut(secret, "_"); ok && len(bare) == 32 {
			secret = bare // the same by any name
		}
		if len(secret) < 8 {
			t.Fatalf("%q is no secret: what it was read from has another form", secret)
		}
		if strings.Contains(log.String(), secret) {
			t.Errorf("law: the log has no secret; it has %s", secret)
		}
	}
	requests := 0
	for line := range strings.Lines(log.String()) {
		var entry struct {
			Message string `json:"msg"`
			ID      string `json:"request_id"`
			Status  int    `json:"status"`
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("law: each line of the log is JSON; one is %s", line)
		}
		if entry.Status != 0 {
			requests++
			if entry.ID == "" {
				t.Errorf("law: each line about a request has its id; one is %s", line)
			}
		}
	}
	if requests < 15 {
		t.Errorf("law: at level debug each request is logged; %d were", requests)
	}
}
