package flow

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/risk"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

// Knowing gives the machine what the rules about where somebody comes from know
// beside a pool's settings. Without it no place is known.
func (m *Machine) Knowing(data *risk.Data) *Machine {
	m.data = data
	return m
}

// judge asks the rules about where somebody comes from, once there is a first
// factor: nobody learns by them who is there. They are asked once of a person
// at an address, before somebody new comes to be. Whoever they keep out has
// changed nothing by coming; see [judgement].
func (m *Machine) judge(tx *store.Tx, t *Turn) error {
	if !t.unjudged() {
		return nil
	}
	c, err := m.riskCase(tx, *t)
	if err != nil {
		return err
	}
	verdict := risk.Judge(t.Settings, c)
	d := core.RiskDecision{
		ID: core.NewRiskDecisionID(), Request: t.Caller.Request, Flow: t.Flow.ID, Type: c.Type, Outcome: verdict.Outcome, Rule: verdict.Rule,
		Address: c.Address, Findings: verdict.Findings,
	}
	if t.User != nil {
		d.User = t.User.ID
	}
	if keep := time.Duration(t.Settings.AuditRetention); keep > 0 {
		d.ExpiresAt = tx.Now().Add(keep)
	}
	now := core.Judged{User: t.judgedUser(), Email: t.judgedEmail(), Address: t.personAddress(), Mailbox: t.mailboxProved(), Second: d.Outcome == core.RiskAsked}
	if before := t.Facts.Judged; before != nil && before.User == now.User {
		now.Mailbox, now.Second = before.Mailbox, before.Second || now.Second
	}
	t.Facts.Judged = &now
	if d.Outcome == core.RiskAsked && !t.canProveSecond() {
		d.Outcome = core.RiskNoFactor
	}
	if d.Outcome.Refused() {
		return &judgement{error: riskRefusal(d), decision: d}
	}
	if err := tx.PutRiskDecision(d); err != nil || d.Outcome == core.RiskPassed {
		return err
	}
	return tx.Record(core.Event{Name: core.EventRiskNoticed, Target: string(d.User), Reason: string(d.Rule), Data: riskEventData(d)})
}

// judgement is a refusal by the rules, whose decision is kept when the
// transaction is taken back that it comes out of.
type judgement struct {
	error
	decision core.RiskDecision
}

// Unwrap gives the reason to errors.As.
func (j *judgement) Unwrap() error { return j.error }

// keepJudgement writes the decision down if that is why something was refused,
// and returns what an event says of it.
func keepJudgement(tx *store.Tx, reason error) (map[string]string, error) {
	j, ok := errors.AsType[*judgement](reason)
	if !ok {
		return nil, nil
	}
	return riskEventData(j.decision), tx.PutRiskDecision(j.decision)
}

// riskEventData is what an event says of a decision.
func riskEventData(d core.RiskDecision) map[string]string {
	var hit []string
	for _, f := range d.Findings {
		if f.Result == core.RiskHit {
			hit = append(hit, string(f.Rule))
		}
	}
	return map[string]string{"flow": string(d.Flow), "outcome": string(d.Outcome), "rules": strings.Join(hit, " ")}
}

// riskRefusal is what somebody is told whom a rule keeps out.
func riskRefusal(d core.RiskDecision) error {
	code, detail := core.CodePlaceRefused, "People may not come from this country."
	switch d.Rule {
	case core.RuleAddresses:
		code, detail = core.CodeAddressRefused, "People may not come from this address."
	case core.RuleDomains:
		code, detail = core.CodeDomainRefused, "People may not come with an e-mail address of this domain."
	case core.RuleNewCountry:
		detail = "This person has not come from this country before."
	case core.RuleTravel:
		code, detail = core.CodeTravelRefused, "This is too far from the last sign-in for the time between the two."
	case core.RuleEmbargo:
	}
	if d.Outcome == core.RiskNoFactor {
		detail += " A second factor would be needed, and there is none that could be asked for."
	}
	return core.Fail(code, detail)
}

// riskCase is what the rules look at.
func (m *Machine) riskCase(tx *store.Tx, t Turn) (risk.Case, error) {
	email, _ := core.ParseEmail(t.mailbox())
	c := risk.Case{
		Type: t.riskType(), Domain: email.Domain(), Disposable: m.data.Disposable(email.Domain()), Invited: t.Facts.Invitation != "",
		Address: t.personAddress(), Now: tx.Now(),
	}
	if c.Address != "" {
		place, unknown := m.data.Place(c.Address)
		if c.Unplaced = unknown; unknown == "" {
			c.Place = &place
		}
	}
	if t.User == nil || !t.Settings.RemembersPlaces() {
		return c, nil
	}
	var err error
	c.Seen, err = tx.Sightings(t.User.ID)
	return c, err
}

// sighted remembers from where somebody has come in, if a rule needs to know.
func (m *Machine) sighted(tx *store.Tx, t Turn) error {
	address := t.personAddress()
	if address == "" || !t.Settings.RemembersPlaces() {
		return nil
	}
	place, unknown := m.data.Place(address)
	if unknown != "" {
		return nil
	}
	return tx.PutSighting(core.Sighting{User: t.User.ID, Place: place, Address: address})
}

// personAddress is from where the person comes; empty where an application's
// server calls for them and does not say.
func (t Turn) personAddress() string {
	if t.Caller.Trusted() && t.Caller.Network == "" {
		return ""
	}
	return t.Caller.Address
}

// riskType is what the flow is to the rules: somebody who came to be in it is
// still signing up.
func (t Turn) riskType() core.FlowType {
	if t.User == nil || t.Facts.Created {
		return core.FlowSignup
	}
	return core.FlowSignin
}

func (t Turn) judgedUser() core.UserID {
	if t.riskType() == core.FlowSignup {
		return ""
	}
	return t.User.ID
}

func (t Turn) judgedEmail() string {
	email, _ := core.ParseEmail(t.mailbox())
	return email.Key
}

// unjudged reports whether the rules are still to be asked about whoever the
// flow is about, where they are now.
func (t Turn) unjudged() bool {
	if t.Facts.Primary == "" || !t.Settings.Judges(t.riskType()) {
		return false
	}
	j := t.Facts.Judged
	return j == nil || j.User != t.judgedUser() || j.Email != t.judgedEmail() || j.Address != t.personAddress()
}

// asked reports whether a rule asks for a second factor, whatever else makes
// one needless.
func (t Turn) asked() bool { return t.Facts.Judged != nil && t.Facts.Judged.Second }

// askedOfKnown reports whether it is asked of somebody who was there before.
// They prove what they have: who enrolled a factor now would be whom the rule
// is there to keep out.
func (t Turn) askedOfKnown() bool { return t.asked() && t.Facts.Judged.User != "" }

// provedTwice reports whether the first factor is two by itself: a passkey that
// has made sure of who holds it.
func (t Turn) provedTwice() bool {
	return t.Facts.Primary == core.AuthenticatorPasskey && t.Facts.UserVerified
}

// canProveSecond reports whether there is a second factor to ask for.
func (t Turn) canProveSecond() bool {
	return t.Facts.Secondary != "" || t.provedTwice() || slices.ContainsFunc(t.Settings.SigninSecondary, func(kind core.AuthenticatorKind) bool {
		offered, _ := t.offersSecond(kind)
		return offered
	})
}

// standsIn reports whether a code to the person's mailbox, which was proved
// before, stands for the second factor that a rule asks for and that the person
// has never enrolled. Nothing is enrolled by it.
func (t Turn) standsIn(kind core.AuthenticatorKind) bool {
	return kind == core.AuthenticatorEmailOTP && t.askedOfKnown() && t.User != nil && t.User.EmailVerified && !t.Facts.Judged.Mailbox &&
		slices.Contains(t.Settings.SigninSecondary, kind) && !kind.SameProof(t.Facts.Primary) && !t.hasAny(t.Settings.SigninSecondary, true)
}
