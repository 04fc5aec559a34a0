package flow

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// totp proves by a code that a program of the person's computes from a seed and
// the time (RFC 6238): as the first factor, or as the second one. The seed is
// shown while it is new, and never again. Each step's code is good once.
type totp struct {
	keys      *secret.Keys
	passwords *directory.Passwords
	second    bool
}

func (c totp) offers(t Turn) (offered, enroll bool) {
	if c.second {
		return t.offersSecond(core.AuthenticatorTOTP)
	}
	return t.offersFirst(core.AuthenticatorTOTP)
}

func (c totp) Prompt(t Turn) *Prompt {
	offered, enroll := c.offers(t)
	if !offered {
		return nil
	}
	prompt := &Prompt{Enrollment: enroll, NeedEmail: t.needsEmail()}
	if enroll {
		prompt.Seed = &SeedPrompt{Secret: c.seed(t), Issuer: t.issuer(), Account: t.account()}
	}
	return prompt
}

// seed is the flow's own: the same all through it, until another is asked for,
// and nobody else's. It is computed in place of being stored (RFC 4226 section
// 7.5), so that only to look at a flow writes nothing.
func (c totp) seed(t Turn) secret.Text {
	factor := "first"
	if c.second {
		factor = "second"
	}
	return secret.TOTPSeed(c.keys.Derive("totp seed "+factor, string(t.Flow.ID)+" "+strconv.Itoa(t.Facts.Seeds)))
}

// Answer compares a code: with those of the new seed where it is shown, else
// with those of the person's own. The try is charged as for a code by mail. For
// nobody it takes the same way, and is wrong.
func (c totp) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	if a.Code == "" {
		return nil, core.Invalid(core.Problem{Code: core.ProblemRequired, Pointer: "/data/code", Detail: "A code must be given."})
	}
	take, err := t.takeEmail(a)
	if err != nil {
		return nil, err
	}
	_, enroll := c.offers(t)
	var own core.Authenticator // without an id: the person has none
	try, err := c.passwords.Charge(ctx, t.Caller, t.Settings, t.person(), func(tx *store.Tx) error {
		own = core.Authenticator{}
		if c.second {
			if err := chargeSecond(tx, t); err != nil {
				return err
			}
		}
		if enroll || t.User == nil {
			return nil
		}
		all, err := tx.Authenticators(t.User.ID)
		if i := slices.IndexFunc(all, func(a core.Authenticator) bool { return a.Kind == core.AuthenticatorTOTP && a.Second == c.second }); i >= 0 {
			own = all[i]
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	seed := c.seed(t)
	if own.ID != "" {
		if seed, err = c.open(t, own); err != nil {
			return nil, err
		}
	}
	step, err := secret.MatchTOTP(seed, a.Code, t.Now, own.Counter)
	if err != nil {
		return nil, err
	}
	if step == 0 || !enroll && own.ID == "" {
		if err := c.passwords.Failed(ctx, t.Caller, try, core.CodeWrongCode); err != nil {
			return nil, err
		}
		return nil, wrongCode()
	}
	if t.User != nil && t.User.Disabled {
		return nil, core.Fail(core.CodeDisabled, "This account is disabled.")
	}
	proved := (*Turn).provedFirst
	if c.second {
		proved = (*Turn).provedSecond
	}
	if !enroll {
		return func(tx *store.Tx, t *Turn) error {
			advanced, err := tx.AdvanceAuthenticator(own.User, own.ID, step)
			if err == nil && !advanced {
				err = wrongCode() // another was quicker
			}
			if err != nil {
				return err
			}
			return proved(t, tx, core.AuthenticatorTOTP, try.Settle)
		}, nil
	}
	id := core.NewAuthenticatorID()
	enrolled := &core.Enrolment{ID: id, Secret: c.sealed(t, id, seed), Counter: step}
	codes := recovery{c.keys}.give()
	return func(tx *store.Tx, t *Turn) error {
		if take != nil {
			if err := take(tx, t); err != nil {
				return err
			}
		}
		t.Facts.Enrolling = enrolled
		firstStrong := c.second && t.strongSecond() == ""
		if err := proved(t, tx, core.AuthenticatorTOTP, try.Settle); err != nil || !firstStrong {
			return err
		}
		return codes(tx, t)
	}, nil
}

// Restart takes another seed, where it is new.
func (c totp) Restart(_ context.Context, t Turn, _ Answer) (Effect, error) {
	if _, enroll := c.offers(t); !enroll {
		return nothing()
	}
	return func(_ *store.Tx, t *Turn) error {
		t.Facts.Seeds++
		return nil
	}, nil
}

func (c totp) sealed(t Turn, id core.AuthenticatorID, seed secret.Text) string {
	return base64.RawStdEncoding.EncodeToString(c.keys.Seal([]byte(seed.Reveal()), seedContext(t, id)...))
}

func (c totp) open(t Turn, a core.Authenticator) (secret.Text, error) {
	sealed, err := base64.RawStdEncoding.DecodeString(a.Secret)
	if err != nil {
		return "", err
	}
	plain, err := c.keys.Open(sealed, seedContext(t, a.ID)...)
	return secret.Text(plain), err
}

// seedContext is where a seed is kept; see [secret.Keys.Seal].
func seedContext(t Turn, id core.AuthenticatorID) []string {
	return []string{string(t.Pool.ID), "authenticators", string(id), "secret"}
}

// issuer is whose codes a person's program shows. A colon would end the name.
func (t Turn) issuer() string {
	for _, name := range []string{t.Settings.TOTPIssuer, t.Settings.DisplayName} {
		if name != "" {
			return strings.ReplaceAll(name, ":", " ")
		}
	}
	return t.Pool.Name
}

// account is what the person goes by, as their program shows it.
func (t Turn) account() string {
	switch {
	case t.byName() && t.User != nil:
		return t.User.Username
	case t.byName():
		return t.Facts.Username.Text
	}
	return t.mailbox()
}

func wrongCode() error {
	return core.Fail(core.CodeWrongCode, "This code is wrong, or was used already.")
}
