package pangea_test

import (
	"bytes"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// told is the pool's events of these names, oldest first, with their reasons.
func (s *server) told(t *testing.T, names ...core.EventName) []string {
	t.Helper()
	var all []string
	for _, e := range s.Events(t, s.app) {
		if slices.Contains(names, e.Name) {
			all = append(all, string(e.Name)+" "+e.Reason+" by "+string(e.Actor.Kind))
		}
	}
	slices.Reverse(all)
	return all
}

// O17: what declares a password bad ends the sessions that it opened, unless
// the pool says otherwise.
func TestO17ExpiryAndRemovalEndSessions(t *testing.T) {
	for _, ends := range []bool{true, false} {
		each(t, map[string]any{"password.change_ends_sessions": ends}, func(t *testing.T, s *server) {
			for path, body := range map[string]func(id string) string{
				"/v2/user/password/expire": func(id string) string { return `{"id":"` + id + `"}` },
				"/v2/user/authenticators/delete": func(id string) string {
					factor := s.post(t, "/v2/user/authenticators/list", `{"id":"`+id+`"}`).field(t, "authenticators", "0", "id")
					return `{"id":"` + id + `","authenticator_id":"` + factor + `"}`
				},
			} {
				user := s.Person(t, s.app, "ana@example.org")
				s.Person(t, s.app, "bob@example.org")
				ana, bob := s.signIn(t, "ana@example.org"), s.signIn(t, "bob@example.org")
				if a := s.post(t, path, body("pui_"+core.Tail(user.ID))); a.status != http.StatusOK || string(a.Result) != "{}" {
					t.Fatalf("%s: %s", path, a.body)
				}
				checked := s.post(t, "/v2/client/token/check", `{"token":"`+ana.user+`"}`)
				if ended := checked.Status == "InvalidToken"; ended != ends {
					t.Errorf("%s where sessions end (%t): the person's token is %s", path, ends, checked.Status)
				}
				refreshed := s.post(t, "/v2/client/session/refresh", `{"refresh_token":"`+ana.refresh+`"}`)
				if ended := refreshed.Status == "InvalidToken"; ended != ends {
					t.Errorf("%s where sessions end (%t): the refresh token is %s", path, ends, refreshed.Status)
				}
				if a := s.post(t, "/v2/client/token/check", `{"token":"`+bob.user+`"}`); a.status != http.StatusOK {
					t.Errorf("%s ended somebody else's session: %s", path, a.body)
				}
				for _, email := range []string{"ana@example.org", "bob@example.org"} {
					if a := s.post(t, "/v2/user/delete", `{"email":"`+email+`"}`); a.status != http.StatusOK {
						t.Fatalf("%s", a.body)
					}
				}
			}
			if told := s.told(t, core.EventPasswordExpired, core.EventFactorRemoved); len(told) != 2 {
				t.Errorf("what was told of it: %q", told)
			}
		})
	}
}

// Whoever ends a session, the audit trail says so once, and why.
func TestEndsOfSessionsAreTold(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		user := s.Person(t, s.app, "ana@example.org")
		id := func() string { return s.post(t, "/v2/session/list", `{"size":1}`).field(t, "sessions", "0", "id") }
		ana := s.signIn(t, "ana@example.org")
		s.post(t, "/v2/client/session/invalidate", `{"token":"`+ana.user+`","session_id":"`+id()+`"}`)
		s.signIn(t, "ana@example.org")
		s.post(t, "/v2/session/invalidate", `{"session_id":"`+id()+`"}`)
		s.signIn(t, "ana@example.org")
		s.post(t, "/v2/session/invalidate", `{"session_id":"`+id()+`","user_initiated":true}`)
		for range 2 {
			s.signIn(t, "ana@example.org")
		}
		for range 2 { // the second time there is nothing to end
			s.post(t, "/v2/session/logout", `{"user_id":"pui_`+core.Tail(user.ID)+`"}`)
		}
		want := []string{"session.ended invalidated by person", "session.ended invalidated by service", "session.ended logout by service", "session.ended invalidated by service"}
		if told := s.told(t, core.EventSignedOut); !slices.Equal(slices.Sorted(slices.Values(told)), slices.Sorted(slices.Values(want))) {
			t.Errorf("what was told is %q, want %q", told, want)
		}
	})
}

// A session at rest is listed for as long as it lives, without the user token
// that has run out meanwhile.
func TestSessionAtRestHasNoActiveToken(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		user := s.Person(t, s.app, "ana@example.org")
		now := time.Now()
		rest := core.Session{ID: core.NewSessionID(), User: user.ID, CreatedAt: now.Add(-72 * time.Hour), ExpiresAt: now.Add(time.Hour)}
		token := core.AccessToken{ID: core.NewTokenID(), Session: rest.ID, CreatedAt: rest.CreatedAt, ExpiresAt: now.Add(-24 * time.Hour)}
		err := s.Store.As(s.app).Update(t.Context(), func(tx *store.Tx) error {
			return errors.Join(tx.PutSession(rest), tx.PutAccess([]byte("a hash"), token))
		})
		if err != nil {
			t.Fatal(err)
		}
		a := s.post(t, "/v2/session/list", `{"filter":{"active_token_id":"pmt_`+core.Tail(token.ID)+`"}}`)
		if id := a.field(t, "sessions", "0", "id"); id != "pmt_"+core.Tail(rest.ID) || bytes.Contains(a.Result, []byte(`"active_token"`)) {
			t.Errorf("a session at rest is listed as %s", a.Result)
		}
	})
}
