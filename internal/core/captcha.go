package core

import (
	"errors"
	"fmt"
	"strings"
)

// The values of signup.captcha.
const (
	CaptchaNone      = "none"
	CaptchaAltcha    = "altcha"
	CaptchaRecaptcha = "recaptcha"
	CaptchaHcaptcha  = "hcaptcha"
	CaptchaTurnstile = "turnstile"
)

func (s *Settings) checkCaptcha() error {
	if err := oneOf(s.SignupCaptcha, CaptchaNone, CaptchaAltcha, CaptchaRecaptcha, CaptchaHcaptcha, CaptchaTurnstile); err != nil {
		return err
	}
	if s.SignupCaptcha != CaptchaNone && s.SignupCaptcha != CaptchaAltcha && s.CaptchaSiteKey == "" {
		return errors.New("needs signup.captcha_site_key for a service")
	}
	return nil
}

// checkSiteKey wants what can stand in a page and in a form as it is.
func checkSiteKey(key string) error {
	if len(key) > 200 || strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/") != "" {
		return errors.New("must be at most 200 letters, digits and the marks - _ . : /")
	}
	return nil
}

func checkCaptchaHosts(hosts []string) error {
	if len(hosts) > 100 {
		return errors.New("must be at most 100 hosts")
	}
	for _, host := range hosts {
		if _, ok := ParseDomain(host); !ok && !IsLoopback(host) {
			return fmt.Errorf("has %q, which is no host name", host)
		}
	}
	return nil
}
