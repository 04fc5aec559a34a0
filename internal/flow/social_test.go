package flow_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/flow"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// appURL is where the applications of these tests take answers.
const appURL = "https://app.example.org/cb"

// lobby is a pool with two providers: hub, whose word for an address is taken,
// and rumour, whose is not.
type lobby struct {
	*flowtest.House
	hub *flowtest.Service
	app core.Caller
}

func newLobby(t *testing.T, h *flowtest.House, more map[string]any) *lobby {
	t.Helper()
	hub := flowtest.NewService(t)
	values := map[string]any{
		"signin.providers": []core.Provider{hub.Provider("hub", true), hub.Provider("rumour", false)}, "redirects.allowed": []string{appURL},
		"signup.verify_email": false, "budget.mails_to_one_per_hour": 0, "link.resend_after": "0s",
	}
	maps.Copy(values, more)
	return &lobby{h, hub, h.Pool(t, "demo", values)}
}

func (l *lobby) start(t *testing.T, s flow.Start) flow.State {
	t.Helper()
	s.Redirect = appURL
	st, err := l.Flows.Start(t.Context(), l.app, s)
	must(t, err)
	return st
}

// come brings the word of a provider to a flow.
func (l *lobby) come(t *testing.T, st flow.State, provider string, a flowtest.Account) (flow.State, error) {
	t.Helper()
	return l.Flows.Answer(t.Context(), l.app, st.ID, flowtest.Arrival(t, st, provider, l.hub.Code(a)))
}

// enter signs somebody in through a provider, all the way.
func (l *lobby) enter(t *testing.T, provider string, a flowtest.Account) core.Grant {
	t.Helper()
	st, err := l.come(t, l.start(t, flow.Start{}), provider, a)
	must(t, err)
	grant, err := l.Flows.Complete(t.Context(), l.app, st.ID)
	must(t, err)
	return grant
}

// ways lists the kinds of authenticator that somebody has, sorted.
func (l *lobby) ways(t *testing.T, id core.UserID) string {
	t.Helper()
	all, err := l.Directory.Authenticators(t.Context(), l.app, core.UserRef{ID: id})
	must(t, err)
	var kinds []string
	for _, a := range all {
		kinds = append(kinds, string(a.Kind))
	}
	slices.Sort(kinds)
	return strings.Join(kinds, " ")
}

// verified makes somebody whose mailbox is proved, with a password.
func (l *lobby) verified(t *testing.T, email string) core.User {
	t.Helper()
	user := l.Person(t, l.app, email)
	user.EmailVerified = true
	must(t, l.Store.As(l.app).Update(t.Context(), func(tx *store.Tx) error { return tx.UpdateUser(user) }))
	return user
}

func TestSignUpAndInThroughAProvider(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		l := newLobby(t, h, map[string]any{"profile.fields": []core.ProfileField{
			{ID: "name", Label: "Name", Type: core.ProfileText, Required: true, AtSignup: true}, {ID: "town", Label: "Town", Type: core.ProfileText, Required: true, AtSignup: true},
		}})
		hub := l.hub.Provider("hub", true)
		hub.Profile = map[string]string{"name": "name"}
		l.Set(t, l.app, map[string]any{"signin.providers": []core.Provider{hub}})
		ana := flowtest.Account{ID: 7, Email: "ana@example.org", Verified: true, Name: "Ana Roe"}
		st, err := l.come(t, l.start(t, flow.Start{}), "hub", ana)
		must(t, err)
		if fields := st.Prompts[0].Fields; st.Phase != core.PhaseProfile || len(fields) != 1 || fields[0].ID != "town" || st.Email != "ana@example.org" || !slices.Equal(st.Types, []core.FlowType{core.FlowSignup}) {
			t.Fatalf("law: somebody new is asked for what the provider has not said; got %+v", st)
		}
		_, err = l.Flows.Answer(t.Context(), l.app, st.ID, flow.Answer{Choice: core.ChoiceProfile, Profile: map[string]string{"name": "Eve"}})
		want(t, err, core.CodeInvalid, "another name than the provider's")
		st, err = l.Flows.Answer(t.Context(), l.app, st.ID, flow.Answer{Choice: core.ChoiceProfile, Profile: map[string]string{"town": "Ulm"}})
		must(t, err)
		grant, err := l.Flows.Complete(t.Context(), l.app, st.ID)
		must(t, err)
		if u := grant.User; u.Email != "ana@example.org" || !u.EmailVerified || u.Profile["name"] != "Ana Roe" || u.Profile["town"] != "Ulm" || l.ways(t, u.ID) != "social" {
			t.Errorf("law: who comes through a provider is made of what it says; got %+v with %s", u, l.ways(t, u.ID))
		}
		// The same account is the same person, whatever it is called by now.
		ana.Email, ana.Name = "moved@example.net", "Ana Doe"
		again := l.enter(t, "hub", ana)
		if again.User.ID != grant.User.ID || again.User.Email != "ana@example.org" || again.User.Profile["name"] != "Ana Roe" {
			t.Errorf("law: somebody is known by what the provider never changes; came %+v", again.User)
		}
		all, err := l.Directory.Authenticators(t.Context(), l.app, core.UserRef{ID: again.User.ID})
		must(t, err)
		if i, err := all[0].Identity(); err != nil || i.Email != "moved@example.net" || i.Provider != "hub" || i.Subject != "7" {
			t.Errorf("law: an identity keeps what the provider said last; it is %+v, %v", i, err)
		}
	})
}

// TestWhomAProviderLetsIn is the table of who comes in by an address.
func TestI1WhomAnAddressLetsIn(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		const nobody, unproved, proved = "nobody", "unproved", "proved"
		for _, c := range []struct {
			there    string
			provider string
			verified bool // as the provider says
			want     core.Code
			ways     string // of whoever came in
		}{
			{nobody, "hub", true, "", "social"},
			{nobody, "hub", false, "", "social"},
			{nobody, "rumour", true, "", "social"},
			{unproved, "hub", true, "", "social"}, // the password from before is gone
			{unproved, "hub", false, core.CodeOtherWay, ""},
			{unproved, "rumour", true, core.CodeOtherWay, ""},
			{proved, "hub", true, "", "password social"},
			{proved, "hub", false, core.CodeOtherWay, ""},
			{proved, "rumour", true, core.CodeOtherWay, ""},
		} {
			l := &lobby{h, flowtest.NewService(t), core.Caller{}}
			l.app = h.Pool(t, "p"+secret.Random(), map[string]any{
				"signin.providers": []core.Provider{l.hub.Provider("hub", true), l.hub.Provider("rumour", false)}, "redirects.allowed": []string{appURL}, "signup.verify_email": false,
			})
			var old core.Grant
			switch c.there {
			case unproved:
				l.Person(t, l.app, "ana@example.org")
				old = l.SignIn(t, l.app, "ana@example.org", flowtest.Password)
			case proved:
				l.verified(t, "ana@example.org")
				old = l.SignIn(t, l.app, "ana@example.org", flowtest.Password)
			}
			email := "ana@example.org"
			if !c.verified {
				email = "" // this service gives verified ones only
			}
			begun := flow.Start{}
			if !c.verified {
				begun.Email = "ana@example.org"
			}
			st := l.start(t, begun)
			if len(st.Prompts) == 0 || !slices.ContainsFunc(st.Prompts, func(p flow.Prompt) bool { return p.Choice == core.ChoiceSocial }) {
				if c.there == nobody {
					t.Errorf("law: somebody new is offered providers; %+v was not", c)
				}
				continue // who has a way in is offered that
			}
			st, err := l.come(t, st, c.provider, flowtest.Account{ID: 7, Email: email, Verified: true})
			if err != nil || c.want != "" {
				want(t, err, c.want, "coming in where there is "+c.there+" by "+c.provider)
				continue
			}
			trusted := c.provider == "hub" && c.verified
			if wanted := map[bool]core.Phase{true: core.PhaseCompleted, false: core.PhaseVerifyEmail}[trusted]; st.Phase != wanted {
				t.Errorf("law: an address that nobody vouches for is proved by mail; %+v came to %s", c, st.Phase)
			}
			user, err := l.Directory.Get(t.Context(), l.app, core.UserRef{Email: "ana@example.org"})
			must(t, err)
			if got := l.ways(t, user.ID); got != c.ways || user.EmailVerified != trusted {
				t.Errorf("law: what is there from before the mailbox was proved is gone, and nothing else; %+v left %s, verified %v", c, got, user.EmailVerified)
			}
			if old.User.ID != "" {
				_, err := l.Sessions.Check(t.Context(), l.app, old.Access.Token)
				if dead := err != nil; dead != (c.there == unproved) {
					t.Errorf("law: sessions from before the mailbox was proved end, and no others; %+v: %v", c, err)
				}
			}
		}
	})
}

// The answer of another account than the flow is about is refused, and makes
// nobody: the address is the provider's, whatever the client says.
func TestI6TheAddressIsTheProviders(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		l := newLobby(t, h, nil)
		eve := flowtest.Account{ID: 9, Email: "eve@example.org", Verified: true}
		for _, start := range []flow.Start{{Email: "victim@example.org"}, {Email: "victim@example.org", Concealed: true}} {
			st := l.start(t, start)
			_, err := l.come(t, st, "hub", eve)
			want(t, err, core.CodeOtherAddress, "the word for somebody else")
			if other, ok := errors.AsType[*flow.OtherAddress](err); !ok || other.Email != "eve@example.org" {
				t.Errorf("law: which address it was is told; got %v", err)
			}
		}
		st := l.start(t, flow.Start{})
		a := flowtest.Arrival(t, st, "hub", l.hub.Code(eve))
		a.Email = "victim@example.org"
		_, err := l.Flows.Answer(t.Context(), l.app, st.ID, a)
		if err == nil {
			if _, err := l.Directory.Get(t.Context(), l.app, core.UserRef{Email: "victim@example.org"}); !core.Is(err, core.CodeNotFound) {
				t.Errorf("law: a client's address is nobody's; %v", err)
			}
		}
		// Whoever is known comes to no flow that is about somebody else.
		l.verified(t, "ana@example.org")
		l.enter(t, "hub", flowtest.Account{ID: 7, Email: "ana@example.org", Verified: true})
		for _, email := range []string{"bob@example.org", "new@example.org"} {
			st := l.start(t, flow.Start{Email: email, Concealed: true})
			_, err := l.come(t, st, "hub", flowtest.Account{ID: 7, Email: "ana@example.org", Verified: true})
			want(t, err, core.CodeOtherAddress, "somebody known in the flow of "+email)
		}
	})
}

// An address that the provider has given to somebody else by now opens nobody's
// account.
func TestI9AnAddressGivenAnew(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		l := newLobby(t, h, nil)
		first := l.enter(t, "hub", flowtest.Account{ID: 7, Email: "ana@example.org", Verified: true})
		_, err := l.come(t, l.start(t, flow.Start{}), "hub", flowtest.Account{ID: 8, Email: "ana@example.org", Verified: true})
		want(t, err, core.CodeOtherWay, "another account with the same address")
		if way, ok := errors.AsType[*flow.OtherWay](err); !ok || way.Provider != "hub" || way.Email != "ana@example.org" || strings.Contains(way.Error(), "ana") {
			t.Errorf("law: how somebody does come in is told to the application, and not to the log; got %+v", way)
		}
		if l.ways(t, first.User.ID) != "social" {
			t.Error("law: a refusal adds nothing")
		}
	})
}

// The state of a trip is one flow's, one provider's, and good once.
func TestO5StateIsGoodOnce(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		l := newLobby(t, h, nil)
		ana := flowtest.Account{ID: 7, Email: "ana@example.org", Verified: true}
		one, other := l.start(t, flow.Start{}), l.start(t, flow.Start{})
		mine, theirs, rumour := flowtest.Arrival(t, one, "hub", l.hub.Code(ana)), flowtest.Arrival(t, other, "hub", l.hub.Code(ana)), flowtest.Arrival(t, one, "rumour", l.hub.Code(ana))
		rumour.Provider = "hub"
		elsewhere := mine
		elsewhere.URI = strings.Replace(mine.URI, "app.example.org", "evil.example.org", 1)
		twice := mine
		twice.URI += "&code=another"
		for name, a := range map[string]flow.Answer{"another flow's": theirs, "another provider's": rumour, "elsewhere": elsewhere, "two codes": twice} {
			before := l.hub.Exchanges()
			_, err := l.Flows.Answer(t.Context(), l.app, one.ID, a)
			if core.CodeOf(err) != core.CodeProviderRefused && core.CodeOf(err) != core.CodeInvalid || l.hub.Exchanges() != before {
				t.Errorf("law: an answer belongs to its flow, provider and address; %s gave %v and %d exchanges", name, err, l.hub.Exchanges()-before)
			}
		}
		// The provider says no: nothing is asked, and the flow goes on.
		no := mine
		no.URI = appURL + "?error=access_denied&state=" + mine.State
		_, err := l.Flows.Answer(t.Context(), l.app, one.ID, no)
		want(t, err, core.CodeProviderRefused, "somebody who does not agree")
		// A code that was used spends the state, and another one goes on.
		code := flowtest.Arrival(t, one, "hub", "no-such-code")
		_, err = l.Flows.Answer(t.Context(), l.app, one.ID, code)
		want(t, err, core.CodeProviderRefused, "a code that the provider does not know")
		_, err = l.Flows.Answer(t.Context(), l.app, one.ID, mine)
		want(t, err, core.CodeProviderRefused, "a state that was used")
		now := stateOf(t, l.House, l.app, one.ID)
		st, err := l.come(t, now, "hub", ana)
		if must(t, err); st.Phase != core.PhaseCompleted {
			t.Errorf("law: after a refusal the next answer goes on; it came to %s", st.Phase)
		}
	})
}

func TestO5ManyAnswersOneExchange(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		l := newLobby(t, h, nil)
		st := l.start(t, flow.Start{})
		a := flowtest.Arrival(t, st, "hub", l.hub.Code(flowtest.Account{ID: 7, Email: "ana@example.org", Verified: true}))
		before := l.hub.Exchanges()
		var in sync.WaitGroup
		var mu sync.Mutex
		good := 0
		for range 64 {
			in.Go(func() {
				_, err := l.Flows.Answer(t.Context(), l.app, st.ID, a)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					good++
				} else if code := core.CodeOf(err); code != core.CodeConflict && code != core.CodeProviderRefused && code != core.CodeNotOffered {
					t.Errorf("one of many gave %v", err)
				}
			})
		}
		in.Wait()
		if n := l.hub.Exchanges() - before; n != 1 || good != 1 {
			t.Errorf("law: of many answers with one state one is exchanged, and lets in; %d were, %d did", n, good)
		}
	})
}

// A flow asks a provider so often and no more.
func TestTriesOfAProviderAreCounted(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		l := newLobby(t, h, nil)
		st := l.start(t, flow.Start{})
		for range 10 {
			_, err := l.Flows.Answer(t.Context(), l.app, st.ID, flowtest.Arrival(t, st, "hub", "guess"))
			want(t, err, core.CodeProviderRefused, "a guessed code")
			st = stateOf(t, l.House, l.app, st.ID)
		}
		if l.hub.Exchanges() != 10 || slices.ContainsFunc(prompted(t, st, core.ChoiceSocial).Providers, func(p flow.ProviderPrompt) bool { return p.Name == "hub" }) {
			t.Errorf("law: after ten answers a provider is not offered any more; there were %d", l.hub.Exchanges())
		}
	})
}

// Whoever is disabled, has a second factor or comes in by a passkey alone does so
// behind a provider too.
func TestBehindAProvider(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		l := newLobby(t, h, map[string]any{"signin.secondary": []string{"email_otp"}, "signin.require_secondary": true, "agreements.required": []string{}})
		ana := flowtest.Account{ID: 7, Email: "ana@example.org", Verified: true}
		user := l.verified(t, "ana@example.org")
		st, err := l.come(t, l.start(t, flow.Start{}), "hub", ana)
		if must(t, err); st.Phase != core.PhaseSecondary {
			t.Errorf("law: a second factor is asked for behind a provider; it came to %s", st.Phase)
		}
		l.Set(t, l.app, map[string]any{"signin.require_secondary": false, "signin.secondary": []string{}})
		must(t, disable(t, l, user.ID))
		_, err = l.come(t, l.start(t, flow.Start{}), "hub", ana)
		want(t, err, core.CodeDisabled, "somebody disabled")
	})
}

func disable(t *testing.T, l *lobby, id core.UserID) error {
	t.Helper()
	yes := true
	_, err := l.Directory.Change(t.Context(), l.app, core.UserRef{ID: id}, directory.UserChange{Disabled: &yes})
	return err
}

// In a flow that conceals, an address that nobody vouches for is proved by mail
// before anything is told, and who has it is told by mail.
func TestA13ConcealedFlowsTellNothing(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		l := newLobby(t, h, map[string]any{"accounts.conceal": true})
		l.verified(t, "ana@example.org")
		rumour := l.hub.Provider("rumour", false)
		l.Set(t, l.app, map[string]any{"signin.providers": []core.Provider{rumour}})
		var shapes []string
		var mails []string
		for i, email := range []string{"ana@example.org", "new@example.org"} {
			st := l.start(t, flow.Start{})
			st, err := l.come(t, st, "rumour", flowtest.Account{ID: 20 + i, Email: email, Verified: true})
			must(t, err)
			shapes = append(shapes, shapeOf(st))
			st, err = l.Flows.Restart(t.Context(), l.app, st.ID, flow.Answer{Choice: core.ChoiceVerifyEmail})
			must(t, err)
			shapes[i] += shapeOf(st)
			mail := l.Mail(t)
			mails = append(mails, mail[len(mail)-1].Template)
			if i == 0 {
				continue
			}
			st, err = l.Flows.Answer(t.Context(), l.app, st.ID, flow.Answer{Choice: core.ChoiceVerifyEmail, State: link(st, core.ChoiceVerifyEmail).State, Code: flowtest.LinkCode(t, mail[len(mail)-1])})
			if must(t, err); st.Phase != core.PhaseCompleted {
				t.Errorf("law: once the mailbox is proved, the provider's word lets somebody in; it came to %s", st.Phase)
			}
			user, err := l.Directory.Get(t.Context(), l.app, core.UserRef{Email: email})
			if must(t, err); l.ways(t, user.ID) != "social" || !user.EmailVerified {
				t.Errorf("law: they are known by the provider from then on; they have %s", l.ways(t, user.ID))
			}
		}
		if shapes[0] != shapes[1] || !slices.Equal(mails, []string{"account_exists", "verify_email"}) {
			t.Errorf("law: behind the word of a provider that nobody trusts everybody looks alike:\n%s\n%s\nand were sent %v", shapes[0], shapes[1], mails)
		}
		// Where nobody signs up, the answer is the same too.
		l.Set(t, l.app, map[string]any{"signup.enabled": false})
		for i, email := range []string{"ana@example.org", "other@example.org"} {
			_, err := l.come(t, l.start(t, flow.Start{}), "rumour", flowtest.Account{ID: 30 + i, Email: email, Verified: true})
			want(t, err, core.CodeSignupClosed, "sign-up is closed to "+email)
		}
	})
}

// Who has nothing but a provider is led to no other way in: it would be a way
// around whoever runs the provider. Without the provider they set up their
// account anew.
func TestProviderIsAWayIn(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		l := newLobby(t, h, map[string]any{"signin.primary": []string{"password", "email_otp"}})
		ana := flowtest.Account{ID: 7, Email: "ana@example.org", Verified: true}
		grant := l.enter(t, "hub", ana)
		names := func() string {
			var all []string
			for _, p := range l.start(t, flow.Start{Email: "ana@example.org"}).Prompts {
				all = append(all, string(p.Choice))
				for _, one := range p.Providers {
					all = append(all, one.Name)
				}
			}
			slices.Sort(all)
			return strings.Join(all, " ")
		}
		if got := names(); got != "hub social" {
			t.Errorf("law: who came by a provider is offered that; it is %s", got)
		}
		st, err := l.Flows.Start(t.Context(), l.app, flow.Start{Email: "ana@example.org", Concealed: true})
		must(t, err)
		_, err = l.Flows.Restart(t.Context(), l.app, st.ID, flow.Answer{Choice: core.ChoiceResetPassword})
		must(t, err)
		if mail := l.Mail(t); len(mail) != 0 {
			t.Errorf("law: a password is no way around a provider; %s left", mail[0].Template)
		}
		l.Set(t, l.app, map[string]any{"signin.providers": []core.Provider{}})
		if got := names(); !strings.Contains(got, "provisional_enrollment") || strings.Contains(got, "social") {
			t.Errorf("law: without the provider the account is set up anew; on offer is %s", got)
		}
		// What is unlinked is not known any more; a trusted word links it again.
		l.Set(t, l.app, map[string]any{"signin.providers": []core.Provider{l.hub.Provider("hub", true)}})
		all, err := l.Directory.Authenticators(t.Context(), l.app, core.UserRef{ID: grant.User.ID})
		must(t, err)
		must(t, l.Directory.RemoveAuthenticator(t.Context(), l.app, core.DefaultSettings(), core.UserRef{ID: grant.User.ID}, all[0].ID))
		if again := l.enter(t, "hub", ana); again.User.ID != grant.User.ID || l.ways(t, grant.User.ID) != "social" {
			t.Errorf("law: a proved address links once more; came %s", again.User.ID)
		}
	})
}

// Sign-up rules hold behind a provider: closed, by domain, and by the provider's
// own domains.
func TestSignUpRulesHoldBehindAProvider(t *testing.T) {
	each(t, func(t *testing.T, h *flowtest.House) {
		l := newLobby(t, h, nil)
		bob := flowtest.Account{ID: 8, Email: "bob@example.net", Verified: true}
		l.Set(t, l.app, map[string]any{"signup.domains_mode": "allow", "signup.domains": []string{"example.org"}})
		_, err := l.come(t, l.start(t, flow.Start{}), "hub", bob)
		want(t, err, core.CodeSignupClosed, "a domain that signs nobody up")
		l.Set(t, l.app, map[string]any{"signup.domains": []string{}, "signup.domains_mode": "off", "signup.enabled": false})
		_, err = l.come(t, l.start(t, flow.Start{}), "hub", bob)
		want(t, err, core.CodeSignupClosed, "a pool that signs nobody up")
		l.Set(t, l.app, map[string]any{"signup.enabled": true})
		_, err = l.come(t, l.start(t, flow.Start{Types: []core.FlowType{core.FlowSignin}}), "hub", bob)
		want(t, err, core.CodeSignupClosed, "a flow that signs nobody up")
		work := l.hub.Provider("hub", true)
		work.Domains = []string{"example.net"}
		l.Set(t, l.app, map[string]any{"signin.providers": []core.Provider{work}})
		for email, offered := range map[string]bool{"": false, "bob@example.org": false, "bob@example.net": true} {
			st := l.start(t, flow.Start{Email: email})
			if got := slices.ContainsFunc(st.Prompts, func(p flow.Prompt) bool { return p.Choice == core.ChoiceSocial }); got != offered {
				t.Errorf("law: a provider of some domains is offered to their people; to %q it is %v", email, got)
			}
		}
		st := l.start(t, flow.Start{Email: "bob@example.net"})
		_, err = l.come(t, st, "hub", flowtest.Account{ID: 8, Email: "eve@example.org", Verified: true})
		want(t, err, core.CodeDomainRefused, "somebody of another domain")
		st, err = l.come(t, stateOf(t, l.House, l.app, st.ID), "hub", bob)
		if must(t, err); st.Phase != core.PhaseCompleted {
			t.Errorf("bob came to %s", st.Phase)
		}
		_, err = l.come(t, l.start(t, flow.Start{Types: []core.FlowType{core.FlowSignup}, Email: "carl@example.net"}), "hub", bob)
		want(t, err, core.CodeOtherAddress, "somebody known who signs up as another")
	})
}
