package authing

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

// rest makes a handler of a REST path of a function: it finds the pool, and
// puts the vendor's envelope around what the function returns.
func rest(run func(f *Face, ctx context.Context, v visit, r *http.Request) (any, error)) handler {
	return func(f *Face, w http.ResponseWriter, r *http.Request) {
		v, err := f.visit(r.Context(), r)
		if err != nil {
			failRest(w, r, http.StatusOK, err)
			return
		}
		allowOrigin(w, r, v.pool.Settings)
		data, err := run(f, r.Context(), v, r)
		if err != nil {
			failRest(w, r, http.StatusOK, err)
			return
		}
		send(w, r, http.StatusOK, refusal{Code: codeSuccess, Message: success(r), Data: data})
	}
}

func success(r *http.Request) string {
	if english(r) {
		return "Success"
	}
	return "操作成功"
}

// failRest answers with an error. For whatever an SDK may ask, its HTTP status
// says that all is well: the JavaScript one reads no number out of any other
// answer.
func failRest(w http.ResponseWriter, r *http.Request, status int, err error) {
	retryLater(w, err)
	web.Fault(r.Context(), reported(err))
	send(w, r, status, spell(r, err))
}

// reported is the error as the log should have it: a fault of this face is the
// client's.
func reported(err error) error {
	if _, ok := errors.AsType[fault](err); ok {
		return core.Fail(core.CodeInvalid, err.Error())
	}
	return err
}

// retryLater says for how long there is no use in trying again.
func retryLater(w http.ResponseWriter, err error) {
	if e, ok := errors.AsType[*core.Error](err); ok && e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
}

// send writes an answer.
func send(w http.ResponseWriter, r *http.Request, status int, answer any) {
	body, err := json.Marshal(answer, json.Deterministic(true))
	if err != nil {
		web.Fault(r.Context(), err)
		status, body = http.StatusInternalServerError, []byte(`{"code":500,"message":"","data":null,"errors":[{"message":{"code":500,"message":"","data":null}}]}`)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Request-Id", core.Tail(web.From(r.Context()).ID))
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone; there is nobody left to tell
}

// showTime spells a time as the vendor's GraphQL answers do; the zero time is
// nothing.
func showTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05") + "+00:00"
}

// text is nothing where there is none.
func text(s string) any {
	if strings.TrimSpace(s) == "" {
		return nil
	}
	return s
}
