package hosted_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-id/gatehouse/internal/flow/flowtest"
	"github.com/gatehouse-id/gatehouse/internal/secret"
)

// computed is one of the two codes that are good now of a seed as a page writes
// it; see [flowtest.TOTPCode].
func computed(t *testing.T, seed string, nth int64) string {
	t.Helper()
	return flowtest.TOTPCode(t, secret.Text(strings.ReplaceAll(seed, " ", "")), nth)
}

// words are the texts of a page's elements.
func words(p shown, element string) (list []string) {
	for _, n := range p.all(element) {
		list = append(list, text(n))
	}
	return list
}

// pictures are the addresses of a page's images.
func pictures(p shown) (list []string) {
	for _, n := range p.all("img") {
		list = append(list, attribute(n, "src"))
	}
	return list
}

// Somebody sets up an app, keeps the recovery codes, and comes back by either;
// all of it without a script.
func TestAuthenticatorApp(t *testing.T) {
	s := newSite(t, map[string]any{"signin.secondary": []string{"totp"}, "signin.require_secondary": true, "totp.issuer": "Acme Login"}, nil)
	ana := s.person("ana@example.org", password)
	b := s.browser()
	signIn := func() shown {
		t.Helper()
		return b.press(b.open(start("email", "ana@example.org")), "Sign in", "password", password)
	}
	p := signIn().shows(200, "Set up an authenticator app").says("Acme Login")
	first := words(p, "code")[0]
	if img := pictures(p); len(img) != 1 || !strings.HasPrefix(img[0], "data:image/png;base64,") || len(strings.ReplaceAll(first, " ", "")) != 32 {
		t.Fatalf("the page shows the pictures %.80v and the key %q", img, first)
	}
	if alt := attribute(p.all("img")[0], "alt"); !strings.Contains(alt, "Acme Login") || !strings.Contains(alt, "ana@example.org") {
		t.Errorf("the picture says %q to who cannot see it", alt)
	}
	if policy := p.header.Get("Content-Security-Policy"); !strings.Contains(policy, "img-src 'self' data:") || p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the page may not show its picture, or may be kept: %q", policy)
	}
	p = b.press(p, "Continue", "code", "000").shows(400, "Set up an authenticator app").says("This code is wrong, or was used already.")
	if words(p, "code")[0] != first {
		t.Error("a wrong code changed the key")
	}
	p = b.press(p, "Show another key").shows(200, "Set up an authenticator app")
	seed := words(p, "code")[0]
	if seed == first {
		t.Error("another key is the same key")
	}
	digits := computed(t, seed, 0)
	p = b.press(p, "Continue", "code", digits[:3]+" "+digits[3:]).shows(200, "Keep these recovery codes")
	codes := words(p, "li")
	if len(codes) != 10 || len(codes[0]) != 19 {
		t.Fatalf("the codes are %q", codes)
	}
	if again := words(b.get(p.address), "li"); strings.Join(again, " ") != strings.Join(codes, " ") {
		t.Error("the page, loaded again, shows other codes")
	}
	code, _ := b.press(p, "I have kept them").arrives()
	if user := s.enters(code); user.ID != ana.ID {
		t.Errorf("who came in is %s", user.ID)
	}
	if b.get(p.address).status != http.StatusNotFound {
		t.Error("the codes can be looked at afterwards")
	}

	p = signIn().shows(200, "Enter the code of your app").says("ana@example.org")
	if len(pictures(p)) > 0 || strings.Contains(p.body, strings.ReplaceAll(seed, " ", "")) || strings.Contains(p.body, seed) {
		t.Error("the key is shown once more")
	}
	code, _ = b.press(p, "Continue", "code", computed(t, seed, 1)).arrives()
	s.enters(code)

	s.mails()
	p = b.click(signIn(), "Use a recovery code instead").shows(200, "Enter a recovery code")
	b.click(p, "Use an authenticator app instead").shows(200, "Enter the code of your app")
	p = b.press(p, "Continue", "code", "").shows(400, "Enter a recovery code")
	p = b.press(p, "Continue", "code", "aaaa aaaa aaaa aaaa").shows(400, "Enter a recovery code").says("This code is wrong")
	code, _ = b.press(p, "Continue", "code", " "+strings.ToUpper(codes[7])).arrives()
	s.enters(code)
	s.mail("recovery_code_used", "ana@example.org")
	p = b.click(signIn(), "Use a recovery code instead")
	b.press(p, "Continue", "code", codes[7]).shows(400, "Enter a recovery code")
}

// Where people come in by an app alone, the mailbox is proved first.
func TestSignUpByAuthenticatorApp(t *testing.T) {
	s := newSite(t, map[string]any{"signin.primary": []string{"totp", "password"}}, nil)
	b := s.browser()
	b.press(b.open(start("screen", "signup")), "Continue", "email", "new@example.org").shows(200, "Check your mail")
	p := b.press(b.open(s.mail("verify_email", "new@example.org").Values["link"]), "Confirm my e-mail address").shows(200, "Choose a password")
	p = b.click(p, "Use an authenticator app instead").shows(200, "Set up an authenticator app")
	seed := words(p, "code")[0]
	b.press(p, "Continue", "code", computed(t, seed, 0)).arrives()
	p = b.open(start("email", "new@example.org")).shows(200, "Enter your password")
	p = b.click(p, "Use an authenticator app instead").shows(200, "Enter the code of your app")
	code, _ := b.press(p, "Continue", "code", computed(t, seed, 1)).arrives()
	if user := s.enters(code); user.Email != "new@example.org" || !user.EmailVerified {
		t.Errorf("who came in is %+v", user)
	}
}
