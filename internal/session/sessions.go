package session

import (
	"context"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Sessions keeps the sessions of all pools, and remembers the tokens in use.
type Sessions struct {
	store *store.Store
	memo  *store.Memo[core.AccessToken]
}

// New makes the keeper of a store's sessions.
func New(st *store.Store) *Sessions {
	return &Sessions{store: st, memo: store.NewMemo[core.AccessToken](st, 100_000)}
}

// Pending is a session about to start: its ids and secrets, made before the
// transaction that starts it.
type Pending struct {
	sessions *Sessions
	session  core.SessionID
	token    core.TokenID
	refresh  string
	access   string
}

// Prepare makes the ids and secrets of a session.
func (s *Sessions) Prepare() Pending {
	return Pending{sessions: s, session: core.NewSessionID(), token: core.NewTokenID(), refresh: secret.Random(), access: secret.Random()}
}

// Start starts the session for a person. It returns [core.CodeDisabled] for
// somebody who may not come in.
func (p Pending) Start(tx *store.Tx, user core.User, settings core.Settings) (core.Grant, error) {
	now := tx.Now()
	if err := tx.CountLogin(user.ID, user.Credentials); err != nil {
		return core.Grant{}, err
	}
	caller := tx.Caller()
	refreshUntil := now.Add(time.Duration(settings.RefreshLife))
	err := tx.PutSession(core.Session{
		ID: p.session, User: user.ID, Address: caller.Address, UserAgent: cut(caller.UserAgent, maxUserAgent), CreatedAt: now, ExpiresAt: refreshUntil,
	})
	if err != nil {
		return core.Grant{}, err
	}
	if err := tx.Record(core.Event{Name: core.EventSignedIn, Target: string(user.ID), Data: map[string]string{"session": string(p.session)}}); err != nil {
		return core.Grant{}, err
	}
	return p.tokens(tx, user, settings)
}

// maxUserAgent is how much of a browser's description is kept, in bytes.
const maxUserAgent = 256

// cut shortens text to n bytes, and not in the midst of a character.
func cut(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }

// tokens stores the session's next pair of tokens.
func (p Pending) tokens(tx *store.Tx, user core.User, settings core.Settings) (core.Grant, error) {
	now := tx.Now()
	g := core.Grant{
		User:    user,
		Refresh: core.Credential{Token: p.refresh, ID: string(p.session), CreatedAt: now, ExpiresAt: now.Add(time.Duration(settings.RefreshLife))},
		Access:  core.Credential{Token: p.access, ID: string(p.token), CreatedAt: now, ExpiresAt: now.Add(time.Duration(settings.AccessLife))},
	}
	err := tx.PutRefresh(p.sessions.refreshHash(p.refresh), store.Refresh{Session: p.session, CreatedAt: now, ExpiresAt: g.Refresh.ExpiresAt})
	if err != nil {
		return core.Grant{}, err
	}
	err = tx.PutAccess(p.sessions.accessHash(p.access), core.AccessToken{ID: p.token, Session: p.session, CreatedAt: now, ExpiresAt: g.Access.ExpiresAt})
	return g, err
}

// Check returns what a person's token stands for. It returns
// [core.CodeTokenInvalid] for one that is unknown in the caller's pool or was
// revoked, and [core.CodeTokenExpired] for one past its time.
func (s *Sessions) Check(ctx context.Context, caller core.Caller, token string) (core.AccessToken, error) {
	t, err := s.find(ctx, caller, token)
	if err == nil && !time.Now().Before(t.ExpiresAt) {
		return core.AccessToken{}, core.Fail(core.CodeTokenExpired, "This token is past its time.")
	}
	return t, err
}

// find returns what a token stands for, past its time or not.
func (s *Sessions) find(ctx context.Context, caller core.Caller, token string) (core.AccessToken, error) {
	if !secret.IsText(token) {
		return core.AccessToken{}, core.Fail(core.CodeTokenInvalid, "This token is unknown or was revoked.")
	}
	hash := s.accessHash(token)
	return s.memo.Get(string(caller.Pool)+string(hash), func() (core.AccessToken, []store.Change, error) {
		var t core.AccessToken
		err := s.store.As(caller).View(ctx, func(tx *store.Tx) (err error) {
			t, err = tx.AccessToken(hash)
			return err
		})
		return t, []store.Change{
			{Pool: caller.Pool, Kind: store.ChangeSession, Ref: string(t.Session)},
			{Pool: caller.Pool, Kind: store.ChangeUser, Ref: string(t.User.ID)},
		}, err
	})
}

// SignOut ends the session that a token belongs to. A token past its time
// still ends it; for one that is unknown or revoked it returns
// [core.CodeTokenInvalid].
func (s *Sessions) SignOut(ctx context.Context, caller core.Caller, token string) error {
	t, err := s.find(ctx, caller, token)
	if err != nil {
		return err
	}
	caller.Actor = core.Actor{Kind: core.ActorPerson, ID: string(t.User.ID)}
	return s.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		ended, err := tx.EndSession(t.Session)
		if err != nil {
			return err
		}
		if !ended {
			return core.Fail(core.CodeTokenInvalid, "This token is unknown or was revoked.")
		}
		return tx.Record(core.Event{Name: core.EventSignedOut, Target: string(t.User.ID), Reason: reasonLogout, Data: map[string]string{"session": string(t.Session)}})
	})
}

func (s *Sessions) accessHash(token string) []byte {
	return s.store.Keys().Lookup("access token", token)
}

func (s *Sessions) refreshHash(token string) []byte {
	return s.store.Keys().Lookup("refresh token", token)
}
