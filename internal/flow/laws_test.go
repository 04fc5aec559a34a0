package flow_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// specimen is one choice on offer, with answers to it. The laws below hold for
// each of them; TestEveryChoiceHasASpecimen goes red when one is missing.
type specimen struct {
	choice core.ChoiceName
	// ready brings a new flow to where the choice is on offer.
	ready func(t *testing.T, h *flowtest.House, app core.Caller) flow.State
	right func(t *testing.T, h *flowtest.House, app core.Caller, s flow.State) flow.Answer
	wrong []flow.Answer
}

func given(a flow.Answer) func(*testing.T, *flowtest.House, core.Caller, flow.State) flow.Answer {
	return func(*testing.T, *flowtest.House, core.Caller, flow.State) flow.Answer { return a }
}

// mailed sends the link of a choice and answers with it.
func mailed(choice core.ChoiceName) func(*testing.T, *flowtest.House, core.Caller, flow.State) flow.Answer {
	return func(t *testing.T, h *flowtest.House, app core.Caller, s flow.State) flow.Answer {
		s, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: choice})
		must(t, err)
		mail := h.Mail(t)
		return flow.Answer{Choice: choice, State: link(s, choice).State, Code: flowtest.LinkCode(t, mail[len(mail)-1])}
	}
}

// coded sends the code of a choice and answers with it.
func coded(choice core.ChoiceName) func(*testing.T, *flowtest.House, core.Caller, flow.State) flow.Answer {
	return func(t *testing.T, h *flowtest.House, app core.Caller, s flow.State) flow.Answer {
		h.Mail(t)
		_, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: choice})
		must(t, err)
		return flow.Answer{Choice: choice, Code: flowtest.MailedCode(t, h.Mail(t))}
	}
}

func specimens(hub *flowtest.Service) []specimen {
	texted := func(ready func(t *testing.T, h *flowtest.House, app core.Caller) flow.State) func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
		return func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			s := ready(t, h, app)
			s, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSMSOTP, Phone: phone})
			must(t, err)
			return s
		}
	}
	wrongText := []flow.Answer{{Choice: core.ChoiceSMSOTP, Code: "000000x"}, {Choice: core.ChoiceSMSOTP, Code: "12345"}, {Choice: core.ChoiceSMSOTP, Code: secret.Random()}, {Choice: core.ChoiceSMSOTP, Phone: "12"}}
	wrongCode := []flow.Answer{{Choice: core.ChoiceEmailOTP, Code: "000000x"}, {Choice: core.ChoiceEmailOTP, Code: "12345"}, {Choice: core.ChoiceEmailOTP, Code: secret.Random()}}
	sent := func(choice core.ChoiceName, email string) func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
		return func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			s := start(t, h, app, email)
			s, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: choice})
			must(t, err)
			return s
		}
	}
	named := func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
		h.Set(t, app, map[string]any{"username.format": "string", "signup.phone": true})
		return start(t, h, app, "")
	}
	byTOTP := func(t *testing.T, h *flowtest.House, app core.Caller) {
		h.Set(t, app, map[string]any{"signup.verify_email": false, "signin.primary": []string{"password"}, "signin.secondary": []string{"totp"}, "signin.require_secondary": true})
	}
	wrongTOTP := []flow.Answer{{Choice: core.ChoiceTOTP}, {Choice: core.ChoiceTOTP, Code: "00000x"}, {Choice: core.ChoiceTOTP, Code: "12345"}, {Choice: core.ChoiceTOTP, Code: secret.Random()}}
	// What an answer needs that is shown before the choice is on offer.
	seeds, codes := map[core.FlowID]secret.Text{}, map[core.FlowID]secret.Text{}
	wrongLink := func(choice core.ChoiceName) []flow.Answer {
		return []flow.Answer{{Choice: choice, State: "x", Code: secret.Random()}, {Choice: choice, Code: "short", State: "x"}, {Choice: choice, State: secret.Random()}}
	}
	signup := func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
		return start(t, h, app, "new@example.org")
	}
	signin := func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
		return start(t, h, app, "ana@example.org")
	}
	// Whoever has a passkey, and who makes one.
	var device flowtest.Device
	holding := func(email string) func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
		return func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			h.Passkey(t, app, &device, userOf(t, h, app, "ana@example.org"))
			s := start(t, h, app, email)
			begun(t, h, app, s.ID)
			return s
		}
	}
	making := func(before func(t *testing.T, h *flowtest.House, app core.Caller) flow.State) func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
		return func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			s := before(t, h, app)
			begun(t, h, app, s.ID)
			return s
		}
	}
	got := func(t *testing.T, h *flowtest.House, app core.Caller, s flow.State) flow.Answer {
		return passkeyAnswer(device.Get(t, passkeyOf(stateOf(t, h, app, s.ID)).Options, flowtest.PageURL, nil))
	}
	made := func(t *testing.T, h *flowtest.House, app core.Caller, s flow.State) flow.Answer {
		return passkeyAnswer((&flowtest.Device{}).Create(t, passkeyOf(stateOf(t, h, app, s.ID)).Options, flowtest.PageURL, nil))
	}
	noPasskey := []flow.Answer{passkeyAnswer([]byte("{}")), passkeyAnswer([]byte("[]")), passkeyAnswer([]byte("x")), passkeyAnswer([]byte(`{"id":"AA","rawId":"AA","type":"public-key"}`))}
	working := func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
		h.Set(t, app, map[string]any{"signup.captcha": "altcha", "signup.captcha_cost": 1000})
		return signup(t, h, app)
	}
	solve := func(t *testing.T, _ *flowtest.House, _ core.Caller, s flow.State) flow.Answer { return solved(t, s) }
	unsolved := []flow.Answer{{Choice: core.ChoiceCaptcha}, {Choice: core.ChoiceCaptcha, Code: "e30="}, {Choice: core.ChoiceCaptcha, Code: secret.Random()}}
	// Who was made by an application, and who has opened their mail.
	provisional := func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
		_, err := h.Directory.Create(t.Context(), app, directory.NewUser{Email: "empty@example.org"})
		must(t, err)
		return start(t, h, app, "empty@example.org")
	}
	opened := func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
		s := provisional(t, h, app)
		s, err := h.Flows.Answer(t.Context(), app, s.ID, mailed(core.ChoiceProvisional)(t, h, app, s))
		must(t, err)
		return s
	}
	// Who comes by a provider, unknown and known.
	acme := map[core.PoolID]*flowtest.SAML{}
	providing := func(before func(t *testing.T, h *flowtest.House, app core.Caller) flow.State) func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
		return func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			acme[app.Pool] = flowtest.NewSAML(t, "acme")
			setSAML(t, h, app, acme[app.Pool])
			return before(t, h, app)
		}
	}
	vouched := func(t *testing.T, h *flowtest.House, app core.Caller, s flow.State) flow.Answer {
		return acme[app.Pool].Answer(t, h, app, s)
	}
	noWord := []flow.Answer{
		{Choice: core.ChoiceSAML}, {Choice: core.ChoiceSAML, Provider: "acme", State: "x"}, {Choice: core.ChoiceSAML, Provider: "acme", State: secret.Random(), Code: secret.Random()},
		{Choice: core.ChoiceSAML, Provider: "other", State: secret.Random(), Code: secret.Random()},
	}
	// Who comes through a provider.
	through := func(email string) func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
		return func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			h.Set(t, app, map[string]any{"signin.providers": []core.Provider{hub.Provider("hub", true)}, "redirects.allowed": []string{appURL}, "redirects.default": appURL})
			return start(t, h, app, email)
		}
	}
	back := func(t *testing.T, _ *flowtest.House, _ core.Caller, s flow.State) flow.Answer {
		return flowtest.Arrival(t, s, "hub", hub.Code(flowtest.Account{ID: 7, Email: "new@example.org", Verified: true}))
	}
	astray := []flow.Answer{
		{Choice: core.ChoiceSocial}, {Choice: core.ChoiceSocial, Provider: "hub"}, {Choice: core.ChoiceSocial, Provider: "hub", URI: appURL + "?code=x"}, {Choice: core.ChoiceSocial, Provider: "hub", URI: "::", State: "x"},
		{Choice: core.ChoiceSocial, Provider: "other", URI: appURL, State: secret.Random()}, {Choice: core.ChoiceSocial, Provider: "hub", URI: appURL + "?code=x", State: secret.Random()},
	}
	return []specimen{
		{core.ChoiceSAML, providing(func(t *testing.T, h *flowtest.House, app core.Caller) flow.State { return start(t, h, app, "") }), vouched, noWord},
		{core.ChoiceSocial, through(""), back, astray},
		{core.ChoiceSocial, through("new@example.org"), back, astray},
		{core.ChoiceCaptcha, working, solve, unsolved},
		{core.ChoiceCaptcha, func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			s := working(t, h, app)
			s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, "another fine phrase 8"))
			must(t, err)
			return s
		}, solve, unsolved},
		{core.ChoiceProvisional, provisional, mailed(core.ChoiceProvisional), wrongLink(core.ChoiceProvisional)},
		{core.ChoicePassword, opened, given(answer(core.ChoicePassword, "another fine phrase 8")),
			[]flow.Answer{answer(core.ChoicePassword, ""), answer(core.ChoicePassword, "short"), answer(core.ChoicePassword, "password1")}},
		{core.ChoiceSMSOTP, texted(opened), coded(core.ChoiceSMSOTP), wrongText},
		{core.ChoiceTOTP, opened, func(t *testing.T, _ *flowtest.House, _ core.Caller, s flow.State) flow.Answer {
			return flow.Answer{Choice: core.ChoiceTOTP, Code: flowtest.TOTPCode(t, prompted(t, s, core.ChoiceTOTP).Seed.Secret, 0)}
		}, wrongTOTP},
		{core.ChoicePasskey, making(opened), made, noPasskey},
		{core.ChoicePasskey, holding("ana@example.org"), got, noPasskey},
		{core.ChoicePasskey, holding(""), got, noPasskey},
		{core.ChoicePasskey, making(signup), made, noPasskey},
		{core.ChoicePasskey, making(func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			h.Set(t, app, map[string]any{"signup.verify_email": false, "agreements.required": []string{}})
			s := signin(t, h, app)
			s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			return s
		}), made, noPasskey},
		{core.ChoiceSetEmail, func(t *testing.T, h *flowtest.House, app core.Caller) flow.State { return start(t, h, app, "") },
			given(flow.Answer{Choice: core.ChoiceSetEmail, Email: "new@example.org"}),
			[]flow.Answer{{Choice: core.ChoiceSetEmail}, {Choice: core.ChoiceSetEmail, Email: "no address"}}},
		{core.ChoicePassword, signin, given(answer(core.ChoicePassword, flowtest.Password)),
			[]flow.Answer{answer(core.ChoicePassword, ""), answer(core.ChoicePassword, "wrong"), answer(core.ChoicePassword, flowtest.Password+" ")}},
		{core.ChoicePassword, signup, given(answer(core.ChoicePassword, "another fine phrase 8")),
			[]flow.Answer{answer(core.ChoicePassword, ""), answer(core.ChoicePassword, "short"), answer(core.ChoicePassword, "password1")}},
		{core.ChoiceResetPassword, signin, mailed(core.ChoiceResetPassword), wrongLink(core.ChoiceResetPassword)},
		{core.ChoiceSetPassword, func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			s := signin(t, h, app)
			s, err := h.Flows.Answer(t.Context(), app, s.ID, mailed(core.ChoiceResetPassword)(t, h, app, s))
			must(t, err)
			return s
		}, given(answer(core.ChoiceSetPassword, "another fine phrase 8")), []flow.Answer{answer(core.ChoiceSetPassword, "short")}},
		{core.ChoiceSetPassword, func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			s := signin(t, h, app)
			_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			s, err = h.Flows.Answer(t.Context(), app, s.ID, mailed(core.ChoiceVerifyEmail)(t, h, app, stateOf(t, h, app, s.ID)))
			must(t, err)
			expire(t, h, app, "ana@example.org")
			return s
		}, given(answer(core.ChoiceSetPassword, "another fine phrase 8")), []flow.Answer{answer(core.ChoiceSetPassword, "short"), answer(core.ChoiceSetPassword, flowtest.Password)}},
		{core.ChoiceSetUsername, named, given(flow.Answer{Choice: core.ChoiceSetUsername, Username: "newcomer"}),
			[]flow.Answer{{Choice: core.ChoiceSetUsername}, {Choice: core.ChoiceSetUsername, Username: "a"}, {Choice: core.ChoiceSetUsername, Username: "admin"}, {Choice: core.ChoiceSetUsername, Username: "two words"}}},
		{core.ChoiceSetPhone, func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			s := named(t, h, app)
			s, err := h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSetUsername, Username: "newcomer"})
			must(t, err)
			return s
		}, given(flow.Answer{Choice: core.ChoiceSetPhone, Phone: "+44 20 7946 0000"}), []flow.Answer{{Choice: core.ChoiceSetPhone}, {Choice: core.ChoiceSetPhone, Phone: "12"}, {Choice: core.ChoiceSetPhone, Phone: "four"}}},
		{core.ChoiceEmailOTP, sent(core.ChoiceEmailOTP, "new@example.org"), coded(core.ChoiceEmailOTP), wrongCode},
		{core.ChoiceEmailOTP, func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			h.Set(t, app, map[string]any{"signup.verify_email": false, "signin.primary": []string{"password"}, "signin.secondary": []string{"email_otp"}, "signin.require_secondary": true})
			s := signin(t, h, app)
			_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			s, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceEmailOTP})
			must(t, err)
			return s
		}, coded(core.ChoiceEmailOTP), wrongCode},
		{core.ChoiceTOTP, signup, func(t *testing.T, _ *flowtest.House, _ core.Caller, s flow.State) flow.Answer {
			return flow.Answer{Choice: core.ChoiceTOTP, Code: flowtest.TOTPCode(t, prompted(t, s, core.ChoiceTOTP).Seed.Secret, 1)}
		}, wrongTOTP},
		{core.ChoiceTOTP, func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			byTOTP(t, h, app)
			return behindPassword(t, h, app, "ana@example.org")
		}, func(t *testing.T, _ *flowtest.House, _ core.Caller, s flow.State) flow.Answer {
			return flow.Answer{Choice: core.ChoiceTOTP, Code: flowtest.TOTPCode(t, prompted(t, s, core.ChoiceTOTP).Seed.Secret, 1)}
		}, wrongTOTP},
		{core.ChoiceTOTP, func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			byTOTP(t, h, app)
			seed, _ := enrolled(t, h, app, "ana@example.org")
			s := behindPassword(t, h, app, "ana@example.org")
			seeds[s.ID] = seed
			return s
		}, func(t *testing.T, _ *flowtest.House, _ core.Caller, s flow.State) flow.Answer {
			return flow.Answer{Choice: core.ChoiceTOTP, Code: flowtest.TOTPCode(t, seeds[s.ID], 1)}
		}, wrongTOTP},
		{core.ChoiceRecoveryCode, func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			byTOTP(t, h, app)
			_, made := enrolled(t, h, app, "ana@example.org")
			s := behindPassword(t, h, app, "ana@example.org")
			codes[s.ID] = made[0]
			return s
		}, func(_ *testing.T, _ *flowtest.House, _ core.Caller, s flow.State) flow.Answer {
			return flow.Answer{Choice: core.ChoiceRecoveryCode, Code: codes[s.ID].Reveal()}
		}, []flow.Answer{{Choice: core.ChoiceRecoveryCode}, {Choice: core.ChoiceRecoveryCode, Code: "aaaa-aaaa-aaaa-aaaa"}, {Choice: core.ChoiceRecoveryCode, Code: "123456"}}},
		{core.ChoiceRecoveryCode, func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			byTOTP(t, h, app)
			s := behindPassword(t, h, app, "ana@example.org")
			s, err := tryTOTP(t, h, app, s.ID, flowtest.TOTPCode(t, prompted(t, s, core.ChoiceTOTP).Seed.Secret, 0))
			must(t, err)
			return s
		}, given(flow.Answer{Choice: core.ChoiceRecoveryCode}), nil},
		{core.ChoiceSMSOTP, texted(signup), coded(core.ChoiceSMSOTP), wrongText},
		{core.ChoiceSMSOTP, texted(func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			h.Set(t, app, map[string]any{"signup.verify_email": false, "signin.primary": []string{"password"}, "signin.secondary": []string{"sms_otp"}, "signin.require_secondary": true})
			s := signin(t, h, app)
			s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			return s
		}), coded(core.ChoiceSMSOTP), wrongText},
		{core.ChoiceMagicLink, sent(core.ChoiceMagicLink, "new@example.org"), mailed(core.ChoiceMagicLink), wrongLink(core.ChoiceMagicLink)},
		{core.ChoiceProfile, func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			s := signup(t, h, app)
			s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, "another fine phrase 8"))
			must(t, err)
			return s
		}, given(flow.Answer{Choice: core.ChoiceProfile, Profile: map[string]string{"name": "New"}}), []flow.Answer{
			{Choice: core.ChoiceProfile, Profile: map[string]string{}}, {Choice: core.ChoiceProfile, Profile: map[string]string{"name": "x", "admin": "true"}},
			{Choice: core.ChoiceProfile, Profile: map[string]string{"name": "x\x00"}},
		}},
		{core.ChoiceVerifyEmail, func(t *testing.T, h *flowtest.House, app core.Caller) flow.State {
			s := signin(t, h, app)
			s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			return s
		}, mailed(core.ChoiceVerifyEmail), wrongLink(core.ChoiceVerifyEmail)},
		{core.ChoiceAgreements, asked, func(_ *testing.T, _ *flowtest.House, _ core.Caller, s flow.State) flow.Answer {
			return accept(asks(s)...)
		}, wrongAgreements()},
		{core.ChoiceConsent, wishing, func(_ *testing.T, _ *flowtest.House, _ core.Caller, _ flow.State) flow.Answer {
			return allow("reports", "admin")
		}, wrongConsents()},
		{core.ChoiceConsent, wishing, func(_ *testing.T, _ *flowtest.House, _ core.Caller, _ flow.State) flow.Answer {
			return flow.Answer{Choice: core.ChoiceConsent, Scopes: []flow.ScopeAnswer{{Name: "admin"}}}
		}, wrongConsents()},
		{core.ChoiceAgreements, asked, func(_ *testing.T, _ *flowtest.House, _ core.Caller, s flow.State) flow.Answer {
			return accept(asks(s)[1])
		}, wrongAgreements()},
	}
}

func stateOf(t *testing.T, h *flowtest.House, app core.Caller, id core.FlowID) flow.State {
	t.Helper()
	s, err := h.Flows.State(t.Context(), app, id)
	must(t, err)
	return s
}

// expire declares somebody's password due for a change.
func expire(t *testing.T, h *flowtest.House, app core.Caller, email string) {
	t.Helper()
	user, err := h.Directory.Get(t.Context(), app, core.UserRef{Email: email})
	must(t, err)
	must(t, h.Directory.ExpirePassword(t.Context(), app, core.DefaultSettings(), user.ID))
}

// lawful makes a pool in which every choice comes to be on offer.
func lawful(t *testing.T, h *flowtest.House, name string) core.Caller {
	t.Helper()
	app := h.Pool(t, name, map[string]any{
		"signup.verify_email": true, "link.resend_after": "0s", "code.resend_after": "0s", "budget.mails_to_one_per_hour": 0, "budget.texts_to_one_per_hour": 0, "lockout.failures": 100, "agreements.required": core.AgreementKinds(),
		"signin.primary": []string{"password", "email_otp", "magic_link", "sms_otp", "totp", "passkey"},
		"profile.fields": []core.ProfileField{{ID: "name", Label: "Name", Type: core.ProfileText, Required: true, AtSignup: true}},
	})
	h.Person(t, app, "ana@example.org")
	return app
}

func TestEveryChoiceHasASpecimen(t *testing.T) {
	for _, choice := range flow.Choices() {
		if !slices.ContainsFunc(specimens(nil), func(s specimen) bool { return s.choice == choice }) {
			t.Errorf("the choice %s has no specimen for the laws", choice)
		}
	}
}

func TestLawWrongAnswerChangesNoFact(t *testing.T) {
	hub := flowtest.NewService(t)
	each(t, func(t *testing.T, h *flowtest.House) {
		for i, sp := range specimens(hub) {
			app := lawful(t, h, fmt.Sprintf("demo-%d", i))
			s := sp.ready(t, h, app)
			before := facts(t, h, app, s.ID)
			for _, a := range sp.wrong {
				events := len(h.Events(t, app))
				_, err := h.Flows.Answer(t.Context(), app, s.ID, a)
				if err == nil || core.CodeOf(err) == core.CodeInternal {
					t.Errorf("%s: the wrong answer %+v gave %v", sp.choice, a, err)
				}
				if after := facts(t, h, app, s.ID); !bytes.Equal(after, before) {
					t.Errorf("%s: a wrong answer changed the facts\nfrom %s\n  to %s", sp.choice, before, after)
				}
				if len(h.Events(t, app)) == events {
					t.Errorf("%s: refusing %+v left no event", sp.choice, a)
				}
			}
			if _, err := h.Flows.Answer(t.Context(), app, s.ID, sp.right(t, h, app, s)); err != nil {
				t.Errorf("%s: after wrong answers the right one is refused: %v", sp.choice, err)
			}
		}
	})
}

// The browser that waits for a link looks by an empty answer, and does not know
// that the link was opened elsewhere.
func TestLawLookingForALinkIsNoError(t *testing.T) {
	hub := flowtest.NewService(t)
	each(t, func(t *testing.T, h *flowtest.House) {
		for i, sp := range specimens(hub) {
			if sp.choice != core.ChoiceVerifyEmail && sp.choice != core.ChoiceMagicLink {
				continue
			}
			app := lawful(t, h, fmt.Sprintf("demo-%d", i))
			s := sp.ready(t, h, app)
			s, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: sp.choice})
			must(t, err)
			mail := h.Mail(t)
			code := flowtest.LinkCode(t, mail[len(mail)-1])
			look := flow.Answer{Choice: sp.choice}
			waiting, err := h.Flows.Answer(t.Context(), app, s.ID, look)
			if err != nil || waiting.Phase != s.Phase {
				t.Errorf("law: looking for a link that nobody opened changes nothing; %s gave %s, %v", sp.choice, waiting.Phase, err)
			}
			_, err = h.Flows.OpenLink(t.Context(), app, sp.choice, code)
			must(t, err)
			before := facts(t, h, app, s.ID)
			after, err := h.Flows.Answer(t.Context(), app, s.ID, look)
			if err != nil || after.Phase == s.Phase {
				t.Errorf("law: looking for a link that was opened shows what follows; %s gave %s, %v", sp.choice, after.Phase, err)
			}
			if sent := h.Mail(t); len(sent) != 0 || !bytes.Equal(facts(t, h, app, s.ID), before) {
				t.Errorf("law: looking does nothing; %s sent %d mails, and there is %s for %s", sp.choice, len(sent), facts(t, h, app, s.ID), before)
			}
			_, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: sp.choice, Email: "eve@example.org"})
			want(t, err, core.CodeNotOffered, "looking for somebody else's link")
			_, err = h.Flows.Restart(t.Context(), app, s.ID, look)
			want(t, err, core.CodeNotOffered, "beginning again what was done")
			_, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceResetPassword})
			want(t, err, core.CodeNotOffered, "looking for a link that was never sent")
		}
	})
}

func TestLawSameAnswerCountsOnce(t *testing.T) {
	hub := flowtest.NewService(t)
	each(t, func(t *testing.T, h *flowtest.House) {
		for i, sp := range specimens(hub) {
			app := lawful(t, h, fmt.Sprintf("demo-%d", i))
			s := sp.ready(t, h, app)
			a := sp.right(t, h, app, s)
			_, err := h.Flows.Answer(t.Context(), app, s.ID, a)
			must(t, err)
			before := facts(t, h, app, s.ID)
			events := changes(h.Events(t, app))
			if _, err := h.Flows.Answer(t.Context(), app, s.ID, a); core.CodeOf(err) == core.CodeInternal && err != nil {
				t.Errorf("%s: the same answer again gave %v", sp.choice, err)
			}
			if after := facts(t, h, app, s.ID); !bytes.Equal(after, before) {
				t.Errorf("%s: the same answer again changed the facts\nfrom %s\n  to %s", sp.choice, before, after)
			}
			if again := changes(h.Events(t, app)); again != events {
				t.Errorf("%s: the same answer again did something: %d events became %d", sp.choice, events, again)
			}
		}
	})
}

func TestLawExpiredFlowRefuses(t *testing.T) {
	database, hub := storetest.SQLite(t), flowtest.NewService(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		for i, sp := range specimens(hub) {
			app := lawful(t, h, fmt.Sprintf("demo-%d", i))
			s := sp.ready(t, h, app)
			a := sp.right(t, h, app, s)
			time.Sleep(31 * time.Minute)
			_, err := h.Flows.Answer(t.Context(), app, s.ID, a)
			want(t, err, core.CodeFlowEnded, "answering "+string(sp.choice)+" too late")
			_, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: sp.choice})
			want(t, err, core.CodeFlowEnded, "restarting "+string(sp.choice)+" too late")
		}
	})
}

func TestLawConcealedFlowsLookAlike(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := lawful(t, h, "demo")
		_, err := h.Directory.Create(t.Context(), app, directory.NewUser{Email: "empty@example.org"})
		must(t, err)
		for _, types := range [][]core.FlowType{{core.FlowSignin}, {core.FlowSignup}} {
			var looks [][]string
			for _, email := range []string{"ana@example.org", "nobody@example.org", "empty@example.org"} {
				s, err := h.Flows.Start(t.Context(), app, flow.Start{Types: types, Concealed: true})
				must(t, err)
				look := []string{shapeOf(s)}
				s, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSetEmail, Email: email})
				must(t, err)
				look = append(look, shapeOf(s))
				for _, choice := range flow.Choices() {
					next, err := h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: choice})
					look = append(look, "restart "+string(choice)+": "+shapeOf(next)+" "+string(core.CodeOf(err)))
					next, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: choice, Password: "some long guess 7", State: "x", Code: secret.Random(), Email: email})
					look = append(look, "answer "+string(choice)+": "+shapeOf(next)+" "+string(core.CodeOf(err)))
				}
				if n := len(h.Mail(t)); types[0] == core.FlowSignup && n != 3 {
					t.Errorf("signing up as %s sent %d mails, want 3 for everybody", email, n)
				}
				looks = append(looks, look)
			}
			for _, look := range looks[1:] {
				if !reflect.DeepEqual(looks[0], look) {
					t.Errorf("%v tells who is there:\n%q\n%q", types, looks[0], look)
				}
			}
		}
	})
}

// facts is all that is stored of a flow.
func facts(t *testing.T, h *flowtest.House, app core.Caller, id core.FlowID) []byte {
	t.Helper()
	var stored core.Flow
	must(t, h.Store.As(app).View(t.Context(), func(tx *store.Tx) (err error) {
		stored, err = tx.Flow(id)
		return err
	}))
	text, err := json.Marshal(stored.Facts)
	must(t, err)
	return text
}

// changes counts the events that tell of something done, not of a refusal.
func changes(events []store.Recorded) int {
	n := 0
	for _, e := range events {
		if e.Name != core.EventFlowRefused && e.Name != core.EventPasswordRefused && e.Name != core.EventPasskeyCopied {
			n++
		}
	}
	return n
}
