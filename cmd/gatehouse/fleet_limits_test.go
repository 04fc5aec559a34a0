package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// crowd is how many try the same thing at once.
const crowd = 64

// TestLimitsAreTheFleets compares what three servers let through with what one
// does: as much, because they count in one place.
func TestLimitsAreTheFleets(t *testing.T) {
	binary := buildServer(t)
	f := newFleet(t, binary, storetest.Postgres(t), 3)
	// The windows are long, so that none ends while the crowd tries.
	for limit, settings := range map[string][]string{
		"lockout": {"signup.verify_email=false", "lockout.failures=7", "lockout.first_delay=15m", "budget.flows_per_minute=0", "budget.tries_per_minute=0", "budget.tries_per_hour=0"},
		"flows":   {"budget.flows_per_minute=13"},
		"tries":   {"signup.verify_email=false", "budget.tries_per_hour=11", "budget.tries_per_minute=0", "budget.flows_per_minute=0"},
	} {
		t.Run(limit, func(t *testing.T) {
			through := map[string]int64{}
			for where, at := range map[string]string{"one": f.nodes[0].public, "three": f.url} {
				created := f.command(t, binary, "pool", "create", limit+"-"+where)
				f.command(t, binary, append([]string{"pool", "set", limit + "-" + where}, settings...)...)
				token, _ := created["client_token"].(string)
				through[where] = pressed(t, at, token, limit)
			}
			t.Logf("of %d at once, one server lets through %d and three do %d", crowd, through["one"], through["three"])
			if through["one"] == 0 || through["one"] == crowd {
				t.Errorf("law: there is a limit, and something below it; one server lets %d through", through["one"])
			}
			if through["three"] != through["one"] {
				t.Errorf("law: three servers let through what one does; got %d, and %d by one", through["three"], through["one"])
			}
		})
	}
}

// pressed counts what is let through of a crowd that tries at once.
func pressed(t *testing.T, at, token, limit string) int64 {
	t.Helper()
	k := &killed{url: at, token: token}
	name := func(i int) string {
		if limit == "lockout" {
			i = 0 // all try one account
		}
		return fmt.Sprintf("ana%d@example.org", i)
	}
	start := func(i int) reply {
		return patient(t, at, token, "/v2/flow/start", map[string]any{"email": name(i)})
	}
	var through atomic.Int64
	if limit == "flows" {
		storetest.Together(crowd, func(i int) {
			switch got := start(i); got.status {
			case "Success":
				through.Add(1)
			case "TooManyRequests":
			default:
				t.Errorf("a flow is answered %d %s", got.code, got.text)
			}
		})
		return through.Load()
	}
	flows := make([]string, crowd)
	for i := range flows {
		if i == 0 || limit != "lockout" {
			k.signs(t, name(i))
		}
		flows[i] = flowID(t, start(i))
	}
	storetest.Together(crowd, func(i int) {
		wrong := map[string]any{"flow_id": flows[i], "choice": "password", "data": map[string]any{"password": "not this horse 7"}}
		switch got := patient(t, at, token, "/v2/flow/update", wrong); got.status {
		case "AuthenticationFailure":
			through.Add(1)
		case "TooManyRequests":
		default:
			t.Errorf("a wrong try is answered %d %s", got.code, got.text)
		}
	})
	return through.Load()
}

// patient asks again where a server has its hands full.
func patient(t *testing.T, at, token, path string, body any) reply {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		got, err := ask(at, token, path, body)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			return got
		}
		if got.code != http.StatusServiceUnavailable || time.Now().After(end) {
			return got
		}
	}
}

func flowID(t *testing.T, started reply) string {
	t.Helper()
	var flow struct {
		ID string `json:"flow_id"`
	}
	if err := json.Unmarshal(started.result, &flow); err != nil || flow.ID == "" {
		t.Fatalf("a flow is answered %d %s", started.code, started.text)
	}
	return flow.ID
}

// once is a value that works for one of all who try it at once.
type once struct {
	name string
	// make makes the value, and returns how it is tried, at the balancer.
	make func(t *testing.T, f *fleet, mails *postbox, email string) func(i int) (reply, error)
}

// onces are the values that work once.
func onces() []once {
	try := func(f *fleet, path string, body map[string]any) func(int) (reply, error) {
		return func(int) (reply, error) { return ask(f.url, f.token, path, body) }
	}
	// byMail begins to sign somebody up whose only factor is in a mail.
	byMail := func(t *testing.T, f *fleet, email, choice string) (flow, state string) {
		t.Helper()
		flow = flowID(t, must(t, f.url, f.token, "/v2/flow/start", map[string]any{"email": email}))
		sent := must(t, f.url, f.token, "/v2/flow/restart", map[string]any{"flow_id": flow, "choice": choice, "data": map[string]any{}})
		var offered struct {
			Choices []struct {
				Choice string
				Data   struct{ State string }
			} `json:"flow_choices"`
		}
		if err := json.Unmarshal(sent.result, &offered); err != nil {
			t.Fatal(err)
		}
		for _, o := range offered.Choices {
			if o.Choice == choice {
				state = o.Data.State
			}
		}
		return flow, state
	}
	return []once{
		{"e-mail address", func(_ *testing.T, f *fleet, _ *postbox, email string) func(int) (reply, error) {
			return try(f, "/v2/user/create", map[string]any{"email": email, "profile": map[string]any{}})
		}},
		{"refresh token", func(t *testing.T, f *fleet, _ *postbox, email string) func(int) (reply, error) {
			return try(f, "/v2/client/session/refresh", map[string]any{"refresh_token": f.signs(t, email).last().Refresh.Token})
		}},
		{"completed flow", func(t *testing.T, f *fleet, _ *postbox, email string) func(int) (reply, error) {
			flow := flowID(t, must(t, f.url, f.token, "/v2/flow/start", map[string]any{"email": email}))
			must(t, f.url, f.token, "/v2/flow/update", map[string]any{"flow_id": flow, "choice": "password", "data": map[string]any{"password": password}})
			return try(f, "/v2/flow/complete", map[string]any{"flow_id": flow})
		}},
		{"code in a mail", func(t *testing.T, f *fleet, mails *postbox, email string) func(int) (reply, error) {
			flow, _ := byMail(t, f, email, "email_otp")
			return try(f, "/v2/flow/update", map[string]any{"flow_id": flow, "choice": "email_otp", "data": map[string]any{"code": mails.to(t, email)["code"]}})
		}},
		{"link in a mail", func(t *testing.T, f *fleet, mails *postbox, email string) func(int) (reply, error) {
			flow, state := byMail(t, f, email, "magiclink")
			link, err := url.Parse(mails.to(t, email)["link"])
			if err != nil {
				t.Fatal(err)
			}
			code := "pmc_" + link.Query().Get("code")
			// The application may bring a link twice: what it leads to happens once.
			answer := map[string]any{"flow_id": flow, "choice": "magiclink", "data": map[string]any{"state": state, "code": code}}
			return func(int) (reply, error) {
				if got, err := ask(f.url, f.token, "/v2/flow/update", answer); err != nil || got.code >= http.StatusInternalServerError {
					return got, err
				}
				return ask(f.url, f.token, "/v2/flow/complete", map[string]any{"flow_id": flow})
			}
		}},
	}
}

// TestOneTimeValuesAmongServers has a crowd try one value at once, each at
// another of three servers.
func TestOneTimeValuesAmongServers(t *testing.T) {
	database := storetest.Postgres(t)
	f := newFleet(t, buildServer(t), database, 3, quick(`signin.primary=["password","email_otp","magic_link"]`, "profile.fields=[]")...)
	mails := openPostbox(t, f.killed)
	for _, o := range onces() {
		t.Run(o.name, func(t *testing.T) {
			for round := range storetest.Rounds(t) {
				email := fmt.Sprintf("%s%d@example.org", strings.ReplaceAll(o.name, " ", "-"), round)
				try := o.make(t, f, mails, email)
				if t.Failed() {
					return
				}
				var worked atomic.Int64
				storetest.Together(crowd, func(i int) {
					got, err := try(i)
					switch {
					case err != nil:
						t.Error(err)
					case got.status == "Success":
						worked.Add(1)
					case got.code >= http.StatusInternalServerError:
						t.Errorf("law: who comes second is refused; got %d %s", got.code, got.text)
					}
				})
				if worked.Load() != 1 {
					t.Errorf("law: of %d who try it at once one succeeds; %d did", crowd, worked.Load())
				}
			}
		})
	}
}

// signs signs somebody up.
func (k *killed) signs(t *testing.T, email string) *session {
	t.Helper()
	s, err := k.flow(email, "signup")
	if err != nil {
		t.Fatal(err)
	}
	return &s
}

// postbox takes the mails out of the line in which servers without a mail
// server leave them.
type postbox struct {
	store *store.Store
	had   map[string]map[string]string // by address; the newest
}

// openPostbox opens the database of servers beside them.
func openPostbox(t *testing.T, k *killed) *postbox {
	t.Helper()
	master, err := secret.ParseMaster(k.variable(t, "GATEHOUSE_MASTER_KEY"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Options{Database: k.database, Master: master})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return &postbox{st, map[string]map[string]string{}}
}

// to is what the newest mail to somebody is filled in with.
func (p *postbox) to(t *testing.T, email string) map[string]string {
	t.Helper()
	claimed, err := p.store.Across().ClaimMessages(t.Context(), core.ChannelMail, 1000, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, mail := range claimed {
		p.had[mail.To] = mail.Values
	}
	if p.had[email] == nil {
		t.Fatalf("no mail is in line for %s", email)
	}
	return p.had[email]
}

// variable is a variable of the servers' environment.
func (k *killed) variable(t *testing.T, name string) string {
	t.Helper()
	for _, line := range k.env {
		if value, ok := strings.CutPrefix(line, name+"="); ok {
			return value
		}
	}
	t.Fatalf("%s is not set", name)
	return ""
}
