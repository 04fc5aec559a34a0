package authn_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/gatehouse-id/gatehouse/client/authn"
	"github.com/gatehouse-id/gatehouse/internal/risk/risktest"
)

// Who cannot have come here so fast is refused with the vendor's word, and the
// last sign-in has its place.
func TestImpossibleTravel(t *testing.T) {
	onEngines(t, map[string]any{"risk.travel": "block"}, func(t *testing.T, s *server) {
		a := s.with(t, s.service)
		signUp(t, a, "ana@example.org", nil)
		signIn := func(address string) error {
			ctx := authn.WithEndUserAddress(t.Context(), netip.MustParseAddr(address))
			state := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: "ana@example.org"}))(t)
			state, err := a.Flow.Update(ctx, authn.FlowUpdateRequest{FlowID: state.FlowID, Answer: authn.PasswordAnswer{Password: password}})
			if err == nil {
				_, err = a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: state.FlowID})
			}
			return err
		}
		if err := signIn(risktest.Berlin); err != nil {
			t.Fatal(err)
		}
		refused(t, signIn(risktest.Sydney), authn.StatusTravelDistanceExceeded, http.StatusForbidden)
		user := ok(a.User.Profile.Get(t.Context(), authn.ByEmail("ana@example.org")))(t)
		if user.LastLoginIP != risktest.Berlin || user.LastLoginCity != "Berlin" || user.LastLoginCountry != "Germany" {
			t.Errorf("the last sign-in was from %s, %s, %s", user.LastLoginIP, user.LastLoginCity, user.LastLoginCountry)
		}
	})
}
