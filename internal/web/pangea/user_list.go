package pangea

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

type userList struct {
	common
	listRequest
	UseNew *bool `json:"use_new"` // what older Node SDKs send

	query core.Query
}

func (in *userList) check(p *problems) { in.query = in.read(p, userFilters(), userOrders()) }

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
		"accepted_eula_id":           {field: "accepted_terms", kind: filterID, prefix: prefixText, ours: "agr_"},
		"accepted_privacy_policy_id": {field: "accepted_privacy", kind: filterID, prefix: prefixText, ours: "agr_"},
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
	shown, err := f.usersWithGroups(ctx, caller, users)
	return userListResult{Users: shown, Count: total, Last: next}, err
}
