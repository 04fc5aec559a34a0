package flow_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestM8RecoveryCodes is abuse case M8: a recovery code is long, works once,
// for one person, counts as a try, and is told to its owner when it is used.
func TestM8RecoveryCodes(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		h := flowtest.New(storetest.Open(t, database))
		app := guarded(t, h, map[string]any{"budget.tries_per_minute": 0})
		_, codes := enrolled(t, h, app, "ana@example.org")
		_, others := enrolled(t, h, app, "bob@example.org")
		seen := map[secret.Text]bool{}
		for _, code := range append(codes, others...) {
			if seen[code] || len(strings.ReplaceAll(code.Reveal(), "-", "")) < 13 { // five bits each: 64 and more
				t.Errorf("law: recovery codes have 64 bits and more, and no two are alike; one has %d characters", len(code.Reveal()))
			}
			seen[code] = true
		}
		if len(codes) != 10 {
			t.Errorf("there are %d recovery codes, want 10", len(codes))
		}
		dump := fmt.Sprint(storetest.Dump(t, storetest.Raw(t, database), app.Pool))
		for _, code := range codes {
			if strings.Contains(dump, code.Reveal()) || strings.Contains(dump, strings.ReplaceAll(code.Reveal(), "-", "")) {
				t.Error("law: the database never holds a recovery code in clear")
			}
		}
		redeem := func(id core.FlowID, code string) error {
			_, err := h.Flows.Answer(t.Context(), app, id, flow.Answer{Choice: core.ChoiceRecoveryCode, Code: code})
			return err
		}
		h.Mail(t)
		s := behindPassword(t, h, app, "ana@example.org")
		want(t, redeem(s.ID, others[0].Reveal()), core.CodeWrongCode, "somebody else's code")
		want(t, redeem(s.ID, codes[0].Reveal()[:18]), core.CodeWrongCode, "the beginning of a code")
		want(t, redeem(s.ID, ""), core.CodeInvalid, "no code")
		must(t, redeem(s.ID, " "+strings.ToUpper(strings.ReplaceAll(codes[0].Reveal(), "-", " "))))
		_, err := h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		mail := h.Mail(t)
		if len(mail) != 1 || mail[0].Template != "recovery_code_used" || mail[0].To != "ana@example.org" || mail[0].Values["left"] != "9" {
			t.Errorf("law: who owns the account is told that a code was used; the mails are %+v", mail)
		}
		if happened(t, h, app, core.EventRecoveryUsed) != 1 || happened(t, h, app, core.EventRecoveryMade) != 2 {
			t.Error("law: codes that are given and used leave events")
		}
		s = behindPassword(t, h, app, "ana@example.org")
		want(t, redeem(s.ID, codes[0].Reveal()), core.CodeWrongCode, "a code that was used")
		for round := range min(rounds(t), 8) {
			ids := manyBehindPassword(t, h, app, "ana@example.org")
			once(t, "using a recovery code in many flows", parallel(width, func(i int) error { return redeem(ids[i], codes[1+round].Reveal()) }))
			forgiven(t, h, app, "ana@example.org")
		}
		s = behindPassword(t, h, app, "ana@example.org")
		for range 10 {
			want(t, redeem(s.ID, "aaaa-aaaa-aaaa-aaaa"), core.CodeWrongCode, "a guess")
		}
		want(t, redeem(s.ID, codes[9].Reveal()), core.CodeFlowEnded, "the right code behind ten wrong ones")

		// Who lost the factor, and enrols another one, has other codes from then on.
		take(t, h, app, "bob@example.org", core.AuthenticatorTOTP)
		s = behindPassword(t, h, app, "bob@example.org")
		if offered(s, core.ChoiceRecoveryCode) {
			t.Error("law: a recovery code stands for a factor; without one it is not on offer")
		}
		_, fresh := enrolled(t, h, app, "bob@example.org")
		s = behindPassword(t, h, app, "bob@example.org")
		want(t, redeem(s.ID, others[1].Reveal()), core.CodeWrongCode, "a code from before")
		must(t, redeem(s.ID, fresh[1].Reveal()))
		take(t, h, app, "bob@example.org", core.AuthenticatorTOTP)
		if s := stateOf(t, h, app, s.ID); s.Phase != core.PhaseSecondary {
			t.Errorf("law: a recovery code proves no more than what it stands for; with that gone the flow is in %s", s.Phase)
		}
	})
}

// take takes a way in from somebody.
func take(t *testing.T, h *flowtest.House, app core.Caller, email string, kind core.AuthenticatorKind) {
	t.Helper()
	ref := core.UserRef{Email: email}
	all, err := h.Directory.Authenticators(t.Context(), app, ref)
	must(t, err)
	for _, a := range all {
		if a.Kind == kind {
			must(t, h.Directory.RemoveAuthenticator(t.Context(), app, core.DefaultSettings(), ref, a.ID))
		}
	}
}

// Recovery codes are shown in the flow that gave them until somebody says that
// they are kept, and nothing waits for that.
func TestRecoveryCodesAreShownOnce(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := guarded(t, h, nil)
		s := behindPassword(t, h, app, "ana@example.org")
		s, err := tryTOTP(t, h, app, s.ID, flowtest.TOTPCode(t, prompted(t, s, core.ChoiceTOTP).Seed.Secret, 0))
		must(t, err)
		codes := prompted(t, s, core.ChoiceRecoveryCode).Codes
		if again := prompted(t, stateOf(t, h, app, s.ID), core.ChoiceRecoveryCode).Codes; !slices.Equal(again, codes) || s.Phase != core.PhaseCompleted {
			t.Error("to look again shows other codes")
		}
		s, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceRecoveryCode})
		must(t, err)
		if len(s.Prompts) != 0 {
			t.Errorf("codes that are kept are shown: %s", shapeOf(s))
		}
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
	})
}
