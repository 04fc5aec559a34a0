package pangea_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// decodeJWT reads a part of a signed token.
func decodeJWT(t *testing.T, token string, i int) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// The claims are what the vendor's browser packages look for, under both of
// their spellings, and fit what the token's check says.
func TestClaimsOfSignedTokens(t *testing.T) {
	each(t, map[string]any{"token.format": "jwt"}, func(t *testing.T, s *server) {
		s.Person(t, s.app, "ana@example.org")
		token := s.SignIn(t, s.app, "ana@example.org", flowtest.Password).Access.Token
		check := s.post(t, "/v2/client/token/check", `{"token":"`+token+`"}`)
		claims := decodeJWT(t, token, 1)
		for claim, path := range map[string]string{"sub": "identity", "jti": "id", "email": "email", "username": "owner"} {
			if want := check.field(t, path); claims[claim] != want {
				t.Errorf("%s is %v, want %s", claim, claims[claim], want)
			}
		}
		for _, name := range []string{"profile", "intelligence", "pangea.profile", "pangea.intelligence", "pangea.claims"} {
			if _, object := claims[name].(map[string]any); !object {
				t.Errorf("%s is %v, no object", name, claims[name])
			}
		}
		if claims["iss"] != flowtest.PageURL+"/p/demo" {
			t.Errorf("the issuer is %v", claims["iss"])
		}

		// The set of keys verifies it, and has nothing private.
		set := s.call(t, http.MethodPost, "/v2/client/jwks", s.client, "application/json", []byte(`{}`))
		var keys jose.JSONWebKeySet
		if err := json.Unmarshal(set.Result, &keys); err != nil {
			t.Fatal(err)
		}
		found := keys.Key(decodeJWT(t, token, 0)["kid"].(string))
		if len(found) != 1 {
			t.Fatalf("the keys are %s", set.Result)
		}
		signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := signed.Verify(found[0]); err != nil {
			t.Errorf("the set of keys does not verify the token: %v", err)
		}
		for _, private := range []string{`"d"`, `"p"`, `"q"`, `"k"`, `"dp"`, `"dq"`, `"qi"`} {
			if strings.Contains(string(set.Result), private) {
				t.Errorf("the set of keys has %s", private)
			}
		}
		// Another pool has none of it.
		other := s.call(t, http.MethodPost, "/v2/client/jwks", s.other, "application/json", []byte(`{}`))
		if strings.Contains(string(other.Result), found[0].KeyID) {
			t.Error("another pool publishes the key")
		}
		if a := s.call(t, http.MethodPost, "/v2/client/token/check", s.other, "application/json", []byte(`{"token":"`+token+`"}`)); a.Status != "InvalidToken" {
			t.Errorf("in another pool the token is %s", a.Status)
		}
	})
}

// A signed token is a user token and nothing else (O21).
func TestO21SignedTokenConfusion(t *testing.T) {
	each(t, map[string]any{"token.format": "jwt"}, func(t *testing.T, s *server) {
		s.Person(t, s.app, "ana@example.org")
		grant := s.SignIn(t, s.app, "ana@example.org", flowtest.Password)
		token := grant.Access.Token
		for _, bearer := range []string{token, "pts_" + token, "pcl_" + token} {
			if a := s.call(t, http.MethodPost, "/v2/user/list", bearer, "application/json", []byte(`{}`)); a.status != http.StatusUnauthorized {
				t.Errorf("as the bearer: %d", a.status)
			}
		}
		for _, wrong := range []string{token + ".x", token + " ", strings.Replace(token, ".", "", 1)} {
			if a := s.post(t, "/v2/client/token/check", `{"token":"`+wrong+`"}`); a.status != http.StatusBadRequest || a.errors() != "DoesNotMatchPattern /token" {
				t.Errorf("checking %.12s...: %d %s", wrong, a.status, a.errors())
			}
		}
		for _, prefix := range []string{"ptu_", "ptr_", "pts_"} {
			if a := s.post(t, "/v2/client/token/check", `{"token":"`+prefix+token+`"}`); a.Status != "InvalidToken" {
				t.Errorf("checking it behind %s: %s", prefix, a.body)
			}
		}
		if a := s.post(t, "/v2/client/session/refresh", `{"refresh_token":"`+token+`"}`); a.errors() != "DoesNotMatchPattern /refresh_token" {
			t.Errorf("as a refresh token: %s", a.body)
		}
		if a := s.post(t, "/v2/client/userinfo", `{"code":"`+token+`"}`); a.errors() != "DoesNotMatchPattern /code" {
			t.Errorf("as a code: %s", a.body)
		}
		// The vendor's suites log a token out as if it were a person.
		if a := s.post(t, "/v2/session/logout", `{"user_id":"`+token+`"}`); a.Status != "Success" {
			t.Errorf("as a person: %s", a.body)
		}
		if a := s.post(t, "/v2/client/token/check", `{"token":"`+token+`"}`); a.Status != "Success" {
			t.Errorf("after all of this the token is %s", a.Status)
		}
	})
}

// Signed tokens and the keys that sign them are in no log, and the private
// halves nowhere in clear (X26).
func TestX26SignedTokensStayOutOfLogAndDatabase(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		s := newServer(t, storetest.Open(t, database), map[string]any{"token.format": "jwt"})
		s.Person(t, s.app, "ana@example.org")
		token := s.SignIn(t, s.app, "ana@example.org", flowtest.Password).Access.Token
		s.post(t, "/v2/client/token/check", `{"token":"`+token+`","x":"`+token+`"}`)
		s.post(t, "/v2/client/token/check", `{"token":"`+token+`"}`)
		s.post(t, "/v2/client/session/logout?token="+token, `{"token":"`+token+`"}`)
		signature := token[strings.LastIndex(token, ".")+1:]
		if strings.Contains(s.log.String(), signature) {
			t.Error("the log holds the token's signature")
		}
		for table, rows := range storetest.Dump(t, storetest.Raw(t, database), s.app.Pool) {
			if strings.Contains(strings.Join(rows, "\n"), signature) {
				t.Errorf("%s holds the token's signature", table)
			}
		}
	})
}
