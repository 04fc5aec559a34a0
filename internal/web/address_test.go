package web

import (
	"net/http"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// The client's address is the connection's, unless the connection comes from a
// proxy that the operator named; then it is the last one that such a proxy
// saw. What a client writes itself counts for nothing (W8).
func TestW8ClientAddress(t *testing.T) {
	proxies, err := ParseProxies([]string{"10.0.0.0/8", "192.0.2.7", "2001:db8::/32"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name      string
		proxies   Proxies
		peer      string
		forwarded []string
		want      string
	}{
		{"no proxy", nil, "203.0.113.9:4711", nil, "203.0.113.9"},
		{"no proxy, forged", nil, "203.0.113.9:4711", []string{"1.2.3.4"}, "203.0.113.9"},
		{"a stranger, forged", proxies, "203.0.113.9:4711", []string{"1.2.3.4"}, "203.0.113.9"},
		{"one proxy", proxies, "10.1.1.1:80", []string{"203.0.113.9"}, "203.0.113.9"},
		{"one proxy, forged before it", proxies, "10.1.1.1:80", []string{"1.2.3.4, 203.0.113.9"}, "203.0.113.9"},
		{"two proxies", proxies, "10.1.1.1:80", []string{"203.0.113.9, 192.0.2.7"}, "203.0.113.9"},
		{"two headers", proxies, "10.1.1.1:80", []string{"1.2.3.4", "203.0.113.9"}, "203.0.113.9"},
		{"rubbish on the right", proxies, "10.1.1.1:80", []string{"203.0.113.9, unknown"}, "10.1.1.1"},
		{"nothing said", proxies, "10.1.1.1:80", nil, "10.1.1.1"},
		{"all are proxies", proxies, "10.1.1.1:80", []string{"10.2.2.2, 10.3.3.3"}, "10.2.2.2"},
		{"version 6", proxies, "[2001:db8::1]:80", []string{"2001:4860::8"}, "2001:4860::8"},
		{"version 4 in version 6", proxies, "[::ffff:10.1.1.1]:80", []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{"a zone", nil, "[fe80::1%eth0]:80", nil, "fe80::1"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.RemoteAddr = c.peer
		for _, value := range c.forwarded {
			r.Header.Add("X-Forwarded-For", value)
		}
		for _, name := range []string{"X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "Forwarded", "X_Forwarded_For"} {
			r.Header.Set(name, "198.51.100.1")
		}
		if got := c.proxies.ClientAddress(r); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	for _, text := range []string{"", "10.0.0.0/33", "proxy.example.org", "10.0.0"} {
		if _, err := ParseProxies([]string{text}); err == nil {
			t.Errorf("%q is taken for a proxy", text)
		}
	}
}

func TestNetwork(t *testing.T) {
	for address, want := range map[string]string{
		"203.0.113.7": "203.0.113.7", "::ffff:203.0.113.7": "203.0.113.7", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64", "2001:db8:1:2::": "2001:db8:1:2::/64",
		"2001:db8:1:3::": "2001:db8:1:3::/64", "fe80::1%eth0": "fe80::/64", "::1": "::/64", "": "none", "@": "none",
	} {
		if got := Network(address); got != want {
			t.Errorf("%q is counted as %q, want %q", address, got, want)
		}
	}
}

// A server application is told apart from people by what it calls with.
func TestWhoIsCountedByNetwork(t *testing.T) {
	r := Request{Address: "203.0.113.7"}
	for kind, want := range map[core.ActorKind]string{core.ActorClient: "203.0.113.7", core.ActorPerson: "203.0.113.7", core.ActorService: "", "": "203.0.113.7"} {
		if got := r.Caller("pol_x", core.Actor{Kind: kind}).Network; got != want {
			t.Errorf("a caller of the kind %q is counted as %q, want %q", kind, got, want)
		}
	}
}
