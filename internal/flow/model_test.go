package flow_test

import (
	"flag"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// The model is what flows should do, written down a second time without any
// regard to how they do it: three addresses, two pools, flows that are begun,
// answered, begun again, completed and replayed in any order. After every step
// the machine must agree with it, and tokens must belong to whoever proved
// themselves in that very flow.

type modelPerson struct {
	password           string
	verified, disabled bool
	stamp              int  // grows when what was proved before counts no more
	due                bool // for a change of the password
	accepted           map[core.AgreementKind]core.AgreementID
}

type modelPool struct {
	caller         core.Caller
	people         map[string]*modelPerson
	verify, fields bool
	required       []core.AgreementKind
	invites        []*modelInvite
	active         map[core.AgreementKind]core.AgreementID
	agreements     []core.Agreement // all that there ever were
}

type modelInvite struct {
	email, code string
	id          core.InvitationID
	over        bool // it was used or deleted
}

type modelFlow struct {
	pool                       int
	id                         core.FlowID
	up, in                     bool
	email                      string
	known, primary, filled     bool
	mine, proved, reset, ended bool
	password                   string
	stamp                      int                          // the person's, when the first factor or the mailbox for a new password was proved
	codes                      map[core.ChoiceName][]string // every link that was sent, newest last
	used                       map[string]bool              // links that open no more
	states                     map[core.ChoiceName]string
	opened                     map[string]bool // those of them that were opened for this flow
	invite                     *modelInvite    // with which it was begun
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

func (f *modelFlow) signup() bool { return f.email != "" && f.up && !f.known }

func (f *modelFlow) phase(p *modelPool) core.Phase {
	switch {
	case !f.primary:
		return core.PhasePrimary
	case !f.known && p.fields && !f.filled:
		return core.PhaseProfile
	case p.verify && !f.person(p).verified:
		return core.PhaseVerifyEmail
	case f.person(p).due:
		return core.PhaseSetPassword
	case len(f.person(p).unaccepted(p)) > 0:
		return core.PhaseAgreements
	}
	return core.PhaseCompleted
}

func (f *modelFlow) offers(p *modelPool) []core.ChoiceName {
	switch f.phase(p) {
	case core.PhasePrimary:
		switch {
		case f.email == "":
			return []core.ChoiceName{core.ChoiceSetEmail}
		case f.signup():
			return []core.ChoiceName{core.ChoicePassword}
		case f.reset:
			return []core.ChoiceName{core.ChoiceResetPassword, core.ChoiceSetPassword}
		case f.known && f.person(p).password == "":
			return []core.ChoiceName{core.ChoiceResetPassword}
		}
		return []core.ChoiceName{core.ChoicePassword, core.ChoiceResetPassword}
	case core.PhaseProfile:
		return []core.ChoiceName{core.ChoiceProfile}
	case core.PhaseSetPassword:
		return []core.ChoiceName{core.ChoiceSetPassword}
	case core.PhaseVerifyEmail:
		return []core.ChoiceName{core.ChoiceVerifyEmail}
	case core.PhaseAgreements:
		return []core.ChoiceName{core.ChoiceAgreements}
	}
	return nil
}

// create is what the last answer of a sign-up leads to.
func (f *modelFlow) create(p *modelPool) core.Code {
	if p.fields && !f.filled {
		return ""
	}
	if f.invite != nil && f.invite.over {
		return core.CodeTicketInvalid
	}
	if f.person(p) != nil {
		return core.CodeTaken
	}
	// The invitation's mail has proved the mailbox, and ends with every other
	// to the address.
	p.people[f.email] = &modelPerson{password: f.password, verified: f.invite != nil}
	for _, i := range p.invites {
		i.over = i.over || f.invite != nil && i.email == f.email
	}
	f.known, f.mine = true, true
	return ""
}

func TestModelOfFlows(t *testing.T) {
	storetest.Engines(t, func(t *testing.T, database string) {
		st := storetest.Open(t, database)
		h := flowtest.New(st)
		checks := "2000"
		if st.Engine() == "postgres" || testing.Short() {
			checks = "200" // the same machine; what differs is in the store, which has its own laws
		}
		if err := flag.Set("rapid.checks", checks); err != nil {
			t.Fatal(err)
		}
		if err := flag.Set("rapid.nofailfile", "true"); err != nil {
			t.Fatal(err)
		}
		run := 0
		rapid.Check(t, func(r *rapid.T) {
			run++
			w := newWorld(t, r, h, run)
			for range rapid.IntRange(1, 24).Draw(r, "steps") {
				w.step()
			}
		})
	})
}
