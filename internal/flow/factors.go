package flow

import (
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Factor is one way in that a person has.
type Factor struct {
	Kind   core.AuthenticatorKind
	Second bool
}

// has reports whether the person has this way in.
func (t Turn) has(kind core.AuthenticatorKind, second bool) bool {
	return slices.Contains(t.Factors, Factor{kind, second})
}

// hasAny reports whether the person has one of these ways in.
func (t Turn) hasAny(kinds []core.AuthenticatorKind, second bool) bool {
	return slices.ContainsFunc(kinds, func(k core.AuthenticatorKind) bool { return t.has(k, second) })
}

// offersFirst reports whether a first factor is on offer, and whether it is new
// to the person. Somebody new has all that the pool takes; somebody known has
// their own, or may come in by their mailbox if they have none. A concealed flow
// offers everybody the same: to somebody new first of all what proves the
// mailbox.
func (t Turn) offersFirst(kind core.AuthenticatorKind) (offered, enroll bool) {
	switch {
	case !t.identified() || t.Facts.ResetProved || !slices.Contains(t.Settings.SigninPrimary, kind):
		return false, false
	case t.passkeyOnly() && kind != core.AuthenticatorPasskey && !t.Facts.Concealed:
		return false, false
	case t.signingUp():
		return !t.Facts.Concealed || kind.ByMailbox() || t.mailboxProved(), true
	case t.Facts.Concealed || t.User == nil || t.has(kind, false):
		return true, false
	}
	return kind.ByMailbox() && !t.hasAny(t.Settings.SigninPrimary, false), true
}

// offersSecond reports whether a second factor is on offer, and whether it is
// new to the person, who may only choose one if they have none. One mailbox is
// never both factors.
func (t Turn) offersSecond(kind core.AuthenticatorKind) (offered, enroll bool) {
	if !slices.Contains(t.Settings.SigninSecondary, kind) || (kind.ByMailbox() && t.Facts.Primary.ByMailbox()) {
		return false, false
	}
	has := t.has(kind, true)
	return has || !t.hasAny(t.Settings.SigninSecondary, true), !has
}

// provedFirst writes that the mailbox, and with it the first factor, was
// proved. settle may be nil.
func (t *Turn) provedFirst(tx *store.Tx, kind core.AuthenticatorKind, settle directory.Settle) error {
	t.Facts.Primary = kind
	if t.User != nil {
		t.Facts.Credentials = t.User.Credentials
		if err := t.stillHolds(tx); err != nil {
			return err
		}
		if err := t.wipe(tx); err != nil {
			return err
		}
		if err := t.enrol(tx, Factor{kind, false}); err != nil {
			return err
		}
	}
	if err := mailboxProved(tx, t); err != nil {
		return err
	}
	return t.settle(tx, settle)
}

// wipe takes away what an account has from the time before anybody had proved
// its mailbox: whoever signed up with the address of somebody else must not
// stay when its owner comes (I1 to I3). Sessions go with any first proof, see
// [mailboxProved].
func (t *Turn) wipe(tx *store.Tx) error {
	if t.User.EmailVerified {
		return nil
	}
	all, err := tx.Authenticators(t.User.ID)
	if err != nil {
		return err
	}
	for _, a := range all {
		if _, err := tx.DeleteAuthenticator(t.User.ID, a.ID); err != nil {
			return err
		}
		err := tx.Record(core.Event{Name: core.EventFactorRemoved, Target: string(t.User.ID), Data: map[string]string{"kind": string(a.Kind), "authenticator": string(a.ID)}})
		if err != nil {
			return err
		}
	}
	t.Factors, t.Passkeys, t.Due = nil, nil, false
	return nil
}

// provedSecond writes that the second factor was proved, by the mailbox.
func (t *Turn) provedSecond(tx *store.Tx, kind core.AuthenticatorKind, settle directory.Settle) error {
	if err := t.stillHolds(tx); err != nil {
		return err
	}
	t.Facts.Secondary = kind
	if err := t.enrol(tx, Factor{kind, true}); err != nil {
		return err
	}
	if err := mailboxProved(tx, t); err != nil {
		return err
	}
	return t.settle(tx, settle)
}

// settle forgets the tries of the person once all is proved. While a second
// factor is still asked for they go on counting: else whoever knows the
// password could guess the code for ever.
func (t *Turn) settle(tx *store.Tx, settle directory.Settle) error {
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
	added, err := tx.PutAuthenticator(core.Authenticator{ID: core.NewAuthenticatorID(), User: t.User.ID, Kind: f.Kind, Second: f.Second})
	t.Factors = append(slices.Clone(t.Factors), f)
	if err != nil || !added {
		return err
	}
	factor := "first"
	if f.Second {
		factor = "second"
	}
	return tx.Record(core.Event{Name: core.EventFactorAdded, Target: string(t.User.ID), Data: map[string]string{"kind": string(f.Kind), "factor": factor}})
}
