package directory_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// told is the newest events of a pool, the oldest first, as names with targets
// and data.
func told(t *testing.T, s *store.Store, app core.Caller, most int) (all []string) {
	t.Helper()
	must(t, s.As(app).View(t.Context(), func(tx *store.Tx) error {
		events, err := tx.Events(most)
		for _, e := range events {
			text := string(e.Name) + " " + e.Target
			for _, key := range slices.Sorted(maps.Keys(e.Data)) {
				text += " " + key + "=" + e.Data[key]
			}
			all = slices.Insert(all, 0, text)
		}
		return err
	}))
	return all
}

func TestGroupsAreKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, g := directory.New(s), directory.NewGroups(s)
		app, other := storetest.Caller(storetest.Pool(t, s, "demo", nil)), storetest.Caller(storetest.Pool(t, s, "other", nil))
		ctx := t.Context()
		ana, err := d.Create(ctx, app, directory.NewUser{Email: "ana@example.org"})
		must(t, err)
		eve, err := d.Create(ctx, other, directory.NewUser{Email: "ana@example.org"})
		must(t, err)
		admins, err := g.Create(ctx, app, directory.NewGroup{Name: "admins", Type: "team", Attributes: map[string]string{"a": "b"}})
		must(t, err)
		readers, err := g.Create(ctx, app, directory.NewGroup{Name: "readers", Type: "team"})
		must(t, err)
		theirs, err := g.Create(ctx, other, directory.NewGroup{Name: "admins", Type: "team"})
		must(t, err)

		// What does not change anything is no change, and tells of none.
		same, err := g.Change(ctx, app, admins.ID, directory.GroupChange{Name: new("admins"), Attributes: map[string]string{"a": "b"}})
		if err != nil || !reflect.DeepEqual(same, admins) {
			t.Errorf("law: a change to what is there already changes nothing; there is %+v (%v)", same, err)
		}
		changed, err := g.Change(ctx, app, admins.ID, directory.GroupChange{Type: new("crew"), Description: new("x"), Attributes: map[string]string{}})
		must(t, err)
		got, err := g.Get(ctx, app, admins.ID)
		if err != nil || !reflect.DeepEqual(got, changed) || got.Type != "crew" || got.Name != "admins" || len(got.Attributes) != 0 || got.UpdatedAt.Before(admins.UpdatedAt) {
			t.Errorf("law: a change changes what it names; there is %+v (%v)", got, err)
		}
		must(t, g.Assign(ctx, app, ana.ID, []core.GroupID{admins.ID, readers.ID}))
		must(t, g.Assign(ctx, app, ana.ID, []core.GroupID{readers.ID, readers.ID}))
		must(t, g.Assign(ctx, other, eve.ID, []core.GroupID{theirs.ID}))
		must(t, g.Remove(ctx, app, ana.ID, readers.ID))

		for name, refused := range map[string]struct {
			err  error
			want core.Code
		}{
			"an impossible group":                  {second(g.Create(ctx, app, directory.NewGroup{Name: "a b"})), core.CodeInvalid},
			"an impossible change":                 {second(g.Change(ctx, app, admins.ID, directory.GroupChange{Name: new(""), Type: new("x")})), core.CodeInvalid},
			"a group of another pool":              {second(g.Get(ctx, app, theirs.ID)), core.CodeNotFound},
			"changing it":                          {second(g.Change(ctx, app, theirs.ID, directory.GroupChange{Type: new("x")})), core.CodeNotFound},
			"deleting it":                          {g.Delete(ctx, app, theirs.ID), core.CodeNotFound},
			"putting somebody in it":               {g.Assign(ctx, app, ana.ID, []core.GroupID{readers.ID, theirs.ID}), core.CodeInvalid},
			"putting somebody of another pool in":  {g.Assign(ctx, app, eve.ID, []core.GroupID{admins.ID}), core.CodeNotFound},
			"taking somebody of another pool out":  {g.Remove(ctx, app, eve.ID, theirs.ID), core.CodeNotFound},
			"taking somebody out who is not in":    {g.Remove(ctx, app, ana.ID, readers.ID), core.CodeNotFound},
			"no groups":                            {g.Assign(ctx, app, ana.ID, nil), core.CodeInvalid},
			"too many groups":                      {g.Assign(ctx, app, ana.ID, make([]core.GroupID, core.MaxGroupsAtOnce+1)), core.CodeInvalid},
			"the groups of nobody":                 {fourth(g.Of(ctx, app, "usr_x", core.Query{Size: 1})), core.CodeNotFound},
			"the groups of somebody of another":    {fourth(g.Of(ctx, app, eve.ID, core.Query{Size: 1})), core.CodeNotFound},
			"the people of no group":               {fourth(g.People(ctx, app, "grp_x", core.Query{Size: 1})), core.CodeNotFound},
			"the people of a group of another one": {fourth(g.People(ctx, app, theirs.ID, core.Query{Size: 1})), core.CodeNotFound},
		} {
			if !core.Is(refused.err, refused.want) {
				t.Errorf("law: %s is %s; got %v", name, refused.want, refused.err)
			}
		}
		// Of many groups that are not there each is named by its place.
		e, _ := errors.AsType[*core.Error](g.Assign(ctx, app, ana.ID, []core.GroupID{"grp_y", readers.ID, theirs.ID}))
		var places []string
		for _, problem := range e.Fields {
			places = append(places, string(problem.Code)+" "+problem.Pointer)
		}
		if !slices.Equal(places, []string{"not_there /group_ids/0", "not_there /group_ids/2"}) {
			t.Errorf("law: each group that is not there is named; named are %v", places)
		}
		of, n, _, err := g.Of(ctx, app, ana.ID, core.Query{Size: 10})
		if err != nil || n != 1 || of[0].ID != admins.ID {
			t.Errorf("law: what is refused changes nothing; she is in %+v (%v)", of, err)
		}
		if people, n, _, err := g.People(ctx, other, theirs.ID, core.Query{Size: 10}); err != nil || n != 1 || people[0].ID != eve.ID {
			t.Errorf("law: another pool's groups stay as they are; in one are %+v (%v)", people, err)
		}
		shown, err := g.Shown(ctx, app, core.DefaultSettings(), []core.User{ana, eve})
		if want := map[core.UserID][]core.GroupID{ana.ID: {admins.ID}}; err != nil || !reflect.DeepEqual(shown, want) {
			t.Errorf("law: groups are shown beside the pool's own people; there are %v in place of %v (%v)", shown, want, err)
		}
		none := core.DefaultSettings()
		none.GroupsShown = 0
		if shown, err := g.Shown(ctx, app, none, []core.User{ana}); err != nil || len(shown) != 0 {
			t.Errorf("law: a pool that shows no groups shows none; there are %v (%v)", shown, err)
		}

		must(t, d.Delete(ctx, app, core.UserRef{ID: ana.ID}))
		if people, n, _, err := g.People(ctx, app, admins.ID, core.Query{Size: 10}); err != nil || n != 0 || len(people) != 0 {
			t.Errorf("law: who is deleted is in no group; there are %+v (%v)", people, err)
		}
		must(t, g.Delete(ctx, app, admins.ID))
		joined := []string{"group.joined " + string(ana.ID) + " group=" + string(admins.ID), "group.joined " + string(ana.ID) + " group=" + string(readers.ID)}
		slices.Sort(joined) // they are joined in the order of their ids
		want := append([]string{
			"user.created " + string(ana.ID), "group.created " + string(admins.ID), "group.created " + string(readers.ID),
			"group.changed " + string(admins.ID) + " fields=type description attributes",
		}, append(joined,
			"group.left "+string(ana.ID)+" group="+string(readers.ID), "user.deleted "+string(ana.ID), "group.deleted "+string(admins.ID))...)
		if got := told(t, s, app, len(want)); !slices.Equal(got, want) {
			t.Errorf("law: each change is told once, and what is refused is not; there is\n%s\nin place of\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	})
}

func second[T any](_ T, err error) error { return err }

func fourth[T any](_ []T, _ int64, _ string, err error) error { return err }

// TestManyAssignAtOnce has many put the same people in the same groups, in
// different orders, while one of the groups is deleted.
func TestManyAssignAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, g := directory.New(s), directory.NewGroups(s)
		app := storetest.Caller(storetest.Pool(t, s, "demo", nil))
		for round := range storetest.Rounds(t) {
			ana, err := d.Create(t.Context(), app, directory.NewUser{Email: fmt.Sprintf("ana%d@example.org", round)})
			must(t, err)
			var groups []core.GroupID
			for i := range 8 {
				one, err := g.Create(t.Context(), app, directory.NewGroup{Name: fmt.Sprint("g", i), Type: "team"})
				must(t, err)
				groups = append(groups, one.ID)
			}
			var assigned atomic.Int64
			storetest.Together(32, func(i int) {
				if i == 16 {
					if err := g.Delete(t.Context(), app, groups[7]); err != nil {
						t.Errorf("law: a group can be deleted while people join it; got %v", err)
					}
					return
				}
				turned := append(slices.Clone(groups[i%8:]), groups[:i%8]...)
				switch err := g.Assign(t.Context(), app, ana.ID, turned); {
				case err == nil:
					assigned.Add(1)
				case !core.Is(err, core.CodeInvalid):
					t.Errorf("law: who names a group that was deleted is told so; got %v", err)
				}
			})
			of, n, _, err := g.Of(t.Context(), app, ana.ID, core.Query{Size: 100})
			must(t, err)
			want := int64(0)
			if assigned.Load() > 0 {
				want = 7
			}
			if n != want || int64(len(of)) != want {
				t.Errorf("law: all groups or none; %d were told that she is in all, and she is in %d", assigned.Load(), n)
			}
		}
	})
}
