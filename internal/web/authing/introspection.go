package authing

import (
	"bytes"
	"compress/gzip"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// prepared is the answer to whoever asks for the schema. The Python SDK does so
// before each of its calls, so it is written once, and packed once.
type prepared struct {
	plain, packed []byte
}

// asksSchema recognises an operation that asks for the schema and for nothing
// else. What of it is asked for does not matter: the answer is the whole.
func asksSchema(op *ast.OperationDefinition) bool {
	if op.Operation != ast.Query || len(op.SelectionSet) != 1 {
		return false
	}
	field, ok := op.SelectionSet[0].(*ast.Field)
	return ok && field.Name == "__schema" && field.Alias == "__schema"
}

// hiddenSchema is what the Python SDK takes for "no schema is told".
const hiddenSchema = `{"data":null}`

// answer writes the schema, or that it is not told.
func (p prepared) answer(w http.ResponseWriter, r *http.Request, told bool) {
	body := []byte(hiddenSchema)
	h := w.Header()
	h.Add("Vary", "Accept-Encoding")
	if told {
		body = p.plain
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			body = p.packed
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Request-Id", core.Tail(web.From(r.Context()).ID))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the client may be gone
}

// prepare writes the schema as an answer to the introspection query of the
// specification (GraphQL, October 2021, section 4.2).
func prepare(schema *ast.Schema) prepared {
	types := []object{}
	for _, name := range slices.Sorted(maps.Keys(schema.Types)) {
		types = append(types, describeType(schema, schema.Types[name]))
	}
	directives := []object{}
	for _, name := range []string{"deprecated", "include", "skip"} {
		d := schema.Directives[name]
		directives = append(directives, object{"name": d.Name, "description": nil, "locations": d.Locations, "isRepeatable": false, "args": describeArguments(schema, d.Arguments)})
	}
	plain, err := json.Marshal(object{"data": object{"__schema": object{
		"description": nil, "queryType": object{"name": schema.Query.Name}, "mutationType": object{"name": schema.Mutation.Name}, "subscriptionType": nil,
		"types": types, "directives": directives,
	}}}, json.Deterministic(true))
	if err != nil {
		panic(err) // every schema has that form
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = z.Write(plain)
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		panic(err) // memory does not refuse
	}
	return prepared{plain, packed.Bytes()}
}

func describeType(schema *ast.Schema, d *ast.Definition) object {
	t := object{
		"kind": d.Kind, "name": d.Name, "description": nil, "fields": nil, "inputFields": nil, "interfaces": nil, "enumValues": nil, "possibleTypes": nil,
		"specifiedByURL": nil, "isOneOf": nil,
	}
	switch d.Kind {
	case ast.Object:
		fields := []object{}
		for _, f := range d.Fields {
			if !strings.HasPrefix(f.Name, "__") {
				fields = append(fields, object{
					"name": f.Name, "description": nil, "args": describeArguments(schema, f.Arguments), "type": describeRef(schema, f.Type),
					"isDeprecated": false, "deprecationReason": nil,
				})
			}
		}
		t["fields"], t["interfaces"] = fields, []object{}
	case ast.InputObject:
		fields := []object{}
		for _, f := range d.Fields {
			fields = append(fields, describeInput(schema, f.Name, f.Type, f.DefaultValue))
		}
		t["inputFields"] = fields
	case ast.Enum:
		values := []object{}
		for _, v := range d.EnumValues {
			values = append(values, object{"name": v.Name, "description": nil, "isDeprecated": false, "deprecationReason": nil})
		}
		t["enumValues"] = values
	case ast.Scalar, ast.Interface, ast.Union: // the first has nothing, the others are not in this schema
	}
	return t
}

func describeArguments(schema *ast.Schema, list ast.ArgumentDefinitionList) []object {
	all := []object{}
	for _, a := range list {
		all = append(all, describeInput(schema, a.Name, a.Type, a.DefaultValue))
	}
	return all
}

func describeInput(schema *ast.Schema, name string, t *ast.Type, value *ast.Value) object {
	var shown any
	if value != nil {
		shown = value.String()
	}
	return object{"name": name, "description": nil, "type": describeRef(schema, t), "defaultValue": shown, "isDeprecated": false, "deprecationReason": nil}
}

// describeRef writes where a type is used, from the outside in.
func describeRef(schema *ast.Schema, t *ast.Type) object {
	switch {
	case t.NonNull:
		inner := *t
		inner.NonNull = false
		return object{"kind": "NON_NULL", "name": nil, "ofType": describeRef(schema, &inner)}
	case t.Elem != nil:
		return object{"kind": "LIST", "name": nil, "ofType": describeRef(schema, t.Elem)}
	default:
		return object{"kind": schema.Types[t.NamedType].Kind, "name": t.NamedType, "ofType": nil}
	}
}
