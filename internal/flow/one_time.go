package flow

import (
	"context"
	"errors"
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// A one-time flow checks a mailbox, a telephone or a password that an
// application's server named when it began the flow. It is about no person: see
// decision 0028.

// ErrOneTime is why a one-time flow does not complete as a sign-in: see
// [Machine.CompleteOneTime].
var ErrOneTime = errors.New("this is a one-time flow")

// maxOneTime is how many proofs one flow may name.
const maxOneTime = 100

// OneTimeAuth is one of the proofs of which a one-time flow takes any.
type OneTimeAuth struct {
	Kind     core.AuthenticatorKind
	Email    string      // email_otp
	Phone    string      // sms_otp
	Password secret.Text // password
}

// asksOnce reads what a one-time flow is to ask for. The password is hashed
// here, while no transaction is open.
func (m *Machine) asksOnce(ctx context.Context, caller core.Caller, p core.Pool, s Start) (*core.OneTime, error) {
	if !slices.Contains(s.Types, core.FlowOneTime) && len(s.OneTime) == 0 {
		return nil, nil
	}
	refuse := func(code core.ProblemCode, pointer, detail string) (*core.OneTime, error) {
		return nil, core.Invalid(core.Problem{Code: code, Pointer: pointer, Detail: detail})
	}
	if len(p.Settings.OneTimeMethods) == 0 {
		return refuse(core.ProblemChoice, "/flow_types", "This pool has no one-time flows.")
	}
	if !caller.Trusted() {
		return nil, core.Fail(core.CodeForbidden, "Only an application's server begins a one-time flow.")
	}
	switch {
	case len(s.Types) != 1 || s.Types[0] != core.FlowOneTime || s.Username != "" || s.Invitation != "" || s.Device != "":
		return refuse(core.ProblemState, "/flow_types", "A one-time flow is of no other type, and about nobody with a name, an invitation or a device.")
	case len(s.OneTime) == 0:
		return refuse(core.ProblemRequired, "/one_time_auths", "At least one proof must be named.")
	case len(s.OneTime) > maxOneTime:
		return refuse(core.ProblemTooLarge, "/one_time_auths", "At most 100 proofs may be named.")
	}
	once := &core.OneTime{}
	for _, given := range s.OneTime {
		auth := core.OneTimeAuth{Kind: given.Kind}
		if !slices.Contains(p.Settings.OneTimeMethods, given.Kind) {
			return refuse(core.ProblemChoice, "/one_time_auths", "The pool does not take this proof in one-time flows.")
		}
		ok := false
		switch given.Kind {
		case core.AuthenticatorEmailOTP:
			auth.Email, ok = core.ParseEmail(given.Email)
			ok = ok && given.Phone == "" && given.Password == ""
		case core.AuthenticatorSMSOTP:
			auth.Phone, ok = core.ParsePhone(given.Phone)
			ok = ok && p.Settings.TakesPhone(auth.Phone) && given.Email == "" && given.Password == ""
		case core.AuthenticatorPassword:
			ok = given.Password != "" && len(given.Password) <= 4*p.Settings.PasswordMaxLength && given.Email == "" && given.Phone == "" &&
				!slices.ContainsFunc(once.Auths, func(a core.OneTimeAuth) bool { return a.Kind == given.Kind })
		default:
		}
		if !ok {
			return refuse(core.ProblemFormat, "/one_time_auths", "Each proof has what it is about, and nothing else: an e-mail address, a telephone number that the pool takes, or one password.")
		}
		if given.Kind == core.AuthenticatorPassword {
			phc, err := m.passwords.HashOnce(ctx, given.Password)
			if err != nil {
				return nil, err
			}
			auth.Password, auth.Tries = phc, m.links.keys.Derive("one-time password", string(caller.Pool)+" "+given.Password.Reveal())
		}
		once.Auths = append(once.Auths, auth)
	}
	return once, nil
}

// needsOneTime: a one-time flow waits for its proof.
func needsOneTime(t Turn) bool { return t.Facts.OneTime != nil && t.Facts.OneTime.Proved == nil }

// oneTimeDone: it was given. Nothing else is ever asked of such a flow.
func oneTimeDone(t Turn) bool { return t.Facts.OneTime != nil }

// asks reports whether a one-time flow takes this kind of proof.
func (t Turn) asks(kind core.AuthenticatorKind) bool {
	return t.Facts.OneTime != nil && slices.Contains(t.Settings.OneTimeMethods, kind) && slices.ContainsFunc(t.Facts.OneTime.Auths, func(a core.OneTimeAuth) bool { return a.Kind == kind })
}

// named returns the proof that is about what was typed, if it is one of those
// that will do.
func (t Turn) named(kind core.AuthenticatorKind) (core.OneTimeAuth, bool) {
	for _, a := range t.Facts.OneTime.Auths {
		if a.Kind == kind && (kind == core.AuthenticatorPassword || kind == core.AuthenticatorEmailOTP && a.Email.Key == t.Facts.Email.Key || kind == core.AuthenticatorSMSOTP && a.Phone == t.Facts.Phone) {
			return a, true
		}
	}
	return core.OneTimeAuth{}, false
}

// provedOnce writes which proof was given.
func (t *Turn) provedOnce(tx *store.Tx, given core.OneTimeAuth, settle directory.Settle) error {
	once := *t.Facts.OneTime
	once.Proved = &given
	t.Facts.OneTime = &once
	clear(t.Facts.Codes)
	return settle(tx)
}

// onceName takes the address or the number that somebody says is theirs. It may
// be given anew, and nothing tells whether it is one that will do.
type onceName struct {
	kind core.AuthenticatorKind
}

func (c onceName) Prompt(t Turn) *Prompt {
	if !t.asks(c.kind) {
		return nil
	}
	if c.kind == core.AuthenticatorEmailOTP && t.Facts.Email.Key != "" || c.kind == core.AuthenticatorSMSOTP && t.Facts.Phone != "" {
		return &Prompt{Given: true}
	}
	return &Prompt{RequiredFor: []core.ChoiceName{core.ChoiceName(c.kind)}}
}

func (c onceName) Answer(_ context.Context, t Turn, a Answer) (Effect, error) {
	if c.kind == core.AuthenticatorSMSOTP {
		phone, err := t.readPhone(a.Phone)
		return func(_ *store.Tx, t *Turn) error {
			t.Facts.Phone = phone
			delete(t.Facts.Codes, core.ChoiceSMSOTP)
			return nil
		}, err
	}
	email, ok := core.ParseEmail(a.Email)
	if !ok {
		return nil, core.Invalid(core.Problem{Code: core.ProblemEmail, Pointer: "/data/email", Detail: "This is not an e-mail address."})
	}
	return func(_ *store.Tx, t *Turn) error {
		t.Facts.Email = email
		delete(t.Facts.Codes, core.ChoiceEmailOTP)
		return nil
	}, nil
}

func (onceName) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }

// onceCode proves a mailbox or a telephone by a code. It leaves for those alone
// that will do; for the others it looks the same.
type onceCode struct {
	codes codes
	kind  core.AuthenticatorKind
}

func (c onceCode) envelope(t Turn) envelope {
	if c.kind == core.AuthenticatorSMSOTP {
		return envelope{choice: core.ChoiceSMSOTP, purpose: "one-time text", channel: core.ChannelText, claim: "one-time " + t.Facts.Phone}
	}
	return envelope{choice: core.ChoiceEmailOTP, purpose: "one-time mail", channel: core.ChannelMail, claim: "one-time " + t.Facts.Email.Key}
}

func (c onceCode) Prompt(t Turn) *Prompt {
	if !t.asks(c.kind) || c.envelope(t).recipient(t) == "" {
		return nil
	}
	return &Prompt{Code: c.codes.prompt(t, core.ChoiceName(c.kind))}
}

func (c onceCode) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	if a.Code == "" {
		if _, sent := t.Facts.Codes[core.ChoiceName(c.kind)]; sent {
			return nothing()
		}
		return c.Restart(ctx, t, a)
	}
	settle, err := c.codes.check(ctx, t, c.envelope(t), a.Code)
	if err != nil {
		return nil, err
	}
	return func(tx *store.Tx, t *Turn) error {
		given, ok := t.named(c.kind)
		if !ok {
			return core.Fail(core.CodeWrongCode, "This is not the code that was sent last.")
		}
		return t.provedOnce(tx, given, settle)
	}, nil
}

func (c onceCode) Restart(_ context.Context, t Turn, a Answer) (Effect, error) {
	if a.Phone != "" {
		return nil, phoneProblem(core.ProblemState, "Give the telephone number by set_phone.")
	}
	template := map[core.AuthenticatorKind]string{core.AuthenticatorEmailOTP: mailOneTime, core.AuthenticatorSMSOTP: textCode}[c.kind]
	if _, ok := t.named(c.kind); !ok {
		template = ""
	}
	return c.codes.send(c.envelope(t), template), nil
}

// oncePassword compares with the password of the flow. Wrong ones are counted by
// the password itself, in whichever flow.
type oncePassword struct {
	passwords *directory.Passwords
}

func (oncePassword) Prompt(t Turn) *Prompt {
	if !t.asks(core.AuthenticatorPassword) {
		return nil
	}
	return &Prompt{}
}

func (c oncePassword) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	asked, _ := t.named(core.AuthenticatorPassword)
	settle, err := c.passwords.CheckOnce(ctx, t.Caller, t.Settings, "one-time "+asked.Tries, a.Password, asked.Password)
	if err != nil {
		return nil, err
	}
	return func(tx *store.Tx, t *Turn) error { return t.provedOnce(tx, asked, settle) }, nil
}

func (oncePassword) Restart(context.Context, Turn, Answer) (Effect, error) { return nothing() }

// CompleteOneTime ends a one-time flow in which the proof was given, once, and
// returns which one it was. It is for the server that began the flow: there is
// no token, and nothing that a browser could be believed.
func (m *Machine) CompleteOneTime(ctx context.Context, caller core.Caller, id core.FlowID) (core.OneTimeAuth, error) {
	if !caller.Trusted() {
		return core.OneTimeAuth{}, m.refused(ctx, caller, id, "", core.Fail(core.CodeForbidden, "Only an application's server completes a one-time flow."))
	}
	t, err := m.turn(ctx, caller, id)
	if err == nil && (t.Facts.OneTime == nil || t.Facts.OneTime.Proved == nil) {
		err = incomplete()
	}
	if err == nil {
		err = m.store.As(caller).Update(ctx, func(tx *store.Tx) error {
			if err := tx.CompleteFlow(t.Flow); err != nil {
				return err
			}
			return tx.Record(core.Event{Name: core.EventOneTimeProved, Target: string(id), Data: map[string]string{"kind": string(t.Facts.OneTime.Proved.Kind)}})
		})
	}
	if err != nil {
		return core.OneTimeAuth{}, m.refused(ctx, caller, id, "", err)
	}
	return *t.Facts.OneTime.Proved, nil
}
