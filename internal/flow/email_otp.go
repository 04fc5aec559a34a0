package flow

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// emailOTP proves a mailbox by a code: as the first factor, or as the second
// one. Nothing is sent when it is only shown.
type emailOTP struct {
	codes  codes
	second bool
}

// envelope keeps the codes of the two factors apart.
func (c emailOTP) envelope() envelope {
	e := envelope{choice: core.ChoiceEmailOTP, purpose: "email_otp first", second: c.second, channel: core.ChannelMail}
	if c.second {
		e.purpose = "email_otp second"
	}
	return e
}

func (c emailOTP) Prompt(t Turn) *Prompt {
	offered, enroll := t.offersFirst(core.AuthenticatorEmailOTP)
	if c.second {
		offered, enroll = t.offersSecond(core.AuthenticatorEmailOTP)
	}
	if !offered {
		return nil
	}
	return &Prompt{Enrollment: enroll, NeedEmail: t.needsEmail(), Code: c.codes.prompt(t, core.ChoiceEmailOTP)}
}

func (c emailOTP) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	if a.Code == "" {
		if _, sent := t.Facts.Codes[core.ChoiceEmailOTP]; sent {
			return nothing()
		}
		return c.Restart(ctx, t, a)
	}
	settle, err := c.codes.check(ctx, t, c.envelope(), a.Code)
	if err != nil {
		return nil, err
	}
	if t.User != nil && t.User.Disabled {
		return nil, core.Fail(core.CodeDisabled, "This account is disabled.")
	}
	return func(tx *store.Tx, t *Turn) error {
		delete(t.Facts.Codes, core.ChoiceEmailOTP)
		if c.second {
			return t.provedSecond(tx, core.AuthenticatorEmailOTP, settle)
		}
		return t.provedFirst(tx, core.AuthenticatorEmailOTP, settle)
	}, nil
}

func (c emailOTP) Restart(_ context.Context, t Turn, a Answer) (Effect, error) {
	if c.second {
		return c.codes.send(c.envelope(), mailCode), nil
	}
	return t.sendTo(a, c.codes.send(c.envelope(), t.mailFor(mailCode)))
}
