package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

func rawKeys(seed byte) []secret.RawKey {
	var raw []secret.RawKey
	for i, name := range secret.KeyNames() {
		raw = append(raw, secret.RawKey{Name: name, Key: bytes.Repeat([]byte{seed + byte(i)}, 32)})
	}
	return raw
}

func keysOf(t testing.TB, seed byte) *secret.Keys {
	t.Helper()
	k, err := secret.NewKeys(rawKeys(seed))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// sealer is what Master and Keys have in common.
type sealer interface {
	Seal(plain []byte, context ...string) []byte
	Open(sealed []byte, context ...string) ([]byte, error)
}

func master(t testing.TB, text string) secret.Master {
	t.Helper()
	m, err := secret.ParseMaster(text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// What seed 1 gives for the purpose "login" and the text "abc".
const (
	pinnedLookup = "9c03338da668086214b50c4f3bef5ffaa7739d5e290f44888d1fa3e055577296"
	pinnedDerive = "ouspvqmfacrlsadieqiqcqwzxlyc6vzp"
)

func hexKey(seed byte) string { return hex.EncodeToString(bytes.Repeat([]byte{seed}, 32)) }

func TestSealedValueOpensOnlyWhereItWasSealed(t *testing.T) {
	for name, pair := range map[string][2]sealer{
		"Keys":   {keysOf(t, 1), keysOf(t, 100)},
		"Master": {master(t, hexKey(1)), master(t, hexKey(2))},
	} {
		t.Run(name, func(t *testing.T) {
			mine, other := pair[0], pair[1]
			for _, plain := range [][]byte{nil, []byte("x"), bytes.Repeat([]byte("long"), 5000)} {
				sealed := mine.Seal(plain, "pool", "table", "row", "column")
				got, err := mine.Open(sealed, "pool", "table", "row", "column")
				if err != nil || !bytes.Equal(got, plain) {
					t.Fatalf("law: what is sealed opens under the same context; got %d bytes, %v", len(got), err)
				}
				for _, context := range [][]string{
					{}, {"pool"}, {"pool", "table", "row"}, {"pool", "table", "row", "column", ""}, {"pool", "table", "rowcolumn"},
					{"pooltable", "row", "column"}, {"pool", "table", "row", "Column"}, {"table", "pool", "row", "column"}, {"4:pool,5:table,3:row,6:column,"},
				} {
					if _, err := mine.Open(sealed, context...); !errors.Is(err, secret.ErrSealed) {
						t.Errorf("law: a sealed value opens under its own context only; it opened under %q (%v)", context, err)
					}
				}
				if _, err := other.Open(sealed, "pool", "table", "row", "column"); !errors.Is(err, secret.ErrSealed) {
					t.Errorf("law: another key opens nothing; got %v", err)
				}
			}
		})
	}
}

func TestSealedValueRefusesEveryChange(t *testing.T) {
	for name, s := range map[string]sealer{"Keys": keysOf(t, 1), "Master": master(t, hexKey(1))} {
		sealed := s.Seal([]byte("the plain words"), "context")
		for bit := range len(sealed) * 8 {
			changed := bytes.Clone(sealed)
			changed[bit/8] ^= 1 << (bit % 8)
			if _, err := s.Open(changed, "context"); !errors.Is(err, secret.ErrSealed) {
				t.Fatalf("law: %s refuses a sealed value with bit %d flipped; got %v", name, bit, err)
			}
		}
		for n := range len(sealed) {
			if _, err := s.Open(sealed[:n], "context"); !errors.Is(err, secret.ErrSealed) {
				t.Fatalf("law: %s refuses a sealed value cut to %d bytes; got %v", name, n, err)
			}
		}
		if _, err := s.Open(append(bytes.Clone(sealed), 0), "context"); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("law: %s refuses a sealed value with a byte more; got %v", name, err)
		}
		if bytes.Equal(sealed, s.Seal([]byte("the plain words"), "context")) {
			t.Errorf("law: %s never seals twice alike", name)
		}
	}
}

func TestContextWordsNeverRunTogether(t *testing.T) {
	k := keysOf(t, 1)
	words := rapid.SliceOfN(rapid.StringMatching(`[a-c0-9:,]{0,4}`), 0, 4)
	rapid.Check(t, func(t *rapid.T) {
		a, b := words.Draw(t, "a"), words.Draw(t, "b")
		_, err := k.Open(k.Seal([]byte("x"), a...), b...)
		if same := strings.Join(a, "\x00") == strings.Join(b, "\x00") && len(a) == len(b); same != (err == nil) {
			t.Fatalf("law: two contexts are one only if every word is the same; %q and %q gave %v", a, b, err)
		}
	})
}

func TestLookupAndDerive(t *testing.T) {
	k, again, other := keysOf(t, 1), keysOf(t, 1), keysOf(t, 100)
	seen := make(map[string]string)
	for _, purpose := range []string{"", "login", "logi", "verify", "n"} {
		for _, text := range []string{"", "abc", "nabc", "abcn", "login", "5:login,"} {
			hash := k.Lookup(purpose, text)
			if len(hash) != 32 {
				t.Fatalf("law: a lookup hash has 32 bytes; it has %d", len(hash))
			}
			what := purpose + "/" + text
			if before, taken := seen[string(hash)]; taken {
				t.Errorf("law: a hash is of one purpose and one text; %q and %q share one", before, what)
			}
			seen[string(hash)] = what
			if !bytes.Equal(hash, again.Lookup(purpose, text)) {
				t.Errorf("law: the same keys give the same hash; %q differs", what)
			}
			if bytes.Equal(hash, other.Lookup(purpose, text)) {
				t.Errorf("law: other keys give another hash; %q is the same", what)
			}
			derived := k.Derive(purpose, text)
			if !secret.IsText(derived) {
				t.Errorf("law: Derive gives the form of Random; it gave %q", derived)
			}
			if derived != again.Derive(purpose, text) || derived == other.Derive(purpose, text) {
				t.Errorf("law: Derive is stable for one deployment and unknown to others; %q is not", what)
			}
			if _, taken := seen[derived]; taken {
				t.Errorf("law: Derive differs by purpose and text; %q repeats", what)
			}
			seen[derived] = what
		}
	}
	// Pinned: stored hashes and outstanding tokens depend on these bytes.
	if got := hex.EncodeToString(k.Lookup("login", "abc")); got != pinnedLookup {
		t.Errorf("law: Lookup never changes between versions; got %s", got)
	}
	if got := k.Derive("login", "abc"); got != pinnedDerive {
		t.Errorf("law: Derive never changes between versions; got %s", got)
	}
}

func TestNewKeysWantsEveryKeyWhole(t *testing.T) {
	for i, name := range secret.KeyNames() {
		for _, bad := range [][]byte{nil, {}, make([]byte, 31), make([]byte, 33)} {
			raw := rawKeys(1)
			raw[i].Key = bad
			if _, err := secret.NewKeys(raw); err == nil {
				t.Errorf("law: NewKeys refuses a %s key of %d bytes", name, len(bad))
			}
		}
		if _, err := secret.NewKeys(slices.Delete(rawKeys(1), i, i+1)); err == nil {
			t.Errorf("law: NewKeys refuses to do without a %s key", name)
		}
	}
	if k := secret.NewKey(); len(k) != 32 || bytes.Equal(k, secret.NewKey()) {
		t.Errorf("law: NewKey makes 32 new bytes each time")
	}
	if p, q := keysOf(t, 1).Peppers().All()[0], keysOf(t, 100).Peppers().All()[0]; p.ID == q.ID || bytes.Equal(p.Key, q.Key) || strings.Contains(hex.EncodeToString(p.Key), p.ID) {
		t.Errorf("law: a pepper's id tells peppers apart and is no part of the pepper; got %q and %q", p.ID, q.ID)
	}
}

func TestParseMasterForms(t *testing.T) {
	key := make([]byte, 32)
	for i := range key {
		key[i] = byte(0xff - i) // gives + and / in base64
	}
	forms := map[string]string{
		"hexadecimal":            hex.EncodeToString(key),
		"HEXADECIMAL":            strings.ToUpper(hex.EncodeToString(key)),
		"base64":                 base64.StdEncoding.EncodeToString(key),
		"base64 without padding": base64.RawStdEncoding.EncodeToString(key),
		"URL base64":             base64.URLEncoding.EncodeToString(key),
		"URL base64, no padding": base64.RawURLEncoding.EncodeToString(key),
		"with white space":       "\n\t " + hex.EncodeToString(key) + " \r\n",
	}
	sealed := master(t, hex.EncodeToString(key)).Seal([]byte("x"))
	for name, text := range forms {
		if _, err := master(t, text).Open(sealed); err != nil {
			t.Errorf("law: %s is read as the same key; %v", name, err)
		}
	}
	for _, text := range []string{
		"", " ", ",", ",,\n", "00", strings.Repeat("0", 63), strings.Repeat("0", 65), strings.Repeat("zz", 32), hexKey(1) + "," + "short",
		base64.StdEncoding.EncodeToString(key[:31]), base64.StdEncoding.EncodeToString(append(key, 1)), "password",
	} {
		if _, err := secret.ParseMaster(text); err == nil {
			t.Errorf("law: ParseMaster refuses what is not whole keys; it took %q", text)
		} else if len(text) > 4 && strings.Contains(err.Error(), text) {
			t.Errorf("law: an error never shows the key; it says %q", err)
		}
	}
	a, b := secret.NewMasterText(), secret.NewMasterText()
	if _, err := secret.ParseMaster(a); err != nil || a == b {
		t.Errorf("law: NewMasterText makes a new key in a form that is read; %v", err)
	}
}

func TestMasterRotation(t *testing.T) {
	before, next := master(t, hexKey(1)), master(t, hexKey(2))
	both := master(t, hexKey(2)+","+hexKey(1))
	old, fresh := before.Seal([]byte("old"), "c"), both.Seal([]byte("fresh"), "c")
	for name, step := range map[string]struct {
		m      secret.Master
		sealed []byte
		opens  bool
	}{
		"both open what the old one sealed":      {both, old, true},
		"both open what they sealed":             {both, fresh, true},
		"the first of them sealed":               {next, fresh, true},
		"the second did not":                     {before, fresh, false},
		"the new one alone opens nothing old":    {next, old, false},
		"the order decides about sealing only":   {master(t, hexKey(1)+" "+hexKey(2)), fresh, true},
		"a third key changes nothing for either": {master(t, hexKey(3)+"\n"+hexKey(2)+"\n"+hexKey(1)), old, true},
	} {
		if _, err := step.m.Open(step.sealed, "c"); (err == nil) != step.opens {
			t.Errorf("law: the first master key seals and all open: %s; got %v", name, err)
		}
	}
	if both.SealedByFirst(old, "c") || !both.SealedByFirst(fresh, "c") || both.SealedByFirst(fresh, "d") {
		t.Error("law: what an older master key sealed is told from what the first one did")
	}
}

func TestRandomForm(t *testing.T) {
	seen := make(map[string]bool)
	letters := make(map[rune]bool)
	for range 2000 {
		s := secret.Random()
		if !secret.IsText(s) || seen[s] {
			t.Fatalf("law: Random gives 32 new characters of a-z2-7; it gave %q", s)
		}
		seen[s] = true
		for _, r := range s {
			letters[r] = true
		}
	}
	if len(letters) != 32 {
		t.Errorf("law: Random uses its whole alphabet; 64,000 characters had %d different ones", len(letters))
	}
	good := secret.Random()
	for _, s := range []string{"", good[:31], good + "a", strings.ToUpper(good), good[:31] + "1", good[:31] + "8", good[:31] + "0", good[:31] + " ", good[:31] + "=", good[:30] + "é", good[:31] + "\x00"} {
		if secret.IsText(s) {
			t.Errorf("law: IsText refuses whatever Random cannot give; it took %q", s)
		}
	}
}
