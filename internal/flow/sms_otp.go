package flow

import (
	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// textCode is the text message that brings a code.
const textCode = "sms_code"

// smsOTP proves a telephone by a code: as the first factor, or as the second
// one. Nothing is sent when it is only shown. Who enrols gives the number with
// the restart that sends the code; else it goes to the number that is enrolled,
// and no answer says which that is.
type smsOTP struct {
	codes  codes
	second bool
}

// envelope keeps the codes of the two factors apart.
func (c smsOTP) envelope() envelope {
	e := envelope{choice: core.ChoiceSMSOTP, purpose: "sms_otp first", second: c.second, channel: core.ChannelText}
	if c.second {
		e.purpose = "sms_otp second"
	}
	return e
}

func (c smsOTP) Prompt(t Turn) *Prompt {
	offered, enroll := t.offers(core.AuthenticatorSMSOTP, c.second)
	if !offered {
		return nil
	}
	return &Prompt{
		Enrollment: enroll, NeedEmail: t.needsEmail(), NeedPhone: enroll && t.number(c.second) == "",
		Code: c.codes.prompt(t, core.ChoiceSMSOTP),
	}
}

func (c smsOTP) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	if a.Code == "" {
		if _, sent := t.Facts.Codes[core.ChoiceSMSOTP]; sent && a.Phone == "" {
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
		delete(t.Facts.Codes, core.ChoiceSMSOTP)
		return t.provedPhone(tx, c.second, settle)
	}, nil
}

func (c smsOTP) Restart(_ context.Context, t Turn, a Answer) (Effect, error) {
	take, err := t.takePhone(a, c.second)
	if err != nil {
		return nil, err
	}
	return t.sendTo(a, func(tx *store.Tx, t *Turn) error {
		if take != nil {
			take(t)
		}
		return c.codes.send(c.envelope(), textCode)(tx, t)
	})
}
