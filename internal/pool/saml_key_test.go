package pool_test

import (
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// However many ask for a pool's key at once, on two nodes, the pool has one:
// providers are given its certificate. Another pool has another.
func TestParallelSAMLKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		nodes := []*pool.Pools{pool.New(s), pool.New(s)}
		shop := storetest.Caller(storetest.Pool(t, s, "shop", nil))
		certificates := make([]string, 16)
		storetest.Together(len(certificates), func(i int) {
			key, err := nodes[i%2].SAMLKey(t.Context(), shop)
			if err != nil {
				t.Error(err)
				return
			}
			certificates[i] = key.Certificate()
		})
		for _, certificate := range certificates {
			if certificate == "" || certificate != certificates[0] {
				t.Fatalf("law: a pool has one SAML key; got %q and %q", certificates[0], certificate)
			}
		}
		other, err := nodes[0].SAMLKey(t.Context(), storetest.Caller(storetest.Pool(t, s, "other", nil)))
		must(t, err)
		if other.Certificate() == certificates[0] {
			t.Error("law: no two pools share a SAML key")
		}
		again, err := pool.New(s).SAMLKey(t.Context(), shop)
		must(t, err)
		if again.Certificate() != certificates[0] {
			t.Error("law: a pool keeps its SAML key")
		}
	})
}
