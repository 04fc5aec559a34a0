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
