package core

import (
	"fmt"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The values of password.breached_unchecked.
const (
	UncheckedAccept = "accept"
	UncheckedRefuse = "refuse"
)

// maxPasswordBytes is the most that is hashed, whatever a pool sets.
const maxPasswordBytes = 1024

// CheckPassword returns what is wrong with a new password by the pool's rules
// of length and composition; characters are counted after NFC, as they are
// hashed. Whether it is a common one is asked elsewhere.
func (s Settings) CheckPassword(password, pointer string) []Problem {
	var problems []Problem
	add := func(code ProblemCode, detail string, n int) {
		problems = append(problems, Problem{code, pointer, fmt.Sprintf(detail, n)})
	}
	if !utf8.ValidString(password) {
		return []Problem{{ProblemFormat, pointer, "A password is valid UTF-8."}}
	}
	password = norm.NFC.String(password)
	var length, lower, upper, digits, symbols int
	for _, r := range password {
		length++
		switch {
		case unicode.IsLower(r):
			lower++
		case unicode.IsUpper(r):
			upper++
		case unicode.IsDigit(r):
			digits++
		case !unicode.IsLetter(r):
			symbols++
		}
	}
	if length < s.PasswordMinLength {
		add(ProblemTooShort, "A password has at least %d characters.", s.PasswordMinLength)
	}
	if length > s.PasswordMaxLength || len(password) > maxPasswordBytes {
		add(ProblemTooLong, "A password has at most %d characters.", s.PasswordMaxLength)
	}
	if lower < s.PasswordLower {
		add(ProblemPolicy, "A password needs at least %d lower-case letters.", s.PasswordLower)
	}
	if upper < s.PasswordUpper {
		add(ProblemPolicy, "A password needs at least %d upper-case letters.", s.PasswordUpper)
	}
	if digits < s.PasswordDigits {
		add(ProblemPolicy, "A password needs at least %d digits.", s.PasswordDigits)
	}
	if symbols < s.PasswordSymbols {
		add(ProblemPolicy, "A password needs at least %d characters other than letters and digits.", s.PasswordSymbols)
	}
	return problems
}
