package flow_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

// publish makes an agreement that is active.
func publish(t *testing.T, h *flowtest.House, app core.Caller, kind core.AgreementKind, name string) core.Agreement {
	t.Helper()
	a, err := h.Agreements.Create(t.Context(), app, directory.NewAgreement{Kind: kind, Name: name, Text: "# " + name, Active: true})
	must(t, err)
	return a
}

// asks is what a flow asks a person to accept.
func asks(s flow.State) []core.AgreementID {
	var ids []core.AgreementID
	for _, p := range s.Prompts {
		for _, a := range p.Agreements {
			ids = append(ids, a.ID)
		}
	}
	return ids
}

func accept(ids ...core.AgreementID) flow.Answer {
	a := flow.Answer{Choice: core.ChoiceAgreements}
	for _, id := range ids {
		a.Agreed = append(a.Agreed, flow.Agreed{ID: id})
	}
	return a
}

// asked brings a flow of a lawful pool to where it asks for two agreements.
func asked(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
	t.Helper()
	publish(t, h, app, core.AgreementTerms, "Terms")
	publish(t, h, app, core.AgreementPrivacy, "Privacy")
	s := start(t, h, app, "ana@example.org")
	s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
	must(t, err)
	s, err = h.Flows.Answer(t.Context(), app, s.ID, mailed(core.ChoiceVerifyEmail)(t, h, app, s))
	must(t, err)
	return s
}

func wrongAgreements() []flow.Answer {
	return []flow.Answer{accept(), accept(core.NewAgreementID()), accept("", "x")}
}

// signingIn is a sign-in of Ana with her password given.
func signingIn(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
	t.Helper()
	s := start(t, h, app, "ana@example.org")
	s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
	must(t, err)
	return s
}

// wants states what a flow asks for, and in which phase it is.
func wants(t *testing.T, s flow.State, ids ...core.AgreementID) {
	t.Helper()
	phase := core.PhaseCompleted
	if len(ids) > 0 {
		phase = core.PhaseAgreements
	}
	if s.Phase != phase || !slices.Equal(asks(s), ids) {
		t.Errorf("the flow is in %s and asks for %v, want %s and %v", s.Phase, asks(s), phase, ids)
	}
}

func consenting(t *testing.T, h *flowtest.House, kinds ...core.AgreementKind) core.Caller {
	t.Helper()
	return h.Pool(t, "demo", map[string]any{"signup.verify_email": false, "agreements.required": kinds})
}

func TestAgreementsAreAskedForOnceAndOneByOne(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := consenting(t, h, core.AgreementKinds()...)
		h.Person(t, app, "ana@example.org")
		wants(t, signingIn(t, h, app)) // none is active
		terms, privacy := publish(t, h, app, core.AgreementTerms, "Terms 1"), publish(t, h, app, core.AgreementPrivacy, "Privacy 1")

		// At sign-up, in part and then the rest.
		s := start(t, h, app, "new@example.org")
		s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		wants(t, s, terms.ID, privacy.ID)
		s, err = h.Flows.Answer(t.Context(), app, s.ID, accept(privacy.ID))
		must(t, err)
		wants(t, s, terms.ID)
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowIncomplete, "completing with one of two")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, accept(privacy.ID, terms.ID))
		must(t, err)
		wants(t, s)
		grant, err := h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		if grant.User.AcceptedTerms != string(terms.ID) || grant.User.AcceptedPrivacy != string(privacy.ID) {
			t.Errorf("the person has accepted %q and %q", grant.User.AcceptedTerms, grant.User.AcceptedPrivacy)
		}
		var told []string
		for _, e := range h.Events(t, app) {
			if e.Name == core.EventAgreementAccepted {
				told = append(told, fmt.Sprint(e.Target == string(grant.User.ID), e.Data))
			}
		}
		if w := []string{
			fmt.Sprint(true, map[string]string{"agreement": string(privacy.ID), "kind": "privacy", "version": "1"}),
			fmt.Sprint(true, map[string]string{"agreement": string(terms.ID), "kind": "terms", "version": "1"}),
		}; !slices.Equal(slices.Sorted(slices.Values(told)), slices.Sorted(slices.Values(w))) {
			t.Errorf("the audit trail says %q, want %q", told, w)
		}
		h.SignIn(t, app, "new@example.org", flowtest.Password) // and is not asked again

		// A newer one is asked for at the next sign-in, and only that.
		s = signingIn(t, h, app)
		s, err = h.Flows.Answer(t.Context(), app, s.ID, accept(asks(s)...))
		must(t, err)
		wants(t, s)
		newer := publish(t, h, app, core.AgreementTerms, "Terms 2")
		wants(t, signingIn(t, h, app), newer.ID)
		// A draft is not, and neither is a kind that the pool no longer requires.
		_, err = h.Agreements.Create(t.Context(), app, directory.NewAgreement{Kind: core.AgreementTerms, Name: "Terms 3", Text: "x"})
		must(t, err)
		wants(t, signingIn(t, h, app), newer.ID)
		_, err = h.Pools.Change(t.Context(), app, flowtest.Settings(t, map[string]any{"agreements.required": []core.AgreementKind{core.AgreementPrivacy}}))
		must(t, err)
		wants(t, signingIn(t, h, app))
	})
}

func TestF27AgreementsSkippedOrExchanged(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := consenting(t, h, core.AgreementTerms)
		ana := h.Person(t, app, "ana@example.org")
		first := publish(t, h, app, core.AgreementTerms, "Terms 1")
		policy := publish(t, h, app, core.AgreementPrivacy, "not required")
		s := signingIn(t, h, app)
		_, err := h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowIncomplete, "skipping it")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, accept())
		want(t, err, core.CodeInvalid, "accepting nothing")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, accept(policy.ID))
		want(t, err, core.CodeInvalid, "accepting what is not asked for")

		// Another has taken its place while the flow was under way.
		second := publish(t, h, app, core.AgreementTerms, "Terms 2")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, accept(first.ID))
		want(t, err, core.CodeInvalid, "accepting the old one")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, accept(second.ID, first.ID))
		want(t, err, core.CodeInvalid, "accepting the old one beside the new one")

		// Its text was changed behind the reader's back: it is shown again first.
		s = signingIn(t, h, app)
		wants(t, s, second.ID)
		text := "You owe us everything."
		_, err = h.Agreements.Change(t.Context(), app, core.AgreementTerms, second.ID, directory.AgreementChange{Text: &text})
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceAgreements, Agreed: []flow.Agreed{{ID: second.ID, Version: 1}}})
		want(t, err, core.CodeInvalid, "accepting a version that is gone")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, accept(second.ID))
		must(t, err)
		wants(t, s, second.ID)
		if got := s.Prompts[0].Agreements[0]; got.Text != text || got.Version != 2 {
			t.Errorf("the flow shows %+v", got)
		}
		if user, _ := person(t, h, app, ana.Email); user.AcceptedTerms != "" {
			t.Errorf("%s was accepted unread", user.AcceptedTerms)
		}
		s, err = h.Flows.Answer(t.Context(), app, s.ID, accept(second.ID))
		must(t, err)
		wants(t, s)

		// A flow that was ready to complete is not, once there is a newer one.
		third := publish(t, h, app, core.AgreementTerms, "Terms 3")
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowIncomplete, "completing with the old one")
		wants(t, stateOf(t, h, app, s.ID), third.ID)

		// An acceptance does not outlive the proof of who gives it.
		disabled := true
		_, err = h.Directory.Change(t.Context(), app, core.UserRef{ID: ana.ID}, directory.UserChange{Disabled: &disabled})
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, accept(third.ID))
		want(t, err, core.CodeFlowEnded, "accepting after one was disabled")

		// Another pool's agreement is nobody's here.
		stranger := h.Pool(t, "other", map[string]any{"signup.verify_email": false, "agreements.required": core.AgreementKinds()})
		h.Person(t, stranger, "ana@example.org")
		publish(t, h, stranger, core.AgreementTerms, "Theirs")
		s = signingIn(t, h, stranger)
		_, err = h.Flows.Answer(t.Context(), stranger, s.ID, accept(third.ID))
		want(t, err, core.CodeInvalid, "accepting another pool's")
	})
}

// Of many who publish at once, one has the last word; the count of versions
// and the audit trail know of all of them.
func TestParallelActivation(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := consenting(t, h, core.AgreementKinds()...)
		yes := true
		for range rounds(t) {
			drafts := make([]core.Agreement, width)
			for i := range drafts {
				var err error
				drafts[i], err = h.Agreements.Create(t.Context(), app, directory.NewAgreement{Kind: core.AgreementKinds()[i%2], Name: fmt.Sprint("draft ", i), Text: "x"})
				must(t, err)
			}
			for i, err := range parallel(width, func(i int) error {
				a, err := h.Agreements.Change(t.Context(), app, drafts[i].Kind, drafts[i].ID, directory.AgreementChange{Active: &yes})
				if err == nil && (!a.Active || a.PublishedAt.IsZero()) {
					err = fmt.Errorf("published as %+v", a)
				}
				return err
			}) {
				if err != nil {
					t.Errorf("publishing %d: %v", i, err)
				}
			}
			for _, kind := range core.AgreementKinds() {
				_, n, _, err := h.Agreements.List(t.Context(), app, core.Query{Size: 1, Conditions: []core.Condition{
					{Field: "kind", Op: core.OpEquals, Values: []any{string(kind)}}, {Field: "active", Op: core.OpEquals, Values: []any{true}},
				}})
				must(t, err)
				if n != 1 {
					t.Errorf("%d of %d that were published at once are active, want 1", n, width/2)
				}
			}
		}
		published := 0
		for _, e := range h.Events(t, app) {
			if e.Name == core.EventAgreementPublished {
				published++
			}
		}
		if published != width*rounds(t) {
			t.Errorf("the audit trail tells of %d publications, want %d", published, width*rounds(t))
		}
	})
}

// The same acceptance by many at once is one.
func TestParallelAcceptance(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := consenting(t, h, core.AgreementTerms)
		h.Person(t, app, "ana@example.org")
		for round := range rounds(t) {
			a := publish(t, h, app, core.AgreementTerms, fmt.Sprint("Terms ", round))
			s := signingIn(t, h, app)
			once(t, "accepting an agreement", parallel(width, func(int) error {
				_, err := h.Flows.Answer(t.Context(), app, s.ID, accept(a.ID))
				return err
			}))
		}
		accepted := 0
		for _, e := range h.Events(t, app) {
			if e.Name == core.EventAgreementAccepted {
				accepted++
			}
		}
		if accepted != rounds(t) {
			t.Errorf("the audit trail tells of %d acceptances, want %d", accepted, rounds(t))
		}
	})
}

// publish makes an agreement in the model's world.
func (w *world) publish() {
	p := rapid.SampledFrom(w.pools).Draw(w.r, "pool")
	kind := rapid.SampledFrom(core.AgreementKinds()).Draw(w.r, "kind")
	a, err := w.h.Agreements.Create(w.t.Context(), p.caller, directory.NewAgreement{Kind: kind, Name: "a", Text: "b", Active: rapid.Bool().Draw(w.r, "active")})
	if err != nil {
		w.r.Fatal(err)
	}
	p.agreements = append(p.agreements, a)
	if a.Active {
		p.active[kind] = a.ID
	}
}

// withdraw deletes an agreement or ends its activity.
func (w *world) withdraw() {
	p := rapid.SampledFrom(w.pools).Draw(w.r, "pool")
	kind := rapid.SampledFrom(core.AgreementKinds()).Draw(w.r, "kind")
	id := p.active[kind]
	if id == "" {
		return
	}
	delete(p.active, kind)
	no, err := false, error(nil)
	if rapid.Bool().Draw(w.r, "delete") {
		err = w.h.Agreements.Delete(w.t.Context(), p.caller, kind, id)
	} else {
		_, err = w.h.Agreements.Change(w.t.Context(), p.caller, kind, id, directory.AgreementChange{Active: &no})
	}
	if err != nil {
		w.r.Fatal(err)
	}
}

// agreed accepts some of the agreements that there ever were.
func (w *world) agreed() {
	f, p, caller := w.pick()
	given := flow.Answer{Choice: core.ChoiceAgreements}
	for _, a := range p.agreements {
		current := p.active[a.Kind] == a.ID
		if chance := rapid.IntRange(0, 9).Draw(w.r, "accepted"); current && chance < 8 || chance == 0 {
			given.Agreed = append(given.Agreed, flow.Agreed{ID: a.ID, Version: 1})
		}
	}
	want := w.gate(f, p, caller, core.ChoiceAgreements)
	switch {
	case want != "":
	case len(given.Agreed) == 0:
		want = core.CodeInvalid
	case f.stamp != f.person(p).stamp:
		want = core.CodeFlowEnded
	}
	if want == "" {
		accepted := map[core.AgreementKind]core.AgreementID{}
		for _, agreed := range given.Agreed {
			of := slices.IndexFunc(p.agreements, func(a core.Agreement) bool { return a.ID == agreed.ID })
			kind := p.agreements[of].Kind
			if p.active[kind] != agreed.ID || !slices.Contains(p.required, kind) {
				want = core.CodeInvalid
			}
			accepted[kind] = agreed.ID
		}
		if want == "" {
			person := f.person(p)
			if person.accepted == nil {
				person.accepted = map[core.AgreementKind]core.AgreementID{}
			}
			for kind, id := range accepted {
				person.accepted[kind] = id
			}
		}
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, given)
	w.agree("agreements", f, err, want)
}
