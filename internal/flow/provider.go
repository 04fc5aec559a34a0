package flow

import (
	"maps"
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/source"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// This file is what all providers have in common, whatever they speak: who
// somebody is here whom a provider has named.

// OtherWay is the cause of [core.CodeOtherWay] where it may be told: how the
// person does come in.
type OtherWay struct {
	Email    string
	Kind     core.AuthenticatorKind
	Provider string // whose word it is; empty: nobody's
}

// Error is for the log, and names nobody.
func (*OtherWay) Error() string { return "the person has another way in" }

// OtherAddress is the cause of [core.CodeOtherAddress]: the address that the
// provider gave.
type OtherAddress struct{ Email string }

// Error is for the log, and names nobody.
func (*OtherAddress) Error() string { return "the addresses differ" }

// named returns the effect that lets somebody in whom a provider has named, once
// all of its answer was checked. Who was named before is the same person; else
// they are known by their address if the provider vouches for it, and are
// somebody new if nobody has it.
func named(p core.Provider, who source.Identity) Effect {
	fresh := core.NewAuthenticatorID()
	return func(tx *store.Tx, t *Turn) error {
		now, ok := t.Settings.Provider(p.Name)
		if !ok || now.AuthenticatorKind() != p.AuthenticatorKind() {
			return core.Fail(core.CodeNotOffered, "The flow does not offer this provider.")
		}
		if who.Issuer == "" || who.Subject == "" {
			return refusedByProvider(nil)
		}
		n := naming{provider: now, who: who, kind: now.AuthenticatorKind(), id: fresh}
		n.email, _ = core.ParseEmail(who.Email)
		if !now.Takes(n.email) {
			return core.Fail(core.CodeDomainRefused, "People come in through this provider with addresses of certain domains only.")
		}
		known, err := tx.AuthenticatorByHandle(n.kind, n.identity().Handle())
		switch {
		case err == nil:
			return n.again(tx, t, known)
		case core.Is(err, core.CodeNotFound):
			return n.first(tx, t)
		}
		return err
	}
}

// naming is one answer of a provider that names somebody.
type naming struct {
	provider core.Provider
	who      source.Identity
	kind     core.AuthenticatorKind
	id       core.AuthenticatorID // of what is made of it
	email    core.Email           // that the provider gave; empty: none
}

func (n naming) identity() core.ProviderIdentity {
	return core.ProviderIdentity{Provider: n.provider.Name, Issuer: n.who.Issuer, Subject: n.who.Subject, Email: n.email.Text}
}

// again lets in who was named before.
func (n naming) again(tx *store.Tx, t *Turn, known core.Authenticator) error {
	user, err := tx.User(known.User)
	switch {
	case err != nil:
		return err
	case t.claimed() && (t.User == nil || t.User.ID != user.ID):
		return otherAddress(n.who.Email)
	case user.Disabled:
		return core.Fail(core.CodeDisabled, "This account is disabled.")
	case !t.may(core.FlowSignin):
		return taken("/data/email", "This person has an account already.")
	}
	if err := t.becomes(tx, user); err != nil {
		return err
	}
	own, _ := core.ParseEmail(user.Email)
	if n.who.EmailVerified && !user.EmailVerified && n.email.Key == own.Key {
		if err := t.wipe(tx, n.kind); err != nil {
			return err
		}
		if err := mailboxProved(tx, t); err != nil {
			return err
		}
	}
	before, err := known.Identity()
	if err != nil {
		return err
	}
	if before != n.identity() {
		data, err := n.identity().Data()
		if err != nil {
			return err
		}
		if _, err := tx.PutAuthenticatorData(user.ID, known.ID, data); err != nil {
			return err
		}
	}
	t.Facts.Primary, t.Facts.PrimaryBy = n.kind, known.ID
	return nil
}

// first is for who is named for the first time.
func (n naming) first(tx *store.Tx, t *Turn) error {
	email := n.email
	if claimed := t.mailKey(); email.Key != "" && claimed != "" && email.Key != claimed {
		return otherAddress(n.who.Email)
	}
	if email.Key == "" {
		email, _ = core.ParseEmail(t.mailbox())
	}
	if email.Key == "" {
		return core.Invalid(core.Problem{Code: core.ProblemRequired, Pointer: "/data/email", Detail: "The provider gives no e-mail address: one must be given before."})
	}
	vouched := n.who.EmailVerified && n.email.Key != ""
	if t.Facts.Concealed && !vouched && !t.enrolsFirst() {
		return n.unproved(tx, t, email)
	}
	user, err := tx.UserByEmail(email.Key)
	if core.Is(err, core.CodeNotFound) {
		return n.signUp(t, email, vouched)
	}
	if err != nil {
		return err
	}
	return n.link(tx, t, user, vouched)
}

// link gives somebody who is there this way in: if the provider vouches for the
// address, and the person has proved it too. Where they have not, this is the
// first proof of the mailbox, and what is there from before it goes (I1).
func (n naming) link(tx *store.Tx, t *Turn, user core.User, vouched bool) error {
	if t.User == nil {
		if err := t.identify(tx, user); err != nil {
			return err
		}
	}
	switch {
	case t.User.ID != user.ID, t.Facts.Username.Key != "" && t.Facts.Username.Key != core.Fold(user.Username):
		return otherAddress(n.who.Email)
	case !vouched && !t.enrolsFirst():
		return t.otherWay()
	case user.EmailVerified && t.namedBy(n.provider.Name):
		// Two people of one provider: the address was given to somebody else there (I9).
		return t.otherWay()
	case user.Disabled:
		return core.Fail(core.CodeDisabled, "This account is disabled.")
	case !t.may(core.FlowSignin):
		return taken("/data/email", "This person has an account already.")
	}
	if err := t.enrolOnce(tx); err != nil {
		return err
	}
	if err := t.becomes(tx, *t.User); err != nil {
		return err
	}
	if !t.User.EmailVerified && vouched {
		if err := t.wipe(tx); err != nil {
			return err
		}
		if err := mailboxProved(tx, t); err != nil {
			return err
		}
	}
	t.Facts.Primary = n.kind
	return t.addIdentity(tx, n.id, n.kind, n.identity())
}

// signUp takes the word of the provider for somebody new. Their address is the
// provider's, whatever a client says.
func (n naming) signUp(t *Turn, email core.Email, vouched bool) error {
	t.Facts.Email = email
	t.rule()
	switch {
	case t.byName() && t.Facts.Username.Key == "":
		return core.Invalid(core.Problem{Code: core.ProblemRequired, Pointer: "/data/username", Detail: "A username must be given before."})
	case !t.may(core.FlowSignup):
		return core.Fail(core.CodeSignupClosed, "This person is not known here, and the flow signs nobody up.")
	case t.keepsOut(email):
		return wrongDomain()
	case !t.signupOpen():
		return core.Fail(core.CodeSignupClosed, "People cannot sign up by themselves here.")
	}
	t.narrow(core.FlowSignup)
	if vouched {
		t.Facts.EmailProved = email.Key
	}
	identity := n.identity()
	t.Facts.NewIdentity, t.Facts.Profile, t.Facts.Primary = &identity, n.profile(*t), n.kind
	return nil
}

// unproved keeps who somebody says they are, in a flow that tells nobody who is
// there, until their mailbox is proved by mail: the provider does not vouch for
// it. Who has the address already gets a mail that says so.
func (n naming) unproved(tx *store.Tx, t *Turn, email core.Email) error {
	user, err := tx.UserByEmail(email.Key)
	if err != nil && !core.Is(err, core.CodeNotFound) {
		return err
	}
	if !t.may(core.FlowSignup) {
		return refusedByProvider(nil)
	}
	if err := n.signUp(t, email, false); err != nil {
		return err
	}
	t.Facts.Primary = ""
	if user.ID != "" {
		return t.identify(tx, user)
	}
	return nil
}

// settleIdentity lets in who was named by a provider, once their mailbox is
// proved too; see [naming.unproved].
func (t *Turn) settleIdentity() {
	if t.Facts.NewIdentity == nil || t.Facts.Primary != "" || t.User != nil || !t.mailboxProved() {
		return
	}
	if p, ok := t.Settings.Provider(t.Facts.NewIdentity.Provider); ok {
		t.Facts.Primary = p.AuthenticatorKind()
	}
}

// profile is what the provider says of somebody new, in the fields of the pool.
// What a field does not take is left out, and asked for if the pool asks.
func (n naming) profile(t Turn) core.Profile {
	said := core.Profile{}
	maps.Copy(said, t.Facts.Profile)
	for _, f := range t.Settings.ProfileFields {
		value, ok := n.who.Claims[n.provider.Profile[f.ID]]
		if one := (core.Profile{f.ID: value}); ok && value != "" && f.CheckValue(value) == nil && len(one.Check("")) == 0 {
			said[f.ID] = value
		}
	}
	return said
}

// may reports whether the flow may turn out to be of this type. Which page of
// ours somebody has opened says little: who is known to a provider signs in on
// the page for signing up, too.
func (t Turn) may(wanted core.FlowType) bool {
	return t.Facts.Allows(wanted) || len(t.Facts.Browser) > 0 && t.Facts.Invitation == ""
}

// narrow has a concealed flow be what it has turned out to be. A provider's word
// is a proof, behind which that is no secret.
func (t *Turn) narrow(to core.FlowType) {
	if t.Facts.Concealed {
		t.Facts.Allowed = []core.FlowType{to}
	}
}

// becomes has the flow be about somebody who has proved who they are.
func (t *Turn) becomes(tx *store.Tx, user core.User) error {
	if t.User == nil || t.User.ID != user.ID {
		if err := t.identify(tx, user); err != nil {
			return err
		}
	}
	if !t.claimed() {
		t.claim(user)
	}
	t.narrow(core.FlowSignin)
	t.Facts.Credentials = t.User.Credentials
	return t.stillHolds(tx)
}

// namedBy reports whether the person has an identity of this provider.
func (t Turn) namedBy(provider string) bool {
	return slices.ContainsFunc(t.Factors, func(f Factor) bool { return f.Provider == provider })
}

// addIdentity gives the person the provider's word for a way in. It returns
// [core.CodeConflict] if somebody has it.
func (t *Turn) addIdentity(tx *store.Tx, id core.AuthenticatorID, kind core.AuthenticatorKind, identity core.ProviderIdentity) error {
	data, err := identity.Data()
	if err != nil {
		return err
	}
	a := core.Authenticator{ID: id, User: t.User.ID, Kind: kind, Handle: identity.Handle(), Data: data}
	added, err := tx.PutAuthenticator(a)
	if err != nil {
		return err
	}
	if !added {
		return core.Fail(core.CodeConflict, "Another flow has made the same account at the same time.")
	}
	t.Facts.PrimaryBy = id
	t.Factors = append(slices.Clone(t.Factors), Factor{ID: id, Kind: kind, Handle: a.Handle, Provider: identity.Provider})
	return tx.Record(core.Event{Name: core.EventFactorAdded, Target: string(t.User.ID), Data: map[string]string{"kind": string(kind), "factor": "first", "provider": identity.Provider}})
}

// otherWay refuses to take a provider's word for somebody who is there. How they
// come in is told by a flow that conceals nothing.
func (t Turn) otherWay() error {
	refused := core.Fail(core.CodeOtherWay, "There is an account with this address, whose person comes in another way.")
	if t.Facts.Concealed || t.User == nil {
		return refused
	}
	way := &OtherWay{Email: t.User.Email}
	for _, f := range t.Factors {
		if !f.Second && (way.Kind == "" || f.Provider != "") {
			way.Kind, way.Provider = f.Kind, f.Provider
		}
	}
	refused.Cause = way
	return refused
}

func otherAddress(email string) error {
	return &core.Error{Code: core.CodeOtherAddress, Detail: "The provider speaks of somebody with another address than this flow is about.", Cause: &OtherAddress{email}}
}

// refusedByProvider is for an answer of a provider that is none to what it was
// asked. What the provider said is for the log.
func refusedByProvider(cause error) error {
	return &core.Error{Code: core.CodeProviderRefused, Detail: "The provider did not say who this is, or its answer is not one to what it was asked.", Cause: cause}
}
