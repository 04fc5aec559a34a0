package session

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Sessions keeps the sessions of all pools, and remembers the tokens in use.
type Sessions struct {
	store    *store.Store
	memo     *store.Memo[core.AccessToken]
	rings    *store.Memo[*ring]
	verified *store.Memo[verified]
	spelling Spelling
}

// New makes the keeper of a store's sessions.
func New(st *store.Store, spelling Spelling) *Sessions {
	return &Sessions{
		store: st, spelling: spelling,
		memo: store.NewMemo[core.AccessToken](st, 100_000), rings: store.NewMemo[*ring](st, 10_000), verified: store.NewMemo[verified](st, maxVerified),
	}
}

// Pending is a session about to start: its ids and secrets, made before the
// transaction that starts it.
type Pending struct {
	sessions *Sessions
	session  core.SessionID
	token    core.TokenID
	refresh  string
	access   string
	ring     *ring // the pool's keys, if something is to be signed
	signed   bool  // the access token is
	form     Form
	client   *recipient // the application that the tokens are for; nil: the person themselves
	address  string     // from where the person came; empty: from where the caller did
}

// Prepare makes the ids and secrets of a session.
func (s *Sessions) Prepare(ctx context.Context, caller core.Caller, settings core.Settings) (Pending, error) {
	return s.PrepareAs(ctx, caller, settings, Form{})
}

// PrepareAs is Prepare for a face that asks for a form of the token.
func (s *Sessions) PrepareAs(ctx context.Context, caller core.Caller, settings core.Settings, form Form) (Pending, error) {
	p := Pending{sessions: s, form: form, session: core.NewSessionID(), token: core.NewTokenID(), refresh: secret.Random(), access: secret.Random()}
	return p.withKeys(ctx, caller, settings)
}

// withKeys adds the pool's keys if the tokens are to be signed.
func (p Pending) withKeys(ctx context.Context, caller core.Caller, settings core.Settings) (Pending, error) {
	p.signed = settings.TokenFormat == core.TokenSigned || p.form.Signed
	if !p.signed && p.client == nil {
		return p, nil
	}
	var err error
	p.ring, err = p.sessions.ready(ctx, caller, settings)
	return p, err
}

// Start starts the session for a person. It returns [core.CodeDisabled] for
// somebody who may not come in.
func (p Pending) Start(tx *store.Tx, user core.User, settings core.Settings) (core.Grant, error) {
	now := tx.Now()
	caller := tx.Caller()
	address := cmp.Or(p.address, caller.Address)
	if err := tx.CountLogin(user.ID, user.Credentials, address); err != nil {
		return core.Grant{}, err
	}
	s := core.Session{
		ID: p.session, User: user.ID, Address: address, UserAgent: cut(caller.UserAgent, maxUserAgent), CreatedAt: now, ExpiresAt: now.Add(time.Duration(settings.RefreshLife)),
	}
	data := map[string]string{"session": string(p.session)}
	if p.client != nil {
		s.Application, s.Scopes, s.ProvedAt = p.client.app.ID, p.client.scopes, p.client.provedAt
		data["application"] = string(s.Application)
		if !p.client.refreshes() {
			s.ExpiresAt = now.Add(p.client.life(settings))
		}
	}
	if err := tx.PutSession(s); err != nil {
		return core.Grant{}, err
	}
	if err := tx.Record(core.Event{Name: core.EventSignedIn, Target: string(user.ID), Data: data}); err != nil {
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
	access := time.Duration(settings.AccessLife)
	if p.client != nil {
		access = p.client.life(settings)
	}
	g := core.Grant{
		User:    user,
		Refresh: core.Credential{Token: p.refresh, ID: string(p.session), CreatedAt: now, ExpiresAt: now.Add(time.Duration(settings.RefreshLife))},
		Access:  core.Credential{Token: p.access, ID: string(p.token), CreatedAt: now, ExpiresAt: now.Add(access)},
	}
	if p.client != nil && !p.client.refreshes() {
		g.Refresh.Token = ""
	} else if err := tx.PutRefresh(p.sessions.refreshHash(p.refresh), store.Refresh{Session: p.session, CreatedAt: now, ExpiresAt: g.Refresh.ExpiresAt}); err != nil {
		return core.Grant{}, err
	}
	if p.ring != nil {
		// As the tokens say them, in whole seconds.
		g.Access.CreatedAt, g.Access.ExpiresAt = now.Truncate(time.Second), now.Truncate(time.Second).Add(access).Truncate(time.Second)
		if key, _ := p.ring.at(g.Access.CreatedAt); key.TokenLife < access || key.RefreshLife < time.Duration(settings.RefreshLife) {
			if err := tx.LengthenSigningKey(key.ID, access, time.Duration(settings.RefreshLife)); err != nil {
				return core.Grant{}, err
			}
		}
	}
	hash, err := p.write(&g, settings)
	if err != nil {
		return core.Grant{}, err
	}
	err = tx.PutAccess(hash, core.AccessToken{ID: p.token, Session: p.session, Scopes: g.Scopes, CreatedAt: g.Access.CreatedAt, ExpiresAt: g.Access.ExpiresAt})
	return g, err
}

// write puts what is signed into a grant, and returns the hash under which the
// access token is kept. It writes the same for the same grant.
func (p Pending) write(g *core.Grant, settings core.Settings) (hash []byte, err error) {
	hash = p.sessions.accessHash(p.access)
	if p.signed {
		if hash, err = p.sign(g, settings); err != nil {
			return nil, err
		}
	}
	if p.client != nil {
		g.Scopes = p.client.scopes
		g.IDToken, err = p.idToken(*g, settings)
	}
	return hash, err
}

// sign puts the signed token into a grant, and returns the hash under which it
// is kept. It takes some tens of microseconds, and so may stand in a
// transaction.
func (p Pending) sign(g *core.Grant, settings core.Settings) (hash []byte, err error) {
	key, ok := p.ring.at(g.Access.CreatedAt)
	if !ok {
		return nil, errNoKey
	}
	g.Access.Token, hash, err = p.sessions.sign(key, p.ring.issuer, p.form, p.client, settings, g.User, g.Access)
	return hash, err
}

// errNoKey is a pool without a key that signs, though one was made for it.
var errNoKey = errors.New("the pool has no signing key")

// Check returns what a person's own token stands for. It returns
// [core.CodeTokenInvalid] for one that is unknown in the caller's pool, was
// revoked, or was given to an application, which may do what its scopes say and
// not what the person may; and [core.CodeTokenExpired] for one past its time.
func (s *Sessions) Check(ctx context.Context, caller core.Caller, token string) (core.AccessToken, error) {
	t, err := s.Look(ctx, caller, token)
	if err == nil && t.Application != "" {
		return core.AccessToken{}, core.Fail(core.CodeTokenInvalid, "This token is unknown or was revoked.")
	}
	return t, err
}

// Look is Check for who wants to know what a token is, whomever it was given to.
// An application's says with its scopes what of the person may be shown: see
// [core.User.For].
func (s *Sessions) Look(ctx context.Context, caller core.Caller, token string) (core.AccessToken, error) {
	t, err := s.find(ctx, caller, token)
	if err == nil && !s.store.Clock().Before(t.ExpiresAt) {
		return core.AccessToken{}, core.Fail(core.CodeTokenExpired, "This token is past its time.")
	}
	return t, err
}

// find returns what a token stands for, past its time or not.
func (s *Sessions) find(ctx context.Context, caller core.Caller, token string) (core.AccessToken, error) {
	if !secret.IsText(token) {
		return s.findSigned(ctx, caller, token)
	}
	return s.kept(ctx, caller, s.accessHash(token))
}

// kept returns what the token stands for that is kept under a hash.
func (s *Sessions) kept(ctx context.Context, caller core.Caller, hash []byte) (core.AccessToken, error) {
	return s.memo.Get(string(caller.Pool)+string(hash), func() (core.AccessToken, []store.Change, error) {
		var t core.AccessToken
		err := s.store.As(caller).View(ctx, func(tx *store.Tx) (err error) {
			t, err = tx.AccessToken(hash)
			return err
		})
		needs := []store.Change{
			{Pool: caller.Pool, Kind: store.ChangeSession, Ref: string(t.Session)},
			{Pool: caller.Pool, Kind: store.ChangeUser, Ref: string(t.User.ID)},
		}
		if t.Application != "" {
			needs = append(needs, store.Change{Pool: caller.Pool, Kind: store.ChangeApplication, Ref: string(t.Application)})
		}
		return t, needs, err
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
