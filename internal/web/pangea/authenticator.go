package pangea

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// authenticator is one way in which a person proves who they are, as the
// vendor shows it.
type authenticator struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Enabled   bool   `json:"enabled"`
	Phase     string `json:"phase"`
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
}

// authenticatorWord is how a kind of authenticator is spelled, and in which
// phase it counts.
type authenticatorWord struct{ kind, phase string }

func authenticatorWords() map[core.AuthenticatorKind]authenticatorWord {
	return map[core.AuthenticatorKind]authenticatorWord{
		core.AuthenticatorPassword: {"password", "primary"},
	}
}

type authenticatorListResult struct {
	Authenticators []authenticator `json:"authenticators"`
}

func (f *Face) userAuthenticatorsList(ctx context.Context, caller core.Caller, in userSelect) (any, error) {
	all, err := f.Directory.Authenticators(ctx, caller, in.ref())
	if err != nil {
		return nil, err
	}
	result := authenticatorListResult{Authenticators: make([]authenticator, 0, len(all))}
	for _, a := range all {
		word := authenticatorWords()[a.Kind]
		result.Authenticators = append(result.Authenticators, authenticator{
			ID: show(prefixFactor, a.ID), Type: word.kind, Enabled: true, Phase: word.phase, CreatedAt: showTime(a.CreatedAt), UpdatedAt: showTime(a.UpdatedAt),
		})
	}
	return result, nil
}

type userAuthenticatorsDelete struct {
	common
	userRef
	AuthenticatorID string `json:"authenticator_id"`
}

func (in *userAuthenticatorsDelete) check(p *problems) {
	in.checkRef(p)
	if p.required("/authenticator_id", in.AuthenticatorID) {
		p.secret("/authenticator_id", in.AuthenticatorID, prefixFactor)
	}
}

func (f *Face) userAuthenticatorsDelete(ctx context.Context, caller core.Caller, in userAuthenticatorsDelete) (any, error) {
	settings, err := f.settings(ctx, caller)
	if err != nil {
		return nil, err
	}
	id := core.AuthenticatorID("aut_" + read(prefixFactor, in.AuthenticatorID))
	return empty{}, f.Directory.RemoveAuthenticator(ctx, caller, settings, in.ref(), id)
}

type userPasswordExpire struct {
	common
	ID string `json:"id"`
}

func (in *userPasswordExpire) check(p *problems) {
	if p.required("/id", in.ID) {
		p.identity("/id", in.ID)
	}
}

func (f *Face) userPasswordExpire(ctx context.Context, caller core.Caller, in userPasswordExpire) (any, error) {
	settings, err := f.settings(ctx, caller)
	if err != nil {
		return nil, err
	}
	return empty{}, f.Directory.ExpirePassword(ctx, caller, settings, userID(in.ID))
}
