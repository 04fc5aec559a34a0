package hosted

import (
	"bytes"
	"html/template"
	"regexp"
	"strconv"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
)

// agreementField is an agreement on its form: its text, and a box to tick.
type agreementField struct {
	Name    string // of the box
	Version string // what the box says when it is ticked
	Title   string
	Text    template.HTML
	Ticked  bool
}

const agreedPrefix = "agreed."

// agreedOf reads the boxes that were ticked. What is no number of a version is
// none that was shown.
func agreedOf(f form) flow.Answer {
	var a flow.Answer
	for id, value := range f.under(agreedPrefix) {
		version, err := strconv.ParseInt(value, 10, 64)
		if err != nil || version < 1 {
			version = -1
		}
		a.Agreed = append(a.Agreed, flow.Agreed{ID: core.AgreementID(id), Version: version})
	}
	return a
}

// agreementFields are the boxes and texts of a prompt.
func (p *Pages) agreementFields(list []core.Agreement, values form) ([]agreementField, error) {
	fields := make([]agreementField, 0, len(list))
	for _, a := range list {
		html, err := p.markdown.render(a.Text)
		if err != nil {
			return nil, err
		}
		name, version := agreedPrefix+string(a.ID), strconv.FormatInt(a.Version, 10)
		fields = append(fields, agreementField{Name: name, Version: version, Title: a.Name, Text: html, Ticked: values[name] == version})
	}
	return fields, nil
}

// markdown makes harmless HTML of texts that an application wrote. It is read
// and never changed.
type markdown struct {
	parse  goldmark.Markdown
	policy *bluemonday.Policy
}

// newMarkdown allows what a contract is made of: headings, paragraphs, lists,
// emphasis and links. HTML in the text is left out, and so are pictures, which
// tell somebody else who reads. Links open a window of their own, so that what
// was filled in is not lost, and tell nobody where they were followed.
func newMarkdown() markdown {
	policy := bluemonday.NewPolicy()
	policy.AllowElements("p", "br", "hr", "h3", "h4", "h5", "h6", "strong", "em", "ul", "ol", "li", "blockquote", "pre", "code")
	policy.AllowAttrs("start").Matching(regexp.MustCompile(`^[0-9]{1,9}$`)).OnElements("ol")
	// http:x leads to somewhere on these pages.
	policy.AllowAttrs("href").Matching(regexp.MustCompile(`^(?i:https?://[^/?#]|mailto:)`)).OnElements("a")
	policy.AllowURLSchemes("https", "http", "mailto")
	policy.AllowRelativeURLs(false)
	policy.RequireParseableURLs(true)
	policy.RequireNoFollowOnLinks(true)
	policy.RequireNoReferrerOnLinks(true)
	policy.AddTargetBlankToFullyQualifiedLinks(true)
	return markdown{parse: goldmark.New(), policy: policy}
}

// render makes HTML of a text. Its headings begin below those of the page.
func (m markdown) render(source string) (template.HTML, error) {
	if tooInvolved(source) {
		return template.HTML("<pre>" + template.HTMLEscapeString(source) + "</pre>\n"), nil
	}
	raw := []byte(source)
	doc := m.parse.Parser().Parse(text.NewReader(raw))
	err := ast.Walk(doc, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if heading, ok := n.(*ast.Heading); ok && entering {
			heading.Level = min(heading.Level+2, 6)
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		return "", err
	}
	var html bytes.Buffer
	if err := m.parse.Renderer().Render(&html, raw, doc); err != nil {
		return "", err
	}
	return template.HTML(m.policy.SanitizeBytes(html.Bytes())), nil
}

// What a text may have before it is shown as it was written. A bracket that is
// not closed is looked for until its paragraph ends, and a mark of a quotation
// or a list is looked at for each one around it: both make the work grow with the
// square of what is written. No contract comes near.
const (
	maxBrackets = 500 // in a text
	maxMarks    = 50  // at the beginning of a line
)

// tooInvolved reports whether a text is beyond these bounds.
func tooInvolved(source string) bool {
	if strings.Count(source, "[") > maxBrackets {
		return true
	}
	for line := range strings.FieldsFuncSeq(source, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if marks(line) > maxMarks {
			return true
		}
	}
	return false
}

// marks counts the marks of quotations and lists at the beginning of a line, up
// to one more than there may be.
func marks(line string) (n int) {
	for ; n <= maxMarks; n++ {
		line = strings.TrimLeft(line, " \t")
		switch rest := strings.TrimLeft(line, "0123456789"); {
		case strings.HasPrefix(line, ">"):
			line = line[1:]
		case rest == "" || !strings.ContainsRune("-+*.)", rune(rest[0])) || (len(rest) < len(line)) != (rest[0] == '.' || rest[0] == ')'):
			return n
		case len(rest) == 1 || rest[1] != ' ' && rest[1] != '\t':
			return n
		default:
			line = rest[1:]
		}
	}
	return n
}
