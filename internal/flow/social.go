package flow

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/url"
	"strings"
	"unicode"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/source"
)

// social takes the word of a provider that is asked over OAuth 2.0 for who
// somebody is. A browser goes there by way of a page of ours, which knows it
// again when it comes back; the flow is then answered with the address at which
// it arrived, once.
type social struct {
	trips     trips
	links     links
	providers *source.Providers
}

func (m *Machine) social() social {
	return social{trips{m.store, m.links.keys}, m.links, m.providers}
}

// Asking gives the machine who asks providers. Without it none is offered.
func (m *Machine) Asking(p *source.Providers) *Machine {
	m.providers = p
	return m
}

// offersProvider reports whether a provider is on offer, whatever it speaks, and
// whether it is new to the person. Somebody known is offered those that they
// came by, or all if they have no way in; a concealed flow offers everybody the
// same.
func (t Turn) offersProvider(p core.Provider) (offered, enroll bool) {
	switch {
	case p.Disabled || t.Facts.ResetProved || t.Facts.NewIdentity != nil:
		return false, false
	case t.redirect() == "" && len(t.Facts.Browser) == 0:
		return false, false // there is nowhere to bring an answer to
	case len(p.Domains) > 0 && !p.Takes(t.Facts.Email):
		return false, false
	case t.Facts.Concealed || t.User == nil:
		return true, true
	case t.passkeyOnly():
		return false, false
	case t.namedBy(p.Name):
		return true, false
	}
	return !t.hasWay(), true
}

func (c social) Prompt(t Turn) *Prompt {
	if c.providers == nil {
		return nil
	}
	prompt := Prompt{}
	for _, p := range t.Settings.Providers {
		trip, more := c.trips.of(t, p.Name)
		offered, enroll := t.offersProvider(p)
		if !offered || !more || p.Kind == core.ProviderSAML {
			continue
		}
		prompt.Providers = append(prompt.Providers, ProviderPrompt{p.Name, p.Title(), enroll, trip.State, c.links.pageURL(t.Pool) + ProviderPage + p.Name})
	}
	if len(prompt.Providers) == 0 {
		return nil
	}
	return &prompt
}

// provider finds one that is on offer.
func (c social) provider(t Turn, name string) (core.Provider, error) {
	p, ok := t.Settings.Provider(name)
	prompt := c.Prompt(t)
	for _, offered := range prompt.Providers {
		if ok && offered.Name == name {
			return p, nil
		}
	}
	return core.Provider{}, core.Fail(core.CodeNotOffered, "The flow does not offer this provider now.")
}

func (c social) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }

func (c social) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	p, err := c.provider(t, a.Provider)
	if err != nil {
		return nil, err
	}
	brought, err := c.arrived(t, p.Name, a)
	if err != nil {
		return nil, err
	}
	next, _ := c.trips.of(t, p.Name)
	then, err := c.trips.spend(ctx, t, p.Name)
	if err != nil {
		return nil, err
	}
	who, err := c.providers.Identify(ctx, t.Pool, p, c.trip(t, p.Name, next), brought)
	if err != nil {
		return nil, err
	}
	return then(named(p, who)), nil
}

// arrived reads where the browser came back: to where it was sent, with an
// answer to this flow's question.
func (c social) arrived(t Turn, provider string, a Answer) (source.Returned, error) {
	trip, _ := c.trips.of(t, provider)
	u, err := url.Parse(a.URI)
	if err != nil {
		return source.Returned{}, core.Invalid(core.Problem{Code: core.ProblemURI, Pointer: "/data/uri", Detail: "This is not an address."})
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return source.Returned{}, core.Invalid(core.Problem{Code: core.ProblemURI, Pointer: "/data/uri", Detail: "The query of the address cannot be read."})
	}
	for _, name := range []string{"state", "code", "iss", "error"} {
		if len(query[name]) > 1 {
			return source.Returned{}, core.Invalid(core.Problem{Code: core.ProblemURI, Pointer: "/data/uri", Detail: "A parameter of the address stands there twice."})
		}
	}
	if subtle.ConstantTimeCompare([]byte(a.State), []byte(trip.State)) != 1 {
		return source.Returned{}, refusedByProvider(errors.New("the state is of another question, or was used"))
	}
	to := t.redirect()
	if len(t.Facts.Browser) > 0 {
		to = CallbackURL(c.links.pageURL(t.Pool), provider)
	}
	if home, err := url.Parse(to); err != nil || home.Scheme != u.Scheme || home.Host != u.Host || strings.TrimSuffix(home.EscapedPath(), "/") != strings.TrimSuffix(u.EscapedPath(), "/") {
		return source.Returned{}, core.Invalid(core.Problem{Code: core.ProblemURI, Pointer: "/data/uri", Detail: "This is not the address to which the flow leads."})
	}
	if said := query.Get("error"); said != "" {
		return source.Returned{}, refusedByProvider(errors.New("the provider says " + word(said)))
	}
	return source.Returned{Code: query.Get("code"), Issuer: query.Get("iss")}, nil
}

// word is what of a text from elsewhere a line of the log may hold.
func word(text string) string {
	plain := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII || !unicode.IsLetter(r) && r != '_' {
			return -1
		}
		return r
	}, text)
	return plain[:min(len(plain), 50)]
}

func (c social) trip(t Turn, provider string, next trip) source.Trip {
	return source.Trip{State: next.State, Nonce: next.Nonce, Verifier: next.Verifier, Callback: CallbackURL(c.links.pageURL(t.Pool), provider)}
}

// ProviderPage is the path of the page of ours that leads to the provider whose
// name follows, below those of the pool.
const ProviderPage = "/flow/oauth/"

// CallbackURL is the address to which a provider leads back, as it is registered
// there, for a pool whose pages are at this one.
func CallbackURL(page, provider string) string { return page + ProviderPage + provider + "/callback" }

// Journey is a browser's way to a provider, or back from it.
type Journey struct {
	Address string // to go to
	// Form is posted to the address; nil: the browser goes there as it is.
	Form     map[string]string
	State    string // which the provider repeats
	Redirect string // where the flow's application takes the answer; empty: the flow is of pages of ours
}

// Depart returns where a browser goes that is to bring the word of a provider.
// A flow that a browser began is there for that browser only, and ours for any
// that knows the state, which is asked about it. It returns [core.CodeFlowEnded]
// for a flow that is not there, and [core.CodeNotOffered] where the provider, or
// this state, is not on offer.
func (m *Machine) Depart(ctx context.Context, caller core.Caller, id core.FlowID, provider string, right func(state string) bool) (Journey, error) {
	t, next, err := m.journey(ctx, caller, id, provider, right)
	if err != nil {
		return Journey{}, err
	}
	p, _ := t.Settings.Provider(provider)
	address, err := m.providers.Begin(ctx, p, m.social().trip(t, provider, next))
	return Journey{Address: address, State: next.State, Redirect: m.home(t)}, err
}

// Arrive returns where a browser goes that has come back from a provider. It
// returns as [Machine.Depart] does.
func (m *Machine) Arrive(ctx context.Context, caller core.Caller, id core.FlowID, provider string, right func(state string) bool) (Journey, error) {
	t, next, err := m.journey(ctx, caller, id, provider, right)
	return Journey{State: next.State, Redirect: m.home(t)}, err
}

func (m *Machine) home(t Turn) string {
	if len(t.Facts.Browser) > 0 {
		return ""
	}
	return t.redirect()
}

func (m *Machine) journey(ctx context.Context, caller core.Caller, id core.FlowID, provider string, right func(state string) bool) (Turn, trip, error) {
	t, err := m.turn(ctx, caller, id)
	if core.Is(err, core.CodeFlowEnded) && caller.Browser != nil {
		caller.Browser = nil // an application may have begun it
		t, err = m.turn(ctx, caller, id)
	}
	if err != nil {
		return Turn{}, trip{}, err
	}
	c := m.social()
	if _, err := m.offered(t, core.ChoiceSocial); err != nil {
		return Turn{}, trip{}, err
	}
	if _, err := c.provider(t, provider); err != nil {
		return Turn{}, trip{}, err
	}
	next, _ := c.trips.of(t, provider)
	if !right(next.State) {
		return Turn{}, trip{}, core.Fail(core.CodeNotOffered, "The state is of another flow, or was used.")
	}
	if _, ok := t.Settings.MatchRedirect(m.home(t)); !ok {
		return Turn{}, trip{}, core.Fail(core.CodeRedirectRefused, "This address is not among the pool's registered redirects.")
	}
	return t, next, nil
}
