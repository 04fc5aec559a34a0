package flow

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// passkey proves who somebody is by a key in their device (WebAuthn Level 3).
// It is a first factor of somebody who is named, or says by itself who it is;
// somebody new may choose one; and who has come in another way is offered one
// in the end. Beginning it issues a challenge, which is good once: the write
// that uses it names the flow's version, like every other.
type passkey struct {
	store *store.Store
	keys  *secret.Keys
	added bool // it is the offer in the end
}

const (
	// challengeLife is how long a challenge may be signed.
	challengeLife = 5 * time.Minute
	// maxPasskeys is how many passkeys a person has at most.
	maxPasskeys = 20
)

// takesPasskeys reports whether the pool takes passkeys as a first factor.
func (t Turn) takesPasskeys() bool {
	return t.Party.ID != "" && slices.Contains(t.Settings.SigninPrimary, core.AuthenticatorPasskey)
}

// passkeyOnly reports whether nothing but a passkey lets the person in.
func (t Turn) passkeyOnly() bool {
	return !t.Settings.PasskeyFallback && t.takesPasskeys() && len(t.Passkeys) > 0
}

// offered reports whether the choice is on offer, and whether it is new to the
// person.
func (c passkey) offered(t Turn) (offered, enroll bool) {
	switch {
	case !t.takesPasskeys():
		return false, false
	case c.added:
		return !t.Facts.PasskeyAdded && t.Facts.Primary != core.AuthenticatorPasskey && len(t.Passkeys) < maxPasskeys, true
	case !t.claimed():
		return t.Facts.Allows(core.FlowSignin) && !t.Facts.ResetProved, false
	}
	return t.offersFirst(core.AuthenticatorPasskey)
}

func (c passkey) Prompt(t Turn) *Prompt {
	offered, enroll := c.offered(t)
	if !offered {
		return nil
	}
	shown := &PasskeyPrompt{Discovery: !enroll && !t.claimed()}
	prompt := &Prompt{Enrollment: enroll, NeedEmail: !c.added && t.needsEmail(), Passkey: shown}
	switch challenge, err := c.challenge(t); {
	case err != nil:
	case enroll:
		shown.Handle = t.newHandle()
		shown.Options = creationOptions(t, challenge, shown.Handle)
	default:
		shown.Options = requestOptions(t, challenge, c.allowed(t))
	}
	return prompt
}

// challenge is the one that is to be signed now.
func (c passkey) challenge(t Turn) (core.PasskeyChallenge, error) {
	_, enroll := c.offered(t)
	challenge := t.Facts.PasskeyChallenge
	if challenge == nil || challenge.Enroll != enroll || !t.Now.Before(challenge.ExpiresAt) {
		return core.PasskeyChallenge{}, core.Fail(core.CodePasskeyRefused, "No challenge was issued for this, it was used, or it is past its time. Begin the choice again.")
	}
	return *challenge, nil
}

// newHandle is by what a new passkey is to know its person.
func (t Turn) newHandle() core.UserID {
	if t.User != nil {
		return t.User.ID
	}
	return t.Facts.NewUser
}

// allowed lists whose passkeys may sign. Where a flow conceals who is there it
// lists none, so that the device looks for one; elsewhere somebody unknown has
// one too, always the same (A10).
func (c passkey) allowed(t Turn) []descriptor {
	switch {
	case !t.claimed() || t.Facts.Concealed:
		return nil
	case t.User != nil:
		return descriptors(t.Passkeys)
	}
	id := c.keys.Lookup("passkey of nobody", string(t.Pool.ID)+" "+t.person().Claim)
	return []descriptor{{Type: credentialType, ID: base64.RawURLEncoding.EncodeToString(id), Transports: []string{"hybrid", "internal"}}}
}

// Restart issues a challenge in place of any before it.
func (c passkey) Restart(_ context.Context, t Turn, a Answer) (Effect, error) {
	_, enroll := c.offered(t)
	issued, user := newChallenge(), core.NewUserID()
	issue := func(_ *store.Tx, t *Turn) error {
		expires := t.Now.Add(challengeLife)
		if t.Flow.ExpiresAt.Before(expires) {
			expires = t.Flow.ExpiresAt
		}
		t.Facts.PasskeyChallenge = &core.PasskeyChallenge{Challenge: issued, Enroll: enroll, ExpiresAt: expires}
		if enroll && t.User == nil && t.Facts.NewUser == "" {
			t.Facts.NewUser = user
		}
		return nil
	}
	if c.added {
		return issue, nil
	}
	return t.sendTo(a, issue)
}

func (c passkey) Answer(ctx context.Context, t Turn, a Answer) (Effect, error) {
	challenge, err := c.challenge(t)
	if len(a.Passkey) == 0 {
		if err == nil {
			return nothing()
		}
		return c.Restart(ctx, t, a)
	}
	if err != nil {
		return nil, err
	}
	if challenge.Enroll {
		return c.register(t, challenge, a.Passkey)
	}
	return c.signIn(ctx, t, challenge, a.Passkey)
}

// register takes a new passkey.
func (c passkey) register(t Turn, challenge core.PasskeyChallenge, answer []byte) (Effect, error) {
	made, verified, err := verifyCreation(t, challenge, answer)
	if err != nil {
		return nil, err
	}
	if t.User != nil && t.User.Disabled {
		return nil, core.Fail(core.CodeDisabled, "This account is disabled.")
	}
	if t.needsEmail() && !c.added {
		return nil, core.Invalid(core.Problem{Code: core.ProblemRequired, Pointer: "/data/email", Detail: "An e-mail address must be given when the choice is begun."})
	}
	return func(tx *store.Tx, t *Turn) error {
		t.Facts.PasskeyChallenge = nil
		if c.added {
			if err := t.stillHolds(tx); err != nil {
				return err
			}
			t.Facts.PasskeyAdded = true
			return t.addPasskey(tx, made)
		}
		_, err := tx.AuthenticatorByHandle(core.AuthenticatorPasskey, made.Handle)
		if err == nil {
			return passkeyTaken()
		}
		if !core.Is(err, core.CodeNotFound) {
			return err
		}
		enrols := t.enrolsFirst()
		if err := t.enrolOnce(tx); err != nil {
			return err
		}
		t.Facts.Primary, t.Facts.UserVerified = core.AuthenticatorPasskey, verified
		if enrols {
			return t.addPasskey(tx, made)
		}
		t.Facts.NewPasskey = &made
		return nil
	}, nil
}

// signIn takes the proof of a passkey that somebody has.
func (c passkey) signIn(ctx context.Context, t Turn, challenge core.PasskeyChallenge, answer []byte) (Effect, error) {
	proof, err := parseAssertion(answer)
	if err != nil {
		return nil, err
	}
	handle := base64.RawURLEncoding.EncodeToString(proof.RawID)
	var known core.Authenticator
	var user core.User
	err = c.store.As(t.Caller).View(ctx, func(tx *store.Tx) error {
		if known, err = tx.AuthenticatorByHandle(core.AuthenticatorPasskey, handle); err == nil {
			user, err = tx.User(known.User)
		}
		return err
	})
	if core.Is(err, core.CodeNotFound) {
		err = core.Fail(core.CodePasskeyRefused, "This passkey is not known here.")
	}
	if err != nil {
		return nil, err
	}
	// Every proof must be the flow's person's own (F8, M15).
	if (t.User == nil && t.claimed()) || (t.User != nil && t.User.ID != known.User) {
		return nil, core.Fail(core.CodePasskeyRefused, "This passkey is not one of this person's.")
	}
	if named := string(proof.Response.UserHandle); (named == "" && t.User == nil) || (named != "" && core.Tail(core.UserID(named)) != core.Tail(known.User)) {
		return nil, core.Fail(core.CodePasskeyRefused, "This passkey does not name its person.")
	}
	counter, verified, err := verifyAssertion(t, challenge, known, proof)
	if err != nil {
		return nil, err
	}
	// It counts on its own, and on: a copy of it would not (M14). One that
	// always says 0 does not count.
	if counts := counter != 0 || known.Counter != 0; counts && counter <= known.Counter {
		return nil, c.copied(ctx, t, known)
	}
	if user.Disabled {
		return nil, core.Fail(core.CodeDisabled, "This account is disabled.")
	}
	return func(tx *store.Tx, t *Turn) error {
		again, err := tx.AuthenticatorByHandle(core.AuthenticatorPasskey, handle)
		if core.Is(err, core.CodeNotFound) || (err == nil && again.ID != known.ID) {
			return core.Fail(core.CodePasskeyRefused, "This passkey is not known here any more.")
		}
		if err != nil {
			return err
		}
		if counter != 0 || again.Counter != 0 {
			if ahead, err := tx.AdvanceAuthenticator(known.User, known.ID, counter); err != nil || !ahead {
				return orRefused(err)
			}
		}
		if t.User == nil {
			if err := t.identify(tx, user); err != nil {
				return err
			}
			t.claim(user)
		}
		t.Facts.PasskeyChallenge = nil
		t.Facts.Primary, t.Facts.PrimaryBy = core.AuthenticatorPasskey, known.ID
		t.Facts.UserVerified, t.Facts.Credentials = verified, user.Credentials
		return t.stillHolds(tx)
	}, nil
}

// copied refuses a passkey that has counted backwards, and remembers it.
func (c passkey) copied(ctx context.Context, t Turn, known core.Authenticator) error {
	err := c.store.As(t.Caller).Update(ctx, func(tx *store.Tx) error {
		return tx.Record(core.Event{Name: core.EventPasskeyCopied, Target: string(known.User), Reason: string(core.CodePasskeyRefused), Data: map[string]string{"authenticator": string(known.ID)}})
	})
	return orRefused(err)
}

// orRefused returns err, or that the passkey's counter went back.
func orRefused(err error) error {
	if err != nil {
		return err
	}
	return core.Fail(core.CodePasskeyRefused, "This passkey's counter did not go on: there may be a copy of it.")
}

// claim fills in what somebody goes by who was found by their passkey.
func (t *Turn) claim(user core.User) {
	if name, _, ok := readUsername(t.Settings.UsernameFormat, user.Username); ok && t.byName() && user.Username != "" {
		t.Facts.Username = name
		return
	}
	if email, ok := core.ParseEmail(user.Email); ok {
		t.Facts.Email = email
	}
}

// addPasskey gives the person a passkey. It returns [core.CodeTaken] if
// somebody has it (M15).
func (t *Turn) addPasskey(tx *store.Tx, made core.NewPasskey) error {
	a := core.Authenticator{
		ID: core.NewAuthenticatorID(), User: t.User.ID, Kind: core.AuthenticatorPasskey,
		Handle: made.Handle, Counter: made.Counter, Data: made.Data,
	}
	added, err := tx.PutAuthenticator(a)
	if err != nil {
		return err
	}
	if !added {
		return passkeyTaken()
	}
	if t.Facts.Primary == core.AuthenticatorPasskey {
		t.Facts.PrimaryBy = a.ID
	}
	t.Factors, t.Passkeys = append(slices.Clone(t.Factors), Factor{ID: a.ID, Kind: a.Kind}), append(slices.Clone(t.Passkeys), a)
	return tx.Record(core.Event{Name: core.EventFactorAdded, Target: string(t.User.ID), Data: map[string]string{"kind": string(a.Kind), "factor": "first"}})
}

func passkeyTaken() error {
	return taken("/data/registration/id", "This passkey is registered already.")
}

// relyingParty is whom the passkeys of a pool are for.
func (l links) relyingParty(p core.Pool) core.RelyingParty {
	pages := []string{l.pageURL(p)}
	for _, host := range p.Hosts {
		own := p
		own.Hosts = []string{host}
		pages = append(pages, l.pageURL(own))
	}
	return p.Settings.RelyingParty(pages...)
}

// displayName is the name of a pool that people see.
func (t Turn) displayName() string {
	if t.Settings.DisplayName != "" {
		return t.Settings.DisplayName
	}
	return strings.TrimSpace(t.Pool.Name)
}
