package authn_test

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/client/authn"
)

// group wants a group by value. What a test cannot know, the id and the times,
// is looked at and taken out.
func group(t *testing.T, got *authn.Group, want authn.Group) {
	t.Helper()
	isID(t, "pgi_", got.ID)
	near(t, got.CreatedAt)
	near(t, got.UpdatedAt)
	shown := *got
	shown.ID, shown.CreatedAt, shown.UpdatedAt = "", time.Time{}, time.Time{}
	if !reflect.DeepEqual(shown, want) {
		t.Errorf("got  %s\nwant %s", asJSON(t, shown), asJSON(t, want))
	}
}

func TestGroups(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		list := func(f authn.GroupFilter) string {
			t.Helper()
			var names []string
			for one, err := range a.Group.All(ctx, authn.GroupListRequest{Filter: f, OrderBy: authn.GroupsByCreatedAt, Size: 1}) {
				names = append(names, ok(one, err)(t).Name)
			}
			return strings.Join(names, " ")
		}
		if page := ok(a.Group.List(ctx, authn.GroupListRequest{}))(t); len(page.Groups) != 0 || page.Count != 0 || page.Last != "" {
			t.Fatalf("a pool without groups has %+v", page)
		}
		want := authn.Group{Name: "admins", Type: "team", Description: "Who may.", Attributes: map[string]string{"source": "x"}}
		admins := ok(a.Group.Create(ctx, authn.GroupCreateRequest{Name: "admins", Type: "team", Description: "Who may.", Attributes: map[string]string{"source": "x"}}))(t)
		group(t, admins, want)
		if got := ok(a.Group.Get(ctx, admins.ID))(t); !reflect.DeepEqual(got, admins) {
			t.Errorf("got %+v, want %+v", got, admins)
		}
		want.Name, want.Type, want.Description = "Admins", "crew", ""
		changed := ok(a.Group.Update(ctx, authn.GroupUpdateRequest{ID: admins.ID, Name: new("Admins"), Type: new("crew"), Description: new("")}))(t)
		group(t, changed, want)
		want.Attributes = map[string]string{"by": "hand"}
		group(t, ok(a.Group.Update(ctx, authn.GroupUpdateRequest{ID: admins.ID, Attributes: want.Attributes}))(t), want)
		want.Attributes = nil
		admins = ok(a.Group.Update(ctx, authn.GroupUpdateRequest{ID: admins.ID, Attributes: map[string]string{}}))(t)
		group(t, admins, want)
		readers := ok(a.Group.Create(ctx, authn.GroupCreateRequest{Name: "readers", Type: "team"}))(t)
		group(t, readers, authn.Group{Name: "readers", Type: "team"})

		for name, c := range map[string]struct {
			filter authn.GroupFilter
			want   string
		}{
			"nothing asked":    {authn.GroupFilter{}, "Admins readers"},
			"id":               {authn.GroupFilter{ID: authn.TextFilter{Equals: readers.ID}}, "readers"},
			"name in any case": {authn.GroupFilter{Name: authn.TextFilter{In: []string{"ADMINS", "x"}}}, "Admins"},
			"each part":        {authn.GroupFilter{Name: authn.TextFilter{Contains: []string{"ad", "rs"}}}, "readers"},
			"type":             {authn.GroupFilter{Type: authn.TextFilter{Equals: "crew"}}, "Admins"},
			"created after":    {authn.GroupFilter{CreatedAt: authn.TimeFilter{After: admins.CreatedAt}}, "readers"},
			"changed at":       {authn.GroupFilter{UpdatedAt: authn.TimeFilter{Equals: admins.UpdatedAt}}, "Admins"},
			"all must hold":    {authn.GroupFilter{Type: authn.TextFilter{Equals: "crew"}, ID: authn.TextFilter{Equals: readers.ID}}, ""},
		} {
			t.Run(name, func(t *testing.T) {
				if got := list(c.filter); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		}
		for _, by := range []authn.GroupOrderBy{authn.GroupsByID, authn.GroupsByName, authn.GroupsByType, authn.GroupsByCreatedAt, authn.GroupsByUpdatedAt} {
			if page := ok(a.Group.List(ctx, authn.GroupListRequest{OrderBy: by, Order: authn.Descending}))(t); page.Count != 2 {
				t.Errorf("by %s there are %d", by, page.Count)
			}
		}

		_, err := a.Group.Create(ctx, authn.GroupCreateRequest{Name: "Console Users"})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "DoesNotMatchPattern /name", "FieldRequired /type")
		_, err = a.Group.Get(ctx, "admins")
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "DoesNotMatchPattern /id")
		if err := a.Group.Delete(ctx, admins.ID); err != nil {
			t.Fatal(err)
		}
		refused(t, a.Group.Delete(ctx, admins.ID), authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		_, err = a.Group.Update(ctx, authn.GroupUpdateRequest{ID: admins.ID, Name: new("x")})
		refused(t, err, authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		if got := list(authn.GroupFilter{}); got != "readers" {
			t.Errorf("after the deletion there are %q", got)
		}
	})
}

func TestGroupMembers(t *testing.T) {
	onEngines(t, map[string]any{"groups.shown": 3}, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		var ids []string
		for i := range 5 {
			ids = append(ids, ok(a.Group.Create(ctx, authn.GroupCreateRequest{Name: fmt.Sprint("g", i), Type: "team"}))(t).ID)
		}
		ana := ok(a.User.Create(ctx, authn.UserCreateRequest{Email: "ana@example.org"}))(t)
		bob := ok(a.User.Create(ctx, authn.UserCreateRequest{Email: "bob@example.org"}))(t)
		groups := func(user string) (all []string) {
			t.Helper()
			for g, err := range a.User.Group.All(ctx, authn.MembershipListRequest{ID: user, Size: 2}) {
				all = append(all, ok(g, err)(t).ID)
			}
			return all
		}
		people := func(group string) (all []authn.User) {
			t.Helper()
			for u, err := range a.Group.Users.All(ctx, authn.MembershipListRequest{ID: group, Size: 1}) {
				all = append(all, ok(u, err)(t))
			}
			return all
		}
		if page := ok(a.User.Group.List(ctx, authn.MembershipListRequest{ID: ana.ID}))(t); len(page.Groups) != 0 || page.Count != 0 || page.Last != "" {
			t.Fatalf("somebody new is in %+v", page)
		}
		if page := ok(a.Group.Users.List(ctx, authn.MembershipListRequest{ID: ids[0]}))(t); len(page.Users) != 0 || page.Count != 0 || page.Last != "" {
			t.Fatalf("in a new group are %+v", page)
		}
		for i := range ids { // the first once more each time
			if err := a.User.Group.Assign(ctx, ana.ID, slices.Compact([]string{ids[0], ids[i]})...); err != nil {
				t.Fatal(err)
			}
		}
		if err := a.User.Group.Assign(ctx, bob.ID, ids[1]); err != nil {
			t.Fatal(err)
		}
		if got := groups(ana.ID); !slices.Equal(got, ids) {
			t.Errorf("Ana is in %v, want %v", got, ids)
		}
		if got := people(ids[1]); emails(got) != "ana@example.org bob@example.org" || len(got[0].Groups) != 3 || !slices.Equal(got[1].Groups, ids[1:2]) {
			t.Errorf("in a group are %+v", got)
		}
		// As many stand beside a person as the pool shows, the oldest first.
		for name, got := range map[string]*authn.User{
			"a profile": ok(a.User.Profile.Get(ctx, authn.ByID(ana.ID)))(t), "a change": ok(a.User.Update(ctx, authn.UserUpdateRequest{UserRef: authn.ByID(ana.ID), Unlock: true}))(t),
			"a list": &ok(a.User.List(ctx, authn.UserListRequest{Filter: authn.UserFilter{Email: authn.TextFilter{Equals: "ana@example.org"}}}))(t).Users[0],
		} {
			if len(got.Groups) != 3 || got.Groups[0] != ids[0] {
				t.Errorf("with %s come %v", name, got.Groups)
			}
		}

		if err := a.User.Group.Remove(ctx, ana.ID, ids[1]); err != nil {
			t.Fatal(err)
		}
		refused(t, a.User.Group.Remove(ctx, ana.ID, ids[1]), authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		if got := people(ids[1]); emails(got) != "bob@example.org" {
			t.Errorf("after she left there are %s", emails(got))
		}
		if err := a.Group.Delete(ctx, ids[2]); err != nil {
			t.Fatal(err)
		}
		if got := groups(ana.ID); !slices.Equal(got, []string{ids[0], ids[3], ids[4]}) {
			t.Errorf("Ana is in %v of %v", got, ids)
		}
		if err := a.User.Delete(ctx, authn.ByID(bob.ID)); err != nil {
			t.Fatal(err)
		}
		if got := people(ids[1]); len(got) != 0 {
			t.Errorf("who was deleted is in a group: %s", emails(got))
		}

		nobody, nothing := "pui_"+strings.Repeat("a", 32), "pgi_"+strings.Repeat("a", 32)
		tooMany := map[string]bool{}
		for len(tooMany) < 33 {
			tooMany["pgi_"+strings.Repeat("a", 30)+string(rune('a'+len(tooMany)%26))+string(rune('a'+len(tooMany)/26))] = true
		}
		for name, c := range map[string]struct {
			err      error
			status   authn.Status
			http     int
			problems []string
		}{
			"nobody":             {a.User.Group.Assign(ctx, nobody, ids[0]), authn.StatusNotFound, http.StatusNotFound, []string{"DoesNotExist"}},
			"groups unknown":     {a.User.Group.Assign(ctx, ana.ID, nothing, ids[1], ids[2]), authn.StatusValidationError, http.StatusBadRequest, []string{"DoesNotExist /group_ids/0", "DoesNotExist /group_ids/2"}},
			"no groups":          {a.User.Group.Assign(ctx, ana.ID), authn.StatusValidationError, http.StatusBadRequest, []string{"FieldRequired /group_ids"}},
			"33 groups":          {a.User.Group.Assign(ctx, ana.ID, slices.Collect(maps.Keys(tooMany))...), authn.StatusValidationError, http.StatusBadRequest, []string{"IsTooBig /group_ids"}},
			"a group twice":      {a.User.Group.Assign(ctx, ana.ID, ids[1], ids[1]), authn.StatusValidationError, http.StatusBadRequest, []string{"ItemNotUnique /group_ids/1"}},
			"no id of a group":   {a.User.Group.Remove(ctx, ana.ID, "g1"), authn.StatusValidationError, http.StatusBadRequest, []string{"DoesNotMatchPattern /group_id"}},
			"leaving an unknown": {a.User.Group.Remove(ctx, ana.ID, nothing), authn.StatusNotFound, http.StatusNotFound, []string{"DoesNotExist"}},
		} {
			t.Run(name, func(t *testing.T) { refused(t, c.err, c.status, c.http, c.problems...) })
		}
		if got := groups(ana.ID); len(got) != 3 {
			t.Errorf("law: what is refused changes nothing; she is in %v", got)
		}
		for _, err := range a.User.Group.All(ctx, authn.MembershipListRequest{ID: nobody}) {
			refused(t, err, authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		}
		for _, err := range a.Group.Users.All(ctx, authn.MembershipListRequest{ID: nothing}) {
			refused(t, err, authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		}
	})
}
