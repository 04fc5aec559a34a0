package secret

import (
	"encoding/base32"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The vectors of RFC 6238 appendix B for SHA-1, of which six digits are shown.
func TestCodesAreThoseOfTheStandard(t *testing.T) {
	seed := TOTPSeed(base32.StdEncoding.EncodeToString([]byte("12345678901234567890")))
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		got, err := TOTPCode(seed, TOTPStep(time.Unix(at, 0)))
		if err != nil || got != want {
			t.Errorf("law: a code is what RFC 6238 says; at %d it is %s in place of %s (%v)", at, got, want, err)
		}
	}
}

// TestM2WindowOfCodes is abuse case M2.
func TestM2WindowOfCodes(t *testing.T) {
	seed, now := TOTPSeed(Random()), time.Now()
	for step := int64(-3); step <= 3; step++ {
		code, err := TOTPCode(seed, TOTPStep(now)+step)
		if err != nil {
			t.Fatal(err)
		}
		got, err := MatchTOTP(seed, code, now, 0)
		if near := step == -1 || step == 0; err != nil || (got == TOTPStep(now)+step) != near {
			t.Errorf("law: a code is good in its own step and the next; one of step %d was found at %d (%v)", step, got-TOTPStep(now), err)
		}
		if got, err := MatchTOTP(seed, code, now, TOTPStep(now)+step); err != nil || got != 0 && got <= TOTPStep(now)+step {
			t.Errorf("law: a code of a step that was used is good no more; one of step %d is", step)
		}
		if got, err := MatchTOTP(TOTPSeed(Random()), code, now, 0); err != nil || got != 0 {
			t.Errorf("law: a code is good for its own seed; another took it (%v)", err)
		}
	}
	for _, code := range []string{"", "12345", "1234567", "abcdef", " 12345", "12345 ", "１２３４５６", "\x00\x00\x00\x00\x00\x00"} {
		if got, err := MatchTOTP(seed, code, now, 0); err != nil || got != 0 {
			t.Errorf("%q is taken for a code (%v)", code, err)
		}
	}
}

// A program reads from the address what it needs, whatever the names are.
func TestAddressOfASeed(t *testing.T) {
	seed := TOTPSeed(Random())
	for _, names := range [][2]string{{"Acme", "ana@example.org"}, {"Ham & Eggs + 100% Ü", "zoë:a?b#c/d%20@bücher.example"}} {
		address := TOTPAddress(seed, names[0], names[1])
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		q := u.Query()
		if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/"+names[0]+":"+names[1] || q.Get("secret") != seed.Reveal() || q.Get("issuer") != names[0] ||
			q.Get("digits") != "6" || q.Get("period") != "30" || q.Get("algorithm") != "SHA1" || strings.Contains(address, "+") != strings.Contains(u.Path, "+") {
			t.Errorf("the address of %q is %s", names, address)
		}
	}
}
