package secret

import (
	"crypto/subtle"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// totpPeriod is how many seconds a step of RFC 6238 lasts.
const totpPeriod = 30

// TOTPSeed spells 160 bits in the form of [Random] as programs for one-time
// passwords read them: in capitals (RFC 4648 section 6).
func TOTPSeed(text string) Text { return Text(strings.ToUpper(text)) }

// TOTPStep numbers the step that a time is in (RFC 6238 section 4.2).
func TOTPStep(at time.Time) int64 { return at.Unix() / totpPeriod }

// TOTPCode is the six digits of a seed at a step, by HMAC-SHA-1: what every
// program for one-time passwords can compute.
func TOTPCode(seed Text, step int64) (string, error) {
	return hotp.GenerateCodeCustom(seed.Reveal(), uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
}

// MatchTOTP finds the step of a code: the one that at is in or the one before,
// for a code that took its time (RFC 6238 section 5.2), but none up to after,
// whose codes were used. It returns 0 for a code of none of them.
func MatchTOTP(seed Text, code string, at time.Time, after int64) (step int64, err error) {
	now := TOTPStep(at)
	// A code may belong to two of them: then it is the later one's.
	for s := now - 1; s <= now; s++ {
		right, err := TOTPCode(seed, s)
		if err != nil {
			return 0, err
		}
		if subtle.ConstantTimeCompare([]byte(right), []byte(code)) == 1 && s > after {
			step = s
		}
	}
	return step, nil
}

// TOTPAddress is what a QR code says to a program for one-time passwords: the
// seed, and the names of who asks and of whose account it is. The first may have
// no colon. The library's own leaves the marks of a query as they are in names.
func TOTPAddress(seed Text, issuer, account string) string {
	query := url.Values{"secret": {seed.Reveal()}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {strconv.Itoa(totpPeriod)}}
	address := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + account,
		RawQuery: strings.ReplaceAll(query.Encode(), "+", "%20"), // some programs read a plus as a plus
	}
	return address.String()
}
