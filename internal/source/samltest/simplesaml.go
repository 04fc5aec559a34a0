package samltest

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// SimpleSAML is a SimpleSAMLphp that runs: an identity provider that others run
// too, as Debian packages it, with PHP's own web server.
type SimpleSAML struct {
	URL         string // of its pages
	EntityID    string
	SignInURL   string
	Certificate string // PEM
	dir         string
}

// The people that it knows: by name, password, and what it says of them.
const people = `
  'ada:of-tests' => ['uid' => ['u-ada'], 'mail' => ['ada@example.org'], 'givenName' => ['Ada'], 'sn' => ['Lovelace']],
  'grace:of-tests' => ['uid' => ['u-grace'], 'mail' => ['grace@elsewhere.example'], 'givenName' => ['Grace'], 'sn' => ['Hopper']],
`

// installed is where SimpleSAMLphp is: where scripts/setup-tests unpacks it, or
// where Debian installs it.
func installed() (string, bool) {
	_, here, _, _ := runtime.Caller(0) //nolint:dogsled // the file is all that is asked for
	ours := filepath.Join(filepath.Dir(here), "..", "..", "..", "compat", "simplesamlphp", "usr", "share", "simplesamlphp")
	for _, dir := range []string{ours, "/usr/share/simplesamlphp"} {
		if _, err := os.Stat(filepath.Join(dir, "www", "saml2", "idp", "SSOService.php")); err == nil {
			return dir, true
		}
	}
	return "", false
}

// StartSimpleSAML starts one for a test, at a port of its own. It skips the test
// where `make test` has not prepared it, except where everything must run.
func StartSimpleSAML(t *testing.T) *SimpleSAML {
	t.Helper()
	dir, ok := installed()
	_, err := exec.LookPath("php")
	if (!ok || err != nil) && os.Getenv("CI") == "true" {
		t.Fatal("SimpleSAMLphp or PHP is not there")
	}
	if !ok || err != nil {
		t.Skip("SimpleSAMLphp or PHP is not installed: `make test` prepares it")
	}
	s := &SimpleSAML{dir: t.TempDir()}
	host := freeAddress(t)
	s.URL = "http://" + host
	s.EntityID, s.SignInURL = s.URL+"/idp", s.URL+"/saml2/idp/SSOService.php"
	s.configure(t)

	var log bytes.Buffer
	php := exec.Command("php", "-d", "error_reporting=E_ALL & ~E_DEPRECATED", "-d", "display_errors=0", "-S", host, "-t", filepath.Join(dir, "www")) //nolint:noctx // it is ended below
	php.Env = append(os.Environ(), "SIMPLESAMLPHP_CONFIG_DIR="+filepath.Join(s.dir, "config"))
	php.Stdout, php.Stderr = &log, &log
	if err := php.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = php.Process.Kill() // it has ended by itself, or does now
		_ = php.Wait()         // with what it was killed by
		if t.Failed() {
			said, _ := os.ReadFile(filepath.Join(s.dir, "log", "idp.log")) // for whoever looks for the mistake
			t.Logf("SimpleSAMLphp says:\n%s\n%s", last(log.Bytes()), last(said))
		}
	})
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if s.answers(t) {
			return s
		}
		if time.Now().After(end) {
			t.Fatal("SimpleSAMLphp does not start")
		}
	}
}

// last is the end of what somebody says at length.
func last(said []byte) []byte { return said[max(0, len(said)-4<<10):] }

func (s *SimpleSAML) answers(t *testing.T) bool {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/saml2/idp/metadata.php", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// Metadata is what it says of itself.
func (s *SimpleSAML) Metadata(t *testing.T) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/saml2/idp/metadata.php", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("SimpleSAMLphp's metadata: %d, %v", response.StatusCode, err)
	}
	return raw
}

// freeAddress is a port of this machine that nobody has.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it is closed at once
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

func (s *SimpleSAML) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// configure writes all that it reads, into a folder of the test.
func (s *SimpleSAML) configure(t *testing.T) {
	t.Helper()
	idp := New(t, s.EntityID)
	private, err := x509.MarshalPKCS8PrivateKey(idp.key)
	if err != nil {
		t.Fatal(err)
	}
	s.Certificate = idp.Certificate
	s.write(t, "cert/idp.crt", s.Certificate)
	s.write(t, "cert/idp.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	for _, folder := range []string{"log", "data", "tmp"} {
		s.write(t, folder+"/.keep", "")
	}
	s.write(t, "config/config.php", fmt.Sprintf(`<?php
$config = [
  'baseurlpath' => '%[1]s/', 'certdir' => '%[2]s/cert/', 'loggingdir' => '%[2]s/log/', 'datadir' => '%[2]s/data/', 'tempdir' => '%[2]s/tmp',
  'secretsalt' => 'of-tests', 'auth.adminpassword' => 'of-tests-and-never-used', 'technicalcontact_email' => 'nobody@example.org', 'timezone' => 'UTC',
  'logging.handler' => 'file', 'logging.level' => 7, 'logging.logfile' => 'idp.log', 'showerrors' => true, 'errorreporting' => false,
  'enable.saml20-idp' => true, 'module.enable' => ['exampleauth' => true, 'core' => true, 'saml' => true],
  'store.type' => 'phpsession', 'session.cookie.secure' => false, 'session.phpsession.cookiename' => 'idp', 'session.phpsession.savepath' => '%[2]s/tmp',
  'language.default' => 'en', 'metadata.sources' => [['type' => 'flatfile', 'directory' => '%[2]s/metadata/'], ['type' => 'xml', 'file' => '%[2]s/metadata/trusted.xml']],
];
`, s.URL, s.dir))
	s.write(t, "config/authsources.php", "<?php\n$config = ['people' => ['exampleauth:UserPass', "+people+"]];\n")
	s.write(t, "metadata/saml20-idp-hosted.php", fmt.Sprintf(`<?php
$metadata['%s'] = [
  'host' => '__DEFAULT__', 'privatekey' => 'idp.pem', 'certificate' => 'idp.crt', 'auth' => 'people',
  'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
  'SingleSignOnServiceBinding' => ['urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect', 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST'],
  'authproc' => [3 => ['class' => 'saml:AttributeNameID', 'attribute' => 'uid', 'Format' => 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent']],
];
`, s.EntityID))
	s.Trust(t)
}

// Trust has it answer these service providers, by their own metadata. It asks
// for signed requests where they say that theirs are.
func (s *SimpleSAML) Trust(t *testing.T, metadata ...[]byte) {
	t.Helper()
	var b strings.Builder
	b.WriteString(`<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">`)
	for _, one := range metadata {
		b.Write(bytes.TrimPrefix(bytes.TrimSpace(one), []byte(`<?xml version="1.0" encoding="UTF-8"?>`)))
	}
	b.WriteString(`</md:EntitiesDescriptor>`)
	s.write(t, "metadata/trusted.xml", b.String())
}

// Visitor is somebody with a browser at SimpleSAMLphp, as far as a program can
// be one.
type Visitor struct {
	client *http.Client
	t      *testing.T
}

// Visitor makes one, whom it does not know yet.
func (s *SimpleSAML) Visitor(t *testing.T) *Visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &Visitor{&http.Client{Jar: jar, Timeout: time.Minute}, t}
}

// SignIn goes where a service provider sends somebody, signs in there, and
// returns the form that comes back: where it goes, and what it has.
func (v *Visitor) SignIn(address string, form map[string]string, name string) (to string, brought url.Values) {
	v.t.Helper()
	page := v.open(address, form)
	if to, fields := v.form(page); fields.Has("username") {
		fields.Set("username", name)
		fields.Set("password", "of-tests")
		page = v.send(v.absolute(page, to), fields)
	}
	to, brought = v.form(page)
	if !brought.Has("SAMLResponse") {
		v.t.Fatalf("SimpleSAMLphp brings no answer but:\n%s", page.body)
	}
	return to, brought
}

// Unsigned goes where a service provider sends somebody, and reports whether
// SimpleSAMLphp turns them away because of the signature.
func (v *Visitor) Unsigned(address string, form map[string]string) bool {
	v.t.Helper()
	return bytes.Contains(bytes.ToLower(v.open(address, form).body), []byte("unable to validate signature"))
}

type visited struct {
	at   *url.URL
	body []byte
}

func (v *Visitor) open(address string, form map[string]string) visited {
	v.t.Helper()
	if form == nil {
		return v.do(http.MethodGet, address, nil)
	}
	fields := url.Values{}
	for name, value := range form {
		fields.Set(name, value)
	}
	return v.send(address, fields)
}

func (v *Visitor) send(address string, fields url.Values) visited {
	v.t.Helper()
	return v.do(http.MethodPost, address, strings.NewReader(fields.Encode()))
}

func (v *Visitor) do(method, address string, body io.Reader) visited {
	v.t.Helper()
	request, err := http.NewRequestWithContext(v.t.Context(), method, address, body)
	if err != nil {
		v.t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := v.client.Do(request)
	if err != nil {
		v.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return visited{response.Request.URL, raw}
}

func (v *Visitor) absolute(page visited, to string) string {
	u, err := page.at.Parse(to)
	if err != nil {
		v.t.Fatal(err)
	}
	return u.String()
}

// form reads the first form of a page that is sent by POST.
func (v *Visitor) form(page visited) (action string, fields url.Values) {
	v.t.Helper()
	doc, err := html.Parse(bytes.NewReader(page.body))
	if err != nil {
		v.t.Fatal(err)
	}
	fields = url.Values{}
	attr := func(n *html.Node, name string) string {
		for _, a := range n.Attr {
			if a.Key == name {
				return a.Val
			}
		}
		return ""
	}
	var form *html.Node
	for n := range doc.Descendants() {
		if form == nil && n.Data == "form" && strings.EqualFold(attr(n, "method"), "post") {
			form, action = n, attr(n, "action")
		}
	}
	if form == nil {
		v.t.Fatalf("there is no form at %s:\n%s", page.at, page.body)
	}
	for n := range form.Descendants() {
		if name := attr(n, "name"); n.Data == "input" && name != "" {
			fields.Set(name, attr(n, "value"))
		}
	}
	return action, fields
}
