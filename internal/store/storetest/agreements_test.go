package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// agreementColumns are the fields that agreements can be searched and sorted
// by, said once more in Go.
func agreementColumns() map[string]func(a core.Agreement) any {
	return map[string]func(a core.Agreement) any{
		"id":           func(a core.Agreement) any { return string(a.ID) },
		"kind":         func(a core.Agreement) any { return string(a.Kind) },
		"name":         func(a core.Agreement) any { return core.Fold(a.Name) },
		"text":         func(a core.Agreement) any { return a.Text },
		"text_start":   func(a core.Agreement) any { return a.Text[:min(len(a.Text), 200)] },
		"active":       func(a core.Agreement) any { return a.Active },
		"created_at":   func(a core.Agreement) any { return a.CreatedAt },
		"updated_at":   func(a core.Agreement) any { return a.UpdatedAt },
		"published_at": func(a core.Agreement) any { return a.PublishedAt },
	}
}

// shelf stores agreements with equal values in every column, and returns them
// as they are then.
func shelf(t *testing.T, b store.Bound) []core.Agreement {
	t.Helper()
	begin := soon(-time.Hour)
	var all []core.Agreement
	for i, name := range []string{"EULA", "eula 2", "Ä", "a_b", "a%b", "o'neil", "密"} {
		a := core.Agreement{ID: core.NewAgreementID(), Kind: core.AgreementKinds()[i%2], Name: name, Version: 1, Active: i == 3 || i == 4,
			Text: strings.Repeat("<", 195+i) + strings.Repeat("x", i%3*100), CreatedAt: begin.Add(time.Duration(i%4) * time.Second), UpdatedAt: begin.Add(time.Duration(i) * time.Minute)}
		if i >= 2 {
			a.PublishedAt = begin.Add(time.Duration(i/2) * time.Minute)
		}
		update(t, b, func(tx *store.Tx) error { return tx.PutAgreement(a) })
		all = append(all, a)
	}
	return all
}

func TestAgreementsAreFoundAndPaged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		all := shelf(t, b)
		shelf(t, demo(t, s))
		pages := func(q core.Query) (found []core.Agreement) {
			t.Helper()
			q.Size = 2
			for {
				view(t, b, func(tx *store.Tx) error {
					page, _, next, err := tx.Agreements(q)
					found, q.After = append(found, page...), next
					return err
				})
				if q.After == "" {
					return found
				}
			}
		}
		for name, of := range agreementColumns() {
			for _, descending := range []bool{false, true} {
				if name == "text" {
					continue // too long for a cursor: sorted by its start
				}
				want := slices.SortedFunc(slices.Values(all), func(a, b core.Agreement) int {
					if d := order(of(a), of(b)); d != 0 {
						return d
					}
					return strings.Compare(string(a.ID), string(b.ID))
				})
				if descending {
					slices.Reverse(want)
				}
				same(t, fmt.Sprint("agreements by ", name, " ", descending), pages(core.Query{OrderBy: name, Descending: descending}), want)
			}
		}
		for name, of := range agreementColumns() {
			value := of(all[3])
			holds := map[core.Operator]func(d int) bool{core.OpEquals: func(d int) bool { return d == 0 }}
			if _, instant := value.(time.Time); instant {
				holds[core.OpGreater], holds[core.OpAtLeast] = func(d int) bool { return d > 0 }, func(d int) bool { return d >= 0 }
				holds[core.OpLess], holds[core.OpAtMost] = func(d int) bool { return d < 0 }, func(d int) bool { return d <= 0 }
			}
			for op, holds := range holds {
				want := slices.DeleteFunc(slices.Clone(all), func(a core.Agreement) bool {
					at, instant := of(a).(time.Time)
					never := instant && at.IsZero() && (op == core.OpLess || op == core.OpAtMost)
					return never || !holds(order(of(a), value))
				})
				slices.SortFunc(want, func(a, b core.Agreement) int { return strings.Compare(string(a.ID), string(b.ID)) })
				same(t, fmt.Sprintf("agreements whose %s %s", name, op), pages(core.Query{OrderBy: "id", Conditions: []core.Condition{{Field: name, Op: op, Values: []any{value}}}}), append([]core.Agreement(nil), want...))
			}
		}
	})
}

func TestOneAgreementOfAKindIsActive(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b, other := demo(t, s), demo(t, s)
		theirs := shelf(t, other)
		activate := func(b store.Bound, a core.Agreement) error {
			return b.Update(context.Background(), func(tx *store.Tx) error {
				a, err := tx.HeldAgreement(a.Kind, a.ID)
				if err != nil {
					return err
				}
				a.Active, a.PublishedAt, a.UpdatedAt = true, tx.Now(), tx.Now()
				return tx.UpdateAgreement(a)
			})
		}
		for round := range storetest.Rounds(t) {
			drafts := make([]core.Agreement, crowd)
			for i := range drafts {
				drafts[i] = core.Agreement{ID: core.NewAgreementID(), Kind: core.AgreementTerms, Name: fmt.Sprint(round, i), Text: "x", CreatedAt: soon(0), UpdatedAt: soon(0)}
				update(t, b, func(tx *store.Tx) error { return tx.PutAgreement(drafts[i]) })
			}
			// All of them are published, and as many again by half come to be published.
			storetest.Together(crowd, func(i int) {
				err := activate(b, drafts[i])
				if i%2 == 0 {
					a := drafts[i]
					a.ID, a.Active = core.NewAgreementID(), true
					err = errors.Join(err, b.Update(context.Background(), func(tx *store.Tx) error { return tx.PutAgreement(a) }))
				}
				if err != nil {
					t.Errorf("law: who publishes at the same time as others succeeds too; got %v", err)
				}
			})
			view(t, b, func(tx *store.Tx) error {
				active, err := tx.ActiveAgreements()
				if len(active) != 1 {
					t.Errorf("law: one agreement of a kind is active; %d are", len(active))
				}
				return err
			})
		}
		var versions int64
		err := db.QueryRowContext(t.Context(), `SELECT version FROM agreement_kinds WHERE pool = $1`, string(poolOf(t, b))).Scan(&versions)
		if want := int64(storetest.Rounds(t) * crowd * 5 / 2); err != nil || versions != want {
			t.Errorf("law: every change raises the version of its kind; it is %d in place of %d (%v)", versions, want, err)
		}
		// Another kind, and another pool, were not touched.
		view(t, other, func(tx *store.Tx) error {
			active, err := tx.ActiveAgreements()
			slices.SortFunc(active, func(a, b core.Agreement) int { return strings.Compare(a.Name, b.Name) })
			same(t, "the other pool's", active, []core.Agreement{theirs[4], theirs[3]})
			return err
		})
		// What was read before another change is not written over it.
		stale := theirs[3]
		if err := other.Update(context.Background(), func(tx *store.Tx) error {
			a, err := tx.HeldAgreement(stale.Kind, stale.ID)
			if err != nil {
				return err
			}
			return tx.UpdateAgreement(a)
		}); err != nil {
			t.Fatal(err)
		}
		if err := other.Update(context.Background(), func(tx *store.Tx) error { return tx.UpdateAgreement(stale) }); !core.Is(err, core.CodeConflict) {
			t.Errorf("law: a change from an older version is refused; got %v", err)
		}
		for what, err := range map[string]error{
			"of another kind": other.Update(context.Background(), func(tx *store.Tx) error { return tx.DeleteAgreement(core.AgreementTerms, stale.ID) }),
			"that is unknown": other.Update(context.Background(), func(tx *store.Tx) error { return tx.DeleteAgreement(stale.Kind, "agr_x") }),
			"held of another": other.Update(context.Background(), func(tx *store.Tx) error {
				_, err := tx.HeldAgreement(core.AgreementTerms, stale.ID)
				return err
			}),
		} {
			if !core.Is(err, core.CodeNotFound) {
				t.Errorf("law: there is no agreement %s; got %v", what, err)
			}
		}
	})
}
