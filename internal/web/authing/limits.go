package authing

import "github.com/vektah/gqlparser/v2/ast"

// The limits of a document, beside [maxTokens] and [maxBody].
const (
	maxDepth  = 10   // objects within objects
	maxFields = 1000 // fields of the answer, with every fragment written out
	maxRoots  = 10   // operations of the schema in one of a document
)

// measure refuses a document that nests too deep, grows too large when its
// fragments are written out, or has fragments in a circle. It looks at each
// fragment once, whatever is spread where.
func measure(doc *ast.QueryDocument) error {
	m := measuring{doc: doc, done: make(map[string]size), open: make(map[string]bool)}
	for _, op := range doc.Operations {
		s, ok := m.set(op.SelectionSet)
		switch {
		case !ok:
			return faultQuery
		case s.depth > maxDepth:
			return faultDeep
		case s.fields > maxFields:
			return faultComplex
		}
	}
	return nil
}

// size is how deep a selection is and how many fields it has.
type size struct{ depth, fields int }

type measuring struct {
	doc  *ast.QueryDocument
	done map[string]size
	open map[string]bool // fragments that we are within
}

func (m *measuring) set(set ast.SelectionSet) (size, bool) {
	var total size
	for _, selection := range set {
		var s size
		ok := true
		switch selection := selection.(type) {
		case *ast.Field:
			s, ok = m.set(selection.SelectionSet)
			s.depth, s.fields = s.depth+1, s.fields+1
		case *ast.InlineFragment:
			s, ok = m.set(selection.SelectionSet)
		case *ast.FragmentSpread:
			s, ok = m.fragment(selection.Name)
		}
		if !ok {
			return size{}, false
		}
		total.depth = max(total.depth, s.depth)
		total.fields = min(total.fields+s.fields, maxFields+1)
	}
	return total, true
}

// fragment reports false for one that leads back to itself.
func (m *measuring) fragment(name string) (size, bool) {
	if s, known := m.done[name]; known {
		return s, true
	}
	definition := m.doc.Fragments.ForName(name)
	if m.open[name] || definition == nil {
		return size{}, definition == nil // what does not exist is for the schema's rules to refuse
	}
	m.open[name] = true
	s, ok := m.set(definition.SelectionSet)
	delete(m.open, name)
	m.done[name] = s
	return s, ok
}
