package risk

import (
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// Case is a sign-up or sign-in as the rules look at it.
type Case struct {
	Type       core.FlowType
	Domain     string // of the e-mail address; empty: there is none
	Disposable bool   // it is a domain for addresses to be thrown away
	Invited    bool   // the application invited somebody of this address
	Address    string // of the person; empty: not known
	// Place is where that is, or nil; then Unplaced says why, in a sentence.
	Place    *core.Place
	Unplaced string
	Seen     []core.Sighting // from where they signed in before, the last one first
	Now      time.Time
}

// Verdict is what the rules say together.
type Verdict struct {
	Outcome  core.RiskOutcome
	Rule     core.RiskRule // the first of those that ask for the most; empty where none applied
	Findings []core.RiskFinding
}

// Judge looks at a case by the rules of a pool that are not off.
func Judge(s core.Settings, c Case) Verdict {
	v := Verdict{Outcome: core.RiskPassed}
	outcomes := map[core.RiskAction]core.RiskOutcome{core.RiskRecord: core.RiskNoted, core.RiskSecondFactor: core.RiskAsked, core.RiskBlock: core.RiskRefused}
	severity := []core.RiskOutcome{core.RiskPassed, core.RiskNoted, core.RiskAsked, core.RiskRefused}
	for _, rule := range core.RiskRules() {
		action := s.RiskAction(rule, c.Type)
		if action == core.RiskOff {
			continue
		}
		f := look(rule, s, c)
		f.Rule, f.Action = rule, action
		v.Findings = append(v.Findings, f)
		if outcome := outcomes[action]; f.Result == core.RiskHit && slices.Index(severity, outcome) > slices.Index(severity, v.Outcome) {
			v.Outcome, v.Rule = outcome, rule
		}
	}
	return v
}

func look(rule core.RiskRule, s core.Settings, c Case) core.RiskFinding {
	if rule == core.RuleDomains {
		return domains(s, c)
	}
	// All others are about where somebody comes from.
	if c.Address == "" {
		return skipped("The person's address is not known: an application's server calls for them, and does not say from where.")
	}
	if entry, allowed := core.ListedAddress(s.RiskAddressesAllowed, c.Address); allowed {
		return skipped("The address is one of risk.addresses_allowed.", "entry", entry)
	}
	if rule == core.RuleAddresses {
		entry, listed := core.ListedAddress(s.RiskAddressesDenied, c.Address)
		return found(listed, "address", c.Address, "entry", entry)
	}
	if c.Place == nil {
		return skipped(c.Unplaced)
	}
	switch rule {
	case core.RuleEmbargo:
		return found(slices.Contains(s.RiskEmbargoCountries, c.Place.Country), "country", c.Place.Country)
	case core.RuleNewCountry:
		return newCountry(c)
	default:
		return travel(s, c)
	}
}

func domains(s core.Settings, c Case) core.RiskFinding {
	if c.Domain == "" {
		return skipped("There is no e-mail address.")
	}
	if c.Invited && c.Type == core.FlowSignup {
		return skipped("The application has invited this address.", "domain", c.Domain)
	}
	if entry, allowed := core.ListedDomain(s.RiskDomainsAllowed, c.Domain); allowed {
		return found(false, "domain", c.Domain, "allowed_by", entry)
	}
	entry, listed := core.ListedDomain(s.RiskDomainsDenied, c.Domain)
	disposable := ""
	if c.Disposable {
		disposable = "true"
	}
	return found(listed || c.Disposable, "domain", c.Domain, "entry", entry, "disposable", disposable)
}

func newCountry(c Case) core.RiskFinding {
	if len(c.Seen) == 0 {
		return skipped("There is no sign-in from a known place within a year to compare with.", "country", c.Place.Country)
	}
	known := slices.ContainsFunc(c.Seen, func(s core.Sighting) bool { return s.Place.Country == c.Place.Country })
	return found(!known, "country", c.Place.Country, "last_country", c.Seen[0].Place.Country, "known", strconv.Itoa(len(c.Seen)))
}

// near is within what distance, in km, nobody is said to have travelled: where
// an address is, is known no better than that.
const near = 100

// travel compares with the last sign-in whose place has coordinates. Within
// which radius each is known is taken off the distance.
func travel(s core.Settings, c Case) core.RiskFinding {
	last := slices.IndexFunc(c.Seen, func(s core.Sighting) bool { return s.Place.Located })
	switch {
	case !c.Place.Located:
		return skipped("The file of places has no coordinates for this address.", "country", c.Place.Country)
	case last < 0:
		return skipped("There is no sign-in from a place with coordinates within a year to compare with.")
	}
	from := c.Seen[last]
	km := max(0, distance(from.Place, *c.Place)-float64(from.Place.Radius+c.Place.Radius))
	// A clock that was set back makes no time pass; one second is less than
	// anybody needs to get anywhere.
	took := max(c.Now.Sub(from.At), time.Second)
	speed := km / took.Hours()
	return found(from.Address != c.Address && km > near && speed > float64(s.RiskTravelSpeed),
		"km", strconv.Itoa(int(km)), "km_per_hour", strconv.Itoa(int(speed)), "most", strconv.Itoa(s.RiskTravelSpeed),
		"country", c.Place.Country, "city", c.Place.City, "last_country", from.Place.Country, "last_city", from.Place.City, "last_at", from.At.UTC().Format(time.RFC3339))
}

// distance is the shortest way between two places over a round earth, in km.
func distance(a, b core.Place) float64 {
	const radius, degree = 6371, math.Pi / 180
	dLat, dLong := (b.Latitude-a.Latitude)*degree/2, (b.Longitude-a.Longitude)*degree/2
	h := math.Pow(math.Sin(dLat), 2) + math.Cos(a.Latitude*degree)*math.Cos(b.Latitude*degree)*math.Pow(math.Sin(dLong), 2)
	return 2 * radius * math.Asin(math.Sqrt(min(1, h)))
}

func found(hit bool, inputs ...string) core.RiskFinding {
	f := core.RiskFinding{Result: core.RiskClear, Inputs: pairs(inputs)}
	if hit {
		f.Result = core.RiskHit
	}
	return f
}

func skipped(reason string, inputs ...string) core.RiskFinding {
	return core.RiskFinding{Result: core.RiskSkipped, Reason: reason, Inputs: pairs(inputs)}
}

// pairs makes a map of names and values, without those that are empty.
func pairs(words []string) map[string]string {
	var m map[string]string
	for i := 0; i+1 < len(words); i += 2 {
		if words[i+1] != "" {
			if m == nil {
				m = make(map[string]string)
			}
			m[words[i]] = words[i+1]
		}
	}
	return m
}
