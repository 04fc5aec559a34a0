package directory_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/trustelem/zxcvbn/frequency"

	"github.com/gatehouse-id/gatehouse/internal/directory"
)

func TestB21CommonPasswords(t *testing.T) {
	b := directory.NewBlocklist()
	common := frequency.FrequencyLists["passwords"]
	if len(common) < 3000 {
		t.Fatalf("the source has %d passwords", len(common))
	}
	for _, password := range common {
		if len(password) < 3 {
			continue
		}
		capital := strings.ToUpper(password[:1]) + password[1:]
		for _, variant := range []string{password, strings.ToUpper(password), capital, capital + "!", capital + "1!", capital + "@2024", password + "123456789"} {
			if !b.Has(variant) {
				t.Errorf("law: common passwords and their usual variants are refused; %q is let through", variant)
			}
		}
	}
	for _, password := range []string{
		"Password123456789", "P@ssw0rd2024!", "Pa$$w0rd!!", "dr4g0n99", "Qwerty_2025", "iLoveYou.7", "Jennifer1987", "Liverpool#1", "m0nkey666", "SUNSHINE!", "l3tm31n!",
		"ＰＡＳＳＷＯＲＤ１", "Summer2026!", "Welcome@123", "abc12345", "football7777777", "princess9876",
	} {
		if !b.Has(password) {
			t.Errorf("law: what is made of a common password in a common way is refused; %q is let through", password)
		}
	}
	for _, password := range []string{
		"correct horse 7 staple", "My1s+Password", "My2n+Password", "someNewPasswordHere", "x", "", "1", "!!", "northwind cycles rule",
		"tr4mp0lin-quartz", "7hj2kd9xw", "kettle-oboe-9137", "passwordless harbour", "dragonfruit salad 12", "2024password2024x", "zq8!vv#Lm2", "Ⅷ-windmühle-grün",
	} {
		if b.Has(password, "ana.roe@example.org", "northwind", "") {
			t.Errorf("law: what is nobody's first guess is taken; %q is refused", password)
		}
	}
}

func TestB21WordsOfOnesOwn(t *testing.T) {
	b := directory.NewBlocklist()
	words := []string{"Northwind Cycles", "ana.roe@example.org", "Zsófia Ödegård", "+18085550173", "2001-12-31", "", "ab"}
	for _, password := range []string{
		"Northwind Cycles", "northwindcycles", "NorthwindCycles2026!", "Northwind", "n0rthw1nd", "1northwind1", "Cycles@123",
		"ana.roe@example.org", "Ana.Roe", "ana.roe2026!", "anaroe1987", "ZSÓFIA99", "zso\u0301fia99", "ödegård_7", "+18085550173", "2001-12-31",
	} {
		if !b.Has(password, words...) {
			t.Errorf("law: a password is not made of the names of person and pool; %q is let through", password)
		}
	}
	for _, password := range []string{"ab-quilted-74-fjord", "northerly wind 88 km", "zsófias velvet anorak"} {
		if b.Has(password, words...) {
			t.Errorf("law: a password may remind of a name; %q is refused", password)
		}
	}
}

// The page says how much is refused; this counts it, and tries each ending.
func TestBlocklistIsAsLongAsThePageSays(t *testing.T) {
	b := directory.NewBlocklist()
	numbers := map[string]bool{"": true}
	for width := 1; width <= 3; width++ {
		for n, last := 0, []int{9, 99, 999}[width-1]; n <= last; n++ {
			numbers[fmt.Sprintf("%0*d", width, n)] = true
		}
	}
	for year := 1900; year <= 2099; year++ {
		numbers[strconv.Itoa(year)] = true
	}
	for from := range 11 {
		for to := from + 1; to <= 11; to++ {
			numbers["01234567890"[from:to]], numbers["09876543210"[from:to]] = true, true
		}
	}
	for digit := range 10 {
		for times := 1; times <= 12; times++ { // any number of them is refused; here to 12
			numbers[strings.Repeat(strconv.Itoa(digit), times)] = true
		}
	}
	endings := map[string]bool{}
	for number := range numbers {
		for _, joint := range append([]string{""}, strings.Split("@_.#-", "")...) {
			if number == "" && joint != "" {
				continue
			}
			for _, mark := range append([]string{""}, strings.Split("!?.*#$@", "")...) {
				endings[joint+number+mark], endings[joint+number+mark+mark] = true, true
			}
		}
	}
	for ending := range endings {
		if !b.Has("dragon" + ending) {
			t.Errorf("law: every ending that the page tells is refused; %q is let through", "dragon"+ending)
		}
	}
	alone, dressed := b.Len()
	if alone+dressed*len(endings) < 100_000 || alone < 80_000 {
		t.Errorf("law: at least 100,000 passwords are refused; these are %d words, %d of them with %d endings", alone, dressed, len(endings))
	}
	page, err := os.ReadFile("../../docs/security/common-passwords.md")
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprintf("%d entries, %d of them with %d endings", alone, dressed, len(endings))
	if !strings.Contains(strings.Join(strings.Fields(string(page)), " "), said) {
		t.Errorf("law: docs/security/common-passwords.md says what is counted here: %s", said)
	}
	t.Log(said)
}
