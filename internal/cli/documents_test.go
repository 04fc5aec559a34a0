package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/gatehouse-id/gatehouse/internal/config"
)

// documents is what tells an operator what to type, and what types it for them.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := make(map[string]string)
	for _, pattern := range []string{"README.md", "docs/*.md", "Dockerfile", "compose.yaml", "packaging/gatehouse.*"} {
		paths, err := filepath.Glob(filepath.Join("../..", pattern))
		if err != nil || len(paths) == 0 {
			t.Fatalf("there is no %s: %v", pattern, err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			texts[strings.TrimPrefix(path, "../../")] = string(text)
		}
	}
	return texts
}

// TestDocumentsNameWhatThereIs: every command, flag and variable that a
// document names is one of the program's.
func TestDocumentsNameWhatThereIs(t *testing.T) {
	named := 0
	for path, text := range documents(t) {
		commands := commandsIn(text)
		named += len(commands)
		for _, words := range commands {
			if problem := unknownIn(words); problem != "" {
				t.Errorf("law: documents name commands that there are; %s has `gatehouse %s`: %s", path, strings.Join(words, " "), problem)
			}
		}
		for _, name := range unknownVariables(text) {
			t.Errorf("law: documents name variables that somebody reads; %s has %s", path, name)
		}
	}
	if named < 60 {
		t.Errorf("law: the commands in documents are found; only %d were", named)
	}
}

// What finds nothing cannot fail: each way to be wrong is shown to it.
func TestWrongDocumentsAreFound(t *testing.T) {
	for _, line := range []string{
		"Say `gatehouse pool forget shop`.",
		"Say `gatehouse audit verify shop --tail 3`.",
		"```\nsudo -u gatehouse gatehouse --conf x doctor\n```",
		"    A=1 B=2 bin/gatehouse serv",
		"docker compose run --rm gatehouse docter",
		"docker compose exec gatehouse gatehouse user find",
		"ExecStart=/usr/local/bin/gatehouse server",
		`HEALTHCHECK CMD ["gatehouse", "helth"]`,
		"gatehouse pool list \\\n  --purple",
		"age -d x | gatehouse key mend",
		"`gatehouse help`, then `gatehouse user list POOL --all`",
	} {
		if !slices.ContainsFunc(commandsIn(line), func(words []string) bool { return unknownIn(words) != "" }) {
			t.Errorf("law: a command that there is not is found; nothing was in %q, of the commands %q", line, commandsIn(line))
		}
	}
	for _, line := range []string{
		"`gatehouse user list POOL --size 3 | head`", "install -d -g gatehouse /etc/gatehouse", "`gatehouse_ready == 0`", "Gatehouse is ready", "User=gatehouse",
		"gatehouse doctor   # looks at --all", "useradd --system gatehouse", `ENTRYPOINT ["gatehouse"]`,
	} {
		for _, words := range commandsIn(line) {
			if problem := unknownIn(words); problem != "" {
				t.Errorf("law: only commands are taken for such; %q was: %s", line, problem)
			}
		}
	}
	if got := unknownVariables("GATEHOUSE_LISTN, GATEHOUSE_LISTEN, GATEHOUSE_LISTEN_FILE, GATEHOUSE_MASTER_KEY_FILE, GATEHOUSE_CONFIG"); !slices.Equal(got, []string{"GATEHOUSE_LISTN", "GATEHOUSE_LISTEN_FILE"}) {
		t.Errorf("law: a variable that nobody reads is found; got %q", got)
	}
}

// commandsIn returns the words behind the program's name wherever a text calls
// it: at the beginning of a line or of a passage in `...`, behind a pipe,
// variables, sudo, docker, or in the JSON of a Dockerfile or a compose file.
func commandsIn(text string) [][]string {
	text = strings.ReplaceAll(text, "\\\n", " ")
	text = regexp.MustCompile(`"([^" ]*)",? ?`).ReplaceAllString(text, "$1 ")
	text = strings.NewReplacer("`", "\n", "CMD [", "\n", "ENTRYPOINT [", "\n", "[CMD ", "\n", "ExecStart=", "\n", "]", "\n").Replace(text)
	call := regexp.MustCompile(`(?m)(?:^\s*|[|;(]\s*|&&\s*)(?:[A-Z_]+=\S+ +)*(?:sudo -u gatehouse |docker compose (?:exec|run --rm)(?: -\S+)* (?:gatehouse )?|docker run .*)?(?:bin/|/usr/local/bin/|\./)?gatehouse((?: +[^\s|;>)&#]+)*)`)
	var found [][]string
	for _, match := range call.FindAllStringSubmatch(text, -1) {
		found = append(found, strings.Fields(match[1]))
	}
	return found
}

// unknownIn says what of a command line there is not.
func unknownIn(words []string) string {
	// A prose line may begin with the name and go on with anything.
	root := (&console{}).root()
	root.InitDefaultHelpCmd()
	var flags, names []string
	for i := 0; i < len(words); i++ {
		name, isFlag := strings.CutPrefix(words[i], "--")
		if !isFlag {
			names = append(names, words[i])
			continue
		}
		name, _, hasValue := strings.Cut(name, "=")
		flags = append(flags, name)
		// A flag before the command takes its value along.
		if f := root.PersistentFlags().Lookup(name); f != nil && f.Value.Type() != "bool" && !hasValue {
			i++
		}
	}
	cmd, rest, err := root.Find(names)
	if err != nil {
		return err.Error()
	}
	if cmd.HasSubCommands() && len(rest) > 0 {
		return "there is no " + strings.Join(rest, " ") + " below " + cmd.CommandPath()
	}
	for _, name := range flags {
		if !hasFlag(cmd, name) {
			return cmd.CommandPath() + " has no --" + name
		}
	}
	return ""
}

func hasFlag(cmd *cobra.Command, name string) bool {
	return name == "help" || cmd.Flags().Lookup(name) != nil || cmd.InheritedFlags().Lookup(name) != nil
}

// unknownVariables returns the variables in a text that the configuration does
// not read.
func unknownVariables(text string) []string {
	known := map[string]bool{"GATEHOUSE_CONFIG": true}
	for _, line := range config.Table() {
		known[line.Env], known[line.Env+"_FILE"] = true, line.Secret
	}
	var unknown []string
	for _, name := range regexp.MustCompile(`\bGATEHOUSE_[A-Z][A-Z_]*[A-Z]\b`).FindAllString(text, -1) {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// TestSampleConfigurationIsGood: what packages bring along can be read.
func TestSampleConfigurationIsGood(t *testing.T) {
	text, dir := documents(t)["packaging/gatehouse.toml"], t.TempDir()
	text = strings.NewReplacer("/etc/gatehouse/", dir+"/", "# smtp_file", "smtp_file").Replace(text)
	for name, content := range map[string]string{
		"gatehouse.toml": text, "smtp": "smtps://user:password@mail.example.org:465", "master.key": strings.Repeat("ab", 32),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	loaded, err := config.Load(config.ForServe, filepath.Join(dir, "gatehouse.toml"), nil)
	if err != nil {
		t.Fatalf("law: the sample configuration is one: %v", err)
	}
	if err := loaded.CheckServe(); err != nil || loaded.SMTP == "" || loaded.MasterKey == "" {
		t.Errorf("law: a server starts with the sample configuration: %v", err)
	}
}

// TestWhoStopsAServerWaits: a server is killed by nobody while it finishes
// what is under way.
func TestWhoStopsAServerWaits(t *testing.T) {
	source, err := os.ReadFile("../app/serve.go")
	if err != nil {
		t.Fatal(err)
	}
	seconds := func(path, text, expression string) int {
		match := regexp.MustCompile(expression).FindStringSubmatch(text)
		if match == nil {
			t.Fatalf("%s does not have %s", path, expression)
		}
		n, err := strconv.Atoi(match[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	needed := seconds("serve.go", string(source), `drainTime = (\d+) \* time\.Second`)
	texts := documents(t)
	for path, expression := range map[string]string{
		"packaging/gatehouse.service": `(?m)^TimeoutStopSec=(\d+)s$`,
		"compose.yaml":                `(?s)gatehouse:.*?stop_grace_period: (\d+)s`,
	} {
		if given := seconds(path, texts[path], expression); given <= needed {
			t.Errorf("law: who stops a server gives it longer than the %d seconds that it may take; %s gives %d", needed, path, given)
		}
	}
}
