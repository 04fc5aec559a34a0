package core

import (
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
)

// SecretName names a secret that an operator gives to a pool, for it to sign in
// elsewhere with. It is stored sealed and never shown again.
type SecretName string

// The secrets.
const (
	SecretMailServer  SecretName = "mail.smtp"
	SecretTwilioToken SecretName = "sms.twilio_token"
	SecretWebhook     SecretName = "sms.webhook_secret"
	SecretCaptcha     SecretName = "signup.captcha_secret"
	// SecretProvider stands for one secret for each provider: [ProviderSecret].
	SecretProvider SecretName = "provider.NAME.secret"
)

// ProviderSecret is the secret that goes with a provider's client_id.
func ProviderSecret(provider string) SecretName {
	return SecretName("provider." + provider + ".secret")
}

// SecretMeaning is a line of the catalogue of secrets.
type SecretMeaning struct {
	Name    SecretName
	Meaning string
	check   func(value string) error
}

// SecretNames is the catalogue of secrets with their meanings.
func SecretNames() []SecretMeaning {
	return []SecretMeaning{
		{SecretMailServer, "The pool's own mail server, in place of the one that all pools have: smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465.", checkMailServer},
		{SecretTwilioToken, "The auth token of the account at Twilio that sms.twilio_account names.", checkToken},
		{SecretWebhook, "What requests to sms.webhook_url are signed with: whsec_ and the base64 of 24 to 64 random bytes, as standard webhooks have it.", func(value string) error {
			if _, ok := WebhookKey(value); !ok {
				return errors.New("is not whsec_ and the base64 of 24 to 64 bytes; `echo whsec_$(openssl rand -base64 32)` makes one")
			}
			return nil
		}},
		{SecretCaptcha, "The secret key that belongs to signup.captcha_site_key, at the provider that signup.captcha names.", checkToken},
		{SecretProvider, "The secret that goes with the client_id of the provider NAME in signin.providers. It is forgotten when the provider's kind, issuer or client_id changes.", checkToken},
	}
}

// checkMailServer wants the address of a mail server. What else is wrong with
// one shows when it is first used.
func checkMailServer(value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" || checkToken(value) != nil {
		return errors.New("is not like smtp://user:password@host:587 or smtps://user:password@host:465; characters such as % / @ : in user and password are percent-encoded")
	}
	if password, has := u.User.Password(); u.User != nil && (!has || password == "" || u.User.Username() == "") {
		return errors.New("has both a user and a password, or neither")
	}
	return nil
}

// SecretNamed finds the line of the catalogue for a secret.
func SecretNamed(name SecretName) (SecretMeaning, bool) {
	before, after, _ := strings.Cut(string(SecretProvider), "NAME")
	for _, m := range SecretNames() {
		if m.Name != SecretProvider && m.Name == name {
			return m, true
		}
		provider, rest := strings.CutPrefix(string(name), before)
		provider, whole := strings.CutSuffix(provider, after)
		if m.Name == SecretProvider && rest && whole && providerName().MatchString(provider) {
			m.Name = name
			return m, true
		}
	}
	return SecretMeaning{}, false
}

func checkToken(value string) error {
	if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("has a character that no token has")
	}
	return nil
}

// Check returns what is wrong with a value of the secret, without repeating it.
func (m SecretMeaning) Check(value string) error {
	if value == "" || len(value) > 4096 {
		return errors.New("has 1 to 4096 bytes")
	}
	return m.check(value)
}

// WebhookKey reads the key out of the spelling that standard webhooks have for
// it.
func WebhookKey(text string) ([]byte, bool) {
	encoded, ok := strings.CutPrefix(text, "whsec_")
	if !ok {
		return nil, false
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	return key, err == nil && len(key) >= 24 && len(key) <= 64
}
