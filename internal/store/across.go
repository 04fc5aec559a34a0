package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Across holds the few questions that have no pool yet, or concern every one:
// which pool a key, a name or a host belongs to, what is due to leave, and
// what has passed. Everything else goes through [Store.As].
type Across struct {
	store *Store
}

// Across returns the questions without a pool.
func (s *Store) Across() Across { return Across{s} }

// Key finds an API key by its keyed hash. It returns [core.CodeNotFound] for
// none; whether the key is alive is for the caller to ask.
func (a Across) Key(ctx context.Context, hash []byte) (core.Key, error) {
	row := a.q().QueryRowContext(ctx, `SELECT `+keyColumns+` FROM api_keys WHERE hash = $1`, hash)
	key, err := scanKey(row)
	return key, a.failed(found(err, "API key"))
}

// Pool finds a pool by its id.
func (a Across) Pool(ctx context.Context, id core.PoolID) (core.Pool, error) {
	return a.pool(ctx, `WHERE id = $1`, string(id))
}

// PoolNamed finds a pool by its name.
func (a Across) PoolNamed(ctx context.Context, name string) (core.Pool, error) {
	return a.pool(ctx, `WHERE name = $1`, name)
}

// PoolAt finds the pool whose hosted pages a host name serves.
func (a Across) PoolAt(ctx context.Context, host string) (core.Pool, error) {
	return a.pool(ctx, `WHERE id = (SELECT pool FROM pool_hosts WHERE host = $1)`, host)
}

func (a Across) pool(ctx context.Context, where string, arg string) (core.Pool, error) {
	p, err := scanPool(a.q().QueryRowContext(ctx, `SELECT `+poolColumns+` FROM pools `+where, arg))
	if err != nil {
		return core.Pool{}, a.failed(found(err, "pool"))
	}
	rows, err := a.q().QueryContext(ctx, `SELECT host FROM pool_hosts WHERE pool = $1 ORDER BY host`, string(p.ID))
	err = each(rows, err, func(row scanner) error {
		var host string
		err := row.Scan(&host)
		p.Hosts = append(p.Hosts, host)
		return err
	})
	return p, a.failed(err)
}

// Pools lists every pool by name.
func (a Across) Pools(ctx context.Context) ([]core.Pool, error) {
	var pools []core.Pool
	rows, err := a.q().QueryContext(ctx, `SELECT `+poolColumns+` FROM pools ORDER BY name`)
	err = each(rows, err, func(row scanner) error {
		p, err := scanPool(row)
		pools = append(pools, p)
		return err
	})
	return pools, a.failed(err)
}

// Application finds an application and its pool by the application's id. It
// returns [core.CodeNotFound] for none.
func (a Across) Application(ctx context.Context, id core.ApplicationID) (core.PoolID, core.Application, error) {
	var pool core.PoolID
	app, err := scanApplication(a.q().QueryRowContext(ctx, `SELECT `+applicationColumns+`, pool FROM applications WHERE id = $1`, string(id)), &pool)
	return pool, app, a.failed(found(err, "application"))
}

// ClaimMessages takes at most n messages of a channel that are due, for the
// length of the lease: nobody else gets them before it is over, and if they are
// neither finished nor put off by then, somebody does. One that cannot be opened
// comes with its Unreadable set. Messages in the lanes of except are left alone.
// They come in the order in which they were put in line.
func (a Across) ClaimMessages(ctx context.Context, channel core.Channel, n int, lease time.Duration, except ...Lane) ([]Outgoing, error) {
	return a.ClaimMessagesWith(ctx, channel, "", n, lease, except...)
}

// ClaimMessagesWith is the same for the pools alone that were given a secret;
// empty: for all.
func (a Across) ClaimMessagesWith(ctx context.Context, channel core.Channel, secret core.SecretName, n int, lease time.Duration, except ...Lane) ([]Outgoing, error) {
	at := a.store.now()
	left := "|"
	for _, lane := range except {
		left += string(lane.Pool) + " " + lane.Name + "|"
	}
	var claimed []Outgoing
	err := a.store.engine.update(ctx, func(ctx context.Context, q querier) error {
		claimed = nil
		rows, err := q.QueryContext(ctx, `
			UPDATE outbox SET due_at = $2, attempts = attempts + 1
			WHERE due_at <= $1 AND (pool, id) IN (SELECT pool, id FROM outbox WHERE channel = $4 AND due_at <= $1
				AND REPLACE(CAST($5 AS TEXT), '|' || pool || ' ' || lane || '|', '') = CAST($5 AS TEXT)
				AND (CAST($6 AS TEXT) = '' OR pool IN (SELECT pool FROM pool_secrets WHERE name = CAST($6 AS TEXT))) ORDER BY due_at LIMIT $3)
			RETURNING pool, id, sealed, attempts, expires_at, created_at, lane`, micros(at), micros(at.Add(lease)), n, string(channel), left, string(secret))
		return each(rows, err, func(row scanner) error {
			var o Outgoing
			var sealed []byte
			var expires int64
			if err := row.Scan(&o.Pool, &o.ID, &sealed, &o.Attempts, &expires, &o.queued, &o.lane); err != nil {
				return err
			}
			o.Channel, o.claim, o.sealed, o.ExpiresAt = channel, at.Add(lease), sealed, moment(expires)
			claimed = append(claimed, o)
			return nil
		})
	})
	if err != nil {
		return nil, a.failed(err)
	}
	slices.SortStableFunc(claimed, func(a, b Outgoing) int { return cmp.Compare(a.queued, b.queued) })
	for i := range claimed {
		claimed[i].open(a.store.keys)
	}
	return claimed, nil
}

// passed is what is deleted once its time is over, and how long after.
type passed struct {
	delete string
	after  time.Duration
}

func allPassed() []passed {
	return []passed{
		{`DELETE FROM flows WHERE (pool, id) IN (SELECT pool, id FROM flows WHERE expires_at < $1 LIMIT $2)`, 0},
		{`DELETE FROM tickets WHERE (pool, purpose, hash) IN (SELECT pool, purpose, hash FROM tickets WHERE expires_at < $1 LIMIT $2)`, time.Hour},
		// The newest of a session may still come with its refresh token, expired
		// or not.
		{`DELETE FROM access_tokens WHERE (pool, hash) IN (SELECT t.pool, t.hash FROM access_tokens t LEFT JOIN sessions s ON s.pool = t.pool AND s.id = t.session_id
			WHERE t.expires_at < $1 AND (s.id IS NULL OR s.token_id <> t.id OR s.ended_at <> 0 OR s.expires_at < $1) LIMIT $2)`, 24 * time.Hour},
		{`DELETE FROM outbox WHERE (pool, id) IN (SELECT pool, id FROM outbox WHERE expires_at < $1 LIMIT $2)`, time.Hour},
		{`DELETE FROM refresh_tokens WHERE (pool, hash) IN (SELECT pool, hash FROM refresh_tokens WHERE expires_at < $1 LIMIT $2)`, 24 * time.Hour},
		{`DELETE FROM sessions WHERE (pool, id) IN (SELECT pool, id FROM sessions WHERE expires_at < $1 LIMIT $2)`, 30 * 24 * time.Hour},
		// A lockout for good stays.
		{`DELETE FROM attempts WHERE (pool, subject) IN (SELECT pool, subject FROM attempts WHERE updated_at < $1 AND blocked_until < 9223372036854775807 LIMIT $2)`, 30 * 24 * time.Hour},
		{`DELETE FROM budgets WHERE (pool, name, subject) IN (SELECT pool, name, subject FROM budgets WHERE ends_at < $1 LIMIT $2)`, 0},
		{`DELETE FROM devices WHERE (pool, user_id, hash) IN (SELECT pool, user_id, hash FROM devices WHERE expires_at < $1 LIMIT $2)`, 0},
		{`DELETE FROM saml_assertions WHERE (pool, provider, hash) IN (SELECT pool, provider, hash FROM saml_assertions WHERE expires_at < $1 LIMIT $2)`, time.Hour},
		{`DELETE FROM sightings WHERE (pool, user_id, country) IN (SELECT pool, user_id, country FROM sightings WHERE seen_at < $1 LIMIT $2)`, core.SightingLife},
		{`DELETE FROM risk_decisions WHERE (pool, request_id, id) IN (SELECT pool, request_id, id FROM risk_decisions WHERE expires_at > 0 AND expires_at < $1 LIMIT $2)`, 0},
		{`DELETE FROM client_tokens WHERE (pool, hash) IN (SELECT pool, hash FROM client_tokens WHERE expires_at < $1 LIMIT $2)`, time.Hour},
		// A device that is late is told so for a while.
		{`DELETE FROM device_codes WHERE (pool, hash) IN (SELECT pool, hash FROM device_codes WHERE expires_at < $1 LIMIT $2)`, time.Hour},
		{`DELETE FROM notes WHERE (pool, face, name) IN (SELECT pool, face, name FROM notes WHERE expires_at < $1 LIMIT $2)`, 0},
		// What stored nobody is of no interest for long.
		{`DELETE FROM import_details WHERE (pool, import_id, outcome, number) IN (SELECT d.pool, d.import_id, d.outcome, d.number FROM user_imports i
			JOIN import_details d ON d.pool = i.pool AND d.import_id = i.id WHERE i.dry = TRUE AND i.updated_at < $1 LIMIT $2)`, 7 * 24 * time.Hour},
		{`DELETE FROM user_imports WHERE (pool, id) IN (SELECT i.pool, i.id FROM user_imports i WHERE i.dry = TRUE AND i.updated_at < $1
			AND NOT EXISTS (SELECT 1 FROM import_details d WHERE d.pool = i.pool AND d.import_id = i.id) LIMIT $2)`, 7 * 24 * time.Hour},
		// The hour is for the grace of refreshes, which sign a token again.
		{`UPDATE signing_keys SET sealed = NULL WHERE (pool, id) IN (SELECT pool, id FROM signing_keys WHERE retires_at > 0 AND retires_at < $1 AND sealed IS NOT NULL LIMIT $2)`, time.Hour},
		// A token past its time may still come with the refresh token of its session.
		{`DELETE FROM signing_keys WHERE (pool, id) IN (SELECT pool, id FROM signing_keys WHERE retires_at > 0
			AND retires_at + CASE WHEN token_life > refresh_life THEN token_life ELSE refresh_life END < $1 LIMIT $2)`, 24 * time.Hour},
		{`DELETE FROM changes WHERE seq IN (SELECT seq FROM changes WHERE created_at < $1 LIMIT $2)`, time.Hour},
	}
}

// Sweep deletes what has passed, at most n rows of each kind, and returns how
// many went. Whatever it deletes had stopped counting before: expiry is
// decided by comparing times, never by a row being gone.
func (a Across) Sweep(ctx context.Context, n int) (int64, error) {
	var total int64
	for _, p := range allPassed() {
		before := micros(a.store.now().Add(-p.after))
		var gone int64
		err := a.store.engine.update(ctx, func(ctx context.Context, q querier) error {
			result, err := q.ExecContext(ctx, p.delete, before, n)
			if err != nil {
				return err
			}
			gone, err = result.RowsAffected()
			return err
		})
		if err != nil {
			return total, a.failed(err)
		}
		total += gone
	}
	for _, sweep := range []func(context.Context, int) (int64, error){a.sweepInvitations, a.sweepImportSources} {
		gone, err := sweep(ctx, n)
		if total += gone; err != nil {
			return total, a.failed(err)
		}
	}
	return total, nil
}

// Trim keeps the tables that strangers can write to from growing without end:
// of each it leaves keep rows, and deletes at most n of those that were used
// the longest ago. It returns how many went. Tries of people who are there are
// not among them: there are no more of those than there are people.
func (a Across) Trim(ctx context.Context, keep, n int) (int64, error) {
	var total int64
	for _, statement := range []string{
		`DELETE FROM budgets WHERE (pool, name, subject) IN (SELECT pool, name, subject FROM budgets ORDER BY ends_at DESC LIMIT $2 OFFSET $1)`,
		`DELETE FROM attempts WHERE (pool, subject) IN (SELECT pool, subject FROM attempts WHERE subject LIKE 'claim:%' OR subject LIKE 'device:%' ORDER BY updated_at DESC LIMIT $2 OFFSET $1)`,
	} {
		var gone int64
		err := a.store.engine.update(ctx, func(ctx context.Context, q querier) error {
			result, err := q.ExecContext(ctx, statement, keep, n)
			if err != nil {
				return err
			}
			gone, err = result.RowsAffected()
			return err
		})
		if err != nil {
			return total, a.failed(err)
		}
		total += gone
	}
	return total, nil
}

func (a Across) q() querier { return a.store.engine.reader() }

func (a Across) failed(err error) error { return a.store.engine.classify(err) }
