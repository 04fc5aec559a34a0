package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// poolFile is a pool's settings as a file: those that the pool has set, nested
// by the dots of their keys.
type poolFile struct {
	Name     string         `toml:"name"`
	ID       core.PoolID    `toml:"id"`
	Settings map[string]any `toml:"settings"`
}

// templateText is a mail template in the file, whose lines stay lines. It is
// for looks only: a table of escaped texts reads back the same.
type templateText struct {
	Subject string `toml:"subject,omitempty"`
	Text    string `toml:"text,omitempty,multiline"`
	HTML    string `toml:"html,omitempty,multiline"`
}

func (c *console) poolExport() *cobra.Command {
	return c.command("export POOL", "Write the settings that a pool has set as TOML, for `pool apply`.", "gatehouse pool export demo > demo.toml",
		func(cmd *cobra.Command, args []string) error {
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				p, _, err := d.find(ctx, args[0])
				if err != nil {
					return err
				}
				known := knownOverrides(p.Overrides)
				return c.answer(map[string]any{"pool_id": p.ID, "name": p.Name, "settings": known}, func(w io.Writer) error {
					text, err := writePoolFile(p.ID, p.Name, known)
					if err != nil {
						return err
					}
					_, err = w.Write(text)
					return err
				})
			})
		})
}

// knownOverrides leaves out the settings of a newer program that shares the
// database: this one can neither check nor change them.
func knownOverrides(o core.Overrides) core.Overrides {
	known := core.Overrides{}
	for _, line := range core.SettingsTable() {
		if value, set := o[line.Key]; set {
			known[line.Key] = value
		}
	}
	return known
}

func writePoolFile(id core.PoolID, name string, o core.Overrides) ([]byte, error) {
	f := poolFile{Name: name, ID: id, Settings: map[string]any{}}
	for key, raw := range o {
		value, err := fileValue(key, raw)
		if err != nil {
			return nil, fmt.Errorf("cannot write the setting %s: %w", key, err)
		}
		table, words := f.Settings, strings.Split(key, ".")
		for _, word := range words[:len(words)-1] {
			if table[word] == nil {
				table[word] = map[string]any{}
			}
			table = table[word].(map[string]any)
		}
		table[words[len(words)-1]] = value
	}
	body, err := toml.Marshal(f)
	if err != nil {
		return nil, err
	}
	head := "# Settings of a pool, for `gatehouse pool apply`. One that is not here has its default.\n"
	return append([]byte(head), body...), nil
}

// fileValue turns a setting's JSON into what the TOML encoder takes.
func fileValue(key string, raw json.RawMessage) (any, error) {
	if key == "mail.templates" {
		var templates map[string]core.MailTemplate
		if err := json.Unmarshal(raw, &templates); err != nil {
			return nil, err
		}
		texts := make(map[string]templateText)
		for name, t := range templates {
			texts[name] = templateText(t)
		}
		return texts, nil
	}
	var value any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return nil, err
	}
	return withoutNumbers(value), nil
}

// withoutNumbers turns JSON's numbers into Go's.
func withoutNumbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		n, err := v.Float64()
		if err != nil {
			return v.String() // too large for any setting; refused when it is read
		}
		return n
	case []any:
		for i := range v {
			v[i] = withoutNumbers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = withoutNumbers(v[key])
		}
	}
	return value
}

// readPoolFile reads what writePoolFile writes, by hand or not.
func readPoolFile(text []byte) (id core.PoolID, name string, o core.Overrides, err error) {
	const hint = "`gatehouse pool export POOL` writes a file of the right form."
	var all map[string]any
	if err := toml.Unmarshal(text, &all); err != nil {
		if e, ok := errors.AsType[*toml.DecodeError](err); ok {
			row, column := e.Position()
			return "", "", nil, fail(hint, "the file is no TOML: line %d, column %d: %s", row, column, e)
		}
		return "", "", nil, fail(hint, "the file is no TOML: %s", err)
	}
	o = core.Overrides{}
	for key, value := range all {
		text, isText := value.(string)
		table, isTable := value.(map[string]any)
		switch {
		case key == "name" && isText:
			name = text
		case key == "id" && isText:
			id = core.PoolID(text)
		case key == "settings" && isTable:
			if err := flatten("", table, o); err != nil {
				return "", "", nil, err
			}
		default:
			return "", "", nil, fail(hint, "the file has %s, where only the texts name and id and the table settings are read", key)
		}
	}
	return id, name, o, nil
}

// flatten undoes the nesting, down to the keys that are settings. What is none
// keeps its place, so that it is refused by its name.
func flatten(before string, table map[string]any, into core.Overrides) error {
	known := make(map[string]bool)
	for _, line := range core.SettingsTable() {
		known[line.Key] = true
	}
	for word, value := range table {
		key := before + word
		nested, isTable := value.(map[string]any)
		if isTable && !known[key] && len(nested) > 0 {
			if err := flatten(key+".", nested, into); err != nil {
				return err
			}
			continue
		}
		if _, twice := into[key]; twice {
			return fail("Remove one of them.", "the file has the setting %s twice", key)
		}
		raw, err := json.Marshal(value)
		if err != nil {
			return fail("", "the setting %s cannot be read: %s", key, err)
		}
		into[key] = raw
	}
	return nil
}

// change is a setting before and after.
type change struct {
	Key   string          `json:"key"`
	Old   json.RawMessage `json:"old"`
	New   json.RawMessage `json:"new"`
	Reset bool            `json:"reset"` // goes back to the default, and follows it
}

type changesAnswer struct {
	PoolID  core.PoolID `json:"pool_id"`
	Name    string      `json:"name"`
	Applied bool        `json:"applied"`
	Changes []change    `json:"changes"`
}

// differences lists the settings that differ, in the order of their table.
func differences(before, after core.Overrides) []change {
	changes := []change{}
	for _, line := range core.SettingsTable() {
		old, wasSet := before[line.Key]
		next, isSet := after[line.Key]
		if wasSet == isSet && bytes.Equal(old, next) {
			continue
		}
		if !wasSet {
			old = line.Default()
		}
		if !isSet {
			next = line.Default()
		}
		changes = append(changes, change{line.Key, old, next, !isSet})
	}
	return changes
}

func printChanges(w io.Writer, changes []change) error {
	if len(changes) == 0 {
		_, err := fmt.Fprintln(w, "nothing changes")
		return err
	}
	for _, ch := range changes {
		note := ""
		switch {
		case ch.Reset:
			note = " (the default)"
		case bytes.Equal(ch.Old, ch.New):
			note = " (now set, and no longer following the default)"
		}
		if _, err := fmt.Fprintf(w, "%s: %s -> %s%s\n", ch.Key, ch.Old, ch.New, note); err != nil {
			return err
		}
	}
	return nil
}

func (c *console) poolApply() *cobra.Command {
	var yes bool
	var pool string
	cmd := c.command("apply FILE", "Give a pool the settings of a file: show what changes, ask, and change it.", "gatehouse pool apply demo.toml",
		func(cmd *cobra.Command, args []string) error {
			text, err := os.ReadFile(args[0])
			if err != nil {
				return fail("Check the path.", "cannot read the settings: %s", err)
			}
			id, name, wanted, err := readPoolFile(text)
			if err != nil {
				return err
			}
			// The file is checked whole before any database is asked: it says
			// all that the pool sets, so nothing else counts.
			wanted, _, err = core.Overrides{}.With(wanted)
			if err != nil {
				return err
			}
			return c.with(cmd, mustExist, func(ctx context.Context, d *desk) error {
				return c.apply(ctx, d, target{id, name, pool}, wanted, yes)
			})
		})
	cmd.Flags().BoolVar(&yes, "yes", false, "change it without asking")
	cmd.Flags().StringVar(&pool, "pool", "", "the `POOL` to change, instead of the one that the file names")
	return cmd
}

// target is which pool a file is for, as the file says and as a flag does.
type target struct {
	id   core.PoolID
	name string
	flag string
}

// find returns the pool that is meant, or says why it is not clear which.
func (t target) find(ctx context.Context, d *desk) (core.Pool, core.Caller, error) {
	const hint = "Name the pool with --pool."
	switch {
	case t.flag != "":
		return d.find(ctx, t.flag)
	case t.id == "" && t.name == "":
		return core.Pool{}, core.Caller{}, fail(hint, "the file names no pool")
	case t.id == "":
		return d.find(ctx, t.name)
	}
	p, err := d.pools.Get(ctx, t.id)
	if core.Is(err, core.CodeNotFound) {
		return core.Pool{}, core.Caller{}, fail(hint, "the file is for the pool %s, which is not in this database", t.id)
	}
	if err == nil && t.name != "" && t.name != p.Name {
		return core.Pool{}, core.Caller{}, fail(hint, "the file names the pool %s, and the pool of its id is called %s", t.name, p.Name)
	}
	return p, operator(p.ID), err
}

func (c *console) apply(ctx context.Context, d *desk, t target, wanted core.Overrides, yes bool) error {
	p, caller, err := t.find(ctx, d)
	if err != nil {
		return err
	}
	changes := differences(p.Overrides, wanted)
	a := changesAnswer{p.ID, p.Name, false, changes}
	shown := c.Out
	if c.json {
		shown = c.Err // whoever is asked sees what for
	}
	if err := printChanges(shown, changes); err != nil {
		return err
	}
	if slices.ContainsFunc(changes, func(ch change) bool { return ch.Reset }) {
		c.say("Settings that are not in the file go back to their defaults.")
	}
	var asked error
	if len(changes) > 0 {
		if !yes {
			asked = c.confirm("Change the pool " + p.Name + "?")
		}
		if asked == nil {
			overlay := core.Overrides{}
			for _, ch := range changes {
				overlay[ch.Key] = ch.New
				if ch.Reset {
					overlay[ch.Key] = json.RawMessage("null")
				}
			}
			if _, err := d.pools.Change(ctx, caller, overlay); err != nil {
				return err
			}
			a.Applied = true
		}
	}
	err = c.answer(a, func(w io.Writer) error {
		if !a.Applied {
			return nil
		}
		_, err := fmt.Fprintln(w, "changed the pool", p.Name)
		return err
	})
	return errors.Join(asked, err)
}
