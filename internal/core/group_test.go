package core

import (
	"fmt"
	"strings"
	"testing"
)

func TestGroupsAreChecked(t *testing.T) {
	attributes := func(n int) map[string]string {
		all := make(map[string]string, n)
		for i := range n {
			all[fmt.Sprint("a", i)] = "x"
		}
		return all
	}
	for name, c := range map[string]struct {
		group Group
		want  string // the codes and pointers, in order
	}{
		"the least":             {Group{Name: "a", Type: "b"}, ""},
		"every letter":          {Group{Name: "aZ09_-", Type: "a type of Ümläuts 密"}, ""},
		"the longest":           {Group{Name: strings.Repeat("n", 128), Type: strings.Repeat("t", 128), Description: strings.Repeat("d", 1000), Attributes: map[string]string{strings.Repeat("k", 64): strings.Repeat("v", 1024)}}, ""},
		"lines of description":  {Group{Name: "a", Type: "b", Description: "one\r\n\ttwo ü", Attributes: map[string]string{"a b/c~d": "line\nbreak", "empty": ""}}, ""},
		"as many as there may":  {Group{Name: "a", Type: "b", Attributes: attributes(50)}, ""},
		"nothing":               {Group{}, "required /name, required /type"},
		"blanks":                {Group{Name: " ", Type: " \t"}, "format /name, required /type"},
		"a name with a space":   {Group{Name: "Console Users", Type: "b"}, "format /name"},
		"a name with an accent": {Group{Name: "Büro", Type: "b"}, "format /name"},
		"a name with a line":    {Group{Name: "a\n", Type: "b"}, "format /name"},
		"a name as HTML":        {Group{Name: "<b>", Type: "b"}, "format /name"},
		"a type on two lines":   {Group{Name: "a", Type: "b\nc"}, "format /type"},
		"a hidden type":         {Group{Name: "a", Type: "b\u202ec"}, "format /type"},
		"all too long":          {Group{Name: strings.Repeat("n", 129), Type: strings.Repeat("t", 129), Description: strings.Repeat("d", 1001)}, "too_long /name, too_long /type, too_long /description"},
		"NUL and no text":       {Group{Name: "a\x00", Type: "b\x00", Description: "\xff", Attributes: map[string]string{"a": "\x00"}}, "format /name, format /type, format /description, format /attributes/a"},
		"too many attributes":   {Group{Name: "a", Type: "b", Attributes: attributes(51)}, "too_large /attributes"},
		"names of attributes":   {Group{Name: "a", Type: "b", Attributes: map[string]string{"": "x", "a/b\n": "x", strings.Repeat("k", 65): "x"}}, "format /attributes/, format /attributes/a~1b\n, format /attributes/" + strings.Repeat("k", 65)},
		"a long attribute":      {Group{Name: "a", Type: "b", Attributes: map[string]string{"k": strings.Repeat("v", 1025)}}, "too_long /attributes/k"},
	} {
		var got []string
		for _, p := range c.group.Check() {
			if !strings.HasSuffix(p.Detail, ".") {
				t.Errorf("law: a problem has a sentence; %+v has none", p)
			}
			got = append(got, string(p.Code)+" "+p.Pointer)
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("law: a group is as it may be; %s has %q in place of %q", name, strings.Join(got, ", "), c.want)
		}
	}
}
