package pangea

import (
	"context"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// noteFace is under what name this face keeps notes.
const noteFace = "pangea"

// acceptedLife is how long the outcome of a request that was answered with
// "accepted" can be asked for.
const acceptedLife = 24 * time.Hour

// accepted is the answer to a request that is still under way, with all of its
// keys: the Python SDK requires each. It bears that request's id, also where it
// answers a poll: the SDK polls next for the id that it was answered last.
type accepted struct {
	request  string
	TTL      int    `json:"ttl_mins"`
	Retries  int    `json:"retry_counter"`
	Location string `json:"location"`
}

func (f *Face) accepted(request string) accepted {
	return accepted{request: request, TTL: int(acceptedLife.Minutes()), Location: f.URL + "/request/" + request}
}

// finished is the answer to a poll: what the request itself would have been
// answered with.
type finished struct {
	request string
	summary string
	result  any
}

// underWay is what is kept of an accepted request.
type underWay struct {
	Key     string        `json:"key"` // with which it was made
	Import  core.ImportID `json:"import"`
	Summary string        `json:"summary"`
}

// accept answers a request with "accepted", and keeps what a poll needs.
func (f *Face) accept(ctx context.Context, caller core.Caller, job core.ImportID, summary string) (any, error) {
	request := show(prefixRequest, web.From(ctx).ID)
	data, err := json.Marshal(underWay{Key: caller.Actor.ID, Import: job, Summary: summary})
	if err != nil {
		return nil, err
	}
	err = f.Store.As(caller).Update(ctx, func(tx *store.Tx) error {
		return tx.PutNote(noteFace, "import "+request, string(data), tx.Now().Add(acceptedLife))
	})
	return f.accepted(request), err
}

// requestGet answers a poll: the result of a request that was answered with
// "accepted", to the key that made it, or once more that it is under way. A
// result that was left here as it is goes to anybody of the pool.
func (f *Face) requestGet(ctx context.Context, caller core.Caller, in input) (any, error) {
	id := in.request.PathValue("request_id")
	var p problems
	if p.secret("/request_id", id, prefixRequest); len(p.list) > 0 {
		return nil, core.Invalid(p.list...)
	}
	var data, waiting string
	err := f.Store.As(caller).View(ctx, func(tx *store.Tx) (err error) {
		if data, err = tx.Note(noteFace, "request "+id); core.Is(err, core.CodeNotFound) {
			waiting, err = tx.Note(noteFace, "import "+id)
		}
		return err
	})
	if core.Is(err, core.CodeNotFound) {
		return nil, core.Fail(core.CodeNotFound, "There is no accepted request of this id.")
	}
	if err != nil || waiting == "" {
		return jsontext.Value(data), err
	}
	var w underWay
	if err := json.Unmarshal([]byte(waiting), &w); err != nil {
		return nil, err
	}
	if w.Key != caller.Actor.ID {
		return nil, core.Fail(core.CodeForbidden, "The request was made with another token.")
	}
	job, _, err := f.Imports.Get(ctx, caller, w.Import)
	switch {
	case err != nil:
		return nil, err
	case job.Status == core.ImportPending:
		return f.accepted(id), nil
	}
	return finished{id, w.Summary, newImportResult(job, nil)}, nil
}
