package authn

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// InvitesService keeps the invitations that were not accepted yet. It needs a
// service token. [UserService.Invite] makes one.
type InvitesService struct{ t *transport }

// Invite is an invitation. Its id is not the secret of its mail, but
// [FlowService.Start] takes it with a service token.
type Invite struct {
	ID         string    `json:"id"`
	Inviter    string    `json:"inviter"`
	InviteOrg  string    `json:"invite_org"`
	Email      string    `json:"email"`
	Callback   string    `json:"callback"`
	State      string    `json:"state"`
	RequireMFA bool      `json:"require_mfa"`
	CreatedAt  time.Time `json:"created_at"`
	Expire     time.Time `json:"expire"`
}

// InviteRequest is what somebody is invited with.
type InviteRequest struct {
	Inviter  string `json:"inviter"` // an e-mail address, which need not be anybody's
	Email    string `json:"email"`
	Callback string `json:"callback"` // where the browser is sent after the sign-up; must be registered with the pool
	State    string `json:"state"`    // comes back with the browser; 8 characters at least
}

// Invite invites somebody to sign up, by a mail with a link. An address that
// has an account is the problem ItemNotUnique at /email. It calls
// /v2/user/invite.
func (s UserService) Invite(ctx context.Context, r InviteRequest) (*Invite, error) {
	return result[Invite](ctx, s.t, "v2/user/invite", r)
}

// InviteFilter says which invitations a list is of. All that it says must hold;
// a field that is left zero says nothing.
type InviteFilter struct {
	ID         TextFilter
	Inviter    TextFilter
	InviteOrg  TextFilter
	Email      TextFilter
	Callback   TextFilter
	State      TextFilter
	CreatedAt  TimeFilter
	Expire     TimeFilter
	IsSignup   *bool
	RequireMFA *bool
}

// MarshalJSON writes the filter as the server reads it: by keys such as
// "email__contains".
func (f InviteFilter) MarshalJSON() ([]byte, error) {
	keys := map[string]any{}
	for name, c := range map[string]TextFilter{
		"id": f.ID, "inviter": f.Inviter, "invite_org": f.InviteOrg, "email": f.Email, "callback": f.Callback, "state": f.State,
	} {
		c.put(keys, name)
	}
	for name, c := range map[string]TimeFilter{"created_at": f.CreatedAt, "expire": f.Expire} {
		c.put(keys, name)
	}
	for name, b := range map[string]*bool{"is_signup": f.IsSignup, "require_mfa": f.RequireMFA} {
		put(keys, name, b, b != nil)
	}
	return json.Marshal(keys)
}

// InviteOrderBy is what a list of invitations is ordered by.
type InviteOrderBy string

// What invitations can be ordered by.
const (
	InvitesByID        InviteOrderBy = "id"
	InvitesByCreatedAt InviteOrderBy = "created_at"
	InvitesByType      InviteOrderBy = "type"
	InvitesByExpire    InviteOrderBy = "expire"
	InvitesByCallback  InviteOrderBy = "callback"
	InvitesByState     InviteOrderBy = "state"
	InvitesByEmail     InviteOrderBy = "email"
	InvitesByInviter   InviteOrderBy = "inviter"
	InvitesByInviteOrg InviteOrderBy = "invite_org"
)

// InviteListRequest asks for a page of invitations. The zero value asks for the
// first page of all.
type InviteListRequest struct {
	Filter  InviteFilter  `json:"filter"`
	Order   Order         `json:"order,omitempty"`
	OrderBy InviteOrderBy `json:"order_by,omitempty"`
	Size    int           `json:"size,omitempty"` // of a page; the server's own measure if it is 0
	Last    string        `json:"last,omitempty"` // InvitePage.Last of the page before
}

// InvitePage is a page of invitations.
type InvitePage struct {
	Invites []Invite `json:"invites"`
	Count   int64    `json:"count"`          // how many there are on all pages
	Last    string   `json:"last,omitempty"` // asks for the next page; empty on the last one
}

// List returns one page of the invitations that meet the filter. What was used,
// deleted or has expired is not among them. It calls /v2/user/invite/list.
func (s InvitesService) List(ctx context.Context, r InviteListRequest) (*InvitePage, error) {
	return result[InvitePage](ctx, s.t, "v2/user/invite/list", r)
}

// All returns every invitation that meets the filter, asking for one page after
// the other while the loop goes on. After an error it ends.
func (s InvitesService) All(ctx context.Context, r InviteListRequest) iter.Seq2[Invite, error] {
	return every(r.Last, func(last string) ([]Invite, string, error) {
		r.Last = last
		page, err := s.List(ctx, r)
		if err != nil {
			return nil, "", err
		}
		return page.Invites, page.Last, nil
	})
}

// Delete takes an invitation back: its link is of no use any more. One that is
// unknown or over is [StatusNotFound]. It calls /v2/user/invite/delete.
func (s InvitesService) Delete(ctx context.Context, id string) error {
	return s.t.post(ctx, "v2/user/invite/delete", struct {
		ID string `json:"id"`
	}{id}, nil)
}
