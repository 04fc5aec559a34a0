package session

import (
	"context"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

const (
	// logoutLife is how long a logout token is good: for as long as a call
	// may take, with clocks that differ. Each try has one of its own.
	logoutLife = 2 * time.Minute
	// logoutEvent is what a logout token tells of.
	logoutEvent = "http://schemas.openid.net/event/backchannel-logout"
)

// LogoutToken writes the token by which an application is told that a session
// ended (OpenID Connect Back-Channel Logout 1.0 section 2.4). It names the
// person and the session as the application's ID tokens did, and itself by the
// logout's id, so that one that comes twice can be told. It is kept nowhere and
// opens nothing.
func (s *Sessions) LogoutToken(ctx context.Context, pool core.Pool, l core.Logout) (string, error) {
	r, err := s.ready(ctx, core.Caller{Pool: pool.ID}, pool.Settings)
	if err != nil {
		return "", err
	}
	now := s.store.Clock()
	key, ok := r.at(now)
	if !ok {
		return "", errNoKey
	}
	return signClaims(key.logout, map[string]any{
		"iss": r.issuer, "sub": s.Subject(l.User), "aud": s.applicationName(l.Application), "iat": now.Unix(), "exp": now.Add(logoutLife).Unix(),
		"jti": core.Tail(l.ID), "sid": core.Tail(l.Session), "events": map[string]any{logoutEvent: map[string]any{}},
	})
}
