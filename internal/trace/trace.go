// Package trace marks where the time of a request goes, for whoever collects
// traces by OpenTelemetry. Where nobody does, a mark costs one look at the
// context. Spans hold names and codes: nothing of a person, and no secret.
//
// Start reading at [Begin].
package trace

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

const scope = "github.com/gatehouse-id/gatehouse"

// Tracer begins traces. A nil one begins none.
type Tracer struct{ tracer trace.Tracer }

// New makes a tracer that gives its spans to a provider.
func New(p trace.TracerProvider) *Tracer { return &Tracer{p.Tracer(scope)} }

// Kind says what a trace is about.
type Kind trace.SpanKind

// The kinds of traces.
const (
	Answers = Kind(trace.SpanKindServer)   // a request of somebody's
	Works   = Kind(trace.SpanKindInternal) // what the server does by itself
)

// Span is a stretch of time with a name. The zero value is none.
type Span struct{ span trace.Span }

// Start begins a trace, or goes on with the one that a header traceparent is
// about (W3C Trace Context).
func (t *Tracer) Start(ctx context.Context, kind Kind, name, traceparent, tracestate string) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	if traceparent != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": traceparent, "tracestate": tracestate})
	}
	ctx, span := t.tracer.Start(ctx, name, trace.WithSpanKind(trace.SpanKind(kind)))
	return ctx, Span{span}
}

// Begin begins a span within the one of ctx, if there is one that is recorded.
func Begin(ctx context.Context, name string) (context.Context, Span) {
	within := trace.SpanFromContext(ctx)
	if !within.IsRecording() {
		return ctx, Span{}
	}
	ctx, span := within.TracerProvider().Tracer(scope).Start(ctx, name)
	return ctx, Span{span}
}

// ID is the trace's, in hexadecimal; empty if there is none.
func (s Span) ID() string {
	if s.span == nil || !s.span.SpanContext().HasTraceID() {
		return ""
	}
	return s.span.SpanContext().TraceID().String()
}

// Name gives a span another name.
func (s Span) Name(name string) {
	if s.span != nil {
		s.span.SetName(name)
	}
}

// Text sets an attribute.
func (s Span) Text(key, value string) {
	if s.span != nil {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// Number sets an attribute.
func (s Span) Number(key string, value int) {
	if s.span != nil {
		s.span.SetAttributes(attribute.Int(key, value))
	}
}

// Failed marks a span as one that failed, with a code for why.
func (s Span) Failed(code string) {
	if s.span != nil {
		s.span.SetStatus(codes.Error, "")
		s.span.SetAttributes(attribute.String("error.type", code))
	}
}

// End ends a span.
func (s Span) End() {
	if s.span != nil {
		s.span.End()
	}
}
