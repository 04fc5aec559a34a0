package authn_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/client/authn"
)

func TestAuthenticators(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		ok(a.User.Create(ctx, authn.UserCreateRequest{Email: "bob@example.org"}))(t)
		if none := ok(a.User.Authenticators.List(ctx, authn.ByEmail("bob@example.org")))(t); none == nil || len(none) != 0 {
			t.Errorf("law: whoever was only created proves nothing yet; got %#v", none)
		}
		tokens := signUp(t, a, "ana@example.org", nil)
		id := tokens.ActiveToken.Identity
		list := ok(a.User.Authenticators.List(ctx, authn.ByID(id)))(t)
		if len(list) != 1 {
			t.Fatalf("got %+v", list)
		}
		got := list[0]
		isID(t, "pau_", got.ID)
		near(t, got.CreatedAt)
		near(t, got.UpdatedAt)
		want := authn.Authenticator{
			ID: got.ID, Type: authn.AuthenticatorPassword, Enabled: true, Phase: authn.AuthenticatorPrimary, CreatedAt: got.CreatedAt, UpdatedAt: got.UpdatedAt,
		}
		if got != want {
			t.Errorf("got %+v", got)
		}

		remove := func(who authn.UserRef, id string) error {
			return a.User.Authenticators.Delete(ctx, authn.AuthenticatorDeleteRequest{UserRef: who, AuthenticatorID: id})
		}
		refused(t, remove(authn.ByEmail("bob@example.org"), got.ID), authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		refused(t, remove(authn.UserRef{}, ""), authn.StatusValidationError, http.StatusBadRequest, "MustProvideOne", "FieldRequired /authenticator_id")
		if err := remove(authn.ByEmail("ana@example.org"), got.ID); err != nil {
			t.Fatal(err)
		}
		refused(t, remove(authn.ByEmail("ana@example.org"), got.ID), authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		if list := ok(a.User.Authenticators.List(ctx, authn.ByUsername("ana@example.org")))(t); len(list) != 0 {
			t.Errorf("it is still there: %+v", list)
		}
		_, err := a.User.Authenticators.List(ctx, authn.ByEmail("eve@example.org"))
		refused(t, err, authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
	})
}

func TestPasswordExpire(t *testing.T) {
	onEngines(t, nil, func(t *testing.T, s *server) {
		a, ctx := s.with(t, s.service), t.Context()
		const email = "ana@example.org"
		tokens := signUp(t, a, email, nil)
		if err := a.User.Password.Expire(ctx, tokens.ActiveToken.Identity); err != nil {
			t.Fatal(err)
		}
		_, err := a.Client.Token.Check(ctx, tokens.ActiveToken.Token)
		refused(t, err, authn.StatusInvalidToken, http.StatusBadRequest)
		got := ok(a.Flow.Start(ctx, authn.FlowStartRequest{Email: email}))(t)
		got = answer(t, a, got, authn.PasswordAnswer{Password: password})
		state(t, got, authn.FlowState{
			FlowTypes: signin, Username: email, Email: email, Phase: authn.PhaseSetPassword,
			Choices: authn.FlowChoices{authn.SetPasswordChoice{Policy: policy}},
		})
		got = answer(t, a, got, authn.SetPasswordAnswer{Password: newPassword})
		pair(t, ok(a.Flow.Complete(ctx, authn.FlowCompleteRequest{FlowID: got.FlowID}))(t), email, authn.Profile{})

		refused(t, a.User.Password.Expire(ctx, "pui_"+strings.Repeat("a", 32)), authn.StatusNotFound, http.StatusNotFound, "DoesNotExist")
		refused(t, a.User.Password.Expire(ctx, ""), authn.StatusValidationError, http.StatusBadRequest, "FieldRequired /id")
	})
}
