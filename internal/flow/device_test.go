package flow_test

import (
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// remembering makes a pool that asks for a code behind the password and
// remembers browsers.
func remembering(t *testing.T, h *flowtest.House, values map[string]any) core.Caller {
	t.Helper()
	all := map[string]any{"signin.remember_device": core.DeviceByItself}
	maps.Copy(all, values)
	return secondFactor(t, h, all)
}

// inBrowser begins a flow in a browser and gives the password.
func inBrowser(t *testing.T, h *flowtest.House, app core.Caller, device string) flow.State {
	t.Helper()
	s, err := h.Flows.Start(t.Context(), app, flow.Start{Email: "ana@example.org", Device: device})
	must(t, err)
	s, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
	must(t, err)
	return s
}

// twice signs somebody in with both factors, and has the browser remembered.
func twice(t *testing.T, h *flowtest.House, app core.Caller, device string) core.Grant {
	t.Helper()
	s := inBrowser(t, h, app, device)
	if s.Phase != core.PhaseSecondary {
		t.Fatalf("a browser that nobody remembers is in %s", s.Phase)
	}
	must(t, tryCode(t, h, app, s.ID, code(t, h, app, s.ID)))
	grant, err := h.Flows.CompleteAs(t.Context(), app, s.ID, flow.Wanted{Device: device})
	must(t, err)
	return grant
}

func TestRememberedBrowsers(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := remembering(t, h, map[string]any{"signin.remember_device_most": 2})
		grant := twice(t, h, app, "one")
		at := func(device string) core.Phase { return inBrowser(t, h, app, device).Phase }
		if phase := at("one"); phase != core.PhaseCompleted {
			t.Errorf("law: a remembered browser is asked for the first factor alone; it is in %s", phase)
		}
		for _, other := range []string{"", "two", "ONE", "one "} {
			if phase := at(other); phase != core.PhaseSecondary {
				t.Errorf("law: no other browser is remembered; %q is in %s", other, phase)
			}
		}
		// Coming in by the first factor alone prolongs nothing, and remembers no
		// other browser.
		s := inBrowser(t, h, app, "one")
		_, err := h.Flows.CompleteAs(t.Context(), app, s.ID, flow.Wanted{Device: "four"})
		must(t, err)
		if phase := at("four"); phase != core.PhaseSecondary {
			t.Errorf("law: only who gave a second factor has a browser remembered; it is in %s", phase)
		}
		// One more than may be takes the place of the oldest.
		twice(t, h, app, "two")
		twice(t, h, app, "three")
		if one, two, three := at("one"), at("two"), at("three"); one != core.PhaseSecondary || two != core.PhaseCompleted || three != core.PhaseCompleted {
			t.Errorf("law: the newest 2 are remembered; they are in %s, %s and %s", one, two, three)
		}
		var told int
		for _, e := range h.Events(t, app) {
			if e.Name == core.EventDeviceRemembered && e.Target == string(grant.User.ID) && e.Data["until"] != "" {
				told++
			}
		}
		if told != 3 {
			t.Errorf("law: each is told in the audit trail; %d are", told)
		}
		// What is kept opens nothing: it is a keyed hash.
		must(t, h.Store.As(app).View(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Device(grant.User.ID, []byte("two"))
			if !core.Is(err, core.CodeNotFound) {
				t.Errorf("law: what a browser keeps is not in the database; got %v", err)
			}
			return nil
		}))
	})
}

// TestM18RememberedBrowserCopied is abuse case M18: what a browser is
// remembered by was copied from it. It is one person's in one pool, it can be
// taken back, and it ends with the password and by itself.
func TestM18RememberedBrowserCopied(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := remembering(t, h, nil)
		stranger := byCode(t, h, "stranger", map[string]any{
			"signin.primary": []string{"password"}, "signin.secondary": []string{"email_otp"}, "signin.require_secondary": true, "signin.remember_device": core.DeviceByItself,
		})
		grant := twice(t, h, app, "one")
		if phase := inBrowser(t, h, stranger, "one").Phase; phase != core.PhaseSecondary {
			t.Errorf("law: a browser is remembered in one pool; in another it is in %s", phase)
		}
		s, err := h.Flows.Start(t.Context(), app, flow.Start{Email: "bob@example.org", Device: "one"})
		must(t, err)
		s, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		if s.Phase != core.PhaseSecondary {
			t.Errorf("law: a browser is remembered for one person; for another it is in %s", s.Phase)
		}

		changed := inBrowser(t, h, app, "one") // begun before
		token, err := h.Sessions.Check(t.Context(), app, grant.Access.Token)
		must(t, err)
		p, err := h.Pools.Get(t.Context(), app.Pool)
		must(t, err)
		must(t, h.Passwords.Change(t.Context(), app, p.Settings, token, flowtest.Password, "quite another phrase 7"))
		if _, err := h.Flows.Complete(t.Context(), app, changed.ID); err == nil {
			t.Error("law: a flow that was proved with the old password does not end")
		}
		s, err = h.Flows.Start(t.Context(), app, flow.Start{Email: "ana@example.org", Device: "one"})
		must(t, err)
		s, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, "quite another phrase 7"))
		must(t, err)
		if s.Phase != core.PhaseSecondary {
			t.Errorf("law: a new password ends it; the flow is in %s", s.Phase)
		}

		// Taken back with the second factor that it stands for.
		must(t, tryCode(t, h, app, s.ID, code(t, h, app, s.ID)))
		_, err = h.Flows.CompleteAs(t.Context(), app, s.ID, flow.Wanted{Device: "one"})
		must(t, err)
		all, err := h.Directory.Authenticators(t.Context(), app, core.UserRef{ID: grant.User.ID})
		must(t, err)
		for _, a := range all {
			if a.Second {
				must(t, h.Directory.RemoveAuthenticator(t.Context(), app, p.Settings, core.UserRef{ID: grant.User.ID}, a.ID))
			}
		}
		must(t, h.Store.As(app).Update(t.Context(), func(tx *store.Tx) error {
			n, err := tx.ForgetDevices(grant.User.ID)
			if n != 0 {
				t.Errorf("law: without the factor no browser is remembered; %d are", n)
			}
			return err
		}))
		h.Set(t, app, map[string]any{"signin.remember_device": core.DeviceOff})
		s, err = h.Flows.Start(t.Context(), app, flow.Start{Email: "ana@example.org", Device: "one"})
		must(t, err)
		s, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, "quite another phrase 7"))
		must(t, err)
		if s.Phase != core.PhaseSecondary {
			t.Errorf("law: a pool that remembers none asks; the flow is in %s", s.Phase)
		}
	})
}

// A strict pool knows a browser at the address where it was remembered.
func TestRememberedAtAnAddress(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := remembering(t, h, map[string]any{"signin.remember_device": core.DeviceAtAddress})
		app.Address = "192.0.2.1"
		twice(t, h, app, "one")
		elsewhere := app
		elsewhere.Address = "192.0.2.2"
		if here, there := inBrowser(t, h, app, "one").Phase, inBrowser(t, h, elsewhere, "one").Phase; here != core.PhaseCompleted || there != core.PhaseSecondary {
			t.Errorf("law: the browser is known where it was; it is in %s there and in %s elsewhere", here, there)
		}
		h.Set(t, app, map[string]any{"signin.remember_device": core.DeviceByItself})
		if phase := inBrowser(t, h, elsewhere, "one").Phase; phase != core.PhaseCompleted {
			t.Errorf("law: a pool that is not strict knows it everywhere; it is in %s", phase)
		}
	})
}

// A browser is remembered for as long as the pool says, from the last second
// factor on.
func TestRememberedForAWhile(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app := remembering(t, h, map[string]any{"signin.remember_device_life": "48h"})
		twice(t, h, app, "one")
		time.Sleep(48*time.Hour - time.Second)
		if phase := inBrowser(t, h, app, "one").Phase; phase != core.PhaseCompleted {
			t.Errorf("law: a second before its end it is remembered; it is in %s", phase)
		}
		time.Sleep(time.Second)
		if phase := inBrowser(t, h, app, "one").Phase; phase != core.PhaseSecondary {
			t.Errorf("law: at its end it is not; it is in %s", phase)
		}
	})
}
