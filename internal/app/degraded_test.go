package app

import (
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// A server starts while its mail server is away: it is ready, says in its log
// what does not work, takes requests that cause mails, and sends those once
// there is somebody to send them to (R22). There is nothing else outside that a
// server asks, but its database.
func TestR22MailServerAwayAtTheStart(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	away := listener(t)
	address := away.Addr().String()
	if err := away.Close(); err != nil {
		t.Fatal(err)
	}
	log := &journal{}
	a := openLogging(t, Mode{}, slog.New(slog.NewJSONHandler(log, nil)), func(c *config.Config) {
		c.SMTP, c.MailFromAddress = secret.Text("smtp://"+address+"?tls=none"), "no-reply@example.org"
	})
	created, err := a.Pools.Create(t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorOperator}}, pool.NewPool{Name: "shop", Overrides: core.Overrides{
		"redirects.allowed": []byte(`["https://app.example.org/"]`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, a, Mode{})
	ask := asker{t, "http://" + r.public, pangea.ServiceToken(created.ServiceKey.Reveal()), pangea.ClientToken(created.ClientKey.Reveal())}
	if status, body := get(t, "http://"+r.admin+"/readyz"); status != http.StatusOK {
		t.Errorf("law: without a mail server a server is ready; got %d %s", status, body)
	}
	ask.invite("guest@example.org")
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(log.String(), "the mail server does not answer"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("law: the log says what does not work; it says %s", log)
		}
	}

	back, err := net.Listen("tcp", address)
	if err != nil {
		t.Skipf("somebody else has the port now: %v", err)
	}
	smtp := slowMailAt(t, back)
	close(smtp.greet)
	if to := <-smtp.got; to != "guest@example.org" {
		t.Errorf("law: mail that waited is sent once there is a mail server; it went to %s", to)
	}
	r.end(t)
}
