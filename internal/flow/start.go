package flow

import (
	"context"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Start is what a flow is started from.
type Start struct {
	Types     []core.FlowType // empty: both
	Email     string          // empty: asked for
	Username  string          // the same, where people go by a name
	Redirect  string          // where to go on; must be registered
	Device    string          // what the browser keeps to be remembered by, if anything
	State     string          // the application's own
	Concealed bool            // answer alike for everybody until something is proved
	// Invitation is the secret of an invitation's mail, which stands for type,
	// address and proof of the mailbox, and for redirect and state where none
	// is given. A trusted caller may give the tail of its id: then nothing is
	// proved.
	Invitation string
	// OneTime is what a one-time flow takes: any of them will do. Only a trusted
	// caller begins one.
	OneTime []OneTimeAuth
	// SAML is the ticket of what a SAML provider said of somebody whom nobody had
	// asked about; see [Machine.TakeSAML].
	SAML string

	// OAuth is what an application asks for to which people sign in; its redirects
	// count then, and what it asks for is checked here. Nil: none does.
	OAuth *core.Authorization
	// UserCode is what a device shows for which people sign in, and InPlaceOf a
	// flow of this browser for such a device, in whose place this one is. Either
	// says what OAuth is.
	UserCode  string
	InPlaceOf core.FlowID
}

// Start starts a flow. With an e-mail address it is as if that had been
// answered already. It returns [core.CodeRedirectRefused] for an address that
// is not registered, [core.CodeTicketInvalid] for an invitation that is not
// pending and a device that does not wait, [core.CodeTooMany] if the caller's network has begun too many, and
// what set_email returns.
func (m *Machine) Start(ctx context.Context, caller core.Caller, s Start) (State, error) {
	p, err := m.pools.Get(ctx, caller.Pool)
	if err != nil {
		return State{}, err
	}
	once, err := m.asksOnce(ctx, caller, p, s)
	if err != nil {
		return State{}, err
	}
	var guest invited
	if s.Invitation != "" {
		if guest, err = m.accept(ctx, caller, &s); err != nil {
			return State{}, err
		}
	}
	var begun *core.Unsolicited
	if s.SAML != "" {
		if begun, err = m.unsolicited(ctx, caller, s.SAML); err != nil {
			return State{}, err
		}
	}
	var app core.Application
	var device *waiting
	if s.UserCode != "" || s.InPlaceOf != "" {
		if device, err = m.forDevice(ctx, caller, &s); err != nil {
			return State{}, err
		}
		app = device.app
	} else if s.OAuth != nil {
		if app, err = m.authorization(ctx, caller, p.Settings, &s); err != nil {
			return State{}, err
		}
	} else if _, ok := p.Settings.MatchRedirect(s.Redirect); !ok {
		return State{}, core.Fail(core.CodeRedirectRefused, "This address is not among the pool's registered redirects.")
	}
	if len(s.Types) == 0 {
		s.Types = []core.FlowType{core.FlowSignup, core.FlowSignin}
	}
	t := Turn{
		Caller: caller, Pool: p, Settings: p.Settings, Now: m.store.Clock(), Party: m.links.relyingParty(p),
		Flow:  core.Flow{ID: core.NewFlowID(), Version: 1},
		Facts: core.Facts{Allowed: s.Types, Redirect: s.Redirect, State: s.State, Concealed: (s.Concealed || p.Settings.ConcealAccounts) && guest.ID == "", Browser: caller.Browser, Invitation: guest.ID, OneTime: once, Unsolicited: begun, OAuth: s.OAuth},
	}
	t.Application = app
	var named Effect
	switch {
	case s.Email != "" && once != nil:
		named, err = onceName{core.AuthenticatorEmailOTP}.Answer(ctx, t, Answer{Email: s.Email})
	case s.Email != "":
		named, err = (setEmail{}).Answer(ctx, t, Answer{Email: s.Email})
	case s.Username != "" && t.byName():
		named, err = (setUsername{}).Answer(ctx, t, Answer{Username: s.Username})
	case s.Username != "":
		if _, ok := core.ParseEmail(s.Username); !ok {
			return State{}, core.Invalid(core.Problem{Code: core.ProblemEmail, Pointer: "/data/username", Detail: "Usernames in this pool are e-mail addresses."})
		}
		named, err = (setEmail{}).Answer(ctx, t, Answer{Email: s.Username})
	}
	if err != nil {
		return State{}, err
	}
	if s.Device != "" && p.Settings.SigninRememberDevice != core.DeviceOff {
		t.Facts.Device = m.deviceHash(s.Device)
	}
	var after Turn
	err = m.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		if caller.Network != "" {
			if err := tx.Spend(core.BudgetFlows, caller.Network, p.Settings); err != nil {
				return err
			}
		}
		after = t.copy(tx.Now())
		after.Flow.CreatedAt = tx.Now()
		after.Flow.ExpiresAt = tx.Now().Add(time.Duration(p.Settings.FlowLife))
		if named != nil {
			if err := named(tx, &after); err != nil {
				return err
			}
			after.rule()
		}
		if guest.proved {
			if err := mailboxProved(tx, &after); err != nil {
				return err
			}
		}
		stored := after.Flow
		stored.Facts = after.Facts
		if err := tx.PutFlow(stored); err != nil {
			return err
		}
		return device.claim(tx, stored.ID)
	})
	if err != nil {
		return State{}, err
	}
	return m.state(after), nil
}
