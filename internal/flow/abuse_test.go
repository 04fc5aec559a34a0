package flow_test

import (
	"sync"
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

// each runs a test of the machine on both engines.
func each(t *testing.T, test func(t *testing.T, h *flowtest.House)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) { test(t, flowtest.New(s)) })
}

// want fails the test unless err carries this code.
func want(t *testing.T, err error, code core.Code, why string) {
	t.Helper()
	if !core.Is(err, code) {
		t.Errorf("%s: got %v, want %s", why, err, code)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func answer(choice core.ChoiceName, password string) flow.Answer {
	return flow.Answer{Choice: choice, Password: secret.Text(password)}
}

func start(t *testing.T, h *flowtest.House, caller core.Caller, email string) flow.State {
	t.Helper()
	s, err := h.Flows.Start(t.Context(), caller, flow.Start{Email: email})
	must(t, err)
	return s
}

func TestF1CompleteStraightAfterStart(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", nil)
		h.Person(t, app, "ana@example.org")
		for _, email := range []string{"", "ana@example.org", "new@example.org"} {
			s := start(t, h, app, email)
			_, err := h.Flows.Complete(t.Context(), app, s.ID)
			want(t, err, core.CodeFlowIncomplete, "complete straight after start with "+email)
			_, err = h.Flows.CompleteWithCode(t.Context(), app, s.ID)
			want(t, err, core.CodeFlowIncomplete, "a code straight after start with "+email)
		}
	})
}

func TestF2ChoiceThatWasNotOffered(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", nil)
		h.Person(t, app, "ana@example.org")
		s := start(t, h, app, "ana@example.org")
		for _, a := range []flow.Answer{
			answer(core.ChoiceSetPassword, "another good one 9"),
			{Choice: core.ChoiceSetEmail, Email: "eve@example.org"},
			{Choice: core.ChoiceVerifyEmail},
			{Choice: core.ChoiceProfile, Profile: map[string]string{}},
			{Choice: "totp"},
			{},
		} {
			_, err := h.Flows.Answer(t.Context(), app, s.ID, a)
			want(t, err, core.CodeNotOffered, "answering "+string(a.Choice))
			_, err = h.Flows.Restart(t.Context(), app, s.ID, a)
			want(t, err, core.CodeNotOffered, "restarting "+string(a.Choice))
		}
		// On offer, but with somebody else's address.
		for _, a := range []flow.Answer{
			{Choice: core.ChoicePassword, Password: flowtest.Password, Email: "eve@example.org"}, {Choice: core.ChoiceResetPassword, Email: "eve@example.org"},
		} {
			_, err := h.Flows.Answer(t.Context(), app, s.ID, a)
			want(t, err, core.CodeInvalid, "another address with "+string(a.Choice))
			_, err = h.Flows.Restart(t.Context(), app, s.ID, a)
			want(t, err, core.CodeInvalid, "restarting with another address")
		}
		if mail := h.Mail(t); len(mail) > 0 {
			t.Errorf("%d mails left", len(mail))
		}
		after, err := h.Flows.State(t.Context(), app, s.ID)
		must(t, err)
		if after.Phase != s.Phase || after.Email != s.Email || len(after.Prompts) != len(s.Prompts) {
			t.Errorf("the flow changed from %+v to %+v", s, after)
		}
	})
}

func TestF5CompletedFlowIsOver(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		h.Person(t, app, "ana@example.org")
		s := start(t, h, app, "ana@example.org")
		_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		grant, err := h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowEnded, "completing twice")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		want(t, err, core.CodeFlowEnded, "answering a completed flow")
		_, err = h.Flows.State(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowEnded, "looking at a completed flow")
		_, err = h.Sessions.Check(t.Context(), app, grant.Access.Token)
		if err != nil {
			t.Errorf("the second try revoked the tokens of the first: %v", err)
		}
		if e := h.Events(t, app)[0]; e.Name != core.EventFlowRefused || e.Target != string(s.ID) {
			t.Errorf("the refusal left no event; the newest is %+v", e)
		}
	})
}

func TestF7TwoAnswersAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		h.Person(t, app, "ana@example.org")
		s := start(t, h, app, "")
		outcomes := parallel(2, func(i int) error {
			email := []string{"ana@example.org", "bob@example.org"}[i]
			_, err := h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSetEmail, Email: email})
			return err
		})
		won := 0
		for _, err := range outcomes {
			switch {
			case err == nil:
				won++
			case !core.Is(err, core.CodeConflict) && !core.Is(err, core.CodeNotOffered):
				t.Errorf("the loser got %v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d of two answers at once were taken, want 1", won)
		}
	})
}

func TestF8ProofOfAnotherPerson(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": true})
		h.Person(t, app, "ana@example.org")
		bob := h.Person(t, app, "bob@example.org")
		h.SetPassword(t, app, bob.ID, "bob's own password 5")

		ana := start(t, h, app, "ana@example.org")
		_, err := h.Flows.Answer(t.Context(), app, ana.ID, answer(core.ChoicePassword, "bob's own password 5"))
		want(t, err, core.CodeWrongCredentials, "bob's password in ana's flow")

		// Bob's link, brought to Ana's flow, under either flow's state.
		mine := start(t, h, app, "bob@example.org")
		mine, err = h.Flows.Restart(t.Context(), app, mine.ID, flow.Answer{Choice: core.ChoiceResetPassword})
		must(t, err)
		mail := h.Mail(t)
		code := flowtest.LinkCode(t, mail[len(mail)-1])
		for _, s := range []flow.State{ana, mine} {
			_, err = h.Flows.Answer(t.Context(), app, ana.ID, flow.Answer{Choice: core.ChoiceResetPassword, Code: code, State: link(s, core.ChoiceResetPassword).State})
			want(t, err, core.CodeTicketInvalid, "bob's link in ana's flow")
		}
		after, err := h.Flows.State(t.Context(), app, ana.ID)
		must(t, err)
		if offered(after, core.ChoiceSetPassword) {
			t.Error("bob's link let somebody choose ana's password")
		}
		// It still works where it belongs: a refusal used nothing up.
		mine, err = h.Flows.Answer(t.Context(), app, mine.ID, flow.Answer{Choice: core.ChoiceResetPassword, Code: code, State: link(mine, core.ChoiceResetPassword).State})
		must(t, err)
		if !offered(mine, core.ChoiceSetPassword) {
			t.Error("bob's link does not work in bob's flow")
		}
	})
}

func TestF12FlowsEnd(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		h.Person(t, app, "ana@example.org")
		s := start(t, h, app, "ana@example.org")
		time.Sleep(29 * time.Minute)
		s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		time.Sleep(2 * time.Minute) // answering does not make a flow live longer
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowEnded, "completing after 31 minutes")
		_, err = h.Flows.State(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowEnded, "looking after 31 minutes")
	})
}

func TestF14FlowOfAnotherPool(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", nil)
		other := h.Pool(t, "other", nil)
		h.Person(t, app, "ana@example.org")
		h.Person(t, other, "ana@example.org")
		s := start(t, h, app, "ana@example.org")
		_, err := h.Flows.State(t.Context(), other, s.ID)
		want(t, err, core.CodeFlowEnded, "looking from another pool")
		_, err = h.Flows.Answer(t.Context(), other, s.ID, answer(core.ChoicePassword, flowtest.Password))
		want(t, err, core.CodeFlowEnded, "answering from another pool")
		_, err = h.Flows.Restart(t.Context(), other, s.ID, flow.Answer{Choice: core.ChoiceResetPassword})
		want(t, err, core.CodeFlowEnded, "restarting from another pool")
		_, err = h.Flows.Complete(t.Context(), other, s.ID)
		want(t, err, core.CodeFlowEnded, "completing from another pool")
		if mail := h.Mail(t); len(mail) > 0 {
			t.Errorf("another pool's application sent %d mails", len(mail))
		}
	})
}

func TestF26ClosedSignup(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false, "profile.fields": []core.ProfileField{{ID: "name", Label: "Name", Type: core.ProfileText, AtSignup: true}}})
		// Sign-up closes while a flow is under way: the door is where the
		// person comes to be.
		s := start(t, h, app, "new@example.org")
		s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		_, err = h.Pools.Change(t.Context(), app, flowtest.Settings(t, map[string]any{"signup.enabled": false}))
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceProfile, Profile: map[string]string{"name": "New"}})
		want(t, err, core.CodeSignupClosed, "creating somebody after sign-up closed")
		// A flow begun afterwards asks for a password like for anybody, and
		// takes none.
		s = start(t, h, app, "new@example.org")
		if len(s.Types) != 1 || s.Types[0] != core.FlowSignin {
			t.Errorf("a closed pool offers %v", s.Types)
		}
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		want(t, err, core.CodeWrongCredentials, "choosing a password after sign-up closed")
		_, err = h.Directory.Get(t.Context(), app, core.UserRef{Email: "new@example.org"})
		want(t, err, core.CodeNotFound, "the person")
	})
}

// A redirect is looked up when the browser is sent there, not only when the
// flow is begun.
func TestO1RedirectIsTakenBack(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false, "redirects.allowed": []string{"https://app.example.org/cb"}})
		h.Person(t, app, "ana@example.org")
		s, err := h.Flows.Start(t.Context(), app, flow.Start{Email: "ana@example.org", Redirect: "https://app.example.org/cb"})
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		_, err = h.Pools.Change(t.Context(), app, flowtest.Settings(t, map[string]any{"redirects.allowed": []string{}}))
		must(t, err)
		_, err = h.Flows.CompleteWithCode(t.Context(), app, s.ID)
		want(t, err, core.CodeRedirectRefused, "going to an address that was taken off the list")
	})
}

func TestB3OneCounterForEveryDoor(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false, "lockout.first_delay": "1h", "lockout.longest_delay": "1h"})
		user := h.Person(t, app, "ana@example.org")
		grant := h.SignIn(t, app, "ana@example.org", flowtest.Password)
		token, err := h.Sessions.Check(t.Context(), app, grant.Access.Token)
		must(t, err)
		settings := core.DefaultSettings()
		settings.LockoutFirstDelay, settings.LockoutLongestDelay = core.Duration(time.Hour), core.Duration(time.Hour)
		// Five wrong ones, through two doors and two spellings of the address.
		for i := range 5 {
			if i%2 == 0 {
				err = h.Passwords.Change(t.Context(), app, settings, token, "wrong", "a new long password 3")
			} else {
				s := start(t, h, app, "ANA@EXAMPLE.ORG")
				_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, "wrong"))
			}
			want(t, err, core.CodeWrongCredentials, "a wrong password")
		}
		before := h.Hasher.Evaluated()
		s := start(t, h, app, "ana@example.org")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		want(t, err, core.CodeLocked, "the right password at one door")
		err = h.Passwords.Change(t.Context(), app, settings, token, flowtest.Password, "a new long password 3")
		want(t, err, core.CodeLocked, "the right password at the other door")
		if n := h.Hasher.Evaluated() - before; n != 0 {
			t.Errorf("%d passwords were compared behind a closed door", n)
		}
		unlock := true
		_, err = h.Directory.Change(t.Context(), app, core.UserRef{ID: user.ID}, directory.UserChange{Unlock: unlock})
		must(t, err)
		h.SignIn(t, app, "ana@example.org", flowtest.Password)
	})
}

func TestB4ParallelGuesses(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.enabled": false, "lockout.first_delay": "1h", "lockout.longest_delay": "1h"})
		h.Person(t, app, "ana@example.org")
		for _, email := range []string{"ana@example.org", "nobody@example.org"} {
			before := h.Hasher.Evaluated()
			outcomes := parallel(64, func(int) error {
				s, err := h.Flows.Start(t.Context(), app, flow.Start{Email: email})
				if err != nil {
					return err
				}
				for {
					_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, "wrong"))
					if !core.Is(err, core.CodeBusy) {
						return err
					}
					time.Sleep(10 * time.Millisecond)
				}
			})
			if n := h.Hasher.Evaluated() - before; n != 5 {
				t.Errorf("%s: %d of 64 wrong passwords were compared, want 5", email, n)
			}
			count := map[core.Code]int{}
			for _, err := range outcomes {
				count[core.CodeOf(err)]++
			}
			if count[core.CodeWrongCredentials] != 5 || count[core.CodeLocked] != 59 {
				t.Errorf("%s: answers were %v, want 5 wrong and 59 locked", email, count)
			}
		}
	})
}

func TestA4ResetTellsNothing(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"lockout.first_delay": "1h", "lockout.longest_delay": "1h"})
		h.Person(t, app, "known@example.org")
		disabled := h.Person(t, app, "disabled@example.org")
		yes := true
		_, err := h.Directory.Change(t.Context(), app, core.UserRef{ID: disabled.ID}, directory.UserChange{Disabled: &yes})
		must(t, err)
		h.Person(t, app, "locked@example.org")
		for range 5 {
			s := start(t, h, app, "locked@example.org")
			_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, "wrong"))
			want(t, err, core.CodeWrongCredentials, "locking somebody out")
		}
		_, err = h.Directory.Create(t.Context(), app, directory.NewUser{Email: "nopassword@example.org"})
		must(t, err)
		h.Mail(t)

		kinds := map[string]bool{"known": true, "locked": true, "nopassword": true, "disabled": false, "unknown": false}
		for kind, mailed := range kinds {
			email := kind + "@example.org"
			s, err := h.Flows.Start(t.Context(), app, flow.Start{Email: email, Types: []core.FlowType{core.FlowSignin}, Concealed: true})
			must(t, err)
			before, known := person(t, h, app, email)
			s, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceResetPassword})
			must(t, err)
			shape := shapeOf(s)
			if want := "signin primary password reset_password(sent)"; shape != want {
				t.Errorf("%s: the answer is %q, want %q as for everybody", kind, shape, want)
			}
			after, _ := person(t, h, app, email)
			if known && (before.Version != after.Version || before.Disabled != after.Disabled) {
				t.Errorf("%s: asking for a reset changed the person from %+v to %+v", kind, before, after)
			}
			if n := len(h.Mail(t)); (n == 1) != mailed {
				t.Errorf("%s: %d mails left", kind, n)
			}
		}
	})
}

// What was proved before a new password, or before the person was disabled,
// counts no more: not in a flow that waits, not in a link that was opened, not
// in a login code.
func TestO17ProofsFromBeforeCountNoMore(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false, "link.resend_after": "0s"})
		user := h.Person(t, app, "ana@example.org")
		proved := func() flow.State {
			s := start(t, h, app, "ana@example.org")
			s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			return s
		}
		opened := func() flow.State {
			s := start(t, h, app, "ana@example.org")
			_, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceResetPassword})
			must(t, err)
			mail := h.Mail(t)
			_, err = h.Flows.OpenLink(t.Context(), app, core.ChoiceResetPassword, flowtest.LinkCode(t, mail[len(mail)-1]))
			must(t, err)
			return s
		}
		waiting, theirs := proved(), opened()
		done, err := h.Flows.CompleteWithCode(t.Context(), app, proved().ID)
		must(t, err)

		// The owner chooses a new password.
		mine := opened()
		_, err = h.Flows.Answer(t.Context(), app, mine.ID, answer(core.ChoiceSetPassword, "the owner's new phrase 2"))
		must(t, err)
		_, err = h.Flows.Complete(t.Context(), app, mine.ID)
		must(t, err)

		_, err = h.Flows.Complete(t.Context(), app, waiting.ID)
		want(t, err, core.CodeFlowEnded, "completing with the old password's proof")
		_, err = h.Flows.Answer(t.Context(), app, theirs.ID, answer(core.ChoiceSetPassword, "a stranger's phrase 3"))
		want(t, err, core.CodeFlowEnded, "choosing a password with a link opened before")
		_, err = h.Sessions.ExchangeCode(t.Context(), app, core.DefaultSettings(), done.Code, "")
		want(t, err, core.CodeTicketInvalid, "exchanging a code from before")

		// Disabling somebody ends proofs too, also for when they are enabled.
		h.SetPassword(t, app, user.ID, flowtest.Password)
		waiting = proved()
		for _, disabled := range []bool{true, false} {
			_, err = h.Directory.Change(t.Context(), app, core.UserRef{ID: user.ID}, directory.UserChange{Disabled: &disabled})
			must(t, err)
		}
		_, err = h.Flows.Complete(t.Context(), app, waiting.ID)
		want(t, err, core.CodeFlowEnded, "completing with a proof from before the person was disabled")
		h.SignIn(t, app, "ana@example.org", flowtest.Password)
	})
}

// A sign-in and a revocation at the same moment: whichever is first, no
// session lives afterwards.
func TestO17SignInRacesRevocation(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		user := h.Person(t, app, "ana@example.org")
		for range rounds(t) * 4 {
			s := start(t, h, app, "ana@example.org")
			_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			var grant core.Grant
			yes, no := true, false
			outcomes := parallel(2, func(i int) (err error) {
				if i == 0 {
					grant, err = h.Flows.Complete(t.Context(), app, s.ID)
					return err
				}
				_, err = h.Directory.Change(t.Context(), app, core.UserRef{ID: user.ID}, directory.UserChange{Disabled: &yes})
				return err
			})
			must(t, outcomes[1])
			_, err = h.Directory.Change(t.Context(), app, core.UserRef{ID: user.ID}, directory.UserChange{Disabled: &no})
			must(t, err)
			if outcomes[0] == nil {
				_, err := h.Sessions.Check(t.Context(), app, grant.Access.Token)
				want(t, err, core.CodeTokenInvalid, "a session that began while the person was disabled")
			}
		}
	})
}

// Spellings that fold to one key are one account, and may be two mailboxes.
func TestF21MailGoesToTheStoredAddress(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": true, "link.resend_after": "0s"})
		for stored, typed := range map[string]string{"strasse@example.org": "stra\u00dfe@example.org", "Mike@example.org": "mike@EXAMPLE.org", "\u03bf\u03b4\u03bf\u03c3@example.org": "\u03bf\u03b4\u03bf\u03c2@example.org"} {
			h.Person(t, app, stored)
			for _, s := range []flow.Start{
				{Email: typed, Types: []core.FlowType{core.FlowSignin}},
				{Email: typed, Types: []core.FlowType{core.FlowSignin}, Concealed: true},
				{Email: typed, Types: []core.FlowType{core.FlowSignup}, Concealed: true},
			} {
				state, err := h.Flows.Start(t.Context(), app, s)
				must(t, err)
				choice := core.ChoiceResetPassword
				if s.Types[0] == core.FlowSignup {
					choice = core.ChoiceVerifyEmail
				}
				_, err = h.Flows.Restart(t.Context(), app, state.ID, flow.Answer{Choice: choice})
				must(t, err)
				mail := h.Mail(t)
				if len(mail) != 1 || mail[0].To != stored {
					t.Errorf("asked for by %s, %d mails went, the first to %v; want it at %s", typed, len(mail), mail, stored)
				}
			}
			// So does the mail that proves the mailbox after the password.
			state := start(t, h, app, typed)
			_, err := h.Flows.Answer(t.Context(), app, state.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			_, err = h.Flows.Restart(t.Context(), app, state.ID, flow.Answer{Choice: core.ChoiceVerifyEmail})
			must(t, err)
			if mail := h.Mail(t); len(mail) != 1 || mail[0].To != stored {
				t.Errorf("proving %s went to %v, want %s", typed, mail, stored)
			}
		}
	})
}

func TestA6NobodyCostsAsMuch(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.enabled": false, "signup.verify_email": false})
		h.Person(t, app, "ana@example.org")
		_, err := h.Directory.Create(t.Context(), app, directory.NewUser{Email: "nopassword@example.org"})
		must(t, err)
		emails := []string{"ana@example.org", "nobody@example.org", "nopassword@example.org"}
		for _, hash := range importedHashes() {
			email := hash.params.Algorithm + "@example.org"
			importPerson(t, h, app, email, hash)
			emails = append(emails, email)
		}
		for _, email := range emails {
			s, err := h.Flows.Start(t.Context(), app, flow.Start{Email: email, Types: []core.FlowType{core.FlowSignin}, Concealed: true})
			must(t, err)
			before := h.Hasher.Evaluated()
			_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, "wrong"))
			want(t, err, core.CodeWrongCredentials, email)
			if n := h.Hasher.Evaluated() - before; n != 1 {
				t.Errorf("%s: %d hashes were computed, want 1 as for everybody", email, n)
			}
		}
	})
}

// person reads somebody; false for nobody.
func person(t *testing.T, h *flowtest.House, caller core.Caller, email string) (core.User, bool) {
	t.Helper()
	user, err := h.Directory.Get(t.Context(), caller, core.UserRef{Email: email})
	if core.Is(err, core.CodeNotFound) {
		return core.User{}, false
	}
	must(t, err)
	return user, true
}

// shapeOf is all that a state tells, without ids, times and addresses.
func shapeOf(s flow.State) string {
	shape := ""
	for _, word := range s.Types {
		shape += string(word) + " "
	}
	shape += string(s.Phase)
	for _, p := range s.Prompts {
		shape += " " + string(p.Choice)
		if p.Enrollment {
			shape += "(new)"
		}
		if p.NeedPhone {
			shape += "(phone)"
		}
		if p.Link != nil && p.Link.Sent {
			shape += "(sent)"
		}
	}
	return shape
}

func offered(s flow.State, choice core.ChoiceName) bool {
	for _, p := range s.Prompts {
		if p.Choice == choice {
			return true
		}
	}
	return false
}

func link(s flow.State, choice core.ChoiceName) flow.LinkPrompt {
	for _, p := range s.Prompts {
		if p.Choice == choice && p.Link != nil {
			return *p.Link
		}
	}
	return flow.LinkPrompt{}
}

// parallel runs n calls released at one moment and returns their errors.
func parallel(n int, call func(i int) error) []error {
	outcomes := make([]error, n)
	gate := make(chan struct{})
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() {
			<-gate
			outcomes[i] = call(i)
		})
	}
	close(gate)
	running.Wait()
	return outcomes
}
