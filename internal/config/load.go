package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/knadh/koanf/parsers/toml/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// Purpose is what a configuration is read for. It decides defaults, where the
// master key may come from, and what must be there.
type Purpose int

// The purposes.
const (
	ForCommand Purpose = iota // a command that works on the database and ends
	ForServe                  // a server
	ForDev                    // a server on a developer's machine
)

// Variables of the environment that are no line of the table.
const (
	envFile   = "GATEHOUSE_CONFIG"
	envPrefix = "GATEHOUSE_"
)

// Loaded is a configuration and where it came from.
type Loaded struct {
	Config
	File     string   // the configuration file, or empty
	KeyFile  string   // the file that the master key was found in by itself, or empty
	NewKey   bool     // KeyFile was made just now
	Warnings []string // sentences, without secrets

	from map[string]string // where each key's value came from
}

// Load reads the configuration: defaults, overlaid by the file, by the
// environment, by flags. The file is the one named, or that of
// GATEHOUSE_CONFIG, or none. Flags are texts by key; a secret's key with _file
// behind it names the file to read it from.
//
// It does not look for a master key: see [Loaded.FindMasterKey]. Errors that
// the operator can mend are an [Error].
func Load(p Purpose, path string, flags map[string]string) (*Loaded, error) {
	l := &Loaded{from: make(map[string]string)}
	for _, line := range Table() {
		if text := line.defaultFor(p); text != "" {
			if err := l.set(line, text, "the default"); err != nil {
				return nil, err
			}
		}
	}
	if l.File = path; path == "" {
		l.File = os.Getenv(envFile)
	}
	if l.File != "" {
		if err := l.readFile(); err != nil {
			return nil, err
		}
	}
	if err := l.layer("the environment", environment(), envName); err != nil {
		return nil, err
	}
	if err := l.layer("a flag", flags, flagName); err != nil {
		return nil, err
	}
	l.PublicURL = strings.TrimRight(l.PublicURL, "/")
	return l, l.check()
}

// environment is what the environment sets, by key. An empty variable sets
// nothing, as is the custom of container files.
func environment() map[string]string {
	set := make(map[string]string)
	for _, line := range Table() {
		names := map[string]string{line.Key: line.Env}
		if line.Secret {
			names[line.Key+fileSuffix] = line.Env + strings.ToUpper(fileSuffix)
		}
		for key, name := range names {
			if text := os.Getenv(name); text != "" {
				set[key] = text
			}
		}
	}
	return set
}

// UnknownVariables returns the names of variables that begin like ours and are
// read by nobody: a slip of the pen, most likely.
func UnknownVariables() []string {
	known := map[string]bool{envFile: true}
	for _, line := range Table() {
		known[line.Env] = true
		known[line.Env+strings.ToUpper(fileSuffix)] = line.Secret
	}
	var unknown []string
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, envPrefix) && !known[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func flagName(key string) string {
	return "--" + strings.NewReplacer(".", "-", "_", "-").Replace(key)
}

// layer lays texts by key over what is there. name spells a key as this layer
// does, for messages.
func (l *Loaded) layer(from string, texts map[string]string, name func(string) string) error {
	for _, line := range Table() {
		text, given := texts[line.Key]
		path, inFile := texts[line.Key+fileSuffix]
		switch {
		case inFile && !line.Secret:
			return fail("Set "+name(line.Key)+" itself.", "%s is not read: %s is no secret", name(line.Key+fileSuffix), line.Key)
		case given && inFile:
			return fail("Remove one of them.", "both %s and %s are set", name(line.Key), name(line.Key+fileSuffix))
		case inFile:
			if err := l.setFrom(line, path, from); err != nil {
				return err
			}
		case given:
			if err := l.set(line, text, from); err != nil {
				return fail("", "%s: %s", name(line.Key), err)
			}
		}
	}
	return nil
}

// setFrom reads a secret from a file of its own.
func (l *Loaded) setFrom(line Line, path, from string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fail("Check the path, and that this user may read the file.", "cannot read %s from its file: %s", line.Key, err)
	}
	if strings.TrimSpace(string(text)) == "" {
		return fail("Write the secret into it.", "the file %s, which should hold %s, is empty", path, line.Key)
	}
	l.warnIfOpen(line.Key, path)
	if err := l.set(line, strings.TrimSpace(string(text)), from+", by the file "+path); err != nil {
		return fail("", "%s, in %s: %s", line.Key, path, err)
	}
	return nil
}

// warnIfOpen warns of a secret's file that everybody on the machine may read
// or write.
func (l *Loaded) warnIfOpen(key, path string) {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o006 != 0 {
		l.Warnings = append(l.Warnings, fmt.Sprintf("every user of this machine may read or change %s, which holds %s: chmod 600 %s", path, key, path))
	}
}

// set reads a text into the line's field.
func (l *Loaded) set(line Line, text, from string) error {
	switch field := line.field(&l.Config).(type) {
	case *string:
		*field = text
	case *secret.Text:
		*field = secret.Text(text)
	case *bool:
		v, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		*field = v
	case *int:
		v, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a number", text)
		}
		*field = v
	case *[]string:
		*field = strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	default:
		return fmt.Errorf("a field of type %T cannot be read", field)
	}
	l.from[line.Key] = from
	return nil
}

// readFile overlays the configuration file.
func (l *Loaded) readFile() error {
	k := koanf.New(".")
	if err := k.Load(file.Provider(l.File), toml.Parser()); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return fail("Check --config and "+envFile+".", "there is no configuration file %s", l.File)
		}
		return fail("docs/config.md lists every key.", "cannot read the configuration file %s: %s", l.File, err)
	}
	known := make(map[string]bool)
	for _, line := range Table() {
		known[line.Key] = true
		known[line.Key+fileSuffix] = line.Secret
		// An empty table names no key.
		if head, _, nested := strings.Cut(line.Key, "."); nested && isEmptyTable(k.Get(head)) {
			known[head] = true
		}
	}
	texts := make(map[string]string)
	all := k.All()
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if !known[key] {
			return fail("docs/config.md lists every key.", "the configuration file %s has the key %s, which does not exist", l.File, key)
		}
		if isEmptyTable(all[key]) {
			continue
		}
		text, err := l.text(key, all[key])
		if err != nil {
			return fail("docs/config.md lists every key.", "the configuration file %s: %s %s", l.File, key, err)
		}
		texts[key] = text
	}
	return l.layer("the file", texts, func(key string) string { return key })
}

func isEmptyTable(value any) bool {
	table, ok := value.(map[string]any)
	return ok && len(table) == 0
}

// text writes a value of the file as the environment would have it, if it is
// of the field's type.
func (l *Loaded) text(key string, value any) (string, error) {
	var field any = new(string) // the path of a secret's file
	for _, line := range Table() {
		if line.Key == key {
			field = line.field(&l.Config)
		}
	}
	switch field.(type) {
	case *bool:
		if v, ok := value.(bool); ok {
			return strconv.FormatBool(v), nil
		}
		return "", errors.New("is true or false, without quotes")
	case *int:
		if v, ok := value.(int64); ok {
			return strconv.FormatInt(v, 10), nil
		}
		return "", errors.New("is a whole number, without quotes")
	case *[]string:
		list, ok := value.([]any)
		var words []string
		for _, v := range list {
			word, isText := v.(string)
			ok = ok && isText && !strings.ContainsAny(word, ", ")
			words = append(words, word)
		}
		if ok {
			return strings.Join(words, ","), nil
		}
		return "", errors.New(`is a list of texts, such as ["10.0.0.0/8"]`)
	}
	if v, ok := value.(string); ok {
		return v, nil
	}
	return "", errors.New("is a text, in quotes")
}
