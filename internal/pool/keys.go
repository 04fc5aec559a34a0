package pool

import (
	"context"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// NewKey is what an API key is created from.
type NewKey struct {
	Kind core.KeyKind
	Name string
	Text secret.Text   // a key that applications hold already, without its prefix; empty: a new one
	Life time.Duration // 0: does not expire
}

// CreateKey makes an API key in the caller's pool and returns its text, which
// is not shown again. It returns [core.CodeTaken] for a text that is a key
// already, in whichever pool.
func (p *Pools) CreateKey(ctx context.Context, caller core.Caller, n NewKey) (core.Key, secret.Text, error) {
	if n.Text == "" {
		n.Text = secret.Text(secret.Random())
	}
	if !secret.IsText(n.Text.Reveal()) {
		return core.Key{}, "", core.Invalid(core.Problem{Code: core.ProblemFormat, Pointer: "/token", Detail: "A key is 32 characters of a-z and 2-7 behind its prefix."})
	}
	key := core.Key{ID: core.NewKeyID(), Pool: caller.Pool, Kind: n.Kind, Name: n.Name}
	err := p.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		key.CreatedAt, key.ExpiresAt = tx.Now(), time.Time{}
		if n.Life > 0 {
			key.ExpiresAt = tx.Now().Add(n.Life)
		}
		if err := tx.PutKey(key, p.hash(n.Kind, n.Text.Reveal()), ""); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventKeyCreated, Target: string(key.ID), Data: map[string]string{"kind": string(n.Kind)}})
	})
	return key, n.Text, err
}

// RevokeKey ends a key of the caller's pool on every node.
func (p *Pools) RevokeKey(ctx context.Context, caller core.Caller, id core.KeyID) error {
	return p.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		if err := tx.RevokeKey(id); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventKeyRevoked, Target: string(id)})
	})
}

// Keys lists the keys of the caller's pool, oldest first.
func (p *Pools) Keys(ctx context.Context, caller core.Caller) (keys []core.Key, err error) {
	err = p.store.As(caller).View(ctx, func(tx *store.Tx) error {
		keys, err = tx.Keys()
		return err
	})
	return keys, err
}

// Authenticate returns the living key that a text is, or
// [core.CodeUnauthenticated].
func (p *Pools) Authenticate(ctx context.Context, kind core.KeyKind, text string) (core.Key, error) {
	if !secret.IsText(text) {
		return core.Key{}, unknownKey()
	}
	hash := p.hash(kind, text)
	key, err := p.keys.Get(string(hash), func() (core.Key, []store.Change, error) {
		key, err := p.store.Across().Key(ctx, hash)
		return key, []store.Change{{Pool: key.Pool, Kind: store.ChangeKey, Ref: string(key.ID)}}, err
	})
	if core.Is(err, core.CodeNotFound) || (err == nil && !key.Alive(p.store.Clock())) {
		return core.Key{}, unknownKey()
	}
	return key, err
}

func unknownKey() error {
	return core.Fail(core.CodeUnauthenticated, "The API token is missing, unknown, expired or revoked.")
}

// hash is under which a key is stored. Its kind is part of it: a client key
// does not become a service key by another prefix.
func (p *Pools) hash(kind core.KeyKind, text string) []byte {
	return p.store.Keys().Lookup("api key "+string(kind), text)
}
