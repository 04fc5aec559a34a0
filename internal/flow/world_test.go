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

func newWorld(t *testing.T, r *rapid.T, h *flowtest.House, run int) *world {
	t.Helper()
	w := &world{t: t, r: r, h: h}
	for i := range 3 {
		p := &modelPool{
			people: map[string]*modelPerson{}, captcha: i == 0, fields: i == 0, verify: i == 1, second: i == 1, names: i == 2,
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
		for n, email := range emails[:2] {
			user := directory.NewUser{Email: email}
			person := &modelPerson{name: email, ways: map[core.AuthenticatorKind]bool{}, keys: map[bool]*modelKey{}}
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
	switch rapid.SampledFrom([]string{"start", "set_email", "set_username", "set_phone", "password", "password", "profile", "code", "code", "code", "restart", "restart", "restart", "link", "link", "open", "set_password", "complete", "complete", "look", "disable", "expire", "remove", "invite", "accept", "accept", "revoke", "publish", "withdraw", "agree", "agree", "totp", "totp", "recovery", "passkey", "passkey", "passkey", "captcha"}).Draw(w.r, "step") {
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
	case core.ChoiceAgreements:
		w.agreed()
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
	s, err := w.h.Flows.Start(w.t.Context(), p.caller, flow.Start{Types: types, Email: email})
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

func (w *world) invite() {
	p := rapid.SampledFrom(w.pools).Draw(w.r, "pool")
	email := rapid.SampledFrom(emails).Draw(w.r, "email")
	want := core.Code("")
	if p.people[email] != nil {
		want = core.CodeTaken
	}
	own, err := w.h.Pools.Get(w.t.Context(), p.caller.Pool)
	if err != nil {
		w.r.Fatal(err)
	}
	i, err := w.h.Invitations.Invite(w.t.Context(), p.caller, own, directory.NewInvitation{Inviter: emails[0], Email: email, Callback: invitedCallback, State: "state-123"})
	if (err != nil || want != "") && !core.Is(err, want) {
		w.r.Fatalf("inviting %s: the machine says %v, the model %q", email, err, want)
	}
	for _, m := range w.h.Mail(w.t) {
		if m.Template == "invitation" && want == "" && m.To == email {
			p.invites = append(p.invites, &modelInvite{email: email, code: flowtest.LinkCode(w.t, m), id: i.ID})
		} else if m.Template == "invitation" {
			w.r.Fatalf("inviting %s sent a mail to %s", email, m.To)
		}
	}
}

// drawInvite draws a pool with one of the invitations that it ever made.
func (w *world) drawInvite() (int, *modelInvite) {
	n := rapid.IntRange(0, 2).Draw(w.r, "pool")
	if len(w.pools[n].invites) == 0 {
		return n, nil
	}
	return n, rapid.SampledFrom(w.pools[n].invites).Draw(w.r, "invite")
}

// accept starts a flow from an invitation, now and then in the other pool.
func (w *world) accept() {
	n, i := w.drawInvite()
	if i == nil {
		return
	}
	f := newFlow(n)
	f.up = true
	want := core.Code("")
	stranger := rapid.IntRange(0, 9).Draw(w.r, "stranger") == 0
	caller := w.pools[n].caller
	if stranger {
		caller = w.pools[(n+1)%3].caller
	}
	switch {
	case i.over || stranger:
		want = core.CodeTicketInvalid
	default:
		want = f.identify(w.pools[n], i.email)
	}
	s, err := w.h.Flows.Start(w.t.Context(), caller, flow.Start{Invitation: i.code})
	if err != nil || want != "" {
		if !core.Is(err, want) {
			w.r.Fatalf("accepting %+v: the machine says %v, the model %q", *i, err, want)
		}
		return
	}
	f.id, f.invite, f.proved = s.ID, i, true
	w.flows = append(w.flows, f)
	w.agree("accept", f, nil, "")
}

func (w *world) revoke() {
	n, i := w.drawInvite()
	if i == nil {
		return
	}
	want := core.Code("")
	if i.over {
		want = core.CodeNotFound
	}
	i.over = true
	if err := w.h.Invitations.Delete(w.t.Context(), w.pools[n].caller, i.id); (err != nil || want != "") && !core.Is(err, want) {
		w.r.Fatalf("taking %+v back: the machine says %v, the model %q", *i, err, want)
	}
}

// identify is what an address leads to.
func (f *modelFlow) identify(p *modelPool, email string) core.Code {
	if email == "" {
		return ""
	}
	if p.people[email] != nil && !f.in {
		return core.CodeTaken
	}
	f.email, f.known = email, p.people[email] != nil
	return ""
}

func (w *world) setEmail() {
	f, p, caller := w.pick()
	email := rapid.SampledFrom(emails).Draw(w.r, "email")
	want := w.gate(f, p, caller, core.ChoiceSetEmail)
	if want == "" {
		want = f.identify(p, email)
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: core.ChoiceSetEmail, Email: email})
	w.agree("set_email "+email, f, err, want)
}

func (w *world) setUsername() {
	f, p, caller := w.pick()
	name := rapid.SampledFrom(names).Draw(w.r, "name")
	want := w.gate(f, p, caller, core.ChoiceSetUsername)
	if want == "" {
		switch email, person := p.called(name); {
		case person == nil:
			f.name = name
		case f.email != "" || !f.in:
			want = core.CodeTaken
		default:
			f.name, f.email, f.known = name, email, true
		}
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: core.ChoiceSetUsername, Username: name})
	w.agree("set_username "+name, f, err, want)
}

func (w *world) setPhone() {
	f, p, caller := w.pick()
	phone := rapid.SampledFrom([]string{"+442079460000", "none"}).Draw(w.r, "phone")
	want := w.gate(f, p, caller, core.ChoiceSetPhone)
	switch {
	case want != "":
	case phone == "none":
		want = core.CodeInvalid
	default:
		f.phone = phone
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: core.ChoiceSetPhone, Phone: phone})
	w.agree("set_phone "+phone, f, err, want)
}

// address draws the address that comes with an answer, often none, and says
// whether it may be another than the flow's.
func (w *world) address(f *modelFlow, p *modelPool) (string, core.Code) {
	email := ""
	if f.chooses(p) || rapid.IntRange(0, 9).Draw(w.r, "odd") == 0 {
		email = rapid.SampledFrom(append([]string{""}, emails...)).Draw(w.r, "address")
	}
	if email != "" && email != f.email && !f.chooses(p) {
		return email, core.CodeInvalid
	}
	return email, ""
}

// take is what the address of an answer leads to.
func (f *modelFlow) take(p *modelPool, email string) core.Code {
	switch {
	case !f.chooses(p) || email == f.email && email != "":
	case email == "" && f.email == "":
		return core.CodeInvalid
	case email == "":
	case p.people[email] != nil:
		return core.CodeTaken
	default:
		f.email, f.mails.newest, f.texts.newest = email, "", ""
	}
	return ""
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

func (w *world) restart() {
	f, p, caller := w.pick()
	all := []core.ChoiceName{core.ChoiceVerifyEmail, core.ChoiceResetPassword, core.ChoicePassword, core.ChoiceProfile, core.ChoiceEmailOTP, core.ChoiceMagicLink, core.ChoiceSMSOTP, core.ChoiceTOTP, core.ChoicePasskey, core.ChoiceCaptcha, core.ChoiceProvisional}
	if offers := f.offers(p); len(offers) > 0 && rapid.IntRange(0, 3).Draw(w.r, "fitting") > 0 {
		all = offers
	}
	choice := rapid.SampledFrom(all).Draw(w.r, "choice")
	if w.press != "" {
		choice = w.press
	}
	want := w.gate(f, p, caller, choice)
	email, odd := w.address(f, p)
	if want == "" && choice != core.ChoiceSetEmail {
		want = odd
	}
	mails := choice == core.ChoiceEmailOTP || choice == core.ChoiceMagicLink
	if want == "" && (mails || choice == core.ChoicePasskey) && f.how == "" {
		want = f.take(p, email)
	}
	number := ""
	if choice == core.ChoiceSMSOTP {
		number = w.number(f, p, want)
		switch enrols := want == "" && f.enrols(p); {
		case want != "":
		case number == "none", number != "" && !enrols, number == "" && enrols && f.phone == "":
			want = core.CodeInvalid
		case number != "":
			f.phone = number
		}
	}
	codes, to := f.codes(choice), f.email
	if want == "" && (choice == core.ChoiceEmailOTP || choice == core.ChoiceSMSOTP) {
		codes.newest, codes.tries = "none", 0
		if choice == core.ChoiceSMSOTP {
			to = f.number(p)
		}
	}
	s, err := w.h.Flows.Restart(w.t.Context(), caller, f.id, flow.Answer{Choice: choice, Email: email, Phone: number})
	if err == nil {
		f.states[choice] = link(s, choice).State
	}
	if err == nil && choice == core.ChoicePasskey {
		f.challenge = &modelChallenge{f.enrolls(p), passkeyOf(s).Options}
	}
	sent := 0
	for _, m := range w.h.Mail(w.t) {
		if !slices.Contains([]string{"verify_email", "reset_password", "magic_link", "email_code", "sms_code", "set_up_account"}, m.Template) {
			continue
		}
		sent++
		if want != "" || m.To != to {
			w.r.Fatalf("restart of %s sent %s to %s in flow %+v", choice, m.Template, m.To, *f)
		}
		if code := m.Values["code"]; code != "" {
			codes.newest, codes.to, codes.all = code, to, append(codes.all, code)
			continue
		}
		l := modelLink{code: flowtest.LinkCode(w.t, m), email: f.email, subject: string(f.id)}
		if f.known {
			l.subject = f.email
		}
		w.void(f.pool, choice, l.subject)
		f.links[choice] = append(f.links[choice], l)
	}
	expected := false
	switch {
	case want != "":
	case choice == core.ChoiceSMSOTP:
		expected = to != ""
	case f.known || f.signup():
		expected = mails || choice == core.ChoiceVerifyEmail || (choice == core.ChoiceResetPassword || choice == core.ChoiceProvisional) && !f.person(p).disabled
	}
	if expected != (sent == 1) || sent > 1 {
		w.r.Fatalf("restart of %s sent %d messages in flow %+v", choice, sent, *f)
	}
	w.agree("restart "+string(choice), f, err, want)
}

// void ends the links of a subject and purpose, in every flow.
func (w *world) void(pool int, choice core.ChoiceName, subject string) {
	for _, f := range w.flows {
		for _, l := range f.links[choice] {
			if f.pool == pool && l.subject == subject {
				f.used[l.code] = true
			}
		}
	}
}

// number draws the number that comes with a restart: often one where it may be
// chosen, seldom one elsewhere.
func (w *world) number(f *modelFlow, p *modelPool, refused core.Code) string {
	if refused != "" || !f.enrols(p) {
		if rapid.IntRange(0, 9).Draw(w.r, "odd number") > 0 {
			return ""
		}
	}
	return rapid.SampledFrom([]string{"+18085550173", "+442079460000", "", "none"}).Draw(w.r, "number")
}

// code answers with the newest code of a flow, an older one, or another's.
func (w *world) code() {
	f, p, caller := w.pick()
	choice := rapid.SampledFrom([]core.ChoiceName{core.ChoiceEmailOTP, core.ChoiceSMSOTP}).Draw(w.r, "by")
	if w.press != "" {
		choice = w.press
	}
	mine := f.codes(choice)
	given := "000000"
	if from := rapid.SampledFrom(w.flows).Draw(w.r, "from").codes(choice); len(from.all) > 0 {
		given = rapid.SampledFrom(from.all).Draw(w.r, "code")
	}
	if len(mine.all) > 0 && rapid.IntRange(0, 2).Draw(w.r, "own") > 0 {
		given = mine.all[len(mine.all)-1]
	}
	want := w.gate(f, p, caller, choice)
	second := want == "" && f.phase(p) == core.PhaseSecondary
	switch {
	case want != "":
	case mine.newest == "":
		want = core.CodeWrongCode
	case second && f.seconds >= 10:
		want = core.CodeFlowEnded
	case mine.tries >= 5:
		want = core.CodeCodeExpired
	default:
		mine.tries++
		if second {
			f.seconds++
		}
		before := *f
		switch {
		case given != mine.newest || choice == core.ChoiceSMSOTP && mine.to != f.number(p):
			want = core.CodeWrongCode
		case f.known && f.person(p).disabled:
			want = core.CodeDisabled
		case second && f.stamp != f.person(p).stamp:
			want = core.CodeFlowEnded
		case second && choice == core.ChoiceSMSOTP:
			f.second, f.person(p).second, f.person(p).secondPhone = core.AuthenticatorSMSOTP, core.AuthenticatorSMSOTP, f.number(p)
			mine.newest = ""
		case second:
			f.second, f.person(p).second, f.person(p).verified = core.AuthenticatorEmailOTP, core.AuthenticatorEmailOTP, true
			mine.newest, f.proved = "", true
		case choice == core.ChoiceSMSOTP:
			if want = w.provePhone(f, p); want == "" {
				mine.newest = ""
			}
		default:
			want = w.proveFirst(f, p, core.AuthenticatorEmailOTP)
			if want == "" {
				mine.newest = ""
			}
		}
		want = f.undo(before, want)
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: choice, Code: given})
	w.agree(string(choice)+" "+given, f, err, want)
}

// provePhone is what a proof of the telephone as the first factor leads to. It
// says nothing about the mailbox.
func (w *world) provePhone(f *modelFlow, p *modelPool) core.Code {
	number := f.number(p)
	if want := w.enrolOnce(f, p); want != "" {
		return want
	}
	f.how = core.AuthenticatorSMSOTP
	if !f.known {
		return f.create(p)
	}
	person := f.person(p)
	person.ways[core.AuthenticatorSMSOTP], person.phone = true, number
	f.mine, f.stamp = true, person.stamp
	return ""
}

// proveFirst is what a proof of the mailbox as the first factor leads to.
func (w *world) proveFirst(f *modelFlow, p *modelPool, how core.AuthenticatorKind) core.Code {
	if f.known && f.person(p).disabled {
		return core.CodeDisabled
	}
	before := *f
	if want := w.enrolOnce(f, p); want != "" {
		return want
	}
	f.how, f.proved = how, true
	if f.known {
		person := f.person(p)
		if !person.verified {
			// What is from before the first proof of the mailbox goes.
			w.strip(p, f.email, person)
		}
		f.how = how
		person.ways[how], person.verified = true, true
		f.mine, f.stamp = true, person.stamp
		return ""
	}
	return f.undo(before, f.create(p))
}

// link brings a link to a flow, its own or another's, or opens it on its page.
func (w *world) link(page bool) {
	type sent struct {
		from   *modelFlow
		choice core.ChoiceName
	}
	var all []sent
	for _, f := range w.flows {
		for _, choice := range []core.ChoiceName{core.ChoiceVerifyEmail, core.ChoiceResetPassword, core.ChoiceMagicLink, core.ChoiceProvisional} {
			if len(f.links[choice]) > 0 {
				all = append(all, sent{f, choice})
			}
		}
	}
	if len(all) == 0 {
		return
	}
	f, p, caller := w.pick()
	drawn := rapid.SampledFrom(all).Draw(w.r, "link")
	from, choice := drawn.from, drawn.choice
	if w.press != "" {
		from, choice = f, w.press
	}
	l := rapid.SampledFrom(from.links[choice]).Draw(w.r, "code")
	if w.focus != nil {
		l = from.links[choice][len(from.links[choice])-1]
	}
	if page {
		w.open(from, choice, l)
		return
	}
	want := w.gate(f, p, caller, choice)
	if want == core.CodeNotOffered && from == f && f.opened[l.code] {
		want = "" // the phase that asked for it is passed
	}
	if want == "" {
		switch {
		case from == f && f.opened[l.code]:
			// It was opened for this very flow: bringing it again says nothing new.
		case from != f || f.used[l.code] || f.states[choice] == "" || l.email != f.email:
			want = core.CodeTicketInvalid
		default:
			if want = w.prove(f, p, choice); want == "" {
				f.used[l.code], f.opened[l.code] = true, true
			}
		}
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: choice, State: f.states[choice], Code: l.code})
	w.agree("link of "+string(choice), f, err, want)
}

func (w *world) open(f *modelFlow, choice core.ChoiceName, l modelLink) {
	p := w.pools[f.pool]
	want := core.Code("")
	switch {
	case f.used[l.code]:
		want = core.CodeTicketInvalid
	case f.ended:
		want = core.CodeFlowEnded
	case l.email != f.email:
		want = core.CodeTicketInvalid
	default:
		if want = w.prove(f, p, choice); want == "" {
			f.used[l.code], f.opened[l.code] = true, true
		}
	}
	_, err := w.h.Flows.OpenLink(w.t.Context(), p.caller, choice, l.code)
	w.agree("opening the link of "+string(choice), f, err, want)
}

func (w *world) prove(f *modelFlow, p *modelPool, choice core.ChoiceName) core.Code {
	if choice == core.ChoiceMagicLink {
		return w.proveFirst(f, p, core.AuthenticatorMagicLink)
	}
	if person := f.person(p); choice == core.ChoiceProvisional {
		switch {
		case !person.provisional(p) || f.reset:
			return core.CodeTicketInvalid // they have a way in by now
		case person.disabled:
			return core.CodeDisabled
		case !person.verified:
			w.strip(p, f.email, person)
		}
		f.stamp, f.mails.newest, f.texts.newest = person.stamp, "", ""
	}
	f.proved = true
	if choice == core.ChoiceResetPassword && !f.person(p).verified {
		// What does not hang on the mailbox goes with its first proof.
		w.stripUnproved(p, f.email, f.person(p))
	}
	f.person(p).verified = true
	if choice == core.ChoiceResetPassword {
		f.reset, f.stamp = true, f.person(p).stamp
	}
	return ""
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
		(p.second && (byPassword || byPasskey) && f.second == "") || (f.how.ByMailbox() && !f.proved) || len(f.person(p).unaccepted(p)) > 0 {
		w.r.Fatalf("tokens of %s came out of flow %+v", grant.User.Email, *f)
	}
	token, err := w.h.Sessions.Check(w.t.Context(), p.caller, grant.Access.Token)
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

func (w *world) disable() {
	p := rapid.SampledFrom(w.pools).Draw(w.r, "pool")
	email := rapid.SampledFrom(emails).Draw(w.r, "email")
	person := p.people[email]
	if person == nil {
		return
	}
	person.disabled = !person.disabled
	if person.disabled {
		person.stamp++
	}
	if _, err := w.h.Directory.Change(w.t.Context(), p.caller, core.UserRef{Email: email}, directory.UserChange{Disabled: &person.disabled}); err != nil {
		w.r.Fatal(err)
	}
}

// expire declares somebody's password due for a change.
func (w *world) expire() {
	p := rapid.SampledFrom(w.pools).Draw(w.r, "pool")
	email := rapid.SampledFrom(emails).Draw(w.r, "email")
	person := p.people[email]
	if person == nil {
		return
	}
	person.due = person.password != ""
	user, err := w.h.Directory.Get(w.t.Context(), p.caller, core.UserRef{Email: email})
	if err == nil {
		err = w.h.Directory.ExpirePassword(w.t.Context(), p.caller, core.DefaultSettings(), user.ID)
	}
	if err != nil {
		w.r.Fatal(err)
	}
}

// strip is what is left of somebody without any way in: what they proved in
// flows that are under way proves nothing any more.
func (w *world) strip(p *modelPool, email string, person *modelPerson) {
	person.password, person.due, person.second, person.phone, person.secondPhone, person.passkeys = "", false, "", "", "", nil
	clear(person.ways)
	clear(person.keys)
	for _, f := range w.flows {
		if w.pools[f.pool] == p && f.email == email && f.known {
			f.how, f.mine, f.second = "", false, ""
		}
	}
}

// remove takes somebody's ways in from them. What was proved with them, in
// any flow that is under way, proves nothing any more.
func (w *world) remove() {
	p := rapid.SampledFrom(w.pools).Draw(w.r, "pool")
	email := rapid.SampledFrom(emails).Draw(w.r, "email")
	person := p.people[email]
	if person == nil {
		return
	}
	all, err := w.h.Directory.Authenticators(w.t.Context(), p.caller, core.UserRef{Email: email})
	ways := len(person.passkeys)
	for _, has := range person.ways {
		if has {
			ways++
		}
	}
	if person.second != "" {
		ways++
	}
	if err != nil || len(all) != ways {
		w.r.Fatalf("%s has %d authenticators: %+v (%v)", email, len(all), *person, err)
	}
	for _, a := range all {
		if err := w.h.Directory.RemoveAuthenticator(w.t.Context(), p.caller, core.DefaultSettings(), core.UserRef{Email: email}, a.ID); err != nil {
			w.r.Fatal(err)
		}
	}
	w.strip(p, email, person)
}
