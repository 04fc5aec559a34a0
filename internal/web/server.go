package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/trace"
)

// Limits of a request.
const (
	MaxBody  = 256 << 10       // bytes
	deadline = 5 * time.Second // for the whole of a request's work
	slow     = time.Second     // an answer that takes longer is logged as a warning
)

// Server puts every request through the same door before a face gets it.
type Server struct {
	face    http.Handler
	proxies Proxies
	log     *slog.Logger
	traffic *Traffic
	unnamed *Route
	tracer  *trace.Tracer
}

// NewServer makes the door before a face. proxies are those whose word about a
// client's address is taken.
func NewServer(face http.Handler, proxies Proxies, log *slog.Logger) *Server {
	return &Server{face: face, proxies: proxies, log: log}
}

// Watched counts the requests that come through the door, and traces them. A
// nil traffic or tracer leaves it.
func (s *Server) Watched(traffic *Traffic, tracer *trace.Tracer) *Server {
	s.traffic, s.unnamed, s.tracer = traffic, traffic.Route("none", "none"), tracer
	return s
}

// Request is what is known of a request before any face looks at it.
type Request struct {
	ID        core.RequestID
	Address   string
	UserAgent string
	At        time.Time
	log       *slog.Logger
	span      trace.Span
}

// From returns what the door knows of a request.
func From(ctx context.Context) Request {
	if r, ok := ctx.Value(requestKey{}).(*requestContext); ok {
		return r.request
	}
	return Request{ID: core.NewRequestID(), At: time.Now(), log: slog.Default()}
}

// Caller is the request as a caller of a pool. A server application calls for
// all its people from one address, by which none of them is counted.
func (r Request) Caller(pool core.PoolID, actor core.Actor) core.Caller {
	caller := core.Caller{Pool: pool, Actor: actor, Address: r.Address, UserAgent: r.UserAgent, Request: r.ID}
	if !caller.Trusted() {
		caller.Network = Network(r.Address)
	}
	return caller
}

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	info := Request{
		ID: core.NewRequestID(), Address: s.proxies.ClientAddress(r), UserAgent: strings.ToValidUTF8(r.UserAgent(), "?"), At: time.Now(), log: s.log,
	}
	outer := r.Context()
	if s.tracer != nil {
		outer, info.span = s.tracer.Start(outer, trace.Answers, method(r), r.Header.Get("Traceparent"), r.Header.Get("Tracestate"))
	}
	ctx := &requestContext{Context: outer, request: info, route: s.unnamed, deadline: info.At.Add(deadline)}
	defer ctx.end()
	if s.traffic != nil {
		s.traffic.inFlight.Add(1)
		defer s.traffic.inFlight.Add(-1)
	}
	answer := &answer{ResponseWriter: w}
	ctx.answer = answer
	defer func() {
		if v := recover(); v != nil {
			info.write(ctx, slog.LevelError, "panic in a request", slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
			if s.traffic != nil {
				s.traffic.panics.Add(1)
			}
			if answer.status == 0 {
				http.Error(answer, `{"status":"InternalError"}`, http.StatusInternalServerError)
			}
		}
		s.answered(ctx, r, answer.status)
	}()
	s.face.ServeHTTP(answer, r.WithContext(ctx))
}

// answered counts a request that is over, and logs it: at level debug, unless
// it failed or was slow.
func (s *Server) answered(ctx *requestContext, r *http.Request, status int) {
	if status == 0 {
		status = http.StatusOK // what net/http makes of it
	}
	took := time.Since(ctx.request.At)
	face, route := "", ""
	if ctx.route != nil {
		ctx.route.count(status, took)
		face, route = ctx.route.Face, ctx.route.Name
	}
	if s.tracer != nil {
		ctx.request.traced(method(r), face, route, status)
	}
	level := slog.LevelDebug
	switch {
	case status == http.StatusInternalServerError:
		level = slog.LevelError
	case status >= 500 || took > slow && !ctx.long:
		level = slog.LevelWarn
	}
	if !s.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", r.Method), slog.String("face", face), slog.String("route", route), slog.Int("status", status), slog.Duration("took", took),
	}
	if level == slog.LevelDebug {
		// The query is left out: it may hold codes.
		attrs = append(attrs, slog.String("path", r.URL.Path), slog.String("address", ctx.request.Address))
	}
	ctx.request.write(ctx, level, "request", attrs...)
}

// traced gives the request's span what is known at its end.
func (r Request) traced(method, face, route string, status int) {
	r.span.Name(strings.TrimSpace(method + " " + route))
	r.span.Text("http.request.method", method)
	r.span.Text("http.route", route)
	r.span.Text("gatehouse.face", face)
	r.span.Text("gatehouse.request_id", string(r.ID))
	r.span.Number("http.response.status_code", status)
	if status >= 500 {
		r.span.Failed(strconv.Itoa(status))
	}
	r.span.End()
}

// method is the request's, if it is one of those that there are; a client may
// send any word.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "_OTHER" // as OpenTelemetry has it
}

// write writes a line of the log that is about this request.
func (r Request) write(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	about := []slog.Attr{slog.String("request_id", string(r.ID))}
	if id := r.span.ID(); id != "" {
		about = append(about, slog.String("trace_id", id))
	}
	r.log.LogAttrs(ctx, level, message, append(about, attrs...)...)
}

// Log writes a line of the log that is about the request of ctx, with its id.
func Log(ctx context.Context, level slog.Level, message string, attrs ...slog.Attr) {
	From(ctx).write(ctx, level, message, attrs...)
}

// answer remembers the status for the log.
type answer struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements [http.ResponseWriter].
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (a *answer) Write(p []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap gives the writer beneath to [http.ResponseController].
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Fault logs an error that a face is about to answer, if it is one of ours:
// its cause goes to the log, once, and never to the client.
func Fault(ctx context.Context, err error) {
	if errors.Is(err, context.Canceled) {
		return // the client hung up
	}
	switch core.CodeOf(err) {
	case core.CodeInternal, core.CodeUnavailable:
		if c, ok := ctx.Value(requestKey{}).(*requestContext); ok && c.route != nil {
			c.route.faults.Add(1)
		}
		Log(ctx, slog.LevelError, "a request failed", slog.String("error", err.Error()))
	case core.CodeServiceDown:
		Log(ctx, slog.LevelWarn, "a service that a pool relies on does not answer as it should", slog.String("error", err.Error()))
	default: // the client's own doing
	}
}

// Limits keep slow and large requests from exhausting a server: past any of
// them the connection ends.
type Limits struct {
	HeaderSize int           // bytes of a request's header; net/http adds 4 KiB of its own
	Header     time.Duration // for a request's header to arrive
	Request    time.Duration // for all of a request to arrive
	Answer     time.Duration // for an answer to be made and taken
	Idle       time.Duration // between two requests of a connection
}

// DefaultLimits are those of every server outside of tests.
func DefaultLimits() Limits {
	return Limits{HeaderSize: 16 << 10, Header: 5 * time.Second, Request: 15 * time.Second, Answer: 30 * time.Second, Idle: 60 * time.Second}
}

// HTTP makes the net/http server around a handler.
func HTTP(handler http.Handler, limits Limits, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: handler, MaxHeaderBytes: limits.HeaderSize,
		ReadHeaderTimeout: limits.Header, ReadTimeout: limits.Request, WriteTimeout: limits.Answer, IdleTimeout: limits.Idle,
		HTTP2:    &http.HTTP2Config{MaxConcurrentStreams: 100}, // of a connection; a browser has a few under way
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
