package web

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"context"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

func door(t *testing.T, log *bytes.Buffer, face http.HandlerFunc) *http.Response {
	t.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/path?code=CANARY", nil)
	NewServer(face, nil, slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))).ServeHTTP(w, r)
	return w.Result()
}

// A panic in a face ends its request, and nothing else (X30).
func TestX30PanicInAFace(t *testing.T) {
	var log bytes.Buffer
	response := door(t, &log, func(http.ResponseWriter, *http.Request) { panic("planted") })
	defer response.Body.Close()
	if response.StatusCode != http.StatusInternalServerError {
		t.Errorf("the answer is %d", response.StatusCode)
	}
	if !strings.Contains(log.String(), "planted") || strings.Contains(log.String(), "CANARY") {
		t.Errorf("the log is %s", &log)
	}
}

func TestRequestIsKnownToTheFace(t *testing.T) {
	var seen Request
	response := door(t, &bytes.Buffer{}, func(_ http.ResponseWriter, r *http.Request) { seen = From(r.Context()) })
	defer response.Body.Close()
	if seen.ID == "" || seen.Address != "192.0.2.1" || time.Since(seen.At) > time.Minute {
		t.Errorf("the face sees %+v", seen)
	}
}

// Every request has an end, whoever waits for it and whether anybody does.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var after time.Duration
		response := door(t, &bytes.Buffer{}, func(_ http.ResponseWriter, r *http.Request) {
			started := time.Now()
			<-r.Context().Done()
			after = time.Since(started)
			if !errors.Is(r.Context().Err(), context.DeadlineExceeded) {
				t.Errorf("the context ended with %v", r.Context().Err())
			}
		})
		defer response.Body.Close()
		if after != deadline {
			t.Errorf("the request ended after %s, want %s", after, deadline)
		}
	})
}

func TestFaultsAreLoggedOnceAndOthersAreNot(t *testing.T) {
	var log bytes.Buffer
	response := door(t, &log, func(_ http.ResponseWriter, r *http.Request) {
		Fault(r.Context(), errors.New("a cause"))
		Fault(r.Context(), core.Fail(core.CodeWrongCredentials, "not a fault"))
	})
	defer response.Body.Close()
	if strings.Count(log.String(), "a cause") != 1 || strings.Contains(log.String(), "not a fault") {
		t.Errorf("the log is %s", &log)
	}
}
