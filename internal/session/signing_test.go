package session_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// Of the nodes that want a pool's first key at once, all sign with the one's.
func TestManyNodesMakeOneKey(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		h := newSignedHouse(t, storetest.Open(t, database))
		other := session.New(storetest.Open(t, database), session.Spelling{Issuer: func(core.Pool) string { return issuer }})
		storetest.Together(64, func(i int) {
			node := h.sessions
			if i%2 == 0 {
				node = other
			}
			if _, err := node.Prepare(context.Background(), h.app, h.settings); err != nil {
				t.Errorf("law: who loses the race has the winner's key; got %v", err)
			}
		})
		if n := len(h.keys(t)); n != 1 {
			t.Errorf("law: a pool has one first key; there are %d", n)
		}
		g := h.start(t)
		if _, err := other.Check(t.Context(), h.app, g.Access.Token); err != nil {
			t.Errorf("another node refuses the token: %v", err)
		}
	})
}

// TestO36RetiredKeys is abuse case O36 over the life of a key: it is published
// before it signs, and until what it signed has run out; what it signs after
// that counts for nothing.
func TestO36RetiredKeys(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		s := storetest.Open(t, database)
		h := newSignedHouse(t, s)
		h.settings.SigningKeyLife = core.Duration(30 * 24 * time.Hour)
		h.settings.RefreshLife = core.Duration(365 * 24 * time.Hour)
		published := func() (ids []core.SigningKeyID) {
			keys, err := h.sessions.KeySet(t.Context(), h.app, h.settings)
			must(t, err)
			for _, k := range keys {
				ids = append(ids, k.ID)
			}
			return ids
		}
		kid := func(token string) core.SigningKeyID { return core.SigningKeyID(fmt.Sprint(part(t, token, 0)["kid"])) }
		begin := time.Now()
		until := func(d time.Duration) { time.Sleep(time.Until(begin.Add(d))) }
		const month = 30 * 24 * time.Hour

		first := h.start(t)
		thief := h.keys(t)[0]
		until(month - core.SigningKeyLead - time.Second)
		if h.start(t); len(published()) != 1 {
			t.Errorf("before it is time there are %v", published())
		}
		until(month - core.SigningKeyLead)
		if g := h.start(t); kid(g.Access.Token) != kid(first.Access.Token) || len(published()) != 2 {
			t.Errorf("a day before the key's end %s signs, of %v", kid(g.Access.Token), published())
		}
		until(month - time.Second)
		last := h.start(t)
		until(month)
		second := h.start(t)
		if kid(last.Access.Token) != kid(first.Access.Token) || kid(second.Access.Token) != published()[1] {
			t.Errorf("the second key does not follow the first: %s, %s", kid(last.Access.Token), kid(second.Access.Token))
		}
		if code := h.check(t, last.Access.Token); code != "" {
			t.Errorf("a token of the key before is %s", code)
		}
		until(month + 48*time.Hour - 2*time.Second)
		if code := h.check(t, last.Access.Token); code != "" || len(published()) != 2 {
			t.Errorf("shortly before its end the last token of the first key is %q, and the keys are %v", code, published())
		}
		until(month + 48*time.Hour + core.ClockSlack)
		if code := h.check(t, last.Access.Token); code != core.CodeTokenExpired || slices.Contains(published(), kid(first.Access.Token)) {
			t.Errorf("when all that it signed has run out, a token of the first key is %q, and the keys are %v", code, published())
		}
		// With the retired key in hand, one signs for a token that was made later.
		fresh := h.start(t)
		forged := signWith(t, thief, mustJSON(t, part(t, first.Access.Token, 0)), mustJSON(t, part(t, fresh.Access.Token, 1)))
		if code := h.check(t, forged); code != core.CodeTokenInvalid {
			t.Errorf("what a retired key signs is %q", code)
		}
		// Yet it is known, for somebody who comes back after weeks.
		if _, err := s.Across().Sweep(t.Context(), 1000); err != nil {
			t.Fatal(err)
		}
		h.settings.RefreshNeedsAccess = true
		if _, err := h.sessions.Refresh(t.Context(), h.app, h.settings, last.Refresh.Token, last.Access.Token); err != nil {
			t.Errorf("a refresh with an expired token of a retired key: %v", err)
		}
		// A longer life of tokens is a longer one of the key that signs them.
		h.settings.AccessLife = core.Duration(10 * 24 * time.Hour)
		h.start(t)
		if keys := h.keys(t); keys[len(keys)-1].TokenLife != 10*24*time.Hour {
			t.Errorf("the key signs for tokens of %v", keys[len(keys)-1].TokenLife)
		}
	})
}

// An operator makes the next key, or puts one in the place of all at once.
func TestKeysAreRotatedByHand(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newSignedHouse(t, s)
		following(t, s)
		g := h.start(t)
		next, err := h.sessions.RotateKey(t.Context(), h.app, h.settings)
		must(t, err)
		if next.State(time.Now()) != core.SigningKeyNext {
			t.Errorf("the next key is %s", next.State(time.Now()))
		}
		if _, err := h.sessions.RotateKey(t.Context(), h.app, h.settings); !core.Is(err, core.CodeConflict) {
			t.Errorf("a next key while one waits: %v", err)
		}
		if again := h.start(t); part(t, again.Access.Token, 0)["kid"] == string(next.ID) {
			t.Error("the next key signs already")
		}
		if code := h.check(t, g.Access.Token); code != "" {
			t.Errorf("after a rotation the token is %s", code)
		}
		alone, err := h.sessions.ReplaceKeys(t.Context(), h.app, h.settings)
		must(t, err)
		if code := h.check(t, g.Access.Token); code != core.CodeTokenInvalid {
			t.Errorf("after all keys were forgotten the token is %q", code)
		}
		renewed, err := h.sessions.Refresh(t.Context(), h.app, h.settings, g.Refresh.Token, g.Access.Token)
		must(t, err)
		if kid := part(t, renewed.Access.Token, 0)["kid"]; kid != string(alone.ID) {
			t.Errorf("the session goes on with the key %v", kid)
		}
		keys, err := h.sessions.Keys(t.Context(), h.app)
		must(t, err)
		if len(keys) != 1 || keys[0].ID != alone.ID || keys[0].State(time.Now()) != core.SigningKeyActive {
			t.Errorf("the keys are %+v", keys)
		}
		var events []store.Recorded
		must(t, s.As(h.app).View(t.Context(), func(tx *store.Tx) error { events, err = tx.Events(100); return err }))
		var made []string
		for _, e := range events {
			if e.Name == core.EventSigningKeyCreated {
				made = append(made, string(e.Actor.Kind)+" "+e.Data["others_forgotten"])
			}
		}
		if !slices.Equal(made, []string{"operator true", "operator false", "system false"}) {
			t.Errorf("the events of keys are, newest first, %v", made)
		}
	})
}
