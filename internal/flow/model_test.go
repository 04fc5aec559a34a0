package flow_test

import (
	"flag"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// The model is what flows should do, written down a second time without any
// regard to how they do it: three addresses, three pools, flows that are begun,
// answered, begun again, completed and replayed in any order. After every step
// the machine must agree with it, and tokens must belong to whoever proved
// themselves in that very flow.

type modelPerson struct {
	name               string
	password           string
	verified, disabled bool
	stamp              int  // grows when what was proved before counts no more
	due                bool // for a change of the password
	accepted           map[core.AgreementKind]core.AgreementID
	ways               map[core.AuthenticatorKind]bool
	second             core.AuthenticatorKind // their second factor; empty: none
	keys               map[bool]*modelKey     // of computed codes: of the first factor, and of the second
	codes              []string               // recovery codes that were not used
	phone, secondPhone string                 // the numbers that they enrolled, for each factor
	passkeys           []*flowtest.Passkey
	identities         map[string]int  // who they are to a provider, by its name
	consents           map[string]bool // what they let the application have
}

// modelKey is what computes somebody's codes.
type modelKey struct {
	seed    secret.Text
	counter int64 // the last step that was used
}

type modelPool struct {
	caller         core.Caller
	people         map[string]*modelPerson // by address
	verify, fields bool
	required       []core.AgreementKind
	names          bool // people go by names, and are asked for a telephone number
	captcha        bool // who signs up works
	social         bool // people come in through three providers, of which one is not believed
	second         bool // everybody needs a second factor, but behind a magic link: by mail, by text message, or a computed code
	first          []core.ChoiceName
	invites        []*modelInvite
	active         map[core.AgreementKind]core.AgreementID
	agreements     []core.Agreement // all that there ever were
	shop           core.Application // to which people sign in now and then
}

func (p *modelPool) called(name string) (email string, person *modelPerson) {
	for email, person := range p.people {
		if person.name == name {
			return email, person
		}
	}
	return "", nil
}

type modelInvite struct {
	email, code string
	id          core.InvitationID
	over        bool // it was used or deleted
}

// modelLink is a link that was sent.
type modelLink struct {
	code, email string
	subject     string // whose next link of the kind ends it
}

type modelFlow struct {
	pool                int
	id                  core.FlowID
	up, in              bool
	name, email         string // as claimed, or of whoever was found
	known, filled       bool
	solved              bool                   // the captcha
	how                 core.AuthenticatorKind // the first factor, once proved
	second              core.AuthenticatorKind // the second factor, once proved
	shown               bool                   // it shows recovery codes, once it is completed
	mine, proved, reset bool
	ended               bool
	password, phone     string
	stamp               int                             // the person's, when the first factor or the mailbox for a new password was proved
	links               map[core.ChoiceName][]modelLink // every link that was sent, newest last
	used                map[string]bool                 // links that open no more
	states              map[core.ChoiceName]string
	opened              map[string]bool // those of them that were opened for this flow
	mails, texts        modelCodes
	seconds             int             // tries of the second factor
	invite              *modelInvite    // with which it was begun
	challenge           *modelChallenge // of a passkey, issued last and not used
	made                *flowtest.Passkey
	added               bool            // a passkey, in the end
	trips               map[string]int  // answers of each provider that were taken
	identity            modelIdentity   // of somebody new
	scopes              []string        // that the application asks for; nil: the flow is to none
	said                map[string]bool // of those, by what the person said in this flow
}

// modelChallenge is what a passkey was asked.
type modelChallenge struct {
	enroll  bool
	options []byte
}

// modelCodes is what was sent of the codes of a choice.
type modelCodes struct {
	newest string // "none" if one was claimed to be sent, "" before
	to     string // the number to which it went
	all    []string
	tries  int // of the newest
}

// codes is those of a choice.
func (f *modelFlow) codes(choice core.ChoiceName) *modelCodes {
	if choice == core.ChoiceSMSOTP {
		return &f.texts
	}
	return &f.mails
}

// enrols reports whether a telephone that is proved now becomes a way in, and
// so its number may be chosen.
func (f *modelFlow) enrols(p *modelPool) bool {
	if f.phase(p) == core.PhaseSecondary {
		return f.person(p).secondPhone == ""
	}
	return f.signup() || f.known && !f.person(p).ways[core.AuthenticatorSMSOTP]
}

// number is where text messages go.
func (f *modelFlow) number(p *modelPool) string {
	switch {
	case f.enrols(p):
		return f.phone
	case f.phase(p) == core.PhaseSecondary:
		return f.person(p).secondPhone
	case f.known:
		return f.person(p).phone
	}
	return ""
}

func newFlow(pool int) *modelFlow {
	return &modelFlow{pool: pool, links: map[core.ChoiceName][]modelLink{}, used: map[string]bool{}, opened: map[string]bool{}, states: map[core.ChoiceName]string{}, trips: map[string]int{}}
}

func (f *modelFlow) person(p *modelPool) *modelPerson { return p.people[f.email] }

// unaccepted is what the pool asks of the person still.
func (m *modelPerson) unaccepted(p *modelPool) []core.AgreementID {
	var left []core.AgreementID
	for _, kind := range core.AgreementKinds() {
		if id := p.active[kind]; id != "" && m.accepted[kind] != id && slices.Contains(p.required, kind) {
			left = append(left, id)
		}
	}
	return left
}

func (f *modelFlow) claimed() bool { return f.email != "" || f.name != "" }

func (f *modelFlow) signup() bool { return f.claimed() && f.up && !f.known }

func (f *modelFlow) identified(p *modelPool) bool {
	return f.known || f.name != "" || (f.email != "" && (!p.names || !f.signup()))
}

// chooses reports whether an address may come with an answer.
func (f *modelFlow) chooses(p *modelPool) bool {
	return p.names && f.signup() && f.how == "" && f.invite == nil
}

func (f *modelFlow) phase(p *modelPool) core.Phase {
	switch {
	case f.how == "":
		return core.PhasePrimary
	case !f.known && p.captcha && !f.solved:
		return core.PhaseCaptcha
	case !f.known && p.fields && !f.filled:
		return core.PhaseProfile
	case (p.verify || f.how.ByProvider()) && !f.person(p).verified && !f.how.ByMailbox():
		return core.PhaseVerifyEmail
	case f.person(p).due && f.how == core.AuthenticatorPassword:
		return core.PhaseSetPassword
	case p.second && f.second == "" && f.how != core.AuthenticatorMagicLink:
		return core.PhaseSecondary
	case len(f.person(p).unaccepted(p)) > 0:
		return core.PhaseAgreements
	case len(f.unconsented(p)) > 0:
		return core.PhaseConsent
	}
	return core.PhaseCompleted
}

// enrolls reports whether a passkey would be a new one.
func (f *modelFlow) enrolls(p *modelPool) bool {
	return f.how != "" || f.signup() || f.enrolsFirst(p)
}

// provisional reports whether somebody has no way in.
func (m *modelPerson) provisional(p *modelPool) bool {
	return len(m.identities) == 0 && len(m.passkeys) == 0 && !slices.ContainsFunc(p.first, func(c core.ChoiceName) bool { return m.ways[core.AuthenticatorKind(c)] })
}

// enrolsFirst reports whether they choose their first one now.
func (f *modelFlow) enrolsFirst(p *modelPool) bool {
	return f.known && f.how == "" && f.proved && !f.reset && f.person(p).provisional(p)
}

// enrolOnce is what comes before that: in one flow alone it is done.
func (w *world) enrolOnce(f *modelFlow, p *modelPool) core.Code {
	if !f.enrolsFirst(p) {
		return ""
	}
	person := f.person(p)
	if f.stamp != person.stamp {
		return core.CodeFlowEnded
	}
	person.stamp++
	f.stamp = person.stamp
	w.void(f.pool, core.ChoiceProvisional, f.email)
	w.void(f.pool, core.ChoiceResetPassword, f.email)
	return ""
}

func (f *modelFlow) offers(p *modelPool) []core.ChoiceName {
	switch f.phase(p) {
	case core.PhasePrimary:
		offers := f.offersFirst(p)
		if len(f.providers(p)) > 0 {
			offers = append(offers, core.ChoiceSocial)
		}
		if len(f.offered(p, samlName)) > 0 {
			offers = append(offers, core.ChoiceSAML)
		}
		return offers
	case core.PhaseCompleted:
		var offers []core.ChoiceName
		if f.shown {
			offers = append(offers, core.ChoiceRecoveryCode)
		}
		if !f.added && f.how != core.AuthenticatorPasskey {
			offers = append(offers, core.ChoicePasskey)
		}
		return offers
	case core.PhaseCaptcha:
		return []core.ChoiceName{core.ChoiceCaptcha}
	case core.PhaseProfile:
		return []core.ChoiceName{core.ChoiceProfile}
	case core.PhaseSetPassword:
		return []core.ChoiceName{core.ChoiceSetPassword}
	case core.PhaseVerifyEmail:
		return []core.ChoiceName{core.ChoiceVerifyEmail}
	case core.PhaseSecondary:
		switch person := f.person(p); {
		case person.second == "":
			return []core.ChoiceName{core.ChoiceEmailOTP, core.ChoiceSMSOTP, core.ChoiceTOTP}
		case person.second == core.AuthenticatorTOTP && len(person.codes) > 0:
			return []core.ChoiceName{core.ChoiceTOTP, core.ChoiceRecoveryCode}
		default:
			return []core.ChoiceName{core.ChoiceName(person.second)}
		}
	case core.PhaseAgreements:
		return []core.ChoiceName{core.ChoiceAgreements}
	case core.PhaseConsent:
		return []core.ChoiceName{core.ChoiceConsent}
	}
	return nil
}

// offersFirst is what is offered before anything is proved, but for providers.
func (f *modelFlow) offersFirst(p *modelPool) []core.ChoiceName {
	// Of all first factors, a passkey comes last.
	passkey := []core.ChoiceName{core.ChoicePasskey}
	switch {
	case !f.identified(p):
		asks := []core.ChoiceName{core.ChoiceSetEmail}
		if p.names {
			asks = []core.ChoiceName{core.ChoiceSetUsername}
		}
		if f.in && !f.claimed() {
			return append(asks, passkey...)
		}
		return asks
	case f.signup() && p.captcha && !f.solved:
		// Nothing is sent before it.
		quiet := slices.DeleteFunc(slices.Clone(p.first), func(choice core.ChoiceName) bool { return choice != core.ChoicePassword })
		return slices.Concat([]core.ChoiceName{core.ChoiceCaptcha}, quiet, passkey)
	case f.signup() && p.names && f.phone == "":
		return slices.Concat(p.first, []core.ChoiceName{core.ChoiceSetPhone}, passkey)
	case f.signup():
		return slices.Concat(p.first, passkey)
	case f.reset && f.known && f.person(p).providerOnly(p):
		return []core.ChoiceName{core.ChoiceSetPassword}
	case f.reset:
		return []core.ChoiceName{core.ChoiceResetPassword, core.ChoiceSetPassword}
	case !f.known:
		return slices.Concat(p.first, []core.ChoiceName{core.ChoiceResetPassword}, passkey)
	case f.enrolsFirst(p):
		return slices.Concat(p.first, passkey)
	}
	var ways []core.ChoiceName
	for _, choice := range p.first {
		if f.person(p).ways[core.AuthenticatorKind(choice)] {
			ways = append(ways, choice)
		}
	}
	if len(f.person(p).passkeys) > 0 {
		return slices.Concat(ways, []core.ChoiceName{core.ChoiceResetPassword}, passkey)
	}
	if len(ways) == 0 && len(f.person(p).identities) > 0 {
		return nil // a password would be a way around the provider
	}
	if len(ways) == 0 {
		for _, choice := range p.first {
			if core.AuthenticatorKind(choice).ByMailbox() {
				ways = append(ways, choice)
			}
		}
		return append(ways, core.ChoiceResetPassword, core.ChoiceProvisional)
	}
	return append(ways, core.ChoiceResetPassword)
}

// create is what the last answer of a sign-up leads to.
func (f *modelFlow) create(p *modelPool) core.Code {
	if f.known || (p.captcha && !f.solved) || (p.fields && !f.filled) {
		return ""
	}
	if f.invite != nil && f.invite.over {
		return core.CodeTicketInvalid
	}
	name := f.name
	if name == "" {
		name = f.email
	}
	if _, other := p.called(name); other != nil || f.person(p) != nil {
		return core.CodeTaken
	}
	// The invitation's mail has proved the mailbox, and ends with every other
	// to the address.
	p.people[f.email] = &modelPerson{name: name, password: f.password, verified: f.proved, ways: map[core.AuthenticatorKind]bool{}, keys: map[bool]*modelKey{}, identities: map[string]int{}}
	switch f.how {
	case core.AuthenticatorSocial, core.AuthenticatorSAML:
		p.people[f.email].identities[f.identity.provider] = f.identity.id
	case core.AuthenticatorPasskey:
		p.people[f.email].passkeys = []*flowtest.Passkey{f.made}
	case core.AuthenticatorSMSOTP:
		p.people[f.email].phone = f.phone
		fallthrough
	default:
		p.people[f.email].ways[f.how] = true
	}
	for _, i := range p.invites {
		i.over = i.over || f.invite != nil && i.email == f.email
	}
	f.known, f.mine = true, true
	return ""
}

func TestModelOfFlows(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		st := storetest.Open(t, database)
		h, hub, idp := flowtest.New(st), flowtest.NewService(t), newModelIdP(t)
		checks := 160 * rounds(t)
		if st.Engine() == "postgres" || testing.Short() {
			checks /= 8 // the same machine; what differs is in the store, which has its own laws
		}
		if err := flag.Set("rapid.checks", strconv.Itoa(checks)); err != nil {
			t.Fatal(err)
		}
		if err := flag.Set("rapid.nofailfile", "true"); err != nil {
			t.Fatal(err)
		}
		run := 0
		rapid.Check(t, func(r *rapid.T) {
			run++
			w := newWorld(t, r, h, hub, idp, run)
			for range rapid.IntRange(1, 32).Draw(r, "steps") {
				w.step()
			}
		})
	})
}
