package deliver

import (
	"errors"
	"fmt"
	"html"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// errUnknownTemplate is returned for a mail that has no files.
var errUnknownTemplate = errors.New("there is no such template")

// rendered is a mail's words.
type rendered struct {
	Subject, Text, HTML string
}

// render fills in a message's words. Each part comes from the pool's override if
// that has one, else from the file. It returns errUnknownTemplate, or an error
// that names a word of a file for which there is no value.
func render(name string, override core.MailTemplate, values map[string]string) (rendered, error) {
	channel, ok := channelOf(name)
	if !ok {
		return rendered{}, errUnknownTemplate
	}
	if channel == core.ChannelText {
		return renderText(name, override, values)
	}
	builtin, err := readTemplate(language, name)
	if err != nil {
		return rendered{}, err
	}
	f := newFiller(values)
	var out rendered
	for _, part := range []struct {
		into              *string
		override, builtin string
		escape            func(string) string
	}{
		{&out.Subject, override.Subject, builtin.Subject, oneLine},
		{&out.Text, override.Text, builtin.Text, func(s string) string { return s }},
		{&out.HTML, override.HTML, builtin.HTML, html.EscapeString},
	} {
		if part.override != "" {
			*part.into = f.lenient(part.override, part.escape)
			continue
		}
		if *part.into, err = f.strict(part.builtin, part.escape); err != nil {
			return rendered{}, fmt.Errorf("template %s: %w", name, err)
		}
	}
	return out, nil
}

// channelOf says by what way a message of a name goes, if there is one.
func channelOf(name string) (core.Channel, bool) {
	for _, t := range Templates() {
		if t.Name == name {
			return t.Channel, true
		}
	}
	return "", false
}

// renderText fills in the words of a text message, which are one line.
func renderText(name string, override core.MailTemplate, values map[string]string) (rendered, error) {
	builtin, err := fs.ReadFile(templateFiles, "templates/"+language+"/"+name+".txt")
	if err != nil {
		return rendered{}, err
	}
	f := newFiller(values)
	if override.Text != "" {
		return rendered{Text: f.lenient(override.Text, oneLine)}, nil
	}
	text, err := f.strict(strings.TrimSpace(string(builtin)), oneLine)
	if err != nil {
		return rendered{}, fmt.Errorf("template %s: %w", name, err)
	}
	return rendered{Text: text}, nil
}

// readTemplate reads a mail's files.
func readTemplate(language, name string) (core.MailTemplate, error) {
	path := "templates/" + language + "/" + name
	text, err := fs.ReadFile(templateFiles, path+".txt")
	if err != nil {
		return core.MailTemplate{}, err
	}
	markup, err := fs.ReadFile(templateFiles, path+".html")
	if err != nil {
		return core.MailTemplate{}, err
	}
	first, rest, _ := strings.Cut(string(text), "\n")
	subject, ok := strings.CutPrefix(first, "Subject: ")
	if !ok {
		return core.MailTemplate{}, fmt.Errorf("the first line of %s.txt is not its subject", path)
	}
	return core.MailTemplate{Subject: subject, Text: strings.TrimPrefix(rest, "\n"), HTML: string(markup)}, nil
}

// filler puts values in the place of words in {{ }}. That is all it can do:
// templates come from pools, so there is no logic, no call and no path, and
// what is put in is never read again.
type filler struct {
	word   *regexp.Regexp
	values map[string]string
}

func newFiller(values map[string]string) filler {
	return filler{word: regexp.MustCompile(`\{\{[ \t]*([a-z][a-z0-9_]*)[ \t]*\}\}`), values: values}
}

// strict returns an error for a word without a value.
func (f filler) strict(template string, escape func(string) string) (string, error) {
	for _, found := range f.word.FindAllStringSubmatch(template, -1) {
		if _, ok := f.values[found[1]]; !ok {
			return "", fmt.Errorf("there is no value for {{%s}}", found[1])
		}
	}
	return f.lenient(template, escape), nil
}

// lenient leaves nothing for a word that other mails have and this one has
// not. What is no word of any mail stays as it is written, braces and all.
func (f filler) lenient(template string, escape func(string) string) string {
	return f.word.ReplaceAllStringFunc(template, func(found string) string {
		name := strings.Trim(found, "{} \t")
		value, given := f.values[name]
		if !given && !isWord(name) {
			return found
		}
		return escape(value)
	})
}

// isWord reports whether any mail has this value.
func isWord(name string) bool {
	return slices.ContainsFunc(Templates(), func(t Template) bool { return slices.Contains(t.Values, name) })
}

// oneLine takes out what would end a header, or hide in one.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, s)
}
