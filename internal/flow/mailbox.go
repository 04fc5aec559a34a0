package flow

import (
	"net/url"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// The mails that flows send.
const (
	mailCode          = "email_code"
	mailMagicLink     = "magic_link"
	mailVerify        = "verify_email"
	mailReset         = "reset_password"
	mailAccountExists = "account_exists"
	mailSetUp         = "set_up_account"
	mailOneTime       = "one_time_code"
)

// mailbox is where a flow's mail goes: to the stored address of somebody who is
// there, or that a one-time flow named, whatever spelling of it was typed. Two spellings with one key may be
// two mailboxes.
func (t Turn) mailbox() string {
	if t.User != nil {
		return t.User.Email
	}
	if t.Facts.OneTime != nil {
		named, _ := t.named(core.AuthenticatorEmailOTP)
		return named.Email.Text
	}
	return t.Facts.Email.Text
}

// mailKey is the key of that address; empty while there is none.
func (t Turn) mailKey() string {
	if t.User == nil || t.Facts.Email.Key != "" {
		return t.Facts.Email.Key
	}
	email, _ := core.ParseEmail(t.User.Email)
	return email.Key
}

// mailFor is the mail to send where somebody is to prove that the mailbox is
// theirs in order to come in: this one; that they have an account, to somebody
// who signs up once more; none to nobody.
func (t Turn) mailFor(template string) string {
	switch {
	case t.signingUp() && t.User != nil:
		return mailAccountExists
	case !t.signingUp() && t.User == nil:
		return ""
	}
	return template
}

// needsEmail reports whether somebody new has to give an address with their
// answer, because they go by something else.
func (t Turn) needsEmail() bool { return t.choosesEmail() && t.Facts.Email.Key == "" }

// choosesEmail reports whether somebody new may still give an address, or give
// another one. In a concealed flow the address comes first.
func (t Turn) choosesEmail() bool {
	return t.byName() && t.signingUp() && t.User == nil && t.Facts.Primary == "" && !t.Facts.Concealed && t.Facts.Invitation == ""
}

// takeEmail returns the effect that takes the address that came with an answer,
// or nil if there is nothing to take. An address that is given anew voids what
// was sent to the one before, and what was proved of it.
func (t Turn) takeEmail(a Answer) (Effect, error) {
	if !t.choosesEmail() || (a.Email == "" && !t.needsEmail()) {
		return nil, nil
	}
	if a.Email == "" {
		return nil, core.Invalid(core.Problem{Code: core.ProblemRequired, Pointer: "/data/email", Detail: "An e-mail address must be given."})
	}
	email, ok := core.ParseEmail(a.Email)
	if !ok {
		return nil, core.Invalid(core.Problem{Code: core.ProblemEmail, Pointer: "/data/email", Detail: "This is not an e-mail address."})
	}
	return func(tx *store.Tx, t *Turn) error {
		if email.Key == t.Facts.Email.Key {
			return nil
		}
		_, err := tx.UserByEmail(email.Key)
		if err == nil {
			return taken("/data/email", "This e-mail address is taken.")
		}
		if !core.Is(err, core.CodeNotFound) {
			return err
		}
		t.Facts.Email = email
		t.rule()
		clear(t.Facts.Codes)
		clear(t.Facts.Links)
		return nil
	}, nil
}

// sendTo returns the effect that takes the address of an answer, if it brings
// one, and sends something there.
func (t Turn) sendTo(a Answer, send Effect) (Effect, error) {
	take, err := t.takeEmail(a)
	if err != nil || take == nil {
		return send, err
	}
	return func(tx *store.Tx, t *Turn) error {
		if err := take(tx, t); err != nil || t.waitsForCaptcha() {
			return err // the address's domain wants a captcha before
		}
		return send(tx, t)
	}, nil
}

// mailboxProved writes that the flow's mailbox was proved. The first proof ends
// the sessions from before: somebody else may have begun them (I2).
func mailboxProved(tx *store.Tx, t *Turn) error {
	t.Facts.EmailProved = t.mailKey()
	if t.User == nil || t.User.EmailVerified {
		return nil
	}
	t.User.EmailVerified, t.User.UpdatedAt = true, tx.Now()
	if err := tx.UpdateUser(*t.User); err != nil {
		return err
	}
	t.User.Version++
	if _, err := tx.EndSessionsOf(t.User.ID, ""); err != nil {
		return err
	}
	return tx.Record(core.Event{Name: core.EventEmailVerified, Target: string(t.User.ID)})
}

// mailboxProved reports whether the flow's mailbox was proved in it.
func (t Turn) mailboxProved() bool {
	return t.Facts.EmailProved != "" && t.Facts.EmailProved == t.mailKey()
}

// signIn is where somebody goes who has an account already: to a new flow, for
// the same application.
func (l links) signIn(t Turn) string {
	query := url.Values{"email": {t.mailbox()}}
	if t.Facts.Redirect != "" {
		query.Set("redirect_uri", t.Facts.Redirect)
	}
	if t.Facts.State != "" {
		query.Set("state", t.Facts.State)
	}
	return l.pageURL(t.Pool) + "/authorize?" + query.Encode()
}
