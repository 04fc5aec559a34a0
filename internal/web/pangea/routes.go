package pangea

import (
	"context"
	"net/http"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// route is one path of the vendor's document.
type route struct {
	method  string
	path    string
	who     keys
	summary string
	lenient bool // takes keys that it does not know, because an SDK sends some
	run     func(f *Face, ctx context.Context, caller core.Caller, in input) (any, error)
}

// keys says which API keys open a route.
type keys int

const (
	anyKey     keys = iota // a client token will do
	serviceKey             // only a service token
)

// routes is every path of the vendor's document, in the order of its pages. A
// line without a handler is not built yet; it answers so.
func routes() []route {
	const post, get = http.MethodPost, http.MethodGet
	return []route{
		{post, "/v2/flow/start", anyKey, "Flow started", true, handler((*Face).flowStart)},
		{post, "/v2/flow/update", anyKey, "Flow updated", false, handler((*Face).flowUpdate)},
		{post, "/v2/flow/restart", anyKey, "Flow updated", false, handler((*Face).flowRestart)},
		{post, "/v2/flow/complete", anyKey, "Flow completed", false, handler((*Face).flowComplete)},

		{post, "/v2/client/userinfo", anyKey, "Login completed", false, handler((*Face).clientUserinfo)},
		{post, "/v2/client/jwks", anyKey, "Keys listed", false, handler((*Face).clientJWKS)},
		{post, "/v2/client/token/check", anyKey, "Token checked", false, handler((*Face).clientTokenCheck)},
		{post, "/v2/client/password/change", anyKey, "Password changed", false, handler((*Face).clientPasswordChange)},
		{post, "/v2/client/session/invalidate", anyKey, "Session invalidated", false, handler((*Face).clientSessionInvalidate)},
		{post, "/v2/client/session/list", anyKey, "Sessions listed", false, handler((*Face).clientSessionList)},
		{post, "/v2/client/session/logout", anyKey, "Logged out", false, handler((*Face).clientSessionLogout)},
		{post, "/v2/client/session/refresh", anyKey, "Session refreshed", false, handler((*Face).clientSessionRefresh)},

		{post, "/v2/session/invalidate", serviceKey, "Session invalidated", false, handler((*Face).sessionInvalidate)},
		{post, "/v2/session/list", serviceKey, "Sessions listed", false, handler((*Face).sessionList)},
		{post, "/v2/session/logout", serviceKey, "Logged out", false, handler((*Face).sessionLogout)},

		{post, "/v2/user/create", serviceKey, "User created", false, handler((*Face).userCreate)},
		{post, "/v2/user/delete", serviceKey, "User deleted", false, handler((*Face).userDelete)},
		{post, "/v2/user/list", serviceKey, "Users listed", false, handler((*Face).userList)},
		{post, "/v2/user/update", serviceKey, "User updated", false, handler((*Face).userUpdate)},
		{post, "/v2/user/profile/get", serviceKey, "User profile", false, handler((*Face).userProfileGet)},
		{post, "/v2/user/profile/update", serviceKey, "User profile updated", false, handler((*Face).userProfileUpdate)},
		{post, "/v2/user/password/expire", serviceKey, "Password expired", false, handler((*Face).userPasswordExpire)},
		{post, "/v2/user/authenticators/delete", serviceKey, "Authenticator deleted", false, handler((*Face).userAuthenticatorsDelete)},
		{post, "/v2/user/authenticators/list", serviceKey, "Authenticators listed", false, handler((*Face).userAuthenticatorsList)},
		{post, "/v2/user/invite", serviceKey, "User invited", false, handler((*Face).userInvite)},
		{post, "/v2/user/invite/delete", serviceKey, "Invite deleted", false, handler((*Face).userInviteDelete)},
		{post, "/v2/user/invite/list", serviceKey, "Invites listed", false, handler((*Face).userInviteList)},
		{post, "/v2/user/group/assign", serviceKey, "Groups assigned", false, handler((*Face).userGroupAssign)},
		{post, "/v2/user/group/list", serviceKey, "Groups listed", false, handler((*Face).userGroupList)},
		{post, "/v2/user/group/remove", serviceKey, "Group removed", false, handler((*Face).userGroupRemove)},

		{post, "/v2/users/import", serviceKey, "Users imported", false, handler((*Face).usersImport)},
		{post, "/v2/users/import/get", serviceKey, "Import details", false, handler((*Face).usersImportGet)},
		{post, "/v2/users/import/list", serviceKey, "Imports listed", false, handler((*Face).usersImportList)},
		{post, "/v2/users/import/validate", serviceKey, "Import validated", false, handler((*Face).usersImportValidate)},
		{post, "/v2/users/sources/upload", serviceKey, "Source uploaded", false, (*Face).usersSourcesUpload},

		{post, "/v2/group/create", serviceKey, "Group created", false, handler((*Face).groupCreate)},
		{post, "/v2/group/delete", serviceKey, "Group deleted", false, handler((*Face).groupDelete)},
		{post, "/v2/group/get", serviceKey, "Group information", false, handler((*Face).groupGet)},
		{post, "/v2/group/list", serviceKey, "Groups listed", false, handler((*Face).groupList)},
		{post, "/v2/group/update", serviceKey, "Group updated", false, handler((*Face).groupUpdate)},
		{post, "/v2/group/user/list", serviceKey, "Users listed", false, handler((*Face).groupUserList)},

		{post, "/v2/agreements/create", serviceKey, "Agreement created", false, handler((*Face).agreementCreate)},
		{post, "/v2/agreements/delete", serviceKey, "Agreement deleted", false, handler((*Face).agreementDelete)},
		{post, "/v2/agreements/list", serviceKey, "Agreements listed", false, handler((*Face).agreementList)},
		{post, "/v2/agreements/update", serviceKey, "Agreement updated", false, handler((*Face).agreementUpdate)},

		{get, "/request/{request_id}", anyKey, "Request", false, (*Face).requestGet},
	}
}

// input is a request whose body nobody has read yet.
type input struct {
	request *http.Request
	lenient bool
}

// common is what a request may hold beside its own keys: the Go SDK adds a
// config_id to any, which says nothing here.
type common struct {
	ConfigID *string `json:"config_id,omitempty"`
}

// handler makes a route of a plain function: the body, which is JSON, is decoded
// strictly and checked before the function sees it.
func handler[In any](fn func(f *Face, ctx context.Context, caller core.Caller, in In) (any, error)) func(*Face, context.Context, core.Caller, input) (any, error) {
	return func(f *Face, ctx context.Context, caller core.Caller, raw input) (any, error) {
		body, err := web.ReadJSON(raw.request)
		if err != nil {
			return nil, err
		}
		var in In
		if err := web.Decode(body, &in, raw.lenient); err != nil {
			return nil, err
		}
		if checked, ok := any(&in).(interface{ check(*problems) }); ok {
			var p problems
			if checked.check(&p); len(p.list) > 0 {
				return nil, core.Invalid(p.list...)
			}
		}
		return fn(f, ctx, caller, in)
	}
}
