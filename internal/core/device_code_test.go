package core

import (
	"strings"
	"testing"
)

// A user code is read however people type it, and nothing else is read as one.
func TestUserCodes(t *testing.T) {
	for typed, want := range map[string]string{
		"BCDF-GHJK": "BCDFGHJK", "bcdfghjk": "BCDFGHJK", " bcdf ghjk\t": "BCDFGHJK", "BcDf–gHjK": "BCDFGHJK", "b c d f-g-h-j-k": "BCDFGHJK", "BCDF\u00a0GHJK": "BCDFGHJK",
		"": "", "-": "", "BCDFGHJ": "", "BCDFGHJKL": "", "ACDFGHJK": "", "BCDFGHJ0": "", "BCDF_GHJK": "", "BCDFGHJK'": "", "ʙCDFGHJK": "", "BCAFGHJK": "",
	} {
		if got := ReadUserCode(typed); got != want {
			t.Errorf("law: %q is read as %q; it is %q", typed, want, got)
		}
	}
	seen := map[string]bool{}
	for range 1000 {
		code := NewUserCode()
		if spelled := SpellUserCode(code); len(spelled) != 9 || spelled[4] != '-' || ReadUserCode(spelled) != code || ReadUserCode(strings.ToLower(spelled)) != code || seen[code] {
			t.Fatalf("law: each code is another, and is read as it is spelled; got %q, spelled %q", code, spelled)
		}
		seen[code] = true
	}
}
