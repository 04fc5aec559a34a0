package deliver

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden")

// someValues has a value for every word, each with what must be escaped.
func someValues() map[string]string {
	return map[string]string{
		"app": "Ham & Eggs <Ltd>", "email": "o'hara@example.org", "minutes": "30",
		"inviter": "d'arcy@example.org", "left": "9", "until": "2 January 2006, 15:04 UTC",
		"link": "https://id.example.org/verify?flow=abc&code=def",
	}
}

func only(names []string) map[string]string {
	values := make(map[string]string)
	for _, name := range names {
		values[name] = someValues()[name]
	}
	return values
}

// Every line of the catalogue has its files in every language, they use the
// values of the line and no others, and there is no file without a line.
func TestEveryTemplateHasItsFiles(t *testing.T) {
	languages, err := fs.ReadDir(templateFiles, "templates")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(languages, func(d fs.DirEntry) bool { return d.Name() == language }) {
		t.Errorf("there is no folder for %s", language)
	}
	for _, folder := range languages {
		known := make(map[string]bool)
		for _, line := range Templates() {
			known[line.Name+".txt"] = true
			if line.Meaning == "" {
				t.Errorf("%s has no meaning", line.Name)
			}
			if line.Channel == core.ChannelText {
				continue // see TestTextMessagesAreShort
			}
			known[line.Name+".html"] = true
			files, err := readTemplate(folder.Name(), line.Name)
			if err != nil {
				t.Errorf("%s: %v", line.Name, err)
				continue
			}
			if files.Subject == "" || files.Text == "" || files.HTML == "" {
				t.Errorf("%s/%s has an empty part", folder.Name(), line.Name)
			}
			for _, part := range []string{files.Subject, files.Text, files.HTML} {
				if _, err := newFiller(only(line.Values)).strict(part, oneLine); err != nil {
					t.Errorf("%s/%s: %v", folder.Name(), line.Name, err)
				}
			}
			for _, value := range line.Values {
				for kind, part := range map[string]string{"text": files.Subject + files.Text, "HTML": files.HTML} {
					if !strings.Contains(part, "{{"+value+"}}") {
						t.Errorf("%s/%s: the %s does not use {{%s}}", folder.Name(), line.Name, kind, value)
					}
				}
			}
		}
		files, err := fs.ReadDir(templateFiles, "templates/"+folder.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !known[file.Name()] {
				t.Errorf("%s/%s belongs to no template", folder.Name(), file.Name())
			}
		}
	}
}

// A text message is one line that uses all its values, and that goes into one
// part even with a long name in it: 160 characters of GSM 03.38.
func TestTextMessagesAreShort(t *testing.T) {
	for _, line := range Templates() {
		if line.Channel != core.ChannelText {
			continue
		}
		values := map[string]string{"app": "The Long Company of Somewhere", "code": "493021", "minutes": "10"}
		got, err := render(line.Name, core.MailTemplate{}, values)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range line.Values {
			if values[name] == "" || !strings.Contains(got.Text, values[name]) {
				t.Errorf("%s does not say its %s: %q", line.Name, name, got.Text)
			}
		}
		if len(got.Text) > 160 || strings.ContainsAny(got.Text, "\r\n`{}") || strings.Trim(got.Text, " ") != got.Text || got.HTML != "" || got.Subject != "" {
			t.Errorf("%s is %q", line.Name, got.Text)
		}
		for name := range values {
			missing := map[string]string{"app": "A", "code": "1", "minutes": "2"}
			delete(missing, name)
			if _, err := render(line.Name, core.MailTemplate{}, missing); err == nil {
				t.Errorf("%s goes without its %s", line.Name, name)
			}
		}
	}
}

func TestMailsLookAsTheyDid(t *testing.T) {
	for _, line := range Templates() {
		if line.Channel == core.ChannelText {
			continue
		}
		t.Run(line.Name, func(t *testing.T) {
			got, err := render(line.Name, core.MailTemplate{}, only(line.Values))
			if err != nil {
				t.Fatal(err)
			}
			whole := fmt.Sprintf("Subject: %s\n\n%s\n----\n\n%s", got.Subject, got.Text, got.HTML)
			file := filepath.Join("testdata", line.Name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(whole), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if whole != string(want) {
				t.Errorf("%s differs; go test -update rewrites it:\n%s", file, whole)
			}
		})
	}
}

func TestRenderFillsInWordsAndNothingElse(t *testing.T) {
	evil := map[string]string{
		"app": "Demo\r\nBcc: x@example.net\x00\u2028", "link": `https://e.org/?a=1&b="><script>alert(1)</script>`, "minutes": "{{email}}", "email": "'a'@example.org",
	}
	for _, c := range []struct {
		name string
		in   core.MailTemplate
		want rendered
	}{
		{"words, with and without spaces", core.MailTemplate{Subject: "{{ minutes}}!", Text: "{{link}} {{ email }}", HTML: "{{\temail\t}}"},
			rendered{"{{email}}!", `https://e.org/?a=1&b="><script>alert(1)</script> 'a'@example.org`, "&#39;a&#39;@example.org"}},
		{"a value stays on the line of the subject", core.MailTemplate{Subject: "A {{app}} B", Text: "-", HTML: "-"},
			rendered{"A DemoBcc: x@example.net B", "-", "-"}},
		{"a value is not markup", core.MailTemplate{Subject: "-", Text: "-", HTML: `<a href="{{link}}">`},
			rendered{"-", "-", `<a href="https://e.org/?a=1&amp;b=&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;">`}},
		{"a value is not read again", core.MailTemplate{Subject: "{{minutes}}", Text: "{{minutes}}", HTML: "{{minutes}}"},
			rendered{"{{email}}", "{{email}}", "{{email}}"}},
		{"everything else is as it is written",
			core.MailTemplate{Subject: "{{.}} {{printf}} ${7*7}", Text: `{{printf "%s" .app}} {{.app}} {{ app | html }} {{range}} {app} {{{app}} {{App}} {{}} {{app`, HTML: `{{template "x"}}{{- app -}} <b>{{end}}</b> #{7*7} <%= 7*7 %>`},
			rendered{"{{.}} {{printf}} ${7*7}", `{{printf "%s" .app}} {{.app}} {{ app | html }} {{range}} {app} {` + evil["app"] + ` {{App}} {{}} {{app`, `{{template "x"}}{{- app -}} <b>{{end}}</b> #{7*7} <%= 7*7 %>`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := render("verify_email", c.in, evil)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestRenderTakesThePoolsWordsPartByPart(t *testing.T) {
	values := someValues()
	plain, err := render("verify_email", core.MailTemplate{}, values)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		in   core.MailTemplate
		want rendered
	}{
		{core.MailTemplate{Subject: "S {{minutes}}"}, rendered{"S 30", plain.Text, plain.HTML}},
		{core.MailTemplate{Text: "T {{minutes}}"}, rendered{plain.Subject, "T 30", plain.HTML}},
		{core.MailTemplate{HTML: "H {{minutes}}"}, rendered{plain.Subject, plain.Text, "H 30"}},
	} {
		got, err := render("verify_email", c.in, values)
		if err != nil || got != c.want {
			t.Errorf("%+v: got %+v, %v", c.in, got, err)
		}
	}
}

func TestRenderMissesAValueInItsOwnFilesOnly(t *testing.T) {
	values := someValues()
	delete(values, "minutes")
	if _, err := render("verify_email", core.MailTemplate{}, values); err == nil || !strings.Contains(err.Error(), "{{minutes}}") {
		t.Errorf("a file with a word without a value: got %v", err)
	}
	got, err := render("verify_email", core.MailTemplate{Subject: "in {{minutes}}.", Text: "in {{ minutes }}.", HTML: "in {{minutes}}."}, values)
	if err != nil || got != (rendered{"in .", "in .", "in ."}) {
		t.Errorf("a pool's words without a value: got %+v, %v", got, err)
	}
	for _, name := range []string{"", "no_such_mail", "../en/verify_email", "verify_email.txt"} {
		if _, err := render(name, core.MailTemplate{Subject: "s", Text: "t", HTML: "h"}, values); !errors.Is(err, errUnknownTemplate) {
			t.Errorf("template %q: got %v", name, err)
		}
	}
}
