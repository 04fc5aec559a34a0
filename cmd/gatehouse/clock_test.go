package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

// TestR10ClockJumps sets the clock of a machine while a server runs on it:
// forwards, backwards, and to a standstill. The server is the program as it is,
// over a package time whose Now can be moved. Nobody is signed out by a clock
// that goes back; and where the database has a clock of its own, that one
// decides, at once, what has passed.
func TestR10ClockJumps(t *testing.T) {
	if os.Getenv("CLOCKS") == "" {
		t.Skip("CLOCKS is not set: `make clocks` runs this; it compiles all of Go's library anew, over another package time")
	}
	binary := buildShifted(t)
	storetest.Engines(t, func(t *testing.T, database string) {
		distant := !strings.HasPrefix(database, "sqlite:")
		k := newKilled(t, binary, database)
		k.set(t, "signup.verify_email=false", "token.user_life=1m", "budget.tries_per_minute=0", "budget.tries_per_hour=0", "budget.flows_per_minute=0")
		file := filepath.Join(t.TempDir(), "shift")
		shift := func(text string) {
			t.Helper()
			if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(file+".new", file); err != nil {
				t.Fatal(err)
			}
		}
		k.env = append(k.env, "SHIFT="+file)
		shift("0")
		k.start(t)
		defer k.kill(t)
		s, err := k.flow("ana@example.org", "signup")
		if err != nil {
			t.Fatalf("%v\n%s", err, &k.log)
		}
		check := func() error {
			_, err := k.post("/v2/client/token/check", map[string]any{"token": s.last().Access.Token})
			return err
		}
		for _, c := range []struct {
			text string
			by   time.Duration
		}{
			{"30", 30 * time.Second}, {"600", 10 * time.Minute}, {"3600", time.Hour},
			{"-30", -30 * time.Second}, {"-600", -10 * time.Minute}, {"-3600", -time.Hour},
			{fmt.Sprintf("=%d", time.Now().Unix()), 0},
		} {
			shift("0")
			if !k.goOn(&s) {
				t.Errorf("law: a clock that is right again changes nothing; before %s a session is not refreshed", c.text)
			}
			shift(c.text)
			err := check()
			if passed := !distant && c.by > time.Minute; passed != (err != nil) {
				t.Errorf("law: a jump to %s leaves a token good: %v; a check gives %v\n%s", c.text, !passed, err, &k.log)
			}
			if !k.goOn(&s) {
				t.Errorf("law: nobody is signed out by a clock; after %s a session is not refreshed", c.text)
			}
			if err := check(); err != nil {
				t.Errorf("law: after a jump to %s a new token is good; a check gives %v", c.text, err)
			}
			other, err := k.flow("ana@example.org", "signin")
			if err != nil {
				t.Fatalf("law: after a jump to %s people sign in; got %v\n%s", c.text, err, &k.log)
			}
			// What was made while the clock was off lives as long as it should by
			// the clock that is right.
			shift("0")
			_, err = k.post("/v2/client/token/check", map[string]any{"token": other.last().Access.Token})
			if distant && err != nil {
				t.Errorf("law: a token made under a clock that is off lives by the database's; after %s a check gives %v", c.text, err)
			}
		}
		// The clock stands still, and the token's time passes.
		if distant {
			shift(fmt.Sprintf("=%d", time.Now().Unix()))
			if s, err = k.flow("ana@example.org", "signin"); err != nil {
				t.Fatal(err)
			}
			time.Sleep(65 * time.Second)
			if check() == nil {
				t.Error("law: where a node's clock stands still a token ends by the database's")
			}
			if !strings.Contains(k.log.String(), "clock is wrong") {
				t.Errorf("law: the log says that the clock is wrong; it says\n%s", &k.log)
			}
		}
	})
}

// buildShifted builds the program over a package time whose Now is the one of
// testdata/clock.
func buildShifted(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	library := filepath.Join(runtime.GOROOT(), "src", "time") //nolint:staticcheck // SA1019: the tests run where Go is
	replaced := map[string]string{}
	for name, change := range map[string][2]string{
		"time.go": {"\nfunc Now() Time {\n", "\nfunc unshifted() Time {\n"},
		// Timers send the time from where no file can be read.
		"sleep.go": {" <- Now().Add(", " <- unshifted().Add("},
	} {
		text, err := os.ReadFile(filepath.Join(library, name))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(text), change[0]) != 1 {
			t.Fatalf("%s of package time has another form", name)
		}
		replaced[filepath.Join(library, name)] = filepath.Join(dir, name)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(strings.Replace(string(text), change[0], change[1], 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	shifted, err := filepath.Abs(filepath.Join("testdata", "clock", "shifted.go"))
	if err != nil {
		t.Fatal(err)
	}
	replaced[filepath.Join(library, "shifted.go")] = shifted
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "gatehouse")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v\n%s", err, out)
	}
	return binary
}
