package flow

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// magicLink proves a mailbox by a link, as the first factor. Wherever the link
// is opened, the tokens go to where the flow was begun. Nothing is sent when it
// is only shown.
type magicLink struct {
	links links
}

func (c magicLink) Prompt(t Turn) *Prompt {
	offered, enroll := t.offersFirst(core.AuthenticatorMagicLink)
	if !offered {
		return nil
	}
	prompt := c.links.prompt(t, core.ChoiceMagicLink)
	prompt.Enrollment, prompt.NeedEmail = enroll, t.needsEmail()
	return prompt
}

func (c magicLink) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	return c.links.answer(ctx, t, a, core.ChoiceMagicLink, c.Restart, linkFollowed)
}

func (c magicLink) Restart(_ context.Context, t Turn, a Answer) (Effect, error) {
	return t.sendTo(a, c.links.send(core.ChoiceMagicLink, t.mailFor(mailMagicLink)))
}

// linkFollowed is what a magic link proves.
func linkFollowed(tx *store.Tx, t *Turn) error {
	if t.User != nil && t.User.Disabled {
		return core.Fail(core.CodeDisabled, "This account is disabled.")
	}
	return t.provedFirst(tx, core.AuthenticatorMagicLink, nil)
}
