package authn

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// Poll asks once after a request that the server accepted without doing it yet:
// one whose call returned an error with [StatusAccepted], which has its id. The
// result goes where result points, which is a pointer to what the call would
// have returned, or nil. It returns an error with [StatusAccepted] as long as
// the request is not done, and otherwise the error of the request itself. It
// calls /request/{request_id}.
func (a *AuthN) Poll(ctx context.Context, requestID string, result any) error {
	got, err := a.t.poll(ctx, requestID)
	if err != nil {
		return err
	}
	return got.into(result)
}

func (t *transport) poll(ctx context.Context, id string) (answer, error) {
	if !isID(id) {
		return answer{}, fmt.Errorf("authn: %q is not the id of a request", id)
	}
	// The place that the server names is not looked at, so that the token goes
	// nowhere else.
	return t.try(ctx, http.MethodGet, "request/"+id, nil)
}

// wait asks after an accepted request until it is done or the patience has
// ended: after 1 second, then 4, then 9, and so on. It returns the last answer.
func (t *transport) wait(ctx context.Context, a answer) (answer, error) {
	e, err := a.open()
	if err != nil {
		return a, err
	}
	end := time.Now().Add(t.patience)
	for n := 1; a.code == http.StatusAccepted; n++ {
		pause := time.Duration(n*n) * time.Second
		if time.Now().Add(pause).After(end) {
			return a, nil
		}
		if err := sleep(ctx, pause); err != nil {
			return a, cutShort(err, a)
		}
		if a, err = t.poll(ctx, e.RequestID); err != nil {
			return a, err
		}
	}
	return a, nil
}
