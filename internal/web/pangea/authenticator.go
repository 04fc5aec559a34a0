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
	Provider  string `json:"provider,omitempty"`
	Name      string `json:"provider_name,omitempty"`
	RPID      string `json:"rpid,omitempty"`
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
}

// authenticatorWords spells the kinds of authenticator.
func authenticatorWords() map[core.AuthenticatorKind]string {
	return map[core.AuthenticatorKind]string{
		core.AuthenticatorPassword:  "password",
		core.AuthenticatorEmailOTP:  "email_otp",
		core.AuthenticatorMagicLink: "magiclink",
		core.AuthenticatorSMSOTP:    "sms_otp",
		core.AuthenticatorTOTP:      "totp",
		core.AuthenticatorPasskey:   "passkey",
		core.AuthenticatorSocial:    "social",
		core.AuthenticatorSAML:      "saml",
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
	settings, err := f.settings(ctx, caller)
	if err != nil {
		return nil, err
	}
	result := authenticatorListResult{Authenticators: make([]authenticator, 0, len(all))}
	for _, a := range all {
		provider, title, err := providerOf(a, caller.Pool, settings)
		if err != nil {
			return nil, err
		}
		phase := "primary"
		if a.Second {
			phase = "secondary"
		}
		result.Authenticators = append(result.Authenticators, authenticator{
			RPID: rpid(a), Provider: provider, Name: title,
			ID: show(prefixFactor, a.ID), Type: authenticatorWords()[a.Kind], Enabled: true, Phase: phase, CreatedAt: showTime(a.CreatedAt), UpdatedAt: showTime(a.UpdatedAt),
		})
	}
	return result, nil
}

// providerOf names the provider whose word an authenticator is, and what people
// see of it; empty for others. A SAML provider goes by its id.
func providerOf(a core.Authenticator, pool core.PoolID, s core.Settings) (name, title string, err error) {
	if !a.Kind.ByProvider() {
		return "", "", nil
	}
	identity, err := a.Identity()
	name, title = identity.Provider, identity.Provider
	for _, p := range s.Providers {
		if p.Name == identity.Provider {
			title = p.Title()
		}
	}
	if a.Kind == core.AuthenticatorSAML {
		name = samlID(name, pool)
	}
	return name, title, err
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
