package hosted

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// protect sets the headers that every answer carries.
func (p *Pages) protect(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy())
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if p.Secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// contentPolicy is what a page may do: nothing but show itself and send its
// forms. The ones with a script may run it too: see render. Browsers hold the redirect after a form to form-action too, so a page
// whose form may end in an application names it.
func contentPolicy(targets ...string) string {
	action := strings.Join(append([]string{"'self'"}, targets...), " ")
	return "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action " + action + "; base-uri 'none'; frame-ancestors 'none'"
}

// formTarget is a redirect as a source of the content policy (CSP 3 section
// 2.3.1): its origin, or its scheme where the grammar has no form for the
// host, as for an IPv6 address and for an application's own scheme.
func formTarget(redirect string) []string {
	u, err := url.Parse(redirect)
	if redirect == "" || err != nil || !plainSource(u.Scheme, "+-.") {
		return nil
	}
	if (u.Scheme == "https" || u.Scheme == "http") && plainSource(u.Host, "-.:") {
		return []string{u.Scheme + "://" + u.Host}
	}
	return []string{u.Scheme + ":"}
}

// plainSource reports whether text is letters, digits and a few marks, and so
// cannot end a source or a directive.
func plainSource(text, marks string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(marks, r))
	})
}

// maxTargets is how many redirects a policy names before it names their
// schemes, so that the header stays small.
const maxTargets = 20

// anyTarget is every registered redirect of a pool, for a page that cannot
// know yet which one its form ends in. The port of a loopback host may be any.
func anyTarget(s core.Settings) []string {
	var origins, schemes []string
	add := func(list *[]string, source string) {
		if !slices.Contains(*list, source) {
			*list = append(*list, source)
		}
	}
	for _, redirect := range s.RedirectsAllowed {
		for _, source := range formTarget(redirect) {
			if u, err := url.Parse(redirect); err == nil && u.Scheme == "http" && strings.Contains(source, "//") {
				source = "http://" + u.Hostname() + ":*"
			}
			add(&origins, source)
			scheme, _, _ := strings.Cut(source, ":")
			add(&schemes, scheme+":")
		}
	}
	if len(origins) > maxTargets {
		return schemes
	}
	return origins
}
