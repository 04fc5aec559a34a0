package storetest_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// column is what a list compares for one field, said once more in Go. Text is
// compared by its bytes, after folding where the field folds.
type column struct {
	of    func(u core.User) any
	folds bool
}

// columns are the fields that people can be searched and sorted by.
func columns() map[string]column {
	return map[string]column{
		"id":                 {of: func(u core.User) any { return string(u.ID) }},
		"email":              {of: func(u core.User) any { return u.Email }, folds: true},
		"username":           {of: func(u core.User) any { return u.Username }, folds: true},
		"phone":              {of: func(u core.User) any { return u.Phone }},
		"verified":           {of: func(u core.User) any { return u.EmailVerified }},
		"disabled":           {of: func(u core.User) any { return u.Disabled }},
		"login_count":        {of: func(u core.User) any { return u.LoginCount }},
		"last_login_at":      {of: func(u core.User) any { return u.LastLoginAt }},
		"last_login_address": {of: func(u core.User) any { return u.LastLoginAddress }},
		"accepted_terms":     {of: func(u core.User) any { return u.AcceptedTerms }},
		"accepted_privacy":   {of: func(u core.User) any { return u.AcceptedPrivacy }},
		"created_at":         {of: func(u core.User) any { return u.CreatedAt }},
	}
}

func (c column) value(u core.User) any { return c.folded(c.of(u)) }

func (c column) folded(v any) any {
	if text, ok := v.(string); ok && c.folds {
		return core.Fold(text)
	}
	return v
}

// order compares two values of one column.
func order(a, b any) int {
	switch a := a.(type) {
	case string:
		return cmp.Compare(a, b.(string))
	case int64:
		return cmp.Compare(a, b.(int64))
	case time.Time:
		return a.Compare(b.(time.Time))
	case bool:
		return cmp.Compare(map[bool]int{true: 1}[a], map[bool]int{true: 1}[b.(bool)])
	}
	panic(fmt.Sprintf("no order for %T", a))
}

// population makes people with equal values in every column, and with text
// that sorts differently by bytes than by any language.
func population() []core.User {
	begin := soon(-time.Hour)
	locals := []string{"a", "B", "z", "Z9", "ä", "Ä1", "é", "ñ", "ß", "zz", "Ω", "ж", "Ж1", "密", "한", "𐐨", "a_b", "a%b", "axb", "a-b", "a.b", "0", "9", "o'neil", "a{b", "a~b", "a|b", "a`b", "a^b"}
	phones := []string{"", "+1", "+49", "+49%", `+4\9`, "ABC", "abc"}
	var all []core.User
	for i, local := range locals {
		for n := range 2 {
			u := person("x")
			u.Email = fmt.Sprintf("%s%s@example.org", local, strings.Repeat("x", n))
			u.Username = u.Email
			if i%3 == 0 {
				u.Username = fmt.Sprintf("Name.%d-%d", i%5, i*2+n)
			}
			u.Phone = phones[(i+n)%len(phones)]
			u.EmailVerified, u.Disabled = i%2 == 0, i%7 == 0
			u.LoginCount = int64(i % 4)
			u.LastLoginAt = begin.Add(time.Duration(i%3) * time.Second)
			u.LastLoginAddress = fmt.Sprint("192.0.2.", i%3)
			u.AcceptedTerms, u.AcceptedPrivacy = strings.Repeat("T", i%3), strings.Repeat("é", i%2)
			u.CreatedAt = begin.Add(time.Duration(i%5) * time.Microsecond)
			u.UpdatedAt = u.CreatedAt
			u.Profile = core.Profile{"colour": []string{"Red", "GREEN", "grün", "100%", "under_score", `back\slash`}[i%6]}
			if i%4 == 0 {
				u.Profile["size"] = fmt.Sprint(i)
			}
			all = append(all, u)
		}
	}
	return all
}

func populate(t testing.TB, b store.Bound, people []core.User) {
	t.Helper()
	update(t, b, func(tx *store.Tx) error {
		for _, u := range people {
			if err := tx.CreateUser(u); err != nil {
				return fmt.Errorf("%s: %w", u.Email, err)
			}
		}
		return nil
	})
}

// page asks for one page.
func page(t testing.TB, b store.Bound, q core.Query) (ids []core.UserID, total int64, next string) {
	t.Helper()
	view(t, b, func(tx *store.Tx) error {
		users, n, after, err := tx.Users(q)
		for _, u := range users {
			ids = append(ids, u.ID)
		}
		total, next = n, after
		return err
	})
	return ids, total, next
}

// TestPagingVisitsEverybodyOnce pages by every field in both directions and
// compares with sorting in Go, so that both engines order alike.
func TestPagingVisitsEverybodyOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		people := population()
		populate(t, b, people)
		populate(t, demo(t, s), people)
		for name, c := range columns() {
			for _, descending := range []bool{false, true} {
				want := slices.Clone(people)
				slices.SortFunc(want, func(x, y core.User) int {
					by := cmp.Or(order(c.value(x), c.value(y)), cmp.Compare(x.ID, y.ID))
					if descending {
						return -by
					}
					return by
				})
				for _, size := range []int{1, 7, len(people), core.MaxPage, core.MaxPage + 1000} {
					var got []core.UserID
					for q := (core.Query{OrderBy: name, Descending: descending, Size: size}); ; {
						ids, total, next := page(t, b, q)
						if total != int64(len(people)) {
							t.Errorf("law: every page says how many there are; one by %s says %d in place of %d", name, total, len(people))
						}
						if len(ids) != size && next != "" {
							t.Errorf("law: a page before the last one is full; one by %s has %d in place of %d", name, len(ids), size)
						}
						got = append(got, ids...)
						if q.After = next; next == "" {
							break
						}
						if len(got) > 2*len(people) {
							t.Fatalf("law: paging by %s comes to an end", name)
						}
					}
					if !slices.EqualFunc(got, want, func(id core.UserID, u core.User) bool { return id == u.ID }) {
						t.Errorf("law: paging visits everybody once, in the order of bytes; by %s (descending: %t) in pages of %d it does not", name, descending, size)
					}
				}
			}
		}
		// The default order is by age; a page has at least one row.
		ids, _, _ := page(t, b, core.Query{Size: 0})
		oldest, _, _ := page(t, b, core.Query{OrderBy: "created_at", Size: 1})
		if !slices.Equal(ids, oldest) {
			t.Errorf("law: without an order the oldest come first, one at least; got %v in place of %v", ids, oldest)
		}
	})
}

// TestPagingAmidChanges adds and removes people between pages: whoever stays
// is visited once.
func TestPagingAmidChanges(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		people := population()
		populate(t, b, people)
		seen := make(map[core.UserID]int)
		gone := make(map[core.UserID]bool)
		for q, n := (core.Query{OrderBy: "email", Size: 5}), 0; ; n++ {
			ids, _, next := page(t, b, q)
			for _, id := range ids {
				seen[id]++
			}
			if q.After = next; next == "" {
				break
			}
			last := ids[len(ids)-1]
			gone[last] = true
			update(t, b, func(tx *store.Tx) error {
				if err := tx.DeleteUser(last); err != nil {
					return err
				}
				return tx.CreateUser(person(fmt.Sprint("0new", n)))
			})
		}
		for _, u := range people {
			if seen[u.ID] != 1 {
				t.Errorf("law: whoever is there all the time is visited once; %s was %d times (deleted: %t)", u.Email, seen[u.ID], gone[u.ID])
			}
		}
	})
}

// holds says in Go whether a condition holds for a person.
func holds(u core.User, c core.Condition) bool {
	var got any
	var col column
	if c.Field == "profile" {
		value, there := u.Profile[c.Name]
		if c.Op == core.OpExists {
			return there == c.Values[0].(bool)
		}
		if !there {
			return false
		}
		col = column{folds: true}
		got = core.Fold(value)
	} else if c.Op != core.OpNever {
		col = columns()[c.Field]
		got = col.value(u)
	}
	one := func(test func(v any) bool) bool {
		return slices.ContainsFunc(c.Values, func(v any) bool { return test(col.folded(v)) })
	}
	switch c.Op {
	case core.OpNever:
		return false
	case core.OpEquals, core.OpIn:
		return one(func(v any) bool { return order(got, v) == 0 })
	case core.OpGreater:
		return one(func(v any) bool { return order(got, v) > 0 })
	case core.OpAtLeast:
		return one(func(v any) bool { return order(got, v) >= 0 })
	case core.OpLess:
		return one(func(v any) bool { return order(got, v) < 0 })
	case core.OpAtMost:
		return one(func(v any) bool { return order(got, v) <= 0 })
	case core.OpContains:
		return !one(func(v any) bool { return !strings.Contains(got.(string), v.(string)) })
	case core.OpContainsAny:
		return one(func(v any) bool { return strings.Contains(got.(string), v.(string)) })
	}
	panic("no such operator: " + string(c.Op))
}

// TestEveryOperator compares each filter with its meaning said in Go.
func TestEveryOperator(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		people := population()
		populate(t, b, people)
		var conditions []core.Condition
		for name, c := range columns() {
			values := []any{c.of(people[0]), c.of(people[9]), c.of(people[20])}
			for _, op := range []core.Operator{core.OpEquals, core.OpGreater, core.OpAtLeast, core.OpLess, core.OpAtMost} {
				for _, v := range values {
					conditions = append(conditions, core.Condition{Field: name, Op: op, Values: []any{v}})
				}
			}
			conditions = append(conditions, core.Condition{Field: name, Op: core.OpIn, Values: values}, core.Condition{Field: name, Op: core.OpIn})
			if !slices.Contains([]string{"id", "email", "phone", "accepted_privacy"}, name) {
				continue // these show what parts do, with folding and without
			}
			for _, part := range []string{"", "a", "A", "Ä", "ae\u0308", "%", "_", `\`, "%%", "a_b", "a%b", `\%`, "é", "E\u0301", "+49", "abc", "ABC", "T", "t", "@EXAMPLE", "usr_", "USR_", "nothing has this", "'", "*", "?", "[a-z]"} {
				conditions = append(conditions,
					core.Condition{Field: name, Op: core.OpEquals, Values: []any{part}},
					core.Condition{Field: name, Op: core.OpContains, Values: []any{part}},
					core.Condition{Field: name, Op: core.OpContains, Values: []any{part, "x"}},
					core.Condition{Field: name, Op: core.OpContainsAny, Values: []any{part, "z"}})
			}
		}
		for _, name := range []string{"colour", "size", "none", "COLOUR", ""} {
			for _, value := range []string{"red", "RED", "green", "GRÜN", "gru\u0308n", "100%", "under_score", "underXscore", `back\slash`, "0", ""} {
				for _, op := range []core.Operator{core.OpEquals, core.OpIn, core.OpContains, core.OpContainsAny, core.OpGreater, core.OpAtLeast, core.OpLess, core.OpAtMost} {
					conditions = append(conditions, core.Condition{Field: "profile", Name: name, Op: op, Values: []any{value}})
				}
			}
			conditions = append(conditions, core.Condition{Field: "profile", Name: name, Op: core.OpExists, Values: []any{true}}, core.Condition{Field: "profile", Name: name, Op: core.OpExists, Values: []any{false}})
		}
		conditions = append(conditions, core.Condition{Field: "email", Op: core.OpNever}, core.Condition{Op: core.OpNever})

		check := func(list ...core.Condition) {
			t.Helper()
			var want []core.UserID
			for _, u := range people {
				if !slices.ContainsFunc(list, func(c core.Condition) bool { return !holds(u, c) }) {
					want = append(want, u.ID)
				}
			}
			slices.Sort(want)
			got, total, _ := page(t, b, core.Query{Conditions: list, OrderBy: "id", Size: core.MaxPage})
			if !slices.Equal(got, want) || total != int64(len(want)) {
				t.Errorf("law: a filter finds whom it means, and counts them; %+v found %d and counted %d in place of %d", list, len(got), total, len(want))
			}
		}
		matched := 0
		for i, c := range conditions {
			check(c)
			// Some two at a time: both must hold.
			if i%5 == 0 {
				check(c, conditions[(i*7+3)%len(conditions)])
			}
			if slices.ContainsFunc(people, func(u core.User) bool { return holds(u, c) }) {
				matched++
			}
		}
		if matched < len(conditions)/4 {
			t.Errorf("this test's filters find somebody; %d of %d do", matched, len(conditions))
		}
	})
}

func TestImpossibleQueriesAreRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		populate(t, b, population())
		long := make([]any, 100_000)
		for i := range long {
			long[i] = fmt.Sprint("v", i)
		}
		one := func(field string, op core.Operator, values ...any) core.Query {
			return core.Query{Size: 1, Conditions: []core.Condition{{Field: field, Name: "colour", Op: op, Values: values}}}
		}
		for law, q := range map[string]core.Query{
			"an order by something else":       {OrderBy: "password", Size: 1},
			"an order by the profile":          {OrderBy: "profile", Size: 1},
			"a text where a number belongs":    one("login_count", core.OpEquals, "1 OR 1=1"),
			"a text where a truth belongs":     one("verified", core.OpEquals, "true"),
			"a text where a time belongs":      one("created_at", core.OpGreater, "2024-01-01"),
			"a number where a text belongs":    one("email", core.OpEquals, int64(1)),
			"a number where a time belongs":    one("created_at", core.OpEquals, int64(1)),
			"a time where a truth belongs":     one("disabled", core.OpEquals, time.Now()),
			"a part of a number":               one("login_count", core.OpContains, "1"),
			"a list with one of another type":  one("login_count", core.OpIn, int64(1), "2"),
			"a number where a profile belongs": one("profile", core.OpEquals, int64(1)),
			"very many values":                 one("email", core.OpIn, long...),
			"very many parts":                  one("email", core.OpContains, long[:2000]...),
			"very many parts, one of which":    one("phone", core.OpContainsAny, long[:2000]...),
		} {
			err := b.View(context.Background(), func(tx *store.Tx) error {
				users, _, _, err := tx.Users(q)
				if len(users) > 0 {
					t.Errorf("law: %s finds nobody; it found %d", law, len(users))
				}
				return err
			})
			if !core.Is(err, core.CodeInvalid) {
				t.Errorf("law: %s is invalid; got %.200v", law, err)
			}
		}
		for law, q := range map[string]core.Query{
			"no value to compare with":      one("email", core.OpEquals),
			"no value for exists":           one("profile", core.OpExists),
			"a field that is not there":     one("password", core.OpEquals, "x"),
			"an operator that is not there": one("email", "sounds like", "x"),
		} {
			if err := b.View(context.Background(), func(tx *store.Tx) error { _, _, _, err := tx.Users(q); return err }); err == nil {
				t.Errorf("law: %s is a fault of the program, and an error", law)
			}
		}
	})
}

// TestManyFilters has more different filters than statements are remembered.
func TestManyFilters(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		people := population()
		populate(t, b, people)
		// Conditions that everybody fulfils, each there or not: a text each.
		var always []core.Condition
		for _, least := range []int64{0, -1, -2, -3, -4} {
			always = append(always, core.Condition{Field: "login_count", Op: core.OpAtLeast, Values: []any{least}}, core.Condition{Field: "created_at", Op: core.OpGreater, Values: []any{soon(-24 * time.Hour)}})
		}
		for what, run := range map[string]func(context.Context, func(*store.Tx) error) error{"a view": b.View, "an update": b.Update} {
			err := run(context.Background(), func(tx *store.Tx) error {
				for n := range 420 {
					// The last ones are asked twice.
					mask := min(n, 2*380-n)
					q := core.Query{Size: 3, OrderBy: "email", Descending: mask%2 == 0}
					for i, c := range always {
						if mask>>i&1 == 1 {
							q.Conditions = append(q.Conditions, c)
						}
					}
					users, total, next, err := tx.Users(q)
					if err != nil || total != int64(len(people)) || len(users) != 3 || next == "" {
						t.Errorf("law: a filter that was never asked before answers like the others; in %s number %d gave %d of %d, %v", what, n, len(users), total, err)
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("asking in %s: %v", what, err)
			}
		}
	})
}
