package core

import "testing"

func TestAddressLists(t *testing.T) {
	list := []string{"192.0.2.7", "198.51.100.0/24", "203.0.113.10 - 203.0.113.20", "203.0.113.250-203.0.114.3", "2001:db8::/33", "2001:db8:ffff::1", "::ffff:10.1.2.3", "::ffff:172.16.0.0/108", "10.9.8.7/30"}
	for address, want := range map[string]bool{
		"192.0.2.7": true, "192.0.2.6": false, "192.0.2.8": false, "::ffff:192.0.2.7": true, "::ffff:c000:207": true,
		"198.51.100.0": true, "198.51.100.255": true, "198.51.99.255": false, "198.51.101.0": false,
		"203.0.113.9": false, "203.0.113.10": true, "203.0.113.20": true, "203.0.113.21": false, "203.0.113.255": true, "203.0.114.3": true, "203.0.114.4": false,
		"2001:db8::1": true, "2001:DB8:7fff:ffff:ffff:ffff:ffff:ffff": true, "2001:db8:8000::": false, "2001:db8:ffff::1": true, "2001:db8:ffff::1%eth0": true, "2001:db8:ffff::2": false,
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "::10.1.2.3": false, "10.1.2.4": false, "172.16.0.0": true, "172.31.255.255": true, "172.32.0.0": false,
		"10.9.8.4": true, "10.9.8.7": true, "10.9.8.8": false,
		"": false, "localhost": false, "192.0.2.7:443": false, "192.0.2.007": false, " 192.0.2.7": false, "3221225991": false,
	} {
		err := (Settings{AccessAddresses: list}).AdmitAddress(address)
		if (err == nil) != want || err != nil && !Is(err, CodeAddressRefused) {
			t.Errorf("law: an address is one of the list, or is refused; %q gave %v", address, err)
		}
		if err := (Settings{}).AdmitAddress(address); err != nil {
			t.Errorf("law: an empty list names every address; %q gave %v", address, err)
		}
	}
}
