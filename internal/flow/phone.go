package flow

import (
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// number is where a text message goes: to the number that is enrolled, or to the
// one that was given in this flow where one is to be enrolled. What else is
// known of the person does not count: nobody has proved it. Empty: to nobody.
func (t Turn) number(second bool) string {
	if t.Facts.OneTime != nil {
		return t.Facts.Phone
	}
	if f, ok := t.factor(core.AuthenticatorSMSOTP, second); ok {
		return f.Handle
	}
	if t.enrolsPhone(second) && t.Settings.TakesPhone(t.Facts.Phone) {
		return t.Facts.Phone
	}
	return ""
}

// enrolsPhone reports whether a proof of a telephone makes it a way in, so that
// its number may still be chosen.
func (t Turn) enrolsPhone(second bool) bool {
	offered, enroll := t.offers(core.AuthenticatorSMSOTP, second)
	return offered && enroll
}

// takePhone returns what takes the number that came with an answer, or nil if
// there is nothing to take. Another number voids the code that was sent to the
// one before. Where a number is enrolled, any other is refused and so is the
// same: it must not be found out by asking.
func (t Turn) takePhone(a Answer, second bool) (func(*Turn), error) {
	if !t.enrolsPhone(second) {
		if a.Phone != "" {
			return nil, phoneProblem(core.ProblemState, "The telephone number of this flow cannot be changed.")
		}
		return nil, nil
	}
	if a.Phone == "" {
		if t.number(second) == "" {
			return nil, phoneProblem(core.ProblemRequired, "A telephone number must be given.")
		}
		return nil, nil
	}
	number, err := t.readPhone(a.Phone)
	if err != nil {
		return nil, err
	}
	return func(t *Turn) {
		if number != t.Facts.Phone {
			t.Facts.Phone = number
			delete(t.Facts.Codes, core.ChoiceSMSOTP)
		}
	}, nil
}

// readPhone reads a number that somebody gives, if the pool takes it.
func (t Turn) readPhone(text string) (string, error) {
	number, ok := core.ParsePhone(text)
	if !ok {
		return "", phoneProblem(core.ProblemFormat, "This is not a telephone number of a person, with its country code.")
	}
	if !t.Settings.TakesPhone(number) {
		return "", phoneProblem(core.ProblemPolicy, "Telephone numbers of this country are not taken here.")
	}
	return number, nil
}

func phoneProblem(code core.ProblemCode, detail string) error {
	return core.Invalid(core.Problem{Code: code, Pointer: "/data/phone", Detail: detail})
}

// provedPhone writes that a telephone was proved, as the first or the second
// factor. It says nothing about the mailbox.
func (t *Turn) provedPhone(tx *store.Tx, second bool, settle directory.Settle) error {
	number := t.number(second)
	if err := t.enrolOnce(tx); err != nil {
		return err
	}
	t.Facts.PhoneProved, t.settling = number, settle
	if second {
		t.Facts.Secondary = core.AuthenticatorSMSOTP
	} else {
		t.Facts.Primary = core.AuthenticatorSMSOTP
	}
	if t.User == nil {
		return nil
	}
	if !second {
		t.Facts.Credentials = t.User.Credentials
	}
	if err := t.stillHolds(tx); err != nil {
		return err
	}
	if err := t.enrol(tx, Factor{Kind: core.AuthenticatorSMSOTP, Second: second, Handle: number}); err != nil {
		return err
	}
	by := t.used(core.AuthenticatorSMSOTP, second)
	if second {
		t.Facts.SecondaryBy = by
	} else {
		t.Facts.PrimaryBy = by
	}
	if t.User.Phone == "" {
		return t.notePhone(tx, number)
	}
	return nil
}

// notePhone writes the number down for somebody of whom none was known.
func (t *Turn) notePhone(tx *store.Tx, number string) error {
	t.User.Phone, t.User.UpdatedAt = number, tx.Now()
	if err := tx.UpdateUser(*t.User); err != nil {
		return err
	}
	t.User.Version++
	return tx.Record(core.Event{Name: core.EventUserChanged, Target: string(t.User.ID), Data: map[string]string{"fields": "phone"}})
}
