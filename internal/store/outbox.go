package store

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// Outgoing is a message that was claimed to be sent. ExpiresAt is always set.
type Outgoing struct {
	core.Message
	Pool     core.PoolID
	Attempts int // with this one
	// Unreadable says why the message cannot be opened, and will never be. Of
	// such a message only Pool, ID, Channel, Attempts and ExpiresAt are known. Nil
	// otherwise.
	Unreadable error
	lane       string
	claim      time.Time
	queued     int64 // when, in microseconds
	sealed     []byte
}

// Lane is the part of a channel's line in which messages of a pool stand: see
// [core.Message.Lane].
type Lane struct {
	Pool core.PoolID
	Name string
}

// Place is where the message stands.
func (o Outgoing) Place() Lane { return Lane{o.Pool, o.lane} }

// Send puts a message in line, in the same transaction as its reason: it
// leaves if and only if that is committed. Its words are stored sealed.
func (tx *Tx) Send(m core.Message) error {
	plain, err := json.Marshal(m)
	if err != nil {
		return err
	}
	expires := m.ExpiresAt
	if expires.IsZero() {
		expires = tx.now.Add(7 * 24 * time.Hour)
	}
	_, err = tx.exec(`INSERT INTO outbox (pool, id, sealed, attempts, due_at, expires_at, created_at, channel, lane) VALUES ($1, $2, $3, 0, $4, $5, $4, $6, $7)`,
		string(m.ID), tx.store.keys.Seal(plain, outboxContext(tx.pool, m.ID)...), micros(tx.now), micros(expires), string(m.Channel), m.Lane())
	if err != nil {
		return err
	}
	if !slices.Contains(tx.queued, m.Channel) {
		tx.queued = append(tx.queued, m.Channel)
	}
	return tx.Record(core.Event{Name: queuedEvent(m.Channel), Target: string(m.ID), Data: m.Told()})
}

// queuedEvent tells that a message of a channel was put in line.
func queuedEvent(channel core.Channel) core.EventName {
	switch channel {
	case core.ChannelText:
		return core.EventTextQueued
	case core.ChannelLogout:
		return core.EventLogoutQueued
	default:
		return core.EventMailQueued
	}
}

// FinishMessage takes a claimed message out of the line, because it was sent
// or given up. It returns false if the claim had run out and somebody else
// has the message now.
func (tx *Tx) FinishMessage(o Outgoing) (bool, error) {
	n, err := tx.exec(`DELETE FROM outbox WHERE pool = $1 AND id = $2 AND due_at = $3`, string(o.ID), micros(o.claim))
	return n == 1, err
}

// PutOffMessage gives a claimed message back, to be tried again at a time.
func (tx *Tx) PutOffMessage(o Outgoing, until time.Time) error {
	_, err := tx.exec(`UPDATE outbox SET due_at = $4 WHERE pool = $1 AND id = $2 AND due_at = $3`, string(o.ID), micros(o.claim), micros(until))
	return err
}

// Waiting counts the pool's messages in line.
func (tx *Tx) Waiting() (int64, error) {
	var n int64
	err := tx.row(`SELECT COUNT(*) FROM outbox WHERE pool = $1`).Scan(&n)
	return n, err
}

// open reads the sealed words. One row that cannot be opened must not keep the
// others that were claimed with it, so the error stays with its message.
func (o *Outgoing) open(keys *secret.Keys) {
	plain, err := keys.Open(o.sealed, outboxContext(o.Pool, o.ID)...)
	if err != nil {
		o.Unreadable = err
		return
	}
	var m core.Message
	if err := json.Unmarshal(plain, &m); err != nil {
		o.Unreadable = err
		return
	}
	o.Template, o.To, o.Values = m.Template, m.To, m.Values
}

func outboxContext(pool core.PoolID, id core.MessageID) []string {
	return []string{string(pool), "outbox", string(id), "sealed"}
}
