package store

import (
	"encoding/json"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Recorded is an event as it stands in the audit trail.
type Recorded struct {
	core.Event
	Seq     int64 // grows with time, roughly
	Actor   core.Actor
	Address string
	Request core.RequestID
	At      time.Time
	Place   int64  // in the pool's chain, from 1 on; 0 until it is sealed
	Link    string // what chains it to the one before it
}

// Record writes an event into the audit trail, in the same transaction as what
// it tells of. In a flood of refusals they are counted instead: see flood.go.
func (tx *Tx) Record(e core.Event) error {
	if e.Name.Result() == core.ResultRefused {
		if tx.store.flood.over(tx.pool, tx.now) {
			tx.untold = append(tx.untold, e.Name)
			return nil
		}
		tx.refusals++
	}
	data := []byte("{}")
	if len(e.Data) > 0 {
		var err error
		if data, err = json.Marshal(e.Data); err != nil {
			return err
		}
	}
	_, err := tx.exec(`
		INSERT INTO events (pool, name, actor_kind, actor_id, target, reason, data, address, request_id, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		string(e.Name), string(tx.caller.Actor.Kind), tx.caller.Actor.ID, e.Target, e.Reason, string(data), tx.caller.Address,
		string(tx.caller.Request), micros(tx.now))
	return err
}

const eventColumns = `seq, name, actor_kind, actor_id, target, reason, data, address, request_id, created_at, place, link`

// written is an event as the database holds it: what was altered there may be
// no event any more.
type written struct {
	Recorded
	data string
}

func scanWritten(row scanner, before ...any) (written, error) {
	var w written
	var at int64
	err := row.Scan(append(before, &w.Seq, &w.Name, &w.Actor.Kind, &w.Actor.ID, &w.Target, &w.Reason, &w.data, &w.Address, &w.Request, &at, &w.Place, &w.Link)...)
	w.At = moment(at)
	return w, err
}

// Events returns the pool's newest events, newest first, at most n.
func (tx *Tx) Events(n int) ([]Recorded, error) {
	var all []Recorded
	err := tx.rows(readEvents(&all), `SELECT `+eventColumns+` FROM events WHERE pool = $1 ORDER BY seq DESC LIMIT $2`, n)
	return all, err
}

// Trail returns the pool's sealed events behind a place in its chain, in the
// chain's order, at most n. Whoever goes on from the last one's place misses
// none, which the numbers of events do not promise: a lower one may be
// committed after a higher one.
func (tx *Tx) Trail(after int64, n int) ([]Recorded, error) {
	var all []Recorded
	err := tx.rows(readEvents(&all), trailQuery, after, n)
	return all, err
}

const trailQuery = `SELECT ` + eventColumns + ` FROM events WHERE pool = $1 AND place <> 0 AND place > $2 ORDER BY place LIMIT $3`

func readEvents(into *[]Recorded) func(scanner) error {
	return func(row scanner) error {
		w, err := scanWritten(row)
		if err == nil {
			err = json.Unmarshal([]byte(w.data), &w.Data)
		}
		*into = append(*into, w.Recorded)
		return err
	}
}
