package storetest_test

import (
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

func TestUserRoundTrip(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		pool := storetest.Pool(t, s, "demo", nil)
		u := storetest.User("ana")
		u.Profile = core.Profile{"first_name": "Ana"}
		b := s.As(storetest.Caller(pool))
		if err := b.Update(t.Context(), func(tx *store.Tx) error { return tx.CreateUser(u) }); err != nil {
			t.Fatal(err)
		}
		err := b.View(t.Context(), func(tx *store.Tx) error {
			got, err := tx.UserByEmail("ana@example.org")
			if err != nil {
				return err
			}
			if got.ID != u.ID || got.Profile["first_name"] != "Ana" {
				t.Errorf("got %+v", got)
			}
			users, n, next, err := tx.Users(core.Query{Size: 10})
			if err != nil || len(users) != 1 || n != 1 || next != "" {
				t.Errorf("list: %v %d %q %v", users, n, next, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
