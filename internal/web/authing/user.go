package authing

import "github.com/gatehouse-id/gatehouse/internal/core"

// newUser is a person as the vendor shows one, by the fields of its type User.
// What is not here is not served; what is null does not apply, or is not known.
// The vendor shows a digest of the password; nobody is shown one here.
func newUser(p core.Pool, u core.User) object {
	shown := object{
		"id": UserID(u.ID), "arn": resourceName(p.ID, u.ID), "userPoolId": PoolID(p.ID), "status": "Activated",
		"username": nil, "email": text(u.Email), "emailVerified": u.EmailVerified,
		"phone": text(u.Phone), "phoneVerified": false, "phoneCountryCode": nil,
		"unionid": nil, "openid": nil, "oauth": nil, "identities": []object{}, "registerSource": nil, "password": nil,
		"token": nil, "tokenExpiredAt": nil,
		"loginsCount": u.LoginCount, "lastLogin": showTime(u.LastLoginAt), "lastIP": text(u.LastLoginAddress),
		"signedUp": showTime(u.CreatedAt), "createdAt": showTime(u.CreatedAt), "updatedAt": showTime(u.UpdatedAt),
		"blocked": u.Disabled, "isDeleted": false, "device": nil, "browser": nil, "newlyCreated": false,
		"customData": customData(p.Settings, u.Profile),
	}
	if u.Username != u.Email {
		shown["username"] = text(u.Username)
	}
	for _, w := range profileWords() {
		shown[w.word] = text(u.Profile[w.field])
	}
	if shown["gender"] == nil {
		shown["gender"] = "U"
	}
	return shown
}

// withToken puts the token into a person, from where the SDKs take it.
func withToken(shown object, token string, expires any) object {
	shown["token"], shown["tokenExpiredAt"] = token, expires
	return shown
}
