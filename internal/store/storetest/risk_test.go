package storetest_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

func TestRiskDecisionsAndSightings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := fill(t, s)
		again := f.sighting
		again.Address, again.Place.City = "192.0.2.9", "Bonn"
		elsewhere := core.Sighting{User: f.user.ID, Address: "2001:db8::1", Place: core.Place{Country: "FR"}}
		past, forever := f.decision, f.decision
		past.ID, past.ExpiresAt = core.NewRiskDecisionID(), soon(-time.Minute)
		forever.ID, forever.ExpiresAt, forever.User = core.NewRiskDecisionID(), time.Time{}, ""
		update(t, f.bound, func(tx *store.Tx) error { return tx.PutSighting(elsewhere) })
		update(t, f.bound, func(tx *store.Tx) error { return tx.PutSighting(again) })
		update(t, f.bound, func(tx *store.Tx) error { return tx.PutRiskDecision(past) })
		update(t, f.bound, func(tx *store.Tx) error { return tx.PutRiskDecision(forever) })
		look := func(law string) {
			t.Helper()
			view(t, f.bound, func(tx *store.Tx) error {
				decisions, err := tx.RiskDecisions(f.decision.Request)
				if err != nil || len(decisions) != 2 || decisions[0].CreatedAt.IsZero() {
					t.Fatalf("law: %s; got %+v, %v", law, decisions, err)
				}
				for i, want := range []core.RiskDecision{f.decision, forever} {
					decisions[i].CreatedAt = time.Time{}
					if !reflect.DeepEqual(decisions[i], want) {
						t.Errorf("law: a decision comes back as it was stored; got %+v", decisions[i])
					}
				}
				none, err := tx.RiskDecisions(core.NewRequestID())
				if err != nil || len(none) > 0 {
					t.Errorf("law: a request has its own decisions; another has %v, %v", none, err)
				}
				return nil
			})
		}
		look("a decision is found by its request until its time is over")
		view(t, f.bound, func(tx *store.Tx) error {
			all, err := tx.Sightings(f.user.ID)
			if err != nil || len(all) != 2 || all[0].At.IsZero() {
				t.Fatalf("law: each country is there once; got %+v, %v", all, err)
			}
			for i, want := range []core.Sighting{again, elsewhere} {
				all[i].At = time.Time{}
				if all[i] != want {
					t.Errorf("law: the last place is the first one, and the newest of its country; got %+v", all[i])
				}
			}
			return nil
		})
		if _, err := s.Across().Sweep(context.Background(), 100); err != nil {
			t.Fatal(err)
		}
		look("what is past its time is swept away, and nothing else is")
	})
}
