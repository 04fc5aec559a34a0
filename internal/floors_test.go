// Package internal_test keeps the house in order: who may import whom, who may
// touch the network, the database and the environment, and where vendors may
// be named.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// This is policy. A package imports packages of lower floors only, never a
// neighbour, never from above; packages joined by > stand behind one another,
// and the left one may import the right one. Do not change it to make a build pass.
const floors = `
	8  cmd/gatehouse > internal/cli > internal/app
	7  internal/web/pangea internal/web/authing internal/web/hosted
	6  internal/web/oidc
	5  internal/web
	4  internal/flow
	3  internal/directory internal/session internal/pool internal/deliver internal/risk internal/source
	2  internal/store
	1  internal/core
	0  internal/config internal/trace internal/outbound > internal/secret
`

// What only some packages may import. A pattern ends with / for all below.
var reserved = map[string][]string{
	"database/sql":                 {"internal/store"},
	"github.com/jackc/pgx/":        {"internal/store"},
	"modernc.org/sqlite":           {"internal/store"},
	"net/smtp":                     {"internal/deliver"},
	"github.com/wneessen/go-mail":  {"internal/deliver"},
	"github.com/yuin/goldmark":     {"internal/web/hosted"},
	"github.com/yuin/goldmark/":    {"internal/web/hosted"},
	"github.com/go-jose/go-jose/":  {"internal/session"},
	"github.com/go-crypt/":         {"internal/secret"},
	"github.com/go-webauthn/":      {"internal/flow"},
	"net/http":                     {"internal/web", "internal/web/pangea", "internal/web/authing", "internal/web/hosted", "internal/web/oidc", "internal/app", "internal/deliver", "internal/source", "internal/outbound"},
	"github.com/vektah/gqlparser/": {"internal/web/authing"},
	"github.com/prometheus/":       {"internal/app"},
	"github.com/beevik/etree":      {"internal/source"},
	"github.com/pquerna/otp":       {"internal/secret"},
	"github.com/pquerna/otp/":      {"internal/secret"},
	"github.com/boombuler/":        {"internal/web"},
	"go.opentelemetry.io/":         {"internal/trace", "internal/app"},
	"math/rand":                    {},
	"math/rand/":                   {},

	"github.com/coreos/go-oidc/":            {"internal/source"},
	"golang.org/x/oauth2":                   {"internal/source"},
	"github.com/microcosm-cc/bluemonday":    {"internal/web/hosted"},
	"github.com/nyaruka/phonenumbers":       {"internal/core"},
	"github.com/oschwald/maxminddb-golang/": {"internal/risk"},
	"github.com/russellhaering/":            {"internal/source"},
}

// What only some packages may call.
var reservedCalls = map[string][]string{
	"os.Getenv":    {"internal/config"},
	"os.LookupEnv": {"internal/config"},
	"os.Environ":   {"internal/config"},
}

// Where vendors may be named, in code and comments.
var vendorRooms = []string{"internal/web/pangea", "internal/web/authing", "internal/app", "internal/cli", "client", "compat", "docs", "cmd", "bench", "gates", "soak"}

var vendorWords = regexp.MustCompile(`(?i)pangea|authing|\b(pui|pfl|pmt|pmc|pmi|pcb|pau|peu|ptu|ptr|pts|pcl|prq|psa)_|arn:`)

func TestFloors(t *testing.T) {
	for _, violation := range floorViolations(t, "..") {
		t.Error(violation)
	}
}

func TestVendorWordsStayInTheirRooms(t *testing.T) {
	for _, violation := range vocabularyViolations(t, "..") {
		t.Error(violation)
	}
}

// A policy that cannot fail is none: each rule is shown a house that breaks it.
func TestPlantedViolationsAreFound(t *testing.T) {
	planted := map[string]string{
		"internal/core/a.go":      "package core\nimport _ \"github.com/gatehouse-id/gatehouse/internal/store\"\n",
		"internal/session/b.go":   "package session\nimport _ \"github.com/gatehouse-id/gatehouse/internal/directory\"\n",
		"internal/flow/c.go":      "package flow\nimport _ \"net/http\"\n",
		"internal/pool/d.go":      "package pool\nimport \"os\"\nvar _ = os.Getenv(\"HOME\")\n",
		"internal/directory/e.go": "package directory\n// like Pangea does it\n",
		"internal/attic/f.go":     "package attic\n",
		"internal/store/g.go":     "package store\nfunc init() {}\n",
	}
	house := t.TempDir()
	for name, text := range planted {
		path := filepath.Join(house, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found := strings.Join(append(floorViolations(t, house), vocabularyViolations(t, house)...), "\n")
	for name := range planted {
		if !strings.Contains(found, name) {
			t.Errorf("the violation planted in %s was not found; found:\n%s", name, found)
		}
	}
}

const module = "github.com/gatehouse-id/gatehouse/"

// place is where a package stands: its floor, and its step on it for the floor
// on which packages stand behind one another.
type place struct{ floor, step int }

func places(t *testing.T) map[string]place {
	t.Helper()
	all := make(map[string]place)
	for line := range strings.Lines(floors) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		floor, err := strconv.Atoi(words[0])
		if err != nil {
			t.Fatal(err)
		}
		step := 100
		for _, word := range words[1:] {
			if word == ">" {
				step--
				continue
			}
			all[word] = place{floor, step}
		}
	}
	return all
}

func floorViolations(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	all := places(t)
	eachFile(t, root, func(path, pkg string, file *ast.File) {
		if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(pkg, "test") || pkg == "bench" || pkg == "gates" || pkg == "soak" || strings.HasPrefix(pkg, "packaging") || strings.HasPrefix(pkg, "client") || strings.HasPrefix(pkg, "compat") {
			return
		}
		mine, known := all[pkg]
		if !known {
			found = append(found, path+": the package stands on no floor")
			return
		}
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if name, ours := strings.CutPrefix(imported, module); ours {
				theirs, known := all[name]
				lower := theirs.floor < mine.floor || (theirs.floor == mine.floor && theirs.step < mine.step)
				if !known || !lower {
					found = append(found, path+": imports "+name+", which is not on a lower floor")
				}
				continue
			}
			for pattern, allowed := range reserved {
				if (imported == pattern || (strings.HasSuffix(pattern, "/") && strings.HasPrefix(imported, pattern))) && !slices.Contains(allowed, pkg) {
					found = append(found, path+": imports "+imported+", which is reserved")
				}
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				if x, ok := n.X.(*ast.Ident); ok {
					if allowed, isReserved := reservedCalls[x.Name+"."+n.Sel.Name]; isReserved && !slices.Contains(allowed, pkg) {
						found = append(found, path+": calls "+x.Name+"."+n.Sel.Name+", which is reserved")
					}
				}
			case *ast.FuncDecl:
				if n.Name.Name == "init" && n.Recv == nil {
					found = append(found, path+": has an init function")
				}
			}
			return true
		})
	})
	return found
}

func vocabularyViolations(t *testing.T, root string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := relative(t, root, path)
		if entry.IsDir() {
			if strings.HasPrefix(entry.Name(), ".") && name != "." || entry.Name() == "node_modules" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasPrefix(name, "internal/") || name == "internal/floors_test.go" || inRoom(name) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(text), "\n") {
			if word := vendorWords.FindString(line); word != "" {
				found = append(found, name+":"+strconv.Itoa(i+1)+": names a vendor: "+word)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func inRoom(name string) bool {
	return slices.ContainsFunc(vendorRooms, func(room string) bool { return strings.HasPrefix(name, room+"/") })
}

func eachFile(t *testing.T, root string, visit func(path, pkg string, file *ast.File)) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := relative(t, root, path)
		if entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules" || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		visit(name, filepath.ToSlash(filepath.Dir(name)), file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func relative(t *testing.T, root, path string) string {
	t.Helper()
	name, err := filepath.Rel(root, path)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.ToSlash(name)
}
