package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// guests makes invitations, the oldest first.
func guests(t *testing.T, b store.Bound, n int) []core.Invitation {
	t.Helper()
	var all []core.Invitation
	for i := range n {
		one := core.Invitation{
			ID: core.NewInvitationID(), Email: fmt.Sprintf("Guest.%d@Example.org", i), Inviter: fmt.Sprintf("host%d@example.org", i%2),
			Callback: fmt.Sprintf("https://a.example/%d", i%3), State: fmt.Sprintf("state-%d%%_", n-i), ExpiresAt: soon(time.Hour + time.Duration(i%4)*time.Minute),
		}
		update(t, b, func(tx *store.Tx) error {
			one.CreatedAt = tx.Now()
			return tx.PutInvitation([]byte(one.ID), one)
		})
		one.Email = fmt.Sprintf("Guest.%d@example.org", i)
		all = append(all, one)
	}
	return all
}

func TestInvitationsAreFoundAndPaged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		all := guests(t, b, 9)
		columns := map[string]func(core.Invitation) string{
			"id": func(i core.Invitation) string { return string(i.ID) }, "email": func(i core.Invitation) string { return core.Fold(i.Email) },
			"inviter": func(i core.Invitation) string { return i.Inviter }, "callback": func(i core.Invitation) string { return i.Callback },
			"state":      func(i core.Invitation) string { return i.State },
			"created_at": func(i core.Invitation) string { return fmt.Sprint(i.CreatedAt.UnixMicro()) },
			"expires_at": func(i core.Invitation) string { return fmt.Sprint(i.ExpiresAt.UnixMicro()) },
		}
		for order, of := range columns {
			for _, descending := range []bool{false, true} {
				want := slices.Clone(all)
				slices.SortFunc(want, func(a, b core.Invitation) int {
					sign := 1
					if descending {
						sign = -1
					}
					for _, key := range []func(core.Invitation) string{of, columns["id"]} {
						if x, y := key(a), key(b); x != y && x < y {
							return -sign
						} else if x != y {
							return sign
						}
					}
					return 0
				})
				var got []core.Invitation
				for after := ""; ; {
					view(t, b, func(tx *store.Tx) error {
						page, total, next, err := tx.Invitations(core.Query{OrderBy: order, Descending: descending, Size: 2, After: after})
						if total != 9 {
							t.Errorf("law: all that match are counted; %d were", total)
						}
						got, after = append(got, page...), next
						return err
					})
					if after == "" {
						break
					}
				}
				same(t, "the pages by "+order, got, want)
			}
		}
		for law, c := range map[string]struct {
			condition core.Condition
			want      int64
		}{
			"an address is found in any case": {core.Condition{Field: "email", Op: core.OpEquals, Values: []any{"GUEST.3@example.ORG"}}, 1},
			"each part counts":                {core.Condition{Field: "email", Op: core.OpContains, Values: []any{"guest", ".4@"}}, 1},
			"one value is enough":             {core.Condition{Field: "inviter", Op: core.OpIn, Values: []any{"host1@example.org", "x"}}, 4},
			"a percent sign is itself":        {core.Condition{Field: "state", Op: core.OpContains, Values: []any{"7%"}}, 1},
			"a callback compares by letters":  {core.Condition{Field: "callback", Op: core.OpEquals, Values: []any{"https://A.example/1"}}, 0},
			"times compare":                   {core.Condition{Field: "expires_at", Op: core.OpAtLeast, Values: []any{all[3].ExpiresAt}}, 2},
			"and strictly":                    {core.Condition{Field: "created_at", Op: core.OpLess, Values: []any{all[4].CreatedAt}}, 4},
			"never is never":                  {core.Condition{Op: core.OpNever}, 0},
		} {
			view(t, b, func(tx *store.Tx) error {
				page, total, _, err := tx.Invitations(core.Query{Conditions: []core.Condition{c.condition}, Size: 100})
				if total != c.want || int64(len(page)) != c.want {
					t.Errorf("law: %s; found %d and counted %d in place of %d", law, len(page), total, c.want)
				}
				return err
			})
		}
	})
}

// TestInvitationsPass ages one invitation of three: nothing finds it any more,
// whether it was swept or not, and the count knows.
func TestInvitationsPass(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b, other := demo(t, s), demo(t, s)
		all, theirs := guests(t, b, 3), guests(t, other, 2)
		old := all[1]
		count := func(bound store.Bound, conditions ...core.Condition) (total int64) {
			t.Helper()
			view(t, bound, func(tx *store.Tx) error {
				page, n, _, err := tx.Invitations(core.Query{Conditions: conditions, Size: 10})
				if int64(len(page)) != n {
					t.Errorf("law: what is listed is counted; %d and %d", len(page), n)
				}
				total = n
				return err
			})
			return total
		}
		for _, age := range []time.Duration{time.Second, 59 * time.Minute, 61 * time.Minute} {
			move(t, db, `UPDATE invitations SET expires_at = $1 WHERE id = $2`, time.Now().Add(-age).UnixMicro(), string(old.ID))
			if _, err := s.Across().Sweep(context.Background(), 10); err != nil {
				t.Fatal(err)
			}
			if n, some := count(b), count(b, core.Condition{Field: "email", Op: core.OpContains, Values: []any{"guest"}}); n != 2 || some != 2 {
				t.Errorf("law: what has passed is not listed; %s after there are %d and %d", age, n, some)
			}
			for what, err := range map[string]error{
				"use":    b.Update(context.Background(), func(tx *store.Tx) error { return tx.UseInvitation(old.ID, core.Fold(old.Email)) }),
				"find":   b.View(context.Background(), func(tx *store.Tx) error { _, err := tx.InvitationByHash([]byte(old.ID)); return err }),
				"get":    b.View(context.Background(), func(tx *store.Tx) error { _, err := tx.Invitation(old.ID); return err }),
				"delete": b.Update(context.Background(), func(tx *store.Tx) error { return tx.DeleteInvitation(old.ID) }),
			} {
				if !core.Is(err, core.CodeTicketInvalid) && (what != "delete" || !core.Is(err, core.CodeNotFound)) {
					t.Errorf("law: nobody can %s what has passed; got %v", what, err)
				}
			}
		}
		update(t, b, func(tx *store.Tx) error {
			if err := tx.UseInvitation(all[0].ID, core.Fold(all[2].Email)); !core.Is(err, core.CodeTicketInvalid) {
				t.Errorf("law: an invitation is for its address; got %v", err)
			}
			return tx.UseInvitation(all[0].ID, core.Fold(all[0].Email))
		})
		err := b.Update(context.Background(), func(tx *store.Tx) error { return errors.Join(tx.DeleteInvitation(all[2].ID), errWanted) })
		if !errors.Is(err, errWanted) {
			t.Fatal(err)
		}
		if n, others := count(b), count(other); n != 1 || others != int64(len(theirs)) {
			t.Errorf("law: the kept count is what counting gives; %d and %d", n, others)
		}
	})
}
