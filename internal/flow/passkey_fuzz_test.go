package flow_test

import (
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// FuzzPasskeyAnswers answers with anything in place of a passkey: it is refused,
// and is no fault of ours (M16).
func FuzzPasskeyAnswers(f *testing.F) {
	h := flowtest.New(storetest.New(f))
	app := h.Pool(f, "demo", map[string]any{"signup.verify_email": false, "signin.primary": []string{"password", "passkey"}})
	ana := h.Person(f, app, "ana@example.org")
	var device flowtest.Device
	h.Passkey(f, app, &device, ana.ID)
	begin := func(prove bool) (core.FlowID, []byte) {
		s, err := h.Flows.Start(f.Context(), app, flow.Start{Email: ana.Email})
		if err == nil && prove {
			s, err = h.Flows.Answer(f.Context(), app, s.ID, flow.Answer{Choice: core.ChoicePassword, Password: secret.Text(flowtest.Password)})
		}
		if err == nil {
			s, err = h.Flows.Restart(f.Context(), app, s.ID, flow.Answer{Choice: core.ChoicePasskey})
		}
		if err != nil {
			f.Fatal(err)
		}
		return s.ID, passkeyOf(s).Options
	}
	proving, get := begin(false)
	making, create := begin(true)
	elsewhere := "https://login.example.com" // so that no seed is right
	for _, seed := range [][]byte{
		device.Get(f, get, elsewhere, nil), (&flowtest.Device{}).Create(f, create, elsewhere, nil), []byte(`{}`), []byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30"}}`),
	} {
		f.Add(false, seed)
		f.Add(true, seed)
	}
	f.Fuzz(func(t *testing.T, made bool, answer []byte) {
		if len(answer) == 0 {
			return
		}
		id := proving
		if made {
			id = making
		}
		_, err := h.Flows.Answer(t.Context(), app, id, passkeyAnswer(answer))
		if !core.Is(err, core.CodeInvalid) && !core.Is(err, core.CodePasskeyRefused) {
			t.Errorf("law: what no passkey has signed here is refused; %q gives %v", answer, err)
		}
	})
}
