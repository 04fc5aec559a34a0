package store

import (
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

const deviceCodeColumns = `application, scopes, flow, refused, data, poll_every, created_at, expires_at, answered_at, taken_at`

// PutDeviceCode stores what a device waits with, under the keyed hash of what
// it keeps and that of what it shows. It returns false where another one goes by
// either.
func (tx *Tx) PutDeviceCode(hash, userHash []byte, c core.DeviceCode) (bool, error) {
	n, err := tx.exec(`
		INSERT INTO device_codes (pool, hash, user_hash, application, scopes, flow, refused, data, poll_every, polled_at, created_at, expires_at, answered_at, taken_at)
		VALUES ($1, $2, $3, $4, $5, '', FALSE, '', $6, 0, $7, $8, 0, 0) ON CONFLICT DO NOTHING`,
		hash, userHash, string(c.Application), strings.Join(c.Scopes, " "), c.Every.Microseconds(), micros(tx.now), micros(c.ExpiresAt))
	return n > 0, err
}

// DeviceCode returns what a device waits with, by the hash of what it keeps,
// past its time or not. It returns [core.CodeTicketInvalid] for none.
func (tx *Tx) DeviceCode(hash []byte) (core.DeviceCode, error) {
	return scanDeviceCode(tx.row(`SELECT `+deviceCodeColumns+` FROM device_codes WHERE pool = $1 AND hash = $2`, hash))
}

// WaitingDevice returns what a device waits with, by the hash of what it shows,
// as long as it waits. For one that is unknown, answered or past its time it
// returns [core.CodeTicketInvalid], whichever it is.
func (tx *Tx) WaitingDevice(userHash []byte) (core.DeviceCode, error) {
	return scanDeviceCode(tx.row(`SELECT `+deviceCodeColumns+` FROM device_codes WHERE pool = $1 AND user_hash = $2 AND answered_at = 0 AND expires_at > $3`,
		userHash, micros(tx.now)))
}

// ClaimDeviceCode has a flow be the one that may answer a device that waits, in
// place of another (empty: nobody has begun). Of any number who try at once, one
// succeeds; the others get [core.CodeTicketInvalid].
func (tx *Tx) ClaimDeviceCode(userHash []byte, from, to core.FlowID) error {
	n, err := tx.exec(`UPDATE device_codes SET flow = $4 WHERE pool = $1 AND user_hash = $2 AND flow = $3 AND answered_at = 0 AND expires_at > $5`,
		userHash, string(from), string(to), micros(tx.now))
	return deviceMoved(n, err)
}

// AnswerDeviceCode answers a device that waits, once, for the flow that may; an
// empty flow may as long as nobody has begun. The data are for the token
// endpoint; empty: the answer is no. It returns [core.CodeTicketInvalid] to
// everybody else.
func (tx *Tx) AnswerDeviceCode(userHash []byte, flow core.FlowID, data string) error {
	n, err := tx.exec(`
		UPDATE device_codes SET answered_at = $6, refused = $4, data = $5
		WHERE pool = $1 AND user_hash = $2 AND flow = $3 AND answered_at = 0 AND expires_at > $6`,
		userHash, string(flow), data == "", data, micros(tx.now))
	return deviceMoved(n, err)
}

// PollDeviceCode notes that a device asks, and reports whether it came too
// soon after it last did. Then it has to leave more time from now on.
func (tx *Tx) PollDeviceCode(hash []byte) (soon bool, err error) {
	n, err := tx.exec(`UPDATE device_codes SET polled_at = $3 WHERE pool = $1 AND hash = $2 AND polled_at + poll_every <= $3`, hash, micros(tx.now))
	if err != nil || n > 0 {
		return false, err
	}
	n, err = tx.exec(`UPDATE device_codes SET polled_at = $3, poll_every = poll_every + $4 WHERE pool = $1 AND hash = $2`,
		hash, micros(tx.now), core.DeviceCodeEvery.Microseconds())
	return n > 0, err
}

// TakeDeviceCode uses up the answer yes. Of any number who try at once, one
// succeeds; the others get [core.CodeTicketInvalid].
func (tx *Tx) TakeDeviceCode(hash []byte) (core.DeviceCode, error) {
	return scanDeviceCode(tx.row(`
		UPDATE device_codes SET taken_at = $3 WHERE pool = $1 AND hash = $2 AND answered_at > 0 AND refused = FALSE AND taken_at = 0 AND expires_at > $3
		RETURNING `+deviceCodeColumns, hash, micros(tx.now)))
}

func scanDeviceCode(row scanner) (core.DeviceCode, error) {
	var c core.DeviceCode
	var scopes string
	var every, created, expires, answered, taken int64
	err := row.Scan(&c.Application, &scopes, &c.Flow, &c.Refused, &c.Data, &every, &created, &expires, &answered, &taken)
	c.Scopes, c.Every = scopesOf(scopes), time.Duration(every)*time.Microsecond
	c.CreatedAt, c.ExpiresAt, c.AnsweredAt, c.TakenAt = moment(created), moment(expires), moment(answered), moment(taken)
	return c, invalidTicket(err)
}

func deviceMoved(n int64, err error) error {
	if err == nil && n == 0 {
		return core.Fail(core.CodeTicketInvalid, "No device waits with this code any more.")
	}
	return err
}
