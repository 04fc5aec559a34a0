package pangea

import (
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/gatehouse-id/gatehouse/internal/core"
	"github.com/gatehouse-id/gatehouse/internal/secret"
	"github.com/gatehouse-id/gatehouse/internal/session"
)

// maxProblems is how many problems of one request are gathered.
const maxProblems = 20

// problems gathers what is wrong with a request, all of it at once.
type problems struct {
	list []core.Problem
}

func (p *problems) add(code core.ProblemCode, pointer, detail string) {
	if len(p.list) >= maxProblems {
		return
	}
	p.list = append(p.list, core.Problem{Code: code, Pointer: pointer, Detail: detail})
}

// required wants a value.
func (p *problems) required(pointer, value string) bool {
	if value == "" {
		p.add(core.ProblemRequired, pointer, "This is required.")
	}
	return value != ""
}

// secret wants one of the vendor's opaque strings, behind one of these
// prefixes. An empty one is left to required.
func (p *problems) secret(pointer, value string, prefixes ...string) {
	if value == "" {
		return
	}
	for _, prefix := range prefixes {
		if tail, ok := strings.CutPrefix(value, prefix); ok && secret.IsText(tail) {
			return
		}
	}
	p.add(core.ProblemFormat, pointer, "This is "+strings.Join(prefixes, " or ")+" and 32 characters of a-z and 2-7.")
}

// device wants what a browser is remembered by: a random UUID (RFC 9562 section
// 5.4), as the vendor's browser package makes one. Who knows it needs no second
// factor, so it must be hard to guess.
func (p *problems) device(value string) {
	id, err := uuid.Parse(value)
	if value != "" && (err != nil || len(value) != 36 || id.Version() != 4) {
		p.add(core.ProblemFormat, "/device_id", "This is a random UUID, version 4.")
	}
}

// token wants one of the vendor's opaque strings, or a signed token.
func (p *problems) token(pointer, value string, prefixes ...string) {
	if !session.LooksSigned(value) {
		p.secret(pointer, value, prefixes...)
	}
}

// ticket wants a one-time ticket of any kind.
func (p *problems) ticket(pointer, value string) {
	if value != "" && !patterns().ticket.MatchString(value) {
		p.add(core.ProblemFormat, pointer, "This is not a one-time ticket.")
	}
}

// code wants the digits of a one-time code.
func (p *problems) code(pointer, value string) {
	if value != "" && !patterns().code.MatchString(value) {
		p.add(core.ProblemFormat, pointer, "A code has 6 digits.")
	}
}

// email wants an address. The vendor's documents allow ASCII only; here an
// address of any script will do that is one by the rules of core.
func (p *problems) email(pointer, value string) {
	if _, ok := core.ParseEmail(value); value != "" && !ok {
		p.add(core.ProblemEmail, pointer, "This is not an e-mail address.")
	}
}

// phone wants a telephone number, and returns it by E.164.
func (p *problems) phone(pointer, value string) string {
	number, ok := core.ParsePhone(value)
	if value != "" && !ok {
		p.add(core.ProblemFormat, pointer, "This is not a person's phone number with its country code, such as +1-808-555-0173.")
	}
	return number
}

// username wants the vendor's pattern; what a name may be is decided below.
func (p *problems) username(pointer, value string) {
	if value != "" && !patterns().username.MatchString(value) {
		p.add(core.ProblemFormat, pointer, "A username has 2 to 320 letters, digits and . _ + @ -.")
	}
}

// identity wants the vendor's wide pattern of ids.
func (p *problems) identity(pointer, value string) {
	if value != "" && (len(value) > 256 || !patterns().identity.MatchString(value)) {
		p.add(core.ProblemFormat, pointer, "This is not an id.")
	}
}

// exactlyOne wants one of id, email and username, and returns it.
func (p *problems) exactlyOne(id, email, username string) {
	given := 0
	for _, value := range []string{id, email, username} {
		if value != "" {
			given++
		}
	}
	switch {
	case given == 0:
		p.add(core.ProblemProvideOne, "", "One of id, email and username must be given.")
	case given > 1:
		p.add(core.ProblemExclusive, "", "Only one of id, email and username may be given.")
	}
	p.identity("/id", id)
	p.email("/email", email)
	p.username("/username", username)
}

// moment reads a time, in the vendor's form or any of RFC 3339.
func (p *problems) moment(pointer, value string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, value)
	if err != nil {
		p.add(core.ProblemTime, pointer, "This is not a time such as 2006-01-02T15:04:05Z.")
	}
	return t
}

// span reads the beginning of a time, such as 2006-01-02, and returns from when
// until when times begin so.
func (p *problems) span(pointer, text string) (from, until time.Time) {
	const whole = "0001-01-01T00:00:00.000000Z"
	given := strings.TrimRight(text, "-T:.")
	from, err := time.Parse(time.RFC3339Nano, given+whole[min(len(given), len(whole)):])
	switch n := len(given); {
	case err != nil:
	case n == len("2006"):
		return from, from.AddDate(1, 0, 0)
	case n == len("2006-01"):
		return from, from.AddDate(0, 1, 0)
	case n == len("2006-01-02"):
		return from, from.AddDate(0, 0, 1)
	case n == len("2006-01-02T15"):
		return from, from.Add(time.Hour)
	case n == len("2006-01-02T15:04"):
		return from, from.Add(time.Minute)
	case n == len("2006-01-02T15:04:05"):
		return from, from.Add(time.Second)
	case n > len("2006-01-02T15:04:05.") && n <= len(whole):
		d := time.Second
		for range min(n, len(whole)-1) - len("2006-01-02T15:04:05.") {
			d /= 10
		}
		return from, from.Add(d)
	}
	p.add(core.ProblemTime, pointer, "This is not a time such as 2006-01-02T15:04:05Z, nor the beginning of one.")
	return time.Time{}, time.Time{}
}

type patternSet struct {
	ticket, username, identity, code *regexp.Regexp
}

// patterns are those of the vendor's document.
var patterns = sync.OnceValue(func() patternSet {
	return patternSet{
		ticket:   regexp.MustCompile(`^p[a-z][a-z2]_[a-z2-7]{32}$`),
		username: regexp.MustCompile(`^[0-9a-zA-Z+._@-]{2,320}$`),
		identity: regexp.MustCompile(`^[a-zA-Z0-9 '.:/_-]+$`),
		code:     regexp.MustCompile(`^[0-9]{6}$`),
	}
})
