package pangea

import (
	"context"
	"slices"
	"strconv"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
)

// group is a group of people as the vendor shows one.
type group struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Type        string            `json:"type"`
	Description string            `json:"description,omitempty"`
	Attributes  map[string]string `json:"attributes,omitempty"`
	CreatedAt   string            `json:"created_at"`
	UpdatedAt   string            `json:"updated_at"`
}

func newGroup(g core.Group) group {
	return group{
		ID: show(prefixGroup, g.ID), Name: g.Name, Type: g.Type, Description: g.Description, Attributes: g.Attributes,
		CreatedAt: showTime(g.CreatedAt), UpdatedAt: showTime(g.UpdatedAt),
	}
}

// shownGroup answers with a group, or with why there is none.
func shownGroup(g core.Group, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return newGroup(g), nil
}

// group wants the id of a group.
func (p *problems) group(pointer, value string) {
	if p.required(pointer, value) {
		p.secret(pointer, value, prefixGroup)
	}
}

// person wants a person's id alone.
func (p *problems) person(pointer, value string) {
	if p.required(pointer, value) {
		p.identity(pointer, value)
	}
}

type groupCreate struct {
	common
	Name        string            `json:"name"`
	Type        string            `json:"type"`
	Description string            `json:"description"`
	Attributes  map[string]string `json:"attributes"`
}

func (f *Face) groupCreate(ctx context.Context, caller core.Caller, in groupCreate) (any, error) {
	n := directory.NewGroup{Name: in.Name, Type: in.Type, Description: in.Description, Attributes: in.Attributes}
	return shownGroup(f.Groups.Create(ctx, caller, n))
}

type groupUpdate struct {
	common
	ID          string            `json:"id"`
	Name        *string           `json:"name"`
	Type        *string           `json:"type"`
	Description *string           `json:"description"`
	Attributes  map[string]string `json:"attributes"`
}

func (in *groupUpdate) check(p *problems) { p.group("/id", in.ID) }

func (f *Face) groupUpdate(ctx context.Context, caller core.Caller, in groupUpdate) (any, error) {
	change := directory.GroupChange{Name: in.Name, Type: in.Type, Description: in.Description, Attributes: in.Attributes}
	return shownGroup(f.Groups.Change(ctx, caller, groupID(in.ID), change))
}

type groupSelect struct {
	common
	ID string `json:"id"`
}

func (in *groupSelect) check(p *problems) { p.group("/id", in.ID) }

func (f *Face) groupGet(ctx context.Context, caller core.Caller, in groupSelect) (any, error) {
	return shownGroup(f.Groups.Get(ctx, caller, groupID(in.ID)))
}

func (f *Face) groupDelete(ctx context.Context, caller core.Caller, in groupSelect) (any, error) {
	return empty{}, f.Groups.Delete(ctx, caller, groupID(in.ID))
}

type groupList struct {
	common
	listRequest

	query core.Query
}

func (in *groupList) check(p *problems) { in.query = in.read(p, groupFilters(), groupOrders()) }

// groupOrders is what groups can be ordered by.
func groupOrders() map[string]string {
	return map[string]string{"id": "id", "created_at": "created_at", "updated_at": "updated_at", "name": "name", "type": "type"}
}

// groupFilters is what groups can be searched by.
func groupFilters() map[string]filterField {
	return map[string]filterField{
		"created_at": {field: "created_at", kind: filterSpan},
		"id":         {field: "id", kind: filterID, prefix: prefixGroup, ours: "grp_"},
		"name":       {field: "name", kind: filterText},
		"type":       {field: "type", kind: filterText},
		"updated_at": {field: "updated_at", kind: filterSpan},
	}
}

type groupListResult struct {
	Groups []group `json:"groups"`
	Count  int64   `json:"count"`
	Last   string  `json:"last,omitempty"`
}

func shownGroups(all []core.Group, total int64, next string, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	result := groupListResult{Groups: make([]group, 0, len(all)), Count: total, Last: next}
	for _, g := range all {
		result.Groups = append(result.Groups, newGroup(g))
	}
	return result, nil
}

func (f *Face) groupList(ctx context.Context, caller core.Caller, in groupList) (any, error) {
	return shownGroups(f.Groups.List(ctx, caller, in.query))
}

// memberPage asks for a page of who is in what: neither filtered nor ordered.
type memberPage struct {
	common
	ID   string `json:"id"`
	Last string `json:"last"`
	Size *int   `json:"size"`

	query core.Query
}

func (in *memberPage) read(p *problems) {
	list := listRequest{Last: in.Last, Size: in.Size}
	in.query = list.read(p, nil, nil)
}

type groupUserList struct{ memberPage }

func (in *groupUserList) check(p *problems) {
	p.group("/id", in.ID)
	in.read(p)
}

func (f *Face) groupUserList(ctx context.Context, caller core.Caller, in groupUserList) (any, error) {
	users, total, next, err := f.Groups.People(ctx, caller, groupID(in.ID), in.query)
	if err != nil {
		return nil, err
	}
	shown, err := f.usersWithGroups(ctx, caller, users)
	return userListResult{Users: shown, Count: total, Last: next}, err
}

type userGroupList struct{ memberPage }

func (in *userGroupList) check(p *problems) {
	p.person("/id", in.ID)
	in.read(p)
}

func (f *Face) userGroupList(ctx context.Context, caller core.Caller, in userGroupList) (any, error) {
	return shownGroups(f.Groups.Of(ctx, caller, userID(in.ID), in.query))
}

type userGroupAssign struct {
	common
	ID       string   `json:"id"`
	GroupIDs []string `json:"group_ids"`
}

func (in *userGroupAssign) check(p *problems) {
	p.person("/id", in.ID)
	switch n := len(in.GroupIDs); {
	case n == 0:
		p.add(core.ProblemRequired, "/group_ids", "One group must be given at least.")
	case n > core.MaxGroupsAtOnce:
		p.add(core.ProblemTooLarge, "/group_ids", "These must be 32 groups at most.")
		return
	}
	for i, id := range in.GroupIDs {
		pointer := "/group_ids/" + strconv.Itoa(i)
		p.group(pointer, id)
		if id != "" && slices.Contains(in.GroupIDs[:i], id) {
			p.add(core.ProblemTaken, pointer, "This group stands here twice.")
		}
	}
}

func (f *Face) userGroupAssign(ctx context.Context, caller core.Caller, in userGroupAssign) (any, error) {
	groups := make([]core.GroupID, 0, len(in.GroupIDs))
	for _, id := range in.GroupIDs {
		groups = append(groups, groupID(id))
	}
	return empty{}, f.Groups.Assign(ctx, caller, userID(in.ID), groups)
}

type userGroupRemove struct {
	common
	ID      string `json:"id"`
	GroupID string `json:"group_id"`
}

func (in *userGroupRemove) check(p *problems) {
	p.person("/id", in.ID)
	p.group("/group_id", in.GroupID)
}

func (f *Face) userGroupRemove(ctx context.Context, caller core.Caller, in userGroupRemove) (any, error) {
	return empty{}, f.Groups.Remove(ctx, caller, userID(in.ID), groupID(in.GroupID))
}
