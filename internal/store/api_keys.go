package store

import (
	"database/sql"
	"errors"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

const keyColumns = `pool, id, kind, name, created_at, expires_at, revoked_at`

// PutKey stores an API key under its keyed hash. A plain text is stored too,
// sealed, if it is given: a development server shows its keys again. It
// returns [core.CodeTaken] for a key that exists.
func (tx *Tx) PutKey(k core.Key, hash []byte, plain secret.Text) error {
	sealed := []byte{}
	if plain != "" {
		sealed = tx.store.keys.Seal([]byte(plain.Reveal()), string(tx.pool), "api_keys", string(k.ID), "sealed")
	}
	n, err := tx.exec(`
		INSERT INTO api_keys (pool, id, kind, name, hash, sealed, created_at, expires_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)
		ON CONFLICT DO NOTHING`, string(k.ID), string(k.Kind), k.Name, hash, sealed, micros(k.CreatedAt), micros(k.ExpiresAt))
	if err == nil && n == 0 {
		return core.Fail(core.CodeTaken, "This key exists already.")
	}
	return err
}

// RevokeKey ends a key at once. Revoking it again changes nothing.
func (tx *Tx) RevokeKey(id core.KeyID) error {
	var one int
	if err := tx.row(`SELECT 1 FROM api_keys WHERE pool = $1 AND id = $2`, string(id)).Scan(&one); err != nil {
		return found(err, "API key")
	}
	if _, err := tx.exec(`UPDATE api_keys SET revoked_at = $3 WHERE pool = $1 AND id = $2 AND revoked_at = 0`, string(id), micros(tx.now)); err != nil {
		return err
	}
	return tx.changed(ChangeKey, string(id))
}

// Keys lists the pool's keys, oldest first.
func (tx *Tx) Keys() ([]core.Key, error) {
	var keys []core.Key
	err := tx.rows(func(row scanner) error {
		k, err := scanKey(row)
		keys = append(keys, k)
		return err
	}, `SELECT `+keyColumns+` FROM api_keys WHERE pool = $1 ORDER BY created_at, id`)
	return keys, err
}

// ShowKey returns the plain text of the pool's first living key of a kind, if
// it was stored.
func (tx *Tx) ShowKey(kind core.KeyKind) (secret.Text, error) {
	var id string
	var sealed []byte
	err := tx.row(`
		SELECT id, sealed FROM api_keys WHERE pool = $1 AND kind = $2 AND revoked_at = 0 AND length(sealed) > 0 ORDER BY created_at, id LIMIT 1`,
		string(kind)).Scan(&id, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return "", core.Fail(core.CodeNotFound, "No key of this kind can be shown.")
	}
	if err != nil {
		return "", err
	}
	plain, err := tx.store.keys.Open(sealed, string(tx.pool), "api_keys", id, "sealed")
	return secret.Text(plain), err
}

func scanKey(row scanner) (core.Key, error) {
	var k core.Key
	var created, expires, revoked int64
	err := row.Scan(&k.Pool, &k.ID, &k.Kind, &k.Name, &created, &expires, &revoked)
	k.CreatedAt, k.ExpiresAt, k.RevokedAt = moment(created), moment(expires), moment(revoked)
	return k, err
}
