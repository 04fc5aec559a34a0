package internal_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestDependenciesHaveAReason compares the modules that our code imports with
// the lines of docs/decisions/0009-dependencies.md. The comments of go.mod do
// not say which are direct; see there.
func TestDependenciesHaveAReason(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "decisions", "0009-dependencies.md"))
	if err != nil {
		t.Fatal(err)
	}
	reasons := make(map[string]bool)
	for _, line := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| .+ \\| .+ \\|$").FindAllStringSubmatch(string(page), -1) {
		reasons[line[1]] = true
	}
	mod, err := os.ReadFile(filepath.Join("..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	var modules []string
	for _, line := range regexp.MustCompile(`(?m)^\t(\S+) v\S+`).FindAllStringSubmatch(string(mod), -1) {
		modules = append(modules, line[1])
	}
	direct := make(map[string]string) // a file that imports it
	eachFile(t, "..", func(path, _ string, file *ast.File) {
		for _, spec := range file.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			found := ""
			for _, m := range modules {
				if (imported == m || strings.HasPrefix(imported, m+"/")) && len(m) > len(found) {
					found = m
				}
			}
			if found != "" {
				direct[found] = path
			}
		}
	})
	if len(direct) < 5 {
		t.Fatalf("found %d modules: has go.mod another form?", len(direct))
	}
	for m, path := range direct {
		if !reasons[m] {
			t.Errorf("%s is imported by %s and has no reason in decision 0009", m, path)
		}
	}
	for m := range reasons {
		if direct[m] == "" {
			t.Errorf("%s has a reason in decision 0009 and nobody imports it", m)
		}
	}
}
