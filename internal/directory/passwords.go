package directory

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/trace"
)

// Passwords is the one door through which a password is compared or chosen,
// whichever face it came from. It owns the counter of wrong tries.
type Passwords struct {
	store  *store.Store
	hasher *secret.Hasher
	common *Blocklist
	// breaches is what others have lost.
	breaches Breaches
}

// NewPasswords makes the door.
func NewPasswords(st *store.Store, hasher *secret.Hasher) *Passwords {
	return &Passwords{store: st, hasher: hasher, common: NewBlocklist()}
}

// Against has new passwords compared with what others have lost.
func (p *Passwords) Against(b Breaches) *Passwords {
	p.breaches = b
	return p
}

// Person is whose password is tried: somebody who is there, or somebody who is
// only claimed to be. Both cost the same, are counted alike, and are answered
// alike.
type Person struct {
	User        core.UserID // empty: nobody
	Credentials int64       // the person's number of that name
	Claim       string      // the folded identifier that was typed; used where User is empty
}

// Settle is what remains to be written once a password was right: the tries
// before it are forgotten. It belongs into the transaction that makes use of
// the proof.
type Settle func(*store.Tx) error

// Check compares a password with a person's. The try is charged before the
// comparison, so that of many at once no more are made than the pool allows. The
// hash of a right one is made anew if it has another cost or an older pepper
// than hashes have now.
//
// It returns [core.CodeBusy] if the server has too much to hash,
// [core.CodeLocked] behind too many wrong tries, [core.CodeTooMany] where the
// caller's network made too many of them, and [core.CodeWrongCredentials] for a
// wrong password or for nobody.
func (p *Passwords) Check(ctx context.Context, caller core.Caller, settings core.Settings, who Person, password secret.Text) (Settle, error) {
	slot, err := p.acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer slot.Release()

	var stored string
	try, err := p.Charge(ctx, caller, settings, who, func(tx *store.Tx) (err error) {
		stored = ""
		if who.User != "" {
			stored, err = tx.PasswordOf(who.User)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	phc, err := openHash(p.store.Keys(), caller.Pool, who.User, stored)
	if err != nil {
		return nil, err
	}
	ok, err := verify(ctx, slot, password, phc)
	if err != nil {
		return nil, err
	}
	if !ok {
		if err := p.Failed(ctx, caller, try, core.CodeWrongCredentials); err != nil {
			return nil, err
		}
		return nil, core.Fail(core.CodeWrongCredentials, "The password is wrong, or there is no such account.")
	}
	if renewed := slot.Renew(password, phc); renewed != "" {
		// At once, and not when the try is settled: that waits for a second
		// factor, and in that sign-in nobody has the password any more.
		err := p.store.As(caller).Update(ctx, func(tx *store.Tx) error { return tx.RenewPassword(who.User, stored, renewed) })
		if err != nil {
			return nil, err
		}
	}
	return try.Settle, nil
}

// Charge takes a try from a person, by whatever they are about to be asked
// for: there is one counter for all of it. then reads what is compared, in the
// same transaction; if it fails, nothing was charged. It returns
// [core.CodeLocked] behind too many wrong tries, and [core.CodeTooMany] where
// the caller's network made too many of them.
func (p *Passwords) Charge(ctx context.Context, caller core.Caller, settings core.Settings, who Person, then func(*store.Tx) error) (*Try, error) {
	t := p.try(caller, settings, who)
	var locked error
	err := p.store.As(caller).Update(ctx, func(tx *store.Tx) (err error) {
		if locked, err = t.charge(tx); err != nil || locked != nil {
			return err
		}
		return then(tx)
	})
	if err == nil {
		err = locked
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Failed writes that a try was wrong, for this reason. Of a wrong code the flow
// that asked for it leaves the event.
func (p *Passwords) Failed(ctx context.Context, caller core.Caller, t *Try, reason core.Code) error {
	return p.store.As(caller).Update(ctx, func(tx *store.Tx) error { return t.failed(tx, reason) })
}

// Hash checks a new password by the pool's rules and hashes it. words are what
// the password must not be made of: the person's own names. pointer is where
// the password stands in the request.
func (p *Passwords) Hash(ctx context.Context, settings core.Settings, password secret.Text, pointer string, words ...string) (string, error) {
	if err := p.allowed(ctx, settings, password, pointer, words...); err != nil {
		return "", err
	}
	return p.hash(ctx, password)
}

func (p *Passwords) hash(ctx context.Context, password secret.Text) (string, error) {
	slot, err := p.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer slot.Release()
	_, span := trace.Begin(ctx, "password.hash")
	defer span.End()
	return slot.Hash(password), nil
}

// allowed says why a new password breaks the pool's rules.
func (p *Passwords) allowed(ctx context.Context, settings core.Settings, password secret.Text, pointer string, words ...string) error {
	problems := settings.CheckPassword(password.Reveal(), pointer)
	if len(problems) == 0 && settings.PasswordBlocklist && p.common.Has(password.Reveal(), words...) {
		problems = append(problems, core.Problem{Code: core.ProblemPolicy, Pointer: pointer, Detail: "This password is too common, or too much like your own name. Choose another."})
	}
	if len(problems) > 0 {
		return core.Invalid(problems...)
	}
	return p.refuseBreached(ctx, settings, password, pointer)
}

// OwnWords are the words that a person's password must not be made of: their
// names, whatever else is known of them, and the pool's name.
func OwnWords(user core.User, settings core.Settings) []string {
	words := []string{settings.DisplayName, user.Email, user.Username, user.Phone}
	return slices.AppendSeq(words, maps.Values(user.Profile))
}

// Differ refuses a new password that is the one a person has. It counts no try:
// it is for who has just given theirs.
func (p *Passwords) Differ(ctx context.Context, caller core.Caller, user core.UserID, password secret.Text, pointer string) error {
	slot, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	defer slot.Release()
	var stored string
	err = p.store.As(caller).View(ctx, func(tx *store.Tx) (err error) {
		stored, err = tx.PasswordOf(user)
		return err
	})
	if err != nil {
		return err
	}
	phc, err := openHash(p.store.Keys(), caller.Pool, user, stored)
	if err != nil {
		return err
	}
	same, err := verify(ctx, slot, password, phc)
	if err == nil && same {
		err = core.Invalid(core.Problem{Code: core.ProblemPolicy, Pointer: pointer, Detail: "This is the password that is due for a change. Choose another."})
	}
	return err
}

// Change replaces a person's password by a new one, given the old one. The
// session that asks for it goes on; the person's other sessions end if the
// pool says so. A notice goes to the person's mailbox.
func (p *Passwords) Change(ctx context.Context, caller core.Caller, settings core.Settings, token core.AccessToken, old, new secret.Text) error {
	user := token.User
	caller.Actor = core.Actor{Kind: core.ActorPerson, ID: string(user.ID)}
	// The rules come first: who knows the old password and chooses a weak one
	// has not guessed, and is not charged a try.
	words := OwnWords(user, settings)
	if err := p.allowed(ctx, settings, new, "/new_password", words...); err != nil {
		return err
	}
	settle, err := p.Check(ctx, caller, settings, Person{User: user.ID, Credentials: user.Credentials}, old)
	if err != nil {
		return err
	}
	phc, err := p.hash(ctx, new)
	if err != nil {
		return err
	}
	put := core.Authenticator{ID: core.NewAuthenticatorID(), User: user.ID, Secret: phc}
	notice := core.Message{ID: core.NewMessageID(), Template: "password_changed", To: user.Email, Values: map[string]string{"email": user.Email}}
	return p.store.As(caller).Update(ctx, func(tx *store.Tx) error {
		if err := settle(tx); err != nil {
			return err
		}
		return Replace(tx, settings, put, user.Credentials, token.Session, notice, core.EventPasswordChanged)
	})
}

// Replace stores a person's new password with all that follows from it: what
// was proved before counts no more, links that were sent before die, other
// sessions end if the pool says so, and the person is told. seen is the number
// of the credentials that the person proved; if they have changed since, it
// returns [core.CodeConflict].
func Replace(tx *store.Tx, settings core.Settings, put core.Authenticator, seen int64, spare core.SessionID, notice core.Message, event core.EventName) error {
	n, err := tx.ChangeCredentials(put.User)
	if err != nil {
		return err
	}
	if n != seen+1 {
		return core.Fail(core.CodeConflict, "The password was changed by another request at the same time.")
	}
	if err := tx.PutPassword(put); err != nil {
		return err
	}
	if err := tx.VoidTickets(core.TicketResetPassword, string(put.User)); err != nil {
		return err
	}
	if err := endSessions(tx, settings, put.User, spare); err != nil {
		return err
	}
	if err := tx.Send(notice); err != nil {
		return err
	}
	return tx.Record(core.Event{Name: event, Target: string(put.User)})
}

func verify(ctx context.Context, slot *secret.Slot, password secret.Text, phc string) (bool, error) {
	_, span := trace.Begin(ctx, "password.verify")
	defer span.End()
	return slot.Verify(password, phc)
}

// acquire takes a hashing slot. It comes before the try is charged: an
// overloaded server that charged first would lock people out by its own
// refusals and their client's retries.
func (p *Passwords) acquire(ctx context.Context) (*secret.Slot, error) {
	ctx, span := trace.Begin(ctx, "password.queue")
	defer span.End()
	slot, err := p.hasher.Acquire(ctx)
	if errors.Is(err, secret.ErrBusy) {
		return nil, &core.Error{Code: core.CodeBusy, Detail: "The server is checking as many passwords as it can. Try again in a moment.", RetryAfter: later(), Cause: err}
	}
	return slot, err
}

// later is from one to five seconds, at random: those who are refused together
// do not come back together.
func later() time.Duration {
	var b [1]byte
	rand.Read(b[:]) // never fails
	return time.Duration(1+int(b[0])%5) * time.Second
}

// Load says how many passwords are compared or hashed, and how many wait for it.
func (p *Passwords) Load() secret.Load { return p.hasher.Load() }
