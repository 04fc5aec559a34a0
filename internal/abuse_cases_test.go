package internal_test

import (
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// series is how many abuse cases each letter has.
var series = []struct {
	letter string
	count  int
}{
	{"A", 14}, {"B", 22}, {"F", 27}, {"O", 37}, {"M", 18}, {"I", 22}, {"T", 15}, {"G", 9}, {"X", 36}, {"W", 14},
}

// abuseCase is a line of the page of abuse cases.
type abuseCase struct {
	id, name, state, where string
}

var (
	caseStart = regexp.MustCompile(`^\| [A-Z]\d+ `)
	caseLine  = regexp.MustCompile(`^\| ([A-Z]\d+) \| (.+?) \| (.+?) \| (.*?) ?\|$`)
	testName  = regexp.MustCompile("`([a-z0-9_/]+)\\.((?:Test|Fuzz)\\w+)`")
	namedCase = regexp.MustCompile(`^Test([ABFOMITGXW]\d+)`)
)

// TestAbuseCases keeps docs/security/abuse-cases.md true: every case stands
// there once, every test that it names exists, and every test that is named
// after a case stands in the line of that case.
func TestAbuseCases(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "docs", "security", "abuse-cases.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, lie := range lies(string(page), testsOf(t, "..")) {
		t.Error(lie)
	}
}

// A test that finds nothing wrong with a wrong page is none.
func TestPlantedLiesAreFound(t *testing.T) {
	var lines []string
	for _, s := range series {
		for n := range s.count {
			lines = append(lines, fmt.Sprintf("| %s%d | a name | next | a reason |", s.letter, n+1))
		}
	}
	tests := map[string]bool{"a/b.TestA1Thing": true, "a/b.TestOther": true}
	lines[0] = "| A1 | a name | tested | `a/b.TestA1Thing` |"
	lines = append(lines, "Today: 1 tested, 0 in part, 213 next.")
	if found := lies(strings.Join(lines, "\n"), tests); len(found) != 0 {
		t.Fatalf("a true page is said to lie: %v", found)
	}
	for law, change := range map[string]func(lines []string) []string{
		"a case is missing":             func(l []string) []string { return slices.Delete(l, 9, 10) },
		"a case stands twice":           func(l []string) []string { return append(l, l[5]) },
		"a case that does not exist":    func(l []string) []string { return append(l, "| Z9 | a name | next | a reason |") },
		"a test that does not exist":    func(l []string) []string { l[1] = "| A2 | a name | tested | `a/b.TestNothing` |"; return l },
		"a test in another package":     func(l []string) []string { l[1] = "| A2 | a name | tested | `a/c.TestOther` |"; return l },
		"tested by nothing":             func(l []string) []string { l[1] = "| A2 | a name | tested | somewhere |"; return l },
		"in part, without what is next": func(l []string) []string { l[1] = "| A2 | a name | in part | `a/b.TestOther` |"; return l },
		"next without a reason":         func(l []string) []string { l[1] = "| A2 | a name | next | |"; return l },
		"a state that is none":          func(l []string) []string { l[1] = "| A2 | a name | done | `a/b.TestOther` |"; return l },
		"a line that cannot be read":    func(l []string) []string { l[1] = "| A2 | a name |"; return l },
		"a test of a case is not there": func(l []string) []string { l[0] = "| A1 | a name | next | a reason |"; return l },
		"a test of a case is elsewhere": func(l []string) []string {
			l[0], l[1] = "| A1 | a name | next | a reason |", "| A2 | a name | tested | `a/b.TestA1Thing` |"
			return l
		},
	} {
		page := strings.Join(change(slices.Clone(lines)), "\n")
		if found := lies(page, tests); !slices.ContainsFunc(found, func(lie string) bool { return !strings.Contains(lie, "add up to") }) {
			t.Errorf("a page with a lie is said to be true: %s", law)
		}
	}
	lines[len(lines)-1] = "Today: 2 tested, 0 in part, 212 next."
	if found := lies(strings.Join(lines, "\n"), tests); len(found) != 1 {
		t.Errorf("a page with a wrong sum is said to be true: %v", found)
	}
}

// lies says what is wrong with the page, given every test that there is, as
// package.Name.
func lies(page string, tests map[string]bool) []string {
	var found []string
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	cases := make(map[string]abuseCase)
	listed := make(map[string][]string) // the cases in whose lines a test stands
	for line := range strings.Lines(page) {
		line = strings.TrimSuffix(line, "\n")
		if !caseStart.MatchString(line) {
			continue
		}
		parts := caseLine.FindStringSubmatch(line)
		if parts == nil {
			say("this line cannot be read: %s", line)
			continue
		}
		c := abuseCase{parts[1], parts[2], parts[3], parts[4]}
		if _, twice := cases[c.id]; twice {
			say("%s stands there twice", c.id)
		}
		cases[c.id] = c
		names := testName.FindAllStringSubmatch(c.where, -1)
		for _, name := range names {
			full := name[1] + "." + name[2]
			if !tests[full] {
				say("%s names the test %s, which does not exist", c.id, full)
			}
			listed[full] = append(listed[full], c.id)
		}
		switch c.state {
		case "tested":
			if len(names) == 0 {
				say("%s is said to be tested, and names no test", c.id)
			}
		case "in part":
			if _, rest, ok := strings.Cut(c.where, "Next: "); len(names) == 0 || !ok || rest == "" {
				say("%s is said to be tested in part, and does not say by what, or what is next", c.id)
			}
		case "next":
			if c.where == "" {
				say("%s is said to be next, and does not say why", c.id)
			}
		default:
			say("%s has the state %q, which is none", c.id, c.state)
		}
	}
	count := make(map[string]int)
	for _, c := range cases {
		count[c.state]++
	}
	if sum := fmt.Sprintf("Today: %d tested, %d in part, %d next.", count["tested"], count["in part"], count["next"]); !strings.Contains(page, sum) {
		say("the page does not say what its lines add up to: %s", sum)
	}
	for _, s := range series {
		for n := range s.count {
			id := fmt.Sprintf("%s%d", s.letter, n+1)
			if _, there := cases[id]; !there {
				say("%s is missing", id)
			}
			delete(cases, id)
		}
	}
	for id := range cases {
		say("%s is no case", id)
	}
	for test := range tests {
		_, name, _ := strings.Cut(test, ".")
		if id := namedCase.FindStringSubmatch(name); id != nil && !slices.Contains(listed[test], id[1]) {
			say("the test %s is named after %s, and does not stand in its line", test, id[1])
		}
	}
	slices.Sort(found)
	return found
}

// testsOf is every test and fuzz target of the repository, as package.Name.
func testsOf(t *testing.T, root string) map[string]bool {
	t.Helper()
	tests := make(map[string]bool)
	eachFile(t, root, func(path, pkg string, file *ast.File) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		for _, decl := range file.Decls {
			if fn, ok := decl.(*ast.FuncDecl); ok && fn.Recv == nil && (strings.HasPrefix(fn.Name.Name, "Test") || strings.HasPrefix(fn.Name.Name, "Fuzz")) {
				tests[pkg+"."+fn.Name.Name] = true
			}
		}
	})
	if len(tests) < 100 {
		t.Fatalf("found %d tests: were they looked for in the right place?", len(tests))
	}
	return tests
}
