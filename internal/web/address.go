package web

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks whose word about a client's address is taken. The
// zero value takes nobody's: the address is the connection's.
type Proxies []netip.Prefix

// ParseProxies reads addresses and networks in CIDR form.
func ParseProxies(list []string) (Proxies, error) {
	var p Proxies
	for _, text := range list {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("%q is neither an address nor a network such as 10.0.0.0/8", text)
			}
			prefix = netip.PrefixFrom(address, address.BitLen())
		}
		p = append(p, prefix.Masked())
	}
	return p, nil
}

func (p Proxies) trust(address netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// ClientAddress returns the client's address: the connection's, or behind
// trusted proxies the last one in X-Forwarded-For that is not a trusted proxy,
// read from the right, since whatever is further left was written by the
// client itself.
func (p Proxies) ClientAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	peer, err := netip.ParseAddr(host)
	if err != nil {
		return ""
	}
	peer = peer.Unmap().WithZone("")
	if !p.trust(peer) {
		return peer.String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		address, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		peer = address.Unmap().WithZone("")
		if !p.trust(peer) {
			break
		}
	}
	return peer.String()
}

// ParseAddress reads an IP address and gives it its one spelling.
func ParseAddress(text string) (string, error) {
	address, err := netip.ParseAddr(strings.TrimSpace(text))
	if err != nil {
		return "", err
	}
	return address.Unmap().WithZone("").String(), nil
}

// Network is what budgets count a client by: an IPv4 address, or the first 64
// bits of an IPv6 one, of which a single customer has all the others. Whoever
// has no address, as over a Unix socket, is counted together.
func Network(address string) string {
	parsed, err := netip.ParseAddr(address)
	if err != nil {
		return "none"
	}
	parsed = parsed.Unmap().WithZone("")
	if parsed.Is4() {
		return parsed.String()
	}
	return netip.PrefixFrom(parsed, 64).Masked().String()
}
