package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestR14OverloadRefusesInOrder lets more people sign in at once than a server
// hashes passwords for. Those for whom there is no room are told when to come
// back and are charged no try, and whose token it is can be asked throughout.
// How long it all takes is measured by `make overload`.
func TestR14OverloadRefusesInOrder(t *testing.T) {
	const crowd, most = 24, 20
	binary := buildServer(t)
	storetest.Engines(t, func(t *testing.T, database string) {
		k := newKilled(t, binary, database)
		// Two cores, and so one hash at a time and four in line, at the default
		// cost.
		k.env = append(k.env, "GOMAXPROCS=2", "GATEHOUSE_HASH_MEMORY=19456", "GATEHOUSE_HASH_PASSES=2")
		k.set(t, "signup.verify_email=false", "budget.tries_per_minute=0", "budget.tries_per_hour=0", "budget.flows_per_minute=0")
		k.start(t)
		defer k.kill(t)
		var token string
		flows := make([]string, crowd)
		for i := range flows {
			email := fmt.Sprintf("person%d@example.org", i)
			s, err := k.flow(email, "signup")
			if err != nil {
				t.Fatal(err)
			}
			token = s.last().Access.Token
			answer, err := k.post("/v2/flow/start", map[string]any{"email": email, "flow_types": []string{"signin"}})
			if err != nil {
				t.Fatal(err)
			}
			var begun struct {
				ID string `json:"flow_id"`
			}
			if err := json.Unmarshal(answer, &begun); err != nil {
				t.Fatal(err)
			}
			flows[i] = begun.ID
		}

		var over atomic.Bool
		var checks atomic.Int64
		var checking sync.WaitGroup
		checking.Go(func() {
			for !over.Load() {
				if _, err := k.post("/v2/client/token/check", map[string]any{"token": token}); err != nil {
					t.Errorf("law: while passwords are refused tokens are checked; got %v", err)
					return
				}
				checks.Add(1)
			}
		})
		var compared, refused atomic.Int64
		for round := 0; refused.Load() == 0 && round < most; round++ {
			storetest.Together(crowd, func(i int) {
				body := map[string]any{"flow_id": flows[i], "choice": "password", "data": map[string]any{"password": "not the password 8"}}
				status, header, text := k.send("/v2/flow/update", body)
				after, err := strconv.Atoi(header.Get("Retry-After"))
				switch {
				case status == http.StatusServiceUnavailable && err == nil && after >= 1 && after <= 5:
					refused.Add(1)
				case status == http.StatusServiceUnavailable:
					t.Errorf("law: who is refused is told to come back after one to five seconds; got %q", header.Get("Retry-After"))
				case status < 500:
					compared.Add(1)
				default:
					t.Errorf("law: a password is compared or refused; got %d %s", status, text)
				}
			})
		}
		over.Store(true)
		checking.Wait()
		if refused.Load() == 0 || checks.Load() == 0 {
			t.Fatalf("%d were refused and %d tokens checked: that was no overload", refused.Load(), checks.Load())
		}
		var charged int64
		if err := storetest.Raw(t, database).QueryRowContext(t.Context(), `SELECT COALESCE(SUM(failures), 0) FROM attempts`).Scan(&charged); err != nil {
			t.Fatal(err)
		}
		if charged != compared.Load() {
			t.Errorf("law: a refused try is not charged; %d were compared, %d refused, and %d charged", compared.Load(), refused.Load(), charged)
		}
	})
}

// send posts something, and returns what was answered; 0 is no answer.
func (k *killed) send(path string, body any) (int, http.Header, string) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err.Error()
	}
	request, err := http.NewRequest(http.MethodPost, k.url+path, bytes.NewReader(text))
	if err != nil {
		return 0, nil, err.Error()
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+k.token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err.Error()
	}
	defer response.Body.Close()
	if text, err = io.ReadAll(response.Body); err != nil {
		return 0, nil, err.Error()
	}
	return response.StatusCode, response.Header, string(text)
}
