package store

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// variable holds what may stand in a statement's text beside literals and
// constants, by file, and why it comes from nowhere outside.
func variable() map[string]string {
	return map[string]string{
		"across.go: where":                              "a literal of each caller: see TestX6CallersOfPool",
		"audit.go: others":                              "placeholders",
		"audit.go: strconv.Itoa(i + 2)":                 "a placeholder",
		"audit.go: rows":                                "placeholders",
		"users.go: rowsOf(2, 2, len(names), numbered)":  "placeholders",
		"groups.go: strings.Join(places, \", \")":       "placeholders",
		"newcomers.go: strings.Join(places[0], \", \")": "placeholders",
		"newcomers.go: strings.Join(places[1], \", \")": "placeholders",
		"newcomers.go: strings.Join(places[2], \", \")": "placeholders",
		"backup.go: t.name":                             "the table of tables",
		"restore.go: t.name":                            "the table of tables",
		"restore.go: l.table.name":                      "the table of tables",
		"restore.go: strings.Join(names, \", \")":       "columns as the database names them",
		"list.go: l.columns":                            "the list table",
		"list.go: l.from":                               "the list table",
		"list.go: l.live":                               "the list table",
		"list.go: order.column":                         "the list table",
		"list.go: f.column":                             "the list table",
		"list.go: f.within":                             "the list table",
		"list.go: not":                                  "one of two literals",
		"list.go: direction":                            "one of two literals",
		"list.go: beyond":                               "one of two literals",
		"list.go: b.text.String()":                      "what where and condition wrote",
		"list.go: q.param(micros(tx.now))":              "a placeholder",
		"list.go: b.param(value)":                       "a placeholder",
		"list.go: b.param(id)":                          "a placeholder",
		"list.go: b.param(size + 1)":                    "a placeholder",
		"list.go: q.param(pattern)":                     "a placeholder",
		"list.go: name":                                 "a placeholder",
		"list.go: condition":                            "what condition wrote",
		"list.go: strings.Join(places, \", \")":         "placeholders",
	}
}

// TestX6StatementsAreLiterals is the other half of abuse case X6: it reads the
// source of this package and requires every text that is put together with SQL
// in it to consist of literals, constants and the variables above.
func TestX6StatementsAreLiterals(t *testing.T) {
	words := regexp.MustCompile(`(?i)\b(SELECT|INSERT|UPDATE|DELETE|WHERE|AND|OR|ORDER BY|LIMIT|EXISTS|LIKE|IN) ?\(?\b|ESCAPE`)
	used := make(map[string]bool)
	statements := 0
	files := sources(t)
	constants := packageConstants(files)
	for file, parsed := range files {
		ast.Inspect(parsed, func(n ast.Node) bool {
			var parts []ast.Expr
			switch n := n.(type) {
			case *ast.BinaryExpr:
				if n.Op != token.ADD {
					return true
				}
				parts = summands(n)
			case *ast.CallExpr:
				name := text(n.Fun)
				if name != "fmt.Sprintf" && name != "fmt.Fprintf" && name != "fmt.Appendf" && name != "fmt.Sprint" {
					return true
				}
				for _, arg := range n.Args {
					parts = append(parts, summands(arg)...)
				}
			default:
				return true
			}
			if !slices.ContainsFunc(parts, func(e ast.Expr) bool { return isSQL(e, words) }) {
				return true
			}
			statements++
			for _, part := range parts {
				if _, ok := part.(*ast.BasicLit); ok || constants[text(part)] {
					continue
				}
				key := file + ": " + text(part)
				if key == "list.go: &b.text" || key == "list.go: &q.text" {
					continue // where the text goes
				}
				if _, known := variable()[key]; !known {
					t.Errorf("law: a statement is made of literals; %s puts %s into one", file, text(part))
				}
				used[key] = true
			}
			// The parts were looked at, the whole of them.
			_, sum := n.(*ast.BinaryExpr)
			return !sum
		})
	}
	if statements < 10 {
		t.Errorf("this test found %d statements that are put together, and should find more", statements)
	}
	for key := range variable() {
		if !used[key] {
			t.Errorf("the table of variables has %q, which is in no statement", key)
		}
	}
}

// TestX6CallersOfPool requires the functions that take a piece of a statement
// to be given literals.
func TestX6CallersOfPool(t *testing.T) {
	for name, pieces := range map[string][]int{"a.pool": {1}, "tx.insertRows": {0, 1}} {
		calls := 0
		for _, file := range sources(t) {
			ast.Inspect(file, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && text(call.Fun) == name {
					calls++
					for _, i := range pieces {
						if _, literal := call.Args[i].(*ast.BasicLit); !literal {
							t.Errorf("law: a piece of a statement is a literal; %s is given %s", name, text(call.Args[i]))
						}
					}
				}
				return true
			})
		}
		if calls == 0 {
			t.Errorf("this test found no call of %s", name)
		}
	}
}

func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]*ast.File)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = parsed
	}
	return files
}

func packageConstants(files map[string]*ast.File) map[string]bool {
	names := make(map[string]bool)
	for _, file := range files {
		for _, decl := range file.Decls {
			if group, ok := decl.(*ast.GenDecl); ok && group.Tok == token.CONST {
				for _, spec := range group.Specs {
					for _, name := range spec.(*ast.ValueSpec).Names {
						names[name.Name] = true
					}
				}
			}
		}
	}
	return names
}

// summands takes a sum apart.
func summands(e ast.Expr) []ast.Expr {
	if sum, ok := e.(*ast.BinaryExpr); ok && sum.Op == token.ADD {
		return append(summands(sum.X), summands(sum.Y)...)
	}
	return []ast.Expr{e}
}

// text writes an expression as it stands in the source.
func text(e ast.Expr) string { return types.ExprString(e) }

func isSQL(e ast.Expr, words *regexp.Regexp) bool {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return false
	}
	value, err := strconv.Unquote(literal.Value)
	return err == nil && words.MatchString(value) && strings.ToUpper(words.FindString(value)) == words.FindString(value)
}
