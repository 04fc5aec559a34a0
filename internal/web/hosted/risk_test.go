package hosted_test

import "testing"

// Whom a rule keeps out is told so on the page, behind the right password
// alone; who is asked for a second factor gets the page for it.
func TestRulesOnPages(t *testing.T) {
	lists := map[string]any{"risk.addresses": "block", "risk.addresses_denied": []string{"127.0.0.0/8", "::1"}, "signin.secondary": []string{"email_otp"}}
	for _, action := range []string{"block", "second_factor"} {
		lists["risk.addresses"] = action
		s := newSite(t, lists, nil)
		s.person("ana@example.org", password)
		b := s.browser()
		p := b.open(start("email", "ana@example.org"))
		p = b.press(p, "Sign in", "password", "wrong").shows(400, "Enter your password").says("The e-mail address or the password is wrong.")
		p = b.press(p, "Sign in", "password", password)
		if action == "block" {
			p.shows(403, "Enter your password").says("You cannot sign in from where you are")
			continue
		}
		b.follow(p).shows(200, "Enter the code")
	}
}
