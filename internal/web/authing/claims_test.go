package authing_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/web/authing"
)

// part decodes a part of a signed token.
func part(t *testing.T, token string, i int) map[string]any {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	must(t, err)
	var out map[string]any
	must(t, json.Unmarshal(text, &out))
	return out
}

func TestTokensSayWhoAndWhere(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		a := s.register(t, "ana@example.org", flowtest.Password, map[string]any{"generateToken": true, "profile": map[string]any{"nickname": "Nick"}})
		token, id, pool := a.at(t, "registerByEmail", "token").(string), a.at(t, "registerByEmail", "id").(string), authing.PoolID(s.pool.Pool)
		claims := part(t, token, 1)
		for name, want := range map[string]any{
			"sub": id, "aud": s.app, "userpool_id": pool, "email": "ana@example.org", "email_verified": false, "nickname": "Nick", "phone_number": nil,
			"iss": flowtest.PageURL + "/p/demo",
		} {
			if claims[name] != want {
				t.Errorf("the claim %s is %v, want %v", name, claims[name], want)
			}
		}
		data := claims["data"].(map[string]any)
		for name, want := range map[string]any{
			"type": "user", "id": id, "userId": id, "_id": id, "userPoolId": pool, "clientId": pool, "appId": s.app, "email": "ana@example.org",
			"username": nil, "arn": "arn:cn:authing:" + pool + ":user:" + id,
		} {
			if data[name] != want {
				t.Errorf("data.%s is %v, want %v", name, data[name], want)
			}
		}
		if claims["exp"].(float64)-claims["iat"].(float64) != 14*24*3600 {
			t.Errorf("%v", claims)
		}
		// A request that names the pool alone gives a token for no application.
		in := s.input(t, "ana@example.org", flowtest.Password, nil)
		body, err := json.Marshal(map[string]any{"query": logging, "variables": in})
		must(t, err)
		a = s.do(t, ask{method: "POST", path: "/graphql/v2", pool: pool, media: "application/json", body: body})
		claims = part(t, a.at(t, "loginByEmail", "token").(string), 1)
		if _, there := claims["aud"]; there || claims["data"].(map[string]any)["appId"] != nil {
			t.Errorf("%v", claims)
		}
	})
}

// The key that passwords are encrypted with signs nothing: tokens are signed
// with keys of another kind, which are published, and it is not among them.
func TestX2ThePasswordKeySignsNothing(t *testing.T) {
	each(t, nil, func(t *testing.T, s *server) {
		header := part(t, s.token(t, "ana@example.org"), 0)
		if header["alg"] != "ES256" {
			t.Errorf("law: no token is signed with RSA; its header is %v", header)
		}
		keys, err := s.Sessions.KeySet(t.Context(), s.pool, core.DefaultSettings())
		must(t, err)
		if len(keys) != 1 || string(keys[0].ID) != header["kid"] {
			t.Fatalf("law: the key that signed is published: %v, %v", header, keys)
		}
	})
}
