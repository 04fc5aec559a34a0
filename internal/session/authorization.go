package session

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// authorized is what the ticket of an authorization code carries, and the answer
// to a device code.
type authorized struct {
	codeData
	core.Authorization
	Resolved string    `json:"resolved,omitempty"` // where the code was sent
	ProvedAt time.Time `json:"proved_at"`
}

// PutAuthorization stores an authorization code (RFC 6749 section 4.1.2): what
// the application to which somebody signs in exchanges for tokens.
func (s *Sessions) PutAuthorization(tx *store.Tx, code string, flow core.FlowID, user core.User, a core.Authorization, redirect string, settings core.Settings) error {
	data, err := json.Marshal(authorized{codeData{user.ID, user.Credentials, tx.Caller().Address}, a, redirect, tx.Now()})
	if err != nil {
		return err
	}
	return tx.PutTicket(s.authorizationHash(code), core.Ticket{
		Purpose: core.TicketOAuth, Subject: string(flow), Data: string(data), ExpiresAt: tx.Now().Add(time.Duration(settings.OAuthCodeLife)),
	})
}

// ExchangeAuthorization starts the session that an authorization code stands
// for, with the application that it was made for. The code works once, whatever
// comes of it: what another application, another redirect or another verifier
// (RFC 7636 section 4.6) comes with is in other hands. One that comes again
// ends what it began (RFC 6749 section 4.1.2). All of these are
// [core.CodeTicketInvalid].
func (s *Sessions) ExchangeAuthorization(ctx context.Context, caller core.Caller, settings core.Settings, app core.Application, code, redirect, verifier string) (core.Grant, error) {
	invalid := core.Fail(core.CodeTicketInvalid, "This code is unknown, was used, is past its time, or was made for something else.")
	if !secret.IsText(code) {
		return core.Grant{}, invalid
	}
	pending, err := s.PrepareFor(ctx, caller, settings, app, nil)
	if err != nil {
		return core.Grant{}, err
	}
	// The session has the same id each time, so that it is found by the code.
	pending.session = core.SessionID("ses_" + s.store.Keys().Derive("session of an authorization code", code))
	var grant core.Grant
	var refused error
	err = s.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		grant, refused = core.Grant{}, nil
		ticket, err := tx.UseTicket(core.TicketOAuth, s.authorizationHash(code))
		if core.Is(err, core.CodeTicketInvalid) {
			refused = invalid
			return s.endReused(tx, pending.session)
		}
		if err != nil {
			return err
		}
		var data authorized
		if err := json.Unmarshal([]byte(ticket.Data), &data); err != nil {
			return err
		}
		if data.Application != app.ID || !data.returnsTo(redirect) || !data.provedBy(verifier) {
			refused = invalid
			return nil
		}
		user, err := data.person(tx)
		if core.Is(err, core.CodeTicketInvalid) {
			refused = invalid
			return nil
		}
		if err != nil {
			return err
		}
		grant, err = pending.begin(tx, data, user, settings)
		return err
	})
	if err == nil {
		err = refused
	}
	return grant, err
}

// person is who authorized it, as long as they come in as they did then. It
// returns [core.CodeTicketInvalid] for somebody who is gone or does not.
func (a authorized) person(tx *store.Tx) (core.User, error) {
	user, err := tx.User(a.User)
	if core.Is(err, core.CodeNotFound) || (err == nil && user.Credentials != a.Credentials) {
		return core.User{}, core.Fail(core.CodeTicketInvalid, "The person is gone, or their credentials have changed.")
	}
	return user, err
}

// begin starts the session that a person authorized, with the application that
// it was prepared for.
func (p Pending) begin(tx *store.Tx, a authorized, user core.User, settings core.Settings) (core.Grant, error) {
	p.address = a.Address
	granted := recipient{app: p.client.app, nonce: a.Nonce, provedAt: a.ProvedAt}
	granted.scopes = granted.may(a.Given())
	p.client = &granted
	return p.Start(tx, user, settings)
}

// returnsTo reports whether this is the redirect that the code was asked for
// with. Where none was named, none has to be.
func (a authorized) returnsTo(redirect string) bool {
	if a.Redirect == "" {
		return redirect == "" || redirect == a.Resolved
	}
	return redirect == a.Redirect
}

// provedBy reports whether this is the verifier of the code's challenge. Without
// a challenge there must be none, else it was lost on the way (RFC 9700 section
// 4.8.2).
func (a authorized) provedBy(verifier string) bool {
	if a.Challenge == "" || verifier == "" {
		return a.Challenge == verifier
	}
	sum := sha256.Sum256([]byte(verifier))
	return subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(a.Challenge)) == 1
}

// endReused ends the session that a code began, if it began one.
func (s *Sessions) endReused(tx *store.Tx, id core.SessionID) error {
	session, _, err := tx.LiveSession(id)
	if core.Is(err, core.CodeTokenInvalid) {
		return nil
	}
	if err != nil {
		return err
	}
	ended, err := tx.EndSession(id)
	if err != nil || !ended {
		return err
	}
	return tx.Record(core.Event{Name: core.EventSignedOut, Target: string(session.User), Reason: reasonCodeReused, Data: map[string]string{"session": string(id)}})
}

// PrepareFor is Prepare for a session with an application, which gets these
// scopes of it.
func (s *Sessions) PrepareFor(ctx context.Context, caller core.Caller, settings core.Settings, app core.Application, scopes []string) (Pending, error) {
	p := Pending{
		sessions: s, session: core.NewSessionID(), token: core.NewTokenID(), refresh: secret.Random(), access: secret.Random(),
		client: &recipient{app: app, scopes: scopes, provedAt: s.store.Clock()},
	}
	return p.withKeys(ctx, caller, settings)
}

// RefreshFor is Refresh for an application, which has to be the session's. It
// may ask for less than it was granted; scopes is nil for all of that. For more
// it returns an error with the cause [ErrScope], and nothing is spent.
func (s *Sessions) RefreshFor(ctx context.Context, caller core.Caller, settings core.Settings, app core.Application, refresh string, scopes []string) (core.Grant, error) {
	return s.refreshFor(ctx, caller, settings, refresh, "", &recipient{app: app, scopes: scopes})
}

// LookRefresh returns the living session that a refresh token carries on, with
// its person and until when. It returns [core.CodeTokenInvalid] for one that is
// unknown, spent, revoked or past its time, and changes nothing.
func (s *Sessions) LookRefresh(ctx context.Context, caller core.Caller, refresh string) (session core.Session, user core.User, until time.Time, err error) {
	invalid := core.Fail(core.CodeTokenInvalid, "This refresh token is unknown or was revoked.")
	if !secret.IsText(refresh) {
		return session, user, until, invalid
	}
	err = s.store.As(caller).View(ctx, func(tx *store.Tx) error {
		stored, err := tx.RefreshToken(s.refreshHash(refresh))
		if err != nil {
			return err
		}
		if !stored.SpentAt.IsZero() || !tx.Now().Before(stored.ExpiresAt) {
			return invalid
		}
		session, user, err = tx.LiveSession(stored.Session)
		until = stored.ExpiresAt
		if err == nil && user.Disabled {
			err = invalid
		}
		return err
	})
	return session, user, until, err
}

// EndFor ends the session that an application's token belongs to: its access
// token or its refresh token, spent or past its time too. It returns
// [core.CodeTokenInvalid] for a token that is none, and [core.CodeForbidden] for
// one that another application or the person was given.
func (s *Sessions) EndFor(ctx context.Context, caller core.Caller, app core.ApplicationID, access, refresh string) error {
	var id core.SessionID
	if access != "" {
		t, err := s.find(ctx, caller, access)
		if err != nil {
			return err
		}
		id = t.Session
	} else {
		if !secret.IsText(refresh) {
			return core.Fail(core.CodeTokenInvalid, "This refresh token is unknown or was revoked.")
		}
		err := s.store.As(caller).View(ctx, func(tx *store.Tx) error {
			stored, err := tx.RefreshToken(s.refreshHash(refresh))
			id = stored.Session
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.EndSessionFor(ctx, caller, app, id)
}

// EndSessionFor is EndFor for a session that is known by its id.
func (s *Sessions) EndSessionFor(ctx context.Context, caller core.Caller, app core.ApplicationID, id core.SessionID) error {
	return s.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		session, _, err := tx.LiveSession(id)
		if err != nil {
			return err
		}
		if session.Application != app {
			return core.Fail(core.CodeForbidden, "This token was given to somebody else.")
		}
		ended, err := tx.EndSession(id)
		if err != nil || !ended {
			return err
		}
		return tx.Record(core.Event{Name: core.EventSignedOut, Target: string(session.User), Reason: reasonLogout, Data: map[string]string{"session": string(id), "application": string(app)}})
	})
}

func (s *Sessions) authorizationHash(code string) []byte {
	return s.store.Keys().Lookup("authorization code", code)
}
