package store

import (
	"encoding/json"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Recorded is an event as it stands in the audit trail.
type Recorded struct {
	core.Event
	Seq     int64
	Actor   core.Actor
	Address string
	Request core.RequestID
	At      time.Time
}

// Record writes an event into the audit trail, in the same transaction as what
// it tells of.
func (tx *Tx) Record(e core.Event) error {
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

// Events returns the pool's newest events, newest first, at most n.
func (tx *Tx) Events(n int) ([]Recorded, error) {
	var all []Recorded
	err := tx.rows(func(row scanner) error {
		var r Recorded
		var data string
		var at int64
		if err := row.Scan(&r.Seq, &r.Name, &r.Actor.Kind, &r.Actor.ID, &r.Target, &r.Reason, &data, &r.Address, &r.Request, &at); err != nil {
			return err
		}
		r.At = moment(at)
		all = append(all, r)
		return json.Unmarshal([]byte(data), &all[len(all)-1].Data)
	}, `SELECT seq, name, actor_kind, actor_id, target, reason, data, address, request_id, created_at FROM events WHERE pool = $1 ORDER BY seq DESC LIMIT $2`, n)
	return all, err
}
