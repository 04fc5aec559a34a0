package flow

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// codes makes and checks the codes that flows send. A code belongs to its flow,
// its purpose and its recipient. It is good once, until the next one is sent,
// for its life and for a few tries.
type codes struct {
	links     links
	passwords *directory.Passwords
}

// envelope is what codes of one kind have in common: for which choice and
// purpose they are, and where they go.
type envelope struct {
	choice  core.ChoiceName
	purpose string
	second  bool // it is for the second factor
	channel core.Channel
	claim   string // by what tries are counted that are about no person; empty: by the flow's
}

// recipient is by what the codes of an envelope are known to be for somebody:
// the key of a mailbox or a telephone number. Empty: they go to nobody.
func (e envelope) recipient(t Turn) string {
	if e.channel == core.ChannelText {
		return t.number(e.second)
	}
	return t.mailKey()
}

// address is where they go.
func (e envelope) address(t Turn) string {
	if e.channel == core.ChannelText {
		return t.number(e.second)
	}
	return t.mailbox()
}

// may takes a message from the budgets, and reports whether it may leave.
func (e envelope) may(tx *store.Tx, t *Turn, template string) (bool, error) {
	if e.channel == core.ChannelText {
		return directory.MayText(tx, t.Settings, e.address(*t))
	}
	return directory.MayMail(tx, t.Settings, e.address(*t), template)
}

const (
	// codeTries is how often one code may be tried.
	codeTries = 5
	// secondTries is how many wrong codes a flow bears as its second factor
	// before it has to begin anew.
	secondTries = 10
)

// prompt is what is shown of a choice's code.
func (c codes) prompt(t Turn, choice core.ChoiceName) *CodePrompt {
	sent, ok := t.Facts.Codes[choice]
	return &CodePrompt{Sent: ok, ResendAt: sent.ResendAt}
}

func (c codes) hash(t Turn, e envelope, code string) []byte {
	return c.links.keys.Lookup("code "+e.purpose, string(t.Flow.ID)+" "+e.recipient(t)+" "+code)
}

// send returns the effect that sends a code in place of any before it. Without
// the template of a code, none leaves that would be right, and the flow looks
// the same; so it does where there is nobody to send one to. A code that was
// sent a moment ago is not sent again; that is no error.
func (c codes) send(e envelope, template string) Effect {
	code, nobody, id := secret.Digits(6), []byte(secret.Random()), core.NewMessageID()
	return func(tx *store.Tx, t *Turn) error {
		if t.Now.Before(t.Facts.Codes[e.choice].ResendAt) {
			return nil
		}
		expires := t.Now.Add(time.Duration(t.Settings.CodeLife))
		if t.Flow.ExpiresAt.Before(expires) {
			expires = t.Flow.ExpiresAt
		}
		sent := core.SentCode{Hash: nobody, ExpiresAt: expires, ResendAt: t.Now.Add(time.Duration(t.Settings.CodeResend))}
		before, had := t.Facts.Codes[e.choice]
		leaves := template != "" && e.address(*t) != ""
		may, err := false, error(nil)
		if leaves {
			may, err = e.may(tx, t, template)
		}
		switch {
		case err != nil:
			return err
		case may && isCode(template):
			sent.Hash = c.hash(*t, e, code)
		case !may && leaves && had:
			// No other takes its place. All that is told is as if one had left:
			// to nobody none ever does, and who asks must not see that.
			if sent.Before = before.Before; sent.Before == nil {
				sent.Before = &core.CodeBefore{Hash: before.Hash, ExpiresAt: before.ExpiresAt}
			}
		}
		t.Facts.Codes[e.choice] = sent
		if !may {
			return nil
		}
		message := core.Message{ID: id, Channel: e.channel, Template: template, To: e.address(*t), ExpiresAt: expires, Values: map[string]string{}}
		if e.channel == core.ChannelMail {
			message.Values["email"] = message.To
		}
		if isCode(template) {
			message.Values["code"] = code
			message.Values["minutes"] = strconv.Itoa(int(expires.Sub(t.Now).Round(time.Minute).Minutes()))
		} else {
			message.Values["link"] = c.links.signIn(*t)
		}
		return tx.Send(message)
	}
}

// isCode reports whether a message brings a code.
func isCode(template string) bool {
	return template == mailCode || template == textCode || template == mailOneTime
}

// check compares a code with the one that was sent last. The try is charged
// before: to the person, as for a password; to the code; and as a second
// factor to the flow.
func (c codes) check(ctx context.Context, t Turn, e envelope, code string) (directory.Settle, error) {
	sent, ok := t.Facts.Codes[e.choice]
	if !ok {
		return nil, core.Fail(core.CodeWrongCode, "No code was sent yet.")
	}
	if !t.Now.Before(sent.ExpiresAt) {
		return nil, codeExpired()
	}
	who, settings := t.person(), t.Settings
	if e.claim != "" {
		who, settings = directory.Person{Claim: e.claim}, directory.OneTimeLockout(settings)
	}
	var good [][]byte // what the code is compared with
	try, err := c.passwords.Charge(ctx, t.Caller, settings, who, func(tx *store.Tx) error {
		life := time.Duration(t.Settings.FlowLife)
		if e.second {
			if err := chargeSecond(tx, t); err != nil {
				return err
			}
		}
		good = [][]byte{sent.Hash}
		if _, err := tx.Charge(ofCode(sent.Hash), tries(codeTries, life)); err != nil {
			return over(err, codeExpired())
		}
		if sent.Before == nil {
			return nil
		}
		_, err := tx.Charge(ofCode(sent.Before.Hash), tries(codeTries, life))
		if err == nil && t.Now.Before(sent.Before.ExpiresAt) {
			good = append(good, sent.Before.Hash)
		}
		return over(err, nil)
	})
	if err != nil {
		return nil, err
	}
	tried := c.hash(t, e, code)
	if !slices.ContainsFunc(good, func(hash []byte) bool { return hmac.Equal(hash, tried) }) {
		if err := c.passwords.Failed(ctx, t.Caller, try, core.CodeWrongCode); err != nil {
			return nil, err
		}
		return nil, core.Fail(core.CodeWrongCode, "This is not the code that was sent last.")
	}
	return try.Settle, nil
}

// chargeSecond takes a try from what a flow bears as its second factor.
func chargeSecond(tx *store.Tx, t Turn) error {
	_, err := tx.Charge("second:"+string(t.Flow.ID), tries(secondTries, time.Duration(t.Settings.FlowLife)))
	return over(err, core.Fail(core.CodeFlowEnded, "Too many wrong codes were tried in this flow. Start a new one."))
}

// tries is the lockout of what bears so many tries in all, for as long as it
// lives.
func tries(n int, life time.Duration) core.Lockout {
	return core.Lockout{Free: n, First: life, Longest: life, Most: math.MaxInt32}
}

// ofCode names what the tries of a code are counted by.
func ofCode(hash []byte) string { return "code:" + hex.EncodeToString(hash[:16]) }

// over puts another reason in place of a charge that was refused.
func over(err, reason error) error {
	if core.Is(err, core.CodeLocked) {
		return reason
	}
	return err
}

func codeExpired() *core.Error {
	return core.Fail(core.CodeCodeExpired, "This code is past its time, or was tried too often. Ask for another one.")
}
