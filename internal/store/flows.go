package store

import (
	"bytes"
	"encoding/json"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// maxFacts bounds what one flow may put into the database, in bytes, and
// maxBegun what one may that has only begun: anybody can begin flows.
const (
	maxFacts = 64 << 10
	maxBegun = 4 << 10
)

// PutFlow stores a new flow.
func (tx *Tx) PutFlow(f core.Flow) error {
	facts, err := encodeFacts(f.Facts, maxBegun)
	if err != nil {
		return err
	}
	_, err = tx.exec(`INSERT INTO flows (pool, id, facts, completed, version, created_at, expires_at) VALUES ($1, $2, $3, FALSE, 1, $4, $5)`,
		string(f.ID), facts, micros(tx.now), micros(f.ExpiresAt))
	return err
}

// Flow returns a flow that is under way. For one that is unknown, completed or
// past its time it returns [core.CodeFlowEnded], whichever it is.
func (tx *Tx) Flow(id core.FlowID) (core.Flow, error) {
	f := core.Flow{ID: id}
	var facts string
	var created, expires int64
	err := tx.row(`SELECT facts, version, created_at, expires_at FROM flows WHERE pool = $1 AND id = $2 AND completed = FALSE AND expires_at > $3`,
		string(id), micros(tx.now)).Scan(&facts, &f.Version, &created, &expires)
	if err != nil {
		if core.Is(found(err, "flow"), core.CodeNotFound) {
			return core.Flow{}, flowEnded()
		}
		return core.Flow{}, err
	}
	f.CreatedAt, f.ExpiresAt = moment(created), moment(expires)
	return f, json.Unmarshal([]byte(facts), &f.Facts)
}

// FlowKnown reports whether there is a flow of this id, under way or not.
func (tx *Tx) FlowKnown(id core.FlowID) (bool, error) {
	var n int64
	err := tx.row(`SELECT COUNT(*) FROM flows WHERE pool = $1 AND id = $2`, string(id)).Scan(&n)
	return n > 0, err
}

// UpdateFlow stores new facts of a flow that was read at this version. If the
// flow has changed or ended since, it returns [core.CodeConflict] and nothing
// changes.
func (tx *Tx) UpdateFlow(f core.Flow) error {
	facts, err := encodeFacts(f.Facts, maxFacts)
	if err != nil {
		return err
	}
	n, err := tx.exec(`
		UPDATE flows SET facts = $3, version = version + 1 WHERE pool = $1 AND id = $2 AND version = $4 AND completed = FALSE AND expires_at > $5`,
		string(f.ID), facts, f.Version, micros(tx.now))
	return flowMoved(n, err)
}

// CompleteFlow ends a flow that was read at this version. Of any number who
// try at once, one succeeds; the others get [core.CodeConflict].
func (tx *Tx) CompleteFlow(f core.Flow) error {
	n, err := tx.exec(`
		UPDATE flows SET completed = TRUE, facts = '{}', version = version + 1
		WHERE pool = $1 AND id = $2 AND version = $3 AND completed = FALSE AND expires_at > $4`,
		string(f.ID), f.Version, micros(tx.now))
	return flowMoved(n, err)
}

func flowMoved(n int64, err error) error {
	if err == nil && n == 0 {
		return core.Fail(core.CodeConflict, "The flow was changed by another request at the same time.")
	}
	return err
}

func flowEnded() error {
	return core.Fail(core.CodeFlowEnded, "This flow is unknown, completed, or past its time. Start a new one.")
}

func encodeFacts(f core.Facts, most int) (string, error) {
	var facts bytes.Buffer
	encoder := json.NewEncoder(&facts)
	encoder.SetEscapeHTML(false) // no page shows this text, and it would take six times the room
	err := encoder.Encode(f)
	if err == nil && facts.Len() > most {
		err = core.Fail(core.CodeTooLarge, "This is more than one flow keeps.")
	}
	return facts.String(), err
}
