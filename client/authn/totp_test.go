package authn_test

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/client/authn"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// A code of a program is a second factor, and a recovery code stands for it.
func TestFlowByTOTPAndRecoveryCode(t *testing.T) {
	onEngines(t, map[string]any{"profile.fields": []any{}, "signin.secondary": []string{"totp"}, "signin.require_secondary": true}, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		const email = "ana@example.org"
		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: email, CallbackURI: callback}))(t)
		got = answer(t, a, got, authn.PasswordAnswer{Password: password})
		offer, offered := authn.Offered[authn.TOTPChoice](got)
		if !offered || got.Phase != authn.PhaseSecondary || !offer.Enrollment || offer.Secret == nil {
			t.Fatalf("after the password: %+v", got)
		}
		image := ok(base64.StdEncoding.DecodeString(strings.TrimPrefix(offer.Secret.QRImage, "data:image/png;base64,")))(t)
		ok(png.Decode(bytes.NewReader(image)))(t)
		again := ok(a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID}))(t)
		if same, _ := authn.Offered[authn.TOTPChoice](again); !reflect.DeepEqual(same, offer) {
			t.Errorf("to look again changed the secret: %+v", again)
		}
		again = ok(a.Flow.Restart(ctx, authn.FlowRestartRequest{FlowID: got.FlowID, Choice: authn.ChoiceTOTP}))(t)
		other, _ := authn.Offered[authn.TOTPChoice](again)
		if other.Secret == nil || other.Secret.Secret == offer.Secret.Secret {
			t.Fatalf("a restart gives the same secret: %+v", again)
		}
		seed := other.Secret.Secret
		_, err := a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.TOTPAnswer{Code: flowtest.TOTPCode(t, secret.Text(offer.Secret.Secret), 0)}})
		refused(t, err, authn.StatusAuthenticationFailure, http.StatusBadRequest)
		_, err = a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.TOTPAnswer{}})
		refused(t, err, authn.StatusValidationError, http.StatusBadRequest, "FieldRequired /data/code")
		got = answer(t, a, got, authn.TOTPAnswer{Code: flowtest.TOTPCode(t, secret.Text(seed), 0)})
		codes, offered := authn.Offered[authn.RecoveryCodeChoice](got)
		if !offered || got.Phase != authn.PhaseCompleted || !codes.Enrollment || len(codes.Codes) != 10 {
			t.Fatalf("after the code: %+v", got)
		}
		if got = answer(t, a, got, authn.RecoveryCodeAnswer{}); len(got.Choices) != 0 {
			t.Fatalf("the codes are kept, and shown: %+v", got)
		}
		pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), email, authn.Profile{})
		list := ok(a.User.Authenticators.List(ctx, authn.ByEmail(email)))(t)
		if len(list) != 2 || list[1].Type != authn.AuthenticatorTOTP || list[1].Phase != authn.AuthenticatorSecondary {
			t.Errorf("the authenticators are %+v", list)
		}

		second := func() *authn.FlowState {
			t.Helper()
			got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: email, CallbackURI: callback}))(t)
			got = answer(t, a, got, authn.PasswordAnswer{Password: password})
			if want := (authn.FlowChoices{authn.TOTPChoice{}, authn.RecoveryCodeChoice{}}); !reflect.DeepEqual(got.Choices, want) {
				t.Fatalf("signing in offers %+v", got.Choices)
			}
			return got
		}
		got = answer(t, a, second(), authn.TOTPAnswer{Code: flowtest.TOTPCode(t, secret.Text(seed), 1)})
		pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), email, authn.Profile{})
		got = second()
		_, err = a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.TOTPAnswer{Code: flowtest.TOTPCode(t, secret.Text(seed), 0)}})
		refused(t, err, authn.StatusAuthenticationFailure, http.StatusBadRequest)
		got = answer(t, a, got, authn.RecoveryCodeAnswer{Code: strings.ToUpper(strings.ReplaceAll(codes.Codes[3], "-", " "))})
		pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), email, authn.Profile{})
		got = second()
		_, err = a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: got.FlowID, Answer: authn.RecoveryCodeAnswer{Code: codes.Codes[3]}})
		refused(t, err, authn.StatusAuthenticationFailure, http.StatusBadRequest)
	})
}
