package authing

import (
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
)

// form is what this face asks of its tokens: they are signed, because the
// JavaScript SDK reads who is signed in out of them, and name the application.
func (v visit) form() session.Form {
	return session.Form{Signed: true, Audience: ApplicationID(v.app), Claims: v.claims}
}

// claimWords lists what of a profile a token says, by the names of OpenID
// Connect (Core 1.0, section 5.1). "profile" is not among them: there our own
// claim of that name is.
func claimWords() map[string]string {
	return map[string]string{
		"name": "name", "nickname": "nickname", "given_name": "first_name", "family_name": "last_name", "middle_name": "middle_name",
		"preferred_username": "preferred_username", "picture": "photo", "website": "website", "gender": "gender", "birthdate": "birthdate",
		"zoneinfo": "zoneinfo", "locale": "locale",
	}
}

// claims is what the vendor's tokens say of a person.
func (v visit) claims(u core.User, id core.TokenID) session.Claims {
	pool, person := PoolID(v.pool.ID), UserID(u.ID)
	username := any(nil)
	if u.Username != u.Email {
		username = u.Username
	}
	more := map[string]any{
		"userpool_id": pool, "email_verified": u.EmailVerified, "phone_number": text(u.Phone), "phone_number_verified": false,
		"updated_at": showTime(u.UpdatedAt),
		"data": map[string]any{
			"type": "user", "userPoolId": pool, "appId": text(ApplicationID(v.app)), "clientId": pool,
			"id": person, "userId": person, "_id": person, "arn": resourceName(v.pool.ID, u.ID),
			"phone": text(u.Phone), "email": u.Email, "username": username, "unionid": nil, "openid": nil,
		},
	}
	for claim, field := range claimWords() {
		more[claim] = text(u.Profile[field])
	}
	return session.Claims{Subject: person, ID: core.Tail(id), More: more}
}
