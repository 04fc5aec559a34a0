package hosted_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/web"
)

// The set of keys is at every place where a pool's pages are, for anybody, and
// may be kept for minutes but not for days (O36).
func TestO36KeySet(t *testing.T) {
	s := newSite(t, map[string]any{"token.format": "jwt"}, nil)
	s.newPool("shop", []string{"shop.example.org"}, map[string]any{"token.format": "jwt"})
	get := func(host, path string) (shown, web.KeySet) {
		r, err := http.NewRequest(http.MethodGet, s.server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		p := s.browser().do(r)
		var set web.KeySet
		if p.status == http.StatusOK {
			if err := json.Unmarshal([]byte(p.body), &set); err != nil {
				t.Fatalf("%s: %v", p.body, err)
			}
		}
		return p, set
	}
	const path = "/.well-known/jwks.json"
	p, demo := get("login.example.net", "/p/demo"+path)
	if p.status != 200 || p.header.Get("Content-Type") != "application/json" || p.header.Get("Cache-Control") != "public, max-age=300" || p.header.Get("Access-Control-Allow-Origin") != "*" || len(p.cookies) != 0 {
		t.Errorf("%d %v", p.status, p.header)
	}
	if len(demo.Keys) != 1 || demo.Keys[0].Type != "EC" || demo.Keys[0].Algorithm != "ES256" || demo.Keys[0].Curve != "P-256" || demo.Keys[0].Use != "sig" || len(demo.Keys[0].X) != 43 || len(demo.Keys[0].Y) != 43 {
		t.Errorf("the keys are %+v", demo)
	}
	_, shop := get("shop.example.org", path)
	_, again := get("login.example.net", "/p/demo"+path)
	if len(shop.Keys) != 1 || shop.Keys[0].ID == demo.Keys[0].ID || len(again.Keys) != 1 || again.Keys[0] != demo.Keys[0] {
		t.Errorf("each pool has its own key, once: %+v, %+v, %+v", demo, again, shop)
	}
	if p, _ := get("login.example.net", path); p.status != http.StatusNotFound {
		t.Errorf("at a host that is no pool's: %d", p.status)
	}
	if p, _ := get("login.example.net", "/p/nobody"+path); p.status != http.StatusNotFound {
		t.Errorf("of no pool: %d", p.status)
	}
	// A pool of opaque tokens has none, and makes none for whoever asks.
	opaque := newSite(t, nil, nil)
	if p := opaque.browser().get("/p/demo" + path); p.status != 200 || p.body != `{"keys":[]}` {
		t.Errorf("opaque: %d %s", p.status, p.body)
	}
}
