package store

import (
	"database/sql"
	"errors"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Charge takes one try from whoever is named by subject, before anything is
// compared. Of tries that arrive together, no more than limit pass. From the
// limit-th on, each closes the door behind itself for a while: first for the
// first delay, then for twice as long each time, at most for the longest.
// Behind a closed door it returns [core.CodeLocked] and takes nothing.
func (tx *Tx) Charge(subject string, limit int, first, longest time.Duration) error {
	var failures int64
	err := tx.row(`
		INSERT INTO attempts (pool, subject, failures, blocked_until, updated_at)
		VALUES ($1, $2, 1, CASE WHEN CAST($4 AS BIGINT) <= 1 THEN CAST($3 AS BIGINT) + CAST($5 AS BIGINT) ELSE 0 END, $3)
		ON CONFLICT (pool, subject) DO UPDATE SET
			failures = attempts.failures + 1,
			updated_at = excluded.updated_at,
			blocked_until = CASE
				WHEN attempts.failures + 1 < CAST($4 AS BIGINT) THEN 0
				WHEN attempts.failures + 1 - CAST($4 AS BIGINT) >= 20 THEN CAST($3 AS BIGINT) + CAST($6 AS BIGINT)
				WHEN (CAST($5 AS BIGINT) << CAST(attempts.failures + 1 - CAST($4 AS BIGINT) AS INTEGER)) > CAST($6 AS BIGINT) THEN CAST($3 AS BIGINT) + CAST($6 AS BIGINT)
				ELSE CAST($3 AS BIGINT) + (CAST($5 AS BIGINT) << CAST(attempts.failures + 1 - CAST($4 AS BIGINT) AS INTEGER))
			END
		WHERE attempts.blocked_until <= CAST($3 AS BIGINT)
		RETURNING failures`,
		subject, micros(tx.now), limit, first.Microseconds(), longest.Microseconds()).Scan(&failures)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	until, err := tx.BlockedUntil(subject)
	if err != nil {
		return err
	}
	return &core.Error{Code: core.CodeLocked, Detail: "Too many wrong tries. Wait before the next one.", RetryAfter: max(until.Sub(tx.now), time.Second)}
}

// Forgive forgets the tries of a subject, because the last one was right or
// somebody lifted the lockout.
func (tx *Tx) Forgive(subject string) error {
	_, err := tx.exec(`DELETE FROM attempts WHERE pool = $1 AND subject = $2`, subject)
	return err
}

// BlockedUntil returns until when a subject is locked out; zero if it is not.
func (tx *Tx) BlockedUntil(subject string) (time.Time, error) {
	var until int64
	err := tx.row(`SELECT blocked_until FROM attempts WHERE pool = $1 AND subject = $2`, subject).Scan(&until)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && until <= micros(tx.now)) {
		return time.Time{}, nil
	}
	return moment(until), err
}
