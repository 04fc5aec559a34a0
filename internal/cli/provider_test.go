package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestProvidersFromTheCommandLine adds, changes and removes one, as an operator
// does.
func TestProvidersFromTheCommandLine(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("GATEHOUSE_DATABASE", "sqlite:"+filepath.Join(folder, "g.db"))
	t.Setenv("GATEHOUSE_MASTER_KEY", strings.Repeat("ab", 32))
	t.Setenv("GATEHOUSE_PUBLIC_URL", "https://login.example.org")
	run := func(input string, args ...string) (status int, answer map[string]any, out string) {
		var stdout, stderr bytes.Buffer
		status = Run(context.Background(), Process{Args: append(args, "--json"), In: strings.NewReader(input), Out: &stdout, Err: &stderr})
		if stdout.Len() > 0 && stdout.Bytes()[0] == '{' {
			if err := json.Unmarshal(stdout.Bytes(), &answer); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(stdout.String()+stderr.String(), "CANARY") {
			t.Errorf("law: no command shows a secret again; %v did", args)
		}
		return status, answer, stdout.String() + stderr.String()
	}
	must := func(input string, args ...string) map[string]any {
		t.Helper()
		status, answer, out := run(input, args...)
		if status != 0 {
			t.Fatalf("%v ended with %d:\n%s", args, status, out)
		}
		return answer
	}
	must("", "pool", "create", "shop")
	must("", "pool", "set", "shop", `profile.fields=[{"id":"first_name","label":"First name","type":"string"}]`)
	a := must("CANARY-secret\n", "provider", "add", "shop", "google", "--client-id", "the-id", "--secret-stdin", "--domain", "example.org")
	if a["kind"] != "google" || a["secret_given"] != true || a["callback_url"] != "https://login.example.org/p/shop/flow/oauth/google/callback" {
		t.Errorf("law: what has to be registered is said; it was %v", a)
	}
	if a := must("", "provider", "set", "shop", "google", "--label", "G", "--disabled"); a["label"] != "G" || a["client_id"] != "the-id" || a["disabled"] != true || a["secret_given"] != true {
		t.Errorf("law: what is not given stays; it is %v", a)
	}
	if a := must("", "provider", "set", "shop", "google", "--disabled=false", "--client-id", "another"); a["secret_given"] != false || a["disabled"] != nil {
		t.Errorf("law: with another client the secret is asked for anew; it is %v", a)
	}
	file := filepath.Join(folder, "secret")
	if err := os.WriteFile(file, []byte("CANARY-file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if a := must("", "provider", "set", "shop", "google", "--secret-file", file); a["secret_given"] != true {
		t.Errorf("a secret from a file: %v", a)
	}
	if a := must("", "provider", "add", "shop", "acme", "--kind", "oidc", "--client-id", "x", "--issuer", "https://acme.example", "--profile", "first_name=given_name", "--trust-email"); a["trust_email"] != true || a["secret_given"] != false {
		t.Errorf("any OpenID provider: %v", a)
	}
	must("", "provider", "add", "shop", "microsoftonline", "--client-id", "x")
	for _, wrong := range [][]string{
		{"add", "shop", "google", "--client-id", "x"}, {"add", "shop", "other", "--client-id", "x"}, {"add", "shop", "Bad", "--kind", "oidc"}, {"add", "shop", "o2", "--kind", "oidc", "--client-id", "x"},
		{"set", "shop", "nobody"}, {"remove", "shop", "nobody"}, {"add", "nobody", "google"}, {"set", "shop", "acme", "--profile", "x"}, {"set", "shop", "acme", "--secret-stdin"}, {"set", "shop", "acme", "--secret-stdin", "--secret-file", file},
		{"set", "shop", "acme", "--issuer", "http://acme.example"},
	} {
		if status, _, out := run("", append([]string{"provider"}, wrong...)...); status == 0 || strings.TrimSpace(out) == "" {
			t.Errorf("law: what cannot be is refused, and why is said; %v was not", wrong)
		}
	}
	samlProviders(t, must, run)
	must("", "provider", "remove", "shop", "google")
	if _, _, out := run("", "provider", "list", "shop"); strings.Contains(out, `"google"`) || !strings.Contains(out, `"acme"`) || !strings.Contains(out, `"microsoft"`) {
		t.Errorf("what is left: %s", out)
	}
}
