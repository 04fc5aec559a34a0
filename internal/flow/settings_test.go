package flow_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// A password that has become too old stops its person at the next sign-in, and
// not before; a new one is young again. Where nothing is set, none grows old.
func TestPasswordsGrowOld(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		strict, lax := h.Pool(t, "demo", map[string]any{"password.max_age": "48h", "signup.verify_email": false}), h.Pool(t, "other", map[string]any{"signup.verify_email": false})
		signIn := func(app core.Caller, password string) flow.State {
			t.Helper()
			s, err := h.Flows.Answer(t.Context(), app, start(t, h, app, "ana@example.org").ID, answer(core.ChoicePassword, password))
			must(t, err)
			return s
		}
		h.Person(t, strict, "ana@example.org")
		h.Person(t, lax, "ana@example.org")
		time.Sleep(48*time.Hour - time.Second)
		if s := signIn(strict, flowtest.Password); s.Phase != core.PhaseCompleted {
			t.Errorf("a second too early the flow is in %s", s.Phase)
		}
		time.Sleep(time.Second)
		s := signIn(strict, flowtest.Password)
		if s.Phase != core.PhaseSetPassword {
			t.Fatalf("behind a password of 48 hours the flow is in %s", s.Phase)
		}
		_, err := h.Flows.Answer(t.Context(), strict, s.ID, answer(core.ChoiceSetPassword, flowtest.Password))
		want(t, err, core.CodeInvalid, "choosing the old one again")
		s, err = h.Flows.Answer(t.Context(), strict, s.ID, answer(core.ChoiceSetPassword, "kettle oboe 9137"))
		must(t, err)
		if s.Phase != core.PhaseCompleted {
			t.Errorf("behind a new password the flow is in %s", s.Phase)
		}
		if s := signIn(strict, "kettle oboe 9137"); s.Phase != core.PhaseCompleted {
			t.Errorf("a new password is old: the flow is in %s", s.Phase)
		}
		time.Sleep(10 * 365 * 24 * time.Hour)
		if s := signIn(lax, flowtest.Password); s.Phase != core.PhaseCompleted {
			t.Errorf("without the setting the flow is in %s", s.Phase)
		}
	})
}

// The list of domains holds at every door by which somebody signs up by
// themselves, and at no other.
func TestI13SignupByDomain(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{
			"signup.domains_mode": "allow", "signup.domains": []string{"good.example"}, "signup.verify_email": false, "redirects.allowed": []string{invitedCallback},
		})
		both, signup, signin := []core.FlowType(nil), []core.FlowType{core.FlowSignup}, []core.FlowType{core.FlowSignin}
		for _, email := range []string{"eve@evil.example", "eve@good.example.evil.example", "eve@sub.good.example"} {
			_, err := h.Flows.Start(t.Context(), app, flow.Start{Email: email})
			want(t, err, core.CodeSignupClosed, "starting for "+email)
			_, err = h.Flows.Start(t.Context(), app, flow.Start{Email: email, Types: signup})
			want(t, err, core.CodeSignupClosed, "signing up as "+email)
			for _, types := range [][]core.FlowType{both, signup} {
				s, err := h.Flows.Start(t.Context(), app, flow.Start{Types: types})
				must(t, err)
				_, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSetEmail, Email: email})
				want(t, err, core.CodeSignupClosed, "answering "+email)
			}
			// A flow that only signs in says of nobody why they cannot.
			s, err := h.Flows.Start(t.Context(), app, flow.Start{Email: email, Types: signin})
			must(t, err)
			_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			want(t, err, core.CodeWrongCredentials, "signing in as "+email)
		}

		// Concealed, the answer hangs on the domain alone, and no mail leaves.
		h.Person(t, app, "ana@evil.example")
		h.Mail(t)
		for _, email := range []string{"ana@evil.example", "eve@evil.example"} {
			_, err := h.Flows.Start(t.Context(), app, flow.Start{Email: email, Types: signup, Concealed: true})
			want(t, err, core.CodeSignupClosed, "signing up concealed as "+email)
		}
		if mails := h.Mail(t); len(mails) != 0 {
			t.Errorf("a refused domain got %d mails", len(mails))
		}
		// Who is there already comes in, and so does who is invited.
		h.SignIn(t, app, "ana@evil.example", flowtest.Password)
		_, code := invite(t, h, app, "guest@evil.example")
		s, err := h.Flows.Start(t.Context(), app, flow.Start{Invitation: code})
		must(t, err)
		s, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		if s.Phase != core.PhaseCompleted {
			t.Errorf("who was invited is in %s", s.Phase)
		}

		// A list that is made while a flow is under way holds for it too.
		s = start(t, h, app, "bob@good.example")
		_, err = h.Pools.Change(t.Context(), app, flowtest.Settings(t, map[string]any{"signup.domains_mode": "deny"}))
		must(t, err)
		if _, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password)); err == nil {
			t.Error("somebody of a domain that is kept out by now signed up")
		}
		_, err = h.Directory.Get(t.Context(), app, core.UserRef{Email: "bob@good.example"})
		want(t, err, core.CodeNotFound, "who was kept out")
		start(t, h, app, "eve@evil.example") // is let in by the same list read the other way
	})
}

// Where the application names no address, a flow ends where the pool says for
// what it is, and a link leads where the pool says for what it proves.
func TestDefaultRedirects(t *testing.T) {
	const base = "https://app.example.org/"
	allowed := []string{base + "asked"}
	settings := map[string]any{"signup.verify_email": true, "link.resend_after": "0s"}
	for _, name := range []string{"default", "default_signup", "default_signin", "default_verify_email", "default_reset_password"} {
		allowed = append(allowed, base+name)
		settings["redirects."+name] = base + name
	}
	settings["redirects.allowed"] = allowed
	each(t, func(t *testing.T, h *flowtest.House) {
		app, plain := h.Pool(t, "demo", settings), h.Pool(t, "plain", map[string]any{"redirects.allowed": allowed, "redirects.default": base + "default"})
		for _, caller := range []core.Caller{app, plain} {
			h.Person(t, caller, "ana@example.org")
		}
		signup, signin := []core.FlowType{core.FlowSignup}, []core.FlowType{core.FlowSignin}
		for _, c := range []struct {
			caller core.Caller
			start  flow.Start
			want   string
		}{
			{app, flow.Start{}, "default"},
			{app, flow.Start{Types: signup}, "default_signup"},
			{app, flow.Start{Types: signin}, "default_signin"},
			{app, flow.Start{Email: "ana@example.org"}, "default_signin"},
			{app, flow.Start{Email: "new@example.org"}, "default_signup"},
			{app, flow.Start{Email: "ana@example.org", Concealed: true}, "default"}, // else it would tell who is there
			{app, flow.Start{Email: "ana@example.org", Redirect: base + "asked"}, "asked"},
			{plain, flow.Start{Types: signup}, "default"},
			{plain, flow.Start{Email: "ana@example.org"}, "default"},
		} {
			s, err := h.Flows.Start(t.Context(), c.caller, c.start)
			must(t, err)
			if s.Redirect != base+c.want || (s.Asked != "") != (c.want == "asked") {
				t.Errorf("%+v ends at %q (asked %q), want %s", c.start, s.Redirect, s.Asked, c.want)
			}
		}
		for _, c := range []struct {
			caller core.Caller
			choice core.ChoiceName
			asked  string
			want   string
		}{
			{app, core.ChoiceResetPassword, "", "default_reset_password"},
			{app, core.ChoiceResetPassword, base + "asked", "asked"},
			{app, core.ChoiceVerifyEmail, "", "default_verify_email"},
			{plain, core.ChoiceResetPassword, "", "default"},
		} {
			email := "ana@example.org"
			if c.choice == core.ChoiceVerifyEmail {
				email = "eve@example.org"
			}
			s, err := h.Flows.Start(t.Context(), c.caller, flow.Start{Email: email, Redirect: c.asked})
			must(t, err)
			if c.choice == core.ChoiceVerifyEmail {
				_, err = h.Flows.Answer(t.Context(), c.caller, s.ID, answer(core.ChoicePassword, flowtest.Password))
				must(t, err)
			}
			_, err = h.Flows.Restart(t.Context(), c.caller, s.ID, flow.Answer{Choice: c.choice})
			must(t, err)
			open, err := h.Flows.OpenLink(t.Context(), c.caller, c.choice, flowtest.LinkCode(t, h.Mail(t)[0]))
			must(t, err)
			if open.Redirect != base+c.want {
				t.Errorf("the link of %s leads to %q, want %s", c.choice, open.Redirect, c.want)
			}
		}
	})
}
