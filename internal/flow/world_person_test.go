package flow_test

import (
	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
)

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
	clear(person.identities)
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
	ways := len(person.passkeys) + len(person.identities)
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
