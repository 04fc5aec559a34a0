package store

import (
	"unicode/utf8"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

const agreementColumns = `id, kind, name, text, active, version, created_at, updated_at, published_at`

// PutAgreement stores a new agreement. If it is active, the one of its kind
// that was active is so no more.
func (tx *Tx) PutAgreement(a core.Agreement) error {
	if err := tx.holdAgreements(a.Kind); err != nil {
		return err
	}
	if err := tx.makeRoom(a); err != nil {
		return err
	}
	_, err := tx.exec(`
		INSERT INTO agreements (pool, id, kind, name, name_key, text, text_start, active, version, created_at, updated_at, published_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $10, $11)`,
		string(a.ID), string(a.Kind), a.Name, core.Fold(a.Name), a.Text, textStart(a.Text), a.Active, micros(a.CreatedAt), micros(a.UpdatedAt), micros(a.PublishedAt))
	return err
}

// HeldAgreement returns the agreement of this kind and id for changing it:
// nobody else changes one of its kind until the transaction ends. It returns
// [core.CodeNotFound] where there is none.
func (tx *Tx) HeldAgreement(kind core.AgreementKind, id core.AgreementID) (core.Agreement, error) {
	if err := tx.holdAgreements(kind); err != nil {
		return core.Agreement{}, err
	}
	a, err := scanAgreement(tx.row(`SELECT `+agreementColumns+` FROM agreements WHERE pool = $1 AND id = $2 AND kind = $3`, string(id), string(kind)))
	return a, found(err, "agreement")
}

// UpdateAgreement stores an agreement that [Tx.HeldAgreement] returned and that
// was changed. If it is active, every other of its kind is so no more. Its kind
// stays.
func (tx *Tx) UpdateAgreement(a core.Agreement) error {
	if err := tx.makeRoom(a); err != nil {
		return err
	}
	n, err := tx.exec(`
		UPDATE agreements SET name = $3, name_key = $4, text = $5, text_start = $6, active = $7, version = version + 1, updated_at = $8, published_at = $9
		WHERE pool = $1 AND id = $2 AND version = $10`,
		string(a.ID), a.Name, core.Fold(a.Name), a.Text, textStart(a.Text), a.Active, micros(a.UpdatedAt), micros(a.PublishedAt), a.Version)
	if err == nil && n == 0 {
		err = errOvertaken
	}
	return err
}

// DeleteAgreement deletes an agreement. It returns [core.CodeNotFound] where
// there is none of this kind and id.
func (tx *Tx) DeleteAgreement(kind core.AgreementKind, id core.AgreementID) error {
	if err := tx.holdAgreements(kind); err != nil {
		return err
	}
	n, err := tx.exec(`DELETE FROM agreements WHERE pool = $1 AND id = $2 AND kind = $3`, string(id), string(kind))
	if err == nil && n == 0 {
		err = core.Fail(core.CodeNotFound, "There is no such agreement.")
	}
	return err
}

// ActiveAgreements returns the active agreement of each kind that has one.
func (tx *Tx) ActiveAgreements() ([]core.Agreement, error) {
	var active []core.Agreement
	err := tx.rows(func(row scanner) error {
		a, err := scanAgreement(row)
		active = append(active, a)
		return err
	}, `SELECT `+agreementColumns+` FROM agreements WHERE pool = $1 AND active`)
	return active, err
}

// Agreements returns a page of the agreements, how many match in all, and the
// cursor of the next page (empty on the last one).
func (tx *Tx) Agreements(q core.Query) (agreements []core.Agreement, total int64, next string, err error) {
	next, err = tx.page(agreementList(), q, func(row scanner, extra ...any) error {
		a, err := scanAgreement(row, extra...)
		agreements = append(agreements, a)
		return err
	})
	if err != nil {
		return nil, 0, "", err
	}
	// They are few: nobody needs a kept count.
	total, err = tx.matching(agreementList(), q)
	return agreements, total, next, err
}

// agreementList says what agreements can be searched and sorted by.
func agreementList() list {
	return list{
		table: "agreements", from: "agreements", columns: agreementColumns, order: "created_at",
		fields: map[string]field{
			"id":           {column: "id", kind: exactText},
			"kind":         {column: "kind", kind: exactText},
			"name":         {column: "name_key", kind: foldedText},
			"text":         {column: "text", kind: exactText},
			"text_start":   {column: "text_start", kind: exactText},
			"active":       {column: "active", kind: truth},
			"created_at":   {column: "created_at", kind: instant},
			"updated_at":   {column: "updated_at", kind: instant},
			"published_at": {column: "published_at", kind: instant},
		},
	}
}

// holdAgreements lets whoever else changes agreements of this kind wait until
// the transaction ends.
func (tx *Tx) holdAgreements(kind core.AgreementKind) error {
	_, err := tx.exec(`
		INSERT INTO agreement_kinds (pool, kind, version) VALUES ($1, $2, 1)
		ON CONFLICT (pool, kind) DO UPDATE SET version = agreement_kinds.version + 1`, string(kind))
	return err
}

// makeRoom ends the activity of every other agreement of the kind, if this one
// is active. The kind is held.
func (tx *Tx) makeRoom(a core.Agreement) error {
	if !a.Active {
		return nil
	}
	_, err := tx.exec(`
		UPDATE agreements SET active = FALSE, version = version + 1, updated_at = $4
		WHERE pool = $1 AND kind = $2 AND id <> $3 AND active`, string(a.Kind), string(a.ID), micros(tx.now))
	return err
}

// textStart is the beginning of a text: enough to sort by, and short enough for
// a cursor.
func textStart(text string) string {
	const most = 200
	end := min(len(text), most)
	for end < len(text) && end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

func scanAgreement(row scanner, extra ...any) (core.Agreement, error) {
	var a core.Agreement
	var created, updated, published int64
	err := row.Scan(append([]any{&a.ID, &a.Kind, &a.Name, &a.Text, &a.Active, &a.Version, &created, &updated, &published}, extra...)...)
	if err != nil {
		return core.Agreement{}, err
	}
	a.CreatedAt, a.UpdatedAt, a.PublishedAt = moment(created), moment(updated), moment(published)
	return a, nil
}
