package directory

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Agreements keeps the agreements of all pools. How one is accepted is a matter
// of flows.
type Agreements struct {
	store *store.Store
}

// NewAgreements makes the keeper of a store's agreements.
func NewAgreements(st *store.Store) *Agreements { return &Agreements{st} }

// NewAgreement is what an agreement is made from.
type NewAgreement struct {
	Kind   core.AgreementKind
	Name   string
	Text   string
	Active bool // publish it at once
}

// Create makes an agreement.
func (g *Agreements) Create(ctx context.Context, caller core.Caller, n NewAgreement) (core.Agreement, error) {
	a := core.Agreement{ID: core.NewAgreementID(), Kind: n.Kind, Name: n.Name, Text: n.Text, Active: n.Active, Version: 1}
	if err := checkAgreement(a); err != nil {
		return core.Agreement{}, err
	}
	err := g.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		a.CreatedAt, a.UpdatedAt = tx.Now(), tx.Now()
		if a.Active {
			a.PublishedAt = tx.Now()
		}
		if err := tx.PutAgreement(a); err != nil {
			return err
		}
		if err := recordAgreement(tx, core.EventAgreementCreated, a, nil); err != nil || !a.Active {
			return err
		}
		return recordAgreement(tx, core.EventAgreementPublished, a, nil)
	})
	return a, err
}

// AgreementChange is what may be changed of an agreement; nil leaves alone.
type AgreementChange struct {
	Name   *string
	Text   *string
	Active *bool
}

// Change changes an agreement and returns it as it is then. Of any number who
// publish agreements of one kind at once, the last one's is active. It returns
// [core.CodeNotFound] where there is none of this kind and id.
func (g *Agreements) Change(ctx context.Context, caller core.Caller, kind core.AgreementKind, id core.AgreementID, c AgreementChange) (core.Agreement, error) {
	var a core.Agreement
	err := g.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		before, err := tx.HeldAgreement(kind, id)
		if err != nil {
			return err
		}
		a = before
		var fields []string
		if c.Name != nil && *c.Name != a.Name {
			a.Name, fields = *c.Name, append(fields, "name")
		}
		if c.Text != nil && *c.Text != a.Text {
			a.Text, fields = *c.Text, append(fields, "text")
		}
		if c.Active != nil {
			a.Active = *c.Active
		}
		if a == before {
			return nil
		}
		if err := checkAgreement(a); err != nil {
			return err
		}
		a.UpdatedAt = tx.Now()
		if a.Active && !before.Active {
			a.PublishedAt = tx.Now()
		}
		if err := tx.UpdateAgreement(a); err != nil {
			return err
		}
		a.Version++
		if len(fields) > 0 {
			if err := recordAgreement(tx, core.EventAgreementChanged, a, fields); err != nil {
				return err
			}
		}
		switch {
		case a.Active == before.Active:
			return nil
		case a.Active:
			return recordAgreement(tx, core.EventAgreementPublished, a, nil)
		default:
			return recordAgreement(tx, core.EventAgreementWithdrawn, a, nil)
		}
	})
	return a, err
}

// Delete deletes an agreement. Who has accepted it, has. It returns
// [core.CodeNotFound] where there is none of this kind and id.
func (g *Agreements) Delete(ctx context.Context, caller core.Caller, kind core.AgreementKind, id core.AgreementID) error {
	return g.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		if err := tx.DeleteAgreement(kind, id); err != nil {
			return err
		}
		return recordAgreement(tx, core.EventAgreementDeleted, core.Agreement{ID: id, Kind: kind}, nil)
	})
}

// List returns a page of the agreements, how many match in all, and the cursor
// of the next page ("" on the last).
func (g *Agreements) List(ctx context.Context, caller core.Caller, q core.Query) (all []core.Agreement, total int64, next string, err error) {
	err = g.store.As(caller).View(ctx, func(tx *store.Tx) error {
		all, total, next, err = tx.Agreements(q)
		return err
	})
	return all, total, next, err
}

func recordAgreement(tx *store.Tx, name core.EventName, a core.Agreement, fields []string) error {
	data := map[string]string{"kind": string(a.Kind)}
	if len(fields) > 0 {
		data["fields"] = strings.Join(fields, " ")
	}
	return tx.Record(core.Event{Name: name, Target: string(a.ID), Data: data})
}

// checkAgreement says what is wrong with a name or a text.
func checkAgreement(a core.Agreement) error {
	var problems []core.Problem
	check := func(pointer, value string, most int, oneLine bool) {
		problem := core.Problem{Pointer: pointer}
		switch {
		case strings.TrimSpace(value) == "":
			problem.Code, problem.Detail = core.ProblemRequired, "This is required."
		case len(value) > most:
			problem.Code, problem.Detail = core.ProblemTooLong, "This is too long."
		case !utf8.ValidString(value) || strings.ContainsRune(value, 0) || oneLine && strings.ContainsAny(value, "\r\n"):
			problem.Code, problem.Detail = core.ProblemFormat, "This is not plain text."
		default:
			return
		}
		problems = append(problems, problem)
	}
	check("/name", a.Name, core.MaxAgreementName, true)
	check("/text", a.Text, core.MaxAgreementText, false)
	if len(problems) > 0 {
		return core.Invalid(problems...)
	}
	return nil
}
