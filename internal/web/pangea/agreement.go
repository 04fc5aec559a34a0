package pangea

import "github.com/gatehouse-id/gatehouse/internal/core"

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
