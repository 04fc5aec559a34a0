package core

import (
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestEverySettingHasOneLine compares addresses: a line's field function gives
// a pointer into the settings, and each field has to be pointed at once.
func TestEverySettingHasOneLine(t *testing.T) {
	var s Settings
	lines := make(map[uintptr][]string)
	keys := make(map[string]bool)
	for _, line := range SettingsTable() {
		pointer := reflect.ValueOf(line.field(&s))
		lines[pointer.Pointer()] = append(lines[pointer.Pointer()], line.Key)
		if keys[line.Key] {
			t.Errorf("law: a key stands once in the table; %s stands twice", line.Key)
		}
		keys[line.Key] = true
		if line.Key == "" || line.Type == "" || !strings.HasSuffix(line.Meaning, ".") {
			t.Errorf("law: every line says its key, type and meaning; %+v does not", line.Key)
		}
		if strings.ToLower(line.Key) != line.Key || strings.ContainsAny(line.Key, " /~-") {
			t.Errorf("law: a key is lower-case words with dots; %q is not", line.Key)
		}
	}
	value := reflect.ValueOf(&s).Elem()
	for i := range value.NumField() {
		at := value.Field(i).Addr().Pointer()
		if name := value.Type().Field(i).Name; len(lines[at]) != 1 {
			t.Errorf("law: each field of Settings has one line in SettingsTable; %s has %v", name, lines[at])
		}
		delete(lines, at)
	}
	for _, stray := range lines {
		t.Errorf("law: each line points at a field of Settings; %v does not", stray)
	}
}

func TestDefaultsPassTheirOwnChecks(t *testing.T) {
	s := DefaultSettings()
	all := Overrides{}
	for _, line := range SettingsTable() {
		if line.check != nil {
			if err := line.check(&s); err != nil {
				t.Errorf("law: a default is possible; %s %v", line.Key, err)
			}
		}
		all[line.Key] = line.Default()
	}
	set, got, err := Overrides{}.With(all)
	if err != nil || !reflect.DeepEqual(got.CheckPassword("password", ""), s.CheckPassword("password", "")) {
		t.Fatalf("law: the defaults can be set; %v", fields(err))
	}
	for _, line := range SettingsTable() {
		if string(set[line.Key]) != string(line.Default()) {
			t.Errorf("law: setting a default stores it as it is; %s became %s from %s", line.Key, set[line.Key], line.Default())
		}
	}
	built, err := Overrides(nil).Settings()
	if err != nil || !reflect.DeepEqual(built, s) {
		t.Errorf("law: no overrides mean the defaults; %v", err)
	}
}

// other holds a value for each setting that is not its default, in the form in
// which it is stored.
func other() map[string]string {
	return map[string]string{
		"display_name": `"Ünser Laden & Co."`, "disclaimer": `"One\n\nTwo [terms](https://a.example)\r\n"`, "signin.remember_username": `"checked"`, "signup.enabled": `false`, "signup.verify_email": `false`, "signup.domains_mode": `"deny"`, "signup.domains": `["example.org","*.Bücher.example"]`,
		"signup.phone": `true`, "accounts.conceal": `true`, "username.format": `"string"`, "username.match_case": `true`,
		"passkey.allow_fallback": `false`, "passkey.rp_id": `"example.org"`, "signin.primary": `["email_otp","password"]`, "signin.secondary": `["email_otp"]`, "signin.skip_secondary": `["email_otp"]`, "signin.require_secondary": `true`,
		"signin.remember_device": `"device_and_address"`, "signin.remember_device_life": `"48h"`, "signin.remember_device_most": `3`,
		"signin.providers":  `[{"name":"google","kind":"google","client_id":"1.apps.example","trust_email":true},` + samlProvider() + `]`,
		"signin.by_domain":  `{"*.example.org":{},"example.org":{"signin.primary":["password"],"signup.enabled":true}}`,
		"password.breached": `false`, "password.breached_service": `true`, "password.breached_unchecked": `"refuse"`, "password.breached_signin": `true`,
		"signup.captcha": `"recaptcha"`, "signup.captcha_site_key": `"6Lc_x-1"`, "signup.captcha_cost": `1000`, "signup.captcha_min_score": `70`, "signup.captcha_hostnames": `["example.org","localhost"]`, "signup.captcha_action": `"signup"`,
		"brand.logo": `"https://a.example/logo.svg?v=1"`, "brand.logo_height": `48`, "brand.show_name": `false`, "brand.icon": `"https://a.example/icon.png"`, "brand.background": `"https://b.example/b.jpg"`, "brand.link": `"https://a.example/"`, "brand.support": `"help@a.example"`,
		"brand.colors": `{"accent":"#8a1c5c","ground":"#fff8f0"}`, "brand.dark_colors": `{"card":"#101010"}`, "brand.corners": `0`, "brand.font": `"serif"`, "brand.texts": `{"start_heading":"Hi","code_button":"Go"}`,
		"totp.issuer": `"Laden"`, "one_time.methods": `["email_otp","password"]`,
		"code.life": `"3m"`, "code.resend_after": `"0s"`,
		"access.addresses":  `["192.0.2.1","2001:db8::/32","192.0.2.3 - 192.0.2.9"]`,
		"redirects.allowed": `["https://a.example/cb","com.example.app:/cb"]`, "redirects.default": `"https://a.example/cb"`, "redirects.default_signup": `"https://a.example/cb"`, "redirects.default_signin": `"com.example.app:/cb"`,
		"redirects.default_verify_email": `"https://a.example/cb"`, "redirects.default_reset_password": `"https://a.example/cb"`, "redirects.default_logout": `"https://a.example/cb"`,
		"password.min_length": `12`, "password.max_length": `1024`, "password.lower": `1`, "password.upper": `2`, "password.digits": `3`, "password.symbols": `4`,
		"password.blocklist": `false`, "password.change_ends_sessions": `false`, "password.max_age": `"2160h"`,
		"lockout.enabled": `false`, "lockout.failures": `9`, "lockout.first_delay": `"1m30s"`, "lockout.longest_delay": `"24h"`, "lockout.most": `9`, "lockout.window": `"15m"`,
		"budget.tries_per_minute": `0`, "budget.tries_per_hour": `1`, "budget.flows_per_minute": `1000000000`, "budget.mails_per_hour": `2`,
		"budget.mails_to_one_per_hour": `0`, "budget.mails_to_one_per_day": `3`, "budget.mails_per_day": `4`,
		"password.encrypted": `false`, "graphql.introspection": `false`,
		"flow.life": `"1h"`, "link.life": `"10m"`, "link.resend_after": `"0s"`, "login_code.life": `"1s"`, "invitation.life": `"48h"`,
		"token.user_life": `"5m"`, "token.refresh_life": `"8760h"`, "token.refresh_grace": `"0s"`, "token.refresh_requires_user_token": `true`,
		"token.format": `"jwt"`, "token.issuer": `"https://id.example.org"`, "token.key_life": `"168h"`, "key.service_life": `"720h"`, "audit.retention": `"48h"`,
		"profile.fields":      `[{"id":"first_name","label":"First name","type":"string","required":true,"at_signup":true},{"id":"b","label":"B","type":"date"}]`,
		"agreements.required": `["privacy"]`, "groups.shown": `0`,
		"mail.from_name": `"Laden"`, "mail.from_address": `"post@example.org"`,
		"mail.templates":        `{"verify_email":{"subject":"Hi","text":"{{link}}"}}`,
		"budget.texts_per_hour": `2`, "budget.texts_to_one_per_hour": `0`, "budget.texts_to_one_per_day": `3`, "budget.texts_per_day": `4`,
		"sms.sender": `"webhook"`, "sms.from": `"Laden"`, "sms.twilio_account": `"AC0123456789abcdef0123456789ABCDEF"`, "sms.webhook_url": `"https://a.example/texts?a=b"`, "sms.countries": `["DE","GB"]`,
		"risk.addresses": `"block"`, "risk.addresses_denied": `["192.0.2.0/24"]`, "risk.addresses_allowed": `["2001:db8::1 - 2001:db8::9"]`, "risk.domains_signup": `"record"`, "risk.domains_signin": `"second_factor"`,
		"risk.domains_denied": `["*.example.org"]`, "risk.domains_allowed": `["example.net"]`, "risk.embargo_signup": `"block"`, "risk.embargo_signin": `"record"`, "risk.embargo_countries": `["AQ"]`,
		"risk.new_country": `"second_factor"`, "risk.travel": `"block"`, "risk.travel_speed": `900`,
		"oauth.scopes":   `[{"name":"reports:read","label":"Reports","description":"Read your reports.","consent":true},{"name":"email","consent":true}]`,
		"oauth.claims":   `[{"name":"plan","field":"plan","tokens":["id","access"]},{"name":"company","field":"org","scope":"reports:read","tokens":["access"]}]`,
		"oauth.audience": `["https://api.example.org"]`, "oauth.code_life": `"30s"`, "oauth.client_token_life": `"10m"`, "oauth.secret_life": `"2160h"`, "redirects.default_oauth": `"https://a.example/cb"`,
	}
}

func TestEverySettingRoundTrips(t *testing.T) {
	values := other()
	all := Overrides{}
	for _, line := range SettingsTable() {
		raw, ok := values[line.Key]
		if !ok {
			t.Errorf("this test has no value for %s", line.Key)
			continue
		}
		if raw == string(line.Default()) {
			t.Errorf("this test's value for %s is the default", line.Key)
		}
		all[line.Key] = json.RawMessage(raw)
	}
	set, s, err := Overrides{}.With(all)
	if err != nil {
		t.Fatalf("law: possible values can be set together; %v", fields(err))
	}
	stored, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	var read Overrides
	if err := json.Unmarshal(stored, &read); err != nil {
		t.Fatal(err)
	}
	again, err := read.Settings()
	if err != nil || !reflect.DeepEqual(again, s) {
		t.Errorf("law: settings come back as they were stored; %v", err)
	}
	for _, line := range SettingsTable() {
		var compact, wanted any
		if json.Unmarshal(line.Value(s), &compact) != nil || json.Unmarshal([]byte(values[line.Key]), &wanted) != nil || !reflect.DeepEqual(compact, wanted) {
			t.Errorf("law: a setting's value is what was set; %s is %s in place of %s", line.Key, line.Value(s), values[line.Key])
		}
	}
	// Null goes back to the default, one by one and all together.
	back := maps.Clone(set)
	for key := range set {
		back[key] = json.RawMessage(" null ")
	}
	empty, s, err := set.With(back)
	if err != nil || len(empty) != 0 || !reflect.DeepEqual(s, DefaultSettings()) {
		t.Errorf("law: null goes back to the default; %v are left (%v)", slices.Sorted(maps.Keys(empty)), err)
	}
	if len(set) != len(all) {
		t.Errorf("law: With leaves its receiver alone; %d of %d are left", len(set), len(all))
	}
}

func TestImpossibleSettingsAreRefused(t *testing.T) {
	long := `"` + strings.Repeat("x", 101) + `"`
	cases := map[string][]string{
		"display_name":             {`1`, `true`, `[]`, long, `"a\nb"`, `"a\u0000b"`, `"a\u202eb"`},
		"signup.enabled":           {`"true"`, `1`, `[]`},
		"signup.verify_email":      {`"no"`, `0`},
		"signup.domains_mode":      {`""`, `"Allow"`, `true`, `"whitelist"`},
		"signup.domains":           {`"example.org"`, `[""]`, `["*"]`, `["*."]`, `["org"]`, `["@example.org"]`, `["a@example.org"]`, `["a.*.org"]`, `["*.*.example.org"]`, `["example.org."]`, `["https://example.org"]`, `["192.0.2.1"]`, `[null]`, many(1001)},
		"access.addresses":         {`"192.0.2.1"`, `[""]`, `["192.0.2"]`, `["192.0.2.1/33"]`, `["192.0.2.9 - 192.0.2.1"]`, `["192.0.2.1 - 2001:db8::1"]`, `["192.0.2.1-"]`, `["1 - 2 - 3"]`, `["::ffff:192.0.2.0/90"]`, `["fe80::1%eth0"]`, `["example.org"]`, `[null]`, many(501)},
		"redirects.allowed":        {`"https://a.example"`, `[1]`, `["http://a.example"]`, `["javascript:alert(1)"]`, `[""]`, `[null]`, `["https://a.example/#x"]`, many(501)},
		"redirects.default":        {`1`, `"https://not-registered.example"`},
		"redirects.default_signup": {`1`, `"https://not-registered.example"`}, "redirects.default_signin": {`1`, `"javascript:alert(1)"`}, "redirects.default_verify_email": {`null x`, `"https://not-registered.example"`},
		"redirects.default_reset_password": {`[]`, `"/"`}, "redirects.default_logout": {`1`, `"https://not-registered.example"`},
		"signup.phone": {`"yes"`, `1`}, "accounts.conceal": {`"yes"`, `1`},
		"username.format": {`"name"`, `""`, `1`, `["email"]`}, "username.match_case": {`"yes"`, `1`},
		"one_time.methods":       {`["totp"]`, `["magic_link"]`, `["password","password"]`, `"password"`, `true`},
		"signin.primary":         {`[]`, `["nothing"]`, `["password","password"]`, `"password"`, `[1]`, `[""]`},
		"passkey.allow_fallback": {`"yes"`, `1`}, "passkey.rp_id": {`1`, `"org"`, `"Example.org"`, `"https://example.org"`, `"example.org:443"`, `"127.0.0.1"`, `"b\u00fccher.example"`, `"example.org/"`},
		"signin.secondary":      {`["password"]`, `["sms_otp","sms_otp"]`, `["magic_link"]`, `["email_otp","email_otp"]`, `"email_otp"`},
		"signin.skip_secondary": {`["nothing"]`, `["password","password"]`, `true`}, "signin.require_secondary": {`"yes"`, `1`, `true`},
		"signin.providers": impossibleProviders(),
		"oauth.scopes":     {`{}`, `["a"]`, `[{}]`, `[{"name":"a b"}]`, `[{"name":"a\"b"}]`, `[{"name":"\u00e9"}]`, `[{"name":"a"},{"name":"a"}]`, `[{"name":"a","label":"b\nc"}]`, `[{"name":"openid","consent":true}]`, `[{"name":"a","more":1}]`},
		"oauth.claims": {`{}`, `[{}]`, `[{"name":"plan","field":"plan"}]`, `[{"name":"plan","field":"plan","tokens":[]}]`, `[{"name":"plan","field":"plan","tokens":["both"]}]`, `[{"name":"plan","field":"plan","tokens":["id","id"]}]`, `[{"name":"plan","field":"","tokens":["id"]}]`,
			`[{"name":"sub","field":"plan","tokens":["id"]}]`, `[{"name":"a.b","field":"plan","tokens":["id"]}]`, `[{"name":"plan","field":"plan","scope":"unknown","tokens":["id"]}]`, `[{"name":"a","field":"b","tokens":["id"]},{"name":"a","field":"c","tokens":["id"]}]`},
		"oauth.audience": {`"https://api.example.org"`, `[""]`, `["a","a"]`, `["a\nb"]`, `[1]`}, "oauth.code_life": {`"0s"`, `"11m"`, `60`}, "oauth.client_token_life": {`"59s"`, `"8761h"`}, "oauth.secret_life": {`"59m"`, `"-1h"`},
		"redirects.default_oauth": {`1`, `"javascript:alert(1)"`, `"http://a.example"`},
		"signin.remember_device":  {`"on"`, `true`, `""`}, "signin.remember_device_life": {`"23h"`, `"721h"`, `30`}, "signin.remember_device_most": {`0`, `101`, `"2"`},
		"signin.by_domain": {`[]`, `"example.org"`, `{"example.org":[]}`, `{"example.org":{"token.format":"jwt"}}`, `{"example.org":{"signin.by_domain":{}}}`, `{"example.org":{"signin.primary":[]}}`, `{"example.org":{"signin.primary":null}}`, `{"example.org":{"signin.primary":"password"}}`,
			`{"example.org":{"signin.require_secondary":true}}`, `{"example.org":{"signup.captcha":"recaptcha"}}`, `{"example.org":{"signin.primary":["password","email_otp"],"signin.secondary":["email_otp"]}}`,
			`{"Example.org":{}}`, `{"b\u00fccher.example":{}}`, `{"org":{}}`, `{"*":{}}`, `{"":{}}`, `{"*.*.example.org":{}}`, `{"ana@example.org":{}}`},
		"password.breached": {`"on"`, `1`}, "password.breached_service": {`"on"`, `0`}, "password.breached_unchecked": {`""`, `true`, `"Accept"`}, "password.breached_signin": {`"on"`, `1`},
		"signup.captcha": {`"recaptcha"`, `"hcaptcha"`, `"turnstile"`, `""`, `"Altcha"`, `true`}, "signup.captcha_site_key": {`1`, `"a b"`, `"a\"b"`, `"a<b"`, `"` + strings.Repeat("x", 201) + `"`},
		"signup.captcha_cost": {`999`, `10000001`, `"1000"`}, "signup.captcha_min_score": {`-1`, `101`, `0.5`}, "signup.captcha_hostnames": {`[""]`, `["*.example.org"]`, `["https://example.org"]`, `"example.org"`, many(101)}, "signup.captcha_action": {`1`, `"sign up"`},
		"brand.logo": {`1`, `"http://a.example/x"`, `"javascript:alert(1)"`, `"//a.example/x"`, `"https://u@a.example/x"`, `"https://a.example/')x"`, `"https://a.example/\"x"`, `"https://a.example/a;b"`, `"data:image/png;base64,AA=="`}, "brand.logo_height": {`15`, `161`, `"36"`}, "brand.show_name": {`"yes"`, `1`},
		"brand.icon": {`"http://a.example/x"`, `"x"`}, "brand.background": {`"https://a.example/x)y"`, `"url(x)"`}, "brand.link": {`"javascript:alert(1)"`, `"com.example:/x"`}, "brand.support": {`"x"`, `1`, `"a@b@c"`},
		"brand.colors":      {`[]`, `{"accent":"red"}`, `{"accent":"#fff"}`, `{"accent":"#12345g"}`, `{"accent":"#1234567"}`, `{"nothing":"#000000"}`, `{"accent":"#ffff00"}`, `{"text":"#777777"}`, `{"on_accent":"#000000"}`, `{"accent":"#000000;}"}`},
		"brand.dark_colors": {`{"accent":"#222222"}`, `{"card":"#ffffff"}`, `{"a":"b"}`}, "brand.corners": {`-1`, `25`, `"0"`}, "brand.font": {`""`, `"Comic Sans"`, `1`}, "brand.texts": {`{"nothing":"x"}`, `{"start_heading":""}`, `{"start_heading":"a\nb"}`, `{"start_heading":1}`, `"x"`},
		"totp.issuer": {long, `"a:b"`, `"a\nb"`, `1`},
		"code.life":   {`"29s"`, `"11m"`}, "code.resend_after": {`"-1s"`, `"11m"`},
		"password.min_length": {`"8"`, `0`, `-1`, `129`, `8.5`, `1e9`, `99999999999999999999`},
		"password.max_length": {`63`, `1025`, `true`},
		"password.lower":      {`-1`, `33`, `"1"`},
		"password.upper":      {`-1`, `33`, `{}`},
		"password.digits":     {`-1`, `33`, `1.5`},
		"password.symbols":    {`-1`, `33`, `"x"`},
		"password.blocklist":  {`"on"`, `1`}, "password.change_ends_sessions": {`"on"`, `1`}, "signin.remember_username": {`""`, `"check"`, `true`},
		"disclaimer": {`1`, `[]`, `"a\u0000b"`, `"a\u202eb"`, `"a\rb"`, `"` + strings.Repeat("x", 10241) + `"`}, "password.max_age": {`"-24h"`, `"1s"`, `"90d"`, `90`, `"87601h"`},
		"lockout.failures":    {`0`, `101`, `"5"`},
		"lockout.first_delay": {`0`, `1000000000`, `"0s"`, `"1ms"`, `"25h"`, `"-1s"`, `"soon"`, `""`, `"1"`},
		"lockout.enabled":     {`"on"`, `1`}, "lockout.most": {`4`, `101`, `"9"`}, "key.service_life": {`"-1s"`, `"59s"`, `"87601h"`, `0`}, "lockout.window": {`"-1s"`, `"721h"`, `15`},
		"budget.tries_per_minute": {`-1`, `1000000001`}, "budget.tries_per_hour": {`-1`, `"9"`}, "budget.flows_per_minute": {`-1`, `1.5`}, "budget.mails_per_hour": {`-1`, `true`},
		"budget.mails_to_one_per_hour": {`-1`, `1000000001`}, "budget.mails_to_one_per_day": {`-1`, `[]`}, "budget.mails_per_day": {`-1`, `"many"`},
		"password.encrypted": {`"on"`, `1`}, "graphql.introspection": {`"on"`, `1`},
		"lockout.longest_delay": {`"25h"`, `"999ms"`, `true`},
		"flow.life":             {`"59s"`, `"24h1s"`, `"1000000h"`, `"99999999999h"`}, "link.life": {`"59s"`, `"25h"`}, "link.resend_after": {`"-1s"`, `"61m"`},
		"login_code.life": {`"0s"`, `"11m"`}, "invitation.life": {`"59s"`, `"2161h"`}, "token.user_life": {`"1s"`, `"8761h"`}, "token.refresh_life": {`"1s"`, `"50000h"`}, "token.refresh_grace": {`"-1s"`, `"6m"`},
		"token.refresh_requires_user_token": {`"yes"`, `1`},
		"groups.shown":                      {`-1`, `1001`, `1.5`, `"all"`, `[]`},
		"agreements.required":               {`"terms"`, `["eula"]`, `["terms","terms"]`, `[1]`, `[null]`, `[""]`},
		"token.format":                      {`"JWT"`, `""`, `1`}, "token.issuer": {`1`, `"a\nb"`, `"` + strings.Repeat("x", 201) + `"`}, "audit.retention": {`"23h"`, `"180000h"`, `"-1s"`, `1`}, "token.key_life": {`"167h"`, `"20000h"`, `"-1s"`},
		"profile.fields": {`{}`, `"x"`, `[{"id":"A","label":"x","type":"string"}]`, `[{"id":"a","type":"string"}]`, `[{"id":"a","label":"x","type":"html"}]`, `[{"id":"a","label":"x","type":"string","more":1}]`,
			`[{"id":"a","label":"x","type":"string"},{"id":"a","label":"y","type":"string"}]`, `[null]`, `[{"id":"a/b","label":"x","type":"string"}]`, `[{"id":"a","label":"x\ny","type":"string"}]`},
		"mail.from_name":        {`1`, long, `"a\r\nBcc: x"`},
		"mail.from_address":     {`"not"`, `"A <a@b.example>"`, `1`, `"a@b.example\r\n"`},
		"mail.templates":        {`[]`, `{"a":1}`, `{"a":{"subject":"x\r\ny"}}`, `{"a":{"body":"x"}}`},
		"budget.texts_per_hour": {`-1`, `true`}, "budget.texts_to_one_per_hour": {`-1`, `1000000001`}, "budget.texts_to_one_per_day": {`-1`, `[]`}, "budget.texts_per_day": {`-1`, `"many"`},
		"sms.sender": {`""`, `"Twilio"`, `"twilio"`, `"webhook"`, `true`}, "sms.from": {`1`, `"a\nb"`, long}, "sms.twilio_account": {`"AC"`, `"AC0123456789abcdef0123456789abcdeg"`, `"../0123456789abcdef0123456789abcdef"`, `1`},
		"sms.webhook_url": {`"http://a.example"`, `"https://a:b@c.example"`, `"https://a.example/#x"`, `"https://"`, `"ftp://localhost"`, `"a.example"`, `"https://a.example/\r\n"`, `1`},
		"sms.countries":   {`"DE"`, `["de"]`, `["XX"]`, `["001"]`, `[""]`, `[null]`, `["DE","DE"]`},
		"risk.addresses":  {`""`, `"on"`, `true`}, "risk.addresses_denied": {`["192.0.2.1/33"]`, `["x"]`}, "risk.addresses_allowed": {`"192.0.2.1"`, `["fe80::1%eth0"]`},
		"risk.domains_signup": {`"Block"`, `1`}, "risk.domains_signin": {`"deny"`}, "risk.domains_denied": {`["org"]`, `[null]`}, "risk.domains_allowed": {`["*"]`, `"example.org"`},
		"risk.embargo_signup": {`"yes"`}, "risk.embargo_signin": {`null x`, `"ask"`}, "risk.embargo_countries": {`"IR"`, `["ir"]`, `["XX"]`, `["ZZ"]`, `["EU"]`, `["IRN"]`, `["001"]`, `["IR","IR"]`, `[null]`},
		"risk.new_country": {`"new"`, `true`}, "risk.travel": {`"fast"`, `1`}, "risk.travel_speed": {`0`, `-1`, `100001`, `1.5`, `"900"`},
		"no.such.setting": {`1`, `null`}, "": {`1`}, "Display_Name": {`"x"`}, "a/b~c": {`1`},
	}
	for _, line := range SettingsTable() {
		if len(cases[line.Key]) == 0 {
			t.Errorf("this test has no impossible value for %s", line.Key)
		}
		// Every type refuses what is not one JSON value.
		cases[line.Key] = append(cases[line.Key], ``, `{`, `nul`, "\xff", string(line.Default())+` 1`, string(line.Default())+`]`)
	}
	before := Overrides{"display_name": json.RawMessage(`"before"`)}
	for key, values := range cases {
		for _, raw := range values {
			// A possible change at its side must not get through either.
			change := Overrides{"mail.from_name": json.RawMessage(`"bystander"`)}
			change[key] = json.RawMessage(raw)
			next, s, err := before.With(change)
			var refused *Error
			if !errors.As(err, &refused) || refused.Code != CodeInvalid {
				t.Errorf("law: an impossible setting is invalid; %s = %q gave %v", key, raw, err)
				continue
			}
			if !slices.ContainsFunc(refused.Fields, func(p Problem) bool { return p.Pointer == "/"+PointerToken(key) }) {
				t.Errorf("law: a problem points at its key; %s = %q gave %+v", key, raw, refused.Fields)
			}
			for _, p := range refused.Fields {
				if p.Code == "" || p.Detail == "" {
					t.Errorf("law: a problem says what is wrong; %s = %q gave %+v", key, raw, p)
				}
			}
			if next != nil || !reflect.DeepEqual(s, Settings{}) || len(before) != 1 || string(before["display_name"]) != `"before"` {
				t.Errorf("law: a refused change changes nothing; %s = %q left %v", key, raw, before)
			}
		}
	}
}

func many(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = "https://a.example/cb"
	}
	raw, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return string(raw)
}

func TestSettingsThatDependOnEachOther(t *testing.T) {
	for law, c := range map[string]struct {
		before, change Overrides
		pointers       []string
	}{
		"every impossible key is told at once": {nil, Overrides{"nope": json.RawMessage(`1`), "signup.enabled": json.RawMessage(`1`)}, []string{"/nope", "/signup.enabled"}},
		"the least length is not above the greatest": {Overrides{"password.max_length": json.RawMessage(`64`)}, Overrides{"password.min_length": json.RawMessage(`100`)},
			[]string{"/password.max_length"}},
		"the first delay is not above the longest": {nil, Overrides{"lockout.first_delay": json.RawMessage(`"1h"`)}, []string{"/lockout.longest_delay"}},
		"every default address stays registered": {Overrides{"redirects.allowed": json.RawMessage(`["https://a.example"]`), "redirects.default_signup": json.RawMessage(`"https://a.example"`)},
			Overrides{"redirects.allowed": json.RawMessage(`[]`)}, []string{"/redirects.default_signup"}},
		"the default address stays registered": {Overrides{"redirects.allowed": json.RawMessage(`["https://a.example"]`), "redirects.default": json.RawMessage(`"https://a.example"`)},
			Overrides{"redirects.allowed": json.RawMessage(`[]`)}, []string{"/redirects.default"}},
	} {
		_, _, err := c.before.With(c.change)
		var got []string
		for _, p := range fields(err) {
			got = append(got, p.Pointer)
		}
		if !slices.Equal(got, c.pointers) {
			t.Errorf("law: %s; the problems are at %v in place of %v", law, got, c.pointers)
		}
	}
	newer := Overrides{"from.the.future": json.RawMessage(`{"x":1}`), "display_name": json.RawMessage(`"x"`)}
	if s, err := newer.Settings(); err != nil || s.DisplayName != "x" {
		t.Errorf("law: keys of a newer program are passed over; got %v", err)
	}
	if next, _, err := newer.With(Overrides{"display_name": json.RawMessage(`"y"`)}); err != nil || string(next["from.the.future"]) != `{"x":1}` {
		t.Errorf("law: keys of a newer program stay; got %v, %v", next, err)
	}
}

func fields(err error) []Problem {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Fields
	}
	return nil
}

func TestDurationForms(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0s": 0, "1m30s": 90 * time.Second, "5h30m": 5*time.Hour + 30*time.Minute, "48h": 48 * time.Hour, "10m": 10 * time.Minute,
		"1h0m5s": time.Hour + 5*time.Second, "1.5s": 1500 * time.Millisecond, "10s": 10 * time.Second, "100h": 100 * time.Hour, "-1h": -time.Hour,
	} {
		text, err := Duration(d).MarshalText()
		var back Duration
		if err != nil || string(text) != want || back.UnmarshalText(text) != nil || time.Duration(back) != d {
			t.Errorf("law: a duration is written in its shortest form and read again; %v became %s and %v", d, text, time.Duration(back))
		}
	}
	var read Duration
	if err := read.UnmarshalText([]byte("90s")); err != nil || time.Duration(read) != 90*time.Second {
		t.Errorf("law: a longer form is read too; 90s gave %v, %v", time.Duration(read), err)
	}
}

// TestOneMailboxIsNotTwoFactors holds for every pool, and so it is with the
// program that computes codes.
func TestOneMailboxIsNotTwoFactors(t *testing.T) {
	for _, c := range []struct {
		primary, second, skip string
		possible              bool
	}{
		{`["password"]`, `["email_otp"]`, `[]`, true},
		{`["password","email_otp"]`, `["email_otp"]`, `[]`, false},
		{`["password","magic_link"]`, `["email_otp"]`, `["email_otp"]`, false},
		{`["password","magic_link"]`, `["email_otp"]`, `["magic_link"]`, true},
		{`["email_otp","magic_link"]`, `["email_otp"]`, `["magic_link","email_otp"]`, true},
		{`["magic_link","totp"]`, `["email_otp","totp"]`, `[]`, true},
		{`["password","totp"]`, `["totp"]`, `[]`, false},
		{`["password","totp"]`, `["totp"]`, `["totp"]`, true},
		{`["password","magic_link"]`, `["totp"]`, `[]`, true},
		// Nor is one telephone.
		{`["password"]`, `["sms_otp"]`, `[]`, true},
		{`["password","sms_otp"]`, `["sms_otp"]`, `[]`, false},
		{`["password","sms_otp"]`, `["sms_otp"]`, `["sms_otp"]`, true},
		{`["sms_otp","magic_link"]`, `["sms_otp","email_otp"]`, `[]`, true},
		{`["sms_otp","magic_link"]`, `["email_otp"]`, `[]`, false},
	} {
		_, _, err := Overrides{}.With(Overrides{
			"signin.primary": json.RawMessage(c.primary), "signin.secondary": json.RawMessage(c.second), "signin.skip_secondary": json.RawMessage(c.skip),
		})
		if (err == nil) != c.possible {
			t.Errorf("law: no second factor is the same proof as the first; first %s, second %s, skipping %s gives %v", c.primary, c.second, c.skip, err)
		}
	}
}
