package flow

import (
	"context"
	"crypto/hmac"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// recovery makes and recognises the codes that stand for a second factor which
// a person has lost. They are given with the first such factor and shown in the
// flow that enrolled it; afterwards there is only a keyed hash of each.
type recovery struct{ keys *secret.Keys }

const (
	// recoveryCount is how many codes a person is given.
	recoveryCount = 10
	// recoveryLength is how many characters a code has: 80 bits, where NIST SP
	// 800-63B-4 section 4.2.1.1 asks for 64.
	recoveryLength = 16
)

// give returns the effect that gives the person codes in place of any before,
// and shows them in this flow.
func (r recovery) give() Effect {
	made := secret.Random()
	return func(tx *store.Tx, t *Turn) error {
		var hashes [][]byte
		for i := range recoveryCount {
			hashes = append(hashes, r.hash(t.User.ID, r.code(made, i)))
		}
		if err := tx.PutRecoveryCodes(t.User.ID, hashes); err != nil {
			return err
		}
		t.Facts.Recovery, t.Recovery = made, recoveryCount
		return tx.Record(core.Event{Name: core.EventRecoveryMade, Target: string(t.User.ID)})
	}
}

// code is one of the codes that were made together.
func (r recovery) code(made string, i int) string {
	return r.keys.Derive("recovery code", made+" "+strconv.Itoa(i))[:recoveryLength]
}

func (r recovery) hash(user core.UserID, code string) []byte {
	return r.keys.Lookup("recovery code", string(user)+" "+code)
}

// recoveryCodes shows the codes that were given in this flow, until an answer
// says that they are kept. Nothing waits for that.
type recoveryCodes struct{ recovery }

func (c recoveryCodes) Prompt(t Turn) *Prompt {
	if t.Facts.Recovery == "" {
		return nil
	}
	prompt := &Prompt{Enrollment: true}
	for i := range recoveryCount {
		prompt.Codes = append(prompt.Codes, secret.Text(grouped(c.code(t.Facts.Recovery, i))))
	}
	return prompt
}

func (c recoveryCodes) Answer(context.Context, Turn, Answer) (Effect, error) {
	return func(_ *store.Tx, t *Turn) error {
		t.Facts.Recovery = ""
		return nil
	}, nil
}

func (recoveryCodes) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }

// recoveryCode takes one of the person's codes in place of the second factor
// that they hold in their hands. Whoever owns the account gets a mail.
type recoveryCode struct {
	recovery
	passwords *directory.Passwords
}

func (c recoveryCode) Prompt(t Turn) *Prompt {
	if t.Recovery == 0 || t.strongSecond() == "" {
		return nil
	}
	return &Prompt{}
}

func (c recoveryCode) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	if a.Code == "" {
		return nil, core.Invalid(core.Problem{Code: core.ProblemRequired, Pointer: "/data/code", Detail: "A code must be given."})
	}
	hash := c.hash(t.User.ID, ungrouped(a.Code))
	var good [][]byte
	try, err := c.passwords.Charge(ctx, t.Caller, t.Settings, t.person(), func(tx *store.Tx) (err error) {
		if err := chargeSecond(tx, t); err != nil {
			return err
		}
		good, err = tx.RecoveryCodes(t.User.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(good, func(one []byte) bool { return hmac.Equal(one, hash) }) {
		if err := c.passwords.Failed(ctx, t.Caller, try, core.CodeWrongCode); err != nil {
			return nil, err
		}
		return nil, wrongCode()
	}
	if t.User.Disabled {
		return nil, core.Fail(core.CodeDisabled, "This account is disabled.")
	}
	notice := core.NewMessageID()
	return func(tx *store.Tx, t *Turn) error {
		used, err := tx.UseRecoveryCode(t.User.ID, hash)
		if err == nil && !used {
			err = wrongCode() // another was quicker
		}
		if err != nil {
			return err
		}
		// A code proves what it stands for: if that is taken from the person,
		// it proves nothing.
		if err := t.provedSecond(tx, t.strongSecond(), try.Settle); err != nil {
			return err
		}
		left, err := tx.RecoveryCodes(t.User.ID)
		if err != nil {
			return err
		}
		t.Recovery = len(left)
		count := strconv.Itoa(len(left))
		if err := tx.Record(core.Event{Name: core.EventRecoveryUsed, Target: string(t.User.ID), Data: map[string]string{"left": count}}); err != nil {
			return err
		}
		return tx.Send(core.Message{ID: notice, Template: "recovery_code_used", To: t.User.Email, Values: map[string]string{"email": t.User.Email, "left": count}})
	}, nil
}

func (recoveryCode) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }

// strongSecond is the second factor that a recovery code stands for; empty if
// the person has none that counts behind their first one.
func (t Turn) strongSecond() core.AuthenticatorKind {
	for _, kind := range t.Settings.SigninSecondary {
		if kind.Strong() && t.has(kind, true) && !kind.SameProof(t.Facts.Primary) {
			return kind
		}
	}
	return ""
}

// grouped writes a recovery code for people, in groups of four.
func grouped(code string) string {
	var groups []string
	for group := range slices.Chunk([]byte(code), 4) {
		groups = append(groups, string(group))
	}
	return strings.Join(groups, "-")
}

// ungrouped reads what people make of that: capitals, spaces, other groups.
func ungrouped(code string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || r == '-' {
			return -1
		}
		return unicode.ToLower(r)
	}, code)
}
