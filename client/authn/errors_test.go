package authn_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/client/authn"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

func TestTokensThatDoNotOpen(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		_, err := s.with(t, "pts_"+strings.Repeat("a", 32)).User.List(t.Context(), authn.UserListRequest{})
		refused(t, err, authn.StatusUnauthorized, http.StatusUnauthorized)
		a, who := s.with(t, s.client), authn.ByEmail("ana@example.org")
		for name, call := range map[string]func() error{
			"create": func() error { _, err := a.User.Create(t.Context(), authn.UserCreateRequest{}); return err },
			"delete": func() error { return a.User.Delete(t.Context(), who) },
			"list":   func() error { _, err := a.User.List(t.Context(), authn.UserListRequest{}); return err },
			"update": func() error { _, err := a.User.Update(t.Context(), authn.UserUpdateRequest{UserRef: who}); return err },
			"get":    func() error { _, err := a.User.Profile.Get(t.Context(), who); return err },
			"profile": func() error {
				_, err := a.User.Profile.Update(t.Context(), authn.ProfileUpdateRequest{UserRef: who})
				return err
			},
			"expire":         func() error { return a.User.Password.Expire(t.Context(), "pui_x") },
			"authenticators": func() error { _, err := a.User.Authenticators.List(t.Context(), who); return err },
			"authenticator": func() error {
				return a.User.Authenticators.Delete(t.Context(), authn.AuthenticatorDeleteRequest{UserRef: who})
			},
			"invite":     func() error { _, err := a.User.Invite(t.Context(), authn.InviteRequest{}); return err },
			"invites":    func() error { _, err := a.User.Invites.List(t.Context(), authn.InviteListRequest{}); return err },
			"uninvite":   func() error { return a.User.Invites.Delete(t.Context(), "pmi_x") },
			"sessions":   func() error { _, err := a.Session.List(t.Context(), authn.SessionListRequest{}); return err },
			"invalidate": func() error { return a.Session.Invalidate(t.Context(), authn.SessionInvalidateRequest{}) },
			"logout":     func() error { return a.Session.Logout(t.Context(), "pui_x") },
			"agreements": func() error { _, err := a.Agreements.List(t.Context(), authn.AgreementListRequest{}); return err },
		} {
			t.Run(name, func(t *testing.T) { refused(t, call(), authn.StatusUnauthorized, http.StatusForbidden) })
		}
	})
}

// Poll finds the result that was left for a request, and nothing else.
func TestPoll(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		id := strings.Repeat("b", 32)
		err := s.app.Store.As(s.caller).Update(ctx, func(tx *store.Tx) error {
			return tx.PutNote("pangea", "request prq_"+id, `{"email":"ana@example.org","login_count":3}`, time.Now().Add(time.Hour))
		})
		if err != nil {
			t.Fatal(err)
		}
		var u authn.User
		if err := a.Poll(ctx, "prq_"+id, &u); err != nil || u.Email != "ana@example.org" || u.LoginCount != 3 {
			t.Errorf("got %+v, %v", u, err)
		}
		refused(t, a.Poll(ctx, "prq_"+strings.Repeat("c", 32), &u), authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		refused(t, a.Poll(ctx, "elsewhere", &u), authn.StatusValidationError, http.StatusBadRequest, "DoesNotMatchPattern /request_id")
		for _, id := range []string{"", "..", "../v2/user/list", "a/b", "a?b", strings.Repeat("a", 200)} {
			if err := a.Poll(ctx, id, &u); err == nil || authn.IsStatus(err, authn.StatusNotFound, authn.StatusValidationError) {
				t.Errorf("law: %q is no path to ask at; got %v", id, err)
			}
		}
	})
}

// fixed answers everything in one way.
func fixed(t *testing.T, code int, body string, header ...string) (*authn.AuthN, *httptest.Server) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		fmt.Fprint(w, body)
	}))
	t.Cleanup(s.Close)
	return ok(authn.New(s.URL, "pts_x", authn.WithRetries(0), authn.WithPatience(0)))(t), s
}

// What is not an answer of this API is an error, whatever it looks like.
func TestAnswersThatAreNone(t *testing.T) {
	const around = `{"request_id":"prq_1","request_time":"","response_time":"","status":%s,"summary":"","result":%s}`
	for name, c := range map[string]struct {
		code int
		body string
	}{
		"a proxy's page":               {http.StatusBadGateway, "<html>Bad gateway</html>"},
		"a friendly page":              {http.StatusOK, "<html>Hello</html>"},
		"nothing":                      {http.StatusOK, ""},
		"no content":                   {http.StatusNoContent, ""},
		"half an answer":               {http.StatusOK, `{"status":"Success","result":{"id":`},
		"an array":                     {http.StatusOK, `[]`},
		"null":                         {http.StatusOK, `null`},
		"no status":                    {http.StatusOK, `{"result":{}}`},
		"a status of another type":     {http.StatusOK, fmt.Sprintf(around, `7`, `{}`)},
		"success with another code":    {http.StatusInternalServerError, fmt.Sprintf(around, `"Success"`, `{}`)},
		"success without a result":     {http.StatusOK, fmt.Sprintf(around, `"Success"`, `null`)},
		"success with a list":          {http.StatusOK, fmt.Sprintf(around, `"Success"`, `[]`)},
		"a field of another type":      {http.StatusOK, fmt.Sprintf(around, `"Success"`, `{"id":7}`)},
		"a time that is none":          {http.StatusOK, fmt.Sprintf(around, `"Success"`, `{"created_at":"yesterday"}`)},
		"an answer beyond all measure": {http.StatusOK, `{"status":"Success","result":{},"summary":"` + strings.Repeat("x", 33<<20) + `"}`},
		"a redirect":                   {http.StatusTemporaryRedirect, ""},
		"a second value after the end": {http.StatusOK, fmt.Sprintf(around, `"Success"`, `{}`) + "{}"},
	} {
		t.Run(name, func(t *testing.T) {
			a, _ := fixed(t, c.code, c.body, "X-Request-Id", "prq_7")
			_, err := a.User.Profile.Get(t.Context(), authn.ByID("x"))
			e, is := errors.AsType[*authn.Error](err)
			if !is || e.Status != authn.StatusUnreadable || e.HTTPStatus != c.code || e.RequestID != "prq_7" || e.Summary == "" {
				t.Errorf("got %v", err)
			}
			if long := len(c.body) > 32<<20; long != strings.Contains(err.Error(), "longer than 32 MiB") {
				t.Errorf("law: an answer is read up to a measure, and that is told; got %v", err)
			}
		})
	}
}

// Every part of an error is where it can be asked for, and told in one line.
func TestErrorParts(t *testing.T) {
	a, _ := fixed(t, 400, `{"request_id":"prq_9","status":"ValidationError","summary":"Two problems","result":{"errors":[`+
		`{"code":"FieldRequired","detail":"This is required.","source":"/email"},{"code":"MustProvideOne","detail":"","source":""}],"more":1}}`, "Retry-After", "7")
	_, err := a.User.Create(t.Context(), authn.UserCreateRequest{})
	err = fmt.Errorf("the application: %w", err)
	e := refusedAs(t, err)
	want := authn.Error{
		Status: authn.StatusValidationError, Summary: "Two problems", RequestID: "prq_9", HTTPStatus: 400, RetryAfter: 7 * time.Second,
		Problems: []authn.Problem{{Code: "FieldRequired", Detail: "This is required.", Source: "/email"}, {Code: "MustProvideOne"}},
	}
	if asJSON(t, e) != asJSON(t, want) {
		t.Errorf("got %+v", e)
	}
	if got := e.Error(); got != "authn: ValidationError (HTTP 400): Two problems; FieldRequired at /email: This is required.; MustProvideOne [prq_9]" {
		t.Errorf("told as %s", got)
	}
	if !authn.IsStatus(err, authn.StatusConflict, authn.StatusValidationError) || !authn.HasProblem(err, "FieldRequired", "/email") || authn.HasProblem(err, "FieldRequired", "") {
		t.Errorf("asked about %v", err)
	}
	if authn.IsStatus(nil, authn.StatusSuccess) || authn.IsStatus(errors.New("x"), "") || authn.HasProblem(nil, "", "") {
		t.Error("law: what is no *Error has no status")
	}

	// The cause of an answer that could not be read can be found.
	a, _ = fixed(t, 200, "{")
	_, err = a.User.Create(t.Context(), authn.UserCreateRequest{})
	if _, is := errors.AsType[*json.SyntaxError](err); !is {
		t.Errorf("no cause in %v", err)
	}
	// Results of any shape beside an error are borne.
	for _, result := range []string{`null`, `{}`, `[]`, `"x"`, `{"errors":null}`, `{"errors":7}`, `{"errors":[7]}`} {
		a, _ := fixed(t, 400, `{"status":"AuthenticationFailure","summary":"No","result":`+result+`}`)
		if _, err := a.User.Create(t.Context(), authn.UserCreateRequest{}); !authn.IsStatus(err, authn.StatusAuthenticationFailure) {
			t.Errorf("with %s: %v", result, err)
		}
	}
}

func refusedAs(t *testing.T, err error) *authn.Error {
	t.Helper()
	e, is := errors.AsType[*authn.Error](err)
	if !is {
		t.Fatalf("no *authn.Error: %v", err)
	}
	return e
}

// Where no answer comes, the error is that of the network or the context, and
// tells neither token nor password.
func TestNoAnswer(t *testing.T) {
	a, s := fixed(t, 200, "")
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := a.Flow.Start(canceled, authn.FlowStartRequest{})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("law: the end of the context can be found; got %v", err)
	}
	s.Close()
	err = a.Client.Password.Change(t.Context(), authn.PasswordChangeRequest{OldPassword: password, NewPassword: password})
	if err == nil || authn.IsStatus(err, authn.StatusUnreadable) || strings.Contains(err.Error(), "pts_x") || strings.Contains(err.Error(), password) {
		t.Errorf("got %v", err)
	}
}

// A redirect is not followed: it would take token and password elsewhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("came to %s", r.URL) }))
	t.Cleanup(elsewhere.Close)
	for _, code := range []int{301, 302, 303, 307, 308} {
		_, s := fixed(t, code, "", "Location", elsewhere.URL)
		for _, option := range []authn.Option{authn.WithHTTPClient(http.DefaultClient), authn.WithRetries(1)} {
			a := ok(authn.New(s.URL, "pts_x", option))(t)
			if _, err := a.Flow.Start(t.Context(), authn.FlowStartRequest{}); refusedAs(t, err).HTTPStatus != code {
				t.Errorf("got %v", err)
			}
		}
	}
	if http.DefaultClient.CheckRedirect != nil {
		t.Error("law: the client that was handed in is not changed")
	}
}

// Each word of the server has its constant.
func TestStatusesAreTheServers(t *testing.T) {
	ours := string(ok(os.ReadFile("errors.go"))(t))
	theirs := string(ok(os.ReadFile("../../internal/web/pangea/errors.go"))(t))
	words := regexp.MustCompile(`status: "(\w+)"`).FindAllStringSubmatch(theirs, -1)
	if len(words) < 10 {
		t.Fatalf("found %d words: have they another form?", len(words))
	}
	for _, word := range words {
		if !regexp.MustCompile(`Status` + word[1] + ` +Status = "` + word[1] + `"`).MatchString(ours) {
			t.Errorf("no constant for %s", word[1])
		}
	}
}
