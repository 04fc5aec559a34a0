package flow_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

// byDomain makes a pool with rules for the people of strict.example, open.example
// and closed.example.
func byDomain(t *testing.T, h *flowtest.House, values map[string]any) core.Caller {
	t.Helper()
	all := map[string]any{
		"signup.verify_email": false, "signin.primary": []string{"password", "email_otp"}, "code.resend_after": "0s", "redirects.allowed": []string{invitedCallback},
		"signin.by_domain": map[string]any{
			"strict.example":   map[string]any{"signin.primary": []string{"password"}, "signin.secondary": []string{"totp"}, "signin.require_secondary": true, "signup.verify_email": true},
			"*.strict.example": map[string]any{"signin.primary": []string{"email_otp"}},
			"closed.example":   map[string]any{"signup.enabled": false},
			"robots.example":   map[string]any{"signup.captcha": "altcha"},
		},
	}
	for key, value := range values {
		all[key] = value
	}
	return h.Pool(t, "demo", all)
}

// The rules of a domain hold for its addresses from the moment on in which one
// is claimed, at sign-up and at sign-in, and for no other's.
func TestI13RulesByDomain(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byDomain(t, h, nil)
		for email, want := range map[string][]core.ChoiceName{
			"new@example.org":                 {core.ChoicePassword, core.ChoiceEmailOTP},
			"new@Strict.Example":              {core.ChoicePassword},
			"new@sub.strict.example":          {core.ChoiceEmailOTP},
			"new@strict.example.evil.example": {core.ChoicePassword, core.ChoiceEmailOTP},
			"new@robots.example":              {core.ChoiceCaptcha, core.ChoicePassword},
		} {
			if got := choicesOf(start(t, h, app, email)); !slices.Equal(got, want) {
				t.Errorf("law: started for %s there is %v; got %v", email, want, got)
			}
			s := start(t, h, app, "")
			s, err := h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSetEmail, Email: email})
			must(t, err)
			if got := choicesOf(s); !slices.Equal(got, want) {
				t.Errorf("law: answered for %s there is %v; got %v", email, want, got)
			}
		}
		// A sign-up goes through all that its domain asks for.
		s := start(t, h, app, "new@strict.example")
		s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		if s.Phase != core.PhaseVerifyEmail {
			t.Errorf("law: a domain may have mailboxes proved; the flow is in %s", s.Phase)
		}
		// So does a sign-in, of somebody who was there before.
		h.Person(t, app, "ana@strict.example")
		h.Person(t, app, "bob@example.org")
		s, err = h.Flows.Answer(t.Context(), app, start(t, h, app, "ana@strict.example").ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		if s.Phase == core.PhaseCompleted {
			t.Errorf("law: a domain may need a second factor; the flow is in %s", s.Phase)
		}
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowIncomplete, "completing without the domain's second factor")
		h.SignIn(t, app, "bob@example.org", flowtest.Password)
	})
}

// Sign-up may be closed to a domain, or open to it alone; an invitation passes
// either.
func TestI13SignupOfADomain(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byDomain(t, h, nil)
		signup := []core.FlowType{core.FlowSignup}
		for _, types := range [][]core.FlowType{nil, signup} {
			_, err := h.Flows.Start(t.Context(), app, flow.Start{Email: "eve@closed.example", Types: types})
			want(t, err, core.CodeSignupClosed, "signing up with a domain that is closed")
		}
		_, err := h.Flows.Start(t.Context(), app, flow.Start{Email: "eve@closed.example", Types: signup, Concealed: true})
		want(t, err, core.CodeSignupClosed, "signing up concealed with a domain that is closed")
		_, code := invite(t, h, app, "guest@closed.example")
		s, err := h.Flows.Start(t.Context(), app, flow.Start{Invitation: code})
		must(t, err)
		s, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		if s.Phase != core.PhaseCompleted {
			t.Errorf("who was invited is in %s", s.Phase)
		}
		h.SignIn(t, app, "guest@closed.example", flowtest.Password)

		h.Set(t, app, map[string]any{"signup.enabled": false, "signin.by_domain": map[string]any{"open.example": map[string]any{"signup.enabled": true}}})
		s = start(t, h, app, "new@open.example")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		if s.Phase != core.PhaseCompleted {
			t.Errorf("law: sign-up may be open to a domain alone; the flow is in %s", s.Phase)
		}
		_, err = h.Flows.Start(t.Context(), app, flow.Start{Email: "new@example.org", Types: signup})
		want(t, err, core.CodeSignupClosed, "signing up with another domain")
	})
}

// Nobody gets around the rules of their domain by not naming their address: who
// goes by a name is held to them once they have proved who they are, and a way
// in that their domain does not have proves nothing.
func TestI13RulesByDomainWithoutAnAddress(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := byDomain(t, h, map[string]any{"username.format": "string", "signin.primary": []string{"password", "email_otp", "totp"}})
		h.Set(t, app, map[string]any{"signin.by_domain": map[string]any{
			"strict.example": map[string]any{"signin.primary": []string{"password"}, "signin.secondary": []string{"totp"}, "signin.require_secondary": true},
			"mail.example":   map[string]any{"signin.primary": []string{"email_otp"}},
			"robots.example": map[string]any{"signup.captcha": "altcha"},
		}})
		for name, email := range map[string]string{"ana": "ana@strict.example", "bob": "bob@mail.example"} {
			user, err := h.Directory.Create(t.Context(), app, directory.NewUser{Email: email, Username: name})
			must(t, err)
			h.SetPassword(t, app, user.ID, flowtest.Password)
		}
		for _, concealed := range []bool{false, true} {
			s, err := h.Flows.Start(t.Context(), app, flow.Start{Username: "ana", Types: []core.FlowType{core.FlowSignin}, Concealed: concealed})
			must(t, err)
			nobody, err := h.Flows.Start(t.Context(), app, flow.Start{Username: "zoe", Types: []core.FlowType{core.FlowSignin}, Concealed: concealed})
			must(t, err)
			if concealed && shapeOf(s) != shapeOf(nobody) {
				t.Errorf("law: concealed, a name does not tell the domain behind it:\n%s\n%s", shapeOf(s), shapeOf(nobody))
			}
			s, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			if s.Phase != core.PhaseSecondary {
				t.Errorf("law: concealed %t, the domain's second factor is asked for; the flow is in %s", concealed, s.Phase)
			}
		}
		s, err := h.Flows.Start(t.Context(), app, flow.Start{Username: "bob", Types: []core.FlowType{core.FlowSignin}, Concealed: true})
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		want(t, err, core.CodeNotOffered, "a password, where the domain takes none")

		// Who signs up by a name is held to them with the address that they give.
		named := func(name string) flow.State {
			s := start(t, h, app, "")
			s, err := h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSetUsername, Username: name})
			must(t, err)
			return s
		}
		a := answer(core.ChoicePassword, flowtest.Password)
		a.Email = "new@mail.example"
		_, err = h.Flows.Answer(t.Context(), app, named("new").ID, a)
		want(t, err, core.CodeNotOffered, "a password for an address whose domain takes none")
		a.Email = "new@robots.example"
		s, err = h.Flows.Answer(t.Context(), app, named("new").ID, a)
		must(t, err)
		if s.Phase != core.PhaseCaptcha {
			t.Errorf("law: the domain's captcha is asked for; the flow is in %s", s.Phase)
		}
		h.Mail(t)
		s, err = h.Flows.Restart(t.Context(), app, named("newer").ID, flow.Answer{Choice: core.ChoiceEmailOTP, Email: "newer@robots.example"})
		must(t, err)
		if sent := h.Mail(t); len(sent) != 0 || !offered(s, core.ChoiceCaptcha) || offered(s, core.ChoiceEmailOTP) {
			t.Errorf("law: nothing is sent before the domain's captcha; %v was, and there is %v", sent, choicesOf(s))
		}
	})
}
