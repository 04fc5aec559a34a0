package flow_test

import (
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/session"
)

// tv adds an application for devices.
func tv(t testing.TB, h *flowtest.House, app core.Caller) core.Application {
	t.Helper()
	a, err := h.Pools.AddApplication(t.Context(), app, core.Application{Name: "TV", Client: core.Client{
		Grants: []core.GrantKind{core.GrantDevice}, Auth: core.ClientAuthNone, Scopes: []string{"openid", "email"}, DefaultScopes: []string{"openid"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestO30FlowsForDevices: a flow for a device is a browser's own, begun for an
// application that has devices, and answers it once. A code that was asked for
// is of no use without its application, nor are what the machine ends otherwise.
func TestO30FlowsForDevices(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false, "redirects.allowed": []string{"https://app.example/"}, "redirects.default": "https://app.example/"})
		h.Person(t, app, "ana@example.org")
		a := tv(t, h, app)
		p, err := h.Pools.Get(t.Context(), app.Pool)
		must(t, err)
		wait := func() session.DeviceWait {
			w, err := h.Sessions.GiveDeviceCode(t.Context(), app, p.Settings, a, []string{"openid", "email"})
			must(t, err)
			return w
		}
		caller := app
		caller.Browser = []byte("a browser")
		begin := func(w session.DeviceWait) flow.State {
			s, err := h.Flows.Start(t.Context(), caller, flow.Start{Email: "ana@example.org", UserCode: w.UserCode, Redirect: "https://elsewhere.example/"})
			must(t, err)
			if s.Application.ID != a.ID || s.Redirect != "" {
				t.Errorf("law: a flow for a device is its application's, and leads nowhere; it is %+v", s)
			}
			return s
		}
		poll := func(w session.DeviceWait) (core.Grant, error) {
			return h.Sessions.ExchangeDevice(t.Context(), app, p.Settings, a, w.Code)
		}

		w := wait()
		_, err = h.Flows.Start(t.Context(), app, flow.Start{UserCode: w.UserCode})
		want(t, err, core.CodeForbidden, "law: a flow over an API is for no device")
		_, err = h.Flows.Start(t.Context(), app, flow.Start{OAuth: &core.Authorization{Application: a.ID, Device: h.Sessions.UserCodeHash(w.UserCode)}})
		want(t, err, core.CodeInvalid, "law: nobody says themselves which device a flow is for")
		_, err = h.Flows.Start(t.Context(), caller, flow.Start{UserCode: core.NewUserCode()})
		want(t, err, core.CodeTicketInvalid, "a code that is none")

		s := begin(w)
		_, err = h.Flows.CompleteWithCode(t.Context(), caller, s.ID)
		want(t, err, core.CodeFlowIncomplete, "completing before anything was proved")
		_, err = h.Flows.Answer(t.Context(), caller, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		stranger := caller
		stranger.Browser = []byte("another one")
		for name, who := range map[string]core.Caller{"another browser": stranger, "an API": app} {
			_, err = h.Flows.CompleteWithCode(t.Context(), who, s.ID)
			want(t, err, core.CodeFlowEnded, "law: a flow for a device is not completed by "+name)
			_, err = h.Flows.Start(t.Context(), stranger, flow.Start{InPlaceOf: s.ID})
			want(t, err, core.CodeFlowEnded, "law: a flow for a device is not begun again by "+name)
			_, err = h.Flows.LookDevice(t.Context(), who, w.UserCode)
			want(t, err, core.CodeTicketInvalid, "law: a code that somebody went on with is none to "+name)
			want(t, h.Flows.RefuseDevice(t.Context(), who, w.UserCode), core.CodeTicketInvalid, "law: a device is not refused by "+name)
		}
		done, err := h.Flows.CompleteWithCode(t.Context(), caller, s.ID)
		must(t, err)
		if done.Code != "" {
			t.Error("law: a flow for a device gives the browser no code")
		}
		_, err = h.Flows.CompleteWithCode(t.Context(), caller, s.ID)
		want(t, err, core.CodeFlowEnded, "completing it twice")
		grant, err := poll(w)
		must(t, err)
		if token, err := h.Sessions.Look(t.Context(), app, grant.Access.Token); err != nil || token.Application != a.ID || token.User.Email != "ana@example.org" || grant.Refresh.Token != "" {
			t.Errorf("the device's token is %+v (%v)", token, err)
		}

		// Whoever typed a code in may still say that it was not they.
		w = wait()
		s = begin(w)
		must(t, h.Flows.RefuseDevice(t.Context(), caller, w.UserCode))
		_, err = h.Flows.Answer(t.Context(), caller, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		_, err = h.Flows.CompleteWithCode(t.Context(), caller, s.ID)
		want(t, err, core.CodeTicketInvalid, "law: a device that was refused gets nothing")

		// A flow that is for no device has none, though its browser began it.
		plain, err := h.Flows.Start(t.Context(), caller, flow.Start{})
		must(t, err)
		_, err = h.Flows.Start(t.Context(), caller, flow.Start{InPlaceOf: plain.ID})
		want(t, err, core.CodeFlowEnded, "in place of a flow that is for no device")

		// An application that has no devices any more, and one that is gone.
		w = wait()
		_, err = h.Pools.ChangeApplication(t.Context(), app, a.ID, func(a *core.Application) []string {
			a.Client.Grants, a.Client.Redirects = []core.GrantKind{core.GrantCode}, []string{"https://app.example/"}
			return []string{"grant"}
		})
		must(t, err)
		_, err = h.Flows.LookDevice(t.Context(), caller, w.UserCode)
		want(t, err, core.CodeTicketInvalid, "law: an application without devices has none that waits")
		must(t, h.Pools.RemoveApplication(t.Context(), app, a.ID))
		_, err = poll(w)
		want(t, err, core.CodeTicketInvalid, "law: with an application go its devices")
		_, err = h.Sessions.GiveDeviceCode(t.Context(), app, p.Settings, a, nil)
		want(t, err, core.CodeNotFound, "a device of an application that is gone")
	})
}
