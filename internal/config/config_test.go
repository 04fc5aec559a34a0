package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// TestMain keeps the environment of whoever runs the tests out of them.
func TestMain(m *testing.M) {
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "GATEHOUSE_") {
			if err := os.Unsetenv(name); err != nil {
				panic(err)
			}
		}
	}
	os.Exit(m.Run())
}

func file(t *testing.T, name, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func load(t *testing.T, p config.Purpose, path string, flags map[string]string) *config.Loaded {
	t.Helper()
	l, err := config.Load(p, path, flags)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLaterLayersWin(t *testing.T) {
	path := file(t, "gatehouse.toml", "listen = 'file:1'\nadmin_listen = 'file:2'\npublic_url = 'https://file.example'\n[log]\nlevel = 'debug'\n[hash]\npasses = 3\n", 0o600)
	t.Setenv("GATEHOUSE_CONFIG", path)
	t.Setenv("GATEHOUSE_ADMIN_LISTEN", "env:2")
	t.Setenv("GATEHOUSE_PUBLIC_URL", "https://env.example")
	t.Setenv("GATEHOUSE_LOG_LEVEL", "")
	l := load(t, config.ForServe, "", map[string]string{"public_url": "https://flag.example/"})
	for _, law := range []struct{ law, got, want string }{
		{"a default stands where nothing is set", l.Database, "sqlite:data/gatehouse.db"},
		{"the file overrides the default", l.Listen, "file:1"},
		{"the environment overrides the file", l.AdminListen, "env:2"},
		{"a flag overrides the environment", l.PublicURL, "https://flag.example"},
		{"an empty variable sets nothing", l.LogLevel, "debug"},
		{"a number of the file is read", fmt.Sprint(l.HashPasses), "3"},
	} {
		if law.got != law.want {
			t.Errorf("law: %s; got %q, want %q", law.law, law.got, law.want)
		}
	}
}

func TestDefaultsByPurpose(t *testing.T) {
	for _, c := range []struct {
		purpose        config.Purpose
		listen, format string
	}{{config.ForServe, ":8400", "json"}, {config.ForDev, "localhost:8400", "text"}, {config.ForCommand, ":8400", "json"}} {
		l := load(t, c.purpose, "", nil)
		if l.Listen != c.listen || l.LogFormat != c.format {
			t.Errorf("purpose %d listens on %s and logs %s", c.purpose, l.Listen, l.LogFormat)
		}
		cost := secret.DefaultCost()
		if l.HashMemory != int(cost.Memory) || l.HashPasses != int(cost.Passes) {
			t.Errorf("law: the default cost of a hash is that of package secret; got %d KiB, %d passes", l.HashMemory, l.HashPasses)
		}
		if !l.Migrate || l.UnsafeDurability || l.MasterKey != "" {
			t.Error("law: the defaults migrate, keep what they acknowledge, and hold no key")
		}
	}
}

func TestRefusals(t *testing.T) {
	empty := file(t, "empty", "\n", 0o600)
	for _, c := range []struct {
		name, file string
		env, flags map[string]string
		says       string
	}{
		{name: "an unknown key", file: "listn = ':1'", says: "listn"},
		{name: "an unknown key in a table", file: "[mail]\nsmpt = 'x'", says: "mail.smpt"},
		{name: "an unknown empty table", file: "[male]", says: "male"},
		{name: "the file of what is no secret", file: "listen_file = 'x'", says: "listen_file"},
		{name: "a key of another case", file: "Listen = ':1'", says: "Listen"},
		{name: "a text for a number", file: "hash.passes = '2'", says: "hash.passes is a whole number"},
		{name: "a number for a text", file: "listen = 8400", says: "listen is a text"},
		{name: "a text for a truth", file: "migrate = 'yes'", says: "migrate is true or false"},
		{name: "a text for a list", file: "trusted_proxies = '10.0.0.0/8'", says: "trusted_proxies is a list"},
		{name: "no TOML", file: "listen", says: "cannot read the configuration file"},
		{name: "a secret twice in one layer", file: "master_key = 'a'\nmaster_key_file = 'b'", says: "both master_key and master_key_file"},
		{name: "a secret twice in the environment", env: map[string]string{"GATEHOUSE_MAIL_SMTP": "smtp://x", "GATEHOUSE_MAIL_SMTP_FILE": "y"}, says: "both GATEHOUSE_MAIL_SMTP and"},
		{name: "a secret's file that is not there", env: map[string]string{"GATEHOUSE_MASTER_KEY_FILE": "/nowhere/key"}, says: "/nowhere/key"},
		{name: "a secret's file with nothing in it", flags: map[string]string{"master_key_file": empty}, says: "is empty"},
		{name: "a truth that is none", env: map[string]string{"GATEHOUSE_MIGRATE": "perhaps"}, says: `GATEHOUSE_MIGRATE: "perhaps"`},
		{name: "a log level that is none", env: map[string]string{"GATEHOUSE_LOG_LEVEL": "loud"}, says: `"loud"`},
		{name: "a log format that is none", env: map[string]string{"GATEHOUSE_LOG_FORMAT": "xml"}, says: `"xml"`},
		{name: "a proxy that is none", env: map[string]string{"GATEHOUSE_TRUSTED_PROXIES": "10.0.0.0/8,proxy"}, says: `"proxy"`},
		{name: "a hash without memory", env: map[string]string{"GATEHOUSE_HASH_MEMORY": "0"}, says: "hash.memory"},
		{name: "a hash without passes", env: map[string]string{"GATEHOUSE_HASH_PASSES": "0"}, says: "hash.passes"},
		{name: "a certificate without its key", env: map[string]string{"GATEHOUSE_TLS_CERTIFICATE": "chain.pem"}, says: "tls.certificate is set and tls.key is not"},
		{name: "a key without its certificate", env: map[string]string{"GATEHOUSE_TLS_KEY": "key.pem"}, says: "tls.key is set and tls.certificate is not"},
		{name: "a negative size", env: map[string]string{"GATEHOUSE_IMPORT_MAX_SIZE": "-1"}, says: "import.max_size"},
		{name: "fewer connections than none", env: map[string]string{"GATEHOUSE_MAX_CONNECTIONS": "-1"}, says: "max_connections"},
		{name: "an open public URL", flags: map[string]string{"public_url": "http://id.example.org"}, says: "https only"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := ""
			if c.file != "" {
				path = file(t, "gatehouse.toml", c.file, 0o600)
			}
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			_, err := config.Load(config.ForServe, path, c.flags)
			if _, ok := errors.AsType[*config.Error](err); !ok || !strings.Contains(err.Error(), c.says) {
				t.Errorf("law: what cannot be used is refused by name; got %v, want something about %s", err, c.says)
			}
		})
	}
}

func TestFileThatIsNotThere(t *testing.T) {
	_, err := config.Load(config.ForCommand, "/nowhere/gatehouse.toml", nil)
	if err == nil || !strings.Contains(err.Error(), "there is no configuration file /nowhere/gatehouse.toml") {
		t.Errorf("law: a configuration file that is named must be there; got %v", err)
	}
}

func TestEmptyTablesAndListsOfTheFile(t *testing.T) {
	path := file(t, "gatehouse.toml", "trusted_proxies = ['10.0.0.0/8', '::1']\n[mail]\n", 0o600)
	l := load(t, config.ForServe, path, nil)
	if got := strings.Join(l.TrustedProxies, " "); got != "10.0.0.0/8 ::1" {
		t.Errorf("law: a list of the file is read; got %q", got)
	}
}

// TestSecretsByFile gives every secret by a file of its own, in each layer.
func TestSecretsByFile(t *testing.T) {
	for _, line := range config.Table() {
		if !line.Secret {
			continue
		}
		closed := file(t, "closed", "smtp://u:p@h\n", 0o600)
		open := file(t, "open", "smtp://u:p@h\n", 0o644)
		if err := os.Chmod(open, 0o644); err != nil { // whatever the umask
			t.Fatal(err)
		}
		value := func(l *config.Loaded) string {
			return map[string]string{"database": l.Database, "master_key": l.MasterKey.Reveal(), "mail.smtp": l.SMTP.Reveal()}[line.Key]
		}
		byFile := load(t, config.ForCommand, file(t, "c.toml", line.Key+"_file = '"+closed+"'", 0o600), nil)
		byFlag := load(t, config.ForCommand, "", map[string]string{line.Key + "_file": closed})
		t.Setenv(line.Env+"_FILE", open)
		byEnv := load(t, config.ForCommand, "", nil)
		t.Setenv(line.Env+"_FILE", "")
		for layer, l := range map[string]*config.Loaded{"file": byFile, "environment": byEnv, "flag": byFlag} {
			if got := value(l); got != "smtp://u:p@h" {
				t.Errorf("law: %s is read from its own file, named by %s, without the end of the line; got %q", line.Key, layer, got)
			}
		}
		if len(byFile.Warnings) != 0 || len(byEnv.Warnings) != 1 || !strings.Contains(byEnv.Warnings[0], open) {
			t.Errorf("law: a secret's file is warned of when everybody may read it, and only then; got %q and %q", byFile.Warnings, byEnv.Warnings)
		}
	}
}

func TestNothingSecretIsShown(t *testing.T) {
	const hidden = "Tr0ub4dor"
	for _, c := range []struct{ env, value, shown string }{
		{"GATEHOUSE_MASTER_KEY", hidden, `master_key = "[hidden]"`},
		{"GATEHOUSE_DATABASE", "postgres://me:" + hidden + "@db.example/gatehouse?password=" + hidden, `database = "postgres://me:[hidden]@db.example/gatehouse?[hidden]"`},
		{"GATEHOUSE_DATABASE", "postgres://me:" + hidden + "%zz@db.example", `database = "[hidden]"`},
		{"GATEHOUSE_DATABASE", "host=db password=" + hidden, `database = "[hidden]"`},
		{"GATEHOUSE_DATABASE", "sqlite:data/x.db", `database = "sqlite:data/x.db"`},
		{"GATEHOUSE_MAIL_SMTP", "smtps://me:" + hidden + "@mail.example:465", `mail.smtp = "smtps://me:[hidden]@mail.example:465"`},
	} {
		t.Run(c.env, func(t *testing.T) {
			t.Setenv(c.env, c.value)
			var text strings.Builder
			for _, line := range load(t, config.ForCommand, "", nil).Show() {
				fmt.Fprintln(&text, line)
			}
			if strings.Contains(text.String(), hidden) || !strings.Contains(text.String(), c.shown+"  # "+c.env+", from the environment") {
				t.Errorf("law: of a secret only what is not secret is shown, with its variable and origin; got\n%s", &text)
			}
			if strings.Count(text.String(), "\n") != len(config.Table()) {
				t.Error("law: every key is shown on a line of its own")
			}
		})
	}
}

func TestMasterKeyByPurpose(t *testing.T) {
	dir := t.TempDir()
	database := "sqlite:" + filepath.Join(dir, "sub", "gatehouse.db")
	find := func(p config.Purpose, more map[string]string) (*config.Loaded, error) {
		flags := map[string]string{"database": database}
		for k, v := range more {
			flags[k] = v
		}
		l := load(t, p, "", flags)
		return l, l.FindMasterKey(p)
	}
	for _, p := range []config.Purpose{config.ForServe, config.ForCommand} {
		if _, err := find(p, nil); err == nil || !strings.Contains(err.Error(), "no master key") {
			t.Errorf("law: without a key nothing but dev goes on; got %v", err)
		}
	}
	made, err := find(config.ForDev, nil)
	if err != nil || !made.NewKey {
		t.Fatalf("law: dev makes a key; got %v, %v", made.NewKey, err)
	}
	info, err := os.Stat(made.KeyFile)
	if err != nil || info.Mode().Perm() != 0o600 || made.KeyFile != filepath.Join(dir, "sub", "gatehouse.db.key") {
		t.Errorf("law: the key is beside the database, for its owner alone; got %s, %v, %v", made.KeyFile, info, err)
	}
	for _, p := range []config.Purpose{config.ForDev, config.ForCommand} {
		if l, err := find(p, nil); err != nil || l.MasterKey != made.MasterKey || l.NewKey {
			t.Errorf("law: dev and commands find the key that dev made; got %v", err)
		}
	}
	if _, err := find(config.ForServe, nil); err == nil {
		t.Error("law: a server takes no key that it was not told of")
	}
	other := file(t, "key", secret.NewMasterText(), 0o600)
	for _, p := range []config.Purpose{config.ForDev, config.ForCommand, config.ForServe} {
		if l, err := find(p, map[string]string{"master_key_file": other}); err != nil || l.MasterKey == made.MasterKey {
			t.Errorf("law: a key that is configured goes before one that is found; got %v", err)
		}
		if _, err := find(p, map[string]string{"master_key": "short"}); err == nil || strings.Contains(err.Error(), "short") {
			t.Errorf("law: a key of another form is refused without being told; got %v", err)
		}
	}
	if got := config.KeyPath("postgres://h/d"); got != filepath.Join("data", "master.key") {
		t.Errorf("law: for PostgreSQL the key is in the data folder; got %s", got)
	}
}

func TestTwoStartsMakeOneKey(t *testing.T) {
	for range 20 {
		database := "sqlite:" + filepath.Join(t.TempDir(), "g.db")
		keys := make([]secret.Text, 8)
		var all sync.WaitGroup
		for i := range keys {
			all.Go(func() {
				l, err := config.Load(config.ForDev, "", map[string]string{"database": database})
				if err == nil {
					err = l.FindMasterKey(config.ForDev)
				}
				if err != nil {
					t.Error(err)
					return
				}
				keys[i] = l.MasterKey
			})
		}
		all.Wait()
		for _, key := range keys {
			if key == "" || key != keys[0] {
				t.Fatal("law: starts at the same moment agree on one key")
			}
		}
		left, err := filepath.Glob(filepath.Join(filepath.Dir(strings.TrimPrefix(database, "sqlite:")), "*"))
		if err != nil || len(left) != 1 {
			t.Fatalf("law: nothing but the key is left behind; got %v, %v", left, err)
		}
	}
}

func TestPublicURL(t *testing.T) {
	for url, good := range map[string]bool{
		"https://id.example.org": true, "https://id.example.org:8443": true, "http://localhost:8400": true, "http://127.0.0.1:1": true,
		"http://[::1]:8400": true, "http://demo.localhost": true,
		"": false, "id.example.org": false, "http://id.example.org": false, "https://": false, "https://:8400": false, "ftp://localhost": false,
		"https://a:b@c": false, "https://a/b": false, "https://a?b": false, "https://a#b": false, "http://localhost.example.org": false, "http://192.168.0.1": false,
	} {
		if err := config.CheckPublicURL(url); (err == nil) != good {
			t.Errorf("law: a public URL is https, or http on this machine, and a host; %q gives %v", url, err)
		}
	}
}

// The variables of OpenTelemetry say whether traces are sent; what we cannot do
// of it is refused.
func TestTraces(t *testing.T) {
	const at = "OTEL_EXPORTER_OTLP_ENDPOINT"
	for _, c := range []struct {
		env    map[string]string
		wanted bool
		says   string
	}{
		{map[string]string{}, false, ""},
		{map[string]string{at: "http://localhost:4318"}, true, ""},
		{map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://localhost:4318/v1/traces"}, true, ""},
		{map[string]string{at: "http://localhost:4318", "OTEL_TRACES_EXPORTER": "otlp"}, true, ""},
		{map[string]string{at: "http://localhost:4318", "OTEL_TRACES_EXPORTER": "none"}, false, ""},
		{map[string]string{at: "http://localhost:4318", "OTEL_SDK_DISABLED": "TRUE"}, false, ""},
		{map[string]string{at: "http://localhost:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, true, ""},
		{map[string]string{at: "http://localhost:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, false, "OTEL_EXPORTER_OTLP_PROTOCOL"},
		{map[string]string{at: "http://localhost:4318", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, true, ""},
		{map[string]string{"OTEL_TRACES_EXPORTER": "zipkin"}, false, "OTEL_TRACES_EXPORTER"},
	} {
		t.Run(fmt.Sprint(c.env), func(t *testing.T) {
			for _, name := range []string{at, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_TRACES_EXPORTER", "OTEL_SDK_DISABLED", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
				t.Setenv(name, c.env[name])
			}
			wanted, err := config.Traces()
			if wanted != c.wanted || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("law: traces are sent where a collector is named, as we can; got %t, %v", wanted, err)
			}
		})
	}
}

func TestUnknownVariables(t *testing.T) {
	t.Setenv("GATEHOUSE_LISTEN", ":1")
	t.Setenv("GATEHOUSE_MASTER_KEY_FILE", "x")
	t.Setenv("GATEHOUSE_CONFIG", "x")
	t.Setenv("GATEHOUSE_LISTN", ":1")
	t.Setenv("GATEHOUSE_LISTEN_FILE", "x")
	if got := strings.Join(config.UnknownVariables(), " "); got != "GATEHOUSE_LISTEN_FILE GATEHOUSE_LISTN" {
		t.Errorf("law: variables that nobody reads are named; got %q", got)
	}
}
