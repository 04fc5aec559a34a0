package flow_test

import (
	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

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
