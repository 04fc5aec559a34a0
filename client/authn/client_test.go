package authn_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/gatehouse-id/gatehouse/client/authn"
)

// info wants what a token stands for, by value.
func info(t *testing.T, got authn.TokenInfo, kind authn.TokenType, life time.Duration, email string, profile authn.Profile) {
	t.Helper()
	isID(t, "pmt_", got.ID)
	isID(t, "pui_", got.Identity)
	near(t, got.CreatedAt)
	if got.Expire.Sub(got.CreatedAt) != life {
		t.Errorf("a life of %s, want %s", got.Expire.Sub(got.CreatedAt), life)
	}
	if left := time.Duration(got.Life) * time.Second; left > life || left < life-10*time.Minute {
		t.Errorf("%s are left of %s", left, life)
	}
	want := authn.TokenInfo{
		ID: got.ID, Type: kind, Life: got.Life, Expire: got.Expire, Enabled: true, Identity: got.Identity, Email: email, Owner: email,
		Scopes: []string{}, Profile: profile, CreatedAt: got.CreatedAt,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %s\nwant %s", asJSON(t, got), asJSON(t, want))
	}
}

// pair wants the tokens of a fresh session, by value.
func pair(t *testing.T, got *authn.Tokens, email string, profile authn.Profile) {
	t.Helper()
	isID(t, "ptu_", got.ActiveToken.Token)
	isID(t, "ptr_", got.RefreshToken.Token)
	info(t, got.ActiveToken.TokenInfo, authn.TypeUser, 48*time.Hour, email, profile)
	info(t, got.RefreshToken.TokenInfo, authn.TypeSession, 30*24*time.Hour, email, profile)
}

func TestClientMethods(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		for name, token := range map[string]string{"service": s.service, "client": s.client} {
			t.Run(name, func(t *testing.T) {
				a, ctx := s.with(t, token), t.Context()
				email, profile := "ana."+name+"@example.org", authn.Profile{"first_name": "Ana"}
				first := signUp(t, a, email, profile)
				pair(t, first, email, profile)

				seen := ok(a.Client.Token.Check(ctx, first.ActiveToken.Token))(t)
				info(t, *seen, authn.TypeUser, 48*time.Hour, email, profile)
				if seen.ID != first.ActiveToken.ID || !seen.Expire.Equal(first.ActiveToken.Expire) {
					t.Errorf("another token: %+v", seen)
				}

				second := ok(a.Client.Session.Refresh(ctx, authn.RefreshRequest{RefreshToken: first.RefreshToken.Token, UserToken: first.ActiveToken.Token}))(t)
				pair(t, second, email, profile)
				if second.RefreshToken.ID != first.RefreshToken.ID || second.ActiveToken.Token == first.ActiveToken.Token {
					t.Error("law: a refresh gives other tokens of the same session")
				}
				third := ok(a.Client.Session.Refresh(ctx, authn.RefreshRequest{RefreshToken: second.RefreshToken.Token}))(t)

				change := authn.PasswordChangeRequest{Token: third.ActiveToken.Token, OldPassword: newPassword, NewPassword: newPassword}
				refused(t, a.Client.Password.Change(ctx, change), authn.StatusAuthenticationFailure, http.StatusBadRequest)
				change.OldPassword, change.NewPassword = password, "short"
				refused(t, a.Client.Password.Change(ctx, change), authn.StatusValidationError, http.StatusBadRequest, "BelowMinLength /new_password")
				change.NewPassword = newPassword
				if err := a.Client.Password.Change(ctx, change); err != nil {
					t.Fatal(err)
				}
				ok(a.Client.Token.Check(ctx, third.ActiveToken.Token))(t)

				if err := a.Client.Session.Logout(ctx, third.ActiveToken.Token); err != nil {
					t.Fatal(err)
				}
				_, err := a.Client.Token.Check(ctx, third.ActiveToken.Token)
				refused(t, err, authn.StatusInvalidToken, http.StatusBadRequest)
				_, err = a.Client.Session.Refresh(ctx, authn.RefreshRequest{RefreshToken: third.RefreshToken.Token})
				refused(t, err, authn.StatusInvalidToken, http.StatusBadRequest)
				refused(t, a.Client.Session.Logout(ctx, third.ActiveToken.Token), authn.StatusInvalidToken, http.StatusBadRequest)
				refused(t, a.Client.Session.Logout(ctx, ""), authn.StatusValidationError, http.StatusBadRequest, "FieldRequired /token")
			})
		}
	})
}

// A signed token is verified with the keys of the set alone, by the standard
// library; a pool of opaque tokens has none.
func TestJWKS(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		if set := ok(s.with(t, s.client).Client.JWKS(t.Context()))(t); set.Keys == nil || len(set.Keys) != 0 {
			t.Errorf("the keys are %+v", set)
		}
	})
	onEngines(t, map[string]any{"token.format": "jwt"}, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.client), t.Context()
		tokens := signUp(t, a, "ana@example.org", authn.Profile{"first_name": "Ana"})
		set := ok(a.Client.JWKS(ctx))(t)
		parts := strings.Split(tokens.ActiveToken.Token, ".")
		var header struct{ Alg, Kid string }
		var claims struct {
			Iss, Sub, Jti string
			Exp           int64
		}
		decode := base64.RawURLEncoding.DecodeString
		if err := errors.Join(json.Unmarshal(ok(decode(parts[0]))(t), &header), json.Unmarshal(ok(decode(parts[1]))(t), &claims)); err != nil {
			t.Fatal(err)
		}
		if len(set.Keys) != 1 {
			t.Fatalf("the keys are %+v", set)
		}
		key := set.Keys[0]
		if want := (authn.JWK{KeyType: "EC", Algorithm: "ES256", Curve: "P-256", KeyID: header.Kid, Use: "sig", X: key.X, Y: key.Y}); key != want {
			t.Errorf("the key is %+v", key)
		}
		point := slices.Concat([]byte{4}, ok(decode(key.X))(t), ok(decode(key.Y))(t))
		public := ok(ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point))(t)
		signature, sum := ok(decode(parts[2]))(t), sha256.Sum256([]byte(parts[0]+"."+parts[1]))
		if !ecdsa.Verify(public, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
			t.Error("law: the set of keys verifies a token")
		}
		active := tokens.ActiveToken
		if claims.Iss != s.login || claims.Sub != active.Identity || claims.Jti != active.ID || claims.Exp != active.Expire.Unix() {
			t.Errorf("the claims are %+v of %+v", claims, active.TokenInfo)
		}
		info(t, *ok(a.Client.Token.Check(ctx, active.Token))(t), authn.TypeUser, 48*time.Hour, "ana@example.org", authn.Profile{"first_name": "Ana"})
		next := ok(a.Client.Session.Refresh(ctx, authn.RefreshRequest{RefreshToken: tokens.RefreshToken.Token, UserToken: active.Token}))(t)
		if err := a.Client.Session.Logout(ctx, next.ActiveToken.Token); err != nil {
			t.Fatal(err)
		}
		_, err := a.Client.Token.Check(ctx, next.ActiveToken.Token)
		refused(t, err, authn.StatusInvalidToken, http.StatusBadRequest)
	})
}

func TestExpiredToken(t *testing.T) {
	onEngines(t, map[string]any{"token.refresh_grace": "0s"}, func(t *testing.T, s *server) {
		a := s.with(t, s.client)
		tokens := signUp(t, a, "ana@example.org", nil)
		ok(a.Client.Session.Refresh(t.Context(), authn.RefreshRequest{RefreshToken: tokens.RefreshToken.Token}))(t)
		_, err := a.Client.Token.Check(t.Context(), tokens.ActiveToken.Token)
		refused(t, err, authn.StatusExpiredToken, http.StatusBadRequest)
		_, err = a.Client.Session.Refresh(t.Context(), authn.RefreshRequest{RefreshToken: tokens.RefreshToken.Token})
		refused(t, err, authn.StatusInvalidToken, http.StatusBadRequest)
	})
}

func TestUserInfo(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, profile := s.with(t, s.client), authn.Profile{"first_name": "Ana"}
		signUp(t, a, "ana@example.org", profile)
		query := hostedSignIn(t, s, "ana@example.org", "state-of-the-browser")
		if query.Get("state") != "state-of-the-browser" {
			t.Errorf("the browser came back with %v", query)
		}
		code := query.Get("code")
		_, err := a.Client.UserInfo(t.Context(), authn.UserInfoRequest{Code: code, FlowID: "pfl_" + strings.Repeat("a", 32)})
		refused(t, err, authn.StatusInvalidToken, http.StatusBadRequest)
		code = hostedSignIn(t, s, "ana@example.org", "state-of-the-browser").Get("code")
		tokens := ok(a.Client.UserInfo(t.Context(), authn.UserInfoRequest{Code: code}))(t)
		pair(t, tokens, "ana@example.org", profile)
		ok(a.Client.Token.Check(t.Context(), tokens.ActiveToken.Token))(t)
		_, err = a.Client.UserInfo(t.Context(), authn.UserInfoRequest{Code: code})
		refused(t, err, authn.StatusInvalidToken, http.StatusBadRequest)
		_, err = a.Client.UserInfo(t.Context(), authn.UserInfoRequest{Code: "1234"})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "DoesNotMatchPattern /code")
	})
}

// hostedSignIn signs somebody in on the hosted pages, and returns the query
// with which they send the browser back to the application.
func hostedSignIn(t *testing.T, s *server, email, state string) url.Values {
	t.Helper()
	jar := ok(cookiejar.New(nil))(t)
	browser := &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), callback) {
			return http.ErrUseLastResponse
		}
		return nil
	}}
	page := ok(browser.Get(s.login + "/authorize?" + url.Values{"redirect_uri": {callback}, "state": {state}}.Encode()))(t)
	for _, step := range []struct{ choice, field, value string }{{"set_email", "email", email}, {"password", "password", password}} {
		action, fields := form(t, page, step.choice)
		fields.Set(step.field, step.value)
		r := ok(http.NewRequestWithContext(t.Context(), http.MethodPost, action, strings.NewReader(fields.Encode())))(t)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", s.url)
		page = ok(browser.Do(r))(t)
	}
	defer page.Body.Close()
	back, err := page.Location()
	if err != nil || !strings.HasPrefix(back.String(), callback+"?") {
		text, _ := io.ReadAll(page.Body)
		t.Fatalf("the pages do not lead back: %d, %v\n%s", page.StatusCode, err, text)
	}
	return back.Query()
}

// form reads the form for a choice from a page.
func form(t *testing.T, page *http.Response, choice string) (action string, fields url.Values) {
	t.Helper()
	defer page.Body.Close()
	root := ok(html.Parse(page.Body))(t)
	for form := range root.Descendants() {
		if form.Data != "form" {
			continue
		}
		fields = url.Values{}
		for input := range form.Descendants() {
			if name := attribute(input, "name"); input.Data == "input" && name != "" {
				fields.Set(name, attribute(input, "value"))
			}
		}
		if fields.Get("choice") == choice {
			return ok(page.Request.URL.Parse(attribute(form, "action")))(t).String(), fields
		}
	}
	t.Fatalf("no form for %s at %s", choice, page.Request.URL)
	return "", nil
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// A token does not show its secret where it is printed or logged.
func TestTokensAreNotPrinted(t *testing.T) {
	const hidden = "ptu_secret"
	token := authn.Token{Token: hidden, TokenInfo: authn.TokenInfo{ID: "pmt_1", Type: authn.TypeUser, Identity: "pui_1", Expire: time.Unix(0, 0)}}
	tokens := authn.Tokens{ActiveToken: token, RefreshToken: token}
	const shown = "user token pmt_1 of pui_1 until 1970-01-01T00:00:00Z"
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "token", token, "tokens", tokens, "pointer", &tokens)
	for _, text := range []string{
		fmt.Sprint(token), fmt.Sprintf("%v %+v %#v %s %q %x", token, token, token, token, token, token), fmt.Sprintf("%+v", tokens),
		fmt.Sprintf("%#v", &tokens), log.String(),
	} {
		if strings.Contains(text, hidden) || !strings.Contains(text, shown) {
			t.Errorf("printed as %s", text)
		}
	}
}

// Whose address it is, the server believes a service token alone.
func TestWithEndUserAddress(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		service := s.with(t, s.service)
		for token, want := range map[string]string{s.service: "2001:db8::9", s.client: "127.0.0.1"} {
			a, ctx := s.with(t, token), authn.WithEndUserAddress(t.Context(), netip.MustParseAddr("2001:db8::9"))
			email := "ana" + token[:3] + "@example.org"
			signUp(t, a, email, nil)
			state := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: email}))(t)
			state = ok(a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: state.FlowID, Answer: authn.PasswordAnswer{Password: password}}))(t)
			ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: state.FlowID}))(t)
			if got := ok(service.User.Profile.Get(t.Context(), authn.ByEmail(email)))(t).LastLoginIP; got != want {
				t.Errorf("last signed in from %s, want %s", got, want)
			}
		}
	})
}
