package core

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// ParsePhone reads a telephone number with its country code: with or without
// its plus, with spaces, hyphens, dots and brackets, and returns it by E.164: a
// plus and 7 to 15 digits. It takes what the numbering plan of some country has
// for one person: what is no number anywhere is refused, and so are the
// numbers that cost whoever sends there more than others do, or that are a
// service.
func ParsePhone(s string) (string, bool) {
	digits := strings.NewReplacer("+", "", " ", "", "-", "", "(", "", ")", "", ".", "").Replace(s)
	if strings.LastIndex(s, "+") > 0 || len(digits) < 7 || len(digits) > 15 || digits[0] == '0' ||
		strings.ContainsFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) {
		return "", false
	}
	// The library alone would take letters, extensions and numbers in prose.
	number, err := phonenumbers.Parse("+"+digits, "")
	if err != nil || !phonenumbers.IsValidNumber(number) || !isPersonal(phonenumbers.GetNumberType(number)) {
		return "", false
	}
	return phonenumbers.Format(number, phonenumbers.E164), true
}

// isPersonal reports whether numbers of a type are people's own. Left out are
// those of services, and those of "personal numbering", which pass a call on at
// a price.
func isPersonal(t phonenumbers.PhoneNumberType) bool {
	switch t {
	case phonenumbers.FIXED_LINE, phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE, phonenumbers.VOIP:
		return true
	default:
		return false
	}
}

// TakesPhone reports whether the pool has to do with telephone numbers of this
// one's country. The number is as [ParsePhone] returns it.
func (s Settings) TakesPhone(number string) bool {
	if len(s.SMSCountries) == 0 {
		return true
	}
	parsed, err := phonenumbers.Parse(number, "")
	return err == nil && slices.Contains(s.SMSCountries, phonenumbers.GetRegionCodeForNumber(parsed))
}

func checkCountries(list []string) error {
	known := phonenumbers.GetSupportedRegions()
	for i, country := range list {
		if !known[country] {
			return fmt.Errorf("has %q, which is not the code of a country, such as DE (ISO 3166-1 alpha-2)", country)
		}
		if slices.Contains(list[:i], country) {
			return fmt.Errorf("has %s twice", country)
		}
	}
	return nil
}

// The values of sms.sender.
const (
	SenderNone    = "none"
	SenderTwilio  = "twilio"
	SenderWebhook = "webhook"
)

// checkSender refuses a sender of text messages of which it is not said how it
// is reached.
func (s *Settings) checkSender() error {
	if err := oneOf(s.SMSSender, SenderNone, SenderTwilio, SenderWebhook); err != nil {
		return err
	}
	switch {
	case s.SMSSender == SenderTwilio && (s.SMSTwilioAccount == "" || s.SMSFrom == ""):
		return errors.New("needs sms.twilio_account and sms.from to be set")
	case s.SMSSender == SenderWebhook && s.SMSWebhookURL == "":
		return errors.New("needs sms.webhook_url to be set")
	}
	return nil
}
