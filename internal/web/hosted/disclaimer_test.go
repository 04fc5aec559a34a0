package hosted

import (
	"reflect"
	"strings"
	"testing"
)

// A disclaimer is words and links that lead out over https, and nothing else.
func TestDisclaimers(t *testing.T) {
	text := func(s string) paragraph { return paragraph{{Text: s}} }
	for given, want := range map[string][]paragraph{
		"":                           nil,
		" \r\n\r\n ":                 nil,
		"One.\r\n\r\nTwo,\nthree.\n": {text("One."), text("Two,\nthree.")},
		"[terms](https://a.example)": {{{"terms", "https://a.example"}}},
		"By [a] you [b](https://b.example/x?y=1&z#s), [c](https://c.example).": {{{"By [a] you ", ""}, {"b", "https://b.example/x?y=1&z#s"}, {", ", ""}, {"c", "https://c.example"}, {".", ""}}},
		"<b>&amp; **bold** [x](y": {text("<b>&amp; **bold** [x](y")},
	} {
		if got := disclaimer(given); !reflect.DeepEqual(got, want) {
			t.Errorf("%q became %q, want %q", given, got, want)
		}
	}
	for _, href := range []string{
		"http://a.example", "javascript:alert(1)", "JavaScript:alert`1`", "//a.example", "/logout", "", "data:text/html,x", "https://", "https:///x", "https://u:p@a.example",
		"https://a.example/ x", "https://a.example\"onclick=\"x", "https://a.example/<x>", "https:a.example", " https://a.example", "https://a.example\\x", "com.example.app:/x",
		"https://a.example/" + strings.Repeat("x", 2048),
	} {
		given := "see [terms](" + href + ") please"
		shown := ""
		for _, p := range disclaimer(given) {
			for _, w := range p {
				shown += w.Text
				if w.Href != "" {
					t.Errorf("%q leads to %q", given, w.Href)
				}
			}
		}
		if shown != given {
			t.Errorf("%q is shown as %q", given, shown)
		}
	}
}
