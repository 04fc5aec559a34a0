package app

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/web/authing"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// Both vendors' faces answer on one address, each its own paths, and the set of
// keys that one publishes does not hold the key that the other has passwords
// encrypted with (X2).
func TestX2FacesSideBySide(t *testing.T) {
	a := open(t, Mode{})
	defer a.Close()
	created, err := a.Pools.Create(t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorSystem}}, pool.NewPool{
		Name: "shop", Overrides: core.Overrides{"token.format": []byte(`"jwt"`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := a.Handler(Mode{})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(method, path, token, body string) string {
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Authing-App-Id", authing.ApplicationID(created.Application.ID))
		r.Header.Set("Authorization", "Bearer "+token)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		text, err := io.ReadAll(w.Result().Body)
		if err != nil || w.Code != http.StatusOK {
			t.Fatalf("%s answers %d %s (%v)", path, w.Code, text, err)
		}
		return string(text)
	}
	wellKnown := ask(http.MethodGet, "//api/v2/.well-known", "", "")
	jwks := ask(http.MethodPost, "/v2/client/jwks", pangea.ClientToken(created.ClientKey.Reveal()), "{}")
	keys, err := a.Pools.PasswordKeys(t.Context(), core.Caller{Pool: created.Pool.ID})
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode([]byte(keys.Given().Public))
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if line := strings.Split(keys.Given().Public, "\n")[1]; !strings.Contains(wellKnown, line) {
		t.Errorf("law: the key is published for passwords: %s", wellKnown)
	}
	modulus := base64.RawURLEncoding.EncodeToString(public.(*rsa.PublicKey).N.Bytes())
	if !strings.Contains(jwks, `"EC"`) || strings.Contains(jwks, modulus) || strings.Contains(jwks, `"RSA"`) {
		t.Errorf("law: the key for passwords is in no set of keys: %s", jwks)
	}
}
