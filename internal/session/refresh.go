package session

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Refresh exchanges a refresh token for the session's next pair of tokens.
//
// A refresh token is spent by its first use. For the time of the pool's grace
// the spent one answers the very same pair, because two tabs of one browser,
// or a client that lost the answer, are no thieves; the pair is derived from
// the spent token, so that nothing but hashes is stored. After that a second
// use means that two parties hold the token, and ends the session.
//
// access is the person's token, expired or not; it may be empty unless the
// pool asks for it, and must belong to the same session. For anything wrong
// with either it returns [core.CodeTokenInvalid] or [core.CodeTokenExpired],
// for somebody disabled [core.CodeTokenInvalid].
func (s *Sessions) Refresh(ctx context.Context, caller core.Caller, settings core.Settings, refresh, access string) (core.Grant, error) {
	if access == "" && settings.RefreshNeedsAccess {
		return core.Grant{}, core.Fail(core.CodeTokenInvalid, "This pool asks for the person's token in a refresh.")
	}
	return s.refreshFor(ctx, caller, settings, refresh, access, nil)
}

// refreshFor is Refresh, of a session with a client if there is one.
func (s *Sessions) refreshFor(ctx context.Context, caller core.Caller, settings core.Settings, refresh, access string, client *recipient) (core.Grant, error) {
	invalid := core.Fail(core.CodeTokenInvalid, "This refresh token is unknown or was revoked.")
	if !secret.IsText(refresh) || (access != "" && !secret.IsText(access) && !LooksSigned(access)) {
		return core.Grant{}, invalid
	}
	var proof []byte // the hash of the person's token, nil for none
	if access != "" {
		var err error
		if proof, err = s.hash(ctx, caller, access); err != nil {
			return core.Grant{}, err
		}
	}
	keys := s.store.Keys()
	next, err := Pending{
		sessions: s, token: core.TokenID("tok_" + keys.Derive("next token id", refresh)),
		refresh: keys.Derive("next refresh token", refresh), access: keys.Derive("next access token", refresh), client: client,
	}.withKeys(ctx, caller, settings)
	if err != nil {
		return core.Grant{}, err
	}
	var grant core.Grant
	var refused error
	err = s.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		grant, refused = core.Grant{}, nil
		spent, first, err := tx.SpendRefresh(s.refreshHash(refresh))
		if err != nil {
			return err
		}
		if !first {
			grant, refused, err = s.again(tx, settings, refresh, proof, next)
			return err
		}
		next.session = spent.Session
		grant, err = s.carryOn(tx, settings, next, proof)
		return err
	})
	if err == nil {
		err = refused
	}
	return grant, err
}

// carryOn gives the session its next tokens and lets the ones before run out.
func (s *Sessions) carryOn(tx *store.Tx, settings core.Settings, next Pending, proof []byte) (core.Grant, error) {
	session, user, err := tx.LiveSession(next.session)
	if err != nil {
		return core.Grant{}, err
	}
	if user.Disabled {
		return core.Grant{}, core.Fail(core.CodeTokenInvalid, "This refresh token is unknown or was revoked.")
	}
	if next.client, err = next.client.fits(session); err != nil {
		return core.Grant{}, err
	}
	if err := s.goesWith(tx, settings, session.ID, proof); err != nil {
		return core.Grant{}, err
	}
	if err := tx.ShortenAccess(session.ID, tx.Now().Add(time.Duration(settings.RefreshGrace))); err != nil {
		return core.Grant{}, err
	}
	if err := tx.ExtendSession(session.ID, tx.Now().Add(time.Duration(settings.RefreshLife))); err != nil {
		return core.Grant{}, err
	}
	if err := tx.Record(core.Event{Name: core.EventRefreshed, Target: string(user.ID), Data: map[string]string{"session": string(session.ID)}}); err != nil {
		return core.Grant{}, err
	}
	return next.tokens(tx, user, settings)
}

// goesWith refuses a person's token that is not one of the session.
func (s *Sessions) goesWith(tx *store.Tx, settings core.Settings, session core.SessionID, proof []byte) error {
	if proof == nil {
		return nil
	}
	t, err := tx.AccessToken(proof)
	if err != nil && !core.Is(err, core.CodeTokenInvalid) {
		return err
	}
	if (err != nil && settings.RefreshNeedsAccess) || (err == nil && t.Session != session) {
		return core.Fail(core.CodeTokenInvalid, "The person's token is not one of this session.")
	}
	return nil
}

// again answers a refresh token that was used before. What it refuses is
// returned apart from the error, because ending the session must be kept.
func (s *Sessions) again(tx *store.Tx, settings core.Settings, refresh string, proof []byte, next Pending) (grant core.Grant, refused, err error) {
	invalid := core.Fail(core.CodeTokenInvalid, "This refresh token is unknown or was revoked.")
	spent, err := tx.RefreshToken(s.refreshHash(refresh))
	if core.Is(err, core.CodeTokenInvalid) {
		return core.Grant{}, invalid, nil
	}
	if err != nil {
		return core.Grant{}, nil, err
	}
	if spent.SpentAt.IsZero() {
		return core.Grant{}, core.Fail(core.CodeTokenExpired, "This refresh token is past its time."), nil
	}
	if grace := time.Duration(settings.RefreshGrace); grace > 0 && tx.Now().Sub(spent.SpentAt) <= grace {
		if err := s.goesWith(tx, settings, spent.Session, proof); core.Is(err, core.CodeTokenInvalid) {
			return core.Grant{}, err, nil
		} else if err != nil {
			return core.Grant{}, nil, err
		}
		return s.same(tx, settings, next)
	}
	ended, err := tx.EndSession(spent.Session)
	if err != nil {
		return core.Grant{}, nil, err
	}
	if ended {
		err = tx.Record(core.Event{Name: core.EventRefreshReused, Target: string(spent.Session)})
	}
	return core.Grant{}, invalid, err
}

// same returns the pair that the first use of the token made.
func (s *Sessions) same(tx *store.Tx, settings core.Settings, next Pending) (grant core.Grant, refused, err error) {
	refresh, err := tx.RefreshToken(s.refreshHash(next.refresh))
	var session core.Session
	if err == nil {
		session, _, err = tx.LiveSession(refresh.Session)
	}
	if err == nil {
		if next.client, err = next.client.fits(session); errors.Is(err, ErrScope) {
			return core.Grant{}, err, nil
		}
	}
	if err == nil {
		hash := s.accessHash(next.access)
		if next.signed {
			hash = s.signedHash(s.spell(core.User{}, next.token).ID)
		}
		var access core.AccessToken
		if access, err = tx.AccessToken(hash); err == nil {
			grant = core.Grant{
				User:    access.User,
				Refresh: core.Credential{Token: next.refresh, ID: string(refresh.Session), CreatedAt: refresh.CreatedAt, ExpiresAt: refresh.ExpiresAt},
				Access:  core.Credential{Token: next.access, ID: string(access.ID), CreatedAt: access.CreatedAt, ExpiresAt: access.ExpiresAt},
			}
			if next.client != nil {
				next.client.scopes = access.Scopes // as they were when it was made
			}
			_, err = next.write(&grant, settings)
			return grant, nil, err
		}
	}
	if core.Is(err, core.CodeTokenInvalid) {
		return core.Grant{}, err, nil
	}
	return core.Grant{}, nil, err
}
