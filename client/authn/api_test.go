package authn_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/client/authn"
)

var update = flag.Bool("update", false, "write api.txt anew")

// The public surface is what api.txt says: whoever changes it, sees it, and so
// does whoever reads the change.
func TestPublicSurface(t *testing.T) {
	files := token.NewFileSet()
	var parsed []*ast.File
	for _, name := range ok(filepath.Glob("*.go"))(t) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file := ok(parser.ParseFile(files, name, nil, parser.ParseComments))(t)
		for _, spec := range file.Imports {
			if strings.Contains(spec.Path.Value, ".") {
				t.Errorf("law: the client needs the standard library only; %s imports %s", name, spec.Path.Value)
			}
		}
		parsed = append(parsed, file)
	}
	pkg := ok(doc.NewFromFiles(files, parsed, "github.com/gatehouse-id/gatehouse/client/authn"))(t)
	style := printer.Config{Mode: printer.UseSpaces | printer.TabIndent, Tabwidth: 8} // gofmt's
	var lines []string
	add := func(comment string, decl ast.Node) {
		var text bytes.Buffer
		if err := style.Fprint(&text, files, decl); err != nil {
			t.Fatal(err)
		}
		if comment == "" {
			t.Errorf("law: every exported name has a comment; this has none:\n%s", text.String())
		}
		lines = append(lines, text.String())
	}
	values := func(list []*doc.Value) {
		for _, v := range list {
			add(v.Doc, bare(v.Decl))
		}
	}
	functions := func(list []*doc.Func) {
		for _, f := range list {
			add(f.Doc, bare(f.Decl))
		}
	}
	values(pkg.Consts)
	values(pkg.Vars)
	functions(pkg.Funcs)
	for _, one := range pkg.Types {
		add(one.Doc, bare(one.Decl))
		values(one.Consts)
		values(one.Vars)
		functions(one.Funcs)
		functions(one.Methods)
	}
	got := strings.Join(lines, "\n\n") + "\n"
	if *update {
		if err := os.WriteFile("api.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if want := string(ok(os.ReadFile("api.txt"))(t)); got != want {
		t.Errorf("the public surface has changed: look at it after `go test ./client/authn -update`; it is now\n%s", got)
	}
}

// bare takes comments and bodies out of a declaration.
func bare(decl ast.Decl) ast.Decl {
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			n.Body, n.Doc = nil, nil
		case *ast.GenDecl:
			n.Doc = nil
		case *ast.TypeSpec:
			n.Doc, n.Comment = nil, nil
		case *ast.ValueSpec:
			n.Doc, n.Comment = nil, nil
		case *ast.Field:
			n.Doc, n.Comment = nil, nil
		}
		return true
	})
	return decl
}

// endpoint is a path of the API, with the method that calls it, or none where
// the client has none yet.
type endpoint struct {
	path   string
	method string
}

// endpoints is every path that the server knows, in its order.
func endpoints() []endpoint {
	return []endpoint{
		{"/v2/flow/start", "Flow.Start"},
		{"/v2/flow/update", "Flow.Update"},
		{"/v2/flow/restart", "Flow.Restart"},
		{"/v2/flow/complete", "Flow.Complete"},
		{"/v2/client/userinfo", "Client.UserInfo"},
		{"/v2/client/jwks", "Client.JWKS"},
		{"/v2/client/token/check", "Client.Token.Check"},
		{"/v2/client/password/change", "Client.Password.Change"},
		{"/v2/client/session/invalidate", ""},
		{"/v2/client/session/list", ""},
		{"/v2/client/session/logout", "Client.Session.Logout"},
		{"/v2/client/session/refresh", "Client.Session.Refresh"},
		{"/v2/session/invalidate", ""},
		{"/v2/session/list", ""},
		{"/v2/session/logout", ""},
		{"/v2/user/create", "User.Create"},
		{"/v2/user/delete", "User.Delete"},
		{"/v2/user/list", "User.List"},
		{"/v2/user/update", "User.Update"},
		{"/v2/user/profile/get", "User.Profile.Get"},
		{"/v2/user/profile/update", "User.Profile.Update"},
		{"/v2/user/password/expire", ""},
		{"/v2/user/authenticators/delete", ""},
		{"/v2/user/authenticators/list", ""},
		{"/v2/user/invite", ""},
		{"/v2/user/invite/delete", ""},
		{"/v2/user/invite/list", ""},
		{"/v2/user/group/assign", ""},
		{"/v2/user/group/list", ""},
		{"/v2/user/group/remove", ""},
		{"/v2/users/import", ""},
		{"/v2/users/import/get", ""},
		{"/v2/users/import/list", ""},
		{"/v2/users/import/validate", ""},
		{"/v2/users/sources/upload", ""},
		{"/v2/group/create", ""},
		{"/v2/group/delete", ""},
		{"/v2/group/get", ""},
		{"/v2/group/list", ""},
		{"/v2/group/update", ""},
		{"/v2/group/user/list", ""},
		{"/v2/agreements/create", ""},
		{"/v2/agreements/delete", ""},
		{"/v2/agreements/list", ""},
		{"/v2/agreements/update", ""},
		{"/request/{request_id}", "Poll"},
	}
}

// Every path of the server is in the table, every method in the table exists,
// and the package's manual names it.
func TestEndpointsAreTheServers(t *testing.T) {
	text := string(ok(os.ReadFile("../../internal/web/pangea/routes.go"))(t))
	var theirs, ours []string
	for _, route := range regexp.MustCompile(`\{(?:post|get), "([^"]+)"`).FindAllStringSubmatch(text, -1) {
		theirs = append(theirs, route[1])
	}
	manual := string(ok(os.ReadFile("doc.go"))(t))
	for _, e := range endpoints() {
		ours = append(ours, e.path)
		if e.method == "" {
			continue
		}
		at := reflect.TypeFor[*authn.AuthN]()
		names := strings.Split(e.method, ".")
		for _, group := range names[:len(names)-1] {
			if at.Kind() == reflect.Pointer {
				at = at.Elem()
			}
			field, found := at.FieldByName(group)
			if !found {
				t.Fatalf("no group %s for %s", group, e.method)
			}
			at = field.Type
		}
		if _, found := at.MethodByName(names[len(names)-1]); !found {
			t.Errorf("no method %s", e.method)
		}
		if !regexp.MustCompile(`\s` + regexp.QuoteMeta(e.method) + `\s`).MatchString(manual) {
			t.Errorf("the manual does not name %s", e.method)
		}
	}
	if !slices.Equal(theirs, ours) {
		t.Errorf("the server has %v\nthe table has %v", theirs, ours)
	}
}
