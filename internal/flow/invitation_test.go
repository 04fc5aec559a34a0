package flow_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

const invitedCallback = "https://app.example.org/callback"

// club is a pool that nobody joins by themselves.
func club(t *testing.T, h *flowtest.House, name string) core.Caller {
	t.Helper()
	return h.Pool(t, name, map[string]any{"signup.enabled": false, "redirects.allowed": []string{invitedCallback}})
}

// public is the same pool's application in people's hands.
func public(app core.Caller) core.Caller {
	app.Actor = core.Actor{Kind: core.ActorClient, ID: "key_public"}
	return app
}

// invite invites an address and returns the invitation with the secret of its
// mail.
func invite(t *testing.T, h *flowtest.House, app core.Caller, email string) (core.Invitation, string) {
	t.Helper()
	p, err := h.Pools.Get(t.Context(), app.Pool)
	must(t, err)
	i, err := h.Invitations.Invite(t.Context(), app, p, directory.NewInvitation{Inviter: "nobody@example.net", Email: email, Callback: invitedCallback, State: "state-123"})
	must(t, err)
	mail := h.Mail(t)
	if len(mail) != 1 || mail[0].Template != "invitation" || mail[0].To != i.Email {
		t.Fatalf("inviting %s sent %+v", email, mail)
	}
	return i, flowtest.LinkCode(t, mail[0])
}

// join signs up with an invitation.
func join(t *testing.T, h *flowtest.House, app core.Caller, code string) error {
	t.Helper()
	s, err := h.Flows.Start(t.Context(), app, flow.Start{Invitation: code})
	for err == nil {
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		if !core.Is(err, core.CodeBusy) {
			return err
		}
		err = nil
		time.Sleep(5 * time.Millisecond)
	}
	return err
}

func pending(t *testing.T, h *flowtest.House, app core.Caller) int64 {
	t.Helper()
	all, n, _, err := h.Invitations.List(t.Context(), app, core.Query{Size: core.MaxPage})
	must(t, err)
	if int64(len(all)) != n {
		t.Errorf("%d invitations are listed and %d counted", len(all), n)
	}
	return n
}

// named reports whether there is an event of this name about this target.
func named(events []store.Recorded, name core.EventName, target string) bool {
	return slices.ContainsFunc(events, func(e store.Recorded) bool { return e.Name == name && e.Target == target })
}

func TestInvitationOpensClosedSignup(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := club(t, h, "demo")
		i, code := invite(t, h, app, "New@Example.org")
		_, other := invite(t, h, app, "new@example.org")
		s, err := h.Flows.Start(t.Context(), public(app), flow.Start{Invitation: code})
		must(t, err)
		if s.Email != "New@example.org" || s.Phase != core.PhasePrimary || !s.Invited || len(s.Types) != 1 || s.Types[0] != core.FlowSignup ||
			s.Redirect != invitedCallback || s.AppState != "state-123" || len(s.Prompts) != 1 || s.Prompts[0].Choice != core.ChoicePassword || !s.Prompts[0].Enrollment {
			t.Fatalf("an invited flow begins as %+v", s)
		}
		if n := pending(t, h, app); n != 2 {
			t.Errorf("beginning to accept used an invitation up: %d of 2 are left", n)
		}
		// The mail has proved the mailbox, so nothing is left to prove.
		s, err = h.Flows.Answer(t.Context(), public(app), s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		grant, err := h.Flows.Complete(t.Context(), public(app), s.ID)
		must(t, err)
		if !grant.User.EmailVerified || grant.User.Email != "New@example.org" {
			t.Errorf("who was invited came in as %+v", grant.User)
		}
		if e := h.Events(t, app); !named(e, core.EventInvitationAccepted, string(i.ID)) || !named(e, core.EventInvitationCreated, string(i.ID)) {
			t.Error("an invitation that was accepted left no trace")
		}
		// The other one to the same address ended with it.
		want(t, join(t, h, app, other), core.CodeTicketInvalid, "a second invitation of somebody who came")
		if n := pending(t, h, app); n != 0 {
			t.Errorf("%d invitations of somebody who came are left", n)
		}
	})
}

// A trusted caller may start from the id; then the mailbox is still to prove.
func TestInvitationByItsId(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := club(t, h, "demo")
		i, _ := invite(t, h, app, "new@example.org")
		_, err := h.Flows.Start(t.Context(), public(app), flow.Start{Invitation: core.Tail(i.ID)})
		want(t, err, core.CodeTicketInvalid, "an id in people's hands")
		s, err := h.Flows.Start(t.Context(), app, flow.Start{Invitation: core.Tail(i.ID)})
		must(t, err)
		s, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		if s.Phase != core.PhaseVerifyEmail {
			t.Errorf("an id proves a mailbox: the flow is in %s", s.Phase)
		}
	})
}

func TestF22InvitationIsOver(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app := club(t, h, "demo")
		tooLate := func(code string, s flow.State, why string) {
			t.Helper()
			want(t, join(t, h, app, code), core.CodeTicketInvalid, "starting "+why)
			_, err := h.Flows.LookInvitation(t.Context(), app, code)
			want(t, err, core.CodeTicketInvalid, "looking "+why)
			_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			want(t, err, core.CodeTicketInvalid, "going on "+why)
			_, err = h.Directory.Get(t.Context(), app, core.UserRef{Email: "eve@example.org"})
			want(t, err, core.CodeNotFound, "the person "+why)
			if n := pending(t, h, app); n != 0 {
				t.Errorf("%s there are %d invitations", why, n)
			}
		}
		begin := func(code string) flow.State {
			s, err := h.Flows.Start(t.Context(), app, flow.Start{Invitation: code})
			must(t, err)
			return s
		}

		_, code := invite(t, h, app, "ana@example.org")
		must(t, join(t, h, app, code))
		want(t, join(t, h, app, code), core.CodeTicketInvalid, "using an invitation twice")
		must(t, h.Directory.Delete(t.Context(), app, core.UserRef{Email: "ana@example.org"}))
		want(t, join(t, h, app, code), core.CodeTicketInvalid, "coming back after one was deleted")

		i, code := invite(t, h, app, "eve@example.org")
		s := begin(code)
		must(t, h.Invitations.Delete(t.Context(), app, i.ID))
		tooLate(code, s, "after it was deleted")
		want(t, h.Invitations.Delete(t.Context(), app, i.ID), core.CodeNotFound, "deleting twice")

		// To the second: 7 days, whether it was swept or not. The flow begins
		// while the invitation is good, and ends when it is not.
		_, code = invite(t, h, app, "eve@example.org")
		time.Sleep(7*24*time.Hour - time.Second)
		s = begin(code)
		if n := pending(t, h, app); n != 1 {
			t.Errorf("a second before its end there are %d invitations", n)
		}
		time.Sleep(time.Second)
		tooLate(code, s, "after it expired")
		time.Sleep(time.Minute)
		s2, err := h.Flows.State(t.Context(), app, s.ID)
		must(t, err)
		time.Sleep(2 * time.Hour)
		swept, err := h.Store.Across().Sweep(t.Context(), 1000)
		must(t, err)
		if swept == 0 {
			t.Error("nothing was swept")
		}
		want(t, join(t, h, app, code), core.CodeTicketInvalid, "starting after it was swept")
		if n := pending(t, h, app); n != 0 || s2.ID != s.ID {
			t.Errorf("after the sweep %d invitations are counted", n)
		}
	})
}

func TestF23AlteredInvitation(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, other := club(t, h, "demo"), club(t, h, "other")
		_, code := invite(t, h, app, "new@example.org")
		for i := range code {
			for _, c := range []byte{'a' + (code[i]-'a'+1)%26, '2' + (code[i]+1)%6} {
				altered := code[:i] + string(c) + code[i+1:]
				if altered == code {
					continue
				}
				for _, caller := range []core.Caller{app, public(app)} {
					want(t, join(t, h, caller, altered), core.CodeTicketInvalid, "an altered invitation")
				}
			}
		}
		for _, text := range []string{secret.Random(), code[1:], code + "a", "INV", "inv_" + code, code + "\x00", "%"} {
			want(t, join(t, h, public(app), text), core.CodeTicketInvalid, "an invented invitation")
		}
		want(t, join(t, h, other, code), core.CodeTicketInvalid, "an invitation in another pool")
		want(t, join(t, h, public(other), code), core.CodeTicketInvalid, "an invitation in another pool")
		must(t, join(t, h, public(app), code))
	})
}

func TestF24InvitationOfSomebodyElse(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := club(t, h, "demo")
		_, code := invite(t, h, app, "ana@example.org")
		for _, caller := range []core.Caller{app, public(app)} {
			_, err := h.Flows.Start(t.Context(), caller, flow.Start{Invitation: code, Email: "bob@example.org"})
			want(t, err, core.CodeInvalid, "accepting with another address")
			_, err = h.Flows.Start(t.Context(), caller, flow.Start{Invitation: code, Types: []core.FlowType{core.FlowSignin}})
			want(t, err, core.CodeInvalid, "signing in with an invitation")
			s, err := h.Flows.Start(t.Context(), caller, flow.Start{Invitation: code, Email: "ANA@example.org", Concealed: true})
			must(t, err)
			_, err = h.Flows.Answer(t.Context(), caller, s.ID, flow.Answer{Choice: core.ChoiceSetEmail, Email: "bob@example.org"})
			want(t, err, core.CodeNotOffered, "another address afterwards")
			_, err = h.Flows.Answer(t.Context(), caller, s.ID, flow.Answer{Choice: core.ChoicePassword, Password: flowtest.Password, Email: "bob@example.org"})
			want(t, err, core.CodeInvalid, "another address with the password")
		}
		_, err := h.Flows.Start(t.Context(), app, flow.Start{Invitation: code, Redirect: "https://evil.example"})
		want(t, err, core.CodeRedirectRefused, "another callback")

		// Somebody made an account of that address before, and proved nothing:
		// the invitation neither takes it over nor proves anything for it.
		s, err := h.Flows.Start(t.Context(), app, flow.Start{Invitation: code})
		must(t, err)
		h.Person(t, app, "ana@example.org")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, "another fine phrase 8"))
		want(t, err, core.CodeTaken, "going on when the address is taken")
		want(t, join(t, h, app, code), core.CodeTaken, "starting when the address is taken")
		user, err := h.Directory.Get(t.Context(), app, core.UserRef{Email: "ana@example.org"})
		must(t, err)
		if user.EmailVerified {
			t.Error("an invitation proved the mailbox of an account that was there")
		}
		_, err = h.Passwords.Check(t.Context(), app, core.DefaultSettings(), directory.Person{User: user.ID, Claim: "ana@example.org"}, flowtest.Password)
		must(t, err)
	})
}

func TestParallelInvitation(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := club(t, h, "demo")
		for range rounds(t) {
			_, code := invite(t, h, app, "ana@example.org")
			once(t, "accepting an invitation", parallel(width, func(int) error { return join(t, h, public(app), code) }))
			if n := pending(t, h, app); n != 0 {
				t.Errorf("%d invitations are left", n)
			}
			must(t, h.Directory.Delete(t.Context(), app, core.UserRef{Email: "ana@example.org"}))
		}
	})
}

func TestOnlyServersInvite(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := club(t, h, "demo")
		p, err := h.Pools.Get(t.Context(), app.Pool)
		must(t, err)
		h.Person(t, app, "ana@example.org")
		for _, email := range []string{"ana@example.org", "new@example.org"} {
			_, err := h.Invitations.Invite(t.Context(), public(app), p, directory.NewInvitation{Inviter: "a@b.example", Email: email, Callback: invitedCallback})
			want(t, err, core.CodeForbidden, "inviting "+email+" from people's hands")
		}
		for _, callback := range []string{"", "https://evil.example", invitedCallback + "/x"} {
			_, err := h.Invitations.Invite(t.Context(), app, p, directory.NewInvitation{Inviter: "a@b.example", Email: "new@example.org", Callback: callback})
			want(t, err, core.CodeRedirectRefused, "the callback "+callback)
		}
		_, err = h.Invitations.Invite(t.Context(), app, p, directory.NewInvitation{Inviter: "a", Email: "b", Callback: invitedCallback})
		want(t, err, core.CodeInvalid, "no addresses")
		_, err = h.Invitations.Invite(t.Context(), app, p, directory.NewInvitation{Inviter: "a@b.example", Email: "Ana@example.org", Callback: invitedCallback})
		want(t, err, core.CodeTaken, "inviting somebody who is there")
		if mail := h.Mail(t); len(mail) != 0 || pending(t, h, app) != 0 {
			t.Errorf("refused invitations sent %d mails", len(mail))
		}
	})
}
