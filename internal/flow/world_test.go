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
}

var emails = []string{"ana@example.org", "bob@example.org", "eve@example.org"}

const (
	firstPassword = flowtest.Password
	newPassword   = "another fine phrase 8"
)

func newWorld(t *testing.T, r *rapid.T, h *flowtest.House, run int) *world {
	t.Helper()
	w := &world{t: t, r: r, h: h}
	for i := range 2 {
		p := &modelPool{people: map[string]*modelPerson{}, verify: i == 1, fields: i == 0, active: map[core.AgreementKind]core.AgreementID{}, required: core.AgreementKinds()[i:]}
		values := map[string]any{"signup.verify_email": p.verify, "lockout.failures": 100, "link.resend_after": "0s", "budget.mails_to_one_per_hour": 0, "budget.mails_to_one_per_day": 0, "redirects.allowed": []string{invitedCallback}, "agreements.required": p.required}
		if p.fields {
			values["profile.fields"] = []core.ProfileField{{ID: "name", Label: "Name", Type: core.ProfileText, Required: true, AtSignup: true}}
		}
		p.caller = h.Pool(t, fmt.Sprintf("run-%d-%d", run, i), values)
		h.Person(t, p.caller, emails[0])
		p.people[emails[0]] = &modelPerson{password: firstPassword}
		// Somebody whom an application created, without a password.
		if _, err := h.Directory.Create(t.Context(), p.caller, directory.NewUser{Email: emails[1]}); err != nil {
			t.Fatal(err)
		}
		p.people[emails[1]] = &modelPerson{}
		w.pools = append(w.pools, p)
	}
	return w
}

func (w *world) step() {
	if len(w.flows) == 0 {
		w.start()
		return
	}
	switch rapid.SampledFrom([]string{"start", "set_email", "password", "password", "profile", "restart", "restart", "link", "link", "open", "set_password", "complete", "complete", "look", "disable", "expire", "remove", "invite", "accept", "accept", "revoke", "publish", "withdraw", "agree", "agree"}).Draw(w.r, "step") {
	case "start":
		w.start()
	case "set_email":
		w.setEmail()
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
	case "expire":
		w.expire()
	case "remove":
		w.remove()
	}
}

// pick draws a flow and a caller, who is now and then of the other pool.
func (w *world) pick() (*modelFlow, *modelPool, core.Caller) {
	f := rapid.SampledFrom(w.flows).Draw(w.r, "flow")
	caller := w.pools[f.pool].caller
	if rapid.IntRange(0, 9).Draw(w.r, "stranger") == 0 {
		caller = w.pools[1-f.pool].caller
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
	f := &modelFlow{pool: rapid.IntRange(0, 1).Draw(w.r, "pool"), codes: map[core.ChoiceName][]string{}, used: map[string]bool{}, opened: map[string]bool{}, states: map[core.ChoiceName]string{}}
	types := rapid.SampledFrom([][]core.FlowType{{core.FlowSignup}, {core.FlowSignin}, {core.FlowSignup, core.FlowSignin}}).Draw(w.r, "types")
	f.up, f.in = slices.Contains(types, core.FlowSignup), slices.Contains(types, core.FlowSignin)
	email := rapid.SampledFrom(append([]string{""}, emails...)).Draw(w.r, "email")
	p := w.pools[f.pool]
	want := f.name(p, email)
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
	n := rapid.IntRange(0, 1).Draw(w.r, "pool")
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
	f := &modelFlow{pool: n, up: true, codes: map[core.ChoiceName][]string{}, used: map[string]bool{}, opened: map[string]bool{}, states: map[core.ChoiceName]string{}}
	want := core.Code("")
	stranger := rapid.IntRange(0, 9).Draw(w.r, "stranger") == 0
	caller := w.pools[n].caller
	if stranger {
		caller = w.pools[1-n].caller
	}
	switch {
	case i.over || stranger:
		want = core.CodeTicketInvalid
	default:
		want = f.name(w.pools[n], i.email)
	}
	s, err := w.h.Flows.Start(w.t.Context(), caller, flow.Start{Invitation: i.code})
	if err != nil || want != "" {
		if !core.Is(err, want) {
			w.r.Fatalf("accepting %+v: the machine says %v, the model %q", *i, err, want)
		}
		return
	}
	f.id, f.invite = s.ID, i
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

// name is what an address leads to.
func (f *modelFlow) name(p *modelPool, email string) core.Code {
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
		want = f.name(p, email)
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: core.ChoiceSetEmail, Email: email})
	w.agree("set_email "+email, f, err, want)
}

func (w *world) password() {
	f, p, caller := w.pick()
	given := rapid.SampledFrom([]string{firstPassword, newPassword, "wrong but long enough", "short"}).Draw(w.r, "password")
	want := w.gate(f, p, caller, core.ChoicePassword)
	switch {
	case want != "":
	case f.signup() && given == "short":
		want = core.CodeInvalid
	case f.signup():
		before := *f
		f.primary, f.password = true, given
		if want = f.create(p); want != "" {
			*f = before
		}
	case !f.known || f.person(p).password != given:
		want = core.CodeWrongCredentials
	case f.person(p).disabled:
		want = core.CodeDisabled
	default:
		f.primary, f.mine, f.stamp = true, true, f.person(p).stamp
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: core.ChoicePassword, Password: secret.Text(given)})
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
		if want = f.create(p); want != "" {
			*f = before
		}
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: core.ChoiceProfile, Profile: map[string]string{"name": name}})
	w.agree("profile "+name, f, err, want)
}

func (w *world) restart() {
	f, p, caller := w.pick()
	all := []core.ChoiceName{core.ChoiceVerifyEmail, core.ChoiceResetPassword, core.ChoicePassword, core.ChoiceProfile}
	if offers := f.offers(p); len(offers) > 0 && rapid.IntRange(0, 3).Draw(w.r, "fitting") > 0 {
		all = offers[len(offers)-1:]
	}
	choice := rapid.SampledFrom(all).Draw(w.r, "choice")
	want := w.gate(f, p, caller, choice)
	s, err := w.h.Flows.Restart(w.t.Context(), caller, f.id, flow.Answer{Choice: choice})
	if err == nil {
		f.states[choice] = link(s, choice).State
	}
	for _, m := range w.h.Mail(w.t) {
		if m.Template != "verify_email" && m.Template != "reset_password" {
			continue
		}
		if want != "" || m.To != f.email {
			w.r.Fatalf("restart of %s sent %s to %s in flow %+v", choice, m.Template, m.To, *f)
		}
		f.codes[choice] = append(f.codes[choice], flowtest.LinkCode(w.t, m))
		w.void(f, choice)
	}
	w.agree("restart "+string(choice), f, err, want)
}

// void ends the older links of the same person and purpose, in every flow.
func (w *world) void(newest *modelFlow, choice core.ChoiceName) {
	for _, f := range w.flows {
		if f.pool != newest.pool || f.email != newest.email {
			continue
		}
		codes := f.codes[choice]
		if f == newest {
			codes = codes[:len(codes)-1]
		}
		for _, code := range codes {
			f.used[code] = true
		}
	}
}

// link brings a link to a flow, its own or another's, or opens it on its page.
func (w *world) link(page bool) {
	type sent struct {
		from   *modelFlow
		choice core.ChoiceName
	}
	var all []sent
	for _, f := range w.flows {
		for _, choice := range []core.ChoiceName{core.ChoiceVerifyEmail, core.ChoiceResetPassword} {
			if len(f.codes[choice]) > 0 {
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
	code := rapid.SampledFrom(from.codes[choice]).Draw(w.r, "code")
	if page {
		w.open(from, choice, code)
		return
	}
	want := w.gate(f, p, caller, choice)
	if want == core.CodeNotOffered && from == f && f.opened[code] {
		want = "" // the phase that asked for it is passed
	}
	if want == "" {
		switch {
		case from == f && f.opened[code]:
			// It was opened for this very flow: bringing it again says nothing new.
		case from != f || f.used[code] || f.states[choice] == "":
			want = core.CodeTicketInvalid
		default:
			f.used[code], f.opened[code] = true, true
			w.prove(f, p, choice)
		}
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: choice, State: f.states[choice], Code: code})
	w.agree("link of "+string(choice), f, err, want)
}

func (w *world) open(f *modelFlow, choice core.ChoiceName, code string) {
	p := w.pools[f.pool]
	want := core.Code("")
	switch {
	case f.used[code]:
		want = core.CodeTicketInvalid
	case f.ended:
		want = core.CodeFlowEnded
	default:
		f.used[code], f.opened[code] = true, true
		w.prove(f, p, choice)
	}
	_, err := w.h.Flows.OpenLink(w.t.Context(), p.caller, choice, code)
	w.agree("opening the link of "+string(choice), f, err, want)
}

func (w *world) prove(f *modelFlow, p *modelPool, choice core.ChoiceName) {
	f.proved = true
	f.person(p).verified = true
	if choice == core.ChoiceResetPassword {
		f.reset, f.stamp = true, f.person(p).stamp
	}
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
		f.person(p).stamp++
		f.primary, f.mine, f.stamp = true, true, f.person(p).stamp
		f.person(p).password, f.person(p).due = given, false
		// A new password ends every link to choose one.
		for _, other := range w.flows {
			if other.pool == f.pool && other.email == f.email {
				for _, code := range other.codes[core.ChoiceResetPassword] {
					other.used[code] = true
				}
			}
		}
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
	if !f.mine || f.person(p).due || grant.User.Email != f.email || (p.verify && !f.person(p).verified) {
		w.r.Fatalf("tokens of %s came out of flow %+v", grant.User.Email, *f)
	}
	token, err := w.h.Sessions.Check(w.t.Context(), p.caller, grant.Access.Token)
	if err != nil || token.User.Email != f.email {
		w.r.Fatalf("the token of %s stands for %q (%v)", f.email, token.User.Email, err)
	}
	if _, err := w.h.Sessions.Check(w.t.Context(), w.pools[1-f.pool].caller, grant.Access.Token); !core.Is(err, core.CodeTokenInvalid) {
		w.r.Fatalf("the token is known in the other pool: %v", err)
	}
}

func (w *world) look() {
	f, p, caller := w.pick()
	want := core.Code("")
	if f.ended || caller.Pool != p.caller.Pool {
		want = core.CodeFlowEnded
	}
	_, err := w.h.Flows.State(w.t.Context(), caller, f.id)
	w.agree("look", f, err, want)
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

// remove takes somebody's password from them. What was proved with it, in any
// flow that is under way, proves nothing any more.
func (w *world) remove() {
	p := rapid.SampledFrom(w.pools).Draw(w.r, "pool")
	email := rapid.SampledFrom(emails).Draw(w.r, "email")
	person := p.people[email]
	if person == nil {
		return
	}
	all, err := w.h.Directory.Authenticators(w.t.Context(), p.caller, core.UserRef{Email: email})
	if err != nil || (person.password != "") != (len(all) == 1) {
		w.r.Fatalf("%s has %d authenticators and the password %q (%v)", email, len(all), person.password, err)
	}
	for _, a := range all {
		if err := w.h.Directory.RemoveAuthenticator(w.t.Context(), p.caller, core.DefaultSettings(), core.UserRef{Email: email}, a.ID); err != nil {
			w.r.Fatal(err)
		}
	}
	person.password, person.due = "", false
	for _, f := range w.flows {
		if w.pools[f.pool] == p && f.email == email && f.known {
			f.primary, f.mine = false, false
		}
	}
}
