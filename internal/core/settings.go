package core

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Settings is what two pools of one server may want different. It is
// immutable once built. Every field has a line in [SettingsTable].
type Settings struct {
	DisplayName string
	Disclaimer  string

	SignupEnabled     bool
	SignupVerifyEmail bool
	SignupPhone       bool
	SignupCaptcha     string
	CaptchaSiteKey    string
	CaptchaCost       int
	CaptchaMinScore   int
	CaptchaHostnames  []string
	CaptchaAction     string
	ConcealAccounts   bool
	UsernameFormat    UsernameFormat
	UsernameMatchCase bool

	SigninPrimary          []AuthenticatorKind
	SigninSecondary        []AuthenticatorKind
	SigninSkipSecondary    []AuthenticatorKind
	SigninRequireSecondary bool
	OneTimeMethods         []AuthenticatorKind
	SigninRememberDevice   string
	RememberDeviceLife     Duration
	RememberDeviceMost     int
	PasskeyFallback        bool
	PasskeyRPID            string
	SignupDomainsMode      string
	SignupDomains          []string
	ByDomain               map[string]Overrides

	Providers      []Provider
	SigninRemember string

	AccessAddresses []string

	RedirectsAllowed []string
	RedirectsDefault string
	RedirectsSignup  string
	RedirectsSignin  string
	RedirectsVerify  string
	RedirectsReset   string
	RedirectsLogout  string

	PasswordMinLength int
	PasswordMaxLength int
	PasswordLower     int
	PasswordUpper     int
	PasswordDigits    int
	PasswordSymbols   int
	PasswordBlocklist bool

	PasswordBreached          bool
	PasswordBreachedService   bool
	PasswordBreachedUnchecked string
	PasswordBreachedSignin    bool

	PasswordEndsOthers bool
	PasswordMaxAge     Duration
	PasswordEncrypted  bool

	LockoutEnabled      bool
	LockoutFailures     int
	LockoutFirstDelay   Duration
	LockoutLongestDelay Duration
	LockoutMost         int
	LockoutWindow       Duration

	TriesPerMinute    int
	TriesPerHour      int
	FlowsPerMinute    int
	MailsPerHour      int
	MailsToOnePerHour int
	MailsToOnePerDay  int
	MailsPerDay       int
	TextsPerHour      int
	TextsToOnePerHour int
	TextsToOnePerDay  int
	TextsPerDay       int

	FlowLife       Duration
	LinkLife       Duration
	LinkResend     Duration
	CodeLife       Duration
	CodeResend     Duration
	LoginCodeLife  Duration
	InvitationLife Duration

	TOTPIssuer string

	AgreementsRequired []AgreementKind
	GroupsShown        int

	AccessLife         Duration
	RefreshLife        Duration
	RefreshGrace       Duration
	RefreshNeedsAccess bool
	KeyServiceLife     Duration
	TokenFormat        string
	TokenIssuer        string
	SigningKeyLife     Duration
	ProfileFields      []ProfileField
	Introspection      bool
	AuditRetention     Duration
	MailFromName       string
	MailFromAddress    string
	MailTemplates      map[string]MailTemplate

	BrandLogo       string
	BrandLogoHeight int
	BrandShowName   bool
	BrandIcon       string
	BrandBackground string
	BrandLink       string
	BrandSupport    string
	BrandColors     map[string]string
	BrandDarkColors map[string]string
	BrandCorners    int
	BrandFont       string
	BrandTexts      map[string]string
	OAuthScopes     []Scope
	OAuthClaims     []Claim
	OAuthAudience   []string
	OAuthCodeLife   Duration
	OAuthClientLife Duration
	OAuthSecretLife Duration
	RedirectsOAuth  string

	SMSSender        string
	SMSFrom          string
	SMSTwilioAccount string
	SMSWebhookURL    string
	SMSCountries     []string

	RiskAddresses        RiskAction
	RiskAddressesDenied  []string
	RiskAddressesAllowed []string
	RiskDomainsSignup    RiskAction
	RiskDomainsSignin    RiskAction
	RiskDomainsDenied    []string
	RiskDomainsAllowed   []string
	RiskEmbargoSignup    RiskAction
	RiskEmbargoSignin    RiskAction
	RiskEmbargoCountries []string
	RiskNewCountry       RiskAction
	RiskTravel           RiskAction
	RiskTravelSpeed      int // km/h
}

// The values of signin.remember_username.
const (
	RememberOff     = "off"
	RememberOffered = "offered"
	RememberChecked = "checked"
)

// MailTemplate replaces one of the built-in mails. An empty part keeps the
// built-in one.
type MailTemplate struct {
	Subject string `json:"subject,omitempty"`
	Text    string `json:"text,omitempty"`
	HTML    string `json:"html,omitempty"`
}

// Setting is one line of the settings table.
type Setting struct {
	Key     string
	Type    string // in words, for people
	Meaning string
	field   func(*Settings) any     // a pointer into the settings
	check   func(s *Settings) error // nil: every value of the type will do
}

// SettingsTable is every setting of a pool: its key, its type, what it means,
// where it is kept, and what makes a value of it impossible.
func SettingsTable() []Setting {
	return append([]Setting{
		{"display_name", "text", "The name that people see on pages and in mails. Empty: the pool's name.",
			func(s *Settings) any { return &s.DisplayName }, func(s *Settings) error { return plainText(s.DisplayName, 100) }},
		{"disclaimer", "text", "What people read at sign-up and sign-in, on any number of lines; an empty line begins a paragraph, and [words](https://...) is a link. Empty: nothing.",
			func(s *Settings) any { return &s.Disclaimer }, func(s *Settings) error { return plainLines(s.Disclaimer, 10<<10) }},

		{"signup.enabled", "boolean", "Whether people may sign up by themselves.",
			func(s *Settings) any { return &s.SignupEnabled }, nil},
		{"signup.verify_email", "boolean", "Whether people whose first factor is no proof of their mailbox, such as a password, must prove it before they come in.",
			func(s *Settings) any { return &s.SignupVerifyEmail }, nil},
		{"signup.phone", "boolean", "Whether people who sign up are asked for a telephone number. They may leave it out.",
			func(s *Settings) any { return &s.SignupPhone }, nil},
		{"signup.captcha", "none, altcha, recaptcha, hcaptcha or turnstile", "What people who sign up have to solve before a message is sent or an account made. altcha is a proof of work that their browser computes, and that is checked here; the others are services, which need signup.captcha_site_key and their secret by `gatehouse pool secret`. None: nothing.",
			func(s *Settings) any { return &s.SignupCaptcha }, (*Settings).checkCaptcha},
		{"signup.captcha_site_key", "text", "The public key of the pool at the service that signup.captcha names.",
			func(s *Settings) any { return &s.CaptchaSiteKey }, func(s *Settings) error { return checkSiteKey(s.CaptchaSiteKey) }},
		{"signup.captcha_cost", "integer", "How many tries altcha's proof of work takes at most; half as many on average. A telephone makes some 20,000 in a second.",
			func(s *Settings) any { return &s.CaptchaCost }, func(s *Settings) error { return between(s.CaptchaCost, 1_000, 10_000_000) }},
		{"signup.captcha_min_score", "integer", "The lowest score of reCAPTCHA v3 that is taken, in hundredths: 50 for 0.5. An answer without a score is refused then. 0: any, and answers without one.",
			func(s *Settings) any { return &s.CaptchaMinScore }, func(s *Settings) error { return between(s.CaptchaMinScore, 0, 100) }},
		{"signup.captcha_hostnames", "list of hosts", "The hosts on whose pages a service's captcha may have been solved, as the service names them. Empty: those that the service itself takes for the site key.",
			func(s *Settings) any { return &s.CaptchaHostnames }, func(s *Settings) error { return checkCaptchaHosts(s.CaptchaHostnames) }},
		{"signup.captcha_action", "text", "What a service has to say the captcha was solved for, where the application's page names an action; the hosted pages name it to Turnstile. Empty: anything.",
			func(s *Settings) any { return &s.CaptchaAction }, func(s *Settings) error { return checkSiteKey(s.CaptchaAction) }},
		{"accounts.conceal", "boolean", "Whether sign-up and sign-in over the API answer alike for people who are there and who are not. The hosted pages always do.",
			func(s *Settings) any { return &s.ConcealAccounts }, nil},
		{"username.format", "email, string or phone", "What people go by: their e-mail address, a name of their own, or their telephone number. An e-mail address is known of everybody.",
			func(s *Settings) any { return &s.UsernameFormat }, func(s *Settings) error {
				return oneOf(s.UsernameFormat, UsernameEmail, UsernameString, UsernamePhone)
			}},
		{"username.match_case", "boolean", "Whether people must write their name with the capitals that they chose it with. Two names that differ in capitals alone are never two people's, whatever this says.",
			func(s *Settings) any { return &s.UsernameMatchCase }, nil},

		{"signin.primary", "list of factors", "What is taken as a first factor: password, email_otp, magic_link, sms_otp, totp, passkey.",
			func(s *Settings) any { return &s.SigninPrimary }, func(s *Settings) error {
				if len(s.SigninPrimary) == 0 {
					return errors.New("must name at least one")
				}
				return someOf(s.SigninPrimary, PrimaryKinds())
			}},
		{"signin.secondary", "list of factors", "What is taken as a second factor: email_otp, sms_otp, totp. Empty: none is asked for.",
			func(s *Settings) any { return &s.SigninSecondary }, func(s *Settings) error { return someOf(s.SigninSecondary, SecondaryKinds()) }},
		{"signin.skip_secondary", "list of factors", "The first factors after which no second one is asked for.",
			func(s *Settings) any { return &s.SigninSkipSecondary }, func(s *Settings) error {
				if err := someOf(s.SigninSkipSecondary, PrimaryKinds()); err != nil {
					return err
				}
				return s.checkProvedTwice()
			}},
		{"signin.require_secondary", "boolean", "Whether everybody needs a second factor. Otherwise those who have one do.",
			func(s *Settings) any { return &s.SigninRequireSecondary }, func(s *Settings) error {
				if s.SigninRequireSecondary && len(s.SigninSecondary) == 0 {
					return errors.New("needs signin.secondary to name one")
				}
				return nil
			}},
		{"one_time.methods", "list of factors", "What an application's server may have checked in a flow that is about no person, such as who opens a link that was shared: email_otp, sms_otp, password. Empty: nothing, and there are no such flows.",
			func(s *Settings) any { return &s.OneTimeMethods }, func(s *Settings) error { return someOf(s.OneTimeMethods, OneTimeKinds()) }},
		{"passkey.allow_fallback", "boolean", "Whether somebody who has a passkey may also come in another way. Without, only the passkey will do, and who has lost it needs it taken from their account.",
			func(s *Settings) any { return &s.PasskeyFallback }, nil},
		{"passkey.rp_id", "domain", "The domain that passkeys are for (the RP ID): the host of a page that asks for one is it, or ends in it. Empty: the host of the hosted pages. Passkeys of another domain work no more.",
			func(s *Settings) any { return &s.PasskeyRPID }, func(s *Settings) error { return s.checkRPID() }},
		{"signin.remember_device", "off, device or device_and_address", "Whether people may have the browser remembered from which they gave a second factor, so that it asks for none the next time; device_and_address: only while it comes from the same address. A new password ends it.",
			func(s *Settings) any { return &s.SigninRememberDevice }, func(s *Settings) error {
				return oneOf(s.SigninRememberDevice, DeviceOff, DeviceByItself, DeviceAtAddress)
			}},
		{"signin.remember_device_life", "duration", "For how long a browser is remembered, 30 days at most.",
			func(s *Settings) any { return &s.RememberDeviceLife }, func(s *Settings) error {
				return within(s.RememberDeviceLife, 24*time.Hour, 30*24*time.Hour)
			}},
		{"signin.remember_device_most", "integer", "How many browsers of a person are remembered. One more takes the place of the oldest.",
			func(s *Settings) any { return &s.RememberDeviceMost }, func(s *Settings) error { return between(s.RememberDeviceMost, 1, 100) }},
		{"signup.domains_mode", "off, allow or deny", "What signup.domains means: nothing, the only domains with whose e-mail addresses people may sign up by themselves, or those with which they may not.",
			func(s *Settings) any { return &s.SignupDomainsMode }, func(s *Settings) error {
				return oneOf(s.SignupDomainsMode, DomainsOff, DomainsAllow, DomainsDeny)
			}},
		{"signup.domains", "list of domains", "The domains of signup.domains_mode, such as example.org, or *.example.org for all below it and not itself.",
			func(s *Settings) any { return &s.SignupDomains }, func(s *Settings) error { return checkDomains(s.SignupDomains) }},

		{"signin.by_domain", "table of settings", "Settings that are others for people with e-mail addresses of these domains, such as {\"example.org\": {\"signin.primary\": [\"passkey\"]}}; *.example.org is all below it and not itself, and the longest that fits counts. Of: " + strings.Join(byDomain(), ", ") + ". Until an address is known, those of the pool hold.",
			func(s *Settings) any { return &s.ByDomain }, (*Settings).checkByDomain},

		{"signin.providers", "list of providers", "Whose word is taken for who somebody is, besides the pool's own ways in: google, github, facebook, microsoft, gitlab, linkedin, any OpenID provider (oidc) and SAML identity providers. `gatehouse provider` writes it, and gives the secrets that go with it.",
			func(s *Settings) any { return &s.Providers }, func(s *Settings) error { return checkProviders(s.Providers, s.ProfileFields) }},
		{"signin.remember_username", "off, offered or checked", "Whether an application's own pages offer to remember the username in the browser, and whether that is chosen from the start. It is only told to them: nothing is kept here.",
			func(s *Settings) any { return &s.SigninRemember }, func(s *Settings) error {
				return oneOf(s.SigninRemember, RememberOff, RememberOffered, RememberChecked)
			}},

		{"access.addresses", "list of addresses", "From where people may sign up, sign in and go on: addresses, networks such as 192.0.2.0/24, ranges such as 192.0.2.1 - 192.0.2.9. Empty: from everywhere. Servers, by their service keys, may call from anywhere.",
			func(s *Settings) any { return &s.AccessAddresses }, func(s *Settings) error { return checkAddresses(s.AccessAddresses) }},

		{"redirects.allowed", "list of URLs", "The addresses to which a browser may be sent back, matched exactly; the port of a loopback address may vary.",
			func(s *Settings) any { return &s.RedirectsAllowed }, func(s *Settings) error { return checkRedirects(s.RedirectsAllowed) }},
		{"redirects.default", "URL", "Where a browser is sent when the application names no address. Must be one of redirects.allowed, or empty.",
			func(s *Settings) any { return &s.RedirectsDefault }, func(s *Settings) error { return s.registered(s.RedirectsDefault) }},
		{"redirects.default_signup", "URL", "The same for who signs up. Empty: redirects.default.",
			func(s *Settings) any { return &s.RedirectsSignup }, func(s *Settings) error { return s.registered(s.RedirectsSignup) }},
		{"redirects.default_signin", "URL", "The same for who signs in. Empty: redirects.default.",
			func(s *Settings) any { return &s.RedirectsSignin }, func(s *Settings) error { return s.registered(s.RedirectsSignin) }},
		{"redirects.default_verify_email", "URL", "The same for who opens the link that proves a mailbox to an application's own pages. Empty: as for who signs up or in.",
			func(s *Settings) any { return &s.RedirectsVerify }, func(s *Settings) error { return s.registered(s.RedirectsVerify) }},
		{"redirects.default_reset_password", "URL", "The same for who opens the link to a new password. Empty: as for who signs up or in.",
			func(s *Settings) any { return &s.RedirectsReset }, func(s *Settings) error { return s.registered(s.RedirectsReset) }},
		{"redirects.default_logout", "URL", "The same for who signs out at the hosted pages. Empty: a page that says so.",
			func(s *Settings) any { return &s.RedirectsLogout }, func(s *Settings) error { return s.registered(s.RedirectsLogout) }},

		{"password.min_length", "integer", "The fewest characters of a password.",
			func(s *Settings) any { return &s.PasswordMinLength }, func(s *Settings) error { return between(s.PasswordMinLength, 1, 128) }},
		{"password.max_length", "integer", "The most characters of a password.",
			func(s *Settings) any { return &s.PasswordMaxLength }, func(s *Settings) error { return between(s.PasswordMaxLength, max(64, s.PasswordMinLength), 1024) }},
		{"password.lower", "integer", "How many lower-case letters a password needs.",
			func(s *Settings) any { return &s.PasswordLower }, func(s *Settings) error { return between(s.PasswordLower, 0, 32) }},
		{"password.upper", "integer", "How many upper-case letters a password needs.",
			func(s *Settings) any { return &s.PasswordUpper }, func(s *Settings) error { return between(s.PasswordUpper, 0, 32) }},
		{"password.digits", "integer", "How many digits a password needs.",
			func(s *Settings) any { return &s.PasswordDigits }, func(s *Settings) error { return between(s.PasswordDigits, 0, 32) }},
		{"password.symbols", "integer", "How many characters other than letters and digits a password needs.",
			func(s *Settings) any { return &s.PasswordSymbols }, func(s *Settings) error { return between(s.PasswordSymbols, 0, 32) }},
		{"password.blocklist", "boolean", "Whether common passwords, and those made of the person's own names, are refused.",
			func(s *Settings) any { return &s.PasswordBlocklist }, nil},
		{"password.breached", "boolean", "Whether new passwords are refused that are known from breaches elsewhere, where the server has a list of them (breaches.file).",
			func(s *Settings) any { return &s.PasswordBreached }, nil},
		{"password.breached_service", "boolean", "Whether a service is asked too (breaches.url). It is told the first five hexadecimal digits of the password's SHA-1 hash, which some thousand known passwords share, and no more.",
			func(s *Settings) any { return &s.PasswordBreachedService }, nil},
		{"password.breached_unchecked", "accept or refuse", "What becomes of a new password that the service was to be asked about, and that nobody can tell anything of. accept, because people who reset a password in need must not wait for somebody else's server, and common ones are refused without it.",
			func(s *Settings) any { return &s.PasswordBreachedUnchecked }, func(s *Settings) error {
				return oneOf(s.PasswordBreachedUnchecked, UncheckedAccept, UncheckedRefuse)
			}},
		{"password.breached_signin", "boolean", "Whether who signs in with a password that is known by now has to choose another.",
			func(s *Settings) any { return &s.PasswordBreachedSignin }, nil},
		{"password.change_ends_sessions", "boolean", "Whether a change, an expiry or a removal of the password ends the person's other sessions.",
			func(s *Settings) any { return &s.PasswordEndsOthers }, nil},
		{"password.max_age", "duration", "How old a password may become: an older one is due for a change at the next sign-in. 0: any age. Not advised (NIST SP 800-63B-4 section 3.1.1.2).",
			func(s *Settings) any { return &s.PasswordMaxAge }, func(s *Settings) error {
				if s.PasswordMaxAge == 0 {
					return nil
				}
				return within(s.PasswordMaxAge, 24*time.Hour, 10*365*24*time.Hour)
			}},
		{"password.encrypted", "boolean", "Whether passwords may come encrypted with the pool's RSA key, as some vendors' programs send them. Where they must come so and may not, nobody signs in.",
			func(s *Settings) any { return &s.PasswordEncrypted }, nil},

		{"lockout.enabled", "boolean", "Whether a person waits after wrong tries. Without, lockout.most still holds.",
			func(s *Settings) any { return &s.LockoutEnabled }, nil},
		{"lockout.failures", "integer", "How many wrong tries in a row are free. Each one after that locks the person out for a while.",
			func(s *Settings) any { return &s.LockoutFailures }, func(s *Settings) error { return between(s.LockoutFailures, 1, 100) }},
		{"lockout.first_delay", "duration", "How long the first lockout lasts; each further one lasts twice as long.",
			func(s *Settings) any { return &s.LockoutFirstDelay }, func(s *Settings) error { return within(s.LockoutFirstDelay, time.Second, 24*time.Hour) }},
		{"lockout.longest_delay", "duration", "How long a lockout lasts at most.",
			func(s *Settings) any { return &s.LockoutLongestDelay }, func(s *Settings) error {
				return within(s.LockoutLongestDelay, time.Duration(s.LockoutFirstDelay), 24*time.Hour)
			}},
		{"lockout.most", "integer", "After how many wrong tries in a row the password works no more, until its owner chooses a new one by mail or somebody lifts the lockout.",
			func(s *Settings) any { return &s.LockoutMost }, func(s *Settings) error { return between(s.LockoutMost, s.LockoutFailures, 100) }},
		{"lockout.window", "duration", "After how long without a wrong try, and without a lockout, the free ones begin anew; lockout.most still counts all. 0: only a right one does that.",
			func(s *Settings) any { return &s.LockoutWindow }, func(s *Settings) error { return within(s.LockoutWindow, 0, 30*24*time.Hour) }},

		{"budget.tries_per_minute", "integer", "How many wrong tries one client network may make in a minute, whosever account it tries. 0: no limit.",
			func(s *Settings) any { return &s.TriesPerMinute }, func(s *Settings) error { return between(s.TriesPerMinute, 0, maxBudget) }},
		{"budget.tries_per_hour", "integer", "The same in an hour. 0: no limit.",
			func(s *Settings) any { return &s.TriesPerHour }, func(s *Settings) error { return between(s.TriesPerHour, 0, maxBudget) }},
		{"budget.flows_per_minute", "integer", "How many sign-ups and sign-ins one client network may begin in a minute. 0: no limit.",
			func(s *Settings) any { return &s.FlowsPerMinute }, func(s *Settings) error { return between(s.FlowsPerMinute, 0, maxBudget) }},
		{"budget.mails_per_hour", "integer", "How many mails one client network may cause in an hour. 0: no limit.",
			func(s *Settings) any { return &s.MailsPerHour }, func(s *Settings) error { return between(s.MailsPerHour, 0, maxBudget) }},
		{"budget.mails_to_one_per_hour", "integer", "How many mails one mailbox gets in an hour of those that anybody may ask for. 0: no limit.",
			func(s *Settings) any { return &s.MailsToOnePerHour }, func(s *Settings) error { return between(s.MailsToOnePerHour, 0, maxBudget) }},
		{"budget.mails_to_one_per_day", "integer", "The same in a day. 0: no limit.",
			func(s *Settings) any { return &s.MailsToOnePerDay }, func(s *Settings) error { return between(s.MailsToOnePerDay, 0, maxBudget) }},
		{"budget.mails_per_day", "integer", "How many of those mails the whole pool sends in a day. 0: no limit.",
			func(s *Settings) any { return &s.MailsPerDay }, func(s *Settings) error { return between(s.MailsPerDay, 0, maxBudget) }},
		{"budget.texts_per_hour", "integer", "How many text messages one client network may cause in an hour. 0: no limit.",
			func(s *Settings) any { return &s.TextsPerHour }, func(s *Settings) error { return between(s.TextsPerHour, 0, maxBudget) }},
		{"budget.texts_to_one_per_hour", "integer", "How many text messages one telephone number gets in an hour. 0: no limit.",
			func(s *Settings) any { return &s.TextsToOnePerHour }, func(s *Settings) error { return between(s.TextsToOnePerHour, 0, maxBudget) }},
		{"budget.texts_to_one_per_day", "integer", "The same in a day. 0: no limit.",
			func(s *Settings) any { return &s.TextsToOnePerDay }, func(s *Settings) error { return between(s.TextsToOnePerDay, 0, maxBudget) }},
		{"budget.texts_per_day", "integer", "How many text messages the whole pool sends in a day. They cost money, and strangers can cause them. 0: no limit.",
			func(s *Settings) any { return &s.TextsPerDay }, func(s *Settings) error { return between(s.TextsPerDay, 0, maxBudget) }},

		{"flow.life", "duration", "How long a sign-up or sign-in may take.",
			func(s *Settings) any { return &s.FlowLife }, func(s *Settings) error { return within(s.FlowLife, time.Minute, 24*time.Hour) }},
		{"link.life", "duration", "How long a link in a mail works; never longer than its flow.",
			func(s *Settings) any { return &s.LinkLife }, func(s *Settings) error { return within(s.LinkLife, time.Minute, 24*time.Hour) }},
		{"link.resend_after", "duration", "How long one waits before the same link is sent again.",
			func(s *Settings) any { return &s.LinkResend }, func(s *Settings) error { return within(s.LinkResend, 0, time.Hour) }},
		{"code.life", "duration", "How long a code in a mail or a text message works; never longer than its flow.",
			func(s *Settings) any { return &s.CodeLife }, func(s *Settings) error { return within(s.CodeLife, 30*time.Second, 10*time.Minute) }},
		{"code.resend_after", "duration", "How long one waits before another code is sent.",
			func(s *Settings) any { return &s.CodeResend }, func(s *Settings) error { return within(s.CodeResend, 0, 10*time.Minute) }},
		{"totp.issuer", "text", "The name that programs for one-time passwords show for the pool's accounts, without a colon. Empty: display_name, or else the pool's name.",
			func(s *Settings) any { return &s.TOTPIssuer }, func(s *Settings) error {
				if strings.Contains(s.TOTPIssuer, ":") {
					return errors.New("must have no colon")
				}
				return plainText(s.TOTPIssuer, 100)
			}},
		{"login_code.life", "duration", "How long the code works that a hosted sign-in gives to the application.",
			func(s *Settings) any { return &s.LoginCodeLife }, func(s *Settings) error { return within(s.LoginCodeLife, time.Second, 10*time.Minute) }},
		{"invitation.life", "duration", "How long an invitation works.",
			func(s *Settings) any { return &s.InvitationLife }, func(s *Settings) error { return within(s.InvitationLife, time.Minute, 90*24*time.Hour) }},

		{"agreements.required", "list of kinds", "Which kinds of agreement people must accept before they come in, where one is active: terms, privacy.",
			func(s *Settings) any { return &s.AgreementsRequired }, func(s *Settings) error { return checkAgreementKinds(s.AgreementsRequired) }},

		{"groups.shown", "integer", "How many of a person's groups an application sees beside the person: those that they have been in the longest. 0: none. Lists of groups have them all.",
			func(s *Settings) any { return &s.GroupsShown }, func(s *Settings) error { return between(s.GroupsShown, 0, 1000) }},

		{"token.user_life", "duration", "How long a person's token works.",
			func(s *Settings) any { return &s.AccessLife }, func(s *Settings) error { return within(s.AccessLife, time.Minute, 365*24*time.Hour) }},
		{"token.refresh_life", "duration", "How long a refresh token works, and so how long a session may rest.",
			func(s *Settings) any { return &s.RefreshLife }, func(s *Settings) error { return within(s.RefreshLife, time.Minute, 5*365*24*time.Hour) }},
		{"token.refresh_grace", "duration", "For how long a spent refresh token answers the same successor. 0: not at all.",
			func(s *Settings) any { return &s.RefreshGrace }, func(s *Settings) error { return within(s.RefreshGrace, 0, 5*time.Minute) }},
		{"token.refresh_requires_user_token", "boolean", "Whether a refresh needs the person's token too, expired or not.",
			func(s *Settings) any { return &s.RefreshNeedsAccess }, nil},
		{"token.format", "opaque or jwt", "What a person's new tokens are: opaque, or signed so that others can read them (JWT, ES256). Tokens of either kind go on working.",
			func(s *Settings) any { return &s.TokenFormat }, func(s *Settings) error {
				if s.TokenFormat != TokenOpaque && s.TokenFormat != TokenSigned {
					return errors.New("must be opaque or jwt")
				}
				return nil
			}},
		{"token.issuer", "text", "The issuer (iss) of signed tokens; those with another one are refused. Empty: the public address of the pool's pages.",
			func(s *Settings) any { return &s.TokenIssuer }, func(s *Settings) error { return plainText(s.TokenIssuer, 200) }},
		{"token.key_life", "duration", "How long a key signs tokens before the next one takes over. 0: until `gatehouse signing-key rotate`.",
			func(s *Settings) any { return &s.SigningKeyLife }, func(s *Settings) error {
				if s.SigningKeyLife == 0 {
					return nil
				}
				return within(s.SigningKeyLife, 7*24*time.Hour, 2*365*24*time.Hour)
			}},

		{"key.service_life", "duration", "How long a new service token works where `gatehouse key create` names no --life. 0: until it is revoked.",
			func(s *Settings) any { return &s.KeyServiceLife }, func(s *Settings) error {
				if s.KeyServiceLife == 0 {
					return nil
				}
				return within(s.KeyServiceLife, time.Minute, 10*365*24*time.Hour)
			}},

		{"profile.fields", "list of fields", "What is known of a person, and what sign-up asks for.",
			func(s *Settings) any { return &s.ProfileFields }, func(s *Settings) error { return checkProfileFields(s.ProfileFields) }},

		{"audit.retention", "duration", "How long events of the audit trail are kept. 0: for ever.",
			func(s *Settings) any { return &s.AuditRetention }, func(s *Settings) error {
				if s.AuditRetention == 0 {
					return nil
				}
				return within(s.AuditRetention, 24*time.Hour, 20*365*24*time.Hour)
			}},

		{"graphql.introspection", "boolean", "Whether a GraphQL API tells anybody its schema.",
			func(s *Settings) any { return &s.Introspection }, nil},

		{"mail.from_name", "text", "The sender's name on mails. Empty: display_name.",
			func(s *Settings) any { return &s.MailFromName }, func(s *Settings) error { return plainText(s.MailFromName, 100) }},
		{"mail.from_address", "e-mail address", "The sender's address on mails. Empty: the server's.",
			func(s *Settings) any { return &s.MailFromAddress }, func(s *Settings) error {
				if _, ok := ParseEmail(s.MailFromAddress); s.MailFromAddress != "" && !ok {
					return errors.New("is not an e-mail address")
				}
				return nil
			}},
		{"mail.templates", "table of templates", "Mails that replace the built-in ones, by name: subject, text, html; of a text message there is only the text. Words in {{ }} are filled in.",
			func(s *Settings) any { return &s.MailTemplates }, func(s *Settings) error {
				for name, t := range s.MailTemplates {
					if err := plainText(t.Subject, 200); err != nil {
						return fmt.Errorf("%s: subject %w", name, err)
					}
				}
				return nil
			}},

		{"sms.sender", "none, twilio or webhook", "By what text messages leave: Twilio's API, or a program of the operator's that takes signed requests. None: they wait in line; where development catches mail, they are caught with it and shown at /dev/inbox. What each signs in with is given by `gatehouse pool secret`.",
			func(s *Settings) any { return &s.SMSSender }, (*Settings).checkSender},
		{"sms.from", "text", "What text messages come from: a number such as +18085550173, a name of up to 11 letters where the country lets that be, or the id of one of Twilio's messaging services.",
			func(s *Settings) any { return &s.SMSFrom }, func(s *Settings) error { return plainText(s.SMSFrom, 34) }},
		{"sms.twilio_account", "text", "The id (SID) of the account at Twilio: AC and 32 hexadecimal digits.",
			func(s *Settings) any { return &s.SMSTwilioAccount }, func(s *Settings) error { return checkTwilioAccount(s.SMSTwilioAccount) }},
		{"sms.webhook_url", "URL", "Where text messages are posted as JSON, signed as standard webhooks are: https, or http on this machine only.",
			func(s *Settings) any { return &s.SMSWebhookURL }, func(s *Settings) error { return checkWebhook(s.SMSWebhookURL) }},
		{"sms.countries", "list of countries", "The countries, by their codes such as DE, whose telephone numbers people may give, and to which text messages are sent. Empty: all.",
			func(s *Settings) any { return &s.SMSCountries }, func(s *Settings) error { return checkCountries(s.SMSCountries) }},
	}, append(append(riskSettings(), brandSettings()...), oauthSettings()...)...)
}

// maxBudget is the largest number that a budget takes.
const maxBudget = 1_000_000_000
