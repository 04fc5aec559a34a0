package flow_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// world is the machine and the model side by side.
type world struct {
	t     *testing.T
	r     *rapid.T
	h     *flowtest.House
	hub   *flowtest.Service // of both providers
	idp   modelIdP
	pools []*modelPool
	flows []*modelFlow
	// focus is the flow that this step goes on with, by a choice that it offers
	// and mostly by the right answer; nil: anything at all.
	focus *modelFlow
	press core.ChoiceName // what is begun again then
	// device has everybody's passkeys, also those that were taken from them.
	device flowtest.Device
}

var (
	emails = []string{"ana@example.org", "bob@example.org", "eve@example.org"}
	names  = []string{"ana", "bob", "eve"}
)

const (
	firstPassword = flowtest.Password
	newPassword   = "another fine phrase 8"
)

func newWorld(t *testing.T, r *rapid.T, h *flowtest.House, hub *flowtest.Service, idp modelIdP, run int) *world {
	t.Helper()
	w := &world{t: t, r: r, h: h, hub: hub, idp: idp}
	for i := range 3 {
		p := &modelPool{
			people: map[string]*modelPerson{}, captcha: i == 0, fields: i == 0, verify: i == 1, second: i == 1, names: i == 2, social: true,
			active: map[core.AgreementKind]core.AgreementID{}, required: core.AgreementKinds()[min(i, 1):],
		}
		p.first = [][]core.ChoiceName{
			{core.ChoicePassword, core.ChoiceEmailOTP, core.ChoiceSMSOTP},
			{core.ChoicePassword, core.ChoiceMagicLink},
			{core.ChoicePassword, core.ChoiceEmailOTP, core.ChoiceMagicLink, core.ChoiceTOTP},
		}[i]
		values := map[string]any{
			"signup.verify_email": p.verify, "lockout.failures": 100, "link.resend_after": "0s", "code.resend_after": "0s",
			"budget.mails_to_one_per_hour": 0, "budget.mails_to_one_per_day": 0, "budget.texts_to_one_per_hour": 0, "budget.texts_to_one_per_day": 0,
			"redirects.allowed": []string{invitedCallback}, "signin.primary": append(slices.Clone(p.first), core.ChoicePasskey), "agreements.required": p.required,
		}
		if p.social {
			values["signin.providers"], values["redirects.default"] = []core.Provider{hub.Provider("hub", true), hub.Provider("rumour", false), idp.Provider}, invitedCallback
		}
		if p.captcha {
			values["signup.captcha"], values["signup.captcha_cost"] = "altcha", 1000
		}
		if p.fields {
			values["profile.fields"] = []core.ProfileField{{ID: "name", Label: "Name", Type: core.ProfileText, Required: true, AtSignup: true}}
		}
		if p.second {
			values["signin.secondary"], values["signin.require_secondary"], values["signin.skip_secondary"] = []string{"email_otp", "sms_otp", "totp"}, true, []string{"magic_link"}
		}
		if i == 0 { // what rules only write down changes nothing
			values["risk.domains_signup"], values["risk.domains_signin"], values["risk.domains_denied"] = "record", "record", []string{"example.org"}
		}
		if p.names {
			values["username.format"], values["signup.phone"] = "string", true
		}
		if i < 2 {
			// Everybody's domain has what the model knows; the rest of the pool
			// has something else.
			own := map[string]any{}
			for _, key := range []string{"signin.primary", "signin.secondary", "signin.require_secondary", "signin.skip_secondary", "signup.verify_email", "signup.captcha"} {
				if value, set := values[key]; set {
					own[key] = value
					delete(values, key)
				}
			}
			values["signin.by_domain"], values["signup.enabled"] = map[string]any{"example.org": own, "*.example.org": map[string]any{}}, false
			own["signup.enabled"], values["signin.primary"] = true, []string{"totp", "passkey"}
		}
		p.caller = h.Pool(t, fmt.Sprintf("run-%d-%d", run, i), values)
		idp.give(t, h, p.caller)
		p.shop = shop(t, h, p.caller, true)
		for n, email := range emails[:2] {
			user := directory.NewUser{Email: email}
			person := &modelPerson{name: email, ways: map[core.AuthenticatorKind]bool{}, keys: map[bool]*modelKey{}, identities: map[string]int{}}
			if p.names {
				user.Username, person.name = names[n], names[n]
			}
			made, err := h.Directory.Create(t.Context(), p.caller, user)
			if err != nil {
				t.Fatal(err)
			}
			// The second is somebody whom an application created, without a
			// password.
			if n == 0 {
				h.SetPassword(t, p.caller, made.ID, firstPassword)
				person.password, person.ways[core.AuthenticatorPassword] = firstPassword, true
			}
			// Of some pools both have a passkey, beside a password or alone.
			if i != 1 || n == 0 {
				person.passkeys = append(person.passkeys, h.Passkey(t, p.caller, &w.device, made.ID))
			}
			p.people[email] = person
		}
		w.pools = append(w.pools, p)
	}
	return w
}

func (w *world) step() {
	w.focus, w.press = nil, ""
	if len(w.flows) == 0 {
		w.start()
		return
	}
	if last := w.flows[len(w.flows)-1]; !last.ended && rapid.IntRange(0, 9).Draw(w.r, "on") < 7 {
		w.focus = last
		w.goOn()
		return
	}
	switch rapid.SampledFrom([]string{"start", "set_email", "set_username", "set_phone", "password", "password", "profile", "code", "code", "code", "restart", "restart", "restart", "link", "link", "open", "set_password", "complete", "complete", "look", "disable", "expire", "remove", "invite", "accept", "accept", "revoke", "publish", "withdraw", "agree", "agree", "totp", "totp", "recovery", "passkey", "passkey", "passkey", "captcha", "social", "social", "social", "saml", "saml", "consent", "consent", "deny"}).Draw(w.r, "step") {
	case "start":
		w.start()
	case "set_email":
		w.setEmail()
	case "set_username":
		w.setUsername()
	case "set_phone":
		w.setPhone()
	case "code":
		w.code()
	case "password":
		w.password()
	case "profile":
		w.profile()
	case "restart":
		w.restart()
	case "link":
		w.link(false)
	case "open":
		w.link(true)
	case "set_password":
		w.setPassword()
	case "complete":
		w.complete()
	case "look":
		w.look()
	case "disable":
		w.disable()
	case "invite":
		w.invite()
	case "accept":
		w.accept()
	case "revoke":
		w.revoke()
	case "publish":
		w.publish()
	case "withdraw":
		w.withdraw()
	case "agree":
		w.agreed()
	case "totp":
		w.totp()
	case "recovery":
		w.recovery()
	case "passkey":
		w.passkey()
	case "captcha":
		w.captcha()
	case "social":
		w.social()
	case "saml":
		w.saml()
	case "consent":
		w.consent()
	case "deny":
		w.deny()
	case "expire":
		w.expire()
	case "remove":
		w.remove()
	}
}

// goOn takes the step that the flow in focus asks for.
func (w *world) goOn() {
	f, p := w.focus, w.pools[w.focus.pool]
	offers := f.offers(p)
	if len(offers) == 0 || f.phase(p) == core.PhaseCompleted && rapid.Bool().Draw(w.r, "enough") {
		w.complete()
		return
	}
	choice := rapid.SampledFrom(offers).Draw(w.r, "choice")
	links := f.links[choice]
	switch choice {
	case core.ChoiceSetEmail:
		w.setEmail()
	case core.ChoiceSetUsername:
		w.setUsername()
	case core.ChoiceSetPhone:
		w.setPhone()
	case core.ChoicePassword:
		w.password()
	case core.ChoiceSetPassword:
		w.setPassword()
	case core.ChoiceProfile:
		w.profile()
	case core.ChoiceCaptcha:
		w.captcha()
	case core.ChoiceSocial:
		w.social()
	case core.ChoiceSAML:
		w.saml()
	case core.ChoiceAgreements:
		w.agreed()
	case core.ChoiceConsent:
		if rapid.IntRange(0, 9).Draw(w.r, "no") == 0 {
			w.deny()
			return
		}
		w.consent()
	case core.ChoiceTOTP:
		w.totp()
	case core.ChoiceRecoveryCode:
		w.recovery()
	case core.ChoicePasskey:
		if f.challenge != nil && f.challenge.enroll == f.enrolls(p) {
			w.passkey()
			return
		}
		w.press = choice
		w.restart()
	case core.ChoiceEmailOTP, core.ChoiceSMSOTP:
		w.press = choice
		if f.codes(choice).newest != "" {
			w.code()
			return
		}
		w.restart()
	default:
		if len(links) > 0 && !f.used[links[len(links)-1].code] {
			w.press = choice
			w.link(rapid.Bool().Draw(w.r, "page"))
			return
		}
		w.press = choice
		w.restart()
	}
}

// pick draws a flow and a caller, who is now and then of the other pool.
func (w *world) pick() (*modelFlow, *modelPool, core.Caller) {
	if w.focus != nil {
		p := w.pools[w.focus.pool]
		return w.focus, p, p.caller
	}
	f := rapid.SampledFrom(w.flows).Draw(w.r, "flow")
	caller := w.pools[f.pool].caller
	if rapid.IntRange(0, 9).Draw(w.r, "stranger") == 0 {
		caller = w.pools[(f.pool+1)%3].caller
	}
	return f, w.pools[f.pool], caller
}

// gate is what a flow answers before it looks at the answer itself.
func (w *world) gate(f *modelFlow, p *modelPool, caller core.Caller, choice core.ChoiceName) core.Code {
	if f.ended || caller.Pool != p.caller.Pool {
		return core.CodeFlowEnded
	}
	if !slices.Contains(f.offers(p), choice) {
		return core.CodeNotOffered
	}
	return ""
}

// agree compares an outcome, and then the whole flow.
func (w *world) agree(what string, f *modelFlow, err error, want core.Code) {
	w.r.Helper()
	got := core.Code("")
	if err != nil {
		got = core.CodeOf(err)
	}
	if got != want {
		w.r.Fatalf("%s: the machine says %q (%v), the model %q; flow %+v", what, got, err, want, *f)
	}
	p := w.pools[f.pool]
	s, err := w.h.Flows.State(w.t.Context(), p.caller, f.id)
	if f.ended {
		if !core.Is(err, core.CodeFlowEnded) {
			w.r.Fatalf("%s: a completed flow answers %v", what, err)
		}
		return
	}
	if err != nil {
		w.r.Fatal(err)
	}
	var offers []core.ChoiceName
	for _, prompt := range s.Prompts {
		offers = append(offers, prompt.Choice)
	}
	if s.Phase != f.phase(p) || !slices.Equal(offers, f.offers(p)) {
		w.r.Fatalf("%s: the machine is in %s with %v, the model in %s with %v; flow %+v", what, s.Phase, offers, f.phase(p), f.offers(p), *f)
	}
}

func (w *world) start() {
	f := newFlow(rapid.IntRange(0, 2).Draw(w.r, "pool"))
	types := rapid.SampledFrom([][]core.FlowType{{core.FlowSignup}, {core.FlowSignin}, {core.FlowSignup, core.FlowSignin}}).Draw(w.r, "types")
	f.up, f.in = slices.Contains(types, core.FlowSignup), slices.Contains(types, core.FlowSignin)
	email := rapid.SampledFrom(append([]string{""}, emails...)).Draw(w.r, "email")
	p := w.pools[f.pool]
	want := f.identify(p, email)
	s, err := w.h.Flows.Start(w.t.Context(), p.caller, w.toShop(f, p, flow.Start{Types: types, Email: email}))
	if err != nil || want != "" {
		if !core.Is(err, want) {
			w.r.Fatalf("start with %q: the machine says %v, the model %q", email, err, want)
		}
		return
	}
	f.id = s.ID
	w.flows = append(w.flows, f)
	w.agree("start", f, nil, "")
}

// undo keeps a flow as it was before a step that was refused.
func (f *modelFlow) undo(before modelFlow, want core.Code) core.Code {
	if want != "" {
		*f = before
	}
	return want
}

func (w *world) password() {
	f, p, caller := w.pick()
	given := rapid.SampledFrom([]string{firstPassword, newPassword, "wrong but long enough", "short"}).Draw(w.r, "password")
	if w.focus != nil && rapid.IntRange(0, 3).Draw(w.r, "right") > 0 {
		given = firstPassword
		if f.known && f.person(p).password != "" {
			given = f.person(p).password
		}
	}
	want := w.gate(f, p, caller, core.ChoicePassword)
	email, odd := w.address(f, p)
	before := *f
	switch {
	case want != "":
	case odd != "":
		want = odd
	case f.signup() && (given == "short" || f.chooses(p) && email == "" && f.email == ""):
		want = core.CodeInvalid
	case f.signup():
		if want = f.take(p, email); want == "" {
			f.how, f.password = core.AuthenticatorPassword, given
			want = f.create(p)
		}
		want = f.undo(before, want)
	case f.enrolsFirst(p) && given == "short":
		want = core.CodeInvalid
	case f.enrolsFirst(p) && f.person(p).disabled:
		want = core.CodeDisabled
	case f.enrolsFirst(p):
		if want = w.enrolOnce(f, p); want == "" {
			person := f.person(p)
			f.how, f.mine, person.password, person.ways[core.AuthenticatorPassword] = core.AuthenticatorPassword, true, given, true
		}
	case !f.known || f.person(p).password != given:
		want = core.CodeWrongCredentials
	case f.person(p).disabled:
		want = core.CodeDisabled
	default:
		f.how, f.mine, f.stamp = core.AuthenticatorPassword, true, f.person(p).stamp
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: core.ChoicePassword, Password: secret.Text(given), Email: email})
	w.agree("password "+given, f, err, want)
}

func (w *world) profile() {
	f, p, caller := w.pick()
	name := rapid.SampledFrom([]string{"", "Ana"}).Draw(w.r, "name")
	want := w.gate(f, p, caller, core.ChoiceProfile)
	switch {
	case want != "":
	case name == "":
		want = core.CodeInvalid
	default:
		before := *f
		f.filled = true
		want = f.undo(before, f.create(p))
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: core.ChoiceProfile, Profile: map[string]string{"name": name}})
	w.agree("profile "+name, f, err, want)
}

func (w *world) setPassword() {
	f, p, caller := w.pick()
	given := rapid.SampledFrom([]string{newPassword, newPassword, firstPassword}).Draw(w.r, "password")
	want := w.gate(f, p, caller, core.ChoiceSetPassword)
	switch {
	case want != "":
	case f.phase(p) == core.PhaseSetPassword && f.person(p).password == given:
		want = core.CodeInvalid // the one that is due for a change will not do again
	case f.person(p).disabled:
		want = core.CodeDisabled
	case f.stamp != f.person(p).stamp:
		want = core.CodeFlowEnded
	default:
		person := f.person(p)
		person.stamp++
		f.how, f.mine, f.stamp = core.AuthenticatorPassword, true, person.stamp
		person.password, person.due, person.ways[core.AuthenticatorPassword] = given, false, true
		// A new password ends every link to choose one.
		w.void(f.pool, core.ChoiceResetPassword, f.email)
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: core.ChoiceSetPassword, Password: secret.Text(given)})
	w.agree("set_password "+given, f, err, want)
}

func (w *world) complete() {
	f, p, caller := w.pick()
	want := core.Code("")
	switch {
	case f.ended || caller.Pool != p.caller.Pool:
		want = core.CodeFlowEnded
	case f.phase(p) != core.PhaseCompleted:
		want = core.CodeFlowIncomplete
	case f.person(p).disabled:
		want = core.CodeDisabled
	case f.stamp != f.person(p).stamp:
		want = core.CodeFlowEnded
	default:
		f.ended = true
	}
	grant, err := w.h.Flows.Complete(w.t.Context(), caller, f.id)
	w.agree("complete", f, err, want)
	if err != nil {
		return
	}
	byPassword, byPasskey := f.how == core.AuthenticatorPassword, f.how == core.AuthenticatorPasskey
	if !f.mine || (byPassword && f.person(p).due) || grant.User.Email != f.email || (p.verify && !f.person(p).verified) ||
		(p.second && (byPassword || byPasskey || f.how.ByProvider()) && f.second == "") || (f.how.ByMailbox() && !f.proved) || len(f.person(p).unaccepted(p)) > 0 || len(f.unconsented(p)) > 0 {
		w.r.Fatalf("tokens of %s came out of flow %+v", grant.User.Email, *f)
	}
	w.belongs(f, p, grant)
	token, err := w.h.Sessions.Look(w.t.Context(), p.caller, grant.Access.Token)
	if err != nil || token.User.Email != f.email {
		w.r.Fatalf("the token of %s stands for %q (%v)", f.email, token.User.Email, err)
	}
	if _, err := w.h.Sessions.Check(w.t.Context(), w.pools[(f.pool+1)%3].caller, grant.Access.Token); !core.Is(err, core.CodeTokenInvalid) {
		w.r.Fatalf("the token is known in the other pool: %v", err)
	}
}

// look asks where a flow is, or answers a choice whose link was sent with
// nothing, which asks the same.
func (w *world) look() {
	f, p, caller := w.pick()
	want := core.Code("")
	if f.ended || caller.Pool != p.caller.Pool {
		want = core.CodeFlowEnded
	}
	choice := rapid.SampledFrom([]core.ChoiceName{"", core.ChoiceVerifyEmail, core.ChoiceResetPassword, core.ChoiceMagicLink}).Draw(w.r, "choice")
	if f.states[choice] == "" {
		_, err := w.h.Flows.State(w.t.Context(), caller, f.id)
		w.agree("look", f, err, want)
		return
	}
	want = w.gate(f, p, caller, choice)
	if want == core.CodeNotOffered && f.proved {
		want = "" // the phase that asked for it is passed
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: choice})
	w.agree("look at "+string(choice), f, err, want)
}
