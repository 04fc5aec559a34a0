package source

import (
	"slices"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

func TestEveryKindOfProviderHasALine(t *testing.T) {
	var names []core.ProviderKind
	for _, k := range kinds() {
		if slices.Contains(names, k.name) {
			t.Errorf("law: a kind has one line; %s has two", k.name)
		}
		names = append(names, k.name)
		if k.why == "" || len(k.scopes) == 0 || (k.issuer == "") != (k.name == core.ProviderOpenID) {
			t.Errorf("law: a line says what is asked for, whom, and why its word is taken or not; %s has %+v", k.name, k)
		}
	}
	for _, kind := range core.ProviderKinds() {
		if slices.Contains(names, kind) == (kind == core.ProviderSAML) {
			t.Errorf("law: every kind but SAML is asked over OAuth 2.0; %s is not, or is", kind)
		}
	}
	if len(names) != len(core.ProviderKinds())-1 {
		t.Errorf("there are lines for %d kinds", len(names))
	}
}
