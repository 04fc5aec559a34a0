package authn_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/client/authn"
)

// state wants a flow by value. The id is looked at and taken out.
func state(t *testing.T, got *authn.FlowState, want authn.FlowState) {
	t.Helper()
	isID(t, "pfl_", got.FlowID)
	shown := *got
	shown.FlowID = ""
	want.UsernameFormat = "email"
	if !reflect.DeepEqual(shown, want) {
		t.Errorf("got  %s\nwant %s", asJSON(t, shown), asJSON(t, want))
	}
}

var (
	both   = []authn.FlowType{authn.FlowSignup, authn.FlowSignin}
	signup = []authn.FlowType{authn.FlowSignup}
	signin = []authn.FlowType{authn.FlowSignin}
	policy = authn.PasswordPolicy{CharsMin: 8, CharsMax: 256}
	fields = []authn.ProfileField{
		{ID: "first_name", Name: "First name", Label: "First name", Type: "string", ShowOnSignup: true, Builtin: true},
		{ID: "last_name", Name: "Last name", Label: "Last name", Type: "string", ShowOnSignup: true, Builtin: true},
	}
)

func TestFlowSignUpAndIn(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.client), t.Context()
		const email = "ana@example.org"
		known := authn.FlowState{FlowTypes: signup, Username: email, Email: email}

		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{}))(t)
		state(t, got, authn.FlowState{FlowTypes: both, Phase: authn.PhasePrimary, Choices: authn.FlowChoices{authn.SetEmailChoice{RequiredFor: []authn.Choice{authn.ChoicePassword}}}})
		got = answer(t, a, got, authn.SetEmailAnswer{Email: email})
		known.Phase, known.Choices = authn.PhasePrimary, authn.FlowChoices{authn.PasswordChoice{Enrollment: true, Policy: policy}}
		state(t, got, known)
		state(t, answer(t, a, got, nil), known)
		state(t, ok(a.Flow.Restart(ctx, authn.FlowRestartRequest{FlowID: got.FlowID, Choice: authn.ChoicePassword}))(t), known)
		_, err := a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "BadState /flow_id")
		got = answer(t, a, got, authn.PasswordAnswer{Password: password})
		known.Phase, known.Choices = authn.PhaseProfile, authn.FlowChoices{authn.ProfileChoice{Fields: fields}}
		state(t, got, known)
		got = answer(t, a, got, authn.ProfileAnswer{Profile: authn.Profile{"first_name": "Ana"}})
		known.Phase, known.Choices = authn.PhaseCompleted, authn.FlowChoices{}
		state(t, got, known)
		pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), email, authn.Profile{"first_name": "Ana"})
		_, err = a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID})
		refused(t, err, authn.StatusNotFound, http.StatusNotFound, "DoesNotExist /flow_id")

		got = ok(a.Flow.Start(ctx, authn.FlowStartRequest{Username: email, CallbackURI: callback, FlowTypes: signin}))(t)
		reset, offered := authn.Offered[authn.ResetPasswordChoice](got)
		if !offered {
			t.Fatalf("no way back for a forgotten password: %+v", got)
		}
		isID(t, "pcb_", reset.State)
		known.FlowTypes, known.Phase = signin, authn.PhasePrimary
		known.Choices = authn.FlowChoices{authn.PasswordChoice{Policy: policy}, authn.ResetPasswordChoice{State: reset.State}}
		state(t, got, known)
		_, err = a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.PasswordAnswer{Password: newPassword}})
		refused(t, err, authn.StatusAuthenticationFailure, http.StatusBadRequest)
		got = answer(t, a, got, authn.PasswordAnswer{Password: password})
		known.Phase, known.Choices = authn.PhaseCompleted, authn.FlowChoices{}
		state(t, got, known)
		pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), email, authn.Profile{"first_name": "Ana"})
	})
}

func TestFlowVerifyEmail(t *testing.T) {
	onEngines(t, map[string]any{"signup.verify_email": true}, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		const email = "ana@example.org"
		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: email, CallbackURI: callback}))(t)
		got = answer(t, a, got, authn.PasswordAnswer{Password: password})
		got = answer(t, a, got, authn.ProfileAnswer{Profile: authn.Profile{}})
		before, _ := authn.Offered[authn.VerifyEmailChoice](got)
		isID(t, "pcb_", before.State)
		known := authn.FlowState{FlowTypes: signup, Username: email, Email: email, Phase: authn.PhaseVerifyEmail, Choices: authn.FlowChoices{authn.VerifyEmailChoice{State: before.State}}}
		state(t, got, known)

		got = ok(a.Flow.Restart(ctx, authn.FlowRestartRequest{FlowID: got.FlowID, Choice: authn.ChoiceVerifyEmail, Email: email}))(t)
		sent, _ := authn.Offered[authn.VerifyEmailChoice](got)
		near(t, sent.ResendTime)
		known.Choices = authn.FlowChoices{authn.VerifyEmailChoice{Sent: true, ResendTime: sent.ResendTime, State: before.State}}
		state(t, got, known)
		state(t, answer(t, a, got, authn.VerifyEmailAnswer{}), known)

		code := ok(s.link(ctx, email, "verify_email"))(t)
		_, err := a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.VerifyEmailAnswer{State: sent.State, Code: "pmc_" + strings.Repeat("a", 32)}})
		refused(t, err, authn.StatusInvalidToken, http.StatusBadRequest)
		got = answer(t, a, got, authn.VerifyEmailAnswer{State: sent.State, Code: code})
		known.Phase, known.Choices = authn.PhaseCompleted, authn.FlowChoices{}
		state(t, got, known)
		pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), email, authn.Profile{})
		if !ok(a.User.Profile.Get(ctx, authn.ByEmail(email)))(t).Verified {
			t.Error("the mailbox is not proved")
		}
	})
}

func TestFlowResetPassword(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.client), t.Context()
		const email = "ana@example.org"
		signUp(t, a, email, authn.Profile{})
		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: email, CallbackURI: callback}))(t)
		got = ok(a.Flow.Restart(ctx, authn.FlowRestartRequest{FlowID: got.FlowID, Choice: authn.ChoiceResetPassword}))(t)
		sent, _ := authn.Offered[authn.ResetPasswordChoice](got)
		code := ok(s.link(ctx, email, "reset_password"))(t)
		got = answer(t, a, got, authn.ResetPasswordAnswer{State: sent.State, Code: code})
		state(t, got, authn.FlowState{
			FlowTypes: signin, Username: email, Email: email, Phase: authn.PhasePrimary,
			Choices: authn.FlowChoices{authn.ResetPasswordChoice{Sent: true, ResendTime: sent.ResendTime, State: sent.State}, authn.SetPasswordChoice{Policy: policy}},
		})
		_, err := a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.SetPasswordAnswer{Password: "short"}})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "BelowMinLength /data/password")
		got = answer(t, a, got, authn.SetPasswordAnswer{Password: newPassword})
		pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), email, authn.Profile{})
	})
}

// Somebody whom an application made chooses a way in behind a link.
func TestFlowProvisionalEnrollment(t *testing.T) {
	onEngines(t, map[string]any{"signin.primary": []string{"password", "sms_otp"}, "profile.fields": []any{}}, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		const email = "ana@example.org"
		ok(a.User.Create(ctx, authn.UserCreateRequest{Email: email, Profile: authn.Profile{}}))(t)
		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: email, CallbackURI: callback}))(t)
		reset, _ := authn.Offered[authn.ResetPasswordChoice](got)
		own, _ := authn.Offered[authn.ProvisionalEnrollmentChoice](got)
		isID(t, "pcb_", own.State)
		known := authn.FlowState{FlowTypes: signin, Username: email, Email: email, Phase: authn.PhasePrimary, Choices: authn.FlowChoices{
			authn.ResetPasswordChoice{State: reset.State}, authn.ProvisionalEnrollmentChoice{State: own.State},
		}}
		state(t, got, known)
		got = ok(a.Flow.Restart(ctx, authn.FlowRestartRequest{FlowID: got.FlowID, Choice: authn.ChoiceProvisionalEnrollment}))(t)
		sent, _ := authn.Offered[authn.ProvisionalEnrollmentChoice](got)
		if near(t, sent.ResendTime); !sent.Sent {
			t.Errorf("nothing was sent: %+v", sent)
		}
		known.Choices[1] = sent
		state(t, answer(t, a, got, authn.ProvisionalEnrollmentAnswer{}), known)
		code := ok(s.link(ctx, email, "provisional_enrollment"))(t)
		got = answer(t, a, got, authn.ProvisionalEnrollmentAnswer{State: own.State, Code: code})
		known.Choices = authn.FlowChoices{authn.PasswordChoice{Enrollment: true, Policy: policy}, authn.SMSOTPChoice{Enrollment: true, NeedPhone: true}}
		state(t, got, known)
		got = answer(t, a, got, authn.PasswordAnswer{Password: newPassword})
		pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), email, authn.Profile{})
		factor(t, a, email, authn.AuthenticatorPassword, authn.AuthenticatorPrimary)
	})
}

// A server has a mailbox proved that is nobody's, and learns of it; the page gets
// no token.
func TestFlowOneTime(t *testing.T) {
	onEngines(t, map[string]any{"one_time.methods": []string{"email_otp", "sms_otp", "password"}}, func(t *testing.T, s *server) {
		a, page, ctx := s.with(t, s.service), s.with(t, s.client), t.Context()
		const email = "ana@example.org"
		r := authn.FlowStartRequest{FlowTypes: []authn.FlowType{authn.FlowOneTime}, OneTimeAuths: []authn.OneTimeAuth{
			{AuthType: authn.AuthenticatorEmailOTP, Email: email}, {AuthType: authn.AuthenticatorSMSOTP, Phone: "+442079460000"}, {AuthType: authn.AuthenticatorPassword, Password: "open sesame"},
		}}
		_, err := page.Flow.Start(ctx, r)
		refused(t, err, authn.StatusUnauthorized, http.StatusForbidden)
		got := ok(a.Flow.Start(ctx, r))(t)
		known := authn.FlowState{FlowTypes: r.FlowTypes, Phase: authn.PhaseOneTime, Choices: authn.FlowChoices{
			authn.PasswordChoice{Policy: policy}, authn.SetEmailChoice{RequiredFor: []authn.Choice{authn.ChoiceEmailOTP}}, authn.SetPhoneChoice{RequiredFor: []authn.Choice{authn.ChoiceSMSOTP}},
		}}
		state(t, got, known)
		got = answer(t, page, got, authn.SetEmailAnswer{Email: email})
		known.Email, known.Username = email, email
		known.Choices = authn.FlowChoices{authn.EmailOTPChoice{}, known.Choices[0], authn.SetEmailChoice{}, known.Choices[2]}
		state(t, got, known)
		ok(page.Flow.Restart(ctx, authn.FlowRestartRequest{FlowID: got.FlowID, Choice: authn.ChoiceEmailOTP}))(t)
		got = answer(t, page, got, authn.EmailOTPAnswer{Code: ok(s.code(ctx, email))(t)})
		known.Phase, known.Choices = authn.PhaseCompleted, authn.FlowChoices{}
		state(t, got, known)
		_, err = page.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID})
		refused(t, err, authn.StatusUnauthorized, http.StatusForbidden)
		if proved := ok(a.Flow.CompleteOneTime(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t); *proved != r.OneTimeAuths[0] {
			t.Errorf("what was proved is %+v", *proved)
		}
		_, err = a.Flow.CompleteOneTime(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID})
		refused(t, err, authn.StatusNotFound, http.StatusNotFound, "DoesNotExist /flow_id")
		if list := ok(a.User.List(ctx, authn.UserListRequest{}))(t); len(list.Users) != 0 {
			t.Errorf("somebody came to be: %+v", list.Users)
		}
	})
}

func TestFlowRefuses(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: "ana@example.org"}))(t)
		update := func(answer authn.FlowAnswer) error {
			_, err := a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: answer})
			return err
		}
		start := func(r authn.FlowStartRequest) error { _, err := a.Flow.Start(ctx, r); return err }
		for name, c := range map[string]struct {
			err  error
			want string
		}{
			"what is not offered":       {update(authn.SetPasswordAnswer{Password: password}), "BadState /choice"},
			"a choice of a later phase": {update(authn.OtherAnswer{Name: "oauth_consent", Data: map[string]any{"scope_selections": []map[string]any{{"scope": "x", "is_allowed": true}}}}), "BadState /choice"},
			"a choice that is none":     {update(authn.OtherAnswer{Name: "handshake"}), "NotEnumMember /choice"},
			"an unknown key":            {update(authn.OtherAnswer{Name: authn.ChoicePassword, Data: map[string]string{"pin": "1"}}), "UnexpectedProperty /data/pin"},
			"a weak password":           {update(authn.PasswordAnswer{Password: "password123"}), "ShouldNotBeValid /data/password"},
			"a callback":                {start(authn.FlowStartRequest{CallbackURI: "https://evil.example/"}), "DoesNotExist /cb_uri"},
			"a flow type":               {start(authn.FlowStartRequest{FlowTypes: []authn.FlowType{"visit"}}), "NotEnumMember /flow_types"},
			"an invitation":             {start(authn.FlowStartRequest{Invitation: "pmi_" + strings.Repeat("a", 32)}), "DoesNotExist /invitation"},
		} {
			t.Run(name, func(t *testing.T) { refused(t, c.err, authn.StatusValidationError, http.StatusBadRequest, c.want) })
		}
		_, err := a.Flow.Restart(ctx, authn.FlowRestartRequest{FlowID: got.FlowID, Choice: authn.ChoiceVerifyEmail})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "BadState /choice")
		// After all of that the flow can go on.
		answer(t, a, got, authn.PasswordAnswer{Password: password})
	})
}

// Lockout says when to come back, and an unlock ends it.
func TestTooManyTries(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		signUp(t, a, "ana@example.org", nil)
		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: "ana@example.org"}))(t)
		var err error
		for range 100 {
			_, err = a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.PasswordAnswer{Password: newPassword}})
			if !authn.IsStatus(err, authn.StatusAuthenticationFailure) {
				break
			}
		}
		if e := refused(t, err, authn.StatusTooManyRequests, http.StatusTooManyRequests); e.RetryAfter < time.Second {
			t.Errorf("law: a lockout says when it ends; got %s", e.RetryAfter)
		}
		ok(a.User.Update(ctx, authn.UserUpdateRequest{UserRef: authn.ByEmail("ana@example.org"), Unlock: true}))(t)
		answer(t, a, got, authn.PasswordAnswer{Password: password})
	})
}

func TestDisabledAndClosed(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		signUp(t, a, "ana@example.org", nil)
		ok(a.User.Update(ctx, authn.UserUpdateRequest{UserRef: authn.ByEmail("ana@example.org"), Disabled: new(true)}))(t)
		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: "ana@example.org"}))(t)
		_, err := a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.PasswordAnswer{Password: password}})
		refused(t, err, authn.StatusDisabledUser, http.StatusForbidden)

		// Sign-up closes while somebody is on their way in.
		got = ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: "bob@example.org", FlowTypes: signup}))(t)
		got = answer(t, a, got, authn.PasswordAnswer{Password: password})
		s.change(t, "signup.enabled", "false")
		_, err = a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.ProfileAnswer{}})
		refused(t, err, authn.StatusSignupDisabled, http.StatusForbidden)
	})
}

// A state that is kept as JSON comes back as it was, with choices that this
// client does not know.
func TestFlowStateRoundTrip(t *testing.T) {
	const text = `{"flow_id":"pfl_1","flow_type":["signin"],"username_format":"string","username":"ana","email":"ana@example.org","phone":"+18085550173","flow_phase":"phase_secondary","flow_choices":[` +
		`{"choice":"set_email","data":{"required_for":["password"]}},` +
		`{"choice":"password","data":{"enrollment":true,"password_policy":{"chars_min":8,"chars_max":64,"lower_min":1,"upper_min":2,"punct_min":3,"number_min":4},"need_email":true}},` +
		`{"choice":"set_password","data":{"enrollment":false,"password_policy":{"chars_min":0,"chars_max":0,"lower_min":0,"upper_min":0,"punct_min":0,"number_min":0}}},` +
		`{"choice":"reset_password","data":{"sent":true,"resend_time":"2026-01-02T03:04:05.000006Z","state":"pcb_1"}},` +
		`{"choice":"verify_email","data":{"sent":false,"resend_time":"0001-01-01T00:00:00Z","state":"pcb_2"}},` +
		`{"choice":"profile","data":{"fields":[{"id":"age","name":"Age","label":"Age","type":"integer","required":true,"show_on_signup":true,"builtin":false,"display_disabled":false}]}},` +
		`{"choice":"agreements","data":{"agreements":{"eula":{"type":"eula","id":"peu_1","created_at":"2026-01-02T03:04:05.000006Z","updated_at":"2026-01-02T03:04:05.000006Z","name":"EULA_V1","text":"Be good.","active":true}}}},` +
		`{"choice":"set_username","data":{"required_for":["password","email_otp"]}},` +
		`{"choice":"set_phone","data":{"required_for":["email_otp"]}},` +
		`{"choice":"email_otp","data":{"sent":false,"enrollment":true,"resend_time":"0001-01-01T00:00:00Z","need_email":true}},` +
		`{"choice":"email_otp","data":{"sent":true,"enrollment":false,"resend_time":"2026-01-02T03:04:05.000006Z"}},` +
		`{"choice":"magiclink","data":{"sent":true,"resend_time":"2026-01-02T03:04:05.000006Z","state":"pcb_3","need_email":true}},` +
		`{"choice":"captcha","data":{"site_key":"","provider":"altcha","challenge":{"algorithm":"SHA-256","challenge":"c","maxnumber":9,"salt":"s?expires=1\u0026","signature":"t"}}},` +
		`{"choice":"card_reader","data":{"slots":[]}}]}`
	var got authn.FlowState
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if again := asJSON(t, got); again != text {
		t.Errorf("got  %s\nwant %s", again, text)
	}
	other, offered := authn.Offered[authn.OtherChoice](&got)
	if !offered || other.Choice() != "card_reader" || string(other.Data) != `{"slots":[]}` {
		t.Errorf("another choice: %+v", other)
	}
	verify, offered := authn.Offered[authn.VerifyEmailChoice](&got)
	if !offered || !verify.ResendTime.IsZero() {
		t.Errorf("law: the time of what was never sent is zero; got %+v", verify)
	}
	if none, offered := authn.Offered[authn.PasswordChoice](&authn.FlowState{}); offered || none != (authn.PasswordChoice{}) {
		t.Error("nothing is offered here")
	}
	for _, bad := range []string{`{"flow_choices":{}}`, `{"flow_choices":[{"choice":"password","data":[]}]}`, `{"flow_choices":[{"choice":"password"}]}`} {
		if err := json.Unmarshal([]byte(bad), new(authn.FlowState)); err == nil {
			t.Errorf("read from %s", bad)
		}
	}
}

func TestFlowTellsWhatIsSet(t *testing.T) {
	const text = "Read the [terms](https://example.org/terms)."
	onEngines(t, map[string]any{"disclaimer": text, "signin.remember_username": "checked"}, func(t *testing.T, s *server) {
		got := ok(s.with(t, s.client).Flow.Start(t.Context(), authn.FlowStartRequest{}))(t)
		if got.Disclaimer != text || got.RememberUser != "check" {
			t.Errorf("the flow tells %q and %q", got.Disclaimer, got.RememberUser)
		}
	})
}
