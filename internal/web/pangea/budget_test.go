package pangea_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// tryAs tries a password by two calls of the API, with a token and headers.
func (s *server) tryAs(t *testing.T, token, address, email, password string) answer {
	t.Helper()
	a := s.as(t, token, address, "/v2/flow/start", fmt.Sprintf(`{"flow_types":["signin"],"email":%q}`, email))
	if a.status != http.StatusOK {
		return a
	}
	return s.as(t, token, address, "/v2/flow/update", fmt.Sprintf(`{"flow_id":%q,"choice":"password","data":{"password":%q}}`, a.field(t, "flow_id"), password))
}

func (s *server) as(t *testing.T, token, address, path, body string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+token)
	if address != "" {
		r.Header.Set("X-End-User-Address", address)
	}
	return s.do(t, r)
}

// TestB5WhoIsCounted is abuse case B5 at the API: with a client token it is the
// connection's address, with a service token the one that it was told, if any.
func TestB5WhoIsCounted(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newServer(t, st, map[string]any{"budget.tries_per_minute": 4})
		s.Person(t, s.app, "ana@example.org")
		wrong := func(n int, token, address string, want int) answer {
			t.Helper()
			a := s.tryAs(t, token, address, fmt.Sprintf("user%d@example.org", n), "wrong")
			if a.status != want {
				t.Errorf("try %d from %q is answered %d %s, want %d", n, address, a.status, a.Status, want)
			}
			return a
		}
		for n := range 4 {
			wrong(n, s.client, "198.51.100."+strconv.Itoa(n), 400) // which nobody believes
		}
		refused := wrong(4, s.client, "", 429)
		wait, err := strconv.Atoi(refused.header.Get("Retry-After"))
		if refused.Status != "TooManyRequests" || err != nil || wait < 1 || wait > 60 || string(refused.Result) != "null" {
			t.Errorf("over budget the answer is %s with Retry-After %q", refused.body, refused.header.Get("Retry-After"))
		}
		if a := s.tryAs(t, s.client, "", "ana@example.org", flowtest.Password); a.status != 429 {
			t.Errorf("over budget the right password is answered %d", a.status)
		}
		// A server's own address is everybody's.
		for n := range 8 {
			wrong(100+n, s.service, "", 400)
		}
		for n := range 8 {
			wrong(200+n, s.service, fmt.Sprintf("2001:db8:0:%x::%x", n, n), 400) // of different customers
			want := 400
			if n >= 3 {
				want = 429
			}
			wrong(300+n, s.service, fmt.Sprintf("2001:db8::%x:1", n), want) // of one
		}
		if a := s.tryAs(t, s.service, "203.0.113.9", "ana@example.org", flowtest.Password); a.status != 200 {
			t.Errorf("from another address the right password is answered %d %s", a.status, a.Status)
		}
	})
}

// TestB5EveryDoor has the door of changing a password, which takes the old one.
func TestB5EveryDoor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newServer(t, st, map[string]any{"budget.tries_per_minute": 3})
		s.Person(t, s.app, "ana@example.org")
		s.Person(t, s.app, "bob@example.org")
		change := func(person signedIn) int {
			return s.as(t, s.client, "", "/v2/client/password/change",
				fmt.Sprintf(`{"token":%q,"old_password":"wrong","new_password":"a new long password 3"}`, person.user)).status
		}
		ana, bob := s.signIn(t, "ana@example.org"), s.signIn(t, "bob@example.org")
		got := []int{change(ana), change(bob), s.tryAs(t, s.client, "", "eve@example.org", "wrong").status, change(ana), change(bob), s.tryAs(t, s.client, "", "joe@example.org", "wrong").status}
		if fmt.Sprint(got) != "[400 400 400 429 429 429]" {
			t.Errorf("the answers are %v; one budget is for every door", got)
		}
	})
}

// TestB20PathsSpeltOtherwise is abuse case B20: budgets hang on what is done and
// not on how its path is spelt.
func TestB20PathsSpeltOtherwise(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newServer(t, st, map[string]any{"budget.tries_per_minute": 2, "lockout.failures": 100})
		s.Person(t, s.app, "ana@example.org")
		begun := s.as(t, s.client, "", "/v2/flow/start", `{"flow_types":["signin"],"email":"ana@example.org"}`)
		body := fmt.Sprintf(`{"flow_id":%q,"choice":"password","data":{"password":"wrong"}}`, begun.field(t, "flow_id"))
		client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		compared, counts := s.Hasher.Evaluated(), map[int]int{}
		for _, path := range []string{
			"/v2/flow/update", "//v2/flow/update", "/v2//flow/update", "/v2/flow//update", "/v2/flow/update/", "/v2/flow/update//", "/v2/flow/./update", "/v2/flow/x/../update",
			"/V2/flow/update", "/v2/Flow/Update", "/v2/flow/%75pdate", "/v2%2fflow%2fupdate", "/v2/flow/%2e/update", "/v2/flow/update%00", "/v2/flow/update%20", "/v2/flow/update;x=1",
			"/v2/flow/update?x=1", "/v2/flow/update#x", "/v2/flow/update.", "/v2/flow/update%2f", `/v2\flow\update`, "/v2/flow/update?", "/v2/flow/up%64ate?" + url.QueryEscape("/"), "/v2/flow/update",
		} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.URL.Opaque = "//" + r.URL.Host + strings.Split(path, "#")[0]
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", "Bearer "+s.client)
			response, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			if err := response.Body.Close(); err != nil {
				t.Fatal(err)
			}
			counts[response.StatusCode]++
			switch response.StatusCode {
			case 400, 404, 429, 301, 307, 308:
			default:
				t.Errorf("%s is answered %d", path, response.StatusCode)
			}
		}
		if n := s.Hasher.Evaluated() - compared; n != 2 {
			t.Errorf("%d passwords were compared on a budget of 2, over all spellings of the path: %v", n, counts)
		}
		if counts[429] < 2 || counts[404] < 5 {
			t.Errorf("the spellings were answered %v; this test wants some that are the path and some that are none", counts)
		}
	})
}

// TestB8NamesOfOthers is abuse case B8: nobody is called what somebody else's
// address or number is.
func TestB8NamesOfOthers(t *testing.T) {
	storetest.Each(t, func(t *testing.T, st *store.Store) {
		s := newServer(t, st, nil)
		s.Person(t, s.app, "ana@example.org")
		for _, name := range []string{"ana@example.org", "ANA@EXAMPLE.ORG", "nobody@example.org", "ana@example", "+18085550173", "+4917012345678"} {
			a := s.post(t, "/v2/user/create", fmt.Sprintf(`{"email":"eve@example.org","username":%q,"profile":{}}`, name))
			if a.status != 400 || !strings.Contains(a.errors(), "/username") {
				t.Errorf("somebody may be called %s: %d %s", name, a.status, a.errors())
			}
		}
		a := s.post(t, "/v2/user/create", `{"email":"eve@example.org","username":"EVE@example.org","profile":{}}`)
		if a.status != 200 {
			t.Fatalf("one's own address as one's name is answered %s", a.body)
		}
		if a := s.post(t, "/v2/user/profile/get", `{"username":"ana@example.org"}`); a.field(t, "email") != "ana@example.org" {
			t.Errorf("by ana's address one finds %s", a.body)
		}
	})
	if _, _, ok := core.ParseUsername("+18085550173"); ok {
		t.Error("a phone number is a username")
	}
}
