package store

import (
	"github.com/gatehouse-id/gatehouse/internal/core"
)

// RememberDevice remembers a browser of a person, by the keyed hash of what it
// keeps, in place of what was remembered of it before. Of more than most the
// oldest are forgotten.
func (tx *Tx) RememberDevice(d core.Device, most int) error {
	_, err := tx.exec(`
		INSERT INTO devices (pool, user_id, hash, address, credentials, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (pool, user_id, hash) DO UPDATE SET address = excluded.address, credentials = excluded.credentials,
			created_at = excluded.created_at, expires_at = excluded.expires_at`,
		string(d.User), d.Hash, d.Address, d.Credentials, micros(tx.now), micros(d.ExpiresAt))
	if err != nil {
		return err
	}
	_, err = tx.exec(`
		DELETE FROM devices WHERE pool = $1 AND user_id = $2 AND hash IN (
			SELECT hash FROM devices WHERE pool = $1 AND user_id = $2 ORDER BY created_at DESC, hash LIMIT 1000 OFFSET $3)`, string(d.User), most)
	return err
}

// Device returns a browser that a person asked to be remembered, until its
// time. It returns [core.CodeNotFound] for any other.
func (tx *Tx) Device(user core.UserID, hash []byte) (core.Device, error) {
	d := core.Device{User: user, Hash: hash}
	var created, expires int64
	err := tx.row(`SELECT address, credentials, created_at, expires_at FROM devices WHERE pool = $1 AND user_id = $2 AND hash = $3 AND expires_at > $4`,
		string(user), hash, micros(tx.now)).Scan(&d.Address, &d.Credentials, &created, &expires)
	d.CreatedAt, d.ExpiresAt = moment(created), moment(expires)
	return d, found(err, "device")
}

// ForgetDevices forgets all browsers of a person, and returns how many.
func (tx *Tx) ForgetDevices(user core.UserID) (int64, error) {
	return tx.exec(`DELETE FROM devices WHERE pool = $1 AND user_id = $2`, string(user))
}
