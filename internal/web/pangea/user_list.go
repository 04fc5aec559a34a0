package pangea

import (
	"context"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

type userList struct {
	common
	Filter  map[string]jsontext.Value `json:"filter"`
	Last    string                    `json:"last"`
	Order   string                    `json:"order"`
	OrderBy string                    `json:"order_by"`
	Size    *int                      `json:"size"`
	UseNew  *bool                     `json:"use_new"` // what older Node SDKs send

	query core.Query
}

func (in *userList) check(p *problems) {
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
		field, ok := userOrders()[in.OrderBy]
		if !ok {
			p.add(core.ProblemChoice, "/order_by", "Users cannot be ordered by this.")
		}
		in.query.OrderBy = field
	}
	in.query.Conditions = p.filter(in.Filter, userFilters())
}

// userOrders is what users can be ordered by. active_token_id is no order of
// users in the vendor's document, but its Python SDK can ask for it.
func userOrders() map[string]string {
	return map[string]string{
		"id": "id", "created_at": "created_at", "last_login_at": "last_login_at", "last_login_ip": "last_login_address",
		"login_count": "login_count", "email": "email", "username": "username", "accepted_eula_id": "accepted_terms",
		"accepted_privacy_policy_id": "accepted_privacy", "active_token_id": "id",
	}
}

// userFilters is what users can be searched by.
func userFilters() map[string]filterField {
	return map[string]filterField{
		"id":                         {field: "id", kind: filterID, prefix: prefixUser, ours: "usr_"},
		"email":                      {field: "email", kind: filterText},
		"username":                   {field: "username", kind: filterText},
		"phone":                      {field: "phone", kind: filterText},
		"created_at":                 {field: "created_at", kind: filterTime},
		"last_login_at":              {field: "last_login_at", kind: filterTime},
		"last_login_ip":              {field: "last_login_address", kind: filterText},
		"login_count":                {field: "login_count", kind: filterNumber},
		"verified":                   {field: "verified", kind: filterBool},
		"disabled":                   {field: "disabled", kind: filterBool},
		"accepted_eula_id":           {field: "accepted_terms", kind: filterText},
		"accepted_privacy_policy_id": {field: "accepted_privacy", kind: filterText},
		"require_mfa":                {kind: filterFalse},
		"last_login_city":            {kind: filterUnknown},
		"last_login_country":         {kind: filterUnknown},
		"scopes":                     {kind: filterNone},
		"profile":                    {kind: filterProfile},
	}
}

type userListResult struct {
	Users []user `json:"users"`
	Count int64  `json:"count"`
	Last  string `json:"last,omitempty"`
}

func (f *Face) userList(ctx context.Context, caller core.Caller, in userList) (any, error) {
	users, total, next, err := f.Directory.List(ctx, caller, in.query)
	if err != nil {
		return nil, err
	}
	result := userListResult{Users: make([]user, 0, len(users)), Count: total, Last: next}
	for _, u := range users {
		result.Users = append(result.Users, newUser(u))
	}
	return result, nil
}
