package flow

import (
	"bytes"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/risk"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/source"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Machine runs the flows of all pools.
type Machine struct {
	store     *store.Store
	pools     *pool.Pools
	passwords *directory.Passwords
	sessions  *session.Sessions
	links     links
	captcha   captcha
	data      *risk.Data
	providers *source.Providers // nil: nobody else is asked
}

// New makes the machine. pageURL gives the public address of a pool's hosted
// pages, without a slash at its end: the links in mails begin with it. captchas
// asks the services that pools have their captchas from.
func New(st *store.Store, pools *pool.Pools, passwords *directory.Passwords, sessions *session.Sessions, captchas *deliver.Captchas, pageURL func(core.Pool) string) *Machine {
	return &Machine{
		store: st, pools: pools, passwords: passwords, sessions: sessions,
		links: links{keys: st.Keys(), pageURL: pageURL}, captcha: captcha{st, st.Keys(), captchas},
	}
}

// State is where a flow is and what it offers, for a face to show.
type State struct {
	ID        core.FlowID
	Pool      core.Pool
	Types     []core.FlowType
	Email     string // as claimed; empty where somebody goes by another name
	Username  string // as claimed
	Phone     string
	Phase     core.Phase
	Prompts   []Prompt
	Redirect  string // where it ends; empty: nowhere
	Asked     string // the same, if the application named it
	AppState  string
	Invited   bool // begun with an invitation, for whose address alone it is
	ExpiresAt time.Time

	// Application is that to which people sign in by OAuth 2.0, and OAuth what it
	// asks for; zero and nil for none.
	Application core.Application
	OAuth       *core.Authorization
}

// State returns where a flow is. It returns [core.CodeFlowEnded] for one that
// is unknown to the caller, completed, or past its time.
func (m *Machine) State(ctx context.Context, caller core.Caller, id core.FlowID) (State, error) {
	t, err := m.turn(ctx, caller, id)
	if err != nil {
		return State{}, err
	}
	return m.state(t), nil
}

// Answer gives an answer to one of the choices on offer and returns where the
// flow is then. Whatever it returns as an error, the flow has not changed and
// can go on.
func (m *Machine) Answer(ctx context.Context, caller core.Caller, id core.FlowID, a Answer) (State, error) {
	return m.step(ctx, caller, id, a, Choice.Answer, m.late)
}

// Restart begins one of the choices on offer again: a code or link is sent
// anew. It returns as Answer does.
func (m *Machine) Restart(ctx context.Context, caller core.Caller, id core.FlowID, a Answer) (State, error) {
	return m.step(ctx, caller, id, a, Choice.Restart, m.linkOpened)
}

// step looks, checks, and writes. Between looking and writing no transaction
// is open, because checking may take long; the write names the version that
// was looked at, so that of two answers at once one is refused. What is not on
// offer any more, but `passed` knows, changes nothing and is no error.
func (m *Machine) step(ctx context.Context, caller core.Caller, id core.FlowID, a Answer,
	verb func(Choice, context.Context, Turn, Answer) (Effect, error), passed func(context.Context, Turn, Answer) bool,
) (State, error) {
	t, err := m.turn(ctx, caller, id)
	if err != nil {
		return State{}, m.refused(ctx, caller, id, a.Choice, err)
	}
	choice, err := m.offered(t, a.Choice)
	if err != nil && passed(ctx, t, a) {
		return m.state(t), nil
	}
	if err != nil {
		return State{}, m.refused(ctx, caller, id, a.Choice, err)
	}
	effect, err := Effect(nil), t.sameAddress(a)
	if err == nil {
		effect, err = verb(choice, ctx, t, a)
	}
	if err != nil {
		return State{}, m.refused(ctx, caller, id, a.Choice, err)
	}
	if effect == nil {
		return m.state(t), nil
	}
	if p, _ := m.look(t); p.name == core.PhaseSecondary {
		effect = keeping(effect, a.Keep)
	}
	after, err := m.write(ctx, t, effect)
	if err != nil {
		return State{}, m.refused(ctx, caller, id, a.Choice, err)
	}
	return m.state(after), nil
}

// write runs an effect, passes the phases that nobody waits in, and stores the
// facts, all in one transaction.
func (m *Machine) write(ctx context.Context, t Turn, effect Effect) (Turn, error) {
	var after Turn
	err := m.store.As(t.Caller).Update(ctx, func(tx *store.Tx) error {
		after = t.copy(tx.Now())
		return m.apply(tx, &after, effect)
	})
	return after, err
}

func (m *Machine) apply(tx *store.Tx, t *Turn, effect Effect) error {
	before := t.Facts.Primary
	if err := effect(tx, t); err != nil {
		return err
	}
	t.rule()
	t.settleIdentity()
	if before == "" && t.Facts.Primary != "" && !t.Facts.Primary.ByProvider() && !slices.Contains(t.Settings.SigninPrimary, t.Facts.Primary) {
		return core.Fail(core.CodeNotOffered, "This is not among the ways in for addresses of this domain.")
	}
	if before == "" && t.Facts.Primary != "" && t.Facts.Primary != core.AuthenticatorPasskey && t.passkeyOnly() {
		return core.Fail(core.CodeNotOffered, "This person has a passkey, and comes in with nothing else.")
	}
	if err := m.judge(tx, t); err != nil {
		return err
	}
	if err := t.settle(tx); err != nil {
		return err
	}
	for p, _ := m.look(*t); p.pass != nil; p, _ = m.look(*t) {
		if err := p.pass(tx, t); err != nil {
			return err
		}
		t.rule()
	}
	if p, _ := m.look(*t); p.name == core.PhaseAgreements {
		t.noteShown()
	}
	stored := t.Flow
	stored.Facts = t.Facts
	if err := tx.UpdateFlow(stored); err != nil {
		return err
	}
	t.Flow.Version++
	return nil
}

// Complete ends a flow to which nothing is left to do, and starts the session.
// Of any number who try at once, one gets tokens. It returns
// [core.CodeFlowIncomplete] while something is left.
func (m *Machine) Complete(ctx context.Context, caller core.Caller, id core.FlowID) (core.Grant, error) {
	return m.CompleteAs(ctx, caller, id, Wanted{})
}

// Wanted is what a face asks for beside the tokens when a flow ends.
type Wanted struct {
	Form session.Form
	// Device is what the browser keeps to be remembered by from now on, if a
	// second factor was proved and the pool remembers browsers. Empty: it is
	// not to be.
	Device string
}

// CompleteAs is Complete for a face that asks for more than tokens.
func (m *Machine) CompleteAs(ctx context.Context, caller core.Caller, id core.FlowID, w Wanted) (core.Grant, error) {
	done, err := m.CompleteOAuth(ctx, caller, id, w)
	return done.Grant, err
}

// Completed is a flow that ended on a page of ours.
type Completed struct {
	State
	Code   string // for the application, to fetch the tokens with; empty for a device
	Device string // for the browser, to be known by: see [core.Caller]
	// Remembered is for the browser to keep, to be remembered by: see [Start].
	// Empty: it is not.
	Remembered string
}

// CompleteWithCode ends a flow like Complete, and returns a login code in
// place of tokens, with where to take it. A flow for a device answers that, and
// has no code; it returns [core.CodeTicketInvalid] if that waits no more.
func (m *Machine) CompleteWithCode(ctx context.Context, caller core.Caller, id core.FlowID) (Completed, error) {
	c := Completed{Code: secret.Random()}
	remembered := secret.Random()
	nothing := func(Turn) error { return nil }
	t, err := m.finish(ctx, caller, id, nothing, func(tx *store.Tx, t Turn) error {
		if t.Facts.KeepDevice {
			if err := m.remember(tx, t, remembered); err != nil {
				return err
			}
		}
		if t.forDevice() {
			return m.answerDevice(tx, t)
		}
		if t.Facts.OAuth != nil {
			return m.sessions.PutAuthorization(tx, c.Code, t.Flow.ID, *t.User, t.given(), t.Facts.Redirect, t.Settings)
		}
		return m.sessions.PutCode(tx, c.Code, t.Flow.ID, *t.User, t.Settings)
	})
	if err != nil {
		return Completed{}, err
	}
	user := *t.User
	user.Credentials = t.Facts.Credentials
	if t.forDevice() {
		c.Code = ""
	}
	c.State, c.Device = m.state(t), m.passwords.Device(caller.Pool, user)
	if t.Facts.KeepDevice && t.remembers() {
		c.Remembered = remembered
	}
	return c, nil
}

// finish ends a flow to which nothing is left to do. prepare makes what issue
// gives, before the transaction.
func (m *Machine) finish(ctx context.Context, caller core.Caller, id core.FlowID, prepare func(Turn) error, issue func(*store.Tx, Turn) error) (Turn, error) {
	t, err := m.turn(ctx, caller, id)
	if err == nil && t.Facts.OneTime != nil {
		return Turn{}, &core.Error{Code: core.CodeFlowIncomplete, Detail: "A one-time flow signs nobody in.", Cause: ErrOneTime}
	}
	if err == nil && t.unjudged() {
		// They have come here from elsewhere since.
		t, err = m.write(ctx, t, func(*store.Tx, *Turn) error { return nil })
	}
	if err == nil {
		if p, _ := m.look(t); p.name != core.PhaseCompleted {
			err = incomplete()
		}
	}
	if err == nil && !t.stands() {
		// It was registered when the flow was begun, and is not any more.
		err = core.Fail(core.CodeRedirectRefused, "This address is not among the pool's registered redirects.")
	}
	if err == nil && t.User.Disabled {
		err = core.Fail(core.CodeDisabled, "This account is disabled.")
	}
	if err == nil {
		err = prepare(t)
	}
	if err == nil {
		err = m.store.As(caller).Update(ctx, func(tx *store.Tx) error {
			if err := tx.CompleteFlow(t.Flow); err != nil {
				return err
			}
			if err := t.stillHolds(tx); err != nil {
				return err
			}
			proved := t.copy(tx.Now())
			if err := proved.readAgreements(tx); err != nil {
				return err
			}
			if needsAgreements(proved) {
				return incomplete()
			}
			if err := proved.readApplication(tx); err != nil {
				return err
			}
			// The session is started with the credentials that were proved: if
			// they change at this moment, it is not.
			proved.User.Credentials = t.Facts.Credentials
			if err := m.sighted(tx, proved); err != nil {
				return err
			}
			return issue(tx, proved)
		})
	}
	if err != nil {
		return Turn{}, m.refused(ctx, caller, id, "", err)
	}
	return t, nil
}

func incomplete() error {
	return core.Fail(core.CodeFlowIncomplete, "The flow is not complete: answer one of its choices first.")
}

// turn loads a flow with everything that it hangs on. A flow that a browser
// began is there for that browser only.
func (m *Machine) turn(ctx context.Context, caller core.Caller, id core.FlowID) (Turn, error) {
	p, err := m.pools.Get(ctx, caller.Pool)
	if err != nil {
		return Turn{}, err
	}
	var t Turn
	err = m.store.As(caller).View(ctx, func(tx *store.Tx) error {
		t, err = m.load(tx, p, id)
		return err
	})
	if err == nil && !bytes.Equal(t.Facts.Browser, caller.Browser) {
		err = core.Fail(core.CodeFlowEnded, "This flow is unknown, completed, or past its time. Start a new one.")
	}
	return t, err
}

func (m *Machine) load(tx *store.Tx, p core.Pool, id core.FlowID) (Turn, error) {
	f, err := tx.Flow(id)
	if err != nil {
		return Turn{}, err
	}
	t := Turn{Caller: tx.Caller(), Pool: p, Settings: p.Settings, Flow: f, Facts: f.Facts, Now: tx.Now(), Party: m.links.relyingParty(p)}
	t.Flow.Facts = core.Facts{}
	if err := t.readAgreements(tx); err != nil {
		return Turn{}, err
	}
	if err := t.readApplication(tx); err != nil {
		return Turn{}, err
	}
	t.rule()
	if t.Facts.User == "" {
		return t, nil
	}
	user, err := tx.User(t.Facts.User)
	if err == nil {
		err = t.identify(tx, user)
	}
	if core.Is(err, core.CodeNotFound) {
		// The person was deleted while the flow was under way.
		err = core.Fail(core.CodeFlowEnded, "This flow is unknown, completed, or past its time. Start a new one.")
	}
	// What was taken from the person since proves nothing.
	if !t.holds(t.Facts.Primary, false, t.Facts.PrimaryBy) {
		t.Facts.Primary, t.Facts.PrimaryBy = "", ""
	}
	t.rule()
	if !t.holds(t.Facts.Secondary, true, t.Facts.SecondaryBy) && !t.standsIn(t.Facts.Secondary) {
		t.Facts.Secondary, t.Facts.SecondaryBy = "", ""
	}
	return t, err
}

// identify fills in who the flow is about.
func (t *Turn) identify(tx *store.Tx, user core.User) error {
	all, err := tx.Authenticators(user.ID)
	if err != nil {
		return err
	}
	t.User, t.Facts.User, t.Factors, t.Passkeys, t.Due, t.Recovery = &user, user.ID, nil, nil, false, 0
	strong := false
	for _, a := range all {
		if a.Kind == core.AuthenticatorPasskey {
			// One that was made for another domain is no way in here.
			data, err := a.Passkey()
			if err != nil {
				return err
			}
			if data.RPID != t.Party.ID {
				continue
			}
			t.Passkeys = append(t.Passkeys, a)
		}
		f := Factor{ID: a.ID, Kind: a.Kind, Second: a.Second, Handle: a.Handle}
		if a.Kind.ByProvider() {
			// One of a provider that the pool does not have any more is no way in.
			identity, err := a.Identity()
			if err != nil {
				return err
			}
			if p, ok := t.Pool.Settings.Provider(identity.Provider); !ok || p.AuthenticatorKind() != a.Kind {
				continue
			}
			f.Provider = identity.Provider
		}
		t.Factors = append(t.Factors, f)
		t.Due = t.Due || a.Due(time.Duration(t.Settings.PasswordMaxAge), tx.Now())
		strong = strong || a.Second && a.Kind.Strong()
	}
	if t.Facts.OAuth != nil {
		if t.Consents, err = tx.Consents(user.ID, t.Facts.OAuth.Application); err != nil {
			return err
		}
	}
	if t.Known, err = t.known(tx, user); err != nil || !strong {
		return err
	}
	codes, err := tx.RecoveryCodes(user.ID)
	t.Recovery = len(codes)
	return err
}

// copy makes a turn that an effect may change, for one run of its transaction.
func (t Turn) copy(now time.Time) Turn {
	t.Now = now
	if t.User != nil {
		user := *t.User
		t.User = &user
	}
	links, codes, trips := make(map[core.ChoiceName]core.Link), make(map[core.ChoiceName]core.SentCode), make(map[string]int)
	maps.Copy(links, t.Facts.Links)
	maps.Copy(codes, t.Facts.Codes)
	maps.Copy(trips, t.Facts.Trips)
	t.Facts.Links, t.Facts.Codes, t.Facts.Trips = links, codes, trips
	if t.Facts.OAuth != nil {
		oauth := *t.Facts.OAuth
		oauth.Granted, oauth.Refused = slices.Clone(oauth.Granted), slices.Clone(oauth.Refused)
		t.Facts.OAuth = &oauth
	}
	return t
}

func (m *Machine) state(t Turn) State {
	p, prompts := m.look(t)
	return State{
		ID: t.Flow.ID, Pool: t.Pool, Types: slices.Clone(t.types()), Email: t.Facts.Email.Text, Username: t.Facts.Username.Text,
		Phone: t.Facts.Phone, Phase: p.name, Prompts: prompts,
		Redirect: t.redirect(), Asked: t.Facts.Redirect, OAuth: t.Facts.OAuth, Application: t.Application, AppState: t.Facts.State, Invited: t.Facts.Invitation != "", ExpiresAt: t.Flow.ExpiresAt,
	}
}
