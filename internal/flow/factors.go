package flow

import (
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Factor is one way in that a person has.
type Factor struct {
	ID     core.AuthenticatorID
	Kind   core.AuthenticatorKind
	Second bool
	Handle string // see [core.Authenticator]
	// Provider is whose word it is; empty: nobody's but the person's.
	Provider string
}

// factor returns one of the ways in that the person has, or false.
func (t Turn) factor(kind core.AuthenticatorKind, second bool) (Factor, bool) {
	for _, f := range t.Factors {
		if f.Kind == kind && f.Second == second {
			return f, true
		}
	}
	return Factor{}, false
}

// has reports whether the person has this way in.
func (t Turn) has(kind core.AuthenticatorKind, second bool) bool {
	_, ok := t.factor(kind, second)
	return ok
}

// holds reports whether the person still has the very way in that was proved.
func (t Turn) holds(kind core.AuthenticatorKind, second bool, by core.AuthenticatorID) bool {
	return slices.ContainsFunc(t.Factors, func(f Factor) bool {
		return f.Kind == kind && f.Second == second && (by == "" || f.ID == by) && (kind != core.AuthenticatorSMSOTP || f.Handle == t.Facts.PhoneProved)
	})
}

// used is the id by which a way in that was just proved is known again.
func (t Turn) used(kind core.AuthenticatorKind, second bool) core.AuthenticatorID {
	if kind == core.AuthenticatorPassword {
		return ""
	}
	f, _ := t.factor(kind, second)
	return f.ID
}

// hasAny reports whether the person has one of these ways in.
func (t Turn) hasAny(kinds []core.AuthenticatorKind, second bool) bool {
	return slices.ContainsFunc(kinds, func(k core.AuthenticatorKind) bool { return t.has(k, second) })
}

// hasWay reports whether the person has one of the ways in that the pool takes.
func (t Turn) hasWay() bool { return t.hasAny(t.Settings.SigninPrimary, false) || t.hasProvider() }

// hasProvider reports whether the person comes in through a provider that the
// pool has.
func (t Turn) hasProvider() bool {
	return slices.ContainsFunc(t.Factors, func(f Factor) bool { return f.Provider != "" })
}

// offersFirst reports whether a first factor is on offer, and whether it is new
// to the person. Somebody new has all that the pool takes; somebody known has
// their own, or may come in by their mailbox if they have none, and behind that
// proof choose among all. A concealed flow offers everybody the same: to somebody
// new first of all what proves the mailbox. What sends a message waits for the
// captcha of a sign-up.
func (t Turn) offersFirst(kind core.AuthenticatorKind) (offered, enroll bool) {
	switch {
	case !t.identified() || t.Facts.ResetProved || !slices.Contains(t.Settings.SigninPrimary, kind):
		return false, false
	case t.passkeyOnly() && kind != core.AuthenticatorPasskey && !t.Facts.Concealed:
		return false, false
	case kind.Sends() && t.waitsForCaptcha():
		return false, true
	case t.signingUp():
		return !t.Facts.Concealed || kind.ByMailbox() || t.mailboxProved(), true
	case t.enrolsFirst():
		return true, true
	case t.Facts.Concealed || t.User == nil || t.has(kind, false):
		return true, false
	}
	return kind.ByMailbox() && !t.hasWay(), true
}

// offers is offersFirst or offersSecond.
func (t Turn) offers(kind core.AuthenticatorKind, second bool) (offered, enroll bool) {
	if second {
		return t.offersSecond(kind)
	}
	return t.offersFirst(kind)
}

// offersSecond reports whether a second factor is on offer, and whether it is
// new to the person, who may only choose one if they have none. One mailbox is
// never both factors, nor is one telephone, and no other proof is.
func (t Turn) offersSecond(kind core.AuthenticatorKind) (offered, enroll bool) {
	if !slices.Contains(t.Settings.SigninSecondary, kind) || kind.SameProof(t.Facts.Primary) {
		return false, false
	}
	if t.askedOfKnown() {
		return t.has(kind, true) || t.standsIn(kind), false
	}
	usable := slices.DeleteFunc(slices.Clone(t.Settings.SigninSecondary), t.Facts.Primary.SameProof)
	has := t.has(kind, true)
	return has || !t.hasAny(usable, true), !has
}

// provedFirst writes that the first factor was proved, and with it the mailbox
// if that is what proves it. settle may be nil.
func (t *Turn) provedFirst(tx *store.Tx, kind core.AuthenticatorKind, settle directory.Settle) error {
	if err := t.enrolOnce(tx); err != nil {
		return err
	}
	t.Facts.Primary = kind
	if t.User != nil {
		t.Facts.Credentials = t.User.Credentials
		if err := t.stillHolds(tx); err != nil {
			return err
		}
		if kind.ByMailbox() {
			if err := t.wipe(tx); err != nil {
				return err
			}
		}
		if err := t.enrol(tx, Factor{Kind: kind}); err != nil {
			return err
		}
		t.Facts.PrimaryBy = t.used(kind, false)
	}
	if err := mailboxProvedBy(tx, t, kind); err != nil {
		return err
	}
	t.settling = settle
	return nil
}

// mailboxProvedBy writes that the mailbox was proved, if a proof of this kind
// says so.
func mailboxProvedBy(tx *store.Tx, t *Turn, kind core.AuthenticatorKind) error {
	if !kind.ByMailbox() {
		return nil
	}
	return mailboxProved(tx, t)
}

// wipe takes away what an account has from the time before anybody had proved
// its mailbox: whoever signed up with the address of somebody else must not
// stay when its owner comes (I1 to I3). Sessions go with any first proof, see
// [mailboxProved]. spared are the kinds that may stay.
func (t *Turn) wipe(tx *store.Tx, spared ...core.AuthenticatorKind) error {
	if t.User.EmailVerified {
		return nil
	}
	all, err := tx.Authenticators(t.User.ID)
	if err != nil {
		return err
	}
	for _, a := range all {
		if slices.Contains(spared, a.Kind) {
			continue
		}
		if _, err := tx.DeleteAuthenticator(t.User.ID, a.ID); err != nil {
			return err
		}
		err := tx.Record(core.Event{Name: core.EventFactorRemoved, Target: string(t.User.ID), Data: map[string]string{"kind": string(a.Kind), "authenticator": string(a.ID)}})
		if err != nil {
			return err
		}
	}
	user := *t.User
	return t.identify(tx, user)
}

// provedSecond writes that the second factor was proved, and with it the mailbox
// if that is what proves it.
func (t *Turn) provedSecond(tx *store.Tx, kind core.AuthenticatorKind, settle directory.Settle) error {
	if err := t.stillHolds(tx); err != nil {
		return err
	}
	t.Facts.Secondary, t.settling = kind, settle
	if !t.standsIn(kind) {
		if err := t.enrol(tx, Factor{Kind: kind, Second: true}); err != nil {
			return err
		}
	}
	t.Facts.SecondaryBy = t.used(kind, true)
	return mailboxProvedBy(tx, t, kind)
}

// settle forgets the tries of the person once all is proved. While a second
// factor is still asked for, be it by a rule, they go on counting: else whoever
// knows the password could guess the code for ever.
func (t *Turn) settle(tx *store.Tx) error {
	settle := t.settling
	t.settling = nil
	if settle == nil || (t.User != nil && needsSecondary(*t)) {
		return nil
	}
	return settle(tx)
}

// enrol gives the person a way in, unless they have it.
func (t *Turn) enrol(tx *store.Tx, f Factor) error {
	if t.has(f.Kind, f.Second) {
		return nil
	}
	way := core.Authenticator{ID: core.NewAuthenticatorID(), User: t.User.ID, Kind: f.Kind, Second: f.Second, Handle: f.Handle}
	made := t.Facts.Enrolling
	if made != nil {
		way.ID, way.Secret, way.Counter, t.Facts.Enrolling = made.ID, made.Secret, made.Counter, nil
	}
	added, err := tx.PutAuthenticator(way)
	f.ID = way.ID
	t.Factors = append(slices.Clone(t.Factors), f)
	if err == nil && !added && (made != nil || f.Handle != "") {
		// The one that is there is another, and was not proved.
		err = core.Fail(core.CodeConflict, "Another flow has enrolled this way in at the same time.")
	}
	if err != nil || !added {
		return err
	}
	factor := "first"
	if f.Second {
		factor = "second"
	}
	return tx.Record(core.Event{Name: core.EventFactorAdded, Target: string(t.User.ID), Data: map[string]string{"kind": string(f.Kind), "factor": factor}})
}
