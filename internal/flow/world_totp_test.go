package flow_test

import (
	"slices"
	"strconv"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// totp answers with a computed code: of now, or of the step that comes, so that
// it does not matter when a step ends. One that was used comes again by itself.
func (w *world) totp() {
	f, p, caller := w.pick()
	want := w.gate(f, p, caller, core.ChoiceTOTP)
	email, odd := w.address(f, p)
	second := want == "" && f.phase(p) == core.PhaseSecondary
	var key *modelKey
	switch {
	case want != "":
	case second && f.person(p).second == "" || !second && (f.signup() || f.enrolsFirst(p)):
		key = &modelKey{seed: w.seed(f, p)}
	case f.known:
		key = f.person(p).keys[second]
	}
	enroll := key != nil && key.counter == 0
	if left := 30*time.Second - time.Duration(time.Now().UnixNano()%int64(30*time.Second)); left < 2*time.Second {
		time.Sleep(left) // so that the step does not end while its code is tried
	}
	step, given := secret.TOTPStep(time.Now())-int64(rapid.IntRange(0, 1).Draw(w.r, "before")), "00000x"
	if key != nil && rapid.IntRange(0, 3).Draw(w.r, "right") > 0 {
		code, err := secret.TOTPCode(key.seed, step)
		if err != nil {
			w.r.Fatal(err)
		}
		given = code
	}
	switch {
	case want != "":
	case odd != "":
		want = odd
	case f.chooses(p) && email == "" && f.email == "":
		want = core.CodeInvalid
	case second && f.seconds >= 10:
		want = core.CodeFlowEnded
	default:
		if second {
			f.seconds++
		}
		before := *f
		switch {
		case given == "00000x" || step <= key.counter:
			want = core.CodeWrongCode
		case f.known && f.person(p).disabled:
			want = core.CodeDisabled
		case second && f.stamp != f.person(p).stamp:
			want = core.CodeFlowEnded
		case second:
			f.second, f.person(p).second, f.shown = core.AuthenticatorTOTP, core.AuthenticatorTOTP, f.shown || enroll
		case f.enrolsFirst(p):
			if want = w.enrolOnce(f, p); want == "" {
				f.how, f.mine, f.person(p).ways[core.AuthenticatorTOTP] = core.AuthenticatorTOTP, true, true
			}
		case f.known:
			f.how, f.mine, f.stamp = core.AuthenticatorTOTP, true, f.person(p).stamp
		default:
			if want = f.take(p, email); want == "" {
				f.how = core.AuthenticatorTOTP
				want = f.create(p)
			}
		}
		want = f.undo(before, want)
		if want == "" {
			key.counter = step
			f.person(p).keys[second] = key
		}
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: core.ChoiceTOTP, Code: given, Email: email})
	if err == nil && want == "" && second && enroll {
		f.person(p).codes = w.codes(f, p)
	}
	w.agree("totp "+given, f, err, want)
}

// codes is the recovery codes that a flow has given. They are shown when nothing
// else is left to do, which may be later; so they are computed as the flow does.
func (w *world) codes(f *modelFlow, p *modelPool) (codes []string) {
	err := w.h.Store.As(p.caller).View(w.t.Context(), func(tx *store.Tx) error {
		stored, err := tx.Flow(f.id)
		for i := range 10 {
			codes = append(codes, w.h.Store.Keys().Derive("recovery code", stored.Facts.Recovery+" "+strconv.Itoa(i))[:16])
		}
		return err
	})
	if err != nil {
		w.r.Fatal(err)
	}
	return codes
}

// seed is what a flow shows to somebody who enrols.
func (w *world) seed(f *modelFlow, p *modelPool) secret.Text {
	s, err := w.h.Flows.State(w.t.Context(), p.caller, f.id)
	if err != nil {
		w.r.Fatal(err)
	}
	for _, prompt := range s.Prompts {
		if prompt.Choice == core.ChoiceTOTP && prompt.Seed != nil {
			return prompt.Seed.Secret
		}
	}
	w.r.Fatalf("no seed is shown in flow %+v", *f)
	return ""
}

// recovery answers with a recovery code, or says that those shown are kept.
func (w *world) recovery() {
	f, p, caller := w.pick()
	want := w.gate(f, p, caller, core.ChoiceRecoveryCode)
	given, right := "aaaa-aaaa-aaaa-aaaa", false
	second := want == "" && f.phase(p) == core.PhaseSecondary
	if second && rapid.IntRange(0, 2).Draw(w.r, "right") > 0 {
		given, right = rapid.SampledFrom(f.person(p).codes).Draw(w.r, "code"), true
	}
	switch {
	case want != "":
	case !second:
		f.shown = false
	case f.seconds >= 10:
		want = core.CodeFlowEnded
	default:
		f.seconds++
		person := f.person(p)
		switch {
		case !right:
			want = core.CodeWrongCode
		case person.disabled:
			want = core.CodeDisabled
		case f.stamp != person.stamp:
			want = core.CodeFlowEnded
		default:
			f.second = core.AuthenticatorTOTP
			person.codes = slices.DeleteFunc(person.codes, func(code string) bool { return code == given })
		}
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, flow.Answer{Choice: core.ChoiceRecoveryCode, Code: given})
	w.agree("recovery code "+given, f, err, want)
}

// stripUnproved takes from somebody what does not hang on their mailbox, the
// codes of an app and the passkeys, and what they proved with them.
func (w *world) stripUnproved(p *modelPool, email string, person *modelPerson) {
	delete(person.ways, core.AuthenticatorTOTP)
	clear(person.keys)
	clear(person.identities)
	person.passkeys = nil
	if person.second == core.AuthenticatorTOTP {
		person.second = ""
	}
	for _, f := range w.flows {
		if w.pools[f.pool] != p || f.email != email || !f.known {
			continue
		}
		if f.how == core.AuthenticatorTOTP || f.how == core.AuthenticatorPasskey || f.how.ByProvider() {
			f.how, f.mine = "", false
		}
		if f.second == core.AuthenticatorTOTP {
			f.second = ""
		}
	}
}
