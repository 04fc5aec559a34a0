package flow

import (
	"context"
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// resetPassword is for who forgot: a mail to the stored address proves the
// mailbox, after which a new password is chosen. Nothing of the account
// changes before. For nobody it looks the same, and nothing leaves.
type resetPassword struct {
	links links
}

func (c resetPassword) Prompt(t Turn) *Prompt {
	if !t.identified() || t.signingUp() || t.enrolsFirst() || ((t.passkeyOnly() || t.providerOnly()) && !t.Facts.Concealed) || !slices.Contains(t.Settings.SigninPrimary, core.AuthenticatorPassword) {
		return nil
	}
	return c.links.prompt(t, core.ChoiceResetPassword)
}

func (c resetPassword) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	return c.links.answer(ctx, t, a, core.ChoiceResetPassword, c.Restart, resetProved)
}

func (c resetPassword) Restart(_ context.Context, t Turn, _ Answer) (Effect, error) {
	if t.User == nil || t.User.Disabled || t.passkeyOnly() || t.providerOnly() {
		return c.links.send(core.ChoiceResetPassword, ""), nil
	}
	return c.links.send(core.ChoiceResetPassword, mailReset), nil
}

// providerOnly reports whether somebody comes in through a provider and in no
// other way. A password would be a way around the provider, which may have shut
// them out.
func (t Turn) providerOnly() bool {
	return t.hasProvider() && !t.hasAny(t.Settings.SigninPrimary, false)
}

func resetProved(tx *store.Tx, t *Turn) error {
	t.Facts.ResetProved, t.Facts.Credentials = true, t.User.Credentials
	// The password goes when there is a new one; the rest lets nobody in who
	// does not read the mailbox.
	if err := t.wipe(tx, core.AuthenticatorPassword, core.AuthenticatorEmailOTP, core.AuthenticatorMagicLink); err != nil {
		return err
	}
	return mailboxProved(tx, t)
}
