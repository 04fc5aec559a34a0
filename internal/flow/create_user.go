package flow

import (
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// createUser passes the phase in which somebody new comes to be. Whatever was
// answered before, it is here that sign-up is open or closed, and that an
// address is free or taken.
func createUser(tx *store.Tx, t *Turn) error {
	if t.keepsOut(t.Facts.Email) {
		return wrongDomain()
	}
	if !t.signupOpen() || !t.Facts.Allows(core.FlowSignup) {
		return core.Fail(core.CodeSignupClosed, "People cannot sign up by themselves here.")
	}
	user, err := directory.Draft(directory.NewUser{Email: t.Facts.Email.Text, Username: t.Facts.Username.Text, Phone: t.Facts.Phone, Profile: t.Facts.Profile})
	if err != nil {
		return err
	}
	if t.Facts.NewUser != "" {
		user.ID = t.Facts.NewUser
	}
	if t.Facts.Invitation != "" {
		if err := useInvitation(tx, t, user.ID); err != nil {
			return err
		}
	}
	user.EmailVerified = t.mailboxProved()
	if err := directory.Add(tx, &user); err != nil {
		return err
	}
	t.User, t.Facts.User, t.Facts.Created = &user, user.ID, true
	if t.Facts.Primary == core.AuthenticatorPasskey {
		made := *t.Facts.NewPasskey
		t.Facts.NewPasskey = nil
		return t.addPasskey(tx, made)
	}
	if t.Facts.Primary.ByProvider() {
		made := *t.Facts.NewIdentity
		t.Facts.NewIdentity = nil
		return t.addIdentity(tx, core.NewAuthenticatorID(), t.Facts.Primary, made)
	}
	if t.Facts.Primary != core.AuthenticatorPassword {
		f := Factor{Kind: t.Facts.Primary}
		if f.Kind == core.AuthenticatorSMSOTP {
			f.Handle = t.Facts.PhoneProved
		}
		err := t.enrol(tx, f)
		t.Facts.PrimaryBy = t.used(f.Kind, false)
		return err
	}
	err = tx.PutPassword(core.Authenticator{ID: core.NewAuthenticatorID(), User: user.ID, Secret: t.Facts.PasswordHash})
	t.Factors, t.Facts.PasswordHash = []Factor{{Kind: core.AuthenticatorPassword}}, ""
	return err
}
