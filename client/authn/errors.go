package authn

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Status is the word with which the server says how a request went.
type Status string

// The words of the server, and at the end one of the client's own.
const (
	StatusSuccess               Status = "Success"
	StatusAccepted              Status = "Accepted"              // not done yet: see AuthN.Poll
	StatusValidationError       Status = "ValidationError"       // the request is not valid now; Problems says what is wrong
	StatusUnauthorized          Status = "Unauthorized"          // the service or client token
	StatusNotFound              Status = "NotFound"              // no such user, flow, request or path
	StatusInvalidToken          Status = "InvalidToken"          // a user token, refresh token, code or link that is unknown, used or revoked
	StatusExpiredToken          Status = "ExpiredToken"          // a user or refresh token past its time
	StatusAuthenticationFailure Status = "AuthenticationFailure" // a wrong password, or nobody
	StatusMfaCodeExpired        Status = "MfaCodeExpired"        // a code that has run out; have another one sent
	StatusDisabledUser          Status = "DisabledUser"          // the account is disabled
	StatusTooManyRequests       Status = "TooManyRequests"       // too many wrong tries or requests; RetryAfter says until when
	StatusSignupDisabled        Status = "SignupDisabled"        // nobody may sign up
	StatusConflict              Status = "Conflict"              // another request changed the same thing first
	StatusServiceNotAvailable   Status = "ServiceNotAvailable"   // not just now
	StatusInternalError         Status = "InternalError"         // the server's fault, and in its log

	// StatusTravelDistanceExceeded is of a sign-in too far from the last one for
	// the time between the two.
	StatusTravelDistanceExceeded Status = "TravelDistanceExceeded"

	// StatusUnreadable is of an answer that is not one of this API, such as the
	// page of a proxy. It is no word of the server.
	StatusUnreadable Status = "Unreadable"
)

// Error is an answer that is not a success. Where there was no answer at all,
// a call returns another error, such as that of the network or of the context.
type Error struct {
	Status     Status
	Summary    string // one sentence
	RequestID  string // by which the operator finds the request in the server's log; may be empty if the answer was unreadable
	HTTPStatus int
	Problems   []Problem // what is wrong with the request, all of it; mostly with StatusValidationError
	// CorrectProvider is how the person with the address Email does come in, where
	// another provider has named them: a provider, or a type of authenticator.
	// IncorrectEmail is the address that the provider gave, where it is not the
	// flow's.
	CorrectProvider string
	Email           string
	IncorrectEmail  string
	RetryAfter      time.Duration // from when on it makes sense to try again; 0 if the server did not say

	cause error
}

// Problem is one thing that is wrong with a request.
type Problem struct {
	Code   string `json:"code"`   // a word such as FieldRequired
	Detail string `json:"detail"` // one sentence
	Source string `json:"source"` // a JSON pointer into the request's body, such as /data/password; empty for the whole of it
}

// Error says in one line what the server has answered. It holds no token and
// no password.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "authn: %s (HTTP %d): %s", e.Status, e.HTTPStatus, e.Summary)
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "; %s", p.Code)
		if p.Source != "" {
			fmt.Fprintf(&b, " at %s", p.Source)
		}
		if p.Detail != "" && p.Detail != e.Summary {
			fmt.Fprintf(&b, ": %s", p.Detail)
		}
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " [%s]", e.RequestID)
	}
	return b.String()
}

// Unwrap returns why an answer could not be read, or nil.
func (e *Error) Unwrap() error { return e.cause }

// IsStatus says whether err is, or wraps, an [*Error] with one of these words.
func IsStatus(err error, statuses ...Status) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && slices.Contains(statuses, e.Status)
}

// HasProblem says whether err is, or wraps, an [*Error] with a problem of this
// code at this source: HasProblem(err, "ItemNotUnique", "/email").
func HasProblem(err error, code, source string) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && slices.ContainsFunc(e.Problems, func(p Problem) bool { return p.Code == code && p.Source == source })
}
