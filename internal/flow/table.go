package flow

import (
	"slices"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// phase is one line of the table: when it is needed and what it offers.
type phase struct {
	name    core.Phase
	needed  func(Turn) bool
	choices []entry
	// pass is for a phase that nobody waits in: it is passed in the same
	// transaction in which it comes to be needed.
	pass Effect
}

// entry is one choice of a phase.
type entry struct {
	name   core.ChoiceName
	choice Choice
}

// table is the product's sign-up and sign-in on one screen. Phases and choices
// that are not built yet keep their places as comments.
func (m *Machine) table() []phase {
	return []phase{
		{name: core.PhaseOneTime, needed: needsOneTime, choices: []entry{
			{core.ChoiceEmailOTP, onceCode{codes{m.links, m.passwords}, core.AuthenticatorEmailOTP}},
			{core.ChoiceSMSOTP, onceCode{codes{m.links, m.passwords}, core.AuthenticatorSMSOTP}},
			{core.ChoicePassword, oncePassword{m.passwords}},
			{core.ChoiceSetEmail, onceName{core.AuthenticatorEmailOTP}},
			{core.ChoiceSetPhone, onceName{core.AuthenticatorSMSOTP}},
		}},
		{name: core.PhaseCompleted, needed: oneTimeDone},
		{name: core.PhasePrimary, needed: needsPrimary, choices: []entry{
			{core.ChoiceSetEmail, setEmail{}},
			{core.ChoiceSetUsername, setUsername{}},
			{core.ChoiceCaptcha, m.captcha}, // in a sign-up
			{core.ChoicePassword, password{m.passwords}},
			{core.ChoiceEmailOTP, emailOTP{codes{m.links, m.passwords}, false}},
			{core.ChoiceMagicLink, magicLink{m.links}},
			{core.ChoiceSMSOTP, smsOTP{codes{m.links, m.passwords}, false}},
			{core.ChoiceTOTP, totp{m.links.keys, m.passwords, false}},
			{core.ChoiceResetPassword, resetPassword{m.links}},
			{core.ChoiceSetPassword, setPassword{m.passwords}},
			{core.ChoiceVerifyEmail, verifyEmail{m.links}}, // before anything is said, in concealed sign-up
			{core.ChoiceSetPhone, setPhone{}},
			{core.ChoicePasskey, passkey{m.store, m.links.keys, false}},
			{core.ChoiceProvisional, provisional{m.links}},
			{core.ChoiceSocial, m.social()},
			{core.ChoiceSAML, saml{trips{m.store, m.links.keys}, m.links}},
		}},
		{name: core.PhaseCaptcha, needed: needsCaptcha, choices: []entry{
			{core.ChoiceCaptcha, m.captcha},
		}},
		{name: core.PhaseProfile, needed: needsProfile, choices: []entry{
			{core.ChoiceProfile, profile{}},
		}},
		{name: core.PhaseCreateUser, needed: needsUser, pass: createUser},
		{name: core.PhaseVerifyEmail, needed: needsMailbox, choices: []entry{
			{core.ChoiceVerifyEmail, verifyEmail{m.links}},
		}},
		{name: core.PhaseSetPassword, needed: needsNewPassword, choices: []entry{
			{core.ChoiceSetPassword, setPassword{m.passwords}},
		}},
		{name: core.PhaseSecondary, needed: needsSecondary, choices: []entry{
			{core.ChoiceEmailOTP, emailOTP{codes{m.links, m.passwords}, true}},
			{core.ChoiceSMSOTP, smsOTP{codes{m.links, m.passwords}, true}},
			{core.ChoiceTOTP, totp{m.links.keys, m.passwords, true}},
			{core.ChoiceRecoveryCode, recoveryCode{recovery{m.links.keys}, m.passwords}},
		}},
		{name: core.PhaseAgreements, needed: needsAgreements, choices: []entry{
			{core.ChoiceAgreements, agreements{}},
		}},
		{name: core.PhaseConsent, needed: needsConsent, choices: []entry{
			{core.ChoiceConsent, consent{}},
		}},
		{name: core.PhaseCompleted, needed: func(Turn) bool { return true }, choices: []entry{
			{core.ChoiceRecoveryCode, recoveryCodes{recovery{m.links.keys}}},
			{core.ChoicePasskey, passkey{m.store, m.links.keys, true}}, // an offer: nobody has to take it
		}},
	}
}

// needsPrimary: nobody has proved or chosen a first factor.
func needsPrimary(t Turn) bool { return t.Facts.Primary == "" }

// needsCaptcha: somebody new has not shown that they are no program.
func needsCaptcha(t Turn) bool { return t.User == nil && t.owesCaptcha() }

// needsProfile: somebody new has not been asked for what the pool wants.
func needsProfile(t Turn) bool {
	if t.User != nil || t.Facts.ProfileDone {
		return false
	}
	return len(t.askedFields()) > 0
}

// needsUser: somebody new has given all that a person is made of.
func needsUser(t Turn) bool { return t.User == nil }

// needsMailbox: the pool wants mailboxes proved, and this one is not. An address
// that a provider gave and does not vouch for is proved in any pool: its person
// has not even typed it.
func needsMailbox(t Turn) bool {
	return (t.Settings.SignupVerifyEmail || t.Facts.Primary.ByProvider()) && !t.User.EmailVerified && !t.Facts.Primary.ByMailbox()
}

// needsNewPassword: somebody came in by a password that is due for a change, or
// that others know.
func needsNewPassword(t Turn) bool {
	return t.Facts.Primary == core.AuthenticatorPassword && (t.Due || t.Facts.Breached)
}

// needsSecondary: the pool wants a second factor of everybody, or of who has
// one, and neither the first one nor the browser makes it needless; or a rule
// asks for one, and then only a first one that is two makes it so.
func needsSecondary(t Turn) bool {
	if t.asked() {
		return t.Facts.Secondary == "" && !t.provedTwice()
	}
	if t.Known && t.hasAny(t.Settings.SigninSecondary, true) {
		return false
	}
	if t.Facts.Secondary != "" || len(t.Settings.SigninSecondary) == 0 || t.skipsSecondary() {
		return false
	}
	return t.Settings.SigninRequireSecondary || t.hasAny(t.Settings.SigninSecondary, true)
}

// skipsSecondary reports whether the first factor makes a second one needless.
// A passkey that took anybody's touch is one factor, whatever the pool says.
func (t Turn) skipsSecondary() bool {
	return slices.Contains(t.Settings.SigninSkipSecondary, t.Facts.Primary) && (t.Facts.Primary != core.AuthenticatorPasskey || t.Facts.UserVerified)
}

// needsAgreements: the pool requires an agreement that the person has not
// accepted.
func needsAgreements(t Turn) bool { return len(t.unaccepted()) > 0 }

// needsConsent: the person has not said whether an application may have what it
// asks for.
func needsConsent(t Turn) bool { return len(t.unconsented()) > 0 }

// Choices lists the choices of the table, for the tests that every face has a
// shape or a screen for each.
func Choices() []core.ChoiceName {
	var names []core.ChoiceName
	for _, p := range (&Machine{}).table() {
		for _, e := range p.choices {
			if !slices.Contains(names, e.name) {
				names = append(names, e.name)
			}
		}
	}
	return names
}

// Phases lists the phases of the table, for the same tests.
func Phases() []core.Phase {
	var names []core.Phase
	for _, p := range (&Machine{}).table() {
		if !slices.Contains(names, p.name) {
			names = append(names, p.name)
		}
	}
	return names
}

// look returns where a flow is and what is offered there.
func (m *Machine) look(t Turn) (phase, []Prompt) {
	for _, p := range m.table() {
		if !p.needed(t) {
			continue
		}
		prompts := []Prompt{}
		for _, e := range p.choices {
			if prompt := e.choice.Prompt(t); prompt != nil {
				prompt.Choice = e.name
				prompts = append(prompts, *prompt)
			}
		}
		return p, prompts
	}
	panic("the last phase of the table is always needed")
}

// offered returns the choice of this name, if it is on offer now.
func (m *Machine) offered(t Turn, name core.ChoiceName) (Choice, error) {
	p, prompts := m.look(t)
	for _, prompt := range prompts {
		if prompt.Choice != name {
			continue
		}
		for _, e := range p.choices {
			if e.name == name {
				return e.choice, nil
			}
		}
	}
	return nil, core.Fail(core.CodeNotOffered, "The flow does not offer this choice now.")
}
