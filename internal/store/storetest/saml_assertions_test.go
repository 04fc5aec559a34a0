package storetest_test

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// Of any number of nodes to which the same answer is brought, one takes it.
func TestX11AssertionsAreTakenOnce(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s := storetest.Open(t, database)
		f := fill(t, s)
		nodes := []*store.Store{s, s}
		if !strings.HasPrefix(database, "sqlite:") {
			nodes[1] = storetest.Open(t, database)
		}
		for _, name := range []string{"an assertion", "another"} {
			var taken atomic.Int64
			storetest.Together(32, func(i int) {
				err := nodes[i%2].As(storetest.Caller(f.pool.ID)).Update(t.Context(), func(tx *store.Tx) error {
					first, err := tx.SpendAssertion("acme", []byte(name), time.Now().Add(time.Minute))
					if first && err == nil {
						taken.Add(1)
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			})
			if n := taken.Load(); n != 1 {
				t.Errorf("law: an assertion is taken once; %d took it", n)
			}
		}
		// Another provider may call its own the same.
		update(t, f.bound, func(tx *store.Tx) error {
			first, err := tx.SpendAssertion("other", []byte("an assertion"), time.Now().Add(time.Minute))
			if !first {
				t.Error("law: each provider has names of its own")
			}
			return err
		})
	})
}
