package core

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

func domains(t *testing.T, text string) Settings {
	t.Helper()
	_, s, err := Overrides{}.With(Overrides{"signin.by_domain": json.RawMessage(text)})
	if err != nil {
		t.Fatal(fields(err))
	}
	return s
}

// A domain counts as it is written, label by label; of those with an asterisk
// the longest that fits.
func TestI13SettingsByDomain(t *testing.T) {
	s := domains(t, `{
		"example.org": {"signin.primary": ["password", "magic_link"]},
		"*.example.org": {"signin.primary": ["email_otp"]},
		"*.deep.example.org": {"signin.primary": ["totp"], "signup.captcha": "altcha"},
		"here.deep.example.org": {"signup.enabled": false},
		"xn--bcher-kva.example": {"signin.primary": ["passkey"]}
	}`)
	usual := []AuthenticatorKind{AuthenticatorPassword}
	for address, want := range map[string][]AuthenticatorKind{
		"ana@example.org":                  {AuthenticatorPassword, AuthenticatorMagicLink},
		"ana@EXAMPLE.Org":                  {AuthenticatorPassword, AuthenticatorMagicLink},
		"ana@sub.example.org":              {AuthenticatorEmailOTP},
		"ana@deep.example.org":             {AuthenticatorEmailOTP},
		"ana@a.deep.example.org":           {AuthenticatorTOTP},
		"ana@a.b.deep.example.org":         {AuthenticatorTOTP},
		"ana@here.deep.example.org":        usual, // its own settings alone are laid over the pool's
		"ana@b\u00fccher.example":          {AuthenticatorPasskey},
		"ana@xn--bcher-kva.example":        {AuthenticatorPasskey},
		"ana@example.org.evil.example":     usual,
		"ana@evilexample.org":              usual,
		"ana@example.com":                  usual,
		"example.org@evil.example":         usual,
		"ana@example.org.":                 usual,
		"\"x@example.org\"@evil.example":   usual,
		"ana@xn--bcher-kva.example.org.uk": usual,
	} {
		email, _ := ParseEmail(address)
		if got := s.For(email); !slices.Equal(got.SigninPrimary, want) {
			t.Errorf("law: settings of a domain are for its addresses alone; those of %s are %v, want %v", address, got.SigninPrimary, want)
		}
	}
	if got := s.For(Email{}); !reflect.DeepEqual(got, s) {
		t.Error("law: without an address the settings are the pool's")
	}
	deep, _ := ParseEmail("ana@a.deep.example.org")
	if got := s.For(deep); got.SignupCaptcha != CaptchaAltcha || !got.SignupEnabled || got.PasswordMinLength != s.PasswordMinLength {
		t.Errorf("law: what a domain does not set is the pool's; %+v", got)
	}
	closed, _ := ParseEmail("ana@here.deep.example.org")
	if s.For(closed).SignupEnabled || !s.SignupPossible() {
		t.Error("law: sign-up may be closed to a domain")
	}
}

// A domain's settings change nothing that others share.
func TestSettingsByDomainLeaveThePoolAlone(t *testing.T) {
	s := domains(t, `{"example.org": {"signin.primary": ["magic_link"], "signin.secondary": ["totp"], "signin.skip_secondary": ["magic_link"]}}`)
	before := domains(t, `{"example.org": {"signin.primary": ["magic_link"], "signin.secondary": ["totp"], "signin.skip_secondary": ["magic_link"]}}`)
	email, _ := ParseEmail("ana@example.org")
	for range 3 {
		own := s.For(email)
		own.SigninPrimary[0] = AuthenticatorPasskey
		if !reflect.DeepEqual(s, before) {
			t.Fatalf("law: the pool's settings stay as they are; they are %+v", s)
		}
	}
}

func TestSignupOfSomeDomain(t *testing.T) {
	_, s, err := Overrides{}.With(Overrides{"signup.enabled": json.RawMessage("false"), "signin.by_domain": json.RawMessage(`{"example.org": {"signup.enabled": true}}`)})
	if err != nil || s.SignupEnabled || !s.SignupPossible() {
		t.Errorf("law: sign-up may be open to a domain alone; %v", err)
	}
	if _, s, err = (Overrides{}).With(Overrides{"signup.enabled": json.RawMessage("false"), "signin.by_domain": json.RawMessage(`{"example.org": {"signin.primary": ["passkey"]}}`)}); err != nil || s.SignupPossible() {
		t.Errorf("law: where no domain opens it, sign-up is closed; %v", err)
	}
}
