package pool

import (
	"context"
	"sync"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// passwordKeys remembers the key pairs in use.
type passwordKeys struct {
	memo *store.Memo[*secret.PasswordKey]
	// making is held while a key is made: it takes long, and one who waits for
	// it finds it made.
	making sync.Mutex
}

// passwordKeyName is under which name a pool's key pair is kept.
const passwordKeyName = "password_key"

// PasswordKey returns the key pair with which the passwords of the caller's
// pool may be encrypted on their way here. It is made when it is first asked
// for, before any transaction, and of several that are made at once one stays.
func (p *Pools) PasswordKey(ctx context.Context, caller core.Caller) (*secret.PasswordKey, error) {
	return p.passwordKeys.memo.Get(string(caller.Pool), func() (*secret.PasswordKey, []store.Change, error) {
		key, err := p.storedPasswordKey(ctx, caller)
		if core.Is(err, core.CodeNotFound) {
			key, err = p.makePasswordKey(ctx, caller)
		}
		return key, []store.Change{{Pool: caller.Pool, Kind: store.ChangePool, Ref: string(caller.Pool)}}, err
	})
}

func (p *Pools) storedPasswordKey(ctx context.Context, caller core.Caller) (*secret.PasswordKey, error) {
	var kept store.PoolSecret
	err := p.store.As(caller).View(ctx, func(tx *store.Tx) (err error) {
		kept, err = tx.PoolSecret(passwordKeyName)
		return err
	})
	if err != nil {
		return nil, err
	}
	return secret.ParsePasswordKey(kept.Plain)
}

func (p *Pools) makePasswordKey(ctx context.Context, caller core.Caller) (*secret.PasswordKey, error) {
	p.passwordKeys.making.Lock()
	defer p.passwordKeys.making.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err // who waited too long makes none for nobody
	}
	if key, err := p.storedPasswordKey(ctx, caller); !core.Is(err, core.CodeNotFound) {
		return key, err
	}
	key, err := secret.NewPasswordKey()
	if err != nil {
		return nil, err
	}
	// It is kept even if whoever asked has given up: the next one would have to
	// wait as long.
	err = p.store.As(caller).Update(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		return tx.PutPoolSecret(store.PoolSecret{Name: passwordKeyName, Plain: key.Private(), Public: key.Public()})
	})
	if core.Is(err, core.CodeTaken) { // another node was faster
		return p.storedPasswordKey(ctx, caller)
	}
	return key, err
}
