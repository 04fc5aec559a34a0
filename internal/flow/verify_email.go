package flow

import (
	"context"
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// verifyEmail proves a mailbox: after the fact where a pool asks for it, and
// before anything else in a concealed sign-up. There, somebody who has an
// account already gets a mail that says so, and the page shows the same.
type verifyEmail struct {
	links links
}

func (c verifyEmail) Prompt(t Turn) *Prompt {
	if t.Facts.Primary == "" && (!t.provesMailboxFirst() || t.waitsForCaptcha()) {
		return nil
	}
	return c.links.prompt(t, core.ChoiceVerifyEmail)
}

func (c verifyEmail) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	return c.links.answer(ctx, t, a, core.ChoiceVerifyEmail, c.Restart, mailboxProved)
}

func (c verifyEmail) Restart(_ context.Context, t Turn, _ Answer) (Effect, error) {
	if t.Facts.Primary == "" && t.User != nil {
		return c.links.send(core.ChoiceVerifyEmail, mailAccountExists), nil
	}
	return c.links.send(core.ChoiceVerifyEmail, mailVerify), nil
}

// provesMailboxFirst reports whether a concealed sign-up has to prove the
// mailbox before it goes on. Where nobody chooses a name, and every first factor
// is that proof itself, it does not.
func (t Turn) provesMailboxFirst() bool {
	return t.Facts.Concealed && t.signingUp() && !t.mailboxProved() &&
		(t.byName() || t.Facts.NewIdentity != nil || slices.ContainsFunc(t.Settings.SigninPrimary, func(k core.AuthenticatorKind) bool { return !k.ByMailbox() }))
}
