package core_test

import (
	"regexp"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/core"
)

func TestPhoneNumbers(t *testing.T) {
	for text, want := range map[string]string{
		"+442079460000": "+442079460000", "+44 20 7946 0000": "+442079460000", "44 (20) 7946-0000": "+442079460000", "+1-808-555-0173": "+18085550173", "1.808.555.0173": "+18085550173",
		"+4915123456789": "+4915123456789", "+8613800138000": "+8613800138000", "+2348031234567": "+2348031234567", "+61400000000": "+61400000000",
		// What is no number: too short, too long, of no country, of no exchange there.
		"": "", "+": "", "12": "", "+12": "", "+1911": "", "+3312": "", "+99912345678": "", "+1234567890123456": "", "+1 0085550173": "", "0044 20 7946 0000": "", "020 7946 0000": "",
		// Services, and numbers that cost more: premium, shared cost, toll-free, personal numbering.
		"+449098790000": "", "+33899123456": "", "+448001111111": "", "+447012345678": "", "+18005550199": "", "+19005550199": "",
		// What a library may take for a number and a reader for something else.
		"+1 808 555 0173 ext. 5": "", "tel:+18085550173": "", "+1 808 FLOWERS": "", "+18085550173;phone-context=example.org": "", "＋18085550173": "", "+1808555017３": "", "++18085550173": "", "+1+8085550173": "",
		"+18085550173\n": "", "+18085550173\x00": "", "call +18085550173": "", "+18085550173,+442079460000": "",
	} {
		got, ok := core.ParsePhone(text)
		if got != want || ok != (want != "") {
			t.Errorf("law: a number is read by its country's numbering plan; %q gives %q, %v", text, got, ok)
		}
	}
}

func TestCountriesOfNumbers(t *testing.T) {
	for number, country := range map[string]string{
		"+442079460000": "GB", "+18085550173": "US", "+14165550123": "CA", "+4915123456789": "DE", "+77012345678": "KZ", "+79161234567": "RU",
	} {
		for _, listed := range []string{"GB", "US", "CA", "DE", "KZ", "RU"} {
			s := core.Settings{SMSCountries: []string{"FR", listed}}
			if got := s.TakesPhone(number); got != (listed == country) {
				t.Errorf("law: a number is of one country; %s of %s is taken by %s: %v", number, country, listed, got)
			}
		}
		if !(core.Settings{}).TakesPhone(number) {
			t.Errorf("law: without a list every country is taken; %s is not", number)
		}
	}
	if (core.Settings{SMSCountries: []string{"GB"}}).TakesPhone("") {
		t.Error("law: no number is of no country")
	}
}

func FuzzParsePhone(f *testing.F) {
	for _, seed := range []string{"+442079460000", "1-808-555-0173", "+1 (900) 555 0199", "tel:+49", "٣٤٥"} {
		f.Add(seed)
	}
	form := regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	f.Fuzz(func(t *testing.T, text string) {
		number, ok := core.ParsePhone(text)
		if ok != (number != "") || ok && !form.MatchString(number) {
			t.Fatalf("law: a number is E.164; %q gives %q, %v", text, number, ok)
		}
		if again, still := core.ParsePhone(number); ok && (!still || again != number) {
			t.Fatalf("law: a number is read as itself; %q gives %q, and that %q", text, number, again)
		}
	})
}

func TestSecretsOfPools(t *testing.T) {
	known := map[core.SecretName]struct{ good, bad []string }{
		core.SecretMailServer: {[]string{"smtp://mail.example.org", "smtps://u%40example.org:p%2F@mail.example.org:465"},
			[]string{"", "mail.example.org", "http://mail.example.org", "smtp://", "smtp://u@mail.example.org", "smtp://u:@mail.example.org", "smtp://mail.example.org/x", "smtp://mail.example.org?ca=/etc/passwd", "smtp://mail.example.org?tls=none", "smtp://a b"}},
		core.SecretTwilioToken: {[]string{"0123456789abcdef0123456789abcdef"}, []string{"", "two words", "line\nbreak", "\x00"}},
		core.SecretCaptcha:     {[]string{"6LeIxAcTAAAAAGG-vFI1TnRWxMZNFuojJ4WifJWe"}, []string{"", "two words", "line\nbreak"}},
		core.SecretProvider:    {[]string{"GOCSPX-abc", "a.b~c/+=", "{json}"}, []string{"", "two words", "line\nbreak"}},
		core.SecretWebhook:     {[]string{"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"}, []string{"", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", "whsec_", "whsec_c2hvcnQ=", "whsec_!"}},
	}
	for _, m := range core.SecretNames() {
		cases, ok := known[m.Name]
		if !ok || m.Meaning == "" {
			t.Errorf("this test has no values for %s", m.Name)
		}
		for _, value := range cases.good {
			if err := m.Check(value); err != nil {
				t.Errorf("law: %s may be %q; %v", m.Name, value, err)
			}
		}
		for _, value := range cases.bad {
			if m.Check(value) == nil {
				t.Errorf("law: %s cannot be %q", m.Name, value)
			}
		}
	}
}

func TestSecretsAreFoundByName(t *testing.T) {
	for name, known := range map[core.SecretName]bool{
		core.SecretTwilioToken: true, core.ProviderSecret("google"): true, core.ProviderSecret("a-b_9"): true,
		"": false, "pool": false, "password_key": false, core.SecretProvider: false, "provider..secret": false, "provider.A.secret": false, "provider.a": false, "provider.secret": false, "provider.a.secret.b": false, "x.provider.a.secret": false,
	} {
		if m, ok := core.SecretNamed(name); ok != known || ok && m.Name != name {
			t.Errorf("law: a secret is known by its name; %q is %v, as %q", name, ok, m.Name)
		}
	}
}
