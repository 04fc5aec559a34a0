package authn_test

import (
	"net/http"
	"testing"

	"github.com/gatehouse-id/gatehouse/client/authn"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

// A captcha is solved before a first factor, or behind it.
func TestFlowWithCaptcha(t *testing.T) {
	onEngines(t, map[string]any{"profile.fields": []any{}, "signup.captcha": "altcha", "signup.captcha_cost": 1000}, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		const email = "captcha@example.org"
		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: email, CallbackURI: callback}))(t)
		got = answer(t, a, got, authn.PasswordAnswer{Password: password})
		offer, offered := authn.Offered[authn.CaptchaChoice](got)
		if !offered || got.Phase != authn.PhaseCaptcha || offer.Provider != "altcha" || offer.Challenge == nil || offer.Challenge.MaxNumber != 1000 {
			t.Fatalf("after the password: %+v", got)
		}
		_, err := a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.CaptchaAnswer{Code: "x"}})
		refused(t, err, authn.StatusAuthenticationFailure, http.StatusBadRequest)
		w := *offer.Challenge
		got = answer(t, a, got, authn.CaptchaAnswer{Code: flowtest.Solve(t, flow.Work{Algorithm: w.Algorithm, Challenge: w.Challenge, MaxNumber: w.MaxNumber, Salt: w.Salt, Signature: w.Signature})})
		if got.Phase != authn.PhaseCompleted {
			t.Errorf("after the captcha: %+v", got)
		}
	})
}
