package core

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// client is an application that nothing is wrong with.
func client() Application {
	return Application{Name: "Shop", Client: Client{
		Grants: []GrantKind{GrantCode, GrantRefresh}, Auth: ClientAuthBasic, Redirects: []string{"https://shop.example/cb"}, Scopes: []string{"openid", "email"}, DefaultScopes: []string{"openid"},
	}}
}

// What an application cannot be is refused with the place of it.
func TestApplications(t *testing.T) {
	settings := DefaultSettings()
	if err := client().Check(settings); err != nil {
		t.Fatalf("a usual application is refused: %v", err)
	}
	if err := (Application{Name: "default"}).Check(settings); err != nil {
		t.Fatalf("an application that is no client is refused: %v", err)
	}
	if err := (Application{Name: "TV", Client: Client{Grants: []GrantKind{GrantDevice, GrantRefresh}, Auth: ClientAuthNone}}).Check(settings); err != nil {
		t.Fatalf("a device that sends nobody back is refused: %v", err)
	}
	for name, one := range map[string]struct {
		pointer string
		change  func(*Application)
	}{
		"no name":               {"/name", func(a *Application) { a.Name = "" }},
		"a name on two lines":   {"/name", func(a *Application) { a.Name = "a\nb" }},
		"a grant that is none":  {"/grants", func(a *Application) { a.Client.Grants = []GrantKind{"password"} }},
		"a grant twice":         {"/grants", func(a *Application) { a.Client.Grants = []GrantKind{GrantCode, GrantCode} }},
		"refreshes of nothing":  {"/grants", func(a *Application) { a.Client.Grants = []GrantKind{GrantRefresh} }},
		"no proof of who it is": {"/auth", func(a *Application) { a.Client.Auth = "" }},
		"an unknown proof":      {"/auth", func(a *Application) { a.Client.Auth = "private_key_jwt" }},
		"public, and on its own": {"/auth", func(a *Application) {
			a.Client.Auth, a.Client.Grants = ClientAuthNone, []GrantKind{GrantCode, GrantClient}
		}},
		"nowhere to go back to":            {"/redirects", func(a *Application) { a.Client.Redirects = nil }},
		"a scope that the pool lacks":      {"/scopes", func(a *Application) { a.Client.Scopes = []string{"openid", "reports"} }},
		"a scope twice":                    {"/scopes", func(a *Application) { a.Client.Scopes = []string{"openid", "openid"} }},
		"a default that it may not ask":    {"/default_scopes", func(a *Application) { a.Client.DefaultScopes = []string{"profile"} }},
		"an audience that is empty":        {"/audience", func(a *Application) { a.Client.Audience = []string{""} }},
		"tokens of a second":               {"/token_life", func(a *Application) { a.Client.TokenLife = Duration(time.Second) }},
		"more redirects than there may":    {"/redirects", func(a *Application) { a.Client.Redirects = slices.Repeat(a.Client.Redirects, 101) }},
		"a logout to where nobody may go":  {"/logout_redirects", func(a *Application) { a.Client.LogoutRedirects = []string{"http://shop.example/"} }},
		"the word of logouts in the clear": {"/backchannel_logout", func(a *Application) { a.Client.BackchannelLogout = "http://shop.example/" }},
		"the word of logouts to a scheme":  {"/backchannel_logout", func(a *Application) { a.Client.BackchannelLogout = "com.example.app:/out" }},
		"the word of logouts to nowhere":   {"/backchannel_logout", func(a *Application) { a.Client.BackchannelLogout = "/out" }},
		"the word of logouts to a part":    {"/backchannel_logout", func(a *Application) { a.Client.BackchannelLogout = "https://shop.example/out#" }},
	} {
		a := client()
		one.change(&a)
		var e *Error
		if err := a.Check(settings); !errors.As(err, &e) || e.Code != CodeInvalid || !slices.ContainsFunc(e.Fields, func(p Problem) bool { return p.Pointer == one.pointer }) {
			t.Errorf("law: an application with %s is refused at %s; got %v", name, one.pointer, err)
		}
	}
}

// TestO2RedirectsOfApplications: an address that a browser runs, or that leaves
// in the clear, is not registered for an application, neither for coming in nor
// for going out.
func TestO2RedirectsOfApplications(t *testing.T) {
	for _, uri := range []string{
		"", "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://a.example/x", "about:blank", "view-source:https://a.example",
		"http://shop.example/cb", "//shop.example/cb", "/cb", "https:shop.example", "https://user@shop.example/cb", "https://shop.example/cb#x", "https://shop.example/c b", "myapp:/cb", "https://",
	} {
		for _, out := range []bool{false, true} {
			a := client()
			if a.Client.Redirects = []string{uri}; out {
				a.Client.Redirects, a.Client.LogoutRedirects = client().Client.Redirects, []string{uri}
			}
			if a.Check(DefaultSettings()) == nil {
				t.Errorf("law: %q cannot be registered (for signing out: %v)", uri, out)
			}
			if _, ok := (Client{Redirects: []string{uri, "https://a.example"}, LogoutRedirects: []string{uri}}).MatchLogoutRedirect(uri + "x"); ok {
				t.Errorf("law: what is registered is matched whole; %q is not %q", uri+"x", uri)
			}
		}
	}
}

// Where none is asked for, there must be no doubt.
func TestRedirectOfAClient(t *testing.T) {
	one, two := Client{Redirects: []string{"https://a.example/cb"}}, Client{Redirects: []string{"https://a.example/cb", "http://127.0.0.1/cb"}}
	for _, c := range []struct {
		client           Client
		asked, otherwise string
		want             string
		ok               bool
	}{
		{one, "", "", "https://a.example/cb", true},
		{two, "", "", "", false},
		{two, "", "https://a.example/cb", "https://a.example/cb", true},
		{two, "", "https://b.example/cb", "https://b.example/cb", false},
		{two, "https://a.example/cb", "", "https://a.example/cb", true},
		{two, "https://a.example/cb/", "", "", false},
		{two, "https://a.example/CB", "", "", false},
		{two, "http://127.0.0.1:8080/cb", "", "http://127.0.0.1:8080/cb", true},
		{Client{}, "", "", "", false},
	} {
		if got, ok := c.client.MatchRedirect(c.asked, c.otherwise); ok != c.ok || ok && got != c.want {
			t.Errorf("%q (otherwise %q) of %v is %q, %v", c.asked, c.otherwise, c.client.Redirects, got, ok)
		}
	}
}

// TestO28ScopesOfAClient: an application gets what it may ask for and the pool
// has, and nothing else.
func TestO28ScopesOfAClient(t *testing.T) {
	settings := DefaultSettings()
	settings.OAuthScopes = []Scope{{Name: "reports:read"}, {Name: "admin"}}
	c := Client{Scopes: []string{"openid", "reports:read", "gone"}, DefaultScopes: []string{"openid"}}
	for text, want := range map[string]string{
		"": "openid", " ": "openid", "openid": "openid", "reports:read  openid reports:read": "reports:read openid",
		"admin": "-", "openid admin": "-", "gone": "-", "email": "-", "Openid": "-", "openid\x00": "-", "openid é": "-", `openid "`: "-",
	} {
		got, ok := settings.AskedScopes(c, text)
		if said := strings.Join(got, " "); ok != (want != "-") || ok && said != want {
			t.Errorf("law: of %q a client gets %q; it got %q, %v", text, want, said, ok)
		}
	}
}

// TestO29ScopesWithoutEnd: a list of scopes is bounded before it is read.
func TestO29ScopesWithoutEnd(t *testing.T) {
	fifty := strings.Fields(strings.Repeat("a ", 50))
	for i := range fifty {
		fifty[i] += strings.Repeat("b", i%26) + string(rune('c'+i%20)) + string(rune('a'+i/20))
	}
	if got, ok := ReadScopes(strings.Join(fifty, " ")); !ok || len(got) != 50 {
		t.Errorf("50 scopes are %d, %v", len(got), ok)
	}
	for name, text := range map[string]string{
		"51 scopes": strings.Join(append(fifty, "x"), " "), "2049 bytes": strings.Repeat("a", 2049), "a scope of 257 bytes": strings.Repeat("a", 257), "1 MB": strings.Repeat("a ", 1<<19),
	} {
		if _, ok := ReadScopes(text); ok {
			t.Errorf("law: %s are refused", name)
		}
	}
}

// A pool's claims say what is in the profile, to who may know.
func TestClaims(t *testing.T) {
	settings := DefaultSettings()
	ana := User{Email: "ana@example.org", Username: "ana@example.org", EmailVerified: true, Phone: "+4912345", Profile: Profile{"first_name": "Ana", "plan": "gold"}}
	if got := settings.ClaimsFor(ana, []string{"profile"}, ClaimInID); !maps.Equal(got, map[string]string{"given_name": "Ana"}) {
		t.Errorf("an ID token says %v", got)
	}
	if got := settings.ClaimsFor(ana, nil, ClaimInID); len(got) > 0 {
		t.Errorf("law: without the scope of a claim it is not said; got %v", got)
	}
	// A claim that takes the place of a default has nothing of that.
	_, settings, err := Overrides{}.With(Overrides{"oauth.claims": json.RawMessage(`[{"name":"plan","field":"plan","tokens":["access"]}]`)})
	if err != nil {
		t.Fatal(err)
	}
	if got := settings.ClaimsFor(ana, nil, ClaimInAccess); !maps.Equal(got, map[string]string{"plan": "gold"}) || len(settings.ClaimsFor(ana, []string{"profile"}, ClaimInID)) > 0 {
		t.Errorf("an access token says %v", got)
	}
	for scopes, want := range map[string]User{
		"openid":        {Profile: Profile{}},
		"email":         {Email: ana.Email, Username: ana.Username, EmailVerified: true, Profile: Profile{}},
		"profile":       {Profile: ana.Profile},
		"profile email": {Email: ana.Email, Username: ana.Username, EmailVerified: true, Profile: ana.Profile},
	} {
		got := ana.For(strings.Fields(scopes))
		if got.Email != want.Email || got.Username != want.Username || got.EmailVerified != want.EmailVerified || got.Phone != "" || !maps.Equal(got.Profile, want.Profile) {
			t.Errorf("law: with %q an application sees %+v; it sees %+v", scopes, want, got)
		}
	}
	named := ana
	if named.Username = "ana"; named.For([]string{"profile"}).Username != "ana" || named.For([]string{"email"}).Username != "" {
		t.Error("law: a username of one's own goes with the profile")
	}
}
