package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// loadKeys opens the working keys with the master key. What is missing is
// made; of two nodes that make them at once, the first one's stay.
func loadKeys(ctx context.Context, e engine, master secret.Master) (*secret.Keys, error) {
	raw, err := openKeys(ctx, e.reader(), master)
	if err != nil {
		return nil, err
	}
	if len(raw) < len(secret.KeyNames()) {
		if err := e.update(ctx, func(q querier) error { return makeKeys(ctx, q, master) }); err != nil {
			return nil, fmt.Errorf("cannot store the working keys: %w", err)
		}
		if raw, err = openKeys(ctx, e.reader(), master); err != nil {
			return nil, err
		}
	}
	return secret.NewKeys(raw)
}

func openKeys(ctx context.Context, q querier, master secret.Master) (map[string][]byte, error) {
	raw := make(map[string][]byte)
	rows, err := q.QueryContext(ctx, `SELECT name, sealed FROM deployment_keys`)
	err = each(rows, err, func(row scanner) error {
		var name string
		var sealed []byte
		if err := row.Scan(&name, &sealed); err != nil {
			return err
		}
		key, err := master.Open(sealed, "deployment_keys", name, "sealed")
		raw[name] = key
		return err
	})
	if errors.Is(err, secret.ErrSealed) {
		return nil, ErrWrongMaster
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the working keys: %w", err)
	}
	return raw, nil
}

func makeKeys(ctx context.Context, q querier, master secret.Master) error {
	for _, name := range secret.KeyNames() {
		sealed := master.Seal(secret.NewKey(), "deployment_keys", name, "sealed")
		_, err := q.ExecContext(ctx, `INSERT INTO deployment_keys (name, sealed, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			name, sealed, micros(stored(time.Now())))
		if err != nil {
			return err
		}
	}
	return nil
}
