package pangea

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
)

// agreement is an agreement as the vendor shows one.
type agreement struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	CreatedAt   string `json:"created_at"`
	UpdatedAt   string `json:"updated_at"`
	PublishedAt string `json:"published_at,omitempty"`
	Name        string `json:"name"`
	Text        string `json:"text"`
	Active      bool   `json:"active"`
}

func newAgreement(a core.Agreement) agreement {
	shown := agreement{
		Type: agreementWords()[a.Kind], ID: show(prefixText, a.ID), CreatedAt: showTime(a.CreatedAt), UpdatedAt: showTime(a.UpdatedAt),
		Name: a.Name, Text: a.Text, Active: a.Active,
	}
	if !a.PublishedAt.IsZero() {
		shown.PublishedAt = showTime(a.PublishedAt)
	}
	return shown
}

// shownAgreement spells the id of what a person has accepted; empty for none.
func shownAgreement(u core.User, kind core.AgreementKind) string {
	if id := u.Accepted(kind); id != "" {
		return show(prefixText, id)
	}
	return ""
}

// agreementType wants one of the vendor's two types.
func (p *problems) agreementType(value string) {
	if p.required("/type", value) && agreementKind(value) == "" {
		p.add(core.ProblemChoice, "/type", "A type is eula or privacy_policy.")
	}
}

// agreementRef is how a request names an agreement: by both, and they must
// match.
type agreementRef struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

func (r *agreementRef) checkRef(p *problems) {
	p.agreementType(r.Type)
	if p.required("/id", r.ID) {
		p.secret("/id", r.ID, prefixText)
	}
}

type agreementCreate struct {
	common
	Type   string `json:"type"`
	Name   string `json:"name"`
	Text   string `json:"text"`
	Active *bool  `json:"active"`
}

func (in *agreementCreate) check(p *problems) {
	p.agreementType(in.Type)
	p.required("/name", in.Name)
	p.required("/text", in.Text)
}

func (f *Face) agreementCreate(ctx context.Context, caller core.Caller, in agreementCreate) (any, error) {
	a, err := f.Agreements.Create(ctx, caller, directory.NewAgreement{Kind: agreementKind(in.Type), Name: in.Name, Text: in.Text, Active: in.Active != nil && *in.Active})
	if err != nil {
		return nil, err
	}
	return newAgreement(a), nil
}

type agreementUpdate struct {
	common
	agreementRef
	Name   *string `json:"name"`
	Text   *string `json:"text"`
	Active *bool   `json:"active"`
}

func (in *agreementUpdate) check(p *problems) { in.checkRef(p) }

func (f *Face) agreementUpdate(ctx context.Context, caller core.Caller, in agreementUpdate) (any, error) {
	change := directory.AgreementChange{Name: in.Name, Text: in.Text, Active: in.Active}
	a, err := f.Agreements.Change(ctx, caller, agreementKind(in.Type), agreementID(in.ID), change)
	if err != nil {
		return nil, err
	}
	return newAgreement(a), nil
}

type agreementDelete struct {
	common
	agreementRef
}

func (in *agreementDelete) check(p *problems) { in.checkRef(p) }

func (f *Face) agreementDelete(ctx context.Context, caller core.Caller, in agreementDelete) (any, error) {
	return empty{}, f.Agreements.Delete(ctx, caller, agreementKind(in.Type), agreementID(in.ID))
}

type agreementList struct {
	common
	listRequest

	query core.Query
}

func (in *agreementList) check(p *problems) {
	in.query = in.read(p, agreementFilters(), agreementOrders())
	if in.OrderBy == "type" {
		// The vendor's two words sort the other way round than ours.
		in.query.Descending = !in.query.Descending
	}
}

// agreementOrders is what agreements can be ordered by.
func agreementOrders() map[string]string {
	return map[string]string{
		"id": "id", "type": "kind", "created_at": "created_at", "updated_at": "updated_at", "published_at": "published_at", "name": "name", "text": "text_start",
	}
}

// agreementFilters is what agreements can be searched by.
func agreementFilters() map[string]filterField {
	words := map[string]string{}
	for kind, word := range agreementWords() {
		words[word] = string(kind)
	}
	return map[string]filterField{
		"active":       {field: "active", kind: filterBool},
		"created_at":   {field: "created_at", kind: filterTime},
		"id":           {field: "id", kind: filterID, prefix: prefixText, ours: "agr_"},
		"name":         {field: "name", kind: filterText},
		"published_at": {field: "published_at", kind: filterTime},
		"text":         {field: "text", kind: filterText},
		"type":         {field: "kind", kind: filterWord, words: words},
		"updated_at":   {field: "updated_at", kind: filterTime},
	}
}

type agreementListResult struct {
	Agreements []agreement `json:"agreements"`
	Count      int64       `json:"count"`
	Last       string      `json:"last,omitempty"`
}

func (f *Face) agreementList(ctx context.Context, caller core.Caller, in agreementList) (any, error) {
	all, total, next, err := f.Agreements.List(ctx, caller, in.query)
	if err != nil {
		return nil, err
	}
	result := agreementListResult{Agreements: make([]agreement, 0, len(all)), Count: total, Last: next}
	for _, a := range all {
		result.Agreements = append(result.Agreements, newAgreement(a))
	}
	return result, nil
}
