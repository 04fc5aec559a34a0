package web

import (
	"context"
	"net/http"
	"time"
)

// Even waits until the request of ctx is as old as d. What a stranger must not
// learn from an answer they must not learn from its time either: to look
// somebody up takes a little longer than to find nobody. An answer that took
// longer than d anyway is not held back.
func Even(ctx context.Context, d time.Duration) {
	wait := d - time.Since(From(ctx).At)
	if wait <= 0 {
		return
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// Evenly holds the first byte of an answer back as [Even] does.
func Evenly(w http.ResponseWriter, ctx context.Context, d time.Duration) http.ResponseWriter {
	return &evenWriter{ResponseWriter: w, ctx: ctx, age: d}
}

type evenWriter struct {
	http.ResponseWriter
	ctx context.Context
	age time.Duration
}

func (w *evenWriter) WriteHeader(status int) {
	Even(w.ctx, w.age)
	w.ResponseWriter.WriteHeader(status)
}

func (w *evenWriter) Write(b []byte) (int, error) {
	Even(w.ctx, w.age)
	return w.ResponseWriter.Write(b)
}

// Unwrap is for [http.ResponseController].
func (w *evenWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
