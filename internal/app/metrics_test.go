package app

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

var _ = flag.Bool("update", false, "write docs/metrics.md")

// TestMetricsDocumentation compares docs/metrics.md with the table, or writes
// it: go test ./internal/app -update.
func TestMetricsDocumentation(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# Metrics

This page is made from the table in internal/app/metrics.go by ` + "`go test ./internal/app -update`" + `.

` + "`/metrics`" + ` on the admin listener answers these in the form of Prometheus, and beside them those of the Go runtime (` + "`go_*`" + `) and
of the process (` + "`process_*`" + `). Each server counts for itself, since its start. Labels hold words of our own tables only: no
metric names a pool, a person or an address. [operate.md](operate.md) says what to watch.

| metric | type | labels | meaning |
|---|---|---|---|
`)
	names := make(map[string]bool)
	for _, m := range metrics() {
		if names[m.name] || !strings.HasSuffix(m.meaning, ".") || (m.read == nil) != (m.kind == histogram) || strings.HasSuffix(m.name, "_total") != (m.kind == counter) {
			t.Errorf("law: a metric has one line with a sentence, a way to be read, and _total behind its name if it only grows; see %s", m.name)
		}
		names[m.name] = true
		labels := ""
		if len(m.labels) > 0 {
			labels = "`" + strings.Join(m.labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.kind, labels, m.meaning)
	}
	path := filepath.Join("..", "..", "docs", "metrics.md")
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Error("law: docs/metrics.md is what the table says; write it with: go test ./internal/app -update")
	}
}

// scraped are the values of a server's metrics, by name and labels.
func (r *running) scraped(t *testing.T) map[string]float64 {
	t.Helper()
	status, text := get(t, "http://"+r.admin+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("the metrics answer %d %s", status, text)
	}
	values := make(map[string]float64)
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "#") || line == "" {
			continue
		}
		at := strings.LastIndex(line, " ")
		value, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatalf("a line of the metrics is %q", line)
		}
		values[line[:at]] = value
	}
	return values
}

// settled asks the metrics until they are as they should be: a request is
// counted just behind its answer.
func (r *running) settled(t *testing.T, law string, is func(values map[string]float64) bool) map[string]float64 {
	t.Helper()
	for deadline := time.Now().Add(stuck); ; time.Sleep(10 * time.Millisecond) {
		values := r.scraped(t)
		if is(values) {
			return values
		}
		if time.Now().After(deadline) {
			for _, name := range slices.Sorted(func(yield func(string) bool) {
				for name := range values {
					if strings.HasPrefix(name, "gatehouse_") && !strings.Contains(name, "_bucket") && !yield(name) {
						return
					}
				}
			}) {
				t.Logf("%s %g", name, values[name])
			}
			t.Fatalf("law: %s", law)
		}
	}
}

// TestMetricsSayWhatHappens asks a server for everything that it answers, and
// then for its metrics.
func TestMetricsSayWhatHappens(t *testing.T) {
	a := open(t, Mode{Version: "1.2.3"})
	requests := everything(t, a)
	r := serve(t, a, Mode{})
	for _, q := range requests {
		r.ask(t, q)
	}
	const secretPath = "CANARY"
	for _, path := range []string{"/v2/" + secretPath, "/api/v2/" + secretPath, "/p/" + secretPath, "/graphql/" + secretPath, "/" + secretPath} {
		r.ask(t, asked{face: "pangea", method: http.MethodGet, path: path})
		r.ask(t, asked{face: "pangea", method: secretPath, path: path})
	}
	values := r.settled(t, "what is under way comes to an end, but for the question itself, and the clock is compared", func(values map[string]float64) bool {
		_, compared := values["gatehouse_clock_offset_seconds"]
		return values["gatehouse_requests_in_flight"] == 1 && compared
	})
	for _, m := range metrics() {
		found := false
		for name := range values {
			found = found || regexp.MustCompile(`^`+m.name+`(_count)?(\{|$)`).MatchString(name)
		}
		if !found && m.name != "gatehouse_hash_refused_total" {
			t.Errorf("law: every metric of the table is answered; %s is not", m.name)
		}
	}
	for _, name := range []string{
		`gatehouse_requests_total{class="2xx",face="pangea",route="/v2/user/list"}`,
		`gatehouse_requests_total{class="4xx",face="pangea",route="/v2/group/get"}`,
		`gatehouse_requests_total{class="2xx",face="authing",route="/graphql/v2 loginByEmail"}`,
		`gatehouse_requests_total{class="2xx",face="authing",route="/api/v2/users/me"}`,
		`gatehouse_requests_total{class="4xx",face="hosted",route="/flow/{id}"}`,
		`gatehouse_requests_total{class="2xx",face="admin",route="/livez"}`,
		`gatehouse_requests_total{class="4xx",face="pangea",route="other"}`,
		`gatehouse_requests_total{class="4xx",face="hosted",route="other"}`,
		`gatehouse_request_duration_seconds_count{face="pangea",route="/v2/user/list"}`,
		`gatehouse_build_info{database="sqlite",version="1.2.3"}`,
		`gatehouse_ready`, `go_goroutines`, `process_resident_memory_bytes`,
	} {
		if values[name] < 1 {
			t.Errorf("law: what happened is counted; %s is %g", name, values[name])
		}
	}
	for name := range values {
		if strings.Contains(name, secretPath) {
			t.Errorf("law: no metric has what a client sent; there is %s", name)
		}
		if route := regexp.MustCompile(`face="none"`).FindString(name); route != "" {
			t.Errorf("law: every request is some face's; there is %s", name)
		}
	}
	total, within := values[`gatehouse_request_duration_seconds_count{face="pangea",route="/v2/user/list"}`],
		values[`gatehouse_request_duration_seconds_bucket{face="pangea",route="/v2/user/list",le="+Inf"}`]
	if total != within {
		t.Errorf("law: a histogram has each request once; it has %g of %g", within, total)
	}
	r.end(t)
}

// A mail server that is away degrades mail, and nothing else (R22).
func TestR22NoMailServer(t *testing.T) {
	gone := listener(t)
	address := gone.Addr().String()
	if err := gone.Close(); err != nil {
		t.Fatal(err)
	}
	a := open(t, Mode{}, func(c *config.Config) {
		c.SMTP, c.MailFromAddress = secret.Text("smtp://"+address+"?tls=none"), "us@example.org"
	})
	created, err := a.Pools.Create(t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorSystem}}, pool.NewPool{Name: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, a, Mode{})
	if failing := r.scraped(t)["gatehouse_mail_failing"]; failing != 0 {
		t.Errorf("law: nothing has failed before something was tried; got %g", failing)
	}
	caller := core.Caller{Pool: created.Pool.ID, Actor: core.Actor{Kind: core.ActorSystem}}
	message := core.Message{ID: core.NewMessageID(), Template: "password_changed", To: "ana@example.org", Values: map[string]string{"email": "ana@example.org"}}
	if err := a.Store.As(caller).Update(t.Context(), func(tx *store.Tx) error { return tx.Send(message) }); err != nil {
		t.Fatal(err)
	}
	r.settled(t, "the metrics say that mail waits because its server is away", func(v map[string]float64) bool {
		return v["gatehouse_mail_failing"] == 1 && v[`gatehouse_mail_tries_total{outcome="put_off"}`] >= 1 && v["gatehouse_outbox_messages"] == 1 && v["gatehouse_outbox_oldest_seconds"] > 0
	})
	if status, body := get(t, "http://"+r.admin+"/readyz"); status != http.StatusOK {
		t.Errorf("law: a server is ready without its mail server; got %d %s", status, body)
	}
	q := asked{face: "pangea", method: http.MethodPost, path: "/v2/user/list", body: "{}", header: map[string]string{
		"Authorization": "Bearer " + pangea.ServiceToken(created.ServiceKey.Reveal()), "Content-Type": "application/json",
	}}
	if status, _, body := r.ask(t, q); status != http.StatusOK {
		t.Errorf("law: everything else goes on; got %d %s", status, body)
	}
	r.end(t)
}

// A database whose clock is ahead is seen in the metrics and in the log.
func TestClockOfTheDatabase(t *testing.T) {
	database := storetest.Postgres(t)
	if _, err := storetest.Raw(t, database).ExecContext(t.Context(), `CREATE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS
		$$ SELECT pg_catalog.clock_timestamp() + interval '7 seconds' $$`); err != nil {
		t.Fatal(err)
	}
	log := &journal{}
	a := openLogging(t, Mode{}, slog.New(slog.NewJSONHandler(log, nil)), func(c *config.Config) {
		sign := "?"
		if strings.Contains(database, "?") {
			sign = "&"
		}
		c.Database = database + sign + "search_path=public,pg_catalog" // ours is found first
	})
	r := serve(t, a, Mode{})
	values := r.settled(t, "the distance of the clocks is measured", func(v map[string]float64) bool { return v["gatehouse_clock_offset_seconds"] != 0 })
	if offset := values["gatehouse_clock_offset_seconds"]; offset < 6 || offset > 8 {
		t.Errorf("law: the metric is how far the database is ahead; it says %g of 7", offset)
	}
	for deadline := time.Now().Add(stuck); !strings.Contains(log.String(), "clock is wrong: the database's is used"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("law: the log warns of clocks that are more than two seconds apart")
		}
	}
	r.end(t)
}

// While the database is away the metrics are there, without what only it knows.
func TestMetricsWithoutADatabase(t *testing.T) {
	a := open(t, Mode{})
	r := serve(t, a, Mode{})
	if err := a.Store.Close(); err != nil {
		t.Fatal(err)
	}
	values := r.scraped(t)
	if _, there := values["gatehouse_outbox_messages"]; there || values["gatehouse_ready"] != 0 || values["gatehouse_hash_slots"] == 0 {
		t.Errorf("law: what cannot be asked is left out, and the rest is there; got %v outbox, ready %g", there, values["gatehouse_ready"])
	}
	r.stop()
	<-r.ended // a store that is closed twice may say so
}

// Who comes when there are as many connections as there may be waits for one to
// end; probes do not (X29).
func TestX29NoMoreConnectionsThanAllowed(t *testing.T) {
	a := open(t, Mode{}, func(c *config.Config) { c.MaxConnections = 3 })
	a.limits = endless()
	r := serve(t, a, Mode{})
	const question = "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n"
	var held []*net.TCPConn
	for range 3 {
		conn := dial(t, r.public)
		if _, err := conn.Write([]byte(question)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Read(make([]byte, 100)); err != nil {
			t.Fatalf("law: as many as are allowed are answered; got %v", err)
		}
		held = append(held, conn)
	}
	next := dial(t, r.public) // the system takes it, and the server does not yet
	if _, err := next.Write([]byte(question)); err != nil {
		t.Fatal(err)
	}
	if values := r.scraped(t); values["gatehouse_connections_open"] != 3 || values["gatehouse_connections_limit"] != 3 {
		t.Errorf("law: there are no more than are allowed; there are %g of %g", values["gatehouse_connections_open"], values["gatehouse_connections_limit"])
	}
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error, 1)
	go func() {
		_, err := next.Read(make([]byte, 100))
		if ctx.Err() == nil {
			err = fmt.Errorf("before one had ended: %w", err)
		}
		answered <- err
	}()
	cancel()
	if err := held[0].Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-answered; err != nil {
		t.Errorf("law: who waited is answered once another has gone; got %v", err)
	}
	for _, conn := range append(held[1:], next) {
		_ = conn.Close() // a server that stops finishes what is under way
	}
	r.settled(t, "a connection that ended is not counted", func(v map[string]float64) bool { return v["gatehouse_connections_open"] == 0 })
	r.end(t)
}
