package core

import "time"

// Session is a person's stay: begun by a sign-in, carried on by refresh
// tokens, ended by a logout, an expiry, or a change that ends all of a
// person's sessions.
type Session struct {
	ID        SessionID
	User      UserID
	Address   string
	UserAgent string
	// Application is to which the person signed in by OAuth 2.0; empty: to none,
	// and the session is the person's own.
	Application ApplicationID
	Scopes      []string  // that the application was granted
	ProvedAt    time.Time // when the person proved who they are; zero: when it began
	CreatedAt   time.Time
	ExpiresAt   time.Time // grows with each refresh
	EndedAt     time.Time // zero while it lives
}

// AccessToken is what a person's token stands for, without the token: what a
// check of it answers. It is immutable, so that one may be shared.
type AccessToken struct {
	ID      TokenID
	Pool    PoolID
	Session SessionID
	User    User
	// Application is to which the session belongs, if to any; Scopes is what the
	// token may be used for then.
	Application ApplicationID
	Scopes      []string
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// LiveSession is a session that has neither ended nor expired, with the newest
// token of it and its person.
type LiveSession struct {
	Session Session
	Token   AccessToken // may be past its time; good for all that the session is, as far as is told
}

// Credential is a token in a person's hands, given out once.
type Credential struct {
	Token     string // the secret, without any prefix: see secret.Random
	ID        string // the session's id for a refresh token, else the token's
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Grant is what a completed sign-in or a refresh gives.
type Grant struct {
	User    User
	Refresh Credential // without a token where an application may have none
	Access  Credential
	// For an application: what its access token may be used for, and its ID token
	// (OpenID Connect Core 1.0 section 2), empty if it asked for none.
	Scopes  []string
	IDToken string
}
