// Package flowtest gives tests the machine with everything below it, on a real
// store. Only tests import it.
package flowtest

import (
	"encoding/json"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// PageURL is where the hosted pages of test pools are.
const PageURL = "https://login.example.org"

// House is the rules and the machine over one store.
type House struct {
	Store       *store.Store
	Hasher      *secret.Hasher
	Pools       *pool.Pools
	Directory   *directory.Directory
	Invitations *directory.Invitations
	Agreements  *directory.Agreements
	Groups      *directory.Groups
	Imports     *directory.Imports
	Passwords   *directory.Passwords
	Sessions    *session.Sessions
	Flows       *flow.Machine
}

// New builds a house. Passwords are hashed as cheaply as argon2id allows.
func New(st *store.Store) *House {
	return NewSpelling(st, nil)
}

// NewSpelling builds a house whose signed tokens are spelled by a face; nil: by
// none.
func NewSpelling(st *store.Store, claims func(core.User, core.TokenID) session.Claims) *House {
	pageURL := func(p core.Pool) string { return PageURL + "/p/" + p.Name }
	h := &House{Store: st, Pools: pool.New(st), Directory: directory.New(st), Sessions: session.New(st, session.Spelling{Issuer: pageURL, Claims: claims})}
	h.Hasher = secret.NewHasher(secret.Cost{Memory: 8, Passes: 1, Threads: 1}, st.Keys().Peppers())
	h.Passwords = directory.NewPasswords(st, h.Hasher)
	h.Agreements = directory.NewAgreements(st)
	h.Groups = directory.NewGroups(st)
	h.Imports = directory.NewImports(st, directory.DefaultImportLimits(), slog.Default())
	h.Invitations = directory.NewInvitations(st, pageURL)
	h.Flows = flow.New(st, h.Pools, h.Passwords, h.Sessions, deliver.NewCaptchas(st, ""), pageURL).Asking(Providers(st))
	return h
}

// Settings writes overrides as a test does: values of Go.
func Settings(t testing.TB, values map[string]any) core.Overrides {
	t.Helper()
	o := core.Overrides{}
	for key, value := range values {
		raw, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		o[key] = raw
	}
	return o
}

// Pool creates a pool and returns its server application as a caller.
func (h *House) Pool(t testing.TB, name string, values map[string]any) core.Caller {
	t.Helper()
	id := storetest.Pool(t, h.Store, name, Settings(t, values))
	return core.Caller{Pool: id, Actor: core.Actor{Kind: core.ActorService, ID: "key_test"}, Address: "127.0.0.1", Request: core.NewRequestID()}
}

// Set changes settings of a pool.
func (h *House) Set(t testing.TB, caller core.Caller, values map[string]any) {
	t.Helper()
	if _, err := h.Pools.Change(t.Context(), caller, Settings(t, values)); err != nil {
		t.Fatal(err)
	}
}

// Password is what people of tests use.
const Password = "correct horse 7 staple"

// Person creates somebody with a password.
func (h *House) Person(t testing.TB, caller core.Caller, email string) core.User {
	t.Helper()
	user, err := h.Directory.Create(t.Context(), caller, directory.NewUser{Email: email, Profile: core.Profile{}})
	if err != nil {
		t.Fatal(err)
	}
	h.SetPassword(t, caller, user.ID, Password)
	return user
}

// SetPassword gives somebody a password, as no caller can.
func (h *House) SetPassword(t testing.TB, caller core.Caller, id core.UserID, password string) {
	t.Helper()
	slot, err := h.Hasher.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	phc := slot.Hash(secret.Text(password))
	slot.Release()
	err = h.Store.As(caller).Update(t.Context(), func(tx *store.Tx) error {
		return tx.PutPassword(core.Authenticator{ID: core.NewAuthenticatorID(), User: id, Secret: phc})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Enrol gives somebody another way in.
func (h *House) Enrol(t testing.TB, caller core.Caller, a core.Authenticator) {
	t.Helper()
	a.ID = core.NewAuthenticatorID()
	err := h.Store.As(caller).Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.PutAuthenticator(a)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// SignIn signs somebody in by password and returns the tokens.
func (h *House) SignIn(t testing.TB, caller core.Caller, email, password string) core.Grant {
	t.Helper()
	s, err := h.Flows.Start(t.Context(), caller, flow.Start{Email: email})
	if err == nil {
		s, err = h.Flows.Answer(t.Context(), caller, s.ID, flow.Answer{Choice: core.ChoicePassword, Password: secret.Text(password)})
	}
	if err != nil {
		t.Fatal(err)
	}
	grant, err := h.Flows.Complete(t.Context(), caller, s.ID)
	if err != nil {
		t.Fatal(err)
	}
	return grant
}

// Mail takes everything that waits to leave out of the line, oldest first, and
// text messages after the mails.
func (h *House) Mail(t testing.TB) []core.Message {
	t.Helper()
	claimed, err := h.Store.Across().ClaimMessages(t.Context(), core.ChannelMail, 1000, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	texts, err := h.Store.Across().ClaimMessages(t.Context(), core.ChannelText, 1000, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	claimed = append(claimed, texts...)
	var messages []core.Message
	for _, o := range claimed {
		err := h.Store.As(core.Caller{Pool: o.Pool, Actor: core.Actor{Kind: core.ActorSystem}}).Update(t.Context(), func(tx *store.Tx) error {
			_, err := tx.FinishMessage(o)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, o.Message)
	}
	return messages
}

// LinkCode takes the code out of the link in a message.
func LinkCode(t testing.TB, m core.Message) string {
	t.Helper()
	u, err := url.Parse(m.Values["link"])
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("code")
}

// MailedCode takes the code out of the newest message that has one.
func MailedCode(t testing.TB, messages []core.Message) string {
	t.Helper()
	for i := len(messages) - 1; i >= 0; i-- {
		if code := messages[i].Values["code"]; code != "" {
			return code
		}
	}
	t.Fatal("no message has a code")
	return ""
}

// Events returns the names of the pool's events with their reasons, oldest
// first.
func (h *House) Events(t testing.TB, caller core.Caller) []store.Recorded {
	t.Helper()
	var events []store.Recorded
	err := h.Store.As(caller).View(t.Context(), func(tx *store.Tx) (err error) {
		events, err = tx.Events(100_000)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return events
}
