package core_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

var update = flag.Bool("update", false, "write docs/events.md and docs/settings.md anew")

// TestDocumentation compares two pages of docs/ with the catalogues that they
// are made from, or writes them: go test ./internal/core -update.
func TestDocumentation(t *testing.T) {
	for name, want := range map[string]string{"events.md": eventsPage(), "settings.md": settingsPage()} {
		path := filepath.Join("..", "..", "docs", name)
		if *update {
			if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("law: docs/%s is what the catalogue says; write it with: go test ./internal/core -update", name)
		}
	}
}

func eventsPage() string {
	var b strings.Builder
	b.WriteString(`# Events

This page is made from the catalogue in internal/core/events.go by ` + "`go test ./internal/core -update`" + `.

The audit trail of a pool is made of events. Each is written in the transaction of what it tells of: a change that was
taken back leaves none, and one that was kept has lost none. Refusals are told too. An event says when it was, who acted
(the kind of actor and its id), from which address, in which request, what it is about (the target, an id), how it came out
and, where there is one, a reason. Its data hold more for some; they never hold a secret.

Events are chained: see decision 0020, and ` + "`gatehouse audit`" + ` to read, export and verify them.

| event | result | meaning |
|---|---|---|
`)
	for _, line := range core.EventNames() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", line.Name, line.Name.Result(), cell(line.Meaning))
	}
	return b.String()
}

func settingsPage() string {
	var b strings.Builder
	b.WriteString(`# Settings of a pool

This page is made from the table in internal/core/settings.go by ` + "`go test ./internal/core -update`" + `.

What two pools of one server may want different is a setting. A pool keeps only what it sets; everything else follows the
defaults below, also when a newer program changes them. Values are JSON; a duration is a text such as ` + "`90s`, `5h30m` or `48h`" + `;
null goes back to the default. A change is checked as a whole, and leaves the event ` + "`pool.changed`" + `.

To read and change settings: ` + "`gatehouse pool settings POOL`, `gatehouse pool set POOL KEY=VALUE...`" + `, and for a whole file
` + "`gatehouse pool export`" + ` and ` + "`gatehouse pool apply`" + `. What concerns the process and not a pool is in [config.md](config.md).

| key | type | default | meaning |
|---|---|---|---|
`)
	for _, line := range core.SettingsTable() {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s |\n", line.Key, line.Type, cell(string(line.Default())), cell(line.Meaning))
	}
	return b.String()
}

// cell keeps a text from ending its cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
