package flow_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// provisioned makes a pool with these first factors, and Ana in it, whom an
// application created.
func provisioned(t *testing.T, h *flowtest.House, name string, primary []core.AuthenticatorKind, more map[string]any) (core.Caller, core.User) {
	t.Helper()
	values := map[string]any{
		"signin.primary": primary, "link.resend_after": "0s", "code.resend_after": "0s", "budget.flows_per_minute": 0,
		"budget.mails_to_one_per_hour": 0, "budget.mails_to_one_per_day": 0, "lockout.failures": 100,
	}
	for key, value := range more {
		values[key] = value
	}
	app := h.Pool(t, name, values)
	user, err := h.Directory.Create(t.Context(), app, directory.NewUser{Email: "ana@example.org"})
	must(t, err)
	return app, user
}

// setUp opens the link of a new flow of Ana's, which then offers her what the
// pool takes.
func setUp(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
	t.Helper()
	s := start(t, h, app, "ana@example.org")
	h.Mail(t)
	s, err := h.Flows.Answer(t.Context(), app, s.ID, mailed(core.ChoiceProvisional)(t, h, app, s))
	must(t, err)
	return s
}

// Who was made by an application enrols each of the first factors behind a mail,
// and comes in by it from then on. So does somebody of whom no telephone number
// is known, where nothing but a text message lets people in.
func TestProvisionalPeopleEnrol(t *testing.T) {
	var device flowtest.Device
	seed := secret.Text("")
	enrol := map[core.AuthenticatorKind]func(t *testing.T, h *flowtest.House, app core.Caller, s flow.State) flow.Answer{
		core.AuthenticatorPassword:  given(answer(core.ChoicePassword, flowtest.Password)),
		core.AuthenticatorEmailOTP:  coded(core.ChoiceEmailOTP),
		core.AuthenticatorMagicLink: mailed(core.ChoiceMagicLink),
		core.AuthenticatorSMSOTP: func(t *testing.T, h *flowtest.House, app core.Caller, s flow.State) flow.Answer {
			if !prompted(t, s, core.ChoiceSMSOTP).NeedPhone {
				t.Error("law: nobody has proved a telephone of theirs, so a number is asked for")
			}
			return flow.Answer{Choice: core.ChoiceSMSOTP, Code: text(t, h, app, s.ID, phone).Values["code"]}
		},
		core.AuthenticatorTOTP: func(t *testing.T, _ *flowtest.House, _ core.Caller, s flow.State) flow.Answer {
			seed = prompted(t, s, core.ChoiceTOTP).Seed.Secret
			return flow.Answer{Choice: core.ChoiceTOTP, Code: flowtest.TOTPCode(t, seed, 0)}
		},
		core.AuthenticatorPasskey: func(t *testing.T, h *flowtest.House, app core.Caller, s flow.State) flow.Answer {
			return passkeyAnswer(device.Create(t, begun(t, h, app, s.ID), flowtest.PageURL, nil))
		},
	}
	again := map[core.AuthenticatorKind]func(t *testing.T, h *flowtest.House, app core.Caller, s flow.State) flow.Answer{
		core.AuthenticatorSMSOTP: coded(core.ChoiceSMSOTP),
		core.AuthenticatorTOTP: func(t *testing.T, _ *flowtest.House, _ core.Caller, _ flow.State) flow.Answer {
			return flow.Answer{Choice: core.ChoiceTOTP, Code: flowtest.TOTPCode(t, seed, 1)}
		},
		core.AuthenticatorPasskey: func(t *testing.T, h *flowtest.House, app core.Caller, s flow.State) flow.Answer {
			return passkeyAnswer(device.Get(t, begun(t, h, app, s.ID), flowtest.PageURL, nil))
		},
	}
	each(t, func(t *testing.T, h *flowtest.House) {
		for _, kind := range core.PrimaryKinds() {
			for i, primary := range [][]core.AuthenticatorKind{{kind}, core.PrimaryKinds()} {
				if kind.ByMailbox() && i == 0 {
					continue // proving the mailbox is the enrolment
				}
				device = flowtest.Device{}
				app, _ := provisioned(t, h, fmt.Sprintf("p%d-%d", slices.Index(core.PrimaryKinds(), kind), i), primary, nil)
				s := setUp(t, h, app)
				for _, p := range s.Prompts {
					if !p.Enrollment || !slices.Contains(primary, core.AuthenticatorKind(p.Choice)) {
						t.Errorf("law: behind the mail the pool's first factors are offered, all new, and nothing else; offered is %s", shapeOf(s))
					}
				}
				if len(s.Prompts) != len(primary) || !reflect.DeepEqual(s.Types, []core.FlowType{core.FlowSignin}) {
					t.Errorf("law: behind the mail all first factors are offered in a sign-in; offered is %s", shapeOf(s))
				}
				s, err := h.Flows.Answer(t.Context(), app, s.ID, enrol[kind](t, h, app, s))
				must(t, err)
				_, err = h.Flows.Complete(t.Context(), app, s.ID)
				if err != nil {
					t.Errorf("%s of %v: %v", kind, primary, err)
				}
				if user, _ := person(t, h, app, "ana@example.org"); !user.EmailVerified {
					t.Error("law: the link proves the mailbox")
				}
				s = start(t, h, app, "ana@example.org")
				if offered(s, core.ChoiceProvisional) || prompted(t, s, core.ChoiceName(kind)).Enrollment {
					t.Errorf("law: who has enrolled signs in; offered is %s", shapeOf(s))
				}
				next := again[kind]
				if next == nil {
					next = enrol[kind]
				}
				_, err = h.Flows.Answer(t.Context(), app, s.ID, next(t, h, app, s))
				must(t, err)
				_, err = h.Flows.Complete(t.Context(), app, s.ID)
				must(t, err)
			}
		}
	})
}

// TestA4EnrolmentTellsNothing is abuse case A4 for people who never enrolled:
// where a flow conceals who is there, everybody is offered the link and sees
// the same. It leaves for those alone who need it.
func TestA4EnrolmentTellsNothing(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		yes := true
		for name, primary := range map[string][]core.AuthenticatorKind{
			"passwords": {core.AuthenticatorPassword}, "mails": {core.AuthenticatorEmailOTP}, "texts": {core.AuthenticatorSMSOTP},
			"both": {core.AuthenticatorPassword, core.AuthenticatorTOTP},
		} {
			app, _ := provisioned(t, h, name, primary, nil)
			for _, email := range []string{"known@example.org", "disabled@example.org", "barred@example.org"} {
				made, err := h.Directory.Create(t.Context(), app, directory.NewUser{Email: email})
				must(t, err)
				if email != "barred@example.org" {
					for _, kind := range primary {
						h.Enrol(t, app, core.Authenticator{User: made.ID, Kind: kind, Handle: phone})
					}
				}
				if email != "known@example.org" {
					_, err = h.Directory.Change(t.Context(), app, core.UserRef{ID: made.ID}, directory.UserChange{Disabled: &yes})
					must(t, err)
				}
			}
			offers := name == "texts" || name == "both"
			looks := map[string][]string{}
			for _, email := range []string{"unknown@example.org", "known@example.org", "disabled@example.org", "barred@example.org", "ana@example.org"} {
				h.Mail(t)
				s, err := h.Flows.Start(t.Context(), app, flow.Start{Email: email, Types: []core.FlowType{core.FlowSignin}, Concealed: true})
				must(t, err)
				if offered(s, core.ChoiceProvisional) != offers {
					t.Errorf("law: in a concealed flow of a pool with %v the link is offered: %v; %s sees %s", primary, offers, email, shapeOf(s))
				}
				before, _ := person(t, h, app, email)
				looks[email] = append(looks[email], shapeOf(s))
				for range 2 {
					s, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceProvisional})
					looks[email] = append(looks[email], shapeOf(s)+string(core.CodeOf(err)))
				}
				s, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceProvisional, State: "x", Code: secret.Random()})
				looks[email] = append(looks[email], shapeOf(s)+string(core.CodeOf(err)))
				if after, _ := person(t, h, app, email); !reflect.DeepEqual(before, after) {
					t.Errorf("law: asking for the link changes nobody; %s was %+v and is %+v", email, before, after)
				}
				want := 0
				if offers && email == "ana@example.org" {
					want = 2
				}
				if sent := h.Mail(t); len(sent) != want {
					t.Errorf("law: a link leaves for who is there, enabled, and has nothing; %s got %d mails", email, len(sent))
				}
				if !reflect.DeepEqual(looks[email], looks["unknown@example.org"]) {
					t.Errorf("law: nobody sees who has enrolled; %s sees %q, somebody unknown %q", email, looks[email], looks["unknown@example.org"])
				}
			}
		}
	})
}

// A link is good once, of however many that open it at once; and of however many
// flows in which the mailbox was proved, one enrols.
func TestB13ParallelEnrolment(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		for round := range rounds(t) {
			app, _ := provisioned(t, h, fmt.Sprintf("demo-%d", round), []core.AuthenticatorKind{core.AuthenticatorPassword, core.AuthenticatorTOTP}, nil)
			s := start(t, h, app, "ana@example.org")
			a := mailed(core.ChoiceProvisional)(t, h, app, s)
			once(t, "opening a link to enrol", parallel(width, func(int) error {
				_, err := h.Flows.OpenLink(t.Context(), app, core.ChoiceProvisional, a.Code)
				return err
			}))
			_, err := h.Flows.OpenLink(t.Context(), app, core.ChoiceProvisional, a.Code)
			want(t, err, core.CodeTicketInvalid, "opening it once more")
			flows := make([]flow.State, 16)
			for i := range flows {
				flows[i] = setUp(t, h, app)
			}
			once(t, "enrolling in many flows", parallel(width, func(i int) error {
				s := flows[i%len(flows)]
				if i%2 == 0 {
					// Each their own: the same one would let the others in.
					_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, fmt.Sprintf("kettle oboe %d", i)))
					return err
				}
				_, err := tryTOTP(t, h, app, s.ID, flowtest.TOTPCode(t, prompted(t, s, core.ChoiceTOTP).Seed.Secret, 0))
				return err
			}))
			all, err := h.Directory.Authenticators(t.Context(), app, core.UserRef{Email: "ana@example.org"})
			must(t, err)
			if len(all) != 1 {
				t.Errorf("law: of many flows that enrol at once one does; there are %d ways in", len(all))
			}
		}
	})
}

// A link to enrol is none to anything else, in no other flow or pool, and not to
// somebody who took the place of the person it was sent to.
func TestB15EnrolmentLinksFitOnePlace(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		primary := []core.AuthenticatorKind{core.AuthenticatorPassword, core.AuthenticatorMagicLink, core.AuthenticatorTOTP}
		app, ana := provisioned(t, h, "demo", primary, nil)
		stranger, _ := provisioned(t, h, "other", primary, nil)
		s := start(t, h, app, "ana@example.org")
		for _, choice := range []core.ChoiceName{core.ChoiceMagicLink, core.ChoiceResetPassword} {
			a := mailed(choice)(t, h, app, s)
			_, err := h.Flows.OpenLink(t.Context(), app, core.ChoiceProvisional, a.Code)
			want(t, err, core.CodeTicketInvalid, "a link of "+string(choice)+" opened to enrol")
			_, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceProvisional, State: link(s, core.ChoiceProvisional).State, Code: a.Code})
			want(t, err, core.CodeTicketInvalid, "a link of "+string(choice)+" brought to enrol")
		}
		a := mailed(core.ChoiceProvisional)(t, h, app, s)
		for _, choice := range []core.ChoiceName{core.ChoiceMagicLink, core.ChoiceResetPassword, core.ChoiceVerifyEmail} {
			_, err := h.Flows.OpenLink(t.Context(), app, choice, a.Code)
			want(t, err, core.CodeTicketInvalid, "a link to enrol opened as "+string(choice))
		}
		_, err := h.Flows.OpenLink(t.Context(), stranger, core.ChoiceProvisional, a.Code)
		want(t, err, core.CodeTicketInvalid, "a link in another pool")
		second := start(t, h, app, "ana@example.org")
		_, err = h.Flows.Answer(t.Context(), app, second.ID, flow.Answer{Choice: core.ChoiceProvisional, State: link(second, core.ChoiceProvisional).State, Code: a.Code})
		want(t, err, core.CodeTicketInvalid, "a link in another flow of the same person")
		next := mailed(core.ChoiceProvisional)(t, h, app, second)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, a)
		want(t, err, core.CodeTicketInvalid, "a link in whose place another was sent")

		// An address has another owner: the one before was deleted.
		must(t, h.Directory.Delete(t.Context(), app, core.UserRef{ID: ana.ID}))
		_, err = h.Directory.Create(t.Context(), app, directory.NewUser{Email: "ana@example.org"})
		must(t, err)
		if _, err = h.Flows.OpenLink(t.Context(), app, core.ChoiceProvisional, next.Code); err == nil {
			t.Error("law: a link opens nothing of who has the address now")
		}
		if now, _ := person(t, h, app, "ana@example.org"); now.EmailVerified {
			t.Error("law: a link to somebody deleted proves no mailbox of another")
		}
	})
}

// What was proved by the link counts no more once the person was disabled, or
// has enrolled elsewhere; a link that comes too late opens nothing.
func TestO17EnrolmentFromBeforeCountsNoMore(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, ana := provisioned(t, h, "demo", []core.AuthenticatorKind{core.AuthenticatorPassword, core.AuthenticatorMagicLink, core.AuthenticatorTOTP}, nil)
		disable := func(disabled bool) {
			t.Helper()
			_, err := h.Directory.Change(t.Context(), app, core.UserRef{ID: ana.ID}, directory.UserChange{Disabled: &disabled})
			must(t, err)
		}
		sent := start(t, h, app, "ana@example.org")
		a := mailed(core.ChoiceProvisional)(t, h, app, sent)
		disable(true)
		_, err := h.Flows.Answer(t.Context(), app, sent.ID, a)
		want(t, err, core.CodeDisabled, "the link of somebody who was disabled since")
		_, err = h.Flows.OpenLink(t.Context(), app, core.ChoiceProvisional, a.Code)
		want(t, err, core.CodeDisabled, "opening it")
		disable(false)
		waiting := setUp(t, h, app)
		disable(true)
		_, err = h.Flows.Answer(t.Context(), app, waiting.ID, answer(core.ChoicePassword, flowtest.Password))
		want(t, err, core.CodeDisabled, "enrolling while disabled")
		disable(false)
		_, err = h.Flows.Answer(t.Context(), app, waiting.ID, answer(core.ChoicePassword, flowtest.Password))
		want(t, err, core.CodeFlowEnded, "enrolling by a proof from before")

		waiting = setUp(t, h, app)
		late := start(t, h, app, "ana@example.org")
		a = mailed(core.ChoiceProvisional)(t, h, app, late)
		mine := start(t, h, app, "ana@example.org")
		_, err = h.Flows.Answer(t.Context(), app, mine.ID, mailed(core.ChoiceMagicLink)(t, h, app, mine))
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, late.ID, a)
		want(t, err, core.CodeNotOffered, "a link of who has a way in by now")
		_, err = h.Flows.OpenLink(t.Context(), app, core.ChoiceProvisional, a.Code)
		want(t, err, core.CodeTicketInvalid, "opening it")
		_, err = h.Flows.Answer(t.Context(), app, waiting.ID, answer(core.ChoicePassword, flowtest.Password))
		want(t, err, core.CodeNotOffered, "a second first way in, by a proof from before the first")
	})
}

// Whoever reads the mail goes on, in the browser in which they open it; the
// window that asked for it gets nothing.
func TestF10EnrolmentInAnotherBrowser(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, _ := provisioned(t, h, "demo", []core.AuthenticatorKind{core.AuthenticatorPassword, core.AuthenticatorTOTP}, nil)
		mine, elsewhere := app, app
		mine.Actor, elsewhere.Actor = core.Actor{Kind: core.ActorClient, ID: "hosted"}, core.Actor{Kind: core.ActorClient, ID: "hosted"}
		mine.Browser, elsewhere.Browser = []byte("the one that asked"), []byte("the one with the mail")
		s, err := h.Flows.Start(t.Context(), mine, flow.Start{Email: "ana@example.org", Types: []core.FlowType{core.FlowSignin}, Concealed: true})
		must(t, err)
		a := mailed(core.ChoiceProvisional)(t, h, mine, s)
		open, err := h.Flows.OpenLink(t.Context(), elsewhere, core.ChoiceProvisional, a.Code)
		must(t, err)
		if string(open.Browser) != string(elsewhere.Browser) {
			t.Error("law: whoever reads the mail chooses the way in")
		}
		_, err = h.Flows.State(t.Context(), mine, s.ID)
		want(t, err, core.CodeFlowEnded, "looking in the browser that asked")
		_, err = h.Flows.Answer(t.Context(), mine, s.ID, answer(core.ChoicePassword, flowtest.Password))
		want(t, err, core.CodeFlowEnded, "enrolling in the browser that asked")
		_, err = h.Flows.Answer(t.Context(), elsewhere, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		_, err = h.Flows.Complete(t.Context(), elsewhere, s.ID)
		must(t, err)
	})
}

// The mailbox is one factor for them too: a second one that is theirs is still
// asked for. One that was there before anybody had proved the mailbox goes.
func TestM9EnrolmentLeavesTheSecondFactor(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		for _, proved := range []bool{true, false} {
			app, ana := provisioned(t, h, fmt.Sprintf("demo-%v", proved), []core.AuthenticatorKind{core.AuthenticatorPassword}, map[string]any{"signin.secondary": []string{"sms_otp"}})
			if proved {
				verified(t, h, app, ana)
			}
			h.Enrol(t, app, core.Authenticator{User: ana.ID, Kind: core.AuthenticatorSMSOTP, Second: true, Handle: phone})
			s := setUp(t, h, app)
			s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			if asks := s.Phase == core.PhaseSecondary; asks != proved {
				t.Errorf("law: a second factor stays if its person's mailbox was proved before (%v), else it goes; the flow is in %s", proved, s.Phase)
			}
		}
	})
}

// Somebody locked them out; who reads their mail comes in all the same.
func TestB7EnrolmentPassesTheLockout(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, _ := provisioned(t, h, "demo", []core.AuthenticatorKind{core.AuthenticatorPassword, core.AuthenticatorTOTP}, map[string]any{"lockout.failures": 2, "lockout.first_delay": "1h", "lockout.longest_delay": "1h"})
		for range 3 {
			s, err := h.Flows.Start(t.Context(), app, flow.Start{Email: "ana@example.org", Types: []core.FlowType{core.FlowSignin}, Concealed: true})
			must(t, err)
			_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, "a stranger's guess 4"))
			if err == nil {
				t.Fatal("a guess let somebody in who has no password")
			}
		}
		s := setUp(t, h, app)
		_, err := tryTOTP(t, h, app, s.ID, flowtest.TOTPCode(t, prompted(t, s, core.ChoiceTOTP).Seed.Secret, 0))
		must(t, err)
	})
}

// The two links live side by side: whichever is opened last leads the flow, and
// who has enrolled by the one finds the other void.
func TestEnrolmentBesideTheForgottenPassword(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, _ := provisioned(t, h, "demo", []core.AuthenticatorKind{core.AuthenticatorPassword, core.AuthenticatorTOTP}, nil)
		s := start(t, h, app, "ana@example.org")
		if want := "signin primary reset_password provisional_enrollment"; shapeOf(s) != want {
			t.Errorf("law: somebody without a way in is offered both links; offered is %s", shapeOf(s))
		}
		reset := mailed(core.ChoiceResetPassword)(t, h, app, s)
		s, err := h.Flows.Answer(t.Context(), app, s.ID, mailed(core.ChoiceProvisional)(t, h, app, s))
		must(t, err)
		if want := "signin primary password(new) totp(new)"; shapeOf(s) != want {
			t.Errorf("law: behind the one link a first factor is chosen; offered is %s", shapeOf(s))
		}
		other := start(t, h, app, "ana@example.org")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		_, err = h.Flows.OpenLink(t.Context(), app, core.ChoiceResetPassword, reset.Code)
		want(t, err, core.CodeTicketInvalid, "the other link after enrolling")
		if shape := shapeOf(stateOf(t, h, app, other.ID)); shape != "signin primary password reset_password" {
			t.Errorf("law: who has enrolled signs in, in flows begun before too; offered is %s", shape)
		}
	})
}

// Whoever lost their last way in, because it was taken from them, is as somebody
// who never had one; so is who has nothing that the pool takes by now.
func TestProvisionalAgain(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false, "link.resend_after": "0s"})
		h.Person(t, app, "ana@example.org")
		if s := start(t, h, app, "ana@example.org"); offered(s, core.ChoiceProvisional) {
			t.Errorf("law: who has a password is not provisional; offered is %s", shapeOf(s))
		}
		h.Set(t, app, map[string]any{"signin.primary": []string{"totp"}})
		s := setUp(t, h, app)
		s, err := tryTOTP(t, h, app, s.ID, flowtest.TOTPCode(t, prompted(t, s, core.ChoiceTOTP).Seed.Secret, 0))
		must(t, err)
		grant, err := h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		all, err := h.Directory.Authenticators(t.Context(), app, core.UserRef{Email: "ana@example.org"})
		must(t, err)
		for _, a := range all {
			must(t, h.Directory.RemoveAuthenticator(t.Context(), app, core.DefaultSettings(), core.UserRef{Email: "ana@example.org"}, a.ID))
		}
		s = setUp(t, h, app)
		if want := "signin primary totp(new)"; shapeOf(s) != want {
			t.Errorf("law: behind the mail they enrol anew; offered is %s", shapeOf(s))
		}
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowIncomplete, "completing with the mailbox alone")
		if grant.User.Email != "ana@example.org" {
			t.Error("the tokens are somebody else's")
		}
	})
}
