package core

import "testing"

func TestI13DomainLists(t *testing.T) {
	list := []string{"good.com", "*.below.example", "Bücher.example", "*.xn--mnchen-3ya.example"}
	for address, listed := range map[string]bool{
		"ana@good.com": true, "ana@GOOD.com": true, "ana@Good.Com": true, "ana@ｇｏｏｄ.com": true,
		"ana@good.com.evil.example": false, "ana@evilgood.com": false, "ana@sub.good.com": false, "ana@good.co": false, "ana@ood.com": false,
		"good.com@evil.example": false, "ana+good.com@evil.example": false, "ana@g00d.com": false, "ana@gооd.com": false, // Cyrillic o
		"ana@a.below.example": true, "ana@a.b.BELOW.example": true, "ana@below.example": false, "ana@abelow.example": false, "ana@a.below.example.evil.example": false,
		"ana@bücher.example": true, "ana@xn--bcher-kva.example": true, "ana@XN--BCHER-KVA.example": true, "ana@bucher.example": false,
		"ana@post.münchen.example": true, "ana@post.xn--mnchen-3ya.example": true, "ana@münchen.example": false,
	} {
		email, ok := ParseEmail(address)
		if !ok {
			t.Fatalf("%s is no address", address)
		}
		for mode, want := range map[string]bool{DomainsOff: true, DomainsAllow: listed, DomainsDeny: !listed} {
			if got := (Settings{SignupDomainsMode: mode, SignupDomains: list}).TakesDomain(email); got != want {
				t.Errorf("law: domains are compared label by label; with %s, %s gave %t", mode, address, got)
			}
		}
		// With an empty list, allow lets nobody in and deny keeps nobody out.
		if (Settings{SignupDomainsMode: DomainsAllow}).TakesDomain(email) || !(Settings{SignupDomainsMode: DomainsDeny}).TakesDomain(email) {
			t.Errorf("law: an empty list names nobody; %s is on it", address)
		}
	}
	// What two programs might read differently is no address at all.
	for _, address := range []string{"ana@good.com@evil.example", "ana@evil.example\x00@good.com", "ana@good.com.", "ana@evil.example#@good.com", "\"ana@good.com\"@evil.example", "ana@good。com", "ana@[good.com]", "<ana@good.com>", "ana@evil.example,bob@good.com"} {
		if email, ok := ParseEmail(address); ok {
			t.Errorf("law: an address has one reading; %q is %+v", address, email)
		}
	}
}
