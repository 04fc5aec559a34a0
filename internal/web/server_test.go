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

// What failed or was slow is seen at the level at which servers log, by its
// route and without its path, which may hold what a client put there.
func TestWhatFailsOrIsSlowIsLogged(t *testing.T) {
	for _, c := range []struct {
		name  string
		face  http.HandlerFunc
		level string // empty: it is not logged
	}{
		{"answered", func(http.ResponseWriter, *http.Request) {}, ""},
		{"refused", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) }, ""},
		{"slow", func(http.ResponseWriter, *http.Request) { time.Sleep(slow + time.Millisecond) }, "WARN"},
		{"unavailable", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, "WARN"},
		{"failed", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "ERROR"},
		{"panicked", func(http.ResponseWriter, *http.Request) { panic("planted") }, "ERROR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				traffic := new(Traffic)
				asked := traffic.Route("face", "/line/{id}")
				door := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					At(r.Context(), asked)
					c.face(w, r)
				}), nil, slog.New(slog.NewJSONHandler(&log, nil))).Watched(traffic, nil)
				door.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/line/CANARY?code=CANARY", nil))
				lines := strings.Split(strings.TrimSpace(log.String()), "\n")
				last := lines[len(lines)-1]
				if c.level == "" {
					if log.Len() > 0 {
						t.Errorf("law: what went well is not logged; got %s", &log)
					}
				} else if !strings.Contains(last, `"level":"`+c.level+`"`) || !strings.Contains(last, `"route":"/line/{id}"`) || !strings.Contains(last, `"took":`) {
					t.Errorf("law: it is logged as %s, with its route and how long it took; got %s", c.level, last)
				}
				for _, line := range lines {
					if line != "" && !strings.Contains(line, `"request_id":"req_`) {
						t.Errorf("law: every line that is about a request has its id; got %s", line)
					}
				}
				if strings.Contains(log.String(), "CANARY") {
					t.Errorf("law: what a client sent is not in it; got %s", &log)
				}
				counts := asked.Counts()
				if counts.Total() != 1 || traffic.InFlight() != 0 || (traffic.Panics() == 1) != (c.name == "panicked") {
					t.Errorf("law: each request is counted once; got %+v", counts)
				}
			})
		})
	}
}

// A request is counted under the first time that it took no longer than.
func TestTimesOfRequests(t *testing.T) {
	times := Times()
	for i, most := range times {
		r := new(Traffic).Route("face", "route")
		r.count(http.StatusOK, most)
		r.count(http.StatusOK, most+1)
		within := r.Counts().Within
		if within[i] != 1 || (i+1 < len(times) && within[i+1] != 1) || r.Counts().Took != 2*most+1 {
			t.Errorf("law: what took %s is within it, and a nanosecond more is not; got %v", most, within)
		}
	}
}

// Counting adds nothing to what a request allocates.
func TestCountingAllocatesNothing(t *testing.T) {
	traffic := new(Traffic)
	asked := traffic.Route("face", "route")
	measure := func(s *Server) float64 {
		w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		return testing.AllocsPerRun(1000, func() { s.ServeHTTP(w, r) })
	}
	face := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { At(r.Context(), asked) })
	log := slog.New(slog.DiscardHandler)
	bare, watched := measure(NewServer(face, nil, log)), measure(NewServer(face, nil, log).Watched(traffic, nil))
	if watched > bare {
		t.Errorf("law: counting allocates nothing; with it a request allocates %g times in place of %g", watched, bare)
	}
}
