package session

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// GiveClientToken makes a token that stands for an application and for no
// person (RFC 6749 section 4.4), whatever kind the pool's tokens are: nothing
// that looks for a person's token finds it.
func (s *Sessions) GiveClientToken(ctx context.Context, caller core.Caller, settings core.Settings, app core.Application, scopes []string) (string, core.ClientToken, error) {
	text, t := secret.Random(), core.ClientToken{ID: core.NewTokenID(), Application: app.ID, Scopes: scopes}
	err := s.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		// It may have been removed since it proved who it is.
		if _, err := tx.Application(app.ID); err != nil {
			return err
		}
		t.CreatedAt, t.ExpiresAt = tx.Now(), tx.Now().Add(time.Duration(cmp.Or(app.Client.TokenLife, settings.OAuthClientLife)))
		if err := tx.PutClientToken(s.clientHash(text), t); err != nil {
			return err
		}
		return tx.Record(core.Event{Name: core.EventClientToken, Target: string(app.ID), Data: map[string]string{"scopes": strings.Join(scopes, " ")}})
	})
	return text, t, err
}

// ClientToken returns what an application's own token stands for. It returns
// [core.CodeTokenInvalid] for one that is unknown, and [core.CodeTokenExpired]
// for one past its time.
func (s *Sessions) ClientToken(ctx context.Context, caller core.Caller, token string) (t core.ClientToken, err error) {
	if !secret.IsText(token) {
		return t, core.Fail(core.CodeTokenInvalid, "This token is unknown or was revoked.")
	}
	err = s.store.As(caller).View(ctx, func(tx *store.Tx) error {
		t, err = tx.ClientToken(s.clientHash(token))
		return err
	})
	if err == nil && !s.store.Clock().Before(t.ExpiresAt) {
		return core.ClientToken{}, core.Fail(core.CodeTokenExpired, "This token is past its time.")
	}
	return t, err
}

// RevokeClientToken ends an application's own token. Another's stays.
func (s *Sessions) RevokeClientToken(ctx context.Context, caller core.Caller, app core.ApplicationID, token string) error {
	if !secret.IsText(token) {
		return core.Fail(core.CodeTokenInvalid, "This token is unknown or was revoked.")
	}
	return s.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		gone, err := tx.DeleteClientToken(app, s.clientHash(token))
		if err == nil && !gone {
			err = core.Fail(core.CodeTokenInvalid, "This token is unknown or was revoked.")
		}
		return err
	})
}

func (s *Sessions) clientHash(token string) []byte {
	return s.store.Keys().Lookup("client token", token)
}
