package pangea

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// Claims spells a person's signed token. The vendor's browser packages look
// for what they know under two spellings, and a token that carries both serves
// both. Nothing is known of the address here, so that the intelligence is empty.
func Claims(u core.User, id core.TokenID) session.Claims {
	return session.Claims{
		Subject: UserID(u.ID), ID: show(prefixTokenID, id),
		More: map[string]any{
			"intelligence": empty{}, "pangea.profile": u.Profile, "pangea.intelligence": empty{}, "pangea.claims": empty{},
		},
	}
}

type clientJWKS struct{ common }

func (f *Face) clientJWKS(ctx context.Context, caller core.Caller, _ clientJWKS) (any, error) {
	settings, err := f.settings(ctx, caller)
	if err != nil {
		return nil, err
	}
	keys, err := f.Sessions.KeySet(ctx, caller, settings)
	if err != nil {
		return nil, err
	}
	return web.NewKeySet(keys)
}
