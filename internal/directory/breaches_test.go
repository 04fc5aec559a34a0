package directory_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/directory"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/session"
	"github.com/gatehouse-id/gatehouse/internal/store"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// listOf writes a list of passwords as "Pwned Passwords" has it, and opens it.
func listOf(t *testing.T, passwords ...string) *directory.BreachFile {
	t.Helper()
	var lines []string
	for n, password := range passwords {
		lines = append(lines, fmt.Sprintf("%X:%d\r\n", sha1.Sum([]byte(password)), n+1))
	}
	slices.Sort(lines)
	list, err := open(t, strings.Join(lines, ""))
	must(t, err)
	return list
}

func open(t *testing.T, text string) (*directory.BreachFile, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hashes.txt")
	must(t, os.WriteFile(path, []byte(text), 0o600))
	list, err := directory.OpenBreachFile(path)
	if err == nil {
		t.Cleanup(func() { must(t, list.Close()) })
	}
	return list, err
}

// A list has what stands in it and nothing else, however its lines end.
func TestBreachFile(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		n := rapid.IntRange(1, 300).Draw(r, "lines")
		known := make([][sha1.Size]byte, n)
		for i := range known {
			known[i] = sha1.Sum(fmt.Appendf(nil, "%d", rapid.IntRange(0, 300).Draw(r, "password")))
		}
		slices.SortFunc(known, func(a, b [sha1.Size]byte) int { return bytes.Compare(a[:], b[:]) })
		known = slices.Compact(known)
		end := rapid.SampledFrom([]string{"\n", "\r\n", ":1\n", ":123456789\r\n"}).Draw(r, "end")
		var text strings.Builder
		for _, sum := range known {
			digits := hex.EncodeToString(sum[:])
			if rapid.Bool().Draw(r, "upper") {
				digits = strings.ToUpper(digits)
			}
			text.WriteString(digits + end)
		}
		whole := text.String()
		if rapid.Bool().Draw(r, "open end") {
			whole = strings.TrimRight(whole, "\r\n")
		}
		list, err := open(t, whole)
		if err != nil {
			r.Fatal(err)
		}
		for i := range 301 {
			sum := sha1.Sum(fmt.Appendf(nil, "%d", i))
			got, err := list.Has(sum)
			if want := slices.Contains(known, sum); err != nil || got != want {
				r.Fatalf("law: a list has what stands in it; of %x it says %t, %v", sum, got, err)
			}
		}
		for _, edge := range [][sha1.Size]byte{{}, {0: 255, 19: 255}} {
			if got, err := list.Has(edge); got || err != nil {
				r.Fatalf("%x: %t, %v", edge, got, err)
			}
		}
	})
}

// A search takes no memory that grows with the list.
func TestBreachFileTakesNoMemory(t *testing.T) {
	var passwords []string
	for n := range 20_000 {
		passwords = append(passwords, fmt.Sprint(n))
	}
	list := listOf(t, passwords...)
	sum := sha1.Sum([]byte("no such password"))
	if n := testing.AllocsPerRun(100, func() {
		if known, err := list.Has(sum); known || err != nil {
			t.Fatal(known, err)
		}
	}); n > 100 {
		t.Errorf("a search makes %v allocations", n)
	}
}

// What is no list, or one in another order, is refused when it is opened.
func TestBreachFilesThatAreNone(t *testing.T) {
	digits := func(n byte) string { return fmt.Sprintf("%040X", n) }
	var unordered strings.Builder
	for n := range byte(200) {
		unordered.WriteString(digits(n^1) + ":1\n")
	}
	for why, text := range map[string]string{
		"empty":             "",
		"an empty line":     "\n",
		"another order":     digits(2) + "\n" + digits(1) + "\n",
		"by how often":      unordered.String(),
		"twice the same":    digits(1) + "\n" + digits(1) + "\n",
		"another hash":      strings.Repeat("A", 64) + ":1\n",
		"a shorter hash":    strings.Repeat("A", 32) + "\n",
		"no digits":         strings.Repeat("g", 40) + "\n",
		"passwords":         "password\n123456\n",
		"a line too long":   digits(1) + ":" + strings.Repeat("1", 200) + "\n" + digits(2) + "\n",
		"something behind":  digits(1) + " x\n",
		"an archive":        "7z\xbc\xaf\x27\x1c" + strings.Repeat("\x00\xff", 4096),
		"a page of the web": "<html>" + strings.Repeat("<p>not found</p>\n", 100),
	} {
		if _, err := open(t, text); err == nil {
			t.Errorf("law: what is no list is refused; %s was not", why)
		}
	}
	if _, err := directory.OpenBreachFile(t.TempDir()); err == nil {
		t.Error("a folder is taken for a list")
	}
	if _, err := directory.OpenBreachFile(filepath.Join(t.TempDir(), "nowhere")); err == nil {
		t.Error("a list that is not there is opened")
	}
}

// asked is a service as far as the rules meet it.
type asked struct {
	prefixes []string
	lines    string
	err      error
}

func (a *asked) get(_ context.Context, prefix string) (string, error) {
	a.prefixes = append(a.prefixes, prefix)
	return a.lines, a.err
}

// A password that others have lost is refused with the reason wherever one is
// chosen, as the pool's settings say; of its hash five digits leave.
func TestB21BreachedPasswords(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const lost, accented = "harbour lantern 7719", "cafe\u0301 harbour lantern"
		service := &asked{}
		hasher := secret.NewHasher(secret.Cost{Memory: 8, Passes: 1, Threads: 1}, s.Keys().Peppers())
		passwords := directory.NewPasswords(s, hasher).Against(directory.Breaches{File: listOf(t, lost, norm.NFC.String(accented)), Range: service.get})
		try := func(change func(*core.Settings), password secret.Text) error {
			t.Helper()
			settings := core.DefaultSettings()
			if change != nil {
				change(&settings)
			}
			_, err := passwords.Hash(t.Context(), settings, password, "/data/password")
			return err
		}
		refused := func(err error) bool {
			e, ok := errors.AsType[*core.Error](err)
			return ok && e.Code == core.CodeInvalid && len(e.Fields) == 1 && e.Fields[0].Code == core.ProblemPolicy && e.Fields[0].Pointer == "/data/password" && strings.Contains(e.Fields[0].Detail, "breach")
		}
		for _, password := range []secret.Text{lost, accented, secret.Text(norm.NFC.String(accented))} {
			if err := try(nil, password); !refused(err) {
				t.Errorf("law: a password of the list is refused with the reason; %v", err)
			}
		}
		must(t, try(nil, "harbour lantern 7718"))
		must(t, try(func(s *core.Settings) { s.PasswordBreached = false }, lost))
		if len(service.prefixes) != 0 {
			t.Fatalf("law: unless a pool wants it, nobody is asked; %v were", service.prefixes)
		}

		// The service, after the file.
		online := func(s *core.Settings) { s.PasswordBreachedService = true }
		digits := fmt.Sprintf("%X", sha1.Sum([]byte("harbour lantern 7718")))
		others := "0018A45C4D1DEF81644B54AB7F969B88D65:21\r\n00D4F6E8FA6EECAD2A3AA415EEC418D38EC:2\r\n"
		for lines, known := range map[string]bool{
			others + digits[5:] + ":3\r\n":     true,
			strings.ToLower(digits[5:]) + ":1": true,
			others + digits[5:] + ":0\r\n":     false, // padding
			others:                             false,
			"":                                 false,
			others + digits[4:39] + ":9\r\n":   false,
			digits[5:] + ":1\n" + digits[5:39] + "0" + ":0\n": true,
		} {
			service.lines = lines
			if err := try(online, "harbour lantern 7718"); refused(err) != known || err != nil && !known {
				t.Errorf("law: what the service has is refused; of %q: %v", lines, err)
			}
		}
		for _, prefix := range service.prefixes {
			if prefix != digits[:5] {
				t.Errorf("law: five digits of the hash leave; %q did", prefix)
			}
		}
		before := len(service.prefixes)
		if err := try(online, lost); !refused(err) || len(service.prefixes) != before {
			t.Errorf("law: what the file has is not asked for; %v", err)
		}
		if err := try(online, "short"); refused(err) || !core.Is(err, core.CodeInvalid) || len(service.prefixes) != before {
			t.Errorf("law: what the rules refuse is not asked for; %v", err)
		}

		// A service that is away, and one that says something else.
		for why, a := range map[string]asked{
			"away": {err: errors.New("cannot reach it")}, "a page": {lines: "<html>ok</html>"}, "a number too much": {lines: digits[5:] + "0:1\n"},
			"no number": {lines: others + digits[5:] + ":many\n"}, "all digits": {lines: digits + ":1\n"}, "no count": {lines: digits[5:] + "\n"}, "a negative count": {lines: digits[5:] + ":-1\n"},
		} {
			*service = a
			must(t, try(online, "harbour lantern 7718"))
			strict := func(s *core.Settings) { online(s); s.PasswordBreachedUnchecked = core.UncheckedRefuse }
			if err := try(strict, "harbour lantern 7718"); !core.Is(err, core.CodeServiceDown) {
				t.Errorf("law: where the pool says so, what nobody can tell of is refused; %s: %v", why, err)
			}
			if err := try(strict, lost); !refused(err) {
				t.Errorf("law: the file counts without the service; %v", err)
			}
		}
	})
}

// Somebody who changes their password is asked once about the new one, and is
// charged no try if others have lost it.
func TestB21ChangeToABreachedPassword(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		d, sessions, service := directory.New(s), session.New(s, session.Spelling{}), &asked{}
		hasher := secret.NewHasher(secret.Cost{Memory: 8, Passes: 1, Threads: 1}, s.Keys().Peppers())
		passwords := directory.NewPasswords(s, hasher).Against(directory.Breaches{File: listOf(t, "harbour lantern 7719"), Range: service.get})
		app := storetest.Caller(storetest.Pool(t, s, "demo", nil))
		settings := core.DefaultSettings()
		settings.PasswordBreachedService = true
		ana, err := d.Create(t.Context(), app, directory.NewUser{Email: "ana@example.org"})
		must(t, err)
		phc, err := passwords.Hash(t.Context(), settings, "the first phrase 1", "/password")
		must(t, err)
		pending, err := sessions.Prepare(t.Context(), app, settings)
		must(t, err)
		var grant core.Grant
		must(t, s.As(app).Update(t.Context(), func(tx *store.Tx) error {
			if err := tx.PutPassword(core.Authenticator{ID: core.NewAuthenticatorID(), User: ana.ID, Secret: phc}); err != nil {
				return err
			}
			grant, err = pending.Start(tx, ana, settings)
			return err
		}))
		token, err := sessions.Check(t.Context(), app, grant.Access.Token)
		must(t, err)
		for range settings.LockoutFailures + 1 {
			if err := passwords.Change(t.Context(), app, settings, token, "the first phrase 1", "harbour lantern 7719"); !core.Is(err, core.CodeInvalid) {
				t.Errorf("a breached one: %v", err)
			}
		}
		service.prefixes = nil
		must(t, passwords.Change(t.Context(), app, settings, token, "the first phrase 1", "the second phrase 2"))
		if len(service.prefixes) != 1 {
			t.Errorf("law: a service is asked once; it was %d times", len(service.prefixes))
		}
	})
}
