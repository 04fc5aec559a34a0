package core_test

import (
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// TestI19PasswordLengthAndUnicode is abuse case I19 from the rules to the
// hash: what CheckPassword lets through is hashed whole.
func TestI19PasswordLengthAndUnicode(t *testing.T) {
	s := core.DefaultSettings()
	hasher := secret.NewHasher(secret.Cost{Memory: 64, Passes: 1, Threads: 1}, secret.NewPeppers(secret.Pepper{Key: make([]byte, 32), ID: "test"}))
	slot, err := hasher.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	matches := func(set, try string) bool {
		ok, err := slot.Verify(secret.Text(try), slot.Hash(secret.Text(set)))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}

	long := strings.Repeat("é密я", 66) + "ab" // 200 characters, 464 bytes
	composed, apart := norm.NFC.String("Ångström-straße"), norm.NFD.String("Ångström-straße")
	for _, password := range []string{long, composed, apart, "  spaces  around  ", strings.Repeat("a", 256), strings.Repeat("é", 256), strings.Repeat("密", 256)} {
		if problems := s.CheckPassword(password, "/password"); len(problems) > 0 {
			t.Errorf("law: a long password of any script is allowed; %d characters gave %v", len([]rune(password)), problems)
		}
		if !matches(password, password) {
			t.Errorf("law: an allowed password verifies; %+q does not", password)
		}
		letters := []rune(password)
		letters[len(letters)-1]++
		if matches(password, string(letters)) {
			t.Errorf("law: the last character counts; %+q verifies without it", password)
		}
	}
	if !matches(composed, apart) || !matches(apart, composed) {
		t.Error("law: NFC and NFD of one text are one password")
	}
	if matches("  spaces  around  ", "spaces  around") || matches("  spaces  around  ", "  spaces around  ") {
		t.Error("law: spaces are part of a password")
	}

	for _, c := range []struct {
		password string
		code     core.ProblemCode
	}{
		{strings.Repeat("密", 342), core.ProblemTooLong}, // 1026 bytes, below the 1024 characters allowed below
		{strings.Repeat("a", 1025), core.ProblemTooLong},
		{strings.Repeat("a", 1<<20), core.ProblemTooLong},
		{"1234567", core.ProblemTooShort}, {"", core.ProblemTooShort}, {"e\u0301e\u0301e\u0301e\u0301", core.ProblemTooShort},
		{"broken\xff\xfe\xfd", core.ProblemFormat}, {"broken\xed\xa0\x80ab", core.ProblemFormat},
	} {
		wide := s
		wide.PasswordMaxLength = 1024
		problems := wide.CheckPassword(c.password, "/password")
		if len(problems) != 1 || problems[0].Code != c.code || problems[0].Pointer != "/password" {
			t.Errorf("law: a password out of bounds is refused with %s; %d bytes gave %v", c.code, len(c.password), problems)
		}
	}
	if problems := s.CheckPassword(strings.Repeat("a", 257), "/p"); len(problems) != 1 || problems[0].Code != core.ProblemTooLong {
		t.Errorf("law: the pool's greatest length holds; got %v", problems)
	}
}

func TestPasswordComposition(t *testing.T) {
	s := core.DefaultSettings()
	s.PasswordLower, s.PasswordUpper, s.PasswordDigits, s.PasswordSymbols = 1, 1, 1, 1
	for password, missing := range map[string]int{
		"abcdEF1!": 0, "ABCDEFGH": 3, "abcdefgh": 3, "12345678": 3, "!!!!!!!!": 3, "abcdEFG1": 1, "密密密密密密密密": 4, "жЖ٣ ÄÖüß": 0, "aB1 long": 0,
	} {
		if problems := s.CheckPassword(password, ""); len(problems) != missing {
			t.Errorf("law: each kind of character that is missing is one problem; %q has %v", password, problems)
		}
	}
}
