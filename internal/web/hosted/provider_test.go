package hosted_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

// withHub makes a site whose pool has a provider that runs in the test.
func withHub(t *testing.T, more ...core.Provider) (*site, *flowtest.Service) {
	t.Helper()
	hub := flowtest.NewService(t)
	one := hub.Provider("hub", true)
	one.Label = "The <Hub>"
	return newSite(t, map[string]any{"signin.providers": append([]core.Provider{one}, more...)}, nil), hub
}

// leaves follows the button to a provider, and returns what the browser asks
// there.
func (b *browser) leaves(p shown, button string) url.Values {
	b.s.t.Helper()
	for _, a := range p.all("a") {
		if text(a) != button {
			continue
		}
		sent := b.get(attribute(a, "href"))
		return sent.goesThere()
	}
	b.s.t.Fatalf("there is no link %q on the page:\n%s", button, p.body)
	return nil
}

// goesThere is what a browser is sent to a provider with.
func (p shown) goesThere() url.Values {
	p.t.Helper()
	u, err := url.Parse(p.location)
	if err != nil || p.status != http.StatusSeeOther || !strings.HasSuffix(u.Path, "/login/oauth/authorize") {
		p.t.Fatalf("the browser was not sent to the provider: %d %q\n%s", p.status, p.location, p.body)
	}
	return u.Query()
}

// returns brings a browser back from a provider.
func (b *browser) returns(asked url.Values, pairs ...string) shown {
	b.s.t.Helper()
	q := url.Values{"state": {asked.Get("state")}}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return b.get(asked.Get("redirect_uri") + "?" + q.Encode())
}

// Somebody signs up and in by a provider, on either page, without a script.
func TestSignInThroughAProvider(t *testing.T) {
	s, hub := withHub(t)
	ana := flowtest.Account{ID: 7, Email: "ana@example.org", Verified: true}
	var id core.UserID
	for i, screen := range []string{"signup", "signin", "signup"} {
		b := s.browser()
		p := b.open(start("screen", screen)).shows(200, map[string]string{"signup": "Create an account", "signin": "Sign in"}[screen])
		asked := b.leaves(p, "Continue with The <Hub>")
		if asked.Get("code_challenge_method") != "S256" || len(asked.Get("code_challenge")) != 43 || asked.Get("response_type") != "code" || asked.Get("client_id") != "client" || asked.Get("scope") != "read:user user:email" || asked.Get("redirect_uri") != publicURL+"/p/demo/flow/oauth/hub/callback" {
			t.Errorf("law: a provider is asked with a challenge, for what is needed; it was asked %v", asked)
		}
		code, state := b.follow(b.returns(asked, "code", hub.Code(ana))).arrives()
		if state != "s&1" {
			t.Errorf("the application's state came back as %q", state)
		}
		user := s.enters(code)
		if i == 0 {
			id = user.ID
		}
		if user.ID != id || user.Email != "ana@example.org" || !user.EmailVerified {
			t.Errorf("law: on whichever page, a provider's account is one person; came %+v", user)
		}
	}
	// An application may say which provider it is to be.
	b := s.browser()
	first := b.get(start("social", "hub"))
	asked := b.get(first.location).goesThere()
	if code, _ := b.follow(b.returns(asked, "code", hub.Code(ana))).arrives(); s.enters(code).ID != id {
		t.Error("law: an application's choice leads the same way")
	}
	b.open(start("social", "nobody")).shows(200, "Sign in")
}

// A provider that says no, an answer that will not do and a provider that is away
// lead back to the page, from which all can be begun again.
func TestProviderThatSaysNo(t *testing.T) {
	s, hub := withHub(t)
	b := s.browser()
	p := b.open(start())
	asked := b.leaves(p, "Continue with The <Hub>")
	p = b.returns(asked, "error", "access_denied", "error_description", "<script>alert(1)</script>").shows(400, "Sign in").says("You could not be signed in that way.")
	if strings.Contains(p.body, "alert(1)") {
		t.Error("law: what a provider says is on no page")
	}
	asked = b.leaves(p, "Continue with The <Hub>")
	p = b.returns(asked, "code", "guess").shows(400, "Sign in").says("You could not be signed in that way.")
	asked = b.leaves(p, "Continue with The <Hub>")
	code := hub.Code(flowtest.Account{ID: 7})
	p = b.returns(asked, "code", code).shows(400, "Sign in")
	p = b.press(p, "Continue", "email", "ana@example.org")
	asked = b.leaves(b.click(p, "Go on with an account elsewhere"), "Continue with The <Hub>")
	hub.Close()
	b.returns(asked, "code", "x").shows(503, "Enter your password").says("This cannot be checked just now.")
}

// An answer counts in the browser that was sent for it, at the provider that it
// was sent to, and once.
func TestO5AnotherBrowsersAnswer(t *testing.T) {
	hub := flowtest.NewService(t)
	s, _ := withHub(t, hub.Provider("second", true))
	ana := flowtest.Account{ID: 7, Email: "ana@example.org", Verified: true}
	victim, attacker := s.browser(), s.browser()
	asked := attacker.leaves(attacker.open(start()), "Continue with second")
	before := hub.Exchanges()
	victim.open(start())
	victim.returns(asked, "code", hub.Code(ana)).shows(403, "That was not allowed")
	// The bridge of a flow of these pages leads the browser alone that has begun it.
	q := url.Values{"flow": {"flw_" + strings.Repeat("a", 32)}, "state": {"link_" + asked.Get("state")}}
	victim.get("/p/demo/flow/oauth/second?"+q.Encode()).shows(404, "This page has expired")
	other := url.Values{"state": {asked.Get("state")}, "redirect_uri": {strings.Replace(asked.Get("redirect_uri"), "/second/", "/hub/", 1)}}
	attacker.returns(other, "code", hub.Code(ana)).shows(403, "That was not allowed")
	for _, state := range []string{"", "x", strings.Repeat("a", 32)} {
		attacker.returns(url.Values{"state": {state}, "redirect_uri": asked["redirect_uri"]}, "code", "x").shows(403, "That was not allowed")
	}
	if n := hub.Exchanges(); n != before {
		t.Errorf("law: nothing happens to an answer that is none; %d codes were exchanged", n-before)
	}
	attacker.follow(attacker.returns(asked, "code", hub.Code(ana))).arrives()
	attacker.returns(asked, "code", hub.Code(ana)).shows(403, "That was not allowed")
}

// A flow that an application began goes by the same pages, and back to it with
// all that the provider sent, for it to answer its flow with.
func TestBridgeOfAnApplication(t *testing.T) {
	s, hub := withHub(t)
	st, err := s.flows.Start(t.Context(), s.caller(), flow.Start{Redirect: callback})
	if err != nil {
		t.Fatal(err)
	}
	var one flow.ProviderPrompt
	for _, p := range st.Prompts {
		if p.Choice == core.ChoiceSocial {
			one = p.Providers[0]
		}
	}
	bridge := func(pairs ...string) string {
		q := url.Values{"flow": {string(st.ID)}, "state": {"link_" + one.State}, "redirect_uri": {callback}}
		for i := 0; i < len(pairs); i += 2 {
			q.Set(pairs[i], pairs[i+1])
		}
		return one.Bridge + "?" + q.Encode()
	}
	b := s.browser()
	b.open("/p/demo/authorize") // a browser that is known here already
	b.get(bridge("state", one.State)).shows(409, "This step is over")
	b.get(bridge("state", "link_"+strings.Repeat("a", 32))).shows(409, "This step is over")
	b.get(bridge("redirect_uri", "https://evil.example/cb")).shows(400, "This application is not set up")
	b.get(bridge("flow", "x")).shows(404, "This page has expired")
	b.get(strings.Replace(bridge(), "/oauth/hub", "/oauth/other", 1)).shows(409, "This step is over")
	sent := b.get(bridge())
	asked := sent.goesThere()
	for _, c := range sent.cookies {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge <= 0 || c.MaxAge > 600 {
			t.Errorf("law: the cookie of a trip is short-lived, and of this host alone; it is %v", c)
		}
	}
	code := hub.Code(flowtest.Account{ID: 7, Email: "ana@example.org", Verified: true})
	back := b.returns(asked, "code", code, "iss", "https://hub.example", "extra", "a b")
	u, err := url.Parse(back.location)
	if err != nil || back.status != http.StatusSeeOther || u.Host != "app.example.org" {
		t.Fatalf("the browser was sent to %q with %d\n%s", back.location, back.status, back.body)
	}
	if q := u.Query(); q.Get("from") != "login" || q.Get("state") != "link_"+one.State || q.Get("code") != code || q.Get("iss") != "https://hub.example" || q.Get("extra") != "a b" {
		t.Errorf("law: an application is brought all that the provider sent, with the state as it knows it; it was brought %v", q)
	}
	// The pages have done nothing yet: the application does.
	if _, err := s.people.Get(t.Context(), s.caller(), core.UserRef{Email: "ana@example.org"}); !core.Is(err, core.CodeNotFound) {
		t.Errorf("law: who comes in is for the application to go on with; %v", err)
	}
	st, err = s.flows.Answer(t.Context(), s.caller(), st.ID, flow.Answer{Choice: core.ChoiceSocial, Provider: "hub", State: one.State, URI: back.location})
	if err != nil || st.Phase != core.PhaseCompleted {
		t.Errorf("law: the answer that came back lets in; %s, %v", st.Phase, err)
	}
}

// Whoever the pool knows by their address links the provider by coming through
// it, on the page on which they would have typed their password.
func TestLinkingOnThePages(t *testing.T) {
	s, hub := withHub(t)
	ana := s.person("ana@example.org", password)
	b := s.browser()
	asked := b.leaves(b.open(start()), "Continue with The <Hub>")
	code, _ := b.follow(b.returns(asked, "code", hub.Code(flowtest.Account{ID: 7, Email: "ana@example.org", Verified: true}))).arrives()
	if user := s.enters(code); user.ID != ana.ID {
		t.Errorf("law: a proved address on both sides is one person; came %s", user.ID)
	}
	p := b.press(b.open(start("email", "ana@example.org")), "Sign in", "password", password)
	if code, _ := p.arrives(); s.enters(code).ID != ana.ID {
		t.Error("law: the password goes on to work")
	}
}

// A provider that is away is told on the flow's page, before anybody goes there.
func TestProviderThatIsAway(t *testing.T) {
	s, _ := withHub(t, core.Provider{Name: "gone", Kind: core.ProviderOpenID, ClientID: "x", Issuer: "http://127.0.0.1:1"})
	b := s.browser()
	p := b.click(b.open(start()), "Continue with gone").shows(503, "Sign in").says("This cannot be checked just now.")
	b.press(p, "Continue", "email", "ana@example.org").shows(200, "Enter your password")
}
