package flow_test

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

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
