package session_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// alterations are what everybody would try with a text that is not theirs to
// write.
func alterations(add func(how byte, at uint16, with string)) {
	for _, with := range []string{"", "a", "A", "=", "\n", "\x00", "é", ".", "..", "tok_", " ", strings.Repeat("a", 32)} {
		for how := range byte(3) {
			for _, at := range []uint16{0, 1, 16, 31, 65535} {
				add(how, at, with)
			}
		}
	}
}

// FuzzTokens alters tokens, refresh tokens and login codes of two pools: nothing
// but what was given out opens anything, and that in its pool and place (O21,
// O22, O26).
func FuzzTokens(f *testing.F) {
	alterations(func(how byte, at uint16, with string) { f.Add(how, at, with) })
	s := storetest.New(f)
	h := newHouse(f, s)
	stranger := newStranger(f, h)
	stranger.settings.TokenFormat = core.TokenOpaque
	mine, theirs := h.start(f), stranger.start(f)
	f.Fuzz(func(t *testing.T, how byte, at uint16, with string) {
		for name, real := range map[string]string{
			"the token": mine.Access.Token, "the refresh token": mine.Refresh.Token, "another pool's token": theirs.Access.Token, "another pool's refresh token": theirs.Refresh.Token,
		} {
			text := storetest.Alter(real, how, at, with)
			got, err := h.sessions.Check(t.Context(), h.app, text)
			if text == mine.Access.Token {
				if err != nil || string(got.ID) != mine.Access.ID {
					t.Errorf("law: a token is good; it gave %+v (%v)", got, err)
				}
			} else if !core.Is(err, core.CodeTokenInvalid) {
				t.Errorf("law: nothing but a token is one; %s, altered to %q, gave %+v (%v)", name, text, got, err)
			}
			if text != mine.Refresh.Token {
				if _, err := h.sessions.Refresh(t.Context(), h.app, h.settings, text, ""); !core.Is(err, core.CodeTokenInvalid) {
					t.Errorf("law: nothing but a refresh token is one; %s, altered to %q, gave %v", name, text, err)
				}
			}
			if _, err := h.sessions.ExchangeCode(t.Context(), h.app, h.settings, text, ""); !core.Is(err, core.CodeTicketInvalid) {
				t.Errorf("law: nothing but a login code is one; %s, altered to %q, gave %v", name, text, err)
			}
		}
		if code := h.check(t, mine.Access.Token); code != "" {
			t.Errorf("law: what others try ends no session; the token is %s", code)
		}
	})
}

// FuzzSignedTokens alters a signed token, and signs any header and claims with
// another pool's key and with our own, as a thief of it could: a token is good if
// it is what the pool signed, letter by letter up to the signature, and if its
// header says what ours do (O23, O25).
func FuzzSignedTokens(f *testing.F) {
	headers := []string{
		`{"alg":"ES256","kid":"KEY","typ":"JWT"}`, `{"alg":"none","kid":"KEY","typ":"JWT"}`, `{"alg":"ES256","kid":"KEY","typ":"JWT","jku":"https://evil.example"}`, `{"alg":"ES256"}`, `{}`, `null`, ``,
		`{"alg":"ES256","kid":"KEY","typ":"JWT","crit":["b64"],"b64":false}`, `{"alg":"ES256","kid":"sig_","typ":"JWT"}`, `{"alg":"ES256","alg":"none","kid":"KEY","typ":"JWT"}`, `{"typ":"JWT","kid":"KEY","alg":"ES256"} `,
	}
	claims := []string{
		`{"iss":"https://id.example.org","jti":"ID","exp":4102444800}`, `{"iss":"https://id.example.org","jti":"ID","exp":4102444800,"nbf":4102444800}`, `{"iss":"https://id.example.org","jti":"ID","exp":1e300}`,
		`{"iss":"https://id.example.org","jti":"ID","exp":-1}`, `{"iss":"https://id.example.org","jti":"other","exp":4102444800}`, `{"iss":"x","jti":"ID","exp":4102444800}`, `{"jti":["ID"]}`, `[]`, ``, `{"iss":"https://id.example.org","jti":"ID","jti":"ID","exp":4102444800}`,
	}
	n := 0
	alterations(func(how byte, at uint16, with string) {
		f.Add(how, at, with, headers[n%len(headers)], claims[n%len(claims)])
		n++
	})
	for _, header := range headers {
		f.Add(byte(0), uint16(0), "x", header, claims[0])
	}
	for _, text := range claims {
		f.Add(byte(0), uint16(0), "x", headers[0], text)
	}
	h := newSignedHouse(f, storetest.New(f))
	g := h.start(f)
	own := h.keys(f)[0]
	stranger := newStranger(f, h)
	theirs := stranger.start(f)
	foreign := stranger.keys(f)[0]
	signed := g.Access.Token[:strings.LastIndexByte(g.Access.Token, '.')]
	f.Fuzz(func(t *testing.T, how byte, at uint16, with, header, claims string) {
		for name, real := range map[string]string{"a token": g.Access.Token, "another pool's token": theirs.Access.Token} {
			text := storetest.Alter(real, how, at, with)
			if text == g.Access.Token {
				if code := h.check(t, text); code != "" {
					t.Errorf("law: a signed token is good; it is %s", code)
				}
			} else if code := h.check(t, text); code != core.CodeTokenInvalid {
				t.Errorf("law: nothing but what was signed is good; %s, altered to %q, is %q", name, text, code)
			}
		}
		fill := strings.NewReplacer("KEY", string(own.ID), "ID", g.Access.ID)
		header, claims = fill.Replace(header), fill.Replace(claims)
		forged := signWith(t, foreign, header, claims)
		if code := h.check(t, forged); code != core.CodeTokenInvalid {
			t.Errorf("law: what another pool's key signed is nothing here; %s with %s is %q", header, claims, code)
		}
		stolen := signWith(t, own, header, claims)
		if !session.LooksSigned(stolen) && h.check(t, stolen) != core.CodeTokenInvalid {
			t.Errorf("law: what has not the form of a signed token is none; %s is read", stolen)
		}
		if h.check(t, stolen) != "" || strings.HasPrefix(stolen, signed+".") {
			return
		}
		var said map[string]string
		if json.Unmarshal([]byte(header), &said) != nil || len(said) != 3 || said["alg"] != "ES256" || said["kid"] != string(own.ID) || said["typ"] != "JWT" {
			t.Errorf("law: a header says what ours do, and nothing else; %s is believed", header)
		}
		var about struct {
			Issuer string `json:"iss"`
			ID     string `json:"jti"`
		}
		if json.Unmarshal([]byte(claims), &about) != nil || about.Issuer != issuer || about.ID != g.Access.ID {
			t.Errorf("law: a token is about a session that is kept; %s is believed", claims)
		}
	})
}
