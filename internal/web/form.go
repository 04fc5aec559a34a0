package web

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// MaxForm is how large a form is that people fill in, in bytes.
const MaxForm = 64 << 10

// ReadForm reads the body of a POST of at most so many bytes, strictly: one type
// of body, no name twice.
func ReadForm(r *http.Request, most int64) (map[string]string, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	charset := strings.ToLower(params["charset"])
	encoding := r.Header.Get("Content-Encoding")
	if err != nil || media != "application/x-www-form-urlencoded" || (charset != "" && charset != "utf-8") || (encoding != "" && encoding != "identity") {
		return nil, core.Fail(core.CodeUnsupportedMedia, "The body must be a form in UTF-8.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, most))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, core.Fail(core.CodeTooLarge, fmt.Sprintf("The form is larger than %d KiB.", most>>10))
	}
	if err != nil {
		return nil, &core.Error{Code: core.CodeInvalid, Detail: "The form could not be read.", Cause: err}
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, &core.Error{Code: core.CodeInvalid, Detail: "The form could not be read.", Cause: err}
	}
	f := map[string]string{}
	for name, list := range values {
		if len(list) != 1 || !utf8.ValidString(list[0]) {
			return nil, core.Fail(core.CodeInvalid, "A field of the form stands there twice or is no text.")
		}
		f[name] = list[0]
	}
	return f, nil
}

// Query reads these parameters of an address. Others are left alone, because
// mailers and advertisers add their own; but none of these may be there twice.
func Query(r *http.Request, names ...string) (map[string]string, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, &core.Error{Code: core.CodeInvalid, Detail: "The address could not be read.", Cause: err}
	}
	f := map[string]string{}
	for _, name := range names {
		list := values[name]
		if len(list) > 1 || len(list) == 1 && !utf8.ValidString(list[0]) {
			return nil, core.Fail(core.CodeInvalid, "A parameter of the address stands there twice or is no text.")
		}
		if len(list) == 1 {
			f[name] = list[0]
		}
	}
	return f, nil
}

// maxState is how long an application's own state may be, in bytes.
const maxState = 1 << 10

// CheckState refuses a state that is not to be handed back.
func CheckState(state string) error {
	if len(state) > maxState || strings.ContainsFunc(state, unicode.IsControl) {
		return core.Fail(core.CodeInvalid, "The state is longer than 1 KiB or has control characters.")
	}
	return nil
}

// See sends the browser on to another page, which it is to GET (RFC 9110
// section 15.4.4): a form's fields never travel on.
func See(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}

// WithQuery adds to an address's query. The address stays as it was
// registered, letter by letter; only what a header cannot hold is escaped.
func WithQuery(address string, pairs ...string) string {
	var b strings.Builder
	for i := range len(address) {
		if c := address[i]; c > ' ' && c < 0x7F {
			b.WriteByte(c)
		} else {
			const hex = "0123456789ABCDEF"
			b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
		}
	}
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
		if strings.HasSuffix(address, "?") || strings.HasSuffix(address, "&") {
			separator = ""
		}
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		b.WriteString(separator + url.QueryEscape(pairs[i]) + "=" + url.QueryEscape(pairs[i+1]))
		separator = "&"
	}
	return b.String()
}
