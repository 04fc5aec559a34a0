package pangea

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
)

// invite is an invitation as the vendor shows one, with all of its keys: the
// Python SDK requires each.
type invite struct {
	ID         string `json:"id"`
	Inviter    string `json:"inviter"`
	InviteOrg  string `json:"invite_org"`
	Email      string `json:"email"`
	Callback   string `json:"callback"`
	State      string `json:"state"`
	RequireMFA bool   `json:"require_mfa"`
	CreatedAt  string `json:"created_at"`
	Expire     string `json:"expire"`
}

func newInvite(i core.Invitation) invite {
	return invite{
		ID: show(prefixInvite, i.ID), Inviter: i.Inviter, Email: i.Email, Callback: i.Callback, State: i.State,
		CreatedAt: showTime(i.CreatedAt), Expire: showTime(i.ExpiresAt),
	}
}

// inviteID reads an invitation's id. A ticket of another kind names none.
func inviteID(text string) core.InvitationID {
	return core.InvitationID("inv_" + read(prefixInvite, text))
}

type userInvite struct {
	common
	Inviter  string  `json:"inviter"`
	Email    string  `json:"email"`
	Callback string  `json:"callback"`
	State    string  `json:"state"`
	ClientID *string `json:"client_id"` // of an OAuth client; taken and not kept
}

func (in *userInvite) check(p *problems) {
	if p.required("/inviter", in.Inviter) {
		p.email("/inviter", in.Inviter)
	}
	if p.required("/email", in.Email) {
		p.email("/email", in.Email)
	}
	p.required("/callback", in.Callback)
	if p.required("/state", in.State) {
		p.callbackState("/state", in.State)
	}
	if in.ClientID != nil {
		p.required("/client_id", *in.ClientID)
		p.secret("/client_id", *in.ClientID, "psa_")
	}
}

// callbackState wants the vendor's pattern of a state.
func (p *problems) callbackState(pointer, value string) {
	const shortest, longest = 8, 999
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("_-+/=.", r)
	}
	switch {
	case len(value) < shortest:
		p.add(core.ProblemTooShort, pointer, "A state has at least 8 characters.")
	case len(value) > longest:
		p.add(core.ProblemTooLong, pointer, "A state has at most 999 characters.")
	case strings.ContainsFunc(value, odd):
		p.add(core.ProblemFormat, pointer, "A state has letters, digits and _ - + / = . only.")
	}
}

func (f *Face) userInvite(ctx context.Context, caller core.Caller, in userInvite) (any, error) {
	p, err := f.Pools.Get(ctx, caller.Pool)
	if err != nil {
		return nil, err
	}
	i, err := f.Invitations.Invite(ctx, caller, p, directory.NewInvitation{Inviter: in.Inviter, Email: in.Email, Callback: in.Callback, State: in.State})
	if err != nil {
		return nil, err
	}
	return newInvite(i), nil
}

type userInviteDelete struct {
	common
	ID string `json:"id"`
}

func (in *userInviteDelete) check(p *problems) {
	if p.required("/id", in.ID) {
		p.ticket("/id", in.ID)
	}
}

// userInviteDelete answers null, which the Python SDK's own tests ask for.
func (f *Face) userInviteDelete(ctx context.Context, caller core.Caller, in userInviteDelete) (any, error) {
	return nil, f.Invitations.Delete(ctx, caller, inviteID(in.ID))
}

type userInviteList struct {
	common
	Filter  map[string]jsontext.Value `json:"filter"`
	Last    string                    `json:"last"`
	Order   string                    `json:"order"`
	OrderBy string                    `json:"order_by"`
	Size    *int                      `json:"size"`

	query core.Query
}

func (in *userInviteList) check(p *problems) {
	in.query = core.Query{After: in.Last, Size: core.DefaultPage, Descending: in.Order == "desc"}
	if in.Order != "" && in.Order != "asc" && in.Order != "desc" {
		p.add(core.ProblemChoice, "/order", "An order is asc or desc.")
	}
	if in.Size != nil {
		if *in.Size < 1 {
			p.add(core.ProblemTooSmall, "/size", "A page has at least 1 entry.")
		}
		in.query.Size = *in.Size
	}
	if in.OrderBy != "" {
		field, ok := inviteOrders()[in.OrderBy]
		if !ok {
			p.add(core.ProblemChoice, "/order_by", "Invites cannot be ordered by this.")
		}
		in.query.OrderBy = field
	}
	in.query.Conditions = p.filter(in.Filter, inviteFilters())
}

// inviteOrders is what invites can be ordered by. The type and the
// organisation are the same for all of them, so the id decides there.
func inviteOrders() map[string]string {
	return map[string]string{
		"id": "id", "created_at": "created_at", "type": "id", "expire": "expires_at", "callback": "callback", "state": "state",
		"email": "email", "inviter": "inviter", "invite_org": "id",
	}
}

// inviteFilters is what invites can be searched by. signup is what the Go SDK
// sends for is_signup.
func inviteFilters() map[string]filterField {
	return map[string]filterField{
		"id":          {field: "id", kind: filterID, prefix: prefixInvite, ours: "inv_"},
		"email":       {field: "email", kind: filterText},
		"inviter":     {field: "inviter", kind: filterText},
		"callback":    {field: "callback", kind: filterText},
		"state":       {field: "state", kind: filterText},
		"created_at":  {field: "created_at", kind: filterTime},
		"expire":      {field: "expires_at", kind: filterTime},
		"invite_org":  {kind: filterFixed},
		"require_mfa": {kind: filterFalse},
		"is_signup":   {kind: filterTrue},
		"signup":      {kind: filterTrue},
	}
}

type userInviteListResult struct {
	Invites []invite `json:"invites"`
	Count   int64    `json:"count"`
	Last    string   `json:"last,omitempty"`
}

func (f *Face) userInviteList(ctx context.Context, caller core.Caller, in userInviteList) (any, error) {
	all, total, next, err := f.Invitations.List(ctx, caller, in.query)
	if err != nil {
		return nil, err
	}
	result := userInviteListResult{Invites: make([]invite, 0, len(all)), Count: total, Last: next}
	for _, i := range all {
		result.Invites = append(result.Invites, newInvite(i))
	}
	return result, nil
}
