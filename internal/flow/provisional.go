package flow

import (
	"context"
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// provisional is for who exists and has nothing yet to prove who they are with:
// an application made them, or their last way in was taken from them. A mail to
// the stored address proves the mailbox, after which they enrol in this flow
// what the pool takes. Nothing of the account changes before. Where a flow
// conceals who is there it is offered to everybody, and a mail leaves for those
// only whom it is for.
type provisional struct {
	links links
}

// provisional reports whether the person has none of the ways in that the pool
// takes.
func (t Turn) provisional() bool {
	return t.User != nil && !t.signingUp() && !t.hasWay()
}

// enrolsFirst reports whether the person may choose their first factor now,
// among all that the pool takes: they have none, and have proved their mailbox.
func (t Turn) enrolsFirst() bool {
	return t.provisional() && t.Facts.Primary == "" && t.mailboxProved() && !t.Facts.ResetProved
}

// takesOtherThan reports whether the pool takes a first factor that is none of
// these and no proof of a mailbox: that one is enrolled by giving it.
func (t Turn) takesOtherThan(kinds ...core.AuthenticatorKind) bool {
	return slices.ContainsFunc(t.Settings.SigninPrimary, func(k core.AuthenticatorKind) bool {
		return !k.ByMailbox() && !slices.Contains(kinds, k)
	})
}

func (c provisional) Prompt(t Turn) *Prompt {
	switch {
	case !t.identified() || t.signingUp() || t.Facts.ResetProved || t.mailboxProved():
		return nil
	case t.Facts.Concealed && !t.takesOtherThan(core.AuthenticatorPassword):
		return nil // a forgotten password leads to the same, and is there for everybody
	case !t.Facts.Concealed && (!t.provisional() || !t.takesOtherThan()):
		return nil
	}
	return c.links.prompt(t, core.ChoiceProvisional)
}

func (c provisional) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	return c.links.answer(ctx, t, a, core.ChoiceProvisional, c.Restart, enrolmentOpened)
}

func (c provisional) Restart(_ context.Context, t Turn, _ Answer) (Effect, error) {
	if !t.provisional() || t.User.Disabled {
		return c.links.send(core.ChoiceProvisional, ""), nil
	}
	return c.links.send(core.ChoiceProvisional, mailSetUp), nil
}

// enrolmentOpened is what the link proves. Who has a way in by now is led to no
// other by it.
func enrolmentOpened(tx *store.Tx, t *Turn) error {
	switch {
	case !t.provisional() || t.Facts.ResetProved:
		return invalidLink()
	case t.User.Disabled:
		return core.Fail(core.CodeDisabled, "This account is disabled.")
	}
	t.Facts.Credentials = t.User.Credentials
	if err := t.stillHolds(tx); err != nil {
		return err
	}
	if err := t.wipe(tx); err != nil {
		return err
	}
	// Whoever locked them out had nothing to guess. That it is forgotten here
	// opens no door to a second factor: a first one is enrolled only once.
	if err := tx.Forgive(string(t.User.ID)); err != nil {
		return err
	}
	clear(t.Facts.Codes) // they were for whoever is known, and so went to nobody
	return mailboxProved(tx, t)
}

// enrolOnce comes before a first factor is enrolled by who has proved their
// mailbox. Of several flows in which they did, one enrols: the number of their
// credentials goes on by one, and every other proof counts no more.
func (t *Turn) enrolOnce(tx *store.Tx) error {
	if !t.enrolsFirst() {
		return nil
	}
	if err := t.stillHolds(tx); err != nil {
		return err
	}
	n, err := tx.ChangeCredentials(t.User.ID)
	if err != nil {
		return err
	}
	if n != t.Facts.Credentials+1 {
		return core.Fail(core.CodeConflict, "Another flow has enrolled a way in at the same time.")
	}
	t.Facts.Credentials, t.User.Credentials = n, n
	for _, purpose := range []core.TicketPurpose{core.TicketProvisional, core.TicketResetPassword} {
		if err := tx.VoidTickets(purpose, string(t.User.ID)); err != nil {
			return err
		}
	}
	return nil
}
