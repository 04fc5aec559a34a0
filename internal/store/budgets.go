package store

import (
	"math"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Spend takes one from a budget of a subject, in one conditional write: of any
// number who try at once, on any number of nodes, no more than the limits allow
// succeed. It returns [core.CodeTooMany] once either limit is reached, and
// takes nothing then. The audit trail is told when a limit is reached, once.
func (tx *Tx) Spend(budget core.BudgetName, subject string, s core.Settings) error {
	short, long := budget.Limits(s)
	if unlimited(short) && unlimited(long) {
		return nil
	}
	short, long = bounded(short), bounded(long)
	hash := tx.budgetHash(budget, subject)
	var now budgetRow
	err := tx.row(`
		INSERT INTO budgets (pool, name, subject, short_began, short_spent, long_began, long_spent, short_told, long_told, ends_at)
		VALUES ($1, $2, $3, $4, 1, $4, 1, 0, 0, CAST($4 AS BIGINT) + CAST($9 AS BIGINT))
		ON CONFLICT (pool, name, subject) DO UPDATE SET
			short_spent = CASE WHEN budgets.short_began + CAST($5 AS BIGINT) <= CAST($4 AS BIGINT) THEN 1 ELSE budgets.short_spent + 1 END,
			short_began = CASE WHEN budgets.short_began + CAST($5 AS BIGINT) <= CAST($4 AS BIGINT) THEN CAST($4 AS BIGINT) ELSE budgets.short_began END,
			long_spent = CASE WHEN budgets.long_began + CAST($7 AS BIGINT) <= CAST($4 AS BIGINT) THEN 1 ELSE budgets.long_spent + 1 END,
			long_began = CASE WHEN budgets.long_began + CAST($7 AS BIGINT) <= CAST($4 AS BIGINT) THEN CAST($4 AS BIGINT) ELSE budgets.long_began END,
			ends_at = excluded.ends_at
		WHERE (budgets.short_began + CAST($5 AS BIGINT) <= CAST($4 AS BIGINT) OR budgets.short_spent < CAST($6 AS BIGINT))
			AND (budgets.long_began + CAST($7 AS BIGINT) <= CAST($4 AS BIGINT) OR budgets.long_spent < CAST($8 AS BIGINT))
		RETURNING short_began, short_spent, long_began, long_spent, short_told, long_told`,
		string(budget), hash, micros(tx.now), short.In.Microseconds(), short.Most, long.In.Microseconds(), long.Most,
		max(short.In, long.In).Microseconds()).Scan(&now.shortBegan, &now.shortSpent, &now.longBegan, &now.longSpent, &now.shortTold, &now.longTold)
	if core.Is(found(err, "budget"), core.CodeNotFound) {
		return tx.overBudget(budget, hash, short, long)
	}
	if err != nil {
		return err
	}
	if !now.untold(short, long) {
		return nil
	}
	_, err = tx.exec(`UPDATE budgets SET short_told = $4, long_told = $5 WHERE pool = $1 AND name = $2 AND subject = $3`,
		string(budget), hash, now.shortTold, now.longTold)
	if err != nil {
		return err
	}
	return tx.Record(core.Event{Name: core.EventBudgetSpent, Reason: string(core.CodeTooMany), Data: map[string]string{"budget": string(budget)}})
}

// Refund gives one back that was spent at a time, because it was none of what
// the budget is for. Where the stretch of time has ended since, there is
// nothing to give back.
func (tx *Tx) Refund(budget core.BudgetName, subject string, spent time.Time) error {
	_, err := tx.exec(`
		UPDATE budgets SET
			short_spent = CASE WHEN short_began <= CAST($4 AS BIGINT) AND short_spent > 0 THEN short_spent - 1 ELSE short_spent END,
			long_spent = CASE WHEN long_began <= CAST($4 AS BIGINT) AND long_spent > 0 THEN long_spent - 1 ELSE long_spent END
		WHERE pool = $1 AND name = $2 AND subject = $3`, string(budget), tx.budgetHash(budget, subject), micros(spent))
	return err
}

// budgetRow is what is known of a budget of one subject.
type budgetRow struct {
	shortBegan, shortSpent, shortTold, longBegan, longSpent, longTold int64
}

// untold reports whether a limit is reached of which the audit trail does not
// know yet, and notes that it does. A limit of one is how far apart two are to
// be: it is reached each time, and to say so would be noise.
func (r *budgetRow) untold(short, long core.Limit) bool {
	both := []struct {
		most        int
		spent, from int64
		told        *int64
	}{{short.Most, r.shortSpent, r.shortBegan, &r.shortTold}, {long.Most, r.longSpent, r.longBegan, &r.longTold}}
	untold := false
	for _, one := range both {
		if one.most > 1 && one.spent == int64(one.most) && *one.told != one.from {
			*one.told, untold = one.from, true
		}
	}
	return untold
}

// overBudget says until when a budget is used up.
func (tx *Tx) overBudget(budget core.BudgetName, hash []byte, short, long core.Limit) error {
	var row budgetRow
	err := tx.row(`SELECT short_began, short_spent, long_began, long_spent FROM budgets WHERE pool = $1 AND name = $2 AND subject = $3`, string(budget), hash).
		Scan(&row.shortBegan, &row.shortSpent, &row.longBegan, &row.longSpent)
	if err != nil {
		return err
	}
	wait := time.Second
	if row.shortSpent >= int64(short.Most) {
		wait = max(wait, moment(row.shortBegan).Add(short.In).Sub(tx.now))
	}
	if row.longSpent >= int64(long.Most) {
		wait = max(wait, moment(row.longBegan).Add(long.In).Sub(tx.now))
	}
	return &core.Error{Code: core.CodeTooMany, Detail: "Too many requests. Wait before the next one.", RetryAfter: wait}
}

// budgetHash keeps addresses of people and machines out of the table.
func (tx *Tx) budgetHash(budget core.BudgetName, subject string) []byte {
	return tx.store.keys.Lookup("budget "+string(budget), subject)
}

func unlimited(l core.Limit) bool { return l.Most <= 0 || l.In <= 0 }

// bounded gives a limit that is none a number that nobody reaches.
func bounded(l core.Limit) core.Limit {
	if unlimited(l) {
		return core.Limit{Most: math.MaxInt, In: time.Second}
	}
	return l
}
