package core_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// constants reads the constants of a type from a source file of this package.
func constants(t *testing.T, file, kind string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, decl := range parsed.Decls {
		group, ok := decl.(*ast.GenDecl)
		if !ok || group.Tok != token.CONST {
			continue
		}
		for _, spec := range group.Specs {
			constant := spec.(*ast.ValueSpec)
			if name, ok := constant.Type.(*ast.Ident); !ok || name.Name != kind {
				continue
			}
			for _, value := range constant.Values {
				text, err := strconv.Unquote(value.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, text)
			}
		}
	}
	if len(values) == 0 {
		t.Fatalf("%s has no constants of the type %s", file, kind)
	}
	return values
}

func texts[T ~string](list []T) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = string(v)
	}
	return out
}

func TestCataloguesAreComplete(t *testing.T) {
	var events []core.EventName
	for _, e := range core.EventNames() {
		events = append(events, e.Name)
		if !strings.HasSuffix(e.Meaning, ".") {
			t.Errorf("law: every event has a meaning in a sentence; %s has %q", e.Name, e.Meaning)
		}
	}
	for _, c := range []struct {
		file, kind string
		list       []string
	}{
		{"errors.go", "Code", texts(core.Codes())},
		{"problem.go", "ProblemCode", texts(core.ProblemCodes())},
		{"events.go", "EventName", texts(events)},
		{"message.go", "Channel", texts(core.Channels())},
		{"application.go", "GrantKind", texts(core.GrantKinds())},
		{"application.go", "ClientAuth", texts(core.ClientAuths())},
	} {
		source := constants(t, c.file, c.kind)
		for _, value := range source {
			if !slices.Contains(c.list, value) {
				t.Errorf("law: every %s is in its catalogue; %q is not", c.kind, value)
			}
		}
		for _, value := range c.list {
			if !slices.Contains(source, value) {
				t.Errorf("law: a catalogue holds declared constants only; %q is no %s", value, c.kind)
			}
		}
		for _, list := range [][]string{source, c.list} {
			sorted := slices.Sorted(slices.Values(list))
			if unique := slices.Compact(slices.Clone(sorted)); len(unique) != len(list) {
				t.Errorf("law: no %s stands twice; %v", c.kind, sorted)
			}
		}
	}
}

func TestErrorsCarryTheirCode(t *testing.T) {
	cause := core.Fail(core.CodeBusy, "inner")
	for _, c := range []struct {
		err  error
		code core.Code
	}{
		{core.Fail(core.CodeTaken, "x"), core.CodeTaken},
		{core.Invalid(core.Problem{Code: core.ProblemType}), core.CodeInvalid},
		{&core.Error{Code: core.CodeUnavailable, Cause: cause}, core.CodeUnavailable},
		{wrapped{cause}, core.CodeBusy},
		{strconv.ErrRange, core.CodeInternal},
		{nil, core.CodeInternal},
	} {
		if got := core.CodeOf(c.err); got != c.code {
			t.Errorf("law: an error has the code it carries, else internal; %v has %s", c.err, got)
		}
		if c.err != nil && !core.Is(c.err, c.code) {
			t.Errorf("law: Is agrees with CodeOf; of %v it does not", c.err)
		}
	}
	if core.Is(nil, core.CodeInternal) {
		t.Error("law: no error has no code")
	}
}

type wrapped struct{ inner error }

func (w wrapped) Error() string { return "outer: " + w.inner.Error() }
func (w wrapped) Unwrap() error { return w.inner }
