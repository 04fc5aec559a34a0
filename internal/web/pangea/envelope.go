package pangea

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// envelope is around every answer. These are all its keys: the Python SDK
// refuses an answer with any other.
type envelope struct {
	RequestID    string
	RequestTime  string
	ResponseTime string
	Status       string
	Summary      string
	Result       any
}

// problem is one entry of a validation error.
type problem struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Source string `json:"source"`
}

// showTime spells a time as RFC 3339 in UTC with six digits behind the second;
// the zero time is the vendor's "never". Each answer has up to four of them, so
// that the layout is not read anew each time.
func showTime(t time.Time) string {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	text := [...]byte{'0', '0', '0', '0', '-', '0', '0', '-', '0', '0', 'T', '0', '0', ':', '0', '0', ':', '0', '0', '.', '0', '0', '0', '0', '0', '0', 'Z'}
	for _, part := range [...]struct{ end, value int }{
		{4, year}, {7, int(month)}, {10, day}, {13, hour}, {16, minute}, {19, second}, {26, t.Nanosecond() / 1000},
	} {
		for i, rest := part.end-1, part.value; rest > 0; i, rest = i-1, rest/10 {
			text[i] += byte(rest % 10)
		}
	}
	return string(text[:])
}

// success answers with a result.
func success(ctx context.Context, w http.ResponseWriter, summary string, result any) {
	send(ctx, w, http.StatusOK, envelope{Status: "Success", Summary: summary, Result: result})
}

// fail answers with an error, in the vendor's words.
func fail(ctx context.Context, w http.ResponseWriter, err error) {
	web.Fault(ctx, err)
	word := errorWords()[core.CodeOf(err)]
	e, ok := errors.AsType[*core.Error](err)
	if !ok {
		e = &core.Error{Code: core.CodeInternal}
	}
	summary := word.summary
	if e.Detail != "" {
		summary = e.Detail
	}
	problems := make([]problem, 0, len(e.Fields))
	for _, f := range e.Fields {
		problems = append(problems, problem{problemWords()[f.Code], f.Detail, f.Pointer})
	}
	if len(problems) == 0 && word.problem != nil {
		problems = append(problems, problem{word.problem.code, summary, word.problem.source})
	}
	if e.Code == core.CodeInvalid && e.Detail == "" {
		summary = problemCount(len(problems))
	}
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	var result any
	more := providerResult(err)
	if len(problems) > 0 {
		result = map[string]any{"errors": problems}
	} else if more != nil {
		result = more
	}
	send(ctx, w, word.http, envelope{Status: word.status, Summary: summary, Result: result})
}

func problemCount(n int) string {
	if n == 1 {
		return "One problem found in the request body"
	}
	return strconv.Itoa(n) + " problems found in the request body"
}

// send writes the envelope. Its own keys are written by hand, because each
// answer has them.
func send(ctx context.Context, w http.ResponseWriter, status int, e envelope) {
	r := web.From(ctx)
	e.RequestID = cmp.Or(e.RequestID, show(prefixRequest, r.ID))
	e.RequestTime, e.ResponseTime = showTime(r.At), showTime(time.Now())
	buffer := buffers.Get().(*bytes.Buffer)
	defer keep(buffer)
	buffer.Reset()
	if err := e.write(buffer); err != nil {
		web.Fault(ctx, err)
		status = http.StatusInternalServerError
		buffer.Reset()
		buffer.WriteString(strings.Replace(brokenEnvelope, "?", e.RequestID, 1))
	}
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["X-Request-Id"] = []string{e.RequestID}
	h["Cache-Control"] = []string{"no-store"}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	h["Content-Length"] = []string{strconv.Itoa(buffer.Len())}
	w.WriteHeader(status)
	// The client may be gone; there is nobody left to tell.
	_, _ = w.Write(buffer.Bytes())
}

// keep gives a buffer back for the next answer, unless it grew large.
func keep(buffer *bytes.Buffer) {
	const most = 64 << 10
	if buffer.Cap() <= most {
		buffers.Put(buffer)
	}
}

// buffers are for encoding answers.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (e envelope) write(buffer *bytes.Buffer) error {
	summary, err := jsontext.AppendQuote(nil, e.Summary)
	if err != nil {
		return err
	}
	for _, text := range []string{
		`{"request_id":"`, e.RequestID, `","request_time":"`, e.RequestTime, `","response_time":"`, e.ResponseTime, `","status":"`, e.Status, `","summary":`,
	} {
		buffer.WriteString(text)
	}
	buffer.Write(summary)
	buffer.WriteString(`,"result":`)
	if err := json.MarshalWrite(buffer, e.Result, json.Deterministic(true)); err != nil {
		return err
	}
	buffer.WriteByte('}')
	return nil
}

// brokenEnvelope stands in for an answer that could not be encoded.
const brokenEnvelope = `{"request_id":"?","request_time":"0001-01-01T00:00:00.000000Z","response_time":"0001-01-01T00:00:00.000000Z","status":"InternalError","summary":"Something went wrong on our side","result":null}`
