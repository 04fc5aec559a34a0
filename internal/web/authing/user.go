package authing

import "github.com/gatehouse-id/gatehouse/internal/core"

// newUser is a person as the vendor shows one, by the fields of its type User.
// What is not here is not served; what is null does not apply, or is not known.
// The vendor shows a digest of the password; nobody is shown one here.
func newUser(p core.Pool, u core.User) ordered {
	words := profileWords()
	shown := make(ordered, 0, 32+len(words))
	shown = append(shown,
		member{"id", UserID(u.ID)}, member{"arn", resourceName(p.ID, u.ID)}, member{"userPoolId", PoolID(p.ID)}, member{"status", "Activated"},
		member{"username", nil}, member{"email", text(u.Email)}, member{"emailVerified", u.EmailVerified},
		member{"phone", text(u.Phone)}, member{"phoneVerified", false}, member{"phoneCountryCode", nil},
		member{"unionid", nil}, member{"openid", nil}, member{"oauth", nil}, member{"identities", []object{}}, member{"registerSource", nil}, member{"password", nil},
		member{"token", nil}, member{"tokenExpiredAt", nil},
		member{"loginsCount", u.LoginCount}, member{"lastLogin", showTime(u.LastLoginAt)}, member{"lastIP", text(u.LastLoginAddress)},
		member{"signedUp", showTime(u.CreatedAt)}, member{"createdAt", showTime(u.CreatedAt)}, member{"updatedAt", showTime(u.UpdatedAt)},
		member{"blocked", u.Disabled}, member{"isDeleted", false}, member{"device", nil}, member{"browser", nil}, member{"newlyCreated", false},
		member{"customData", customData(p.Settings, u.Profile)},
	)
	if u.Username != u.Email {
		shown.set("username", text(u.Username))
	}
	for _, w := range words {
		value := text(u.Profile[w.field])
		if w.word == "gender" && value == nil {
			value = "U"
		}
		shown = append(shown, member{w.word, value})
	}
	return shown
}

// withToken puts the token into a person, from where the SDKs take it.
func withToken(shown ordered, token string, expires any) ordered {
	shown.set("token", token)
	shown.set("tokenExpiredAt", expires)
	return shown
}
