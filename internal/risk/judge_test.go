package risk_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/risk"
)

var (
	now       = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	berlin    = core.Place{Country: "DE", City: "Berlin", Located: true, Latitude: 52.52, Longitude: 13.4, Radius: 20}
	hamburg   = core.Place{Country: "DE", City: "Hamburg", Located: true, Latitude: 53.55, Longitude: 9.99, Radius: 20}
	newYork   = core.Place{Country: "US", City: "New York", Located: true, Latitude: 40.71, Longitude: -74.01, Radius: 50}
	somewhere = core.Place{Country: "FR"}
)

func seen(ago time.Duration, p core.Place) core.Sighting {
	return core.Sighting{Place: p, Address: "192.0.2.1", At: now.Add(-ago)}
}

// with is the settings with one rule on, asking for a second factor.
func with(change func(*core.Settings)) core.Settings {
	s := core.DefaultSettings()
	change(&s)
	return s
}

func TestEachRule(t *testing.T) {
	addresses := with(func(s *core.Settings) {
		s.RiskAddresses, s.RiskAddressesDenied = core.RiskBlock, []string{"192.0.2.7", "198.51.100.0/24", "203.0.113.5 - 203.0.113.9", "2001:db8::/32", "::ffff:192.0.2.99"}
		s.RiskAddressesAllowed = []string{"198.51.100.77"}
	})
	domains := with(func(s *core.Settings) {
		s.RiskDomainsSignup, s.RiskDomainsSignin = core.RiskBlock, core.RiskRecord
		s.RiskDomainsDenied, s.RiskDomainsAllowed = []string{"bad.example", "*.below.example"}, []string{"mailinator.com", "good.below.example"}
	})
	embargo := with(func(s *core.Settings) {
		s.RiskEmbargoSignin, s.RiskEmbargoCountries = core.RiskBlock, []string{"US"}
		s.RiskAddressesAllowed = []string{"198.51.100.77"}
	})
	country := with(func(s *core.Settings) { s.RiskNewCountry = core.RiskSecondFactor })
	travel := with(func(s *core.Settings) { s.RiskTravel = core.RiskBlock })
	at := func(address string) risk.Case {
		return risk.Case{Type: core.FlowSignin, Address: address, Unplaced: "why", Now: now}
	}
	in := func(p core.Place, seen ...core.Sighting) risk.Case {
		return risk.Case{Type: core.FlowSignin, Address: "198.51.100.10", Place: &p, Seen: seen, Now: now}
	}
	mail := func(kind core.FlowType, domain string, disposable bool) risk.Case {
		return risk.Case{Type: kind, Domain: domain, Disposable: disposable}
	}
	signup := func(c risk.Case) risk.Case { c.Type = core.FlowSignup; return c }
	for law, c := range map[string]struct {
		settings core.Settings
		c        risk.Case
		want     core.RiskResult
		outcome  core.RiskOutcome
	}{
		"a single address is listed":                       {addresses, at("192.0.2.7"), core.RiskHit, core.RiskRefused},
		"its neighbour is not":                             {addresses, at("192.0.2.8"), core.RiskClear, core.RiskPassed},
		"a network is listed":                              {addresses, at("198.51.100.200"), core.RiskHit, core.RiskRefused},
		"a range holds its first address":                  {addresses, at("203.0.113.5"), core.RiskHit, core.RiskRefused},
		"a range holds its last address":                   {addresses, at("203.0.113.9"), core.RiskHit, core.RiskRefused},
		"a range ends behind it":                           {addresses, at("203.0.113.10"), core.RiskClear, core.RiskPassed},
		"a network of IPv6 is listed":                      {addresses, at("2001:db8:1::1"), core.RiskHit, core.RiskRefused},
		"an IPv4 address in the form of IPv6 is the same":  {addresses, at("::ffff:192.0.2.7"), core.RiskHit, core.RiskRefused},
		"an entry in that form is the IPv4 address":        {addresses, at("192.0.2.99"), core.RiskHit, core.RiskRefused},
		"an address that is allowed is not looked for":     {addresses, at("198.51.100.77"), core.RiskSkipped, core.RiskPassed},
		"an address that is not known is not looked for":   {addresses, at(""), core.RiskSkipped, core.RiskPassed},
		"what is no address is on no list":                 {addresses, at("nonsense"), core.RiskClear, core.RiskPassed},
		"addresses are looked at in sign-ups too":          {addresses, signup(at("192.0.2.7")), core.RiskHit, core.RiskRefused},
		"a listed domain is refused at sign-up":            {domains, mail(core.FlowSignup, "bad.example", false), core.RiskHit, core.RiskRefused},
		"and does at sign-in what the pool says for that":  {domains, mail(core.FlowSignin, "bad.example", false), core.RiskHit, core.RiskNoted},
		"a domain below a listed one is not listed":        {domains, mail(core.FlowSignup, "x.bad.example", false), core.RiskClear, core.RiskPassed},
		"a star lists all below":                           {domains, mail(core.FlowSignup, "x.y.below.example", false), core.RiskHit, core.RiskRefused},
		"and not itself":                                   {domains, mail(core.FlowSignup, "below.example", false), core.RiskClear, core.RiskPassed},
		"what is allowed goes before what is denied":       {domains, mail(core.FlowSignup, "good.below.example", false), core.RiskClear, core.RiskPassed},
		"a disposable domain is as one that is listed":     {domains, mail(core.FlowSignup, "trash.example", true), core.RiskHit, core.RiskRefused},
		"what is allowed goes before that list too":        {domains, mail(core.FlowSignup, "mailinator.com", true), core.RiskClear, core.RiskPassed},
		"without an e-mail address there is no domain":     {domains, mail(core.FlowSignup, "", false), core.RiskSkipped, core.RiskPassed},
		"an application's word goes before the lists":      {domains, risk.Case{Type: core.FlowSignup, Domain: "bad.example", Invited: true}, core.RiskSkipped, core.RiskPassed},
		"an embargoed country is refused":                  {embargo, in(newYork), core.RiskHit, core.RiskRefused},
		"another country is not":                           {embargo, in(berlin), core.RiskClear, core.RiskPassed},
		"without a place there is no embargo":              {embargo, at("198.51.100.10"), core.RiskSkipped, core.RiskPassed},
		"an allowed address is not asked for its country":  {embargo, risk.Case{Type: core.FlowSignin, Address: "198.51.100.77", Place: &newYork}, core.RiskSkipped, core.RiskPassed},
		"a first sign-in is from no new country":           {country, in(newYork), core.RiskSkipped, core.RiskPassed},
		"a country from before is known":                   {country, in(newYork, seen(time.Hour, berlin), seen(9*time.Hour, newYork)), core.RiskClear, core.RiskPassed},
		"a country of which nobody was seen is new":        {country, in(newYork, seen(time.Hour, berlin)), core.RiskHit, core.RiskAsked},
		"a country without a city is one all the same":     {country, in(somewhere, seen(time.Hour, berlin)), core.RiskHit, core.RiskAsked},
		"nobody is over the sea in an hour":                {travel, in(newYork, seen(time.Hour, berlin)), core.RiskHit, core.RiskRefused},
		"one may be in eight hours":                        {travel, in(newYork, seen(8*time.Hour, berlin)), core.RiskClear, core.RiskPassed},
		"nor is anybody two towns on in a minute":          {travel, in(hamburg, seen(time.Minute, berlin)), core.RiskHit, core.RiskRefused},
		"one may be in two hours":                          {travel, in(hamburg, seen(2*time.Hour, berlin)), core.RiskClear, core.RiskPassed},
		"where one was a moment ago is no travel":          {travel, in(berlin, seen(0, berlin)), core.RiskClear, core.RiskPassed},
		"a clock that was set back does not let one fly":   {travel, in(newYork, seen(-time.Hour, berlin)), core.RiskHit, core.RiskRefused},
		"nobody travels from nowhere":                      {travel, in(newYork), core.RiskSkipped, core.RiskPassed},
		"without coordinates there is no travel":           {travel, in(somewhere, seen(time.Hour, berlin)), core.RiskSkipped, core.RiskPassed},
		"a place without coordinates is passed over":       {travel, in(newYork, seen(time.Minute, somewhere), seen(time.Hour, berlin)), core.RiskHit, core.RiskRefused},
		"an address that has moved in the file is no trip": {travel, risk.Case{Type: core.FlowSignin, Address: "192.0.2.1", Place: &newYork, Seen: []core.Sighting{seen(time.Minute, berlin)}, Now: now}, core.RiskClear, core.RiskPassed},
	} {
		v := risk.Judge(c.settings, c.c)
		if len(v.Findings) != 1 || v.Findings[0].Result != c.want || v.Outcome != c.outcome {
			t.Errorf("law: %s; got %+v", law, v)
			continue
		}
		if (v.Rule == "") != (c.outcome == core.RiskPassed) || (v.Findings[0].Reason == "") != (c.want != core.RiskSkipped) {
			t.Errorf("law: what decided is named, and what was skipped says why; %s: %+v", law, v)
		}
	}
	for _, rule := range []core.Settings{country, travel} {
		if v := risk.Judge(rule, signup(in(newYork, seen(time.Hour, berlin)))); len(v.Findings) > 0 || v.Outcome != core.RiskPassed {
			t.Errorf("law: who signs up has been nowhere; got %+v", v)
		}
	}
	if v := risk.Judge(core.DefaultSettings(), in(newYork, seen(time.Minute, berlin))); len(v.Findings) > 0 || v.Outcome != core.RiskPassed {
		t.Errorf("law: a pool that sets nothing has no rules; got %+v", v)
	}
}

// TestVerdicts are laws about all rules together.
func TestVerdicts(t *testing.T) {
	actions := []core.RiskAction{core.RiskOff, core.RiskRecord, core.RiskSecondFactor, core.RiskBlock}
	severity := map[core.RiskAction]core.RiskOutcome{core.RiskRecord: core.RiskNoted, core.RiskSecondFactor: core.RiskAsked, core.RiskBlock: core.RiskRefused}
	rapid.Check(t, func(r *rapid.T) {
		action := func(name string) core.RiskAction { return rapid.SampledFrom(actions).Draw(r, name) }
		s := with(func(s *core.Settings) {
			s.RiskAddresses, s.RiskNewCountry, s.RiskTravel = action("addresses"), action("country"), action("travel")
			s.RiskDomainsSignin, s.RiskDomainsSignup, s.RiskEmbargoSignin, s.RiskEmbargoSignup = action("di"), action("du"), action("ei"), action("eu")
			s.RiskAddressesDenied, s.RiskEmbargoCountries = rapid.SampledFrom([][]string{nil, {"198.51.100.0/24"}}).Draw(r, "denied"), rapid.SampledFrom([][]string{nil, {"US"}, {"DE"}}).Draw(r, "countries")
			s.RiskAddressesAllowed = rapid.SampledFrom([][]string{nil, nil, {"198.51.100.10"}}).Draw(r, "allowed")
		})
		places := []*core.Place{nil, &berlin, &hamburg, &newYork, &somewhere}
		c := risk.Case{
			Type: rapid.SampledFrom([]core.FlowType{core.FlowSignin, core.FlowSignup}).Draw(r, "type"), Domain: "example.org", Disposable: rapid.Bool().Draw(r, "disposable"),
			Address: rapid.SampledFrom([]string{"", "198.51.100.10", "2001:db8::1"}).Draw(r, "address"), Place: rapid.SampledFrom(places).Draw(r, "place"), Unplaced: "why", Now: now,
		}
		for range rapid.IntRange(0, 3).Draw(r, "n") {
			c.Seen = append(c.Seen, seen(time.Duration(rapid.IntRange(0, 100).Draw(r, "hours"))*time.Hour, *rapid.SampledFrom(places[1:]).Draw(r, "from")))
		}
		v := risk.Judge(s, c)
		worst := core.RiskPassed
		rank := map[core.RiskOutcome]int{core.RiskPassed: 0, core.RiskNoted: 1, core.RiskAsked: 2, core.RiskRefused: 3}
		told := make(map[core.RiskRule]bool)
		for _, f := range v.Findings {
			told[f.Rule] = true
			if f.Action != s.RiskAction(f.Rule, c.Type) {
				r.Fatalf("law: a finding says what the pool wanted done; got %+v", f)
			}
			if outcome := severity[f.Action]; f.Result == core.RiskHit && rank[outcome] > rank[worst] {
				worst = outcome
			}
			if place := f.Rule != core.RuleDomains && f.Rule != core.RuleAddresses; place && c.Place == nil && f.Result == core.RiskHit {
				r.Fatalf("law: no rule about places applies where none is known; got %+v", f)
			}
			if f.Rule != core.RuleDomains && c.Address == "" && f.Result != core.RiskSkipped {
				r.Fatalf("law: no rule about addresses applies where none is known; got %+v", f)
			}
		}
		for _, rule := range core.RiskRules() {
			if told[rule] != (s.RiskAction(rule, c.Type) != core.RiskOff) {
				r.Fatalf("law: every rule that is on is told of, and no other; %s is %t", rule, told[rule])
			}
		}
		if v.Outcome != worst {
			r.Fatalf("law: what is asked for the most comes of it; got %s in place of %s: %+v", v.Outcome, worst, v)
		}
		if (len(v.Findings) > 0) != s.Judges(c.Type) {
			r.Fatalf("law: a pool judges if a rule is on; got %+v", v)
		}
	})
}
