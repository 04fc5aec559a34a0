package app

import (
	"crypto/sha1"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// A server refuses what stands in its list, and what its service knows; nothing
// that it sends or logs is a password or more of its hash than five digits.
func TestB21BreachesOfAServer(t *testing.T) {
	const listed, known = "harbour lantern 7719", "harbour lantern 7718"
	digits := fmt.Sprintf("%X", sha1.Sum([]byte(known)))
	var asked []string
	service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.RequestURI)
		_, _ = io.WriteString(w, digits[5:]+":7\r\n")
	}))
	defer service.Close()
	list := filepath.Join(t.TempDir(), "hashes.txt")
	if err := os.WriteFile(list, fmt.Appendf(nil, "%X:1\r\n", sha1.Sum([]byte(listed))), 0o600); err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	a := openLogging(t, Mode{}, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), func(c *config.Config) { c.BreachesFile, c.BreachesURL = list, service.URL })
	defer a.Close()
	created, err := a.Pools.Create(t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorSystem}}, pool.NewPool{
		Name: "shop", Overrides: core.Overrides{"password.breached_service": []byte("true"), "signup.verify_email": []byte("false")},
	})
	if err != nil {
		t.Fatal(err)
	}
	handler, err := a.Handler(Mode{})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path, body string) string {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+pangea.ServiceToken(created.ServiceKey.Reveal()))
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Body.String()
	}
	_, rest, _ := strings.Cut(ask("/v2/flow/start", `{"email":"ana@example.org","flow_types":["signup"]}`), `"flow_id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	for _, password := range []string{listed, known} {
		answer := ask("/v2/flow/update", fmt.Sprintf(`{"flow_id":%q,"choice":"password","data":{"password":%q}}`, id, password))
		if !strings.Contains(answer, "ShouldNotBeValid") || !strings.Contains(answer, "known from a breach") {
			t.Errorf("law: a breached password is refused with the reason; %s", answer)
		}
	}
	answer := ask("/v2/flow/update", fmt.Sprintf(`{"flow_id":%q,"choice":"password","data":{"password":"harbour lantern 7717"}}`, id))
	if !strings.Contains(answer, "phase_completed") {
		t.Errorf("law: any other is taken; %s", answer)
	}
	if len(asked) != 2 || asked[0] != "/range/"+digits[:5] || len(asked[1]) != len("/range/")+5 {
		t.Errorf("law: the service is asked for five digits, and not for what the list has; it was for %v", asked)
	}
	for _, word := range []string{"harbour", digits[:5], digits[5:]} {
		if strings.Contains(log.String(), word) {
			t.Errorf("law: the log has nothing of a password; it has %s", word)
		}
	}

	c := a.config
	c.Database, c.BreachesFile = "sqlite:"+filepath.Join(t.TempDir(), "x.db"), list+".gone"
	if other, err := Open(t.Context(), c, Mode{}, slog.New(slog.DiscardHandler)); err == nil {
		t.Errorf("law: a server whose list is not there does not start; %v", other.Close())
	}
}
