package storetest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestX7ForgedCursor is abuse case X7: a cursor opens for the pool, query and
// kind of caller that it was made for, and for nothing else.
func TestX7ForgedCursor(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b, other := demo(t, s), demo(t, s)
		people := population()
		populate(t, b, people)
		populate(t, other, people)
		filter := []core.Condition{{Field: "email", Op: core.OpContains, Values: []any{"x"}}}
		for what, q := range map[string]core.Query{
			"by age": {Size: 2}, "by e-mail": {Size: 2, OrderBy: "email"}, "by truth": {Size: 2, OrderBy: "verified", Descending: true},
			"by number, filtered": {Size: 2, OrderBy: "login_count", Conditions: filter},
		} {
			_, _, cursor := page(t, b, q)
			q.After = cursor
			if ids, _, _ := page(t, b, q); len(ids) != 2 {
				t.Fatalf("law: a cursor leads to the next page; %s it led to %d people", what, len(ids))
			}
			if len(cursor) > 512 {
				t.Errorf("law: a cursor is at most 512 bytes; %s it has %d", what, len(cursor))
			}
			refuse := func(why string, bound store.Bound, q core.Query) {
				t.Helper()
				err := bound.View(context.Background(), func(tx *store.Tx) error {
					users, n, next, err := tx.Users(q)
					if len(users) > 0 || n != 0 || next != "" {
						t.Errorf("law: %s opens nothing; %s it gave %d people", why, what, len(users))
					}
					return err
				})
				if !core.Is(err, core.CodeInvalid) {
					t.Errorf("law: %s is refused; %s it gave %v", why, what, err)
				}
			}
			with := func(change func(q *core.Query)) core.Query {
				changed := q
				change(&changed)
				return changed
			}
			refuse("a cursor of another pool", other, q)
			refuse("a cursor in the other direction", b, with(func(q *core.Query) { q.Descending = !q.Descending }))
			refuse("a cursor of another order", b, with(func(q *core.Query) { q.OrderBy = "username" }))
			refuse("a cursor of another filter", b, with(func(q *core.Query) {
				q.Conditions = []core.Condition{{Field: "email", Op: core.OpContains, Values: []any{"y"}}}
			}))
			refuse("a cursor of another operator", b, with(func(q *core.Query) {
				q.Conditions = []core.Condition{{Field: "email", Op: core.OpContainsAny, Values: []any{"x"}}}
			}))
			refuse("a cursor of more conditions", b, with(func(q *core.Query) { q.Conditions = append(filter, filter...) }))
			for _, kind := range []core.ActorKind{core.ActorService, core.ActorClient, core.ActorPerson, core.ActorSystem, ""} {
				caller := storetest.Caller(poolOf(t, b))
				caller.Actor.Kind = kind
				refuse("a cursor of another kind of caller", s.As(caller), q)
			}
			// Another page size is the same query.
			if ids, _, _ := page(t, b, with(func(q *core.Query) { q.Size = 3 })); len(ids) != 3 {
				t.Errorf("law: the size of a page may change; %s it gave %d people", what, len(ids))
			}
			const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
			for i := range cursor {
				for _, bit := range []byte{1, 2, 4, 8, 16, 32, 64, 128} {
					changed := []byte(cursor)
					changed[i] ^= bit
					refuse("a cursor with a bit flipped", b, with(func(q *core.Query) { q.After = string(changed) }))
				}
				// Within the alphabet too, where a bit may be one that is not used.
				next := letters[(strings.IndexByte(letters, cursor[i])+1)%len(letters)]
				refuse("a cursor with a letter changed", b, with(func(q *core.Query) { q.After = cursor[:i] + string(next) + cursor[i+1:] }))
				refuse("a cursor cut short", b, with(func(q *core.Query) { q.After = cursor[:max(i, 1)] }))
				refuse("a cursor with a line end in it", b, with(func(q *core.Query) { q.After = cursor[:i] + "\n" + cursor[i:] }))
			}
			for _, forged := range []string{"0", "null", "MQ", "eyJpZCI6MX0", " ", cursor + "A", cursor + "=", cursor + cursor, cursor + "\r\n", "\x00", strings.Repeat("A", 2000), strings.Repeat("A", 1_000_000), "' OR 1=1 --"} {
				refuse("a made-up cursor", b, with(func(q *core.Query) { q.After = forged }))
			}
		}
	})
}
