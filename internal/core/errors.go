package core

import (
	"errors"
	"time"
)

// Code says what went wrong, once for all faces. Each face has a table from
// Code to its own spelling, and a test that the table is complete.
type Code string

// The catalogue of errors. Any error that is not an [Error] is CodeInternal.
const (
	// CodeInvalid: the request does not have the form that it must have; Fields say where.
	CodeInvalid Code = "invalid"
	// CodeTooLarge: the request is larger than is read.
	CodeTooLarge Code = "too_large"
	// CodeUnsupportedMedia: the body is not of a type that is understood.
	CodeUnsupportedMedia Code = "unsupported_media"
	// CodeNoRoute: there is nothing at this path.
	CodeNoRoute Code = "no_route"
	// CodeNotYet: the path is known and not built yet.
	CodeNotYet Code = "not_yet"
	// CodeMethodNotAllowed: there is something at this path, but not for this method.
	CodeMethodNotAllowed Code = "method_not_allowed"
	// CodeUnauthenticated: the caller's key is missing, unknown, expired or revoked.
	CodeUnauthenticated Code = "unauthenticated"
	// CodeForbidden: the caller's key is good, but not for this.
	CodeForbidden Code = "forbidden"
	// CodeNotFound: what the request names is not in the caller's pool.
	CodeNotFound Code = "not_found"
	// CodeTaken: an identifier belongs to somebody already.
	CodeTaken Code = "taken"
	// CodeConflict: somebody else changed the same thing at the same time.
	CodeConflict Code = "conflict"
	// CodeTokenInvalid: a person's token is unknown, revoked, or of another kind.
	CodeTokenInvalid Code = "token_invalid"
	// CodeTokenExpired: a person's token was good and is past its time.
	CodeTokenExpired Code = "token_expired"
	// CodeTicketInvalid: a one-time code or link is unknown, used, or past its time.
	CodeTicketInvalid Code = "ticket_invalid"
	// CodeWrongCredentials: the password is wrong or the person is not there; which one is never said.
	CodeWrongCredentials Code = "wrong_credentials"
	// CodeWrongCode: the one-time code is not the one that was sent last, or not one that is good now.
	CodeWrongCode Code = "wrong_code"
	// CodeCodeExpired: the one-time code is past its time, or was tried too often: another one has to be sent.
	CodeCodeExpired Code = "code_expired"
	// CodePasskeyRefused: what a passkey has signed is not what it was asked, or it is not one of the person's.
	CodePasskeyRefused Code = "passkey_refused"
	// CodeCaptchaRefused: the captcha was not solved, or its answer is for something else, too old, or used.
	CodeCaptchaRefused Code = "captcha_refused"
	// CodeProviderRefused: a provider did not say who somebody is, or its answer is not one to what it was asked here.
	CodeProviderRefused Code = "provider_refused"
	// CodeOtherWay: who has this address comes in another way than this provider.
	CodeOtherWay Code = "other_way"
	// CodeOtherAddress: the provider speaks of somebody else than the flow is about.
	CodeOtherAddress Code = "other_address"
	// CodeServiceDown: a service elsewhere that the pool relies on cannot be reached, or does not answer as it should.
	CodeServiceDown Code = "service_unavailable"
	// CodeLocked: too many wrong tries for this person; RetryAfter says for how long.
	CodeLocked Code = "locked"
	// CodeDisabled: the person proved who they are, and may not come in.
	CodeDisabled Code = "disabled"
	// CodeSignupClosed: the pool takes no new people by themselves.
	CodeSignupClosed Code = "signup_closed"
	// CodeFlowEnded: the flow is unknown, completed, or past its time.
	CodeFlowEnded Code = "flow_ended"
	// CodeNotOffered: the flow does not offer this choice now.
	CodeNotOffered Code = "not_offered"
	// CodeFlowIncomplete: the flow still needs something before it can complete.
	CodeFlowIncomplete Code = "flow_incomplete"
	// CodeRedirectRefused: the address to return to is not registered.
	CodeRedirectRefused Code = "redirect_refused"
	// CodeAddressRefused: people may not come from the caller's address.
	CodeAddressRefused Code = "address_refused"
	// CodeTravelRefused: the person cannot have come here so fast from where they signed in last.
	CodeTravelRefused Code = "travel_refused"
	// CodePlaceRefused: people, or this person, may not come from this country.
	CodePlaceRefused Code = "place_refused"
	// CodeDomainRefused: people may not come with an e-mail address of this domain.
	CodeDomainRefused Code = "domain_refused"
	// CodeTooMany: a limit on how often something may be done; RetryAfter says for how long.
	CodeTooMany Code = "too_many"
	// CodeBusy: the server has too much to do just now; RetryAfter says when to come back.
	CodeBusy Code = "busy"
	// CodeUnavailable: the database cannot be reached or cannot write.
	CodeUnavailable Code = "unavailable"
	// CodeInternal: a fault of ours.
	CodeInternal Code = "internal"
)

// Codes lists the catalogue, for the tests that each face's table is complete.
func Codes() []Code {
	return []Code{
		CodeInvalid, CodeTooLarge, CodeUnsupportedMedia, CodeNoRoute, CodeNotYet, CodeMethodNotAllowed,
		CodeUnauthenticated, CodeForbidden, CodeNotFound, CodeTaken, CodeConflict, CodeTokenInvalid,
		CodeTokenExpired, CodeTicketInvalid, CodeWrongCredentials, CodeWrongCode, CodeCodeExpired, CodePasskeyRefused, CodeCaptchaRefused, CodeProviderRefused, CodeOtherWay, CodeOtherAddress, CodeServiceDown, CodeLocked, CodeDisabled,
		CodeSignupClosed, CodeFlowEnded, CodeNotOffered, CodeFlowIncomplete, CodeRedirectRefused,
		CodeAddressRefused, CodeTravelRefused, CodePlaceRefused, CodeDomainRefused, CodeTooMany, CodeBusy, CodeUnavailable, CodeInternal,
	}
}

// Error is what rules return. Detail is one sentence for developers; it never
// holds a secret or a database's words. Cause is for the log and never leaves.
type Error struct {
	Code       Code
	Detail     string
	Fields     []Problem
	RetryAfter time.Duration
	Cause      error
}

// Error gives code and detail.
func (e *Error) Error() string {
	s := string(e.Code)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	return s
}

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.Cause }

// Fail makes an [Error] from a code and a sentence.
func Fail(code Code, detail string) *Error { return &Error{Code: code, Detail: detail} }

// CodeOf returns the code of err: CodeInternal for any error that carries none.
func CodeOf(err error) Code {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}

// Is reports whether err carries this code.
func Is(err error, code Code) bool { return err != nil && CodeOf(err) == code }
