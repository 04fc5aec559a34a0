package authn

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// GroupService keeps groups of people, which applications make for ends of
// their own. It needs a service token. Who is in which groups is kept by
// [UserGroupService].
type GroupService struct {
	Users GroupUsersService

	t *transport
}

// Group is a set of people.
type Group struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"` // two groups may have the same: the id names one
	Type        string            `json:"type"` // a word of the application's own
	Description string            `json:"description,omitempty"`
	Attributes  map[string]string `json:"attributes,omitempty"`
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
}

// GroupCreateRequest is what a group is created from.
type GroupCreateRequest struct {
	Name        string            `json:"name"` // letters without accents, digits, _ and -
	Type        string            `json:"type"`
	Description string            `json:"description,omitempty"`
	Attributes  map[string]string `json:"attributes,omitempty"`
}

// Create creates a group, which nobody is in yet. It calls /v2/group/create.
func (s GroupService) Create(ctx context.Context, r GroupCreateRequest) (*Group, error) {
	return result[Group](ctx, s.t, "v2/group/create", r)
}

// groupRef names a group.
type groupRef struct {
	ID string `json:"id"`
}

// Get returns a group. It calls /v2/group/get.
func (s GroupService) Get(ctx context.Context, id string) (*Group, error) {
	return result[Group](ctx, s.t, "v2/group/get", groupRef{id})
}

// GroupUpdateRequest is a change of a group. What is nil stays.
type GroupUpdateRequest struct {
	ID          string            `json:"id"`
	Name        *string           `json:"name,omitempty"`
	Type        *string           `json:"type,omitempty"`
	Description *string           `json:"description,omitempty"`
	Attributes  map[string]string `json:"attributes,omitzero"` // take the place of all before
}

// Update changes a group and returns it. It calls /v2/group/update.
func (s GroupService) Update(ctx context.Context, r GroupUpdateRequest) (*Group, error) {
	return result[Group](ctx, s.t, "v2/group/update", r)
}

// Delete deletes a group. Whoever was in it is so no more. It calls
// /v2/group/delete.
func (s GroupService) Delete(ctx context.Context, id string) error {
	return s.t.post(ctx, "v2/group/delete", groupRef{id}, nil)
}

// GroupFilter says which groups a list is of. All that it says must hold; a
// field that is left zero says nothing.
type GroupFilter struct {
	ID        TextFilter
	Name      TextFilter
	Type      TextFilter
	CreatedAt TimeFilter
	UpdatedAt TimeFilter
}

// MarshalJSON writes the filter as the server reads it: by keys such as
// "name__contains".
func (f GroupFilter) MarshalJSON() ([]byte, error) {
	keys := map[string]any{}
	for name, c := range map[string]TextFilter{"id": f.ID, "name": f.Name, "type": f.Type} {
		c.put(keys, name)
	}
	for name, c := range map[string]TimeFilter{"created_at": f.CreatedAt, "updated_at": f.UpdatedAt} {
		c.put(keys, name)
	}
	return json.Marshal(keys)
}

// GroupOrderBy is what a list of groups is ordered by.
type GroupOrderBy string

// What groups can be ordered by.
const (
	GroupsByID        GroupOrderBy = "id"
	GroupsByName      GroupOrderBy = "name"
	GroupsByType      GroupOrderBy = "type"
	GroupsByCreatedAt GroupOrderBy = "created_at"
	GroupsByUpdatedAt GroupOrderBy = "updated_at"
)

// GroupListRequest asks for a page of groups. The zero value asks for the first
// page of all.
type GroupListRequest struct {
	Filter  GroupFilter  `json:"filter"`
	Order   Order        `json:"order,omitempty"`
	OrderBy GroupOrderBy `json:"order_by,omitempty"`
	Size    int          `json:"size,omitempty"` // of a page; the server's own measure if it is 0
	Last    string       `json:"last,omitempty"` // GroupPage.Last of the page before
}

// GroupPage is a page of groups.
type GroupPage struct {
	Groups []Group `json:"groups"`
	Count  int64   `json:"count"`          // how many there are on all pages
	Last   string  `json:"last,omitempty"` // asks for the next page; empty on the last one
}

// List returns one page of the groups that meet the filter. It calls
// /v2/group/list.
func (s GroupService) List(ctx context.Context, r GroupListRequest) (*GroupPage, error) {
	return result[GroupPage](ctx, s.t, "v2/group/list", r)
}

// All returns every group that meets the filter, asking for one page after the
// other while the loop goes on. After an error it ends.
func (s GroupService) All(ctx context.Context, r GroupListRequest) iter.Seq2[Group, error] {
	return every(r.Last, func(last string) ([]Group, string, error) {
		r.Last = last
		page, err := s.List(ctx, r)
		if err != nil {
			return nil, "", err
		}
		return page.Groups, page.Last, nil
	})
}

// MembershipListRequest asks for a page of the people in a group, or of the
// groups of a person.
type MembershipListRequest struct {
	ID   string `json:"id"`             // the group's or the person's
	Size int    `json:"size,omitempty"` // of a page; the server's own measure if it is 0
	Last string `json:"last,omitempty"` // Last of the page before
}

// GroupUsersService lists who is in a group. It needs a service token.
type GroupUsersService struct{ t *transport }

// List returns one page of the people in a group. It calls
// /v2/group/user/list, which the vendor's SDKs have as group.list_users.
func (s GroupUsersService) List(ctx context.Context, r MembershipListRequest) (*UserPage, error) {
	return result[UserPage](ctx, s.t, "v2/group/user/list", r)
}

// All returns everybody who is in a group, asking for one page after the other
// while the loop goes on. After an error it ends.
func (s GroupUsersService) All(ctx context.Context, r MembershipListRequest) iter.Seq2[User, error] {
	return every(r.Last, func(last string) ([]User, string, error) {
		r.Last = last
		page, err := s.List(ctx, r)
		if err != nil {
			return nil, "", err
		}
		return page.Users, page.Last, nil
	})
}

// UserGroupService puts people in groups and takes them out. It needs a service
// token, and names people by their ids alone.
type UserGroupService struct{ t *transport }

// Assign puts a person in groups, 32 at most: in all of them or, if there is
// one that does not exist, in none. In which they are already, they stay. It
// calls /v2/user/group/assign.
func (s UserGroupService) Assign(ctx context.Context, userID string, groupIDs ...string) error {
	return s.t.post(ctx, "v2/user/group/assign", struct {
		ID       string   `json:"id"`
		GroupIDs []string `json:"group_ids"`
	}{userID, groupIDs}, nil)
}

// Remove takes a person out of a group. It calls /v2/user/group/remove.
func (s UserGroupService) Remove(ctx context.Context, userID, groupID string) error {
	return s.t.post(ctx, "v2/user/group/remove", struct {
		ID      string `json:"id"`
		GroupID string `json:"group_id"`
	}{userID, groupID}, nil)
}

// List returns one page of the groups that a person is in. It calls
// /v2/user/group/list.
func (s UserGroupService) List(ctx context.Context, r MembershipListRequest) (*GroupPage, error) {
	return result[GroupPage](ctx, s.t, "v2/user/group/list", r)
}

// All returns every group that a person is in, asking for one page after the
// other while the loop goes on. After an error it ends.
func (s UserGroupService) All(ctx context.Context, r MembershipListRequest) iter.Seq2[Group, error] {
	return every(r.Last, func(last string) ([]Group, string, error) {
		r.Last = last
		page, err := s.List(ctx, r)
		if err != nil {
			return nil, "", err
		}
		return page.Groups, page.Last, nil
	})
}
