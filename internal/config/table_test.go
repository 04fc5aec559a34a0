package config

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestEveryFieldHasOneLine(t *testing.T) {
	var c Config
	lines := make(map[any]int)
	keys := make(map[string]bool)
	for _, line := range Table() {
		lines[line.field(&c)]++
		if keys[line.Key] {
			t.Errorf("law: a key has one line; %s has two", line.Key)
		}
		keys[line.Key] = true
		if line.Env != envName(line.Key) {
			t.Errorf("law: a variable is named after its key; %s has %s", line.Key, line.Env)
		}
		if !strings.HasSuffix(line.Meaning, ".") {
			t.Errorf("law: %s says what it means in sentences", line.Key)
		}
	}
	value := reflect.ValueOf(&c).Elem()
	for i := range value.NumField() {
		if n := lines[value.Field(i).Addr().Interface()]; n != 1 {
			t.Errorf("law: every field of Config has exactly one line in Table; %s has %d", value.Type().Field(i).Name, n)
		}
	}
}

// TestDocumentation compares docs/config.md with the table, or writes it:
// go test ./internal/config -update.
func TestDocumentation(t *testing.T) {
	update := flag.Lookup("update").Value.String() == "true"
	path := filepath.Join("..", "..", "docs", "config.md")
	want := document()
	if update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("law: docs/config.md is what the table says; write it with: go test ./internal/config -update")
	}
}

var _ = flag.Bool("update", false, "write docs/config.md")

func document() string {
	var b strings.Builder
	b.WriteString(`# Configuration

This page is made from the table in internal/config/table.go by ` + "`go test ./internal/config -update`" + `.

What one process is told from outside comes from four places, of which a later one wins: the defaults, the configuration
file, the environment, flags. The file is TOML; ` + "`--config FILE` or `GATEHOUSE_CONFIG`" + ` names it. A dot in a key is a
table in the file: ` + "`log.level`" + ` is ` + "`level`" + ` below ` + "`[log]`" + `. A key that does not exist is refused.

Each secret may be in a file of its own, named by the variable with ` + "`_FILE`" + ` behind it, or by the key with ` + "`_file`" + `
behind it. Where the configuration is printed, secrets are hidden.

What two pools may want different is no configuration but a setting: see ` + "`gatehouse pool settings`" + `.

`)
	for _, line := range Table() {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n- Variable: `%s`", line.Key, line.Meaning, line.Env)
		if line.Secret {
			fmt.Fprintf(&b, ", or `%s%s` for a file", line.Env, strings.ToUpper(fileSuffix))
		}
		b.WriteString("\n- Default: ")
		if line.Default == "" {
			b.WriteString("empty")
		} else {
			fmt.Fprintf(&b, "`%s`", line.Default)
		}
		if line.InDev != "" {
			fmt.Fprintf(&b, "; in development `%s`", line.InDev)
		}
		b.WriteString("\n\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}
