package directory

import (
	"context"
	"math"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// OneTimeLockout is the settings by which tries are counted of what belongs to
// no person. Nobody could ever lift the end of all tries, or choose another
// password: so there is none, and the waits are never off.
func OneTimeLockout(settings core.Settings) core.Settings {
	settings.LockoutEnabled, settings.LockoutMost = true, math.MaxInt32
	return settings
}

// HashOnce hashes a password with which an application guards something. It is
// the application's: the pool's rules for what people choose are none for it.
func (p *Passwords) HashOnce(ctx context.Context, password secret.Text) (string, error) {
	slot, err := p.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer slot.Release()
	return slot.Hash(password), nil
}

// CheckOnce compares a password with one that belongs to no person. Tries are
// counted by claim, and charged before. It returns what Check returns.
func (p *Passwords) CheckOnce(ctx context.Context, caller core.Caller, settings core.Settings, claim string, password secret.Text, phc string) (Settle, error) {
	slot, err := p.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer slot.Release()
	try, err := p.Charge(ctx, caller, OneTimeLockout(settings), Person{Claim: claim}, func(*store.Tx) error { return nil })
	if err != nil {
		return nil, err
	}
	ok, err := verify(ctx, slot, password, phc)
	if err != nil {
		return nil, err
	}
	if !ok {
		if err := p.Failed(ctx, caller, try, core.CodeWrongCredentials); err != nil {
			return nil, err
		}
		return nil, core.Fail(core.CodeWrongCredentials, "The password is wrong.")
	}
	return try.Settle, nil
}
