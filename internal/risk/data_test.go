package risk

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/risk/risktest"
)

func TestPlaces(t *testing.T) {
	d, err := Open(Files{Places: risktest.Places(t)}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]core.Place{
		risktest.Berlin:             {Country: "DE", Name: "Germany", City: "Berlin", Located: true, Latitude: 52.52, Longitude: 13.4, Radius: 20},
		"::ffff:" + risktest.Berlin: {Country: "DE", Name: "Germany", City: "Berlin", Located: true, Latitude: 52.52, Longitude: 13.4, Radius: 20},
		risktest.Sydney:             {Country: "AU", Name: "Australia", City: "Sydney", Located: true, Latitude: -33.87, Longitude: 151.21, Radius: 20},
		risktest.Country:            {Country: "FR", Name: "France"},
		risktest.Nowhere:            {}, risktest.Unlisted: {}, "": {}, "nonsense": {}, "127.0.0.1": {}, "::1": {},
	} {
		got, unknown := d.Place(address)
		if got != want || (unknown == "") != (want.Country != "") {
			t.Errorf("law: an address is where the file says, or says why that is not known; %q is at %+v (%s)", address, got, unknown)
		}
	}
	var none *Data
	if _, unknown := none.Place(risktest.Berlin); unknown == "" {
		t.Error("law: without a file no place is known")
	}
}

func TestDisposableDomains(t *testing.T) {
	own := filepath.Join(t.TempDir(), "domains.txt")
	write(t, own, "# ours\n\n  Trash.example \nbücher.example\r\n")
	d, err := Open(Files{Domains: own}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	var none *Data
	for _, c := range []struct {
		data   *Data
		domain string
		want   bool
	}{
		{none, "mailinator.com", true}, {none, "x.y.mailinator.com", true}, {none, "notmailinator.com", false}, {none, "com", false}, {none, "", false}, {none, "example.org", false},
		{d, "trash.example", true}, {d, "a.trash.example", true}, {d, "xn--bcher-kva.example", true}, {d, "example", false}, {d, "mailinator.com", false},
	} {
		if got := c.data.Disposable(c.domain); got != c.want {
			t.Errorf("law: a listed domain and all below it are for throwing away; %s is %t", c.domain, got)
		}
	}
	before := ""
	for line := range strings.Lines(string(disposable)) {
		line = strings.TrimSpace(line)
		if name, ok := core.ParseDomain(line); !ok || name != line || line <= before {
			t.Errorf("law: the built-in list is of domains, sorted, each once; %q is not", line)
		}
		before = line
	}
}

// TestFilesAreReadAnew has them replaced while they are in use.
func TestFilesAreReadAnew(t *testing.T) {
	dir := t.TempDir()
	places, domains := filepath.Join(dir, "p"), filepath.Join(dir, "d")
	if err := risktest.Write(places); err != nil {
		t.Fatal(err)
	}
	write(t, domains, "one.example\n")
	var log bytes.Buffer
	d, err := Open(Files{places, domains}, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	write(t, domains, "another.example\n")
	d.look()
	if d.Disposable("one.example") || !d.Disposable("another.example") {
		t.Error("law: a list is read anew when it has changed")
	}
	for _, bad := range []string{"", "no file of places"} {
		log.Reset()
		write(t, places, bad)
		for range 3 {
			d.look()
			if place, _ := d.Place(risktest.Berlin); place.Country != "DE" {
				t.Errorf("law: a file that cannot be used leaves the one before it; got %+v", place)
			}
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 1 {
			t.Errorf("law: that is told once; it was %d times: %s", n, log.String())
		}
	}
	if err := os.Remove(domains); err != nil {
		t.Fatal(err)
	}
	d.look()
	if !d.Disposable("another.example") {
		t.Error("law: a file that is gone leaves what was read of it")
	}
	write(t, domains, "third.example\n")
	synctest.Test(t, func(t *testing.T) {
		ctx, end := context.WithCancel(t.Context())
		defer end()
		go d.Follow(ctx)
		time.Sleep(2 * lookEvery)
		synctest.Wait()
	})
	if !d.Disposable("third.example") {
		t.Error("law: a file that is there again is read")
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	good := risktest.Places(t)
	whole, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	path := func(name, text string) string {
		at := filepath.Join(dir, name)
		write(t, at, text)
		return at
	}
	for law, f := range map[string]Files{
		"a missing file of places":          {Places: filepath.Join(dir, "none")},
		"a folder":                          {Places: dir},
		"an empty file of places":           {Places: path("empty", "")},
		"a file of something else":          {Places: path("text", strings.Repeat("text ", 1000))},
		"a file of places that was cut off": {Places: path("cut", string(whole[:len(whole)/2]))},
		"a missing list of domains":         {Domains: filepath.Join(dir, "none")},
		"an empty list of domains":          {Domains: path("nothing", "# nothing\n")},
		"a list of something else":          {Domains: path("other", "example.org\nhttps://example.org/\n")},
	} {
		_, err := Open(f, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), f.Places+f.Domains) {
			t.Errorf("law: %s is refused by its name at the start; got %v", law, err)
		}
	}
	if report, err := ExaminePlaces(good); err != nil || report.Type != "Test-City" || report.Built.IsZero() {
		t.Errorf("law: a good file says what it is; got %+v, %v", report, err)
	}
	// Inside, not at the end: what describes the file is whole.
	damaged := bytes.Replace(whole, []byte("\x47country"), []byte("\xff\xff\xff\xff\xff\xff\xff\xff"), 1)
	if _, err := ExaminePlaces(path("damaged", string(damaged))); err == nil {
		t.Error("law: a file that is damaged inside is found when it is examined")
	}
	if _, err := ExamineDomains(filepath.Join(dir, "none")); err == nil {
		t.Error("law: a missing list is found when it is examined")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
