package core_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// smuggled are texts that one program reads as an address and another as a
// different one, or as more than one.
func smuggled() []string {
	all := []string{
		// No address at all.
		"", " ", "@", "a", "a@", "@b.org", "a@b", "@@", "a@@b.org", ".@b.org", "a@.", "a@b.", "a@.b", "example.org", "a.example.org",
		// More than one @.
		"a@b@example.org", "a@example.org@evil.org", "a@evil.org,b@example.org", "a@evil.org;b@example.org", "a@evil.org b@example.org",
		"a@evil.org%40example.org", "a@evil.org@", "@evil.org@example.org", "<@evil.org:a@example.org>", "@evil.org:a@example.org", "a@example.org\x00@evil.org",
		// Quoted local parts.
		`"a"@example.org`, `"a b"@example.org`, `"a@evil.org"@example.org`, `""@example.org`, `" "@example.org`, `"a\"b"@example.org`, `a."b"@example.org`,
		`"a".b@example.org`, `"@"@example.org`, `a"b@example.org`, `'a'b"@example.org`, `\a@example.org`, `a\@b@example.org`, `"a` + "\r\n " + `b"@example.org`,
		// Comments and folding white space.
		"(x)a@example.org", "a(x)@example.org", "a@(x)example.org", "a@example.org(x)", "a@example(.org)", "a (x) @example.org", "a@example.org (b@evil.org)",
		" a@example.org", "a@example.org ", "a @example.org", "a@ example.org", "a@exam ple.org", "a b@example.org", "\ta@example.org", "a@example.org\t",
		// Display names, lists, groups, links.
		"Ana <a@example.org>", "<a@example.org>", `"Ana" <a@example.org>`, "a@evil.org <a@example.org>", "a@example.org <a@evil.org>", "a@example.org>",
		"<a@example.org", "g:a@example.org,b@example.org;", "undisclosed-recipients:;", "mailto:a@example.org", "a@example.org?cc=b@evil.org", "a@example.org?subject=x",
		"a@example.org/path", "a@example.org#x", "https://a@example.org", "a@example.org,", "a@example.org;", "a@example.org:25", "a@example.org|b",
		// Encoded words and percent-encoding.
		"=?utf-8?q?a=40evil.org?=@example.org@x", "=?utf-8?q?a?= <a@example.org>", "a@=?utf-8?q?example?=.org", "=?x?q?=41=42=43collab=40psres.net=3e=20?=foo@example.org>",
		"a%00@example.org ", "a@example%2eorg", "a@example.org%0d%0abcc:b@evil.org", "a@%65xample.org",
		// Address literals, numbers and other hosts.
		"a@[127.0.0.1]", "a@[IPv6:::1]", "a@[::1]", "a@[x]", "a@127.0.0.1", "a@1.2.3.4", "a@0x7f.1", "a@2130706433", "a@[127.0.0.1", "a@127.0.0.1]", "a@localhost", "a@example.123",
		// Dots and hyphens.
		"a.@example.org", ".a@example.org", "a..b@example.org", "a@example..org", "a@.example.org", "a@example.org.", "a@example.org..", "a@-example.org",
		"a@example-.org", "a@example.-org", "a@example.org-", "a@exa_mple.org", "a@ex!ample.org", "a@ex*ample.org", "a@*.org", "a@xn--.org", "a@xn--a-.org", "a@xn--0000000.org", "a@ab--cd.org",
		"a@example。org。", "a@example．org", "a@example｡org", "a@example․org", "a@example⒈org", "a@exa⁄mple.org", "a@exa／mple.org", "a@example.org＠evil.org", "a＠example.org",
		// Line ends, controls, direction, zero width.
		"a@example.org\r\nBcc: b@evil.org", "a\r\n@example.org", "a@example.org\n", "\na@example.org", "a@example.org\r", "a\nb@example.org", "a@exam\nple.org",
		"a\x00@example.org", "a@example.org\x00", "a@exa\x00mple.org", "\x00a@example.org", "a\x01@example.org", "a\x7f@example.org", "a\x1b[31m@example.org", "a\u0085@example.org",
		"a\u2028@example.org", "a\u2029@example.org", "a\u200b@example.org", "a\u200d@example.org", "\ufeffa@example.org", "a\u202eb@example.org", "a\u2066b@example.org", "a\u00a0b@example.org",
		// Not text, or not a letter of any language.
		"a\xff@example.org", "a\xc0\x80@example.org", "a\xed\xa0\x80@example.org", "a@example\xff.org", "a\ufffd@example.org", "a\ue000@example.org", "a\U000e0041@example.org", "a\ufdd0@example.org", "😀@example.org", "a@😀",
		// Too long.
		strings.Repeat("a", 65) + "@example.org", strings.Repeat("a", 10000) + "@example.org", strings.Repeat("é", 33) + "@example.org",
		"a@" + strings.Repeat("b", 64) + ".org", "a@" + strings.Repeat("b.", 130) + "org", strings.Repeat("a", 64) + "@" + strings.Repeat("b.", 95) + "org",
		"a@" + strings.Repeat("é", 60) + ".org", strings.Repeat("@", 300),
	}
	// Each special character of RFC 5322, inside and at the ends of either part.
	for _, special := range "()<>[]:;@\\,\" " {
		all = append(all, fmt.Sprintf("a%cb@example.org", special), fmt.Sprintf("%ca@example.org", special), fmt.Sprintf("a@exa%cmple.org", special))
	}
	return all
}

// TestI12EmailSmuggling is abuse case I12.
func TestI12EmailSmuggling(t *testing.T) {
	all := smuggled()
	different := make(map[string]bool)
	for _, s := range all {
		different[s] = true
		if email, ok := core.ParseEmail(s); ok {
			t.Errorf("law: what two programs may read differently is no address; %+q was read as %+q", s, email.Text)
		}
	}
	if len(different) < 120 {
		t.Errorf("the corpus has %d texts in place of 120", len(different))
	}
}
