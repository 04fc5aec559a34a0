package flow

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Opened is a link that was followed, and where it leads.
type Opened struct {
	Pool     core.Pool
	Flow     core.FlowID
	Redirect string // of the application that began the flow; empty: none
	State    string // by which that application recognises the link
	Browser  []byte // whose flow it is now; nil: an application's
}

// LookLink says whether a link would open now, and changes nothing: mail
// scanners follow links too. It returns [core.CodeTicketInvalid] if not.
func (m *Machine) LookLink(ctx context.Context, caller core.Caller, choice core.ChoiceName, code string) error {
	purpose, ok := purposes()[choice]
	if !ok || !secret.IsText(code) {
		return invalidLink()
	}
	return m.store.As(caller).View(ctx, func(tx *store.Tx) error {
		ticket, err := tx.Ticket(purpose, m.links.hash(purpose, code))
		if err == nil && !ticket.UsedAt.IsZero() {
			err = invalidLink()
		}
		return err
	})
}

// OpenLink follows a link, once: it proves the mailbox to the flow that sent
// the link, whoever's browser this is. A flow of the hosted pages in which a way
// in is to be chosen moves to the browser that opened the link. It returns
// [core.CodeTicketInvalid] for a link that was used, and [core.CodeFlowEnded] if
// its flow is over.
func (m *Machine) OpenLink(ctx context.Context, caller core.Caller, choice core.ChoiceName, code string) (Opened, error) {
	if err := m.LookLink(ctx, caller, choice, code); err != nil {
		return Opened{}, err
	}
	p, err := m.pools.Get(ctx, caller.Pool)
	if err != nil {
		return Opened{}, err
	}
	proved := map[core.ChoiceName]Effect{
		core.ChoiceVerifyEmail: mailboxProved, core.ChoiceResetPassword: resetProved, core.ChoiceMagicLink: linkFollowed,
		core.ChoiceProvisional: enrolmentOpened,
	}[choice]
	purpose := purposes()[choice]
	open := Opened{Pool: p}
	// The flow may be answered elsewhere at the same moment; then it is read
	// and written once more.
	for range 5 {
		err = m.store.As(caller).Update(ctx, func(tx *store.Tx) error {
			ticket, err := tx.UseTicket(purpose, m.links.hash(purpose, code))
			if err != nil {
				return err
			}
			var data linkData
			if err := json.Unmarshal([]byte(ticket.Data), &data); err != nil {
				return err
			}
			t, err := m.load(tx, p, data.Flow)
			if err != nil {
				return err
			}
			if data.Email != t.mailKey() {
				return invalidLink()
			}
			t = t.copy(tx.Now())
			if moves(choice) && len(t.Facts.Browser) > 0 && len(caller.Browser) > 0 {
				// Whoever reads the mail chooses the way in, here: the window
				// that asked for the mail may be anybody's.
				t.Facts.Browser = caller.Browser
			}
			open.Flow, open.Redirect, open.Browser = t.Flow.ID, t.linkRedirect(choice), t.Facts.Browser
			open.State = m.links.state(t.Flow.ID, choice)
			return m.apply(tx, &t, proved)
		})
		if !core.Is(err, core.CodeConflict) {
			break
		}
	}
	if _, ok := errors.AsType[*judgement](err); ok {
		err = m.refused(ctx, caller, open.Flow, choice, err)
	}
	return open, err
}

// moves reports whether a flow goes on where the choice's link is opened.
func moves(choice core.ChoiceName) bool {
	return choice == core.ChoiceResetPassword || choice == core.ChoiceProvisional
}
