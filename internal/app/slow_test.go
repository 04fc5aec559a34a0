package app

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/web"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// endless are limits that nobody reaches, but for how large a header is. A test
// shortens the one that it is about, so that nothing else ends a connection.
func endless() web.Limits {
	return web.Limits{HeaderSize: 16 << 10, Header: time.Hour, Request: time.Hour, Answer: time.Hour, Idle: time.Hour}
}

const (
	short = 200 * time.Millisecond
	// stuck is when a test gives up waiting for the end of a connection.
	stuck = time.Minute
)

// slow is a server with limits, with a pool and its service token.
func slow(t *testing.T, limits web.Limits) (*running, string) {
	t.Helper()
	a := open(t, Mode{})
	a.limits = limits
	created, err := a.Pools.Create(t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorSystem}}, pool.NewPool{Name: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	return serve(t, a, Mode{}), pangea.ServiceToken(created.ServiceKey.Reveal())
}

// end stops a server, which has nobody left to wait for.
func (r *running) end(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.ended; err != nil {
		t.Errorf("law: a server that was told to stop ends without an error; got %v", err)
	}
}

func dial(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err == nil {
		err = conn.SetDeadline(time.Now().Add(stuck))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // most are closed by then
	return conn.(*net.TCPConn)
}

// drip sends head at once and then a byte at a time without end, until the
// server has ended the connection; without next it is silent. It returns what
// the server answered.
func drip(t *testing.T, address, head string, next func(i int) byte) string {
	t.Helper()
	conn := dial(t, address)
	defer conn.Close()
	if _, err := io.WriteString(conn, head); err != nil {
		t.Fatal(err)
	}
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		text, err := io.ReadAll(conn)
		answered <- answer{string(text), err}
	}()
	for i := 0; ; i++ {
		select {
		case a := <-answered:
			if errors.Is(a.err, os.ErrDeadlineExceeded) {
				t.Error("law: a connection that drips is ended by the server")
			}
			return a.text
		case <-time.After(time.Millisecond):
			// An error says that the connection has ended, which is seen above.
			if next != nil {
				_, _ = conn.Write([]byte{next(i)})
			}
		}
	}
}

// A client that sends or takes a byte now and then has its connection ended,
// and whoever comes after it is answered (X29).
func TestX29SlowRequests(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	defer goleak.VerifyNone(t, ignore)
	post := func(token string) string {
		return "POST /v2/user/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer " + token + "\r\n"
	}
	// net/http answers nothing, or 400 where it was within a line.
	const cut = `^(HTTP/1\.1 400 Bad Request\r\n[^{<]*)?$`
	letters := func(i int) byte { return "Name: value\r\n"[i%13] }
	blank := func(int) byte { return ' ' }
	for _, c := range []struct {
		name    string
		shorten func(*web.Limits)
		head    func(token string) string
		next    func(i int) byte
		answer  string
	}{
		{"nothing but a connection", func(l *web.Limits) { l.Header = short }, func(string) string { return "" }, nil, cut},
		{"the first line", func(l *web.Limits) { l.Header = short }, func(string) string { return "GET /" }, func(int) byte { return 'a' }, cut},
		{"the header", func(l *web.Limits) { l.Header = short }, func(string) string { return "GET / HTTP/1.1\r\nHost: localhost\r\n" }, letters, cut},
		{"the header of a second request", func(l *web.Limits) { l.Header = short }, func(string) string {
			return "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\n"
		}, letters, `^HTTP/1\.1 404 `},
		{"the body", func(l *web.Limits) { l.Request = short }, func(token string) string { return post(token) + "Content-Length: 200000\r\n\r\n{" }, blank, `^HTTP/1\.1 400 `},
		{"the body, in chunks", func(l *web.Limits) { l.Request = short }, func(token string) string {
			return post(token) + "Transfer-Encoding: chunked\r\n\r\n"
		}, func(i int) byte { return "1\r\n \r\n"[i%6] }, `^HTTP/1\.1 400 `},
		{"the body, before who asks is known", func(l *web.Limits) { l.Request = short }, func(string) string { return post("none") + "Content-Length: 200000\r\n\r\n{" }, blank, `^HTTP/1\.1 401 `},
		{"a form", func(l *web.Limits) { l.Request = short }, func(string) string {
			return "POST /p/shop/link HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\n"
		}, func(int) byte { return 'a' }, `^HTTP/1\.1 400 `},
	} {
		t.Run(c.name, func(t *testing.T) {
			limits := endless()
			c.shorten(&limits)
			r, token := slow(t, limits)
			if got := drip(t, r.public, c.head(token), c.next); !regexp.MustCompile(c.answer).MatchString(got) {
				t.Errorf("law: the answer is like %s; got %q", c.answer, got)
			}
			r.end(t)
		})
	}
	t.Run("a probe's header", func(t *testing.T) {
		limits := endless()
		limits.Header = short
		r, _ := slow(t, limits)
		if got := drip(t, r.admin, "GET /livez HTTP/1.1\r\n", letters); !regexp.MustCompile(cut).MatchString(got) {
			t.Errorf("law: the admin listener has the same limits; got %q", got)
		}
		r.end(t)
	})
	t.Run("an answer that nobody reads", func(t *testing.T) {
		limits := endless()
		limits.Answer = short
		r, _ := slow(t, limits)
		_, page := get(t, "http://"+r.public+"/none")
		style := regexp.MustCompile(`/assets/[^"]+`).FindString(page)
		conn := dial(t, r.public)
		if err := conn.SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
		// The answers fill whatever lies between the server and this client,
		// then the server waits, then it waits no longer.
		var err error
		for err == nil {
			_, err = io.WriteString(conn, strings.Repeat("GET "+style+" HTTP/1.1\r\nHost: localhost\r\n\r\n", 100))
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("law: a connection whose answers are not read is ended by the server")
		}
		r.end(t)
	})
	t.Run("silence between two requests", func(t *testing.T) {
		limits := endless()
		limits.Idle = short
		r, _ := slow(t, limits)
		conn := dial(t, r.public)
		if _, err := io.WriteString(conn, "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 404") {
			t.Errorf("law: a connection that rests is ended behind its answer; got %q, %v", got, err)
		}
		r.end(t)
	})
}

// Large headers are refused, and HTTP/2, with its floods of streams, is not
// spoken at all (X29).
func TestX29LargeHeaders(t *testing.T) {
	defer goleak.VerifyNone(t)
	r, _ := slow(t, web.DefaultLimits())
	for _, c := range []struct{ name, request, answer string }{
		{"a header that is large and not too large", "GET /none HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX: " + strings.Repeat("x", 12<<10) + "\r\n\r\n", "HTTP/1.1 404"},
		{"a value too large", "GET /none HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 24<<10) + "\r\n\r\n", "HTTP/1.1 431"},
		{"a name too large", "GET /none HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("x", 24<<10) + ": 1\r\n\r\n", "HTTP/1.1 431"},
		{"an address too large", "GET /none?" + strings.Repeat("x", 24<<10) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 431"},
		{"too many lines", "GET /none HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("X: 1\r\n", 6<<10) + "\r\n", "HTTP/1.1 431"},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", "HTTP/1.1 "},
	} {
		for _, address := range []string{r.public, r.admin} {
			conn := dial(t, address)
			// The server may have ended the connection before all is sent.
			_, _ = io.WriteString(conn, c.request)
			first := make([]byte, len("HTTP/1.1 431"))
			if _, err := io.ReadFull(conn, first); err != nil || !strings.HasPrefix(string(first), c.answer) {
				t.Errorf("law: %s answers %s; got %q, %v", c.name, c.answer, first, err)
			}
			_ = conn.Close()
		}
	}
	r.end(t)
}

// Many connections that do nothing, or are in the middle of something, keep
// nobody else from being answered. None of them ends before the others have
// been, because here nothing ends them (X29).
func TestX29ManyConnections(t *testing.T) {
	defer goleak.VerifyNone(t)
	const each = 150
	r, token := slow(t, endless())
	var open []net.Conn
	for range each {
		for _, head := range []string{
			"", "GET / HTTP/1.1\r\nHost: local", "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n",
			"POST /v2/user/create HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nAuthorization: Bearer " + token + "\r\nContent-Length: 100\r\n\r\n{",
		} {
			conn := dial(t, r.public)
			if _, err := io.WriteString(conn, head); err != nil {
				t.Fatal(err)
			}
			open = append(open, conn)
		}
	}
	for range 10 {
		if status, body := get(t, "http://"+r.public+"/p/shop/.well-known/jwks.json"); status != http.StatusOK {
			t.Errorf("law: others are answered meanwhile; got %d %s", status, body)
		}
	}
	if status, body := get(t, "http://"+r.admin+"/readyz"); status != http.StatusOK {
		t.Errorf("law: the server is ready meanwhile; got %d %s", status, body)
	}
	for _, conn := range open {
		_ = conn.Close() // a server that stops finishes what is under way
	}
	r.end(t)
}
