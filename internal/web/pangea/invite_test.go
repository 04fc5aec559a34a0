package pangea_test

import (
	"bytes"
	"net/http"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

// TestA9InvitingTellsPeopleNothing is abuse case A9: with what is in people's
// hands one learns nothing about an address by inviting it.
func TestA9InvitingTellsPeopleNothing(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		s.Person(t, s.app, "ana@example.org")
		tokens := s.signIn(t, "ana@example.org")
		invite := func(email string) []byte {
			return []byte(`{"inviter":"ana@example.org","email":"` + email + `","callback":"https://someurl.com/callbacklink","state":"12345678"}`)
		}
		if a := s.call(t, http.MethodPost, "/v2/user/invite", s.service, "application/json", invite("first@example.org")); a.status != http.StatusOK {
			t.Fatalf("inviting is refused: %s", a.body)
		}
		s.Mail(t)
		for _, token := range []string{s.client, tokens.user, tokens.refresh, ""} {
			for path, bodies := range map[string][2][]byte{
				"/v2/user/invite":        {invite("ana@example.org"), invite("new@example.org")},
				"/v2/user/invite/list":   {[]byte(`{"filter":{"email":"first@example.org"}}`), []byte(`{"filter":{"email":"new@example.org"}}`)},
				"/v2/user/invite/delete": {[]byte(`{"id":"` + unknown("pmi_") + `"}`), []byte(`{"id":"x"}`)},
			} {
				known := s.call(t, http.MethodPost, path, token, "application/json", bodies[0])
				other := s.call(t, http.MethodPost, path, token, "application/json", bodies[1])
				if known.status != other.status || known.status != http.StatusForbidden && known.status != http.StatusUnauthorized || !bytes.Equal(masked(known.body), masked(other.body)) {
					t.Errorf("%s tells something:\n%s\n%s", path, known.body, other.body)
				}
			}
		}
		if mail := s.Mail(t); len(mail) != 0 {
			t.Errorf("%d mails were sent", len(mail))
		}
	})
}

// The secret of an invitation is in its mail alone: no answer, event or row
// shows it, and the log does not.
func TestInvitationSecretIsInTheMailAlone(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		made := s.post(t, "/v2/user/invite", `{"inviter":"ana@example.org","email":"new@example.org","callback":"https://someurl.com/callbacklink","state":"12345678"}`)
		mail := s.Mail(t)
		if made.status != http.StatusOK || len(mail) != 1 {
			t.Fatalf("inviting: %s, %d mails", made.body, len(mail))
		}
		secret := []byte(flowtest.LinkCode(t, mail[0]))
		listed := s.post(t, "/v2/user/invite/list", `{}`)
		if started := s.post(t, "/v2/flow/start", `{"invitation":"pmi_`+string(secret)+`"}`); started.status != http.StatusOK || bytes.Contains(started.body, secret) {
			t.Errorf("the flow is %s", started.body)
		}
		for what, text := range map[string][]byte{"the answer": made.body, "the list": listed.body, "the log": s.log.Bytes()} {
			if bytes.Contains(text, secret) {
				t.Errorf("%s holds the secret of the mail", what)
			}
		}
		for _, e := range s.Events(t, s.app) {
			for _, text := range append([]string{e.Target, e.Reason}, e.Data["user"], e.Data["template"]) {
				if text == string(secret) {
					t.Errorf("the event %s holds the secret of the mail", e.Name)
				}
			}
		}
	})
}
