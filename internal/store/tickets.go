package store

import (
	"github.com/gatehouse-id/gatehouse/internal/core"
)

// PutTicket stores a one-time value under its keyed hash.
func (tx *Tx) PutTicket(hash []byte, t core.Ticket) error {
	_, err := tx.exec(`
		INSERT INTO tickets (pool, purpose, hash, subject, data, created_at, expires_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 0)`,
		string(t.Purpose), hash, t.Subject, t.Data, micros(tx.now), micros(t.ExpiresAt))
	return err
}

// UseTicket uses a one-time value. Of any number who try at once, one
// succeeds; the others, and whoever comes late or with a value of another
// purpose, get [core.CodeTicketInvalid].
func (tx *Tx) UseTicket(purpose core.TicketPurpose, hash []byte) (core.Ticket, error) {
	t := core.Ticket{Purpose: purpose, UsedAt: tx.now}
	var created, expires int64
	err := tx.row(`
		UPDATE tickets SET used_at = $4 WHERE pool = $1 AND purpose = $2 AND hash = $3 AND used_at = 0 AND expires_at > $4
		RETURNING subject, data, created_at, expires_at`, string(purpose), hash, micros(tx.now)).Scan(&t.Subject, &t.Data, &created, &expires)
	t.CreatedAt, t.ExpiresAt = moment(created), moment(expires)
	return t, invalidTicket(err)
}

// Ticket reads a one-time value, used or not, that is not past its time.
func (tx *Tx) Ticket(purpose core.TicketPurpose, hash []byte) (core.Ticket, error) {
	t := core.Ticket{Purpose: purpose}
	var created, expires, used int64
	err := tx.row(`
		SELECT subject, data, created_at, expires_at, used_at FROM tickets WHERE pool = $1 AND purpose = $2 AND hash = $3 AND expires_at > $4`,
		string(purpose), hash, micros(tx.now)).Scan(&t.Subject, &t.Data, &created, &expires, &used)
	t.CreatedAt, t.ExpiresAt, t.UsedAt = moment(created), moment(expires), moment(used)
	return t, invalidTicket(err)
}

// VoidTickets ends the unused one-time values of a subject: what was sent
// before no longer works.
func (tx *Tx) VoidTickets(purpose core.TicketPurpose, subject string) error {
	_, err := tx.exec(`DELETE FROM tickets WHERE pool = $1 AND subject = $2 AND purpose = $3 AND used_at = 0`, subject, string(purpose))
	return err
}

func invalidTicket(err error) error {
	if core.Is(found(err, "ticket"), core.CodeNotFound) {
		return core.Fail(core.CodeTicketInvalid, "This code or link is unknown, was used, or is past its time.")
	}
	return err
}
