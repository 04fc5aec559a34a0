package pangea

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// empty is the result of what has none.
type empty struct{}

type clientUserinfo struct {
	common
	Code   string `json:"code"`
	FlowID string `json:"flow_id"`
}

func (in *clientUserinfo) check(p *problems) {
	if p.required("/code", in.Code) {
		p.ticket("/code", in.Code)
	}
	p.secret("/flow_id", in.FlowID, prefixFlow)
}

func (f *Face) clientUserinfo(ctx context.Context, caller core.Caller, in clientUserinfo) (any, error) {
	settings, err := f.settings(ctx, caller)
	if err != nil {
		return nil, err
	}
	var id core.FlowID
	if in.FlowID != "" {
		id = flowID(in.FlowID)
	}
	grant, err := f.Sessions.ExchangeCode(ctx, caller, settings, read(prefixCode, in.Code), id)
	if err != nil {
		return nil, err
	}
	return credentials(grant), nil
}

type clientTokenCheck struct {
	common
	Token string `json:"token"`
}

func (in *clientTokenCheck) check(p *problems) {
	if p.required("/token", in.Token) {
		p.token("/token", in.Token, prefixUserTok, prefixRefresh, prefixService, prefixClient, "pti_")
	}
}

func (f *Face) clientTokenCheck(ctx context.Context, caller core.Caller, in clientTokenCheck) (any, error) {
	t, err := f.Sessions.Look(ctx, caller, ReadUserToken(in.Token))
	if err != nil {
		return nil, err
	}
	user := t.User
	if t.Application != "" {
		user = user.For(t.Scopes) // whoever has the token learns what it may
	}
	return describe(user, typeUser, string(t.ID), t.CreatedAt, t.ExpiresAt).forApplication(t.Application, t.Scopes), nil
}

type clientPasswordChange struct {
	common
	Token       string `json:"token"`
	OldPassword string `json:"old_password"`
	NewPassword string `json:"new_password"`
}

func (in *clientPasswordChange) check(p *problems) {
	p.userToken(in.Token)
	p.required("/old_password", in.OldPassword)
	p.required("/new_password", in.NewPassword)
}

func (f *Face) clientPasswordChange(ctx context.Context, caller core.Caller, in clientPasswordChange) (any, error) {
	settings, err := f.settings(ctx, caller)
	if err != nil {
		return nil, err
	}
	t, err := f.Sessions.Check(ctx, caller, ReadUserToken(in.Token))
	if err != nil {
		return nil, err
	}
	return empty{}, f.Passwords.Change(ctx, caller, settings, t, secret.Text(in.OldPassword), secret.Text(in.NewPassword))
}

type clientToken struct {
	common
	Token string `json:"token"`
}

func (in *clientToken) check(p *problems) {
	p.userToken(in.Token)
}

func (f *Face) clientSessionLogout(ctx context.Context, caller core.Caller, in clientToken) (any, error) {
	return empty{}, f.Sessions.SignOut(ctx, caller, ReadUserToken(in.Token))
}

type clientSessionRefresh struct {
	common
	RefreshToken string `json:"refresh_token"`
	UserToken    string `json:"user_token"` // "" from the browser package where it has none
}

func (in *clientSessionRefresh) check(p *problems) {
	if p.required("/refresh_token", in.RefreshToken) {
		p.secret("/refresh_token", in.RefreshToken, prefixRefresh)
	}
	p.token("/user_token", in.UserToken, prefixUserTok)
}

func (f *Face) clientSessionRefresh(ctx context.Context, caller core.Caller, in clientSessionRefresh) (any, error) {
	settings, err := f.settings(ctx, caller)
	if err != nil {
		return nil, err
	}
	grant, err := f.Sessions.Refresh(ctx, caller, settings, read(prefixRefresh, in.RefreshToken), ReadUserToken(in.UserToken))
	if err != nil {
		return nil, err
	}
	return credentials(grant), nil
}
