package compat_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-id/gatehouse/internal/source/samltest"
)

// issuer starts an OpenID provider of others, in providers/, and returns where
// it is. It ends with the test.
func issuer(t *testing.T) string {
	t.Helper()
	folder, err := filepath.Abs("providers")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "oidc-provider")); err != nil {
		if !errors.Is(err, fs.ErrNotExist) || os.Getenv("CI") == "true" {
			t.Fatalf("the OpenID provider is not there: %v", err)
		}
		t.Skip("the OpenID provider is not installed: `make test` prepares it")
	}
	cmd := exec.Command("node", "provider.js")
	cmd.Dir = folder
	log := &buffer{}
	cmd.Stderr = log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		kill := time.AfterFunc(stopTime, func() { _ = cmd.Process.Kill() }) // it may have ended at this moment
		defer kill.Stop()
		if err := in.Close(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("the provider ended with %v\n%s", err, log.tail(50))
		}
	})
	var said struct {
		Issuer string `json:"issuer"`
	}
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &said)
	}
	if err != nil || said.Issuer == "" {
		t.Fatalf("the provider did not start: %v\n%s%s", err, line, log.String())
	}
	return said.Issuer
}

// joinProvider registers the pages of a pool at an issuer, and the issuer with
// the pool, by a name that the vendor's applications know.
func (g *gatehouse) joinProvider(t *testing.T, issuer, server, pool string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"redirect_uris": []string{server + "/p/" + pool + "/flow/oauth/google/callback"}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(issuer+"/reg", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var client struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&client); err != nil || client.ID == "" {
		t.Fatalf("the provider knows no client: %s, %v", answer.Status, err)
	}
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(client.Secret), 0o600); err != nil {
		t.Fatal(err)
	}
	var added struct {
		SecretGiven bool `json:"secret_given"`
	}
	g.command(t, &added, "provider", "add", pool, "google", "--kind", "oidc", "--issuer", issuer, "--client-id", client.ID, "--secret-file", file, "--label", "Example",
		"--trust-email", "--profile", "first_name=given_name", "--profile", "last_name=family_name")
	if !added.SecretGiven {
		t.Fatal("the provider has no secret")
	}
}

// joinSAML has the pools for it of all suites let people in through a SAML
// identity provider, by its metadata, and has it know them by theirs.
func (g *gatehouse) joinSAML(t *testing.T, idp *samltest.SimpleSAML, server string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "idp.xml")
	if err := os.WriteFile(file, idp.Metadata(t), 0o600); err != nil {
		t.Fatal(err)
	}
	var ours [][]byte
	for _, s := range suites(t) {
		pool := s.name + "-saml"
		var added struct {
			Kind string `json:"kind"`
		}
		g.command(t, &added, "provider", "add", pool, "acme", "--saml-metadata", file, "--label", "Acme SSO", "--trust-email", "--saml-unsolicited",
			"--profile", "first_name=givenName", "--profile", "last_name=sn")
		if added.Kind != "saml" {
			t.Fatalf("the provider is %+v", added)
		}
		answer, err := http.Get(server + "/p/" + pool + "/flow/saml/acme/metadata")
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("our metadata: %s, %v", answer.Status, err)
		}
		ours = append(ours, raw)
	}
	idp.Trust(t, ours...)
}
