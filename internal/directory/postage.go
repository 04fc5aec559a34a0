package directory

import (
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// MayMail takes one mail from every budget that it counts in, and reports
// whether it may leave. It is for mails that somebody other than their reader
// can cause. Whoever asks is answered the same if it may not: else the answer
// would tell whether there is somebody to write to.
//
// kind names mails of which one at a time is enough, whatever flow asks for
// it.
func MayMail(tx *store.Tx, s core.Settings, to, kind string) (bool, error) {
	// The network comes first: once it has spent its own, it takes no more from
	// the budget of a mailbox.
	var err error
	if network := tx.Caller().Network; network != "" {
		err = tx.Spend(core.BudgetMails, network, s)
	}
	if err == nil {
		err = tx.Spend(core.BudgetMailsOfKind, kind+" "+mailbox(to), s)
	}
	if err == nil {
		err = spendMailbox(tx, s, to)
	}
	if core.Is(err, core.CodeTooMany) {
		return false, nil
	}
	return err == nil, err
}

// MayText takes one text message to a number from every budget that it counts
// in, and reports whether it may leave, as MayMail does. To a country with which
// the pool has nothing to do none leaves.
func MayText(tx *store.Tx, s core.Settings, number string) (bool, error) {
	if !s.TakesPhone(number) {
		return false, nil
	}
	var err error
	if network := tx.Caller().Network; network != "" {
		err = tx.Spend(core.BudgetTexts, network, s)
	}
	for _, one := range []struct {
		budget  core.BudgetName
		subject string
	}{{core.BudgetTextsSoon, number}, {core.BudgetTextsTo, number}, {core.BudgetTextsOfPool, ""}} {
		if err == nil {
			err = tx.Spend(one.budget, one.subject, s)
		}
	}
	if core.Is(err, core.CodeTooMany) {
		return false, nil
	}
	return err == nil, err
}

// spendMailbox takes one mail from the budgets of a mailbox and of the pool. It
// returns [core.CodeTooMany] where either is used up.
func spendMailbox(tx *store.Tx, s core.Settings, to string) error {
	if err := tx.Spend(core.BudgetMailsTo, mailbox(to), s); err != nil {
		return err
	}
	return tx.Spend(core.BudgetMailsOfPool, "", s)
}

// mailbox is what an address is counted by, whatever its spelling.
func mailbox(to string) string {
	if email, ok := core.ParseEmail(to); ok {
		return email.Key
	}
	return to
}
