package hosted

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// harmless says what a text has become that it must not: an element or an
// attribute that a contract does not need, or a link that is more than one.
func harmless(t *testing.T, m markdown, source string) {
	t.Helper()
	rendered, err := m.render(source)
	if err != nil {
		t.Fatal(err)
	}
	root, err := html.Parse(strings.NewReader(`<div id="text">` + string(rendered) + `</div>`))
	if err != nil {
		t.Fatal(err)
	}
	elements := []string{"html", "head", "body", "p", "br", "hr", "h3", "h4", "h5", "h6", "strong", "em", "ul", "ol", "li", "blockquote", "pre", "code", "a"}
	for n := range root.Descendants() {
		if n.Type == html.CommentNode || n.Type == html.DoctypeNode {
			t.Errorf("%q became %s: a comment", source, rendered)
		}
		if n.Type != html.ElementNode || n.Data == "div" && len(n.Attr) == 1 && n.Attr[0].Val == "text" {
			continue
		}
		if !slices.Contains(elements, n.Data) {
			t.Errorf("%q became %s: an element %s", source, rendered, n.Data)
		}
		for _, a := range n.Attr {
			switch value := strings.ToLower(a.Val); {
			case n.Data == "a" && a.Key == "href" && (strings.HasPrefix(value, "https://") || strings.HasPrefix(value, "http://") || strings.HasPrefix(value, "mailto:")):
			case n.Data == "a" && a.Key == "rel", n.Data == "a" && a.Key == "target" && a.Val == "_blank":
			case n.Data == "ol" && a.Key == "start":
			default:
				t.Errorf("%q became %s: an attribute %s=%q", source, rendered, a.Key, a.Val)
			}
		}
	}
	// The text stays inside of the place that it is put in.
	body := root.LastChild.LastChild
	if body.FirstChild == nil || body.FirstChild != body.LastChild {
		t.Errorf("%q became %s: it leaves its place", source, rendered)
	}
}

// hostile are texts that people with bad intentions would write.
func hostile() []string {
	scripts := []string{
		`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `<svg/onload=alert(1)>`, `<a href="javascript:alert(1)">x</a>`, `<style>*{display:none}</style>`,
		`<iframe src="https://evil.example"></iframe>`, `<form action="https://evil.example"><input name=password></form>`, `</div></section></form></main><h1>x</h1>`,
		`<base href="https://evil.example/">`, `<meta http-equiv=refresh content="0;url=https://evil.example">`, `<p onclick=alert(1) style="x" class="button" id="agreed-error">x</p>`,
		`<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>`, `<noscript><p title="</noscript><img src=x onerror=alert(1)>">`, `<!-- --!><img src=x onerror=alert(1)> -->`,
	}
	list := []string{
		`[x](javascript:alert(1))`, `[x](JaVaScRiPt:alert(1))`, `[x](&#106;avascript:alert(1))`, "[x](java\tscript:alert(1))", `[x](<javascript:alert(1)>)`, `[x](vbscript:x)`,
		`[x](data:text/html;base64,PHNjcmlwdD4=)`, `<javascript:alert(1)>`, `<data:text/html,x>`, `![x](https://evil.example/seen.png)`, `![x](x"onerror=alert(1)//)`,
		`[x](//evil.example)`, `[x](http:)`, `[x](http://)`, `[x](http://?x)`, `[x](https:evil)`, `[x](/dev/inbox)`, `[x](#agreed-error)`, `[x](https://a.example "t\" onclick=alert(1)")`, `[x]: javascript:alert(1)` + "\n\n[x]", "```\"onclick=alert(1)\n<script>\n```",
		"999999999999. x", "0. x", "&lt;script&gt;alert(1)&lt;/script&gt;", "\\<script>", "<\x00script>", "<scr<script>ipt>", "{{.}}", strings.Repeat("> ", 500) + "x", strings.Repeat("> ", 40) + "x", strings.Repeat("*_", 500),
	}
	for _, s := range scripts {
		list = append(list, s, "# "+s, "> "+s, "- "+s, "1. x\n\n   "+s, "`"+s+"`", "    "+s, "*"+s+"*", "["+s+"](https://a.example)", `[x](https://a.example "`+s+`")`, "a\n"+s+"\nb")
	}
	return list
}

// The text of an agreement brings no script, no form, no picture and no look
// of its own to a page (W5).
func TestW5AgreementsAreHarmless(t *testing.T) {
	m := newMarkdown()
	for _, source := range hostile() {
		harmless(t, m, source)
	}
}

func FuzzAgreementText(f *testing.F) {
	for _, source := range hostile() {
		f.Add(source)
	}
	m := newMarkdown()
	f.Fuzz(func(t *testing.T, source string) { harmless(t, m, source) })
}

// costly are texts for which the work of a reader of Markdown grows with the
// square of their length, or what they become does, at a length of n.
func costly(n int) map[string]string {
	of := func(part string) string { return strings.Repeat(part, n/len(part)) }
	var references strings.Builder
	for i := 0; references.Len() < n; i++ {
		references.WriteString("[a" + strconv.Itoa(i) + "]: x\n")
	}
	return map[string]string{
		"links without end": of("[a]("), "links to half an address": of("[a](b"), "links to half an address in brackets": of("[a](<b"),
		"brackets in brackets": strings.Repeat("[", n/2) + strings.Repeat("]", n/2), "addresses to refer to": references.String(), "pictures": of("![["),
		"quotations": of(">"), "quotations, apart": of("> "), "quotations with tabs": of(">\t"), "quotations behind text": "x\n\n" + of("> "),
		"quotations behind a return": "x\r\n\r\n" + of("> "), "numbered lists": of("1. "), "numbered lists in brackets": of("23) "), "lists": "x" + of("\n") + of("- "),
		"lists of kinds": of("- + * "), "lists in quotations": of("> - "), "a list far in": "   " + of("+   "),
	}
}

// A text that would hold the server up is shown as it was written: what costs
// most is never begun, and what it becomes is not much longer than itself.
func TestCostlyAgreementsAreShownAsTheyAre(t *testing.T) {
	m := newMarkdown()
	for name, source := range costly(core.MaxAgreementText) {
		rendered, err := m.render(source)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(rendered), "<pre>") || len(rendered) > 5*len(source)+20 {
			t.Errorf("law: a text that costs much is shown as it was written; %s became %d bytes that begin %.40q", name, len(rendered), rendered)
		}
		harmless(t, m, source)
	}
	for _, source := range hostile() {
		harmless(t, m, strings.Repeat("[", maxBrackets+1)+source)
	}
	// A long contract is still one.
	contract := strings.Repeat("# 1. Terms\n\nA [link](https://a.example) and *more*, on a line that goes on for a while, and for a while, and on.\n\n> Note\n>> More\n\n1. one\n   - two\n\n* * * * *\n\n", 400)
	rendered, err := m.render(contract)
	if err != nil || !strings.HasPrefix(string(rendered), "<h3>") || strings.Count(string(rendered), "<a href") != 400 {
		t.Errorf("law: a long contract with 400 links is read; it became %d bytes that begin %.40q (%v)", len(rendered), rendered, err)
	}
}

// What a contract needs is there.
func TestAgreementText(t *testing.T) {
	for source, want := range map[string]string{
		"# One\n## Two\n###### Six": "<h3>One</h3>\n<h4>Two</h4>\n<h6>Six</h6>\n",
		"one\ntwo\n\nthree":         "<p>one\ntwo</p>\n<p>three</p>\n",
		"a < b & \"c\"":             "<p>a &lt; b &amp; &#34;c&#34;</p>\n",
		"3. three\n4. **four**":     "<ol start=\"3\">\n<li>three</li>\n<li><strong>four</strong></li>\n</ol>\n",
		"- a\n- b":                  "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n",
		"<me@acme.example>":         "<p><a href=\"mailto:me@acme.example\" rel=\"nofollow noreferrer\">me@acme.example</a></p>\n",
		"":                          "",
	} {
		got, err := newMarkdown().render(source)
		if err != nil || string(got) != want {
			t.Errorf("%q became %q, want %q (%v)", source, got, want, err)
		}
	}
}
