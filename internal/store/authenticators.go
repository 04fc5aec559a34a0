package store

import (
	"database/sql"
	"errors"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

const authenticatorColumns = `id, user_id, kind, secret, created_at, updated_at`

// PutPassword stores a person's password hash in place of any before.
func (tx *Tx) PutPassword(a core.Authenticator) error {
	_, err := tx.exec(`
		INSERT INTO authenticators (pool, id, user_id, kind, secret, created_at, updated_at) VALUES ($1, $2, $3, 'password', $4, $5, $5)
		ON CONFLICT (pool, user_id) WHERE kind = 'password' DO UPDATE SET secret = excluded.secret, updated_at = excluded.updated_at`,
		string(a.ID), string(a.User), a.Secret, micros(tx.now))
	return err
}

// PasswordOf returns a person's password hash, or "" if they have none.
func (tx *Tx) PasswordOf(id core.UserID) (string, error) {
	var phc string
	err := tx.row(`SELECT secret FROM authenticators WHERE pool = $1 AND user_id = $2 AND kind = $3`,
		string(id), string(core.AuthenticatorPassword)).Scan(&phc)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return phc, err
}

// Authenticators lists a person's authenticators, oldest first.
func (tx *Tx) Authenticators(id core.UserID) ([]core.Authenticator, error) {
	var all []core.Authenticator
	err := tx.rows(func(row scanner) error {
		var a core.Authenticator
		var created, updated int64
		err := row.Scan(&a.ID, &a.User, &a.Kind, &a.Secret, &created, &updated)
		a.CreatedAt, a.UpdatedAt = moment(created), moment(updated)
		all = append(all, a)
		return err
	}, `SELECT `+authenticatorColumns+` FROM authenticators WHERE pool = $1 AND user_id = $2 ORDER BY created_at, id`, string(id))
	return all, err
}
