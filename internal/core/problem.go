package core

// Problem is one thing wrong with one field of a request.
type Problem struct {
	Code    ProblemCode
	Pointer string // RFC 6901, into the request body; "" is the body itself
	Detail  string // one sentence
}

// ProblemCode says what is wrong with a field.
type ProblemCode string

// What can be wrong with a field.
const (
	ProblemRequired     ProblemCode = "required"
	ProblemUnknown      ProblemCode = "unknown"      // no such key
	ProblemType         ProblemCode = "type"         // not of the right JSON type; Detail names it
	ProblemText         ProblemCode = "text"         // not a string
	ProblemInteger      ProblemCode = "integer"      // not a whole number
	ProblemBoolean      ProblemCode = "boolean"      // not true or false
	ProblemObject       ProblemCode = "object"       // not an object
	ProblemArray        ProblemCode = "array"        // not an array
	ProblemFormat       ProblemCode = "format"       // does not match its pattern
	ProblemEmail        ProblemCode = "email"        // not an e-mail address
	ProblemTime         ProblemCode = "time"         // not an RFC 3339 time
	ProblemURI          ProblemCode = "uri"          // not a URI of an allowed kind
	ProblemChoice       ProblemCode = "choice"       // not one of the allowed values
	ProblemTooShort     ProblemCode = "too_short"    // below the least length
	ProblemTooLong      ProblemCode = "too_long"     // above the greatest length
	ProblemTooSmall     ProblemCode = "too_small"    // below the least value
	ProblemTooLarge     ProblemCode = "too_large"    // above the greatest value
	ProblemNotThere     ProblemCode = "not_there"    // names something that does not exist
	ProblemProvideOne   ProblemCode = "provide_one"  // one of several keys is needed
	ProblemExclusive    ProblemCode = "exclusive"    // several keys that exclude each other
	ProblemState        ProblemCode = "state"        // not possible now
	ProblemPolicy       ProblemCode = "policy"       // breaks a rule of the pool
	ProblemTaken        ProblemCode = "taken"        // belongs to somebody already
	ProblemNotReadable  ProblemCode = "not_readable" // the body is not JSON as we read it
	ProblemUnregistered ProblemCode = "unregistered" // an address that is not registered
)

// ProblemCodes lists them all, for the tests that each face's table is complete.
func ProblemCodes() []ProblemCode {
	return []ProblemCode{
		ProblemRequired, ProblemUnknown, ProblemType, ProblemText, ProblemInteger, ProblemBoolean, ProblemObject, ProblemArray, ProblemFormat, ProblemEmail, ProblemTime, ProblemURI,
		ProblemChoice, ProblemTooShort, ProblemTooLong, ProblemTooSmall, ProblemTooLarge, ProblemNotThere,
		ProblemProvideOne, ProblemExclusive, ProblemState, ProblemPolicy, ProblemTaken, ProblemNotReadable,
		ProblemUnregistered,
	}
}

// maxProblems is how many problems are told of: a small request must not make
// a large answer.
const maxProblems = 20

// Invalid makes an [Error] of CodeInvalid with these problems, or with the
// first of very many.
func Invalid(problems ...Problem) *Error {
	problems = problems[:min(len(problems), maxProblems)]
	return &Error{Code: CodeInvalid, Fields: problems}
}
