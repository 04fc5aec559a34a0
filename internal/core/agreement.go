package core

import (
	"errors"
	"slices"
	"time"
)

// Agreement is a text that the people of a pool are asked to accept. At most
// one of each kind is active; the others are drafts and what was active before.
// A text that everybody has to accept anew is another agreement.
type Agreement struct {
	ID          AgreementID
	Kind        AgreementKind
	Name        string // for whoever keeps the agreements, and above the text
	Text        string // plain text or Markdown
	Active      bool
	Version     int64 // grows with each change, so that what was shown can be told from what is now
	CreatedAt   time.Time
	UpdatedAt   time.Time
	PublishedAt time.Time // when it last became active; zero before
}

// AgreementKind says what an agreement is about.
type AgreementKind string

// The kinds of agreement.
const (
	AgreementTerms   AgreementKind = "terms"   // under what terms the application is used
	AgreementPrivacy AgreementKind = "privacy" // what becomes of a person's data
)

// AgreementKinds lists them all, in the order in which people are asked.
func AgreementKinds() []AgreementKind { return []AgreementKind{AgreementTerms, AgreementPrivacy} }

// Limits of an agreement, in bytes.
const (
	MaxAgreementName = 200
	MaxAgreementText = 100_000
)

// Accepted is the agreement of this kind that the person has accepted; empty
// for none.
func (u User) Accepted(kind AgreementKind) AgreementID {
	if kind == AgreementTerms {
		return AgreementID(u.AcceptedTerms)
	}
	return AgreementID(u.AcceptedPrivacy)
}

// Accept notes on the person that they have accepted an agreement, in place of
// the one of its kind before.
func (u *User) Accept(a Agreement) {
	if a.Kind == AgreementTerms {
		u.AcceptedTerms = string(a.ID)
	} else {
		u.AcceptedPrivacy = string(a.ID)
	}
}

func checkAgreementKinds(list []AgreementKind) error {
	for i, kind := range list {
		if !slices.Contains(AgreementKinds(), kind) || slices.Contains(list[:i], kind) {
			return errors.New("must hold terms, privacy or both, each once")
		}
	}
	return nil
}
