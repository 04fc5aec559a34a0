package hosted_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/web/hosted"
)

// The cookie is only the browser's and ours, in both worlds (W1).
func TestCookie(t *testing.T) {
	for _, c := range []struct {
		secure bool
		name   string
	}{{true, "__Host-gatehouse"}, {false, "gatehouse"}} {
		s := newSite(t, nil, func(d *hosted.Deps) { d.Secure = c.secure })
		p := s.browser().get(start())
		if len(p.cookies) != 1 {
			t.Fatalf("the cookies are %v", p.cookies)
		}
		got := p.cookies[0]
		if got.Name != c.name || got.Secure != c.secure || !got.HttpOnly || got.SameSite != http.SameSiteLaxMode || got.Path != "/" || got.Domain != "" || got.MaxAge != 0 || !got.Expires.IsZero() || len(got.Value) != 32 {
			t.Errorf("secure %v: the cookie is %q", c.secure, p.header["Set-Cookie"])
		}
	}
	// One that the browser has is kept, and one that is none of ours is not.
	s := newSite(t, nil, nil)
	b := s.browser()
	b.get(start())
	if again := b.get(start()); len(again.cookies) != 0 {
		t.Error("a browser that has a cookie was given another")
	}
	for _, forged := range []string{"", "short", strings.Repeat("A", 32), strings.Repeat("a", 33)} {
		r, err := http.NewRequest(http.MethodGet, s.here(start()), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Cookie", "gatehouse="+forged)
		if p := s.browser().do(r); len(p.cookies) != 1 || p.cookies[0].Value == forged {
			t.Errorf("the cookie %q was taken", forged)
		}
	}
}

// Every answer carries the headers that keep it apart, whatever it is about
// (W3, W10, W12, F17).
func TestHeaders(t *testing.T) {
	for _, secure := range []bool{true, false} {
		s := newSite(t, nil, func(d *hosted.Deps) { d.Secure = secure; d.Inbox = deliver.NewInbox() })
		s.person("ana@example.org", password)
		var cookie string
		do := func(method, path string, change func(*http.Request)) *http.Response {
			t.Helper()
			r := httptest.NewRequest(method, publicURL+"/", strings.NewReader(""))
			u, err := url.ParseRequestURI(path)
			if err != nil {
				t.Fatal(err)
			}
			r.URL, r.RequestURI = u, path
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			if cookie != "" {
				r.Header.Set("Cookie", cookie)
			}
			if change != nil {
				change(r)
			}
			w := httptest.NewRecorder()
			s.handler.ServeHTTP(w, r)
			return w.Result()
		}
		begun := do(http.MethodGet, start("email", "ana@example.org"), nil)
		cookie = begun.Cookies()[0].Name + "=" + begun.Cookies()[0].Value
		page := begun.Header.Get("Location")
		if p := do(http.MethodGet, page, nil); p.StatusCode != http.StatusOK {
			t.Fatalf("the flow's page: %d", p.StatusCode)
		}
		st, err := s.flows.Start(t.Context(), s.caller(), flow.Start{Types: []core.FlowType{core.FlowSignin}, Email: "ana@example.org"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.flows.Restart(t.Context(), s.caller(), st.ID, flow.Answer{Choice: core.ChoiceResetPassword}); err != nil {
			t.Fatal(err)
		}
		link, err := url.Parse(s.mail("reset_password", "ana@example.org").Values["link"])
		if err != nil {
			t.Fatal(err)
		}
		paths := []string{
			page, start(), link.RequestURI(), "/p/demo/link?for=x&code=y", "/p/demo/logout", "/p/demo/logout?redirect_uri=https://evil.example", "/p/demo/login-success",
			"/p/demo/flow/x", "/p/demo/authorize?redirect_uri=//evil", "/p/demo/nothing", "/p/none/authorize", "/", "/nothing", "//nothing", "/p/demo/x/../authorize",
			"/assets/nothing.css", "/dev/inbox", "/dev/inbox.json", "/p/demo", "/p/demo/", "/%00", "/favicon.ico",
		}
		for _, path := range paths {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND"} {
				for name, change := range map[string]func(*http.Request){
					"":           nil,
					"cross-site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
					"no form":    func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
				} {
					checkHeaders(t, method+" "+path+" "+name, do(method, path, change), secure)
				}
			}
		}
	}
}

func checkHeaders(t *testing.T, what string, res *http.Response, secure bool) {
	t.Helper()
	want := map[string]string{
		"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store", "Strict-Transport-Security": "",
	}
	if secure {
		want["Strict-Transport-Security"] = "max-age=31536000"
	}
	for name, value := range want {
		if got := strings.Join(res.Header[name], ","); got != value {
			t.Errorf("%s (%d): %s is %q", what, res.StatusCode, name, got)
		}
	}
	policy := strings.Split(res.Header.Get("Content-Security-Policy"), "; ")
	fixed := []string{"default-src 'none'", "style-src 'self'", "img-src 'self' data:", "form-action", "base-uri 'none'", "frame-ancestors 'none'"}
	if len(policy) != len(fixed) {
		t.Fatalf("%s: the policy is %q", what, policy)
	}
	for i, directive := range fixed {
		if policy[i] != directive && !(directive == "form-action" && (policy[i] == "form-action 'self'" || policy[i] == "form-action 'self' https://app.example.org")) {
			t.Errorf("%s: the policy has %q in place of %q", what, policy[i], directive)
		}
	}
	if media := res.Header.Get("Content-Type"); media != "" && media != "text/html; charset=utf-8" && media != "application/json" {
		t.Errorf("%s: the type is %q", what, media)
	}
	if res.StatusCode == http.StatusOK && strings.HasPrefix(what, "HEAD") {
		return
	}
	if res.StatusCode == http.StatusMethodNotAllowed && res.Header.Get("Allow") == "" {
		t.Errorf("%s: no Allow header", what)
	}
	if res.StatusCode >= 500 {
		t.Errorf("%s: status %d", what, res.StatusCode)
	}
}

// A page whose form may end in the application lets it, and no other.
func TestFormAction(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	for address, want := range map[string]string{
		start():          "form-action 'self' https://app.example.org;",
		"/p/demo/":       "form-action 'self';",
		"/p/demo/logout": "form-action 'self';",
	} {
		if p := b.open(address); !strings.Contains(p.header.Get("Content-Security-Policy"), want) {
			t.Errorf("%s: %s", address, p.header.Get("Content-Security-Policy"))
		}
	}
}

// The style sheet may be kept for ever, because its path changes with it.
func TestStyleSheet(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	var path string
	for _, link := range b.open(start()).all("link") {
		if attribute(link, "rel") == "stylesheet" {
			path = attribute(link, "href")
		}
	}
	p := b.get(path)
	if p.status != 200 || p.header.Get("Content-Type") != "text/css; charset=utf-8" || p.header.Get("Cache-Control") != "public, max-age=31536000, immutable" || !strings.Contains(p.body, "prefers-color-scheme") {
		t.Errorf("%s: %d %v", path, p.status, p.header)
	}
	if strings.Contains(p.body, "url(") || strings.Contains(p.body, "@import") {
		t.Error("the style sheet loads something")
	}
}

// A form that another site sends is refused, whatever it looks like (W2).
func TestCrossSite(t *testing.T) {
	s := newSite(t, nil, nil)
	s.person("ana@example.org", password)
	b := s.browser()
	page := b.open(start("email", "ana@example.org"))
	for _, c := range []struct {
		law    string
		header map[string]string
		status int
	}{
		{"cross-site", map[string]string{"Sec-Fetch-Site": "cross-site"}, 403},
		{"same-site is another host", map[string]string{"Sec-Fetch-Site": "same-site"}, 403},
		{"cross-site as text", map[string]string{"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"}, 403},
		{"another origin", map[string]string{"Origin": "https://evil.example"}, 403},
		{"no origin", map[string]string{"Origin": "null"}, 403},
		{"text", map[string]string{"Content-Type": "text/plain"}, 415},
		{"no type", map[string]string{"Content-Type": ""}, 415},
		{"a method in a header", map[string]string{"Sec-Fetch-Site": "cross-site", "X-HTTP-Method-Override": "GET"}, 403},
		{"this site", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": "null"}, 400}, // wrong password
	} {
		for _, path := range []string{page.address, "/p/demo/link", "/p/demo/logout"} {
			r, err := http.NewRequest(http.MethodPost, s.here(path), strings.NewReader(url.Values{"choice": {"password"}, "password": {"wrong"}}.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for name, value := range c.header {
				r.Header.Set(name, value)
			}
			if p := b.do(r); p.status != c.status {
				t.Errorf("%s at %s: status %d, want %d", c.law, path, p.status, c.status)
			}
		}
	}
}

// Whatever headers say of the host, links and cookies stay as configured
// (F18, W9).
func TestPoisonedHost(t *testing.T) {
	s := newSite(t, map[string]any{"link.resend_after": "0s"}, func(d *hosted.Deps) { d.BarePool = "demo" })
	s.person("known@example.org", password)
	forge := func(r *http.Request) {
		r.Host = "evil.example"
		for name, value := range map[string]string{
			"X-Forwarded-Host": "evil.example", "X-Forwarded-Server": "evil.example", "X-Original-Host": "evil.example", "X-Host": "evil.example", "Forwarded": "host=evil.example;proto=http",
			"X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "//evil.example", "X-Original-URL": "//evil.example/", "X-Rewrite-URL": "//evil.example/", "X-Forwarded-Port": "1",
		} {
			r.Header.Set(name, value)
		}
	}
	for _, base := range []string{"", "/p/demo"} {
		b := s.browser()
		do := func(method, path string, fields url.Values) shown {
			t.Helper()
			r, err := http.NewRequest(method, s.here(path), strings.NewReader(fields.Encode()))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			forge(r)
			p := b.do(r)
			if strings.Contains(p.location+p.body+strings.Join(p.header["Content-Security-Policy"], ""), "evil.example") {
				t.Errorf("%s %s: the host is repeated: %s %q %s", method, path, p.location, p.header, p.body)
			}
			for _, c := range p.cookies {
				if c.Secure || c.Domain != "" {
					t.Errorf("%s %s: the cookie is %v", method, path, c)
				}
			}
			return p
		}
		for _, c := range []struct{ screen, email, template string }{
			{"signin", "known@example.org", "reset_password"}, {"signup", "nobody@example.org", "verify_email"}, {"signup", "known@example.org", "account_exists"},
		} {
			page := do(http.MethodGet, base+"/authorize?screen="+c.screen, nil).location
			if !strings.HasPrefix(page, base+"/flow/") {
				t.Fatalf("the flow is at %q", page)
			}
			do(http.MethodGet, page, nil)
			do(http.MethodPost, page, url.Values{"choice": {"set_email"}, "email": {c.email}})
			do(http.MethodGet, page, nil)
			if c.screen == "signin" {
				do(http.MethodPost, page, url.Values{"choice": {"reset_password"}, "action": {"restart"}})
			}
			m := s.mail(c.template, c.email)
			if !strings.HasPrefix(m.Values["link"], publicURL+"/p/demo/") {
				t.Errorf("the link in %s is %q", c.template, m.Values["link"])
			}
			if c.template != "account_exists" {
				do(http.MethodGet, m.Values["link"], nil)
			}
		}
		do(http.MethodGet, base+"/nothing", nil)
		do(http.MethodGet, base+"/logout", nil)
	}
}

// A pool's pages are at its hosts, under its name and its id, and nowhere else.
func TestPlaces(t *testing.T) {
	s := newSite(t, nil, nil)
	own := s.newPool("own", []string{"login.own.example"}, map[string]any{"display_name": "Own"})
	dev := newSite(t, nil, func(d *hosted.Deps) { d.BarePool = "demo" })
	absent := newSite(t, nil, func(d *hosted.Deps) { d.BarePool = "absent" })
	for _, c := range []struct {
		law    string
		s      *site
		host   string
		path   string
		status int
		base   string // of the flow that it leads to
	}{
		{"by name", s, "login.example.net", "/p/demo/authorize", 303, "/p/demo"},
		{"by id", s, "login.example.net", "/p/" + string(s.pool.ID) + "/authorize", 303, "/p/demo"},
		{"at the root", s, "login.example.net", "/p/demo/", 303, "/p/demo"},
		{"by no name", s, "login.example.net", "/p/nobody/authorize", 404, ""},
		{"the bare host", s, "login.example.net", "/authorize", 404, ""},
		{"its host", s, "login.own.example", "/authorize", 303, ""},
		{"its host, with a port, in capitals", s, "LOGIN.own.example:8443", "/", 303, ""},
		{"its host, by name", s, "login.own.example", "/p/own/authorize", 303, "/p/own"},
		{"its host, by another's name", s, "login.own.example", "/p/demo/authorize", 404, ""},
		{"its name at the public host", s, "login.example.net", "/p/" + string(own.ID) + "/authorize", 303, "/p/own"},
		{"the development host", dev, "localhost:8400", "/authorize", 303, ""},
		{"the development host, by name", dev, "localhost:8400", "/p/demo/authorize", 303, "/p/demo"},
		{"the development host without its pool", absent, "localhost:8400", "/authorize", 404, ""},
		{"no host", s, "", "/authorize", 404, ""},
	} {
		r := httptest.NewRequest(http.MethodGet, c.path, nil)
		r.Host = c.host
		w := httptest.NewRecorder()
		c.s.handler.ServeHTTP(w, r)
		if w.Code != c.status || w.Code == 303 && !strings.HasPrefix(w.Header().Get("Location"), c.base+"/flow/flw_") {
			t.Errorf("%s: %d %q", c.law, w.Code, w.Header().Get("Location"))
		}
	}
}

// What people and applications wrote is text on every page, and never part of
// it (W5).
func TestNothingIsInjected(t *testing.T) {
	const payload = `"'></title></h1><script>alert(1)</script><img src=x onerror=alert(1)>{{.}}`
	s := newSite(t, map[string]any{
		"display_name":   payload,
		"profile.fields": []core.ProfileField{{ID: "a", Label: `"><img src=x onerror=alert(1)>`, Type: core.ProfileText, AtSignup: true}, {ID: "b", Label: `</legend><script>`, Type: core.ProfileBoolean, Required: true, AtSignup: true}},
	}, func(d *hosted.Deps) { d.Inbox = deliver.NewInbox() })
	check := func(p shown) shown {
		t.Helper()
		for _, n := range p.all("*") {
			switch n.Data {
			case "html", "head", "meta", "title", "link", "body", "header", "span", "main", "h1", "h2", "p", "form", "input", "div", "label", "button", "a", "strong", "fieldset", "legend", "article", "time", "pre", "code":
			default:
				t.Errorf("%s: the page has the element %s", p.address, n.Data)
			}
			for _, a := range n.Attr {
				if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "style" || strings.HasPrefix(strings.TrimSpace(strings.ToLower(a.Val)), "javascript:") {
					t.Errorf("%s: the page has the attribute %s=%q", p.address, a.Key, a.Val)
				}
			}
		}
		if !strings.Contains(p.body, "&lt;script&gt;") && !strings.HasPrefix(p.address, "/dev/") {
			t.Errorf("%s: the name of the pool is not on the page as text", p.address)
		}
		return p
	}
	b := s.browser()
	p := check(b.open(start("state", payload, "email", payload)))
	check(b.press(p, "Continue", "email", payload))
	check(b.open(p.address + "&notice=" + url.QueryEscape(payload) + "&choice=" + url.QueryEscape(payload)))
	p = check(b.open(start("state", payload, "screen", "signup", "email", payload)))
	p = check(b.press(p, "Continue", "email", "ana@example.org"))
	l := check(b.open(s.mail("verify_email", "ana@example.org").Values["link"]))
	p = check(b.press(l, "Confirm my e-mail address"))
	p = check(b.press(p, "Continue", "password", password))
	p = check(b.press(p, "Continue", "profile.a", payload, "profile.b", payload))
	if _, state := b.press(p, "Continue", "profile.a", payload, "profile.b", "true").arrives(); state != payload {
		t.Errorf("the state came back as %q", state)
	}
	check(b.get("/p/demo/authorize?redirect_uri=" + url.QueryEscape(payload)))
	check(b.get("/p/demo/link?for=" + url.QueryEscape(payload) + "&code=" + url.QueryEscape(payload)))
	check(b.get("/p/demo/flow/" + url.PathEscape(payload)))
	check(b.get("/p/demo/login-success?x=" + url.QueryEscape(payload)))
	check(b.get("/dev/inbox?to=" + url.QueryEscape(payload)))
}

// The development inbox shows what the real worker delivered, newest first, to
// people and to programs; without an inbox there is no such page.
func TestInbox(t *testing.T) {
	inbox := deliver.NewInbox()
	s := newSite(t, nil, func(d *hosted.Deps) { d.Inbox = inbox })
	s.worker(inbox)
	b := s.browser()
	b.get("/dev/inbox").shows(200, "Mails").says("There is no mail yet.")
	patience := time.After(30 * time.Second) // ends a test that has failed already
	for i, email := range []string{"ana@example.org", "bob@example.org"} {
		b.press(b.open(start("screen", "signup")), "Continue", "email", email)
		for len(inbox.List("")) <= i {
			select {
			case <-patience:
				t.Fatal("no mail was delivered")
			case <-time.After(time.Millisecond):
			}
		}
	}
	p := b.get("/dev/inbox").shows(200, "Mails").says("ana@example.org")
	if strings.Index(p.body, "bob@example.org") > strings.Index(p.body, "ana@example.org") {
		t.Error("the newest mail is not the first")
	}
	list := b.get("/dev/inbox.json?to=ANA@example.org")
	var mails []deliver.Caught
	if err := json.Unmarshal([]byte(list.body), &mails); err != nil || len(mails) != 1 || mails[0].To != "ana@example.org" || len(mails[0].Links) != 1 {
		t.Fatalf("the list is %s, %v", list.body, err)
	}
	b.open(mails[0].Links[0]).shows(200, "Confirm your e-mail address")
	b.click(p, "Open the link").shows(200, "Confirm your e-mail address")
	if empty := b.get("/dev/inbox.json?to=nobody@example.org"); empty.body != "[]" {
		t.Errorf("the list for nobody is %s", empty.body)
	}
	b.get("/dev/inbox?to=bob@example.org").shows(200, "Mails to bob@example.org")

	none := newSite(t, nil, nil).browser()
	none.get("/dev/inbox").shows(404, "There is no such page")
	none.get("/dev/inbox.json").shows(404, "There is no such page")
}

// What a method or a path does not take is answered with a page.
func TestNoSuchPage(t *testing.T) {
	s := newSite(t, nil, nil)
	b := s.browser()
	b.get("/p/demo/nothing").shows(404, "There is no such page")
	b.get("/nothing").shows(404, "There is no such page")
	b.get("/assets/style-0.css").shows(404, "There is no such page")
	p := b.post("/p/demo/authorize", nil).shows(405, "That did not work")
	if p.header.Get("Allow") != "GET, HEAD" {
		t.Errorf("Allow is %q", p.header.Get("Allow"))
	}
}
