package flow_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/source/samltest"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// withSAML makes a pool with these providers.
func withSAML(t *testing.T, h *flowtest.House, name string, providers ...*flowtest.SAML) core.Caller {
	t.Helper()
	app := h.Pool(t, name, nil)
	setSAML(t, h, app, providers...)
	return app
}

func setSAML(t *testing.T, h *flowtest.House, app core.Caller, providers ...*flowtest.SAML) {
	t.Helper()
	list := []core.Provider{}
	for _, p := range providers {
		list = append(list, p.Provider)
	}
	h.Set(t, app, map[string]any{
		"signin.providers": list, "redirects.allowed": []string{"https://app.example.org/cb", "https://app.example.org/saml"}, "redirects.default": "https://app.example.org/cb",
	})
}

// toApp starts a flow of an application.
func toApp(t *testing.T, h *flowtest.House, app core.Caller, email string) flow.State {
	t.Helper()
	s, err := h.Flows.Start(t.Context(), app, flow.Start{Email: email, Redirect: "https://app.example.org/cb"})
	must(t, err)
	return s
}

func TestPeopleComeInBySAML(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		acme := flowtest.NewSAML(t, "acme")
		app := withSAML(t, h, "shop", acme)
		acme.Provider.Profile = map[string]string{"first_name": "givenName"}
		h.Set(t, app, map[string]any{"profile.fields": []core.ProfileField{{ID: "first_name", Label: "First name", Type: core.ProfileText, AtSignup: true}}})
		setSAML(t, h, app, acme)

		s := toApp(t, h, app, "")
		shown := acme.Offered(t, s)
		if shown.Title != "SSO of acme" || shown.Bridge != flowtest.PageURL+"/p/shop/flow/saml/acme" || !secret.IsText(shown.State) {
			t.Errorf("law: a provider is offered by its label, at our bridge, under a state of the flow: %+v", shown)
		}
		s, err := h.Flows.Answer(t.Context(), app, s.ID, acme.Answer(t, h, app, s))
		must(t, err)
		if s.Phase != core.PhaseCompleted {
			t.Fatalf("law: who is new signs up by what the provider says of them; the flow is at %s", s.Phase)
		}
		first, err := h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		if first.User.Email != "ana@example.org" || !first.User.EmailVerified || first.User.Profile["first_name"] != "Ana" {
			t.Errorf("law: somebody new is whom the provider names: %+v", first.User)
		}
		if mails := h.Mail(t); len(mails) != 0 {
			t.Errorf("law: a mailbox that the provider vouches for is not proved again; %d mails left", len(mails))
		}

		// The same person again, whatever address they have by now.
		s = toApp(t, h, app, "")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, acme.Answer(t, h, app, s, func(said *samltest.Said) { said.Attributes = [][2]string{{"mail", "ana@elsewhere.example"}} }))
		must(t, err)
		again, err := h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		if again.User.ID != first.User.ID || again.User.Email != "ana@example.org" {
			t.Errorf("law: whom the provider names is who they were: %+v", again.User)
		}
		// And once they are named in the flow.
		s = toApp(t, h, app, "ana@example.org")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, acme.Answer(t, h, app, s))
		must(t, err)
		if s.Phase != core.PhaseCompleted {
			t.Errorf("law: somebody known comes in by the provider; the flow is at %s", s.Phase)
		}
	})
}

func TestSAMLProvidersOfADomain(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		acme := flowtest.NewSAML(t, "acme")
		acme.Provider.Domains = []string{"example.org"}
		app := withSAML(t, h, "shop", acme)
		offered := func(s flow.State) bool {
			for _, p := range s.Prompts {
				if p.Choice == core.ChoiceSAML {
					return true
				}
			}
			return false
		}
		h.Person(t, app, "bob@example.org")
		for email, want := range map[string]bool{"": false, "ana@example.com": false, "ana@example.org": true, "bob@example.org": true} {
			if s := toApp(t, h, app, email); offered(s) != want {
				t.Errorf("law: a provider of a domain is offered to its people once they are known; to %q: %t", email, !want)
			}
		}
		// It is not believed about others.
		s := toApp(t, h, app, "ana@example.org")
		_, err := h.Flows.Answer(t.Context(), app, s.ID, acme.Answer(t, h, app, s, func(said *samltest.Said) {
			said.Attributes = [][2]string{{"mail", "ceo@example.com"}}
		}))
		want(t, err, core.CodeDomainRefused, "somebody of another domain")
		acme.Provider.Disabled = true
		setSAML(t, h, app, acme)
		if offered(toApp(t, h, app, "ana@example.org")) {
			t.Error("law: a provider that is disabled is not offered")
		}
	})
}

// An answer is taken by the flow that asked for it, from the provider that it
// asked, once, and while the pool has that provider.
func TestX11AnswersToOtherFlows(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		acme, other := flowtest.NewSAML(t, "acme"), flowtest.NewSAML(t, "other")
		acme.Provider.SAML.Unsolicited = true
		app := withSAML(t, h, "shop", acme, other)
		elsewhere := withSAML(t, h, "elsewhere", acme, other)
		mine, theirs := toApp(t, h, app, ""), toApp(t, h, app, "")
		refused := func(what string, code core.Code, app core.Caller, s flow.State, a flow.Answer) {
			t.Helper()
			before := facts(t, h, app, s.ID)
			_, err := h.Flows.Answer(t.Context(), app, s.ID, a)
			want(t, err, code, what)
			if after := facts(t, h, app, s.ID); string(before) != string(after) {
				t.Errorf("law: %s changes nothing: %s became %s", what, before, after)
			}
		}
		good := acme.Answer(t, h, app, mine)
		stolen := good
		stolen.State = acme.Offered(t, theirs).State
		refused("an answer to another flow", core.CodeProviderRefused, app, theirs, stolen)
		refused("an answer under another flow's state", core.CodeProviderRefused, app, theirs, good)
		otherState := good
		otherState.State = secret.Random()
		refused("an answer under no state", core.CodeProviderRefused, app, mine, otherState)
		wrong := good
		wrong.Provider, wrong.State = "other", other.Offered(t, mine).State
		refused("an answer of another provider", core.CodeProviderRefused, app, mine, wrong)
		wrong.Provider = "nobody"
		refused("an answer of nobody", core.CodeNotOffered, app, mine, wrong)
		abroad := toApp(t, h, elsewhere, "")
		far := good
		far.State = acme.Offered(t, abroad).State
		refused("an answer to another pool", core.CodeTicketInvalid, elsewhere, abroad, far)

		// Nobody asked for this one.
		taken, err := h.Flows.TakeSAML(t.Context(), app, "acme", acme.IdP.Answer(acme.Said(h, app, "shop")))
		must(t, err)
		unasked := flow.Answer{Choice: core.ChoiceSAML, Provider: "acme", State: acme.Offered(t, mine).State, Code: taken.Ticket}
		refused("an answer that nobody asked for", core.CodeProviderRefused, app, mine, unasked)
		_, err = h.Flows.Start(t.Context(), app, flow.Start{SAML: good.Code})
		want(t, err, core.CodeTicketInvalid, "beginning a flow with another one's answer")
		_, err = h.Flows.Start(t.Context(), elsewhere, flow.Start{SAML: taken.Ticket})
		want(t, err, core.CodeTicketInvalid, "beginning a flow of another pool")

		// Who is not the provider any more is not believed.
		acme.Provider.Disabled = true
		setSAML(t, h, app, acme, other)
		refused("an answer of a provider that is disabled by now", core.CodeNotOffered, app, mine, good)
		_, err = h.Flows.TakeSAML(t.Context(), app, "acme", acme.IdP.Answer(acme.Said(h, app, "shop")))
		want(t, err, core.CodeNotFound, "bringing an answer of a provider that is disabled")
		acme.Provider.Disabled = false
		setSAML(t, h, app, acme, other)

		_, err = h.Flows.Answer(t.Context(), app, mine.ID, good)
		must(t, err)
		again := toApp(t, h, app, "")
		late := good
		late.State = acme.Offered(t, again).State
		refused("an answer that was taken", core.CodeTicketInvalid, app, again, late)
	})
}

// The same answer is taken once, however many bring it, on two nodes.
func TestX11TheSameAnswerAgain(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		h := flowtest.New(storetest.Open(t, database))
		nodes := []*flowtest.House{h, h}
		if !strings.HasPrefix(database, "sqlite:") {
			nodes[1] = flowtest.New(storetest.Open(t, database))
		}
		acme := flowtest.NewSAML(t, "acme")
		app := withSAML(t, h, "shop", acme)
		s := toApp(t, h, app, "")
		said := acme.Said(h, app, "shop")
		said.InResponseTo = acme.Request(t, h, app, s)
		answer := acme.IdP.Answer(said)
		var taken, answered atomic.Int64
		var ticket atomic.Value
		storetest.Together(16, func(i int) {
			got, err := nodes[i%2].Flows.TakeSAML(t.Context(), app, "acme", answer)
			switch {
			case err == nil:
				taken.Add(1)
				ticket.Store(got.Ticket)
			case !core.Is(err, core.CodeProviderRefused):
				t.Error(err)
			}
		})
		if n := taken.Load(); n != 1 {
			t.Fatalf("law: an answer is taken once; it was taken %d times", n)
		}
		code, _ := ticket.Load().(string)
		storetest.Together(16, func(i int) {
			_, err := nodes[i%2].Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSAML, Provider: "acme", State: acme.Offered(t, s).State, Code: code})
			switch {
			case err == nil:
				answered.Add(1)
			case core.Is(err, core.CodeInternal):
				t.Error(err)
			}
		})
		if n := answered.Load(); n != 1 {
			t.Errorf("law: a flow takes an answer once; it was taken %d times", n)
		}
		// The provider may say another thing under the same name.
		if _, err := h.Flows.TakeSAML(t.Context(), app, "acme", answer); !core.Is(err, core.CodeProviderRefused) {
			t.Errorf("law: what was taken stays taken: %v", err)
		}
	})
}

func TestPeopleBeginAtASAMLProvider(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		acme := flowtest.NewSAML(t, "acme")
		app := withSAML(t, h, "shop", acme)
		_, err := h.Flows.TakeSAML(t.Context(), app, "acme", acme.IdP.Answer(acme.Said(h, app, "shop")))
		want(t, err, core.CodeProviderRefused, "an answer that nobody asked for, where the provider may not begin")

		acme.Provider.SAML.Unsolicited = true
		setSAML(t, h, app, acme)
		taken, err := h.Flows.TakeSAML(t.Context(), app, "acme", acme.IdP.Answer(acme.Said(h, app, "shop")))
		must(t, err)
		if !taken.Unsolicited || taken.Page != "" {
			t.Errorf("law: what nobody asked for begins a flow on our pages: %+v", taken)
		}
		s, err := h.Flows.Start(t.Context(), app, flow.Start{SAML: taken.Ticket})
		must(t, err)
		shown := acme.Offered(t, s)
		if shown.Bridge != "" {
			t.Errorf("law: a provider that has said who it is need not be asked: %+v", shown)
		}
		twin, err := h.Flows.Start(t.Context(), app, flow.Start{SAML: taken.Ticket})
		must(t, err)
		s, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSAML, Provider: "acme", State: shown.State})
		must(t, err)
		grant, err := h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		if grant.User.Email != "ana@example.org" {
			t.Errorf("law: who began at the provider is signed in: %+v", grant.User)
		}
		_, err = h.Flows.Answer(t.Context(), app, twin.ID, flow.Answer{Choice: core.ChoiceSAML, Provider: "acme", State: acme.Offered(t, twin).State})
		want(t, err, core.CodeTicketInvalid, "another flow that was begun with the same")

		acme.Provider.SAML.UnsolicitedURL = "https://app.example.org/saml"
		setSAML(t, h, app, acme)
		taken, err = h.Flows.TakeSAML(t.Context(), app, "acme", acme.IdP.Answer(acme.Said(h, app, "shop")))
		must(t, err)
		if taken.Page != "https://app.example.org/saml" {
			t.Errorf("law: or at the page of the application that the settings name: %+v", taken)
		}
		acme.Provider.SAML.UnsolicitedURL = "https://elsewhere.example.org/saml"
		setSAML(t, h, app, acme)
		_, err = h.Flows.TakeSAML(t.Context(), app, "acme", acme.IdP.Answer(acme.Said(h, app, "shop")))
		want(t, err, core.CodeRedirectRefused, "a page that is not registered")
	})
}
