package flow_test

import (
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// prompted is what a flow shows of a choice.
func prompted(t *testing.T, s flow.State, choice core.ChoiceName) flow.Prompt {
	t.Helper()
	for _, p := range s.Prompts {
		if p.Choice == choice {
			return p
		}
	}
	t.Fatalf("%s is not on offer in %s", choice, shapeOf(s))
	return flow.Prompt{}
}

func tryTOTP(t *testing.T, h *flowtest.House, app core.Caller, id core.FlowID, code string) (flow.State, error) {
	t.Helper()
	return h.Flows.Answer(t.Context(), app, id, flow.Answer{Choice: core.ChoiceTOTP, Code: code})
}

// guarded makes a pool in which everybody needs a computed code behind their
// password, with ana and bob in it, whose mailboxes are proved.
func guarded(t *testing.T, h *flowtest.House, values map[string]any) core.Caller {
	t.Helper()
	all := map[string]any{"signin.primary": []string{"password"}, "signin.secondary": []string{"totp"}, "signin.require_secondary": true, "signup.verify_email": false, "lockout.failures": 100, "link.resend_after": "0s"}
	for key, value := range values {
		all[key] = value
	}
	app := h.Pool(t, "demo", all)
	for _, email := range []string{"ana@example.org", "bob@example.org"} {
		verified(t, h, app, h.Person(t, app, email))
	}
	return app
}

// verified proves somebody's mailbox, as no caller can.
func verified(t *testing.T, h *flowtest.House, app core.Caller, user core.User) {
	t.Helper()
	user.EmailVerified = true
	must(t, h.Store.As(app).Update(t.Context(), func(tx *store.Tx) error { return tx.UpdateUser(user) }))
}

// enrolled gives somebody a computed code as their second factor, and returns
// its seed and their recovery codes.
func enrolled(t *testing.T, h *flowtest.House, app core.Caller, email string) (secret.Text, []secret.Text) {
	t.Helper()
	s := behindPassword(t, h, app, email)
	seed := prompted(t, s, core.ChoiceTOTP).Seed.Secret
	s, err := tryTOTP(t, h, app, s.ID, flowtest.TOTPCode(t, seed, 0))
	must(t, err)
	codes := prompted(t, s, core.ChoiceRecoveryCode).Codes
	_, err = h.Flows.Complete(t.Context(), app, s.ID)
	must(t, err)
	return seed, codes
}

// forgiven forgets somebody's tries.
func forgiven(t *testing.T, h *flowtest.House, app core.Caller, email string) {
	t.Helper()
	user, err := h.Directory.Get(t.Context(), app, core.UserRef{Email: email})
	must(t, err)
	must(t, h.Store.As(app).Update(t.Context(), func(tx *store.Tx) error { return tx.Forgive(string(user.ID)) }))
}

// manyBehindPassword begins as many flows as try at once.
func manyBehindPassword(t *testing.T, h *flowtest.House, app core.Caller, email string) []core.FlowID {
	t.Helper()
	ids := make([]core.FlowID, width)
	for i := range ids {
		ids[i] = behindPassword(t, h, app, email).ID
	}
	forgiven(t, h, app, email)
	return ids
}

// rested sets the steps that were used back, as if time had passed.
func rested(t *testing.T, database string) {
	t.Helper()
	_, err := storetest.Raw(t, database).ExecContext(t.Context(), `UPDATE authenticators SET counter = counter - 100 WHERE kind = 'totp'`)
	must(t, err)
}

// TestM1CodeOfAStepIsUsedOnce is abuse case M1: a code that let somebody in, or
// with which they enrolled, does so no second time, in whichever flow it comes
// and however many come at once.
func TestM1CodeOfAStepIsUsedOnce(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		h := flowtest.New(storetest.Open(t, database))
		app := guarded(t, h, map[string]any{"budget.tries_per_minute": 0, "lockout.most": 100})
		s := behindPassword(t, h, app, "ana@example.org")
		seed := prompted(t, s, core.ChoiceTOTP).Seed.Secret
		first := flowtest.TOTPCode(t, seed, 0)
		_, err := tryTOTP(t, h, app, s.ID, first)
		must(t, err)
		s = behindPassword(t, h, app, "ana@example.org")
		_, err = tryTOTP(t, h, app, s.ID, first)
		want(t, err, core.CodeWrongCode, "the code of the enrolment")
		next := flowtest.TOTPCode(t, seed, 1)
		_, err = tryTOTP(t, h, app, s.ID, next)
		must(t, err)
		for range 2 {
			s = behindPassword(t, h, app, "ana@example.org")
			_, err = tryTOTP(t, h, app, s.ID, next)
			want(t, err, core.CodeWrongCode, "a code that was used")
			_, err = h.Flows.Complete(t.Context(), app, s.ID)
			want(t, err, core.CodeFlowIncomplete, "completing behind it")
		}
		for range rounds(t) {
			rested(t, database)
			ids := manyBehindPassword(t, h, app, "ana@example.org")
			code := flowtest.TOTPCode(t, seed, 1)
			once(t, "using a computed code in many flows", parallel(width, func(i int) error {
				_, err := tryTOTP(t, h, app, ids[i], code)
				return err
			}))
			forgiven(t, h, app, "ana@example.org")
		}
		for range rounds(t) {
			email := "new-" + strings.ToLower(secret.Random()[:8]) + "@example.org"
			h.Person(t, app, email)
			s := behindPassword(t, h, app, email)
			code := flowtest.TOTPCode(t, prompted(t, s, core.ChoiceTOTP).Seed.Secret, 0)
			once(t, "enrolling with a computed code", parallel(width, func(int) error {
				_, err := tryTOTP(t, h, app, s.ID, code)
				return err
			}))
		}
	})
}

// TestM3SeedIsShownWhileItIsNew is abuse case M3: a seed has 160 bits, is one
// flow's own, is shown while it is enrolled and never again, and stands nowhere
// in clear.
func TestM3SeedIsShownWhileItIsNew(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		h, raw := flowtest.New(storetest.Open(t, database)), storetest.Raw(t, database)
		app := guarded(t, h, map[string]any{"totp.issuer": "Acme"})
		s := behindPassword(t, h, app, "ana@example.org")
		shown := *prompted(t, s, core.ChoiceTOTP).Seed
		seed := shown.Secret
		plain, err := base32.StdEncoding.DecodeString(seed.Reveal())
		must(t, err)
		if len(plain) != 20 || shown.Issuer != "Acme" || shown.Account != "ana@example.org" || !strings.Contains(shown.Address(), seed.Reveal()) {
			t.Errorf("law: a seed has 160 bits and says whose it is; got %d bytes, %+v", len(plain), shown)
		}
		// Looking, and a wrong code, change nothing; a restart changes it.
		_, err = tryTOTP(t, h, app, s.ID, "00000x")
		want(t, err, core.CodeWrongCode, "a code of nothing")
		if again := prompted(t, stateOf(t, h, app, s.ID), core.ChoiceTOTP).Seed.Secret; again != seed {
			t.Error("law: a flow's seed stays the same until another is asked for")
		}
		s, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceTOTP})
		must(t, err)
		other := prompted(t, s, core.ChoiceTOTP).Seed.Secret
		elsewhere := prompted(t, behindPassword(t, h, app, "ana@example.org"), core.ChoiceTOTP).Seed.Secret
		if other == seed || elsewhere == seed || elsewhere == other {
			t.Error("law: no two flows, and no two restarts, have one seed")
		}
		_, err = tryTOTP(t, h, app, s.ID, flowtest.TOTPCode(t, seed, 0))
		want(t, err, core.CodeWrongCode, "a code of the seed before")
		hidden := func(when string) {
			t.Helper()
			dump := strings.ToLower(fmt.Sprint(storetest.Dump(t, raw, app.Pool)))
			for what, text := range map[string]string{"text": other.Reveal(), "bytes": string(rawSeed(t, other)), "hex": hex.EncodeToString(rawSeed(t, other))} {
				if strings.Contains(dump, strings.ToLower(text)) {
					t.Errorf("law: the database never holds a seed in clear; %s it has its %s", when, what)
				}
			}
		}
		hidden("while it is shown")
		s, err = tryTOTP(t, h, app, s.ID, flowtest.TOTPCode(t, other, 0))
		must(t, err)
		hidden("once it is enrolled")
		told, err := json.Marshal(h.Events(t, app))
		must(t, err)
		if strings.Contains(strings.ToUpper(string(told)), other.Reveal()) {
			t.Error("law: no event holds a seed")
		}
		for _, after := range []flow.State{s, behindPassword(t, h, app, "ana@example.org")} {
			for _, p := range after.Prompts {
				if p.Seed != nil || (p.Choice == core.ChoiceTOTP && p.Enrollment) {
					t.Errorf("law: a seed is shown while it is enrolled; %s shows it later", p.Choice)
				}
			}
		}
		s = behindPassword(t, h, app, "ana@example.org")
		s, err = h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceTOTP})
		must(t, err)
		if p := prompted(t, s, core.ChoiceTOTP); p.Seed != nil || p.Enrollment {
			t.Error("law: whoever has a seed is shown no other")
		}
		_, err = tryTOTP(t, h, app, s.ID, flowtest.TOTPCode(t, other, 1))
		must(t, err)
	})
}

func rawSeed(t *testing.T, seed secret.Text) []byte {
	t.Helper()
	plain, err := base32.StdEncoding.DecodeString(seed.Reveal())
	must(t, err)
	return plain
}

// TestM4NoSecondWayBesideTheFirst is abuse case M4: whoever has a password, or
// a session, adds no factor to those that a person has.
func TestM4NoSecondWayBesideTheFirst(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := guarded(t, h, map[string]any{"signin.secondary": []string{"email_otp", "totp"}, "signin.require_secondary": false})
		s := start(t, h, app, "ana@example.org")
		for _, choice := range []core.ChoiceName{core.ChoiceTOTP, core.ChoiceRecoveryCode} {
			for _, verb := range []func() (flow.State, error){
				func() (flow.State, error) {
					return h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: choice, Code: "123456"})
				},
				func() (flow.State, error) {
					return h.Flows.Restart(t.Context(), app, s.ID, flow.Answer{Choice: choice})
				},
			} {
				_, err := verb()
				want(t, err, core.CodeNotOffered, string(choice)+" before the first factor")
			}
		}
		h.Set(t, app, map[string]any{"signin.require_secondary": true})
		enrolled(t, h, app, "ana@example.org")
		h.Set(t, app, map[string]any{"signin.require_secondary": false})
		s = behindPassword(t, h, app, "ana@example.org")
		if shape := shapeOf(s); offered(s, core.ChoiceEmailOTP) || prompted(t, s, core.ChoiceTOTP).Enrollment {
			t.Errorf("law: who has a second factor gives it, and adds none before; offered is %s", shape)
		}
	})
}

// A proof counts for the very factor that gave it: when that was taken away,
// another of its kind does not stand in for it in flows that are under way.
func TestProofIsOfTheVeryFactor(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := guarded(t, h, nil)
		seed, _ := enrolled(t, h, app, "ana@example.org")
		old := behindPassword(t, h, app, "ana@example.org")
		old, err := tryTOTP(t, h, app, old.ID, flowtest.TOTPCode(t, seed, 1))
		must(t, err)
		if old.Phase != core.PhaseCompleted {
			t.Fatalf("behind both factors the flow is in %s", old.Phase)
		}
		all, err := h.Directory.Authenticators(t.Context(), app, core.UserRef{Email: "ana@example.org"})
		must(t, err)
		for _, a := range all {
			if a.Kind == core.AuthenticatorTOTP {
				must(t, h.Directory.RemoveAuthenticator(t.Context(), app, core.DefaultSettings(), core.UserRef{Email: "ana@example.org"}, a.ID))
			}
		}
		enrolled(t, h, app, "ana@example.org")
		old, err = h.Flows.State(t.Context(), app, old.ID)
		must(t, err)
		if old.Phase != core.PhaseSecondary {
			t.Errorf("law: the proof of a factor that is gone proves nothing, whatever took its place; the flow is in %s", old.Phase)
		}
		_, err = h.Flows.Complete(t.Context(), app, old.ID)
		want(t, err, core.CodeFlowIncomplete, "completing by a factor that is gone")
	})
}

// TestM9MailAloneIsNotEnough is abuse case M9: who reads the mailbox of
// somebody with a second factor has one factor.
func TestM9MailAloneIsNotEnough(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := guarded(t, h, map[string]any{"signin.primary": []string{"password", "magic_link"}, "signin.secondary": []string{"totp", "email_otp"}})
		user, err := h.Directory.Get(t.Context(), app, core.UserRef{Email: "ana@example.org"})
		must(t, err)
		h.Enrol(t, app, core.Authenticator{User: user.ID, Kind: core.AuthenticatorMagicLink})
		enrolled(t, h, app, "ana@example.org")
		guard := func(s flow.State) {
			t.Helper()
			if s.Phase != core.PhaseSecondary || offered(s, core.ChoiceEmailOTP) || prompted(t, s, core.ChoiceTOTP).Enrollment {
				t.Errorf("law: the mailbox is one factor; behind it is %s", shapeOf(s))
			}
			_, err := h.Flows.Complete(t.Context(), app, s.ID)
			want(t, err, core.CodeFlowIncomplete, "completing with the mailbox alone")
		}
		s := start(t, h, app, "ana@example.org")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, mailed(core.ChoiceMagicLink)(t, h, app, s))
		must(t, err)
		guard(s)
		s = start(t, h, app, "ana@example.org")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, mailed(core.ChoiceResetPassword)(t, h, app, s))
		must(t, err)
		s, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoiceSetPassword, "another fine phrase 8"))
		must(t, err)
		guard(s)
	})
}

// Whoever signed up with the address of somebody else stays by no factor when
// its owner comes, by whichever mail (I1 to I3).
func TestOwnerOfTheMailboxFindsNoOtherFactor(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := guarded(t, h, map[string]any{"signin.primary": []string{"password", "totp"}, "signin.skip_secondary": []string{"totp"}, "signin.require_secondary": false})
		s := start(t, h, app, "victim@example.org")
		seed := prompted(t, s, core.ChoiceTOTP).Seed.Secret
		s, err := tryTOTP(t, h, app, s.ID, flowtest.TOTPCode(t, seed, 0))
		must(t, err)
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		s = start(t, h, app, "victim@example.org")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, mailed(core.ChoiceResetPassword)(t, h, app, s))
		must(t, err)
		_, err = h.Flows.Answer(t.Context(), app, s.ID, answer(core.ChoiceSetPassword, "another fine phrase 8"))
		must(t, err)
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		s = start(t, h, app, "victim@example.org")
		_, err = tryTOTP(t, h, app, s.ID, flowtest.TOTPCode(t, seed, 1))
		want(t, err, core.CodeNotOffered, "the factor of whoever came before")
	})
}

// A computed code is a first factor where the pool takes it: the mailbox is
// proved apart from it, and who has one is offered nothing else.
func TestComputedCodeAsTheFirstFactor(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := h.Pool(t, "demo", map[string]any{"signin.primary": []string{"totp"}, "signup.verify_email": true, "username.format": "string", "link.resend_after": "0s"})
		s := start(t, h, app, "")
		s, err := h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceSetUsername, Username: "ana_roe"})
		must(t, err)
		p := prompted(t, s, core.ChoiceTOTP)
		if !p.Enrollment || !p.NeedEmail || p.Seed.Account != "ana_roe" || p.Seed.Issuer != "demo" {
			t.Fatalf("the prompt is %+v", p)
		}
		_, err = tryTOTP(t, h, app, s.ID, flowtest.TOTPCode(t, p.Seed.Secret, 0))
		want(t, err, core.CodeInvalid, "a code without the address")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceTOTP, Code: flowtest.TOTPCode(t, p.Seed.Secret, 0), Email: "ana@example.org"})
		must(t, err)
		if s.Phase != core.PhaseVerifyEmail {
			t.Fatalf("law: a computed code proves no mailbox; the flow is in %s", s.Phase)
		}
		s, err = h.Flows.Answer(t.Context(), app, s.ID, mailed(core.ChoiceVerifyEmail)(t, h, app, s))
		must(t, err)
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
		s = start(t, h, app, "ana@example.org")
		if len(s.Prompts) != 1 || prompted(t, s, core.ChoiceTOTP).Enrollment {
			t.Errorf("signing in offers %s", shapeOf(s))
		}
		_, err = tryTOTP(t, h, app, s.ID, "000000x")
		want(t, err, core.CodeWrongCode, "a wrong code")
		s, err = tryTOTP(t, h, app, s.ID, flowtest.TOTPCode(t, p.Seed.Secret, 1))
		must(t, err)
		if len(s.Prompts) != 0 {
			t.Errorf("law: recovery codes belong to second factors; shown is %s", shapeOf(s))
		}
		_, err = h.Flows.Complete(t.Context(), app, s.ID)
		must(t, err)
	})
}

// Who came in by a factor is asked for another, whichever of the pool's they
// have not: a flow is never without a way on.
func TestFactorsThatAreTheSameProof(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := guarded(t, h, map[string]any{"signin.primary": []string{"password", "magic_link"}, "signin.secondary": []string{"email_otp", "totp"}})
		user, err := h.Directory.Get(t.Context(), app, core.UserRef{Email: "ana@example.org"})
		must(t, err)
		h.Enrol(t, app, core.Authenticator{User: user.ID, Kind: core.AuthenticatorMagicLink})
		h.Enrol(t, app, core.Authenticator{User: user.ID, Kind: core.AuthenticatorEmailOTP, Second: true})
		s := start(t, h, app, "ana@example.org")
		s, err = h.Flows.Answer(t.Context(), app, s.ID, mailed(core.ChoiceMagicLink)(t, h, app, s))
		must(t, err)
		if s.Phase != core.PhaseSecondary || len(s.Prompts) != 1 || !prompted(t, s, core.ChoiceTOTP).Enrollment {
			t.Errorf("behind the link is %s", shapeOf(s))
		}
	})
}

// A seed outlives the master key under which the working keys were sealed.
func TestSeedOutlivesTheMasterKey(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		first := storetest.Open(t, database)
		h := flowtest.New(first)
		app := guarded(t, h, nil)
		seed, codes := enrolled(t, h, app, "ana@example.org")
		fresh := secret.NewMasterText()
		open := func(masters string) *store.Store {
			t.Helper()
			m, err := secret.ParseMaster(masters)
			must(t, err)
			s, err := store.Open(t.Context(), store.Options{Database: database, Master: m, UnsafeDurability: true})
			must(t, err)
			t.Cleanup(func() { must(t, s.Close()) })
			return s
		}
		// The old one is that of [storetest.Master].
		both := open(fresh + ",0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
		_, err := both.Across().Reseal(t.Context())
		must(t, err)
		h = flowtest.New(open(fresh))
		s := behindPassword(t, h, app, "ana@example.org")
		_, err = tryTOTP(t, h, app, s.ID, flowtest.TOTPCode(t, seed, 1))
		must(t, err)
		s = behindPassword(t, h, app, "ana@example.org")
		_, err = h.Flows.Answer(t.Context(), app, s.ID, flow.Answer{Choice: core.ChoiceRecoveryCode, Code: codes[0].Reveal()})
		must(t, err)
	})
}

// TestM17FactorsOfAnotherPool is abuse case M17: what belongs to somebody of another pool enrols and proves nothing.
func TestM17FactorsOfAnotherPool(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		app := guarded(t, h, nil)
		seed, codes := enrolled(t, h, app, "ana@example.org")
		stranger := h.Pool(t, "other", map[string]any{"signin.secondary": []string{"totp"}, "signin.require_secondary": true, "signup.verify_email": false, "lockout.failures": 100})
		h.Person(t, stranger, "ana@example.org")
		s := behindPassword(t, h, app, "ana@example.org")
		_, err := tryTOTP(t, h, stranger, s.ID, flowtest.TOTPCode(t, seed, 1))
		want(t, err, core.CodeFlowEnded, "a flow of another pool")
		enrolled(t, h, stranger, "ana@example.org")
		theirs := behindPassword(t, h, stranger, "ana@example.org")
		_, err = tryTOTP(t, h, stranger, theirs.ID, flowtest.TOTPCode(t, seed, 1))
		want(t, err, core.CodeWrongCode, "a code of another pool")
		_, err = h.Flows.Answer(t.Context(), stranger, theirs.ID, flow.Answer{Choice: core.ChoiceRecoveryCode, Code: codes[0].Reveal()})
		want(t, err, core.CodeWrongCode, "a recovery code of another pool")
		all, err := h.Directory.Authenticators(t.Context(), app, core.UserRef{Email: "ana@example.org"})
		must(t, err)
		for _, a := range all {
			err := h.Directory.RemoveAuthenticator(t.Context(), stranger, core.DefaultSettings(), core.UserRef{Email: "ana@example.org"}, a.ID)
			want(t, err, core.CodeNotFound, "taking a factor of another pool")
		}
	})
}
