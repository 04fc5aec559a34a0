package flow_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/source/samltest"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// samlName is what the SAML provider of the model's pools is called.
const samlName = "idp"

// modelIdP is that provider, with the key by which all pools of the model ask it:
// one of each would take longer to make than all the rest.
type modelIdP struct {
	*flowtest.SAML
	key *secret.SAMLKey
}

func newModelIdP(t *testing.T) modelIdP {
	t.Helper()
	key, err := secret.NewSAMLKey("model", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return modelIdP{flowtest.NewSAML(t, samlName), key}
}

// give has a pool ask with the key.
func (i modelIdP) give(t *testing.T, h *flowtest.House, caller core.Caller) {
	t.Helper()
	err := h.Store.As(caller).Update(t.Context(), func(tx *store.Tx) error {
		return tx.PutPoolSecret(store.PoolSecret{Name: "saml_key", Plain: i.key.Private(), Public: i.key.Certificate()})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// saml brings what the SAML provider says of somebody to a flow: to the one that
// asked or to another, under this state or another, once or again.
func (w *world) saml() {
	f, p, caller := w.pick()
	account := rapid.SampledFrom(accounts()).Draw(w.r, "account")
	if f.email != "" && rapid.IntRange(0, 2).Draw(w.r, "own") > 0 {
		own := slices.DeleteFunc(accounts(), func(a flowtest.Account) bool { return a.Email != f.email })
		account = rapid.SampledFrom(own).Draw(w.r, "which")
	}
	a := flow.Answer{Choice: core.ChoiceSAML, Provider: samlName, State: secret.Random(), Code: secret.Random()}
	rightState := rapid.IntRange(0, 9).Draw(w.r, "state") > 0
	what := rapid.SampledFrom([]string{"right", "right", "right", "right", "no ticket", "another request"}).Draw(w.r, "what")
	want := w.gate(f, p, caller, core.ChoiceSAML)
	switch {
	case want != "":
	case !rightState:
		want = core.CodeProviderRefused
	default:
		s, err := w.h.Flows.State(w.t.Context(), p.caller, f.id)
		if err != nil {
			w.r.Fatal(err)
		}
		a = w.idp.Answer(w.t, w.h, p.caller, s, func(said *samltest.Said) {
			said.NameID, said.Attributes = fmt.Sprint("u-", account.ID), nil
			if account.Email != "" {
				said.Attributes = [][2]string{{"mail", account.Email}}
			}
			if what == "another request" {
				said.InResponseTo = "_" + secret.Random() + secret.Random()
			}
		})
		switch what {
		case "no ticket":
			a.Code, want = secret.Random(), core.CodeTicketInvalid
		case "another request":
			want = core.CodeProviderRefused
		default:
			before := *f
			if want = f.undo(before, w.nameBy(f, p, modelIdentity{samlName, account.ID}, account.Email, account.Email != "")); want == "" {
				f.trips[samlName]++
			}
		}
	}
	_, err := w.h.Flows.Answer(w.t.Context(), caller, f.id, a)
	w.agree("the word of "+samlName, f, err, want)
	if want == "" && err == nil {
		_, again := w.h.Flows.Answer(w.t.Context(), caller, f.id, a)
		if again == nil {
			w.r.Fatalf("law: what a provider said counts once; it came again")
		}
	}
}
