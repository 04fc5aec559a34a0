package hosted

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// Every path of the pages stands here, so that none comes or goes unseen.
func TestRoutes(t *testing.T) {
	want := []string{
		"GET /{$}",
		"GET /authorize",
		"GET /flow/{id}",
		"POST /flow/{id}",
		"GET /flow/oauth/{provider}",
		"GET /flow/oauth/{provider}/callback",
		"GET /flow/saml/{provider}",
		"POST /flow/saml/{provider}/acs",
		"GET /flow/saml/{provider}/return",
		"GET /flow/saml/{provider}/begin",
		"GET /flow/saml/{provider}/metadata",
		"GET /link",
		"POST /link",
		"GET /invitation",
		"POST /invitation",
		"GET " + DevicePath,
		"POST " + DevicePath,
		"GET " + deviceAgainPath,
		"GET " + deviceDonePath,
		"GET " + deviceRefusedPath,
		"GET /login-success",
		"GET /logout",
		"POST /logout",
		"GET /.well-known/jwks.json",
		"GET /brand.css",
		"GET /assets/{file} global",
		"GET /dev/inbox global develop",
		"GET /dev/inbox.json global develop",
	}
	var got []string
	for _, r := range routes() {
		suffix := ""
		if r.global {
			suffix += " global"
		}
		if r.develop {
			suffix += " develop"
		}
		if r.get != nil {
			got = append(got, "GET "+r.path+suffix)
		}
		if r.post != nil {
			got = append(got, "POST "+r.path+suffix)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the routes are\n%s\nand should be\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// constants reads the values of all constants of a type from a folder's code:
// the one list that cannot lack a line.
func constants(t *testing.T, folder, typeName string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if of, ok := spec.Type.(*ast.Ident); !ok || of.Name != typeName {
				return true
			}
			for _, v := range spec.Values {
				text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, text)
			}
			return true
		})
	}
	if len(values) == 0 {
		t.Fatalf("no constants of type %s were found", typeName)
	}
	slices.Sort(values)
	return values
}

// Whatever the machine may offer has a screen, and its template is there.
func TestEveryChoiceHasAScreen(t *testing.T) {
	var have []string
	all := parseViews()
	for _, c := range choices() {
		have = append(have, string(c.name))
		if all[string(c.name)] == nil {
			t.Errorf("there is no template for the choice %s", c.name)
		}
		if c.answer == nil {
			t.Errorf("the choice %s has no answer", c.name)
		}
	}
	slices.Sort(have)
	if want := constants(t, "../../core", "ChoiceName"); !slices.Equal(have, want) {
		t.Errorf("screens for %v, choices %v", have, want)
	}
}

// Every template is one that some page renders, and the other way round.
func TestTemplatesAreTheOnesUsed(t *testing.T) {
	used := []string{"plain", "completed", "link", "invitation", "inbox", "saml_form", "leave", "device", "device_found"}
	for _, c := range choices() {
		used = append(used, string(c.name))
	}
	var have []string
	for name := range parseViews() {
		have = append(have, name)
	}
	slices.Sort(used)
	slices.Sort(have)
	if !slices.Equal(used, have) {
		t.Errorf("templates %v, used %v", have, used)
	}
}

// Every error has words for a person.
func TestRefusalsAreComplete(t *testing.T) {
	table := refusals()
	for _, code := range core.Codes() {
		r, ok := table[code]
		if !ok || r.status < 400 || r.status > 599 || r.heading == "" || !strings.HasSuffix(r.text, ".") {
			t.Errorf("the error %s has no words, or odd ones: %+v", code, r)
		}
		delete(table, code)
	}
	for code := range table {
		t.Errorf("there are words for %s, which is no error", code)
	}
}

// Every type of profile field has a form element and words for a bad value.
func TestFieldTypesAreComplete(t *testing.T) {
	table := fieldTypes()
	for _, name := range constants(t, "../../core", "ProfileFieldType") {
		f, ok := table[core.ProfileFieldType(name)]
		if !ok || f.element == "" || !strings.HasSuffix(f.wrong, ".") {
			t.Errorf("the field type %s has no element or no words: %+v", name, f)
		}
		delete(table, core.ProfileFieldType(name))
	}
	if len(table) > 0 {
		t.Errorf("there are elements for %v, which are no types", table)
	}
}

// Every notice has a sentence.
func TestNoticesAreComplete(t *testing.T) {
	for _, name := range constants(t, ".", "notice") {
		if notices()[notice(name)] == "" {
			t.Errorf("the notice %s has no sentence", name)
		}
	}
}

// A redirect becomes a source of the content policy, and can never be more
// than one: whoever registers it writes no other directive.
func TestFormTarget(t *testing.T) {
	for redirect, want := range map[string]string{
		"":                                   "",
		"https://app.example.org/cb?a=b":     "https://app.example.org",
		"https://app.example.org:8443/cb":    "https://app.example.org:8443",
		"http://localhost:3000":              "http://localhost:3000",
		"http://[::1]:3000/cb":               "http:",
		"com.example.app:/cb":                "com.example.app:",
		"https://a;script-src/cb":            "https:",
		"https://a,b/cb":                     "https:",
		"https://a'unsafe-inline'/cb":        "https:",
		"https://xn--bcher-kva.example/cb":   "https://xn--bcher-kva.example",
		"https://b\u00fccher.example.org/cb": "https:",
	} {
		if got := strings.Join(formTarget(redirect), " "); got != want {
			t.Errorf("formTarget(%q) = %q, want %q", redirect, got, want)
		}
	}
}

// A page behind a link names the registered origins, few of them by name.
func TestAnyTarget(t *testing.T) {
	s := core.Settings{RedirectsAllowed: []string{"https://a.example/1", "https://a.example/2", "http://localhost:3000/cb", "com.example.app:/cb"}}
	want := []string{"https://a.example", "http://localhost:*", "com.example.app:"}
	if got := anyTarget(s); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	for i := range 100 {
		s.RedirectsAllowed = append(s.RedirectsAllowed, "https://h"+strconv.Itoa(i)+".example/cb")
	}
	if got := anyTarget(s); !slices.Equal(got, []string{"https:", "http:", "com.example.app:"}) {
		t.Errorf("for many redirects: got %v", got)
	}
}

// An address keeps its letters, its query, and gets ours behind.
func TestWithQuery(t *testing.T) {
	for _, c := range []struct{ address, want string }{
		{"https://a.example", "https://a.example?code=x+y&state=%26%3C"},
		{"https://a.example/cb?k=v", "https://a.example/cb?k=v&code=x+y&state=%26%3C"},
		{"https://a.example/cb?", "https://a.example/cb?code=x+y&state=%26%3C"},
		{"https://a.example/cb?k=v&", "https://a.example/cb?k=v&code=x+y&state=%26%3C"},
		{"https://a.example/a%2Fb//c", "https://a.example/a%2Fb//c?code=x+y&state=%26%3C"},
		{"https://a.example/\u00e9\r\n", "https://a.example/%C3%A9%0D%0A?code=x+y&state=%26%3C"},
		{"com.example.app:/cb", "com.example.app:/cb?code=x+y&state=%26%3C"},
	} {
		if got := web.WithQuery(c.address, "code", "x y", "state", "&<"); got != c.want {
			t.Errorf("web.WithQuery(%q) = %q, want %q", c.address, got, c.want)
		}
	}
}

// What a new password must be is said in one sentence.
func TestPasswordHint(t *testing.T) {
	for _, c := range []struct {
		s    core.Settings
		want string
	}{
		{core.Settings{PasswordMinLength: 8}, "Use at least 8 characters."},
		{core.Settings{PasswordMinLength: 8, PasswordDigits: 1}, "Use at least 8 characters, with 1 digit."},
		{core.Settings{PasswordMinLength: 12, PasswordLower: 1, PasswordUpper: 2, PasswordDigits: 1}, "Use at least 12 characters, with 1 lower-case letter, 2 upper-case letters and 1 digit."},
		{core.Settings{PasswordMinLength: 8, PasswordBlocklist: true}, "Use at least 8 characters. Common passwords and your own name will not do."},
	} {
		if got := passwordHint(c.s); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
