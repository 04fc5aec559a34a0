package store

import (
	"database/sql"
	"errors"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

const authenticatorColumns = `id, user_id, kind, second, secret, handle, counter, data, created_at, updated_at, expired_at`

// PutPassword stores a person's password hash in place of any before. It is
// due for no change.
func (tx *Tx) PutPassword(a core.Authenticator) error {
	_, err := tx.exec(`
		INSERT INTO authenticators (pool, id, user_id, kind, secret, created_at, updated_at) VALUES ($1, $2, $3, 'password', $4, $5, $5)
		ON CONFLICT (pool, user_id) WHERE kind = 'password' DO UPDATE SET secret = excluded.secret, updated_at = excluded.updated_at, expired_at = 0`,
		string(a.ID), string(a.User), a.Secret, micros(tx.now))
	return err
}

// RenewPassword stores another hash of the same password, if the person's hash
// is still the old one. It is no change of the password: what depends on that
// goes on, and its age too.
func (tx *Tx) RenewPassword(id core.UserID, old, renewed string) error {
	_, err := tx.exec(`UPDATE authenticators SET secret = $4 WHERE pool = $1 AND user_id = $2 AND kind = 'password' AND secret = $3`, string(id), old, renewed)
	return err
}

// PutAuthenticator enrols a way in. It returns false if the person has one of
// its kind and factor already, and may only have one, or if somebody has one of
// its handle.
func (tx *Tx) PutAuthenticator(a core.Authenticator) (bool, error) {
	n, err := tx.exec(`
		INSERT INTO authenticators (pool, id, user_id, kind, second, secret, handle, counter, data, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
		ON CONFLICT DO NOTHING`,
		string(a.ID), string(a.User), string(a.Kind), a.Second, a.Secret, a.Handle, a.Counter, a.Data, micros(tx.now))
	return n > 0, err
}

// AdvanceAuthenticator raises the counter of a person's authenticator. Of any
// number who try at once with one count, one gets true; it returns false where
// the counter is as high already, and where there is no such authenticator.
func (tx *Tx) AdvanceAuthenticator(user core.UserID, id core.AuthenticatorID, count int64) (bool, error) {
	n, err := tx.exec(`UPDATE authenticators SET counter = $4, updated_at = $5 WHERE pool = $1 AND user_id = $2 AND id = $3 AND counter < $4`,
		string(user), string(id), count, micros(tx.now))
	return n > 0, err
}

// AuthenticatorByHandle returns the authenticator of a kind that is known by
// this handle, or [core.CodeNotFound]. It is for kinds whose handles differ.
func (tx *Tx) AuthenticatorByHandle(kind core.AuthenticatorKind, handle string) (core.Authenticator, error) {
	// Each in the words of its index, or that is not used.
	if kind.ByProvider() {
		a, err := scanAuthenticator(tx.row(`SELECT `+authenticatorColumns+` FROM authenticators WHERE pool = $1 AND kind = $2 AND handle = $3 AND kind IN ('social', 'saml')`, string(kind), handle))
		return a, found(err, "authenticator")
	}
	a, err := scanAuthenticator(tx.row(`SELECT `+authenticatorColumns+` FROM authenticators WHERE pool = $1 AND kind = $2 AND handle = $3 AND kind = 'passkey'`, string(kind), handle))
	return a, found(err, "authenticator")
}

func scanAuthenticator(row scanner) (core.Authenticator, error) {
	var a core.Authenticator
	var created, updated, expired int64
	err := row.Scan(&a.ID, &a.User, &a.Kind, &a.Second, &a.Secret, &a.Handle, &a.Counter, &a.Data, &created, &updated, &expired)
	a.CreatedAt, a.UpdatedAt, a.ExpiredAt = moment(created), moment(updated), moment(expired)
	return a, err
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

// ExpirePassword declares a person's password to be due for a change. It
// returns false if they have none, or one that is due already.
func (tx *Tx) ExpirePassword(id core.UserID) (bool, error) {
	n, err := tx.exec(`UPDATE authenticators SET expired_at = $3 WHERE pool = $1 AND user_id = $2 AND kind = 'password' AND expired_at = 0`,
		string(id), micros(tx.now))
	return n > 0, err
}

// PutAuthenticatorData stores what else one of a person's authenticators keeps.
// It returns false if the person has none with this id.
func (tx *Tx) PutAuthenticatorData(user core.UserID, id core.AuthenticatorID, data string) (bool, error) {
	n, err := tx.exec(`UPDATE authenticators SET data = $4, updated_at = $5 WHERE pool = $1 AND user_id = $2 AND id = $3`, string(user), string(id), data, micros(tx.now))
	return n > 0, err
}

// DeleteAuthenticator removes one of a person's authenticators and returns of
// which kind it was. It returns [core.CodeNotFound] if the person has none
// with this id.
func (tx *Tx) DeleteAuthenticator(user core.UserID, id core.AuthenticatorID) (core.AuthenticatorKind, error) {
	var kind core.AuthenticatorKind
	err := tx.row(`DELETE FROM authenticators WHERE pool = $1 AND user_id = $2 AND id = $3 RETURNING kind`, string(user), string(id)).Scan(&kind)
	return kind, found(err, "authenticator")
}

// Authenticators lists a person's authenticators, oldest first.
func (tx *Tx) Authenticators(id core.UserID) ([]core.Authenticator, error) {
	var all []core.Authenticator
	err := tx.rows(func(row scanner) error {
		a, err := scanAuthenticator(row)
		all = append(all, a)
		return err
	}, `SELECT `+authenticatorColumns+` FROM authenticators WHERE pool = $1 AND user_id = $2 ORDER BY created_at, id`, string(id))
	return all, err
}
