package store

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// SigningKey is a pool's signing key with its private half, which is nil once
// the key has signed its last.
type SigningKey struct {
	core.SigningKey
	Private *ecdsa.PrivateKey
}

// PutSigningKey stores a pool's newest signing key as the successor of another
// one, which signs until the new one does; of its first one if after is empty.
// Of any number who try at once, one succeeds; for the others, and where after
// is not the newest, it returns [core.CodeConflict].
func (tx *Tx) PutSigningKey(k SigningKey, after core.SigningKeyID) error {
	overtaken := core.Fail(core.CodeConflict, "Another signing key was made meanwhile.")
	if after != "" {
		n, err := tx.exec(`UPDATE signing_keys SET retires_at = $3 WHERE pool = $1 AND id = $2 AND retires_at = 0`, string(after), micros(k.ActiveFrom))
		if err != nil {
			return err
		}
		if n == 0 {
			return overtaken
		}
	}
	public, err := k.Public.Bytes()
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(k.Private)
	if err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	sealed := tx.store.keys.Seal(private, string(tx.pool), "signing_keys", string(k.ID), "sealed")
	n, err := tx.exec(`
		INSERT INTO signing_keys (pool, id, public, sealed, created_at, active_from, retires_at, token_life, refresh_life)
		VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8) ON CONFLICT DO NOTHING`,
		string(k.ID), public, sealed, micros(k.CreatedAt), micros(k.ActiveFrom), k.TokenLife.Microseconds(), k.RefreshLife.Microseconds())
	if err != nil {
		return err
	}
	if n == 0 {
		return overtaken
	}
	return tx.changed(ChangeSigning, string(tx.pool))
}

// LengthenSigningKey notes that a key signs for tokens and sessions that live
// this long, if it has not signed for longer ones.
func (tx *Tx) LengthenSigningKey(id core.SigningKeyID, token, refresh time.Duration) error {
	n, err := tx.exec(`
		UPDATE signing_keys SET token_life = CASE WHEN token_life < $3 THEN $3 ELSE token_life END,
			refresh_life = CASE WHEN refresh_life < $4 THEN $4 ELSE refresh_life END
		WHERE pool = $1 AND id = $2 AND (token_life < $3 OR refresh_life < $4)`, string(id), token.Microseconds(), refresh.Microseconds())
	if err != nil || n == 0 {
		return err
	}
	return tx.changed(ChangeSigning, string(tx.pool))
}

// ForgetSigningKeys deletes all signing keys of the pool: nothing that they
// signed is good any more.
func (tx *Tx) ForgetSigningKeys() error {
	n, err := tx.exec(`DELETE FROM signing_keys WHERE pool = $1`)
	if err != nil || n == 0 {
		return err
	}
	return tx.changed(ChangeSigning, string(tx.pool))
}

// SigningKeys returns the pool's signing keys, the oldest first.
func (tx *Tx) SigningKeys() ([]SigningKey, error) {
	var keys []SigningKey
	err := tx.rows(func(row scanner) error {
		k, err := tx.scanSigningKey(row)
		keys = append(keys, k)
		return err
	}, `SELECT id, public, sealed, created_at, active_from, retires_at, token_life, refresh_life FROM signing_keys WHERE pool = $1 ORDER BY active_from, id`)
	return keys, err
}

func (tx *Tx) scanSigningKey(row scanner) (SigningKey, error) {
	k := SigningKey{SigningKey: core.SigningKey{Pool: tx.pool}}
	var public, sealed []byte
	var created, active, retires, token, refresh int64
	err := row.Scan(&k.ID, &public, &sealed, &created, &active, &retires, &token, &refresh)
	if err != nil {
		return SigningKey{}, err
	}
	k.CreatedAt, k.ActiveFrom, k.RetiresAt = moment(created), moment(active), moment(retires)
	k.TokenLife, k.RefreshLife = time.Duration(token)*time.Microsecond, time.Duration(refresh)*time.Microsecond
	if k.Public, err = ecdsa.ParseUncompressedPublicKey(elliptic.P256(), public); err != nil {
		return SigningKey{}, fmt.Errorf("signing key %s: %w", k.ID, err)
	}
	if len(sealed) == 0 {
		return k, nil
	}
	der, err := tx.store.keys.Open(sealed, string(tx.pool), "signing_keys", string(k.ID), "sealed")
	if err != nil {
		return SigningKey{}, err
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return SigningKey{}, fmt.Errorf("signing key %s cannot be read", k.ID) // what could not be is a secret
	}
	var ok bool
	if k.Private, ok = private.(*ecdsa.PrivateKey); !ok {
		return SigningKey{}, fmt.Errorf("signing key %s is of another kind", k.ID)
	}
	return k, nil
}
