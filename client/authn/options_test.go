package authn_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gatehouse-id/gatehouse/client/authn"
)

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct{ url, token string }{
		{"", "pts_x"}, {"id.example.org", "pts_x"}, {"ftp://id.example.org", "pts_x"}, {"https://", "pts_x"}, {"https://a:b@id.example.org", "pts_x"},
		{"https://id.example.org?x=1", "pts_x"}, {"https://id.example.org#x", "pts_x"}, {"https://id.example.org/%zz", "pts_x"},
		{"https://id.example.org", ""}, {"https://id.example.org", "pts x"}, {"https://id.example.org", "pts_x\r\nX: y"}, {"https://id.example.org", "ü"},
	} {
		if _, err := authn.New(c.url, c.token); err == nil {
			t.Errorf("taken: %q with %q", c.url, c.token)
		}
	}
	for name, option := range map[string]authn.Option{
		"no client": authn.WithHTTPClient(nil), "fewer than no retries": authn.WithRetries(-1), "less than no patience": authn.WithPatience(-1),
		"a header in the name": authn.WithUserAgent("shop\r\nX: y"),
	} {
		if _, err := authn.New("https://id.example.org", "pts_x", option); err == nil {
			t.Errorf("taken: %s", name)
		}
	}
}

// What every request has, under any base URL.
func TestRequests(t *testing.T) {
	var got string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = fmt.Sprintln(r.Method, r.URL.Path, r.Header.Get("Authorization"), r.Header.Get("Content-Type"), r.Header.Get("User-Agent"), r.Header["X-End-User-Address"])
		fmt.Fprint(w, `{"status":"Success","result":null}`)
	}))
	t.Cleanup(s.Close)
	for _, c := range []struct {
		base, path, agent string
		options           []authn.Option
	}{
		{"", "/v2/user/delete", "gatehouse-authn-go", nil},
		{"/", "/v2/user/delete", "gatehouse-authn-go shop/1.4", []authn.Option{authn.WithUserAgent("shop/1.4")}},
		{"/id", "/id/v2/user/delete", "gatehouse-authn-go", []authn.Option{authn.WithUserAgent("")}},
		{"/id/", "/id/v2/user/delete", "gatehouse-authn-go", nil},
	} {
		a := ok(authn.New(s.URL+c.base, "pts_x", c.options...))(t)
		if err := a.User.Delete(t.Context(), authn.ByID("x")); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintln("POST", c.path, "Bearer pts_x", "application/json", c.agent, []string(nil)); got != want {
			t.Errorf("got  %swant %s", got, want)
		}
	}
}
