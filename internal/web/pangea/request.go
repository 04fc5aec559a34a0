package pangea

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// noteFace is under what name this face keeps notes.
const noteFace = "pangea"

// requestGet answers a poll: the result of a request that was answered with
// "accepted", to the pool that made it. Every request is answered at once so
// far, so there is such a result only where something has left one.
func (f *Face) requestGet(ctx context.Context, caller core.Caller, in input) (any, error) {
	id := in.path.PathValue("request_id")
	var p problems
	if p.secret("/request_id", id, prefixRequest); len(p.list) > 0 {
		return nil, core.Invalid(p.list...)
	}
	var data string
	err := f.Store.As(caller).View(ctx, func(tx *store.Tx) (err error) {
		data, err = tx.Note(noteFace, "request "+id)
		return err
	})
	if core.Is(err, core.CodeNotFound) {
		return nil, core.Fail(core.CodeNotFound, "There is no accepted request of this id.")
	}
	return jsontext.Value(data), err
}
