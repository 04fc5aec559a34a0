package authn

import (
	"context"
	"encoding/json"
	"iter"
	"time"
)

// AgreementsService keeps the texts that people are asked to accept. It needs
// a service token.
type AgreementsService struct{ t *transport }

// AgreementType says what an agreement is about.
type AgreementType string

// The types of agreement.
const (
	AgreementEULA          AgreementType = "eula"           // under what terms the application is used
	AgreementPrivacyPolicy AgreementType = "privacy_policy" // what becomes of a person's data
)

// Agreement is a text that people are asked to accept. At most one of each type
// is active.
type Agreement struct {
	Type        AgreementType `json:"type"`
	ID          string        `json:"id"`
	CreatedAt   time.Time     `json:"created_at"`
	UpdatedAt   time.Time     `json:"updated_at"`
	PublishedAt time.Time     `json:"published_at,omitzero"` // when it last became active; zero before
	Name        string        `json:"name"`
	Text        string        `json:"text"` // plain text or Markdown
	Active      bool          `json:"active"`
}

// AgreementCreateRequest is what an agreement is created from.
type AgreementCreateRequest struct {
	Type   AgreementType `json:"type"`
	Name   string        `json:"name"`
	Text   string        `json:"text"`
	Active bool          `json:"active,omitempty"` // publish it at once
}

// Create creates an agreement. One that is active takes the place of the one of
// its type before. It calls /v2/agreements/create.
func (s AgreementsService) Create(ctx context.Context, r AgreementCreateRequest) (*Agreement, error) {
	return result[Agreement](ctx, s.t, "v2/agreements/create", r)
}

// AgreementUpdateRequest is a change of an agreement. What is nil stays.
type AgreementUpdateRequest struct {
	Type   AgreementType `json:"type"` // of the agreement; it cannot be changed
	ID     string        `json:"id"`
	Name   *string       `json:"name,omitempty"`
	Text   *string       `json:"text,omitempty"`
	Active *bool         `json:"active,omitempty"` // true publishes it in place of the one before
}

// Update changes an agreement and returns it. Whoever has accepted it is not
// asked again: a text that everybody has to accept anew is another agreement.
// It calls /v2/agreements/update.
func (s AgreementsService) Update(ctx context.Context, r AgreementUpdateRequest) (*Agreement, error) {
	return result[Agreement](ctx, s.t, "v2/agreements/update", r)
}

// Delete deletes an agreement, which both its type and its id name. It calls
// /v2/agreements/delete.
func (s AgreementsService) Delete(ctx context.Context, typ AgreementType, id string) error {
	return s.t.post(ctx, "v2/agreements/delete", struct {
		Type AgreementType `json:"type"`
		ID   string        `json:"id"`
	}{typ, id}, nil)
}

// AgreementFilter says which agreements a list is of. All that it says must
// hold; a field that is left zero says nothing.
type AgreementFilter struct {
	ID          TextFilter
	Type        TextFilter
	Name        TextFilter
	Text        TextFilter
	CreatedAt   TimeFilter
	UpdatedAt   TimeFilter
	PublishedAt TimeFilter
	Active      *bool
}

// MarshalJSON writes the filter as the server reads it: by keys such as
// "name__contains".
func (f AgreementFilter) MarshalJSON() ([]byte, error) {
	keys := map[string]any{}
	for name, c := range map[string]TextFilter{"id": f.ID, "type": f.Type, "name": f.Name, "text": f.Text} {
		c.put(keys, name)
	}
	for name, c := range map[string]TimeFilter{"created_at": f.CreatedAt, "updated_at": f.UpdatedAt, "published_at": f.PublishedAt} {
		c.put(keys, name)
	}
	put(keys, "active", f.Active, f.Active != nil)
	return json.Marshal(keys)
}

// AgreementOrderBy is what a list of agreements is ordered by.
type AgreementOrderBy string

// What agreements can be ordered by.
const (
	AgreementsByID          AgreementOrderBy = "id"
	AgreementsByType        AgreementOrderBy = "type"
	AgreementsByName        AgreementOrderBy = "name"
	AgreementsByText        AgreementOrderBy = "text"
	AgreementsByCreatedAt   AgreementOrderBy = "created_at"
	AgreementsByUpdatedAt   AgreementOrderBy = "updated_at"
	AgreementsByPublishedAt AgreementOrderBy = "published_at"
)

// AgreementListRequest asks for a page of agreements. The zero value asks for
// the first page of all.
type AgreementListRequest struct {
	Filter  AgreementFilter  `json:"filter"`
	Order   Order            `json:"order,omitempty"`
	OrderBy AgreementOrderBy `json:"order_by,omitempty"`
	Size    int              `json:"size,omitempty"` // of a page; the server's own measure if it is 0
	Last    string           `json:"last,omitempty"` // AgreementPage.Last of the page before
}

// AgreementPage is a page of agreements.
type AgreementPage struct {
	Agreements []Agreement `json:"agreements"`
	Count      int64       `json:"count"`          // how many there are on all pages
	Last       string      `json:"last,omitempty"` // asks for the next page; empty on the last one
}

// List returns one page of the agreements that meet the filter. It calls
// /v2/agreements/list.
func (s AgreementsService) List(ctx context.Context, r AgreementListRequest) (*AgreementPage, error) {
	return result[AgreementPage](ctx, s.t, "v2/agreements/list", r)
}

// All returns every agreement that meets the filter, asking for one page after
// the other while the loop goes on. After an error it ends.
func (s AgreementsService) All(ctx context.Context, r AgreementListRequest) iter.Seq2[Agreement, error] {
	return every(r.Last, func(last string) ([]Agreement, string, error) {
		r.Last = last
		page, err := s.List(ctx, r)
		if err != nil {
			return nil, "", err
		}
		return page.Agreements, page.Last, nil
	})
}
