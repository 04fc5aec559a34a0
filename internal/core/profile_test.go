package core_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

func TestProfileChecks(t *testing.T) {
	crowd := core.Profile{}
	for i := range 101 {
		crowd[fmt.Sprint("f", i)] = ""
	}
	for law, c := range map[string]struct {
		profile  core.Profile
		pointers []string
	}{
		"an ordinary profile is fine":        {core.Profile{"first_name": "Ana", "äö": "ü\nx", "empty": ""}, nil},
		"no profile is fine":                 {nil, nil},
		"a name has 1 to 64 bytes":           {core.Profile{"": "x", strings.Repeat("a", 65): "x", strings.Repeat("a", 64): "x"}, []string{"/profile/", "/profile/" + strings.Repeat("a", 65)}},
		"a name is plain text":               {core.Profile{"a\x00": "x", "a\nb": "x", "a\u202eb": "x", "a\xff": "x"}, []string{"/profile/a\x00", "/profile/a\nb", "/profile/a\u202eb", "/profile/a\xff"}},
		"a value is at most 4096 bytes":      {core.Profile{"a": strings.Repeat("x", 4097), "b": strings.Repeat("x", 4096)}, []string{"/profile/a"}},
		"a value is text without NUL":        {core.Profile{"a": "x\x00", "b": "x\xff"}, []string{"/profile/a", "/profile/b"}},
		"a pointer is escaped (RFC 6901)":    {core.Profile{"a/b~c": "\x00"}, []string{"/profile/a~1b~0c"}},
		"a profile has at most 100 fields":   {crowd, []string{"/profile"}},
		"problems come in the order of name": {core.Profile{"c": "\x00", "a": "\x00", "b": "\x00", "d": "\x00"}, []string{"/profile/a", "/profile/b", "/profile/c", "/profile/d"}},
	} {
		var got []string
		for _, p := range c.profile.Check("/profile") {
			got = append(got, p.Pointer)
		}
		if !slices.Equal(got, c.pointers) {
			t.Errorf("law: %s; the problems are at %q in place of %q", law, got, c.pointers)
		}
	}
}

func TestProfileMerge(t *testing.T) {
	before := core.Profile{"stays": "1", "goes": "2", "changes": "3"}
	after := before.Merge(map[string]*string{"goes": nil, "changes": new("4"), "comes": new(""), "never": nil})
	if want := (core.Profile{"stays": "1", "changes": "4", "comes": ""}); !maps.Equal(after, want) {
		t.Errorf("law: a value replaces, nil removes, the rest stays; got %v", after)
	}
	if want := (core.Profile{"stays": "1", "goes": "2", "changes": "3"}); !maps.Equal(before, want) {
		t.Errorf("law: merging leaves the profile itself alone; it became %v", before)
	}
	if got := core.Profile(nil).Merge(nil); got == nil || len(got) != 0 {
		t.Errorf("law: a merged profile is never nil; got %v", got)
	}
}

func TestProfileFieldValues(t *testing.T) {
	for kind, values := range map[core.ProfileFieldType]struct{ good, bad []string }{
		core.ProfileText:    {[]string{"x", " ", "Ünïcode 密"}, []string{"a\nb", "a\x00b", "a\u202eb", "\xff"}},
		core.ProfileInteger: {[]string{"0", "-12", "9223372036854775807"}, []string{"1.5", "x", "9223372036854775808", " 1"}},
		core.ProfileDate:    {[]string{"2024-02-29", "1900-01-01"}, []string{"2023-02-29", "2024-2-9", "01.02.2024", "2024-02-29T00:00:00Z"}},
		core.ProfileBoolean: {[]string{"true", "false"}, []string{"True", "1", "yes"}},
		core.ProfilePhone:   {[]string{"+49 (30) 123-456", "12345"}, []string{"1234", "+1234567890123456", "++12345", "12345x", "12345\n"}},
		core.ProfileEmail:   {[]string{"a@example.org"}, []string{"a", "A <a@example.org>"}},
	} {
		f := core.ProfileField{ID: "f", Label: "Field", Type: kind}
		for _, value := range append(values.good, "") {
			if err := f.CheckValue(value); err != nil {
				t.Errorf("law: %q is a %s; %v", value, kind, err)
			}
		}
		for _, value := range values.bad {
			if f.CheckValue(value) == nil {
				t.Errorf("law: %q is no %s", value, kind)
			}
		}
		f.Required = true
		if f.CheckValue("") == nil {
			t.Errorf("law: a required %s is filled in", kind)
		}
	}
}
