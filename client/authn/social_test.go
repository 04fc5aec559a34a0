package authn_test

import (
	"errors"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/client/authn"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

// agree goes to the provider by way of the server's page, and returns where the
// browser comes back with this code.
func agree(t *testing.T, offer authn.SocialChoice, code string) string {
	t.Helper()
	browser := &http.Client{Jar: ok(cookiejar.New(nil))(t), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	follow := func(address string) *url.URL {
		answer := ok(browser.Get(address))(t)
		if err := answer.Body.Close(); err != nil {
			t.Error(err)
		}
		return ok(answer.Location())(t)
	}
	asked := follow(offer.RedirectURI).Query()
	return follow(asked.Get("redirect_uri") + "?" + url.Values{"state": {asked.Get("state")}, "code": {code}}.Encode()).String()
}

// Somebody comes in through another provider, and is told where they belong if
// they do not.
func TestFlowThroughAProvider(t *testing.T) {
	hub := flowtest.NewService(t)
	settings := map[string]any{"profile.fields": []any{}, "signin.providers": []core.Provider{hub.Provider("github", true), hub.Provider("rumour", false)}}
	onEngines(t, settings, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.client), t.Context()
		ana := flowtest.Account{ID: 7, Email: "ana@example.org", Verified: true}
		come := func(provider string, who flowtest.Account, start authn.FlowStartRequest) (*authn.FlowState, error) {
			t.Helper()
			start.CallbackURI = callback
			got := ok(a.Flow.Start(ctx, start))(t)
			offer, offered := authn.OfferedProvider(got, provider)
			if !offered || offer.State == "" {
				t.Fatalf("%s is not offered: %+v", provider, got)
			}
			return a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.SocialAnswer{Provider: provider, URI: agree(t, offer, hub.Code(who))}})
		}
		for _, kind := range []authn.FlowType{authn.FlowSignup, authn.FlowSignin} {
			got := ok(come("github", ana, authn.FlowStartRequest{}))(t)
			if got.Phase != authn.PhaseCompleted || got.Email != "ana@example.org" || len(got.FlowTypes) != 1 || got.FlowTypes[0] != kind {
				t.Errorf("behind the provider: %+v", got)
			}
			ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t)
		}
		ways := ok(s.with(t, s.service).User.Authenticators.List(ctx, authn.UserRef{Email: "ana@example.org"}))(t)
		if len(ways) != 1 || ways[0].Type != authn.AuthenticatorSocial || ways[0].Provider != "github" || ways[0].ProviderName != "GitHub" {
			t.Errorf("they have %+v", ways)
		}
		_, err := come("rumour", ana, authn.FlowStartRequest{})
		refused(t, err, authn.StatusAuthenticationFailure, http.StatusBadRequest)
		if e, ok := errors.AsType[*authn.Error](err); !ok || e.CorrectProvider != "github" || e.Email != "ana@example.org" || strings.Contains(e.Error(), "ana@") {
			t.Errorf("law: who comes in another way is told how; it was %+v", err)
		}
		_, err = come("github", ana, authn.FlowStartRequest{Email: "bob@example.org"})
		if e, ok := errors.AsType[*authn.Error](err); !ok || e.IncorrectEmail != "ana@example.org" {
			t.Errorf("law: whose address it was is told; it was %+v", err)
		}
	})
}
