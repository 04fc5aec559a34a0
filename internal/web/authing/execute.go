package authing

import (
	"context"
	"net/http"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/gatehouse-id/gatehouse/internal/web"
)

// outcomeOf is what an operation came to: its data, and what went wrong.
type outcomeOf struct {
	data   any
	failed []error
}

func (o outcomeOf) response(w http.ResponseWriter, r *http.Request) response {
	answer := response{Data: o.data}
	for _, err := range o.failed {
		retryLater(w, err)
		web.Fault(r.Context(), reported(err))
		answer.Errors = append(answer.Errors, newFailure(r, err))
	}
	return answer
}

// selected is one key of an answer with the fields that ask for it: more than
// one where a document asks for parts of it in several places.
type selected struct {
	key    string
	fields []*ast.Field
}

// execute runs the fields of an operation one after the other. The document is
// valid, so that fields of one key are the same field with the same arguments.
func (f *Face) execute(ctx context.Context, v visit, op *ast.OperationDefinition, variables map[string]any) (outcomeOf, error) {
	roots := collect(variables, op.SelectionSet)
	served := operations()
	proving := 0
	for _, root := range roots {
		field := root.fields[0]
		if field.Name == "__typename" {
			continue
		}
		o, ok := served[field.Name]
		if !ok {
			return outcomeOf{}, located{faultUnserved, placeOf(field), root.key}
		}
		if o.proves {
			proving++
		}
		web.At(ctx, f.asked[field.Name])
	}
	if proving > 1 {
		return outcomeOf{}, faultTooMany
	}
	if len(roots) > maxRoots {
		return outcomeOf{}, faultComplex
	}
	var out outcomeOf
	data := ordered{}
	for _, root := range roots {
		field := root.fields[0]
		if field.Name == "__typename" {
			data = append(data, member{root.key, field.ObjectDefinition.Name})
			continue
		}
		value, err := served[field.Name].run(f, ctx, v, arguments(field.ArgumentMap(variables)))
		if err == nil {
			value, err = shape(variables, root.fields, value)
		}
		if err != nil {
			value = nil
			out.failed = append(out.failed, located{err, placeOf(field), root.key})
		}
		data = append(data, member{root.key, value})
	}
	out.data = data
	return out, nil
}

func placeOf(field *ast.Field) []location {
	return []location{{field.Position.Line, field.Position.Column}}
}

// collect gathers the fields of selections by their keys, in the order of the
// document, with fragments written out and what is skipped left out. No type of
// the schema is abstract, so a fragment always applies.
func collect(variables map[string]any, sets ...ast.SelectionSet) []selected {
	var all []selected
	at := make(map[string]int)
	var walk func(ast.SelectionSet)
	walk = func(set ast.SelectionSet) {
		for _, selection := range set {
			switch selection := selection.(type) {
			case *ast.Field:
				if skipped(selection.Directives, variables) {
					continue
				}
				i, known := at[selection.Alias]
				if !known {
					i = len(all)
					at[selection.Alias] = i
					all = append(all, selected{key: selection.Alias})
				}
				all[i].fields = append(all[i].fields, selection)
			case *ast.InlineFragment:
				if !skipped(selection.Directives, variables) {
					walk(selection.SelectionSet)
				}
			case *ast.FragmentSpread:
				if !skipped(selection.Directives, variables) {
					walk(selection.Definition.SelectionSet)
				}
			}
		}
	}
	for _, set := range sets {
		walk(set)
	}
	return all
}

// skipped is what @skip and @include say.
func skipped(directives ast.DirectiveList, variables map[string]any) bool {
	if d := directives.ForName("skip"); d != nil && d.ArgumentMap(variables)["if"] == true {
		return true
	}
	d := directives.ForName("include")
	return d != nil && d.ArgumentMap(variables)["if"] != true
}

// shape gives a value the form that its fields ask for. It returns
// [faultUnservedSub] for a field that the value does not know.
func shape(variables map[string]any, fields []*ast.Field, value any) (any, error) {
	switch value := value.(type) {
	case object:
		if value == nil {
			return nil, nil
		}
		return shapeObject(variables, fields, value.get)
	case ordered:
		return shapeObject(variables, fields, value.get)
	case []object:
		list := []any{}
		for _, item := range value {
			shaped, err := shapeObject(variables, fields, item.get)
			if err != nil {
				return nil, err
			}
			list = append(list, shaped)
		}
		return list, nil
	default:
		return value, nil
	}
}

func shapeObject(variables map[string]any, fields []*ast.Field, get func(key string) (any, bool)) (any, error) {
	var sets []ast.SelectionSet
	for _, field := range fields {
		sets = append(sets, field.SelectionSet)
	}
	into := ordered{}
	for _, s := range collect(variables, sets...) {
		field := s.fields[0]
		if field.Name == "__typename" {
			into = append(into, member{s.key, field.ObjectDefinition.Name})
			continue
		}
		value, served := get(field.Name)
		if !served {
			return nil, faultUnservedSub
		}
		shaped, err := shape(variables, s.fields, value)
		if err != nil {
			return nil, err
		}
		into = append(into, member{s.key, shaped})
	}
	return into, nil
}
