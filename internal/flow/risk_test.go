package flow_test

import (
	"context"
	"log/slog"
	"maps"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/risk"
	"github.com/gatehouse-id/gatehouse/internal/risk/risktest"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// judging makes a pool with rules, and ana in it, whose mailbox is proved and
// who has a password alone.
func judging(t *testing.T, h *flowtest.House, values map[string]any) core.Caller {
	t.Helper()
	data, err := risk.Open(risk.Files{Places: risktest.Places(t)}, slog.New(slog.DiscardHandler))
	must(t, err)
	h.Flows.Knowing(data)
	all := map[string]any{"signup.verify_email": false, "code.resend_after": "0s", "link.resend_after": "0s", "lockout.failures": 100, "risk.embargo_countries": []string{"IR"}}
	maps.Copy(all, values)
	app := h.Pool(t, "demo", all)
	verified(t, h, app, h.Person(t, app, "ana@example.org"))
	return app
}

// at is somebody's browser at an address, in a request of its own.
func at(app core.Caller, address string) core.Caller {
	caller := public(app)
	caller.Address, caller.Network, caller.Request = address, address, core.NewRequestID()
	return caller
}

// decisions are what the rules said in a caller's request.
func decisions(t *testing.T, h *flowtest.House, caller core.Caller) []core.RiskDecision {
	t.Helper()
	var all []core.RiskDecision
	must(t, h.Store.As(caller).View(t.Context(), func(tx *store.Tx) (err error) {
		all, err = tx.RiskDecisions(caller.Request)
		return err
	}))
	return all
}

// decided is the one decision of a caller's request.
func decided(t *testing.T, h *flowtest.House, caller core.Caller) core.RiskDecision {
	t.Helper()
	all := decisions(t, h, caller)
	if len(all) != 1 {
		t.Fatalf("law: what the rules said in a request is kept, once; there is %+v", all)
	}
	return all[0]
}

// give begins a flow and gives a password, which is right for ana and good for
// somebody new.
func give(t *testing.T, h *flowtest.House, caller core.Caller, email string) (flow.State, error) {
	t.Helper()
	s := start(t, h, caller, email)
	after, err := h.Flows.Answer(t.Context(), caller, s.ID, answer(core.ChoicePassword, flowtest.Password))
	if err != nil {
		after = s
	}
	return after, err
}

// comeIn signs somebody in from an address.
func comeIn(t *testing.T, h *flowtest.House, app core.Caller, address, email string) error {
	t.Helper()
	s, err := give(t, h, at(app, address), email)
	if err == nil {
		_, err = h.Flows.Complete(t.Context(), at(app, address), s.ID)
	}
	return err
}

func TestRulesKeepPeopleOut(t *testing.T) {
	lists := map[string]any{
		"risk.addresses": "block", "risk.addresses_denied": []string{"198.51.100.0/24"}, "risk.domains_signup": "block", "risk.domains_signin": "block",
		"risk.domains_denied": []string{"bad.example"}, "risk.embargo_signup": "block", "risk.embargo_signin": "block",
	}
	each(t, func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, lists)
		h.Person(t, app, "eve@bad.example")
		for _, c := range []struct {
			law, address, email string
			code                core.Code
			rule                core.RiskRule
			kind                core.FlowType
		}{
			{"nobody signs in from a listed address", risktest.NewYork, "ana@example.org", core.CodeAddressRefused, core.RuleAddresses, core.FlowSignin},
			{"nobody signs up from there", risktest.NewYork, "new@example.org", core.CodeAddressRefused, core.RuleAddresses, core.FlowSignup},
			{"nobody signs in from an embargoed country", risktest.Tehran, "ana@example.org", core.CodePlaceRefused, core.RuleEmbargo, core.FlowSignin},
			{"nobody signs up from there either", risktest.Tehran, "new@example.org", core.CodePlaceRefused, core.RuleEmbargo, core.FlowSignup},
			{"nobody signs in with a listed domain", risktest.Berlin, "eve@bad.example", core.CodeDomainRefused, core.RuleDomains, core.FlowSignin},
			{"nobody signs up with one", risktest.Berlin, "new@bad.example", core.CodeDomainRefused, core.RuleDomains, core.FlowSignup},
			{"nobody signs up with an address to throw away", risktest.Berlin, "new@sub.mailinator.com", core.CodeDomainRefused, core.RuleDomains, core.FlowSignup},
		} {
			caller := at(app, c.address)
			s, err := give(t, h, caller, c.email)
			want(t, err, c.code, c.law)
			d := decided(t, h, caller)
			_, there := person(t, h, app, c.email)
			if d.Outcome != core.RiskRefused || d.Rule != c.rule || d.Type != c.kind || d.Flow != s.ID || d.Address != c.address || len(d.Findings) != 3 ||
				(d.User != "") != there || d.CreatedAt.IsZero() || d.ExpiresAt.Sub(d.CreatedAt).Round(time.Minute) != 365*24*time.Hour {
				t.Errorf("law: a decision says what, whom and when; %s: %+v", c.law, d)
			}
			if there != (c.kind == core.FlowSignin) {
				t.Errorf("law: %s, and so nobody comes to be; there is somebody: %t", c.law, there)
			}
			if after := stateOf(t, h, caller, s.ID); shapeOf(after) != shapeOf(s) {
				t.Errorf("law: a refusal changes nothing; the flow is in %s in place of %s", shapeOf(after), shapeOf(s))
			}
			events := h.Events(t, app)
			if e := events[0]; e.Name != core.EventFlowRefused || e.Reason != string(c.code) || e.Data["outcome"] != "blocked" || e.Data["rules"] != string(c.rule) || e.Request != caller.Request {
				t.Errorf("law: a refusal stands in the trail with its rule and request; got %+v", e)
			}
			if c.rule == core.RuleDomains {
				continue
			}
			_, err = h.Flows.Answer(t.Context(), at(app, risktest.Berlin), s.ID, answer(core.ChoicePassword, flowtest.Password))
			if err != nil {
				t.Errorf("law: the flow can go on from somewhere else; %s: %v", c.law, err)
			}
			if c.kind == core.FlowSignup {
				must(t, h.Directory.Delete(t.Context(), app, core.UserRef{Email: c.email}))
			}
		}
		if err := comeIn(t, h, app, risktest.Berlin, "ana@example.org"); err != nil {
			t.Errorf("law: everybody else comes in; got %v", err)
		}
		if err := comeIn(t, h, app, risktest.Nowhere, "ana@example.org"); err != nil {
			t.Errorf("law: from an unknown place there is no embargo; got %v", err)
		}
	})
}

// TestA1RulesTellNobodyWhoIsThere: nothing is said by a rule before somebody has
// proved who they are.
func TestA1RulesTellNobodyWhoIsThere(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, map[string]any{
			"risk.embargo_signup": "block", "risk.embargo_signin": "block", "risk.addresses": "block", "risk.addresses_denied": []string{"0.0.0.0/0"},
			"risk.domains_signup": "block", "risk.domains_signin": "block", "risk.domains_denied": []string{"example.org"}, "signin.primary": []string{"password", "email_otp"},
		})
		for _, concealed := range []bool{false, true} {
			for _, kinds := range [][]core.FlowType{{core.FlowSignin}, {core.FlowSignup, core.FlowSignin}} {
				var shapes []string
				for _, email := range []string{"ana@example.org", "nobody@example.org"} {
					caller := at(app, risktest.Tehran)
					s, err := h.Flows.Start(t.Context(), caller, flow.Start{Types: kinds, Email: email, Concealed: concealed})
					must(t, err)
					if concealed || len(kinds) == 1 { // elsewhere a password is a new one
						_, err = h.Flows.Answer(t.Context(), caller, s.ID, answer(core.ChoicePassword, "a wrong phrase 5"))
						want(t, err, core.CodeWrongCredentials, "a wrong password in an embargoed country")
					}
					if len(decisions(t, h, caller)) > 0 {
						t.Error("law: who has proved nothing is not judged")
					}
					if concealed {
						shapes = append(shapes, shapeOf(stateOf(t, h, caller, s.ID)))
					}
				}
				if concealed && shapes[0] != shapes[1] {
					t.Errorf("law: no rule makes somebody and nobody look different; %q", shapes)
				}
			}
		}
	})
}

func TestRecordOnly(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, map[string]any{"risk.embargo_signin": "record", "audit.retention": "0s"})
		caller := at(app, risktest.Tehran)
		s, err := give(t, h, caller, "ana@example.org")
		must(t, err)
		d := decided(t, h, caller)
		if d.Outcome != core.RiskNoted || d.Rule != core.RuleEmbargo || d.Findings[0].Inputs["country"] != "IR" || !d.ExpiresAt.IsZero() {
			t.Errorf("law: what is only recorded is recorded; got %+v", d)
		}
		_, err = h.Flows.Complete(t.Context(), caller, s.ID)
		if err != nil || happened(t, h, app, core.EventRiskNoticed) != 1 {
			t.Errorf("law: and keeps nobody out, and stands in the trail; got %v", err)
		}
		quiet := at(app, risktest.Berlin)
		_, err = give(t, h, quiet, "ana@example.org")
		must(t, err)
		if d := decided(t, h, quiet); d.Outcome != core.RiskPassed || d.Rule != "" || happened(t, h, app, core.EventRiskNoticed) != 1 {
			t.Errorf("law: where no rule applies that is kept too, and is no event; got %+v", d)
		}
	})
}

// Zero values do what was done before.
func TestPoolsWithoutRulesKeepNothing(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, nil)
		caller := at(app, risktest.Tehran)
		s, err := give(t, h, caller, "ana@example.org")
		must(t, err)
		_, err = h.Flows.Complete(t.Context(), caller, s.ID)
		must(t, err)
		user, _ := person(t, h, app, "ana@example.org")
		must(t, h.Store.As(app).View(t.Context(), func(tx *store.Tx) error {
			seen, err := tx.Sightings(user.ID)
			if len(seen) > 0 || len(decisions(t, h, caller)) > 0 {
				t.Errorf("law: a pool without rules remembers no places and no decisions; there is %+v", seen)
			}
			return err
		}))
	})
}

// An application's server that does not say for whom it calls is at no place.
func TestServersAreNotJudged(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, map[string]any{"risk.embargo_signin": "block", "risk.addresses": "block", "risk.addresses_denied": []string{"127.0.0.0/8", risktest.Tehran}, "risk.travel": "block"})
		app.Request = core.NewRequestID()
		s, err := give(t, h, app, "ana@example.org")
		must(t, err)
		d := decided(t, h, app)
		for _, f := range d.Findings {
			if f.Result != core.RiskSkipped || f.Reason == "" || d.Address != "" {
				t.Errorf("law: where the person's address is not known no rule about it applies, and it is said; got %+v", d)
			}
		}
		if _, err := h.Flows.Complete(t.Context(), app, s.ID); err != nil {
			t.Errorf("law: and they come in; got %v", err)
		}
		said := app
		said.Address, said.Network, said.Request = risktest.Tehran, risktest.Tehran, core.NewRequestID()
		_, err = give(t, h, said, "ana@example.org")
		want(t, err, core.CodeAddressRefused, "law: who it calls for is judged if it says so")
	})
}

// Whoever proves the first factor in one place and goes on in another is judged
// there too, and cannot leave behind what was asked of them.
func TestJudgedWhereverTheyGo(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, map[string]any{"risk.embargo_signin": "block", "risk.addresses": "second_factor", "risk.addresses_denied": []string{risktest.NewYork}, "signin.secondary": []string{"email_otp"}})
		s, err := give(t, h, at(app, risktest.Berlin), "ana@example.org")
		must(t, err)
		there := at(app, risktest.Tehran)
		_, err = h.Flows.Complete(t.Context(), there, s.ID)
		want(t, err, core.CodePlaceRefused, "law: where the flow is ended counts")
		if d := decided(t, h, there); d.Outcome != core.RiskRefused || d.Flow != s.ID {
			t.Errorf("law: that is a decision of its own; got %+v", d)
		}
		there = at(app, risktest.NewYork)
		_, err = h.Flows.Complete(t.Context(), there, s.ID)
		want(t, err, core.CodeFlowIncomplete, "law: a second factor may be asked for in the end")
		if s = stateOf(t, h, at(app, risktest.Berlin), s.ID); s.Phase != core.PhaseSecondary {
			t.Errorf("law: and the flow says so; it is in %s", shapeOf(s))
		}
		home := at(app, risktest.Berlin)
		_, err = h.Flows.Complete(t.Context(), home, s.ID)
		want(t, err, core.CodeFlowIncomplete, "law: what was asked for stays, wherever one goes then")
		must(t, tryCode(t, h, home, s.ID, code(t, h, home, s.ID)))
		_, err = h.Flows.Complete(t.Context(), home, s.ID)
		if err != nil {
			t.Errorf("law: with the second factor one comes in; got %v", err)
		}
	})
}

// A link that is opened where nobody may come from proves nothing, and is good
// elsewhere.
func TestLinksOpenedElsewhere(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, map[string]any{"risk.embargo_signin": "block", "signin.primary": []string{"password", "magic_link"}})
		user, _ := person(t, h, app, "ana@example.org")
		h.Enrol(t, app, core.Authenticator{User: user.ID, Kind: core.AuthenticatorMagicLink})
		s := start(t, h, at(app, risktest.Berlin), "ana@example.org")
		s, err := h.Flows.Restart(t.Context(), at(app, risktest.Berlin), s.ID, flow.Answer{Choice: core.ChoiceMagicLink})
		must(t, err)
		link := flowtest.LinkCode(t, h.Mail(t)[0])
		there := at(app, risktest.Tehran)
		_, err = h.Flows.OpenLink(t.Context(), there, core.ChoiceMagicLink, link)
		want(t, err, core.CodePlaceRefused, "law: opening a link is coming")
		if d := decided(t, h, there); d.Outcome != core.RiskRefused || d.Flow != s.ID {
			t.Errorf("law: and is decided and kept; got %+v", d)
		}
		_, err = h.Flows.OpenLink(t.Context(), at(app, risktest.Berlin), core.ChoiceMagicLink, link)
		must(t, err)
		if _, err := h.Flows.Complete(t.Context(), at(app, risktest.Berlin), s.ID); err != nil {
			t.Errorf("law: the link is good elsewhere; got %v", err)
		}
	})
}

// A new password that is chosen where nobody may come from is not taken.
func TestNoPasswordIsChangedByWhoIsKeptOut(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, map[string]any{"risk.embargo_signin": "block"})
		there := at(app, risktest.Tehran)
		s := start(t, h, there, "ana@example.org")
		s, err := h.Flows.Answer(t.Context(), there, s.ID, mailed(core.ChoiceResetPassword)(t, h, there, s))
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), there, s.ID, answer(core.ChoiceSetPassword, "another fine phrase 8"))
		want(t, err, core.CodePlaceRefused, "law: choosing a password is coming in")
		if err := comeIn(t, h, app, risktest.Berlin, "ana@example.org"); err != nil {
			t.Errorf("law: who is kept out changes nothing: the old password is good; got %v", err)
		}
	})
}

func TestSecondFactorsThatRulesAskFor(t *testing.T) {
	asks := map[string]any{"risk.embargo_signin": "second_factor", "risk.embargo_signup": "second_factor", "signin.primary": []string{"password", "email_otp"}}
	with := func(more map[string]any) map[string]any {
		all := maps.Clone(asks)
		maps.Copy(all, more)
		return all
	}
	run := func(name string, test func(t *testing.T, h *flowtest.House)) {
		t.Run(name, func(t *testing.T) { each(t, test) })
	}

	run("of whoever has one", func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, with(map[string]any{"signin.primary": []string{"password"}, "signin.secondary": []string{"email_otp", "totp"}, "signin.remember_device": "device", "signin.skip_secondary": []string{"password"}}))
		user, _ := person(t, h, app, "ana@example.org")
		h.Enrol(t, app, core.Authenticator{User: user.ID, Kind: core.AuthenticatorEmailOTP, Second: true})
		if err := comeIn(t, h, app, risktest.Berlin, "ana@example.org"); err != nil {
			t.Fatalf("law: no rule, no second factor; got %v", err)
		}
		there := at(app, risktest.Tehran)
		s, err := give(t, h, there, "ana@example.org")
		must(t, err)
		if d := decided(t, h, there); s.Phase != core.PhaseSecondary || !offered(s, core.ChoiceEmailOTP) || offered(s, core.ChoiceTOTP) || d.Outcome != core.RiskAsked {
			t.Errorf("law: a second factor is asked for that the pool would have left out, of those that the person has; offered is %s", shapeOf(s))
		}
		_, err = h.Flows.Complete(t.Context(), there, s.ID)
		want(t, err, core.CodeFlowIncomplete, "law: without it nobody comes in")
		must(t, tryCode(t, h, there, s.ID, code(t, h, there, s.ID)))
		if _, err := h.Flows.Complete(t.Context(), there, s.ID); err != nil {
			t.Errorf("law: with it they do; got %v", err)
		}
	})
	run("of a remembered browser", func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, with(map[string]any{"signin.primary": []string{"password"}, "signin.secondary": []string{"email_otp"}, "signin.remember_device": "device", "signin.require_secondary": true}))
		home := at(app, risktest.Berlin)
		twice(t, h, home, "one")
		if phase := inBrowser(t, h, home, "one").Phase; phase != core.PhaseCompleted {
			t.Fatalf("at home a remembered browser is in %s", phase)
		}
		if phase := inBrowser(t, h, at(app, risktest.Tehran), "one").Phase; phase != core.PhaseSecondary {
			t.Errorf("law: that a browser is remembered does not answer a rule; it is in %s", phase)
		}
	})
	run("of who has none, by the mailbox", func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, with(map[string]any{"signin.primary": []string{"password"}, "signin.secondary": []string{"totp", "email_otp"}}))
		there := at(app, risktest.Tehran)
		s, err := give(t, h, there, "ana@example.org")
		must(t, err)
		if shapeOf(s) != "signin secondary email_otp" {
			t.Errorf("law: the mailbox that was proved before stands in, and nothing is enrolled; offered is %s", shapeOf(s))
		}
		must(t, tryCode(t, h, there, s.ID, code(t, h, there, s.ID)))
		_, err = h.Flows.Complete(t.Context(), there, s.ID)
		must(t, err)
		ways, err := h.Directory.Authenticators(t.Context(), app, core.UserRef{Email: "ana@example.org"})
		must(t, err)
		if len(ways) != 1 {
			t.Errorf("law: what stood in once is no second factor from then on; they have %+v", ways)
		}
		if err := comeIn(t, h, app, risktest.Berlin, "ana@example.org"); err != nil {
			t.Errorf("law: and at home nothing more is asked; got %v", err)
		}
	})
	run("of who signs up", func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, with(map[string]any{"signin.primary": []string{"password"}, "signin.secondary": []string{"totp"}}))
		there := at(app, risktest.Tehran)
		s, err := give(t, h, there, "new@example.org")
		must(t, err)
		seed := prompted(t, s, core.ChoiceTOTP)
		if s.Phase != core.PhaseSecondary || !seed.Enrollment {
			t.Errorf("law: somebody new enrols one; offered is %s", shapeOf(s))
		}
		_, err = tryTOTP(t, h, there, s.ID, flowtest.TOTPCode(t, seed.Seed.Secret, 0))
		must(t, err)
		if _, err := h.Flows.Complete(t.Context(), there, s.ID); err != nil {
			t.Errorf("law: and comes in with it; got %v", err)
		}
	})
	run("of who comes with a passkey", func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, with(map[string]any{"signin.primary": []string{"password", "passkey"}, "signin.secondary": []string{"totp"}}))
		user, _ := person(t, h, app, "ana@example.org")
		var device flowtest.Device
		h.Passkey(t, app, &device, user.ID)
		there := at(app, risktest.Tehran)
		s := start(t, h, there, "ana@example.org")
		begun(t, h, there, s.ID)
		signed := device.Get(t, passkeyOf(stateOf(t, h, there, s.ID)).Options, flowtest.PageURL, nil)
		_, err := h.Flows.Answer(t.Context(), there, s.ID, passkeyAnswer(signed))
		must(t, err)
		if s := stateOf(t, h, there, s.ID); s.Phase != core.PhaseCompleted {
			t.Errorf("law: a passkey that made sure of its holder is two factors; the flow is in %s", shapeOf(s))
		}
	})
}

// TestM6RulesLetNobodyEnrol is abuse case M6 for the rules: whoever knows a
// password and is asked for a second factor cannot bring their own, and where
// there is none nobody comes in.
func TestM6RulesLetNobodyEnrol(t *testing.T) {
	for name, second := range map[string][]string{"computed": {"totp"}, "by text message": {"sms_otp"}, "any": {"totp", "sms_otp"}, "none": {}} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, h *flowtest.House) {
				app := judging(t, h, map[string]any{"risk.embargo_signin": "second_factor", "signin.secondary": second})
				there := at(app, risktest.Tehran)
				_, err := give(t, h, there, "ana@example.org")
				want(t, err, core.CodePlaceRefused, "law: who has no second factor does not come in where one is asked for")
				if d := decided(t, h, there); d.Outcome != core.RiskNoFactor || d.Rule != core.RuleEmbargo {
					t.Errorf("law: and the decision says why; got %+v", d)
				}
			})
		})
	}
	each(t, func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, map[string]any{"risk.embargo_signin": "second_factor", "signin.secondary": []string{"email_otp"}})
		there := at(app, risktest.Tehran)
		user := h.Person(t, app, "bob@example.org") // whose mailbox nobody has proved
		_, err := give(t, h, there, "bob@example.org")
		want(t, err, core.CodePlaceRefused, "law: a mailbox that nobody proved stands in for nothing")
		verified(t, h, app, user)
		s := start(t, h, there, "bob@example.org")
		s, err = h.Flows.Answer(t.Context(), there, s.ID, mailed(core.ChoiceResetPassword)(t, h, there, s))
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), there, s.ID, answer(core.ChoiceSetPassword, "another fine phrase 8"))
		want(t, err, core.CodePlaceRefused, "law: one mailbox is not both factors, also where a new password is chosen by it")
		made, err := h.Directory.Create(t.Context(), app, directory.NewUser{Email: "cyd@example.org"})
		must(t, err)
		verified(t, h, app, made)
		h.Set(t, app, map[string]any{"signin.primary": []string{"password", "totp"}, "signin.skip_secondary": []string{"totp"}})
		s = start(t, h, there, "cyd@example.org")
		s, err = h.Flows.Answer(t.Context(), there, s.ID, mailed(core.ChoiceProvisional)(t, h, there, s))
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), there, s.ID, answer(core.ChoicePassword, "another fine phrase 8"))
		want(t, err, core.CodePlaceRefused, "law: nor where an account is set up by it")
	})
}

// While a rule asks for a second factor, tries go on counting: else whoever
// knows the password could guess the code for ever.
func TestTriesCountBehindARule(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, map[string]any{"risk.embargo_signin": "second_factor", "signin.secondary": []string{"email_otp"}, "lockout.failures": 5, "lockout.first_delay": "1h", "lockout.longest_delay": "1h"})
		there := at(app, risktest.Tehran)
		var err error
		for range 10 {
			var s flow.State
			if s, err = give(t, h, there, "ana@example.org"); err != nil {
				break
			}
			right := code(t, h, there, s.ID)
			if err = tryCode(t, h, there, s.ID, other(right)); core.Is(err, core.CodeLocked) {
				break
			}
		}
		want(t, err, core.CodeLocked, "law: the right password forgives no wrong codes")
	})
}

func TestTravelAndNewCountries(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app := judging(t, h, map[string]any{"risk.travel": "block", "risk.new_country": "record"})
		from := func(law, address string, want core.Code, outcome core.RiskOutcome, rule core.RiskRule) {
			t.Helper()
			caller := at(app, address)
			s, err := give(t, h, caller, "ana@example.org")
			if err == nil {
				_, err = h.Flows.Complete(t.Context(), caller, s.ID)
			}
			if codeOf(err) != want {
				t.Errorf("law: %s; got %v", law, err)
			}
			if d := decided(t, h, caller); d.Outcome != outcome || d.Rule != rule {
				t.Errorf("law: %s; decided was %+v", law, d)
			}
		}
		from("the first sign-in is compared with nothing", risktest.Berlin, "", core.RiskPassed, "")
		time.Sleep(time.Minute)
		from("nobody flies around the world in a minute", risktest.Sydney, core.CodeTravelRefused, core.RiskRefused, core.RuleTravel)
		time.Sleep(20 * time.Minute)
		from("not even to the next town in twenty", risktest.Hamburg, "", core.RiskPassed, "")
		time.Sleep(23 * time.Hour)
		from("in a day one is anywhere, though it is a new country", risktest.Sydney, "", core.RiskNoted, core.RuleNewCountry)
		time.Sleep(23 * time.Hour)
		from("at home again", risktest.Berlin, "", core.RiskPassed, "")
		time.Sleep(23 * time.Hour)
		from("a country from before is no new one", risktest.Sydney, "", core.RiskPassed, "")
		time.Sleep(time.Hour)
		from("an unknown place says nothing", risktest.Nowhere, "", core.RiskPassed, "")
		from("and leaves the last one that is known", risktest.Berlin, core.CodeTravelRefused, core.RiskRefused, core.RuleTravel)
		time.Sleep(core.SightingLife)
		from("after a year all is forgotten", risktest.NewYork, "", core.RiskPassed, "")
		_, err := h.Store.Across().Sweep(context.Background(), 100)
		must(t, err)
		user, _ := person(t, h, app, "ana@example.org")
		must(t, h.Store.As(app).View(t.Context(), func(tx *store.Tx) error {
			seen, err := tx.Sightings(user.ID)
			if len(seen) != 1 || seen[0].Place.Country != "US" || seen[0].Address != risktest.NewYork {
				t.Errorf("law: and swept away; there is %+v", seen)
			}
			return err
		}))
	})
}

// An invitation is the application's word about the address, and no more.
func TestInvitedPeopleAreJudged(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, map[string]any{"risk.domains_signup": "block", "risk.embargo_signup": "block", "redirects.allowed": []string{invitedCallback}})
		join := func(address, email string) error {
			_, secret := invite(t, h, app, email)
			caller := at(app, address)
			s, err := h.Flows.Start(t.Context(), caller, flow.Start{Invitation: secret})
			if err == nil {
				_, err = h.Flows.Answer(t.Context(), caller, s.ID, answer(core.ChoicePassword, flowtest.Password))
			}
			return err
		}
		if err := join(risktest.Berlin, "guest@mailinator.com"); err != nil {
			t.Errorf("law: who was invited passes the lists of domains; got %v", err)
		}
		want(t, join(risktest.Tehran, "other@mailinator.com"), core.CodePlaceRefused, "law: and no others")
	})
}

// Who signs in on the pages comes from their browser, though an application's
// server fetches the tokens.
func TestLoginCodesRememberTheAddress(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := judging(t, h, map[string]any{"risk.new_country": "record"})
		browser := at(app, risktest.NewYork)
		s, err := give(t, h, browser, "ana@example.org")
		must(t, err)
		done, err := h.Flows.CompleteWithCode(t.Context(), browser, s.ID)
		must(t, err)
		_, err = h.Sessions.ExchangeCode(t.Context(), app, core.DefaultSettings(), done.Code, "")
		must(t, err)
		user, _ := person(t, h, app, "ana@example.org")
		sessions, _, _, err := h.Sessions.List(t.Context(), app, core.Query{Size: 10})
		must(t, err)
		if user.LastLoginAddress != risktest.NewYork || len(sessions) != 1 || sessions[0].Session.Address != risktest.NewYork {
			t.Errorf("law: a session is of where the person is; the last sign-in was from %s, the session is %+v", user.LastLoginAddress, sessions)
		}
		must(t, h.Store.As(app).View(t.Context(), func(tx *store.Tx) error {
			seen, err := tx.Sightings(user.ID)
			if len(seen) != 1 || seen[0].Place.Country != "US" {
				t.Errorf("law: and so is the place that is remembered; there is %+v", seen)
			}
			return err
		}))
	})
}
