package flow_test

import (
	"fmt"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

const guardedBy = "open sesame"

// shared is what a link is guarded with in these tests.
var shared = []flow.OneTimeAuth{
	{Kind: core.AuthenticatorEmailOTP, Email: "Ana@example.org"}, {Kind: core.AuthenticatorSMSOTP, Phone: phone},
	{Kind: core.AuthenticatorPassword, Password: guardedBy},
}

// sharing makes a pool that has one-time flows, with somebody in it.
func sharing(t *testing.T, h *flowtest.House, name string, more map[string]any) core.Caller {
	t.Helper()
	values := map[string]any{"one_time.methods": core.OneTimeKinds(), "signup.verify_email": false, "code.resend_after": "0s", "budget.mails_to_one_per_hour": 0, "budget.texts_to_one_per_hour": 0}
	for key, value := range more {
		values[key] = value
	}
	app := h.Pool(t, name, values)
	h.Person(t, app, "ana@example.org")
	return app
}

// startOnce begins a one-time flow.
func startOnce(t *testing.T, h *flowtest.House, app core.Caller, auths ...flow.OneTimeAuth) flow.State {
	t.Helper()
	s, err := h.Flows.Start(t.Context(), app, flow.Start{Types: []core.FlowType{core.FlowOneTime}, OneTime: auths})
	must(t, err)
	return s
}

// browserOf is the application's page, with its public key.
func browserOf(app core.Caller) core.Caller {
	app.Actor = core.Actor{Kind: core.ActorClient, ID: "page"}
	return app
}

// A browser gives any of the proofs that the server named; the server completes
// the flow, once, and learns which. Nobody comes to be, and nobody is signed in.
func TestOneTimeFromDoorToDoor(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := sharing(t, h, "demo", nil)
		page := browserOf(app)
		before, _ := person(t, h, app, "ana@example.org")
		for _, asked := range shared {
			s := startOnce(t, h, app, shared...)
			if shape := shapeOf(s); shape != "one_time one_time password set_email set_phone" {
				t.Errorf("law: a one-time flow asks for its proofs and nothing else; it shows %s", shape)
			}
			var err error
			switch asked.Kind {
			case core.AuthenticatorEmailOTP:
				s, err = h.Flows.Answer(t.Context(), page, s.ID, flow.Answer{Choice: core.ChoiceSetEmail, Email: "aNA@example.org"})
				must(t, err)
				h.Mail(t)
				_, err = h.Flows.Restart(t.Context(), page, s.ID, flow.Answer{Choice: core.ChoiceEmailOTP})
				must(t, err)
				mail := h.Mail(t)
				if len(mail) != 1 || mail[0].To != "Ana@example.org" || mail[0].Template != "one_time_code" {
					t.Fatalf("law: the code goes to the address that the server named, whatever spelling was typed: %v", mail)
				}
				s, err = h.Flows.Answer(t.Context(), page, s.ID, flow.Answer{Choice: core.ChoiceEmailOTP, Code: mail[0].Values["code"]})
			case core.AuthenticatorSMSOTP:
				_, err = h.Flows.Answer(t.Context(), page, s.ID, flow.Answer{Choice: core.ChoiceSetPhone, Phone: "+44 20 7946 0000"})
				must(t, err)
				s, err = h.Flows.Answer(t.Context(), page, s.ID, flow.Answer{Choice: core.ChoiceSMSOTP, Code: text(t, h, page, s.ID, "").Values["code"]})
			default:
				s, err = h.Flows.Answer(t.Context(), page, s.ID, answer(core.ChoicePassword, guardedBy))
			}
			must(t, err)
			if s.Phase != core.PhaseCompleted || len(s.Prompts) != 0 {
				t.Errorf("law: one proof will do; behind %s is %s", asked.Kind, shapeOf(s))
			}
			once(t, "completing a one-time flow", parallel(width, func(int) error {
				proved, err := h.Flows.CompleteOneTime(t.Context(), app, s.ID)
				if err == nil && proved.Kind != asked.Kind {
					t.Errorf("law: the server learns which proof was given; it was told %s of %s", proved.Kind, asked.Kind)
				}
				return err
			}))
			_, err = h.Flows.CompleteOneTime(t.Context(), app, s.ID)
			want(t, err, core.CodeFlowEnded, "completing it once more")
			if e := h.Events(t, app); e[0].Name != core.EventFlowRefused {
				t.Errorf("law: a refusal leaves an event; the newest is %+v", e[0])
			}
		}
		if after, _ := person(t, h, app, "ana@example.org"); !reflect.DeepEqual(before, after) {
			t.Errorf("law: a one-time flow is about no person, not even about one with that address: %+v became %+v", before, after)
		}
		if _, total, _, err := h.Directory.List(t.Context(), app, core.Query{Size: 1}); err != nil || total != 1 {
			t.Errorf("law: a one-time flow makes nobody; there are %d people (%v)", total, err)
		}
	})
}

// TestF2OneTimeFlowIsNoSignIn: nothing that is answered in such a flow, and no
// way of completing it, signs anybody in.
func TestF2OneTimeFlowIsNoSignIn(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := sharing(t, h, "demo", map[string]any{"signin.primary": core.PrimaryKinds()})
		page := browserOf(app)
		s, err := h.Flows.Start(t.Context(), app, flow.Start{Types: []core.FlowType{core.FlowOneTime}, Email: "ana@example.org", OneTime: shared})
		must(t, err)
		for _, step := range []string{"before", "behind"} {
			for _, choice := range flow.Choices() {
				if offered(s, choice) {
					continue
				}
				_, err := h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: choice, Password: flowtest.Password, Email: "ana@example.org"})
				want(t, err, core.CodeNotOffered, string(choice)+" "+step+" the proof")
			}
			for _, caller := range []core.Caller{app, page} {
				_, err = h.Flows.Complete(t.Context(), caller, s.ID)
				want(t, err, core.CodeFlowIncomplete, "tokens "+step+" the proof")
				_, err = h.Flows.CompleteWithCode(t.Context(), caller, s.ID)
				want(t, err, core.CodeFlowIncomplete, "a login code "+step+" the proof")
			}
			_, err = h.Flows.CompleteOneTime(t.Context(), page, s.ID)
			want(t, err, core.CodeForbidden, "a browser that completes "+step+" the proof")
			if step == "behind" {
				break
			}
			_, err = h.Flows.CompleteOneTime(t.Context(), app, s.ID)
			want(t, err, core.CodeFlowIncomplete, "completing before the proof")
			_, err = h.Flows.Answer(t.Context(), page, s.ID, answer(core.ChoicePassword, flowtest.Password))
			want(t, err, core.CodeWrongCredentials, "the password of who has the address")
			s, err = h.Flows.Answer(t.Context(), page, s.ID, answer(core.ChoicePassword, guardedBy))
			must(t, err)
		}
		signIn := start(t, h, app, "ana@example.org")
		_, err = h.Flows.Answer(t.Context(), app, signIn.ID, answer(core.ChoicePassword, guardedBy))
		if err == nil {
			t.Error("law: the password of a one-time flow is nobody's")
		}
		_, err = h.Flows.CompleteOneTime(t.Context(), app, signIn.ID)
		want(t, err, core.CodeFlowIncomplete, "a sign-in completed as a one-time flow")
	})
}

// Only an application's server begins one, with what the pool takes, and of no
// other type beside it.
func TestOneTimeFlowsAreTheServers(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := sharing(t, h, "demo", map[string]any{"one_time.methods": []string{"email_otp", "password"}, "sms.countries": []string{"DE"}})
		off := h.Pool(t, "off", nil)
		oneTime, mail := []core.FlowType{core.FlowOneTime}, shared[:1]
		for why, c := range map[string]struct {
			caller core.Caller
			start  flow.Start
			code   core.Code
		}{
			"a browser":                     {browserOf(app), flow.Start{Types: oneTime, OneTime: mail}, core.CodeForbidden},
			"a browser, without the type":   {browserOf(app), flow.Start{OneTime: mail}, core.CodeForbidden},
			"a pool without such flows":     {off, flow.Start{Types: oneTime, OneTime: mail}, core.CodeInvalid},
			"a method that is not taken":    {app, flow.Start{Types: oneTime, OneTime: shared[1:2]}, core.CodeInvalid},
			"nothing to prove":              {app, flow.Start{Types: oneTime}, core.CodeInvalid},
			"proofs of a sign-in":           {app, flow.Start{Types: []core.FlowType{core.FlowSignin}, OneTime: mail}, core.CodeInvalid},
			"a sign-in too":                 {app, flow.Start{Types: []core.FlowType{core.FlowOneTime, core.FlowSignin}, OneTime: mail}, core.CodeInvalid},
			"somebody":                      {app, flow.Start{Types: oneTime, OneTime: mail, Username: "ana@example.org"}, core.CodeInvalid},
			"two passwords":                 {app, flow.Start{Types: oneTime, OneTime: []flow.OneTimeAuth{shared[2], shared[2]}}, core.CodeInvalid},
			"a password of an address":      {app, flow.Start{Types: oneTime, OneTime: []flow.OneTimeAuth{{Kind: core.AuthenticatorPassword, Password: "x", Email: "a@example.org"}}}, core.CodeInvalid},
			"an address that is none":       {app, flow.Start{Types: oneTime, OneTime: []flow.OneTimeAuth{{Kind: core.AuthenticatorEmailOTP, Email: "ana"}}}, core.CodeInvalid},
			"a proof that there is not":     {app, flow.Start{Types: oneTime, OneTime: []flow.OneTimeAuth{{Kind: core.AuthenticatorTOTP}}}, core.CodeInvalid},
			"more proofs than there may be": {app, flow.Start{Types: oneTime, OneTime: make([]flow.OneTimeAuth, 101)}, core.CodeInvalid},
		} {
			_, err := h.Flows.Start(t.Context(), c.caller, c.start)
			want(t, err, c.code, why)
		}
		h.Set(t, app, map[string]any{"one_time.methods": []string{"sms_otp"}})
		_, err := h.Flows.Start(t.Context(), app, flow.Start{Types: oneTime, OneTime: shared[1:2]})
		want(t, err, core.CodeInvalid, "a telephone of a country that is not taken")
	})
}

// TestA2OneTimeTellsNothing: who opens a link that was shared learns of no
// address and no number whether it was shared with it, also over budget.
func TestA2OneTimeTellsNothing(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app := sharing(t, h, "demo", map[string]any{"budget.mails_to_one_per_hour": 2, "budget.texts_to_one_per_hour": 2})
		page := browserOf(app)
		for _, c := range []struct {
			name   flow.Answer
			choice core.ChoiceName
			others []string
		}{
			{flow.Answer{Choice: core.ChoiceSetEmail}, core.ChoiceEmailOTP, []string{"ana@example.org", "eve@example.org"}},
			{flow.Answer{Choice: core.ChoiceSetPhone}, core.ChoiceSMSOTP, []string{phone, otherPhone}},
		} {
			var looks [2][]string
			for i, who := range c.others {
				s := startOnce(t, h, app, shared...)
				if c.name.Phone = who; c.choice == core.ChoiceEmailOTP {
					c.name.Email, c.name.Phone = who, ""
				}
				s, err := h.Flows.Answer(t.Context(), page, s.ID, c.name)
				must(t, err)
				sent := 0
				for range 4 {
					s, err = h.Flows.Restart(t.Context(), page, s.ID, flow.Answer{Choice: c.choice})
					looks[i] = append(looks[i], fmt.Sprint(shapeOf(s), core.CodeOf(err), prompted(t, s, c.choice).Code.Sent))
					_, err = h.Flows.Answer(t.Context(), page, s.ID, flow.Answer{Choice: c.choice, Code: "00000x"})
					looks[i] = append(looks[i], fmt.Sprint(err))
					sent += len(h.Mail(t))
					time.Sleep(31 * time.Second)
				}
				if want := []int{2, 0}[i]; sent != want {
					t.Errorf("law: codes leave for those alone whom the server named, within their budget; %s got %d", who, sent)
				}
			}
			if !reflect.DeepEqual(looks[0], looks[1]) {
				t.Errorf("law: nobody learns with whom something was shared:\n%q\n%q", looks[0], looks[1])
			}
		}
	})
}

// TestB10OneTimeGuessesHaveOneCount: guesses are counted by what is guessed at,
// in however many flows, and the waits cannot be switched off.
func TestB10OneTimeGuessesHaveOneCount(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := sharing(t, h, "demo", map[string]any{"lockout.enabled": false, "lockout.failures": 3, "lockout.most": 5, "lockout.first_delay": "1h", "lockout.longest_delay": "1h"})
		page := browserOf(app)
		guess := func(auth flow.OneTimeAuth) error {
			t.Helper()
			s := startOnce(t, h, app, auth)
			var err error
			if auth.Kind == core.AuthenticatorPassword {
				_, err = h.Flows.Answer(t.Context(), page, s.ID, answer(core.ChoicePassword, "a guess"))
				return err
			}
			_, err = h.Flows.Answer(t.Context(), page, s.ID, flow.Answer{Choice: core.ChoiceSetEmail, Email: auth.Email})
			must(t, err)
			_, err = h.Flows.Restart(t.Context(), page, s.ID, flow.Answer{Choice: core.ChoiceEmailOTP})
			must(t, err)
			_, err = h.Flows.Answer(t.Context(), page, s.ID, flow.Answer{Choice: core.ChoiceEmailOTP, Code: "00000x"})
			return err
		}
		for _, auth := range []flow.OneTimeAuth{shared[0], shared[2]} {
			wrong := map[core.AuthenticatorKind]core.Code{core.AuthenticatorPassword: core.CodeWrongCredentials, core.AuthenticatorEmailOTP: core.CodeWrongCode}[auth.Kind]
			for range 3 {
				want(t, guess(auth), wrong, "a guess at "+string(auth.Kind))
			}
			want(t, guess(auth), core.CodeLocked, "a fourth guess at "+string(auth.Kind)+", in another flow")
		}
		want(t, guess(flow.OneTimeAuth{Kind: core.AuthenticatorPassword, Password: "another one"}), core.CodeWrongCredentials, "a guess at something else")
		// Whoever has the address is not locked out by that.
		h.SignIn(t, app, "ana@example.org", flowtest.Password)

		many := sharing(t, h, "many", map[string]any{"lockout.failures": 5, "lockout.first_delay": "1h", "lockout.longest_delay": "1h"})
		passed := 0
		ids := make([]core.FlowID, width)
		for i := range ids {
			ids[i] = startOnce(t, h, many, shared[2]).ID
		}
		for _, err := range parallel(width, func(i int) error {
			for {
				_, err := h.Flows.Answer(t.Context(), browserOf(many), ids[i], answer(core.ChoicePassword, fmt.Sprintf("guess %d", i)))
				if !core.Is(err, core.CodeBusy) {
					return err
				}
				time.Sleep(5 * time.Millisecond)
			}
		}) {
			if core.Is(err, core.CodeWrongCredentials) {
				passed++
			} else {
				want(t, err, core.CodeLocked, "a guess of many at once")
			}
		}
		if passed > 5 {
			t.Errorf("law: of many guesses at once no more pass than are free; %d did", passed)
		}
	})
}

// TestB15OneTimeCodesFitOnePlace: a code is for its flow, its recipient and its
// purpose; where somebody says another address, the one before is void.
func TestB15OneTimeCodesFitOnePlace(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := sharing(t, h, "demo", map[string]any{"signin.primary": []string{"password", "email_otp"}, "lockout.failures": 100})
		page := browserOf(app)
		ana, bob := shared[0], flow.OneTimeAuth{Kind: core.AuthenticatorEmailOTP, Email: "bob@example.org"}
		named := func(email string) flow.State {
			s := startOnce(t, h, app, ana, bob)
			s, err := h.Flows.Answer(t.Context(), page, s.ID, flow.Answer{Choice: core.ChoiceSetEmail, Email: email})
			must(t, err)
			return s
		}
		mine, theirs := named("ana@example.org"), named("ana@example.org")
		code := coded(core.ChoiceEmailOTP)(t, h, page, mine)
		_, err := h.Flows.Restart(t.Context(), page, theirs.ID, flow.Answer{Choice: core.ChoiceEmailOTP})
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), page, theirs.ID, code)
		want(t, err, core.CodeWrongCode, "a code in another flow")
		_, err = h.Flows.Answer(t.Context(), page, mine.ID, flow.Answer{Choice: core.ChoiceSetEmail, Email: "bob@example.org"})
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), page, mine.ID, code)
		want(t, err, core.CodeWrongCode, "a code after another address was said")
		signIn, err := h.Flows.Start(t.Context(), page, flow.Start{Email: "ana@example.org", Types: []core.FlowType{core.FlowSignin}, Concealed: true})
		must(t, err)
		coded(core.ChoiceEmailOTP)(t, h, page, signIn)
		_, err = h.Flows.Answer(t.Context(), page, signIn.ID, code)
		want(t, err, core.CodeWrongCode, "a code of a one-time flow in a sign-in")
		again := named("bob@example.org")
		right := coded(core.ChoiceEmailOTP)(t, h, page, again)
		once(t, "using a one-time code", parallel(width, func(int) error {
			_, err := h.Flows.Answer(t.Context(), page, again.ID, right)
			return err
		}))
		stranger := sharing(t, h, "other", nil)
		_, err = h.Flows.CompleteOneTime(t.Context(), stranger, again.ID)
		want(t, err, core.CodeFlowEnded, "completing from another pool")
		_, err = h.Flows.CompleteOneTime(t.Context(), app, core.FlowID("flw_"+secret.Random()))
		want(t, err, core.CodeFlowEnded, "completing a flow that never was")
	})
}
