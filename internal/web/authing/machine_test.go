package authing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// What is done through this face stands in the trail that every face writes,
// under the application that did it, beside what others do to the same person.
func TestOneTrail(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		before := len(s.Events(t, s.pool))
		token := s.token(t, "ana@example.org")
		s.login(t, "ana@example.org", "wrong password", nil)
		s.SignIn(t, s.pool, "ana@example.org", flowtest.Password)
		s.get(t, token, "/api/v2/logout")
		events := s.Events(t, s.pool)
		events = events[:len(events)-before]
		var got []string
		for i := len(events) - 1; i >= 0; i-- {
			e := events[i]
			line := string(e.Name) + " by " + string(e.Actor.Kind)
			if e.Reason != "" {
				line += ": " + e.Reason
			}
			if e.Name != core.EventSigningKeyCreated {
				got = append(got, line)
			}
			if e.Actor.Kind == core.ActorClient && e.Actor.ID != "app_"+s.app {
				t.Errorf("law: the trail says which application it was; %+v", e)
			}
			if e.Actor.Kind != core.ActorService && e.Actor.Kind != core.ActorSystem && e.Address == "" {
				t.Errorf("law: and from where; %+v", e)
			}
		}
		want := "user.created by client, session.started by client, password.refused by client: wrong_credentials, session.started by service, session.ended by person: logout"
		if strings.Join(got, ", ") != want {
			t.Errorf("the trail is\n%s\nwant\n%s", strings.Join(got, ", "), want)
		}
	})
}

// A token past its time is told apart from one that never was: where it is an
// error, by its number.
func TestTokensRunOut(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s, db := newServer(t, storetest.Open(t, database), nil), storetest.Raw(t, database)
		token := s.token(t, "ana@example.org")
		if _, err := db.ExecContext(t.Context(), `UPDATE access_tokens SET expires_at = $1`, time.Now().Add(-time.Second).UnixMicro()); err != nil {
			t.Fatal(err)
		}
		if a := s.get(t, token, "/api/v2/users/me"); a.Code != 2206 {
			t.Errorf("%s", a.body)
		}
		if a := s.query(t, token, `{user{id}}`, nil); a.code() != 2206 {
			t.Errorf("%s", a.body)
		}
		a := s.query(t, "", checking, map[string]any{"token": token})
		if a.at(t, "checkLoginStatus", "code") != 2206.0 || a.at(t, "checkLoginStatus", "status") != false || a.at(t, "checkLoginStatus", "exp") != nil || len(a.Errors) != 0 {
			t.Errorf("%s", a.body)
		}
	})
}
