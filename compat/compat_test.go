// Package compat_test lets the vendors' published SDKs, unmodified and pinned,
// drive a running Gatehouse. They are the judge: python/ and node/ hold what
// they are made to say.
package compat_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/risk/risktest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/source/samltest"
	"github.com/gatehouse-id/gatehouse/internal/store/storetest"
)

const (
	// suiteTime is how long one suite may take, and stopTime how long a server
	// may take to end.
	suiteTime = 10 * time.Minute
	stopTime  = time.Minute
)

// callbacks are registered with every pool: the first is what the vendor's own
// suites use, the second what its samples do, and the others are those of an
// application that somebody develops.
var callbacks = []string{"https://someurl.com/callbacklink", "https://www.myserver.com/callback", "http://localhost:3000/", "http://localhost:3000/flow.html"}

// suite is one SDK's tests, or those of the pages in a browser.
type suite struct {
	name    string
	needs   string   // a file that `make test-setup` makes
	folder  string   // to run in
	pools   []string // those of [gatehouse.pools] that it needs; nil: all of them
	command []string
	count   *regexp.Regexp // the number of tests that passed, on a line of its own
	unrun   *regexp.Regexp // says that some were not run
}

func suites(t *testing.T) []suite {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	nodePassed := regexp.MustCompile(`(?m)^ℹ pass (\d+)$`)
	nodeUnrun := regexp.MustCompile(`(?m)^ℹ (skipped|todo|cancelled) [1-9]\d*$`)
	python := filepath.Join(root, ".venv", "bin", "python")
	return []suite{
		{
			name: "python", needs: python, folder: root,
			command: []string{python, "-m", "pytest", "-q", "compat/python"},
			count:   regexp.MustCompile(`(?m)^(\d+) passed\b.*$`), unrun: regexp.MustCompile(`(?m)^.*\b[1-9]\d* (skipped|deselected|xfailed|xpassed)\b.*$`),
		},
		{
			name: "node", needs: filepath.Join(root, "compat", "node", "node_modules", "openid-client", "package.json"), folder: filepath.Join(root, "compat", "node"),
			command: []string{"node", "--test", "--test-concurrency=1", "--test-reporter=spec"},
			count:   nodePassed, unrun: nodeUnrun,
		},
		{
			name: "browser", needs: filepath.Join(root, "compat", "browser", "node_modules", "playwright-core", "package.json"), folder: filepath.Join(root, "compat", "browser"),
			pools:   []string{"main", "agreements", "mailbox", "passkeys", "names", "guarded", "texts", "captcha", "social", "saml"},
			command: []string{"node", "--test", "--test-concurrency=1", "--test-reporter=spec"},
			count:   nodePassed, unrun: nodeUnrun,
		},
		{
			name: "packages", needs: filepath.Join(root, "compat", "packages", "node_modules", "@pangeacyber", "oauth-js", "package.json"), folder: filepath.Join(root, "compat", "packages"),
			pools:   []string{"main", "verify", "signed", "agreements", "mailbox", "passkeys", "names", "guarded", "texts", "captcha", "social", "saml", "oauth", "oauth-signed"},
			command: []string{"node", "--test", "--test-concurrency=1", "--test-reporter=spec"},
			count:   nodePassed, unrun: nodeUnrun,
		},
	}
}

// The vendor's SDKs get from the server what they expect, on both engines.
func TestSDKs(t *testing.T) {
	for _, s := range suites(t) {
		s.mustBeThere(t)
	}
	server, tool := build(t, "-race"), build(t)
	storetest.Engines(t, func(t *testing.T, database string) {
		provider, idp := issuer(t), samltest.StartSimpleSAML(t)
		master := "GATEHOUSE_MASTER_KEY=" + secretKey()
		g := &gatehouse{server: server, tool: tool, environment: append(os.Environ(),
			master, "GATEHOUSE_GEOIP_FILE="+risktest.Places(t), "GATEHOUSE_DATABASE="+database, "GATEHOUSE_UNSAFE_DURABILITY=true", "GATEHOUSE_HASH_MEMORY=64", "GATEHOUSE_HASH_PASSES=1")}
		// Each suite has pools of its own, so that neither finds what the
		// other left.
		variables := make(map[string][]string)
		for _, s := range suites(t) {
			variables[s.name] = g.pools(t, s)
		}
		url := g.start(t)
		for _, s := range suites(t) {
			g.joinProvider(t, provider, url, s.name+"-social")
		}
		g.joinSAML(t, idp, url)
		secure := proxy(t, url)
		for _, s := range suites(t) {
			t.Run(s.name, func(t *testing.T) {
				environment := append(os.Environ(), "GATEHOUSE_SAML_PROVIDER="+idp.URL, "GATEHOUSE_URL="+url, "GATEHOUSE_INBOX="+url+"/dev/inbox.json", "GATEHOUSE_SECURE_ADDRESS="+secure)
				for _, variable := range variables[s.name] {
					environment = append(environment, strings.ReplaceAll(variable, "{url}", url))
				}
				s.run(t, environment)
			})
		}
	})
}

// mustBeThere skips the test where `make test` has not prepared it, except
// where everything must run.
func (s suite) mustBeThere(t *testing.T) {
	t.Helper()
	_, err := os.Stat(s.needs)
	if err == nil {
		return
	}
	if !errors.Is(err, fs.ErrNotExist) || os.Getenv("CI") == "true" {
		t.Fatalf("the %s SDK is not there: %v", s.name, err)
	}
	t.Skipf("the %s SDK is not installed: `make test` prepares it", s.name)
}

// run runs the suite against a server, and fails unless all of it ran.
func (s suite) run(t *testing.T, environment []string) {
	ctx, cancel := context.WithTimeout(t.Context(), suiteTime)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.command[0], s.command[1:]...)
	cmd.Dir, cmd.WaitDelay = s.folder, stopTime
	cmd.Env = append(environment, "PYTHONDONTWRITEBYTECODE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(s.command, " "), err, out)
	}
	passed := s.count.FindSubmatch(out)
	if passed == nil {
		t.Fatalf("the suite does not say how many tests it ran:\n%s", out)
	}
	if n, err := strconv.Atoi(string(passed[1])); err != nil || n == 0 {
		t.Fatalf("the suite ran no test:\n%s", out)
	}
	if unrun := s.unrun.Find(out); unrun != nil {
		t.Errorf("some tests were not run: %s", unrun)
	}
	t.Logf("%s: %s", s.name, passed[0])
}

// build builds the program.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "gatehouse")
	cmd := exec.CommandContext(t.Context(), "go", slices.Concat([]string{"build"}, flags, []string{"-o", binary, "./cmd/gatehouse"})...)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot build the server: %v\n%s", err, out)
	}
	return binary
}

// secretKey makes a master key: 64 hexadecimal digits.
func secretKey() string { return fmt.Sprintf("%x", secret.Random()) }

// gatehouse is the program on one database.
type gatehouse struct {
	server      string // with the race detector, which makes it slow to start
	tool        string // without, for commands
	environment []string
}

// command runs a command of the program and decodes its answer.
func (g *gatehouse) command(t *testing.T, answer any, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), g.tool, append(args, "--json")...)
	cmd.Env = g.environment
	var log bytes.Buffer
	cmd.Stderr = &log
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, answer)
	}
	if err != nil {
		t.Fatalf("gatehouse %s: %v\n%s%s", strings.Join(args, " "), err, out, &log)
	}
}

// pools makes the pools of a suite and returns what tells it of them,
// with {url} for the server's address.
func (g *gatehouse) pools(t *testing.T, s suite) []string {
	t.Helper()
	var variables []string
	source := `profile.fields=[{"id":"nickname","label":"Nickname","type":"string","at_signup":true},{"id":"company","label":"Company","type":"string","at_signup":true},` +
		`{"id":"source","label":"Source","type":"string","at_signup":true}]`
	for _, pool := range []struct {
		name, prefix, preset string
		settings             []string
	}{
		{"main", "", "pangea", nil},
		{"other", "OTHER_", "pangea", []string{"token.refresh_grace=0s"}},
		{"verify", "VERIFY_", "pangea", []string{"signup.verify_email=true"}},
		{"signed", "SIGNED_", "pangea", []string{"token.format=jwt"}},
		{"strict", "STRICT_", "pangea", []string{"lockout.longest_delay=1h", "lockout.first_delay=1h"}},
		{"agreements", "AGREEMENTS_", "pangea", []string{`agreements.required=["terms","privacy"]`}},
		{"mailbox", "MAILBOX_", "pangea", []string{`signin.primary=["password","email_otp","magic_link"]`, "profile.fields=[]", "link.resend_after=0s"}},
		{"passkeys", "PASSKEYS_", "pangea", []string{`signin.primary=["password","passkey"]`, "signup.verify_email=false", "profile.fields=[]", "link.resend_after=0s"}},
		{"captcha", "CAPTCHA_", "pangea", []string{"signup.captcha=altcha", "signup.captcha_cost=20000", "profile.fields=[]", `signin.primary=["password","email_otp"]`}},
		{"social", "SOCIAL_", "pangea", nil}, // with a provider, once the server's address is known
		{"saml", "SAML_", "pangea", nil},     // the same
		{"names", "NAMES_", "pangea", []string{
			"username.format=string", "signup.phone=true", "profile.fields=[]", "link.resend_after=0s", `signin.secondary=["email_otp"]`, "signin.require_secondary=true",
		}},
		{"guarded", "GUARDED_", "pangea", []string{"profile.fields=[]", `signin.secondary=["totp"]`, "signin.require_secondary=true", "totp.issuer=Acme"}},
		{"texts", "TEXTS_", "pangea", []string{`signin.primary=["password","sms_otp"]`, `signin.secondary=["sms_otp"]`, `signin.skip_secondary=["sms_otp"]`, "profile.fields=[]", "code.resend_after=0s", `one_time.methods=["email_otp","sms_otp","password"]`}},
		{"judged", "JUDGED_", "pangea", []string{
			"profile.fields=[]", "risk.travel=block", "risk.embargo_signup=block", "risk.embargo_signin=block", `risk.embargo_countries=["IR"]`, "risk.domains_signup=block",
			"risk.addresses=second_factor", `risk.addresses_denied=["192.0.2.20"]`, `signin.secondary=["email_otp"]`, `signin.skip_secondary=["password"]`, "code.resend_after=0s", "link.resend_after=0s",
		}},
		{"oauth", "OAUTH_", "pangea", []string{
			"profile.fields=[]", "signup.verify_email=false", `oauth.audience=["https://api.example.org"]`, `oauth.scopes=[{"name":"reports","label":"Reports","description":"Read your reports.","consent":true}]`,
			`oauth.claims=[{"name":"given_name","field":"first_name","scope":"profile","tokens":["id"]},{"name":"plan","field":"plan","tokens":["id","access"]}]`,
		}},
		{"oauth-signed", "OAUTH_SIGNED_", "pangea", []string{"profile.fields=[]", "signup.verify_email=false", "token.format=jwt"}},
		{"authing", "AUTHING_", "authing", []string{source}},
		{"hidden", "HIDDEN_", "authing", []string{"graphql.introspection=false", "signup.verify_email=true", "lockout.longest_delay=1h", "lockout.first_delay=1h"}},
	} {
		if s.pools != nil && !slices.Contains(s.pools, pool.name) {
			continue
		}
		name := s.name + "-" + pool.name
		args := []string{"pool", "create", name, "--preset", pool.preset}
		for _, callback := range callbacks {
			args = append(args, "--callback", callback)
		}
		var created struct {
			ServiceToken string `json:"service_token"`
			ClientToken  string `json:"client_token"`
			AppID        string `json:"app_id"`
			PublicKey    string `json:"public_key"`
		}
		g.command(t, &created, args...)
		if len(pool.settings) > 0 {
			var changed struct {
				Applied bool `json:"applied"`
			}
			g.command(t, &changed, append([]string{"pool", "set", name}, pool.settings...)...)
			if !changed.Applied {
				t.Fatalf("%v is no change to the pool %s", pool.settings, name)
			}
		}
		variables = append(variables,
			"GATEHOUSE_"+pool.prefix+"SERVICE_TOKEN="+created.ServiceToken,
			"GATEHOUSE_"+pool.prefix+"CLIENT_TOKEN="+created.ClientToken,
			"GATEHOUSE_"+pool.prefix+"APP_ID="+created.AppID,
			"GATEHOUSE_"+pool.prefix+"PUBLIC_KEY="+created.PublicKey,
			"GATEHOUSE_"+pool.prefix+"LOGIN_URL={url}/p/"+name)
		if strings.HasPrefix(pool.prefix, "OAUTH_") {
			variables = append(variables, g.applications(t, name, pool.prefix)...)
		}
	}
	return variables
}

// applications adds the clients of OAuth 2.0 to a pool, and returns what tells
// a suite of them.
func (g *gatehouse) applications(t *testing.T, pool, prefix string) (variables []string) {
	t.Helper()
	const page = "http://localhost:3000/oauth.html"
	for name, flags := range map[string][]string{
		"SHOP":    {"--redirect", callbacks[0], "--logout-redirect", "https://someurl.com/bye", "--scope", "openid", "--scope", "profile", "--scope", "email", "--default-scope", "openid"},
		"PAGE":    {"--public", "--redirect", page, "--token-life", "10m"},
		"ROBOT":   {"--auth", "client_secret_post"},
		"TV":      {"--public", "--grant", "device_code", "--grant", "refresh_token", "--scope", "openid", "--scope", "email", "--default-scope", "openid"},
		"PARTNER": {"--public", "--redirect", callbacks[3], "--scope", "openid", "--scope", "email"},
	} {
		if name != "PAGE" && prefix == "OAUTH_" {
			flags = append(flags, "--scope", "reports") // which the other pool has not
		}
		if name == "SHOP" {
			address := logouts(t)
			flags = append(flags, "--backchannel-logout", address)
			variables = append(variables, "GATEHOUSE_"+prefix+"LOGOUTS="+address)
		}
		var added struct {
			ClientID     string `json:"client_id"`
			ClientSecret string `json:"client_secret"`
		}
		g.command(t, &added, append([]string{"app", "add", pool, name}, flags...)...)
		variables = append(variables, "GATEHOUSE_"+prefix+name+"_ID="+added.ClientID)
		if added.ClientSecret != "" {
			variables = append(variables, "GATEHOUSE_"+prefix+name+"_SECRET="+added.ClientSecret)
		}
	}
	return variables
}

// start starts a development server, which catches mail, on a free port, and
// returns its address. At the end of the test the server is told to stop, and
// must have had no fault, no race and no reason to give up.
func (g *gatehouse) start(t *testing.T) (url string) {
	t.Helper()
	cmd := exec.Command(g.server, "dev", "--listen", "127.0.0.1:0", "--json")
	cmd.Env = g.environment
	log := &buffer{}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		kill := time.AfterFunc(stopTime, func() {
			t.Error("the server does not stop")
			_ = cmd.Process.Kill() // it may have ended at this moment
		})
		defer kill.Stop()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Errorf("the server had ended before it was told to: %v", err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if faults := regexp.MustCompile(`(?m)^.*(level=ERROR|DATA RACE|panic).*$`).FindAllString(log.String(), 20); faults != nil {
			t.Errorf("the server logged faults:\n%s", strings.Join(faults, "\n"))
		}
		if t.Failed() {
			t.Logf("the end of the server's log:\n%s", log.tail(200))
		}
	})
	var welcome struct {
		URL string `json:"url"`
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &welcome)
	}
	if err != nil || welcome.URL == "" {
		t.Fatalf("the server did not start: %v\n%s%s", err, line, log.String())
	}
	return welcome.URL
}

// proxy speaks TLS for the server until the end of the test, with a certificate
// that nobody vouches for, and returns its address: host and port.
func proxy(t *testing.T, server string) string {
	t.Helper()
	target, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	front := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.SetXForwarded()
	}})
	front.Config.ErrorLog = log.New(t.Output(), "", 0)
	front.StartTLS()
	t.Cleanup(front.Close)
	return front.Listener.Addr().String()
}

// buffer is a log that is read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// tail returns the last n lines.
func (b *buffer) tail(n int) string {
	lines := strings.Split(b.String(), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// docs/compat/pangea.md names every route, every status and every choice.
func TestDocsAreComplete(t *testing.T) {
	docs := read(t, "../docs/compat/pangea.md")
	routes := regexp.MustCompile(`\{(?:post|get), "([^"]+)", .*\S\},`).FindAllStringSubmatch(read(t, "../internal/web/pangea/routes.go"), -1)
	if len(routes) < 40 {
		t.Fatalf("found %d routes: has their table another form?", len(routes))
	}
	for _, route := range routes {
		if strings.Count(docs, "`"+route[1]+"`") != 1 {
			t.Errorf("%s must stand once", route[1])
		}
	}
	for file, pattern := range map[string]string{"errors.go": `status: "(\w+)"`, "words.go": `(?:\{|Phase\w+: +)"(\w+)",`} {
		words := regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, "../internal/web/pangea/"+file), -1)
		if len(words) < 10 {
			t.Errorf("found %d words in %s: have they another form?", len(words), file)
		}
		for _, word := range words {
			if !strings.Contains(docs, "`"+word[1]+"`") {
				t.Errorf("%s of %s is missing", word[1], file)
			}
		}
	}
}

// docs/compat/authing.md names every path, every operation that is served and
// every number of an error.
func TestAuthingDocsAreComplete(t *testing.T) {
	docs := read(t, "../docs/compat/authing.md")
	for file, pattern := range map[string]string{
		"routes.go": `(?:pathGraphQL = |\{(?:post|get), )"([^"]+)"`, "fields.go": `(?m)^\t\t"(\w+)": +\{run:`, "errors.go": `\{(\d+), "`, "testdata/operations.txt": `(?m)^\+ \w+ (\w+)$`,
	} {
		found := regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, "../internal/web/authing/"+file), -1)
		if len(found) < 4 {
			t.Errorf("found %d things in %s: have they another form?", len(found), file)
		}
		for _, thing := range found {
			if !regexp.MustCompile(`\b` + regexp.QuoteMeta(strings.TrimLeft(thing[1], "/")) + `\b`).MatchString(docs) {
				t.Errorf("%s of %s is missing", thing[1], file)
			}
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
