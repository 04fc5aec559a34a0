package authing_test

import (
	"net/http"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// TestO16NobodyGoesOn is abuse case O16 through the vendor's API: the token of
// somebody who may not come in any more opens nothing, and the vendor's ways to
// get another one for it give none, to anybody.
func TestO16NobodyGoesOn(t *testing.T) {
	yes := true
	each(t, nil, func(t *testing.T, s *server) {
		for happens, c := range map[string]struct {
			do   func(t *testing.T, s *server, id core.UserID, token string)
			code int
		}{
			"nothing":  {func(*testing.T, *server, core.UserID, string) {}, 200},
			"disabled": {func(t *testing.T, s *server, id core.UserID, _ string) { change(t, s, id, &yes) }, 2020},
			"deleted": {func(t *testing.T, s *server, id core.UserID, _ string) {
				must(t, s.Directory.Delete(t.Context(), s.pool, core.UserRef{ID: id}))
			}, 2020},
			"signed out": {func(t *testing.T, s *server, _ core.UserID, token string) {
				if a := s.get(t, token, "/api/v2/logout"); a.status != http.StatusOK {
					t.Errorf("%s", a.body)
				}
			}, 2020},
			"all sessions ended": {func(t *testing.T, s *server, id core.UserID, _ string) {
				must(t, s.Sessions.EndAll(t.Context(), s.pool, id))
			}, 2020},
			"password expired": {func(t *testing.T, s *server, id core.UserID, _ string) {
				must(t, s.Directory.ExpirePassword(t.Context(), s.pool, core.DefaultSettings(), id))
			}, 2020},
			"locked out": {func(t *testing.T, s *server, id core.UserID, _ string) {
				for range 30 {
					_, err := s.Passwords.Check(t.Context(), s.pool, core.DefaultSettings(), directory.Person{User: id}, secret.Text("a wrong guess"))
					if core.Is(err, core.CodeLocked) {
						return
					}
				}
				t.Error("nobody is locked out")
			}, 200},
		} {
			token := s.token(t, "ana@example.org")
			checked, err := s.Sessions.Check(t.Context(), s.pool, token)
			must(t, err)
			c.do(t, s, checked.User.ID, token)
			if a := s.get(t, token, "/api/v2/users/me"); a.Code != c.code {
				t.Errorf("law: %s: who the token stands for is answered with %d; got %s", happens, c.code, a.body)
			}
			if a := s.query(t, token, `query { user { id } }`, nil); a.code() != c.code {
				t.Errorf("law: %s: the same in GraphQL is answered with %d; got %s", happens, c.code, a.body)
			}
			if a := s.query(t, token, checking, map[string]any{"token": token}); a.at(t, "checkLoginStatus", "status") != (c.code == 200) {
				t.Errorf("law: %s: whether somebody is signed in is answered by %s", happens, a.body)
			}
			for _, operation := range []string{`mutation { refreshToken { token } }`, `mutation { refreshToken(id: "` + string(checked.User.ID) + `") { token } }`, `mutation { refreshAccessToken(accessToken: "` + token + `") { accessToken } }`} {
				if a := s.query(t, token, operation, nil); a.code() == 200 || string(a.Data) != "null" {
					t.Errorf("law: %s: %s gives nothing; got %s", happens, operation, a.body)
				}
			}
			if happens != "deleted" {
				must(t, s.Directory.Delete(t.Context(), s.pool, core.UserRef{ID: checked.User.ID}))
			}
		}
	})
}
