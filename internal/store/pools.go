package store

import (
	"encoding/json"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

const poolColumns = `id, name, overrides, version, created_at, updated_at`

// CreatePool stores the caller's own pool. It returns [core.CodeTaken] if its
// id, its name or one of its hosts is in use.
func (tx *Tx) CreatePool(p core.Pool) error {
	overrides, err := encodeOverrides(p.Overrides)
	if err != nil {
		return err
	}
	n, err := tx.exec(`
		INSERT INTO pools (id, name, overrides, version, created_at, updated_at) VALUES ($1, $2, $3, 1, $4, $4) ON CONFLICT DO NOTHING`,
		p.Name, overrides, micros(tx.now))
	if err != nil {
		return err
	}
	if n == 0 {
		return core.Fail(core.CodeTaken, "There is a pool of this name or id already.")
	}
	for _, host := range p.Hosts {
		n, err := tx.exec(`INSERT INTO pool_hosts (pool, host) VALUES ($1, $2) ON CONFLICT DO NOTHING`, host)
		if err != nil {
			return err
		}
		if n == 0 {
			return core.Fail(core.CodeTaken, "The host "+host+" belongs to another pool.")
		}
	}
	return tx.changed(ChangePool, string(tx.pool))
}

// UpdateSettings stores the overrides of the caller's pool, read at this
// version. If they have changed since, the transaction is run again.
func (tx *Tx) UpdateSettings(o core.Overrides, version int64) error {
	overrides, err := encodeOverrides(o)
	if err != nil {
		return err
	}
	n, err := tx.exec(`UPDATE pools SET overrides = $2, version = version + 1, updated_at = $3 WHERE id = $1 AND version = $4`,
		overrides, micros(tx.now), version)
	if err != nil {
		return err
	}
	if n == 0 {
		return errOvertaken
	}
	return tx.changed(ChangePool, string(tx.pool))
}

// Pool returns the caller's pool, without its hosts.
func (tx *Tx) Pool() (core.Pool, error) {
	p, err := scanPool(tx.row(`SELECT ` + poolColumns + ` FROM pools WHERE id = $1`))
	return p, found(err, "pool")
}

func encodeOverrides(o core.Overrides) (string, error) {
	if o == nil {
		o = core.Overrides{}
	}
	text, err := json.Marshal(o)
	return string(text), err
}

func scanPool(row scanner) (core.Pool, error) {
	var p core.Pool
	var overrides string
	var created, updated int64
	if err := row.Scan(&p.ID, &p.Name, &overrides, &p.Version, &created, &updated); err != nil {
		return core.Pool{}, err
	}
	p.CreatedAt, p.UpdatedAt = moment(created), moment(updated)
	if err := json.Unmarshal([]byte(overrides), &p.Overrides); err != nil {
		return core.Pool{}, err
	}
	var err error
	p.Settings, err = p.Overrides.Settings()
	return p, err
}
