package pool_test

import (
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// However many ask for a pool's key at once, on two nodes, the pool has one, and
// another pool has another.
func TestParallelPasswordKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		nodes := []*pool.Pools{pool.New(s), pool.New(s)}
		shop := storetest.Caller(storetest.Pool(t, s, "shop", nil))
		keys := make([]string, 64)
		storetest.Together(len(keys), func(i int) {
			key, err := nodes[i%2].PasswordKey(t.Context(), shop)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = key.Public()
		})
		for _, key := range keys {
			if key == "" || key != keys[0] {
				t.Fatalf("law: a pool has one password key; got %q and %q", keys[0], key)
			}
		}
		other, err := nodes[0].PasswordKey(t.Context(), storetest.Caller(storetest.Pool(t, s, "other", nil)))
		must(t, err)
		if other.Public() == keys[0] {
			t.Error("law: no two pools share a password key")
		}
		again, err := pool.New(s).PasswordKey(t.Context(), shop)
		must(t, err)
		if again.Public() != keys[0] {
			t.Error("law: a pool keeps its password key")
		}
	})
}
