package authn_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/gatehouse-id/gatehouse/client/authn"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// A flow to an application asks what that may have, and its tokens say whose they
// are and what for.
func TestFlowToAnApplication(t *testing.T) {
	onEngines(t, map[string]any{"oauth.scopes": []core.Scope{{Name: "reports", Label: "Reports", Description: "Read your reports.", Consent: true}, {Name: "admin", Consent: true}}}, func(t *testing.T, s *server) {
		ctx := t.Context()
		add := func(auth core.ClientAuth) string {
			app := ok(s.app.Pools.AddApplication(ctx, s.caller, core.Application{Name: "Shop", Client: core.Client{
				Grants: []core.GrantKind{core.GrantCode}, Auth: auth, Redirects: []string{"https://shop.example.org/cb"}, Scopes: []string{"openid", "email", "reports", "admin"}, DefaultScopes: []string{"email", "reports", "admin"},
			}}))(t)
			return pangea.ClientID(app.ID)
		}
		page, kept := add(core.ClientAuthNone), add(core.ClientAuthBasic)
		a := s.with(t, s.client)
		const email = "ana@example.org"
		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: email, ClientID: page}))(t)
		got = answer(t, a, got, authn.PasswordAnswer{Password: password})
		got = answer(t, a, got, authn.ProfileAnswer{})
		asked, there := authn.Offered[authn.OAuthConsentChoice](got)
		want := []authn.OAuthScope{{Name: "reports", DisplayName: "Reports", Description: "Read your reports."}, {Name: "admin", DisplayName: "admin"}}
		if got.Phase != authn.PhaseConsent || !there || !slices.Equal(asked.Scopes, want) {
			t.Fatalf("the flow is in %s and asks for %+v", got.Phase, asked)
		}
		for _, wrong := range []struct {
			answer  authn.OAuthConsentAnswer
			problem string
		}{
			{authn.OAuthConsentAnswer{}, "FieldRequired /data/scope_selections"},
			{authn.OAuthConsentAnswer{ScopeSelections: []authn.ScopeSelection{{Scope: "other", IsAllowed: true}}}, "DoesNotExist /data/scope_selections/0"},
			{authn.OAuthConsentAnswer{ScopeSelections: []authn.ScopeSelection{{}}}, "FieldRequired /data/scope_selections/0/scope"},
		} {
			_, err := a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: wrong.answer})
			refused(t, err, authn.StatusValidationError, http.StatusBadRequest, wrong.problem)
		}
		got = answer(t, a, got, authn.OAuthConsentAnswer{ScopeSelections: []authn.ScopeSelection{{Scope: "reports", IsAllowed: true}, {Scope: "admin"}}})
		done := ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t)
		if done.ClientID != page || done.Scope != "email reports" || done.RedirectURI != "https://shop.example.org/cb" || !slices.Equal(done.ResponseTypes, []string{"code"}) {
			t.Errorf("the flow gave %+v", done.FlowOAuth)
		}
		if done.RefreshToken.Token != "" {
			t.Errorf("an application that does not refresh has the refresh token %q", done.RefreshToken.Token)
		}
		info := ok(a.Client.Token.Check(ctx, done.ActiveToken.Token))(t)
		if info.ClientID != page || !slices.Equal(info.Scopes, []string{"email", "reports"}) || info.Email != email || len(info.Profile) != 0 {
			t.Errorf("the token stands for %+v", info)
		}
		// It opens what its scopes say, and none of the person's own doors.
		_, err := a.Client.Session.List(ctx, authn.ClientSessionListRequest{Token: done.ActiveToken.Token})
		refused(t, err, authn.StatusInvalidToken, http.StatusBadRequest)
		_, err = a.Flow.Start(ctx, authn.FlowStartRequest{Email: email, ClientID: kept})
		refused(t, err, authn.StatusUnauthorized, http.StatusForbidden)
		_, err = a.Flow.Start(ctx, authn.FlowStartRequest{Email: email, ClientID: pangea.ClientID(core.NewApplicationID())})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "DoesNotExist /client_id")
		_, err = a.Flow.Start(ctx, authn.FlowStartRequest{Email: email, ClientID: page, CallbackURI: callback})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "DoesNotExist /cb_uri")
		ok(s.with(t, s.service).Flow.Start(ctx, authn.FlowStartRequest{Email: email, ClientID: kept, CallbackURI: "https://shop.example.org/cb"}))(t)
	})
}
