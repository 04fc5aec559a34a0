package flow

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// consent asks people whether an application may have what it asks for, as far
// as the pool has them asked and they have not said so before. What they refuse
// the application does not get, and the flow goes on.
type consent struct{}

// ScopeAnswer is what a person says to one scope.
type ScopeAnswer struct {
	Name    string
	Allowed bool
}

func (consent) Prompt(t Turn) *Prompt { return &Prompt{Scopes: t.unconsented()} }

func (consent) Answer(_ context.Context, t Turn, a Answer) (Effect, error) {
	if len(a.Scopes) == 0 {
		return nil, core.Invalid(core.Problem{Code: core.ProblemRequired, Pointer: "/data/scope_selections", Detail: "It must be said which scopes are allowed."})
	}
	asked := t.unconsented()
	var granted, refused []string
	for i, said := range a.Scopes {
		pointer := "/data/scope_selections/" + strconv.Itoa(i)
		if !slices.ContainsFunc(asked, func(s core.Scope) bool { return s.Name == said.Name }) {
			return nil, core.Invalid(core.Problem{Code: core.ProblemNotThere, Pointer: pointer, Detail: "This scope is not one that the flow asks for now."})
		}
		if slices.Contains(granted, said.Name) || slices.Contains(refused, said.Name) {
			return nil, core.Invalid(core.Problem{Code: core.ProblemNotReadable, Pointer: pointer, Detail: "This scope stands here twice."})
		}
		if said.Allowed {
			granted = append(granted, said.Name)
		} else {
			refused = append(refused, said.Name)
		}
	}
	return func(tx *store.Tx, t *Turn) error {
		if err := t.stillHolds(tx); err != nil {
			return err
		}
		oauth := t.Facts.OAuth
		if err := tx.PutConsent(t.User.ID, oauth.Application, granted); err != nil {
			return err
		}
		oauth.Granted, oauth.Refused = append(oauth.Granted, granted...), append(oauth.Refused, refused...)
		for name, scopes := range map[core.EventName][]string{core.EventConsentGiven: granted, core.EventConsentRefused: refused} {
			if len(scopes) == 0 {
				continue
			}
			if err := tx.Record(consentEvent(name, *t, scopes)); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func (consent) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }

func consentEvent(name core.EventName, t Turn, scopes []string) core.Event {
	return core.Event{Name: name, Target: string(t.User.ID), Data: map[string]string{"application": string(t.Facts.OAuth.Application), "scopes": strings.Join(scopes, " ")}}
}

// unconsented is what the person has still to say yes or no to.
func (t Turn) unconsented() []core.Scope {
	if t.Facts.OAuth == nil {
		return nil
	}
	var left []core.Scope
	oauth := t.Facts.OAuth
	for _, name := range oauth.Scopes {
		scope, known := t.Settings.Scope(name)
		asks := scope.Consent && !slices.Contains(t.Consents, name) || oauth.Ask && name != core.ScopeOpenID
		if known && asks && !slices.Contains(oauth.Granted, name) && !slices.Contains(oauth.Refused, name) {
			left = append(left, scope)
		}
	}
	return left
}

// Deny ends a flow in which a person is asked what an application may have, and
// wants it to have nothing: nobody is signed in. It returns
// [core.CodeNotOffered] where nobody is asked.
func (m *Machine) Deny(ctx context.Context, caller core.Caller, id core.FlowID) (State, error) {
	t, err := m.turn(ctx, caller, id)
	if err == nil {
		if p, _ := m.look(t); p.name != core.PhaseConsent {
			err = core.Fail(core.CodeNotOffered, "The flow does not ask for this now.")
		}
	}
	if err == nil {
		err = m.store.As(caller).Update(ctx, func(tx *store.Tx) error {
			if err := tx.CompleteFlow(t.Flow); err != nil {
				return err
			}
			if err := t.refuseDevice(tx); err != nil {
				return err
			}
			return tx.Record(consentEvent(core.EventConsentRefused, t, t.Facts.OAuth.Scopes))
		})
	}
	if err != nil {
		return State{}, m.refused(ctx, caller, id, core.ChoiceConsent, err)
	}
	return m.state(t), nil
}

// Signed is a flow that ended with tokens.
type Signed struct {
	State
	Grant core.Grant
}

// CompleteOAuth is CompleteAs for a face that says for which application the
// tokens are.
func (m *Machine) CompleteOAuth(ctx context.Context, caller core.Caller, id core.FlowID, w Wanted) (Signed, error) {
	var pending session.Pending
	var grant core.Grant
	t, err := m.finish(ctx, caller, id, func(t Turn) (err error) {
		if t.Facts.OAuth != nil {
			pending, err = m.sessions.PrepareFor(ctx, caller, t.Settings, t.Application, t.given().Scopes)
			return err
		}
		pending, err = m.sessions.PrepareAs(ctx, caller, t.Settings, w.Form)
		return err
	}, func(tx *store.Tx, t Turn) (err error) {
		if w.Device != "" {
			if err := m.remember(tx, t, w.Device); err != nil {
				return err
			}
		}
		grant, err = pending.Start(tx, *t.User, t.Settings)
		return err
	})
	if err != nil {
		return Signed{}, err
	}
	return Signed{m.state(t), grant}, nil
}

// authorization checks what an application asks for, and fills in where its
// people go back to, and what it gets where it asks for nothing.
func (m *Machine) authorization(ctx context.Context, caller core.Caller, settings core.Settings, s *Start) (core.Application, error) {
	invalid := func(code core.ProblemCode, pointer, detail string) (core.Application, error) {
		return core.Application{}, core.Invalid(core.Problem{Code: code, Pointer: pointer, Detail: detail})
	}
	app, err := m.pools.Application(ctx, caller, s.OAuth.Application)
	if core.Is(err, core.CodeNotFound) || err == nil && !app.Client.May(core.GrantCode) {
		return invalid(core.ProblemNotThere, "/client_id", "There is no such application to which people sign in.")
	}
	if err != nil {
		return app, err
	}
	if len(s.OneTime) > 0 || slices.Contains(s.Types, core.FlowOneTime) {
		return invalid(core.ProblemState, "/client_id", "A one-time flow signs nobody in, and so to no application.")
	}
	// Its tokens are for the application alone. On the hosted pages a code is
	// given, which it has to prove itself for.
	if !app.Client.Public() && caller.Browser == nil && !caller.Trusted() {
		return app, core.Fail(core.CodeForbidden, "This application keeps a secret: only its server begins its flows.")
	}
	redirect, ok := app.Client.MatchRedirect(s.Redirect, settings.RedirectsOAuth)
	if !ok {
		return app, core.Fail(core.CodeRedirectRefused, "This address is not among the application's registered redirects.")
	}
	oauth := *s.OAuth
	if oauth.Scopes, ok = settings.AskedScopes(app.Client, strings.Join(oauth.Scopes, " ")); !ok {
		return invalid(core.ProblemChoice, "/scope", "One of the scopes is none that the application may ask for.")
	}
	oauth.Redirect, s.Redirect, s.OAuth = s.Redirect, redirect, &oauth
	return app, nil
}

// readApplication fills in to which application people sign in, as it is now.
func (t *Turn) readApplication(tx *store.Tx) (err error) {
	if t.Facts.OAuth == nil {
		return nil
	}
	t.Application, err = tx.Application(t.Facts.OAuth.Application)
	if core.Is(err, core.CodeNotFound) {
		err = core.Fail(core.CodeFlowEnded, "The application is not there any more.")
	}
	return err
}

// stands reports whether the flow's redirect, if the application named one, is
// registered still.
func (t Turn) stands() bool {
	if t.Facts.Redirect == "" {
		return true
	}
	if t.Facts.OAuth != nil {
		_, ok := t.Application.Client.MatchRedirect(t.Facts.Redirect, "")
		return ok
	}
	_, ok := t.Settings.MatchRedirect(t.Facts.Redirect)
	return ok
}

// given is what the application gets of what it asked for, which it may still.
func (t Turn) given() core.Authorization {
	oauth := *t.Facts.OAuth
	oauth.Scopes = slices.DeleteFunc(oauth.Given(), func(scope string) bool { return !slices.Contains(t.Application.Client.Scopes, scope) })
	return oauth
}
