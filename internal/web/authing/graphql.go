package authing

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// schemaText is the vendor's whole schema, as its SDKs know it.
//
//go:embed schema.graphql
var schemaText string

func readSchema() *ast.Schema {
	return gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphql", Input: schemaText})
}

// request is the body of a GraphQL request.
type request struct {
	Query         string         `json:"query"`
	OperationName *string        `json:"operationName"`
	Variables     map[string]any `json:"variables"`
}

// response is the body of an answer. Its HTTP status says that all is well,
// whatever happened: the SDKs read the body of no other.
type response struct {
	Errors []failure `json:"errors,omitempty"`
	Data   any       `json:"data"`
}

// failure is one error, with an object where others have a sentence.
type failure struct {
	Message   refusal    `json:"message"`
	Locations []location `json:"locations"`
	Path      []string   `json:"path,omitempty"`
}

type location struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// located is an error with its places in the document and the key of the answer
// that it took.
type located struct {
	error
	places []location
	key    string
}

// Unwrap gives the error to errors.AsType.
func (l located) Unwrap() error { return l.error }

// graphql answers an operation. The order is one of cost: what a hostile
// document could make expensive comes behind what refuses it.
func (f *Face) graphql(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	v, err := f.visit(ctx, r)
	if err != nil {
		failGraphQL(w, r, http.StatusOK, err)
		return
	}
	allowOrigin(w, r, v.pool.Settings)
	in, err := readRequest(r)
	if err != nil {
		failGraphQL(w, r, bodyStatus(err), err)
		return
	}
	doc, err := f.documents.read(in.Query)
	if err != nil {
		failGraphQL(w, r, http.StatusOK, err)
		return
	}
	op, err := doc.operation(in.OperationName)
	if err != nil {
		failGraphQL(w, r, http.StatusOK, err)
		return
	}
	if asksSchema(op) {
		f.introspection.answer(w, r, v.pool.Settings.Introspection)
		return
	}
	data, err := f.operate(ctx, v, doc, op, in.Variables)
	if err != nil {
		failGraphQL(w, r, http.StatusOK, err)
		return
	}
	send(w, r, http.StatusOK, data.response(w, r))
}

// maxBody is how long a request may be, in bytes.
const maxBody = 100_000

func readRequest(r *http.Request) (request, error) {
	body, err := web.ReadJSON(r)
	if err != nil {
		return request{}, err
	}
	if len(body) > maxBody {
		return request{}, core.Fail(core.CodeTooLarge, "")
	}
	var in request
	if err := web.Decode(body, &in, true); err != nil || in.Query == "" {
		return request{}, faultNoJSON // a list of requests among them
	}
	return in, nil
}

// bodyStatus is the HTTP status for a body that is no GraphQL request. No SDK
// sends one.
func bodyStatus(err error) int {
	switch {
	case core.Is(err, core.CodeUnsupportedMedia):
		return http.StatusUnsupportedMediaType
	case core.Is(err, core.CodeTooLarge):
		return http.StatusRequestEntityTooLarge
	default:
		return http.StatusBadRequest
	}
}

// operate checks an operation and runs it.
func (f *Face) operate(ctx context.Context, v visit, doc document, op *ast.OperationDefinition, given map[string]any) (data outcomeOf, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in an operation: %v\n%s", p, debug.Stack())
		}
	}()
	if err := f.documents.check(doc); err != nil {
		return outcomeOf{}, err
	}
	withoutNulls(given)
	variables, err := validator.VariableValues(f.documents.schema, op, given)
	if err != nil {
		return outcomeOf{}, variableError(op, err)
	}
	return f.execute(ctx, v, op, variables)
}

// withoutNulls takes out what is null, which means that it was not given: the
// Python SDK sends null for every option.
func withoutNulls(value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if inner == nil {
				delete(value, key)
			}
			withoutNulls(inner)
		}
	case []any:
		for _, inner := range value {
			withoutNulls(inner)
		}
	}
}

// variableError names the variable that does not fit, as the client called it,
// and none of the schema's names.
func variableError(op *ast.OperationDefinition, err error) error {
	e, ok := errors.AsType[*gqlerror.Error](err)
	if !ok || len(e.Path) < 2 {
		return faultVariables
	}
	name, _ := e.Path[1].(ast.PathName) // nothing is named "" then
	if op.VariableDefinitions.ForName(string(name)) == nil {
		return faultVariables
	}
	return about{faultVariables, "$" + string(name)}
}

// placesOf is where in the document the errors of the library are. Its sentences
// stay here: they name parts of the schema, and the next best to what was asked
// for.
func placesOf(err error) []location {
	var list gqlerror.List
	if one, ok := errors.AsType[*gqlerror.Error](err); ok {
		list = gqlerror.List{one}
	}
	if many, ok := errors.AsType[gqlerror.List](err); ok {
		list = many
	}
	const most = 5
	places := []location{}
	for _, e := range list {
		for _, l := range e.Locations {
			if len(places) < most {
				places = append(places, location{l.Line, l.Column})
			}
		}
	}
	return places
}

// failGraphQL answers an operation that did not come to be run.
func failGraphQL(w http.ResponseWriter, r *http.Request, status int, err error) {
	retryLater(w, err)
	web.Fault(r.Context(), reported(err))
	send(w, r, status, response{Errors: []failure{newFailure(r, err)}})
}

func newFailure(r *http.Request, err error) failure {
	failed := failure{Message: spell(r, err), Locations: []location{}}
	if l, ok := errors.AsType[located](err); ok {
		failed.Locations = append(failed.Locations, l.places...)
		if l.key != "" {
			failed.Path = []string{l.key}
		}
	}
	return failed
}
