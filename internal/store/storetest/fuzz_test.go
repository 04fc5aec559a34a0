package storetest_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// alterations are what everybody would try with a text that is not theirs to
// write.
func alterations(f *testing.F, more ...string) {
	f.Helper()
	for _, with := range append(more, "", "A", "=", "\n", "\x00", "é", "0", "null", "....", "%00", " ") {
		for how := range byte(3) {
			for _, at := range []uint16{0, 1, 20, 200, 65535} {
				f.Add(how, at, with)
			}
		}
	}
}

// FuzzCursors alters the cursors of two pools' lists (X7): a list opens those
// that it gave out itself, letter by letter, and by each it shows who comes next
// and is of its own pool.
func FuzzCursors(f *testing.F) {
	alterations(f)
	s := storetest.New(f)
	people := population()[:12]
	type list struct {
		bound store.Bound
		query core.Query
	}
	var lists []list
	opens := make(map[string]int) // each cursor, and the list that gave it out
	next := make(map[string][]core.UserID)
	for range 2 {
		b := demo(f, s)
		mine := slices.Clone(people)
		for i := range mine {
			mine[i].ID = core.NewUserID()
		}
		populate(f, b, mine)
		for _, q := range []core.Query{{Size: 4}, {Size: 4, OrderBy: "email"}, {Size: 4, OrderBy: "verified", Descending: true}, {
			Size: 4, OrderBy: "login_count", Conditions: []core.Condition{{Field: "email", Op: core.OpContains, Values: []any{"example"}}},
		}} {
			lists = append(lists, list{b, q})
			for {
				ids, _, cursor := page(f, b, q)
				if q.After != "" {
					next[q.After] = ids
				}
				if cursor == "" {
					break
				}
				opens[cursor], q.After = len(lists)-1, cursor
			}
		}
	}
	cursors := slices.Sorted(maps.Keys(opens))
	f.Fuzz(func(t *testing.T, how byte, at uint16, with string) {
		for i, l := range lists {
			real := cursors[(int(at)+i)%len(cursors)]
			l.query.After = storetest.Alter(real, how, at, with)
			if l.query.After == "" {
				continue // that is the first page
			}
			var ids []core.UserID
			err := l.bound.View(t.Context(), func(tx *store.Tx) error {
				users, _, _, err := tx.Users(l.query)
				for _, u := range users {
					ids = append(ids, u.ID)
				}
				return err
			})
			if by, made := opens[l.query.After]; made && by == i {
				if err != nil || !slices.Equal(ids, next[l.query.After]) {
					t.Errorf("law: a cursor shows who comes next; it showed %v (%v)", ids, err)
				}
				continue
			}
			if !core.Is(err, core.CodeInvalid) || len(ids) > 0 {
				t.Errorf("law: a list opens no cursor but its own; %q in place of %q showed %d people (%v)", l.query.After, real, len(ids), err)
			}
		}
	})
}
