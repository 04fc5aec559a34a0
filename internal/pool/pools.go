package pool

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Pools keeps all pools of a deployment, and remembers the ones in use.
type Pools struct {
	store        *store.Store
	pools        *store.Memo[core.Pool]
	hosts        *store.Memo[core.PoolID]
	keys         *store.Memo[core.Key]
	applications *store.Memo[core.PoolID]
	clients      *store.Memo[core.Application]
	passwordKeys keptPasswordKeys
	samlKeys     keptSAMLKeys
}

// New makes the keeper of a store's pools.
func New(st *store.Store) *Pools {
	return &Pools{
		store:        st,
		pools:        store.NewMemo[core.Pool](st, 10_000),
		hosts:        store.NewMemo[core.PoolID](st, 10_000),
		keys:         store.NewMemo[core.Key](st, 10_000),
		applications: store.NewMemo[core.PoolID](st, 10_000),
		clients:      store.NewMemo[core.Application](st, 10_000),
		passwordKeys: keptPasswordKeys{memo: store.NewMemo[*PasswordKeys](st, 10_000)},
		samlKeys:     keptSAMLKeys{memo: store.NewMemo[*secret.SAMLKey](st, 10_000)},
	}
}

// NewPool is what a pool is created from.
type NewPool struct {
	ID        core.PoolID // empty: a new one
	Name      string
	Hosts     []string
	Overrides core.Overrides
	ShowKeys  bool // keep the keys sealed, so that they can be shown again
}

// Created is a new pool with the secrets that are shown this once.
type Created struct {
	Pool              core.Pool
	ServiceKey        secret.Text
	ClientKey         secret.Text
	Application       core.Application
	ApplicationSecret secret.Text
	PoolSecret        secret.Text
}

// Create makes a pool with a default application, a service key and a client
// key. It returns [core.CodeTaken] if the name, the id or a host is in use. The
// key pair for passwords comes with its first use: see [Pools.PasswordKeys].
func (p *Pools) Create(ctx context.Context, actor core.Caller, n NewPool) (Created, error) {
	if err := core.CheckPoolName(n.Name); err != nil {
		return Created{}, err
	}
	for i, host := range n.Hosts {
		h, err := checkHost(host)
		if err != nil {
			return Created{}, err
		}
		n.Hosts[i] = h
	}
	overrides, settings, err := core.Overrides{}.With(n.Overrides)
	if err != nil {
		return Created{}, err
	}
	if n.ID == "" {
		n.ID = core.NewPoolID()
	}
	c := Created{
		Pool:              core.Pool{ID: n.ID, Name: n.Name, Hosts: n.Hosts, Overrides: overrides, Settings: settings, Version: 1},
		ServiceKey:        secret.Text(secret.Random()),
		ClientKey:         secret.Text(secret.Random()),
		Application:       core.Application{ID: core.NewApplicationID(), Name: "default", Version: 1},
		ApplicationSecret: secret.Text(secret.Random()),
		PoolSecret:        secret.Text(secret.Random()),
	}
	keys, first := p.store.Keys(), core.ApplicationSecret{ID: core.NewApplicationSecretID(), Application: c.Application.ID, Name: "default"}
	service, client := core.Key{ID: core.NewKeyID(), Kind: core.KeyService, Name: "default"}, core.Key{ID: core.NewKeyID(), Kind: core.KeyClient, Name: "default"}
	actor.Pool = n.ID
	err = p.store.As(actor).Update(ctx, func(tx *store.Tx) error {
		c.Pool.CreatedAt, c.Pool.UpdatedAt = tx.Now(), tx.Now()
		c.Application.CreatedAt, service.CreatedAt, client.CreatedAt, first.CreatedAt = tx.Now(), tx.Now(), tx.Now(), tx.Now()
		if err := tx.CreatePool(c.Pool); err != nil {
			return err
		}
		hash := p.applicationHash(c.ApplicationSecret)
		if err := tx.PutApplication(c.Application, hash); err != nil {
			return err
		}
		if err := tx.PutApplicationSecret(first, hash); err != nil {
			return err
		}
		if err := tx.PutPoolSecret(store.PoolSecret{Name: "pool", Hash: keys.Lookup("pool", c.PoolSecret.Reveal())}); err != nil {
			return err
		}
		for _, k := range []struct {
			key   core.Key
			plain secret.Text
		}{{service, c.ServiceKey}, {client, c.ClientKey}} {
			show := k.plain
			if !n.ShowKeys {
				show = ""
			}
			if err := tx.PutKey(k.key, p.hash(k.key.Kind, k.plain.Reveal()), show); err != nil {
				return err
			}
		}
		return tx.Record(core.Event{Name: core.EventPoolCreated, Target: string(n.ID)})
	})
	return c, err
}

// Get returns a pool by its id.
func (p *Pools) Get(ctx context.Context, id core.PoolID) (core.Pool, error) {
	return p.pools.Get(string(id), func() (core.Pool, []store.Change, error) {
		pool, err := p.store.Across().Pool(ctx, id)
		return pool, []store.Change{{Pool: id, Kind: store.ChangePool, Ref: string(id)}}, err
	})
}

// Find returns a pool by its id or its name.
func (p *Pools) Find(ctx context.Context, idOrName string) (core.Pool, error) {
	pool, err := p.store.Across().PoolNamed(ctx, idOrName)
	if core.Is(err, core.CodeNotFound) {
		return p.store.Across().Pool(ctx, core.PoolID(idOrName))
	}
	return pool, err
}

// AtHost returns the pool whose pages a host name serves.
func (p *Pools) AtHost(ctx context.Context, host string) (core.Pool, error) {
	id, err := p.hosts.Get(host, func() (core.PoolID, []store.Change, error) {
		pool, err := p.store.Across().PoolAt(ctx, host)
		return pool.ID, []store.Change{{Pool: pool.ID, Kind: store.ChangePool, Ref: string(pool.ID)}}, err
	})
	if err != nil {
		return core.Pool{}, err
	}
	return p.Get(ctx, id)
}

// AtApplication returns the pool that an application belongs to, or
// [core.CodeNotFound].
func (p *Pools) AtApplication(ctx context.Context, id core.ApplicationID) (core.Pool, error) {
	at, err := p.applications.Get(string(id), func() (core.PoolID, []store.Change, error) {
		at, _, err := p.store.Across().Application(ctx, id)
		return at, []store.Change{{Pool: at, Kind: store.ChangePool, Ref: string(at)}, {Pool: at, Kind: store.ChangeApplication, Ref: string(id)}}, err
	})
	if err != nil {
		return core.Pool{}, err
	}
	return p.Get(ctx, at)
}

// Change lays settings over the caller's pool; see [core.Overrides.With].
func (p *Pools) Change(ctx context.Context, caller core.Caller, changes core.Overrides) (core.Pool, error) {
	var pool core.Pool
	err := p.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		var err error
		if pool, err = tx.Pool(); err != nil {
			return err
		}
		before := pool.Settings.Providers
		if pool.Overrides, pool.Settings, err = pool.Overrides.With(changes); err != nil {
			return err
		}
		if err := forgetSecrets(tx, before, pool.Settings.Providers); err != nil {
			return err
		}
		if err := tx.UpdateSettings(pool.Overrides, pool.Version); err != nil {
			return err
		}
		names := slices.Sorted(maps.Keys(changes))
		return tx.Record(core.Event{Name: core.EventPoolChanged, Target: string(pool.ID), Data: map[string]string{"keys": strings.Join(names, " ")}})
	})
	return pool, err
}

func checkHost(host string) (string, error) {
	if core.IsLoopback(host) {
		return host, nil
	}
	name, ok := core.ParseDomain(host)
	if !ok {
		return "", core.Invalid(core.Problem{Code: core.ProblemFormat, Pointer: "/host", Detail: fmt.Sprintf("%q is not a host name.", host)})
	}
	return name, nil
}
