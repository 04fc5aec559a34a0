package flow_test

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// modelIdentity is somebody at a provider.
type modelIdentity struct {
	provider string
	id       int
}

// accounts are those at the providers: one for each address, another with an
// address that was given anew, and one without any.
func accounts() []flowtest.Account {
	all := []flowtest.Account{{ID: 104, Email: emails[0], Verified: true}, {ID: 105}}
	for i, email := range emails {
		all = append(all, flowtest.Account{ID: 101 + i, Email: email, Verified: true})
	}
	return all
}

// providerOnly reports whether somebody comes in through a provider alone.
func (m *modelPerson) providerOnly(p *modelPool) bool {
	return len(m.identities) > 0 && len(m.passkeys) == 0 && !slices.ContainsFunc(p.first, func(c core.ChoiceName) bool { return m.ways[core.AuthenticatorKind(c)] })
}

// kindOf says what somebody has who comes in through a provider.
func kindOf(provider string) core.AuthenticatorKind {
	if provider == samlName {
		return core.AuthenticatorSAML
	}
	return core.AuthenticatorSocial
}

// providers are those on offer that are asked over OAuth.
func (f *modelFlow) providers(p *modelPool) []string { return f.offered(p, "hub", "rumour") }

// offered are those of these providers that are on offer.
func (f *modelFlow) offered(p *modelPool, names ...string) []string {
	var all []string
	for _, name := range names {
		switch {
		case !p.social || f.reset || f.trips[name] >= 10:
		case !f.known || f.person(p).provisional(p):
			all = append(all, name)
		default:
			if _, mine := f.person(p).identities[name]; mine {
				all = append(all, name)
			}
		}
	}
	return all
}

// named is whom an identity is known for in a pool.
func (p *modelPool) named(i modelIdentity) (string, *modelPerson) {
	for email, person := range p.people {
		if id, has := person.identities[i.provider]; has && id == i.id {
			return email, person
		}
	}
	return "", nil
}

// social brings the answer of a provider to a flow: of somebody, with this state
// or another, with a code that the provider knows or not.
func (w *world) social() {
	f, p, caller := w.pick()
	provider := rapid.SampledFrom([]string{"hub", "hub", "rumour"}).Draw(w.r, "provider")
	if offered := f.providers(p); w.focus != nil && len(offered) > 0 {
		provider = rapid.SampledFrom(offered).Draw(w.r, "offered")
	}
	account := rapid.SampledFrom(accounts()).Draw(w.r, "account")
	if f.email != "" && rapid.IntRange(0, 2).Draw(w.r, "own") > 0 {
		own := slices.DeleteFunc(accounts(), func(a flowtest.Account) bool { return a.Email != f.email })
		account = rapid.SampledFrom(own).Draw(w.r, "which")
	}
	a := flow.Answer{Choice: core.ChoiceSocial, Provider: provider, State: secret.Random(), URI: invitedCallback + "?code=x"}
	code := "no-such-code"
	if rapid.IntRange(0, 9).Draw(w.r, "code") > 0 {
		code = w.hub.Code(account)
	}
	rightState := rapid.IntRange(0, 9).Draw(w.r, "state") > 0
	want := w.gate(f, p, caller, core.ChoiceSocial)
	if want == "" && !slices.Contains(f.providers(p), provider) {
		want = core.CodeNotOffered
	}
	switch {
	case want != "":
	case !rightState:
		want = core.CodeProviderRefused
	default:
		s, err := w.h.Flows.State(w.t.Context(), p.caller, f.id)
		if err != nil {
			w.r.Fatal(err)
		}
		a = flowtest.Arrival(w.t, s, provider, code)
		f.trips[provider]++
		if code == "no-such-code" {
			want = core.CodeProviderRefused
			break
		}
		before := *f
		want = f.undo(before, w.nameBy(f, p, modelIdentity{provider, account.ID}, account.Email, provider == "hub" && account.Email != ""))
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, a)
	w.agree("the word of "+provider, f, err, want)
}

// nameBy is what it leads to that a provider names somebody with an address, for
// which it vouches or not.
func (w *world) nameBy(f *modelFlow, p *modelPool, who modelIdentity, email string, vouched bool) core.Code {
	is := func(email string, person *modelPerson) {
		if !f.claimed() && p.names {
			f.name = person.name
		}
		f.email, f.known, f.stamp = email, true, person.stamp
	}
	if known, person := p.named(who); person != nil {
		switch {
		case f.claimed() && (!f.known || known != f.email):
			return core.CodeOtherAddress
		case person.disabled:
			return core.CodeDisabled
		case !f.in:
			return core.CodeTaken
		}
		is(known, person)
		f.how, f.mine = kindOf(who.provider), true
		return ""
	}
	if email != "" && f.email != "" && email != f.email {
		return core.CodeOtherAddress
	}
	if email == "" {
		email = f.email
	}
	person := p.people[email]
	switch {
	case email == "":
		return core.CodeInvalid
	case person == nil:
		return f.signUpBy(p, who, email, vouched)
	}
	enrols := f.how == "" && f.proved && !f.reset && person.provisional(p)
	_, again := person.identities[who.provider]
	switch {
	case f.name != "" && f.name != person.name:
		return core.CodeOtherAddress
	case !vouched && !enrols, person.verified && again:
		return core.CodeOtherWay
	case person.disabled:
		return core.CodeDisabled
	case !f.in:
		return core.CodeTaken
	}
	if enrols {
		f.known = true
		if want := w.enrolOnce(f, p); want != "" {
			return want
		}
	}
	is(email, person)
	if !person.verified && vouched {
		w.strip(p, email, person)
		person.verified, f.proved = true, true
	}
	person.identities[who.provider] = who.id
	f.how, f.mine = kindOf(who.provider), true
	return ""
}

// signUpBy is for somebody new whom a provider has named.
func (f *modelFlow) signUpBy(p *modelPool, who modelIdentity, email string, vouched bool) core.Code {
	switch {
	case p.names && f.name == "":
		return core.CodeInvalid
	case !f.up:
		return core.CodeSignupClosed
	}
	f.email, f.how, f.identity = email, kindOf(who.provider), who
	f.proved = f.proved || vouched
	return f.create(p)
}
