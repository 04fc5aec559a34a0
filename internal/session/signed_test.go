package session_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

const issuer = "https://id.example.org"

// newSignedHouse is a house whose pool signs its tokens.
func newSignedHouse(t testing.TB, s *store.Store) *house {
	t.Helper()
	h := &house{store: s, user: storetest.User("ana"), settings: core.DefaultSettings()}
	h.sessions = session.New(s, session.Spelling{Issuer: func(core.Pool) string { return issuer }})
	h.settings.TokenFormat = core.TokenSigned
	h.app = storetest.Caller(storetest.Pool(t, s, "demo", core.Overrides{"token.format": json.RawMessage(`"jwt"`)}))
	h.user.Profile = core.Profile{"first_name": "Ana"}
	must(t, s.As(h.app).Update(t.Context(), func(tx *store.Tx) error { return tx.CreateUser(h.user) }))
	return h
}

// keys are the pool's keys with their private halves, as a thief has them.
func (h *house) keys(t testing.TB) (keys []store.SigningKey) {
	t.Helper()
	must(t, h.store.As(h.app).View(t.Context(), func(tx *store.Tx) (err error) { keys, err = tx.SigningKeys(); return err }))
	return keys
}

// part reads one part of a token.
func part(t testing.TB, token string, i int) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	must(t, err)
	var out map[string]any
	must(t, json.Unmarshal(text, &out))
	return out
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// signWith puts a token together from any header and claims, and signs it with
// a key, as whoever has the key can.
func signWith(t testing.TB, k store.SigningKey, header, claims string) string {
	t.Helper()
	input := encode(header) + "." + encode(claims)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, k.Private, sum[:])
	must(t, err)
	signature := make([]byte, 64) // RFC 7518 section 3.4
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return input + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func mustJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	must(t, err)
	return string(text)
}

func TestSignedTokens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newSignedHouse(t, s)
		g := h.start(t)
		published, err := h.sessions.KeySet(t.Context(), h.app, h.settings)
		must(t, err)
		if len(published) != 1 {
			t.Fatalf("there are %d keys", len(published))
		}
		header, claims := part(t, g.Access.Token, 0), part(t, g.Access.Token, 1)
		if got := mustJSON(t, header); got != `{"alg":"ES256","kid":"`+string(published[0].ID)+`","typ":"JWT"}` {
			t.Errorf("the header is %s", got)
		}
		if got, want := mustJSON(t, claims), mustJSON(t, map[string]any{
			"iss": issuer, "sub": h.user.ID, "jti": g.Access.ID, "iat": g.Access.CreatedAt.Unix(), "exp": g.Access.ExpiresAt.Unix(),
			"email": h.user.Email, "username": h.user.Username, "profile": h.user.Profile,
		}); got != want {
			t.Errorf("the claims are %s, want %s", got, want)
		}
		signed, err := jose.ParseSignedCompact(g.Access.Token, []jose.SignatureAlgorithm{jose.ES256})
		must(t, err)
		if _, err := signed.Verify(published[0].Public); err != nil {
			t.Errorf("whoever has the set of keys cannot verify the token: %v", err)
		}
		checked, err := h.sessions.Check(t.Context(), h.app, g.Access.Token)
		must(t, err)
		if string(checked.ID) != g.Access.ID || checked.User.ID != h.user.ID || string(checked.Session) != g.Refresh.ID || !checked.ExpiresAt.Equal(g.Access.ExpiresAt) {
			t.Errorf("the token stands for %+v", checked)
		}

		// A refresh takes the token for what it is, and the grace answers the same one.
		h.settings.RefreshNeedsAccess = true
		other := h.start(t)
		for _, wrong := range []string{"", other.Access.Token, g.Access.Token + "x"} {
			if _, err := h.sessions.Refresh(t.Context(), h.app, h.settings, g.Refresh.Token, wrong); !core.Is(err, core.CodeTokenInvalid) {
				t.Errorf("a refresh with the token %q: %v", wrong, err)
			}
		}
		next, err := h.sessions.Refresh(t.Context(), h.app, h.settings, g.Refresh.Token, g.Access.Token)
		must(t, err)
		again, err := h.sessions.Refresh(t.Context(), h.app, h.settings, g.Refresh.Token, g.Access.Token)
		must(t, err)
		if next.Access.Token == g.Access.Token || again.Access.Token != next.Access.Token || again.Refresh.Token != next.Refresh.Token {
			t.Errorf("the grace answers\n%+v\nin place of\n%+v", again, next)
		}
		if code := h.check(t, next.Access.Token); code != "" {
			t.Errorf("the next token is %s", code)
		}

		// A pool that goes back to opaque tokens takes the signed ones on.
		h.settings.TokenFormat = core.TokenOpaque
		opaque, err := h.sessions.Refresh(t.Context(), h.app, h.settings, next.Refresh.Token, next.Access.Token)
		must(t, err)
		for _, token := range []string{opaque.Access.Token, other.Access.Token} {
			if code := h.check(t, token); code != "" {
				t.Errorf("after a change of the format the token %.10s is %s", token, code)
			}
		}
		must(t, h.sessions.SignOut(t.Context(), h.app, other.Access.Token))
		if code := h.check(t, other.Access.Token); code != core.CodeTokenInvalid {
			t.Errorf("after signing out the token is %q", code)
		}
		if err := h.sessions.SignOut(t.Context(), h.app, other.Access.Token); !core.Is(err, core.CodeTokenInvalid) {
			t.Errorf("signing out twice: %v", err)
		}
	})
}

// Of many refreshes with one token all get the one successor, signed or not (O14).
func TestO14ParallelRefreshOfSignedTokens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newSignedHouse(t, s)
		for range storetest.Rounds(t) {
			g := h.start(t)
			answers := make([]string, 64)
			storetest.Together(len(answers), func(i int) {
				next, err := h.sessions.Refresh(context.Background(), h.app, h.settings, g.Refresh.Token, g.Access.Token)
				answers[i] = fmt.Sprint(next.Refresh.Token, " ", next.Access.Token, err)
			})
			if slices.Sort(answers); answers[0] != answers[len(answers)-1] {
				t.Errorf("law: one token has one successor; there are\n%s\nand\n%s", answers[0], answers[len(answers)-1])
			}
		}
	})
}

// TestO23ForgedSignedTokens is abuse case O23: only what the pool's own keys
// have signed, in the form in which they sign, stands for anybody.
func TestO23ForgedSignedTokens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newSignedHouse(t, s)
		g := h.start(t)
		key := h.keys(t)[0]
		stranger := newStranger(t, h)
		theirs := stranger.start(t)
		foreign := stranger.keys(t)[0]

		parts := strings.Split(g.Access.Token, ".")
		header, claims := mustJSON(t, part(t, g.Access.Token, 0)), mustJSON(t, part(t, g.Access.Token, 1))
		with := func(text, name string, value any) string {
			var m map[string]any
			must(t, json.Unmarshal([]byte(text), &m))
			if m[name] = value; value == nil {
				delete(m, name)
			}
			return mustJSON(t, m)
		}
		if code := h.check(t, signWith(t, key, header, claims)); code != "" {
			t.Fatalf("what is signed like ours is %s: this test would prove nothing", code)
		}
		unsigned := func(header string) string { return encode(header) + "." + parts[1] + "." }
		point, err := key.Public.Bytes()
		must(t, err)
		pkix, err := x509.MarshalPKIXPublicKey(key.Public)
		must(t, err)
		pemText := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})
		jwk, err := json.Marshal(jose.JSONWebKey{Key: key.Public, KeyID: string(key.ID), Algorithm: "ES256", Use: "sig"})
		must(t, err)
		ownJWK, err := json.Marshal(jose.JSONWebKey{Key: foreign.Public, KeyID: string(key.ID)})
		must(t, err)
		hs256 := func(secret []byte) string {
			input := encode(with(header, "alg", "HS256")) + "." + parts[1]
			mac := hmac.New(sha256.New, secret)
			mac.Write([]byte(input))
			return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
		}
		later, earlier := time.Now().Add(time.Hour).Unix(), time.Now().Add(-time.Hour).Unix()

		forged := map[string]string{
			"alg none":                        unsigned(with(header, "alg", "none")),
			"alg None":                        unsigned(with(header, "alg", "None")),
			"alg nOnE":                        unsigned(with(header, "alg", "nOnE")),
			"alg none with our signature":     encode(with(header, "alg", "none")) + "." + parts[1] + "." + parts[2],
			"no alg":                          signWith(t, key, with(header, "alg", nil), claims),
			"alg empty":                       signWith(t, key, with(header, "alg", ""), claims),
			"alg ES384":                       signWith(t, key, with(header, "alg", "ES384"), claims),
			"alg in other case":               signWith(t, key, with(header, "alg", "es256"), claims),
			"no signature":                    parts[0] + "." + parts[1] + ".",
			"no signature, two parts":         parts[0] + "." + parts[1],
			"a signature of zeros":            parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
			"a signature in DER's place":      parts[0] + "." + parts[1] + "." + encode("0\x06\x02\x01\x01\x02\x01\x01"),
			"HS256 with the PEM":              hs256(pemText),
			"HS256 with the DER":              hs256(pkix),
			"HS256 with the point":            hs256(point),
			"HS256 with the JWK":              hs256(jwk),
			"HS256 with the set of keys":      hs256([]byte(`{"keys":[` + string(jwk) + `]}`)),
			"another pool's key":              signWith(t, foreign, with(header, "kid", string(foreign.ID)), claims),
			"another pool's key by our kid":   signWith(t, foreign, header, claims),
			"no kid":                          signWith(t, key, with(header, "kid", nil), claims),
			"kid empty":                       signWith(t, key, with(header, "kid", ""), claims),
			"kid unknown":                     signWith(t, foreign, with(header, "kid", string(core.NewSigningKeyID())), claims),
			"kid a path":                      signWith(t, key, with(header, "kid", "../../dev/null"), claims),
			"kid SQL":                         signWith(t, key, with(header, "kid", "' OR 1=1--"), claims),
			"kid a list":                      signWith(t, key, with(header, "kid", []string{string(key.ID)}), claims),
			"jku":                             signWith(t, foreign, with(header, "jku", "https://evil.example/jwks.json"), claims),
			"jku beside our key":              signWith(t, key, with(header, "jku", "https://evil.example/jwks.json"), claims),
			"jwk":                             signWith(t, foreign, with(header, "jwk", json.RawMessage(ownJWK)), claims),
			"jwk beside our key":              signWith(t, key, with(header, "jwk", json.RawMessage(jwk)), claims),
			"x5u":                             signWith(t, foreign, with(header, "x5u", "https://evil.example/x.pem"), claims),
			"x5u beside our key":              signWith(t, key, with(header, "x5u", "https://evil.example/x.pem"), claims),
			"x5c beside our key":              signWith(t, key, with(header, "x5c", []string{"MIIB"}), claims),
			"crit unknown":                    signWith(t, key, with(header, "crit", []string{"x"}), claims),
			"b64 false":                       signWith(t, key, with(with(header, "crit", []string{"b64"}), "b64", false), claims),
			"typ of another kind":             signWith(t, key, with(header, "typ", "at+jwt"), claims),
			"no typ":                          signWith(t, key, with(header, "typ", nil), claims),
			"a key of the header twice":       signWith(t, key, strings.Replace(header, "{", `{"alg":"none",`, 1), claims),
			"the header in other case":        signWith(t, key, strings.Replace(header, `"alg"`, `"ALG"`, 1), claims),
			"something behind the header":     signWith(t, key, header+"{}", claims),
			"a claim twice":                   signWith(t, key, header, strings.Replace(claims, "{", `{"jti":"tok_x",`, 1)),
			"another issuer":                  signWith(t, key, header, with(claims, "iss", "https://evil.example")),
			"no issuer":                       signWith(t, key, header, with(claims, "iss", nil)),
			"a list of issuers":               signWith(t, key, header, with(claims, "iss", []string{issuer})),
			"no exp":                          signWith(t, key, header, with(claims, "exp", nil)),
			"exp a text":                      signWith(t, key, header, with(claims, "exp", fmt.Sprint(later))),
			"exp with a fraction":             signWith(t, key, header, with(claims, "exp", json.RawMessage(fmt.Sprint(later, ".5")))),
			"exp beyond all numbers":          signWith(t, key, header, with(claims, "exp", json.RawMessage("1e400"))),
			"exp negative":                    signWith(t, key, header, with(claims, "exp", -1)),
			"nbf to come":                     signWith(t, key, header, with(claims, "nbf", later)),
			"nbf a text":                      signWith(t, key, header, with(claims, "nbf", "x")),
			"no jti":                          signWith(t, key, header, with(claims, "jti", nil)),
			"jti of nothing":                  signWith(t, key, header, with(claims, "jti", string(core.NewTokenID()))),
			"jti of another pool's token":     signWith(t, key, header, with(claims, "jti", theirs.Access.ID)),
			"jti of a session":                signWith(t, key, header, with(claims, "jti", g.Refresh.ID)),
			"claims that are no object":       signWith(t, key, header, `"x"`),
			"claims that are not JSON":        signWith(t, key, header, `{`),
			"another's claims, our signature": parts[0] + "." + encode(with(claims, "sub", "usr_other")) + "." + parts[2],
			"the general JSON form":           `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`,
			"the flat JSON form":              `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
			"padding":                         parts[0] + "=." + parts[1] + "." + parts[2],
			"a blank before":                  " " + g.Access.Token,
			"a line behind":                   g.Access.Token + "\n",
			"a fourth part":                   g.Access.Token + "." + parts[2],
			"another pool's token":            theirs.Access.Token,
			"a header of a megabyte":          encode(with(header, "x", strings.Repeat("x", 1<<20))) + "." + parts[1] + "." + parts[2],
			"a hundred thousand dots":         strings.Repeat(".", 100_000),
			"our token behind a prefix":       "tok_" + g.Access.Token,
		}
		for name, token := range forged {
			if code := h.check(t, token); code != core.CodeTokenInvalid {
				t.Errorf("law: a forged token is invalid; %s is %q", name, code)
			}
			if err := h.sessions.SignOut(t.Context(), h.app, token); !core.Is(err, core.CodeTokenInvalid) {
				t.Errorf("law: a forged token ends no session; %s gave %v", name, err)
			}
		}
		needs := h.settings
		needs.RefreshNeedsAccess = true
		for name, token := range forged {
			if _, err := h.sessions.Refresh(t.Context(), h.app, needs, g.Refresh.Token, token); !core.Is(err, core.CodeTokenInvalid) {
				t.Errorf("law: a forged token helps no refresh; %s gave %v", name, err)
			}
		}
		if code := h.check(t, g.Access.Token); code != "" {
			t.Errorf("after all of this the true token is %s", code)
		}
		// O25: a token that is read without a fault and is past its time.
		if code := h.check(t, signWith(t, key, header, with(claims, "exp", earlier))); code != core.CodeTokenExpired {
			t.Errorf("an expired token is %q", code)
		}
		// One that says it lives longer than the session's record does not.
		t25, err := h.sessions.Check(t.Context(), h.app, signWith(t, key, header, with(claims, "exp", time.Now().Add(1000*time.Hour).Unix())))
		must(t, err)
		if !t25.ExpiresAt.Equal(g.Access.ExpiresAt) {
			t.Errorf("a token that gives itself a longer life has it: until %v", t25.ExpiresAt)
		}
	})
}

// newStranger is another pool of the same server, with the same person's id.
func newStranger(t testing.TB, h *house) *house {
	t.Helper()
	other := *h
	other.app = storetest.Caller(storetest.Pool(t, h.store, "stranger", core.Overrides{"token.format": json.RawMessage(`"jwt"`)}))
	must(t, h.store.As(other.app).Update(t.Context(), func(tx *store.Tx) error { return tx.CreateUser(h.user) }))
	return &other
}

// TestO25ExpiredSignedTokens is abuse case O25: that a token could be read is
// not that it is good.
func TestO25ExpiredSignedTokens(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := newSignedHouse(t, storetest.Open(t, database))
		g := h.start(t)
		time.Sleep(time.Until(g.Access.ExpiresAt) - time.Second)
		if code := h.check(t, g.Access.Token); code != "" {
			t.Errorf("a second before its end the token is %s", code)
		}
		time.Sleep(time.Second)
		if code := h.check(t, g.Access.Token); code != core.CodeTokenExpired {
			t.Errorf("at its end the token is %q", code)
		}
		h.settings.RefreshNeedsAccess = true
		next, err := h.sessions.Refresh(t.Context(), h.app, h.settings, g.Refresh.Token, g.Access.Token)
		must(t, err)
		// The one from before a refresh lives for the grace, whatever it says of itself.
		last, err := h.sessions.Refresh(t.Context(), h.app, h.settings, next.Refresh.Token, next.Access.Token)
		must(t, err)
		time.Sleep(11 * time.Second)
		if code := h.check(t, next.Access.Token); code != core.CodeTokenExpired {
			t.Errorf("after the grace the token from before is %q", code)
		}
		if code := h.check(t, last.Access.Token); code != "" {
			t.Errorf("the newest token is %s", code)
		}
	})
}

// TestX33ClocksThatDiffer is abuse case X33: a clock may be ahead or behind by
// a minute where nothing is won by it, and what has expired has expired.
func TestX33ClocksThatDiffer(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := newSignedHouse(t, storetest.Open(t, database))
		g := h.start(t)
		key, header, claims := h.keys(t)[0], mustJSON(t, part(t, g.Access.Token, 0)), part(t, g.Access.Token, 1)
		for _, c := range []struct {
			name string
			off  time.Duration
			code core.Code
		}{
			{"nbf", core.ClockSlack, ""}, {"nbf", core.ClockSlack + time.Second, core.CodeTokenInvalid},
			{"exp", time.Second, ""}, {"exp", 0, core.CodeTokenExpired}, {"exp", -time.Second, core.CodeTokenExpired},
		} {
			changed := maps.Clone(claims)
			changed[c.name] = time.Now().Add(c.off).Unix()
			if code := h.check(t, signWith(t, key, header, mustJSON(t, changed))); code != c.code {
				t.Errorf("%s %v from now: %q, want %q", c.name, c.off, code, c.code)
			}
		}
		// The pool's first key was made by a node whose clock is ahead.
		must(t, h.store.As(h.app).Update(t.Context(), func(tx *store.Tx) error {
			if err := tx.ForgetSigningKeys(); err != nil {
				return err
			}
			key.CreatedAt, key.ActiveFrom = tx.Now().Add(time.Minute), tx.Now().Add(time.Minute)
			return tx.PutSigningKey(key, "")
		}))
		if code := h.check(t, h.start(t).Access.Token); code != "" {
			t.Errorf("what a node behind has signed is %s", code)
		}
	})
}

// A face may ask for a signed token where the pool's are opaque, for somebody,
// and in words of its own. The pool's own tokens stay what they are.
func TestFormOfOneToken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		form := session.Form{Signed: true, Audience: "app", Claims: func(u core.User, id core.TokenID) session.Claims {
			return session.Claims{Subject: "p:" + string(u.ID), ID: "j:" + string(id), More: map[string]any{"more": 1, "aud": "forged"}}
		}}
		pending, err := h.sessions.PrepareAs(t.Context(), h.app, h.settings, form)
		must(t, err)
		var g core.Grant
		must(t, h.store.As(h.app).Update(t.Context(), func(tx *store.Tx) (err error) {
			g, err = pending.Start(tx, h.user, h.settings)
			return err
		}))
		claims := part(t, g.Access.Token, 1)
		if claims["sub"] != "p:"+string(h.user.ID) || claims["jti"] != "j:"+g.Access.ID || claims["aud"] != "app" || claims["more"] != 1.0 {
			t.Errorf("the claims are %v", claims)
		}
		if code := h.check(t, g.Access.Token); code != "" {
			t.Errorf("the token is %s", code)
		}
		if keys, err := h.sessions.KeySet(t.Context(), h.app, h.settings); err != nil || len(keys) != 1 {
			t.Errorf("law: who reads the token finds its key published: %v %v", keys, err)
		}
		if own := h.start(t).Access.Token; session.LooksSigned(own) {
			t.Errorf("the pool's own token is %s", own)
		}
		next, err := h.sessions.Refresh(t.Context(), h.app, h.settings, g.Refresh.Token, g.Access.Token)
		must(t, err)
		if session.LooksSigned(next.Access.Token) {
			t.Error("law: the form is that of one token; a refresh gives the pool's")
		}
		must(t, h.sessions.SignOut(t.Context(), h.app, next.Access.Token))
		if code := h.check(t, g.Access.Token); code != core.CodeTokenInvalid {
			t.Errorf("law: it ends with its session; it is %q", code)
		}
	})
}

// TestO33ReservedClaims is abuse case O33: what a face or a person adds takes
// no claim of ours, and a claim that is too long is left out.
func TestO33ReservedClaims(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newSignedHouse(t, s)
		reserved := []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "email", "username", "profile"}
		h.sessions = session.New(s, session.Spelling{
			Issuer: func(core.Pool) string { return issuer },
			Claims: func(u core.User, id core.TokenID) session.Claims {
				more := map[string]any{"long": strings.Repeat("x", 5000), "more": true}
				for _, name := range reserved {
					more[name] = "forged"
				}
				return session.Claims{Subject: "s:" + string(u.ID), ID: "t:" + string(id), More: more}
			},
		})
		h.user.Profile = core.Profile{"iss": "forged", "long": strings.Repeat("x", 4000), "longer": strings.Repeat("x", 4000)}
		g := h.start(t)
		claims := part(t, g.Access.Token, 1)
		for name, value := range claims {
			if slices.Contains(reserved, name) && value == "forged" {
				t.Errorf("law: our claims are ours; %s is %v", name, value)
			}
		}
		for _, absent := range []string{"aud", "nbf", "profile", "long"} {
			if _, there := claims[absent]; there {
				t.Errorf("the claim %s is there", absent)
			}
		}
		if claims["more"] != true || claims["sub"] != "s:"+string(h.user.ID) || claims["jti"] != "t:"+g.Access.ID {
			t.Errorf("the claims are %v", claims)
		}
		if len(g.Access.Token) > session.MaxSigned {
			t.Errorf("a token of %d bytes is too long to be taken", len(g.Access.Token))
		}
		if code := h.check(t, g.Access.Token); code != "" {
			t.Errorf("the token is %s", code)
		}
	})
}

// TestT7SignedTokenIsOnePools is abuse case T7 for signed tokens: the same
// token, asked for by another pool, from memory or not.
func TestT7SignedTokenIsOnePools(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newSignedHouse(t, s)
		following(t, s)
		stranger := newStranger(t, h)
		g := h.start(t)
		for range 2 { // the second time from memory
			if code := h.check(t, g.Access.Token); code != "" {
				t.Fatalf("the token is %s", code)
			}
			if code := stranger.check(t, g.Access.Token); code != core.CodeTokenInvalid {
				t.Errorf("to another pool the token is %q", code)
			}
		}
	})
}

// A check that is answered from memory asks the database nothing, whatever the
// token: it succeeds though its context has ended.
func TestChecksAskTheDatabaseNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		signed := newSignedHouse(t, s)
		following(t, s)
		opaque := *signed
		opaque.settings.TokenFormat = core.TokenOpaque
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for name, h := range map[string]*house{"signed": signed, "opaque": &opaque} {
			g := h.start(t)
			if _, err := h.sessions.Check(ended, h.app, g.Access.Token); err == nil {
				t.Fatalf("%s: this test cannot tell", name)
			}
			var again error
			var allocated float64
			remembered := func() bool {
				if code := h.check(t, g.Access.Token); code != "" {
					t.Fatalf("the token is %s", code)
				}
				_, again = h.sessions.Check(ended, h.app, g.Access.Token)
				// It verifies no signature a second time either.
				allocated = testing.AllocsPerRun(100, func() { _, _ = h.sessions.Check(ended, h.app, g.Access.Token) })
				return again == nil && allocated <= 10 // a few, and more with the race detector
			}
			// A node that others keep from reading what has changed, as on a busy
			// machine, trusts for that time nothing that it remembers.
			for range 30 {
				if remembered() {
					break
				}
				time.Sleep(time.Second)
			}
			if again != nil || allocated > 10 {
				t.Errorf("law: %s: the second check asks nobody, and allocates little; got %v, and %v allocations", name, again, allocated)
			}
		}
	})
}
