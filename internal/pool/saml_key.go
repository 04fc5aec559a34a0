package pool

import (
	"context"
	"slices"
	"sync"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// keptSAMLKeys remembers the SAML keys in use.
type keptSAMLKeys struct {
	memo *store.Memo[*secret.SAMLKey]
	// making is held while a key is made: it takes long, and one who waits for
	// it finds it made.
	making sync.Mutex
}

// samlKeyName is under which name a pool's SAML key is kept.
const samlKeyName = "saml_key"

// SAMLKey returns the key pair with which the caller's pool signs what it asks
// SAML providers. It is made when it is first asked for, before any transaction,
// and of several that are made at once one stays: providers are given its
// certificate.
func (p *Pools) SAMLKey(ctx context.Context, caller core.Caller) (*secret.SAMLKey, error) {
	return p.samlKeys.memo.Get(string(caller.Pool), func() (*secret.SAMLKey, []store.Change, error) {
		key, err := p.storedSAMLKey(ctx, caller)
		if core.Is(err, core.CodeNotFound) {
			key, err = p.firstSAMLKey(ctx, caller)
		}
		return key, []store.Change{{Pool: caller.Pool, Kind: store.ChangePool, Ref: string(caller.Pool)}}, err
	})
}

// storedSAMLKey returns [core.CodeNotFound] where there is none yet.
func (p *Pools) storedSAMLKey(ctx context.Context, caller core.Caller) (*secret.SAMLKey, error) {
	var stored []store.PoolSecret
	err := p.store.As(caller).View(ctx, func(tx *store.Tx) (err error) { stored, err = tx.PoolSecrets(); return err })
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(stored, func(s store.PoolSecret) bool { return s.Name == samlKeyName })
	if i < 0 {
		return nil, core.Fail(core.CodeNotFound, "The pool has no SAML key yet.")
	}
	return secret.ParseSAMLKey(stored[i].Plain, stored[i].Public)
}

func (p *Pools) firstSAMLKey(ctx context.Context, caller core.Caller) (*secret.SAMLKey, error) {
	p.samlKeys.making.Lock()
	defer p.samlKeys.making.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err // who waited too long makes none for nobody
	}
	if key, err := p.storedSAMLKey(ctx, caller); !core.Is(err, core.CodeNotFound) {
		return key, err
	}
	own, err := p.Get(ctx, caller.Pool)
	if err != nil {
		return nil, err
	}
	key, err := secret.NewSAMLKey(own.Name, p.store.Clock())
	if err != nil {
		return nil, err
	}
	// It is kept even if whoever asked has given up: the next one would have to
	// wait as long.
	err = p.store.As(caller).Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		return tx.PutPoolSecret(store.PoolSecret{Name: samlKeyName, Plain: key.Private(), Public: key.Certificate()})
	})
	if err != nil && !core.Is(err, core.CodeTaken) { // another node was faster
		return nil, err
	}
	return p.storedSAMLKey(context.WithoutCancel(ctx), caller)
}
