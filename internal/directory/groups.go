package directory

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Groups keeps the groups of all pools, and who is in them.
type Groups struct {
	store *store.Store
}

// NewGroups makes the keeper of a store's groups.
func NewGroups(st *store.Store) *Groups { return &Groups{st} }

// NewGroup is what a group is made from.
type NewGroup struct {
	Name        string
	Type        string
	Description string
	Attributes  map[string]string
}

// Create makes a group, which nobody is in yet.
func (g *Groups) Create(ctx context.Context, caller core.Caller, n NewGroup) (core.Group, error) {
	group := core.Group{ID: core.NewGroupID(), Name: n.Name, Type: n.Type, Description: n.Description, Attributes: n.Attributes, Version: 1}
	if problems := group.Check(); len(problems) > 0 {
		return core.Group{}, core.Invalid(problems...)
	}
	err := g.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		group.CreatedAt, group.UpdatedAt = tx.Now(), tx.Now()
		if err := tx.CreateGroup(group); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventGroupCreated, Target: string(group.ID)})
	})
	return group, err
}

// Get returns a group. It returns [core.CodeNotFound] for none.
func (g *Groups) Get(ctx context.Context, caller core.Caller, id core.GroupID) (core.Group, error) {
	var group core.Group
	err := g.store.As(caller).View(ctx, func(tx *store.Tx) (err error) {
		group, err = tx.Group(id)
		return err
	})
	return group, err
}

// GroupChange is what may be changed of a group; nil leaves alone.
type GroupChange struct {
	Name        *string
	Type        *string
	Description *string
	Attributes  map[string]string // take the place of all before
}

// Change changes a group and returns it as it is then. It returns
// [core.CodeNotFound] for none.
func (g *Groups) Change(ctx context.Context, caller core.Caller, id core.GroupID, c GroupChange) (core.Group, error) {
	var group core.Group
	err := g.store.As(caller).Update(ctx, func(tx *store.Tx) (err error) {
		if group, err = tx.Group(id); err != nil {
			return err
		}
		var fields []string
		text := func(field string, value *string, to *string) {
			if value != nil && *value != *to {
				*to, fields = *value, append(fields, field)
			}
		}
		text("name", c.Name, &group.Name)
		text("type", c.Type, &group.Type)
		text("description", c.Description, &group.Description)
		if c.Attributes != nil && !maps.Equal(c.Attributes, group.Attributes) {
			group.Attributes, fields = c.Attributes, append(fields, "attributes")
		}
		if len(fields) == 0 {
			return nil
		}
		if problems := group.Check(); len(problems) > 0 {
			return core.Invalid(problems...)
		}
		group.UpdatedAt = tx.Now()
		if err := tx.UpdateGroup(group); err != nil {
			return err
		}
		group.Version++
		return tx.Record(core.Event{Name: core.EventGroupChanged, Target: string(id), Data: map[string]string{"fields": strings.Join(fields, " ")}})
	})
	return group, err
}

// Delete deletes a group. Whoever was in it is so no more. It returns
// [core.CodeNotFound] for none.
func (g *Groups) Delete(ctx context.Context, caller core.Caller, id core.GroupID) error {
	return g.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteGroup(id); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventGroupDeleted, Target: string(id)})
	})
}

// List returns a page of the groups, how many match in all, and the cursor of
// the next page ("" on the last).
func (g *Groups) List(ctx context.Context, caller core.Caller, q core.Query) (groups []core.Group, total int64, next string, err error) {
	err = g.store.As(caller).View(ctx, func(tx *store.Tx) error {
		groups, total, next, err = tx.Groups(q)
		return err
	})
	return groups, total, next, err
}

// Of returns a page of the groups that a person is in, those first that they
// have been in the longest, how many there are, and the cursor of the next page
// ("" on the last). Of the query it takes the page alone. It returns
// [core.CodeNotFound] for nobody.
func (g *Groups) Of(ctx context.Context, caller core.Caller, user core.UserID, q core.Query) (groups []core.Group, total int64, next string, err error) {
	err = g.store.As(caller).View(ctx, func(tx *store.Tx) error {
		if _, err := tx.User(user); err != nil {
			return err
		}
		groups, total, next, err = tx.Memberships(user, q)
		return err
	})
	return groups, total, next, err
}

// People returns a page of the people who are in a group, those first who have
// been in it the longest, as Of does. It returns [core.CodeNotFound] for no
// group.
func (g *Groups) People(ctx context.Context, caller core.Caller, id core.GroupID, q core.Query) (users []core.User, total int64, next string, err error) {
	err = g.store.As(caller).View(ctx, func(tx *store.Tx) error {
		if _, err := tx.Group(id); err != nil {
			return err
		}
		users, total, next, err = tx.Members(id, q)
		return err
	})
	return users, total, next, err
}

// Shown returns of each of these people the groups that an application sees
// beside them: the first ones of Of, as many as the pool says. Who is in none
// has no entry.
func (g *Groups) Shown(ctx context.Context, caller core.Caller, settings core.Settings, users []core.User) (groups map[core.UserID][]core.GroupID, err error) {
	if settings.GroupsShown == 0 || len(users) == 0 {
		return nil, nil
	}
	ids := make([]core.UserID, 0, len(users))
	for _, u := range users {
		ids = append(ids, u.ID)
	}
	err = g.store.As(caller).View(ctx, func(tx *store.Tx) error {
		groups, err = tx.GroupsOf(ids, settings.GroupsShown)
		return err
	})
	return groups, err
}

// Assign puts a person in groups, [core.MaxGroupsAtOnce] at most: in all of
// them or, if there is one that does not exist, in none. In which they are
// already, they stay. It returns [core.CodeNotFound] for nobody, and for no
// group [core.CodeInvalid] with a pointer to its place in group_ids.
func (g *Groups) Assign(ctx context.Context, caller core.Caller, user core.UserID, groups []core.GroupID) error {
	if len(groups) == 0 || len(groups) > core.MaxGroupsAtOnce {
		return core.Invalid(core.Problem{Code: core.ProblemTooLarge, Pointer: "/group_ids", Detail: "These must be 1 to 32 groups."})
	}
	return g.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.User(user); err != nil {
			return err
		}
		var unknown []int // places
		// In one order, so that two who do the same do not wait for each other.
		for _, id := range slices.Compact(slices.Sorted(slices.Values(groups))) {
			joined, err := tx.AddMember(id, user)
			switch {
			case core.Is(err, core.CodeNotFound):
				unknown = append(unknown, slices.Index(groups, id))
			case err != nil:
				return err
			case joined:
				event := core.Event{Name: core.EventGroupJoined, Target: string(user), Data: map[string]string{"group": string(id)}}
				if err := tx.Record(event); err != nil {
					return err
				}
			}
		}
		if len(unknown) == 0 {
			return nil
		}
		var problems []core.Problem
		for _, place := range slices.Sorted(slices.Values(unknown)) {
			problems = append(problems, core.Problem{Code: core.ProblemNotThere, Pointer: "/group_ids/" + strconv.Itoa(place), Detail: "There is no such group."})
		}
		return core.Invalid(problems...)
	})
}

// Remove takes a person out of a group. It returns [core.CodeNotFound] where
// they are not in it.
func (g *Groups) Remove(ctx context.Context, caller core.Caller, user core.UserID, group core.GroupID) error {
	return g.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		if err := tx.RemoveMember(group, user); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventGroupLeft, Target: string(user), Data: map[string]string{"group": string(group)}})
	})
}
