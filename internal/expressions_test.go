package internal_test

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestX31ExpressionsAreLiterals is abuse case X31: every regular expression of
// the program is written in its source, so that none comes from outside, and is
// matched by Go's own library, in a time that is linear in the text. A library
// that goes back and tries again is not among the dependencies.
func TestX31ExpressionsAreLiterals(t *testing.T) {
	found, wrong := expressions(t, "..")
	for _, each := range wrong {
		t.Error(each)
	}
	if found < 5 {
		t.Fatalf("found %d expressions: were they looked for in the right place?", found)
	}
	mod, err := os.ReadFile(filepath.Join("..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if backtracks := regexp.MustCompile(`(?i)\S*(regexp2|pcre|oniguruma|rubex|/rure)\S*`).FindString(string(mod)); backtracks != "" {
		t.Errorf("law: no expression is matched by trying again; %s does so", backtracks)
	}
}

// A law that finds nothing in a house that breaks it is none.
func TestPlantedExpressionIsFound(t *testing.T) {
	house := t.TempDir()
	if err := os.MkdirAll(filepath.Join(house, "internal", "core"), 0o755); err != nil {
		t.Fatal(err)
	}
	text := "package core\nimport \"regexp\"\nfunc f(s string) { regexp.MustCompile(`a`); regexp.MustCompile(s); regexp.MatchString(\"a\"+s, s); g(regexp.Compile) }\n"
	if err := os.WriteFile(filepath.Join(house, "internal", "core", "a.go"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if found, wrong := expressions(t, house); found != 4 || len(wrong) != 3 {
		t.Errorf("of four expressions, three of them from outside, %d were found and complained of: %v", found, wrong)
	}
}

// expressions counts the places in which the program makes a regular expression,
// and says which of them take it from elsewhere than the source.
func expressions(t *testing.T, root string) (found int, wrong []string) {
	t.Helper()
	eachFile(t, root, func(path, _ string, file *ast.File) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		literal := make(map[ast.Expr]bool)
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) > 0 {
				_, literal[call.Fun] = call.Args[0].(*ast.BasicLit)
			}
			at, ok := n.(*ast.SelectorExpr)
			if !ok || fmt.Sprint(at.X) != "regexp" || !strings.HasPrefix(at.Sel.Name, "MustCompile") && !strings.HasPrefix(at.Sel.Name, "Compile") && !strings.HasPrefix(at.Sel.Name, "Match") {
				return true
			}
			if found++; !literal[at] {
				wrong = append(wrong, fmt.Sprintf("law: an expression is written where it is used; %s gives regexp.%s another", path, at.Sel.Name))
			}
			return true
		})
	})
	return found, wrong
}
