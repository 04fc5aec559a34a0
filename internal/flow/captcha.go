package flow

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strconv"
	"time"

	altcha "github.com/altcha-org/altcha-lib-go"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

const (
	// captchaTurn is for how long one proof of work is asked for. The one before
	// it is taken too, so that each is good for this long at least, and for
	// twice as long at most.
	captchaTurn = 10 * time.Minute
	// captchaTries is how many answers of one flow a service is asked about.
	captchaTries = 30
	// captchaMost is how long an answer may be, in bytes. The longest that
	// services make are some 2,000.
	captchaMost = 8 << 10
)

// captcha keeps programs from signing up. It is offered beside the first
// factors, of which those that send something wait for it, and asked for behind
// them at the latest: nobody comes to be without.
type captcha struct {
	store    *store.Store
	keys     *secret.Keys
	services *deliver.Captchas
}

// owesCaptcha reports whether the flow, if it is a sign-up, has a captcha
// before it.
func (t Turn) owesCaptcha() bool {
	return t.Settings.SignupCaptcha != core.CaptchaNone && !t.Facts.CaptchaPassed
}

// waitsForCaptcha reports whether what sends a message is not on offer yet.
func (t Turn) waitsForCaptcha() bool { return t.signingUp() && t.owesCaptcha() }

func (c captcha) Prompt(t Turn) *Prompt {
	if !t.owesCaptcha() || needsPrimary(t) && !t.waitsForCaptcha() {
		return nil
	}
	p := &CaptchaPrompt{Provider: t.Settings.SignupCaptcha, SiteKey: t.Settings.CaptchaSiteKey, Action: t.Settings.CaptchaAction}
	if p.Provider == core.CaptchaAltcha {
		p.SiteKey, p.Action = "", ""
		p.Work = c.work(t, captchaTurns(t))
	}
	return &Prompt{Captcha: p}
}

func (c captcha) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	if a.Code == "" {
		return nil, core.Invalid(core.Problem{Code: core.ProblemRequired, Pointer: "/data/code", Detail: "The answer to the captcha must be given."})
	}
	if len(a.Code) > captchaMost {
		return nil, core.Invalid(core.Problem{Code: core.ProblemTooLong, Pointer: "/data/code", Detail: "This is longer than any captcha's answer."})
	}
	if err := c.check(ctx, t, a.Code); err != nil {
		return nil, err
	}
	return func(_ *store.Tx, t *Turn) error {
		t.Facts.CaptchaPassed = true
		return nil
	}, nil
}

func (captcha) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }

// check looks at a proof of work itself, and asks the pool's service about
// anything else. The try is charged before: a service counts what it is asked.
func (c captcha) check(ctx context.Context, t Turn, answer string) error {
	if t.Settings.SignupCaptcha == core.CaptchaAltcha {
		if !c.worked(t, answer) {
			return core.Fail(core.CodeCaptchaRefused, "This is not a solution of this flow's challenge, or it is past its time.")
		}
		return nil
	}
	err := c.store.As(t.Caller).Update(ctx, func(tx *store.Tx) error {
		_, err := tx.Charge("captcha:"+string(t.Flow.ID), tries(captchaTries, time.Duration(t.Settings.FlowLife)))
		return over(err, core.Fail(core.CodeFlowEnded, "Too many captchas were tried in this flow. Start a new one."))
	})
	if err != nil {
		return err
	}
	return c.services.Check(ctx, t.Pool.ID, t.Settings, answer)
}

// captchaTurns is how many proofs of work the flow has asked for before the one
// that it asks for now.
func captchaTurns(t Turn) int { return int(max(0, t.Now.Sub(t.Flow.CreatedAt)) / captchaTurn) }

// work is the nth proof of work that a flow asks for. Like all of them it is
// computed from the flow, and kept nowhere: nothing in it comes from who solves
// it, and it is good in no other flow, hence in no other pool.
func (c captcha) work(t Turn, n int) *Work {
	of := string(t.Flow.ID) + " " + strconv.Itoa(n)
	number := int64(binary.BigEndian.Uint64(c.keys.Lookup("captcha number", of)) % uint64(t.Settings.CaptchaCost+1))
	expires := t.Flow.CreatedAt.Add(time.Duration(n+2) * captchaTurn)
	made, err := altcha.CreateChallenge(altcha.ChallengeOptions{
		Algorithm: altcha.SHA256, MaxNumber: int64(t.Settings.CaptchaCost), Number: &number, Expires: &expires,
		Salt: c.keys.Derive("captcha salt", of), HMACKey: c.keys.Derive("captcha signature", of),
	})
	if err != nil {
		panic(err) // it draws nothing at random, and the algorithm is known
	}
	return &Work{Algorithm: made.Algorithm, Challenge: made.Challenge, Salt: made.Salt, Signature: made.Signature, MaxNumber: made.MaxNumber}
}

// worked reports whether an answer, in the base64 that ALTCHA's widgets send,
// solves what the flow asks for now, or asked for last.
func (c captcha) worked(t Turn, answer string) bool {
	raw, err := base64.StdEncoding.DecodeString(answer)
	var given altcha.Payload
	if err != nil || json.Unmarshal(raw, &given) != nil {
		return false
	}
	now := captchaTurns(t)
	for n := max(0, now-1); n <= now; n++ {
		asked := c.work(t, n)
		if given.Algorithm != asked.Algorithm || given.Challenge != asked.Challenge || given.Salt != asked.Salt || given.Signature != asked.Signature {
			continue
		}
		// The time is ours, and was looked at: not the one of the machine.
		ok, err := altcha.VerifySolutionSafe(given, c.keys.Derive("captcha signature", string(t.Flow.ID)+" "+strconv.Itoa(n)), false)
		return err == nil && ok
	}
	return false
}
