package authing

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
)

func TestEveryErrorHasAWord(t *testing.T) {
	for _, code := range core.Codes() {
		w, ok := errorWords()[code]
		if !ok || w.code == 0 || w.code == codeSuccess || w.zh == "" || w.en == "" {
			t.Errorf("the error %s has no word: %+v", code, w)
		}
	}
	if extra := len(errorWords()) - len(core.Codes()); extra != 0 {
		t.Errorf("%d words belong to no error", extra)
	}
	text, err := os.ReadFile("errors.go")
	if err != nil {
		t.Fatal(err)
	}
	if declared := strings.Count(string(text), " fault = \""); declared != len(faultWords()) {
		t.Errorf("%d faults are declared, and %d have a word", declared, len(faultWords()))
	}
	for f, w := range faultWords() {
		if w.code == 0 || w.code == codeSuccess || w.zh == "" || w.en == "" {
			t.Errorf("the fault %q has no word: %+v", f, w)
		}
	}
}

func TestEveryPhaseHasAnOutcome(t *testing.T) {
	for _, phase := range flow.Phases() {
		why, known := outcomes()[phase]
		if !known || (why == nil) != (phase == core.PhaseCompleted) {
			t.Errorf("the phase %s has no outcome, or lets people in: %v", phase, why)
		}
	}
	if outcome("a phase to come") == nil {
		t.Error("law: who waits in a phase that nobody knows is not let in")
	}
}

// testdata/operations.txt lists the operations of the vendor's schema, and
// which are served: with a "+" before them.
func TestOperationsAreOfTheSchema(t *testing.T) {
	text, err := os.ReadFile("testdata/operations.txt")
	if err != nil {
		t.Fatal(err)
	}
	schema := readSchema()
	served := operations()
	var got []string
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
		for _, field := range root.Fields {
			if strings.HasPrefix(field.Name, "__") {
				continue
			}
			mark := "- "
			if o, ok := served[field.Name]; ok {
				mark = "+ "
				if field.Type.NonNull {
					t.Errorf("%s is served, and must not be null when it fails", field.Name)
				}
				if proves := takesPassword(schema, field); proves != o.proves {
					t.Errorf("%s: whoever takes a password proves something, and nobody else: %v", field.Name, o.proves)
				}
				delete(served, field.Name)
			}
			got = append(got, mark+strings.ToLower(root.Name)+" "+field.Name)
		}
	}
	slices.Sort(got)
	if want := strings.Split(strings.TrimSpace(string(text)), "\n"); !slices.Equal(got, want) {
		t.Errorf("the schema has\n%s", strings.Join(got, "\n"))
	}
	for name := range served {
		t.Errorf("%s is served and not in the schema", name)
	}
	if len(got) != 129 {
		t.Errorf("the schema has %d operations, want 129", len(got))
	}
}

// takesPassword reports whether a root field has an argument, or a part of one,
// that is called so.
func takesPassword(schema *ast.Schema, field *ast.FieldDefinition) bool {
	for _, argument := range field.Arguments {
		if argument.Name == "password" {
			return true
		}
		if t := schema.Types[argument.Type.Name()]; t.Kind == ast.InputObject && t.Fields.ForName("password") != nil {
			return true
		}
	}
	return false
}

// The user that is shown has fields of the schema's type, and all of them but a
// few that are to come.
func TestUsersHaveTheFieldsOfTheSchema(t *testing.T) {
	shown := newUser(core.Pool{}, core.User{Profile: core.Profile{}})
	var missing []string
	for _, field := range readSchema().Types["User"].Fields {
		value, served := shown.get(field.Name)
		if !served {
			missing = append(missing, field.Name)
		}
		if field.Type.NonNull && value == nil {
			t.Errorf("%s is null", field.Name)
		}
		shown = slices.DeleteFunc(shown, func(m member) bool { return m.key == field.Name })
	}
	if got := strings.Join(missing, " "); got != "roles groups departments authorizedResources mainDepartmentId mainDepartmentCode expiredAt directManagement" {
		t.Errorf("these fields are not served: %s", got)
	}
	for _, m := range shown {
		t.Errorf("the type User has no field %s", m.key)
	}
	if schema := readSchema(); len(schema.PossibleTypes) > 0 {
		for name, types := range schema.PossibleTypes {
			if len(types) != 1 || types[0].Name != name {
				t.Errorf("%s is abstract: fragments on it are not served", name)
			}
		}
	}
}

func TestProfileFieldsAreOfTheSchema(t *testing.T) {
	user, register := readSchema().Types["User"], readSchema().Types["RegisterProfile"]
	for _, w := range profileWords() {
		if user.Fields.ForName(w.word) == nil {
			t.Errorf("the vendor's user has no %s", w.word)
		}
	}
	for _, word := range circumstances() {
		if register.Fields.ForName(word) == nil {
			t.Errorf("the vendor's sign-up has no %s", word)
		}
	}
	for _, kind := range []core.ProfileFieldType{core.ProfileText, core.ProfileInteger, core.ProfileDate, core.ProfileBoolean, core.ProfilePhone, core.ProfileEmail} {
		if enum := readSchema().Types["UDFDataType"]; enum.EnumValues.ForName(dataTypes()[kind]) == nil {
			t.Errorf("the type %s has no word of the vendor's", kind)
		}
	}
}

func TestPresetIsValid(t *testing.T) {
	if _, _, err := (core.Overrides{}).With(Preset()); err != nil {
		t.Error(err)
	}
}

func TestRoutes(t *testing.T) {
	seen := make(map[string]bool)
	for _, r := range routes() {
		if name := r.method + " " + r.path; seen[name] || r.handle == nil || !Serves(r.path) || clean(r.path) != r.path {
			t.Errorf("%s stands twice, has no handler, or is not this face's", name)
		} else {
			seen[name] = true
		}
	}
	if want := []string{"GET /api/v2/.well-known", "GET /api/v2/logout", "GET /api/v2/users/me", "POST /graphql/v2"}; !slices.Equal(slices.Sorted(maps.Keys(seen)), want) {
		t.Errorf("the table has %v", seen)
	}
	for path, want := range map[string]bool{"//graphql/v2": true, "/graphql": true, "/api/v2/x": true, "/v2/flow/start": false, "/authorize": false, "/api/v3/system": false, "/graphqlx": false} {
		if Serves(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}
