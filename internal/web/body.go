package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// maxDepth is how deep JSON may nest.
const maxDepth = 32

// ReadJSON reads a request's body, which must be declared as JSON and be no
// longer than [MaxBody].
func ReadJSON(r *http.Request) ([]byte, error) {
	if media := r.Header.Get("Content-Type"); media != "application/json" && !isJSON(media) {
		return nil, core.Fail(core.CodeUnsupportedMedia, "The body must be application/json in UTF-8.")
	}
	if encoding := r.Header.Get("Content-Encoding"); encoding != "" && encoding != "identity" {
		return nil, core.Fail(core.CodeUnsupportedMedia, "The body must not be compressed.")
	}
	if r.ContentLength > MaxBody {
		return nil, tooLarge()
	}
	body := bytes.NewBuffer(make([]byte, 0, max(r.ContentLength, 0)+bytes.MinRead))
	if _, err := body.ReadFrom(io.LimitReader(r.Body, MaxBody+1)); err != nil {
		return nil, &core.Error{Code: core.CodeInvalid, Detail: "The body could not be read.", Cause: err}
	}
	if body.Len() > MaxBody {
		return nil, tooLarge()
	}
	return body.Bytes(), nil
}

func tooLarge() error { return core.Fail(core.CodeTooLarge, "The body is larger than 256 KiB.") }

// isJSON reports whether a media type is JSON, in UTF-8 if it says in what.
func isJSON(text string) bool {
	media, params, err := mime.ParseMediaType(text)
	charset := strings.ToLower(params["charset"])
	return err == nil && media == "application/json" && (charset == "" || charset == "utf-8")
}

// Decode reads JSON into a struct, strictly: a duplicate key, a key in another
// case, a value of another type, invalid UTF-8, nesting deeper than 32 and
// anything behind the value are [core.CodeInvalid], with a pointer to the
// place. An unknown key is too, unless lenient.
func Decode(body []byte, into any, lenient bool) error {
	if tooDeep(body) {
		return core.Invalid(core.Problem{Code: core.ProblemNotReadable, Detail: "The JSON nests deeper than 32 levels."})
	}
	err := json.Unmarshal(body, into, json.RejectUnknownMembers(!lenient))
	if err == nil {
		return nil
	}
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		pointer := string(semantic.JSONPointer)
		if errors.Is(err, json.ErrUnknownName) {
			return core.Invalid(core.Problem{Code: core.ProblemUnknown, Pointer: pointer, Detail: "There is no such key here."})
		}
		code, want := wanted(semantic.GoType)
		return core.Invalid(core.Problem{Code: code, Pointer: pointer, Detail: "This must be " + want + "."})
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		detail := "This is not JSON."
		if errors.Is(err, jsontext.ErrDuplicateName) {
			detail = "This key stands here twice."
		}
		return core.Invalid(core.Problem{Code: core.ProblemNotReadable, Pointer: string(syntactic.JSONPointer), Detail: detail})
	}
	return core.Invalid(core.Problem{Code: core.ProblemNotReadable, Detail: "This is not JSON."})
}

// wanted says which JSON type a Go type is read from.
func wanted(t reflect.Type) (core.ProblemCode, string) {
	if t == nil {
		return core.ProblemNotReadable, "of another type"
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return core.ProblemText, "a string"
	case reflect.Bool:
		return core.ProblemBoolean, "true or false"
	case reflect.Int, reflect.Int32, reflect.Int64:
		return core.ProblemInteger, "a whole number"
	case reflect.Slice, reflect.Array:
		return core.ProblemArray, "an array"
	default:
		return core.ProblemObject, "an object"
	}
}

// tooDeep counts brackets outside of strings.
func tooDeep(body []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		c := body[i]
		switch {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
