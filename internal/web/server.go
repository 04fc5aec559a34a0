package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Limits of a request.
const (
	MaxBody  = 256 << 10       // bytes
	deadline = 5 * time.Second // for the whole of a request's work
)

// Server puts every request through the same door before a face gets it.
type Server struct {
	face    http.Handler
	proxies Proxies
	log     *slog.Logger
}

// NewServer makes the door before a face. proxies are those whose word about a
// client's address is taken.
func NewServer(face http.Handler, proxies Proxies, log *slog.Logger) *Server {
	return &Server{face: face, proxies: proxies, log: log}
}

// Request is what is known of a request before any face looks at it.
type Request struct {
	ID        core.RequestID
	Address   string
	UserAgent string
	At        time.Time
	log       *slog.Logger
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
	ctx := &requestContext{Context: r.Context(), request: info, deadline: info.At.Add(deadline)}
	defer ctx.end()
	answer := &answer{ResponseWriter: w}
	defer func() {
		if v := recover(); v != nil {
			s.log.Error("panic in a request", "request_id", info.ID, "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
			if answer.status == 0 {
				http.Error(answer, `{"status":"InternalError"}`, http.StatusInternalServerError)
			}
		}
		if !s.log.Enabled(ctx, slog.LevelDebug) {
			return
		}
		// The query is left out: it may hold codes.
		s.log.LogAttrs(ctx, slog.LevelDebug, "request", slog.String("request_id", string(info.ID)), slog.String("method", r.Method),
			slog.String("path", r.URL.Path), slog.Int("status", answer.status), slog.String("address", info.Address),
			slog.Duration("took", time.Since(info.At)))
	}()
	s.face.ServeHTTP(answer, r.WithContext(ctx))
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
		r := From(ctx)
		r.log.LogAttrs(ctx, slog.LevelError, "a request failed", slog.String("request_id", string(r.ID)), slog.String("error", err.Error()))
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
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
