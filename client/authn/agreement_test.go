package authn_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/client/authn"
)

// agreement wants an agreement by value. What a test cannot know, the id and
// the times, is looked at and taken out.
func agreement(t *testing.T, got *authn.Agreement, want authn.Agreement) {
	t.Helper()
	isID(t, "peu_", got.ID)
	near(t, got.CreatedAt)
	near(t, got.UpdatedAt)
	shown := *got
	shown.ID, shown.CreatedAt, shown.UpdatedAt = "", time.Time{}, time.Time{}
	if !want.PublishedAt.IsZero() {
		near(t, shown.PublishedAt)
		shown.PublishedAt = want.PublishedAt
	}
	if !reflect.DeepEqual(shown, want) {
		t.Errorf("got  %s\nwant %s", asJSON(t, shown), asJSON(t, want))
	}
}

func TestAgreements(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		list := func(f authn.AgreementFilter) string {
			t.Helper()
			var names []string
			for one, err := range a.Agreements.All(ctx, authn.AgreementListRequest{Filter: f, OrderBy: authn.AgreementsByCreatedAt, Size: 1}) {
				names = append(names, ok(one, err)(t).Name)
			}
			return strings.Join(names, " ")
		}
		if page := ok(a.Agreements.List(ctx, authn.AgreementListRequest{}))(t); len(page.Agreements) != 0 || page.Count != 0 || page.Last != "" {
			t.Fatalf("a pool without agreements has %+v", page)
		}
		first := ok(a.Agreements.Create(ctx, authn.AgreementCreateRequest{Type: authn.AgreementEULA, Name: "E1", Text: "Be good."}))(t)
		want := authn.Agreement{Type: authn.AgreementEULA, Name: "E1", Text: "Be good."}
		agreement(t, first, want)
		want.Text, want.Active, want.PublishedAt = "Be better.", true, time.Now()
		changed := ok(a.Agreements.Update(ctx, authn.AgreementUpdateRequest{Type: authn.AgreementEULA, ID: first.ID, Text: new("Be better."), Active: new(true)}))(t)
		agreement(t, changed, want)
		second := ok(a.Agreements.Create(ctx, authn.AgreementCreateRequest{Type: authn.AgreementEULA, Name: "E2", Text: "Be best.", Active: true}))(t)
		agreement(t, second, authn.Agreement{Type: authn.AgreementEULA, Name: "E2", Text: "Be best.", Active: true, PublishedAt: time.Now()})
		policy := ok(a.Agreements.Create(ctx, authn.AgreementCreateRequest{Type: authn.AgreementPrivacyPolicy, Name: "P1", Text: "Nothing is kept."}))(t)
		agreement(t, policy, authn.Agreement{Type: authn.AgreementPrivacyPolicy, Name: "P1", Text: "Nothing is kept."})

		for name, c := range map[string]struct {
			filter authn.AgreementFilter
			want   string
		}{
			"nothing asked":     {authn.AgreementFilter{}, "E1 E2 P1"},
			"id":                {authn.AgreementFilter{ID: authn.TextFilter{In: []string{first.ID, policy.ID}}}, "E1 P1"},
			"type":              {authn.AgreementFilter{Type: authn.TextFilter{Equals: string(authn.AgreementEULA)}}, "E1 E2"},
			"part of a type":    {authn.AgreementFilter{Type: authn.TextFilter{Contains: []string{"privacy"}}}, "P1"},
			"name in any case":  {authn.AgreementFilter{Name: authn.TextFilter{Equals: "e2"}}, "E2"},
			"text":              {authn.AgreementFilter{Text: authn.TextFilter{Contains: []string{"Be"}}}, "E1 E2"},
			"active":            {authn.AgreementFilter{Active: new(true)}, "E2"},
			"not active":        {authn.AgreementFilter{Active: new(false)}, "E1 P1"},
			"created after":     {authn.AgreementFilter{CreatedAt: authn.TimeFilter{After: first.CreatedAt}}, "E2 P1"},
			"changed at":        {authn.AgreementFilter{UpdatedAt: authn.TimeFilter{Equals: policy.UpdatedAt}}, "P1"},
			"published before":  {authn.AgreementFilter{PublishedAt: authn.TimeFilter{Before: second.PublishedAt}}, "E1"},
			"published by then": {authn.AgreementFilter{PublishedAt: authn.TimeFilter{NotAfter: second.PublishedAt}}, "E1 E2"},
		} {
			t.Run(name, func(t *testing.T) {
				if got := list(c.filter); got != c.want {
					t.Errorf("got %q, want %q", got, c.want)
				}
			})
		}
		for _, by := range []authn.AgreementOrderBy{
			authn.AgreementsByID, authn.AgreementsByType, authn.AgreementsByName, authn.AgreementsByText, authn.AgreementsByCreatedAt,
			authn.AgreementsByUpdatedAt, authn.AgreementsByPublishedAt,
		} {
			if page := ok(a.Agreements.List(ctx, authn.AgreementListRequest{OrderBy: by, Order: authn.Descending}))(t); page.Count != 3 {
				t.Errorf("by %s there are %d", by, page.Count)
			}
		}
		for range a.Agreements.All(ctx, authn.AgreementListRequest{Size: 1}) {
			break // law: a loop may be left
		}
		for _, err := range a.Agreements.All(ctx, authn.AgreementListRequest{Last: "elsewhere"}) {
			refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "DoesNotMatchPattern /last")
		}

		_, err := a.Agreements.Create(ctx, authn.AgreementCreateRequest{Type: "oath"})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "NotEnumMember /type", "FieldRequired /name", "FieldRequired /text")
		_, err = a.Agreements.Update(ctx, authn.AgreementUpdateRequest{Type: authn.AgreementPrivacyPolicy, ID: first.ID, Active: new(true)})
		refused(t, err, authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		if err := a.Agreements.Delete(ctx, authn.AgreementEULA, first.ID); err != nil {
			t.Fatal(err)
		}
		refused(t, a.Agreements.Delete(ctx, authn.AgreementEULA, first.ID), authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		if got := list(authn.AgreementFilter{}); got != "E2 P1" {
			t.Errorf("after the deletion there are %q", got)
		}
	})
}

func TestFlowAgreements(t *testing.T) {
	onEngines(t, map[string]any{"agreements.required": []string{"terms", "privacy"}}, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		const email = "ana@example.org"
		terms := ok(a.Agreements.Create(ctx, authn.AgreementCreateRequest{Type: authn.AgreementEULA, Name: "E1", Text: "Be good.", Active: true}))(t)
		policy := ok(a.Agreements.Create(ctx, authn.AgreementCreateRequest{Type: authn.AgreementPrivacyPolicy, Name: "P1", Text: "Nothing is kept.", Active: true}))(t)
		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: email}))(t)
		got = answer(t, a, got, authn.PasswordAnswer{Password: password})
		got = answer(t, a, got, authn.ProfileAnswer{})
		known := authn.FlowState{FlowTypes: signup, Username: email, Email: email, Phase: authn.PhaseAgreements, Choices: authn.FlowChoices{
			authn.AgreementsChoice{Agreements: map[authn.AgreementType]authn.Agreement{authn.AgreementEULA: *terms, authn.AgreementPrivacyPolicy: *policy}},
		}}
		state(t, got, known)
		_, err := a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.AgreementsAnswer{Agreed: []string{}}})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "FieldRequired /data/agreed")
		got = answer(t, a, got, authn.AgreementsAnswer{Agreed: []string{policy.ID}})
		known.Choices = authn.FlowChoices{authn.AgreementsChoice{Agreements: map[authn.AgreementType]authn.Agreement{authn.AgreementEULA: *terms}}}
		state(t, got, known)
		got = answer(t, a, got, authn.AgreementsAnswer{Agreed: []string{terms.ID}})
		known.Phase, known.Choices = authn.PhaseCompleted, authn.FlowChoices{}
		state(t, got, known)
		pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), email, authn.Profile{})
		who := ok(a.User.Profile.Get(ctx, authn.ByEmail(email)))(t)
		if who.AcceptedEULAID != terms.ID || who.AcceptedPrivacyPolicyID != policy.ID {
			t.Errorf("accepted are %q and %q", who.AcceptedEULAID, who.AcceptedPrivacyPolicyID)
		}
	})
}
