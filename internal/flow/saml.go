package flow

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/source"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// saml lets people in by the word of SAML identity providers. A browser goes to
// a page of ours (the bridge), from there to the provider, and brings the answer
// to another page, which checks all of it that can be checked without knowing
// the browser, and keeps it behind a ticket. The flow takes the ticket if the
// answer is one to its own request.
type saml struct {
	trips trips
	links links
}

// samlAnswerLife is how long an answer that was checked waits for its flow.
const samlAnswerLife = 5 * time.Minute

// samlAnswer is what a ticket of an answer carries.
type samlAnswer struct {
	Provider     string          `json:"provider"`
	InResponseTo string          `json:"in_response_to"` // empty: nobody asked
	Identity     source.Identity `json:"identity"`
}

func (c saml) Prompt(t Turn) *Prompt {
	var list []ProviderPrompt
	for _, p := range t.Settings.Providers {
		offered, enroll := c.offers(t, p)
		journey, may := c.trips.of(t, p.Name)
		if !offered || !may {
			continue
		}
		shown := ProviderPrompt{Name: p.Name, Title: p.Title(), Enrollment: enroll, State: journey.State}
		if !t.begunBy(p) {
			shown.Bridge = c.links.pageURL(t.Pool) + SAMLPage + p.Name
		}
		list = append(list, shown)
	}
	if len(list) == 0 {
		return nil
	}
	return &Prompt{Providers: list}
}

// begunBy reports whether the flow was begun with what this provider said.
func (t Turn) begunBy(p core.Provider) bool {
	return t.Facts.Unsolicited != nil && t.Facts.Unsolicited.Provider == p.Name
}

// offers reports whether people come in through the provider now, and whether it
// is new to them. One that is for certain domains is offered to whoever has an
// address of them, whatever other way in they have: that is what it is for.
func (c saml) offers(t Turn, p core.Provider) (offered, enroll bool) {
	if p.Kind != core.ProviderSAML {
		return false, false
	}
	if t.begunBy(p) && !p.Disabled && t.Facts.NewIdentity == nil {
		return true, false
	}
	offered, enroll = t.offersProvider(p)
	if !offered && len(p.Domains) > 0 && !t.passkeyOnly() {
		anywhere := p
		anywhere.Domains = nil
		unknown := t
		unknown.User = nil
		offered, _ = unknown.offersProvider(anywhere)
		return offered && p.Takes(t.Facts.Email), true
	}
	return offered, enroll
}

// provider finds one that is on offer, by its name or by its tail: faces that
// show ids show that.
func (c saml) provider(t Turn, name string) (core.Provider, trip, error) {
	for _, p := range t.Settings.Providers {
		offered, _ := c.offers(t, p)
		journey, may := c.trips.of(t, p.Name)
		if offered && may && (p.Name == name || p.Tail(t.Pool.ID) == name) {
			return p, journey, nil
		}
	}
	return core.Provider{}, trip{}, core.Fail(core.CodeNotOffered, "The flow does not offer this provider now.")
}

func (c saml) Answer(_ context.Context, t Turn, a Answer) (Effect, error) {
	p, journey, err := c.provider(t, a.Provider)
	if err != nil {
		return nil, err
	}
	if a.State == "" && a.Code == "" {
		return nothing()
	}
	begun := t.begunBy(p) && a.Code == ""
	if a.State != journey.State || !begun && !secret.IsText(a.Code) {
		return nil, refusedByProvider(nil)
	}
	return func(tx *store.Tx, t *Turn) error {
		ticket := c.hash(a.Code)
		if begun {
			ticket = t.Facts.Unsolicited.Ticket
		}
		kept, err := tx.UseTicket(core.TicketSAML, ticket)
		if err != nil {
			return err
		}
		var said samlAnswer
		if err := json.Unmarshal([]byte(kept.Data), &said); err != nil {
			return err
		}
		// An answer that nobody asked for begins a flow of its own, and is none
		// to any that was begun before.
		if said.Provider != p.Name || begun != (said.InResponseTo == "") || !begun && !journey.asked(said.InResponseTo) {
			return refusedByProvider(nil)
		}
		t.Facts.Trips[p.Name]++
		t.Facts.Unsolicited = nil
		return named(p, said.Identity)(tx, t)
	}, nil
}

func (c saml) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }

func (c saml) hash(code string) []byte { return c.trips.keys.Lookup("saml answer", code) }

// request makes the id of a request to a provider: no two have the same, and
// those of a trip are known by how they begin. It begins with what XML has a
// name begin with.
func (j trip) request() string { return "_" + j.Nonce + secret.Random() }

// asked reports whether a request of this id is one of the trip's.
func (j trip) asked(id string) bool {
	rest, ok := strings.CutPrefix(id, "_"+j.Nonce)
	return ok && secret.IsText(rest)
}

// SAMLPage is the path of the pages of ours on the way to a SAML provider and
// back, below those of the pool.
const SAMLPage = "/flow/saml/"

// samlJourney loads a flow for a browser on its way to or from a provider, as
// [Machine.journey] does.
func (m *Machine) samlJourney(ctx context.Context, caller core.Caller, id core.FlowID, provider string, right func(state string) bool) (Turn, core.Provider, trip, error) {
	t, err := m.turn(ctx, caller, id)
	if core.Is(err, core.CodeFlowEnded) && caller.Browser != nil {
		caller.Browser = nil // an application may have begun it
		t, err = m.turn(ctx, caller, id)
	}
	if err == nil {
		_, err = m.offered(t, core.ChoiceSAML)
	}
	if err != nil {
		return Turn{}, core.Provider{}, trip{}, err
	}
	p, next, err := saml{trips{m.store, m.links.keys}, m.links}.provider(t, provider)
	if err == nil && !right(next.State) {
		err = core.Fail(core.CodeNotOffered, "The state is of another flow, or was used.")
	}
	return t, p, next, err
}

// AskSAML sends a browser from a flow to a SAML provider. It returns as
// [Machine.Depart] does.
func (m *Machine) AskSAML(ctx context.Context, caller core.Caller, id core.FlowID, provider string, right func(state string) bool) (Journey, error) {
	t, p, next, err := m.samlJourney(ctx, caller, id, provider, right)
	if err != nil {
		return Journey{}, err
	}
	key, err := m.pools.SAMLKey(ctx, caller)
	if err != nil {
		return Journey{}, err
	}
	asked, err := source.NewSAML(m.links.pageURL(t.Pool), p, key).Ask(next.request(), next.State, t.Now)
	return Journey{Address: asked.Address, Form: asked.Form, State: next.State, Redirect: m.home(t)}, err
}

// ReturnFromSAML finds the flow to which a browser comes back. It returns as
// [Machine.Depart] does.
func (m *Machine) ReturnFromSAML(ctx context.Context, caller core.Caller, id core.FlowID, provider string, right func(state string) bool) (Journey, error) {
	t, _, next, err := m.samlJourney(ctx, caller, id, provider, right)
	if err != nil {
		return Journey{}, err
	}
	return Journey{State: next.State, Redirect: m.home(t)}, nil
}

// samlProvider finds a SAML provider of the caller's pool.
func (m *Machine) samlProvider(ctx context.Context, caller core.Caller, name string) (core.Pool, core.Provider, error) {
	p, err := m.pools.Get(ctx, caller.Pool)
	if err != nil {
		return core.Pool{}, core.Provider{}, err
	}
	own, ok := p.Settings.Provider(name)
	if !ok || own.Kind != core.ProviderSAML {
		return core.Pool{}, core.Provider{}, core.Fail(core.CodeNotFound, "The pool has no such provider.")
	}
	return p, own, nil
}

// SAMLMetadata is what a SAML provider of the pool is to be told of us, as XML.
func (m *Machine) SAMLMetadata(ctx context.Context, caller core.Caller, provider string) ([]byte, error) {
	p, own, err := m.samlProvider(ctx, caller, provider)
	if err != nil {
		return nil, err
	}
	key, err := m.pools.SAMLKey(ctx, caller)
	if err != nil {
		return nil, err
	}
	return source.NewSAML(m.links.pageURL(p), own, key).Metadata()
}

// TakenSAML is an answer of a SAML provider that was checked and is kept.
type TakenSAML struct {
	Ticket string // for the flow that asked, or for [Start]
	// Unsolicited: nobody asked, so that it begins a flow: at this page of the
	// application, or on ours if there is none.
	Unsolicited bool
	Page        string
}

// TakeSAML takes the answer of a SAML provider that a browser brings, in base64.
// Everything is checked but whose browser it is and which flow it answers: the
// browser that posts it here brings no cookie, because another site sends it.
// Of any number of the same answer, on all nodes, one is taken. It returns
// [core.CodeProviderRefused] for what is not taken, with the reason as its cause.
func (m *Machine) TakeSAML(ctx context.Context, caller core.Caller, provider, answer string) (TakenSAML, error) {
	p, own, err := m.samlProvider(ctx, caller, provider)
	if err != nil {
		return TakenSAML{}, err
	}
	said, err := source.NewSAML(m.links.pageURL(p), own, nil).Read(answer, m.store.Clock())
	if err != nil {
		return TakenSAML{}, refusedByProvider(err)
	}
	data, err := json.Marshal(samlAnswer{own.Name, said.InResponseTo, said.Identity})
	if err != nil {
		return TakenSAML{}, err
	}
	taken := TakenSAML{Ticket: secret.Random(), Unsolicited: said.InResponseTo == ""}
	if taken.Unsolicited && own.SAML.UnsolicitedURL != "" {
		if _, ok := p.Settings.MatchRedirect(own.SAML.UnsolicitedURL); !ok {
			return TakenSAML{}, core.Fail(core.CodeRedirectRefused, "The provider's unsolicited_url is not among the pool's registered redirects.")
		}
		taken.Page = own.SAML.UnsolicitedURL
	}
	keys := m.store.Keys()
	spent := keys.Lookup("saml assertion", said.Identity.Issuer+" "+said.ID)
	err = m.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		first, err := tx.SpendAssertion(own.Name, spent, said.ExpiresAt)
		if err != nil {
			return err
		}
		if !first {
			return refusedByProvider(&source.Refusal{Reason: "it was taken before"})
		}
		return tx.PutTicket(saml{trips: trips{keys: keys}}.hash(taken.Ticket), core.Ticket{
			Purpose: core.TicketSAML, Subject: own.Name, Data: string(data), ExpiresAt: tx.Now().Add(samlAnswerLife),
		})
	})
	if err != nil {
		return TakenSAML{}, err
	}
	return taken, nil
}

// unsolicited finds what a flow is begun with that a provider said unasked. It
// is not used up: the flow does that.
func (m *Machine) unsolicited(ctx context.Context, caller core.Caller, ticket string) (*core.Unsolicited, error) {
	if !secret.IsText(ticket) {
		return nil, invalidLink()
	}
	begun := &core.Unsolicited{Ticket: saml{trips: trips{keys: m.store.Keys()}}.hash(ticket)}
	err := m.store.As(caller).View(ctx, func(tx *store.Tx) error {
		kept, err := tx.Ticket(core.TicketSAML, begun.Ticket)
		if err != nil {
			return err
		}
		var said samlAnswer
		if err := json.Unmarshal([]byte(kept.Data), &said); err != nil {
			return err
		}
		if said.InResponseTo != "" || !kept.UsedAt.IsZero() {
			return invalidLink()
		}
		begun.Provider = said.Provider
		return nil
	})
	if err != nil {
		return nil, err
	}
	return begun, nil
}
