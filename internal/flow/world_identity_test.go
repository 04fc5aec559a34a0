package flow_test

import (
	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
)

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
