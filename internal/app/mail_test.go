package app

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/web/pangea"
)

// slowMail is a mail server that lets nobody speak before it is told to.
type slowMail struct {
	listener net.Listener
	calls    atomic.Int64
	called   chan struct{} // gets one for each connection
	greet    chan struct{} // closed: it greets
	got      chan string   // the recipient of each mail
}

func newSlowMail(t *testing.T) *slowMail {
	t.Helper()
	return slowMailAt(t, listener(t))
}

func slowMailAt(t *testing.T, at net.Listener) *slowMail {
	t.Helper()
	s := &slowMail{listener: at, called: make(chan struct{}, 1000), greet: make(chan struct{}), got: make(chan string, 1000)}
	var talks sync.WaitGroup
	talks.Go(func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return // the test is over
			}
			s.calls.Add(1)
			s.called <- struct{}{}
			talks.Go(func() { s.talk(conn) })
		}
	})
	t.Cleanup(func() {
		_ = s.listener.Close()
		talks.Wait()
	})
	return s
}

// talk is one SMTP session (RFC 5321), as far as a sender needs one.
func (s *slowMail) talk(conn net.Conn) {
	defer conn.Close()
	<-s.greet
	to, lines := "", bufio.NewScanner(conn)
	say := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") } // a sender that has gone is seen by the scanner
	say("220 slow.example.org")
	for lines.Scan() {
		line := lines.Text()
		switch verb := strings.ToUpper(line[:min(4, len(line))]); verb {
		case "RCPT":
			to = strings.Trim(line[len("RCPT TO:"):], "<> ")
			say("250 OK")
		case "DATA":
			say("354 Go on")
			for lines.Scan() && lines.Text() != "." {
			}
			s.got <- to
			say("250 OK")
		case "QUIT":
			say("221 Bye")
			return
		default:
			say("250 OK")
		}
	}
}

// asker makes the requests that cause mails.
type asker struct {
	t       *testing.T
	url     string
	service string
	client  string
}

// post calls the API and returns the answer.
func (a asker) post(token, path, body string) string {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	return a.read(http.DefaultClient.Do(r))
}

func (a asker) read(response *http.Response, err error) string {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		a.t.Fatalf("%s answers %d %s (%v)", response.Request.URL.Path, response.StatusCode, body, err)
	}
	return string(body)
}

// restart begins a flow for somebody and asks for a choice's mail.
func (a asker) restart(types, choice, email string) {
	a.t.Helper()
	var started struct {
		Result struct {
			FlowID string `json:"flow_id"`
		} `json:"result"`
	}
	text := a.post(a.client, "/v2/flow/start", fmt.Sprintf(`{"email":%q,"flow_types":[%q]}`, email, types))
	if err := json.Unmarshal([]byte(text), &started); err != nil {
		a.t.Fatal(err)
	}
	a.post(a.client, "/v2/flow/restart", fmt.Sprintf(`{"flow_id":%q,"choice":%q,"data":{}}`, started.Result.FlowID, choice))
}

// press opens a page that begins a flow, and sends forms there.
func (a asker) press(page string, forms ...url.Values) {
	a.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		a.t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	html := a.read(browser.Get(a.url + page))
	action := regexp.MustCompile(`action="(/p/shop/flow/[^"]+)"`).FindStringSubmatch(html)
	if action == nil {
		a.t.Fatalf("there is no form at %s: %s", page, html)
	}
	for _, form := range forms {
		a.read(browser.PostForm(a.url+action[1], form))
	}
}

// askAll makes every request that causes a mail: over the API for one address,
// on the pages for another, because a mailbox gets each mail once for a while.
func (a asker) askAll(api, pages string) {
	a.t.Helper()
	a.restart("signin", "reset_password", api)
	a.restart("signin", "email_otp", api)
	a.restart("signin", "magiclink", api)
	a.restart("signup", "verify_email", api)
	a.press("/p/shop/authorize?email="+url.QueryEscape(pages), url.Values{"choice": {"reset_password"}, "action": {"restart"}})
	a.press("/p/shop/authorize?screen=signup", url.Values{"choice": {"set_email"}, "email": {pages}}, url.Values{"choice": {"verify_email"}, "action": {"restart"}})
}

// invite asks for an invitation.
func (a asker) invite(email string) {
	a.t.Helper()
	a.post(a.service, "/v2/user/invite", fmt.Sprintf(`{"inviter":"joe@example.org","email":%q,"callback":"https://app.example.org/","state":"12345678"}`, email))
}

// Whoever asks for a mail is answered before anything is said to the mail
// server, be it for somebody or for nobody: how slow it is tells nothing (A7).
func TestA7MailsLeaveBehindTheAnswer(t *testing.T) {
	smtp := newSlowMail(t)
	a := open(t, Mode{}, func(c *config.Config) {
		c.SMTP, c.MailFromAddress = secret.Text("smtp://"+smtp.listener.Addr().String()+"?tls=none"), "no-reply@example.org"
	})
	operator := core.Caller{Actor: core.Actor{Kind: core.ActorOperator}}
	created, err := a.Pools.Create(t.Context(), operator, pool.NewPool{Name: "shop", Overrides: core.Overrides{
		"accounts.conceal": []byte(`true`), "signin.primary": []byte(`["password","email_otp","magic_link"]`),
		"redirects.allowed": []byte(`["https://app.example.org/"]`), "redirects.default": []byte(`"https://app.example.org/"`),
		"budget.mails_per_hour": []byte(`0`), "budget.mails_to_one_per_hour": []byte(`0`), "budget.flows_per_minute": []byte(`0`),
	}})
	if err != nil {
		t.Fatal(err)
	}
	caller := core.Caller{Pool: created.Pool.ID, Actor: operator.Actor}
	for _, name := range []string{"ana", "bea", "cid", "dot"} {
		if _, err := a.Directory.Create(t.Context(), caller, directory.NewUser{Email: name + "@example.org", Profile: core.Profile{}}); err != nil {
			t.Fatal(err)
		}
	}
	waiting := func() (n int64) {
		t.Helper()
		err := a.Store.As(caller).View(t.Context(), func(tx *store.Tx) (err error) { n, err = tx.Waiting(); return err })
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	handler, err := a.Handler(Mode{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close() // once more does no harm
	ask := asker{t, server.URL, pangea.ServiceToken(created.ServiceKey.Reveal()), pangea.ClientToken(created.ClientKey.Reveal())}

	// While nobody delivers, a request itself would have to call.
	ask.askAll("ana@example.org", "bea@example.org")
	ask.askAll("nobody1@example.org", "nobody2@example.org")
	ask.invite("guest@example.org")
	// For ana all four, for bea two, for nobody those of signing up, and one
	// invitation: else this would test nothing.
	if n, calls := waiting(), smtp.calls.Load(); n != 9 || calls != 0 {
		t.Errorf("law: a request puts its mail in line and calls no mail server; %d mails wait after %d calls", n, calls)
	}

	// While the mail server holds its greeting back, whoever delivers waits,
	// and nobody else.
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { a.Run(ctx) })
	<-smtp.called
	before := waiting()
	ask.askAll("cid@example.org", "dot@example.org")
	ask.askAll("nobody3@example.org", "nobody4@example.org")
	ask.invite("another@example.org")
	after := waiting()
	if len(smtp.got) != 0 || before != 9 || after != 18 {
		t.Errorf("law: who asks is answered before a mail leaves; %d left, %d waited before and %d after", len(smtp.got), before, after)
	}

	// All of them leave in the end.
	close(smtp.greet)
	to := make(map[string]int)
	for range after {
		to[<-smtp.got]++
	}
	want := map[string]int{"guest": 1, "another": 1, "ana": 4, "bea": 2, "cid": 4, "dot": 2, "nobody1": 1, "nobody2": 1, "nobody3": 1, "nobody4": 1}
	for name, n := range want {
		if to[name+"@example.org"] != n {
			t.Errorf("law: mails that waited are sent; %s has %d of %d", name, to[name+"@example.org"], n)
		}
	}
	stop()
	running.Wait()
	server.Close()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
}
