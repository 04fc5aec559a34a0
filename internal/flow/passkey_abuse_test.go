package flow_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
)

// foreign changes ceremonies so that they are not what was asked.
func foreign() map[string]func(*flowtest.Ceremony) {
	return map[string]func(*flowtest.Ceremony){
		"another site's page":          func(c *flowtest.Ceremony) { c.Origin = "https://login.example.org.evil.example" },
		"a page of the same domain":    func(c *flowtest.Ceremony) { c.Origin = "https://example.org" },
		"a page below, not registered": func(c *flowtest.Ceremony) { c.Origin = "https://evil.login.example.org" },
		"a page over http":             func(c *flowtest.Ceremony) { c.Origin = "http://login.example.org" },
		"a page at another port":       func(c *flowtest.Ceremony) { c.Origin = "https://login.example.org:8443" },
		"a page of no origin":          func(c *flowtest.Ceremony) { c.Origin = "null" },
		"a registered page elsewhere":  func(c *flowtest.Ceremony) { c.Origin = "https://app.example.net" },
		"another domain":               func(c *flowtest.Ceremony) { c.RPID = "example.org" },
		"another type":                 func(c *flowtest.Ceremony) { c.Type = "payment.get" },
		"the other ceremony's type": func(c *flowtest.Ceremony) {
			c.Type = map[bool]string{true: "webauthn.get", false: "webauthn.create"}[c.Handle == nil]
		},
		"another challenge":              func(c *flowtest.Ceremony) { c.Challenge = base64.RawURLEncoding.EncodeToString(make([]byte, 32)) },
		"no challenge":                   func(c *flowtest.Ceremony) { c.Challenge = "" },
		"a challenge cut short":          func(c *flowtest.Ceremony) { c.Challenge = c.Challenge[:22] },
		"nobody there":                   func(c *flowtest.Ceremony) { c.Flags &^= flowtest.FlagPresent },
		"a backup that is not possible":  func(c *flowtest.Ceremony) { c.Flags |= flowtest.FlagBackedUp },
		"M11: inside another site":       func(c *flowtest.Ceremony) { c.CrossOrigin = true },
		"M11: inside a named other site": func(c *flowtest.Ceremony) { c.CrossOrigin, c.TopOrigin = true, "https://evil.example" },
		"M11: inside one of ours":        func(c *flowtest.Ceremony) { c.CrossOrigin, c.TopOrigin = true, flowtest.PageURL },
		"M11: below a page, and not in":  func(c *flowtest.Ceremony) { c.TopOrigin = "https://evil.example" },
	}
}

// TestM10CeremoniesForAnotherSite is the abuse cases M10 and M11: what a passkey
// has signed elsewhere, or for something else, is refused and changes nothing,
// and the flow goes on with the same challenge.
func TestM10CeremoniesForAnotherSite(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, ana := withPasskeys(t, h, "demo", map[string]any{"redirects.allowed": []string{"https://app.example.net/cb"}})
		var d flowtest.Device
		h.Passkey(t, app, &d, ana.ID)
		signIn := foreign()
		signIn["a signature that is none"] = func(c *flowtest.Ceremony) { c.Spoil = true }
		for name, begin := range map[string]func() flow.State{
			"named":     func() flow.State { return start(t, h, app, "ana@example.org") },
			"discovery": func() flow.State { return start(t, h, app, "") },
		} {
			s := begin()
			options := begun(t, h, app, s.ID)
			before := facts(t, h, app, s.ID)
			for what, change := range signIn {
				_, err := h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, options, flowtest.PageURL, change)))
				want(t, err, core.CodePasskeyRefused, name+" with "+what)
				if !bytes.Equal(facts(t, h, app, s.ID), before) {
					t.Errorf("%s with %s changed the facts", name, what)
				}
			}
			_, err := h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, options, flowtest.PageURL, nil)))
			must(t, err)
		}
		s := start(t, h, app, "ana@example.org")
		_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		var laptop flowtest.Device
		options := begun(t, h, app, s.ID)
		before := facts(t, h, app, s.ID)
		for what, change := range foreign() {
			_, err := h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(laptop.Create(t, options, flowtest.PageURL, change)))
			want(t, err, core.CodePasskeyRefused, "a new passkey with "+what)
			if !bytes.Equal(facts(t, h, app, s.ID), before) {
				t.Errorf("a new passkey with %s changed the facts", what)
			}
		}
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(laptop.Create(t, options, flowtest.PageURL, nil)))
		must(t, err)
		refusals := 0
		for _, e := range h.Events(t, app) {
			if e.Name == core.EventFlowRefused && e.Reason == string(core.CodePasskeyRefused) {
				refusals++
			}
		}
		if n := 2*len(signIn) + len(foreign()); refusals != n {
			t.Errorf("%d refusals are remembered, and there were %d", refusals, n)
		}
	})
}

// TestM12ChallengeUsedAgain is abuse case M12: a challenge is good for five
// minutes, for one flow, and once, however many bring what was signed at one
// moment.
func TestM12ChallengeUsedAgain(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, ana := withPasskeys(t, h, "demo", nil)
		// One that does not count, so that the challenge alone keeps a replay out.
		var d flowtest.Device
		s := start(t, h, app, ana.Email)
		_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Create(t, begun(t, h, app, s.ID), flowtest.PageURL, func(c *flowtest.Ceremony) { c.Counter = 0 })))
		must(t, err)
		for range rounds(t) {
			s := start(t, h, app, "")
			signed := d.Get(t, begun(t, h, app, s.ID), flowtest.PageURL, nil)
			once(t, "a passkey's challenge", parallel(width, func(int) error {
				_, err := h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(signed))
				return err
			}))
			if bytes.Contains(facts(t, h, app, s.ID), []byte("passkey_challenge")) {
				t.Error("a challenge that was used is kept")
			}
			other := start(t, h, app, "")
			_, err := h.Flows.Answer(t.Context(), app, other.ID, passkeyAnswer(signed))
			want(t, err, core.CodePasskeyRefused, "before a challenge was issued")
			begun(t, h, app, other.ID)
			_, err = h.Flows.Answer(t.Context(), app, other.ID, passkeyAnswer(signed))
			want(t, err, core.CodePasskeyRefused, "in another flow")
		}
		// A newer challenge takes the place of the one before.
		s = start(t, h, app, "ana@example.org")
		first := begun(t, h, app, s.ID)
		second := begun(t, h, app, s.ID)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, first, flowtest.PageURL, nil)))
		want(t, err, core.CodePasskeyRefused, "an older challenge")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, second, flowtest.PageURL, nil)))
		must(t, err)
		// Making one uses its challenge once too.
		for n := range rounds(t) {
			email := fmt.Sprintf("person-%d@example.org", n)
			h.Person(t, app, email)
			s = start(t, h, app, email)
			_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
			must(t, err)
			made := (&flowtest.Device{}).Create(t, begun(t, h, app, s.ID), flowtest.PageURL, nil)
			once(t, "a new passkey's challenge", parallel(width, func(int) error {
				_, err := h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(made))
				return err
			}))
			if bytes.Contains(facts(t, h, app, s.ID), []byte("passkey_challenge")) {
				t.Error("a challenge that was used is kept")
			}
		}
	})
}

// TestM13TouchIsOneFactor is abuse case M13: a passkey that did not make sure of
// who holds it is one factor, even where a pool lets passkeys stand for two.
func TestM13TouchIsOneFactor(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, ana := withPasskeys(t, h, "demo", map[string]any{"signin.secondary": []string{"email_otp"}, "signin.require_secondary": true, "signin.skip_secondary": []string{"passkey"}})
		var d flowtest.Device
		h.Passkey(t, app, &d, ana.ID)
		for verified, phase := range map[bool]core.Phase{true: core.PhaseCompleted, false: core.PhaseSecondary} {
			s := start(t, h, app, "ana@example.org")
			s, err := h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, begun(t, h, app, s.ID), flowtest.PageURL, func(c *flowtest.Ceremony) {
				if !verified {
					c.Flags &^= flowtest.FlagVerified
				}
			})))
			must(t, err)
			if s.Phase != phase {
				t.Errorf("verified %v: the flow is in %s", verified, s.Phase)
			}
			up := start(t, h, app, map[bool]string{true: "one@example.org", false: "two@example.org"}[verified])
			up, err = h.Flows.Answer(t.Context(), app, up.ID, passkeyAnswer(d.Create(t, begun(t, h, app, up.ID), flowtest.PageURL, func(c *flowtest.Ceremony) {
				if !verified {
					c.Flags &^= flowtest.FlagVerified
				}
			})))
			must(t, err)
			if up.Phase != phase {
				t.Errorf("signing up, verified %v: the flow is in %s", verified, up.Phase)
			}
		}
	})
}

// TestM14CounterGoesBack is abuse case M14: a counter that does not go on is a
// copy's. It is refused and remembered; who never counts may go on so.
func TestM14CounterGoesBack(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, ana := withPasskeys(t, h, "demo", nil)
		var d flowtest.Device
		h.Passkey(t, app, &d, ana.ID)
		try := func(counter uint32) error {
			s := start(t, h, app, "ana@example.org")
			_, err := h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, begun(t, h, app, s.ID), flowtest.PageURL, func(c *flowtest.Ceremony) { c.Counter = counter })))
			return err
		}
		must(t, try(7))
		for _, counter := range []uint32{7, 6, 1, 0} {
			want(t, try(counter), core.CodePasskeyRefused, "a counter that goes back")
		}
		must(t, try(8))
		must(t, try(1<<32-1))
		copied := 0
		for _, e := range h.Events(t, app) {
			if e.Name == core.EventPasskeyCopied && e.Target == string(ana.ID) {
				copied++
			}
		}
		if copied != 4 {
			t.Errorf("%d copies are remembered, want 4", copied)
		}

		bob := h.Person(t, app, "bob@example.org")
		var still flowtest.Device
		s := start(t, h, app, bob.Email)
		_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(still.Create(t, begun(t, h, app, s.ID), flowtest.PageURL, func(c *flowtest.Ceremony) { c.Counter = 0 })))
		must(t, err)
		for range 3 {
			s := start(t, h, app, bob.Email)
			_, err := h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(still.Get(t, begun(t, h, app, s.ID), flowtest.PageURL, nil)))
			must(t, err)
		}
	})
}

// TestM15PasskeyOfSomebodyElse is the abuse cases M15 and F8: a passkey proves
// its own person and no other, and is registered once.
func TestM15PasskeyOfSomebodyElse(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, ana := withPasskeys(t, h, "demo", nil)
		other, _ := withPasskeys(t, h, "other", nil)
		bob := h.Person(t, app, "bob@example.org")
		var anas, bobs flowtest.Device
		h.Passkey(t, app, &anas, ana.ID)
		h.Passkey(t, app, &bobs, bob.ID)

		tries := map[string]struct {
			app    core.Caller
			email  string
			device *flowtest.Device
			change func(*flowtest.Ceremony)
		}{
			"bob's in ana's flow":              {app, ana.Email, &bobs, nil},
			"bob's in ana's flow, saying ana":  {app, ana.Email, &bobs, func(c *flowtest.Ceremony) { c.Handle = []byte(ana.ID) }},
			"bob's key under ana's id":         {app, ana.Email, &bobs, func(c *flowtest.Ceremony) { c.ID, c.Handle = anas.Passkeys[0].ID, []byte(ana.ID) }},
			"ana's, saying bob":                {app, ana.Email, &anas, func(c *flowtest.Ceremony) { c.Handle = []byte(bob.ID) }},
			"ana's, saying bob, by discovery":  {app, "", &anas, func(c *flowtest.Ceremony) { c.Handle = []byte(bob.ID) }},
			"ana's, saying nobody":             {app, "", &anas, func(c *flowtest.Ceremony) { c.Handle = nil }},
			"ana's, saying something":          {app, "", &anas, func(c *flowtest.Ceremony) { c.Handle = []byte("x") }},
			"one that nobody has":              {app, "", &anas, func(c *flowtest.Ceremony) { c.ID = []byte("another id") }},
			"ana's in another pool":            {other, "", &anas, nil},
			"ana's in another pool's ana":      {other, ana.Email, &anas, nil},
			"ana's for somebody who is nobody": {app, "nobody@example.org", &anas, nil},
		}
		h.Passkey(t, other, &flowtest.Device{}, userOf(t, h, other, ana.Email))
		h.Set(t, app, map[string]any{"signup.enabled": false})
		for name, try := range tries {
			s := start(t, h, try.app, try.email)
			options := begun(t, h, try.app, s.ID)
			_, err := h.Flows.Answer(t.Context(), try.app, s.ID, passkeyAnswer(try.device.Get(t, options, flowtest.PageURL, try.change)))
			want(t, err, core.CodePasskeyRefused, name)
			if s = stateOf(t, h, try.app, s.ID); s.Phase != core.PhasePrimary || passkeyOf(s).Options == nil {
				t.Errorf("%s: the flow cannot go on: %+v", name, s)
			}
		}

		// Bob registers what Ana has.
		s := start(t, h, app, bob.Email)
		_, err := h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		same := func(c *flowtest.Ceremony) { c.ID = anas.Passkeys[0].ID }
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer((&flowtest.Device{}).Create(t, begun(t, h, app, s.ID), flowtest.PageURL, same)))
		want(t, err, core.CodeTaken, "a passkey that ana has")
		h.Set(t, app, map[string]any{"signup.enabled": true})
		up := start(t, h, app, "new@example.org")
		_, err = h.Flows.Answer(t.Context(), app, up.ID, passkeyAnswer((&flowtest.Device{}).Create(t, begun(t, h, app, up.ID), flowtest.PageURL, same)))
		want(t, err, core.CodeTaken, "a passkey that ana has, of somebody new")
		// Another id than the passkey's own is reported.
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(renamed(t, (&flowtest.Device{}).Create(t, begun(t, h, app, s.ID), flowtest.PageURL, nil))))
		want(t, err, core.CodePasskeyRefused, "a new passkey under another id")

		// What was taken from her lets nobody in, nor goes a flow on with it.
		s = start(t, h, app, ana.Email)
		options := begun(t, h, app, s.ID)
		done := start(t, h, app, "")
		done, err = h.Flows.Answer(t.Context(), app, done.ID, passkeyAnswer(anas.Get(t, begun(t, h, app, done.ID), flowtest.PageURL, nil)))
		must(t, err)
		all, err := h.Directory.Authenticators(t.Context(), app, core.UserRef{Email: ana.Email})
		must(t, err)
		for _, a := range all {
			if a.Kind == core.AuthenticatorPasskey {
				must(t, h.Directory.RemoveAuthenticator(t.Context(), app, core.DefaultSettings(), core.UserRef{Email: ana.Email}, a.ID))
			}
		}
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(anas.Get(t, options, flowtest.PageURL, nil)))
		want(t, err, core.CodeNotOffered, "a passkey that was removed")
		_, err = h.Flows.Complete(t.Context(), app, done.ID)
		want(t, err, core.CodeFlowIncomplete, "completing with a passkey that was removed")
		h.Passkey(t, app, &flowtest.Device{}, ana.ID)
		_, err = h.Flows.Complete(t.Context(), app, done.ID)
		want(t, err, core.CodeFlowIncomplete, "completing with a passkey that was removed, though there is another")
	})
}

func userOf(t *testing.T, h *flowtest.House, app core.Caller, email string) core.UserID {
	t.Helper()
	user, err := h.Directory.Get(t.Context(), app, core.UserRef{Email: email})
	must(t, err)
	return user.ID
}

// renamed puts another id outside than is inside of what was signed.
func renamed(t *testing.T, made []byte) []byte {
	t.Helper()
	var credential map[string]any
	must(t, json.Unmarshal(made, &credential))
	credential["id"], credential["rawId"] = "AAAA", "AAAA"
	text, err := json.Marshal(credential)
	must(t, err)
	return text
}

// TestM16FlagsAndStructures is abuse case M16: whether a passkey can be backed
// up never changes, and what cannot be read is refused before anything costly.
func TestM16FlagsAndStructures(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, ana := withPasskeys(t, h, "demo", nil)
		var d flowtest.Device
		h.Passkey(t, app, &d, ana.ID)
		s := start(t, h, app, ana.Email)
		options := begun(t, h, app, s.ID)
		_, err := h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, options, flowtest.PageURL, func(c *flowtest.Ceremony) { c.Flags |= flowtest.FlagBackupEligible })))
		want(t, err, core.CodePasskeyRefused, "a passkey that can be backed up all at once")

		deep := bytes.Repeat([]byte{0x81}, 10_000) // arrays in arrays
		long := []byte{0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
		b64 := base64.RawURLEncoding.EncodeToString
		client := b64([]byte(`{"type":"webauthn.create","challenge":"x","origin":"x"}`))
		for _, text := range []string{
			`{}`, `[]`, `null`, `"x"`, `{"id":1}`, `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`,
			`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"` + client + `","authenticatorData":"AA","signature":"AA"}}`,
			`{"id":"AA","rawId":"AB","type":"public-key","response":{"clientDataJSON":"` + client + `","authenticatorData":"AA","signature":"AA"}}`,
			`{"id":"AA","rawId":"AA","type":"password","response":{}}`,
		} {
			_, err := h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer([]byte(text)))
			want(t, err, core.CodeInvalid, text)
		}
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, options, flowtest.PageURL, nil)))
		must(t, err)

		s = start(t, h, app, ana.Email)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoicePassword, flowtest.Password))
		must(t, err)
		options = begun(t, h, app, s.ID)
		for _, object := range [][]byte{nil, deep, long, {0xa1}, {0xbf, 0xff}, bytes.Repeat([]byte{0xbf}, 1000), {0xa3, 0x63, 'f', 'm', 't', 0x64, 'n', 'o', 'n', 'e'}} {
			_, err := h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"`+client+`","attestationObject":"`+b64(object)+`"}}`)))
			want(t, err, core.CodeInvalid, "a structure that is none")
		}
		// A proof is no new passkey, and the other way round.
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer(d.Get(t, options, flowtest.PageURL, nil)))
		want(t, err, core.CodeInvalid, "a proof in place of a new passkey")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer((&flowtest.Device{}).Create(t, options, flowtest.PageURL, func(c *flowtest.Ceremony) { c.ID = make([]byte, 1024) })))
		want(t, err, core.CodeInvalid, "an id that is too long")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, passkeyAnswer((&flowtest.Device{}).Create(t, options, flowtest.PageURL, nil)))
		must(t, err)
	})
}

// TestA10PasskeysTellNothing is abuse case A10: what the browser is asked does
// not tell whether somebody is there.
func TestA10PasskeysTellNothing(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app, ana := withPasskeys(t, h, "demo", map[string]any{"signup.enabled": false})
		h.Passkey(t, app, &flowtest.Device{}, ana.ID)
		h.Person(t, app, "bob@example.org") // has none
		look := func(email string, concealed bool) map[string]any {
			t.Helper()
			s, err := h.Flows.Start(t.Context(), app, flow.Start{Types: []core.FlowType{core.FlowSignin}, Email: email, Concealed: concealed})
			must(t, err)
			var o map[string]any
			must(t, json.Unmarshal(begun(t, h, app, s.ID), &o))
			delete(o, "challenge")
			return o
		}
		// Openly, nobody has one too, of the same form and always the same.
		form := func(o map[string]any) string {
			list := o["allowCredentials"].([]any)
			one := list[0].(map[string]any)
			id := one["id"].(string)
			delete(one, "transports")
			one["id"] = len(id)
			text, err := json.Marshal(o)
			must(t, err)
			return id + " " + string(text)
		}
		anas, nobody, again, other := form(look(ana.Email, false)), form(look("nobody@example.org", false)), form(look("Nobody@example.org", false)), form(look("else@example.org", false))
		if nobody != again {
			t.Errorf("nobody's passkey changes:\n%s\n%s", nobody, again)
		}
		if nobody == other || nobody[43:] != anas[43:] {
			t.Errorf("nobody's passkey looks otherwise:\n%s\n%s\n%s", nobody, other, anas)
		}
		// Concealed, it is the same for everybody.
		var looks []string
		for _, email := range []string{ana.Email, "bob@example.org", "nobody@example.org"} {
			text, err := json.Marshal(look(email, true))
			must(t, err)
			looks = append(looks, string(text))
		}
		if looks[0] != looks[1] || looks[0] != looks[2] {
			t.Errorf("the browser is asked\n%s", strings.Join(looks, "\n"))
		}
	})
}
