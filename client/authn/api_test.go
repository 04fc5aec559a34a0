package authn_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/doc"
	"go/parser"
	"go/printer"
	"go/token"
	"maps"
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

// manual reads the package as its readers do.
func manual(t *testing.T) (*doc.Package, *token.FileSet) {
	t.Helper()
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
	return ok(doc.NewFromFiles(files, parsed, "github.com/gatehouse-id/gatehouse/client/authn"))(t), files
}

// The public surface is what api.txt says: whoever changes it, sees it, and so
// does whoever reads the change.
func TestPublicSurface(t *testing.T) {
	pkg, files := manual(t)
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

// endpoint is a path of the API, with the method that calls it, or none for as
// long as the server does not serve it.
type endpoint struct {
	path   string
	method string
}

// endpoints is every path that the server knows, in its order. One that answers
// two things has two methods.
func endpoints() []endpoint {
	return []endpoint{
		{"/v2/flow/start", "Flow.Start"},
		{"/v2/flow/update", "Flow.Update"},
		{"/v2/flow/restart", "Flow.Restart"},
		{"/v2/flow/complete", "Flow.Complete"},
		{"/v2/flow/complete", "Flow.CompleteOneTime"},
		{"/v2/client/userinfo", "Client.UserInfo"},
		{"/v2/client/jwks", "Client.JWKS"},
		{"/v2/client/token/check", "Client.Token.Check"},
		{"/v2/client/password/change", "Client.Password.Change"},
		{"/v2/client/session/invalidate", "Client.Session.Invalidate"},
		{"/v2/client/session/list", "Client.Session.List"},
		{"/v2/client/session/logout", "Client.Session.Logout"},
		{"/v2/client/session/refresh", "Client.Session.Refresh"},
		{"/v2/session/invalidate", "Session.Invalidate"},
		{"/v2/session/list", "Session.List"},
		{"/v2/session/logout", "Session.Logout"},
		{"/v2/user/create", "User.Create"},
		{"/v2/user/delete", "User.Delete"},
		{"/v2/user/list", "User.List"},
		{"/v2/user/update", "User.Update"},
		{"/v2/user/profile/get", "User.Profile.Get"},
		{"/v2/user/profile/update", "User.Profile.Update"},
		{"/v2/user/password/expire", "User.Password.Expire"},
		{"/v2/user/authenticators/delete", "User.Authenticators.Delete"},
		{"/v2/user/authenticators/list", "User.Authenticators.List"},
		{"/v2/user/invite", "User.Invite"},
		{"/v2/user/invite/delete", "User.Invites.Delete"},
		{"/v2/user/invite/list", "User.Invites.List"},
		{"/v2/user/group/assign", "User.Group.Assign"},
		{"/v2/user/group/list", "User.Group.List"},
		{"/v2/user/group/remove", "User.Group.Remove"},
		{"/v2/users/import", "Import.Start"},
		{"/v2/users/import/get", "Import.Get"},
		{"/v2/users/import/list", "Import.List"},
		{"/v2/users/import/validate", "Import.Validate"},
		{"/v2/users/sources/upload", "Import.Upload"},
		{"/v2/group/create", "Group.Create"},
		{"/v2/group/delete", "Group.Delete"},
		{"/v2/group/get", "Group.Get"},
		{"/v2/group/list", "Group.List"},
		{"/v2/group/update", "Group.Update"},
		{"/v2/group/user/list", "Group.Users.List"},
		{"/v2/agreements/create", "Agreements.Create"},
		{"/v2/agreements/delete", "Agreements.Delete"},
		{"/v2/agreements/list", "Agreements.List"},
		{"/v2/agreements/update", "Agreements.Update"},
		{"/request/{request_id}", "Poll"},
	}
}

// Every path of the server has a method; each method of the client is one of these, or goes through all pages of one.
func TestEndpointsAreTheServers(t *testing.T) {
	text := string(ok(os.ReadFile("../../internal/web/pangea/routes.go"))(t))
	var theirs, ours []string
	for _, route := range regexp.MustCompile(`\{(?:post|get), "([^"]+)", .*\S\},`).FindAllStringSubmatch(text, -1) {
		theirs = append(theirs, route[1])
	}
	if len(theirs) < 40 {
		t.Fatalf("found %d routes: has their table another form?", len(theirs))
	}
	methods, comments := clientMethods(reflect.TypeFor[authn.AuthN](), ""), methodComments(t)
	manual := string(ok(os.ReadFile("doc.go"))(t))
	known := map[string]bool{}
	for _, e := range endpoints() {
		ours = append(ours, e.path)
		known[e.method] = true
		method, found := methods[e.method]
		if !found {
			t.Errorf("no method %s", e.method)
		}
		if !regexp.MustCompile(`\s` + regexp.QuoteMeta(e.path) + `[.,\s]`).MatchString(comments[method.name]) {
			t.Errorf("law: a method's comment says what it calls; %s does not say %s", e.method, e.path)
		}
	}
	for method, is := range methods {
		list, isAll := strings.CutSuffix(method, ".All")
		if !known[method] && (!isAll || !known[list+".List"]) {
			t.Errorf("%s calls nothing that the table knows", method)
		}
		group, _ := strings.CutSuffix(method, "List")
		if _, found := methods[group+"All"]; is.pages && !found {
			t.Errorf("law: a list with pages has All; %s has not", method)
		}
		if !regexp.MustCompile(`\s` + regexp.QuoteMeta(method) + `\s`).MatchString(manual) {
			t.Errorf("the manual does not name %s", method)
		}
	}
	if ours = slices.Compact(ours); !slices.Equal(theirs, ours) {
		t.Errorf("the server has %v\nthe table has %v", theirs, ours)
	}
}

// clientMethod is a method of a client or of one of its groups.
type clientMethod struct {
	name  string // the type's and its own
	pages bool   // it returns a page, which says where the next one is
}

// clientMethods finds the methods of a client by their path through the groups.
func clientMethods(of reflect.Type, path string) map[string]clientMethod {
	methods := map[string]clientMethod{}
	for i := range reflect.PointerTo(of).NumMethod() {
		method := reflect.PointerTo(of).Method(i)
		pages := false
		if out := method.Type.Out(0); out.Kind() == reflect.Pointer && out.Elem().Kind() == reflect.Struct {
			_, pages = out.Elem().FieldByName("Last")
		}
		methods[path+method.Name] = clientMethod{of.Name() + "." + method.Name, pages}
	}
	for i := range of.NumField() {
		if field := of.Field(i); field.IsExported() {
			maps.Copy(methods, clientMethods(field.Type, path+field.Name+"."))
		}
	}
	return methods
}

// methodComments finds the comment of each method, by type and name.
func methodComments(t *testing.T) map[string]string {
	t.Helper()
	pkg, _ := manual(t)
	comments := map[string]string{}
	for _, one := range pkg.Types {
		for _, method := range one.Methods {
			comments[one.Name+"."+method.Name] = method.Doc
		}
	}
	return comments
}
