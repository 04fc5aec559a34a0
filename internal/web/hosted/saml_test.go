package hosted_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/source"
	"github.com/gatehouse-id/gatehouse/internal/source/samltest"
)

// brings posts an answer from a provider's site, as browsers do for one: without
// our cookies, and saying where it comes from.
func (s *site) brings(to string, fields url.Values) shown {
	s.t.Helper()
	stranger := s.browser()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.here(to), strings.NewReader(fields.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", "https://idp.example.org")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	p := stranger.do(r)
	if len(p.cookies) != 0 {
		s.t.Errorf("law: the page that takes answers knows no browser; it set %v", p.cookies)
	}
	return p
}

// samlSite is a site whose pool has one SAML provider.
func samlSite(t *testing.T, p core.Provider, settings map[string]any) *site {
	t.Helper()
	values := map[string]any{"signin.providers": []core.Provider{p}, "signup.verify_email": true, "redirects.default": callback}
	for key, value := range settings {
		values[key] = value
	}
	return newSite(t, values, nil)
}

// People come in by SimpleSAMLphp, at its own pages and ours.
func TestSAMLPages(t *testing.T) {
	idp := samltest.StartSimpleSAML(t)
	issuer, settings, err := source.ReadMetadata(idp.Metadata(t), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	settings.Unsolicited = true
	provider := core.Provider{Name: "acme", Kind: core.ProviderSAML, Label: "Acme SSO", Issuer: issuer, TrustEmail: true, SAML: &settings}
	s := samlSite(t, provider, nil)
	metadata := s.browser().get("/p/demo/flow/saml/acme/metadata")
	if metadata.status != http.StatusOK || metadata.header.Get("Content-Type") != "application/samlmetadata+xml" {
		t.Fatalf("law: our metadata is there for the provider: %d %v", metadata.status, metadata.header)
	}
	idp.Trust(t, []byte(metadata.body))

	signIn := func(b *browser, v *samltest.Visitor, page, who string) shown {
		t.Helper()
		asked := b.click(b.open(page), "Continue with Acme SSO")
		if !strings.HasPrefix(asked.location, idp.SignInURL+"?") {
			t.Fatalf("law: the button leads to the provider, by way of our bridge: %d %q\n%s", asked.status, asked.location, asked.body)
		}
		to, brought := v.SignIn(asked.location, nil, who)
		return b.follow(s.brings(to, brought))
	}
	b, v := s.browser(), idp.Visitor(t)
	code, state := signIn(b, v, start("screen", "signup"), "ada").arrives()
	user := s.enters(code)
	if user.Email != "ada@example.org" || !user.EmailVerified || state != "s&1" {
		t.Errorf("law: who is new signs up by the provider's word: %+v, %q", user, state)
	}
	if n := len(s.mails()); n != 0 {
		t.Errorf("law: a mailbox that the provider vouches for is not proved again; %d mails left", n)
	}
	code, _ = signIn(s.browser(), v, start(), "ada").arrives()
	if again := s.enters(code); again.ID != user.ID {
		t.Errorf("law: who came before is the same person: %+v", again)
	}

	// Beginning there.
	unasked := idp.SignInURL + "?" + url.Values{"spentityid": {publicURL + "/p/demo/flow/saml/acme/metadata"}, "RelayState": {"https://evil.example/"}}.Encode()
	to, brought := v.SignIn(unasked, nil, "ada")
	code, _ = s.browser().follow(s.brings(to, brought)).arrives()
	if again := s.enters(code); again.ID != user.ID {
		t.Errorf("law: who begins at the provider is signed in: %+v", again)
	}

	// In a form in place of an address.
	settings.PostRequests = true
	s = samlSite(t, provider, nil)
	idp.Trust(t, []byte(s.browser().get("/p/demo/flow/saml/acme/metadata").body))
	b = s.browser()
	form := b.click(b.open(start("screen", "signup")), "Continue with Acme SSO").shows(http.StatusOK, "Sign in with Acme SSO")
	if policy := form.header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' http:;") {
		t.Errorf("law: the page may send its form to the provider: %s", policy)
	}
	fields := map[string]string{}
	for _, in := range form.all("input") {
		fields[attribute(in, "name")] = attribute(in, "value")
	}
	to, brought = idp.Visitor(t).SignIn(attribute(form.all("form")[0], "action"), fields, "grace")
	code, _ = b.follow(s.brings(to, brought)).arrives()
	if user := s.enters(code); user.Email != "grace@elsewhere.example" {
		t.Errorf("law: a request in a form does the same: %+v", user)
	}
}

// wayTo is a browser that was sent to a provider of the test, with what the
// provider would answer.
type wayTo struct {
	s     *site
	b     *browser
	idp   *samltest.IdP
	said  samltest.Said
	state string
}

func newWay(s *site, idp *samltest.IdP) *wayTo {
	s.t.Helper()
	w := &wayTo{s: s, b: s.browser(), idp: idp}
	asked := w.b.click(w.b.open(start("screen", "signup")), "Continue with acme")
	u, err := url.Parse(asked.location)
	if err != nil {
		s.t.Fatal(err)
	}
	w.state = u.Query().Get("RelayState")
	sp := source.NewSAML(publicURL+"/p/demo", core.Provider{Name: "acme"}, nil)
	w.said = samltest.Said{ACS: sp.ACS, Audience: sp.EntityID, InResponseTo: samltest.RequestID(s.t, asked.location), NameID: "u-1", Attributes: [][2]string{{"mail", "ana@example.org"}}, Now: s.store.Clock()}
	return w
}

func (w *wayTo) answer(state string) url.Values {
	return url.Values{"SAMLResponse": {w.idp.Answer(w.said)}, "RelayState": {state}}
}

// What a provider answers is brought to the flow of the browser that was sent
// there, and to no other.
func TestX11AnswersToOtherBrowsers(t *testing.T) {
	idp := samltest.New(t, "https://idp.example.org/metadata")
	s := samlSite(t, core.Provider{
		Name: "acme", Kind: core.ProviderSAML, Issuer: idp.EntityID, TrustEmail: true,
		SAML: &core.SAMLProvider{SignInURL: "https://idp.example.org/sso", Certificates: []string{idp.Certificate}},
	}, nil)
	victim, thief := newWay(s, idp), newWay(s, idp)

	// The thief's answer, in the victim's browser: nobody is signed in as
	// somebody else without having asked.
	planted := s.brings(thief.said.ACS, thief.answer(thief.state))
	victim.b.follow(planted).shows(http.StatusForbidden, "That was not allowed")
	thief2 := newWay(s, idp)
	planted = s.brings(thief2.said.ACS, thief2.answer(victim.state))
	if page := victim.b.follow(planted); page.status == http.StatusSeeOther || !strings.Contains(page.body, "You could not be signed in that way") {
		t.Errorf("law: an answer to another flow is refused, and the flow goes on: %d\n%s", page.status, page.body)
	}
	// And the victim's own way still leads in: it was begun anew by the page.
	again := newWay(s, idp)
	again.b.follow(s.brings(again.said.ACS, again.answer(again.state))).arrives()
	// The same once more.
	again.b.follow(s.brings(again.said.ACS, again.answer(again.state))).shows(http.StatusForbidden, "That was not allowed")

	// An answer that is refused leads back to where it was begun.
	bad := newWay(s, idp)
	bad.said.Audience = "https://other.example.org"
	page := bad.b.follow(s.brings(bad.said.ACS, bad.answer(bad.state)))
	page.says("You could not be signed in that way")
	if strings.Contains(page.body, "Audience") || strings.Contains(page.body, "other.example.org") {
		t.Errorf("law: why an answer is refused is for the log:\n%s", page.body)
	}
	s.brings(bad.said.ACS, bad.answer("")).shows(http.StatusBadRequest, "That did not work")
}

// What a provider sends along leads nowhere, and is shown nowhere.
func TestX14RelayState(t *testing.T) {
	idp := samltest.New(t, "https://idp.example.org/metadata")
	provider := core.Provider{
		Name: "acme", Kind: core.ProviderSAML, Issuer: idp.EntityID, TrustEmail: true, Label: `"><script>alert(1)</script>`,
		SAML: &core.SAMLProvider{SignInURL: "https://idp.example.org/sso", Certificates: []string{idp.Certificate}, Unsolicited: true, PostRequests: true},
	}
	s := samlSite(t, provider, nil)
	b := s.browser()
	page := b.open(start())
	page = b.click(page, `Continue with "><script>alert(1)</script>`)
	if page.status != http.StatusOK || len(page.all("script")) != 0 {
		t.Errorf("law: a label is text: %d\n%s", page.status, page.body)
	}
	for _, relay := range []string{"https://evil.example/", "javascript:alert(1)", "//evil.example", `"><script>alert(1)</script>`, "\r\nLocation: https://evil.example", strings.Repeat("a", 32)} {
		sp := source.NewSAML(publicURL+"/p/demo", provider, nil)
		said := samltest.Said{ACS: sp.ACS, Audience: sp.EntityID, NameID: "u-1", Attributes: [][2]string{{"mail", "ana@example.org"}}, Now: s.store.Clock()}
		p := s.brings(sp.ACS, url.Values{"SAMLResponse": {idp.Answer(said)}, "RelayState": {relay}})
		if p.status != http.StatusSeeOther || !strings.HasPrefix(p.location, "/p/demo/flow/saml/acme/begin?code=") || strings.Contains(p.location, "evil") {
			t.Errorf("law: what comes with an answer leads nowhere; %q led to %d %q", relay, p.status, p.location)
		}
		p = s.brings(sp.ACS, url.Values{"SAMLResponse": {"x"}, "RelayState": {relay}})
		if strings.Contains(p.location+p.body, "evil") || strings.Contains(p.body, "<script>alert") {
			t.Errorf("law: nor with one that is refused; %q gave %d %q\n%s", relay, p.status, p.location, p.body)
		}
	}
	// Where nothing is taken.
	s.browser().get("/p/demo/flow/saml/acme/acs").shows(http.StatusMethodNotAllowed, "That did not work")
	s.brings("/p/demo/flow/saml/other/acs", url.Values{"SAMLResponse": {"x"}}).shows(http.StatusNotFound, "There is no such page")
	s.brings("/p/demo/flow/saml/acme/acs", url.Values{"SAMLResponse": {strings.Repeat("A", 513<<10)}}).shows(http.StatusRequestEntityTooLarge, "That is too much")
	s.browser().get("/p/demo/flow/saml/other/metadata").shows(http.StatusNotFound, "There is no such page")
}
