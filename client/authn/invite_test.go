package authn_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/client/authn"
)

func TestInvites(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		if page := ok(a.User.Invites.List(ctx, authn.InviteListRequest{}))(t); len(page.Invites) != 0 || page.Count != 0 || page.Last != "" {
			t.Fatalf("a pool without invitations has %+v", page)
		}
		var all []*authn.Invite
		for _, c := range []authn.InviteRequest{
			{Inviter: "boss@example.org", Email: "ana@example.org", State: "state-of-ana"}, {Inviter: "boss@example.org", Email: "bob@example.org", State: "state-of-bob"},
			{Inviter: "eve@example.net", Email: "carl@example.net", State: "state-of-carl"},
		} {
			c.Callback = callback
			got := ok(a.User.Invite(ctx, c))(t)
			isID(t, "pmi_", got.ID)
			near(t, got.CreatedAt)
			want := authn.Invite{
				ID: got.ID, Inviter: c.Inviter, Email: c.Email, Callback: callback, State: c.State, CreatedAt: got.CreatedAt, Expire: got.CreatedAt.Add(48 * time.Hour),
			}
			if *got != want {
				t.Errorf("got  %s\nwant %s", asJSON(t, got), asJSON(t, want))
			}
			all = append(all, got)
		}
		list := func(r authn.InviteListRequest) string {
			t.Helper()
			var digits strings.Builder
			for one, err := range a.User.Invites.All(ctx, r) {
				at := slices.IndexFunc(all, func(i *authn.Invite) bool { return *i == ok(one, err)(t) })
				digits.WriteByte(byte('0' + at))
			}
			return digits.String()
		}
		if page := ok(a.User.Invites.List(ctx, authn.InviteListRequest{Size: 2}))(t); page.Count != 3 || len(page.Invites) != 2 || page.Last == "" {
			t.Errorf("the first page is %+v", page)
		}
		for name, c := range map[string]struct {
			filter authn.InviteFilter
			want   string
		}{
			"nothing asked":        {authn.InviteFilter{}, "012"},
			"id":                   {authn.InviteFilter{ID: authn.TextFilter{In: []string{all[0].ID, all[2].ID}}}, "02"},
			"inviter":              {authn.InviteFilter{Inviter: authn.TextFilter{Equals: "BOSS@example.org"}}, "01"},
			"email":                {authn.InviteFilter{Email: authn.TextFilter{Contains: []string{"b", ".org"}}}, "1"},
			"callback":             {authn.InviteFilter{Callback: authn.TextFilter{Equals: callback}}, "012"},
			"state":                {authn.InviteFilter{State: authn.TextFilter{In: []string{"state-of-bob", "state-of-carl"}}}, "12"},
			"organisation":         {authn.InviteFilter{InviteOrg: authn.TextFilter{Equals: "x"}}, ""},
			"made at":              {authn.InviteFilter{CreatedAt: authn.TimeFilter{Equals: all[1].CreatedAt}}, "1"},
			"made after":           {authn.InviteFilter{CreatedAt: authn.TimeFilter{After: all[0].CreatedAt}}, "12"},
			"ends then or before":  {authn.InviteFilter{Expire: authn.TimeFilter{NotAfter: all[1].Expire}}, "01"},
			"for a sign-up":        {authn.InviteFilter{IsSignup: new(true)}, "012"},
			"for something else":   {authn.InviteFilter{IsSignup: new(false)}, ""},
			"with a second factor": {authn.InviteFilter{RequireMFA: new(true)}, ""},
			"without":              {authn.InviteFilter{RequireMFA: new(false)}, "012"},
			"all must hold":        {authn.InviteFilter{Email: authn.TextFilter{Equals: "ana@example.org"}, State: authn.TextFilter{Equals: "state-of-bob"}}, ""},
		} {
			t.Run(name, func(t *testing.T) {
				if got := list(authn.InviteListRequest{Filter: c.filter, OrderBy: authn.InvitesByCreatedAt, Size: 2}); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		}
		for _, by := range []authn.InviteOrderBy{
			authn.InvitesByID, authn.InvitesByCreatedAt, authn.InvitesByType, authn.InvitesByExpire, authn.InvitesByCallback, authn.InvitesByState,
			authn.InvitesByEmail, authn.InvitesByInviter, authn.InvitesByInviteOrg,
		} {
			up, down := list(authn.InviteListRequest{OrderBy: by, Size: 1}), []byte(list(authn.InviteListRequest{OrderBy: by, Order: authn.Descending}))
			if slices.Reverse(down); up != string(down) || len(up) != 3 {
				t.Errorf("by %s: %s up, %s down", by, up, down)
			}
		}
		for _, err := range a.User.Invites.All(ctx, authn.InviteListRequest{Last: "elsewhere"}) {
			refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "DoesNotMatchPattern /last")
		}

		if err := a.User.Invites.Delete(ctx, all[0].ID); err != nil {
			t.Fatal(err)
		}
		refused(t, a.User.Invites.Delete(ctx, all[0].ID), authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		refused(t, a.User.Invites.Delete(ctx, ""), authn.StatusValidationError, http.StatusBadRequest, "FieldRequired /id")
		_, err := a.Flow.Start(ctx, authn.FlowStartRequest{Invitation: all[0].ID})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "DoesNotExist /invitation")
		if got := list(authn.InviteListRequest{OrderBy: authn.InvitesByEmail}); got != "12" {
			t.Errorf("after the deletion there are %q", got)
		}
	})
}

// An invitation lets one person in where nobody signs up.
func TestInvited(t *testing.T) {
	onEngines(t, map[string]any{"signup.enabled": false}, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		invite := func(email string) authn.InviteRequest {
			return authn.InviteRequest{Inviter: "boss@example.org", Email: email, Callback: callback, State: "state-of-the-browser"}
		}
		ok(a.User.Invite(ctx, invite("ana@example.org")))(t)
		ticket := ok(s.invitation(ctx, "ana@example.org"))(t)
		client := s.with(t, s.client)
		got := ok(client.Flow.Start(ctx, authn.FlowStartRequest{Invitation: ticket}))(t)
		if got.Email != "ana@example.org" || !slices.Equal(got.FlowTypes, signup) {
			t.Fatalf("the flow is %+v", got)
		}
		got = answer(t, client, got, authn.PasswordAnswer{Password: password})
		got = answer(t, client, got, authn.ProfileAnswer{})
		pair(t, ok(client.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), "ana@example.org", authn.Profile{})
		if !ok(a.User.Profile.Get(ctx, authn.ByEmail("ana@example.org")))(t).Verified {
			t.Error("law: the mail of an invitation proves the mailbox")
		}
		if page := ok(a.User.Invites.List(ctx, authn.InviteListRequest{}))(t); page.Count != 0 {
			t.Errorf("law: what was accepted is not listed; got %+v", page)
		}

		_, err := a.User.Invite(ctx, invite("ANA@example.org"))
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "ItemNotUnique /email")
		_, err = a.User.Invite(ctx, authn.InviteRequest{State: "short"})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "FieldRequired /inviter", "FieldRequired /email", "FieldRequired /callback", "BelowMinLength /state")
		elsewhere := invite("bob@example.org")
		elsewhere.Callback = "https://evil.example/"
		_, err = a.User.Invite(ctx, elsewhere)
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "DoesNotExist /callback")
	})
}
