package flow

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// invited is an invitation that a flow is started from.
type invited struct {
	core.Invitation
	// proved: it came with the secret of its mail, which proves the mailbox.
	// A trusted caller may bring its id instead, which proves nothing.
	proved bool
}

// LookInvitation returns the pending invitation whose mail has this secret,
// and changes nothing. It returns [core.CodeTicketInvalid] for none.
func (m *Machine) LookInvitation(ctx context.Context, caller core.Caller, code string) (core.Invitation, error) {
	var found core.Invitation
	if !secret.IsText(code) {
		return found, invalidLink()
	}
	err := m.store.As(caller).View(ctx, func(tx *store.Tx) (err error) {
		found, err = tx.InvitationByHash(directory.InvitationHash(m.store.Keys(), code))
		return err
	})
	return found, err
}

// accept fills in what an invitation says about the flow that is started from
// it, and refuses what contradicts it. Such a flow signs somebody up and does
// nothing else: who has an account already signs in without an invitation.
func (m *Machine) accept(ctx context.Context, caller core.Caller, s *Start) (invited, error) {
	found, err := m.LookInvitation(ctx, caller, s.Invitation)
	i := invited{found, err == nil}
	if core.Is(err, core.CodeTicketInvalid) && caller.Trusted() {
		err = m.store.As(caller).View(ctx, func(tx *store.Tx) (err error) {
			i.Invitation, err = tx.Invitation(core.InvitationID("inv_" + s.Invitation))
			return err
		})
	}
	if err != nil {
		return invited{}, err
	}
	if len(s.Types) > 0 && !(core.Facts{Allowed: s.Types}).Allows(core.FlowSignup) {
		return invited{}, core.Invalid(core.Problem{Code: core.ProblemState, Pointer: "/flow_types", Detail: "An invitation is for signing up."})
	}
	if s.Email != "" && !sameMailbox(s.Email, i.Email) {
		return invited{}, core.Invalid(core.Problem{Code: core.ProblemState, Pointer: "/data/email", Detail: "The invitation was made for another address."})
	}
	s.Types, s.Email, s.Concealed = []core.FlowType{core.FlowSignup}, i.Email, false
	if s.Redirect == "" {
		s.Redirect, s.State = i.Callback, i.State
	}
	return i, nil
}

// sameMailbox reports whether two addresses have one key.
func sameMailbox(a, b string) bool {
	one, ok := core.ParseEmail(a)
	two, also := core.ParseEmail(b)
	return ok && also && one.Key == two.Key
}

// useInvitation uses the invitation that the flow was begun with, in the
// transaction in which the person comes to be.
func useInvitation(tx *store.Tx, t *Turn, user core.UserID) error {
	if err := tx.UseInvitation(t.Facts.Invitation, t.Facts.Email.Key); err != nil {
		return err
	}
	return tx.Record(core.Event{Name: core.EventInvitationAccepted, Target: string(t.Facts.Invitation), Data: map[string]string{"user": string(user)}})
}
