package hosted

import (
	"context"
	"crypto/subtle"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// tripLife is how long a browser may be at a provider, in seconds.
const tripLife = 10 * 60

// tripName is the cookie of a browser that is on its way to a provider: its name
// has the state that the provider repeats, so that each way has its own.
func (p *Pages) tripName(state string) string { return p.cookieName() + "-trip-" + state }

// ofState reports whether a text is the state, as applications hold it.
func (p *Pages) ofState(text string) func(string) bool {
	return func(state string) bool {
		return subtle.ConstantTimeCompare([]byte(text), []byte(p.LinkState(state))) == 1
	}
}

// toProvider leads a browser to a provider, and knows it again by a cookie when
// it comes back. It is where flows lead that an application began, and our own.
func (p *Pages) toProvider(w http.ResponseWriter, v *visit) error {
	id, j, err := p.setOut(w, v, p.Flows.Depart)
	if core.Is(err, core.CodeServiceDown) {
		return p.notThere(w, v, id, err)
	}
	if err == nil {
		web.See(w, j.Address)
	}
	return err
}

// setOut begins the way of a flow's browser to the provider of the path, and
// gives it the cookie by which it is known when it comes back.
func (p *Pages) setOut(w http.ResponseWriter, v *visit, depart func(context.Context, core.Caller, core.FlowID, string, func(string) bool) (flow.Journey, error)) (core.FlowID, flow.Journey, error) {
	q, err := web.Query(v.r, "flow", "state", "redirect_uri")
	if err != nil {
		return "", flow.Journey{}, err
	}
	id, provider := core.FlowID(q["flow"]), v.r.PathValue("provider")
	if !secret.IsText(core.Tail(id)) {
		return id, flow.Journey{}, core.Fail(core.CodeFlowEnded, "The address names no flow.")
	}
	j, err := depart(v.r.Context(), v.caller, id, provider, p.ofState(q["state"]))
	if err == nil && q["redirect_uri"] != "" && q["redirect_uri"] != j.Redirect {
		err = core.Fail(core.CodeRedirectRefused, "This is not where the flow leads.")
	}
	if err == nil {
		http.SetCookie(w, p.cookie(p.tripName(j.State), string(id)+"."+provider, tripLife))
	}
	return id, j, err
}

// comeBack ends that way: it returns whose flow it was, and what knows its
// state. A browser that did not set out to this provider with this state has
// come from nowhere.
func (p *Pages) comeBack(w http.ResponseWriter, v *visit, state string) (core.FlowID, func(string) bool, error) {
	none := core.Fail(core.CodeForbidden, "This browser was not sent to the provider.")
	if !secret.IsText(state) {
		return "", nil, none
	}
	cookie, err := v.r.Cookie(p.tripName(state))
	if err != nil {
		return "", nil, none
	}
	id, provider, _ := strings.Cut(cookie.Value, ".")
	if provider != v.r.PathValue("provider") || !secret.IsText(core.Tail(core.FlowID(id))) {
		return "", nil, none
	}
	http.SetCookie(w, p.cookie(p.tripName(state), "", -1))
	return core.FlowID(id), func(ours string) bool { return subtle.ConstantTimeCompare([]byte(state), []byte(ours)) == 1 }, nil
}

// fromProvider is where a provider leads back, one address for each. A browser
// that did not go there from here brings nothing. What it brings goes to the
// application that began the flow; a flow of these pages is answered here.
func (p *Pages) fromProvider(w http.ResponseWriter, v *visit) error {
	q, err := web.Query(v.r, "state", "code", "iss", "error")
	if err != nil {
		return err
	}
	provider := v.r.PathValue("provider")
	id, ours, err := p.comeBack(w, v, q["state"])
	if err != nil {
		return err
	}
	j, err := p.Flows.Arrive(v.r.Context(), v.caller, id, provider, ours)
	if err != nil {
		return err
	}
	if j.Redirect != "" {
		web.See(w, web.WithQuery(j.Redirect, p.passedOn(v.r.URL.Query())...))
		return nil
	}
	uri := flow.CallbackURL(p.PageURL(v.pool), provider) + "?" + v.r.URL.RawQuery
	s, err := p.Flows.Answer(v.r.Context(), v.caller, id, flow.Answer{Choice: core.ChoiceSocial, Provider: provider, URI: uri, State: q["state"]})
	if err != nil {
		return p.notThere(w, v, id, err)
	}
	next, err := p.proceed(w, v, s)
	if err != nil {
		return err
	}
	web.See(w, next)
	return nil
}

// passedOn is all that a provider sent along, for an application: the state in
// the spelling in which it knows it.
func (p *Pages) passedOn(values url.Values) []string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values.Get(name)
		if name == "state" {
			value = p.LinkState(value)
		}
		pairs = append(pairs, name, value)
	}
	return pairs
}

// notThere shows the flow's page again after a provider did not let somebody in.
func (p *Pages) notThere(w http.ResponseWriter, v *visit, id core.FlowID, err error) error {
	s, gone := p.state(v, id)
	if gone != nil {
		return err
	}
	web.Fault(v.r.Context(), err)
	p.showState(w, v, s, "", said{err: err})
	return nil
}

// providerLinks are the buttons that lead to the providers on offer. They are
// links, which no form-action holds back, and work without a script.
func providerLinks(v *visit, s flow.State, spell func(string) string) []onward {
	var links []onward
	for _, choice := range []core.ChoiceName{core.ChoiceSocial, core.ChoiceSAML} {
		prompt, _ := find(s.Prompts, choice)
		page := flow.ProviderPage
		if choice == core.ChoiceSAML {
			page = flow.SAMLPage
		}
		for _, one := range prompt.Providers {
			href := web.WithQuery(v.base+page+one.Name, "flow", string(s.ID), "state", spell(one.State))
			links = append(links, onward{href, "Continue with " + one.Title})
		}
	}
	return links
}
