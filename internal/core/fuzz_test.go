package core_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// place is what a browser makes of an address (the URL standard of the WHATWG,
// whose parser takes more than RFC 3986 allows): its scheme and its host.
func place(address string) (scheme, host string) {
	address = strings.TrimFunc(address, func(r rune) bool { return r <= ' ' })
	address = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(address)
	scheme, rest, found := strings.Cut(address, ":")
	if !found {
		return "", ""
	}
	scheme = strings.ToLower(scheme)
	ends := "/?#"
	if scheme == "http" || scheme == "https" {
		rest, ends = strings.TrimLeft(rest, `/\`), `/\?#`
	} else if rest, found = strings.CutPrefix(rest, "//"); !found {
		return scheme, ""
	}
	if end := strings.IndexAny(rest, ends); end >= 0 {
		rest = rest[:end]
	}
	host = rest[strings.LastIndexByte(rest, '@')+1:]
	if colon := strings.LastIndexByte(host, ':'); colon > strings.LastIndexByte(host, ']') {
		host = host[:colon]
	}
	if plain, err := url.PathUnescape(host); err == nil {
		host = plain
	}
	return scheme, strings.ToLower(host)
}

// FuzzMatchRedirect registers one address and asks for another: a browser is
// sent to what was asked for, only if that might be registered itself, leads to
// the same place by the browser's own rules, and differs in nothing but the
// port of this very machine or the slash behind a bare origin (O1, O3).
func FuzzMatchRedirect(f *testing.F) {
	own := []string{"https://app.example.org/cb", "http://localhost:3000/cb", "com.example.app:/cb", "https://origin.example.org", "http://[::1]:80/cb", "https://q.example.org/cb?tenant=1", "https://x.example/%c3%a9"}
	for i, asked := range hostile() {
		f.Add(own[i%len(own)], asked)
	}
	for _, registered := range own {
		for _, asked := range []string{registered, registered + "/", registered + "?", registered + "#", strings.ToUpper(registered), strings.Replace(registered, ":3000", ":1", 1), strings.Replace(registered, "/cb", "\\cb", 1), strings.Replace(registered, "//", "//x@", 1), strings.Replace(registered, "//", "/", 1)} {
			f.Add(registered, asked)
		}
	}
	f.Fuzz(func(t *testing.T, registered, asked string) {
		s := core.Settings{RedirectsAllowed: []string{registered}}
		to, ok := s.MatchRedirect(asked)
		if !ok && to != "" || ok && to != asked {
			t.Fatalf("law: a browser is sent to where was asked for, or nowhere; %+q gave %+q", asked, to)
		}
		if core.CheckRedirect(registered) != nil {
			return // it cannot be registered
		}
		if !ok {
			if asked == registered {
				t.Fatalf("law: what is registered matches; %+q does not", asked)
			}
			return
		}
		if asked == "" {
			return
		}
		if err := core.CheckRedirect(asked); err != nil {
			t.Fatalf("law: what matches might be registered itself; with %+q, %+q %v", registered, asked, err)
		}
		scheme, host := place(asked)
		if s, h := place(registered); s != scheme || h != host {
			t.Fatalf("law: a browser finds the registered place; with %+q it goes by %+q to %+q at %+q", registered, asked, scheme, host)
		}
		if scheme != "https" && scheme != "http" && asked != registered {
			t.Fatalf("law: of a scheme of its own every letter counts; with %+q, %+q matches", registered, asked)
		}
		if strings.TrimSuffix(asked, "/") != strings.TrimSuffix(registered, "/") && (scheme != "http" || !core.IsLoopback(strings.Trim(host, "[]"))) {
			t.Fatalf("law: only on this machine may more than a slash differ; with %+q, %+q matches", registered, asked)
		}
	})
}
