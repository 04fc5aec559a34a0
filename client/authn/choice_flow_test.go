package authn_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/client/authn"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

// sent is the time from when on a mail can be sent again.
func sent(t *testing.T, got *authn.FlowState) time.Time {
	t.Helper()
	if code, offered := authn.Offered[authn.EmailOTPChoice](got); offered {
		near(t, code.ResendTime)
		return code.ResendTime
	}
	link, _ := authn.Offered[authn.MagicLinkChoice](got)
	near(t, link.ResendTime)
	return link.ResendTime
}

// A code or a link in a mail is a way in of its own.
func TestFlowByMailbox(t *testing.T) {
	onEngines(t, map[string]any{"signin.primary": []string{"email_otp", "magic_link"}, "profile.fields": []any{}}, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		const email = "ana@example.org"
		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{}))(t)
		state(t, got, authn.FlowState{FlowTypes: both, Phase: authn.PhasePrimary, Choices: authn.FlowChoices{
			authn.SetEmailChoice{RequiredFor: []authn.Choice{authn.ChoiceEmailOTP, authn.ChoiceMagicLink}},
		}})
		got = ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: email, CallbackURI: callback}))(t)
		link, _ := authn.Offered[authn.MagicLinkChoice](got)
		isID(t, "pcb_", link.State)
		known := authn.FlowState{FlowTypes: signup, Username: email, Email: email, Phase: authn.PhasePrimary, Choices: authn.FlowChoices{
			authn.EmailOTPChoice{Enrollment: true}, authn.MagicLinkChoice{State: link.State},
		}}
		state(t, got, known)
		got = ok(a.Flow.Restart(ctx, authn.FlowRestartRequest{FlowID: got.FlowID, Choice: authn.ChoiceEmailOTP}))(t)
		known.Choices[0] = authn.EmailOTPChoice{Sent: true, Enrollment: true, ResendTime: sent(t, got)}
		state(t, got, known)
		state(t, answer(t, a, got, authn.EmailOTPAnswer{}), known)
		code := ok(s.code(ctx, email))(t)
		_, err := a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.EmailOTPAnswer{Code: wrong(code)}})
		refused(t, err, authn.StatusAuthenticationFailure, http.StatusBadRequest)
		_, err = a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.EmailOTPAnswer{Code: "abc"}})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "DoesNotMatchPattern /data/code")
		got = answer(t, a, got, authn.EmailOTPAnswer{Code: code})
		known.Phase, known.Choices = authn.PhaseCompleted, authn.FlowChoices{}
		state(t, got, known)
		pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), email, authn.Profile{})
		factor(t, a, email, authn.AuthenticatorEmailOTP, authn.AuthenticatorPrimary)

		const other = "bob@example.org"
		got = ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: other, CallbackURI: callback}))(t)
		got = ok(a.Flow.Restart(ctx, authn.FlowRestartRequest{FlowID: got.FlowID, Choice: authn.ChoiceMagicLink}))(t)
		link, _ = authn.Offered[authn.MagicLinkChoice](got)
		if near(t, link.ResendTime); !link.Sent {
			t.Errorf("nothing was sent: %+v", link)
		}
		code = ok(s.link(ctx, other, "magic_link"))(t)
		got = answer(t, a, got, authn.MagicLinkAnswer{State: link.State, Code: code})
		pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), other, authn.Profile{})
		factor(t, a, other, authn.AuthenticatorMagicLink, authn.AuthenticatorPrimary)
	})
}

// People go by names, leave a telephone number, and prove a second thing.
func TestFlowNamesPhonesAndSecondFactor(t *testing.T) {
	onEngines(t, map[string]any{
		"username.format": "string", "signup.phone": true, "profile.fields": []any{}, "signin.secondary": []string{"email_otp"}, "signin.require_secondary": true,
		"signin.remember_device": "device_and_address", "signin.remember_device_life": "48h",
	}, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		const email, name = "ana@example.org", "ana_roe"
		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{}))(t)
		username, offered := authn.Offered[authn.SetUsernameChoice](got)
		if !offered || !reflect.DeepEqual(username.RequiredFor, []authn.Choice{authn.ChoicePassword}) || got.UsernameFormat != "string" {
			t.Fatalf("the flow begins as %+v", got)
		}
		got = answer(t, a, got, authn.SetUsernameAnswer{Username: name})
		choice, offered := authn.Offered[authn.PasswordChoice](got)
		if !offered || !choice.NeedEmail || !choice.Enrollment || got.Username != name {
			t.Fatalf("after the name: %+v", got)
		}
		_, err := a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.PasswordAnswer{Password: password}})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "FieldRequired /data/email")
		if _, offered := authn.Offered[authn.SetPhoneChoice](got); !offered {
			t.Fatalf("no phone is asked for: %+v", got)
		}
		if got = answer(t, a, got, authn.SetPhoneAnswer{Phone: "+18085550173"}); got.Phone != "+18085550173" {
			t.Errorf("the phone is %q", got.Phone)
		}
		got = answer(t, a, got, authn.PasswordAnswer{Password: password, Email: email})
		second, offered := authn.Offered[authn.EmailOTPChoice](got)
		if !offered || got.Phase != authn.PhaseSecondary || !second.Enrollment || second.Sent {
			t.Fatalf("after the password: %+v", got)
		}
		got = ok(a.Flow.Restart(ctx, authn.FlowRestartRequest{FlowID: got.FlowID, Choice: authn.ChoiceEmailOTP}))(t)
		sent(t, got)
		got = answer(t, a, got, authn.EmailOTPAnswer{Code: ok(s.code(ctx, email))(t)})
		if got.Phase != authn.PhaseCompleted {
			t.Fatalf("after the code: %+v", got)
		}
		const device = "5b0c3d9e-7f11-4c1e-9a53-2f6f0e6c1d10"
		_, err = a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID, DeviceID: "mine"})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "DoesNotMatchPattern /device_id")
		tokens := ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID, DeviceID: device}))(t)
		for id, phase := range map[string]authn.FlowPhase{device: authn.PhaseCompleted, "": authn.PhaseSecondary} {
			again := answer(t, a, ok(a.Flow.Start(ctx, authn.FlowStartRequest{Username: name, DeviceID: id}))(t), authn.PasswordAnswer{Password: password})
			if again.Phase != phase || !reflect.DeepEqual(again.ConditionalMFA, &authn.ConditionalMFA{StrictMode: true, Lifetime: 2}) {
				t.Errorf("in the browser %q the flow is %+v", id, again)
			}
		}
		if tokens.ActiveToken.Email != email || tokens.ActiveToken.Owner != name {
			t.Errorf("the tokens are of %+v", tokens.ActiveToken.TokenInfo)
		}
		list := ok(a.User.Authenticators.List(ctx, authn.ByUsername(name)))(t)
		if len(list) != 2 || list[1].Type != authn.AuthenticatorEmailOTP || list[1].Phase != authn.AuthenticatorSecondary {
			t.Errorf("the authenticators are %+v", list)
		}
	})
}

// A code in a text message is a way in of its own, and its number is given once.
func TestFlowByTextMessage(t *testing.T) {
	onEngines(t, map[string]any{"signin.primary": []string{"sms_otp"}, "profile.fields": []any{}, "code.resend_after": "0s"}, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		const email, phone = "ana@example.org", "+18085550173"
		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: email, CallbackURI: callback}))(t)
		known := authn.FlowState{FlowTypes: signup, Username: email, Email: email, Phase: authn.PhasePrimary, Choices: authn.FlowChoices{authn.SMSOTPChoice{Enrollment: true, NeedPhone: true}}}
		state(t, got, known)
		_, err := a.Flow.Restart(ctx, authn.FlowRestartRequest{FlowID: got.FlowID, Choice: authn.ChoiceSMSOTP})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "FieldRequired /data/phone")
		got = ok(a.Flow.Restart(ctx, authn.FlowRestartRequest{FlowID: got.FlowID, Choice: authn.ChoiceSMSOTP, Phone: "+1 (808) 555-0173"}))(t)
		choice, _ := authn.Offered[authn.SMSOTPChoice](got)
		known.Phone, known.Choices = phone, authn.FlowChoices{authn.SMSOTPChoice{Sent: true, Enrollment: true, ResendTime: choice.ResendTime}}
		state(t, got, known)
		near(t, choice.ResendTime)
		code := ok(s.code(ctx, phone))(t)
		_, err = a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.SMSOTPAnswer{Code: wrong(code)}})
		refused(t, err, authn.StatusAuthenticationFailure, http.StatusBadRequest)
		got = answer(t, a, got, authn.SMSOTPAnswer{Code: code})
		known.Phase, known.Choices = authn.PhaseCompleted, authn.FlowChoices{}
		state(t, got, known)
		pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), email, authn.Profile{})
		factor(t, a, email, authn.AuthenticatorSMSOTP, authn.AuthenticatorPrimary)
		got = ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: email, CallbackURI: callback}))(t)
		state(t, got, authn.FlowState{FlowTypes: signin, Username: email, Email: email, Phase: authn.PhasePrimary, Choices: authn.FlowChoices{authn.SMSOTPChoice{}}})
	})
}

// A passkey is offered in the end, and lets its person in afterwards, named or
// not. What a browser does is done in software.
func TestFlowPasskey(t *testing.T) {
	onEngines(t, map[string]any{"signin.primary": []string{"password", "passkey"}, "passkey.rp_id": "shop.example.org", "profile.fields": []any{}}, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		const email, page = "ana@example.org", "https://shop.example.org"
		var device flowtest.Device
		begin := func(got *authn.FlowState) (*authn.FlowState, authn.PasskeyChoice) {
			t.Helper()
			got = ok(a.Flow.Restart(ctx, authn.FlowRestartRequest{FlowID: got.FlowID, Choice: authn.ChoicePasskey}))(t)
			choice, _ := authn.Offered[authn.PasskeyChoice](got)
			if !choice.Started {
				t.Fatalf("nothing was begun: %+v", got)
			}
			return got, choice
		}
		publicKey := func(ceremony json.RawMessage) []byte {
			t.Helper()
			var options struct {
				PublicKey json.RawMessage `json:"publicKey"`
			}
			if err := json.Unmarshal(ceremony, &options); err != nil {
				t.Fatal(err)
			}
			return options.PublicKey
		}

		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: email, CallbackURI: callback}))(t)
		if choice, offered := authn.Offered[authn.PasskeyChoice](got); !offered || !reflect.DeepEqual(choice, authn.PasskeyChoice{Enrollment: true}) {
			t.Errorf("signing up: %+v", got)
		}
		got = answer(t, a, got, authn.PasswordAnswer{Password: password})
		if choice, offered := authn.Offered[authn.PasskeyChoice](got); !offered || !choice.Enrollment || got.Phase != authn.PhaseCompleted {
			t.Fatalf("after the password: %+v", got)
		}
		got, choice := begin(got)
		// As the vendor's pages do: user.id goes into base64url.
		var options map[string]any
		if err := json.Unmarshal(publicKey(choice.Registration), &options); err != nil {
			t.Fatal(err)
		}
		user := options["user"].(map[string]any)
		isID(t, "pui_", user["id"].(string))
		user["id"] = base64.RawURLEncoding.EncodeToString([]byte(user["id"].(string)))
		got = answer(t, a, got, authn.PasskeyAnswer{Registration: device.Create(t, ok(json.Marshal(options))(t), page, nil)})
		if _, offered := authn.Offered[authn.PasskeyChoice](got); offered {
			t.Errorf("after the registration: %+v", got)
		}
		pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), email, authn.Profile{})
		list := ok(a.User.Authenticators.List(ctx, authn.ByEmail(email)))(t)
		if len(list) != 2 || list[1].Type != authn.AuthenticatorPasskey || list[1].RPID != "shop.example.org" || list[1].Phase != authn.AuthenticatorPrimary {
			t.Errorf("the authenticators are %+v", list)
		}

		for _, who := range []string{email, ""} {
			got = ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: who, CallbackURI: callback}))(t)
			got, choice = begin(got)
			if choice.Enrollment || choice.Discovery != (who == "") {
				t.Errorf("signing in as %q: %+v", who, choice)
			}
			_, err := a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.PasskeyAnswer{Authentication: device.Get(t, publicKey(choice.Authentication), "https://evil.example", nil)}})
			refused(t, err, authn.StatusAuthenticationFailure, http.StatusBadRequest)
			got = answer(t, a, got, authn.PasskeyAnswer{Authentication: device.Get(t, publicKey(choice.Authentication), page, nil)})
			pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), email, authn.Profile{})
		}
	})
}

// factor wants the only authenticator of a person.
func factor(t *testing.T, a *authn.AuthN, email string, kind authn.AuthenticatorType, phase authn.AuthenticatorPhase) {
	t.Helper()
	list := ok(a.User.Authenticators.List(t.Context(), authn.ByEmail(email)))(t)
	if len(list) != 1 || list[0].Type != kind || list[0].Phase != phase || !list[0].Enabled {
		t.Errorf("got %+v", list)
	}
}

// wrong is another code.
func wrong(code string) string {
	if code[0] == '0' {
		return "1" + code[1:]
	}
	return "0" + code[1:]
}
