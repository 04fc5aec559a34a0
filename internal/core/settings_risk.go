package core

import (
	"errors"
	"fmt"

	"golang.org/x/text/language"
)

// riskSettings is the part of the settings table about the rules that look at
// where somebody comes from.
func riskSettings() []Setting {
	const actions = "off, record, second_factor or block"
	action := func(key, meaning string, field func(*Settings) *RiskAction) Setting {
		return Setting{key, actions, meaning, func(s *Settings) any { return field(s) }, func(s *Settings) error { return oneOf(*field(s), riskActions()...) }}
	}
	return []Setting{
		action("risk.addresses", "What is done where people come from an address of risk.addresses_denied.", func(s *Settings) *RiskAction { return &s.RiskAddresses }),
		{"risk.addresses_denied", "list of addresses", "Addresses, networks such as 192.0.2.0/24 and ranges such as 192.0.2.1 - 192.0.2.9, of either version of IP.",
			func(s *Settings) any { return &s.RiskAddressesDenied }, func(s *Settings) error { return checkAddresses(s.RiskAddressesDenied) }},
		{"risk.addresses_allowed", "list of addresses", "The same, from where no rule about addresses and countries applies: an office, for one.",
			func(s *Settings) any { return &s.RiskAddressesAllowed }, func(s *Settings) error { return checkAddresses(s.RiskAddressesAllowed) }},

		action("risk.domains_signup", "What is done where somebody signs up with an e-mail address of risk.domains_denied, or of a domain for addresses to be thrown away.", func(s *Settings) *RiskAction { return &s.RiskDomainsSignup }),
		action("risk.domains_signin", "The same where somebody signs in.", func(s *Settings) *RiskAction { return &s.RiskDomainsSignin }),
		{"risk.domains_denied", "list of domains", "Domains beside those for addresses to be thrown away, such as example.org, or *.example.org for all below it and not itself.",
			func(s *Settings) any { return &s.RiskDomainsDenied }, func(s *Settings) error { return checkDomains(s.RiskDomainsDenied) }},
		{"risk.domains_allowed", "list of domains", "The same, to which the rule does not apply, whatever other lists say.",
			func(s *Settings) any { return &s.RiskDomainsAllowed }, func(s *Settings) error { return checkDomains(s.RiskDomainsAllowed) }},

		action("risk.embargo_signup", "What is done where somebody signs up from a country of risk.embargo_countries. Needs a file of places: see geoip_file.", func(s *Settings) *RiskAction { return &s.RiskEmbargoSignup }),
		action("risk.embargo_signin", "The same where somebody signs in.", func(s *Settings) *RiskAction { return &s.RiskEmbargoSignin }),
		{"risk.embargo_countries", "list of countries", "Countries by their codes (ISO 3166-1), such as DE.",
			func(s *Settings) any { return &s.RiskEmbargoCountries }, func(s *Settings) error { return checkISOCountries(s.RiskEmbargoCountries) }},

		action("risk.new_country", "What is done where somebody signs in from a country from where they have not signed in within a year. Needs a file of places.", func(s *Settings) *RiskAction { return &s.RiskNewCountry }),
		action("risk.travel", "What is done where somebody signs in so far from their last sign-in that nobody gets there in that time. Needs a file of places.", func(s *Settings) *RiskAction { return &s.RiskTravel }),
		{"risk.travel_speed", "integer", "How fast people get about, in km/h.",
			func(s *Settings) any { return &s.RiskTravelSpeed }, func(s *Settings) error { return between(s.RiskTravelSpeed, 1, 100_000) }},
	}
}

func checkISOCountries(list []string) error {
	if len(list) > 300 {
		return errors.New("must be at most 300 countries")
	}
	for i, code := range list {
		region, err := language.ParseRegion(code)
		if err != nil || !region.IsCountry() || region.String() != code {
			return fmt.Errorf("has %q, which is no country's code such as DE", code)
		}
		for _, before := range list[:i] {
			if before == code {
				return fmt.Errorf("has %q twice", code)
			}
		}
	}
	return nil
}
