package flow_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// Numbers of tests: a landline in London and a telephone on Hawaii.
const (
	phone      = "+442079460000"
	otherPhone = "+18085550173"
)

// byText makes a pool whose people come in by a password or a text message,
// with ana in it, who has both, and bob, who has a password alone.
func byText(t *testing.T, h *flowtest.House, name string, values map[string]any) core.Caller {
	t.Helper()
	all := map[string]any{"signup.verify_email": false, "signin.primary": []string{"password", "sms_otp"}, "code.resend_after": "0s", "lockout.failures": 100, "budget.texts_to_one_per_hour": 0, "budget.texts_to_one_per_day": 0}
	for key, value := range values {
		all[key] = value
	}
	app := h.Pool(t, name, all)
	ana := h.Person(t, app, "ana@example.org")
	h.Enrol(t, app, core.Authenticator{User: ana.ID, Kind: core.AuthenticatorSMSOTP, Handle: phone})
	h.Person(t, app, "bob@example.org")
	return app
}

// text sends a code in a flow and returns the message.
func text(t *testing.T, h *flowtest.House, app core.Caller, id core.FlowID, number string) core.Message {
	t.Helper()
	h.Mail(t)
	_, err := h.Flows.Restart(t.Context(), app, id, flow.Answer{Choice: core.ChoiceSMSOTP, Phone: number})
	must(t, err)
	sent := h.Mail(t)
	if len(sent) != 1 || sent[0].Channel != core.ChannelText || sent[0].Template != "sms_code" {
		t.Fatalf("law: a restart sends one text message; it sent %v", sent)
	}
	return sent[0]
}

func tryText(t *testing.T, h *flowtest.House, app core.Caller, id core.FlowID, code string) error {
	t.Helper()
	_, err := h.Flows.Answer(t.Context(), app, id, flow.Answer{Choice: core.ChoiceSMSOTP, Code: code})
	return err
}

// People sign up with a number that they give, and come in by it afterwards.
func TestSMSCodeSignsUpAndIn(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byText(t, h, "demo", map[string]any{"sms.countries": []string{"GB", "US"}})
		s := start(t, h, app, "new@example.org")
		if p := prompted(t, s, core.ChoiceSMSOTP); !p.Enrollment || !p.NeedPhone || p.Code.Sent {
			t.Errorf("law: who enrols a telephone has to give its number; the prompt is %+v", p)
		}
		for number, problem := range map[string]core.ProblemCode{
			"": core.ProblemRequired, "12": core.ProblemFormat, "+1 911": core.ProblemFormat, "+44 909 8790000": core.ProblemFormat, "+4915123456789": core.ProblemPolicy,
		} {
			_, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSMSOTP, Phone: number})
			if fields := fieldsOf(err); len(fields) != 1 || fields[0].Code != problem || fields[0].Pointer != "/data/phone" {
				t.Errorf("law: a number that cannot be is refused; %q gave %v", number, err)
			}
		}
		if sent := h.Mail(t); len(sent) != 0 {
			t.Errorf("law: to a number that is refused nothing leaves; %v did", sent)
		}
		m := text(t, h, app, s.ID, "+44 (20) 7946-0000")
		if m.To != phone || m.Values["email"] != "" || m.Values["minutes"] != "5" {
			t.Errorf("the message is %+v", m)
		}
		s = stateOf(t, h, app, s.ID)
		if p := prompted(t, s, core.ChoiceSMSOTP); s.Phone != phone || p.NeedPhone || !p.Code.Sent || !p.Enrollment {
			t.Errorf("after the number was given: %q, %+v", s.Phone, p)
		}
		want(t, tryText(t, h, app, s.ID, other(m.Values["code"])), core.CodeWrongCode, "a wrong code")
		must(t, tryText(t, h, app, s.ID, m.Values["code"]))
		grant, err := h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		if grant.User.Phone != phone || grant.User.EmailVerified {
			t.Errorf("law: a telephone says nothing about the mailbox; the user is %+v", grant.User)
		}
		all, err := h.Directory.Authenticators(t.Context(), app, core.UserRef{ID: grant.User.ID})
		must(t, err)
		if len(all) != 1 || all[0].Kind != core.AuthenticatorSMSOTP || all[0].Handle != phone || all[0].Second {
			t.Errorf("the authenticators are %+v", all)
		}

		s = start(t, h, app, "new@example.org")
		if p := prompted(t, s, core.ChoiceSMSOTP); p.Enrollment || p.NeedPhone || s.Phone != "" || offered(s, core.ChoicePassword) {
			t.Errorf("law: who has enrolled is asked for nothing else, and the number is not told; %s, %q, %+v", shapeOf(s), s.Phone, p)
		}
		for _, number := range []string{phone, otherPhone} {
			_, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSMSOTP, Phone: number})
			want(t, err, core.CodeInvalid, "naming the number "+number+" at sign-in")
		}
		m = text(t, h, app, s.ID, "")
		if m.To != phone {
			t.Errorf("the code went to %s", m.To)
		}
		must(t, tryText(t, h, app, s.ID, m.Values["code"]))
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
	})
}

// fieldsOf is what a refusal says about fields.
func fieldsOf(err error) []core.Problem {
	if e, ok := errors.AsType[*core.Error](err); ok {
		return e.Fields
	}
	return nil
}

// Who comes in by a telephone has not proved the mailbox, and has to where the
// pool wants that.
func TestATelephoneProvesNoMailbox(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byText(t, h, "demo", map[string]any{"signup.verify_email": true})
		s := start(t, h, app, "new@example.org")
		must(t, tryText(t, h, app, s.ID, text(t, h, app, s.ID, phone).Values["code"]))
		s = stateOf(t, h, app, s.ID)
		if s.Phase != core.PhaseVerifyEmail {
			t.Fatalf("law: a telephone is no proof of a mailbox; the flow is in %s", s.Phase)
		}
		_, err := h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowIncomplete, "completing without the mailbox")
	})
}

// Another number may be chosen until one is proved: it voids the code that went
// to the one before.
func TestF9NumberMayChangeUntilItIsProved(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byText(t, h, "demo", map[string]any{"code.resend_after": "30s"})
		s := start(t, h, app, "new@example.org")
		first := text(t, h, app, s.ID, phone)
		second := text(t, h, app, s.ID, otherPhone) // at once: it is another number
		if second.To != otherPhone {
			t.Errorf("the code went to %s", second.To)
		}
		if first.Values["code"] != second.Values["code"] {
			want(t, tryText(t, h, app, s.ID, first.Values["code"]), core.CodeWrongCode, "the code of the number before")
		}
		// Nor is the newest code good for the number before.
		_, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSMSOTP, Phone: phone})
		must(t, err)
		want(t, tryText(t, h, app, s.ID, second.Values["code"]), core.CodeWrongCode, "the code of another number")
	})
}

// TestB15TextCodesFitOnePlace is abuse case B15 for text messages: a code is for
// its flow, its factor and its number, and no code by e-mail stands for it.
func TestB15TextCodesFitOnePlace(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byText(t, h, "demo", map[string]any{"signin.primary": []string{"password", "sms_otp", "email_otp"}})
		ana, again, nobody := start(t, h, app, "ana@example.org"), start(t, h, app, "ana@example.org"), start(t, h, app, "new@example.org")
		codes := map[core.FlowID]string{}
		for _, s := range []flow.State{ana, again} {
			codes[s.ID] = text(t, h, app, s.ID, "").Values["code"]
		}
		codes[nobody.ID] = text(t, h, app, nobody.ID, phone).Values["code"]
		mailed := code(t, h, app, nobody.ID)
		for _, at := range []core.FlowID{ana.ID, again.ID, nobody.ID} {
			for from, given := range codes {
				if from != at && given != codes[at] {
					want(t, tryText(t, h, app, at, given), core.CodeWrongCode, "a text message's code in another flow")
				}
			}
		}
		if mailed != codes[nobody.ID] {
			want(t, tryText(t, h, app, nobody.ID, mailed), core.CodeWrongCode, "a mail's code in place of a text message's")
			want(t, tryCode(t, h, app, nobody.ID, codes[nobody.ID]), core.CodeWrongCode, "a text message's code in place of a mail's")
		}
		for _, s := range []flow.State{ana, again, nobody} {
			must(t, tryText(t, h, app, s.ID, codes[s.ID]))
			want(t, tryText(t, h, app, s.ID, codes[s.ID]), core.CodeNotOffered, "a code that was used")
		}
	})
}

func TestB13ParallelTextCode(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byText(t, h, "demo", nil)
		for range rounds(t) {
			s := start(t, h, app, "ana@example.org")
			sent := text(t, h, app, s.ID, "").Values["code"]
			once(t, "using a text message's code", parallel(width, func(int) error { return tryText(t, h, app, s.ID, sent) }))
			once(t, "completing behind it", parallel(width, func(int) error {
				_, err := h.Flows.Complete(t.Context(), app, s.ID)
				return err
			}))
		}
	})
}

// secondByText makes a pool in which a text message follows upon the password.
func secondByText(t *testing.T, h *flowtest.House, name string, values map[string]any) core.Caller {
	t.Helper()
	all := map[string]any{"signin.primary": []string{"password"}, "signin.secondary": []string{"sms_otp"}, "signin.require_secondary": true}
	for key, value := range values {
		all[key] = value
	}
	return byText(t, h, name, all)
}

func TestB12TextAsSecondFactorIsCounted(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := secondByText(t, h, "demo", nil)
		s := behindPassword(t, h, app, "bob@example.org")
		if p := prompted(t, s, core.ChoiceSMSOTP); !p.Enrollment || !p.NeedPhone {
			t.Errorf("law: who has no second factor enrols one; the prompt is %+v", p)
		}
		text(t, h, app, s.ID, phone)
		for n := range 10 {
			if n%5 == 0 {
				text(t, h, app, s.ID, "") // one code is not tried more often
			}
			want(t, tryText(t, h, app, s.ID, "00000x"), core.CodeWrongCode, fmt.Sprintf("wrong second factor %d", n+1))
		}
		right := text(t, h, app, s.ID, "").Values["code"]
		want(t, tryText(t, h, app, s.ID, right), core.CodeFlowEnded, "the right code behind ten wrong ones")
		_, err := h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowIncomplete, "completing such a flow")

		s = behindPassword(t, h, app, "bob@example.org")
		must(t, tryText(t, h, app, s.ID, text(t, h, app, s.ID, phone).Values["code"]))
		grant, err := h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		if grant.User.Phone != phone {
			t.Errorf("the number of somebody of whom none was known is now %q", grant.User.Phone)
		}
		s = behindPassword(t, h, app, "bob@example.org")
		if p := prompted(t, s, core.ChoiceSMSOTP); p.Enrollment || p.NeedPhone || s.Phone != "" {
			t.Errorf("law: a second factor that was enrolled is that one; %q, %+v", s.Phone, p)
		}
		_, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSMSOTP, Phone: otherPhone})
		want(t, err, core.CodeInvalid, "another number than the enrolled one")
		if m := text(t, h, app, s.ID, ""); m.To != phone {
			t.Errorf("the code went to %s", m.To)
		}
	})
}

// TestI18PhoneAloneOpensNothing is abuse case I18: a number that has another
// owner by now opens no account that has another way in. One that nobody proved
// opens none at all.
func TestI18PhoneAloneOpensNothing(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byText(t, h, "demo", map[string]any{"signin.secondary": []string{"sms_otp"}, "signin.skip_secondary": []string{"sms_otp"}})
		number := phone
		_, err := h.Directory.Change(t.Context(), app, core.UserRef{Email: "bob@example.org"}, directory.UserChange{Phone: &number})
		must(t, err)
		cara := h.Person(t, app, "cara@example.org")
		h.Enrol(t, app, core.Authenticator{User: cara.ID, Kind: core.AuthenticatorSMSOTP, Second: true, Handle: phone})
		for _, email := range []string{"bob@example.org", "cara@example.org"} {
			for _, conceal := range []bool{false, true} {
				s, err := h.Flows.Start(t.Context(), app, flow.Start{Types: []core.FlowType{core.FlowSignin}, Email: email, Concealed: conceal})
				must(t, err)
				_, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSMSOTP})
				if offered(s, core.ChoiceSMSOTP) != conceal || (err == nil) != conceal {
					t.Errorf("%s: %s, and sending gives %v", email, shapeOf(s), err)
				}
				if sent := h.Mail(t); len(sent) != 0 {
					t.Errorf("law: a telephone that is no first factor of its person gets no code to come in; %s has %v", email, sent)
				}
				if err := tryText(t, h, app, s.ID, "000000"); err == nil {
					t.Errorf("%s came in by it", email)
				}
			}
		}
	})
}

// TestI3SecondFactorFromBeforeTheOwner is abuse case I3 for telephones: who
// signs up with another's address and enrols their own telephone has lost both
// when the owner proves the mailbox.
func TestI3SecondFactorFromBeforeTheOwner(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byText(t, h, "demo", map[string]any{"signin.primary": []string{"password", "email_otp"}, "signin.secondary": []string{"sms_otp"}})
		mallory := h.Person(t, app, "victim@example.org")
		h.Enrol(t, app, core.Authenticator{User: mallory.ID, Kind: core.AuthenticatorSMSOTP, Second: true, Handle: otherPhone})
		s, err := h.Flows.Start(t.Context(), app, flow.Start{Types: []core.FlowType{core.FlowSignin}, Email: "victim@example.org", Concealed: true})
		must(t, err)
		must(t, tryCode(t, h, app, s.ID, code(t, h, app, s.ID)))
		if s = stateOf(t, h, app, s.ID); s.Phase != core.PhaseCompleted {
			t.Errorf("law: nothing of the stranger's stays; the owner's flow is in %s", shapeOf(s))
		}
		all, err := h.Directory.Authenticators(t.Context(), app, core.UserRef{ID: mallory.ID})
		must(t, err)
		if len(all) != 1 || all[0].Kind != core.AuthenticatorEmailOTP {
			t.Errorf("law: the first proof of a mailbox takes every way in from before; there are %+v", all)
		}
	})
}

// A telephone that was taken from its person proves nothing any more, and
// another one in its place does not stand for it.
func TestARemovedTelephoneProvesNothing(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byText(t, h, "demo", nil)
		s := start(t, h, app, "ana@example.org")
		must(t, tryText(t, h, app, s.ID, text(t, h, app, s.ID, "").Values["code"]))
		all, err := h.Directory.Authenticators(t.Context(), app, core.UserRef{Email: "ana@example.org"})
		must(t, err)
		for _, a := range all {
			if a.Kind == core.AuthenticatorSMSOTP {
				must(t, h.Directory.RemoveAuthenticator(t.Context(), app, core.DefaultSettings(), core.UserRef{Email: "ana@example.org"}, a.ID))
				h.Enrol(t, app, core.Authenticator{User: a.User, Kind: a.Kind, Handle: otherPhone})
			}
		}
		if s = stateOf(t, h, app, s.ID); s.Phase != core.PhasePrimary {
			t.Errorf("law: what was taken from a person proves nothing; the flow is in %s", s.Phase)
		}
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowIncomplete, "completing with a telephone that was removed")
	})
}

// One telephone is never both factors, and neither are two.
func TestOneTelephoneIsOneFactor(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byText(t, h, "demo", nil)
		_, err := h.Pools.Change(t.Context(), app, flowtest.Settings(t, map[string]any{"signin.secondary": []string{"sms_otp"}, "signin.require_secondary": true}))
		want(t, err, core.CodeInvalid, "settings under which a telephone is both factors")
		h.Set(t, app, map[string]any{"signin.secondary": []string{"sms_otp", "email_otp"}, "signin.require_secondary": true})
		s := start(t, h, app, "ana@example.org")
		must(t, tryText(t, h, app, s.ID, text(t, h, app, s.ID, "").Values["code"]))
		if s = stateOf(t, h, app, s.ID); s.Phase != core.PhaseSecondary || offered(s, core.ChoiceSMSOTP) || !offered(s, core.ChoiceEmailOTP) {
			t.Errorf("law: behind a telephone another factor is asked for; %s", shapeOf(s))
		}
	})
}

// TestA2TextsTellNothing compares, in concealed flows, somebody who comes in by
// text message with somebody who does not, and with nobody: all that differs is
// who gets one.
func TestA2TextsTellNothing(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app := byText(t, h, "demo", map[string]any{"budget.texts_to_one_per_hour": 2, "code.resend_after": "30s"})
		var looks [3][]string
		for i, email := range []string{"ana@example.org", "bob@example.org", "nobody@example.org"} {
			s, err := h.Flows.Start(t.Context(), app, flow.Start{Types: []core.FlowType{core.FlowSignin}, Email: email, Concealed: true})
			must(t, err)
			note := func(s flow.State, err error) {
				look := shapeOf(s) + " " + string(core.CodeOf(err)) + " " + s.Phone
				if e, ok := errors.AsType[*core.Error](err); ok {
					look += fmt.Sprint(e.Detail, e.Fields, e.RetryAfter)
				}
				for _, p := range s.Prompts {
					if p.Code != nil {
						look += fmt.Sprint(p.Code.Sent, time.Until(p.Code.ResendAt).Truncate(time.Second))
					}
				}
				looks[i] = append(looks[i], look)
			}
			note(s, nil)
			texts := 0
			for range 4 {
				note(h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSMSOTP}))
				note(h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSMSOTP}))
				note(h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSMSOTP, Phone: phone}))
				note(h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSMSOTP, Code: "00000x"}))
				texts += len(h.Mail(t))
				time.Sleep(31 * time.Second)
			}
			if want := map[string]int{"ana@example.org": 2}[email]; texts != want {
				t.Errorf("%s got %d text messages, want %d", email, texts, want)
			}
		}
		for _, look := range looks[1:] {
			if !reflect.DeepEqual(look, looks[0]) {
				t.Errorf("text messages tell who is there:\n%s\n--- and not\n%s", strings.Join(look, "\n"), strings.Join(looks[0], "\n"))
			}
		}
	})
}

// TestB19TextsToOneNumber is abuse case B19 for text messages: whoever asks, in
// however many flows, a number gets one in 30 seconds, 5 in an hour and 20 in a
// day, and the whole pool sends no more than its own budget. All is answered as
// always.
func TestB19TextsToOneNumber(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app := h.Pool(t, "demo", map[string]any{"signin.primary": []string{"sms_otp"}, "budget.flows_per_minute": 0, "budget.texts_per_day": 30})
		flows := 0
		ask := func(network, number string) int {
			t.Helper()
			flows++
			s, err := h.Flows.Start(t.Context(), from(app, network), flow.Start{Types: []core.FlowType{core.FlowSignup}, Email: fmt.Sprintf("new%d@example.org", flows)})
			must(t, err)
			s, err = h.Flows.Restart(t.Context(), from(app, network), s.ID, flow.Answer{Choice: core.ChoiceSMSOTP, Phone: number})
			must(t, err)
			if p := prompted(t, s, core.ChoiceSMSOTP); !p.Code.Sent {
				t.Errorf("law: over budget all is answered as always; the prompt is %+v", p)
			}
			return len(h.Mail(t))
		}
		sent := 0
		for n := range 8 {
			first, second := ask(fmt.Sprint("198.51.100.", n), phone), ask(fmt.Sprint("198.51.100.", n), phone)
			if want := min(1, max(0, 5-n)); first != want || second != 0 {
				t.Errorf("request %d sent %d and %d text messages, want %d and none within 30 seconds", n+1, first, second, want)
			}
			sent += first
			time.Sleep(31 * time.Second)
		}
		for n := 0; sent < 20; n++ {
			if n > 40 {
				t.Fatalf("only %d text messages in a day", sent)
			}
			time.Sleep(13 * time.Minute)
			sent += ask(fmt.Sprint("203.0.113.", n), phone)
		}
		time.Sleep(time.Hour)
		if more := ask("192.0.2.1", phone); more != 0 {
			t.Error("law: a number gets 20 text messages a day, and it got another")
		}
		if ask("192.0.2.1", otherPhone) != 1 {
			t.Error("law: another number has a budget of its own")
		}
		for n := range 12 {
			time.Sleep(31 * time.Second)
			sent += ask("192.0.2.2", fmt.Sprintf("+1808555%04d", 100+n))
		}
		if sent != 29 {
			t.Errorf("law: a pool sends no more than its budget of 30; it sent %d", sent+1)
		}
	})
}

// TestB19TextsFromOneNetwork is the part of B19 that counts whoever asks.
func TestB19TextsFromOneNetwork(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signin.primary": []string{"sms_otp"}, "budget.flows_per_minute": 0, "budget.texts_per_hour": 3})
		sent := 0
		for n := range 6 {
			caller := from(app, "198.51.100.7")
			s, err := h.Flows.Start(t.Context(), caller, flow.Start{Types: []core.FlowType{core.FlowSignup}, Email: fmt.Sprintf("new%d@example.org", n)})
			must(t, err)
			_, err = h.Flows.Restart(t.Context(), caller, s.ID, flow.Answer{Choice: core.ChoiceSMSOTP, Phone: fmt.Sprintf("+1808555%04d", 100+n)})
			must(t, err)
			sent += len(h.Mail(t))
		}
		if sent != 3 {
			t.Errorf("law: one network causes so many text messages and no more; it caused %d, want 3", sent)
		}
	})
}

// Where people go by names, an address has to come with the number.
func TestSMSCodeWhereAnAddressIsNeeded(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byText(t, h, "demo", map[string]any{"username.format": "string"})
		s, err := h.Flows.Start(t.Context(), app, flow.Start{Username: "newcomer"})
		must(t, err)
		if p := prompted(t, s, core.ChoiceSMSOTP); !p.NeedEmail || !p.NeedPhone {
			t.Errorf("the prompt is %+v", p)
		}
		_, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSMSOTP, Phone: phone})
		want(t, err, core.CodeInvalid, "a number without an address")
		_, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSMSOTP, Phone: phone, Email: "newcomer@example.org"})
		must(t, err)
		must(t, tryText(t, h, app, s.ID, flowtest.MailedCode(t, h.Mail(t))))
		grant, err := h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		if u := grant.User; u.Username != "newcomer" || u.Email != "newcomer@example.org" || u.Phone != phone {
			t.Errorf("the user is %+v", u)
		}
	})
}
