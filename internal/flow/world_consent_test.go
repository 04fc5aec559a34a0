package flow_test

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
)

// unconsented is what the person has still to say yes or no to.
func (f *modelFlow) unconsented(p *modelPool) []string {
	var left []string
	for _, scope := range f.scopes {
		_, said := f.said[scope]
		if asked := scope == "reports" || scope == "admin"; asked && !said && !f.person(p).consents[scope] {
			left = append(left, scope)
		}
	}
	return left
}

// toShop has one flow in three be to an application.
func (w *world) toShop(f *modelFlow, p *modelPool, s flow.Start) flow.Start {
	if rapid.IntRange(0, 2).Draw(w.r, "to the application") > 0 {
		return s
	}
	f.said = map[string]bool{}
	f.scopes = rapid.SampledFrom([][]string{{"openid"}, {"openid", "reports"}, {"admin", "reports", "plain"}}).Draw(w.r, "scopes")
	s.OAuth, s.Redirect = &core.Authorization{Application: p.shop.ID, Scopes: f.scopes}, shopCallback
	return s
}

// consent says yes to some scopes and no to others.
func (w *world) consent() {
	f, p, caller := w.pick()
	want := w.gate(f, p, caller, core.ChoiceConsent)
	a := flow.Answer{Choice: core.ChoiceConsent}
	for _, scope := range []string{"reports", "admin"} {
		switch rapid.IntRange(0, 3).Draw(w.r, scope) {
		case 0:
		case 1:
			a.Scopes = append(a.Scopes, flow.ScopeAnswer{Name: scope})
		default:
			a.Scopes = append(a.Scopes, flow.ScopeAnswer{Name: scope, Allowed: true})
		}
	}
	if want == "" && (len(a.Scopes) == 0 || slices.ContainsFunc(a.Scopes, func(s flow.ScopeAnswer) bool { return !slices.Contains(f.unconsented(p), s.Name) })) {
		want = core.CodeInvalid
	}
	if want == "" && f.stamp != f.person(p).stamp {
		want = core.CodeFlowEnded
	}
	if want == "" {
		person := f.person(p)
		for _, s := range a.Scopes {
			if f.said[s.Name] = s.Allowed; s.Allowed {
				if person.consents == nil {
					person.consents = map[string]bool{}
				}
				person.consents[s.Name] = true
			}
		}
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, a)
	w.agree("consent", f, err, want)
}

// deny gives the application nothing, and ends the flow.
func (w *world) deny() {
	f, p, caller := w.pick()
	want := w.gate(f, p, caller, core.ChoiceConsent)
	if want == "" {
		f.ended = true
	}
	_, err := w.h.Flows.Deny(w.t.Context(), caller, f.id)
	w.agree("deny", f, err, want)
}

// belongs says whose the tokens of a flow are: the person's own, or an
// application's, with what the person let it have and no more.
func (w *world) belongs(f *modelFlow, p *modelPool, grant core.Grant) {
	_, err := w.h.Sessions.Check(w.t.Context(), p.caller, grant.Access.Token)
	if f.scopes == nil {
		if err != nil || len(grant.Scopes) > 0 {
			w.r.Fatalf("the person's own token has the scopes %v (%v)", grant.Scopes, err)
		}
		return
	}
	if !core.Is(err, core.CodeTokenInvalid) {
		w.r.Fatalf("an application's token opens the person's own doors: %v", err)
	}
	var want []string
	for _, scope := range f.scopes {
		if allowed, said := f.said[scope]; allowed || !said {
			want = append(want, scope)
		}
	}
	token, err := w.h.Sessions.Look(w.t.Context(), p.caller, grant.Access.Token)
	if err != nil || token.Application != p.shop.ID || !slices.Equal(token.Scopes, want) {
		w.r.Fatalf("the application's token has %v of %v, want %v (%v); flow %+v", token.Scopes, f.scopes, want, err, *f)
	}
}
