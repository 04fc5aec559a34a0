package core

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
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
	return matchRedirect(s.RedirectsAllowed, asked)
}

func matchRedirect(allowed []string, asked string) (string, bool) {
	if slices.Contains(allowed, asked) {
		return asked, true
	}
	if CheckRedirect(asked) != nil {
		return "", false
	}
	form := looseForm(asked)
	for _, registered := range allowed {
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

// registered says why an address cannot be one of the defaults.
func (s Settings) registered(uri string) error {
	if uri != "" && !slices.Contains(s.RedirectsAllowed, uri) {
		return errors.New("must be one of redirects.allowed")
	}
	return nil
}

func checkRedirects(list []string) error {
	if len(list) > 500 {
		return errors.New("must be at most 500 addresses")
	}
	for _, uri := range list {
		if err := CheckRedirect(uri); err != nil {
			return fmt.Errorf("has %q, which %w", uri, err)
		}
	}
	return nil
}

// CheckRedirect says why an address cannot be registered to send browsers to:
// it must be absolute, https (http on a loopback host only) or an
// application's own scheme, without user, fragment or odd characters.
func CheckRedirect(uri string) error {
	u, err := url.Parse(uri)
	if err != nil || len(uri) > 2048 || !isPlain(uri) || strings.ContainsAny(uri, " \\\"<>^`{|}") {
		return errors.New("is not a URL")
	}
	if u.User != nil || u.Fragment != "" || strings.HasSuffix(uri, "#") {
		return errors.New("has a user name or a fragment")
	}
	switch u.Scheme {
	case "https", "http":
		if u.Host == "" || u.Opaque != "" || u.Hostname() == "" {
			return errors.New("has no host")
		}
		if u.Scheme == "http" && !IsLoopback(u.Hostname()) {
			return errors.New("is http: only https leaves this machine safely")
		}
		return nil
	case "", "javascript", "data", "vbscript", "file", "blob", "about", "filesystem", "view-source":
		return errors.New("has a scheme that a browser runs or reads by itself")
	}
	if !strings.Contains(u.Scheme, ".") {
		return errors.New("has a scheme of its own that is not a reversed domain name such as com.example.app")
	}
	return nil
}

// IsLoopback reports whether a host name is this very machine.
func IsLoopback(host string) bool {
	return host == "localhost" || host == "127.0.0.1" || host == "::1" || strings.HasSuffix(host, ".localhost")
}
