package store

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

const invitationColumns = `id, email, inviter, callback, state, created_at, expires_at`

// counterInvitations is the name of the kept count of a pool's invitations,
// with those that are past their time and not swept yet.
const counterInvitations = "invitations"

// PutInvitation stores a new invitation under the keyed hash of its secret.
func (tx *Tx) PutInvitation(hash []byte, i core.Invitation) error {
	email, ok := core.ParseEmail(i.Email)
	inviter, also := core.ParseEmail(i.Inviter)
	if !ok || !also {
		return fmt.Errorf("invitation %s is not from and to valid e-mail addresses", i.ID)
	}
	_, err := tx.exec(`
		INSERT INTO invitations (pool, id, hash, email, email_key, inviter, inviter_key, callback, state, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		string(i.ID), hash, email.Text, email.Key, inviter.Text, inviter.Key, i.Callback, i.State, micros(tx.now), micros(i.ExpiresAt))
	if err != nil {
		return err
	}
	return tx.count(counterInvitations, string(i.ID), 1)
}

// Invitation returns a pending invitation. It returns [core.CodeTicketInvalid]
// for one that is unknown, was used or deleted, or is past its time.
func (tx *Tx) Invitation(id core.InvitationID) (core.Invitation, error) {
	i, err := scanInvitation(tx.row(`SELECT `+invitationColumns+` FROM invitations WHERE pool = $1 AND id = $2 AND expires_at > $3`, string(id), micros(tx.now)))
	return i, invalidTicket(err)
}

// InvitationByHash returns a pending invitation by the keyed hash of its
// secret. It returns as Invitation does.
func (tx *Tx) InvitationByHash(hash []byte) (core.Invitation, error) {
	i, err := scanInvitation(tx.row(`SELECT `+invitationColumns+` FROM invitations WHERE pool = $1 AND hash = $2 AND expires_at > $3`, hash, micros(tx.now)))
	return i, invalidTicket(err)
}

// UseInvitation uses a pending invitation that was made for this address, by
// [core.Email] key, and ends every other to it. Of any number who try at once,
// one succeeds; the others, and whoever comes late or with another address,
// get [core.CodeTicketInvalid].
func (tx *Tx) UseInvitation(id core.InvitationID, emailKey string) error {
	n, err := tx.endInvitations(`DELETE FROM invitations WHERE pool = $1 AND id = $2 AND email_key = $3 AND expires_at > $4 RETURNING id`, string(id), emailKey, micros(tx.now))
	if err != nil {
		return err
	}
	if n == 0 {
		return core.Fail(core.CodeTicketInvalid, "This invitation is unknown, was used or deleted, or is past its time.")
	}
	_, err = tx.endInvitations(`DELETE FROM invitations WHERE pool = $1 AND email_key = $2 RETURNING id`, emailKey)
	return err
}

// DeleteInvitation takes a pending invitation back. It returns
// [core.CodeNotFound] where there is none.
func (tx *Tx) DeleteInvitation(id core.InvitationID) error {
	n, err := tx.endInvitations(`DELETE FROM invitations WHERE pool = $1 AND id = $2 AND expires_at > $3 RETURNING id`, string(id), micros(tx.now))
	if err == nil && n == 0 {
		err = core.Fail(core.CodeNotFound, "There is no such invitation.")
	}
	return err
}

// Invitations returns a page of the pending invitations, how many match in
// all, and the cursor of the next page (empty on the last one).
func (tx *Tx) Invitations(q core.Query) (invitations []core.Invitation, total int64, next string, err error) {
	next, err = tx.page(invitationList(), q, func(row scanner, extra ...any) error {
		i, err := scanInvitation(row, extra...)
		invitations = append(invitations, i)
		return err
	})
	if err != nil {
		return nil, 0, "", err
	}
	if len(q.Conditions) > 0 {
		total, err = tx.matching(invitationList(), q)
		return invitations, total, next, err
	}
	// The kept count has those too that the sweep has not come to; they are few.
	if total, err = tx.counted(counterInvitations); err != nil {
		return nil, 0, "", err
	}
	var passed int64
	err = tx.row(`SELECT COUNT(*) FROM invitations WHERE pool = $1 AND expires_at <= $2`, micros(tx.now)).Scan(&passed)
	return invitations, total - passed, next, err
}

// invitationList says what invitations can be searched and sorted by.
func invitationList() list {
	return list{
		table: "invitations", from: "invitations", live: "expires_at > %s", columns: invitationColumns, order: "created_at",
		fields: map[string]field{
			"id":         {column: "id", kind: exactText},
			"email":      {column: "email_key", kind: foldedText},
			"inviter":    {column: "inviter_key", kind: foldedText},
			"callback":   {column: "callback", kind: exactText},
			"state":      {column: "state", kind: exactText},
			"created_at": {column: "created_at", kind: instant},
			"expires_at": {column: "expires_at", kind: instant},
		},
	}
}

// endInvitations runs a statement that deletes invitations and returns their
// ids, counts them off, and returns how many there were.
func (tx *Tx) endInvitations(statement string, args ...any) (int, error) {
	var ended []string
	err := tx.rows(func(row scanner) error {
		var id string
		err := row.Scan(&id)
		ended = append(ended, id)
		return err
	}, statement, args...)
	if err != nil {
		return 0, err
	}
	for _, id := range ended {
		if err := tx.count(counterInvitations, id, -1); err != nil {
			return 0, err
		}
	}
	return len(ended), nil
}

// sweepInvitations deletes at most n invitations that are past their time for
// an hour, and counts them off.
func (a Across) sweepInvitations(ctx context.Context, n int) (int64, error) {
	type row struct{ pool, id string }
	var gone []row
	err := a.store.engine.update(ctx, func(ctx context.Context, q querier) error {
		gone = nil
		rows, err := q.QueryContext(ctx, `
			DELETE FROM invitations WHERE (pool, id) IN (SELECT pool, id FROM invitations WHERE expires_at < $1 LIMIT $2)
			RETURNING pool, id`, micros(a.store.now().Add(-time.Hour)), n)
		err = each(rows, err, func(s scanner) error {
			var r row
			err := s.Scan(&r.pool, &r.id)
			gone = append(gone, r)
			return err
		})
		if err != nil {
			return err
		}
		for _, r := range gone {
			tx := a.store.As(core.Caller{Pool: core.PoolID(r.pool)}).begin(ctx, q)
			if err := tx.count(counterInvitations, r.id, -1); err != nil {
				return err
			}
		}
		return nil
	})
	return int64(len(gone)), err
}

func scanInvitation(row scanner, extra ...any) (core.Invitation, error) {
	var i core.Invitation
	var created, expires int64
	err := row.Scan(append([]any{&i.ID, &i.Email, &i.Inviter, &i.Callback, &i.State, &created, &expires}, extra...)...)
	if err != nil {
		return core.Invitation{}, err
	}
	i.CreatedAt, i.ExpiresAt = moment(created), moment(expires)
	return i, nil
}
