package flow_test

import (
	"encoding/base64"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

// passkey answers with a passkey that is new, the person's, another's or taken
// away, on a page of the pool or elsewhere, for this challenge or for none.
func (w *world) passkey() {
	f, p, caller := w.pick()
	enroll := f.enrolls(p)
	fits := f.challenge != nil && f.challenge.enroll == enroll
	options := fmt.Appendf(nil, `{"rp":{"id":%q},"rpId":%[1]q,"user":{"id":"AAAA"},"challenge":%q}`, flowtest.RPID, base64.RawURLEncoding.EncodeToString(make([]byte, 32)))
	asked := f.challenge != nil && rapid.IntRange(0, 9).Draw(w.r, "asked") > 0
	if asked {
		options = f.challenge.options
	}
	origin := flowtest.PageURL
	if rapid.IntRange(0, 9).Draw(w.r, "elsewhere") == 0 {
		origin = "https://login.example.com"
	}
	want := w.gate(f, p, caller, core.ChoicePasskey)
	right := fits && asked && origin == flowtest.PageURL
	signed := []byte("{}")
	before := *f
	switch {
	case enroll:
		var fresh flowtest.Device
		signed = fresh.Create(w.t, options, origin, nil)
		made := fresh.Passkeys[0]
		w.device.Passkeys = append(w.device.Passkeys, made)
		switch {
		case want != "":
		case !right:
			want = core.CodePasskeyRefused
		case f.how != "":
			want = f.add(p, made)
		case f.known && f.person(p).disabled:
			want = core.CodeDisabled
		case f.known:
			if want = w.enrolOnce(f, p); want == "" {
				f.how, f.mine, f.challenge = core.AuthenticatorPasskey, true, nil
				f.person(p).passkeys = append(f.person(p).passkeys, made)
			}
		default:
			f.how, f.made, f.challenge = core.AuthenticatorPasskey, made, nil
			want = f.create(p)
		}
	case len(w.device.Passkeys) > 0:
		by := rapid.SampledFrom(w.device.Passkeys).Draw(w.r, "by")
		if mine := f.mayUse(p); len(mine) > 0 && rapid.IntRange(0, 2).Draw(w.r, "own") > 0 {
			by = rapid.SampledFrom(mine).Draw(w.r, "which")
		}
		signed = w.device.Get(w.t, options, origin, func(c *flowtest.Ceremony) {
			by.Counter++
			c.ID, c.Handle, c.Counter, c.Passkey = by.ID, by.Handle, by.Counter, by
		})
		email, owner := p.owner(by)
		switch {
		case want != "":
		case !right, owner == nil, f.claimed() && (!f.known || email != f.email):
			want = core.CodePasskeyRefused
		case owner.disabled:
			want = core.CodeDisabled
		default:
			if !f.claimed() && p.names {
				f.name = owner.name
			}
			f.email, f.known, f.challenge = email, true, nil
			f.how, f.mine, f.stamp = core.AuthenticatorPasskey, true, owner.stamp
		}
	case want != "":
	case fits:
		want = core.CodeInvalid
	default:
		want = core.CodePasskeyRefused
	}
	want = f.undo(before, want)
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, passkeyAnswer(signed))
	w.agree("passkey", f, err, want)
}

// mayUse lists the passkeys that let somebody in here.
func (f *modelFlow) mayUse(p *modelPool) []*flowtest.Passkey {
	if f.known {
		return f.person(p).passkeys
	}
	var all []*flowtest.Passkey
	for _, email := range emails {
		if person := p.people[email]; person != nil && !f.claimed() {
			all = append(all, person.passkeys...)
		}
	}
	return all
}

// add is what a new passkey leads to in the end of a flow.
func (f *modelFlow) add(p *modelPool, made *flowtest.Passkey) core.Code {
	person := f.person(p)
	switch {
	case person.disabled:
		return core.CodeDisabled
	case f.stamp != person.stamp:
		return core.CodeFlowEnded
	}
	person.passkeys = append(person.passkeys, made)
	f.added, f.challenge = true, nil
	return ""
}

// owner is whose a passkey is in this pool, if anybody's.
func (p *modelPool) owner(by *flowtest.Passkey) (email string, person *modelPerson) {
	for email, person := range p.people {
		if slices.Contains(person.passkeys, by) {
			return email, person
		}
	}
	return "", nil
}
