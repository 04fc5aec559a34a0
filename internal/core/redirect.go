package core

import (
	"net"
	"net/url"
	"slices"
	"strconv"
)

// MatchRedirect returns the address to send a browser to: the one asked for,
// if it is registered character by character, or the default where none is
// asked for. Two things may differ (RFC 8252 section 7.3 and plain origins): the port
// of a loopback address, and a final slash after a bare origin. It returns
// false for anything else.
func (s Settings) MatchRedirect(asked string) (string, bool) {
	if asked == "" {
		return s.RedirectsDefault, true
	}
	if slices.Contains(s.RedirectsAllowed, asked) {
		return asked, true
	}
	if CheckRedirect(asked) != nil {
		return "", false
	}
	form := looseForm(asked)
	for _, registered := range s.RedirectsAllowed {
		if looseForm(registered) == form {
			return asked, true
		}
	}
	return "", false
}

// DefaultRedirect is where a flow of these types ends whose application named
// no address; empty: nowhere.
func (s Settings) DefaultRedirect(types []FlowType) string {
	if len(types) == 1 && types[0] == FlowSignup && s.RedirectsSignup != "" {
		return s.RedirectsSignup
	}
	if len(types) == 1 && types[0] == FlowSignin && s.RedirectsSignin != "" {
		return s.RedirectsSignin
	}
	return s.RedirectsDefault
}

// AllowsOrigin reports whether a page of this origin (RFC 6454 section 7) is one
// that the pool sends browsers back to.
func (s Settings) AllowsOrigin(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme+"://"+u.Host != origin || u.Host == "" {
		return false
	}
	form := looseForm(origin)
	for _, registered := range s.RedirectsAllowed {
		page, err := url.Parse(registered)
		if err == nil && page.Host != "" && looseForm(page.Scheme+"://"+page.Host) == form {
			return true
		}
	}
	return false
}

// looseForm writes an address without what may differ.
func looseForm(uri string) string {
	u, err := url.Parse(uri)
	// Only a URL that says the same when it is written again is compared
	// loosely: what two parsers might read differently has to match exactly.
	if err != nil || u.String() != uri {
		return uri
	}
	if host, port, err := net.SplitHostPort(u.Host); err == nil && u.Scheme == "http" && IsLoopback(host) && isPort(port) {
		u.Host = host
		if host == "::1" {
			u.Host = "[::1]"
		}
	}
	if u.Path == "/" && u.RawQuery == "" && !u.ForceQuery {
		u.Path = ""
	}
	return u.String()
}

// isPort reports whether text is a port's number in its only spelling.
func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == text
}
