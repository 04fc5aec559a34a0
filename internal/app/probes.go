package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/web"
)

// pingTime is how long the database may take to answer before the server calls
// itself not ready.
const pingTime = 2 * time.Second

// probes answers whether the process lives, whether it can do its work, and how
// it does.
func (a *App) probes(draining *atomic.Bool) http.Handler {
	mux := http.NewServeMux()
	for path, handler := range map[string]http.Handler{
		"GET /livez":   http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { probe(w, http.StatusOK, "ok") }),
		"GET /readyz":  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.readyz(w, r, draining.Load()) }),
		"GET /metrics": a.metricsPage(),
	} {
		asked := a.traffic.Route("admin", strings.TrimPrefix(path, "GET "))
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			web.At(r.Context(), asked)
			handler.ServeHTTP(w, r)
		})
	}
	other := a.traffic.Route("admin", "other")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		web.At(r.Context(), other)
		mux.ServeHTTP(w, r)
	})
}

func (a *App) readyz(w http.ResponseWriter, r *http.Request, draining bool) {
	if draining {
		probe(w, http.StatusServiceUnavailable, "stopping")
		return
	}
	if lacking := a.lacks(r.Context()); lacking != nil {
		web.Log(r.Context(), slog.LevelWarn, "not ready: "+lacking.what, slog.Any("error", lacking.cause))
		w.Header().Set("X-Request-Id", core.Tail(web.From(r.Context()).ID)) // by which the log has the cause
		probe(w, http.StatusServiceUnavailable, lacking.what)
		return
	}
	probe(w, http.StatusOK, "ok")
}

// lacking is a dependency without which no request can be answered.
type lacking struct {
	what  string // in words, without the inside
	cause error
}

// errOutOfTouch is why a server that cannot hear of others is not ready.
var errOutOfTouch = errors.New("it was last read too long ago")

// lacks says what keeps the server from its work; nil: nothing. The mail server
// does not: mail waits for it.
func (a *App) lacks(ctx context.Context) *lacking {
	ctx, cancel := context.WithTimeout(ctx, pingTime)
	defer cancel()
	if err := a.Store.Ping(ctx); err != nil {
		return &lacking{"the database does not answer", err}
	}
	if !a.Store.InTouch() {
		return &lacking{"what other servers changed could not be read for too long", errOutOfTouch}
	}
	return nil
}

func probe(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // whoever asked may be gone
}

// AskReady asks the server whose admin listener is at an address whether it is
// ready. The error is its answer, or that there was none.
func AskReady(ctx context.Context, address string) error {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
	if err != nil {
		return err
	}
	// No proxy of the environment: this is the same machine.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 200))
	if err != nil {
		return fmt.Errorf("the server does not answer: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server is not ready: %s", strings.TrimSpace(string(text)))
	}
	return nil
}
