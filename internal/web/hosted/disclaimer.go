package hosted

import (
	"net/url"
	"strings"
)

// paragraph is a part of a disclaimer: words, some of which are links.
type paragraph []words

// words are text as it is, and where it leads; empty: nowhere.
type words struct {
	Text string
	Href string
}

// disclaimer reads the pool's text. Nothing in it is markup but empty lines and
// [words](https://...); what does not read as that is shown as it was written.
func disclaimer(text string) []paragraph {
	var all []paragraph
	for part := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if part = strings.TrimSpace(part); part != "" {
			all = append(all, linked(part))
		}
	}
	return all
}

func linked(text string) paragraph {
	var p paragraph
	plain := func(s string) {
		if s != "" {
			p = append(p, words{Text: s})
		}
	}
	for text != "" {
		before, after, _ := strings.Cut(text, "](")
		open := strings.LastIndexByte(before, '[')
		href, rest, closed := strings.Cut(after, ")")
		if !closed {
			plain(text)
			break
		}
		if open < 0 || strings.TrimSpace(before[open+1:]) == "" || !leadsOut(href) {
			plain(before + "](")
			text = after
			continue
		}
		plain(before[:open])
		p = append(p, words{before[open+1:], href})
		text = rest
	}
	return p
}

// leadsOut reports whether an address is one that a page may lead to: another
// site's, over https.
func leadsOut(href string) bool {
	u, err := url.Parse(href)
	return err == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil && len(href) <= 2048 && !strings.ContainsAny(href, " \t\n\\\"'<>`")
}
