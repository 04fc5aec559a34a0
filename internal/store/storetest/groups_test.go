package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// group makes a group that is not stored.
func group(name string) core.Group {
	return core.Group{ID: core.NewGroupID(), Name: name, Type: "team", Version: 1, CreatedAt: soon(0), UpdatedAt: soon(0)}
}

// teams stores groups with equal values in every column, and returns them.
func teams(t *testing.T, b store.Bound) []core.Group {
	t.Helper()
	begin := soon(-time.Hour)
	var all []core.Group
	for i, name := range []string{"admins", "Admins", "a_b", "a%b", "axb", "Ä", "ä", "密", "Zoo"} {
		g := group(name)
		g.Type, g.Description = []string{"Team", "team", "région"}[i%3], strings.Repeat("x", i)
		g.CreatedAt, g.UpdatedAt = begin.Add(time.Duration(i%4)*time.Second), begin.Add(time.Duration(i%2)*time.Minute)
		if i%2 == 0 {
			g.Attributes = map[string]string{"source": name, "": "'"}
		}
		update(t, b, func(tx *store.Tx) error { return tx.CreateGroup(g) })
		all = append(all, g)
	}
	return all
}

func TestGroupsAreFoundAndPaged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := demo(t, s)
		all := teams(t, b)
		teams(t, demo(t, s))
		columns := map[string]func(core.Group) any{
			"id": func(g core.Group) any { return string(g.ID) }, "name": func(g core.Group) any { return core.Fold(g.Name) }, "type": func(g core.Group) any { return g.Type },
			"created_at": func(g core.Group) any { return g.CreatedAt }, "updated_at": func(g core.Group) any { return g.UpdatedAt },
		}
		pages := func(q core.Query, want int) (found []core.Group) {
			t.Helper()
			for q.Size = 2; ; {
				view(t, b, func(tx *store.Tx) error {
					page, total, next, err := tx.Groups(q)
					if total != int64(want) {
						t.Errorf("law: every page says how many there are; one of %+v says %d in place of %d", q, total, want)
					}
					found, q.After = append(found, page...), next
					return err
				})
				if q.After == "" {
					return found
				}
			}
		}
		sorted := func(groups []core.Group, of func(core.Group) any) []core.Group {
			return slices.SortedFunc(slices.Values(groups), func(a, b core.Group) int {
				if d := order(of(a), of(b)); d != 0 {
					return d
				}
				return strings.Compare(string(a.ID), string(b.ID))
			})
		}
		for name, of := range columns {
			want := sorted(all, of)
			same(t, "groups by "+name, pages(core.Query{OrderBy: name}, len(all)), want)
			slices.Reverse(want)
			same(t, "groups by "+name+", the last first", pages(core.Query{OrderBy: name, Descending: true}, len(all)), want)
			value := of(all[3])
			equal := slices.DeleteFunc(slices.Clone(all), func(g core.Group) bool { return order(of(g), value) != 0 })
			condition := core.Condition{Field: name, Op: core.OpEquals, Values: []any{value}}
			same(t, "groups with a value of "+name, pages(core.Query{OrderBy: "id", Conditions: []core.Condition{condition}}, len(equal)), sorted(equal, columns["id"]))
		}
		same(t, "groups of no asked order", pages(core.Query{}, len(all)), sorted(all, columns["created_at"]))
		for part, want := range map[string]int{"_": 1, "%": 1, "ADM": 2, "ä": 2, "密": 1, "'": 0} {
			found := pages(core.Query{Conditions: []core.Condition{{Field: "name", Op: core.OpContains, Values: []any{part}}}}, want)
			if len(found) != want {
				t.Errorf("law: a part of a name finds what has it; %q found %d in place of %d", part, len(found), want)
			}
		}
	})
}

func TestGroupsChange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := fill(t, s)
		changed := f.group
		changed.Name, changed.Type, changed.Description, changed.Attributes, changed.UpdatedAt = "other", "kind", "", map[string]string{}, soon(0)
		update(t, f.bound, func(tx *store.Tx) error { return tx.UpdateGroup(changed) })
		changed.Version++
		view(t, f.bound, func(tx *store.Tx) error {
			got, err := tx.Group(f.group.ID)
			same(t, "a changed group", got, changed)
			return err
		})
		refused := func(what string, want core.Code, try func(tx *store.Tx) error) {
			t.Helper()
			if err := f.bound.Update(context.Background(), try); !core.Is(err, want) {
				t.Errorf("law: %s is %s; got %v", what, want, err)
			}
		}
		refused("a change from an older version", core.CodeConflict, func(tx *store.Tx) error { return tx.UpdateGroup(f.group) })
		refused("a group that is not there", core.CodeNotFound, func(tx *store.Tx) error { _, err := tx.Group("grp_x"); return err })
		refused("deleting one that is not there", core.CodeNotFound, func(tx *store.Tx) error { return tx.DeleteGroup("grp_x") })
		refused("putting somebody in one that is not there", core.CodeNotFound, func(tx *store.Tx) error { _, err := tx.AddMember("grp_x", f.user.ID); return err })
		refused("putting nobody in one", core.CodeNotFound, func(tx *store.Tx) error { _, err := tx.AddMember(f.group.ID, "usr_x"); return err })
		refused("taking nobody out", core.CodeNotFound, func(tx *store.Tx) error { return tx.RemoveMember(f.group.ID, "usr_x") })
		update(t, f.bound, func(tx *store.Tx) error {
			joined, err := tx.AddMember(f.group.ID, f.user.ID)
			if joined {
				t.Error("law: who is in a group is not put in it again")
			}
			return errors.Join(err, tx.RemoveMember(f.group.ID, f.user.ID))
		})
		refused("taking somebody out twice", core.CodeNotFound, func(tx *store.Tx) error { return tx.RemoveMember(f.group.ID, f.user.ID) })
	})
}

// TestMemberships has many people in many groups, lists them from both sides,
// and deletes some of either.
func TestMemberships(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b, stranger := demo(t, s), fill(t, s)
		var people []core.User
		var groups []core.Group
		for i := range 7 {
			u, g := person(fmt.Sprint("member", i)), group(fmt.Sprint("g", i))
			people, groups = append(people, u), append(groups, g)
			update(t, b, func(tx *store.Tx) error { return errors.Join(tx.CreateUser(u), tx.CreateGroup(g)) })
		}
		in := func(u, g int) bool { return u*g%3 == 1 || u == 6 && g > 0 }
		gone := func(int) bool { return false }
		left := func(int) bool { return false }
		for g := len(groups) - 1; g >= 0; g-- { // the last group is the one that they have been in the longest
			update(t, b, func(tx *store.Tx) error {
				for u := range people {
					if in(u, g) {
						if err := join(tx, groups[g].ID, people[u].ID); err != nil {
							return err
						}
					}
				}
				return nil
			})
		}
		check := func(when string) {
			t.Helper()
			view(t, b, func(tx *store.Tx) error {
				var ids []core.UserID
				beside := make(map[core.UserID][]core.GroupID)
				for u := range people {
					ids = append(ids, people[u].ID)
					var want, got []core.GroupID
					for g := len(groups) - 1; g >= 0; g-- {
						if in(u, g) && !gone(u) && !left(g) {
							want = append(want, groups[g].ID)
							beside[people[u].ID] = want
						}
					}
					for q := (core.Query{Size: 2}); ; {
						page, total, next, err := tx.Memberships(people[u].ID, q)
						if err != nil {
							return err
						}
						if total != int64(len(want)) {
							t.Errorf("law: a person's groups are counted; %s there are %d in place of %d", when, total, len(want))
						}
						for _, g := range page {
							got = append(got, g.ID)
						}
						if q.After = next; next == "" {
							break
						}
					}
					same(t, "a person's groups "+when, got, want)
				}
				for g := range groups {
					var want, got []core.UserID
					for u := range people {
						if in(u, g) && !gone(u) && !left(g) {
							want = append(want, people[u].ID)
						}
					}
					for q := (core.Query{Size: 3}); ; {
						page, total, next, err := tx.Members(groups[g].ID, q)
						if err != nil {
							return err
						}
						if total != int64(len(want)) {
							t.Errorf("law: a group's people are counted; %s there are %d in place of %d", when, total, len(want))
						}
						for _, u := range page {
							got = append(got, u.ID)
						}
						if q.After = next; next == "" {
							break
						}
					}
					slices.Sort(want) // they were put in at the same time
					same(t, "a group's people "+when, got, want)
				}
				for _, most := range []int{100, 2, 1} {
					for id, all := range beside {
						beside[id] = all[:min(len(all), most)]
					}
					of, err := tx.GroupsOf(append(ids, stranger.user.ID, "usr_x"), most)
					if err != nil {
						return err
					}
					same(t, fmt.Sprint("at most ", most, " groups beside people ", when), of, beside)
				}
				for _, asked := range [][]core.UserID{nil, ids} {
					of, err := tx.GroupsOf(asked, 0)
					same(t, "no groups beside people", []any{len(of), err}, []any{0, nil})
				}
				return nil
			})
		}
		check("at first")
		update(t, b, func(tx *store.Tx) error { return tx.DeleteUser(people[6].ID) })
		gone = func(u int) bool { return u == 6 }
		check("without somebody who was deleted")
		update(t, b, func(tx *store.Tx) error { return tx.DeleteGroup(groups[1].ID) })
		left = func(g int) bool { return g == 1 }
		check("without a group that was deleted")
		// No membership stays behind, and other pools keep theirs.
		for pool, want := range map[core.PoolID]int{poolOf(t, b): members(groups, people, func(u, g int) bool { return in(u, g) && !gone(u) && !left(g) }), stranger.pool.ID: 1} {
			if rows := storetest.Dump(t, db, pool)["group_members"]; len(rows) != want {
				t.Errorf("law: a membership goes with its person and its group, and only then; there are %d in place of %d", len(rows), want)
			}
		}
	})
}

func members(groups []core.Group, people []core.User, in func(u, g int) bool) (n int) {
	for g := range groups {
		for u := range people {
			if in(u, g) {
				n++
			}
		}
	}
	return n
}

// TestJoiningWhatIsDeleted has people join a group while it is deleted, and a
// person join groups while they are deleted: whoever was told that they are in
// was in before the end, and nothing is left behind.
func TestJoiningWhatIsDeleted(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		b := demo(t, s)
		for round := range storetest.Rounds(t) {
			for _, what := range []string{"group", "person"} {
				var joined, late, ended atomic.Int64
				groups, people := make([]core.Group, crowd), make([]core.User, crowd)
				update(t, b, func(tx *store.Tx) error {
					for i := range crowd {
						groups[i], people[i] = group(fmt.Sprint("g", i)), person(fmt.Sprint(what, round, "x", i))
						if err := errors.Join(tx.CreateGroup(groups[i]), tx.CreateUser(people[i])); err != nil {
							return err
						}
					}
					return nil
				})
				storetest.Together(crowd, func(i int) {
					g, u := groups[0].ID, people[i].ID // all join one group, or one person joins all
					if what == "person" {
						g, u = groups[i].ID, people[0].ID
					}
					err := b.Update(context.Background(), func(tx *store.Tx) error {
						if i == crowd/2 && what == "group" {
							return tx.DeleteGroup(g)
						}
						if i == crowd/2 {
							return tx.DeleteUser(u)
						}
						return join(tx, g, u)
					})
					switch {
					case err == nil && i == crowd/2:
						ended.Add(1)
					case err == nil:
						joined.Add(1)
					case core.Is(err, core.CodeNotFound) && i != crowd/2:
						late.Add(1)
					default:
						t.Errorf("law: who comes too late is told that there is no such group or person; got %v", err)
					}
				})
				if ended.Load() != 1 || joined.Load()+late.Load() != crowd-1 {
					t.Errorf("law: each of them is told what became of it; of %d there are %d in, %d late and %d deletions", crowd, joined.Load(), late.Load(), ended.Load())
				}
				if rows := storetest.Dump(t, db, poolOf(t, b))["group_members"]; len(rows) != 0 {
					t.Errorf("law: nothing is left of what was deleted; after a %s there are %d memberships", what, len(rows))
				}
			}
		}
	})
}

// TestOneJoins has a crowd put one person in one group, and take them out.
func TestOneJoins(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := storetest.Open(t, database), storetest.Raw(t, database)
		f := fill(t, s)
		attempt := func(fn func(tx *store.Tx) error) error { return f.bound.Update(context.Background(), fn) }
		leave := func(tx *store.Tx) error { return tx.RemoveMember(f.group.ID, f.user.ID) }
		for range storetest.Rounds(t) {
			var left, joined atomic.Int64
			storetest.Together(crowd, func(int) {
				switch err := attempt(leave); {
				case err == nil:
					left.Add(1)
				case !core.Is(err, core.CodeNotFound):
					t.Errorf("law: who is out is not taken out; got %v", err)
				}
			})
			storetest.Together(crowd, func(int) {
				var won bool
				if err := attempt(func(tx *store.Tx) (err error) { won, err = tx.AddMember(f.group.ID, f.user.ID); return err }); err != nil {
					t.Errorf("law: who is in already is no error; got %v", err)
				}
				if won {
					joined.Add(1)
				}
			})
			if left.Load() != 1 || joined.Load() != 1 {
				t.Errorf("law: of many one takes somebody out, and one puts them in; %d and %d did", left.Load(), joined.Load())
			}
		}
		if rows := storetest.Dump(t, db, f.pool.ID)["group_members"]; len(rows) != 1 {
			t.Errorf("law: somebody is in a group once; there are %v", rows)
		}
	})
}

// TestAGroupIsChangedByOneAtATime has a crowd change what they have read.
func TestAGroupIsChangedByOneAtATime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := fill(t, s)
		storetest.Together(crowd, func(i int) {
			err := f.bound.Update(context.Background(), func(tx *store.Tx) error {
				g, err := tx.Group(f.group.ID)
				if err != nil {
					return err
				}
				g.Attributes[fmt.Sprint("by", i)] = "x"
				return tx.UpdateGroup(g)
			})
			if err != nil && !core.Is(err, core.CodeConflict) {
				t.Errorf("law: who changes what others change succeeds, or hears of it; got %v", err)
			}
		})
		view(t, f.bound, func(tx *store.Tx) error {
			g, err := tx.Group(f.group.ID)
			if want := int64(len(g.Attributes)); g.Version != want || want < 2 || !reflect.DeepEqual(g.Attributes["größe"], "Ü") {
				t.Errorf("law: no change is lost; of version %d there are %d", g.Version, want)
			}
			return err
		})
	})
}
