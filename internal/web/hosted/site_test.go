package hosted_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/pool"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
	"github.com/gatehouse-id/gatehouse/internal/web"
	"github.com/gatehouse-id/gatehouse/internal/web/hosted"
)

// What tests use again and again.
const (
	publicURL = "https://login.example.net"
	callback  = "https://app.example.org/callback?from=login"
	password  = "correct horse 7 staple"
)

// site is the pages over a real store, behind a real server.
type site struct {
	t           *testing.T
	store       *store.Store
	pools       *pool.Pools
	people      *directory.Directory
	invitations *directory.Invitations
	agreements  *directory.Agreements
	passwords   *directory.Passwords
	hasher      *secret.Hasher
	sessions    *session.Sessions
	flows       *flow.Machine
	pool        core.Pool
	handler     http.Handler
	server      *httptest.Server
}

// newSite makes a site with the pool "demo". change alters what it is made
// from; nil: nothing.
func newSite(t *testing.T, settings map[string]any, change func(*hosted.Deps)) *site {
	t.Helper()
	st := storetest.New(t)
	s := &site{t: t, store: st, pools: pool.New(st), people: directory.New(st), sessions: session.New(st, session.Spelling{})}
	s.hasher = secret.NewHasher(secret.Cost{Memory: 64, Passes: 1, Threads: 1}, st.Keys().Peppers())
	s.passwords = directory.NewPasswords(st, s.hasher)
	pageURL := func(p core.Pool) string {
		if len(p.Hosts) > 0 {
			return "https://" + p.Hosts[0]
		}
		return publicURL + "/p/" + p.Name
	}
	s.agreements = directory.NewAgreements(st)
	s.invitations = directory.NewInvitations(st, pageURL)
	s.flows = flow.New(st, s.pools, s.passwords, s.sessions, deliver.NewCaptchas(st, ""), pageURL).Asking(flowtest.Providers(st))
	values := map[string]any{"redirects.allowed": []string{callback}, "display_name": "Acme"}
	for key, value := range settings {
		values[key] = value
	}
	s.pool = s.newPool("demo", nil, values)
	log := slog.New(slog.NewTextHandler(testWriter{t}, nil))
	d := hosted.Deps{
		Store: st, Pools: s.pools, Sessions: s.sessions, Flows: s.flows, PageURL: pageURL,
		Code: func(c string) string { return "code_" + c }, LinkState: func(c string) string { return "link_" + c },
	}
	if change != nil {
		change(&d)
	}
	s.handler = web.NewServer(hosted.New(d), nil, log)
	s.server = httptest.NewServer(s.handler)
	t.Cleanup(s.server.Close)
	return s
}

func (s *site) newPool(name string, hosts []string, settings map[string]any) core.Pool {
	s.t.Helper()
	overrides := core.Overrides{}
	for key, value := range settings {
		raw, err := json.Marshal(value)
		if err != nil {
			s.t.Fatal(err)
		}
		overrides[key] = raw
	}
	made, err := s.pools.Create(s.t.Context(), core.Caller{Actor: core.Actor{Kind: core.ActorOperator}}, pool.NewPool{Name: name, Hosts: hosts, Overrides: overrides})
	if err != nil {
		s.t.Fatal(err)
	}
	return made.Pool
}

func (s *site) caller() core.Caller {
	return core.Caller{Pool: s.pool.ID, Actor: core.Actor{Kind: core.ActorService, ID: "test"}, Request: core.NewRequestID()}
}

// person makes somebody with a proved mailbox and this password; "": none.
func (s *site) person(email, password string) core.User {
	s.t.Helper()
	user, err := s.people.Create(s.t.Context(), s.caller(), directory.NewUser{Email: email})
	if err != nil {
		s.t.Fatal(err)
	}
	err = s.store.As(s.caller()).Update(s.t.Context(), func(tx *store.Tx) error {
		user.EmailVerified = true
		if err := tx.UpdateUser(user); err != nil || password == "" {
			return err
		}
		phc, err := s.passwords.Hash(s.t.Context(), s.pool.Settings, secret.Text(password), "")
		if err != nil {
			return err
		}
		return tx.PutPassword(core.Authenticator{ID: core.NewAuthenticatorID(), User: user.ID, Secret: phc})
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return user
}

// mails takes what was sent since the last time out of the outbox, text messages
// last.
func (s *site) mails() []core.Message {
	s.t.Helper()
	claimed, err := s.store.Across().ClaimMessages(s.t.Context(), core.ChannelMail, 100, time.Minute)
	if err != nil {
		s.t.Fatal(err)
	}
	texts, err := s.store.Across().ClaimMessages(s.t.Context(), core.ChannelText, 100, time.Minute)
	if err != nil {
		s.t.Fatal(err)
	}
	claimed = append(claimed, texts...)
	var list []core.Message
	for _, o := range claimed {
		if o.Unreadable != nil {
			s.t.Fatal(o.Unreadable)
		}
		err := s.store.As(core.Caller{Pool: o.Pool}).Update(s.t.Context(), func(tx *store.Tx) error {
			_, err := tx.FinishMessage(o)
			return err
		})
		if err != nil {
			s.t.Fatal(err)
		}
		list = append(list, o.Message)
	}
	return list
}

// mail is the one mail that was sent since the last time.
func (s *site) mail(template, to string) core.Message {
	s.t.Helper()
	list := s.mails()
	if len(list) != 1 || list[0].Template != template || list[0].To != to {
		s.t.Fatalf("the mails are %v, and should be one %s to %s", list, template, to)
	}
	return list[0]
}

// browser is somebody's browser: it has cookies and follows nothing by itself.
type browser struct {
	s      *site
	client *http.Client
}

func (s *site) browser() *browser {
	s.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return &browser{s, &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// shown is an answer as a browser has it.
type shown struct {
	t        *testing.T
	status   int
	header   http.Header
	cookies  []*http.Cookie
	body     string
	address  string
	location string
}

func (b *browser) do(r *http.Request) shown {
	b.s.t.Helper()
	res, err := b.client.Do(r)
	if err != nil {
		b.s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.s.t.Fatal(err)
	}
	return shown{b.s.t, res.StatusCode, res.Header, res.Cookies(), string(body), r.URL.RequestURI(), res.Header.Get("Location")}
}

// here is an address on the test's server: links from mails have the public one.
func (s *site) here(address string) string {
	return s.server.URL + strings.TrimPrefix(strings.TrimPrefix(address, publicURL), s.server.URL)
}

func (b *browser) get(address string) shown {
	b.s.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.s.here(address), nil)
	if err != nil {
		b.s.t.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) post(address string, fields url.Values) shown {
	b.s.t.Helper()
	r, err := http.NewRequest(http.MethodPost, b.s.here(address), strings.NewReader(fields.Encode()))
	if err != nil {
		b.s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// open gets a page and follows redirects as long as they stay here.
func (b *browser) open(address string) shown {
	b.s.t.Helper()
	return b.follow(b.get(address))
}

func (b *browser) follow(p shown) shown {
	b.s.t.Helper()
	for p.status == http.StatusSeeOther && strings.HasPrefix(p.location, "/") {
		p = b.get(p.location)
	}
	return p
}

// press fills in the form that has this button and sends it; pairs are names
// and values of fields that the form must have.
func (b *browser) press(p shown, button string, pairs ...string) shown {
	b.s.t.Helper()
	for _, form := range p.all("form") {
		if !slices.ContainsFunc(elements(form, "button"), func(n *html.Node) bool { return text(n) == button }) {
			continue
		}
		fields, boxes := url.Values{}, url.Values{}
		for _, in := range elements(form, "input") {
			switch name := attribute(in, "name"); {
			case name == "":
			case attribute(in, "type") == "checkbox" && !isTicked(in):
				boxes.Set(name, "")
			default:
				fields.Set(name, attribute(in, "value"))
			}
		}
		for i := 0; i < len(pairs); i += 2 {
			if !fields.Has(pairs[i]) && !boxes.Has(pairs[i]) {
				b.s.t.Fatalf("the form has no field %q", pairs[i])
			}
			fields.Set(pairs[i], pairs[i+1])
		}
		if attribute(form, "method") != "post" {
			b.s.t.Fatal("the form is not sent by POST")
		}
		sent := b.post(attribute(form, "action"), fields)
		return b.follow(sent)
	}
	b.s.t.Fatalf("there is no button %q on the page:\n%s", button, p.body)
	return shown{}
}

// isTicked reports whether a box is ticked already.
func isTicked(box *html.Node) bool {
	return slices.ContainsFunc(box.Attr, func(a html.Attribute) bool { return a.Key == "checked" })
}

// click follows the link with this text.
func (b *browser) click(p shown, link string) shown {
	b.s.t.Helper()
	for _, a := range p.all("a") {
		if text(a) == link {
			return b.open(attribute(a, "href"))
		}
	}
	b.s.t.Fatalf("there is no link %q on the page:\n%s", link, p.body)
	return shown{}
}

// all finds the elements of a page by name.
func (p shown) all(name string) []*html.Node {
	p.t.Helper()
	root, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		p.t.Fatal(err)
	}
	return elements(root, name)
}

func elements(n *html.Node, name string) []*html.Node {
	var list []*html.Node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && (name == "*" || d.Data == name) {
			list = append(list, d)
		}
	}
	return list
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// shows fails the test unless the page has this heading and status.
func (p shown) shows(status int, heading string) shown {
	p.t.Helper()
	got := ""
	if h := p.all("h1"); len(h) == 1 {
		got = text(h[0])
	}
	if p.status != status || got != heading {
		p.t.Fatalf("%s: status %d, heading %q, location %q; want %d, %q\n%s", p.address, p.status, got, p.location, status, heading, p.body)
	}
	return p
}

// says fails the test unless an element of the page says this.
func (p shown) says(words string) shown {
	p.t.Helper()
	if !slices.ContainsFunc(p.all("p"), func(n *html.Node) bool { return strings.Contains(text(n), words) }) {
		p.t.Fatalf("the page does not say %q:\n%s", words, p.body)
	}
	return p
}

// arrives reads the code and state with which the browser was sent to the
// application.
func (p shown) arrives() (code, state string) {
	p.t.Helper()
	u, err := url.Parse(p.location)
	if err != nil || p.status != http.StatusSeeOther || u.Host != "app.example.org" || u.Path != "/callback" || u.Query().Get("from") != "login" {
		p.t.Fatalf("the browser was not sent to the application: %d %q\n%s", p.status, p.location, p.body)
	}
	return u.Query().Get("code"), u.Query().Get("state")
}

// enters fetches the tokens for what arrived, and returns whose they are.
func (s *site) enters(code string) core.User {
	s.t.Helper()
	bare, ok := strings.CutPrefix(code, "code_")
	if !ok {
		s.t.Fatalf("%q is not a code as it was to be spelt", code)
	}
	grant, err := s.sessions.ExchangeCode(s.t.Context(), s.caller(), s.pool.Settings, bare, "")
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := s.sessions.Check(s.t.Context(), s.caller(), grant.Access.Token)
	if err != nil {
		s.t.Fatal(err)
	}
	return token.User
}

// start is where an application sends people.
func start(more ...string) string {
	q := url.Values{"redirect_uri": {callback}, "state": {"s&1"}}
	for i := 0; i < len(more); i += 2 {
		q.Set(more[i], more[i+1])
	}
	return "/p/demo/authorize?" + q.Encode()
}

// testWriter logs to the test.
type testWriter struct{ t *testing.T }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(b)))
	return len(b), nil
}

// worker runs the real mail worker into an inbox until the test ends.
func (s *site) worker(inbox *deliver.Inbox) {
	w := deliver.NewWorker(s.store, inbox, deliver.Options{FromAddress: "login@example.net"})
	done := make(chan struct{})
	go func() { defer close(done); w.Run(s.t.Context()) }()
	s.t.Cleanup(func() { <-done })
}
