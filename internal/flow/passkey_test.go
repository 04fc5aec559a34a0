package flow_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/deliver"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// withPasskeys makes a pool that takes passwords and passkeys, with Ana in it.
func withPasskeys(t *testing.T, h *flowtest.House, name string, more map[string]any) (core.Caller, core.User) {
	t.Helper()
	values := map[string]any{"signup.verify_email": false, "signin.primary": []string{"password", "passkey"}, "budget.flows_per_minute": 0}
	for key, value := range more {
		values[key] = value
	}
	app := h.Pool(t, name, values)
	return app, h.Person(t, app, "ana@example.org")
}

// passkeyOf is what a flow shows of its passkey; nil: it offers none.
func passkeyOf(s flow.State) *flow.PasskeyPrompt {
	for _, p := range s.Prompts {
		if p.Choice == core.ChoicePasskey {
			return p.Passkey
		}
	}
	return nil
}

// begun begins the passkey of a flow and returns what the browser is asked.
func begun(t *testing.T, h *flowtest.House, app core.Caller, id core.FlowID) []byte {
	t.Helper()
	s, err := h.Flows.Restart(t.Context(), app, id, flow.Answer{Choice: core.ChoicePasskey})
	must(t, err)
	return passkeyOf(s).Options
}

func passkeyAnswer(signed []byte) flow.Answer {
	return flow.Answer{Choice: core.ChoicePasskey, Passkey: signed}
}

func TestPasskeysFromDoorToDoor(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, ana := withPasskeys(t, h, "demo", nil)
		var phone flowtest.Device

		s := start(t, h, app, "ana@example.org")
		if passkeyOf(s) != nil {
			t.Error("a passkey is asked of somebody who has none")
		}
		s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		if s.Phase != core.PhaseCompleted || passkeyOf(s) == nil || !s.Prompts[0].Enrollment || passkeyOf(s).Options != nil {
			t.Fatalf("after the password: %+v", s)
		}
		options := begun(t, h, app, s.ID)
		var told struct {
			RP                     struct{ ID, Name string }
			User                   struct{ ID, Name, DisplayName string }
			Challenge, Attestation string
			AuthenticatorSelection struct{ ResidentKey, UserVerification string }
			ExcludeCredentials     []struct{ ID string }
		}
		must(t, json.Unmarshal(options, &told))
		if told.RP.ID != flowtest.RPID || told.RP.Name != "demo" || told.User.Name != "ana@example.org" || string(flowtest.Unbase64(t, told.User.ID)) != string(ana.ID) ||
			len(flowtest.Unbase64(t, told.Challenge)) != 32 || told.Attestation != "none" || told.AuthenticatorSelection.ResidentKey != "required" || told.AuthenticatorSelection.UserVerification != "preferred" {
			t.Errorf("the browser is asked %s", options)
		}
		s, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(phone.Create(t, options, flowtest.PageURL, nil)))
		must(t, err)
		if passkeyOf(s) != nil {
			t.Error("a passkey that was made is offered still")
		}
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)

		// By name: the person's own are listed.
		s = start(t, h, app, "ana@example.org")
		options = begun(t, h, app, s.ID)
		if !strings.Contains(string(options), base64.RawURLEncoding.EncodeToString(phone.Passkeys[0].ID)) || passkeyOf(s).Discovery {
			t.Errorf("the browser is asked %s", options)
		}
		s, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(phone.Get(t, options, flowtest.PageURL, nil)))
		must(t, err)
		if s.Phase != core.PhaseCompleted || passkeyOf(s) != nil {
			t.Errorf("after the passkey: %+v", s)
		}
		grant, err := h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		if grant.User.ID != ana.ID {
			t.Errorf("the tokens are of %s", grant.User.Email)
		}

		// By the passkey alone, which says who it is. There are two by now.
		laptop := flowtest.Device{}
		h.Passkey(t, app, &laptop, ana.ID)
		for _, device := range []*flowtest.Device{&phone, &laptop} {
			s = start(t, h, app, "")
			options = begun(t, h, app, s.ID)
			if s = stateOf(t, h, app, s.ID); !passkeyOf(s).Discovery || strings.Contains(string(options), "allowCredentials") {
				t.Errorf("the browser is asked %s", options)
			}
			s, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(device.Get(t, options, flowtest.PageURL, nil)))
			must(t, err)
			if s.Email != "ana@example.org" || !slices.Equal(s.Types, []core.FlowType{core.FlowSignin}) || s.Phase != core.PhaseCompleted {
				t.Errorf("after the passkey: %+v", s)
			}
		}

		// Somebody new chooses one and nothing else.
		s = start(t, h, app, "new@example.org")
		options = begun(t, h, app, s.ID)
		s, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(phone.Create(t, options, flowtest.PageURL, nil)))
		must(t, err)
		grant, err = h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		all, err := h.Directory.Authenticators(t.Context(), app, core.UserRef{Email: "new@example.org"})
		must(t, err)
		if len(all) != 1 || all[0].Kind != core.AuthenticatorPasskey || all[0].Counter != 1 {
			t.Errorf("somebody new has %+v", all)
		}
		s = start(t, h, app, "")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(phone.Get(t, begun(t, h, app, s.ID), flowtest.PageURL, nil)))
		must(t, err)
		again, err := h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		if again.User.ID != grant.User.ID {
			t.Error("the passkey of somebody new names another person")
		}
	})
}

// An application's own pages ask for passkeys where the pool's domain covers
// them, and nobody else's do.
func TestPasskeysOnPagesOfTheApplication(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, ana := withPasskeys(t, h, "demo", map[string]any{
			"passkey.rp_id": "example.org", "redirects.allowed": []string{"https://app.example.org/cb", "https://app.example.net/cb", "http://localhost:3000/cb"},
		})
		var d flowtest.Device
		h.Passkey(t, app, &d, ana.ID)
		s := start(t, h, app, "ana@example.org")
		if passkeyOf(s) != nil {
			t.Error("a passkey of another domain is asked for")
		}
		_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		options := begun(t, h, app, s.ID)
		for _, origin := range []string{"https://app.example.net", "https://other.example.org", "http://localhost:3000", "https://example.org"} {
			_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Create(t, options, origin, nil)))
			want(t, err, core.CodePasskeyRefused, "a new passkey on "+origin)
		}
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Create(t, options, "https://app.example.org", nil)))
		must(t, err)
		for _, origin := range []string{"https://app.example.org", flowtest.PageURL} {
			s = start(t, h, app, "")
			_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, begun(t, h, app, s.ID), origin, nil)))
			must(t, err)
		}
	})
}

func TestPasskeyChallengesEnd(t *testing.T) {
	database := storetest.SQLite(t)
	synctest.Test(t, func(t *testing.T) {
		h := flowtest.New(storetest.Open(t, database))
		app, ana := withPasskeys(t, h, "demo", nil)
		var d flowtest.Device
		h.Passkey(t, app, &d, ana.ID)
		s := start(t, h, app, "ana@example.org")
		signed := d.Get(t, begun(t, h, app, s.ID), flowtest.PageURL, nil)
		time.Sleep(5*time.Minute + time.Second)
		_, err := h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(signed))
		want(t, err, core.CodePasskeyRefused, "signing after five minutes")
		if passkeyOf(stateOf(t, h, app, s.ID)).Options != nil {
			t.Error("a challenge past its time is shown")
		}
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, begun(t, h, app, s.ID), flowtest.PageURL, nil)))
		must(t, err)
	})
}

// A passkey gets a person in who is locked out, as B7 wants, and says that they
// are disabled once it was right.
func TestPasskeysPassTheLockout(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, ana := withPasskeys(t, h, "demo", map[string]any{"lockout.failures": 1, "lockout.most": 5, "lockout.first_delay": "1h", "lockout.longest_delay": "1h"})
		var d flowtest.Device
		h.Passkey(t, app, &d, ana.ID)
		for range 3 {
			s := start(t, h, app, ana.Email)
			_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, "wrong"))
			if err == nil {
				t.Fatal("a wrong password was right")
			}
		}
		s := start(t, h, app, ana.Email)
		_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		want(t, err, core.CodeLocked, "the right password while locked out")
		signed := d.Get(t, begun(t, h, app, s.ID), flowtest.PageURL, nil)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(signed))
		must(t, err)
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)

		s = start(t, h, app, ana.Email)
		disabled := true
		_, err = h.Directory.Change(t.Context(), app, core.UserRef{Email: ana.Email}, directory.UserChange{Disabled: &disabled})
		must(t, err)
		options := begun(t, h, app, s.ID)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, options, flowtest.PageURL, func(c *flowtest.Ceremony) { c.Spoil = true })))
		want(t, err, core.CodePasskeyRefused, "a wrong passkey of somebody disabled")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, options, flowtest.PageURL, nil)))
		want(t, err, core.CodeDisabled, "the right passkey of somebody disabled")
	})
}

// Where the pool wants no other way in beside a passkey, none is offered to who
// has one; a concealed flow offers them, and they do not get in.
func TestPasskeysAlone(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, ana := withPasskeys(t, h, "demo", map[string]any{"signin.primary": []string{"password", "email_otp", "passkey"}, "passkey.allow_fallback": false, "code.resend_after": "0s"})
		must(t, h.Store.As(app).Update(t.Context(), func(tx *store.Tx) error {
			verified := ana
			verified.EmailVerified = true
			return tx.UpdateUser(verified)
		}))
		bob := h.Person(t, app, "bob@example.org")
		var d flowtest.Device
		h.Passkey(t, app, &d, ana.ID)
		if s := start(t, h, app, ana.Email); shapeOf(s) != "signin primary passkey" {
			t.Errorf("ana is offered %s", shapeOf(s))
		}
		if s := start(t, h, app, bob.Email); shapeOf(s) != "signin primary password reset_password" {
			t.Errorf("bob is offered %s", shapeOf(s))
		}
		concealed := func(email string) flow.State {
			t.Helper()
			s, err := h.Flows.Start(t.Context(), app, flow.Start{Types: []core.FlowType{core.FlowSignin}, Email: email, Concealed: true})
			must(t, err)
			return s
		}
		s := concealed(ana.Email)
		if mine, his := shapeOf(s), shapeOf(concealed(bob.Email)); mine != his {
			t.Errorf("concealed, ana is offered %s, and bob %s", mine, his)
		}
		_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, "wrong"))
		want(t, err, core.CodeWrongCredentials, "a wrong password")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		want(t, err, core.CodeNotOffered, "the right password")
		h.Mail(t)
		_, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceResetPassword})
		must(t, err)
		if mails := h.Mail(t); len(mails) != 0 {
			t.Errorf("a reset sent %+v", mails)
		}
		_, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceEmailOTP})
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceEmailOTP, Code: flowtest.MailedCode(t, h.Mail(t))})
		want(t, err, core.CodeNotOffered, "the right code")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, begun(t, h, app, s.ID), flowtest.PageURL, nil)))
		must(t, err)
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		// Bob makes one on his way, and is not stopped by it.
		s = start(t, h, app, bob.Email)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Create(t, begun(t, h, app, s.ID), flowtest.PageURL, nil)))
		must(t, err)
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
	})
}

// Whoever signs up by a passkey with somebody else's address proves the mailbox
// where the pool wants that, and goes when its owner comes (I1).
func TestPasskeysBeforeTheMailbox(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, _ := withPasskeys(t, h, "demo", map[string]any{"signin.primary": []string{"passkey", "email_otp"}, "signup.verify_email": true})
		var d flowtest.Device
		s := start(t, h, app, "victim@example.org")
		s, err := h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Create(t, begun(t, h, app, s.ID), flowtest.PageURL, nil)))
		must(t, err)
		if s.Phase != core.PhaseVerifyEmail {
			t.Errorf("after the passkey: %+v", s)
		}
		h.Set(t, app, map[string]any{"signup.verify_email": false})
		h.Mail(t)
		owner, err := h.Flows.Start(t.Context(), app, flow.Start{Types: []core.FlowType{core.FlowSignin}, Email: "victim@example.org", Concealed: true})
		must(t, err)
		_, err = h.Flows.Restart(t.Context(), app, owner.ID, flow.Answer{Choice: core.ChoiceEmailOTP})
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, owner.ID, flow.Answer{Choice: core.ChoiceEmailOTP, Code: flowtest.MailedCode(t, h.Mail(t))})
		must(t, err)
		again := start(t, h, app, "")
		_, err = h.Flows.Answer(t.Context(), app, again.ID, passkeyAnswer(d.Get(t, begun(t, h, app, again.ID), flowtest.PageURL, nil)))
		want(t, err, core.CodePasskeyRefused, "the passkey from before its owner came")
	})
}

// People go by names: the address comes when the passkey is begun, and a
// passkey tells nobody the address.
func TestPasskeysOfPeopleWhoGoByNames(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signup.verify_email": false, "username.format": "string", "signin.primary": []string{"passkey"}})
		s, err := h.Flows.Start(t.Context(), app, flow.Start{Username: "ana"})
		must(t, err)
		if !s.Prompts[0].NeedEmail {
			t.Errorf("no address is asked for: %+v", s.Prompts)
		}
		_, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoicePasskey})
		want(t, err, core.CodeInvalid, "beginning without an address")
		s, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoicePasskey, Email: "ana@example.org"})
		must(t, err)
		var d flowtest.Device
		options := passkeyOf(s).Options
		if !strings.Contains(string(options), `"name":"ana"`) {
			t.Errorf("the browser is asked %s", options)
		}
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Create(t, options, flowtest.PageURL, nil)))
		must(t, err)
		s = start(t, h, app, "")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, begun(t, h, app, s.ID), flowtest.PageURL, nil)))
		must(t, err)
		if s.Username != "ana" || s.Email != "" {
			t.Errorf("the passkey says %q and %q", s.Username, s.Email)
		}
	})
}

// Somebody has twenty passkeys at most, and goes on without one more.
func TestPasskeysAreNotWithoutEnd(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, ana := withPasskeys(t, h, "demo", nil)
		for n := range 21 {
			s := start(t, h, app, ana.Email)
			s, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			if (passkeyOf(s) != nil) != (n < 20) || s.Phase != core.PhaseCompleted {
				t.Errorf("with %d passkeys: %+v", n, s)
			}
			h.Passkey(t, app, &flowtest.Device{}, ana.ID)
		}
	})
}

// A pool whose pages are at an IP address has no passkeys, for WebAuthn has none.
func TestNoPasskeysForAnAddress(t *testing.T) {
	st := storetest.New(t)
	h := flowtest.New(st)
	h.Flows = flow.New(st, h.Pools, h.Passwords, h.Sessions, deliver.NewCaptchas(h.Store, ""), func(core.Pool) string { return "http://127.0.0.1:8400" })
	app, _ := withPasskeys(t, h, "demo", nil)
	s := start(t, h, app, "")
	if passkeyOf(s) != nil {
		t.Error("a passkey is asked for")
	}
	_, err := h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer([]byte(secret.Random())))
	want(t, err, core.CodeNotOffered, "a passkey")
}
