package app

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	otlp "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	spans "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// collecting is a collector of traces: OTLP over HTTP, in protobuf.
type collecting struct {
	*httptest.Server
	mu      sync.Mutex
	spans   []*spans.Span
	service string
	header  string
	raw     []byte
}

func collect(t *testing.T) *collecting {
	t.Helper()
	c := &collecting{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			unzipped, err := gzip.NewReader(body)
			if err != nil {
				t.Errorf("the spans cannot be read: %v", err)
				return
			}
			body = unzipped
		}
		raw, err := io.ReadAll(body)
		var in otlp.ExportTraceServiceRequest
		if err == nil {
			err = proto.Unmarshal(raw, &in)
		}
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("the collector was sent what is no spans, at %s: %v", r.URL.Path, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.header, c.raw = r.Header.Get("X-Api-Key"), append(c.raw, raw...)
		for _, of := range in.GetResourceSpans() {
			for _, attribute := range of.GetResource().GetAttributes() {
				if attribute.GetKey() == "service.name" {
					c.service = attribute.GetValue().GetStringValue()
				}
			}
			for _, scope := range of.GetScopeSpans() {
				c.spans = append(c.spans, scope.GetSpans()...)
			}
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(c.Close)
	return c
}

// TestTraces signs somebody up and in under a trace that the caller began.
func TestTraces(t *testing.T) {
	const began, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	c := collect(t)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-api-key=let-me-in")
	t.Setenv("OTEL_SERVICE_NAME", "sign-in")
	log := &journal{}
	a := openLogging(t, Mode{Development: true}, slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		func(c *config.Config) { c.MailFromAddress = "us@example.org" })
	created, err := a.Pools.Create(t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorSystem}}, pool.NewPool{Name: "shop", Overrides: core.Overrides{"signup.verify_email": []byte(`true`)}})
	if err != nil {
		t.Fatal(err)
	}
	r := serve(t, a, Mode{Development: true})
	token := pangea.ServiceToken(created.ServiceKey.Reveal())
	secrets := []string{token, "CANARY-password", "ana@example.org", "CANARY-agent", "192.0.2.99"}
	post := func(path, body string) string {
		t.Helper()
		_, _, answer := r.ask(t, asked{method: http.MethodPost, path: path, body: body, header: map[string]string{
			"Authorization": "Bearer " + token, "Content-Type": "application/json", "User-Agent": "CANARY-agent", "X-End-User-Address": "192.0.2.99",
			"Traceparent": "00-" + began + "-" + parent + "-01",
		}})
		return answer
	}
	id := between(t, post("/v2/flow/start", `{"email":"ana@example.org"}`), `"flow_id":"`, `"`)
	post("/v2/flow/update", `{"flow_id":"`+id+`","choice":"password","data":{"password":"CANARY-password"}}`)
	post("/v2/flow/restart", `{"flow_id":"`+id+`","choice":"verify_email","data":{}}`)
	again := between(t, post("/v2/flow/start", `{"email":"ana@example.org"}`), `"flow_id":"`, `"`)
	post("/v2/flow/update", `{"flow_id":"`+again+`","choice":"password","data":{"password":"CANARY-password"}}`)
	for deadline := time.Now().Add(stuck); a.worker.Counts().Sent == 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the mail was not sent")
		}
	}
	r.end(t) // which sends what is left

	c.mu.Lock()
	defer c.mu.Unlock()
	if c.service != "sign-in" || c.header != "let-me-in" {
		t.Errorf("law: OpenTelemetry's variables count; the service is %q and the header %q", c.service, c.header)
	}
	byID := make(map[string]*spans.Span)
	for _, s := range c.spans {
		byID[string(s.GetSpanId())] = s
	}
	seen := make(map[string]bool)
	for _, s := range c.spans {
		seen[s.GetName()] = true
		above := byID[string(s.GetParentSpanId())]
		switch s.GetKind() {
		case spans.Span_SPAN_KIND_SERVER:
			if hex.EncodeToString(s.GetTraceId()) != began || hex.EncodeToString(s.GetParentSpanId()) != parent {
				t.Errorf("law: a request goes on with the trace of its caller; %s is of %x", s.GetName(), s.GetTraceId())
			}
		default:
			if s.GetName() != "mail" && above == nil {
				t.Errorf("law: whatever a request waits for is in its trace; %s is in none", s.GetName())
			}
		}
	}
	for _, name := range []string{"POST /v2/flow/start", "POST /v2/flow/update", "store.view", "store.update", "password.queue", "password.hash", "password.verify", "mail", "mail.send"} {
		if !seen[name] {
			t.Errorf("law: there is a span %q; there are %v", name, seen)
		}
	}
	for _, secret := range secrets {
		if strings.Contains(string(c.raw), secret) {
			t.Errorf("law: no span has a secret or anything of a person; one has %s", secret)
		}
	}
	if !strings.Contains(log.String(), `"trace_id":"`+began+`"`) {
		t.Error("law: a request's lines in the log have the trace")
	}
}

func between(t *testing.T, text, before, behind string) string {
	t.Helper()
	_, rest, ok := strings.Cut(text, before)
	found, _, end := strings.Cut(rest, behind)
	if !ok || !end {
		t.Fatalf("%q is not in %s", before, text)
	}
	return found
}

// A collector that is away costs traces, and nothing else. Where there is none,
// nothing is made.
func TestTracesAreOptional(t *testing.T) {
	t.Run("none", func(t *testing.T) {
		a := open(t, Mode{})
		defer a.Close()
		if a.traces.tracer != nil {
			t.Error("law: without a collector nobody traces")
		}
	})
	for name, value := range map[string]string{"OTEL_SDK_DISABLED": "true", "OTEL_TRACES_EXPORTER": "none"} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
			t.Setenv(name, value)
			a := open(t, Mode{})
			defer a.Close()
			if a.traces.tracer != nil {
				t.Error("law: traces can be turned off")
			}
		})
	}
	t.Run("away", func(t *testing.T) {
		t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1/v1/traces")
		t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
		log := &journal{}
		a := openLogging(t, Mode{}, slog.New(slog.NewJSONHandler(log, nil)))
		ctx, span := a.traces.tracer.Start(context.Background(), 1, "x", "", "")
		span.End()
		if err := a.Store.Ping(ctx); err != nil {
			t.Fatal(err)
		}
		if err := a.Close(); err != nil {
			t.Errorf("law: a server ends though its collector is away; got %v", err)
		}
		if !strings.Contains(log.String(), "the collector of traces took no spans") {
			t.Errorf("law: the log says so; it says %s", log)
		}
	})
}
