package store

import (
	"database/sql"
	"errors"
	"math"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// forGood is until when somebody is locked out whom only a new password or an
// unlock lets in again.
const forGood = math.MaxInt64

// letBe is how many of a subject's failures delay nobody any more, because none
// came for the window ($9) after them and after the delay that they made, and lately is which of the others the
// next one is.
const (
	letBe  = `CASE WHEN CAST($9 AS BIGINT) > 0 AND attempts.updated_at < CAST($3 AS BIGINT) - CAST($9 AS BIGINT) AND attempts.blocked_until < CAST($3 AS BIGINT) - CAST($9 AS BIGINT) THEN attempts.failures ELSE attempts.let_be END`
	lately = `(attempts.failures + 1 - (` + letBe + `))`
)

// Charge takes one try from whoever is named by subject, before anything is
// compared, and returns how many that makes in a row. Of tries that arrive
// together, no more than the lockout allows pass. Once the free ones are used,
// each closes the door behind itself for a while: first for the first delay,
// then for twice as long each time, at most for the longest; after a window
// without any, they begin anew. The last one closes it for good, however long
// the others are ago. Behind a closed door Charge returns [core.CodeLocked] and
// takes nothing.
func (tx *Tx) Charge(subject string, l core.Lockout) (failures int, err error) {
	free := l.Free
	if free == 0 {
		free = l.Most
	}
	err = tx.row(`
		INSERT INTO attempts (pool, subject, failures, blocked_until, updated_at)
		VALUES ($1, $2, 1, CASE
			WHEN CAST($7 AS BIGINT) <= 1 THEN CAST($8 AS BIGINT)
			WHEN CAST($4 AS BIGINT) <= 1 THEN CAST($3 AS BIGINT) + CAST($5 AS BIGINT)
			ELSE 0 END, $3)
		ON CONFLICT (pool, subject) DO UPDATE SET
			failures = attempts.failures + 1,
			let_be = `+letBe+`,
			updated_at = excluded.updated_at,
			blocked_until = CASE
				WHEN attempts.failures + 1 >= CAST($7 AS BIGINT) THEN CAST($8 AS BIGINT)
				WHEN `+lately+` < CAST($4 AS BIGINT) THEN 0
				WHEN `+lately+` - CAST($4 AS BIGINT) >= 20 THEN CAST($3 AS BIGINT) + CAST($6 AS BIGINT)
				WHEN (CAST($5 AS BIGINT) << CAST(`+lately+` - CAST($4 AS BIGINT) AS INTEGER)) > CAST($6 AS BIGINT) THEN CAST($3 AS BIGINT) + CAST($6 AS BIGINT)
				ELSE CAST($3 AS BIGINT) + (CAST($5 AS BIGINT) << CAST(`+lately+` - CAST($4 AS BIGINT) AS INTEGER))
			END
		WHERE attempts.blocked_until <= CAST($3 AS BIGINT)
		RETURNING failures`,
		subject, micros(tx.now), free, l.First.Microseconds(), l.Longest.Microseconds(), l.Most, int64(forGood), l.Window.Microseconds()).Scan(&failures)
	if !errors.Is(err, sql.ErrNoRows) {
		return failures, err
	}
	until, err := tx.BlockedUntil(subject)
	if err != nil {
		return 0, err
	}
	if until.Equal(moment(forGood)) {
		return 0, core.Fail(core.CodeLocked, "Too many wrong tries. The password works no more: choose a new one by mail.")
	}
	return 0, &core.Error{Code: core.CodeLocked, Detail: "Too many wrong tries. Wait before the next one.", RetryAfter: max(until.Sub(tx.now), time.Second)}
}

// TellLocked reports whether this is the first time that it is asked about a
// subject's lockout: of a flood of refused tries, one is worth an event.
func (tx *Tx) TellLocked(subject string) (first bool, err error) {
	n, err := tx.exec(`UPDATE attempts SET told = blocked_until WHERE pool = $1 AND subject = $2 AND told <> blocked_until`, subject)
	return n > 0, err
}

// Forgive forgets the tries of a subject, because the last one was right or
// somebody lifted the lockout.
func (tx *Tx) Forgive(subject string) error {
	_, err := tx.exec(`DELETE FROM attempts WHERE pool = $1 AND subject = $2`, subject)
	return err
}

// BlockedUntil returns until when a subject is locked out; zero if it is not.
// For good is the far future.
func (tx *Tx) BlockedUntil(subject string) (time.Time, error) {
	var until int64
	err := tx.row(`SELECT blocked_until FROM attempts WHERE pool = $1 AND subject = $2`, subject).Scan(&until)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && until <= micros(tx.now)) {
		return time.Time{}, nil
	}
	return moment(until), err
}
