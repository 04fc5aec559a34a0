package store

import (
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// PutSession stores a new session.
func (tx *Tx) PutSession(s core.Session) error {
	_, err := tx.exec(`
		INSERT INTO sessions (pool, id, user_id, address, user_agent, created_at, expires_at, ended_at, application, scopes, proved_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9, $10)`,
		string(s.ID), string(s.User), s.Address, s.UserAgent, micros(s.CreatedAt), micros(s.ExpiresAt), string(s.Application), strings.Join(s.Scopes, " "), micros(s.ProvedAt))
	return err
}

// LiveSession returns a session that has neither ended nor expired, with its
// person. For any other it returns [core.CodeTokenInvalid].
func (tx *Tx) LiveSession(id core.SessionID) (core.Session, core.User, error) {
	s := core.Session{ID: id}
	var created, expires, proved int64
	var scopes string
	err := tx.row(`
		SELECT user_id, address, user_agent, created_at, expires_at, application, scopes, proved_at
		FROM sessions WHERE pool = $1 AND id = $2 AND ended_at = 0 AND expires_at > $3`,
		string(id), micros(tx.now)).Scan(&s.User, &s.Address, &s.UserAgent, &created, &expires, &s.Application, &scopes, &proved)
	if err != nil {
		return core.Session{}, core.User{}, invalidToken(err)
	}
	s.CreatedAt, s.ExpiresAt, s.ProvedAt, s.Scopes = moment(created), moment(expires), moment(proved), scopesOf(scopes)
	user, err := tx.User(s.User)
	if core.Is(err, core.CodeNotFound) {
		// Somebody was deleted while the session began.
		return core.Session{}, core.User{}, invalidToken(sql.ErrNoRows)
	}
	return s, user, err
}

// EndSession ends a session; it returns false if it had ended before.
func (tx *Tx) EndSession(id core.SessionID) (bool, error) {
	ended := over{session: id}
	err := tx.row(`UPDATE sessions SET ended_at = $3 WHERE pool = $1 AND id = $2 AND ended_at = 0 RETURNING user_id, application`, string(id), micros(tx.now)).
		Scan(&ended.user, &ended.application)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if err := tx.tellOf([]over{ended}); err != nil {
		return false, err
	}
	return true, tx.changed(ChangeSession, string(id))
}

// EndSessionsOf ends a person's sessions, except for one (empty: none is
// spared), and returns how many those were.
func (tx *Tx) EndSessionsOf(user core.UserID, except core.SessionID) (int64, error) {
	ended, err := tx.ended(user, `UPDATE sessions SET ended_at = $4 WHERE pool = $1 AND user_id = $2 AND id <> $3 AND ended_at = 0 RETURNING id, application`,
		string(except), micros(tx.now))
	if err != nil || len(ended) == 0 {
		return 0, err
	}
	if err := tx.tellOf(ended); err != nil {
		return 0, err
	}
	return int64(len(ended)), tx.changed(ChangeUser, string(user))
}

// ended runs what ends sessions of a person, who is $2, and returns those that
// it names by their ids and applications.
func (tx *Tx) ended(user core.UserID, statement string, args ...any) (ended []over, err error) {
	err = tx.rows(func(row scanner) error {
		one := over{user: user}
		err := row.Scan(&one.session, &one.application)
		ended = append(ended, one)
		return err
	}, statement, append([]any{string(user)}, args...)...)
	return ended, err
}

// ExtendSession lets a session live until a later time.
func (tx *Tx) ExtendSession(id core.SessionID, until time.Time) error {
	_, err := tx.exec(`UPDATE sessions SET expires_at = $3 WHERE pool = $1 AND id = $2 AND expires_at < $3`, string(id), micros(until))
	return err
}

// Refresh is a stored refresh token.
type Refresh struct {
	Session   core.SessionID
	CreatedAt time.Time
	ExpiresAt time.Time
	SpentAt   time.Time // zero while unspent
}

// PutRefresh stores a refresh token under its keyed hash.
func (tx *Tx) PutRefresh(hash []byte, r Refresh) error {
	_, err := tx.exec(`INSERT INTO refresh_tokens (pool, hash, session_id, created_at, expires_at, spent_at) VALUES ($1, $2, $3, $4, $5, 0)`,
		hash, string(r.Session), micros(r.CreatedAt), micros(r.ExpiresAt))
	return err
}

// SpendRefresh spends a refresh token. Of any number who try at once, one gets
// true; it returns false for one that is unknown, spent or past its time.
func (tx *Tx) SpendRefresh(hash []byte) (Refresh, bool, error) {
	r := Refresh{SpentAt: tx.now}
	var created, expires int64
	err := tx.row(`
		UPDATE refresh_tokens SET spent_at = $3 WHERE pool = $1 AND hash = $2 AND spent_at = 0 AND expires_at > $3
		RETURNING session_id, created_at, expires_at`, hash, micros(tx.now)).Scan(&r.Session, &created, &expires)
	if errors.Is(err, sql.ErrNoRows) {
		return Refresh{}, false, nil
	}
	r.CreatedAt, r.ExpiresAt = moment(created), moment(expires)
	return r, err == nil, err
}

// RefreshToken returns a stored refresh token, spent or not. For an unknown
// one it returns [core.CodeTokenInvalid].
func (tx *Tx) RefreshToken(hash []byte) (Refresh, error) {
	var r Refresh
	var created, expires, spent int64
	err := tx.row(`SELECT session_id, created_at, expires_at, spent_at FROM refresh_tokens WHERE pool = $1 AND hash = $2`, hash).
		Scan(&r.Session, &created, &expires, &spent)
	r.CreatedAt, r.ExpiresAt, r.SpentAt = moment(created), moment(expires), moment(spent)
	return r, invalidToken(err)
}

// PutAccess stores an access token under its keyed hash, as its session's
// newest. Without scopes it is good for all that the session is.
func (tx *Tx) PutAccess(hash []byte, t core.AccessToken) error {
	_, err := tx.exec(`INSERT INTO access_tokens (pool, hash, id, session_id, created_at, expires_at, scopes) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		hash, string(t.ID), string(t.Session), micros(t.CreatedAt), micros(t.ExpiresAt), strings.Join(t.Scopes, " "))
	if err != nil {
		return err
	}
	_, err = tx.exec(`UPDATE sessions SET token_id = $3, token_created_at = $4, token_expires_at = $5 WHERE pool = $1 AND id = $2`,
		string(t.Session), string(t.ID), micros(t.CreatedAt), micros(t.ExpiresAt))
	return err
}

// ShortenAccess lets the session's access tokens made before now end by a time
// at the latest.
func (tx *Tx) ShortenAccess(id core.SessionID, until time.Time) error {
	n, err := tx.exec(`UPDATE access_tokens SET expires_at = $3 WHERE pool = $1 AND session_id = $2 AND expires_at > $3`, string(id), micros(until))
	if err != nil || n == 0 {
		return err
	}
	_, err = tx.exec(`UPDATE sessions SET token_expires_at = $3 WHERE pool = $1 AND id = $2 AND token_expires_at > $3`, string(id), micros(until))
	if err != nil {
		return err
	}
	return tx.changed(ChangeSession, string(id))
}

// AccessToken returns what a token stands for, by its keyed hash, whether past
// its time or not. For one that is unknown, or whose session has ended, it
// returns [core.CodeTokenInvalid].
func (tx *Tx) AccessToken(hash []byte) (core.AccessToken, error) {
	t := core.AccessToken{Pool: tx.pool}
	var created, expires int64
	var scopes, all string
	row := tx.row(`
		SELECT t.id, t.session_id, t.created_at, t.expires_at, COALESCE(t.scopes, ''), s.user_id, s.application, s.scopes
		FROM access_tokens t JOIN sessions s ON s.pool = t.pool AND s.id = t.session_id
		WHERE t.pool = $1 AND t.hash = $2 AND s.ended_at = 0`, hash)
	if err := row.Scan(&t.ID, &t.Session, &created, &expires, &scopes, &t.User.ID, &t.Application, &all); err != nil {
		return core.AccessToken{}, invalidToken(err)
	}
	if scopes == "" {
		scopes = all
	}
	t.CreatedAt, t.ExpiresAt, t.Scopes = moment(created), moment(expires), scopesOf(scopes)
	user, err := tx.User(t.User.ID)
	if core.Is(err, core.CodeNotFound) || (err == nil && user.Disabled) {
		return core.AccessToken{}, invalidToken(sql.ErrNoRows)
	}
	t.User = user
	return t, err
}

func invalidToken(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return core.Fail(core.CodeTokenInvalid, "This token is unknown or was revoked.")
	}
	return err
}
