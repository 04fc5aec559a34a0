package core

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// AdmitAddress returns [CodeAddressRefused] for an address from which people
// may not come. One that cannot be read is none of those that may.
func (s Settings) AdmitAddress(address string) error {
	if len(s.AccessAddresses) == 0 {
		return nil
	}
	if _, listed := ListedAddress(s.AccessAddresses, address); listed {
		return nil
	}
	return Fail(CodeAddressRefused, "People may not come from this address.")
}

// ListedAddress returns the first entry of a list that names an address. One
// that cannot be read is named by none.
func ListedAddress(list []string, address string) (entry string, listed bool) {
	asked, err := netip.ParseAddr(address)
	if err != nil {
		return "", false
	}
	asked = asked.Unmap().WithZone("")
	for _, entry := range list {
		first, last, err := addressRange(entry)
		if err == nil && first.Is4() == asked.Is4() && first.Compare(asked) <= 0 && asked.Compare(last) <= 0 {
			return entry, true
		}
	}
	return "", false
}

// addressRange reads an address, a network in CIDR form, or two addresses with
// a hyphen between them, as the first and the last address that it names. An
// IPv4 address in the form of IPv6 is the IPv4 address (RFC 4291 section 2.5.5.2).
func addressRange(entry string) (first, last netip.Addr, err error) {
	if from, to, ok := strings.Cut(entry, "-"); ok {
		first, err = plainAddress(strings.TrimSpace(from))
		if err == nil {
			last, err = plainAddress(strings.TrimSpace(to))
		}
		if err == nil && (first.Is4() != last.Is4() || last.Less(first)) {
			err = errors.New("the range ends before it begins")
		}
		return first, last, err
	}
	text, _, network := strings.Cut(entry, "/")
	if !network {
		first, err = plainAddress(text)
		return first, first, err
	}
	prefix, err := netip.ParsePrefix(entry)
	if err != nil {
		return first, last, err
	}
	if prefix.Addr().Is4In6() {
		if prefix.Bits() < 96 {
			return first, last, errors.New("the network holds addresses of both kinds")
		}
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-96)
	}
	prefix = prefix.Masked()
	bytes := prefix.Addr().AsSlice()
	for bit := prefix.Bits(); bit < 8*len(bytes); bit++ {
		bytes[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ = netip.AddrFromSlice(bytes) // as long as it was
	return prefix.Addr(), last, nil
}

func plainAddress(text string) (netip.Addr, error) {
	address, err := netip.ParseAddr(text)
	if err == nil && address.Zone() != "" {
		err = errors.New("an address with a zone means something else on each machine")
	}
	return address.Unmap(), err
}

func checkAddresses(list []string) error {
	if len(list) > 500 {
		return errors.New("must be at most 500 entries")
	}
	for _, entry := range list {
		if _, _, err := addressRange(entry); err != nil {
			return fmt.Errorf("has %q, which is neither an address, nor a network such as 192.0.2.0/24, nor a range such as 192.0.2.1 - 192.0.2.9", entry)
		}
	}
	return nil
}
