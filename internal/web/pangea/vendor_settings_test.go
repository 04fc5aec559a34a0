package pangea_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

// The settings of the vendor's document, by the names that it has for them,
// and behind them what its pages have without a name in its schemas.
const vendorSettings = `
	allowed_callbacks, home_page, default_signup_callback, default_signin_callback, default_email_verification_callback
	default_password_reset_callback, default_logout_callback, default_oauth_callback, login_domain, custom_domain
	setup_domain, audience, enable_allowed_ips, ip_allow_list_rid, enable_domainlist
	domainlist_rid, enable_agreements, enable_disclaimer, disclaimer_content, custom_email.from_address
	custom_email.name, custom_email.enabled, custom_email.provider, custom_email.config, custom_sms
	custom_captcha, embargo_check, ip_intel_check, domain_intel_check, user_session_enrichment
	audit_basic_activity, branding_rid, user_pool_rid, token.user_token_life, token.refresh_token_life
	token.service_token_life, token.session_require_user_token, token.jwt_signing, ticket_life, invite_ticket_life
	oidc_ticket_life, flow_life, client_secret_life, required_auth.primaries, required_auth.secondaries
	required_auth.require_secondary, required_auth.one_time_auths, required_auth.passkey, required_auth.allow_signup, required_auth.signup_captcha
	required_auth.email_verification, password.chars_min, password.chars_max, password.lower_min, password.upper_min
	password.punct_min, password.number_min, social, saml.sp_settings, totp.issuer
	email_otp.life, sms_otp.life, failed_login.failed_count, failed_login.lockout_period, failed_login.enabled
	failed_login.failed_timeframe, conditional_mfa, username_format, profile_fields, groups.max_returned_user_groups
	impossible_travel, domain_override, external provisioning, remember user, branding
`

// Each setting of the vendor stands in one line of the table in
// docs/compat/pangea.md, beside a setting of ours that is there, the issue that
// brings it, or why there is none.
func TestEverySettingOfTheVendorHasItsPlace(t *testing.T) {
	page, err := os.ReadFile("../../../docs/compat/pangea.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## Settings\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !found {
		t.Fatal("the page has no section for settings")
	}
	var ours []string
	for _, line := range core.SettingsTable() {
		ours = append(ours, line.Key)
	}
	places := map[string]int{}
	words, later := regexp.MustCompile("`([^`]+)`"), regexp.MustCompile(`^next, #\d+$`)
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.TrimSpace(line), " |")
		if !strings.HasPrefix(line, "| `") || len(cells) != 4 {
			continue
		}
		here, why := strings.TrimSpace(cells[1]), strings.TrimSpace(cells[2])
		for _, name := range words.FindAllStringSubmatch(cells[0], -1) {
			places[name[1]]++
		}
		keys := words.FindAllStringSubmatch(here, -1)
		for _, key := range keys {
			if !slices.Contains(ours, key[1]) {
				t.Errorf("%s is said to be %s, which is no setting", cells[0], key[1])
			}
		}
		if len(keys) == 0 && (why == "" || here != "none" && !later.MatchString(here)) {
			t.Errorf("%s has neither a setting nor a reason: %q, %q", cells[0], here, why)
		}
	}
	names := strings.FieldsFunc(vendorSettings, func(r rune) bool { return r == ',' || r == '\n' || r == '\t' })
	if len(names) != 75 {
		t.Errorf("the test knows %d settings", len(names))
	}
	for _, name := range names {
		name = strings.TrimSpace(name)
		if places[name] != 1 {
			t.Errorf("%s stands in %d lines, and should in one", name, places[name])
		}
		delete(places, name)
	}
	for name := range places {
		t.Errorf("%s is no setting of the vendor", name)
	}
}
