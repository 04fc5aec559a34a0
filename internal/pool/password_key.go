package pool

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// keptPasswordKeys remembers the key pairs in use.
type keptPasswordKeys struct {
	memo *store.Memo[*PasswordKeys]
	// making is held while a key is made: it takes long, and one who waits for
	// it finds it made.
	making sync.Mutex
}

const (
	// passwordKeyName is under which name a pool's first key pair is kept; see
	// [secret.Numbered] for the others.
	passwordKeyName = "password_key"
	// PasswordKeyLead is how old a pool's next key pair is before applications
	// are given it. By then every node can decrypt what comes of it.
	PasswordKeyLead = time.Minute
)

// PasswordKey is one of a pool's key pairs for encrypted passwords, without its
// private half.
type PasswordKey struct {
	Name      string
	Public    string // a SubjectPublicKeyInfo in PEM
	CreatedAt time.Time
	GivenFrom time.Time // applications are given it from here on, if it is the newest
}

// PasswordKeys are a pool's key pairs, the oldest first: one, or two while its
// applications go over to the next. They are immutable.
type PasswordKeys struct {
	keys  []PasswordKey
	ring  secret.PasswordKeys
	clock func() time.Time // which nodes go by alike
}

// All lists the key pairs, the oldest first.
func (k *PasswordKeys) All() []PasswordKey { return slices.Clone(k.keys) }

// Given is the key pair that applications are given now.
func (k *PasswordKeys) Given() PasswordKey {
	now := k.clock()
	for _, key := range slices.Backward(k.keys) {
		if !now.Before(key.GivenFrom) {
			return key
		}
	}
	return k.keys[0]
}

// Decrypt decrypts a password with whichever key it was encrypted for; see
// [secret.PasswordKeys.Decrypt].
func (k *PasswordKeys) Decrypt(text string) (password secret.Text, formed bool) {
	return k.ring.Decrypt(text)
}

// PasswordKeys returns the key pairs with which the passwords of the caller's
// pool may be encrypted on their way here. The first one is made when it is
// first asked for, before any transaction, and of several that are made at once
// one stays.
func (p *Pools) PasswordKeys(ctx context.Context, caller core.Caller) (*PasswordKeys, error) {
	return p.passwordKeys.memo.Get(string(caller.Pool), func() (*PasswordKeys, []store.Change, error) {
		keys, err := p.storedPasswordKeys(ctx, caller)
		if core.Is(err, core.CodeNotFound) {
			keys, err = p.firstPasswordKey(ctx, caller)
		}
		return keys, []store.Change{{Pool: caller.Pool, Kind: store.ChangePool, Ref: string(caller.Pool)}}, err
	})
}

// storedPasswordKeys returns [core.CodeNotFound] where there is none yet.
func (p *Pools) storedPasswordKeys(ctx context.Context, caller core.Caller) (*PasswordKeys, error) {
	var stored []store.PoolSecret
	err := p.store.As(caller).View(ctx, func(tx *store.Tx) (err error) { stored, err = passwordSecrets(tx); return err })
	if err != nil {
		return nil, err
	}
	if len(stored) == 0 {
		return nil, core.Fail(core.CodeNotFound, "The pool has no key for passwords yet.")
	}
	keys := &PasswordKeys{clock: p.store.Clock}
	for _, s := range stored {
		key, err := secret.ParsePasswordKey(s.Plain)
		if err != nil {
			return nil, err
		}
		keys.keys, keys.ring = append(keys.keys, passwordKey(s)), append(keys.ring, key)
	}
	return keys, nil
}

// passwordSecrets picks the key pairs out of a pool's secrets, the oldest first.
func passwordSecrets(tx *store.Tx) ([]store.PoolSecret, error) {
	all, err := tx.PoolSecrets()
	number := func(s store.PoolSecret) int { return secret.NumberOf(passwordKeyName, s.Name) }
	all = slices.DeleteFunc(all, func(s store.PoolSecret) bool { return number(s) == 0 })
	slices.SortFunc(all, func(a, b store.PoolSecret) int { return cmp.Compare(number(a), number(b)) })
	return all, err
}

func passwordKey(s store.PoolSecret) PasswordKey {
	k := PasswordKey{Name: s.Name, Public: s.Public, CreatedAt: s.CreatedAt, GivenFrom: s.CreatedAt}
	if s.Name != passwordKeyName {
		k.GivenFrom = k.GivenFrom.Add(PasswordKeyLead)
	}
	return k
}

func (p *Pools) firstPasswordKey(ctx context.Context, caller core.Caller) (*PasswordKeys, error) {
	p.passwordKeys.making.Lock()
	defer p.passwordKeys.making.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err // who waited too long makes none for nobody
	}
	if keys, err := p.storedPasswordKeys(ctx, caller); !core.Is(err, core.CodeNotFound) {
		return keys, err
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
	if err != nil && !core.Is(err, core.CodeTaken) { // another node was faster
		return nil, err
	}
	return p.storedPasswordKeys(context.WithoutCancel(ctx), caller)
}

// RotatePasswordKey makes the pool's next key pair, which applications are
// given after [PasswordKeyLead]. What they encrypt with the one before is
// decrypted until [Pools.RetirePasswordKey]. It returns [core.CodeConflict]
// while there are two already.
func (p *Pools) RotatePasswordKey(ctx context.Context, caller core.Caller) (PasswordKey, error) {
	before, err := p.PasswordKeys(ctx, caller)
	if err != nil {
		return PasswordKey{}, err
	}
	if err := single(len(before.keys)); err != nil {
		return PasswordKey{}, err
	}
	key, err := secret.NewPasswordKey()
	if err != nil {
		return PasswordKey{}, err
	}
	var made PasswordKey
	err = p.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		stored, err := passwordSecrets(tx)
		if err != nil {
			return err
		}
		if err := single(len(stored)); err != nil {
			return err
		}
		next := store.PoolSecret{
			Name:  secret.Numbered(passwordKeyName, secret.NumberOf(passwordKeyName, stored[0].Name)+1),
			Plain: key.Private(), Public: key.Public(), CreatedAt: tx.Now(),
		}
		err = tx.PutPoolSecret(next)
		if core.Is(err, core.CodeTaken) {
			return single(2) // somebody else was faster
		}
		if err != nil {
			return err
		}
		made = passwordKey(next)
		return tx.Record(core.Event{Name: core.EventPasswordKeyCreated, Target: made.Name, Data: map[string]string{"given_from": made.GivenFrom.UTC().Format(time.RFC3339)}})
	})
	return made, err
}

// single refuses a third key pair.
func single(n int) error {
	if n == 1 {
		return nil
	}
	return core.Fail(core.CodeConflict, "The pool has two keys for passwords: retire the older one first.")
}

// RetirePasswordKey forgets the pool's older key pair and returns it: what is
// encrypted with it from now on is a wrong password. It returns
// [core.CodeConflict] if there is none, or if applications are not given the
// newer one yet.
func (p *Pools) RetirePasswordKey(ctx context.Context, caller core.Caller) (PasswordKey, error) {
	var retired PasswordKey
	err := p.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		stored, err := passwordSecrets(tx)
		if err != nil {
			return err
		}
		if len(stored) < 2 {
			return core.Fail(core.CodeConflict, "The pool has no older key for passwords.")
		}
		newest := passwordKey(stored[len(stored)-1])
		if tx.Now().Before(newest.GivenFrom) {
			return core.Fail(core.CodeConflict, "Applications are not given the newer key yet; they are from "+newest.GivenFrom.UTC().Format(time.RFC3339)+".")
		}
		retired = passwordKey(stored[0])
		if err := tx.DeletePoolSecret(retired.Name); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventPasswordKeyRetired, Target: retired.Name})
	})
	return retired, err
}
