package secret_test

import (
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// TestB17DigitsAreEven counts a million codes by their first and last two
// digits. Chi-squared over 100 classes stays below 149 in 999 of 1,000 runs of
// an even source; the bound is that of one run in a hundred million.
func TestB17DigitsAreEven(t *testing.T) {
	const codes = 1_000_000
	var first, last [100]int
	for range codes {
		code := secret.Digits(6)
		if len(code) != 6 {
			t.Fatalf("law: a code has as many digits as were asked for; it is %q", code)
		}
		first[10*int(code[0]-'0')+int(code[1]-'0')]++
		last[10*int(code[4]-'0')+int(code[5]-'0')]++
	}
	for name, counts := range map[string][100]int{"first": first, "last": last} {
		chi := 0.0
		for _, n := range counts {
			d := float64(n) - codes/100
			chi += d * d / (codes / 100)
		}
		if chi > 199 {
			t.Errorf("law: every code is as likely as every other; chi-squared over the %s two digits is %.0f", name, chi)
		}
	}
}
