package session

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// ring is a pool's signing keys, the oldest first, and what else its signed
// tokens need. It is immutable.
type ring struct {
	issuer string
	keys   []signingKey
}

// ring returns the pool's keys as they are remembered.
func (s *Sessions) ring(ctx context.Context, caller core.Caller) (*ring, error) {
	return s.rings.Get(string(caller.Pool), func() (*ring, []store.Change, error) {
		r, err := s.loadRing(ctx, caller)
		return r, ringNeeds(caller), err
	})
}

// ringNeeds is what a ring depends on, and whatever was read with it.
func ringNeeds(caller core.Caller) []store.Change {
	return []store.Change{
		{Pool: caller.Pool, Kind: store.ChangeSigning, Ref: string(caller.Pool)},
		{Pool: caller.Pool, Kind: store.ChangePool, Ref: string(caller.Pool)},
	}
}

// loadRing reads the pool's keys.
func (s *Sessions) loadRing(ctx context.Context, caller core.Caller) (*ring, error) {
	pool, err := s.store.Across().Pool(ctx, caller.Pool)
	if err != nil {
		return nil, err
	}
	r := &ring{issuer: pool.Settings.TokenIssuer}
	if r.issuer == "" && s.spelling.Issuer != nil {
		r.issuer = s.spelling.Issuer(pool)
	}
	var stored []store.SigningKey
	err = s.store.As(caller).View(ctx, func(tx *store.Tx) (err error) { stored, err = tx.SigningKeys(); return err })
	if err != nil {
		return nil, err
	}
	for _, k := range stored {
		key, err := newSigningKey(k)
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", k.ID, err)
		}
		r.keys = append(r.keys, key)
	}
	return r, nil
}

// ready is ring after the pool's first key was made, or its next one where
// that is due. Of the nodes that do so at once, all have the one's key.
func (s *Sessions) ready(ctx context.Context, caller core.Caller, settings core.Settings) (*ring, error) {
	r, err := s.ring(ctx, caller)
	if err != nil {
		return nil, err
	}
	newest := r.newest()
	if newest.ID != "" && !newest.Due(s.store.Clock(), time.Duration(settings.SigningKeyLife)) {
		return r, nil
	}
	caller.Actor = core.Actor{Kind: core.ActorSystem}
	if _, err := s.addKey(ctx, caller, settings, newest.ID); err != nil && !core.Is(err, core.CodeConflict) {
		return nil, err
	}
	return s.loadRing(ctx, caller) // what is remembered may be from before
}

// addKey makes the successor of a key, which is published first; a first one
// signs at once.
func (s *Sessions) addKey(ctx context.Context, caller core.Caller, settings core.Settings, after core.SigningKeyID) (core.SigningKey, error) {
	key, err := newKey(settings)
	if err != nil {
		return core.SigningKey{}, err
	}
	err = s.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		key.CreatedAt, key.ActiveFrom = tx.Now(), tx.Now()
		if after != "" {
			key.ActiveFrom = tx.Now().Add(core.SigningKeyLead)
		}
		if err := tx.PutSigningKey(key, after); err != nil {
			return err
		}
		return recordKey(tx, key.SigningKey, false)
	})
	return key.SigningKey, err
}

func newKey(settings core.Settings) (store.SigningKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return store.SigningKey{}, err
	}
	return store.SigningKey{Private: private, SigningKey: core.SigningKey{
		ID: core.NewSigningKeyID(), Public: &private.PublicKey,
		TokenLife: time.Duration(settings.AccessLife), RefreshLife: time.Duration(settings.RefreshLife),
	}}, nil
}

func recordKey(tx *store.Tx, key core.SigningKey, alone bool) error {
	return tx.Record(core.Event{Name: core.EventSigningKeyCreated, Target: string(key.ID), Data: map[string]string{
		"active_from": key.ActiveFrom.UTC().Format(time.RFC3339), "others_forgotten": strconv.FormatBool(alone),
	}})
}

// RotateKey makes the pool's next signing key. It is published at once, and
// takes over after [core.SigningKeyLead]. It returns [core.CodeConflict] while
// another one waits to.
func (s *Sessions) RotateKey(ctx context.Context, caller core.Caller, settings core.Settings) (core.SigningKey, error) {
	r, err := s.loadRing(ctx, caller)
	if err != nil {
		return core.SigningKey{}, err
	}
	newest := r.newest()
	if newest.ActiveFrom.After(s.store.Clock()) {
		return core.SigningKey{}, core.Fail(core.CodeConflict, "The next signing key is published already; it signs from "+newest.ActiveFrom.UTC().Format(time.RFC3339)+".")
	}
	return s.addKey(ctx, caller, settings, newest.ID)
}

// ReplaceKeys makes a signing key that signs at once, and forgets all others:
// no token that they signed is good any more. Sessions go on with their
// refresh tokens. It is for keys that have come into wrong hands.
func (s *Sessions) ReplaceKeys(ctx context.Context, caller core.Caller, settings core.Settings) (core.SigningKey, error) {
	key, err := newKey(settings)
	if err != nil {
		return core.SigningKey{}, err
	}
	err = s.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		key.CreatedAt, key.ActiveFrom = tx.Now(), tx.Now()
		if err := tx.ForgetSigningKeys(); err != nil {
			return err
		}
		if err := tx.PutSigningKey(key, ""); err != nil {
			return err
		}
		return recordKey(tx, key.SigningKey, true)
	})
	return key.SigningKey, err
}

// Keys lists the pool's signing keys, the oldest first, without changing any.
func (s *Sessions) Keys(ctx context.Context, caller core.Caller) ([]core.SigningKey, error) {
	r, err := s.loadRing(ctx, caller)
	if err != nil {
		return nil, err
	}
	keys := make([]core.SigningKey, 0, len(r.keys))
	for _, k := range r.keys {
		keys = append(keys, k.SigningKey)
	}
	return keys, nil
}

// KeySet returns the keys by which others verify the pool's signed tokens. A
// pool that makes such tokens has one at least.
func (s *Sessions) KeySet(ctx context.Context, caller core.Caller, settings core.Settings) ([]core.SigningKey, error) {
	find := s.ring
	if settings.TokenFormat == core.TokenSigned {
		find = func(ctx context.Context, caller core.Caller) (*ring, error) { return s.ready(ctx, caller, settings) }
	}
	r, err := find(ctx, caller)
	if err != nil {
		return nil, err
	}
	var published []core.SigningKey
	for _, k := range r.keys {
		if k.Published(s.store.Clock()) {
			published = append(published, k.SigningKey)
		}
	}
	return published, nil
}

// newest is the key without a successor; it has no id if there is none.
func (r *ring) newest() core.SigningKey {
	if len(r.keys) == 0 {
		return core.SigningKey{}
	}
	return r.keys[len(r.keys)-1].SigningKey
}

// at is the key that signs what is made at a time. Where none did, it is the
// oldest: a first key signs on nodes whose clocks are behind too.
func (r *ring) at(t time.Time) (signingKey, bool) {
	for _, k := range r.keys {
		if k.Signs(t) && k.signer != nil {
			return k, true
		}
	}
	for _, k := range r.keys {
		if k.signer != nil {
			return k, true
		}
	}
	return signingKey{}, false
}

// key finds a key by its id.
func (r *ring) key(id string) (signingKey, bool) {
	for _, k := range r.keys {
		if string(k.ID) == id {
			return k, true
		}
	}
	return signingKey{}, false
}
