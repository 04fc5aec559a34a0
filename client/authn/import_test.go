package authn_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/client/authn"
)

// mapping maps columns to fields of the same names.
func mapping(source *authn.ImportSource, names ...string) (all []authn.FieldMapping) {
	for _, name := range names {
		m := authn.FieldMapping{}
		for _, c := range source.Columns {
			if c.Name == name {
				m.Source = c
			}
		}
		for _, f := range source.Fields {
			if f.Name == name {
				m.Target = f
			}
		}
		all = append(all, m)
	}
	return all
}

func TestImport(t *testing.T) {
	settings := map[string]any{"profile.fields": []map[string]string{{"id": "first_name", "label": "First name", "type": "string"}}}
	onEngines(t, settings, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		const people = "email,first_name,password_hash,verified\nana@example.org,Ana,,true\nana@example.org,Ana,,\nnobody,X,,\nbob@example.org,Bob,$2b$04$.yDGU4NRR0IyPdsqyrO0VuEQHcSFBHYbUyAVWOp2FvVaVmi4ZkaqW,no\n"
		source := ok(a.Import.Upload(ctx, strings.NewReader(people)))(t)
		if len(source.Columns) != 4 || source.Columns[3] != (authn.SourceField{Name: "verified", Type: authn.FieldBool}) || !slices.Contains(source.Algorithms, "BCRYPT") || len(source.Fields) < 9 {
			t.Fatalf("an upload says of the file %+v", source)
		}
		request := authn.ImportRequest{Name: "spring", SourceID: source.ID, Mappings: mapping(source, "email", "first_name", "password_hash", "verified")}
		request.Mappings[2].Target.Hash = &authn.HashParams{Algorithm: "BCRYPT"}
		for _, one := range []struct {
			what string
			do   func() (*authn.Import, error)
			then int64
		}{
			{"a validation", func() (*authn.Import, error) { return a.Import.Validate(ctx, request) }, 0},
			{"an import", func() (*authn.Import, error) { return a.Import.Start(ctx, request) }, 2},
		} {
			got := ok(one.do())(t)
			sum := got.Summary
			if got.Status != authn.ImportSuccess || sum.Total != 4 || sum.Successful != 2 || sum.Skipped != 1 || sum.Failed != 1 || got.Name != "spring" {
				t.Errorf("%s is answered %+v", one.what, got)
			}
			if there := ok(a.User.List(ctx, authn.UserListRequest{}))(t); there.Count != one.then {
				t.Errorf("law: validating imports nobody; after %s there are %d", one.what, there.Count)
			}
		}
		ana := ok(a.User.Profile.Get(ctx, authn.ByEmail("ana@example.org")))(t)
		if !ana.Verified || ana.Profile["first_name"] != "Ana" {
			t.Errorf("who was imported is %+v", ana)
		}
		page := ok(a.Import.List(ctx, authn.ImportListRequest{Filter: authn.ImportFilter{Name: authn.TextFilter{Contains: []string{"spri"}}}, OrderBy: authn.ImportsByName}))(t)
		if page.Count != 1 || len(page.Imports) != 1 || page.Last != "" {
			t.Fatalf("the list of imports is %+v", page)
		}
		got := ok(a.Import.Get(ctx, authn.ImportGetRequest{ID: page.Imports[0].ID, Failed: true, Skipped: true, Success: true}))(t)
		var all []string
		for _, d := range got.Details {
			all = append(all, d.Status)
		}
		if !slices.Equal(all, []string{"success", "skipped", "failed", "success"}) || got.Details[0].UserID != ana.ID || got.Details[1].UserID != ana.ID || !strings.HasPrefix(got.Details[2].Message, "Row 3: ") {
			t.Errorf("the details are %+v", got.Details)
		}
		n := 0
		for i, err := range a.Import.All(ctx, authn.ImportListRequest{Size: 1}) {
			n++
			if ok(i, err)(t).ID != got.ID {
				t.Errorf("among the imports is %+v", i)
			}
		}
		if n != 1 {
			t.Errorf("there are %d imports", n)
		}

		_, err := a.Import.Start(ctx, request)
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "DoesNotExist /source_id")
		_, err = a.Import.Get(ctx, authn.ImportGetRequest{ID: "pum_" + strings.Repeat("a", 32)})
		refused(t, err, authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		_, err = a.Import.Upload(ctx, strings.NewReader("email,email\n"))
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest)
		if _, err = a.Import.Upload(ctx, io.MultiReader(strings.NewReader("email\n"), failing{})); !errors.Is(err, errRead) {
			t.Errorf("law: a file that cannot be read is no upload; it is answered %v", err)
		}
	})
}

var errRead = errors.New("the disk is gone")

// failing is a file that cannot be read.
type failing struct{}

// Read implements [io.Reader].
func (failing) Read([]byte) (int, error) { return 0, errRead }
