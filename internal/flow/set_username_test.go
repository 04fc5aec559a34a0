package flow_test

import (
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

// TestI11NamesInOtherCapitals is abuse case I11: no two people have names that
// differ in capitals alone, whether or not a pool tells capitals apart when
// people come back; and where it does, another spelling is nobody's.
func TestI11NamesInOtherCapitals(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"username.format": "string", "signup.verify_email": false})
		_, err := h.Directory.Create(t.Context(), app, directory.NewUser{Email: "ana@example.org", Username: "Ana.Roe"})
		must(t, err)
		named := func(name string, types ...core.FlowType) (flow.State, error) {
			s, err := h.Flows.Start(t.Context(), app, flow.Start{Types: types})
			must(t, err)
			return h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSetUsername, Username: name})
		}
		for _, exact := range []bool{false, true} {
			h.Set(t, app, map[string]any{"username.match_case": exact, "accounts.conceal": false})
			s, err := named("Ana.Roe", core.FlowSignin)
			must(t, err)
			if shapeOf(s) == "" || len(s.Types) != 1 || s.Types[0] != core.FlowSignin {
				t.Fatalf("law: a name is found as it was registered; the flow is %s of %v", shapeOf(s), s.Types)
			}
			_, err = named("ANA.ROE", core.FlowSignup)
			want(t, err, core.CodeTaken, "signing up by the name in other capitals")
			other, err := named("ana.roe", core.FlowSignup, core.FlowSignin)
			if !exact {
				must(t, err)
				if len(other.Types) != 1 || other.Types[0] != core.FlowSignin {
					t.Errorf("law: capitals do not matter unless a pool says so; the flow may be %v", other.Types)
				}
				continue
			}
			want(t, err, core.CodeTaken, "the name in other capitals, where they matter")
			other, err = named("ana.roe", core.FlowSignin)
			must(t, err)
			_, err = h.Flows.Answer(t.Context(), app, other.ID, answer(core.ChoicePassword, "correct horse 7 staple"))
			want(t, err, core.CodeWrongCredentials, "signing in by another spelling")
			h.Set(t, app, map[string]any{"accounts.conceal": true})
			for _, name := range []string{"Ana.Roe", "ana.roe", "somebody.else"} {
				s, err := named(name, core.FlowSignin)
				must(t, err)
				first, err := named("another", core.FlowSignin)
				must(t, err)
				if shapeOf(s) != shapeOf(first) {
					t.Errorf("law: a concealed flow does not tell which spellings are there: %s and %s", shapeOf(s), shapeOf(first))
				}
			}
		}
	})
}
