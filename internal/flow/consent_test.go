package flow_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

const shopCallback = "https://shop.example/cb"

// shop adds an application that may ask for two scopes of the pool's own, about
// which people are asked. A public one keeps no secret.
func shop(t testing.TB, h *flowtest.House, app core.Caller, public bool) core.Application {
	t.Helper()
	h.Set(t, app, map[string]any{"oauth.scopes": []core.Scope{{Name: "reports", Label: "Reports", Consent: true}, {Name: "admin", Consent: true}, {Name: "plain"}}})
	auth := core.ClientAuthBasic
	if public {
		auth = core.ClientAuthNone
	}
	a, err := h.Pools.AddApplication(t.Context(), app, core.Application{Name: "Shop", Client: core.Client{
		Grants: []core.GrantKind{core.GrantCode, core.GrantRefresh}, Auth: auth, Redirects: []string{shopCallback, "https://shop.example/two"},
		Scopes: []string{"openid", "email", "reports", "admin", "plain"}, DefaultScopes: []string{"openid", "email"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// toShop begins a sign-in to an application.
func toShop(t testing.TB, h *flowtest.House, caller core.Caller, a core.Application, scopes ...string) flow.State {
	t.Helper()
	s, err := h.Flows.Start(t.Context(), caller, flow.Start{Email: "ana@example.org", Redirect: shopCallback, OAuth: &core.Authorization{Application: a.ID, Scopes: scopes}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wishing brings a flow of a lawful pool to where it asks what an application
// may have.
func wishing(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
	t.Helper()
	a := shop(t, h, app, true)
	h.Set(t, app, map[string]any{"signup.verify_email": false, "agreements.required": []string{}})
	s := toShop(t, h, app, a, "openid", "reports", "admin")
	s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
	must(t, err)
	return s
}

func allow(scopes ...string) flow.Answer {
	a := flow.Answer{Choice: core.ChoiceConsent}
	for _, scope := range scopes {
		a.Scopes = append(a.Scopes, flow.ScopeAnswer{Name: scope, Allowed: true})
	}
	return a
}

func wrongConsents() []flow.Answer {
	return []flow.Answer{allow(), allow("openid"), allow("other"), allow("admin", "admin"), allow("admin", "")}
}

// wishes is what a flow asks a person to let the application have.
func wishes(s flow.State) []string {
	var names []string
	for _, p := range s.Prompts {
		for _, scope := range p.Scopes {
			names = append(names, scope.Name)
		}
	}
	return names
}

// A person lets an application have something, refuses something, and is asked
// for neither what they let it have before nor what nobody is asked about.
func TestConsent(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		ana := h.Person(t, app, "ana@example.org")
		a := shop(t, h, app, true)
		begin := func(scopes ...string) flow.State {
			s := toShop(t, h, app, a, scopes...)
			s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			return s
		}
		granted := func(s flow.State) []string {
			done, err := h.Flows.CompleteOAuth(t.Context(), app, s.ID, flow.Wanted{})
			must(t, err)
			token, err := h.Sessions.Look(t.Context(), app, done.Grant.Access.Token)
			must(t, err)
			if token.Application != a.ID || !slices.Equal(token.Scopes, done.Grant.Scopes) {
				t.Errorf("the token is %+v", token)
			}
			return token.Scopes
		}
		s := begin("openid", "reports", "admin", "plain")
		if s.Phase != core.PhaseConsent || !slices.Equal(wishes(s), []string{"reports", "admin"}) {
			t.Fatalf("the flow is in %s and asks for %v", s.Phase, wishes(s))
		}
		_, err := h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowIncomplete, "completing before the person was asked")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, allow("reports"))
		must(t, err)
		if s.Phase != core.PhaseConsent || !slices.Equal(wishes(s), []string{"admin"}) {
			t.Fatalf("after one was allowed the flow is in %s and asks for %v", s.Phase, wishes(s))
		}
		s, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceConsent, Scopes: []flow.ScopeAnswer{{Name: "admin"}}})
		must(t, err)
		if got := granted(s); !slices.Equal(got, []string{"openid", "reports", "plain"}) {
			t.Errorf("law: what a person refuses the application does not get; it got %v", got)
		}
		s = begin("openid", "reports", "admin")
		if !slices.Equal(wishes(s), []string{"admin"}) {
			t.Errorf("law: what was allowed is not asked for again, and what was refused is; the flow asks for %v", wishes(s))
		}
		if s := begin("openid", "reports"); s.Phase != core.PhaseCompleted {
			t.Errorf("a flow that asks for nothing new is in %s", s.Phase)
		}
		if s := begin(); s.Phase != core.PhaseCompleted {
			t.Errorf("a flow that asks for nothing is in %s", s.Phase)
		} else if got := granted(s); !slices.Equal(got, []string{"openid", "email"}) {
			t.Errorf("who asks for nothing gets %v", got)
		}
		// Asked to ask again, it does.
		again, err := h.Flows.Start(t.Context(), app, flow.Start{Email: "ana@example.org", Redirect: shopCallback, OAuth: &core.Authorization{Application: a.ID, Scopes: []string{"openid", "reports", "plain"}, Ask: true}})
		must(t, err)
		again, err = h.Flows.Answer(t.Context(), app, again.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		if !slices.Equal(wishes(again), []string{"reports", "plain"}) {
			t.Errorf("a flow that is to ask again asks for %v", wishes(again))
		}
		state, err := h.Flows.Deny(t.Context(), app, again.ID)
		if err != nil || state.Redirect != shopCallback {
			t.Errorf("denied, the flow leads to %q (%v)", state.Redirect, err)
		}
		_, err = h.Flows.State(t.Context(), app, again.ID)
		want(t, err, core.CodeFlowEnded, "a flow that was denied")
		_, err = h.Flows.Deny(t.Context(), app, begin("openid").ID)
		want(t, err, core.CodeNotOffered, "denying what nobody asked")
		var told []string
		for _, e := range h.Events(t, app) {
			if e.Name == core.EventConsentGiven || e.Name == core.EventConsentRefused {
				told = append(told, string(e.Name)+" "+e.Data["scopes"])
				if e.Target != string(ana.ID) || e.Data["application"] != string(a.ID) {
					t.Errorf("the event is %+v", e)
				}
			}
		}
		slices.Sort(told)
		if !slices.Equal(told, []string{"consent.given reports", "consent.refused admin", "consent.refused openid reports plain"}) {
			t.Errorf("the events are %v", told)
		}
	})
}

// What an application asks for is checked before anybody is asked who they are.
func TestAuthorizationIsChecked(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"redirects.allowed": []string{"https://a.example/cb"}})
		stranger := h.Pool(t, "other", nil)
		public, kept := shop(t, h, app, true), shop(t, h, app, false)
		page := core.Caller{Pool: app.Pool, Actor: core.Actor{Kind: core.ActorClient}}
		browser := page
		browser.Browser = []byte("browser")
		for name, c := range map[string]struct {
			caller   core.Caller
			app      core.ApplicationID
			redirect string
			scopes   []string
			once     bool
			want     core.Code
		}{
			"a public application over the API":      {page, public.ID, shopCallback, nil, false, ""},
			"one that keeps a secret, by its server": {app, kept.ID, shopCallback, nil, false, ""},
			"one that keeps a secret, on the pages":  {browser, kept.ID, shopCallback, nil, false, ""},
			"one that keeps a secret, by anybody":    {page, kept.ID, shopCallback, nil, false, core.CodeForbidden},
			"an application that is none":            {app, core.NewApplicationID(), shopCallback, nil, false, core.CodeInvalid},
			"another pool's":                         {stranger, public.ID, shopCallback, nil, false, core.CodeInvalid},
			"an address of the pool and not of it":   {app, public.ID, "https://a.example/cb", nil, false, core.CodeRedirectRefused},
			"no address, where there are two":        {app, public.ID, "", nil, false, core.CodeRedirectRefused},
			"a scope that it may not ask for":        {app, public.ID, shopCallback, []string{"openid", "profile"}, false, core.CodeInvalid},
			"a scope that there is not":              {app, public.ID, shopCallback, []string{"root"}, false, core.CodeInvalid},
			"a flow that signs nobody in":            {app, public.ID, shopCallback, nil, true, core.CodeInvalid},
		} {
			start := flow.Start{Redirect: c.redirect, OAuth: &core.Authorization{Application: c.app, Scopes: c.scopes}}
			if c.once {
				h.Set(t, app, map[string]any{"one_time.methods": []string{"password"}})
				start.Types, start.OneTime = []core.FlowType{core.FlowOneTime}, []flow.OneTimeAuth{{Kind: core.AuthenticatorPassword, Password: secret.Text(flowtest.Password)}}
			}
			_, err := h.Flows.Start(t.Context(), c.caller, start)
			if c.want == "" && err != nil || c.want != "" && !core.Is(err, c.want) {
				t.Errorf("law: what an application asks for is checked first; with %s it gave %v, want %q", name, err, c.want)
			}
		}
	})
}

// TestO1ApplicationsRedirectIsTakenBack: a flow that was begun ends at no
// address that its application has no more, nor at one that is gone.
func TestO1ApplicationsRedirectIsTakenBack(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		h.Person(t, app, "ana@example.org")
		a := shop(t, h, app, true)
		s := toShop(t, h, app, a, "openid", "plain")
		s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		change := func(f func(*core.Client)) {
			_, err := h.Pools.ChangeApplication(t.Context(), app, a.ID, func(a *core.Application) []string { f(&a.Client); return nil })
			must(t, err)
		}
		change(func(c *core.Client) { c.Redirects = c.Redirects[1:] })
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeRedirectRefused, "completing at an address that was taken back")
		change(func(c *core.Client) {
			c.Redirects = []string{shopCallback}
			c.Scopes, c.DefaultScopes = []string{"openid"}, nil
		})
		done, err := h.Flows.CompleteOAuth(t.Context(), app, s.ID, flow.Wanted{})
		if err != nil || !slices.Equal(done.Grant.Scopes, []string{"openid"}) {
			t.Errorf("law: what the application may not ask for any more it does not get; it got %v (%v)", done.Grant.Scopes, err)
		}
		s = toShop(t, h, app, a, "openid")
		must(t, h.Pools.RemoveApplication(t.Context(), app, a.ID))
		_, err = h.Flows.State(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowEnded, "a flow to an application that was removed")
	})
}

// A flow to an application ends on the pages with a code that is for it alone.
func TestCodeForAnApplication(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		h.Person(t, app, "ana@example.org")
		a := shop(t, h, app, false)
		browser := core.Caller{Pool: app.Pool, Actor: core.Actor{Kind: core.ActorClient}, Browser: []byte("browser")}
		s := toShop(t, h, browser, a, "openid")
		_, err := h.Flows.Answer(t.Context(), browser, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		done, err := h.Flows.CompleteWithCode(t.Context(), browser, s.ID)
		must(t, err)
		settings := core.DefaultSettings()
		_, err = h.Sessions.ExchangeCode(t.Context(), app, settings, done.Code, "")
		want(t, err, core.CodeTicketInvalid, "a code for an application, as a login code")
		g, err := h.Sessions.ExchangeAuthorization(t.Context(), app, settings, a, done.Code, shopCallback, "")
		if err != nil || g.IDToken == "" || g.User.Email != "ana@example.org" {
			t.Errorf("the code gave %+v (%v)", g, err)
		}
	})
}
