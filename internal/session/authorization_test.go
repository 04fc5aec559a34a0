package session_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

const redirect = "https://shop.example/cb"

// application adds a client with these grants and scopes to the house's pool.
func (h *house) application(t testing.TB, grants []core.GrantKind, scopes ...string) core.Application {
	t.Helper()
	app := core.Application{ID: core.NewApplicationID(), Name: "Shop", Version: 1, Client: core.Client{
		Grants: grants, Auth: core.ClientAuthBasic, Redirects: []string{redirect}, Scopes: scopes,
	}}
	must(t, h.store.As(h.app).Update(t.Context(), func(tx *store.Tx) error { return tx.PutApplication(app, nil) }))
	return app
}

// authorize is a sign-in to an application, as far as its code.
func (h *house) authorize(t testing.TB, a core.Authorization) string {
	t.Helper()
	code := secret.Random()
	must(t, h.store.As(h.app).Update(t.Context(), func(tx *store.Tx) error {
		return h.sessions.PutAuthorization(tx, code, core.NewFlowID(), h.user, a, redirect, h.settings)
	}))
	return code
}

const verifier = "a-verifier-that-is-43-characters-long-at-least"

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// for every application there is.
func asks(app core.Application, scopes ...string) core.Authorization {
	return core.Authorization{Application: app.ID, Redirect: redirect, Scopes: scopes, Challenge: challenge()}
}

func (h *house) exchange(t testing.TB, app core.Application, code string) core.Grant {
	t.Helper()
	g, err := h.sessions.ExchangeAuthorization(t.Context(), h.app, h.settings, app, code, redirect, verifier)
	must(t, err)
	return g
}

// look is what a token is, whomever it was given to.
func (h *house) look(t testing.TB, token string) core.Code {
	t.Helper()
	_, err := h.sessions.Look(t.Context(), h.app, token)
	if err == nil {
		return ""
	}
	return core.CodeOf(err)
}

// A code gives an application its tokens; the session knows whose it is, and
// what it may be used for.
func TestAuthorizationCode(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newSignedHouse(t, s)
		h.settings.OAuthClaims = []core.Claim{{Name: "given", Field: "first_name", Tokens: []core.ClaimPlace{core.ClaimInID}}, {Name: "short", Field: "first_name", Tokens: []core.ClaimPlace{core.ClaimInAccess}}}
		for _, format := range []string{core.TokenOpaque, core.TokenSigned} {
			h.settings.TokenFormat = format
			app := h.application(t, core.GrantKinds(), "openid", "profile", "email")
			a := asks(app, "openid", "email")
			a.Nonce = "n-0S6_WzA2Mj"
			begun := time.Now()
			g := h.exchange(t, app, h.authorize(t, a))
			got, err := h.sessions.Look(t.Context(), h.app, g.Access.Token)
			must(t, err)
			if got.Application != app.ID || !slices.Equal(got.Scopes, []string{"openid", "email"}) || !slices.Equal(g.Scopes, got.Scopes) || got.User.ID != h.user.ID {
				t.Errorf("%s: the token is %+v", format, got)
			}
			id := part(t, g.IDToken, 1)
			sum := sha256.Sum256([]byte(g.Access.Token))
			want := map[string]any{
				"iss": issuer, "sub": string(h.user.ID), "aud": string(app.ID), "azp": string(app.ID), "nonce": "n-0S6_WzA2Mj", "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
				"sid": strings.TrimPrefix(g.Refresh.ID, "ses_"), "email": h.user.Email, "email_verified": h.user.EmailVerified, "given": "Ana",
				"iat": float64(g.Access.CreatedAt.Unix()), "exp": float64(g.Access.ExpiresAt.Unix()),
			}
			if h.user.Username == h.user.Email {
				want["preferred_username"] = h.user.Username
			}
			if at, ok := id["auth_time"].(float64); !ok || at < float64(begun.Unix()) {
				t.Errorf("the ID token says that the person proved who they are at %v", id["auth_time"])
			}
			delete(id, "auth_time")
			if mustJSON(t, id) != mustJSON(t, want) {
				t.Errorf("%s: the ID token says %s, want %s", format, mustJSON(t, id), mustJSON(t, want))
			}
			if header := part(t, g.IDToken, 0); header["typ"] != "JWT" || header["alg"] != "ES256" {
				t.Errorf("the ID token is headed %v", header)
			}
			if format == core.TokenSigned {
				access := part(t, g.Access.Token, 1)
				for name, want := range map[string]any{"scope": "openid email", "client_id": string(app.ID), "aud": issuer, "sub": string(h.user.ID), "short": "Ana", "profile": nil, "given": nil} {
					if access[name] != want {
						t.Errorf("law: a signed access token says what its scopes do; %s is %v, want %v", name, access[name], want)
					}
				}
				if header := part(t, g.Access.Token, 0); header["typ"] != "at+jwt" {
					t.Errorf("law: an access token for an application says that it is one (RFC 9068); it is headed %v", header)
				}
			}
			// The person's own doors do not open by it.
			if code := h.check(t, g.Access.Token); code != core.CodeTokenInvalid {
				t.Errorf("law: an application's token is not the person's own; it is %q", code)
			}
			if _, err := h.sessions.Refresh(t.Context(), h.app, h.settings, g.Refresh.Token, ""); !core.Is(err, core.CodeTokenInvalid) {
				t.Errorf("law: an application's refresh token is for the application alone; without it: %v", err)
			}

			next, err := h.sessions.RefreshFor(t.Context(), h.app, h.settings, app, g.Refresh.Token, nil)
			must(t, err)
			again, err := h.sessions.RefreshFor(t.Context(), h.app, h.settings, app, g.Refresh.Token, nil)
			must(t, err)
			if next.Refresh.Token == g.Refresh.Token || again.Refresh != next.Refresh || again.Access != next.Access || again.IDToken != next.IDToken || !slices.Equal(again.Scopes, next.Scopes) {
				t.Errorf("%s: the grace answers\n%+v\nin place of\n%+v", format, again, next)
			}
			renewed := part(t, next.IDToken, 1)
			if _, there := renewed["nonce"]; there || renewed["sub"] != string(h.user.ID) || renewed["sid"] != strings.TrimPrefix(g.Refresh.ID, "ses_") {
				t.Errorf("the ID token of a refresh says %v", renewed)
			}
			hint, err := h.sessions.ReadHint(t.Context(), h.app, next.IDToken)
			if err != nil || string(hint.Session) != g.Refresh.ID || hint.Audience != string(app.ID) {
				t.Errorf("the hint is %+v (%v)", hint, err)
			}
			must(t, h.sessions.EndSessionFor(t.Context(), h.app, app.ID, hint.Session))
			if code := h.look(t, next.Access.Token); code != core.CodeTokenInvalid {
				t.Errorf("law: with the session its tokens end (O19); the token is %q", code)
			}
		}
	})
}

// TestO21IDTokensOpenNothing: an ID token, an access token and an application's
// own are each good for their own place.
func TestO21IDTokensOpenNothing(t *testing.T) {
	h := newSignedHouse(t, storetest.New(t))
	app := h.application(t, core.GrantKinds(), "openid")
	g := h.exchange(t, app, h.authorize(t, asks(app, "openid")))
	own, _, err := h.sessions.GiveClientToken(t.Context(), h.app, h.settings, app, nil)
	must(t, err)
	mine := h.start(t)
	for name, token := range map[string]string{"an ID token": g.IDToken, "an application's own token": own, "a refresh token": g.Refresh.Token} {
		if code := h.look(t, token); code != core.CodeTokenInvalid {
			t.Errorf("law: %s is no access token; it is %q", name, code)
		}
	}
	for name, token := range map[string]string{"an access token": g.Access.Token, "the person's own token": mine.Access.Token, "nothing": "", "an application's own token": own} {
		if _, err := h.sessions.ReadHint(t.Context(), h.app, token); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("law: %s is no ID token; got %v", name, err)
		}
	}
	for name, token := range map[string]string{"an access token": g.Access.Token, "an ID token": g.IDToken, "a refresh token": g.Refresh.Token} {
		if _, err := h.sessions.ClientToken(t.Context(), h.app, token); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("law: %s is no application's own token; got %v", name, err)
		}
	}
}

// TestO10AuthorizationCodeUsedAgain: a code works once, and who comes with it
// again ends what it began.
func TestO10AuthorizationCodeUsedAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		app := h.application(t, core.GrantKinds(), "openid")
		code := h.authorize(t, asks(app, "openid"))
		g := h.exchange(t, app, code)
		if _, err := h.sessions.ExchangeAuthorization(t.Context(), h.app, h.settings, app, code, redirect, verifier); !core.Is(err, core.CodeTicketInvalid) {
			t.Errorf("law: a code works once; the second time gave %v", err)
		}
		if code := h.look(t, g.Access.Token); code != core.CodeTokenInvalid {
			t.Errorf("law: a code that comes again ends what it began; the token is %q", code)
		}
		if _, err := h.sessions.RefreshFor(t.Context(), h.app, h.settings, app, g.Refresh.Token, nil); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("law: and the refresh token with it; it gave %v", err)
		}
	})
}

// TestO10ParallelAuthorizationCode: of 64 who come with a code at once, one gets
// tokens.
func TestO10ParallelAuthorizationCode(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		app := h.application(t, core.GrantKinds(), "openid")
		code := h.authorize(t, asks(app, "openid"))
		var won atomic.Int32
		storetest.Together(64, func(int) {
			_, err := h.sessions.ExchangeAuthorization(context.Background(), h.app, h.settings, app, code, redirect, verifier)
			if err == nil {
				won.Add(1)
			} else if !core.Is(err, core.CodeTicketInvalid) {
				t.Errorf("law: who is too late is refused, and by no fault of ours; got %v", err)
			}
		})
		if won.Load() != 1 {
			t.Errorf("law: of 64 exchanges of one code one gets tokens; %d did", won.Load())
		}
	})
}

// TestO11CodeInOtherHands: a code opens nothing for another application, at
// another redirect, or as a code of another kind, and is good for nothing then.
func TestO11CodeInOtherHands(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		app, other := h.application(t, core.GrantKinds(), "openid"), h.application(t, core.GrantKinds(), "openid")
		for name, c := range map[string]struct {
			app                core.Application
			redirect, verifier string
		}{
			"another application": {other, redirect, verifier}, "another redirect": {app, redirect + "/", verifier}, "no redirect": {app, "", verifier},
			"another verifier": {app, redirect, verifier + "x"}, "no verifier": {app, redirect, ""}, "the challenge as the verifier": {app, redirect, challenge()},
		} {
			code := h.authorize(t, asks(app, "openid"))
			if _, err := h.sessions.ExchangeAuthorization(t.Context(), h.app, h.settings, c.app, code, c.redirect, c.verifier); !core.Is(err, core.CodeTicketInvalid) {
				t.Errorf("law: a code is refused with %s; got %v", name, err)
			}
			if _, err := h.sessions.ExchangeAuthorization(t.Context(), h.app, h.settings, app, code, redirect, verifier); !core.Is(err, core.CodeTicketInvalid) {
				t.Errorf("law: a code that was in other hands is used up; after %s it gave %v", name, err)
			}
		}
		code := h.authorize(t, asks(app, "openid"))
		if _, err := h.sessions.ExchangeCode(t.Context(), h.app, h.settings, code, ""); !core.Is(err, core.CodeTicketInvalid) {
			t.Errorf("law: an authorization code is no login code; got %v", err)
		}
		h.exchange(t, app, code)
		login := secret.Random()
		must(t, h.store.As(h.app).Update(t.Context(), func(tx *store.Tx) error { return h.sessions.PutCode(tx, login, core.NewFlowID(), h.user, h.settings) }))
		if _, err := h.sessions.ExchangeAuthorization(t.Context(), h.app, h.settings, app, login, redirect, verifier); !core.Is(err, core.CodeTicketInvalid) {
			t.Errorf("law: a login code is no authorization code; got %v", err)
		}
	})
}

// TestO12AuthorizationCodeLife: a code works for a minute.
func TestO12AuthorizationCodeLife(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, storetest.Open(t, database))
		app := h.application(t, core.GrantKinds(), "openid")
		early, late := h.authorize(t, asks(app)), h.authorize(t, asks(app))
		time.Sleep(59 * time.Second)
		h.exchange(t, app, early)
		time.Sleep(2 * time.Second)
		if _, err := h.sessions.ExchangeAuthorization(t.Context(), h.app, h.settings, app, late, redirect, verifier); !core.Is(err, core.CodeTicketInvalid) {
			t.Errorf("law: after 61 seconds a code is over; it gave %v", err)
		}
	})
}

// TestO28RefreshAsksForNoMore: a refresh gets what was granted or less, for one
// access token, and never what the application may not ask for any more.
func TestO28RefreshAsksForNoMore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		app := h.application(t, core.GrantKinds(), "openid", "email", "profile")
		other := h.application(t, core.GrantKinds(), "openid", "email", "profile")
		g := h.exchange(t, app, h.authorize(t, asks(app, "openid", "email")))
		for _, more := range [][]string{{"profile"}, {"openid", "email", "profile"}, {"admin"}} {
			if _, err := h.sessions.RefreshFor(t.Context(), h.app, h.settings, app, g.Refresh.Token, more); !errors.Is(err, session.ErrScope) {
				t.Errorf("law: a refresh gets no more than was granted; %v gave %v", more, err)
			}
		}
		if _, err := h.sessions.RefreshFor(t.Context(), h.app, h.settings, other, g.Refresh.Token, nil); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("law: a refresh token is one application's; another's gave %v", err)
		}
		less, err := h.sessions.RefreshFor(t.Context(), h.app, h.settings, app, g.Refresh.Token, []string{"email"})
		must(t, err)
		if got, err := h.sessions.Look(t.Context(), h.app, less.Access.Token); err != nil || !slices.Equal(got.Scopes, []string{"email"}) || less.IDToken != "" {
			t.Errorf("a refresh for less gave %v (%v)", got.Scopes, err)
		}
		if _, err := h.sessions.RefreshFor(t.Context(), h.app, h.settings, other, g.Refresh.Token, nil); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("law: nor does the grace answer another application; got %v", err)
		}
		all, err := h.sessions.RefreshFor(t.Context(), h.app, h.settings, app, less.Refresh.Token, nil)
		must(t, err)
		if !slices.Equal(all.Scopes, []string{"openid", "email"}) {
			t.Errorf("law: asking for less once takes nothing away; the next has %v", all.Scopes)
		}
		app.Client.Scopes = []string{"openid"}
		fewer, err := h.sessions.RefreshFor(t.Context(), h.app, h.settings, app, all.Refresh.Token, nil)
		must(t, err)
		if !slices.Equal(fewer.Scopes, []string{"openid"}) {
			t.Errorf("law: what an application may no longer ask for it does not get; it has %v", fewer.Scopes)
		}
	})
}

// Who may not refresh gets no refresh token, and a session that is over with its
// access token.
func TestWithoutRefresh(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, storetest.Open(t, database))
		app := h.application(t, []core.GrantKind{core.GrantCode}, "openid")
		app.Client.TokenLife = core.Duration(10 * time.Minute)
		g := h.exchange(t, app, h.authorize(t, asks(app, "openid")))
		if g.Refresh.Token != "" || g.Access.ExpiresAt.Sub(g.Access.CreatedAt) != 10*time.Minute {
			t.Errorf("the grant is %+v", g)
		}
		time.Sleep(10*time.Minute + time.Second)
		if code := h.look(t, g.Access.Token); code != core.CodeTokenExpired {
			t.Errorf("after its time the token is %q", code)
		}
		sessions, _, _, err := h.sessions.List(t.Context(), h.app, core.Query{Size: 10})
		if err != nil || len(sessions) != 0 {
			t.Errorf("after its time there are sessions: %v (%v)", sessions, err)
		}
	})
}

// TestO19RevokedForGood: a token that its application revokes ends the session,
// whichever of its tokens that is, and nobody else's does.
func TestO19RevokedForGood(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		app, other := h.application(t, core.GrantKinds(), "openid"), h.application(t, core.GrantKinds(), "openid")
		for name, end := range map[string]func(g core.Grant, by core.Application) error{
			"the access token": func(g core.Grant, by core.Application) error {
				return h.sessions.EndFor(t.Context(), h.app, by.ID, g.Access.Token, "")
			},
			"the refresh token": func(g core.Grant, by core.Application) error {
				return h.sessions.EndFor(t.Context(), h.app, by.ID, "", g.Refresh.Token)
			},
		} {
			g := h.exchange(t, app, h.authorize(t, asks(app, "openid")))
			if err := end(g, other); !core.Is(err, core.CodeForbidden) {
				t.Errorf("law: an application revokes its own; with %s of another it got %v", name, err)
			}
			if code := h.look(t, g.Access.Token); code != "" {
				t.Fatalf("what another revoked is %s", code)
			}
			must(t, end(g, app))
			if code := h.look(t, g.Access.Token); code != core.CodeTokenInvalid {
				t.Errorf("law: after %s was revoked no token is good; the access token is %q", name, code)
			}
			if _, err := h.sessions.RefreshFor(t.Context(), h.app, h.settings, app, g.Refresh.Token, nil); !core.Is(err, core.CodeTokenInvalid) {
				t.Errorf("law: after %s was revoked no token is good; the refresh token gave %v", name, err)
			}
		}
		mine := h.start(t)
		for _, err := range []error{
			h.sessions.EndFor(t.Context(), h.app, app.ID, mine.Access.Token, ""), h.sessions.EndFor(t.Context(), h.app, app.ID, "", mine.Refresh.Token), h.sessions.EndFor(t.Context(), h.app, "", "", "x"),
		} {
			if err == nil {
				t.Error("law: an application ends no session that is the person's own")
			}
		}
		if code := h.check(t, mine.Access.Token); code != "" {
			t.Errorf("the person's own token is %s", code)
		}
	})
}

// TestO34ClientTokensAreNobodys: an application's own token stands for it and
// for no person, ends when it is revoked or its time is over, and with it.
func TestO34ClientTokensAreNobodys(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, storetest.Open(t, database))
		app, other := h.application(t, core.GrantKinds(), "openid"), h.application(t, core.GrantKinds())
		token, given, err := h.sessions.GiveClientToken(t.Context(), h.app, h.settings, app, []string{"openid"})
		must(t, err)
		got, err := h.sessions.ClientToken(t.Context(), h.app, token)
		if err != nil || got.Application != app.ID || !slices.Equal(got.Scopes, []string{"openid"}) || got.ID != given.ID {
			t.Errorf("the token is %+v (%v)", got, err)
		}
		if err := h.sessions.RevokeClientToken(t.Context(), h.app, other.ID, token); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("law: another application's token stays; got %v", err)
		}
		if err := h.sessions.SignOut(t.Context(), h.app, token); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("law: an application is nobody who signs out; got %v", err)
		}
		must(t, h.sessions.RevokeClientToken(t.Context(), h.app, app.ID, token))
		if _, err := h.sessions.ClientToken(t.Context(), h.app, token); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("after it was revoked: %v", err)
		}
		if token, _, err = h.sessions.GiveClientToken(t.Context(), h.app, h.settings, app, nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if _, err := h.sessions.ClientToken(t.Context(), h.app, token); !core.Is(err, core.CodeTokenExpired) {
			t.Errorf("after an hour: %v", err)
		}
		must(t, h.store.As(h.app).Update(t.Context(), func(tx *store.Tx) error { return tx.DeleteApplication(app.ID) }))
		if _, _, err := h.sessions.GiveClientToken(t.Context(), h.app, h.settings, app, nil); !core.Is(err, core.CodeNotFound) {
			t.Errorf("law: an application that was removed gets no token; got %v", err)
		}
	})
}

// TestO16ApplicationIsRemoved: with an application its sessions end, from memory
// too, and nobody gets a new one.
func TestO16ApplicationIsRemoved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		following(t, s)
		app := h.application(t, core.GrantKinds(), "openid")
		g := h.exchange(t, app, h.authorize(t, asks(app, "openid")))
		if code := h.look(t, g.Access.Token); code != "" {
			t.Fatalf("the token is %s", code)
		}
		must(t, s.As(h.app).Update(t.Context(), func(tx *store.Tx) error { return tx.DeleteApplication(app.ID) }))
		if code := h.look(t, g.Access.Token); code != core.CodeTokenInvalid {
			t.Errorf("law: with its application a session ends; the token is %q", code)
		}
		if _, err := h.sessions.RefreshFor(t.Context(), h.app, h.settings, app, g.Refresh.Token, nil); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("law: with its application a session ends; the refresh token gave %v", err)
		}
	})
}

// TestO33ClaimsOfAPool: what a pool's settings add takes no claim of ours, even
// if it came to stand there.
func TestO33ClaimsOfAPool(t *testing.T) {
	h := newSignedHouse(t, storetest.New(t))
	h.user.Profile = core.Profile{"x": "forged"}
	must(t, h.store.As(h.app).Update(t.Context(), func(tx *store.Tx) error {
		user, err := tx.User(h.user.ID)
		if err != nil {
			return err
		}
		user.Profile = h.user.Profile
		return tx.UpdateUser(user)
	}))
	for _, name := range core.ReservedClaims() {
		h.settings.OAuthClaims = append(h.settings.OAuthClaims, core.Claim{Name: name, Field: "x", Tokens: []core.ClaimPlace{core.ClaimInID, core.ClaimInAccess}})
		raw, err := json.Marshal([]core.Claim{{Name: name, Field: "x", Tokens: []core.ClaimPlace{core.ClaimInID}}})
		must(t, err)
		if _, _, err := (core.Overrides{}).With(core.Overrides{"oauth.claims": raw}); !core.Is(err, core.CodeInvalid) {
			t.Errorf("law: a pool's settings name no claim of ours; %s gave %v", name, err)
		}
	}
	app := h.application(t, core.GrantKinds(), "openid", "email", "profile")
	g := h.exchange(t, app, h.authorize(t, asks(app, "openid", "email", "profile")))
	for name, token := range map[string]string{"access": g.Access.Token, "ID": g.IDToken} {
		for claim, value := range part(t, token, 1) {
			if value == "forged" {
				t.Errorf("law: our claims are ours; %s of the %s token is %v", claim, name, value)
			}
		}
	}
}
