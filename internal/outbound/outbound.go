// Package outbound calls addresses that others than the operator may have
// chosen, such as those in a pool's settings, and what they lead to. Nothing of
// the server's own network can be reached by it, unless the operator says so:
// each address is looked at when the connection is made, after its name was
// resolved. Start with [New].
package outbound

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// timeout is how long a call may take, from the first byte to the last.
	timeout = 5 * time.Second
	// bodyMost is how long an answer may be, in bytes, and headerMost its header.
	bodyMost   = 1 << 20
	headerMost = 64 << 10
	// parallel is how many calls to one host there are at a time.
	parallel = 32
)

// ErrRefused is returned for an address that may not be called.
var ErrRefused = errors.New("this address may not be called; outbound_allow lists exceptions")

// ErrTooLarge is returned while an answer is read that is longer than any is.
var ErrTooLarge = errors.New("the answer is larger than 1 MiB")

// Allowed are the exceptions that the operator makes: networks, and hosts with
// their ports.
type Allowed struct {
	networks []netip.Prefix
	hosts    map[string]bool // in lower case, with the port
}

// ParseAllowed reads exceptions: addresses (10.0.0.7), networks (10.0.0.0/8),
// and hosts with a port (idp.internal:8443). Below the first two every port may
// be called.
func ParseAllowed(list []string) (Allowed, error) {
	a := Allowed{hosts: map[string]bool{}}
	for _, text := range list {
		if network, err := netip.ParsePrefix(text); err == nil {
			a.networks = append(a.networks, network.Masked())
			continue
		}
		if address, err := netip.ParseAddr(text); err == nil {
			a.networks = append(a.networks, netip.PrefixFrom(address, address.BitLen()))
			continue
		}
		host, port, err := net.SplitHostPort(text)
		if n, wrong := strconv.ParseUint(port, 10, 16); err != nil || wrong != nil || n == 0 || host == "" || strings.ContainsAny(host, "/ ") {
			return Allowed{}, fmt.Errorf("%q is neither an address, a network such as 10.0.0.0/8, nor a host with a port such as idp.internal:8443", text)
		}
		a.hosts[strings.ToLower(net.JoinHostPort(host, port))] = true
	}
	return a, nil
}

func (a Allowed) network(address netip.Addr) bool {
	for _, network := range a.networks {
		if network.Contains(address) {
			return true
		}
	}
	return false
}

// New makes the client. It follows no redirects, takes no proxy, ends after 5
// seconds, and reads no more than 1 MiB of an answer.
func New(allowed Allowed) *http.Client {
	return newClient(allowed, nil)
}

func newClient(allowed Allowed, resolver *net.Resolver) *http.Client {
	encrypted, plain := newTransport(guard{allowed, []uint16{443}}, resolver), newTransport(guard{allowed, nil}, resolver)
	return &http.Client{
		Timeout:       timeout,
		Transport:     bounded{encrypted, plain},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func newTransport(g guard, resolver *net.Resolver) *http.Transport {
	return &http.Transport{
		DialContext:       g.dial(resolver),
		ForceAttemptHTTP2: true, DisableCompression: true, MaxResponseHeaderBytes: headerMost,
		MaxConnsPerHost: parallel, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: timeout,
	}
}

// Dial makes what opens connections of other protocols under the same rules, to
// these ports in place of 443.
func Dial(allowed Allowed, ports ...uint16) func(ctx context.Context, network, address string) (net.Conn, error) {
	return guard{allowed: allowed, ports: ports}.dial(nil)
}

// guard looks at each address when a connection to it is made: what a name
// resolved to before says nothing about what it resolves to then.
type guard struct {
	allowed Allowed
	ports   []uint16 // nil: none but the exceptions'
}

func (g guard) dial(resolver *net.Resolver) func(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := &net.Dialer{Timeout: timeout, Control: g.control, Resolver: resolver}
	free := &net.Dialer{Timeout: timeout, Resolver: resolver}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if g.allowed.hosts[strings.ToLower(address)] {
			return free.DialContext(ctx, network, address)
		}
		return dialer.DialContext(ctx, network, address)
	}
}

func (g guard) control(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %s", ErrRefused, address)
	}
	if g.allowed.network(to.Addr().Unmap().WithZone("")) {
		return nil
	}
	if why := inner(to.Addr()); why != "" || !slices.Contains(g.ports, to.Port()) {
		return fmt.Errorf("%w: %s", ErrRefused, address)
	}
	return nil
}

// network is one that no public service is in.
type network struct {
	prefix string
	why    string
}

// networks are those of the registries of special addresses (RFC 6890 and what
// came after) that are not for everybody to reach, or that lead to others.
func networks() []network {
	return []network{
		{"0.0.0.0/8", "this network"},
		{"10.0.0.0/8", "private"},
		{"100.64.0.0/10", "shared by a provider's customers"},
		{"127.0.0.0/8", "loopback"},
		{"169.254.0.0/16", "link-local, where clouds keep their metadata"},
		{"172.16.0.0/12", "private"},
		{"192.0.0.0/24", "protocol assignments"},
		{"192.0.2.0/24", "documentation"},
		{"192.88.99.0/24", "6to4 relays"},
		{"192.168.0.0/16", "private"},
		{"198.18.0.0/15", "benchmarks"},
		{"198.51.100.0/24", "documentation"},
		{"203.0.113.0/24", "documentation"},
		{"224.0.0.0/4", "multicast"},
		{"240.0.0.0/4", "reserved, and broadcast"},
		{"::/96", "unspecified, loopback, and IPv4 in its oldest spelling"},
		{"::ffff:0:0:0/96", "IPv4 translated"},
		{"64:ff9b::/96", "leads to IPv4"},
		{"64:ff9b:1::/48", "leads to IPv4"},
		{"100::/64", "discarded"},
		{"2001::/23", "protocol assignments, Teredo"},
		{"2001:db8::/32", "documentation"},
		{"2002::/16", "6to4, leads to IPv4"},
		{"3fff::/20", "documentation"},
		{"5f00::/16", "segment routing"},
		{"fc00::/7", "private"},
		{"fe80::/10", "link-local"},
		{"fec0::/10", "site-local"},
		{"ff00::/8", "multicast"},
	}
}

// inner says why an address is not for everybody to reach; empty: it is.
func inner(address netip.Addr) string {
	address = address.Unmap().WithZone("")
	for _, n := range networks() {
		if netip.MustParsePrefix(n.prefix).Contains(address) {
			return n.why
		}
	}
	if !address.IsGlobalUnicast() {
		return "not one host"
	}
	return ""
}

// bounded takes no more of an answer than there may be.
type bounded struct {
	encrypted, plain *http.Transport
}

// RoundTrip implements [http.RoundTripper].
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	through := b.encrypted
	switch r.URL.Scheme {
	case "https":
	case "http":
		through = b.plain
	default:
		return nil, ErrRefused
	}
	answer, err := through.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = &limited{answer.Body, bodyMost}
	return answer, nil
}

// CloseIdleConnections is for [http.Client.CloseIdleConnections].
func (b bounded) CloseIdleConnections() {
	b.encrypted.CloseIdleConnections()
	b.plain.CloseIdleConnections()
}

// limited ends with an error where the answer goes on, so that nobody takes its
// beginning for all of it.
type limited struct {
	io.ReadCloser
	left int
}

// Read implements [io.Reader].
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p[:min(len(p), l.left+1)])
	if n > l.left {
		return l.left, ErrTooLarge
	}
	l.left -= n
	return n, err
}
