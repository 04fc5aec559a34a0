package pangea_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// TestO16RefreshAnswers is abuse case O16 through the vendor's API: what is
// called, and what a refresh and a check of the token answer then. The matrix
// itself is internal/flow.TestO16RefreshMatrix.
func TestO16RefreshAnswers(t *testing.T) {
	const invalid = "400 InvalidToken"
	each(t, map[string]any{"token.refresh_grace": "0s", "lockout.failures": 2}, func(t *testing.T, s *server) {
		for _, c := range []struct {
			happens, path, body, answer string
			refresh, check              string
		}{
			{"nothing", "/v2/user/list", `{}`, "200 Success", "200 Success", "200 Success"},
			{"disabled", "/v2/user/update", `{"id":"$user","disabled":true}`, "200 Success", invalid, invalid},
			{"deleted", "/v2/user/delete", `{"id":"$user"}`, "200 Success", invalid, invalid},
			{"signed out", "/v2/client/session/logout", `{"token":"$token"}`, "200 Success", invalid, invalid},
			{"session ended", "/v2/session/invalidate", `{"session_id":"$session"}`, "200 Success", invalid, invalid},
			{"session ended by oneself", "/v2/client/session/invalidate", `{"token":"$other","session_id":"$session"}`, "200 Success", invalid, invalid},
			{"all sessions ended", "/v2/session/logout", `{"user_id":"$user"}`, "200 Success", invalid, invalid},
			{"password changed", "/v2/client/password/change", `{"token":"$other","old_password":"` + flowtest.Password + `","new_password":"another horse 8 staple"}`, "200 Success", invalid, invalid},
			{"password expired", "/v2/user/password/expire", `{"id":"$user"}`, "200 Success", invalid, invalid},
			{"password removed", "/v2/user/authenticators/delete", `{"id":"$user","authenticator_id":"$factor"}`, "200 Success", invalid, invalid},
			{"refreshed already", "/v2/client/session/refresh", `{"refresh_token":"$refresh"}`, "200 Success", invalid, "400 ExpiredToken"},
			{"locked out", "/v2/client/password/change", `{"token":"$other","old_password":"no","new_password":"another horse 8 staple"}`, "429 TooManyRequests", "200 Success", "200 Success"},
		} {
			user := s.Person(t, s.app, "ana@example.org")
			grant, other := s.SignIn(t, s.app, user.Email, flowtest.Password), s.signIn(t, user.Email)
			factor := s.post(t, "/v2/user/authenticators/list", `{"email":"ana@example.org"}`).field(t, "authenticators", "0", "id")
			body := strings.NewReplacer("$user", pangea.UserID(user.ID), "$token", "ptu_"+grant.Access.Token, "$refresh", "ptr_"+grant.Refresh.Token,
				"$session", "pmt_"+core.Tail(core.SessionID(grant.Refresh.ID)), "$other", other.user, "$factor", factor).Replace(c.body)
			var a answer
			for range 1 + 4*strings.Count(c.happens, "locked out") { // two wrong tries are free
				a = s.post(t, c.path, body)
			}
			if got := spelled(a); got != c.answer {
				t.Errorf("%s: %s answers %s", c.happens, c.path, a.body)
			}
			if a := s.post(t, "/v2/client/token/check", `{"token":"ptu_`+grant.Access.Token+`"}`); spelled(a) != c.check {
				t.Errorf("law: %s: a check of the token answers %s; it answers %s", c.happens, c.check, a.body)
			}
			if a := s.post(t, "/v2/client/session/refresh", `{"refresh_token":"ptr_`+grant.Refresh.Token+`"}`); spelled(a) != c.refresh {
				t.Errorf("law: %s: a refresh answers %s; it answers %s", c.happens, c.refresh, a.body)
			}
			if c.happens != "deleted" {
				s.post(t, "/v2/user/delete", `{"email":"ana@example.org"}`)
			}
		}
	})
}

// O16: an application whose key was revoked refreshes nothing, and does not
// spend the token by trying.
func TestO16RefreshWithRevokedKey(t *testing.T) {
	each(t, map[string]any{"token.refresh_grace": "0s"}, func(t *testing.T, s *server) {
		key, text, err := s.Pools.CreateKey(t.Context(), s.app, pool.NewKey{Kind: core.KeyClient, Name: "gone"})
		if err != nil {
			t.Fatal(err)
		}
		s.Person(t, s.app, "ana@example.org")
		ana := s.signIn(t, "ana@example.org")
		if err := s.Pools.RevokeKey(t.Context(), s.app, key.ID); err != nil {
			t.Fatal(err)
		}
		body := []byte(`{"refresh_token":"` + ana.refresh + `"}`)
		if a := s.call(t, http.MethodPost, "/v2/client/session/refresh", pangea.ClientToken(text.Reveal()), "application/json", body); spelled(a) != "401 Unauthorized" {
			t.Errorf("law: a revoked key opens nothing; got %s", a.body)
		}
		if a := s.call(t, http.MethodPost, "/v2/client/session/refresh", s.client, "application/json", body); spelled(a) != "200 Success" {
			t.Errorf("law: what was refused spends nothing; got %s", a.body)
		}
	})
}

// spelled is the status of an answer and the vendor's word for it.
func spelled(a answer) string { return strconv.Itoa(a.status) + " " + a.Status }
