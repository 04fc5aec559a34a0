package flow

import (
	"context"
	"maps"
	"strconv"

	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// maxTrips is how many answers of one provider a flow takes: each has us ask the
// provider something.
const maxTrips = 10

// trips are the ways of browsers to providers and back. Nothing is stored when
// one is offered: all that belongs to it is computed from the flow, the provider
// and how many answers of that provider the flow has taken.
type trips struct {
	store *store.Store
	keys  *secret.Keys
}

// trip is one of them.
type trip struct {
	State    string // by which the answer is known to be one to this flow
	Nonce    string // what the provider's token has to repeat
	Verifier string // of PKCE (RFC 7636): 64 characters
}

// of is the flow's next trip to the provider, or false if it may make no more.
func (s trips) of(t Turn, provider string) (trip, bool) {
	n := t.Facts.Trips[provider]
	derive := func(purpose string) string {
		return s.keys.Derive("provider "+purpose, string(t.Flow.ID)+" "+provider+" "+strconv.Itoa(n))
	}
	return trip{derive("state"), derive("nonce"), derive("verifier") + derive("verifier too")}, n < maxTrips
}

// spend takes an answer of a provider, before the provider is asked anything
// about it: of any number who bring one at the same time, one goes on, and
// nobody brings it again. What comes of it is to be written by then, which
// knows of this write.
func (s trips) spend(ctx context.Context, t Turn, provider string) (then func(Effect) Effect, err error) {
	taken := map[string]int{}
	maps.Copy(taken, t.Facts.Trips)
	taken[provider]++
	stored := t.Flow
	stored.Facts = t.Facts
	stored.Facts.Trips = taken
	if err := s.store.As(t.Caller).Update(ctx, func(tx *store.Tx) error { return tx.UpdateFlow(stored) }); err != nil {
		return nil, err
	}
	return func(effect Effect) Effect {
		return func(tx *store.Tx, t *Turn) error {
			t.Flow.Version, t.Facts.Trips = stored.Version+1, taken
			return effect(tx, t)
		}
	}, nil
}
