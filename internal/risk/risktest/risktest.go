// Package risktest makes small files of places for tests, in MaxMind DB format,
// about addresses that are nobody's (RFC 5737, RFC 3849). Only tests import it.
package risktest

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// Addresses of the file, by where they are.
const (
	Berlin   = "192.0.2.10"     // DE
	Hamburg  = "192.0.2.130"    // DE, some 250 km from there
	NewYork  = "198.51.100.10"  // US
	Tehran   = "203.0.113.70"   // IR
	Sydney   = "2001:db8:61::1" // AU
	Country  = "203.0.113.130"  // FR, without a city or coordinates
	Nowhere  = "203.0.113.200"  // not in the file
	Unlisted = "2001:db8:ff::1" // not in the file
)

type entry struct {
	network, country, name, city string
	latitude, longitude          float64
	radius                       uint16
}

func entries() []entry {
	return []entry{
		{"192.0.2.0/25", "DE", "Germany", "Berlin", 52.52, 13.4, 20},
		{"192.0.2.128/25", "DE", "Germany", "Hamburg", 53.55, 9.99, 20},
		{"198.51.100.0/24", "US", "United States", "New York", 40.71, -74.01, 50},
		{"203.0.113.64/26", "IR", "Iran", "Tehran", 35.69, 51.39, 100},
		{"203.0.113.128/27", "FR", "France", "", 0, 0, 0},
		{"2001:db8:61::/48", "AU", "Australia", "Sydney", -33.87, 151.21, 20},
	}
}

// Places writes the file and returns its path.
func Places(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "places.mmdb")
	if err := Write(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// Write writes the file to a path.
func Write(path string) error {
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "Test-City", Description: map[string]string{"en": "Places of tests"}, RecordSize: 24, IncludeReservedNetworks: true})
	if err != nil {
		return err
	}
	for _, e := range entries() {
		_, network, err := net.ParseCIDR(e.network)
		if err != nil {
			return err
		}
		names := func(name string) mmdbtype.Map { return mmdbtype.Map{"en": mmdbtype.String(name)} }
		record := mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(e.country), "names": names(e.name)}}
		if e.city != "" {
			record["city"] = mmdbtype.Map{"names": names(e.city)}
			record["location"] = mmdbtype.Map{"latitude": mmdbtype.Float64(e.latitude), "longitude": mmdbtype.Float64(e.longitude), "accuracy_radius": mmdbtype.Uint16(e.radius)}
		}
		if err := tree.Insert(network, record); err != nil {
			return err
		}
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	if _, err := tree.WriteTo(file); err != nil {
		return err
	}
	return file.Close()
}
