package session_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// house is sessions over a store, with one pool and one person.
type house struct {
	store    *store.Store
	sessions *session.Sessions
	app      core.Caller
	user     core.User
	settings core.Settings
}

func newHouse(t testing.TB, s *store.Store) *house {
	t.Helper()
	h := &house{store: s, sessions: session.New(s, session.Spelling{}), user: storetest.User("ana"), settings: core.DefaultSettings()}
	h.app = storetest.Caller(storetest.Pool(t, s, "demo", nil))
	must(t, h.store.As(h.app).Update(t.Context(), func(tx *store.Tx) error { return tx.CreateUser(h.user) }))
	return h
}

func (h *house) start(t testing.TB) core.Grant {
	t.Helper()
	pending, err := h.sessions.Prepare(t.Context(), h.app, h.settings)
	must(t, err)
	var grant core.Grant
	must(t, h.store.As(h.app).Update(t.Context(), func(tx *store.Tx) (err error) {
		grant, err = pending.Start(tx, h.user, h.settings)
		return err
	}))
	return grant
}

func (h *house) check(t testing.TB, token string) core.Code {
	t.Helper()
	_, err := h.sessions.Check(t.Context(), h.app, token)
	if err == nil {
		return ""
	}
	return core.CodeOf(err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestO13RefreshReuse(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, storetest.Open(t, database))
		settings := core.DefaultSettings()
		first := h.start(t)
		second, err := h.sessions.Refresh(t.Context(), h.app, settings, first.Refresh.Token, first.Access.Token)
		must(t, err)
		if second.Refresh.Token == first.Refresh.Token || second.Access.Token == first.Access.Token || second.Refresh.ID != first.Refresh.ID {
			t.Errorf("the successor is %+v of %+v", second, first)
		}
		time.Sleep(9 * time.Second)
		again, err := h.sessions.Refresh(t.Context(), h.app, settings, first.Refresh.Token, "")
		must(t, err)
		if again.Refresh != second.Refresh || again.Access != second.Access {
			t.Errorf("within the grace the spent token has another successor:\n%+v\n%+v", again, second)
		}
		time.Sleep(2 * time.Second)
		if code := h.check(t, second.Access.Token); code != "" {
			t.Errorf("before the reuse the token is %s", code)
		}
		if _, err = h.sessions.Refresh(t.Context(), h.app, settings, first.Refresh.Token, ""); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("reuse after the grace: %v", err)
		}
		if code := h.check(t, second.Access.Token); code != core.CodeTokenInvalid {
			t.Errorf("after the reuse the session's token is %q", code)
		}
		if _, err = h.sessions.Refresh(t.Context(), h.app, settings, second.Refresh.Token, ""); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("after the reuse the session's refresh token: %v", err)
		}
		var newest core.EventName
		must(t, h.store.As(h.app).View(t.Context(), func(tx *store.Tx) error {
			events, err := tx.Events(1)
			newest = events[0].Name
			return err
		}))
		if newest != core.EventRefreshReused {
			t.Errorf("the newest event is %s", newest)
		}
	})
}

func TestRefreshWithoutGraceIsStrict(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		settings := core.DefaultSettings()
		settings.RefreshGrace = 0
		first := h.start(t)
		second, err := h.sessions.Refresh(t.Context(), h.app, settings, first.Refresh.Token, "")
		must(t, err)
		if code := h.check(t, first.Access.Token); code != core.CodeTokenExpired {
			t.Errorf("the token before is %q, want expired at once", code)
		}
		if _, err = h.sessions.Refresh(t.Context(), h.app, settings, first.Refresh.Token, ""); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("reuse: %v", err)
		}
		if code := h.check(t, second.Access.Token); code != core.CodeTokenInvalid {
			t.Errorf("after the reuse the session's token is %q", code)
		}
	})
}

func TestTokensRunOut(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, storetest.Open(t, database))
		settings := core.DefaultSettings()
		g := h.start(t)
		time.Sleep(48*time.Hour - time.Second)
		if code := h.check(t, g.Access.Token); code != "" {
			t.Errorf("a second before its end the token is %s", code)
		}
		time.Sleep(time.Second)
		if code := h.check(t, g.Access.Token); code != core.CodeTokenExpired {
			t.Errorf("at its end the token is %q", code)
		}
		// An expired token of the session is accepted with its refresh token.
		settings.RefreshNeedsAccess = true
		if _, err := h.sessions.Refresh(t.Context(), h.app, settings, g.Refresh.Token, ""); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("refresh without the token that the pool asks for: %v", err)
		}
		other := h.start(t)
		if _, err := h.sessions.Refresh(t.Context(), h.app, settings, g.Refresh.Token, other.Access.Token); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("refresh with a token of another session: %v", err)
		}
		next, err := h.sessions.Refresh(t.Context(), h.app, settings, g.Refresh.Token, g.Access.Token)
		must(t, err)
		// Nor does the grace answer without it.
		for _, access := range []string{"", other.Access.Token, secret.Random()} {
			if _, err := h.sessions.Refresh(t.Context(), h.app, settings, g.Refresh.Token, access); !core.Is(err, core.CodeTokenInvalid) {
				t.Errorf("the grace answers with the token %q: %v", access, err)
			}
		}
		time.Sleep(30 * 24 * time.Hour)
		if _, err := h.sessions.Refresh(t.Context(), h.app, core.DefaultSettings(), next.Refresh.Token, ""); !core.Is(err, core.CodeTokenExpired) {
			t.Errorf("refresh at the end of its life: %v", err)
		}
	})
}

func TestSignOutEndsTheSession(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		g, other := h.start(t), h.start(t)
		must(t, h.sessions.SignOut(t.Context(), h.app, g.Access.Token))
		if code := h.check(t, g.Access.Token); code != core.CodeTokenInvalid {
			t.Errorf("after signing out the token is %q", code)
		}
		if _, err := h.sessions.Refresh(t.Context(), h.app, core.DefaultSettings(), g.Refresh.Token, ""); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("after signing out the refresh token: %v", err)
		}
		if err := h.sessions.SignOut(t.Context(), h.app, g.Access.Token); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("signing out twice: %v", err)
		}
		if code := h.check(t, other.Access.Token); code != "" {
			t.Errorf("another session's token is %s", code)
		}
	})
}

// The same token, asked for by another pool, or cut by a character, or another
// kind of secret, stands for nothing; and what is remembered of it does not
// help.
func TestO22TokenOfAnotherPool(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		following(t, s)
		g := h.start(t)
		stranger := storetest.Caller(storetest.Pool(t, s, "other", nil))
		for range 2 { // the second time from memory
			if code := h.check(t, g.Access.Token); code != "" {
				t.Fatalf("the token is %s", code)
			}
			if _, err := h.sessions.Check(t.Context(), stranger, g.Access.Token); !core.Is(err, core.CodeTokenInvalid) {
				t.Errorf("another pool sees the token: %v", err)
			}
		}
		if _, err := h.sessions.Refresh(t.Context(), stranger, core.DefaultSettings(), g.Refresh.Token, ""); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("another pool uses the refresh token: %v", err)
		}
		if err := h.sessions.SignOut(t.Context(), stranger, g.Access.Token); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("another pool ends the session: %v", err)
		}
	})
}

func TestO26TruncatedAndEmptyTokens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		g := h.start(t)
		for _, token := range []string{"", g.Access.Token[:31], g.Access.Token[1:], g.Access.Token + "a", " " + g.Access.Token[1:], g.Refresh.Token, "%", "' OR 1=1--"} {
			if code := h.check(t, token); code != core.CodeTokenInvalid {
				t.Errorf("the token %q is %q", token, code)
			}
		}
		for _, token := range []string{"", g.Refresh.Token[:31], g.Refresh.Token + "a", g.Access.Token} {
			if _, err := h.sessions.Refresh(t.Context(), h.app, core.DefaultSettings(), token, ""); !core.Is(err, core.CodeTokenInvalid) {
				t.Errorf("the refresh token %q: %v", token, err)
			}
		}
	})
}

// A check that is answered from memory asks the database nothing, and forgets
// at once what this node ends.
func TestRememberedTokensAreForgotten(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		following(t, s)
		ends := map[string]func(tx *store.Tx, g core.Grant) error{
			"session": func(tx *store.Tx, g core.Grant) error {
				_, err := tx.EndSession(core.SessionID(g.Refresh.ID))
				return err
			},
			"person": func(tx *store.Tx, _ core.Grant) error {
				_, err := tx.EndSessionsOf(h.user.ID, "")
				return err
			},
			"disabled": func(tx *store.Tx, _ core.Grant) error {
				user, err := tx.User(h.user.ID)
				user.Disabled = true
				if err == nil {
					err = tx.UpdateUser(user)
				}
				return err
			},
		}
		for _, name := range []string{"session", "person", "disabled"} {
			g := h.start(t)
			for range 2 {
				if code := h.check(t, g.Access.Token); code != "" {
					t.Fatalf("%s: the token is %s", name, code)
				}
			}
			must(t, h.store.As(h.app).Update(t.Context(), func(tx *store.Tx) error { return ends[name](tx, g) }))
			if code := h.check(t, g.Access.Token); code != core.CodeTokenInvalid {
				t.Errorf("%s: after its end the token is %q", name, code)
			}
		}
	})
}

// TestO18SignedTokensOnAnotherNode is abuse case O18 for signed tokens: what
// is ended on one node is ended on another, though the signature stays good.
func TestO18SignedTokensOnAnotherNode(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		here, there := storetest.Open(t, database), storetest.Open(t, database)
		h := newSignedHouse(t, here)
		following(t, here)
		following(t, there)
		other := session.New(there, session.Spelling{Issuer: func(core.Pool) string { return issuer }})
		for name, end := range map[string]func(g core.Grant) error{
			"logout": func(g core.Grant) error { return h.sessions.SignOut(t.Context(), h.app, g.Access.Token) },
			"end": func(g core.Grant) error {
				return h.sessions.End(t.Context(), h.app, core.SessionID(g.Refresh.ID), false)
			},
			"all":  func(core.Grant) error { return h.sessions.EndAll(t.Context(), h.app, h.user.ID) },
			"keys": func(core.Grant) error { _, err := h.sessions.ReplaceKeys(t.Context(), h.app, h.settings); return err },
		} {
			g := h.start(t)
			for range 2 {
				if _, err := other.Check(t.Context(), h.app, g.Access.Token); err != nil {
					t.Fatalf("%s: on another node the token is refused: %v", name, err)
				}
			}
			must(t, end(g))
			if code := h.check(t, g.Access.Token); code != core.CodeTokenInvalid {
				t.Errorf("%s: on this node the token is %q", name, code)
			}
			refused := false
			for stop := time.Now().Add(30 * time.Second); !refused && time.Now().Before(stop); time.Sleep(10 * time.Millisecond) {
				_, err := other.Check(t.Context(), h.app, g.Access.Token)
				refused = core.Is(err, core.CodeTokenInvalid)
			}
			if !refused {
				t.Errorf("%s: another node never hears of it", name)
			}
		}
	})
}

// following lets a store remember things for as long as the test runs.
func following(t *testing.T, s *store.Store) {
	t.Helper()
	done := make(chan struct{})
	ctx := t.Context()
	go func() {
		defer close(done)
		s.Follow(ctx)
	}()
	t.Cleanup(func() { <-done })
	time.Sleep(20 * time.Millisecond)
}
