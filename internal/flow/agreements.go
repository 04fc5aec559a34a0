package flow

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// agreements asks people to accept the agreements that the pool requires,
// whoever comes in and has not accepted the active one of a kind. They may be
// accepted one by one.
type agreements struct{}

// Agreed is one agreement that a person accepts.
type Agreed struct {
	ID core.AgreementID
	// Version is which version of it the person has read. 0: the one that the
	// flow last showed.
	Version int64
}

func (agreements) Prompt(t Turn) *Prompt { return &Prompt{Agreements: t.unaccepted()} }

func (agreements) Answer(_ context.Context, _ Turn, a Answer) (Effect, error) {
	if len(a.Agreed) == 0 {
		return nil, core.Invalid(core.Problem{Code: core.ProblemRequired, Pointer: "/data/agreed", Detail: "One of the agreements must be accepted."})
	}
	return func(tx *store.Tx, t *Turn) error {
		if err := t.stillHolds(tx); err != nil {
			return err
		}
		// Read once more: what was looked at before may have been exchanged.
		if err := t.readAgreements(tx); err != nil {
			return err
		}
		user, err := tx.User(t.User.ID)
		if err != nil {
			return err
		}
		var accepted []core.Agreement
		for i, agreed := range a.Agreed {
			current := slices.IndexFunc(t.Agreements, func(x core.Agreement) bool { return x.ID == agreed.ID })
			if current < 0 {
				return core.Invalid(core.Problem{Code: core.ProblemNotThere, Pointer: "/data/agreed/" + strconv.Itoa(i), Detail: "This agreement is not one that the flow asks for now."})
			}
			agreement := t.Agreements[current]
			switch {
			case user.Accepted(agreement.Kind) == agreement.ID:
				// It was accepted already.
			case agreed.Version == 0 && t.Facts.Shown[agreement.ID] != agreement.Version:
				// The text has changed since it was shown: it is shown again.
			case agreed.Version != 0 && agreed.Version != agreement.Version:
				return core.Invalid(core.Problem{Code: core.ProblemState, Pointer: "/data/agreed/" + strconv.Itoa(i), Detail: "This agreement has changed since it was shown."})
			default:
				user.Accept(agreement)
				accepted = append(accepted, agreement)
			}
		}
		if len(accepted) == 0 {
			return nil
		}
		user.UpdatedAt = tx.Now()
		if err := tx.UpdateUser(user); err != nil {
			return err
		}
		user.Version++
		t.User = &user
		for _, agreement := range accepted {
			err := tx.Record(core.Event{Name: core.EventAgreementAccepted, Target: string(user.ID), Data: map[string]string{
				"agreement": string(agreement.ID), "kind": string(agreement.Kind), "version": fmt.Sprint(agreement.Version),
			}})
			if err != nil {
				return err
			}
		}
		return nil
	}, nil
}

func (agreements) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }

// readAgreements fills in the active agreements of the kinds that the pool
// requires, in the order of [core.AgreementKinds].
func (t *Turn) readAgreements(tx *store.Tx) error {
	if len(t.Settings.AgreementsRequired) == 0 {
		t.Agreements = nil
		return nil
	}
	active, err := tx.ActiveAgreements()
	if err != nil {
		return err
	}
	var required []core.Agreement
	for _, kind := range core.AgreementKinds() {
		for _, a := range active {
			if a.Kind == kind && slices.Contains(t.Settings.AgreementsRequired, kind) {
				required = append(required, a)
			}
		}
	}
	t.Agreements = required
	return nil
}

// unaccepted is what the person has still to accept.
func (t Turn) unaccepted() []core.Agreement {
	var left []core.Agreement
	for _, a := range t.Agreements {
		if t.User.Accepted(a.Kind) != a.ID {
			left = append(left, a)
		}
	}
	return left
}

// noteShown writes down which version of each agreement the person is shown.
func (t *Turn) noteShown() {
	t.Facts.Shown = make(map[core.AgreementID]int64)
	for _, a := range t.unaccepted() {
		t.Facts.Shown[a.ID] = a.Version
	}
}
