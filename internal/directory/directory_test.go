package directory_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestUsernames(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d := directory.New(s)
		app := storetest.Caller(storetest.Pool(t, s, "demo", nil))
		ana, err := d.Create(t.Context(), app, directory.NewUser{Email: "Ana@Example.org"})
		must(t, err)
		if ana.Username != "Ana@example.org" {
			t.Errorf("without a username it is %q, want the address", ana.Username)
		}
		bob, err := d.Create(t.Context(), app, directory.NewUser{Email: "bob@example.org", Username: "Bob_37"})
		must(t, err)
		for ref, want := range map[core.UserRef]core.UserID{
			{Email: "ANA@example.ORG"}: ana.ID, {Username: "ana@example.org"}: ana.ID, {ID: ana.ID}: ana.ID,
			{Username: "bob_37"}: bob.ID, {Email: "bob@example.org"}: bob.ID,
		} {
			if got, err := d.Get(t.Context(), app, ref); err != nil || got.ID != want {
				t.Errorf("%+v is %s (%v), want %s", ref, got.ID, err, want)
			}
		}
		for _, ref := range []core.UserRef{{Username: "bob@example.org"}, {Email: "bob_37"}, {Username: ""}, {ID: "usr_x"}} {
			if _, err := d.Get(t.Context(), app, ref); !core.Is(err, core.CodeNotFound) {
				t.Errorf("%+v is somebody: %v", ref, err)
			}
		}
		for _, n := range []directory.NewUser{
			{Email: "eve@example.org", Username: "ANA@example.org"}, // somebody else's address
			{Email: "eve@example.org", Username: "free@example.org"},
			{Email: "eve@example.org", Username: "admin"},
			{Email: "eve@example.org", Username: string(ana.ID)},
			{Email: "eve", Username: "eve"},
		} {
			if _, err := d.Create(t.Context(), app, n); !core.Is(err, core.CodeInvalid) {
				t.Errorf("%+v: %v", n, err)
			}
		}
		if _, err := d.Create(t.Context(), app, directory.NewUser{Email: "eve@example.org", Username: "BOB_37"}); !core.Is(err, core.CodeTaken) {
			t.Errorf("a username twice: %v", err)
		}
	})
}

// A change of password keeps the session that asked for it, ends the others,
// and tells the person.
func TestChangeOfPassword(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, sessions := directory.New(s), session.New(s, session.Spelling{})
		hasher := secret.NewHasher(secret.Cost{Memory: 8, Passes: 1, Threads: 1}, s.Keys().Peppers())
		passwords := directory.NewPasswords(s, hasher)
		app := storetest.Caller(storetest.Pool(t, s, "demo", nil))
		settings := core.DefaultSettings()
		ana, err := d.Create(t.Context(), app, directory.NewUser{Email: "ana@example.org"})
		must(t, err)
		phc, err := passwords.Hash(t.Context(), settings, "the first phrase 1", "/password")
		must(t, err)
		var grants [2]core.Grant
		for i := range grants {
			pending, err := sessions.Prepare(t.Context(), app, settings)
			must(t, err)
			must(t, s.As(app).Update(t.Context(), func(tx *store.Tx) error {
				if err := tx.PutPassword(core.Authenticator{ID: core.NewAuthenticatorID(), User: ana.ID, Secret: phc}); err != nil {
					return err
				}
				grants[i], err = pending.Start(tx, ana, settings)
				return err
			}))
		}
		token, err := sessions.Check(t.Context(), app, grants[0].Access.Token)
		must(t, err)
		// Who knows the old one and chooses a weak one has not guessed.
		for range settings.LockoutFailures + 1 {
			if err := passwords.Change(t.Context(), app, settings, token, "the first phrase 1", "short"); !core.Is(err, core.CodeInvalid) {
				t.Errorf("a short one: %v", err)
			}
		}
		must(t, passwords.Change(t.Context(), app, settings, token, "the first phrase 1", "the second phrase 2"))
		if _, err := sessions.Check(t.Context(), app, grants[0].Access.Token); err != nil {
			t.Errorf("the session that asked ended: %v", err)
		}
		if _, err := sessions.Check(t.Context(), app, grants[1].Access.Token); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("the other session goes on: %v", err)
		}
		mail, err := s.Across().ClaimMessages(t.Context(), core.ChannelMail, 10, 1e9)
		must(t, err)
		if len(mail) != 1 || mail[0].Template != "password_changed" || mail[0].To != "ana@example.org" {
			t.Errorf("the person was told by %+v", mail)
		}
		person := directory.Person{User: ana.ID}
		if _, err := passwords.Check(t.Context(), app, settings, person, "the first phrase 1"); !core.Is(err, core.CodeWrongCredentials) {
			t.Errorf("the old password: %v", err)
		}
		if _, err := passwords.Check(t.Context(), app, settings, person, "the second phrase 2"); err != nil {
			t.Errorf("the new password: %v", err)
		}
	})
}

// The hash of a password that was right is made anew as hashes are now; that is
// no change of the password.
func TestHashesAreRenewed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const password = "the first phrase 1"
		d, app, settings := directory.New(s), storetest.Caller(storetest.Pool(t, s, "demo", nil)), core.DefaultSettings()
		cheap, dear := secret.Cost{Memory: 8, Passes: 1, Threads: 1}, secret.Cost{Memory: 16, Passes: 2, Threads: 1}
		before, after := secret.NewHasher(cheap, s.Keys().Peppers()), secret.NewHasher(dear, s.Keys().Peppers())
		other := secret.NewHasher(dear, secret.NewPeppers(secret.Pepper{Key: make([]byte, 32), ID: "other"}))
		passwords := directory.NewPasswords(s, after)
		hash := func(h *secret.Hasher) string {
			slot, err := h.Acquire(t.Context())
			must(t, err)
			defer slot.Release()
			return slot.Hash(password)
		}
		ana, err := d.Create(t.Context(), app, directory.NewUser{Email: "ana@example.org"})
		must(t, err)
		person := directory.Person{User: ana.ID, Credentials: ana.Credentials}
		type seen struct {
			password core.Authenticator
			user     core.User
			events   int
		}
		look := func() (x seen) {
			must(t, s.As(app).View(t.Context(), func(tx *store.Tx) error {
				all, err := tx.Authenticators(ana.ID)
				if err != nil {
					return err
				}
				x.password = all[0]
				if x.user, err = tx.User(ana.ID); err != nil {
					return err
				}
				events, err := tx.Events(1000)
				x.events = len(events)
				return err
			}))
			return x
		}
		put := func(phc string) {
			must(t, s.As(app).Update(t.Context(), func(tx *store.Tx) error {
				return tx.PutPassword(core.Authenticator{ID: core.NewAuthenticatorID(), User: ana.ID, Secret: phc})
			}))
		}

		put(hash(before))
		old := look()
		if _, err := passwords.Check(t.Context(), app, settings, person, "another phrase 2"); !core.Is(err, core.CodeWrongCredentials) {
			t.Fatal(err)
		}
		if look().password != old.password {
			t.Error("law: a wrong password renews nothing")
		}
		old = look() // the refusal is an event
		settle, err := passwords.Check(t.Context(), app, settings, person, password)
		must(t, err)
		renewed := look()
		if renewed.password.Secret == old.password.Secret || !strings.HasPrefix(renewed.password.Secret, "$argon2id$v=19$m=16,t=2,p=1,keyid=") {
			t.Errorf("law: a right password renews a hash of another cost; it is %s", renewed.password.Secret)
		}
		if expected := old; !reflect.DeepEqual(renewed.user, expected.user) || renewed.events != expected.events || !renewed.password.UpdatedAt.Equal(expected.password.UpdatedAt) {
			t.Errorf("law: a hash that is renewed changes nothing else; there is %+v in place of %+v", renewed, expected)
		}
		must(t, s.As(app).Update(t.Context(), settle))
		if _, err := passwords.Check(t.Context(), app, settings, person, password); err != nil {
			t.Errorf("law: the password works with the renewed hash; got %v", err)
		}
		if look().password != renewed.password {
			t.Error("law: a hash as they are now stays")
		}

		put(hash(other))
		if _, err := passwords.Check(t.Context(), app, settings, person, password); err == nil || core.CodeOf(err) != core.CodeInternal {
			t.Errorf("law: a hash whose pepper is not here is a fault of ours, not a wrong password; got %v", err)
		}
	})
}
