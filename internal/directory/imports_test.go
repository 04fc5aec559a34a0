package directory_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

func newImports(s *store.Store) *directory.Imports {
	return directory.NewImports(s, directory.DefaultImportLimits(), slog.New(slog.DiscardHandler))
}

// working runs a worker for the length of a test, or until the returned
// function is called.
func working(t *testing.T, im *directory.Imports) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { im.Run(ctx); close(done) }()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

// mapped maps columns to fields by column=field; a field of the profile begins
// with "profile.".
func mapped(pairs ...string) core.ImportMapping {
	var m core.ImportMapping
	for _, pair := range pairs {
		column, field, _ := strings.Cut(pair, "=")
		name, profile := strings.CutPrefix(field, "profile.")
		m.Fields = append(m.Fields, core.MappedColumn{Column: column, Field: name, Profile: profile})
	}
	return m
}

// uploaded uploads a file.
func uploaded(t *testing.T, im *directory.Imports, app core.Caller, file string) core.ImportSource {
	t.Helper()
	source, err := im.Upload(t.Context(), app, strings.NewReader(file))
	must(t, err)
	return source
}

// imported starts an import and returns it when it has ended, with all its
// details as "ROW OUTCOME REASON".
func imported(t *testing.T, im *directory.Imports, app core.Caller, n directory.NewImport) (core.Import, []string) {
	t.Helper()
	job, err := im.Start(t.Context(), app, n)
	must(t, err)
	return ended(t, im, app, job.ID)
}

func ended(t *testing.T, im *directory.Imports, app core.Caller, id core.ImportID) (core.Import, []string) {
	t.Helper()
	job, err := im.Wait(t.Context(), app, id, time.Minute)
	must(t, err)
	if job.Status == core.ImportPending {
		t.Fatalf("after a minute the import is where it is: %+v", job)
	}
	_, details, err := im.Get(t.Context(), app, job.ID, core.OutcomeFailed, core.OutcomeSuccess, core.OutcomeSkipped)
	must(t, err)
	var all []string
	for _, d := range details {
		all = append(all, fmt.Sprintf("%s %s", d.Outcome, d.Reason))
	}
	return job, all
}

// fields gives a pool some fields of the profile.
var fields = core.Overrides{"profile.fields": []byte(`[{"id":"first_name","label":"First name","type":"string","required":true},{"id":"age","label":"Age","type":"integer"},
	{"id":"born","label":"Born","type":"date"},{"id":"news","label":"News","type":"boolean"}]`)}

// someHash is "correct horse 7 staple", by bcrypt.
const someHash = "$2a$04$RXxH7bAACZmPrQJUT4XEP.twMGNrDAWk97LTts0Zz7Hln/tI3hmje"

// mixed has a row of each kind.
const mixed = "\xef\xbb\xbf" + `email,name,age,"ph""one",id,verified,off,since,hash,login,news` + "\r\n" +
	`ana@example.org,"Ana, ""A.""",41,+49 151 23456789,5f0c7e9d8b6a4f3e2d1c0b9a,true,no,2019-02-03T04:05:06Z,` + someHash + `,,YES` + "\r\n" +
	`bob@example.org,"Bob
the second",,,,,,,,bob_37,` + "\n" + // a line break is no plain text
	`bob@example.org,Bob,,,,,,1549166706,,bob_37,0` + "\n\n" +
	`BOB@example.org,Bob,,,,,,,,,` + "\n" +
	`bob2@example.org,Bob,,,,,,,,BOB_37,` + "\n" +
	`eve@example.org,Eve,old,,,,,,,,` + "\n" +
	`eve,Eve,,,,,,,,,` + "\n" +
	`eve@example.org,Eve,,12,,,,,,,` + "\n" +
	`eve@example.org,Eve,,,short,,,,,,` + "\n" +
	`eve@example.org,Eve,,,,maybe,,,,,` + "\n" +
	`eve@example.org,Eve,,,,,,tomorrow,,,` + "\n" +
	`eve@example.org,Eve,,,,,,2999-01-01,,,` + "\n" +
	`eve@example.org,Eve,,,,,,,$2b$31$.yDGU4NRR0IyPdsqyrO0VuEQHcSFBHYbUyAVWOp2FvVaVmi4ZkaqW,,` + "\n" +
	`eve@example.org,Eve` + "\n" +
	`eve@example.org,"Eve"x,,,,,,,,,` + "\n" +
	`eve@example.org,E"ve,,,,,,,,,` + "\n" +
	"eve@example.org,\xff,,,,,,,,,\n" +
	"eve@example.org,\x00,,,,,,,,,\n" +
	`cem@example.org,'=Cem,,,5f0c7e9d8b6a4f3e2d1c0b9a,,,,,,` + "\n" +
	`there@example.org,T,,,,,,,,,` + "\n" +
	`dee@example.org,'=Dee,,,ppl_k4zri3r2wyojfljooa7lqsaj2xuid5zz,1,t,,,dee.7,`

func mixedMapping() core.ImportMapping {
	m := mapped("email=email", "name=profile.first_name", "age=profile.age", `ph"one=phone`, "id=id", "verified=verified", "off=disabled", "since=created_at", "hash=password_hash", "login=username", "news=profile.news")
	m.Hash.Algorithm = "bcrypt"
	return m
}

func TestImport(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		d, im := directory.New(s), newImports(s)
		app := storetest.Caller(storetest.Pool(t, s, "demo", fields))
		working(t, im)
		there, err := d.Create(t.Context(), app, directory.NewUser{Email: "there@example.org"})
		must(t, err)

		source := uploaded(t, im, app, mixed)
		var columns []string
		for _, c := range source.Columns {
			columns = append(columns, c.Name+" "+string(c.Type))
		}
		wantColumns := []string{"email string", "name string", "age string", `ph"one string`, "id string", "verified string", "off bool", "since string", "hash string", "login string", "news string"}
		if !slices.Equal(columns, wantColumns) || source.Rows != 21 || source.Size != int64(len(mixed)) {
			t.Errorf("law: an upload says what is in the file; it says %+v", source)
		}
		n := directory.NewImport{Name: "spring", Source: source.ID, Mapping: mixedMapping(), Dry: true}
		raw := storetest.Raw(t, database)
		before := storetest.Dump(t, raw, app.Pool)
		dry, dryDetails := imported(t, im, app, n)
		after := storetest.Dump(t, raw, app.Pool)
		for table := range before {
			if !strings.HasPrefix(table, "import_details") && table != "user_imports" && !reflect.DeepEqual(before[table], after[table]) {
				t.Errorf("law: what only validates writes nothing; it did to %s", table)
			}
		}
		n.Dry = false
		job, details := imported(t, im, app, n)
		want := []string{
			"success Row 1: They are new.",
			"failed Row 2: The value of the profile field first_name is not a string on one line.",
			"success Row 3: They are new.",
			"skipped Row 4: Somebody has this e-mail address already.",
			"skipped Row 5: Somebody has this username already.",
			"failed Row 6: The value of the profile field age is not a integer on one line.",
			"failed Row 7: This is not an e-mail address.",
			"failed Row 8: The phone number is not a person's with its country code, such as +1-808-555-0173.",
			"failed Row 9: The id is not 24 to 64 letters, digits, - and _.",
			"failed Row 10: The value of verified is neither true nor false.",
			"failed Row 11: The time of creation is none such as 2006-01-02T15:04:05Z, or it has yet to come.",
			"failed Row 12: The time of creation is none such as 2006-01-02T15:04:05Z, or it has yet to come.",
			"failed Row 13: The password hash cannot be taken: ",
			"failed Row 14: The row has 2 columns in place of 11.",
			"failed Row 15: Something stands behind the closing quote of a field.",
			"failed Row 16: A quote stands in a field that does not begin with one.",
			"failed Row 17: The row is not in UTF-8.",
			"failed Row 18: The row holds a NUL character.",
			"skipped Row 19: Somebody has this id already.",
			"skipped Row 20: Somebody has this e-mail address already.",
			"success Row 21: They are new.",
		}
		if !slices.EqualFunc(details, want, strings.HasPrefix) {
			t.Errorf("law: each row is dealt with alone, and it is said what became of it; there is\n%s\nin place of\n%s", strings.Join(details, "\n"), strings.Join(want, "\n"))
		}
		if !slices.Equal(details, dryDetails) || dry.Total() != job.Total() || dry.Successful != job.Successful || dry.Failed != job.Failed {
			t.Errorf("law: validating says what importing does; it said\n%s", strings.Join(dryDetails, "\n"))
		}
		if job.Status != core.ImportDone || job.Successful != 3 || job.Failed != 14 || job.Skipped != 4 || job.Position != int64(len(mixed)) {
			t.Errorf("law: the summary counts the rows; it is %+v", job)
		}

		ana, err := d.Get(t.Context(), app, core.UserRef{ID: "usr_5f0c7e9d8b6a4f3e2d1c0b9a"})
		must(t, err)
		wantAna := core.User{
			ID: "usr_5f0c7e9d8b6a4f3e2d1c0b9a", Email: "ana@example.org", Username: "ana@example.org", Phone: "+4915123456789", Profile: core.Profile{"first_name": `Ana, "A."`, "age": "41", "news": "true"},
			EmailVerified: true, CreatedAt: time.Date(2019, 2, 3, 4, 5, 6, 0, time.UTC), UpdatedAt: ana.UpdatedAt, Version: 1,
		}
		if !reflect.DeepEqual(ana, wantAna) {
			t.Errorf("law: a person comes as the row has them; there is %+v", ana)
		}
		dee, err := d.Get(t.Context(), app, core.UserRef{Username: "Dee.7"})
		must(t, err)
		if dee.ID != "usr_k4zri3r2wyojfljooa7lqsaj2xuid5zz" || !dee.Disabled || dee.Profile["first_name"] != "=Dee" {
			t.Errorf("law: ids are kept, and an apostrophe before a formula goes; there is %+v", dee)
		}
		for id, want := range map[core.UserID]core.ImportID{ana.ID: job.ID, dee.ID: job.ID, there.ID: ""} {
			if by, err := d.Origin(t.Context(), app, id); err != nil || by != want {
				t.Errorf("law: it can be read back by which import somebody came; of %s is said %q (%v)", id, by, err)
			}
		}
		if _, n, _, err := d.List(t.Context(), app, core.Query{Size: 1}); err != nil || n != 4 {
			t.Errorf("law: the count of people is kept; it is %d (%v)", n, err)
		}
		if found, n, _, err := d.List(t.Context(), app, core.Query{Size: 9, Conditions: []core.Condition{{Field: "profile", Name: "age", Op: core.OpEquals, Values: []any{"41"}}}}); err != nil || n != 1 || found[0].ID != ana.ID {
			t.Errorf("law: who came by an import is found by their profile; there is %v (%v)", found, err)
		}
		hashOf := func(id core.UserID) (stored string) {
			must(t, s.As(app).View(t.Context(), func(tx *store.Tx) (err error) {
				stored, err = tx.PasswordOf(id)
				return err
			}))
			return stored
		}
		if stored := hashOf(ana.ID); !strings.HasPrefix(stored, "$sealed$") || strings.Contains(stored, "$2") {
			t.Errorf("law: a password hash from elsewhere is sealed; it is stored as %q", stored)
		}
		passwords := directory.NewPasswords(s, secret.NewHasher(secret.Cost{Memory: 8, Passes: 1, Threads: 1}, s.Keys().Peppers()))
		who := directory.Person{User: ana.ID, Credentials: ana.Credentials}
		if err := passwords.Differ(t.Context(), app, ana.ID, "correct horse 7 staple", "/password"); !core.Is(err, core.CodeInvalid) {
			t.Errorf("law: a sealed hash is compared with a new password too; got %v", err)
		}
		for range 2 {
			if _, err := passwords.Check(t.Context(), app, core.DefaultSettings(), who, "correct horse 7 staple"); err != nil {
				t.Fatalf("law: who brought a hash along has their password; got %v", err)
			}
			if stored := hashOf(ana.ID); !strings.HasPrefix(stored, "$argon2id$") {
				t.Errorf("law: after the first time it is a hash of ours; it is stored as %q", stored)
			}
		}
		events := told(t, s, app, 9)
		if got := events[len(events)-2:]; !slices.Equal(got, []string{"import.started " + string(job.ID), "import.ended " + string(job.ID) + " failed=14 skipped=4 status=success successful=3"}) {
			t.Errorf("law: an import is told of at its beginning and at its end; there is %q", events)
		}

		// The file is used up, and nothing of it is left.
		for _, again := range []directory.NewImport{n, {Source: source.ID, Mapping: n.Mapping, Dry: true}} {
			if _, err := im.Start(t.Context(), app, again); !core.Is(err, core.CodeInvalid) {
				t.Errorf("law: a file is for one import; the next is answered %v", err)
			}
		}
		_, err = s.Across().Sweep(t.Context(), 1000)
		must(t, err)
		for _, table := range []string{"import_sources", "import_chunks"} {
			if left := storetest.Dump(t, raw, app.Pool)[table]; len(left) > 0 {
				t.Errorf("law: of a file that was imported nothing is left; in %s there are %d rows", table, len(left))
			}
		}
		// Once more: everybody is there.
		n.Source = uploaded(t, im, app, mixed).ID
		if job, _ := imported(t, im, app, n); job.Successful != 0 || job.Skipped != 7 || job.Failed != 14 {
			t.Errorf("law: who is there already stays as they are; the second import made %+v", job)
		}
	})
}

func TestImportsThatCannotBe(t *testing.T) {
	s := storetest.New(t)
	im := newImports(s)
	app, other := storetest.Caller(storetest.Pool(t, s, "demo", fields)), storetest.Caller(storetest.Pool(t, s, "other", fields))
	source := uploaded(t, im, app, "email,name\nana@example.org,Ana\n")
	hash := func(algorithm string, pairs ...string) core.ImportMapping {
		m := mapped(pairs...)
		m.Hash.Algorithm = algorithm
		return m
	}
	for what, c := range map[string]struct {
		caller core.Caller
		n      directory.NewImport
		at     string
	}{
		"no such file":             {app, directory.NewImport{Source: core.NewImportSourceID(), Mapping: mapped("email=email")}, "/source"},
		"another pool's file":      {other, directory.NewImport{Source: source.ID, Mapping: mapped("email=email")}, "/source"},
		"no such column":           {app, directory.NewImport{Source: source.ID, Mapping: mapped("email=email", "x=username")}, "/mapping/1/column"},
		"no such field":            {app, directory.NewImport{Source: source.ID, Mapping: mapped("email=email", "name=nick")}, "/mapping/1/field"},
		"no such profile field":    {app, directory.NewImport{Source: source.ID, Mapping: mapped("email=email", "name=profile.nick")}, "/mapping/1/field"},
		"a profile field unmarked": {app, directory.NewImport{Source: source.ID, Mapping: mapped("email=email", "name=first_name")}, "/mapping/1/field"},
		"a field twice":            {app, directory.NewImport{Source: source.ID, Mapping: mapped("email=email", "name=email")}, "/mapping/1/field"},
		"no address":               {app, directory.NewImport{Source: source.ID, Mapping: mapped("name=username")}, "/mapping"},
		"hashes of nothing":        {app, directory.NewImport{Source: source.ID, Mapping: mapped("email=email", "name=password_hash")}, "/mapping"},
		"hashes of no algorithm":   {app, directory.NewImport{Source: source.ID, Mapping: hash("rot13", "email=email", "name=password_hash")}, "/mapping"},
		"salts of nothing":         {app, directory.NewImport{Source: source.ID, Mapping: mapped("email=email", "name=password_salt")}, "/mapping"},
		"a long name":              {app, directory.NewImport{Name: strings.Repeat("n", 129), Source: source.ID, Mapping: mapped("email=email")}, "/name"},
	} {
		t.Run(what, func(t *testing.T) {
			for _, c.n.Dry = range []bool{true, false} {
				_, err := im.Start(t.Context(), c.caller, c.n)
				if at := pointers(err); !core.Is(err, core.CodeInvalid) || !slices.Contains(at, c.at) {
					t.Errorf("law: an import that cannot be is refused with the place; this is answered %v at %v", err, at)
				}
			}
		})
	}
	if all, _, _, err := im.List(t.Context(), app, core.Query{Size: 9}); err != nil || len(all) > 0 {
		t.Errorf("law: an import that was refused is none; there are %v (%v)", all, err)
	}
	if _, err := im.Start(t.Context(), app, directory.NewImport{Source: source.ID, Mapping: mapped("email=email")}); err != nil {
		t.Errorf("law: a refusal does not use the file up; then came %v", err)
	}
}

// pointers are the places of an error's problems.
func pointers(err error) (all []string) {
	if e, ok := errors.AsType[*core.Error](err); ok {
		for _, p := range e.Fields {
			all = append(all, p.Pointer)
		}
	}
	return all
}

// many is a file of so many people. Every tenth is there twice, and every
// hundredth is nobody.
func many(n int) string {
	var file strings.Builder
	file.WriteString("email,name\n")
	for i := range n {
		fmt.Fprintf(&file, "person%d@example.org,Person %d\n", i, i)
		if i%10 == 0 {
			fmt.Fprintf(&file, "PERSON%d@example.org,Again\n", i)
		}
		if i%100 == 0 {
			file.WriteString("nobody,Nobody\n")
		}
	}
	return file.String()
}

// TestImportGoesOn ends workers in the midst of an import, politely and not,
// while others wait: all rows are dealt with once.
func TestImportGoesOn(t *testing.T) {
	const people = 6000
	storetest.Engines(t, func(t *testing.T, database string) {
		for name, dry := range map[string]bool{"import": false, "validation": true} {
			t.Run(name, func(t *testing.T) {
				s := storetest.Open(t, database)
				app := storetest.Caller(storetest.Pool(t, s, "demo"+name, fields))
				im := newImports(s)
				source := uploaded(t, im, app, many(people))
				job, err := im.Start(t.Context(), app, directory.NewImport{Source: source.ID, Mapping: mapped("email=email", "name=profile.first_name"), Dry: dry})
				must(t, err)
				raw := storetest.Raw(t, database)
				rounds := 0
				for ; job.Status == core.ImportPending && rounds < 200; rounds++ {
					// Two nodes, of which one is there for a moment.
					stop, stopOther := working(t, newImports(s)), working(t, newImports(s))
					time.Sleep(time.Duration(20+5*rounds) * time.Millisecond)
					stop()
					if rounds%2 == 0 {
						// Who holds the claim is as good as dead: its lease is over.
						_, err := raw.ExecContext(t.Context(), `UPDATE user_imports SET leased_until = 0`)
						must(t, err)
						time.Sleep(20 * time.Millisecond)
					}
					stopOther()
					job, _, err = im.Get(t.Context(), app, job.ID)
					must(t, err)
					if !dry {
						if _, n, _, err := directory.New(s).List(t.Context(), app, core.Query{Size: 1}); err != nil || n != job.Successful {
							t.Fatalf("law: what is counted is what is stored, at any time; %d are counted and %d are there (%v)", job.Successful, n, err)
						}
					}
					if dry && rounds > 5 {
						working(t, newImports(s))
						job, _ = ended(t, im, app, job.ID)
					}
				}
				if rounds < 2 {
					t.Fatalf("the import was over after %d rounds: nothing was cut off", rounds)
				}
				if job.Status != core.ImportDone || job.Successful != people || job.Skipped != people/10 || job.Failed != people/100 {
					t.Errorf("law: whoever is cut off and wherever, each row is dealt with once; the import made %+v", job)
				}
				found := 0
				if err := raw.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM users WHERE pool = $1 AND import_id = $2`, string(app.Pool), string(job.ID)).Scan(&found); err != nil {
					t.Fatal(err)
				}
				if want := map[bool]int{false: people, true: 0}[dry]; found != want {
					t.Errorf("law: as many are there as were imported; there are %d in place of %d", found, want)
				}
			})
		}
	})
}

// TestX18UploadsAreBounded says which files are taken.
func TestX18UploadsAreBounded(t *testing.T) {
	s := storetest.New(t)
	app := storetest.Caller(storetest.Pool(t, s, "demo", fields))
	im := directory.NewImports(s, directory.ImportLimits{Size: 3 << 20, Rows: 1000}, slog.New(slog.DiscardHandler))
	wide := strings.Repeat("c,", 200)
	for what, c := range map[string]struct {
		file io.Reader
		says string
	}{
		"an empty file":        {strings.NewReader(""), "empty"},
		"blank lines alone":    {strings.NewReader("\n\r\n"), "empty"},
		"UTF-16":               {strings.NewReader("\xff\xfee\x00m\x00\n\x00"), "UTF-8"},
		"a compressed file":    {strings.NewReader("PK\x03\x04\x14\x00\x00\x00"), "NUL"},
		"two of one name":      {strings.NewReader("email,email\n"), "Column 2"},
		"a column of no name":  {strings.NewReader("email,,x\n"), "Column 2"},
		"201 columns":          {strings.NewReader(wide + "d\n"), "200 columns"},
		"a long heading":       {strings.NewReader("email," + strings.Repeat("n", 129)), "column 2"},
		"a heading of 70 KiB":  {strings.NewReader(strings.Repeat("n", 70<<10)), "64 KiB"},
		"a long row":           {strings.NewReader("email,x\na@b.example,c\na@b.example," + strings.Repeat("x", 64<<10)), "Row 2: The row is longer than 64 KiB."},
		"too many rows":        {strings.NewReader("email\n" + strings.Repeat("a@b.example\n", 1001)), "1000 rows"},
		"too large":            {strings.NewReader("email\n" + strings.Repeat(strings.Repeat("x", 60<<10)+"\n", 60)), "3 MiB"},
		"one that breaks off":  {io.MultiReader(strings.NewReader("email\n"+strings.Repeat("x\n", 300)), broken{}), "broke off"},
		"one without an end":   {io.MultiReader(strings.NewReader("email\n"), endless{}), "64 KiB"},
		"one broken in quotes": {strings.NewReader("\"email\na,b\n"), "quote"},
	} {
		t.Run(what, func(t *testing.T) {
			_, err := im.Upload(t.Context(), app, c.file)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("law: a file that is none is refused, and it is said why; this is answered %v, without %q", err, c.says)
			}
		})
	}
	if _, err := s.Across().Sweep(t.Context(), 1000); err != nil {
		t.Fatal(err)
	}
	must(t, s.As(app).View(t.Context(), func(tx *store.Tx) error { return nil }))
	// There is room for as many as before.
	var sources []core.ImportSource
	for range 20 {
		sources = append(sources, uploaded(t, im, app, "email\n"))
	}
	if _, err := im.Upload(t.Context(), app, strings.NewReader("email\n")); !core.Is(err, core.CodeTooMany) {
		t.Errorf("law: a pool has so many files at once, and those that were refused count for none; one more is answered %v", err)
	}
	must(t, im.Forget(t.Context(), app, sources[7].ID))
	uploaded(t, im, app, "email\n")
}

// broken is a client that goes away.
type broken struct{}

// Read implements [io.Reader].
func (broken) Read([]byte) (int, error) { return 0, fmt.Errorf("the client broke off") }

// endless is one line that never ends.
type endless struct{}

// Read implements [io.Reader].
func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// generated is a file that is made while it is read: a beginning, a middle again
// and again, and an end.
type generated struct {
	begin, middle, end string
	size, at           int64
	seen               func() // after each MiB
}

func newGenerated(begin, middle string, times int64, end string) *generated {
	return &generated{begin: begin, middle: middle, end: end, size: int64(len(begin)) + int64(len(middle))*times + int64(len(end))}
}

// Read implements [io.Reader].
func (g *generated) Read(p []byte) (int, error) {
	if g.at == g.size {
		return 0, io.EOF
	}
	from, behind := g.at-int64(len(g.begin)), g.size-int64(len(g.end))
	var n int
	switch {
	case from < 0:
		n = copy(p, g.begin[g.at:])
	case g.at >= behind:
		n = copy(p, g.end[g.at-behind:])
	default:
		n = copy(p[:min(int64(len(p)), behind-g.at)], g.middle[from%int64(len(g.middle)):])
	}
	if before := g.at >> 20; g.seen != nil && (g.at+int64(n))>>20 > before {
		g.seen()
	}
	g.at += int64(n)
	return n, nil
}

// Seek implements [io.Seeker] from the beginning.
func (g *generated) Seek(offset int64, _ int) (int64, error) {
	g.at = offset
	return offset, nil
}

// TestX18MemoryIsBounded reads large files, and looks again and again at how
// much memory is in use.
func TestX18MemoryIsBounded(t *testing.T) {
	s := storetest.New(t)
	app := storetest.Caller(storetest.Pool(t, s, "demo", fields))
	im := newImports(s)
	const most = 12 << 20 // bytes; the files have many times as much
	var base, peak uint64
	inUse := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	look := func() { peak = max(peak, inUse()) }
	line := strings.Repeat("x", 1<<20)
	for name, c := range map[string]struct {
		file *generated
		read func(g *generated) error
		says string
	}{
		"a line of 10 GB, uploaded": {newGenerated("email\n", line, 10<<10, ""), func(g *generated) error {
			_, err := im.Upload(t.Context(), app, g)
			return err
		}, "Row 1: The row is longer than 64 KiB."},
		"64 MiB, uploaded": {newGenerated("email,name\n", "a@example.org,"+strings.Repeat("x", 1000)+"\n", 64<<10, ""), func(g *generated) error {
			source, err := im.Upload(t.Context(), app, g)
			if err == nil && source.Rows != 64<<10 {
				err = fmt.Errorf("%d rows", source.Rows)
			}
			return err
		}, ""},
		"a line of 64 MiB, in a file": {newGenerated("email\n", line, 64, "\nlast@example.org"), func(g *generated) error {
			job, err := im.ImportFile(t.Context(), app, g, g.size, directory.FileImport{Format: directory.FormatCSV})
			if err == nil && (job.Failed != 1 || job.Successful != 1) {
				err = fmt.Errorf("%+v", job)
			}
			return err
		}, ""},
		"a line of 64 MiB of JSON": {newGenerated(`{"email":"first@example.org"}`+"\n"+`{"email":"`, line, 64, "\"}\n"+`{"email":"second@example.org"}`), func(g *generated) error {
			job, err := im.ImportFile(t.Context(), app, g, g.size, directory.FileImport{Format: directory.FormatJSON})
			if err == nil && (job.Failed != 1 || job.Successful != 2) {
				err = fmt.Errorf("%+v", job)
			}
			return err
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			base, peak, c.file.seen = inUse(), 0, look
			err := c.read(c.file)
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
				t.Errorf("law: what is too long fails alone, or the file is refused with the place; this is answered %v", err)
			}
			if c.says != "" && c.file.at > 1<<20 {
				t.Errorf("law: of a file that is refused nothing is read behind; %d bytes were", c.file.at)
			}
			if peak > base+most {
				t.Errorf("law: how large a file is does not matter for the memory; %d MiB were in use, %d before", peak>>20, base>>20)
			}
		})
	}
}

// TestI21ImportedCosts imports hashes that would take minutes or all memory to
// compare: their rows fail, and the others do not.
func TestI21ImportedCosts(t *testing.T) {
	s := storetest.New(t)
	app := storetest.Caller(storetest.Pool(t, s, "demo", fields))
	im := newImports(s)
	working(t, im)
	for name, c := range map[string]struct {
		hash secret.ForeignParams
		good string
		bad  []string
	}{
		"bcrypt": {secret.ForeignParams{Algorithm: "bcrypt"}, someHash, []string{strings.Replace(someHash, "$04$", "$31$", 1), strings.Replace(someHash, "$04$", "$15$", 1)}},
		"argon2": {secret.ForeignParams{Algorithm: "argon2"}, "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
			[]string{"$argon2id$v=19$m=4194304,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}},
		"pbkdf2": {secret.ForeignParams{Algorithm: "pbkdf2"}, "$pbkdf2-sha256$i=1000$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
			[]string{"$pbkdf2-sha256$i=1000000000$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := "email,hash\n" + name + "@example.org,\"" + c.good + "\"\n"
			for i, bad := range c.bad {
				file += fmt.Sprintf("bad%d.%s@example.org,\"%s\"\n", i, name, bad)
			}
			mapping := mapped("email=email", "hash=password_hash")
			mapping.Hash = c.hash
			job, details := imported(t, im, app, directory.NewImport{Source: uploaded(t, im, app, file).ID, Mapping: mapping})
			if job.Successful != 1 || int(job.Failed) != len(c.bad) {
				t.Errorf("law: a hash that costs too much fails with its row; there is %q", details)
			}
			for _, reason := range details {
				if strings.Contains(reason, "$") {
					t.Errorf("law: a reason never has the hash in it; there is %q", reason)
				}
			}
		})
	}
}
