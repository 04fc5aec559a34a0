package authing

import (
	"strings"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// document is a text of GraphQL as it was read. It is not changed once it was
// checked, so that requests may share it.
type document struct {
	*ast.QueryDocument
	text    string
	checked bool
}

// documents reads what clients ask, and remembers what it checked: a program
// sends the same few texts again and again, with other variables.
type documents struct {
	schema *ast.Schema
	known  *lru.Cache[string, *ast.QueryDocument]
}

const (
	// maxTokens is how many words and signs a document may have.
	maxTokens = 2000
	// maxKnown is how many documents are remembered, and maxKnownText how long
	// one of them may be, in bytes. What is read of a text takes some ten times
	// as much.
	maxKnown, maxKnownText = 256, 4 << 10
)

func newDocuments(schema *ast.Schema) documents {
	known, err := lru.New[string, *ast.QueryDocument](maxKnown)
	if err != nil {
		panic(err) // the number is greater than 0
	}
	return documents{schema, known}
}

// read reads a document. What it asks for is still to be checked, unless the
// same text was before.
func (d documents) read(text string) (document, error) {
	if doc, ok := d.known.Get(text); ok {
		return document{doc, text, true}, nil
	}
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, maxTokens)
	if err != nil {
		return document{}, located{error: faultSyntax, places: placesOf(err)}
	}
	return document{doc, text, false}, nil
}

// check refuses a document that is too large or does not fit the schema. One
// with a text in quotes is not remembered, because that may be a password.
func (d documents) check(doc document) error {
	if doc.checked {
		return nil
	}
	if err := measure(doc.QueryDocument); err != nil {
		return err
	}
	if list := validator.ValidateWithRules(d.schema, doc.QueryDocument, rules.NewDefaultRules()); len(list) > 0 {
		return located{error: faultQuery, places: placesOf(list)}
	}
	if len(doc.text) <= maxKnownText && !strings.Contains(doc.text, `"`) {
		d.known.Add(doc.text, doc.QueryDocument)
	}
	return nil
}

// operation returns the operation of this name, or the only one.
func (doc document) operation(name *string) (*ast.OperationDefinition, error) {
	if name != nil && *name != "" {
		if op := doc.Operations.ForName(*name); op != nil {
			return op, nil
		}
		return nil, faultOperation
	}
	if len(doc.Operations) != 1 {
		return nil, faultOperation
	}
	return doc.Operations[0], nil
}
