package pool

import (
	"context"
	"fmt"
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// SetSecret gives a secret of the catalogue to the caller's pool, in place of
// any before; an empty value takes it away. It returns [core.CodeInvalid] for
// one that cannot be, and for a name that is not in the catalogue.
func (p *Pools) SetSecret(ctx context.Context, caller core.Caller, name core.SecretName, value secret.Text) error {
	all := core.SecretNames()
	i := slices.IndexFunc(all, func(m core.SecretMeaning) bool { return m.Name == name })
	pointer := "/" + core.PointerToken(string(name))
	if i < 0 {
		return core.Invalid(core.Problem{Code: core.ProblemUnknown, Pointer: pointer, Detail: fmt.Sprintf("There is no secret %s.", name)})
	}
	if value != "" {
		if err := all[i].Check(value.Reveal()); err != nil {
			return core.Invalid(core.Problem{Code: core.ProblemFormat, Pointer: pointer, Detail: fmt.Sprintf("%s %s.", name, err)})
		}
	}
	return p.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		err := tx.DeletePoolSecret(string(name))
		if err != nil && !core.Is(err, core.CodeNotFound) {
			return err
		}
		if value == "" {
			if err != nil {
				return err
			}
		} else if err := tx.PutPoolSecret(store.PoolSecret{Name: string(name), Plain: []byte(value.Reveal())}); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventPoolChanged, Target: string(caller.Pool), Data: map[string]string{"secrets": string(name)}})
	})
}

// GivenSecret is a line of the catalogue of secrets, with whether a pool has it.
type GivenSecret struct {
	core.SecretMeaning
	Given bool
}

// Secrets says which secrets of the catalogue the caller's pool was given.
func (p *Pools) Secrets(ctx context.Context, caller core.Caller) ([]GivenSecret, error) {
	var stored []store.PoolSecret
	err := p.store.As(caller).View(ctx, func(tx *store.Tx) (err error) { stored, err = tx.PoolSecrets(); return err })
	if err != nil {
		return nil, err
	}
	var all []GivenSecret
	for _, m := range core.SecretNames() {
		given := slices.ContainsFunc(stored, func(s store.PoolSecret) bool { return s.Name == string(m.Name) })
		all = append(all, GivenSecret{m, given})
	}
	return all, nil
}
