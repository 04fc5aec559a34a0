package authn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/client/authn"
)

// wire is a listener whose connections are pipes in memory: with them a clock
// of its own can run, on which waits take no time and are exact.
type wire struct {
	connections chan net.Conn
	once        sync.Once
	closed      chan struct{}
}

func (w *wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.connections:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

func (w *wire) Close() error   { w.once.Do(func() { close(w.closed) }); return nil }
func (w *wire) Addr() net.Addr { return &net.UnixAddr{Name: "wire"} }

func (w *wire) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case w.connections <- theirs:
		return ours, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

// said is one answer of a server in a test.
type said struct {
	code   int
	header string // of Retry-After
	body   string
}

// heard is one request, with when it came, counted from the first one.
type heard struct {
	after   time.Duration
	method  string
	path    string
	retried string
	body    string
}

// script runs a test in a bubble, against a server that gives these answers in
// turn, and the last one from then on.
func script(t *testing.T, answers []said, options []authn.Option, test func(t *testing.T, a *authn.AuthN, requests func() []heard)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var requests []heard
		var mu sync.Mutex
		begin := time.Now()
		handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			n := len(requests)
			requests = append(requests, heard{time.Since(begin), r.Method, r.URL.Path, r.Header.Get("X-Pangea-Retried-Request-Ids"), string(body)})
			mu.Unlock()
			answer := answers[min(n, len(answers)-1)]
			w.Header().Set("X-Request-Id", fmt.Sprintf("prq_%d", n))
			if answer.header != "" {
				w.Header().Set("Retry-After", answer.header)
			}
			w.WriteHeader(answer.code)
			fmt.Fprint(w, answer.body)
		})
		listener := &wire{connections: make(chan net.Conn), closed: make(chan struct{})}
		s := &http.Server{Handler: handler}
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(listener) }()
		transport := &http.Transport{DialContext: listener.dial}
		options = append([]authn.Option{authn.WithHTTPClient(&http.Client{Transport: transport})}, options...)
		a := ok(authn.New("http://wire.example/v", "pts_x", options...))(t)
		test(t, a, func() []heard { mu.Lock(); defer mu.Unlock(); return requests })
		transport.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

const (
	fine     = `{"request_id":"prq_f","status":"Success","summary":"","result":{"email":"ana@example.org"}}`
	fault    = `{"request_id":"prq_e","status":"InternalError","summary":"Ours","result":null}`
	busy     = `{"request_id":"prq_e","status":"ServiceNotAvailable","summary":"Busy","result":null}`
	accepted = `{"request_id":"prq_a","status":"Accepted","summary":"","result":{"ttl_mins":60,"retry_counter":0,"location":"https://evil.example/request/prq_a"}}`
)

func get(t *testing.T, a *authn.AuthN) (*authn.User, error) {
	t.Helper()
	return a.User.Profile.Get(t.Context(), authn.ByID("x"))
}

// waits wants waits between requests, each less up to a quarter of it.
func waits(t *testing.T, requests []heard, want ...time.Duration) {
	t.Helper()
	if len(requests) != len(want)+1 {
		t.Fatalf("%d requests, want %d", len(requests), len(want)+1)
	}
	for i, w := range want {
		if got := requests[i+1].after - requests[i].after; got > w || got < w-w/4 {
			t.Errorf("wait %d took %s, want at most a quarter less than %s", i, got, w)
		}
	}
}

func TestTriesAgain(t *testing.T) {
	for _, code := range []int{500, 502, 503, 504} {
		script(t, []said{{code, "", fault}, {code, "", "<html>"}, {code, "", ""}, {200, "", fine}}, nil,
			func(t *testing.T, a *authn.AuthN, requests func() []heard) {
				if u, err := get(t, a); err != nil || u.Email != "ana@example.org" {
					t.Errorf("after %d: %+v, %v", code, u, err)
				}
				waits(t, requests(), 500*time.Millisecond, time.Second, 2*time.Second)
				for i, retried := range []string{"", "prq_0", "prq_0,prq_1", "prq_0,prq_1,prq_2"} {
					if r := requests()[i]; r.retried != retried || r.method != http.MethodPost || r.path != "/v/v2/user/profile/get" || r.body != `{"id":"x"}` {
						t.Errorf("law: each try sends the same, and the ids of those that failed; got %+v", r)
					}
				}
			})
	}
}

func TestGivesUp(t *testing.T) {
	script(t, []said{{500, "", fault}}, nil, func(t *testing.T, a *authn.AuthN, requests func() []heard) {
		_, err := get(t, a)
		if e := refusedAs(t, err); e.Status != authn.StatusInternalError || e.HTTPStatus != 500 || e.RequestID != "prq_e" || len(requests()) != 4 {
			t.Errorf("after %d requests: %v", len(requests()), err)
		}
	})
	second := time.Second
	script(t, []said{{503, "", busy}}, []authn.Option{authn.WithRetries(6)}, func(t *testing.T, a *authn.AuthN, requests func() []heard) {
		_, err := get(t, a)
		refusedAs(t, err)
		waits(t, requests(), second/2, second, 2*second, 4*second, 8*second, 8*second)
	})
	script(t, []said{{503, "", busy}}, []authn.Option{authn.WithRetries(0)}, func(t *testing.T, a *authn.AuthN, requests func() []heard) {
		_, err := get(t, a)
		refusedAs(t, err)
		waits(t, requests())
	})
}

// What would fail again is not tried again.
func TestDoesNotTryAgain(t *testing.T) {
	for _, code := range []int{301, 400, 401, 403, 404, 408, 409, 425, 429, 501, 505} {
		script(t, []said{{code, "1", `{"status":"Whatever","summary":"","result":null}`}}, nil,
			func(t *testing.T, a *authn.AuthN, requests func() []heard) {
				_, err := get(t, a)
				if e := refusedAs(t, err); e.HTTPStatus != code || e.RetryAfter != time.Second || len(requests()) != 1 {
					t.Errorf("law: %d is told at once; got %v after %d requests", code, err, len(requests()))
				}
			})
	}
}

func TestRetryAfter(t *testing.T) {
	// The clock of a bubble begins at midnight of 2000-01-01.
	for header, want := range map[string]time.Duration{
		"7": 7 * time.Second, "60": time.Minute, " 3 ": 3 * time.Second, "Sat, 01 Jan 2000 00:00:20 GMT": 20 * time.Second,
	} {
		script(t, []said{{503, header, busy}, {200, "", fine}}, nil, func(t *testing.T, a *authn.AuthN, requests func() []heard) {
			if _, err := get(t, a); err != nil {
				t.Fatal(err)
			}
			if got := requests()[1].after - requests()[0].after; got != want {
				t.Errorf("law: %q is waited for to the second; got %s", header, got)
			}
		})
	}
	for _, header := range []string{"0", "-5", "soon", "Fri, 31 Dec 1999 23:59:59 GMT", "1.5"} {
		script(t, []said{{503, header, busy}, {200, "", fine}}, nil, func(t *testing.T, a *authn.AuthN, requests func() []heard) {
			if _, err := get(t, a); err != nil {
				t.Fatal(err)
			}
			waits(t, requests(), 500*time.Millisecond)
		})
	}
	for header, want := range map[string]time.Duration{"61": 61 * time.Second, "99999999999": 10 * 365 * 24 * time.Hour, "Sat, 01 Jan 2000 02:00:00 GMT": 2 * time.Hour} {
		script(t, []said{{503, header, busy}}, nil, func(t *testing.T, a *authn.AuthN, requests func() []heard) {
			_, err := get(t, a)
			if e := refusedAs(t, err); e.RetryAfter != want || len(requests()) != 1 {
				t.Errorf("law: more than a minute is told and not waited for; got %s after %d requests", e.RetryAfter, len(requests()))
			}
		})
	}
}

// An id that could not be sent in a header is left out.
func TestRetriedIDsAreIDs(t *testing.T) {
	var retried []string
	a := ok(authn.New("http://wire.example", "pts_x", authn.WithHTTPClient(&http.Client{Transport: trip(func(r *http.Request) (*http.Response, error) {
		retried = append(retried, r.Header.Get("X-Pangea-Retried-Request-Ids"))
		return &http.Response{StatusCode: 500, Header: http.Header{"X-Request-Id": {[]string{"a,b", "ok-1", "c\r\nd", "x"}[len(retried)-1]}}, Body: io.NopCloser(strings.NewReader(""))}, nil
	})})))(t)
	synctest.Test(t, func(t *testing.T) { refusedAs(t, second(get(t, a))) })
	if strings.Join(retried, ";") != ";;ok-1;ok-1" {
		t.Errorf("sent %q", retried)
	}
}

type trip func(*http.Request) (*http.Response, error)

// RoundTrip makes a trip an http.RoundTripper.
func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func second[T any](_ T, err error) error { return err }

// A context that ends during a wait ends it, and both reasons can be found.
func TestContextEndsAWait(t *testing.T) {
	for _, answers := range [][]said{{{503, "30", busy}}, {{202, "", accepted}}} {
		script(t, answers, nil, func(t *testing.T, a *authn.AuthN, requests func() []heard) {
			ctx, cancel := context.WithTimeout(t.Context(), 700*time.Millisecond)
			defer cancel()
			begin := time.Now()
			_, err := a.User.Profile.Get(ctx, authn.ByID("x"))
			if !errors.Is(err, context.DeadlineExceeded) || !authn.IsStatus(err, authn.StatusServiceNotAvailable, authn.StatusAccepted) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(begin); took != 700*time.Millisecond || len(requests()) != 1 {
				t.Errorf("it took %s and %d requests", took, len(requests()))
			}
		})
	}
}

// A request that was accepted is asked for until it is done, at the server
// that it was sent to.
func TestAccepted(t *testing.T) {
	script(t, []said{{202, "", accepted}, {202, "", accepted}, {202, "", accepted}, {200, "", fine}}, nil,
		func(t *testing.T, a *authn.AuthN, requests func() []heard) {
			if u, err := get(t, a); err != nil || u.Email != "ana@example.org" {
				t.Errorf("got %+v, %v", u, err)
			}
			for i, after := range []time.Duration{0, 1, 5, 14} {
				r := requests()[i]
				if r.after != after*time.Second {
					t.Errorf("request %d came after %s", i, r.after)
				}
				if i > 0 && (r.method != http.MethodGet || r.path != "/v/request/prq_a" || r.body != "" || r.retried != "") {
					t.Errorf("asked by %+v", r)
				}
			}
		})
	// It is asked for after 1, 5, 14 and 30 seconds, and then no more.
	script(t, []said{{202, "", accepted}}, nil, func(t *testing.T, a *authn.AuthN, requests func() []heard) {
		_, err := get(t, a)
		if e := refusedAs(t, err); e.Status != authn.StatusAccepted || e.HTTPStatus != 202 || e.RequestID != "prq_a" || len(requests()) != 5 || requests()[4].after != 30*time.Second {
			t.Errorf("after %d requests: %v", len(requests()), err)
		}
	})
	script(t, []said{{202, "", accepted}, {202, "", accepted}, {200, "", fine}}, []authn.Option{authn.WithPatience(0)},
		func(t *testing.T, a *authn.AuthN, requests func() []heard) {
			_, err := get(t, a)
			id := refusedAs(t, err).RequestID
			var u authn.User
			if err := a.Poll(t.Context(), id, &u); !authn.IsStatus(err, authn.StatusAccepted) {
				t.Errorf("not done yet: %v", err)
			}
			if err := a.Poll(t.Context(), id, &u); err != nil || u.Email != "ana@example.org" || len(requests()) != 3 {
				t.Errorf("done: %+v, %v", u, err)
			}
		})
	// The request may fail in the end, and the poll be tried again on its way.
	script(t, []said{{202, "", accepted}, {502, "", ""}, {400, "", `{"request_id":"prq_a","status":"ValidationError","summary":"No","result":null}`}}, nil,
		func(t *testing.T, a *authn.AuthN, requests func() []heard) {
			if _, err := get(t, a); !authn.IsStatus(err, authn.StatusValidationError) || requests()[2].retried != "prq_1" {
				t.Errorf("got %v, %+v", err, requests())
			}
		})
	for _, bad := range []string{`<html>`, strings.Replace(accepted, "prq_a", "../x", 1), strings.Replace(accepted, "prq_a", "", 1)} {
		script(t, []said{{202, "", bad}}, nil, func(t *testing.T, a *authn.AuthN, requests func() []heard) {
			if _, err := get(t, a); err == nil || len(requests()) != 1 {
				t.Errorf("law: an id that is none is not asked for; got %v, %+v", err, requests())
			}
		})
	}
}
