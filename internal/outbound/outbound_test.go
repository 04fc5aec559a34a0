package outbound

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// addresses are ways to spell where nobody may call from here. {port} is the
// port of a listener on every address of this machine.
func addresses() []string {
	hosts := []string{
		"127.0.0.1", "127.1", "127.0.1", "127.255.255.254", "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "0177.0.0.1", "0", "0.0.0.0", "0.0.0.1", "localhost", "LOCALHOST", "localhost.",
		"[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]", "[::1%25lo]",
		"169.254.169.254", "[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.170.2", "[fd00:ec2::254]", "100.100.100.200", "192.0.0.192",
		"10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "100.127.255.255", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9",
		"224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255", "[fc00::1]", "[fd12:3456:789a::1]", "[fe80::1]", "[fe80::1%25eth0]", "[fec0::1]", "[ff02::1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]",
		"[64:ff9b:1::1]", "[2002:7f00:1::]", "[2002:a9fe:a9fe::]", "[2001:0:7f00:1::]", "[2001:db8::1]", "[100::1]", "[5f00::1]", "[3fff::1]",
		"rebinding.test", "mapped.test", "both.test", "metadata.test",
	}
	var all []string
	for _, host := range hosts {
		all = append(all, "https://"+host+":{port}/")
	}
	for _, host := range []string{"127.0.0.1", "[::1]", "localhost", "169.254.169.254", "rebinding.test", "2130706433", "0"} {
		all = append(all, "https://"+host+"/", "http://"+host+"/", "http://"+host+":{port}/")
	}
	return append(all, "http://1.1.1.1/", "https://1.1.1.1:22/", "https://1.1.1.1:80/", "file:///etc/passwd", "gopher://127.0.0.1:{port}/", "ftp://127.0.0.1/", "unix:///run/docker.sock", "https://user:pw@127.0.0.1:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "//127.0.0.1/")
}

// resolver answers as a hostile name server does: what is asked for twice has
// another address the second time.
func resolver(t *testing.T) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	var asked atomic.Int64
	go func() {
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buffer[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Authoritative, m.Additionals = true, true, nil
			add := func(body dnsmessage.ResourceBody) {
				m.Answers = append(m.Answers, dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: body})
			}
			if q.Type == dnsmessage.TypeA {
				switch strings.ToLower(q.Name.String()) {
				case "rebinding.test.": // public for who looks first
					if asked.Add(1)%2 == 1 {
						add(&dnsmessage.AResource{A: [4]byte{192, 0, 0, 8}})
					} else {
						add(&dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}})
					}
				case "both.test.":
					add(&dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}})
					add(&dnsmessage.AResource{A: [4]byte{10, 0, 0, 1}})
				case "metadata.test.":
					add(&dnsmessage.AResource{A: [4]byte{169, 254, 169, 254}})
				case "inner.test.":
					add(&dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}})
				}
			} else if q.Type == dnsmessage.TypeAAAA && q.Name.String() == "mapped.test." {
				add(&dnsmessage.AAAAResource{AAAA: [16]byte{10: 0xff, 11: 0xff, 12: 127, 15: 1}})
			}
			if packed, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(packed, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// canary counts what reaches this machine.
func canary(t *testing.T) (port string, reached *atomic.Int64) {
	t.Helper()
	reached = new(atomic.Int64)
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			reached.Add(1)
			_ = conn.Close()
		}
	}()
	_, port, err = net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, reached
}

func TestX16NothingInsideIsCalled(t *testing.T) {
	port, reached := canary(t)
	client := newClient(Allowed{}, resolver(t))
	all := addresses()
	if len(all) < 80 {
		t.Fatalf("law: the corpus has 80 addresses; it has %d", len(all))
	}
	for _, address := range all {
		for range 2 { // of a name that is bound anew, the second time counts
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.ReplaceAll(address, "{port}", port), nil)
			if err != nil {
				cancel()
				break // no address at all
			}
			answer, err := client.Do(request)
			if err == nil {
				_ = answer.Body.Close()
				t.Errorf("law: nothing inside is called; %s answered %s", address, answer.Status)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("law: what is inside is not even tried; %s took too long", address)
			}
			cancel()
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("law: not one connection reaches this machine; %d did", n)
	}
}

func TestX16NoRedirectIsFollowed(t *testing.T) {
	port, reached := canary(t)
	server := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:"+port+"/", http.StatusFound))
	defer server.Close()
	allowed, err := ParseAllowed([]string{strings.TrimPrefix(server.URL, "http://")})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := New(allowed).Get(server.URL)
	if err != nil || answer.StatusCode != http.StatusFound {
		t.Fatalf("law: a redirect is an answer like others; got %v, %v", answer, err)
	}
	_ = answer.Body.Close()
	if reached.Load() != 0 {
		t.Error("law: no redirect is followed; this one was")
	}
}

func TestOperatorMakesExceptions(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "here") }))
	defer server.Close()
	_, port, err := net.SplitHostPort(strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		allow   []string
		address string
		reached bool
	}{
		{nil, server.URL, false},
		{[]string{"127.0.0.1"}, server.URL, true},
		{[]string{"127.0.0.0/8"}, server.URL, true},
		{[]string{"127.0.0.1:" + port}, server.URL, true},
		{[]string{"127.0.0.1:1"}, server.URL, false},
		{[]string{"10.0.0.0/8", "::1"}, server.URL, false},
		{[]string{"inner.test:" + port}, "http://inner.test:" + port, true},
		{[]string{"inner.test:" + port}, "http://INNER.test:" + port, true},
		{[]string{"inner.test:" + port}, "http://both.test:" + port, false},
	} {
		allowed, err := ParseAllowed(c.allow)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := newClient(allowed, resolver(t)).Get(c.address)
		if err == nil {
			_ = answer.Body.Close()
		}
		if (err == nil) != c.reached || err != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("law: what the operator allows can be called, and nothing else; %v with %v: %v", c.address, c.allow, err)
		}
	}
	for _, wrong := range []string{"", "x", "10.0.0.0/33", "host", "host:", ":1", "host:0", "host:70000", "http://host:1", "a b:1"} {
		if _, err := ParseAllowed([]string{wrong}); err == nil {
			t.Errorf("law: what is no exception is told; %q was taken", wrong)
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	size := new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, size.Load()))
	}))
	defer server.Close()
	allowed, err := ParseAllowed([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int64]error{0: nil, bodyMost: nil, bodyMost + 1: ErrTooLarge, 10 * bodyMost: ErrTooLarge} {
		size.Store(n)
		answer, err := New(allowed).Get(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if !errors.Is(err, want) || int64(len(body)) > bodyMost {
			t.Errorf("law: an answer of %d bytes ends with %v; got %d bytes and %v", n, want, len(body), err)
		}
	}
}

func TestPublicAddressesAreNotInner(t *testing.T) {
	for _, address := range []string{"1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0", "192.0.1.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00:1450:4001::1", "::ffff:1.1.1.1"} {
		if why := inner(netip.MustParseAddr(address)); why != "" {
			t.Errorf("law: what everybody can reach can be called; %s is %s", address, why)
		}
	}
}
