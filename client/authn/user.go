package authn

import (
	"context"
	"iter"
	"time"
)

// UserService keeps people. It needs a service token.
type UserService struct {
	Profile        ProfileService
	Password       UserPasswordService
	Authenticators AuthenticatorsService
	Invites        InvitesService
	Group          UserGroupService

	t *transport
}

// User is a person.
type User struct {
	ID                      string    `json:"id"`
	Email                   string    `json:"email"`
	Username                string    `json:"username"` // the e-mail address where no other was chosen
	Phone                   string    `json:"phone,omitempty"`
	Profile                 Profile   `json:"profile"`
	Verified                bool      `json:"verified"` // the mailbox is proved
	Disabled                bool      `json:"disabled"`
	LockedOut               *bool     `json:"locked_out,omitempty"` // nil where the server has not looked: from Create and List
	AcceptedEULAID          string    `json:"accepted_eula_id,omitempty"`
	AcceptedPrivacyPolicyID string    `json:"accepted_privacy_policy_id,omitempty"`
	LastLoginAt             time.Time `json:"last_login_at,omitzero"` // zero before the first sign-in
	LastLoginIP             string    `json:"last_login_ip,omitempty"`
	LastLoginCity           string    `json:"last_login_city,omitempty"`    // where that is, in English; empty where the server does not know
	LastLoginCountry        string    `json:"last_login_country,omitempty"` // the same
	LoginCount              int64     `json:"login_count"`
	Groups                  []string  `json:"groups,omitempty"` // ids of groups, as many as the pool shows; not from Create
	CreatedAt               time.Time `json:"created_at"`
}

// Profile is what is known of a person, as text by the name of a field.
type Profile map[string]string

// UserRef names a person by exactly one of three. ByID, ByEmail and ByUsername
// make one.
type UserRef struct {
	ID       string `json:"id,omitempty"`
	Email    string `json:"email,omitempty"`
	Username string `json:"username,omitempty"`
}

// ByID names a person by id.
func ByID(id string) UserRef { return UserRef{ID: id} }

// ByEmail names a person by e-mail address, in any case.
func ByEmail(email string) UserRef { return UserRef{Email: email} }

// ByUsername names a person by username.
func ByUsername(username string) UserRef { return UserRef{Username: username} }

// UserCreateRequest is what a person is created from.
type UserCreateRequest struct {
	Email    string
	Username string // the e-mail address if it is empty
	Profile  Profile
}

// Create creates a person, who has no password yet and is sent nothing. An
// address that is in use is the problem ItemNotUnique at /email. It calls
// /v2/user/create.
func (s UserService) Create(ctx context.Context, r UserCreateRequest) (*User, error) {
	if r.Profile == nil {
		r.Profile = Profile{}
	}
	return result[User](ctx, s.t, "v2/user/create", struct {
		Email    string  `json:"email"`
		Username string  `json:"username,omitempty"`
		Profile  Profile `json:"profile"`
	}(r))
}

// Delete deletes a person, with their sessions. It calls /v2/user/delete.
func (s UserService) Delete(ctx context.Context, who UserRef) error {
	return s.t.post(ctx, "v2/user/delete", who, nil)
}

// UserUpdateRequest is a change of a person's settings. What is nil stays.
type UserUpdateRequest struct {
	UserRef
	Disabled *bool   `json:"disabled,omitempty"` // true ends their sessions and keeps them from signing in
	Unlock   bool    `json:"unlock,omitempty"`   // ends a lockout after wrong tries
	Phone    *string `json:"phone,omitempty"`    // with country code; the empty text removes it
}

// Update changes a person's settings and returns the person. It calls
// /v2/user/update.
func (s UserService) Update(ctx context.Context, r UserUpdateRequest) (*User, error) {
	return result[User](ctx, s.t, "v2/user/update", r)
}

// UserOrderBy is what a list of people is ordered by.
type UserOrderBy string

// What people can be ordered by.
const (
	OrderByID                      UserOrderBy = "id"
	OrderByCreatedAt               UserOrderBy = "created_at"
	OrderByLastLoginAt             UserOrderBy = "last_login_at"
	OrderByLastLoginIP             UserOrderBy = "last_login_ip"
	OrderByLoginCount              UserOrderBy = "login_count"
	OrderByEmail                   UserOrderBy = "email"
	OrderByUsername                UserOrderBy = "username"
	OrderByAcceptedEULAID          UserOrderBy = "accepted_eula_id"
	OrderByAcceptedPrivacyPolicyID UserOrderBy = "accepted_privacy_policy_id"
)

// UserListRequest asks for a page of people. The zero value asks for the first
// page of everybody.
type UserListRequest struct {
	Filter  UserFilter  `json:"filter"`
	Order   Order       `json:"order,omitempty"`
	OrderBy UserOrderBy `json:"order_by,omitempty"`
	Size    int         `json:"size,omitempty"` // of a page; the server's own measure if it is 0
	Last    string      `json:"last,omitempty"` // UserPage.Last of the page before
}

// UserPage is a page of people.
type UserPage struct {
	Users []User `json:"users"`
	Count int64  `json:"count"`          // how many there are on all pages
	Last  string `json:"last,omitempty"` // asks for the next page; empty on the last one
}

// List returns one page of the people who meet the filter. It calls
// /v2/user/list.
func (s UserService) List(ctx context.Context, r UserListRequest) (*UserPage, error) {
	return result[UserPage](ctx, s.t, "v2/user/list", r)
}

// All returns everybody who meets the filter, asking for one page after the
// other while the loop goes on. After an error it ends.
func (s UserService) All(ctx context.Context, r UserListRequest) iter.Seq2[User, error] {
	return every(r.Last, func(last string) ([]User, string, error) {
		r.Last = last
		page, err := s.List(ctx, r)
		if err != nil {
			return nil, "", err
		}
		return page.Users, page.Last, nil
	})
}

// ProfileService reads and changes profiles. It needs a service token.
type ProfileService struct{ t *transport }

// Get returns a person. It calls /v2/user/profile/get.
func (s ProfileService) Get(ctx context.Context, who UserRef) (*User, error) {
	return result[User](ctx, s.t, "v2/user/profile/get", who)
}

// ProfileUpdateRequest is a change of a profile. Fields that it does not name
// stay as they are; of a field that is in both, Remove is what holds.
type ProfileUpdateRequest struct {
	UserRef
	Set    Profile
	Remove []string
}

// Update changes a profile and returns the person. It calls
// /v2/user/profile/update.
func (s ProfileService) Update(ctx context.Context, r ProfileUpdateRequest) (*User, error) {
	changes := make(map[string]*string, len(r.Set)+len(r.Remove))
	for name, value := range r.Set {
		changes[name] = &value
	}
	for _, name := range r.Remove {
		changes[name] = nil
	}
	return result[User](ctx, s.t, "v2/user/profile/update", struct {
		UserRef
		Profile map[string]*string `json:"profile"`
	}{r.UserRef, changes})
}

// result calls a method that has one.
func result[T any](ctx context.Context, t *transport, path string, in any) (*T, error) {
	out := new(T)
	if err := t.post(ctx, path, in, out); err != nil {
		return nil, err
	}
	return out, nil
}
