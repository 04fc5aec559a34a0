package oidc_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// device is what a device was given.
type device struct {
	s          *site
	code, user string
}

// device begins to wait on the TV; scope is what it asks for.
func (s *site) device(scope string) device {
	s.t.Helper()
	a := s.visitor().do(http.MethodPost, "/o/device_authorization", fields("client_id", id(s.tv), "scope", scope))
	if a.status != http.StatusOK {
		s.t.Fatalf("a device gets %d %s", a.status, a.body)
	}
	return device{s, a.text("device_code"), a.text("user_code")}
}

// poll asks for the tokens.
func (d device) poll() answer {
	d.s.t.Helper()
	return d.s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", string(core.GrantDevice), "device_code", d.code, "client_id", id(d.s.tv)))
}

// age lets time pass for all devices.
func (s *site) age(by time.Duration) {
	s.t.Helper()
	_, err := storetest.Raw(s.t, s.database).Exec(`UPDATE device_codes SET expires_at = expires_at - $1, polled_at = polled_at - $1`, by.Microseconds())
	must(s.t, err)
}

// enter types a code in.
func (v *visitor) enter(code string) answer {
	v.s.t.Helper()
	return v.do(http.MethodPost, "/device", fields("user_code", code))
}

// goOn goes on from the page that asks whether the device is theirs.
func (v *visitor) goOn(code string) answer {
	v.s.t.Helper()
	return v.do(http.MethodPost, "/device", fields("user_code", code, "action", "go_on"))
}

// prove signs in from the page where the flow begins.
func (v *visitor) prove(a answer) answer {
	v.s.t.Helper()
	for _, step := range [][]string{{"choice", "set_email", "email", email}, {"choice", "password", "password", password}} {
		a = v.follow(a)
		if !strings.Contains(a.body, step[1]) {
			v.s.t.Fatalf("the page does not ask for %s: %d %s", step[1], a.status, a.body)
		}
		a = v.do(http.MethodPost, a.action(), fields(step...))
	}
	return a
}

// events are those of a name.
func (s *site) events(name core.EventName) (n int) {
	s.t.Helper()
	for _, row := range storetest.Dump(s.t, storetest.Raw(s.t, s.database), s.pool.ID)["events"] {
		if strings.Contains(row, " "+string(name)+" ") {
			n++
		}
	}
	return n
}

// Somebody signs in for a device in a browser elsewhere: the device gets the
// tokens, and the browser nothing.
func TestDevice(t *testing.T) {
	for _, format := range []string{core.TokenOpaque, core.TokenSigned} {
		s := newSite(t, map[string]any{"token.format": format})
		a := s.visitor().do(http.MethodPost, "/o/device_authorization", fields("client_id", id(s.tv), "scope", "openid email"))
		said := a.said()
		user := a.text("user_code")
		if a.status != http.StatusOK || said["expires_in"] != 600.0 || said["interval"] != 5.0 || len(said) != 6 || a.header.Get("Cache-Control") != "no-store" || len(user) != 9 || user[4] != '-' {
			t.Fatalf("a device gets %d %s", a.status, a.body)
		}
		page := issuer + "/device"
		if said["verification_uri"] != page || said["verification_uri_complete"] != page+"?user_code="+user {
			t.Errorf("people are sent to %v and %v", said["verification_uri"], said["verification_uri_complete"])
		}
		d := device{s, a.text("device_code"), user}
		d.poll().refuses(400, "authorization_pending", "before anybody signed in")

		v := s.visitor()
		form := v.do(http.MethodGet, "/device?user_code="+strings.ToLower(user), nil)
		if form.status != http.StatusOK || !strings.Contains(form.body, `value="`+user+`"`) || strings.Contains(form.body, "TV") {
			t.Errorf("law: a link fills the code in, and looks nothing up; the page is %d %s", form.status, form.body)
		}
		found := v.enter(strings.ToLower(strings.ReplaceAll(user, "-", " ")))
		if found.status != http.StatusOK || !strings.Contains(found.body, html.EscapeString("TV & Co")) || !strings.Contains(found.body, user) || !strings.Contains(found.body, "This was not me") {
			t.Errorf("law: the page names the application and shows the code; it is %d %s", found.status, found.body)
		}
		end := v.follow(v.prove(v.goOn(user)))
		if end.status != http.StatusOK || !strings.Contains(end.body, "go back to your device") || end.location != nil {
			t.Errorf("law: a flow for a device ends on a page; it is %d %v %s", end.status, end.location, end.body)
		}
		s.age(5 * time.Second)
		given := d.poll()
		if given.status != http.StatusOK || given.text("scope") != "openid email" || given.text("refresh_token") == "" || given.text("id_token") == "" {
			t.Fatalf("%s: the device gets %d %s", format, given.status, given.body)
		}
		access := given.text("access_token")
		me := s.visitor().do(http.MethodGet, "/o/me", nil, bearer(access)).said()
		told := s.visitor().do(http.MethodPost, "/o/introspect", fields("token", access), basic(s.shop, s.key)).said()
		if me["sub"] != string(s.user.ID) || me["email"] != email || told["client_id"] != id(s.tv) || told["active"] != true {
			t.Errorf("%s: the token is of %v, and %v", format, me, told)
		}
		next := s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "refresh_token", "refresh_token", given.text("refresh_token"), "client_id", id(s.tv)))
		if next.status != http.StatusOK || next.text("id_token") == "" {
			t.Errorf("a refresh gives %d %s", next.status, next.body)
		}
		d.poll().refuses(400, "invalid_grant", "a code that was used")
		for _, event := range []core.EventName{core.EventDeviceClaimed, core.EventDeviceApproved, core.EventSignedIn} {
			if n := s.events(event); n != 1 {
				t.Errorf("law: the audit trail is told what happened; of %s it was %d times", event, n)
			}
		}
		for name, rows := range storetest.Dump(t, storetest.Raw(t, s.database), s.pool.ID) {
			for _, secret := range []string{d.code, core.ReadUserCode(user), user} {
				if strings.Contains(strings.Join(rows, "\n"), secret) || strings.Contains(s.log.String(), secret) {
					t.Errorf("law: a device's codes are stored as keyed hashes alone; %q is in %s or the log", secret, name)
				}
			}
		}
	}
}

// A device is told why it has no tokens, or not yet.
func TestDeviceErrors(t *testing.T) {
	s := newSite(t, nil)
	ask := func(more ...string) answer {
		return s.visitor().do(http.MethodPost, "/o/device_authorization", fields(more...))
	}
	ask("client_id", "nobody").refuses(400, "invalid_client", "a device of no client")
	ask("client_id", id(s.shop)).refuses(400, "invalid_client", "a device of a client that keeps a secret, without it")
	ask("client_id", id(s.page)).refuses(400, "unauthorized_client", "a client that has no devices")
	ask("client_id", id(s.tv), "scope", "openid admin").refuses(400, "invalid_scope", "a scope beyond the client's")
	s.visitor().do(http.MethodGet, "/o/token", fields("device_code", "x")).refuses(405, "invalid_request", "a GET")
	s.visitor().do(http.MethodPost, "/o/device_authorization?device_code=x", fields("client_id", id(s.tv))).refuses(400, "invalid_request", "a code in an address")
	if a := s.visitor().do(http.MethodPost, "/o/device_authorization", fields("scope", "plain"), basic(s.shop, s.key)); a.status != http.StatusOK {
		t.Errorf("a client that keeps a secret gets %d %s", a.status, a.body)
	}

	grant := string(core.GrantDevice)
	token := func(more ...string) answer {
		return s.visitor().do(http.MethodPost, "/o/token", fields(append([]string{"grant_type", grant}, more...)...))
	}
	token("client_id", id(s.tv)).refuses(400, "invalid_request", "no code")
	token("client_id", id(s.page), "device_code", "x").refuses(400, "unauthorized_client", "a client that has no devices")
	for _, code := range []string{"x", strings.Repeat("a", 32), strings.Repeat("a", 33)} {
		token("client_id", id(s.tv), "device_code", code).refuses(400, "invalid_grant", "a code that is none")
	}

	d := s.device("openid")
	d.poll().refuses(400, "authorization_pending", "the first time")
	d.poll().refuses(400, "slow_down", "at once again")
	s.age(9 * time.Second)
	d.poll().refuses(400, "slow_down", "after nine seconds of ten")
	s.age(15 * time.Second)
	d.poll().refuses(400, "authorization_pending", "after the time that it was told")
	if a := s.visitor().do(http.MethodPost, "/device", fields("user_code", d.user, "action", "refuse")); a.location == nil || a.location.Path != "/p/demo/device/refused" {
		t.Errorf("refusing leads to %v", a.location)
	}
	d.poll().refuses(400, "access_denied", "a device that was refused")
	if s.events(core.EventDeviceRefused) != 1 {
		t.Error("law: the audit trail is told of a refusal")
	}

	d = s.device("openid reports")
	v := s.visitor()
	consent := v.follow(v.prove(v.goOn(d.user)))
	if !strings.Contains(consent.body, html.EscapeString("TV & Co")) || !strings.Contains(consent.body, "Reports") {
		t.Fatalf("law: people are asked as they are for a code; the page is %d %s", consent.status, consent.body)
	}
	denied := v.follow(v.do(http.MethodPost, consent.action(), fields("choice", "oauth_consent", "action", "deny")))
	if denied.location != nil || !strings.Contains(denied.body, "Nobody was signed in") {
		t.Errorf("denying leads to %v %s", denied.location, denied.body)
	}
	d.poll().refuses(400, "access_denied", "a device that was denied what it asks for")

	d = s.device("openid reports")
	v = s.visitor()
	consent = v.follow(v.prove(v.goOn(d.user)))
	v.follow(v.do(http.MethodPost, consent.action(), fields("choice", "oauth_consent", "scope.reports", "allow")))
	if a := d.poll(); a.status != http.StatusOK || a.text("scope") != "openid reports" {
		t.Errorf("law: a device gets what was allowed; it gets %d %s", a.status, a.body)
	}

	// Past its time it is of no use, answered or not.
	d = s.device("openid")
	v = s.visitor()
	late := v.goOn(d.user)
	answered := s.device("openid")
	other := s.visitor()
	other.follow(other.prove(other.goOn(answered.user)))
	s.age(core.DeviceCodeLife)
	d.poll().refuses(400, "expired_token", "a code past its time")
	answered.poll().refuses(400, "expired_token", "a code past its time that was answered")
	if end := v.follow(v.prove(late)); !strings.Contains(end.body, "waits no more") {
		t.Errorf("law: who signs in too late is told so; the page is %d %s", end.status, end.body)
	}
}

// A person's state is asked for when the device comes for its tokens.
func TestDevicePersonHasChanged(t *testing.T) {
	s := newSite(t, nil)
	signedIn := func() device {
		d := s.device("openid")
		v := s.visitor()
		v.follow(v.prove(v.goOn(d.user)))
		return d
	}
	d := signedIn()
	must(t, s.store.As(s.caller()).Update(t.Context(), func(tx *store.Tx) error {
		_, err := tx.ChangeCredentials(s.user.ID)
		return err
	}))
	d.poll().refuses(400, "invalid_grant", "a code of somebody whose credentials have changed")
	d = signedIn()
	yes := true
	_, err := s.people.Change(t.Context(), s.caller(), core.UserRef{ID: s.user.ID}, directory.UserChange{Disabled: &yes})
	must(t, err)
	d.poll().refuses(400, "invalid_grant", "a code of somebody who was disabled")
	if n := s.events(core.EventSignedIn); n != 0 {
		t.Errorf("law: nobody was signed in; %d were", n)
	}
}

// From the pages of a flow for a device people begin once more, as somebody else
// or somebody new, for the same device.
func TestDeviceBeginsAgain(t *testing.T) {
	s := newSite(t, map[string]any{"profile.fields": []any{}})
	d := s.device("openid")
	v := s.visitor()
	first := v.follow(v.goOn(d.user))
	link := ""
	for _, piece := range strings.Split(first.body, `href="`)[1:] {
		if to := html.UnescapeString(piece[:strings.Index(piece, `"`)]); strings.Contains(to, "screen=signup") {
			link = to
		}
	}
	if !strings.Contains(link, "/device/again?") {
		t.Fatalf("the page leads nowhere for somebody new: %s", first.body)
	}
	stranger := s.visitor().do(http.MethodGet, link, nil)
	if stranger.status != http.StatusNotFound {
		t.Errorf("law: a flow of another browser is begun again by nobody else; it is %d", stranger.status)
	}
	second := v.follow(v.do(http.MethodGet, link, nil))
	if !strings.Contains(second.body, "Create an account") {
		t.Fatalf("the page is %d %s", second.status, second.body)
	}
	// The one before answers nothing any more.
	if end := v.follow(v.prove(first)); !strings.Contains(end.body, "waits no more") {
		t.Errorf("law: one flow answers a device, the last of its browser; the page is %d %s", end.status, end.body)
	}
	d.poll().refuses(400, "authorization_pending", "a device whose flow goes on")
	// Going back, and typing the code in again, is going on.
	if found := v.enter(d.user); found.status != http.StatusOK {
		t.Errorf("law: the browser that began may type the code in again; it is %d", found.status)
	}
	v.follow(v.prove(v.goOn(d.user)))
	s.age(5 * time.Second)
	if a := d.poll(); a.status != http.StatusOK {
		t.Errorf("the device gets %d %s", a.status, a.body)
	}
	if a := v.do(http.MethodGet, "/device/again?"+url.Values{"flow": {"flw_x"}}.Encode(), nil); a.status != http.StatusNotFound {
		t.Errorf("a flow that is none is %d", a.status)
	}
}

// TestO30ApprovingSomebodyElsesDevice: of two people who type in the same code
// one goes on; a code that is wrong, used, refused or past its time looks like
// every other; it cannot be guessed; nobody but its client takes the tokens; and
// no other site and no other flow answers it.
func TestO30ApprovingSomebodyElsesDevice(t *testing.T) {
	s := newSite(t, map[string]any{"budget.flows_per_minute": 0, "budget.tries_per_minute": 0})

	// Two people have looked at the page, and both go on at once.
	for range storetest.Rounds(t) {
		d := s.device("openid")
		visitors := make([]*visitor, 8)
		for i := range visitors {
			visitors[i] = s.visitor()
			if found := visitors[i].enter(d.user); found.status != http.StatusOK {
				t.Fatalf("before anybody began, the page is %d %s", found.status, found.body)
			}
		}
		answers := make([]answer, len(visitors))
		storetest.Together(len(visitors), func(i int) { answers[i] = visitors[i].goOn(d.user) })
		winner := -1
		for i, a := range answers {
			switch {
			case a.status == http.StatusSeeOther && winner < 0:
				winner = i
			case a.status != http.StatusBadRequest || !strings.Contains(a.body, "No device waits with this code"):
				t.Fatalf("law: of those who go on at once one signs in for a device; another gets %d %v %s", a.status, a.location, a.body)
			}
		}
		if winner < 0 {
			t.Fatal("law: of those who go on at once one signs in for a device; none does")
		}
		loser := visitors[(winner+1)%len(visitors)]
		for what, a := range map[string]answer{
			"looks at it": loser.enter(d.user), "goes on": loser.goOn(d.user), "refuses it": loser.do(http.MethodPost, "/device", fields("user_code", d.user, "action", "refuse")),
			"answers the flow": loser.do(http.MethodPost, answers[winner].location.Path, fields("choice", "set_email", "email", email)),
		} {
			if a.status < 400 {
				t.Errorf("law: the other one does not get on with the device; who %s gets %d %s", what, a.status, a.body)
			}
		}
		d.poll().refuses(400, "authorization_pending", "a device that one person has begun to sign in for")
		visitors[winner].follow(visitors[winner].prove(answers[winner]))

		// Another client is told nothing, and uses nothing up.
		for what, a := range map[string]answer{
			"another one that keeps a secret": s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", string(core.GrantDevice), "device_code", d.code), basic(s.shop, s.key)),
			"the page's code for a code":      s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", "authorization_code", "code", "code-"+d.code, "code_verifier", verifier, "client_id", id(s.page))),
			"the code that people see":        s.visitor().do(http.MethodPost, "/o/token", fields("grant_type", string(core.GrantDevice), "device_code", d.user, "client_id", id(s.tv))),
		} {
			a.refuses(400, "invalid_grant", what)
		}
		// Of any number of pollers, one gets the tokens.
		polls := make([]answer, 8)
		storetest.Together(len(polls), func(i int) { polls[i] = d.poll() })
		given := slices.DeleteFunc(polls, func(a answer) bool { return a.status != http.StatusOK })
		if len(given) != 1 {
			t.Fatalf("law: of any number who ask, one gets the tokens; %d did", len(given))
		}
	}

	// What is no code that waits looks alike, whatever is wrong with it.
	used, late, refused := s.device("openid"), s.device("openid"), s.device("openid")
	v := s.visitor()
	v.follow(v.prove(v.goOn(used.user)))
	v.do(http.MethodPost, "/device", fields("user_code", refused.user, "action", "refuse"))
	_, err := storetest.Raw(t, s.database).Exec(`UPDATE device_codes SET expires_at = 1 WHERE answered_at = 0`)
	must(t, err)
	page := func(code string) string {
		a := s.visitor().enter(code)
		if a.status != http.StatusBadRequest {
			t.Errorf("law: %q is refused; it is %d", code, a.status)
		}
		return regexp.MustCompile(`value="[^"]*"`).ReplaceAllString(a.body, "")
	}
	want := page("BCDF-GHJK")
	for name, code := range map[string]string{"used": used.user, "refused": refused.user, "late": late.user, "none": "<script>", "nothing": " "} {
		if got := page(code); got != want {
			t.Errorf("law: a code that is %s looks like one that is wrong; the page is %s", name, got)
		}
	}

	// Nobody is led on by another site's form.
	waiting := s.device("openid")
	for _, action := range []string{"", "go_on", "refuse"} {
		a := s.visitor().do(http.MethodPost, "/device", fields("user_code", waiting.user, "action", action), func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
		if a.status != http.StatusForbidden {
			t.Errorf("law: another site's form does nothing; it is %d", a.status)
		}
	}
	waiting.poll().refuses(400, "authorization_pending", "a device that another site's form was for")
}

// TestO30UserCodesCannotBeGuessed: a network guesses ten times a minute; right
// codes cost nothing.
func TestO30UserCodesCannotBeGuessed(t *testing.T) {
	s := newSite(t, nil)
	d := s.device("openid")
	v := s.visitor()
	for range 15 {
		if a := v.enter(d.user); a.status != http.StatusOK {
			t.Fatalf("law: a code that waits costs no try; it is %d", a.status)
		}
	}
	for i := range 10 {
		do := []func(string) answer{v.enter, v.goOn, func(code string) answer {
			return v.do(http.MethodPost, "/device", fields("user_code", code, "action", "refuse"))
		}}[i%3]
		if a := do(core.SpellUserCode(core.NewUserCode())); a.status != http.StatusBadRequest {
			t.Fatalf("guess %d is %d %s", i+1, a.status, a.body)
		}
	}
	for _, do := range []func(string) answer{v.enter, v.goOn, s.visitor().enter} {
		if a := do(d.user); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
			t.Errorf("law: after ten guesses in a minute a network types in no more codes; it is %d %s", a.status, a.body)
		}
	}
	if s.events(core.EventBudgetSpent) != 1 {
		t.Error("law: the audit trail is told of a network that guesses")
	}

	// Nor does a network make more devices than it may begin flows.
	few := newSite(t, map[string]any{"budget.flows_per_minute": 3})
	for range 3 {
		few.device("openid")
	}
	few.visitor().do(http.MethodPost, "/o/device_authorization", fields("client_id", id(few.tv))).refuses(429, "temporarily_unavailable", "one device too many")
}
