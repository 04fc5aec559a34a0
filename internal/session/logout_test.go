package session_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// A logout token says what OpenID Connect Back-Channel Logout 1.0 section 2.4
// lists, names person and session as the ID token did, and is verified by the
// keys that the pool publishes. Each try has the same id. It opens nothing.
func TestLogoutToken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newSignedHouse(t, s)
		for _, format := range []string{core.TokenOpaque, core.TokenSigned} {
			h.settings.TokenFormat = format
			app := h.application(t, core.GrantKinds(), "openid", "email")
			given := h.exchange(t, app, h.authorize(t, asks(app, "openid", "email")))
			id := part(t, given.IDToken, 1)
			pool, err := h.store.Across().Pool(t.Context(), h.app.Pool)
			must(t, err)
			l := core.Logout{ID: core.NewMessageID(), Application: app.ID, Session: core.SessionID(given.Refresh.ID), User: h.user.ID}
			var first string
			for try := range 2 {
				before := time.Now()
				token, err := h.sessions.LogoutToken(t.Context(), pool, l)
				must(t, err)
				published, err := h.sessions.KeySet(t.Context(), h.app, h.settings)
				must(t, err)
				if header := part(t, token, 0); header["typ"] != "logout+jwt" || header["alg"] != "ES256" || header["kid"] != string(published[0].ID) || len(header) != 3 {
					t.Errorf("the logout token is headed %v", header)
				}
				read, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.ES256})
				must(t, err)
				var claims map[string]any
				must(t, read.Claims(published[0].Public, &claims))
				if names := slices.Sorted(maps.Keys(claims)); !slices.Equal(names, []string{"aud", "events", "exp", "iat", "iss", "jti", "sid", "sub"}) {
					t.Errorf("law: a logout token says this and no more, above all no nonce; it says %v", names)
				}
				for _, name := range []string{"iss", "sub", "aud", "sid"} {
					if claims[name] != id[name] || id[name] == "" {
						t.Errorf("law: %s is that of the ID token; it is %v, and was %v", name, claims[name], id[name])
					}
				}
				if mustJSON(t, claims["events"]) != `{"http://schemas.openid.net/event/backchannel-logout":{}}` {
					t.Errorf("it tells of %v", claims["events"])
				}
				iat, exp := claims["iat"].(float64), claims["exp"].(float64)
				if exp-iat != 120 || iat < float64(before.Unix()) {
					t.Errorf("law: it is good for two minutes from each try on; it is from %v to %v", iat, exp)
				}
				if jti := claims["jti"].(string); jti != core.Tail(l.ID) || try == 1 && jti != first {
					t.Errorf("law: it has the same id in every try; it is %s, and was %s", jti, first)
				} else {
					first = jti
				}
				if h.look(t, token) != core.CodeTokenInvalid {
					t.Error("law: a logout token is no access token")
				}
				if _, err := h.sessions.ReadHint(t.Context(), h.app, token); !core.Is(err, core.CodeTokenInvalid) {
					t.Errorf("law: a logout token is no ID token; got %v", err)
				}
			}
		}

		// A pool that has signed nothing yet makes its key for it.
		fresh := storetest.Pool(t, s, "fresh", nil)
		pool, err := s.Across().Pool(t.Context(), fresh)
		must(t, err)
		sessions := session.New(s, session.Spelling{})
		_, err = sessions.LogoutToken(t.Context(), pool, core.Logout{ID: core.NewMessageID()})
		must(t, err)
		if keys, err := sessions.Keys(t.Context(), core.Caller{Pool: fresh}); err != nil || len(keys) != 1 {
			t.Errorf("it has %d keys (%v)", len(keys), err)
		}
	})
}
