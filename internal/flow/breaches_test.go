package flow_test

import (
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

// losing has the house know that others have lost a password.
func losing(t *testing.T, h *flowtest.House, password string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hashes.txt")
	must(t, os.WriteFile(path, fmt.Appendf(nil, "%X:3\r\n", sha1.Sum([]byte(password))), 0o600))
	list, err := directory.OpenBreachFile(path)
	must(t, err)
	t.Cleanup(func() { must(t, list.Close()) })
	h.Passwords.Against(directory.Breaches{File: list, Range: func(context.Context, string) (string, error) { return "", errors.New("away") }})
}

// Nobody chooses a password that others have lost: not when they sign up, not
// for a forgotten one, not for one that is due for a change.
func TestB21BreachedPasswordsAtEveryDoor(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		const lost = "harbour lantern 7719"
		losing(t, h, lost)
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		h.Person(t, app, "ana@example.org")
		refuses := func(s flow.State, choice core.ChoiceName) {
			t.Helper()
			_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(choice, lost))
			if fields := fieldsOf(err); len(fields) != 1 || fields[0].Code != core.ProblemPolicy || fields[0].Pointer != "/data/password" {
				t.Errorf("law: a password that others have lost is refused with the reason; %s gave %v", choice, err)
			}
			_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(choice, "kettle oboe 9137"))
			must(t, err)
		}
		refuses(start(t, h, app, "new@example.org"), core.ChoicePassword)

		s := start(t, h, app, "ana@example.org")
		h.Mail(t)
		_, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceResetPassword})
		must(t, err)
		_, err = h.Flows.OpenLink(t.Context(), app, core.ChoiceResetPassword, flowtest.LinkCode(t, h.Mail(t)[0]))
		must(t, err)
		refuses(s, core.ChoiceSetPassword)

		expire(t, h, app, "new@example.org")
		s, err = h.Flows.Answer(t.Context(), app, start(t, h, app, "new@example.org").ID, answer(core.ChoicePassword, "kettle oboe 9137"))
		must(t, err)
		if s.Phase != core.PhaseSetPassword {
			t.Fatalf("behind a password that is due the flow is in %s", s.Phase)
		}
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoiceSetPassword, lost))
		want(t, err, core.CodeInvalid, "a lost password for one that is due")
	})
}

// Who signs in with a password that others have lost since chooses another,
// where the pool says so; a service that is away keeps nobody out.
func TestB21SigningInWithABreachedPassword(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false})
		h.Person(t, app, "ana@example.org")
		losing(t, h, flowtest.Password)
		signIn := func(password string) flow.State {
			t.Helper()
			s, err := h.Flows.Answer(t.Context(), app, start(t, h, app, "ana@example.org").ID, answer(core.ChoicePassword, password))
			must(t, err)
			return s
		}
		if s := signIn(flowtest.Password); s.Phase != core.PhaseCompleted {
			t.Errorf("law: unless the pool says so, nobody has to; the flow is in %s", s.Phase)
		}
		h.Set(t, app, map[string]any{"password.breached_signin": true, "password.breached_service": true, "password.breached_unchecked": "refuse"})
		s := signIn(flowtest.Password)
		if s.Phase != core.PhaseSetPassword {
			t.Fatalf("law: who signs in with a lost password chooses another; the flow is in %s", s.Phase)
		}
		_, err := h.Flows.Complete(t.Context(), app, s.ID)
		want(t, err, core.CodeFlowIncomplete, "keeping a lost password")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoiceSetPassword, "kettle oboe 9137"))
		want(t, err, core.CodeServiceDown, "a password that nobody can tell of, where the pool refuses it")
		h.Set(t, app, map[string]any{"password.breached_unchecked": "accept"})
		s, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoiceSetPassword, "kettle oboe 9137"))
		must(t, err)
		if s.Phase != core.PhaseCompleted {
			t.Errorf("behind another password the flow is in %s", s.Phase)
		}
		if s := signIn("kettle oboe 9137"); s.Phase != core.PhaseCompleted {
			t.Errorf("law: a service that is away keeps nobody out; the flow is in %s", s.Phase)
		}
	})
}
