package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
	"pgregory.net/rapid"

	"github.com/gatehouse-id/gatehouse/internal/config"
	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/store"
)

func TestEveryCodeHasItsHint(t *testing.T) {
	table := hintsByCode()
	for _, code := range core.Codes() {
		if _, ok := table[code]; !ok {
			t.Errorf("law: every error of the catalogue has a line in hintsByCode; %s has none", code)
		}
	}
	if len(table) != len(core.Codes()) {
		t.Error("law: hintsByCode has no lines but those of the catalogue")
	}
}

func TestErrorsAreASentenceAndAHint(t *testing.T) {
	for _, c := range []struct {
		err            error
		sentence, hint string
	}{
		{core.Fail(core.CodeTaken, "This key exists already."), "this key exists already", "Choose another"},
		{core.Invalid(core.Problem{Detail: "A thing is wrong."}, core.Problem{Detail: "Another is."}), "a thing is wrong. Another is", "--help"},
		{&core.Error{Code: core.CodeUnavailable, Detail: "The database cannot.", Cause: errors.New("disk full")}, "the database cannot: disk full", "doctor"},
		{&core.Error{Code: core.CodeConflict}, "conflict", "try again"},
		{fmt.Errorf("open: %w", store.ErrWrongMaster), "open: the master key does not open this database", "GATEHOUSE_MASTER_KEY"},
		{fmt.Errorf("%w: fsync is off", store.ErrUnsafe), "the database does not keep what it acknowledges: fsync is off", "--unsafe-durability"},
		{fmt.Errorf("%w: 2 is missing", store.ErrSchema), "the database's schema does not fit this program: 2 is missing", "gatehouse migrate up"},
		{fmt.Errorf("cannot listen: %w", syscall.EADDRINUSE), "cannot listen: address already in use", "--listen"},
		{&config.Error{Sentence: "no key", Hint: "Make one."}, "no key", "Make one."},
		{&config.Error{Sentence: "no key"}, "no key", "docs/config.md"},
		{fail("Do it.", "JSON is missing"), "JSON is missing", "Do it."},
		{errors.Join(errors.New("one"), errors.New("two")), "one; two", "doctor"},
	} {
		if got := sentence(c.err); got != c.sentence {
			t.Errorf("law: an error is printed as one sentence; got %q, want %q", got, c.sentence)
		}
		if got := hintFor(c.err); !strings.Contains(got, c.hint) {
			t.Errorf("law: an error comes with what to do about it; %q has %q, want something about %q", c.sentence, got, c.hint)
		}
	}
}

func everyCommand(root *cobra.Command, visit func(*cobra.Command)) {
	visit(root)
	for _, child := range root.Commands() {
		everyCommand(child, visit)
	}
}

func TestEveryCommandExplainsItself(t *testing.T) {
	root := (&console{}).root()
	everyCommand(root, func(cmd *cobra.Command) {
		if cmd.Short == "" || !strings.HasSuffix(cmd.Short, ".") {
			t.Errorf("law: every command says what it does in a sentence; %s says %q", cmd.CommandPath(), cmd.Short)
		}
		words := strings.Fields(cmd.Example)
		at := slices.Index(words, "gatehouse")
		if at < 0 {
			t.Errorf("law: every command has an example; %s has none", cmd.CommandPath())
			return
		}
		found, _, err := root.Find(words[at+1:])
		if err != nil || cmd.HasParent() && found != cmd && found.Parent() != cmd {
			t.Errorf("law: the example of %s is one of it; it is one of %s", cmd.CommandPath(), found.CommandPath())
		}
	})
}

func TestEveryFlagOfConfigurationHasItsKey(t *testing.T) {
	keys := make(map[string]bool)
	for _, line := range config.Table() {
		keys[line.Key] = true
		keys[line.Key+"_file"] = line.Secret
	}
	flags := make(map[string]bool)
	everyCommand((&console{}).root(), func(cmd *cobra.Command) {
		for flag := range flagKeys() {
			flags[flag] = flags[flag] || cmd.Flags().Lookup(flag) != nil || cmd.PersistentFlags().Lookup(flag) != nil
		}
	})
	for flag, key := range flagKeys() {
		if !keys[key] || !flags[flag] {
			t.Errorf("law: --%s is a flag of some command, and sets a key of the configuration", flag)
		}
	}
}

func TestChecksHaveNamesOfTheirOwn(t *testing.T) {
	names := make(map[string]bool)
	for _, c := range checks() {
		if names[c.name] {
			t.Errorf("law: no two checks have one name; %s is used twice", c.name)
		}
		names[c.name] = true
	}
}

func TestPresetsAreGoodSettings(t *testing.T) {
	for name, preset := range presets() {
		if _, _, err := (core.Overrides{}).With(preset()); err != nil {
			t.Errorf("law: every preset can be set; %s: %v", name, err)
		}
	}
}

// odd is settings other than the defaults: one for every line of the table.
func odd() map[string]string {
	return map[string]string{
		"display_name": `"Le \"Café\" = #1"`, "disclaimer": `"One\n\n[Two](https://a.example)\n"`, "signin.remember_username": `"offered"`, "signup.enabled": `false`, "signup.verify_email": `false`, "signup.domains_mode": `"allow"`, "signup.domains": `["example.org","*.example.net"]`,
		"access.addresses": `["192.0.2.1"]`,
		"signup.phone":     `true`, "accounts.conceal": `true`, "username.format": `"phone"`, "username.match_case": `true`,
		"passkey.allow_fallback": `false`, "passkey.rp_id": `"example.org"`, "signin.primary": `["magic_link"]`, "signin.secondary": `["email_otp"]`, "signin.skip_secondary": `["magic_link","password"]`, "signin.require_secondary": `true`,
		"signin.remember_device": `"device_and_address"`, "signin.remember_device_life": `"48h"`, "signin.remember_device_most": `3`,
		"oauth.scopes": `[{"name":"reports:read","label":"\"Reports\"","description":"a = b","consent":true}]`, "oauth.claims": `[{"name":"plan","field":"plan","scope":"reports:read","tokens":["id","access"]}]`, "oauth.audience": `["https://api.example.org"]`, "oauth.code_life": `"30s"`, "oauth.client_token_life": `"10m"`, "oauth.secret_life": `"2160h"`, "redirects.default_oauth": `"https://a.example/cb"`,
		"signin.providers":  `[{"name":"acme","kind":"saml","issuer":"urn:acme","saml":{"sign_in_url":"https://idp.acme.example/sso","certificates":["-----BEGIN CERTIFICATE-----\nMIIBizCCATGgAwIBAgIUH7tw6rkyIttxp0snfmAnow2xZAEwCgYIKoZIzj0EAwIw\nGjEYMBYGA1UEAwwPaWRwLmV4YW1wbGUub3JnMCAXDTI2MTEyMjEyMDUzNloYDzIx\nMjYxMDI5MTIwNTM2WjAaMRgwFgYDVQQDDA9pZHAuZXhhbXBsZS5vcmcwWTATBgcq\nhkjOPQIBBggqhkjOPQMBBwNCAARuKUA2NAMi4bxi5pahA2OQVNCL1jTNzASdo56P\nRJkn7Vwy9CcuVXy/fcZ7Rn6hwN+2kePTTvc8gFbWQCfcQUiOo1MwUTAdBgNVHQ4E\nFgQUJDSkx1yNAm2kNJyCyNf+ptA9waswHwYDVR0jBBgwFoAUJDSkx1yNAm2kNJyC\nyNf+ptA9waswDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBlFIRx\nMO055qRnBiTqFDL3N44ti7rzZ7T0LVw/E5HdqAIhAKMWzQ4s8nIFQjYPR/rmmzQu\ns0Rn5DOX8lH6+6pQyOS4\n-----END CERTIFICATE-----\n"]}},{"name":"hub","kind":"github","client_id":"a","scopes":["b","c"],"profile":{"a":"name"},"disabled":true}]`,
		"signin.by_domain":  `{"*.example.net":{"signup.captcha":"altcha"},"example.org":{"signin.primary":["password","magic_link"],"signup.enabled":true}}`,
		"password.breached": `false`, "password.breached_service": `true`, "password.breached_unchecked": `"refuse"`, "password.breached_signin": `true`,
		"signup.captcha": `"turnstile"`, "signup.captcha_site_key": `"0x4AAA"`, "signup.captcha_cost": `2000`, "signup.captcha_min_score": `50`, "signup.captcha_hostnames": `["example.org"]`, "signup.captcha_action": `"signup"`,
		"brand.logo": `"https://a.example/logo.svg?v=1&w=2"`, "brand.logo_height": `24`, "brand.show_name": `false`, "brand.icon": `"https://a.example/icon.png"`, "brand.background": `"https://b.example/b.jpg"`, "brand.link": `"https://a.example/"`, "brand.support": `"help@a.example"`,
		"brand.colors": `{"accent":"#8a1c5c"}`, "brand.dark_colors": `{"card":"#101010","on_accent":"#000000"}`, "brand.corners": `4`, "brand.font": `"mono"`, "brand.texts": `{"password_heading":"It's you","start_heading":"Hi \"there\""}`,
		"totp.issuer": `"Us"`, "one_time.methods": `["sms_otp"]`,
		"code.life": `"1m"`, "code.resend_after": `"45s"`,
		"redirects.allowed": `["https://a.example/b?c=d","app.example:/e"]`, "redirects.default": `"app.example:/e"`, "redirects.default_signup": `"app.example:/e"`, "redirects.default_signin": `"app.example:/e"`,
		"redirects.default_verify_email": `"app.example:/e"`, "redirects.default_reset_password": `"app.example:/e"`, "redirects.default_logout": `"app.example:/e"`,
		"password.min_length": `9`, "password.max_length": `100`, "password.lower": `1`, "password.upper": `2`, "password.digits": `3`, "password.symbols": `4`,
		"password.blocklist": `false`, "password.change_ends_sessions": `false`, "password.max_age": `"2160h"`, "password.encrypted": `false`, "graphql.introspection": `false`,
		"lockout.enabled": `false`, "lockout.failures": `7`, "lockout.first_delay": `"2s"`, "lockout.longest_delay": `"1h"`, "lockout.most": `50`, "lockout.window": `"24h"`,
		"budget.tries_per_minute": `0`, "budget.tries_per_hour": `1`, "budget.flows_per_minute": `2`, "budget.mails_per_hour": `3`,
		"budget.mails_to_one_per_hour": `0`, "budget.mails_to_one_per_day": `4`, "budget.mails_per_day": `5`,
		"flow.life": `"10m"`, "link.life": `"11m"`, "link.resend_after": `"0s"`, "login_code.life": `"30s"`, "invitation.life": `"24h"`,
		"agreements.required": `["privacy","terms"]`,
		"token.user_life":     `"1h30m"`, "token.refresh_life": `"100h"`, "token.refresh_grace": `"0s"`, "token.refresh_requires_user_token": `true`,
		"token.format": `"jwt"`, "token.issuer": `"https://id.example.org"`, "token.key_life": `"720h"`, "key.service_life": `"2160h"`, "audit.retention": `"48h"`, "groups.shown": `7`,
		"profile.fields": `[{"id":"a","label":"A","type":"string","required":true,"at_signup":true},{"id":"b","label":"B","type":"date"}]`,
		"mail.from_name": `"Us"`, "mail.from_address": `"us@example.org"`,
		"mail.templates":        `{"reset_password":{"subject":"S","text":"a\n\"\"\"b\\\n\tc\r\n","html":"<p>\n"},"verify_email":{"text":"\n"}}`,
		"budget.texts_per_hour": `3`, "budget.texts_to_one_per_hour": `0`, "budget.texts_to_one_per_day": `4`, "budget.texts_per_day": `5`,
		"sms.sender": `"twilio"`, "sms.from": `"+18085550173"`, "sms.twilio_account": `"AC0123456789abcdef0123456789abcdef"`, "sms.webhook_url": `"http://localhost:1/x"`, "sms.countries": `["DE","US"]`,
		"risk.addresses": `"record"`, "risk.addresses_denied": `["192.0.2.1 - 192.0.2.9"]`, "risk.addresses_allowed": `["2001:db8::/32"]`, "risk.domains_signup": `"block"`, "risk.domains_signin": `"record"`,
		"risk.domains_denied": `["*.example.org"]`, "risk.domains_allowed": `["example.net"]`, "risk.embargo_signup": `"block"`, "risk.embargo_signin": `"second_factor"`, "risk.embargo_countries": `["CU","SY"]`,
		"risk.new_country": `"second_factor"`, "risk.travel": `"block"`, "risk.travel_speed": `800`,
	}
}

func TestEverySettingGoesThroughAFile(t *testing.T) {
	values := core.Overrides{}
	for key, value := range odd() {
		values[key] = json.RawMessage(value)
	}
	for _, line := range core.SettingsTable() {
		if values[line.Key] == nil || bytes.Equal(values[line.Key], line.Default()) {
			t.Errorf("law: this test has a value other than the default for every setting; %s has none", line.Key)
		}
	}
	roundTrip(t, values)
	roundTrip(t, core.Overrides{})
	roundTrip(t, core.Overrides{"redirects.allowed": json.RawMessage(`[]`), "profile.fields": json.RawMessage(`[]`), "mail.templates": json.RawMessage(`{}`)})
}

// TestEveryTemplateGoesThroughAFile tries texts that nobody would write.
func TestEveryTemplateGoesThroughAFile(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune("\"\\'\n\r\tab#= \u007f\u0001"))))
		raw, err := json.Marshal(map[string]core.MailTemplate{
			rapid.StringN(1, 10, -1).Draw(t, "name"): {Text: text.Draw(t, "text"), HTML: text.Draw(t, "html")},
		})
		if err != nil {
			t.Fatal(err)
		}
		roundTrip(t, core.Overrides{"mail.templates": raw})
	})
}

// roundTrip writes settings to a file and reads them back.
func roundTrip(t interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}, values core.Overrides,
) {
	t.Helper()
	values, _, err := core.Overrides{}.With(values)
	if err != nil {
		t.Fatal(err)
	}
	text, err := writePoolFile("pol_x", "demo", values)
	if err != nil {
		t.Fatal(err)
	}
	id, name, read, err := readPoolFile(text)
	if err != nil || id != "pol_x" || name != "demo" {
		t.Fatalf("law: what is exported can be applied; got %q, %q, %v from\n%s", id, name, err, text)
	}
	read, _, err = core.Overrides{}.With(read)
	if err != nil {
		t.Fatalf("law: what is exported can be applied; got %v from\n%s", err, text)
	}
	if changes := differences(values, read); len(changes) != 0 {
		t.Fatalf("law: a file of settings reads back the same; %s differs:\n%s\n%s\nfrom\n%s", changes[0].Key, changes[0].Old, changes[0].New, text)
	}
}
