package pangea

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// envelope is around every answer. These are all its keys: the Python SDK
// refuses an answer with any other.
type envelope struct {
	RequestID    string `json:"request_id"`
	RequestTime  string `json:"request_time"`
	ResponseTime string `json:"response_time"`
	Status       string `json:"status"`
	Summary      string `json:"summary"`
	Result       any    `json:"result"`
}

// problem is one entry of a validation error.
type problem struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Source string `json:"source"`
}

// timeFormat is RFC 3339 in UTC with six digits behind the second.
const timeFormat = "2006-01-02T15:04:05.000000Z"

// showTime spells a time; the zero time is the vendor's "never".
func showTime(t time.Time) string { return t.UTC().Format(timeFormat) }

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
	if len(problems) > 0 {
		result = map[string]any{"errors": problems}
	}
	send(ctx, w, word.http, envelope{Status: word.status, Summary: summary, Result: result})
}

func problemCount(n int) string {
	if n == 1 {
		return "One problem found in the request body"
	}
	return strconv.Itoa(n) + " problems found in the request body"
}

func send(ctx context.Context, w http.ResponseWriter, status int, e envelope) {
	r := web.From(ctx)
	e.RequestID = show(prefixRequest, r.ID)
	e.RequestTime, e.ResponseTime = showTime(r.At), showTime(time.Now())
	body, err := json.Marshal(e, json.Deterministic(true))
	if err != nil {
		web.Fault(ctx, err)
		status, body = http.StatusInternalServerError, []byte(strings.Replace(brokenEnvelope, "?", e.RequestID, 1))
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Request-Id", e.RequestID)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	// The client may be gone; there is nobody left to tell.
	_, _ = w.Write(body)
}

// brokenEnvelope stands in for an answer that could not be encoded.
const brokenEnvelope = `{"request_id":"?","request_time":"0001-01-01T00:00:00.000000Z","response_time":"0001-01-01T00:00:00.000000Z","status":"InternalError","summary":"Something went wrong on our side","result":null}`
