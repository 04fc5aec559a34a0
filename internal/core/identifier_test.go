package core_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// twin is a second spelling of an address that is accepted.
type twin struct{ why, one, other string }

// twins builds the pairs by rules: each rule spells a base address once more.
func twins() []twin {
	var all []twin
	add := func(why, one, other string) {
		if one != other && !slices.ContainsFunc(all, func(t twin) bool { return t.one == one && t.other == other }) {
			all = append(all, twin{why, one, other})
		}
	}
	bases := []string{
		"nikita.kisk@kiosk.example.org", "müller.fjord@bücher.example.org", "ångström@example.org", "straße@example.org",
		"σίσυφος@example.gr", "влад.ёлкин@пример.рф", "office-fi@example.org", "jiji+tag@example.com",
	}
	for _, base := range bases {
		local, domain, _ := strings.Cut(base, "@")
		add("upper case", base, strings.ToUpper(base))
		add("upper-case local part", base, strings.ToUpper(local)+"@"+domain)
		add("upper-case domain", base, local+"@"+strings.ToUpper(domain))
		add("title case", base, strings.ToTitle(local[:len(first(local))])+local[len(first(local)):]+"@"+domain)
		add("NFD", base, norm.NFD.String(base))
		add("NFD in upper case", base, strings.ToUpper(norm.NFD.String(base)))
		add("full-width local part", base, fullWidth(local)+"@"+domain)
		add("full-width domain", base, local+"@"+fullWidth(domain))
		add("one full-width letter", base, fullWidth(first(base))+base[len(first(base)):])
		add("a full-width @", base, local+"＠"+domain)
		add("mathematical letters", base, mathematical(local)+"@"+domain)
		add("circled letters", base, shifted(local, 'a', 'z', 'ⓐ')+"@"+domain)
		for _, stop := range []string{"。", "．", "｡", "․", "‧", "·"} {
			add("another stop in the domain", base, local+"@"+strings.Replace(domain, ".", stop, 1))
		}
		for _, invisible := range invisibles() {
			for _, at := range []int{0, 1, utf8.RuneCountInString(local)} {
				letters := []rune(local)
				add("an invisible character in the local part", base, string(letters[:at])+string(invisible)+string(letters[at:])+"@"+domain)
			}
			add("an invisible character in the domain", base, local+"@"+first(domain)+string(invisible)+domain[len(first(domain)):])
		}
		for _, space := range []string{" ", "\t", "\n", "\u00a0", "\u3000", "\u2003", "\ufeff"} {
			add("white space around", base, space+base)
			add("white space around", base, base+space)
		}
	}
	for _, t := range []twin{
		{"dotless i", "nikita@example.org", "nıkita@example.org"},
		{"dotted capital I", "nikita@example.org", "nİkita@example.org"},
		{"a dot on i once more", "nikita@example.org", "ni\u0307kita@example.org"},
		{"a dot on I", "nikita@example.org", "NI\u0307KITA@example.org"},
		{"a dot on j once more", "jim@example.org", "j\u0307im@example.org"},
		{"dotless j", "jim@example.org", "ȷim@example.org"},
		{"Kelvin sign", "kim@example.org", "\u212aim@example.org"},
		{"Kelvin sign in the domain", "kim@kiosk.org", "kim@\u212aiosk.org"},
		{"Ångström sign", "ångström@example.org", "\u212bngström@example.org"},
		{"Ohm sign", "ωmega@example.org", "\u2126mega@example.org"},
		{"micro sign", "μm@example.org", "\u00b5m@example.org"},
		{"long s", "miss@example.org", "mi\u017f\u017f@example.org"},
		{"long s with t", "first@example.org", "fir\ufb05@example.org"},
		{"ligature fi", "office@example.org", "of\ufb01ce@example.org"},
		{"ligature ffi", "office@example.org", "o\ufb03ce@example.org"},
		{"sharp s", "strasse@example.org", "straße@example.org"},
		{"capital sharp s", "strasse@example.org", "STRAẞE@example.org"},
		{"final sigma", "σισυφοσ@example.org", "σισυφος@example.org"},
		{"Roman numeral", "iv@example.org", "ⅳ@example.org"},
		{"superscript", "a2@example.org", "a²@example.org"},
		{"subscript", "a2@example.org", "a₂@example.org"},
		{"fraction", "a1@example.org", "a①@example.org"},
		{"trade mark", "atm@example.org", "a™@example.org"},
		{"numero", "no@example.org", "№@example.org"},
		{"digraph", "dž@example.org", "ǆ@example.org"},
		{"iota below", "ᾳb@example.org", "αιb@example.org"},
		{"half-width katakana", "カナ@example.org", "ｶﾅ@example.org"},
		{"voiced half-width katakana", "ガ@example.org", "ｶﾞ@example.org"},
		{"Hangul by letters", "한글@example.org", norm.NFD.String("한글") + "@example.org"},
		{"Hangul by compatibility letters", "가@example.org", "ㄱㅏ@example.org"},
		{"a Chinese compatibility character", "豈@example.org", "\uf900@example.org"},
		{"Cherokee case", "ꭰꭱ@example.org", "ᎠᎡ@example.org"},
		{"Georgian case", "აბ@example.org", "ᲐᲑ@example.org"},
		{"Deseret case", "𐐨@example.org", "𐐀@example.org"},
		{"marks in another order", "a\u0323\u0302@example.org", "a\u0302\u0323@example.org"},
		{"IDN and punycode", "a@bücher.example.org", "a@xn--bcher-kva.example.org"},
		{"IDN and upper-case punycode", "a@bücher.example.org", "a@XN--BCHER-KVA.example.org"},
		{"IDN in capitals", "a@bücher.example.org", "a@BÜCHER.example.org"},
		{"IDN in NFD", "a@bücher.example.org", "a@bu\u0308cher.example.org"},
		{"IDN of a top-level domain", "a@пример.рф", "a@xn--e1afmkfd.xn--p1ai"},
		{"punycode of plain letters", "a@example.org", "a@xn--example-.org"},
		{"a root stop", "a@example.org", "a@example.org."},
		{"an ideographic root stop", "a@example.org", "a@example.org。"},
		{"percent-encoding", "a@example.org", "%61@example%2eorg"},
		{"a quoted local part", "a@example.org", `"a"@example.org`},
		{"a comment", "a@example.org", "a(x)@example.org"},
		{"a display name", "a@example.org", "A <a@example.org>"},
	} {
		add(t.why, t.one, t.other)
	}
	return all
}

// invisibles are characters that leave no mark on a page: zero-width, joining,
// direction, fillers, variation selectors, tags.
func invisibles() []rune {
	return []rune("\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180e\u180f\u200b\u200c\u200d\u200e\u200f" +
		"\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064\u2065\u2066\u2067\u2068\u2069\u206a\u206f\u2800\u3164" +
		"\ufe00\ufe0e\ufe0f\ufeff\uffa0\ufff9\ufffb\ufffc\U0001d173\U000e0001\U000e0061\U000e007f\U000e0100\U000e01ef\x00\x01\x7f\u0080\u009f\ue000\ufdd0\uffff")
}

// first is the first character of a text.
func first(s string) string { return string([]rune(s)[:1]) }

func fullWidth(s string) string { return shifted(s, '!', '~', '！') }

func mathematical(s string) string { return shifted(s, 'a', 'z', '𝐚') }

// shifted moves the characters of a range to another one.
func shifted(s string, first, last, to rune) string {
	return strings.Map(func(r rune) rune {
		if r < first || r > last {
			return r
		}
		return r - first + to
	}, s)
}

// TestI10IdentifierTwins is abuse case I10: two spellings that people or
// programs take for one are one account, or the second is refused.
func TestI10IdentifierTwins(t *testing.T) {
	all := twins()
	if len(all) < 200 {
		t.Fatalf("the corpus has %d pairs in place of 200", len(all))
	}
	var collapsed, refused int
	for _, pair := range all {
		one, ok := core.ParseEmail(pair.one)
		if !ok {
			t.Errorf("law: the plain spelling %q is an address", pair.one)
			continue
		}
		other, ok := core.ParseEmail(pair.other)
		switch {
		case !ok:
			refused++
		case other.Key == one.Key:
			collapsed++
		default:
			t.Errorf("law: two spellings are one key or the second is refused; %s makes %+q and %+q two people (%+q, %+q)", pair.why, pair.one, pair.other, one.Key, other.Key)
		}
	}
	if collapsed < 30 || refused < 30 {
		t.Errorf("the corpus shows both outcomes; %d pairs collapsed and %d were refused", collapsed, refused)
	}
}

// TestPeopleKeepTheirAddresses guards the other side: refusing everything
// would satisfy every case of abuse.
func TestPeopleKeepTheirAddresses(t *testing.T) {
	for given, want := range map[string]core.Email{
		"ana@example.org":                     {Text: "ana@example.org", Key: "ana@example.org"},
		"Ana.Maria+News@Example.ORG":          {Text: "Ana.Maria+News@example.org", Key: "ana.maria+news@example.org"},
		"o'brien_x-y=z@sub.example.museum":    {Text: "o'brien_x-y=z@sub.example.museum", Key: "o'brien_x-y=z@sub.example.museum"},
		"!#$%&'*+-/=?^_`{|}~@example.org":     {Text: "!#$%&'*+-/=?^_`{|}~@example.org", Key: "!#$%&'*+-/=?^_`{|}~@example.org"},
		"1@2.example":                         {Text: "1@2.example", Key: "1@2.example"},
		"Jürgen@Bücher.example":               {Text: "Jürgen@xn--bcher-kva.example", Key: "jürgen@xn--bcher-kva.example"},
		"влад@пример.рф":                      {Text: "влад@xn--e1afmkfd.xn--p1ai", Key: "влад@xn--e1afmkfd.xn--p1ai"},
		"用户@例え.テスト":                           {Text: "用户@xn--r8jz45g.xn--zckzah", Key: "用户@xn--r8jz45g.xn--zckzah"},
		"राम@example.org":                     {Text: "राम@example.org", Key: "राम@example.org"},
		"محمد@example.org":                    {Text: "محمد@example.org", Key: "محمد@example.org"},
		strings.Repeat("a", 64) + "@e.org":    {Text: strings.Repeat("a", 64) + "@e.org", Key: strings.Repeat("a", 64) + "@e.org"},
		"a@" + strings.Repeat("b", 63) + ".c": {Text: "a@" + strings.Repeat("b", 63) + ".c", Key: "a@" + strings.Repeat("b", 63) + ".c"},
	} {
		if got, ok := core.ParseEmail(given); !ok || got != want {
			t.Errorf("law: an ordinary address is accepted; %q gave %+v, %t", given, got, ok)
		}
	}
}

// reparses states the laws of one text: what ParseEmail gives it takes again,
// and gives again.
func reparses(t interface{ Fatalf(string, ...any) }, text string) {
	once, ok := core.ParseEmail(text)
	if !ok {
		if once != (core.Email{}) {
			t.Fatalf("law: a refused address is nothing; %+q gave %+q", text, once)
		}
		return
	}
	twice, ok := core.ParseEmail(once.Text)
	if !ok || twice != once {
		t.Fatalf("law: parsing what was parsed changes nothing; %+q gave %+q and then %+q, %t", text, once, twice, ok)
	}
	byKey, ok := core.ParseEmail(once.Key)
	if !ok || byKey.Key != once.Key {
		t.Fatalf("law: a key is an address with itself as key; %+q gave %+q and that %+q, %t", text, once.Key, byKey.Key, ok)
	}
	if strings.Count(once.Text, "@") != 1 || len(once.Text) > 254 || len(once.Key) > 254 || !utf8.ValidString(once.Text) || strings.ContainsAny(once.Text, " \t\r\n\x00<>()\",:;\\[]") {
		t.Fatalf("law: an accepted address is one word with one @; %+q gave %+q", text, once)
	}
}

func FuzzParseEmail(f *testing.F) {
	for _, pair := range twins() {
		f.Add(pair.other)
	}
	for _, s := range smuggled() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) { reparses(t, text) })
}

func TestParseEmailIsIdempotent(t *testing.T) {
	local := rapid.StringN(1, 20, 64)
	tame := rapid.StringMatching(`[a-zA-Z0-9äÖßİıſKΣςﬁ\x{301}\x{345}ǰΐᾳẖ.+]{1,12}`)
	domain := rapid.StringMatching(`[a-zA-Z0-9äÖßΣς日-]{1,8}(\.[a-zA-Zéü]{1,4}){0,2}`)
	rapid.Check(t, func(t *rapid.T) {
		reparses(t, rapid.OneOf(local, tame).Draw(t, "local")+"@"+domain.Draw(t, "domain"))
	})
}

func TestFoldIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		once := core.Fold(s)
		if twice := core.Fold(once); twice != once {
			t.Fatalf("law: folding what was folded changes nothing; %+q gave %+q and then %+q", s, once, twice)
		}
		if nfd := core.Fold(norm.NFD.String(s)); nfd != once {
			t.Fatalf("law: how accents are composed does not matter; %+q gave %+q and %+q", s, once, nfd)
		}
	})
	// Every character that could fold, for what chance misses: alone, and
	// where letters take marks with one behind it. Plain Chinese and Korean
	// characters and the planes without letters fold to themselves.
	for r := rune(0); r < 0x1F000; r++ {
		if r >= 0x3400 && r < 0xA000 || r >= 0xAC00 && r < 0xF900 || r >= 0x12000 && r < 0x16000 || r >= 0x17000 && r < 0x1D000 {
			continue
		}
		marks := []string{""}
		if r < 0x2200 {
			marks = []string{"", "\u0301", "\u0345", "\u0307"}
		}
		for _, mark := range marks {
			once := core.Fold(string(r) + mark)
			if twice := core.Fold(once); twice != once {
				t.Fatalf("law: folding what was folded changes nothing; U+%04X with %+q gave %+q and then %+q", r, mark, once, twice)
			}
		}
	}
}

// TestI15ReservedNames is abuse case I15: no name reads as an id, a role, or a
// part of a path.
func TestI15ReservedNames(t *testing.T) {
	refused := []string{
		"", "a", ".", "..", "admin", "ADMIN", "Admin", "administrator", "root", "system", "operator", "service", "client", "me", "Me", "self",
		"null", "undefined", "nobody", "anonymous", "everyone", "gatehouse", "../x", "..%2f", "%2f", "%2e%2e", "a/b", "a\\b", "a b", " ab", "ab ",
		"a\x00b", "a\nb", "a\tb", "a@b", "a@example.org", "a:b", "a;b", "a?b", "a#b", "a&b", "a'b", "a\"b", "<ab>", "ädmin", "аdmin", "ａｄｍｉｎ",
		"admın", "ad\u200bmin", "\u202eadmin", "adm\u0130n", "\u212aim", strings.Repeat("a", 321), "a\xffb", "{id}", "*", "**", "a,b", "$me", "~root", "!ab",
		"+18085550173", "+1", "+",
	}
	for _, id := range []string{
		string(core.NewPoolID()), string(core.NewApplicationID()), string(core.NewKeyID()), string(core.NewUserID()), string(core.NewAuthenticatorID()),
		string(core.NewFlowID()), string(core.NewSessionID()), string(core.NewTokenID()), string(core.NewRequestID()), string(core.NewMessageID()),
	} {
		_, tail, _ := strings.Cut(id, "_")
		// A face shows ids behind prefixes of its own, or their tails alone;
		// ids brought in may have 24 hexadecimal digits.
		refused = append(refused, id, strings.ToUpper(id), "xyz_"+tail, tail, strings.ToUpper(tail), id[:4]+"5f0c1a2b3c4d5e6f7a8b9c0d")
	}
	for _, name := range refused {
		if _, _, ok := core.ParseUsername(name); ok {
			t.Errorf("law: a username is no id, role or part of a path; %q was taken", name)
		}
	}
	for name, key := range map[string]string{
		"ana": "ana", "Ana.Maria": "ana.maria", "x_y-z+1": "x_y-z+1", "admin2": "admin2", "meme": "meme", "usr_ana": "usr_ana", "ab": "ab",
		strings.Repeat("a", 320): strings.Repeat("a", 320), "bob_the_builder": "bob_the_builder", "...": "...",
	} {
		if text, got, ok := core.ParseUsername(name); !ok || text != name || got != key {
			t.Errorf("law: an ordinary name is taken as it is; %q gave %q, %q, %t", name, text, got, ok)
		}
	}
	if id := core.NewUserID(); !secret.IsText(core.Tail(id)) {
		t.Errorf("law: Tail is the part that every face shows; of %s it is %q", id, core.Tail(id))
	}
}
