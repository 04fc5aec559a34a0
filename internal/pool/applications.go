package pool

import (
	"context"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// AddApplication adds an application to the caller's pool. One that is no
// client of OAuth 2.0 may be made one later.
func (p *Pools) AddApplication(ctx context.Context, caller core.Caller, a core.Application) (core.Application, error) {
	pool, err := p.Get(ctx, caller.Pool)
	if err != nil {
		return core.Application{}, err
	}
	if err := a.Check(pool.Settings); err != nil {
		return core.Application{}, err
	}
	a.ID, a.Version, a.UpdatedAt = core.NewApplicationID(), 1, time.Time{}
	err = p.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		a.CreatedAt = tx.Now()
		if err := tx.PutApplication(a, nil); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventApplicationCreated, Target: string(a.ID)})
	})
	return a, err
}

// ChangeApplication changes an application of the caller's pool by a function
// that names what it changed. It returns [core.CodeNotFound] for none, and
// what is wrong with the outcome. What the application may no longer ask for,
// it does not get any more; sessions go on.
func (p *Pools) ChangeApplication(ctx context.Context, caller core.Caller, id core.ApplicationID, change func(*core.Application) (names []string)) (core.Application, error) {
	pool, err := p.Get(ctx, caller.Pool)
	if err != nil {
		return core.Application{}, err
	}
	var a core.Application
	err = p.store.As(caller).Update(ctx, func(tx *store.Tx) (err error) {
		if a, err = tx.Application(id); err != nil {
			return err
		}
		names := change(&a)
		if err := a.Check(pool.Settings); err != nil {
			return err
		}
		if err := tx.UpdateApplication(a); err != nil {
			return err
		}
		a.Version, a.UpdatedAt = a.Version+1, tx.Now()
		return tx.Record(core.Event{Name: core.EventApplicationChanged, Target: string(id), Data: map[string]string{"keys": strings.Join(names, " ")}})
	})
	return a, err
}

// RemoveApplication forgets an application of the caller's pool and all that
// belongs to it; people's sessions with it end on every node.
func (p *Pools) RemoveApplication(ctx context.Context, caller core.Caller, id core.ApplicationID) error {
	return p.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteApplication(id); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventApplicationRemoved, Target: string(id)})
	})
}

// Applications lists the applications of the caller's pool, oldest first.
func (p *Pools) Applications(ctx context.Context, caller core.Caller) (all []core.Application, err error) {
	err = p.store.As(caller).View(ctx, func(tx *store.Tx) error {
		all, err = tx.Applications()
		return err
	})
	return all, err
}

// Application returns an application of the caller's pool, as it is
// remembered, or [core.CodeNotFound].
func (p *Pools) Application(ctx context.Context, caller core.Caller, id core.ApplicationID) (core.Application, error) {
	return p.clients.Get(string(caller.Pool)+" "+string(id), func() (a core.Application, needs []store.Change, err error) {
		err = p.store.As(caller).View(ctx, func(tx *store.Tx) error {
			a, err = tx.Application(id)
			return err
		})
		return a, []store.Change{{Pool: caller.Pool, Kind: store.ChangeApplication, Ref: string(id)}}, err
	})
}

// NewSecret is what a secret of an application is created from.
type NewSecret struct {
	Name        string
	Description string
	Metadata    map[string]string
	Life        time.Duration // 0: as the pool says
}

// AddSecret makes a secret of an application of the caller's pool and returns
// its text, which is not shown again. Those before go on working.
func (p *Pools) AddSecret(ctx context.Context, caller core.Caller, application core.ApplicationID, n NewSecret) (core.ApplicationSecret, secret.Text, error) {
	pool, err := p.Get(ctx, caller.Pool)
	if err != nil {
		return core.ApplicationSecret{}, "", err
	}
	s := core.ApplicationSecret{ID: core.NewApplicationSecretID(), Application: application, Name: n.Name, Description: n.Description, Metadata: n.Metadata}
	if err := s.Check(); err != nil {
		return core.ApplicationSecret{}, "", err
	}
	if n.Life == 0 {
		n.Life = time.Duration(pool.Settings.OAuthSecretLife)
	}
	text := secret.Text(secret.Random())
	err = p.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		a, err := tx.Application(application)
		if err != nil {
			return err
		}
		if a.Client.Public() {
			return core.Fail(core.CodeConflict, "This application runs in people's hands and keeps no secret.")
		}
		s.CreatedAt, s.ExpiresAt = tx.Now(), time.Time{}
		if n.Life > 0 {
			s.ExpiresAt = tx.Now().Add(n.Life)
		}
		if err := tx.PutApplicationSecret(s, p.applicationHash(text)); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventAppSecretCreated, Target: string(application), Data: map[string]string{"secret": string(s.ID)}})
	})
	return s, text, err
}

// ApplicationSecrets lists the secrets of an application, oldest first and
// without their texts.
func (p *Pools) ApplicationSecrets(ctx context.Context, caller core.Caller, application core.ApplicationID) (all []core.ApplicationSecret, err error) {
	err = p.store.As(caller).View(ctx, func(tx *store.Tx) error {
		if _, err := tx.Application(application); err != nil {
			return err
		}
		all, err = tx.ApplicationSecrets(application)
		return err
	})
	return all, err
}

// RevokeSecret ends a secret of an application at once. It returns
// [core.CodeNotFound] for one that the application does not have.
func (p *Pools) RevokeSecret(ctx context.Context, caller core.Caller, application core.ApplicationID, id core.ApplicationSecretID) error {
	return p.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		if err := tx.RevokeApplicationSecret(application, id); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventAppSecretRevoked, Target: string(application), Data: map[string]string{"secret": string(id)}})
	})
}

// AuthenticateApplication returns the client that a secret is one of, or
// [core.CodeUnauthenticated], whatever is wrong: the client, the secret, or that
// it has none. What is wrong counts as a wrong try of the caller's network, and
// is [core.CodeTooMany] once there were too many.
func (p *Pools) AuthenticateApplication(ctx context.Context, caller core.Caller, id core.ApplicationID, text secret.Text) (core.Application, error) {
	pool, err := p.Get(ctx, caller.Pool)
	if err != nil {
		return core.Application{}, err
	}
	app, err := p.Application(ctx, caller, id)
	if err != nil && !core.Is(err, core.CodeNotFound) {
		return core.Application{}, err
	}
	known := err == nil && len(app.Client.Grants) > 0 && !app.Client.Public()
	var given core.ApplicationSecret
	if secret.IsText(text.Reveal()) {
		err = p.store.As(caller).View(ctx, func(tx *store.Tx) (err error) {
			given, err = tx.ApplicationSecret(p.applicationHash(text))
			return err
		})
		if err != nil && !core.Is(err, core.CodeNotFound) {
			return core.Application{}, err
		}
	}
	if known && given.ID != "" && given.Application == id && given.Alive(p.store.Clock()) {
		return app, nil
	}
	return core.Application{}, p.refuseClient(ctx, caller, pool.Settings, app.ID)
}

// refuseClient counts a wrong try of a client.
func (p *Pools) refuseClient(ctx context.Context, caller core.Caller, settings core.Settings, id core.ApplicationID) error {
	err := p.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		if caller.Network != "" {
			if err := tx.Spend(core.BudgetTries, caller.Network, settings); err != nil {
				return err
			}
		}
		return tx.Record(core.Event{Name: core.EventClientRefused, Target: string(id), Reason: string(core.CodeUnauthenticated)})
	})
	if err != nil {
		return err
	}
	return core.Fail(core.CodeUnauthenticated, "The client is unknown, or has not proved who it is.")
}

// applicationHash is under which a secret of an application is stored.
func (p *Pools) applicationHash(text secret.Text) []byte {
	return p.store.Keys().Lookup("application", text.Reveal())
}
