package authing

import (
	"context"
	"errors"
	"net/http"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// usersMe answers who the token's person is, with the token.
func (f *Face) usersMe(ctx context.Context, v visit, _ *http.Request) (any, error) {
	return f.user(ctx, v, nil)
}

// user is the GraphQL form of the same. Whose id is given must be the caller's
// own: other people are for the management API.
func (f *Face) user(ctx context.Context, v visit, args arguments) (any, error) {
	t, err := f.person(ctx, v)
	if err != nil {
		return nil, err
	}
	if id := args.text("id"); id != "" && read[core.UserID](prefixUser, id) != t.User.ID {
		return nil, core.Fail(core.CodeForbidden, "")
	}
	return withToken(newUser(v.pool, t.User), v.bearer, showTime(t.ExpiresAt)), nil
}

// checkLoginStatus tells whether a token works: the one in the argument, else
// the one in the header. One that does not is an answer and no error.
func (f *Face) checkLoginStatus(ctx context.Context, v visit, args arguments) (any, error) {
	if given := args.text("token"); given != "" {
		v.bearer, v.token = given, f.ReadToken(given)
	}
	t, err := f.person(ctx, v)
	if errors.Is(err, faultNotSignedIn) || core.Is(err, core.CodeTokenInvalid) || core.Is(err, core.CodeTokenExpired) {
		expired := errorWords()[core.CodeTokenExpired]
		return object{"code": expired.code, "message": v.say(expired.zh, expired.en), "status": false, "exp": nil, "iat": nil, "data": nil}, nil
	}
	if err != nil {
		return nil, err
	}
	return object{
		"code": codeSuccess, "message": v.say("已登录", "Signed in"), "status": true, "exp": t.ExpiresAt.Unix(), "iat": t.CreatedAt.Unix(),
		"data": object{"id": UserID(t.User.ID), "userPoolId": PoolID(v.pool.ID), "arn": resourceName(v.pool.ID, t.User.ID)},
	}, nil
}

// logout ends the session that the token belongs to, for every application of
// the pool and every face.
func (f *Face) logout(ctx context.Context, v visit, _ *http.Request) (any, error) {
	if v.bearer == "" {
		return nil, faultNotSignedIn
	}
	return nil, f.Sessions.SignOut(ctx, v.caller, v.token)
}

// wellKnown tells with which key passwords are encrypted on their way here.
func (f *Face) wellKnown(ctx context.Context, v visit, _ *http.Request) (any, error) {
	if !v.pool.Settings.PasswordEncrypted {
		return nil, faultEncryptionOff
	}
	keys, err := f.Pools.PasswordKeys(ctx, v.caller)
	if err != nil {
		return nil, err
	}
	return object{"publicKey": keys.Given().Public}, nil
}
