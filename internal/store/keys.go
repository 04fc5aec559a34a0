package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// sealedKey is a working key as its row has it.
type sealedKey struct {
	name   string
	sealed []byte
	made   time.Time
}

// sealedIn says where a working key is sealed.
func sealedIn(name string) []string { return []string{"deployment_keys", name, "sealed"} }

// loadKeys opens the working keys with the master key. What is missing is
// made; of two nodes that make them at once, the first one's stay.
func loadKeys(ctx context.Context, e engine, master secret.Master) (*secret.Keys, error) {
	raw, err := openKeys(ctx, e.reader(), master)
	if err != nil {
		return nil, err
	}
	if missing := missingKeys(raw); len(missing) > 0 {
		if err := e.update(ctx, func(ctx context.Context, q querier) error { return makeKeys(ctx, q, master, missing) }); err != nil {
			return nil, fmt.Errorf("cannot store the working keys: %w", err)
		}
		if raw, err = openKeys(ctx, e.reader(), master); err != nil {
			return nil, err
		}
	}
	return secret.NewKeys(raw)
}

// missingKeys names the keys to be made. The first pepper is not missed where
// there is a later one.
func missingKeys(raw []secret.RawKey) []string {
	there := make(map[string]bool)
	for _, key := range raw {
		there[key.Name] = true
	}
	_, err := secret.ParsePeppers(raw)
	var missing []string
	for _, name := range secret.KeyNames() {
		if !there[name] && (secret.NumberOf(secret.PepperName, name) == 0 || err != nil) {
			missing = append(missing, name)
		}
	}
	return missing
}

func readKeys(ctx context.Context, q querier) ([]sealedKey, error) {
	var all []sealedKey
	rows, err := q.QueryContext(ctx, `SELECT name, sealed, created_at FROM deployment_keys ORDER BY name`)
	err = each(rows, err, func(row scanner) error {
		var k sealedKey
		var made int64
		err := row.Scan(&k.name, &k.sealed, &made)
		k.made = moment(made)
		all = append(all, k)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("cannot read the working keys: %w", err)
	}
	return all, nil
}

func openKeys(ctx context.Context, q querier, master secret.Master) ([]secret.RawKey, error) {
	all, err := readKeys(ctx, q)
	if err != nil {
		return nil, err
	}
	var raw []secret.RawKey
	for _, k := range all {
		key, err := openKey(master, k.name, k.sealed)
		if err != nil {
			return nil, err
		}
		raw = append(raw, secret.RawKey{Name: k.name, Key: key, Made: k.made})
	}
	return raw, nil
}

// openKey opens one working key, or returns [ErrWrongMaster].
func openKey(master secret.Master, name string, sealed []byte) ([]byte, error) {
	key, err := master.Open(sealed, sealedIn(name)...)
	if errors.Is(err, secret.ErrSealed) {
		return nil, ErrWrongMaster
	}
	return key, err
}

func makeKeys(ctx context.Context, q querier, master secret.Master, names []string) error {
	for _, name := range names {
		if _, err := putKey(ctx, q, master, name, stored(time.Now())); err != nil {
			return err
		}
	}
	return nil
}

// putKey makes a working key, and reports false if there is one of the name.
func putKey(ctx context.Context, q querier, master secret.Master, name string, at time.Time) (bool, error) {
	result, err := q.ExecContext(ctx, `INSERT INTO deployment_keys (name, sealed, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
		name, master.Seal(secret.NewKey(), sealedIn(name)...), micros(at))
	return touched(result, err)
}

// touched reports whether a statement touched a row.
func touched(result sql.Result, err error) (bool, error) {
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// keysEvery is how old what a node knows of the peppers becomes. It is far less
// than [secret.PepperLead]: a node that missed a change learns it in time.
const keysEvery = time.Minute

// followKeys reads the peppers anew where that is due.
func (s *Store) followKeys(ctx context.Context) {
	last := s.keysAt.Load()
	if last != 0 && time.Since(time.Unix(0, last)) < keysEvery {
		return
	}
	// A change that comes while the keys are read makes them due once more.
	s.keysAt.Store(time.Now().UnixNano())
	if err := s.readPeppers(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("cannot read the peppers anew; passwords that other nodes hash with a new one cannot be verified here", "error", err)
	}
}

func (s *Store) readPeppers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readWithin) // the feed waits for this
	defer cancel()
	raw, err := openKeys(ctx, s.engine.follower(), s.master)
	if err != nil {
		return err
	}
	peppers, err := secret.ParsePeppers(raw)
	if err != nil {
		return err
	}
	s.keys.Peppers().Replace(peppers)
	return nil
}

// WorkingKey is one of the deployment's keys, without the key itself.
type WorkingKey struct {
	Name string
	Made time.Time
	// Older says that a master key sealed it which is not the first now.
	Older bool
}

// WorkingKeys lists the deployment's keys by name.
func (a Across) WorkingKeys(ctx context.Context) ([]WorkingKey, error) {
	all, err := readKeys(ctx, a.q())
	if err != nil {
		return nil, a.failed(err)
	}
	var keys []WorkingKey
	for _, k := range all {
		keys = append(keys, WorkingKey{Name: k.name, Made: k.made, Older: !a.store.master.SealedByFirst(k.sealed, sealedIn(k.name)...)})
	}
	return keys, nil
}

// Reseal seals with the first master key whatever an older one has sealed, all
// of it or nothing, and returns how many keys that were. Nodes that run have
// the keys already and notice nothing.
func (a Across) Reseal(ctx context.Context) (int, error) {
	var done int
	err := a.changeKeys(ctx, func(ctx context.Context, q querier) error {
		done = 0
		all, err := readKeys(ctx, q)
		if err != nil {
			return err
		}
		for _, k := range all {
			if a.store.master.SealedByFirst(k.sealed, sealedIn(k.name)...) {
				continue
			}
			key, err := openKey(a.store.master, k.name, k.sealed)
			if err != nil {
				return err
			}
			sealed := a.store.master.Seal(key, sealedIn(k.name)...)
			there, err := touched(q.ExecContext(ctx, `UPDATE deployment_keys SET sealed = $3 WHERE name = $1 AND sealed = $2`, k.name, k.sealed, sealed))
			if err != nil {
				return err
			}
			if !there {
				return errOvertaken
			}
			done++
		}
		return nil
	})
	return done, err
}

// RotatePepper makes the deployment's next pepper. Passwords are hashed with it
// after [secret.PepperLead], on every node at about the same time. While the
// one made last is not in use, it returns [core.CodeConflict].
func (a Across) RotatePepper(ctx context.Context) (secret.Pepper, error) {
	err := a.changeKeys(ctx, func(ctx context.Context, q querier) error {
		all, err := a.peppers(ctx, q)
		if err != nil {
			return err
		}
		newest := all[len(all)-1]
		if len(all) > 1 && a.store.now().Before(newest.UsedFrom()) {
			return core.Fail(core.CodeConflict, "The newest pepper is not in use yet; it is from "+newest.UsedFrom().Format(time.RFC3339)+".")
		}
		name := secret.NextPepper(all)
		made, err := putKey(ctx, q, a.store.master, name, a.store.now())
		if err != nil {
			return err
		}
		if !made {
			return errOvertaken
		}
		return nil
	})
	if err != nil {
		return secret.Pepper{}, err
	}
	all := a.store.keys.Peppers().All()
	return all[len(all)-1], nil
}

// pepperRest is how long a pepper must have been out of use before it can be
// forgotten: until then a node whose clock is behind may hash with it, and what
// was hashed may not be stored yet.
const pepperRest = 5 * time.Minute

// What counts the hashes of the pepper whose mark is $1.
const (
	hashesOf = `SELECT COUNT(*) FROM authenticators WHERE kind = 'password' AND secret LIKE $1`
	flowsOf  = `SELECT COUNT(*) FROM flows WHERE completed = FALSE AND facts LIKE $1`
)

// pepperMark is what a hash has in it that names a pepper, as a pattern of SQL.
// Flows keep hashes too, of people who are about to sign up.
func pepperMark(id string) string { return `%,keyid=` + id + `$%` }

// PepperUses counts the password hashes that name a pepper. It looks at every
// hash that there is.
func (a Across) PepperUses(ctx context.Context, id string) (int64, error) {
	n, err := pepperUses(ctx, a.q(), id)
	return n, a.failed(err)
}

func pepperUses(ctx context.Context, q querier, id string) (n int64, err error) {
	err = q.QueryRowContext(ctx, `SELECT (`+hashesOf+`) + (`+flowsOf+`)`, pepperMark(id)).Scan(&n)
	return n, err
}

// ForgetPepper deletes a pepper that no hash names any more. It returns
// [core.CodeNotFound] for an id that no pepper has, and [core.CodeConflict] for
// one that is in use, will be, or was until a few minutes ago, or that hashes
// name.
func (a Across) ForgetPepper(ctx context.Context, id string) error {
	return a.changeKeys(ctx, func(ctx context.Context, q querier) error {
		all, err := a.peppers(ctx, q)
		if err != nil {
			return err
		}
		for i, pepper := range all {
			if pepper.ID != id {
				continue
			}
			if i == len(all)-1 || a.store.now().Before(all[i+1].UsedFrom().Add(pepperRest)) {
				return core.Fail(core.CodeConflict, "This pepper is in use, or was until a moment ago: a newer one has to have been in use for five minutes.")
			}
			gone, err := touched(q.ExecContext(ctx, `
				DELETE FROM deployment_keys WHERE name = $2 AND (`+hashesOf+`) = 0 AND (`+flowsOf+`) = 0`, pepperMark(id), pepper.Name))
			if err != nil || gone {
				return err
			}
			n, err := pepperUses(ctx, q, id)
			if err != nil {
				return err
			}
			return core.Fail(core.CodeConflict, fmt.Sprintf("%d password hashes name this pepper, and verify with no other. Each is made anew when its person signs in.", n))
		}
		return core.Fail(core.CodeNotFound, "There is no such pepper.")
	})
}

func (a Across) peppers(ctx context.Context, q querier) ([]secret.Pepper, error) {
	raw, err := openKeys(ctx, q, a.store.master)
	if err != nil {
		return nil, err
	}
	return secret.ParsePeppers(raw)
}

// changeKeys runs fn in a transaction that changes the working keys, and tells
// every node.
func (a Across) changeKeys(ctx context.Context, fn transaction) error {
	c := Change{Kind: ChangeKeys, Ref: "deployment"}
	err := a.store.engine.update(ctx, func(ctx context.Context, q querier) error {
		if err := fn(ctx, q); err != nil {
			return err
		}
		_, err := q.ExecContext(ctx, `INSERT INTO changes (pool, kind, ref, created_at) VALUES ($1, $2, $3, $4)`, string(c.Pool), string(c.Kind), c.Ref, micros(a.store.now()))
		return err
	})
	if errors.Is(err, errOvertaken) {
		return &core.Error{Code: core.CodeConflict, Detail: "The deployment's keys were changed by somebody else at the same time.", Cause: err}
	}
	if err != nil {
		return a.failed(err)
	}
	a.store.feed.tell(c)
	return a.failed(a.store.readPeppers(ctx))
}
