package pangea_test

import (
	"bytes"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// A pool that lists from where people may come answers nobody else's client
// token, on any path. A server may call from anywhere, and names the person's
// address where it wants the list to hold.
func TestAddressesFromWherePeopleMayCome(t *testing.T) {
	s := newServer(t, storetest.New(t), map[string]any{"access.addresses": []string{"192.0.2.0/24"}})
	try := func(path, token string, headers ...string) answer {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, bytes.NewReader([]byte(`{}`)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		return s.do(t, r)
	}
	refused := func(a answer) bool {
		return a.status == http.StatusForbidden && a.Status == "Unauthorized" && strings.Contains(a.Sum, "address")
	}
	text, err := os.ReadFile("testdata/paths.txt")
	if err != nil {
		t.Fatal(err)
	}
	tried := 0
	for line := range strings.Lines(string(text)) {
		_, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		open := strings.HasPrefix(path, "/v2/flow/") || strings.HasPrefix(path, "/v2/client/")
		if !open && !strings.HasPrefix(path, "/v2/") {
			continue
		}
		if a := try(path, s.service); refused(a) {
			t.Errorf("%s is refused to a server: %s", path, a.body)
		}
		if a := try(path, s.service, "X-End-User-Address", "192.0.2.200"); refused(a) {
			t.Errorf("%s is refused to a server for a person of the list: %s", path, a.body)
		}
		if a := try(path, s.service, "X-End-User-Address", "198.51.100.1"); refused(a) != open {
			t.Errorf("%s for a person from elsewhere: %s", path, a.body)
		}
		if !open {
			continue
		}
		tried++
		for _, claim := range []string{"X-End-User-Address", "X-Forwarded-For", "Accept"} {
			if a := try(path, s.client, claim, "192.0.2.200"); !refused(a) {
				t.Errorf("%s answers a client token from elsewhere that claims %s: %s", path, claim, a.body)
			}
		}
	}
	if tried != 12 {
		t.Errorf("%d paths that client tokens open were tried, want 12", tried)
	}
	if _, err := s.Pools.Change(t.Context(), s.app, flowtest.Settings(t, map[string]any{"access.addresses": []string{"192.0.2.0/24", "127.0.0.1 - 127.0.0.9", "::1"}})); err != nil {
		t.Fatal(err)
	}
	if a := try("/v2/flow/start", s.client); a.status != http.StatusOK {
		t.Errorf("a client token from an address of the list: %s", a.body)
	}
}
