package store

import (
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// PoolSecret is one thing that a pool's applications know the pool by.
type PoolSecret struct {
	Name      string
	Hash      []byte // of a secret that is only compared
	Plain     []byte // of a private key that is used; stored sealed
	Public    string // what may be shown of it
	CreatedAt time.Time
}

// PutPoolSecret stores a pool's secret. It returns [core.CodeTaken] if there is
// one of this name: the first one stays.
func (tx *Tx) PutPoolSecret(s PoolSecret) error {
	sealed := []byte{}
	if len(s.Plain) > 0 {
		sealed = tx.store.keys.Seal(s.Plain, string(tx.pool), "pool_secrets", s.Name, "sealed")
	}
	hash := s.Hash
	if hash == nil {
		hash = []byte{}
	}
	n, err := tx.exec(`
		INSERT INTO pool_secrets (pool, name, hash, sealed, public, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
		s.Name, hash, sealed, s.Public, micros(tx.now))
	if err != nil {
		return err
	}
	if n == 0 {
		return core.Fail(core.CodeTaken, "The pool has this secret already.")
	}
	return tx.changed(ChangePool, string(tx.pool))
}

// DeletePoolSecret deletes a pool's secret, or returns [core.CodeNotFound].
func (tx *Tx) DeletePoolSecret(name string) error {
	n, err := tx.exec(`DELETE FROM pool_secrets WHERE pool = $1 AND name = $2`, name)
	if err != nil {
		return err
	}
	if n == 0 {
		return core.Fail(core.CodeNotFound, "There is no such secret.")
	}
	return tx.changed(ChangePool, string(tx.pool))
}

// PoolSecrets lists the pool's secrets by name: there are a handful.
func (tx *Tx) PoolSecrets() ([]PoolSecret, error) {
	var all []PoolSecret
	err := tx.rows(func(row scanner) error {
		var s PoolSecret
		var sealed []byte
		var created int64
		err := row.Scan(&s.Name, &s.Hash, &sealed, &s.Public, &created)
		if err == nil && len(sealed) > 0 {
			s.Plain, err = tx.store.keys.Open(sealed, string(tx.pool), "pool_secrets", s.Name, "sealed")
		}
		s.CreatedAt = moment(created)
		all = append(all, s)
		return err
	}, `SELECT name, hash, sealed, public, created_at FROM pool_secrets WHERE pool = $1 ORDER BY name`)
	return all, err
}
