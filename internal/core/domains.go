package core

import (
	"errors"
	"fmt"
	"strings"
)

// The values of signup.domains_mode.
const (
	DomainsOff   = "off"
	DomainsAllow = "allow"
	DomainsDeny  = "deny"
)

// TakesDomain reports whether the pool's list of domains lets somebody sign up
// by themselves with this address. Domains are compared label by label in
// their one ASCII spelling.
func (s Settings) TakesDomain(email Email) bool {
	if s.SignupDomainsMode == DomainsOff {
		return true
	}
	_, listed := ListedDomain(s.SignupDomains, email.Domain())
	return listed == (s.SignupDomainsMode == DomainsAllow)
}

// ListedDomain returns the first entry of a list that names a domain, which is
// in its one ASCII spelling.
func ListedDomain(list []string, domain string) (entry string, listed bool) {
	for _, entry := range list {
		bare, below := strings.CutPrefix(entry, "*.")
		// Settings were checked when they were made; what cannot be read names
		// nothing.
		host, ok := ParseDomain(bare)
		if ok && (!below && domain == host || below && strings.HasSuffix(domain, "."+host)) {
			return entry, true
		}
	}
	return "", false
}

// Domain returns the domain of the address, in its one ASCII spelling.
func (e Email) Domain() string {
	_, domain, _ := strings.Cut(e.Key, "@")
	return domain
}

func checkDomains(list []string) error {
	if len(list) > 1000 {
		return errors.New("must be at most 1000 domains")
	}
	for _, entry := range list {
		if _, ok := ParseDomain(strings.TrimPrefix(entry, "*.")); !ok {
			return fmt.Errorf("has %q, which is neither a domain such as example.org nor one such as *.example.org", entry)
		}
	}
	return nil
}
