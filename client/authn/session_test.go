package authn_test

import (
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/client/authn"
)

// signIn signs somebody in who has signed up.
func signIn(t *testing.T, a *authn.AuthN, email string) *authn.Tokens {
	t.Helper()
	state := ok(a.Flow.Start(t.Context(), authn.FlowStartRequest{Email: email, FlowTypes: signin}))(t)
	state = answer(t, a, state, authn.PasswordAnswer{Password: password})
	return ok(a.Flow.Complete(t.Context(), authn.FlowCompleteRequest{FlowID: state.FlowID}))(t)
}

// isSession wants a session by value: that of these tokens, which are its
// newest.
func isSession(t *testing.T, got authn.Session, tokens *authn.Tokens) {
	t.Helper()
	if got.ActiveToken == nil {
		t.Fatalf("no token in %+v", got)
	}
	want := authn.Session{TokenInfo: tokens.RefreshToken.TokenInfo, ActiveToken: new(tokens.ActiveToken.TokenInfo)}
	// Seconds may have gone by.
	for _, pair := range []struct{ got, want *authn.TokenInfo }{{&got.TokenInfo, &want.TokenInfo}, {got.ActiveToken, want.ActiveToken}} {
		if pair.got.Life > pair.want.Life || pair.got.Life < pair.want.Life-600 {
			t.Errorf("%d seconds are left of %d", pair.got.Life, pair.want.Life)
		}
		pair.want.Life = pair.got.Life
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %s\nwant %s", asJSON(t, got), asJSON(t, want))
	}
}

func TestSessions(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		if page := ok(a.Session.List(ctx, authn.SessionListRequest{}))(t); len(page.Sessions) != 0 || page.Count != 0 || page.Last != "" {
			t.Fatalf("a pool in which nobody is signed in has %+v", page)
		}
		all := []*authn.Tokens{
			signUp(t, a, "ana@example.org", authn.Profile{"first_name": "Ana"}), signIn(t, a, "ana@example.org"),
			signUp(t, a, "bob@example.org", authn.Profile{"last_name": "Roe"}), signUp(t, a, "eve@example.net", authn.Profile{}),
		}
		list := func(r authn.SessionListRequest) string {
			t.Helper()
			var digits strings.Builder
			for one, err := range a.Session.All(ctx, r) {
				at := slices.IndexFunc(all, func(tokens *authn.Tokens) bool { return tokens.RefreshToken.ID == ok(one, err)(t).ID })
				digits.WriteByte(byte('0' + at))
			}
			return digits.String()
		}
		page := ok(a.Session.List(ctx, authn.SessionListRequest{Size: 3}))(t)
		if page.Count != 4 || len(page.Sessions) != 3 || page.Last == "" {
			t.Fatalf("the first page is %+v", page)
		}
		for i, one := range page.Sessions {
			isSession(t, one, all[i])
		}
		third := all[2].RefreshToken
		listed := ok(a.Session.List(ctx, authn.SessionListRequest{Filter: authn.SessionFilter{ID: authn.TextFilter{Equals: third.ID}}}))(t).Sessions[0]
		for name, c := range map[string]struct {
			filter authn.SessionFilter
			want   string
		}{
			"nothing asked":        {authn.SessionFilter{}, "0123"},
			"id":                   {authn.SessionFilter{ID: authn.TextFilter{In: []string{all[0].RefreshToken.ID, third.ID}}}, "02"},
			"part of an id":        {authn.SessionFilter{ID: authn.TextFilter{Contains: []string{third.ID[8:]}}}, "2"},
			"token":                {authn.SessionFilter{ActiveTokenID: authn.TextFilter{Equals: all[1].ActiveToken.ID}}, "1"},
			"person":               {authn.SessionFilter{Identity: authn.TextFilter{Equals: all[0].ActiveToken.Identity}}, "01"},
			"email in any case":    {authn.SessionFilter{Email: authn.TextFilter{Equals: "BOB@example.org"}}, "2"},
			"one of some emails":   {authn.SessionFilter{Email: authn.TextFilter{In: []string{"bob@example.org", "eve@example.net"}}}, "23"},
			"each part":            {authn.SessionFilter{Email: authn.TextFilter{Contains: []string{"a", ".org"}}}, "012"},
			"username":             {authn.SessionFilter{Username: authn.TextFilter{Contains: []string{"ana", ".org"}}}, "01"},
			"type":                 {authn.SessionFilter{Type: authn.TextFilter{Equals: string(authn.TypeSession)}}, "0123"},
			"another type":         {authn.SessionFilter{Type: authn.TextFilter{In: []string{string(authn.TypeUser)}}}, ""},
			"begun at":             {authn.SessionFilter{CreatedAt: authn.TimeFilter{Equals: listed.CreatedAt}}, "2"},
			"begun after":          {authn.SessionFilter{CreatedAt: authn.TimeFilter{After: listed.CreatedAt}}, "3"},
			"begun then or before": {authn.SessionFilter{CreatedAt: authn.TimeFilter{NotAfter: listed.CreatedAt}}, "012"},
			"ends then or after":   {authn.SessionFilter{Expire: authn.TimeFilter{NotBefore: listed.Expire}}, "23"},
			"ends before":          {authn.SessionFilter{Expire: authn.TimeFilter{Before: listed.Expire}}, "01"},
			"enabled":              {authn.SessionFilter{Enabled: new(true)}, "0123"},
			"not enabled":          {authn.SessionFilter{Enabled: new(false)}, ""},
			"scopes":               {authn.SessionFilter{Scopes: []string{"x"}}, ""},
			"profile":              {authn.SessionFilter{Profile: map[string]authn.ProfileFilter{"first_name": {Equals: "ana"}}}, "01"},
			"a field":              {authn.SessionFilter{Profile: map[string]authn.ProfileFilter{"last_name": {Exists: new(true)}}}, "2"},
			"all must hold":        {authn.SessionFilter{Email: authn.TextFilter{Equals: "ana@example.org"}, Enabled: new(false)}, ""},
		} {
			t.Run(name, func(t *testing.T) {
				if got := list(authn.SessionListRequest{Filter: c.filter, OrderBy: authn.SessionsByCreatedAt, Size: 2}); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		}
		for _, by := range []authn.SessionOrderBy{
			authn.SessionsByID, authn.SessionsByCreatedAt, authn.SessionsByType, authn.SessionsByIdentity, authn.SessionsByEmail,
			authn.SessionsByExpire, authn.SessionsByActiveTokenID,
		} {
			up, down := list(authn.SessionListRequest{OrderBy: by, Size: 1}), []byte(list(authn.SessionListRequest{OrderBy: by, Order: authn.Descending}))
			if slices.Reverse(down); up != string(down) || len(up) != 4 {
				t.Errorf("by %s: %s up, %s down", by, up, down)
			}
		}
		for _, err := range a.Session.All(ctx, authn.SessionListRequest{Last: "elsewhere"}) {
			refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "DoesNotMatchPattern /last")
		}

		if err := a.Session.Invalidate(ctx, authn.SessionInvalidateRequest{SessionID: third.ID, UserInitiated: true}); err != nil {
			t.Fatal(err)
		}
		refused(t, a.Session.Invalidate(ctx, authn.SessionInvalidateRequest{SessionID: third.ID}), authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		refused(t, a.Session.Invalidate(ctx, authn.SessionInvalidateRequest{}), authn.StatusValidationError, http.StatusBadRequest, "FieldRequired /session_id")
		_, err := a.Client.Token.Check(ctx, all[2].ActiveToken.Token)
		refused(t, err, authn.StatusInvalidToken, http.StatusBadRequest)
		if err := a.Session.Logout(ctx, all[0].ActiveToken.Identity); err != nil {
			t.Fatal(err)
		}
		if got := list(authn.SessionListRequest{}); got != "3" {
			t.Errorf("law: a logout ends all sessions of one person; there are %q", got)
		}
		if err := a.Session.Logout(ctx, all[0].ActiveToken.ID); err != nil {
			t.Errorf("law: a logout succeeds whomever it names; got %v", err)
		}
		refused(t, a.Session.Logout(ctx, ""), authn.StatusValidationError, http.StatusBadRequest, "FieldRequired /user_id")
	})
}

func TestOwnSessions(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.client), t.Context()
		first, other := signUp(t, a, "ana@example.org", nil), signUp(t, a, "bob@example.org", nil)
		second := signIn(t, a, "ana@example.org")
		token := second.ActiveToken.Token
		request := authn.ClientSessionListRequest{Token: token, SessionListRequest: authn.SessionListRequest{OrderBy: authn.SessionsByCreatedAt, Size: 1}}
		page := ok(a.Client.Session.List(ctx, request))(t)
		if len(page.Sessions) != 1 || page.Last == "" {
			t.Fatalf("the first page is %+v", page)
		}
		isSession(t, page.Sessions[0], first)
		var found []authn.Session
		for one, err := range a.Client.Session.All(ctx, request) {
			found = append(found, ok(one, err)(t))
		}
		if len(found) != 2 {
			t.Fatalf("law: people see their own sessions; ana sees %d", len(found))
		}
		isSession(t, found[1], second)
		request.Filter = authn.SessionFilter{Email: authn.TextFilter{Equals: "bob@example.org"}}
		if page := ok(a.Client.Session.List(ctx, request))(t); len(page.Sessions) != 0 || page.Last != "" {
			t.Errorf("law: nobody sees another's session; got %+v", page)
		}

		end := func(id string) error {
			return a.Client.Session.Invalidate(ctx, authn.ClientSessionInvalidateRequest{Token: token, SessionID: id})
		}
		refused(t, end(other.RefreshToken.ID), authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		if err := end(first.RefreshToken.ID); err != nil {
			t.Fatal(err)
		}
		refused(t, end(first.RefreshToken.ID), authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		refused(t, end("some session"), authn.StatusValidationError, http.StatusBadRequest, "DoesNotMatchPattern /session_id")
		if err := end(second.RefreshToken.ID); err != nil {
			t.Errorf("law: somebody may end the session that they ask from; got %v", err)
		}
		for _, err := range a.Client.Session.All(ctx, authn.ClientSessionListRequest{Token: token}) {
			refused(t, err, authn.StatusInvalidToken, http.StatusBadRequest)
		}
		_, err := a.Client.Session.List(ctx, authn.ClientSessionListRequest{})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "FieldRequired /token")
	})
}

// A session outlives its token, and is told without it then.
func TestSessionWithoutToken(t *testing.T) {
	a, _ := fixed(t, http.StatusOK, `{"status":"Success","result":{"sessions":[{"id":"pmt_1","type":"session"}],"last":""}}`)
	for one, err := range a.Session.All(t.Context(), authn.SessionListRequest{}) {
		if ok(one, err)(t).ActiveToken != nil || one.ID != "pmt_1" || one.Type != authn.TypeSession {
			t.Errorf("got %s", asJSON(t, one))
		}
	}
}
