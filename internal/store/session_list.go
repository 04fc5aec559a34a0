package store

import "github.com/gatehouse-id/gatehouse/internal/core"

// Sessions returns a page of the sessions that have neither ended nor expired,
// how many match in all, and the cursor of the next page (empty on the last
// one).
func (tx *Tx) Sessions(q core.Query) (sessions []core.LiveSession, total int64, next string, err error) {
	l := sessionList()
	next, err = tx.page(l, q, func(row scanner, extra ...any) error {
		s := core.LiveSession{Token: core.AccessToken{Pool: tx.pool}}
		var created, expires, proved, tokenCreated, tokenExpires int64
		var scopes string
		columns := []any{&s.Session.ID, &s.Session.Address, &s.Session.UserAgent, &created, &expires, &s.Token.ID, &tokenCreated, &tokenExpires, &s.Session.Application, &scopes, &proved}
		user, err := scanUser(row, append(columns, extra...)...)
		s.Session.User, s.Session.CreatedAt, s.Session.ExpiresAt = user.ID, moment(created), moment(expires)
		s.Session.ProvedAt = moment(proved)
		s.Session.Scopes, s.Token.Application, s.Token.Scopes = scopesOf(scopes), s.Session.Application, scopesOf(scopes)
		s.Token.Session, s.Token.User = s.Session.ID, user
		s.Token.CreatedAt, s.Token.ExpiresAt = moment(tokenCreated), moment(tokenExpires)
		sessions = append(sessions, s)
		return err
	})
	if err != nil {
		return nil, 0, "", err
	}
	total, err = tx.matching(l, q)
	return sessions, total, next, err
}

// sessionRows is the sessions with their people, as one set of rows.
const sessionRows = `(
	SELECT s.pool, s.id, s.user_id, s.address, s.user_agent, s.created_at, s.expires_at, s.ended_at, s.token_id, s.token_created_at, s.token_expires_at, s.application, s.scopes, s.proved_at,
		u.email, u.email_key, u.username, u.username_key, u.phone, u.profile, u.email_verified, u.disabled, NOT u.disabled AS enabled, u.login_count,
		u.last_login_at, u.last_login_address, u.accepted_terms, u.accepted_privacy, u.credentials, u.version,
		u.created_at AS user_created_at, u.updated_at AS user_updated_at
	FROM sessions s JOIN users u ON u.pool = s.pool AND u.id = s.user_id) sessions`

// sessionColumns is a person as scanUser reads one, and the session behind.
const sessionColumns = `user_id, email, username, phone, profile, email_verified, disabled, login_count, last_login_at, last_login_address,
	accepted_terms, accepted_privacy, credentials, version, user_created_at, user_updated_at,
	id, address, user_agent, created_at, expires_at, token_id, token_created_at, token_expires_at, application, scopes, proved_at`

// sessionList says what sessions can be searched and sorted by.
func sessionList() list {
	return list{
		table: "sessions", from: sessionRows, live: "ended_at = 0 AND expires_at > %s", columns: sessionColumns, order: "created_at",
		fields: map[string]field{
			"id":         {column: "id", kind: exactText},
			"user":       {column: "user_id", kind: exactText},
			"token":      {column: "token_id", kind: exactText},
			"email":      {column: "email_key", kind: foldedText},
			"username":   {column: "username_key", kind: foldedText},
			"enabled":    {column: "enabled", kind: truth},
			"created_at": {column: "created_at", kind: instant},
			"expires_at": {column: "expires_at", kind: instant},
			"profile": {column: "value_key", kind: foldedText,
				within: `EXISTS (SELECT 1 FROM user_profile_values v WHERE v.pool = $1 AND v.user_id = sessions.user_id AND v.name = %s AND %s)`},
		},
	}
}
