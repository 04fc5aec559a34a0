package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/trace"
)

// traces sends spans to a collector, if there is one. The zero value sends none.
type traces struct {
	tracer   *trace.Tracer // nil: nobody collects
	provider *sdk.TracerProvider
}

// openTraces reads whether and how traces are collected from the variables of
// OpenTelemetry. The exporter, the sampler and the batches read theirs
// themselves.
func openTraces(ctx context.Context, version string, log *slog.Logger) (traces, error) {
	wanted, err := config.Traces()
	if err != nil || !wanted {
		return traces{}, err
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return traces{}, fmt.Errorf("cannot send traces: %w", err)
	}
	// What the environment says of the service is last, and so it wins.
	about, err := resource.New(ctx, resource.WithTelemetrySDK(),
		resource.WithAttributes(attribute.String("service.name", "gatehouse"), attribute.String("service.version", version)), resource.WithFromEnv())
	if err != nil {
		return traces{}, fmt.Errorf("cannot send traces: %w", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(logged{exporter, log}), sdk.WithResource(about))
	return traces{trace.New(provider), provider}, nil
}

// close sends what is left, as far as the collector takes it in time.
func (t traces) close() error {
	if t.provider == nil {
		return nil
	}
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// logged writes to our log what the library would write to its own. A collector
// that is away costs traces, and nothing else.
type logged struct {
	sdk.SpanExporter
	log *slog.Logger
}

// ExportSpans implements [sdk.SpanExporter].
func (l logged) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if err := l.SpanExporter.ExportSpans(ctx, spans); err != nil {
		l.log.Warn("the collector of traces took no spans", "spans", len(spans), "error", err)
	}
	return nil
}
