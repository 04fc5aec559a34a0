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
	line, known := core.SecretNamed(name)
	pointer := "/" + core.PointerToken(string(name))
	if !known {
		return core.Invalid(core.Problem{Code: core.ProblemUnknown, Pointer: pointer, Detail: fmt.Sprintf("There is no secret %s.", name)})
	}
	if value != "" {
		if err := line.Check(value.Reveal()); err != nil {
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

// Secrets says which secrets of the catalogue the caller's pool was given, with
// one line for each of its providers.
func (p *Pools) Secrets(ctx context.Context, caller core.Caller) ([]GivenSecret, error) {
	var stored []store.PoolSecret
	var providers []core.Provider
	err := p.store.As(caller).View(ctx, func(tx *store.Tx) error {
		pool, err := tx.Pool()
		if err == nil {
			providers = pool.Settings.Providers
			stored, err = tx.PoolSecrets()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var all []GivenSecret
	add := func(m core.SecretMeaning) {
		given := slices.ContainsFunc(stored, func(s store.PoolSecret) bool { return s.Name == string(m.Name) })
		all = append(all, GivenSecret{m, given})
	}
	for _, m := range core.SecretNames() {
		if m.Name != core.SecretProvider {
			add(m)
		}
	}
	for _, one := range providers {
		if m, ok := core.SecretNamed(core.ProviderSecret(one.Name)); ok && one.Kind != core.ProviderSAML {
			add(m)
		}
	}
	return all, nil
}

// forgetSecrets deletes what was given for providers that are gone, or that are
// called elsewhere or by another name from now on: a secret leaves for nobody
// but whom it was given for (T11).
func forgetSecrets(tx *store.Tx, before, after []core.Provider) error {
	for _, old := range before {
		same := slices.ContainsFunc(after, func(p core.Provider) bool {
			return p.Name == old.Name && p.Kind == old.Kind && p.Issuer == old.Issuer && p.ClientID == old.ClientID
		})
		if same {
			continue
		}
		if err := tx.DeletePoolSecret(string(core.ProviderSecret(old.Name))); err != nil && !core.Is(err, core.CodeNotFound) {
			return err
		}
	}
	return nil
}
