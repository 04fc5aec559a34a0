package core

import "time"

// RiskRule names one of the rules that look at where somebody comes from, and
// with what address.
type RiskRule string

// The rules.
const (
	RuleAddresses  RiskRule = "addresses"   // the client's address is on the pool's list
	RuleDomains    RiskRule = "domains"     // the e-mail address is of a domain that is listed, or made for throwing away
	RuleEmbargo    RiskRule = "embargo"     // the country is on the pool's list
	RuleNewCountry RiskRule = "new_country" // the person has not signed in from this country before
	RuleTravel     RiskRule = "travel"      // nobody gets here that fast from the last sign-in
)

// RiskRules lists the rules, in the order in which they are looked at.
func RiskRules() []RiskRule {
	return []RiskRule{RuleAddresses, RuleDomains, RuleEmbargo, RuleNewCountry, RuleTravel}
}

// RiskAction is what a pool wants done where a rule applies.
type RiskAction string

// The actions, from the mildest on.
const (
	RiskOff          RiskAction = "off"           // the rule is not looked at
	RiskRecord       RiskAction = "record"        // it is written down, and nothing else
	RiskSecondFactor RiskAction = "second_factor" // a second factor is asked for
	RiskBlock        RiskAction = "block"         // nobody comes in
)

func riskActions() []RiskAction {
	return []RiskAction{RiskOff, RiskRecord, RiskSecondFactor, RiskBlock}
}

// RiskResult is what a rule found.
type RiskResult string

// The results.
const (
	RiskClear   RiskResult = "clear"   // it does not apply
	RiskHit     RiskResult = "hit"     // it does
	RiskSkipped RiskResult = "skipped" // it could not be looked at; the reason says why
)

// RiskFinding is what one rule found, and from what.
type RiskFinding struct {
	Rule   RiskRule          `json:"rule"`
	Action RiskAction        `json:"action"` // what the pool wanted done if it applied
	Result RiskResult        `json:"result"`
	Reason string            `json:"reason,omitempty"` // why it was skipped, in a sentence
	Inputs map[string]string `json:"inputs,omitempty"` // what was compared; never a secret
}

// RiskOutcome is what came of all rules together.
type RiskOutcome string

// The outcomes, from the mildest on.
const (
	RiskPassed   RiskOutcome = "passed"        // no rule applied
	RiskNoted    RiskOutcome = "recorded"      // one did, and was only to be written down
	RiskAsked    RiskOutcome = "second_factor" // a second factor was asked for
	RiskRefused  RiskOutcome = "blocked"       // nobody came in
	RiskNoFactor RiskOutcome = "no_factor"     // the same, because a second factor was asked for and there is none
)

// Refused reports whether somebody was kept out.
func (o RiskOutcome) Refused() bool { return o == RiskRefused || o == RiskNoFactor }

// RiskDecision is what the rules said of one sign-up or sign-in, and from what.
type RiskDecision struct {
	ID        RiskDecisionID
	Request   RequestID
	Flow      FlowID
	User      UserID // empty for somebody new
	Type      FlowType
	Outcome   RiskOutcome
	Rule      RiskRule // the one that decided; empty where none applied
	Address   string   // of the person; empty where it is not known
	Findings  []RiskFinding
	CreatedAt time.Time
	ExpiresAt time.Time // zero: kept for ever
}

// Place is where an address is, as far as is known.
type Place struct {
	Country   string // ISO 3166-1, two letters
	Name      string // of the country, in English; may be empty
	City      string // in English; may be empty
	Postal    string // may be empty
	Located   bool   // whether the rest is known
	Latitude  float64
	Longitude float64
	Radius    int // in km, within which the place surely is; 0: not known
}

// Sighting is from where a person last signed in, of each country.
type Sighting struct {
	User    UserID
	Place   Place
	Address string
	At      time.Time
}

// SightingLife is for how long a country is known to be a person's after the
// last sign-in from there.
const SightingLife = 365 * 24 * time.Hour

// Judges reports whether any rule is to be looked at in flows of this type.
func (s Settings) Judges(t FlowType) bool {
	for _, rule := range RiskRules() {
		if s.RiskAction(rule, t) != RiskOff {
			return true
		}
	}
	return false
}

// RiskAction returns what the pool wants done where a rule applies, in flows of
// a type. Somebody new has been nowhere yet.
func (s Settings) RiskAction(rule RiskRule, t FlowType) RiskAction {
	signup := t == FlowSignup
	switch rule {
	case RuleAddresses:
		return s.RiskAddresses
	case RuleDomains:
		if signup {
			return s.RiskDomainsSignup
		}
		return s.RiskDomainsSignin
	case RuleEmbargo:
		if signup {
			return s.RiskEmbargoSignup
		}
		return s.RiskEmbargoSignin
	case RuleNewCountry:
		if !signup {
			return s.RiskNewCountry
		}
	case RuleTravel:
		if !signup {
			return s.RiskTravel
		}
	}
	return RiskOff
}

// RemembersPlaces reports whether some rule needs to know from where people
// have signed in before.
func (s Settings) RemembersPlaces() bool {
	return s.RiskNewCountry != RiskOff || s.RiskTravel != RiskOff
}
